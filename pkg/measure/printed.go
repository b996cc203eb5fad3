package measure

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// ErrUnit reports a weight in a unit that is not used for dosing: not g, kg or mg, or finer than a microgram.
var ErrUnit = errors.New("weight in a unit that is not used for dosing")

// Printed is a weight in the form in which a balance printed it. The form is part of what was said: the decimals are
// the resolution claimed, and a balance keeps to one form, so a change betrays a lost or an added byte.
type Printed struct {
	Value    Weight
	Decimals int    // in Unit
	Unit     string // "g", "kg" or "mg"
}

// maxPrinted is the longest number that is taken, so that no digit overflows before the scaling, which is checked.
const maxPrinted = 18

// ParsePrinted reads an optional minus, digits, and perhaps a point and more digits, as instruments print them, in g,
// kg or mg. Leading zeros are taken: some balances pad with them. Signs apart from the digits, a plus, brackets and
// exponents are the codec's to take off or to refuse. It reports ErrSyntax for another number, ErrUnit for another
// unit, and for a value that is no whole number of micrograms or does not fit. It does not allocate.
func ParsePrinted(number, unit []byte) (Printed, error) {
	name, places, ok := printedUnit(unit)
	switch {
	case !printedNumber(number):
		return Printed{}, ErrSyntax
	case !ok:
		return Printed{}, ErrUnit
	}
	value, decimals, ok := scaled(number, places)
	if !ok {
		return Printed{}, ErrUnit
	}
	return Printed{Value: Weight(value), Decimals: decimals, Unit: name}, nil
}

// printedUnit is the unit's name and how many of its decimals make micrograms.
func printedUnit(unit []byte) (name string, places int, ok bool) {
	switch string(unit) {
	case "g":
		return "g", 6, true
	case "kg":
		return "kg", 9, true
	case "mg":
		return "mg", 3, true
	}
	return "", 0, false
}

func printedNumber(b []byte) bool {
	if len(b) > maxPrinted {
		return false
	}
	b = bytes.TrimPrefix(b, []byte{'-'})
	whole, frac, point := bytes.Cut(b, []byte{'.'})
	return digits(whole) && (!point || digits(frac))
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// scaled returns the number times 10^places, exactly.
func scaled(b []byte, places int) (value int64, decimals int, ok bool) {
	negative, point := false, false
	for _, c := range b {
		switch c {
		case '-':
			negative = true
		case '.':
			point = true
		default:
			value = value*10 + int64(c-'0')
			if point {
				decimals++
			}
		}
	}
	if decimals > places {
		return 0, 0, false
	}
	for range places - decimals {
		if value > math.MaxInt64/10 {
			return 0, 0, false
		}
		value *= 10
	}
	if negative {
		value = -value
	}
	return value, decimals, true
}

// Number prints p's value with exactly its decimals and without its unit: "-0.50". It reports ErrUnit when the unit is
// none of g, kg and mg, and when the value is finer than the decimals.
func (p Printed) Number() (string, error) {
	_, places, ok := printedUnit([]byte(p.Unit))
	if !ok || p.Decimals < 0 || p.Decimals > places {
		return "", fmt.Errorf("weight %+v: %w", p, ErrUnit)
	}
	n := int64(p.Value)
	for range places - p.Decimals {
		if n%10 != 0 {
			return "", fmt.Errorf("weight %+v is finer than its decimals: %w", p, ErrUnit)
		}
		n /= 10
	}
	return fixed(n, p.Decimals), nil
}

// fixed prints n·10^-decimals with exactly that many decimals.
func fixed(n int64, decimals int) string {
	sign, text := "", strconv.FormatInt(n, 10)
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for len(text) <= decimals {
		text = "0" + text
	}
	if decimals == 0 {
		return sign + text
	}
	return sign + text[:len(text)-decimals] + "." + text[len(text)-decimals:]
}
