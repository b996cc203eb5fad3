package mtsics

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// A weight field is 10 wide in the manual; some industrial terminals print 11.
const (
	narrowField = 10
	wideField   = 11
)

// places is how many decimals of a unit make micrograms.
func places(unit []byte) (name string, n int, ok bool) {
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

// decodeWeight reads a right-aligned number, one blank and a unit.
func decodeWeight(tail []byte) (Weight, error) {
	i := bytes.LastIndexByte(tail, ' ')
	if i < 0 || i == len(tail)-1 {
		return Weight{}, ErrSyntax
	}
	field, unit := tail[:i], tail[i+1:]
	if len(field) != narrowField && len(field) != wideField {
		return Weight{}, ErrSyntax
	}
	number := bytes.TrimLeft(field, " ")
	if !isNumber(number) {
		return Weight{}, ErrSyntax
	}
	name, scale, ok := places(unit)
	if !ok {
		return Weight{}, ErrUnit
	}
	value, decimals, ok := parseFixed(number, scale)
	if !ok {
		return Weight{}, ErrUnit
	}
	return Weight{Value: measure.Weight(value), Decimals: decimals, Unit: name, Width: len(field)}, nil
}

// isNumber reports whether b is -?(0|[1-9][0-9]*)(\.[0-9]+)?.
func isNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	whole, frac, point := bytes.Cut(b, []byte{'.'})
	if !digits(whole) || (len(whole) > 1 && whole[0] == '0') {
		return false
	}
	return !point || digits(frac)
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// parseFixed returns the number times 10^scale, exactly. The field is at most 11 wide, so nothing overflows before
// the scaling, which is checked.
func parseFixed(b []byte, scale int) (value int64, decimals int, ok bool) {
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
	if decimals > scale {
		return 0, 0, false
	}
	for range scale - decimals {
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

// print writes w as a balance does; it is the inverse of decodeWeight.
func (w Weight) print() (string, error) {
	_, scale, ok := places([]byte(w.Unit))
	if !ok || w.Decimals < 0 || w.Decimals > scale || (w.Width != narrowField && w.Width != wideField) {
		return "", fmt.Errorf("weight %+v: %w", w, ErrUnit)
	}
	n := int64(w.Value)
	for range scale - w.Decimals {
		if n%10 != 0 {
			return "", fmt.Errorf("weight %+v is finer than its decimals: %w", w, ErrUnit)
		}
		n /= 10
	}
	text := fixed(n, w.Decimals)
	if len(text) > w.Width {
		return "", fmt.Errorf("weight %+v does not fit its field: %w", w, ErrUnit)
	}
	return strings.Repeat(" ", w.Width-len(text)) + text + " " + w.Unit, nil
}

// fixed prints n·10^-decimals with exactly that many decimals.
func fixed(n int64, decimals int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	text := strconv.FormatInt(n, 10)
	if len(text) <= decimals {
		text = strings.Repeat("0", decimals-len(text)+1) + text
	}
	if decimals == 0 {
		return sign + text
	}
	return sign + text[:len(text)-decimals] + "." + text[len(text)-decimals:]
}
