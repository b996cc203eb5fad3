package personcode

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// InsuranceNumber is the fifteen characters of a health-insurance card: two letters of the group, a digit of the
// benefit, two of the province, ten of the social-insurance number.
type InsuranceNumber string

// ParseInsuranceNumber reads a number as it is printed, in capitals and without blanks.
func ParseInsuranceNumber(s string) (InsuranceNumber, error) {
	if len(s) != 15 || !capital(s[0]) || !capital(s[1]) || s[2] < '1' || s[2] > '5' || !digits(s[3:], 12) {
		return "", ErrShape
	}
	return InsuranceNumber(s), nil
}

// Group is the two letters of the holder's group.
func (n InsuranceNumber) Group() string { return string(n[:2]) }

// Benefit is the level of benefit, 1 to 5.
func (n InsuranceNumber) Benefit() int { return int(n[2] - '0') }

// Province is the two digits of the issuing province.
func (n InsuranceNumber) Province() string { return string(n[3:5]) }

// Social is the ten digits of the social-insurance number, which stay with the person.
func (n InsuranceNumber) Social() string { return string(n[5:]) }

// Insurance is what the QR of a health-insurance card says.
type Insurance struct {
	Number   InsuranceNumber
	Name     string
	Born     time.Time // midnight UTC of the day, as the others
	Sex      Sex
	Address  string // empty when the card gives none
	Hospital string // code of the hospital of registration
	From, To time.Time
	Issued   time.Time
	// Extra are the fields between the day of issue and the closing dollar, as they stand.
	Extra []string
	// Raw is the whole text.
	Raw string
}

const insuranceFields = 9

// ParseInsurance reads the QR of a health-insurance card: number, name, date of birth, sex, address, hospital, first
// and last day, day of issue, perhaps more, and a dollar; name and address are hexadecimal of UTF-8.
func ParseInsurance(text string) (Insurance, error) {
	fields, err := cut(text, insuranceFields+1)
	if err != nil || fields[len(fields)-1] != "$" {
		return Insurance{}, ErrShape
	}
	fields = fields[:len(fields)-1]
	c := Insurance{Hospital: fields[5], Raw: text}
	if c.Number, err = ParseInsuranceNumber(fields[0]); err != nil {
		return Insurance{}, err
	}
	if c.Name, err = parseHex(fields[1]); err != nil {
		return Insurance{}, fmt.Errorf("name: %w", err)
	}
	if c.Address, err = parseHexOrNone(fields[4]); err != nil {
		return Insurance{}, fmt.Errorf("address: %w", err)
	}
	if c.Sex, err = parseSex(fields[3]); err != nil {
		return Insurance{}, err
	}
	if strings.TrimSpace(c.Hospital) == "" {
		return Insurance{}, fmt.Errorf("hospital: %w", ErrField)
	}
	if err := c.parseDays(fields[2], fields[6], fields[7], fields[8]); err != nil {
		return Insurance{}, err
	}
	if len(fields) > insuranceFields {
		c.Extra = fields[insuranceFields:]
	}
	return c, nil
}

func (c *Insurance) parseDays(born, from, to, issued string) error {
	for _, d := range []struct {
		name, text string
		into       *time.Time
	}{{"date of birth", born, &c.Born}, {"first day", from, &c.From}, {"last day", to, &c.To}, {"day of issue", issued, &c.Issued}} {
		var err error
		if *d.into, err = parseDay("02/01/2006", d.text); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	if c.To.Before(c.From) || c.Issued.Before(c.Born) {
		return fmt.Errorf("days out of order: %w", ErrDate)
	}
	return nil
}

func parseSex(s string) (Sex, error) {
	switch s {
	case "1":
		return Male, nil
	case "2":
		return Female, nil
	}
	return 0, fmt.Errorf("sex: %w", ErrField)
}

func parseHexOrNone(s string) (string, error) {
	if s == "-" {
		return "", nil
	}
	return parseHex(s)
}

func parseHex(s string) (string, error) {
	b, err := hex.DecodeString(s)
	text := string(b)
	if err != nil || !utf8.Valid(b) || strings.TrimSpace(text) == "" || strings.ContainsFunc(text, unicode.IsControl) {
		return "", ErrField
	}
	return text, nil
}

// String returns the QR's text, for c as ParseInsurance returns it or made by hand.
func (c Insurance) String() string {
	sex, address := "1", "-"
	if c.Sex == Female {
		sex = "2"
	}
	if c.Address != "" {
		address = hex.EncodeToString([]byte(c.Address))
	}
	fields := []string{
		string(c.Number), hex.EncodeToString([]byte(c.Name)), slashes(c.Born), sex, address, c.Hospital,
		slashes(c.From), slashes(c.To), slashes(c.Issued),
	}
	return strings.Join(append(append(fields, c.Extra...), "$"), "|")
}

func slashes(d time.Time) string { return d.Format("02/01/2006") }

func capital(c byte) bool { return 'A' <= c && c <= 'Z' }
