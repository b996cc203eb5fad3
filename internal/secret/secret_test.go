package secret_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/lieu-clinic/lieu/internal/secret"
)

var cheap = secret.Cost{MemoryKiB: 64, Iterations: 1}

func key(b byte) []byte { return bytes.Repeat([]byte{b}, secret.KeySize) }

func TestPasswordsVerify(t *testing.T) {
	h := secret.NewPasswords(secret.NewGate(2), cheap)
	hash, err := h.Hash(t.Context(), "m\u1eadt kh\u1ea9u d\u00e0i") // composed letters
	if err != nil {
		t.Fatal(err)
	}
	for plain, want := range map[string]bool{
		"m\u1eadt kh\u1ea9u d\u00e0i":                true,
		"ma\u0323\u0302t kha\u0302\u0309u da\u0300i": true, // the same letters, decomposed
		"m\u1eadt kh\u1ea9u d\u00e0i ":               false,
		"":                                           false,
		"mat khau dai":                               false,
	} {
		if ok, err := h.Verify(t.Context(), plain, hash); err != nil || ok != want {
			t.Errorf("verify %q: %v, %v; want %v", plain, ok, err, want)
		}
	}
	if _, err := h.Verify(t.Context(), "x", "not a hash"); err == nil {
		t.Error("an unreadable hash verified without an error")
	}
}

func TestPINsNeedTheirPepper(t *testing.T) {
	gate := secret.NewGate(1)
	hash, err := secret.NewPINs(gate, cheap, key(1)).Hash(t.Context(), "7391")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := secret.NewPINs(gate, cheap, key(1)).Verify(t.Context(), "7391", hash); !ok {
		t.Error("the right PIN was refused")
	}
	if ok, _ := secret.NewPINs(gate, cheap, key(2)).Verify(t.Context(), "7391", hash); ok {
		t.Error("another pepper accepted the PIN")
	}
	if ok, _ := secret.NewPasswords(gate, cheap).Verify(t.Context(), "7391", hash); ok {
		t.Error("no pepper accepted the PIN")
	}
}

func TestFullGateObeysTheContext(t *testing.T) {
	gate := secret.NewGate(1)
	gate <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := secret.NewPasswords(gate, cheap).Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("hash behind a full gate: %v", err)
	}
}

func TestSealedTextOpensOnlyWhereItBelongs(t *testing.T) {
	s, err := secret.NewSealer(key(9), secret.Key{ID: 1, Bytes: key(1)})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Seal([]byte("001099012345"), []byte("patient-a"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("001099012345")) {
		t.Fatal("the text is readable")
	}
	if plain, err := s.Open(sealed, []byte("patient-a")); err != nil || string(plain) != "001099012345" {
		t.Errorf("open: %q, %v", plain, err)
	}
	if _, err := s.Open(sealed, []byte("patient-b")); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("open in another record: %v", err)
	}
	for i := range sealed {
		bent := bytes.Clone(sealed)
		bent[i] ^= 1
		if _, err := s.Open(bent, []byte("patient-a")); !errors.Is(err, secret.ErrSealed) {
			t.Fatalf("open with byte %d changed: %v", i, err)
		}
	}
	for n := range sealed {
		if _, err := s.Open(sealed[:n], []byte("patient-a")); !errors.Is(err, secret.ErrSealed) {
			t.Fatalf("open of %d bytes: %v", n, err)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	first, second := secret.Key{ID: 1, Bytes: key(1)}, secret.Key{ID: 2, Bytes: key(2)}
	before, _ := secret.NewSealer(key(9), first)
	after, err := secret.NewSealer(key(9), second, first)
	if err != nil {
		t.Fatal(err)
	}
	old, _ := before.Seal([]byte("text"), nil)
	if plain, err := after.Open(old, nil); err != nil || string(plain) != "text" {
		t.Errorf("old text under the new ring: %q, %v", plain, err)
	}
	fresh, _ := after.Seal([]byte("text"), nil)
	if after.Current(old) || !after.Current(fresh) {
		t.Error("Current does not tell old from new")
	}
	if _, err := before.Open(fresh, nil); !errors.Is(err, secret.ErrSealed) {
		t.Errorf("new text under the old ring: %v", err)
	}
	if !bytes.Equal(before.Fingerprint("x"), after.Fingerprint("x")) {
		t.Error("a fingerprint changed with the sealing key")
	}
	if bytes.Equal(before.Fingerprint("x"), before.Fingerprint("y")) {
		t.Error("two texts have one fingerprint")
	}
}

func TestUnusableKeysAreRefused(t *testing.T) {
	for name, make := range map[string]func() error{
		"short sealing key": func() error { _, err := secret.NewSealer(key(9), secret.Key{ID: 1, Bytes: key(1)[:16]}); return err },
		"two keys of one id": func() error {
			_, err := secret.NewSealer(key(9), secret.Key{ID: 1, Bytes: key(1)}, secret.Key{ID: 1, Bytes: key(2)})
			return err
		},
		"short fingerprint key": func() error { _, err := secret.NewSealer(nil, secret.Key{ID: 1, Bytes: key(1)}); return err },
		"short master key":      func() error { _, err := secret.Derive(key(1)[:31], secret.ForPINs); return err },
	} {
		if err := make(); !errors.Is(err, secret.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, _ := secret.Derive(key(1), secret.ForPINs)
	b, _ := secret.Derive(key(1), secret.ForSealing)
	if len(a) != secret.KeySize || bytes.Equal(a, b) {
		t.Error("two purposes share a key")
	}
}

func TestCodes(t *testing.T) {
	var codes secret.Codes
	code, err := codes.New()
	if err != nil || len(code) != 14 || code[4] != '-' || code[9] != '-' {
		t.Fatalf("code %q, %v", code, err)
	}
	if other, _ := codes.New(); other == code {
		t.Error("two codes are equal")
	}
	hash := codes.Hash("7K2M-PX4D-0QR1")
	for _, typed := range []string{"7K2M-PX4D-0QR1", "7k2mpx4d0qr1", " 7K2M PX4D OQRL"} {
		if !codes.Match(typed, hash) {
			t.Errorf("%q does not match", typed)
		}
	}
	if codes.Match("7K2M-PX4D-0QR2", hash) || codes.Match("", "") {
		t.Error("a wrong code matches")
	}
}
