package andstd

import (
	"bytes"
	"errors"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// The standard value is a sign, 8 characters and a unit of 3. Some indicators use one or two characters more.
const (
	narrowNumber = 8
	wideNumber   = 10
	unitWidth    = 3
	maxText      = 24
)

// Decode reads one line, without its CR LF. It reports ErrSyntax for a line that is not exactly a message and ErrUnit
// for a weight that cannot be used; with an error there is no value.
func Decode(line []byte) (Message, error) {
	m, rest, ok := decodeAddress(line)
	if !ok {
		return Message{}, ErrSyntax
	}
	if len(rest) == 1 && rest[0] == ack {
		m.Kind = Ack
		return m, nil
	}
	header, tail, ok := bytes.Cut(rest, []byte{','})
	if !ok {
		return Message{}, ErrSyntax
	}
	if m.Header = headerOf(header); m.Header == NoHeader {
		return Message{}, ErrSyntax
	}
	switch m.Header {
	case ErrorCode:
		return m.refusal(tail)
	case SerialNumber, Model, Identifier:
		return m.identity(tail)
	case Outside:
		return m.outside(tail)
	}
	return m.value(tail)
}

// decodeAddress takes "@23" off.
func decodeAddress(line []byte) (m Message, rest []byte, ok bool) {
	if len(line) == 0 || line[0] != '@' {
		return Message{}, line, true
	}
	if len(line) < 3 || !digits(line[1:3]) {
		return Message{}, nil, false
	}
	return Message{Addressed: true, Address: number(line[1:3])}, line[3:], true
}

// headerOf finds the header without keeping the bytes.
func headerOf(b []byte) Header {
	switch string(b) {
	case "ST":
		return Stable
	case "US":
		return Unstable
	case "OL":
		return Outside
	case "QT":
		return Counted
	case "PT":
		return TareValue
	case "EC":
		return ErrorCode
	case "SN":
		return SerialNumber
	case "TN":
		return Model
	case "ID":
		return Identifier
	}
	return NoHeader
}

func (m Message) refusal(tail []byte) (Message, error) {
	code, ok := bytes.CutPrefix(tail, []byte{'E'})
	if !ok || len(code) > 2 || !digits(code) {
		return Message{}, ErrSyntax
	}
	m.Kind, m.Code, m.Digits = Refusal, number(code), len(code)
	return m, nil
}

func (m Message) identity(tail []byte) (Message, error) {
	text := bytes.TrimRight(tail, " ")
	if len(text) == 0 || len(text) > maxText || !printable(text) {
		return Message{}, ErrSyntax
	}
	m.Kind, m.Text = Identity, string(text)
	return m, nil
}

func printable(text []byte) bool {
	for _, b := range text {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return text[0] != ' '
}

// outside reads the sign and nothing else of "OL,+9999999E+19".
func (m Message) outside(tail []byte) (Message, error) {
	m.Verdict, tail = verdict(tail)
	if len(tail) < 2 || !filler(tail[1:]) {
		return Message{}, ErrSyntax
	}
	switch tail[0] {
	case '+':
		m.Kind = Overload
	case '-':
		m.Kind = Underload
	default:
		return Message{}, ErrSyntax
	}
	return m, nil
}

// filler reports whether b may stand in the place of a value that is outside the range.
func filler(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9', c == 'E', c == '+', c == '.', c == ' ', c == '-':
		default:
			return false
		}
	}
	return true
}

func verdict(tail []byte) (Verdict, []byte) {
	if len(tail) < 3 || tail[2] != ',' {
		return NoVerdict, tail
	}
	switch string(tail[:2]) {
	case "LO":
		return Low, tail[3:]
	case "OK":
		return OK, tail[3:]
	case "HI":
		return High, tail[3:]
	case "--":
		return Idle, tail[3:]
	}
	return NoVerdict, tail
}

// value reads a sign, a zero-padded number and a right-aligned unit.
func (m Message) value(tail []byte) (Message, error) {
	m.Verdict, tail = verdict(tail)
	if len(tail) == 0 || tail[0] != '+' && tail[0] != '-' {
		return Message{}, ErrSyntax
	}
	n := 1
	for n < len(tail) && (tail[n] == '.' || digits(tail[n:n+1])) {
		n++
	}
	if n-1 < narrowNumber || n-1 > wideNumber || len(tail)-n < unitWidth || len(tail)-n > unitWidth+1 {
		return Message{}, ErrSyntax
	}
	unit := bytes.TrimLeft(tail[n:], " ")
	if len(unit) == 0 || bytes.IndexByte(unit, ' ') >= 0 {
		return Message{}, ErrSyntax
	}
	text := tail[:n]
	if text[0] == '+' {
		text = text[1:]
	}
	return m.weighed(text, unit, len(tail))
}

func (m Message) weighed(text, unit []byte, width int) (Message, error) {
	if m.Header == Counted || string(unit) == "PC" {
		return Message{Kind: Count, Header: m.Header, Addressed: m.Addressed, Address: m.Address, Verdict: m.Verdict}, nil
	}
	w, err := measure.ParsePrinted(text, unit)
	switch {
	case errors.Is(err, measure.ErrSyntax):
		return Message{}, ErrSyntax
	case err != nil:
		return Message{}, ErrUnit
	}
	m.Kind, m.Weight, m.Width = Weight, w, width
	if m.Header == TareValue {
		m.Kind = Tare
	}
	return m, nil
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

func number(b []byte) (n int) {
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}
