package gs1

import (
	"fmt"
	"strings"
	"time"
)

// Element is one field of a code.
type Element struct {
	AI    string // "17"
	Value string // as printed, "251231"
}

// Date is a day of the calendar.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String returns the date as 2006-01-02.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Message is what one code says, in the order in which it says it.
type Message struct {
	Elements []Element
	now      time.Time // for the centuries
}

// Carrier reports whether an AIM symbology identifier, without its bracket, is one whose text is an element string.
func Carrier(symbology string) bool {
	switch symbology {
	case "C1", "d2", "Q3", "e0", "J1":
		return true
	}
	return false
}

// EAN reports whether an AIM symbology identifier, without its bracket, is one whose text is an article number.
func EAN(symbology string) bool { return symbology == "E0" || symbology == "E4" }

// Parse reads an element string, with or without its AIM prefix ("]d2"); now gives the century of two-digit years. A
// prefix that is not of GS1 is refused with ErrCarrier, but for those of EAN bar codes, whose article number becomes
// AI 01.
func Parse(code string, now time.Time) (Message, error) {
	body, ean, err := cutPrefix(code)
	if err != nil {
		return Message{}, err
	}
	m := Message{now: now}
	if ean {
		number, err := Article(body)
		if err != nil {
			return Message{}, err
		}
		m.Elements = []Element{{GTIN, number}}
		return m, nil
	}
	if body == "" {
		return Message{}, ErrEmpty
	}
	for body != "" {
		var e Element
		if e, body, err = next(body, now); err != nil {
			return Message{}, err
		}
		if _, twice := m.Value(e.AI); twice {
			return Message{}, fmt.Errorf("AI %s: %w", e.AI, ErrRepeated)
		}
		m.Elements = append(m.Elements, e)
	}
	return m, nil
}

func cutPrefix(code string) (body string, ean bool, err error) {
	if !strings.HasPrefix(code, "]") {
		return code, false, nil
	}
	if len(code) < 3 {
		return "", false, ErrCarrier
	}
	symbology, body := code[1:3], code[3:]
	switch {
	case symbology == "E4" && len(body) != 8, symbology == "E0" && len(body) != 13:
		return "", false, fmt.Errorf("bar code %s of %d digits: %w", symbology, len(body), ErrCarrier)
	case EAN(symbology):
		return body, true, nil
	case Carrier(symbology):
		return body, false, nil
	}
	return "", false, ErrCarrier
}

// next takes one element off body.
func next(body string, now time.Time) (e Element, rest string, err error) {
	ai, f, err := identify(body)
	if err != nil {
		if strings.HasPrefix(body, GS) {
			err = ErrSeparator
		}
		return Element{}, "", err
	}
	body = body[len(ai):]
	if f.predefined {
		n := min(f.max, len(body))
		e.Value, rest = body[:n], strings.TrimPrefix(body[n:], GS)
	} else {
		e.Value, rest, _ = strings.Cut(body, GS)
	}
	e.AI = ai
	if err := check(e, f, now); err != nil {
		return Element{}, "", err
	}
	return e, rest, nil
}

func check(e Element, f field, now time.Time) error {
	err := f.check(e.Value)
	if err == nil && f.content == date {
		_, err = day(e.Value, now)
	}
	if err != nil {
		return fmt.Errorf("AI %s: %w", e.AI, err)
	}
	return nil
}

// Format writes an element string, without a prefix. It refuses what Parse would refuse.
func Format(elements []Element, now time.Time) (string, error) {
	if len(elements) == 0 {
		return "", ErrEmpty
	}
	var (
		out  strings.Builder
		seen = make(map[string]bool)
	)
	for i, e := range elements {
		f, ok := fieldOf(e.AI)
		if !ok {
			return "", fmt.Errorf("AI %q: %w", e.AI, ErrUnknownAI)
		}
		if err := check(e, f, now); err != nil {
			return "", err
		}
		if seen[e.AI] {
			return "", fmt.Errorf("AI %s: %w", e.AI, ErrRepeated)
		}
		seen[e.AI] = true
		out.WriteString(e.AI)
		out.WriteString(e.Value)
		if !f.predefined && i+1 < len(elements) {
			out.WriteString(GS)
		}
	}
	return out.String(), nil
}

// Value returns the field of an application identifier, or false when the code has none.
func (m Message) Value(ai string) (string, bool) {
	for _, e := range m.Elements {
		if e.AI == ai {
			return e.Value, true
		}
	}
	return "", false
}

// Date returns the day that a field such as Expiry names, or false when the code has no such field: what is not there is
// not known, and nobody may fill it in.
func (m Message) Date(ai string) (Date, bool) {
	f, _ := fieldOf(ai)
	v, ok := m.Value(ai)
	if !ok || f.content != date {
		return Date{}, false
	}
	d, err := day(v, m.now)
	return d, err == nil
}

// MaySwallow reports whether the batch number ends in what looks like the expiry of a code that lost a separator. The
// message has no expiry then, and its batch number is in doubt as well.
func (m Message) MaySwallow() bool {
	batch, ok := m.Value(Batch)
	if _, known := m.Value(Expiry); !ok || known {
		return false
	}
	for i := 1; i+8 <= len(batch); i++ {
		if batch[i:i+2] != Expiry || !digits(batch[i:i+8]) {
			continue
		}
		if _, err := day(batch[i+2:i+8], m.now); err == nil {
			return true
		}
	}
	return false
}

// day reads YYMMDD. Day 00 is the last of the month. The century is the one that brings the year nearest to now: up to
// 50 years ahead, up to 49 back.
func day(yymmdd string, now time.Time) (Date, error) {
	year, month, dd := number(yymmdd[:2]), time.Month(number(yymmdd[2:4])), number(yymmdd[4:])
	if month < time.January || month > time.December {
		return Date{}, ErrDate
	}
	current := now.UTC().Year()
	switch ahead := year - current%100; {
	case ahead >= 51:
		year -= 100
	case ahead <= -50:
		year += 100
	}
	year += current - current%100
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	switch {
	case dd == 0:
		dd = last
	case dd > last:
		return Date{}, ErrDate
	}
	return Date{year, month, dd}, nil
}

// number reads digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}
