package andstd

import (
	"fmt"
	"strings"
)

// StandardWidth is the width of a value as the manuals print it: sign, 8 characters, unit of 3.
const StandardWidth = 1 + narrowNumber + unitWidth

// AppendMessage appends m and its line end to dst, as a balance sends it. It refuses a message that Decode would not
// give back.
func AppendMessage(dst []byte, m Message) ([]byte, error) {
	line, err := m.print()
	if err != nil {
		return dst, err
	}
	back, err := Decode(line)
	if err != nil {
		return dst, fmt.Errorf("line %q: %w", line, err)
	}
	if back != m {
		return dst, fmt.Errorf("line %q reads back as %+v: %w", line, back, ErrSyntax)
	}
	return append(append(dst, line...), lineEnd...), nil
}

func (m Message) print() ([]byte, error) {
	line := Station{m.Addressed, m.Address}.append(nil)
	if m.Kind == Ack {
		return append(line, ack), nil
	}
	line = append(append(line, m.Header...), ',')
	if m.Verdict != NoVerdict {
		line = append(append(line, m.Verdict...), ',')
	}
	switch m.Kind {
	case Overload:
		return append(line, "+9999999E+19"...), nil
	case Underload:
		return append(line, "-9999999E+19"...), nil
	case Refusal:
		return fmt.Appendf(line, "E%0*d", m.Digits, m.Code), nil
	case Identity:
		return append(line, m.Text...), nil
	case Count:
		return append(line, "+00000000 PC"...), nil
	}
	value, err := m.printWeight()
	return append(line, value...), err
}

func (m Message) printWeight() (string, error) {
	text, err := m.Weight.Number()
	if err != nil {
		return "", err
	}
	sign := "+"
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = "-", rest
	}
	pad := m.Width - 1 - unitWidth - len(text)
	if pad < 0 {
		return "", fmt.Errorf("weight %+v does not fit its field: %w", m.Weight, ErrSyntax)
	}
	return fmt.Sprintf("%s%s%s%*s", sign, strings.Repeat("0", pad), text, unitWidth, m.Weight.Unit), nil
}
