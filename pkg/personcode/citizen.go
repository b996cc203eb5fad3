package personcode

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What can be wrong with a code. Match with errors.Is.
var (
	ErrShape         = errors.New("not a code of this kind of card")
	ErrField         = errors.New("field that cannot be so")
	ErrDate          = errors.New("impossible date")
	ErrContradiction = errors.New("the number contradicts the date of birth or the sex")
)

// Sex as the cards know it.
type Sex int

// The values of Sex; the zero value is none.
const (
	Male Sex = iota + 1
	Female
)

// String returns "male" or "female".
func (s Sex) String() string {
	switch s {
	case Male:
		return "male"
	case Female:
		return "female"
	}
	return "unknown"
}

// Citizen is what the QR of a citizen card says.
type Citizen struct {
	ID      string // twelve digits
	OldID   string // nine digits, or empty
	Name    string
	Born    time.Time // midnight UTC of the day
	Sex     Sex
	Address string
	Issued  time.Time // midnight UTC of the day
	// Extra are the fields that newer cards add, as they stand: their order is not confirmed, and nothing is read from them.
	Extra []string
	// Raw is the whole text.
	Raw string
}

const citizenFields = 7

// ParseCitizen reads the QR of a citizen card: number, old number, name, date of birth, sex, address and day of issue,
// with bars between, in UTF-8. The number's digits of sex, century and year are checked against date of birth and sex,
// so that two independent errors are needed to pass; ErrContradiction when they do not agree.
func ParseCitizen(text string) (Citizen, error) {
	fields, err := cut(text, citizenFields)
	if err != nil {
		return Citizen{}, err
	}
	c := Citizen{ID: fields[0], OldID: fields[1], Name: fields[2], Address: fields[5], Raw: text}
	if !digits(c.ID, 12) {
		return Citizen{}, ErrShape
	}
	if c.OldID != "" && !digits(c.OldID, 9) {
		return Citizen{}, fmt.Errorf("old number: %w", ErrField)
	}
	if strings.TrimSpace(c.Name) == "" {
		return Citizen{}, fmt.Errorf("name: %w", ErrField)
	}
	if c.Born, err = parseDay("02012006", fields[3]); err != nil {
		return Citizen{}, fmt.Errorf("date of birth: %w", err)
	}
	if c.Issued, err = parseDay("02012006", fields[6]); err != nil {
		return Citizen{}, fmt.Errorf("day of issue: %w", err)
	}
	switch fields[4] {
	case "Nam":
		c.Sex = Male
	case "Nữ":
		c.Sex = Female
	default:
		return Citizen{}, fmt.Errorf("sex: %w", ErrField)
	}
	if c.Issued.Before(c.Born) {
		return Citizen{}, fmt.Errorf("day of issue: before the birth: %w", ErrDate)
	}
	if !agrees(c.ID, c.Born.Year(), c.Sex) {
		return Citizen{}, ErrContradiction
	}
	if len(fields) > citizenFields {
		c.Extra = fields[citizenFields:]
	}
	return c, nil
}

// agrees checks the fourth digit of a citizen's number, which counts centuries from 1900 in steps of two and adds one
// for women, and the next two, the year of birth.
func agrees(id string, born int, sex Sex) bool {
	fourth := int(id[3] - '0')
	ofID := Male
	if fourth%2 == 1 {
		ofID = Female
	}
	year := 1900 + 100*(fourth/2) + int(id[4]-'0')*10 + int(id[5]-'0')
	return ofID == sex && year == born
}

// String returns the QR's text, for c as ParseCitizen returns it or made by hand.
func (c Citizen) String() string {
	sex := "Nam"
	if c.Sex == Female {
		sex = "Nữ"
	}
	fields := []string{c.ID, c.OldID, c.Name, c.Born.Format("02012006"), sex, c.Address, c.Issued.Format("02012006")}
	return strings.Join(append(fields, c.Extra...), "|")
}

// cut splits a card's text at its bars; it needs at least n fields and text without control characters.
func cut(text string, n int) ([]string, error) {
	fields := strings.Split(text, "|")
	if len(fields) < n || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, ErrShape
	}
	return fields, nil
}

// parseDay reads a day in exactly that layout.
func parseDay(layout, s string) (time.Time, error) {
	d, err := time.Parse(layout, s)
	if err != nil || d.Format(layout) != s || d.Year() < 1800 {
		return time.Time{}, ErrDate
	}
	return d, nil
}

func digits(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
