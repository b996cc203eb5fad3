package gs1

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/checkchar"
)

// GS ends a field of variable length: it is what FNC1 inside a symbol becomes.
const GS = "\x1d"

// Application identifiers that the clinic asks for.
const (
	SSCC       = "00"
	GTIN       = "01"
	Batch      = "10"
	Production = "11"
	BestBefore = "15"
	Expiry     = "17"
	Serial     = "21"
)

// What can be wrong with an element string. Match with errors.Is; the wrapped text names the field.
var (
	ErrEmpty      = errors.New("empty code")
	ErrCarrier    = errors.New("not a GS1 symbol")
	ErrUnknownAI  = errors.New("unknown application identifier")
	ErrShort      = errors.New("field is too short")
	ErrLong       = errors.New("field is too long")
	ErrCharacter  = errors.New("character outside the set of the field")
	ErrCheckDigit = errors.New("wrong check digit")
	ErrDate       = errors.New("impossible date")
	ErrRepeated   = errors.New("field occurs twice")
	ErrSeparator  = errors.New("separator where none may be")
)

// content is what a field may hold.
type content int

const (
	numeric content = iota
	text            // of the 82 characters of GS1
	date            // YYMMDD
	checked         // digits, the last of them a check digit
)

// field is the rule of one application identifier.
type field struct {
	min, max int // characters
	content  content
	// predefined fields need no separator after them: their length follows from the identifier's first two digits.
	predefined bool
}

// fieldOf is the table of application identifiers. It knows those that are found on medicines and in their trade.
func fieldOf(ai string) (field, bool) {
	switch ai {
	case "00":
		return field{18, 18, checked, true}, true
	case "01", "02":
		return field{14, 14, checked, true}, true
	case "11", "12", "13", "15", "16", "17":
		return field{6, 6, date, true}, true
	case "20":
		return field{2, 2, numeric, true}, true
	case "10", "21", "22":
		return field{1, 20, text, false}, true
	case "30", "37":
		return field{1, 8, numeric, false}, true
	case "240", "241", "250", "251", "400":
		return field{1, 30, text, false}, true
	case "410", "411", "412", "413", "414", "415", "416", "417":
		return field{13, 13, checked, true}, true
	case "710", "711", "712", "713", "714", "715": // national numbers of medicines
		return field{1, 20, text, false}, true
	}
	if isMeasure(ai) {
		return field{6, 6, numeric, true}, true
	}
	return field{}, false
}

// isMeasure reports whether ai is one of 3100 to 3699: trade measures, the last digit being the decimal point's place.
func isMeasure(ai string) bool {
	return len(ai) == 4 && ai[0] == '3' && '1' <= ai[1] && ai[1] <= '6' && digits(ai)
}

// identify finds the application identifier that text begins with. No known identifier is the beginning of another.
func identify(text string) (ai string, f field, err error) {
	for n := 2; n <= 4 && n <= len(text); n++ {
		if f, ok := fieldOf(text[:n]); ok {
			return text[:n], f, nil
		}
	}
	return "", field{}, ErrUnknownAI
}

// check reports what is wrong with value.
func (f field) check(value string) error {
	switch {
	case len(value) < f.min:
		return ErrShort
	case len(value) > f.max:
		return ErrLong
	case f.content == text && !inSet(value), f.content != text && !digits(value):
		return ErrCharacter
	case f.content == checked && !checkchar.Mod10.Valid(value):
		return ErrCheckDigit
	}
	return nil
}

// inSet reports whether all of s is in the character set 82 of GS1.
func inSet(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c > 'z' || strings.IndexByte("#$@[\\]^`", c) >= 0 {
			return false
		}
	}
	return true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Article returns the article number of an EAN-8, UPC-A, EAN-13 or GTIN-14 as the fourteen digits that AI 01 carries.
func Article(number string) (string, error) {
	switch len(number) {
	case 8, 12, 13, 14:
	default:
		return "", fmt.Errorf("article number of %d characters: %w", len(number), ErrShort)
	}
	if !digits(number) {
		return "", fmt.Errorf("article number: %w", ErrCharacter)
	}
	if !checkchar.Mod10.Valid(number) {
		return "", fmt.Errorf("article number: %w", ErrCheckDigit)
	}
	return strings.Repeat("0", 14-len(number)) + number, nil
}
