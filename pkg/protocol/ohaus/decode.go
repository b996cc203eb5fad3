package ohaus

import (
	"bytes"
	"errors"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// The weight field is 10 to 12 wide, the unit up to 5.
const (
	narrowField = 10
	wideField   = 12
	unitWidth   = 5
	maxText     = 40
)

// Decode reads one line, without its CR LF. It reports ErrSyntax for a line that is not exactly a message, ErrUnit for a
// weight that cannot be used, ErrNumericOnly for one without a unit; with an error there is no value.
func Decode(line []byte) (Message, error) {
	switch string(line) {
	case "OK!":
		return Message{Kind: Done}, nil
	case "ES":
		return Message{Kind: Refused}, nil
	}
	if m, ok := decodeFailure(line); ok {
		return m, nil
	}
	if field, rest, ok := weightField(line); ok {
		return decodeWeight(field, rest)
	}
	return decodeText(line)
}

// decodeFailure reads "Err 8.3".
func decodeFailure(line []byte) (Message, bool) {
	code, ok := bytes.CutPrefix(line, []byte("Err "))
	if !ok || len(code) < 3 || len(code) > 4 || code[len(code)-2] != '.' {
		return Message{}, false
	}
	n := 0
	for i, b := range code {
		switch {
		case i == len(code)-2:
		case b < '0' || b > '9':
			return Message{}, false
		default:
			n = n*10 + int(b-'0')
		}
	}
	switch n {
	case overloadCode:
		return Message{Kind: Overload, Code: n}, true
	case underloadCode:
		return Message{Kind: Underload, Code: n}, true
	}
	return Message{Kind: Failure, Code: n}, true
}

const (
	overloadCode  = 83
	underloadCode = 84
)

// weightField parts a right-aligned number of the field's width from what follows.
func weightField(line []byte) (field, rest []byte, ok bool) {
	n := 0
	for n < len(line) && line[n] == ' ' {
		n++
	}
	for n < len(line) && line[n] != ' ' {
		n++
	}
	if n < narrowField || n > wideField {
		return nil, nil, false
	}
	return line[:n], line[n:], plainNumber(bytes.TrimLeft(line[:n], " "))
}

// plainNumber reports whether b is an optional minus and digits, perhaps with a point between.
func plainNumber(b []byte) bool {
	whole, frac, point := bytes.Cut(bytes.TrimPrefix(b, []byte{'-'}), []byte{'.'})
	return digits(whole) && (!point || digits(frac))
}

// zeroPadded reports whether a number begins with a zero that these balances do not print.
func zeroPadded(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{'-'})
	return len(b) > 1 && b[0] == '0' && b[1] != '.'
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

func decodeWeight(field, rest []byte) (Message, error) {
	number := bytes.TrimLeft(field, " ")
	if len(rest) == 0 {
		if len(number) == len(field) && bytes.IndexByte(number, '.') < 0 {
			return Message{Kind: Text, Text: string(field)}, nil // a serial number of that length
		}
		return Message{}, ErrNumericOnly
	}
	unit, _, _ := bytes.Cut(rest[1:], []byte{' '})
	if len(unit) == 0 || len(unit) > unitWidth || zeroPadded(number) {
		return Message{}, ErrSyntax
	}
	m, ok := decodeTail(rest[1+len(unit):])
	if !ok {
		return Message{}, ErrSyntax
	}
	if m.Kind == Total {
		return m, nil
	}
	w, err := measure.ParsePrinted(number, unit)
	switch {
	case errors.Is(err, measure.ErrUnit):
		return Message{}, ErrUnit
	case err != nil:
		return Message{}, ErrSyntax
	}
	m.Weight, m.Width = w, len(field)
	return m, nil
}

// decodeTail reads the question mark and the legend, each behind one blank; the place of the mark may be blank.
func decodeTail(tail []byte) (Message, bool) {
	m := Message{Kind: Weight, Stable: true}
	rest, marked := bytes.CutPrefix(tail, []byte(" ?"))
	if marked {
		m.Stable = false
	} else if len(tail) > 2 {
		rest, _ = bytes.CutPrefix(tail, []byte("  "))
	}
	if len(rest) == 0 {
		return m, true
	}
	legend, ok := bytes.CutPrefix(rest, []byte{' '})
	if !ok {
		return Message{}, false
	}
	if m.Seconds, ok = clock(legend); ok {
		m.Legend = Clock
		return m, true
	}
	if m.Legend = legendOf(legend); m.Legend == NoLegend {
		return Message{}, false
	}
	switch m.Legend {
	case T, PresetTare:
		m.Kind = Tare
	case Sum:
		m = Message{Kind: Total, Legend: Sum}
	}
	return m, true
}

// legendOf finds the legend without keeping the bytes.
func legendOf(b []byte) Legend {
	switch string(b) {
	case "N":
		return N
	case "G":
		return G
	case "T":
		return T
	case "NET":
		return Net
	case "GROSS":
		return Gross
	case "PT":
		return PresetTare
	case "TOTAL":
		return Sum
	}
	return NoLegend
}

// clock reads "00:00:15" in seconds.
func clock(b []byte) (int, bool) {
	if len(b) != len(Clock) || b[2] != ':' || b[5] != ':' || !digits(b[:2]) || !digits(b[3:5]) || !digits(b[6:]) {
		return 0, false
	}
	two := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	h, m, s := two(0), two(3), two(6)
	return (h*60+m)*60 + s, m < 60 && s < 60
}

// decodeText reads an answer about the balance itself. What looks like a damaged weight is none.
func decodeText(line []byte) (Message, error) {
	if old(line) {
		return Message{Kind: Old, Text: string(line)}, nil
	}
	if len(line) < 2 || len(line) > maxText || !printable(line) || weightLike(line) {
		return Message{}, ErrSyntax
	}
	return Message{Kind: Text, Text: string(line)}, nil
}

// old reports whether a balance before the present commands says so.
func old(line []byte) bool {
	if string(line) == "?" {
		return true
	}
	return len(line) == 2 && (line[1] == 'A' || line[1] == 'M') &&
		(digits(line[:1]) || line[1] == 'A' && (line[0] == 'S' || line[0] == 'C'))
}

func printable(line []byte) bool {
	for _, b := range line {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return line[0] != ' ' && line[0] != '?' && line[len(line)-1] != ' '
}

func weightLike(line []byte) bool {
	first, _, more := bytes.Cut(line, []byte{' '})
	return plainNumber(first) && (more || bytes.IndexByte(first, '.') >= 0) || first[0] == '-' || first[0] == '.'
}
