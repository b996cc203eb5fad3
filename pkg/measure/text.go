package measure

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Locale says how a person writes numbers.
type Locale byte

// The locales that Lieu speaks.
const (
	English    Locale = iota // 1,234.5
	Vietnamese               // 1.234,5
)

func (l Locale) separators() (group, decimal byte) {
	if l == Vietnamese {
		return '.', ','
	}
	return ',', '.'
}

// ErrSyntax reports text that is not exactly one quantity in the expected form.
var ErrSyntax = errors.New("not a quantity")

// String prints m in milligrams, "60 mg" or "2.5 mg", as English does.
func (m Mass) String() string { return m.Format(English) }

// Format prints m in milligrams the way the locale writes numbers: "1.234,5 mg".
func (m Mass) Format(l Locale) string { return decimal(int64(m), 3, 0, l) + " mg" }

// String prints v in millilitres, "6 mL" or "0.05 mL".
func (v Volume) String() string { return v.Format(English) }

// Format prints v in millilitres the way the locale writes numbers.
func (v Volume) Format(l Locale) string { return decimal(int64(v), 3, 0, l) + " mL" }

// String prints c in milligrams per millilitre.
func (c Concentration) String() string { return c.Format(English) }

// Format prints c in milligrams per millilitre the way the locale writes numbers.
func (c Concentration) Format(l Locale) string { return decimal(int64(c), 3, 0, l) + " mg/mL" }

// String prints w in grams.
func (w Weight) String() string { return w.Format(English) }

// Format prints w in grams, with at least two decimals as a balance does, the way the locale writes numbers.
func (w Weight) Format(l Locale) string { return decimal(int64(w), 6, 2, l) + " g" }

// String prints d in grams per millilitre.
func (d Density) String() string { return d.Format(English) }

// Format prints d in grams per millilitre the way the locale writes numbers.
func (d Density) Format(l Locale) string { return decimal(int64(d), 6, 0, l) + " g/mL" }

// ParseMass reads a number of milligrams, with the unit "mg" or without one, strictly as the locale writes it.
// Anything else is ErrSyntax: another unit, a sign, grouping in the wrong place, a fraction of a microgram.
func ParseMass(s string, l Locale) (Mass, error) {
	n, err := parse(s, "mg", 3, l)
	return Mass(n), err
}

// ParseVolume reads a number of millilitres, with the unit "mL" or "ml" or without one, strictly as the locale
// writes it.
func ParseVolume(s string, l Locale) (Volume, error) {
	if t, ok := strings.CutSuffix(s, "ml"); ok {
		s = t + "mL"
	}
	n, err := parse(s, "mL", 3, l)
	return Volume(n), err
}

// ParseConcentration reads a number of milligrams per millilitre, with the unit "mg/mL" or without one.
func ParseConcentration(s string, l Locale) (Concentration, error) {
	n, err := parse(s, "mg/mL", 3, l)
	return Concentration(n), err
}

// ParseWeight reads a number of grams, with the unit "g" or without one.
func ParseWeight(s string, l Locale) (Weight, error) {
	n, err := parse(s, "g", 6, l)
	return Weight(n), err
}

// ParseDensity reads a number of grams per millilitre, with the unit "g/mL" or without one.
func ParseDensity(s string, l Locale) (Density, error) {
	n, err := parse(s, "g/mL", 6, l)
	return Density(n), err
}

// decimal prints n·10^-places with as few decimals as are exact, but at least minimum.
func decimal(n int64, places, minimum int, l Locale) string {
	group, point := l.separators()
	digits := strconv.FormatUint(magnitude(n), 10)
	if len(digits) <= places {
		digits = strings.Repeat("0", places-len(digits)+1) + digits
	}
	whole, frac := digits[:len(digits)-places], digits[len(digits)-places:]
	for len(frac) > minimum && frac[len(frac)-1] == '0' {
		frac = frac[:len(frac)-1]
	}
	var b strings.Builder
	if n < 0 {
		b.WriteByte('-')
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(group)
		}
		b.WriteByte(whole[i])
	}
	if frac != "" {
		b.WriteByte(point)
		b.WriteString(frac)
	}
	return b.String()
}

// parse reads a non-negative decimal and returns it times 10^places.
func parse(s, unit string, places int, l Locale) (int64, error) {
	number := s
	if t, ok := strings.CutSuffix(s, unit); ok {
		number = strings.TrimSuffix(t, " ")
	}
	group, point := l.separators()
	whole, frac, hasPoint := strings.Cut(number, string(point))
	whole, ok := ungroup(whole, group)
	if !ok || (hasPoint && !allDigits(frac)) || len(frac) > places || len(whole) > 19 {
		return 0, fmt.Errorf("%q as %s: %w", clip(s), unit, ErrSyntax)
	}
	n, err := strconv.ParseUint(whole+frac+strings.Repeat("0", places-len(frac)), 10, 64)
	if err != nil || n > math.MaxInt64 {
		return 0, fmt.Errorf("%q as %s: %w", clip(s), unit, ErrOverflow)
	}
	return int64(n), nil
}

// ungroup removes well-placed group separators: none at all, or one before every third digit from the right.
func ungroup(s string, group byte) (string, bool) {
	parts := strings.Split(s, string(group))
	for i, p := range parts {
		if !allDigits(p) || (i > 0 && len(p) != 3) || (i == 0 && len(parts) > 1 && (len(p) > 3 || p[0] == '0')) {
			return "", false
		}
	}
	return strings.Join(parts, ""), true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// clip keeps an error message short whatever was typed or scanned.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
