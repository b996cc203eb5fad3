package staff

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// Bounds of what identifies a person.
const (
	MinPassword   = 10  // characters
	MaxPassword   = 128 // bytes
	MinPIN        = 4   // digits
	MaxPIN        = 8
	MaxNameLength = 120 // characters
)

var username = regexp.MustCompile(`^[a-z][a-z0-9._-]{2,31}$`)

// FoldUsername brings a typed username into the form that is stored.
func FoldUsername(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }

func checkUsername(name string) error {
	if !username.MatchString(name) {
		return fault.New(fault.Invalid, "staff.username", "a username is 3–32 of a–z, 0–9, dot, hyphen, underscore, from a letter on")
	}
	return nil
}

func checkName(name string) error {
	if name == "" || name != strings.TrimSpace(name) || utf8.RuneCountInString(name) > MaxNameLength ||
		strings.ContainsFunc(name, unicode.IsControl) {
		return fault.New(fault.Invalid, "staff.name", "name is empty, too long, or has stray blanks or control characters")
	}
	return nil
}

func checkRoles(roles []Role) error {
	if len(roles) == 0 {
		return fault.New(fault.Invalid, "staff.roles", "a person has at least one role")
	}
	for i, r := range roles {
		if !slices.Contains(Roles, r) || slices.Contains(roles[:i], r) {
			return fault.New(fault.Invalid, "staff.roles", "role %q is unknown or named twice", r)
		}
	}
	return nil
}

// checkPassword asks for length, which helps, and not for signs of several kinds, which does not.
func checkPassword(password, username string) error {
	switch {
	case utf8.RuneCountInString(password) < MinPassword || len(password) > MaxPassword || !utf8.ValidString(password):
		return fault.New(fault.Invalid, "staff.password_length", "a password has %d characters to %d bytes", MinPassword, MaxPassword)
	case username != "" && strings.Contains(strings.ToLower(password), username), distinct(password) < 4:
		return fault.New(fault.Invalid, "staff.password_weak", "the password is the username or a few repeated characters")
	}
	return nil
}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// checkPIN refuses what a bystander would try first: one digit repeated, a pattern repeated, digits in order, a date's
// year.
func checkPIN(pin string) error {
	if len(pin) < MinPIN || len(pin) > MaxPIN || strings.ContainsFunc(pin, func(r rune) bool { return r < '0' || r > '9' }) {
		return fault.New(fault.Invalid, "staff.pin_length", "a PIN has %d to %d digits", MinPIN, MaxPIN)
	}
	if runs(pin, 0) || runs(pin, 1) || runs(pin, -1) || repeats(pin) || likeYear(pin) {
		return fault.New(fault.Invalid, "staff.pin_weak", "the PIN is a repeat, a sequence or a year")
	}
	return nil
}

// runs reports whether each digit is step above the one before, round the clock: 7890 is a sequence too.
func runs(pin string, step int) bool {
	for i := 1; i < len(pin); i++ {
		if (int(pin[i])-int(pin[i-1])-step+20)%10 != 0 {
			return false
		}
	}
	return true
}

// repeats reports whether the PIN is one shorter pattern over and over: 1212, 123123.
func repeats(pin string) bool {
	for n := 1; n <= len(pin)/2; n++ {
		if len(pin)%n == 0 && pin == strings.Repeat(pin[:n], len(pin)/n) {
			return true
		}
	}
	return false
}

func likeYear(pin string) bool {
	return len(pin) == 4 && (strings.HasPrefix(pin, "19") || strings.HasPrefix(pin, "20"))
}
