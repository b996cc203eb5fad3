package sbi

import (
	"fmt"
	"strconv"
	"strings"
)

// Form is how a balance prints, as it is set in its menu.
type Form struct {
	Coded bool // 22 characters with a code, instead of 16
}

// AppendMessage appends m and its line end to dst, as a balance sends it. It refuses a message that Decode would not
// give back.
func (f Form) AppendMessage(dst []byte, m Message) ([]byte, error) {
	line, err := f.print(m)
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

func (f Form) print(m Message) (string, error) {
	switch m.Kind {
	case Weight, Tare:
		number, err := m.Weight.Number()
		if err != nil {
			return "", err
		}
		return f.value(m, number, m.Weight.Unit)
	case Moving:
		return f.value(m, pointed(m.Digits, m.Decimals), "")
	case Count:
		return f.value(m, "0", "pcs")
	case Text:
		if m.ID == SerialNumber {
			return fmt.Sprintf("%-6s%14s", m.ID, m.Text), nil
		}
		return fmt.Sprintf("%-*s", f.width(), m.Text), nil
	}
	return f.status(m)
}

func (f Form) width() int {
	if f.Coded {
		return idWidth + bodyWidth
	}
	return bodyWidth
}

func (f Form) value(m Message, number, unit string) (string, error) {
	sign := "+"
	if rest, ok := strings.CutPrefix(number, "-"); ok {
		sign, number = "-", rest
	}
	if n := len(number) - 1; m.Unverified && n >= 0 {
		number = number[:n] + "[" + number[n:] + "]"
	}
	if len(number) > valueWidth || f.Coded == (m.ID == NoID) {
		return "", fmt.Errorf("value %+v does not fit its columns: %w", m, ErrSyntax)
	}
	line := fmt.Sprintf("%s %*s %-3s", sign, valueWidth, number, unit)
	if f.Coded {
		line = fmt.Sprintf("%-*s", idWidth, m.ID) + line
	}
	return line, nil
}

func (f Form) status(m Message) (string, error) {
	word := m.Text
	switch m.Kind {
	case Overload:
		word = "High"
	case Underload:
		word = "Low"
	case Standby:
		word = "OFF"
	case Adjusting:
		word = "Cal.Int"
	case Failure:
		if word == "" {
			word = fmt.Sprintf("ERR %03d", m.Code)
		}
	default:
		return "", fmt.Errorf("message %+v: %w", m, ErrSyntax)
	}
	line := fmt.Sprintf("%-*s", bodyWidth, "    "+word)
	if f.Coded {
		line = fmt.Sprintf("%-*s", idWidth, Status) + line
	}
	return line, nil
}

// pointed prints n with that many decimals.
func pointed(n int64, decimals int) string {
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
