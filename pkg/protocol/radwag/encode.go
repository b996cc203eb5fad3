package radwag

import (
	"fmt"
	"strings"
)

// AppendMessage appends m and its line end to dst, as a balance sends it. It refuses a message that Decode would not
// give back.
func AppendMessage(dst []byte, m Message) ([]byte, error) {
	line, err := m.print()
	if err != nil {
		return dst, err
	}
	back, err := Decode([]byte(line))
	if err != nil {
		return dst, fmt.Errorf("line %q: %w", line, err)
	}
	if back != m {
		return dst, fmt.Errorf("line %q reads back as %+v: %w", line, back, ErrSyntax)
	}
	return append(append(dst, line...), lineEnd...), nil
}

func (m Message) print() (string, error) {
	if m.Kind == Unknown {
		return "ES", nil
	}
	if word := m.outcome(); word != "" {
		return string(m.Command) + " " + word, nil
	}
	switch m.Kind {
	case Info:
		return fmt.Sprintf(`%s A "%s"`, m.Command, m.Text), nil
	case Overload:
		return fmt.Sprintf("%-3s ^ %*s", m.Command, tailWidth, ""), nil
	case Underload:
		return fmt.Sprintf("%-3s v %*s", m.Command, tailWidth, ""), nil
	}
	return m.printMass()
}

func (m Message) outcome() string {
	switch m.Kind {
	case Accepted:
		return "A"
	case Done:
		return "D"
	case OK:
		return "OK"
	case TimeOut:
		return "E"
	case Busy:
		return "I"
	case AboveRange:
		return "^"
	case BelowRange:
		return "v"
	}
	return ""
}

func (m Message) printMass() (string, error) {
	number, err := m.Weight.Number()
	if err != nil {
		return "", err
	}
	if m.Kind == Tare {
		return fmt.Sprintf("%s %*s %-3s", m.Command, numberWidth, number, m.Weight.Unit), nil
	}
	sign, mark := " ", " "
	if rest, ok := strings.CutPrefix(number, "-"); ok {
		sign, number = "-", rest
	}
	if !m.Stable {
		mark = "?"
	}
	head := fmt.Sprintf("%-3s %s ", m.Command, mark)
	if m.Width == MassWidth-1 {
		head = fmt.Sprintf("%-2s %s ", m.Command, mark)
	}
	return fmt.Sprintf("%s%s%*s %-3s", head, sign, numberWidth, number, m.Weight.Unit), nil
}
