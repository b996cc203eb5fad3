package secret

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// Cost is what one Argon2id hash takes. Costs are stored in each hash, so raising them leaves old hashes valid.
type Cost struct {
	MemoryKiB  uint32
	Iterations uint32
}

// The costs of a server. A password is typed once a shift; a PIN dozens of times, with a patient waiting. PINCost is the
// smaller configuration of OWASP's password storage cheat sheet.
var (
	PasswordCost = Cost{MemoryKiB: 64 << 10, Iterations: 2}
	PINCost      = Cost{MemoryKiB: 19 << 10, Iterations: 2}
)

// DefaultGate is how many hashes may be computed at once.
const DefaultGate = 2

// Gate bounds how many hashes are computed at once: each takes its memory while it runs, and a burst of sign-ins must
// not take the server's.
type Gate chan struct{}

// NewGate returns a gate that n hashes may pass at once.
func NewGate(n int) Gate { return make(Gate, n) }

// Argon is a hasher of one kind of secret. It is safe for concurrent use.
type Argon struct {
	gate   Gate
	params argon2id.Params
	pepper []byte // nil for none
}

// NewPasswords returns a hasher of passwords.
func NewPasswords(g Gate, c Cost) *Argon { return newArgon(g, c, nil) }

// NewPINs returns a hasher of PINs, keyed with pepper.
func NewPINs(g Gate, c Cost, pepper []byte) *Argon { return newArgon(g, c, pepper) }

func newArgon(g Gate, c Cost, pepper []byte) *Argon {
	return &Argon{gate: g, pepper: pepper, params: argon2id.Params{
		Memory: c.MemoryKiB, Iterations: c.Iterations, Parallelism: 1, SaltLength: 16, KeyLength: 32,
	}}
}

// Hash returns the hash of a secret as a PHC string. It waits for the gate as long as ctx lives.
func (a *Argon) Hash(ctx context.Context, plain string) (string, error) {
	if err := a.enter(ctx); err != nil {
		return "", err
	}
	defer a.leave()
	return argon2id.CreateHash(a.prepare(plain), &a.params)
}

// Verify reports whether plain is the secret behind a hash. A hash that cannot be read is an error.
func (a *Argon) Verify(ctx context.Context, plain, phc string) (bool, error) {
	if err := a.enter(ctx); err != nil {
		return false, err
	}
	defer a.leave()
	ok, err := argon2id.ComparePasswordAndHash(a.prepare(plain), phc)
	if err != nil {
		return false, fmt.Errorf("stored hash: %w", err)
	}
	return ok, nil
}

// prepare brings the text into the one form that every keyboard's text has (Vietnamese letters can be typed composed or
// decomposed), and keys it where there is a pepper.
func (a *Argon) prepare(plain string) string {
	plain = norm.NFC.String(plain)
	if a.pepper == nil {
		return plain
	}
	mac := hmac.New(sha256.New, a.pepper)
	mac.Write([]byte(plain))
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

func (a *Argon) enter(ctx context.Context) error {
	select {
	case a.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Argon) leave() { <-a.gate }
