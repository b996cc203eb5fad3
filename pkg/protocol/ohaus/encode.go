package ohaus

import "fmt"

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
	switch m.Kind {
	case Done:
		return "OK!", nil
	case Refused:
		return "ES", nil
	case Overload, Underload, Failure:
		return fmt.Sprintf("Err %d.%d", m.Code/10, m.Code%10), nil
	case Text, Old:
		return m.Text, nil
	case Total:
		return fmt.Sprintf("%11s g TOTAL", "0.00"), nil
	}
	number, err := m.Weight.Number()
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("%*s %s", m.Width, number, m.Weight.Unit)
	mark := ""
	switch {
	case !m.Stable:
		mark = " ?"
	case m.Legend == Clock:
		mark = "  "
	}
	return line + mark + m.legend(), nil
}

func (m Message) legend() string {
	switch m.Legend {
	case NoLegend:
		return ""
	case Clock:
		return fmt.Sprintf(" %02d:%02d:%02d", m.Seconds/3600, m.Seconds/60%60, m.Seconds%60)
	}
	return " " + string(m.Legend)
}
