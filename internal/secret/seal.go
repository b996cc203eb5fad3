package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the length of every key in bytes.
const KeySize = 32

// Errors of keys and sealed texts.
var (
	ErrKey    = errors.New("key is not usable")
	ErrSealed = errors.New("sealed text cannot be opened")
)

// The purposes of derived keys. A purpose is part of its key: changing the text changes the key.
const (
	ForSealing      = "lieu seal v1"
	ForFingerprints = "lieu fingerprint v1"
	ForPINs         = "lieu pin v1"
	ForSessions     = "lieu session v1"
)

// Derive makes the key of one purpose from a master key of 32 bytes.
func Derive(master []byte, purpose string) ([]byte, error) {
	if len(master) != KeySize {
		return nil, fmt.Errorf("master key of %d bytes: %w", len(master), ErrKey)
	}
	return hkdf.Key(sha256.New, master, nil, purpose, KeySize)
}

// Key is one sealing key. Its ID is the first byte of everything that it sealed and is never used for another key.
type Key struct {
	ID    byte
	Bytes []byte
}

// Sealer seals small texts with AES-256-GCM and makes keyed fingerprints of them. It is safe for concurrent use.
type Sealer struct {
	current byte
	aeads   map[byte]cipher.AEAD
	mark    []byte
}

// NewSealer returns a Sealer that seals with current and opens what current or any older key sealed. The fingerprint
// key is separate, because fingerprints can be compared only while it stays the same.
func NewSealer(fingerprint []byte, current Key, older ...Key) (*Sealer, error) {
	if len(fingerprint) != KeySize {
		return nil, fmt.Errorf("fingerprint key of %d bytes: %w", len(fingerprint), ErrKey)
	}
	s := &Sealer{current: current.ID, aeads: make(map[byte]cipher.AEAD, 1+len(older)), mark: fingerprint}
	for _, k := range append([]Key{current}, older...) {
		if err := s.add(k); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Sealer) add(k Key) error {
	if _, twice := s.aeads[k.ID]; twice || len(k.Bytes) != KeySize {
		return fmt.Errorf("sealing key %d: %w", k.ID, ErrKey)
	}
	block, err := aes.NewCipher(k.Bytes)
	if err != nil {
		return fmt.Errorf("sealing key %d: %w", k.ID, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("sealing key %d: %w", k.ID, err)
	}
	s.aeads[k.ID] = aead
	return nil
}

// Seal encrypts plain. It opens only together with the same bound bytes, so that a sealed text copied into another
// record is of no use there.
func (s *Sealer) Seal(plain, bound []byte) ([]byte, error) {
	aead := s.aeads[s.current]
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	out[0] = s.current
	nonce := out[1:]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("nonce: %w", err)
	}
	return aead.Seal(out, nonce, plain, bind(s.current, bound)), nil
}

// Open decrypts what Seal made. It reports ErrSealed when the key is not here, or text or bound bytes were changed.
func (s *Sealer) Open(sealed, bound []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, ErrSealed
	}
	aead, ok := s.aeads[sealed[0]]
	if !ok {
		return nil, fmt.Errorf("key %d is not loaded: %w", sealed[0], ErrSealed)
	}
	rest := sealed[1:]
	if len(rest) < aead.NonceSize() {
		return nil, ErrSealed
	}
	nonce, text := rest[:aead.NonceSize()], rest[aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, text, bind(sealed[0], bound))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Current reports whether the text was sealed with the current key; if not, it is due to be sealed again.
func (s *Sealer) Current(sealed []byte) bool { return len(sealed) > 0 && sealed[0] == s.current }

// Fingerprint returns the keyed hash of a text.
func (s *Sealer) Fingerprint(text string) []byte {
	mac := hmac.New(sha256.New, s.mark)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func bind(id byte, bound []byte) []byte { return append([]byte{id}, bound...) }
