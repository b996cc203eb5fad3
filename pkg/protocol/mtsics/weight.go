package mtsics

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// A weight field is 10 wide in the manual; some industrial terminals print 11.
const (
	narrowField = 10
	wideField   = 11
)

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
	if zeroPadded(number) {
		return Weight{}, ErrSyntax
	}
	p, err := measure.ParsePrinted(number, unit)
	switch {
	case errors.Is(err, measure.ErrUnit):
		return Weight{}, ErrUnit
	case err != nil:
		return Weight{}, ErrSyntax
	}
	return Weight{Printed: p, Width: len(field)}, nil
}

// zeroPadded reports whether b begins with a zero that this balance does not print.
func zeroPadded(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{'-'})
	return len(b) > 1 && b[0] == '0' && b[1] != '.'
}

// print writes w as a balance does; it is the inverse of decodeWeight.
func (w Weight) print() (string, error) {
	text, err := w.Number()
	if err != nil {
		return "", err
	}
	if w.Width != narrowField && w.Width != wideField || len(text) > w.Width {
		return "", fmt.Errorf("weight %+v does not fit its field: %w", w, ErrUnit)
	}
	return strings.Repeat(" ", w.Width-len(text)) + text + " " + w.Unit, nil
}
