package measure

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var locales = []Locale{English, Vietnamese}

// reader is one quantity seen as its number.
type reader struct {
	print func(int64, Locale) string
	parse func(string, Locale) (int64, error)
	fine  int64 // the coarsest amount that prints in full; a unit's decimals
}

func readers() map[string]reader {
	return map[string]reader{
		"mass": {
			func(n int64, l Locale) string { return Mass(n).Format(l) },
			func(s string, l Locale) (int64, error) { m, err := ParseMass(s, l); return int64(m), err }, 1000,
		},
		"volume": {
			func(n int64, l Locale) string { return Volume(n).Format(l) },
			func(s string, l Locale) (int64, error) { v, err := ParseVolume(s, l); return int64(v), err }, 1000,
		},
		"concentration": {
			func(n int64, l Locale) string { return Concentration(n).Format(l) },
			func(s string, l Locale) (int64, error) { c, err := ParseConcentration(s, l); return int64(c), err }, 1000,
		},
		"weight": {
			func(n int64, l Locale) string { return Weight(n).Format(l) },
			func(s string, l Locale) (int64, error) { w, err := ParseWeight(s, l); return int64(w), err }, 1_000_000,
		},
		"density": {
			func(n int64, l Locale) string { return Density(n).Format(l) },
			func(s string, l Locale) (int64, error) { d, err := ParseDensity(s, l); return int64(d), err }, 1_000_000,
		},
	}
}

// What is printed is read back as the same amount, in each locale, with its unit and without.
func TestPrintedTextParses(t *testing.T) {
	for name, r := range readers() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				n := rapid.OneOf(rapid.Int64Range(0, math.MaxInt64), rapid.Int64Range(0, 10*r.fine), rapid.Just(int64(math.MaxInt64))).Draw(t, "n")
				l := rapid.SampledFrom(locales).Draw(t, "locale")
				text := r.print(n, l)
				bare, _, _ := strings.Cut(text, " ")
				for _, s := range []string{text, bare, strings.Replace(text, " ", "", 1)} {
					if got, err := r.parse(s, l); err != nil || got != n {
						t.Fatalf("%d printed as %q, %q read as %d, %v", n, text, s, got, err)
					}
				}
			})
		})
	}
}

// No text means one amount in one locale and another amount in the other, unless it was grouped: "1.500" is said aloud.
func TestOneLocalesDecimalsAreNotTheOthers(t *testing.T) {
	for _, tc := range []struct {
		text   string
		locale Locale
	}{
		{"1,5", English}, {"1.5", Vietnamese}, {"1.234,5", English}, {"1,234.5", Vietnamese}, {"0,5", English}, {"0.5", Vietnamese},
		{"0,500", English}, {"0.500", Vietnamese},
	} {
		if m, err := ParseMass(tc.text, tc.locale); !errors.Is(err, ErrSyntax) || m != 0 {
			t.Errorf("%q: %d, %v", tc.text, m, err)
		}
	}
}

func TestPrint(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{Mass(60_000).String(), "60 mg"},
		{Mass(2500).String(), "2.5 mg"},
		{Mass(2500).Format(Vietnamese), "2,5 mg"},
		{Mass(1_234_500).String(), "1,234.5 mg"},
		{Mass(1_234_500).Format(Vietnamese), "1.234,5 mg"},
		{Mass(0).String(), "0 mg"},
		{Mass(-1).String(), "-0.001 mg"},
		{Mass(999_999).String(), "999.999 mg"},
		{Mass(1_000_000).String(), "1,000 mg"},
		{Mass(math.MinInt64).String(), "-9,223,372,036,854,775.808 mg"},
		{Volume(50).String(), "0.05 mL"},
		{Volume(6000).Format(Vietnamese), "6 mL"},
		{Concentration(10_000).String(), "10 mg/mL"},
		{Weight(6_480_000).String(), "6.48 g"},
		{Weight(6_000_000).String(), "6.00 g"},
		{Weight(6_000_000).Format(Vietnamese), "6,00 g"},
		{Weight(1).String(), "0.000001 g"},
		{Density(1_080_000).String(), "1.08 g/mL"},
		{Density(1_080_000).Format(Vietnamese), "1,08 g/mL"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct {
		text   string
		locale Locale
		want   error
	}{
		{"", English, ErrSyntax}, {"mg", English, ErrSyntax}, {" mg", English, ErrSyntax}, {" ", English, ErrSyntax},
		{"-1", English, ErrSyntax}, {"+1", English, ErrSyntax}, {"−1", English, ErrSyntax},
		{"1,5", English, ErrSyntax}, {"1.5", Vietnamese, ErrSyntax},
		{"1e3", English, ErrSyntax}, {"0x10", English, ErrSyntax}, {"1_000", English, ErrSyntax}, {"Inf", English, ErrSyntax}, {"NaN", English, ErrSyntax},
		{"٣", English, ErrSyntax}, {"３", English, ErrSyntax}, {"½", English, ErrSyntax},
		{"1 000", English, ErrSyntax}, {"1\u00a0000", English, ErrSyntax}, {" 1", English, ErrSyntax}, {"1 ", English, ErrSyntax},
		{"60  mg", English, ErrSyntax}, {"60 mg ", English, ErrSyntax}, {"60\tmg", English, ErrSyntax}, {"60 mg mg", English, ErrSyntax},
		{"60 mL", English, ErrSyntax}, {"60 g", English, ErrSyntax}, {"60 MG", English, ErrSyntax}, {"60 µg", English, ErrSyntax}, {"60 mg/mL", English, ErrSyntax},
		{"1.", English, ErrSyntax}, {".5", English, ErrSyntax}, {"1..5", English, ErrSyntax}, {"1.5.0", English, ErrSyntax},
		{"1.2345", English, ErrSyntax}, {"0.0001", English, ErrSyntax}, {"1.0000", English, ErrSyntax},
		{"1,23", English, ErrSyntax}, {"12,34,567", English, ErrSyntax}, {"1234,567", English, ErrSyntax}, {",123", English, ErrSyntax},
		{"0,123", English, ErrSyntax}, {"1,,234", English, ErrSyntax}, {"1,234,", English, ErrSyntax}, {"1.234,5", English, ErrSyntax},
		{"1,234.5", Vietnamese, ErrSyntax}, {"12.34", Vietnamese, ErrSyntax},
		{"9223372036854775.808", English, ErrOverflow}, {"9999999999999999999", English, ErrOverflow}, {strings.Repeat("9", 400), English, ErrSyntax},
	} {
		m, err := ParseMass(tc.text, tc.locale)
		if !errors.Is(err, tc.want) || m != 0 {
			t.Errorf("%q in locale %d: %d, %v; want %v", tc.text, tc.locale, m, err, tc.want)
		}
		if err != nil && len(err.Error()) > 200 {
			t.Errorf("%q: a message of %d bytes", tc.text[:10], len(err.Error()))
		}
	}
}

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		text   string
		locale Locale
		want   Mass
	}{
		{"60", English, 60 * Milligram}, {"60 mg", English, 60 * Milligram}, {"60mg", English, 60 * Milligram},
		{"2.5", English, 2500}, {"2,5", Vietnamese, 2500}, {"0.001", English, 1}, {"007", English, 7 * Milligram},
		{"1,234.5 mg", English, 1_234_500}, {"1.234,5 mg", Vietnamese, 1_234_500}, {"1.234", Vietnamese, 1_234_000}, {"1.234", English, 1234},
		{"9223372036854775.807", English, math.MaxInt64}, {"0", English, 0},
	} {
		if got, err := ParseMass(tc.text, tc.locale); err != nil || got != tc.want {
			t.Errorf("%q: %d, %v; want %d", tc.text, got, err, tc.want)
		}
	}
}

func TestUnitsAreNotMixed(t *testing.T) {
	units := map[string]string{"mass": "mg", "volume": "mL", "concentration": "mg/mL", "weight": "g", "density": "g/mL"}
	for quantity, r := range readers() {
		for of, unit := range units {
			_, err := r.parse("6 "+unit, English)
			if of == quantity && err != nil {
				t.Errorf("6 %s as %s: %v", unit, quantity, err)
			}
			if of != quantity && !errors.Is(err, ErrSyntax) {
				t.Errorf("6 %s passes for a %s: %v", unit, quantity, err)
			}
		}
	}
	if v, err := ParseVolume("6 ml", English); err != nil || v != 6*Millilitre {
		t.Errorf("6 ml: %d, %v", v, err)
	}
}

func FuzzParseMass(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string, vietnamese bool) {
		l := localeOf(vietnamese)
		m, err := ParseMass(text, l)
		checkParsed(t, text, int64(m), err, func() (int64, error) { again, err := ParseMass(m.Format(l), l); return int64(again), err })
	})
}

func FuzzParseVolume(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string, vietnamese bool) {
		l := localeOf(vietnamese)
		v, err := ParseVolume(text, l)
		checkParsed(t, text, int64(v), err, func() (int64, error) { again, err := ParseVolume(v.Format(l), l); return int64(again), err })
	})
}

func seed(f *testing.F) {
	for _, s := range []string{"", "60", "60 mg", "6 mL", "6 ml", "1,234.5", "1.234,5 mg", "-1", "1e3", "٣", "0.0001", "9223372036854775.808"} {
		f.Add(s, false)
		f.Add(s, true)
	}
}

func localeOf(vietnamese bool) Locale {
	if vietnamese {
		return Vietnamese
	}
	return English
}

// checkParsed holds for any text: an error comes with no amount and one of two causes, and an accepted amount is not
// negative and prints as text of the same amount.
func checkParsed(t *testing.T, text string, n int64, err error, again func() (int64, error)) {
	t.Helper()
	if err != nil {
		if n != 0 || (!errors.Is(err, ErrSyntax) && !errors.Is(err, ErrOverflow)) {
			t.Errorf("%q: %d, %v", text, n, err)
		}
		return
	}
	if got, err := again(); err != nil || got != n || n < 0 {
		t.Errorf("%q is %d, and printed again %d, %v", text, n, got, err)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r > 127 }) {
		t.Errorf("%q has more than ASCII", text)
	}
}

func ExampleMass_Format() {
	fmt.Println(Mass(1_234_500).Format(English))
	fmt.Println(Mass(1_234_500).Format(Vietnamese))
	// Output:
	// 1,234.5 mg
	// 1.234,5 mg
}
