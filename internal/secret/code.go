package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// alphabet has 32 signs without those that look alike on a screen or sound alike on the telephone: no I, L, O, U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// codeGroups times codeGroup signs of five bits each: 60 bits, beyond guessing in the minutes that a code lives.
const (
	codeGroups = 3
	codeGroup  = 4
)

// Codes makes one-time codes. The zero value is ready.
type Codes struct{}

// New returns a fresh code such as "7K2M-PX4D-0QRV".
func (Codes) New() (string, error) {
	b := make([]byte, codeGroups*codeGroup)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	var code strings.Builder
	for i, v := range b {
		if i > 0 && i%codeGroup == 0 {
			code.WriteByte('-')
		}
		code.WriteByte(alphabet[v&31])
	}
	return code.String(), nil
}

// Hash returns what is stored of a code. Case, blanks and hyphens do not count, and O, I and L are read as the digits
// they are taken for. A code has too much randomness to need a slow hash.
func (Codes) Hash(code string) string {
	sum := sha256.Sum256([]byte(strings.Map(codeSign, code)))
	return hex.EncodeToString(sum[:])
}

// Match reports, in constant time, whether code is the one behind a hash. No code matches the empty hash.
func (c Codes) Match(code, hash string) bool {
	return hash != "" && subtle.ConstantTimeCompare([]byte(c.Hash(code)), []byte(hash)) == 1
}

func codeSign(r rune) rune {
	switch {
	case r == '-' || r == ' ':
		return -1
	case r >= 'a' && r <= 'z':
		r -= 'a' - 'A'
	}
	switch r {
	case 'O':
		return '0'
	case 'I', 'L':
		return '1'
	}
	return r
}
