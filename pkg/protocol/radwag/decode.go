package radwag

import (
	"bytes"
	"errors"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// The line of a mass: command, blank, mark, blank, sign, number, blank, unit.
const (
	commandWidth = 3
	headWidth    = 6 // command, blank, mark, blank
	numberWidth  = 9
	unitWidth    = 3
	tailWidth    = 1 + numberWidth + 1 + unitWidth
	// MassWidth is the width of the line of a mass, without CR LF.
	MassWidth = headWidth + tailWidth
	tareWidth = commandWidth + numberWidth + 1 + unitWidth
)

// Decode reads one line, without its CR LF. It reports ErrSyntax for a line that is not exactly a message and ErrUnit
// for a weight that cannot be used; with an error there is no value.
func Decode(line []byte) (Message, error) {
	if string(line) == "ES" {
		return Message{Kind: Unknown}, nil
	}
	word, rest, ok := bytes.Cut(line, []byte{' '})
	c := commandOf(word)
	if !ok || c == NoCommand {
		return Message{}, ErrSyntax
	}
	if kind := outcome(rest); kind != 0 {
		return Message{Kind: kind, Command: c}, nil
	}
	switch {
	case c == ReadTare && len(line) == tareWidth:
		return decodeMass(Message{Kind: Tare, Command: c, Stable: true, Width: len(line)}, line[commandWidth:])
	case c.weighs():
		return decodeWeight(c, line)
	}
	return decodeInfo(c, rest)
}

func outcome(rest []byte) Kind {
	switch string(rest) {
	case "A":
		return Accepted
	case "D":
		return Done
	case "OK":
		return OK
	case "E":
		return TimeOut
	case "I":
		return Busy
	case "^":
		return AboveRange
	case "v":
		return BelowRange
	}
	return 0
}

// decodeWeight reads the line of a mass. One blank of its head may be missing.
func decodeWeight(c Command, line []byte) (Message, error) {
	n := len(line) - tailWidth
	if n != headWidth && n != headWidth-1 {
		return Message{}, ErrSyntax
	}
	mark, ok := markOf(line[len(c):n], n == headWidth, len(c))
	if !ok {
		return Message{}, ErrSyntax
	}
	m := Message{Kind: Weight, Command: c, Stable: mark == ' ', Width: len(line)}
	switch mark {
	case '^':
		return Message{Kind: Overload, Command: c}, nil
	case 'v':
		return Message{Kind: Underload, Command: c}, nil
	}
	tail := line[n:]
	if tail[0] != ' ' && tail[0] != '-' {
		return Message{}, ErrSyntax
	}
	m, err := decodeMass(m, tail[1:])
	if err == nil && tail[0] == '-' {
		m.Weight.Value = -m.Weight.Value
	}
	return m, err
}

// markOf finds the mark among the blanks between command and sign. In a full line it has its place.
func markOf(between []byte, full bool, command int) (mark byte, ok bool) {
	if len(between) == 0 || between[0] != ' ' {
		return 0, false
	}
	mark = ' '
	for i, b := range between {
		switch {
		case b == ' ':
		case b != '?' && b != '^' && b != 'v', mark != ' ':
			return 0, false
		case full && command+i != commandWidth+1:
			return 0, false
		default:
			mark = b
		}
	}
	return mark, true
}

// decodeMass reads a right-aligned number without a sign, a blank and a left-aligned unit into m.
func decodeMass(m Message, tail []byte) (Message, error) {
	number := bytes.TrimLeft(tail[:numberWidth], " ")
	unit := bytes.TrimRight(tail[numberWidth+1:], " ")
	if tail[numberWidth] != ' ' || len(unit) == 0 || bytes.IndexByte(unit, ' ') >= 0 || !plainNumber(number) {
		return Message{}, ErrSyntax
	}
	w, err := measure.ParsePrinted(number, unit)
	switch {
	case errors.Is(err, measure.ErrUnit):
		return Message{}, ErrUnit
	case err != nil:
		return Message{}, ErrSyntax
	}
	m.Weight = w
	return m, nil
}

// plainNumber reports whether b is digits, perhaps with a point between, and without needless zeros in front.
func plainNumber(b []byte) bool {
	whole, frac, point := bytes.Cut(b, []byte{'.'})
	if len(whole) > 1 && whole[0] == '0' {
		return false
	}
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

// decodeInfo reads `A "123456"`.
func decodeInfo(c Command, rest []byte) (Message, error) {
	text, ok := bytes.CutPrefix(rest, []byte(`A "`))
	if !ok || len(text) < 2 || len(text) > maxText || text[len(text)-1] != '"' {
		return Message{}, ErrSyntax
	}
	text = text[:len(text)-1]
	for _, b := range text {
		if b < ' ' || b > '~' || b == '"' {
			return Message{}, ErrSyntax
		}
	}
	return Message{Kind: Info, Command: c, Text: string(text)}, nil
}
