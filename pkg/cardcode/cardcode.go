package cardcode

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what carries the code.
type Kind byte

// The kinds.
const (
	Patient Kind = 'P'
	Staff   Kind = 'S'
	Bottle  Kind = 'B'
)

// Valid reports whether k is one of the kinds.
func (k Kind) Valid() bool { return k == Patient || k == Staff || k == Bottle }

// Bounds of a code.
const (
	MaxClinic = 99
	MaxSerial = 999_999
	Length    = 11
)

// What can be wrong with a code. Match them with errors.Is. None of them repeats the text: it may be a patient's.
var (
	ErrShape = errors.New("not a card code: one letter and ten digits are expected")
	ErrKind  = errors.New("card code of an unknown kind")
	ErrCheck = errors.New("card code with wrong check digits")
	ErrRange = errors.New("card code out of range")
)

// Code is what a card or label says.
type Code struct {
	Kind   Kind
	Clinic int // 0–99
	Serial int // 0–999999
}

// New returns a code, ErrKind for an unknown kind, or ErrRange when a number does not fit.
func New(kind Kind, clinic, serial int) (Code, error) {
	switch {
	case !kind.Valid():
		return Code{}, ErrKind
	case clinic < 0 || clinic > MaxClinic:
		return Code{}, fmt.Errorf("clinic %d: %w", clinic, ErrRange)
	case serial < 0 || serial > MaxSerial:
		return Code{}, fmt.Errorf("serial %d: %w", serial, ErrRange)
	}
	return Code{Kind: kind, Clinic: clinic, Serial: serial}, nil
}

// String returns the text of c with its check digits. c comes from [New] or [Parse].
func (c Code) String() string {
	body := fmt.Sprintf("%c%02d%06d", c.Kind, c.Clinic, c.Serial)
	return body + CheckDigits(body)
}

// Format returns the text of a code. It panics when the kind is unknown or a number does not fit; where the numbers come
// from outside or grow, use [New].
func Format(kind Kind, clinic, serial int) string {
	c, err := New(kind, clinic, serial)
	if err != nil {
		panic(err)
	}
	return c.String()
}

// Parse reads a code. Small letters, as typed by hand, are read as capitals; nothing else is forgiven, not even a blank.
// It reports ErrShape for anything but a letter and ten digits, then ErrKind, then ErrCheck.
func Parse(text string) (Code, error) {
	if !hasShape(text) {
		return Code{}, ErrShape
	}
	text = strings.ToUpper(text) // all ASCII by now
	kind, body := Kind(text[0]), text[:Length-2]
	switch {
	case !kind.Valid():
		return Code{}, ErrKind
	case text[Length-2:] != CheckDigits(body):
		return Code{}, ErrCheck
	}
	return Code{Kind: kind, Clinic: number(body[1:3]), Serial: number(body[3:])}, nil
}

func hasShape(text string) bool {
	if len(text) != Length || !isLetter(text[0]) {
		return false
	}
	for i := 1; i < Length; i++ {
		if !isDigit(text[i]) {
			return false
		}
	}
	return true
}

// CheckDigits returns the two ISO 7064 MOD 97-10 check digits of text, which holds ASCII letters and digits only; other
// characters are passed over.
func CheckDigits(text string) string {
	rest := 0
	for i := range len(text) {
		switch c := text[i]; {
		case isDigit(c):
			rest = (rest*10 + int(c-'0')) % 97
		case isLetter(c):
			rest = (rest*100 + int(c&^0x20-'A') + 10) % 97
		}
	}
	return fmt.Sprintf("%02d", 98-rest*100%97)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' }

// number reads digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}
