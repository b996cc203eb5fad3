package sbi

import (
	"bytes"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// The columns, without CR LF.
const (
	idWidth    = 6
	bodyWidth  = 14 // sign, blank, value, blank, unit
	valueFirst = 2
	valueWidth = 8
	unitFirst  = 11
	maxText    = 40
)

// Decode reads one line, without its CR LF. It reports ErrSyntax for a line that is not exactly a message and ErrUnit
// for a weight that cannot be used; with an error there is no value.
func Decode(line []byte) (Message, error) {
	if m, ok := decodeStatus(line); ok {
		return m, nil
	}
	id, body, ok := columns(line)
	if ok {
		return decodeValue(id, body)
	}
	return decodeText(line)
}

// columns parts a line that stands in the columns of a value.
func columns(line []byte) (ID, []byte, bool) {
	switch len(line) {
	case bodyWidth:
		return NoID, line, valued(line)
	case idWidth + bodyWidth:
		id, ok := idOf(bytes.TrimRight(line[:idWidth], " "))
		return id, line[idWidth:], ok && valued(line[idWidth:])
	}
	return NoID, nil, false
}

// valued reports whether sign, blanks and unit stand where they do around a value.
func valued(body []byte) bool {
	return signed(body[0]) && body[1] == ' ' && body[valueFirst+valueWidth] == ' '
}

func signed(b byte) bool { return b == '+' || b == '-' || b == ' ' }

// idOf finds the code without keeping the bytes.
func idOf(b []byte) (ID, bool) {
	switch string(b) {
	case "N":
		return Net, true
	case "G":
		return Gross, true
	case "T1":
		return Tare1, true
	case "T2":
		return Tare2, true
	case "Qnt":
		return Quantity, true
	}
	return NoID, false
}

func decodeValue(id ID, body []byte) (Message, error) {
	var room [valueWidth + 1]byte
	number, unverified, ok := numberOf(room[:0], body)
	if !ok {
		return Message{}, ErrSyntax
	}
	unit, ok := unitOf(body[unitFirst:])
	if !ok {
		return Message{}, ErrSyntax
	}
	m := Message{Kind: kindOf(id), ID: id, Unverified: unverified}
	if len(unit) == 0 {
		m.Kind = Moving
		m.Digits, m.Decimals = shown(number)
		return m, nil
	}
	if m.Kind == Count {
		return Message{Kind: Count, ID: id}, nil
	}
	w, err := measure.ParsePrinted(number, unit)
	if err != nil {
		return Message{}, ErrUnit // the number is one
	}
	m.Weight = w
	return m, nil
}

func kindOf(id ID) Kind {
	switch id {
	case Tare1, Tare2:
		return Tare
	case Quantity:
		return Count
	}
	return Weight
}

// numberOf appends the signed number of the value field to dst, without the brackets around a digit that is not
// verified.
func numberOf(dst, body []byte) (number []byte, unverified, ok bool) {
	sign := 0
	if body[0] == '-' {
		dst, sign = append(dst, '-'), 1
	}
	field := bytes.TrimLeft(body[valueFirst:valueFirst+valueWidth], " ")
	if n := len(field) - 3; n >= 0 && field[n] == '[' && field[n+2] == ']' {
		dst = append(append(dst, field[:n]...), field[n+1])
		unverified = true
	} else {
		dst = append(dst, field...)
	}
	return dst, unverified, plainNumber(dst[sign:])
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

// unitOf is what stands in the left-aligned unit field.
func unitOf(field []byte) ([]byte, bool) {
	unit := bytes.TrimRight(field, " ")
	return unit, bytes.IndexByte(unit, ' ') < 0
}

// shown is the number without its point.
func shown(number []byte) (value int64, decimals int) {
	negative, point := false, false
	for _, c := range number {
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
	if negative {
		value = -value
	}
	return value, decimals
}

// decodeStatus reads a line that says why there is no value. Blanks are set in many ways there, and do not count.
func decodeStatus(line []byte) (Message, bool) {
	id, rest := NoID, line
	if tail, ok := bytes.CutPrefix(line, []byte(Status+" ")); ok {
		id, rest = Status, tail
	}
	var room [16]byte
	word, ok := withoutBlanks(room[:0], rest)
	if !ok {
		return Message{}, false
	}
	switch string(word) {
	case "High", "H":
		return Message{Kind: Overload, ID: id}, true
	case "Low", "L":
		return Message{Kind: Underload, ID: id}, true
	case "OFF":
		return Message{Kind: Standby, ID: id}, true
	case "Cal.Int", "Cal.Int.", "Cal.Ext", "Cal.Ext.":
		return Message{Kind: Adjusting, ID: id}, true
	case "APP.ERR":
		return Message{Kind: Failure, ID: id, Text: "APP.ERR"}, true
	case "DIS.ERR":
		return Message{Kind: Failure, ID: id, Text: "DIS.ERR"}, true
	case "PRT.ERR":
		return Message{Kind: Failure, ID: id, Text: "PRT.ERR"}, true
	case "COMM.ERR":
		return Message{Kind: Failure, ID: id, Text: "COMM.ERR"}, true
	case "SYS.ERR":
		return Message{Kind: Failure, ID: id, Text: "SYS.ERR"}, true
	}
	code, ok := failure(word)
	return Message{Kind: Failure, ID: id, Code: code}.when(ok)
}

func (m Message) when(ok bool) (Message, bool) {
	if !ok {
		return Message{}, false
	}
	return m, true
}

func withoutBlanks(dst, b []byte) ([]byte, bool) {
	for _, c := range b {
		if c == ' ' {
			continue
		}
		if len(dst) == cap(dst) {
			return nil, false
		}
		dst = append(dst, c)
	}
	return dst, true
}

// failure reads "ERR10" and "Err101".
func failure(word []byte) (code int, ok bool) {
	number, upper := bytes.CutPrefix(word, []byte("ERR"))
	if !upper {
		var lower bool
		if number, lower = bytes.CutPrefix(word, []byte("Err")); !lower {
			return 0, false
		}
	}
	if !digits(number) || len(number) > 3 {
		return 0, false
	}
	n, _ := shown(number)
	return int(n), true
}

// decodeText reads an answer about the balance itself. What looks like a damaged value is none.
func decodeText(line []byte) (Message, error) {
	text := bytes.TrimRight(line, " ")
	if tail, ok := bytes.CutPrefix(text, []byte(SerialNumber+" ")); ok {
		if text = bytes.TrimLeft(tail, " "); !named(text) {
			return Message{}, ErrSyntax
		}
		return Message{Kind: Text, ID: SerialNumber, Text: string(text)}, nil
	}
	if !named(text) || valueLike(text) {
		return Message{}, ErrSyntax
	}
	return Message{Kind: Text, Text: string(text)}, nil
}

func named(text []byte) bool {
	if len(text) == 0 || len(text) > maxText {
		return false
	}
	for _, b := range text {
		if b < ' ' || b > '~' {
			return false
		}
	}
	b := text[0]
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// valueLike reports whether text may be what is left of a value or a status.
func valueLike(text []byte) bool {
	first, rest, more := bytes.Cut(text, []byte{' '})
	if _, ok := idOf(first); ok && more {
		return true
	}
	if string(first) == string(Status) || plainNumber(first) && (more || bytes.IndexByte(first, '.') >= 0) {
		return true
	}
	return bytes.Contains(rest, []byte("+ ")) || bytes.Contains(rest, []byte("- "))
}
