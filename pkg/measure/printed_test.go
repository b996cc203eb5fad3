package measure

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestParsePrinted(t *testing.T) {
	for text, row := range map[string]struct {
		number, unit string
		want         Printed
		err          error
	}{
		"grams":              {"12.34", "g", Printed{12_340_000, 2, "g"}, nil},
		"negative":           {"-0.5", "g", Printed{-500_000, 1, "g"}, nil},
		"zero padded":        {"00004.87", "g", Printed{4_870_000, 2, "g"}, nil},
		"kilograms":          {"1.234", "kg", Printed{1_234_000_000, 3, "kg"}, nil},
		"milligrams":         {"7", "mg", Printed{7_000, 0, "mg"}, nil},
		"pounds":             {"1.0", "lb", Printed{}, ErrUnit},
		"no unit":            {"1.0", "", Printed{}, ErrUnit},
		"finer than a µg":    {"1.0000000", "g", Printed{}, ErrUnit},
		"too heavy":          {"999999999999999999", "kg", Printed{}, ErrUnit},
		"too long":           {"1234567890123456789", "g", Printed{}, ErrSyntax},
		"no digits":          {"", "g", Printed{}, ErrSyntax},
		"a point alone":      {".", "g", Printed{}, ErrSyntax},
		"a point at the end": {"1.", "g", Printed{}, ErrSyntax},
		"a plus":             {"+1.0", "g", Printed{}, ErrSyntax},
		"an exponent":        {"9999999E+19", "g", Printed{}, ErrSyntax},
		"two signs":          {"--1", "g", Printed{}, ErrSyntax},
	} {
		got, err := ParsePrinted([]byte(row.number), []byte(row.unit))
		if got != row.want || !errors.Is(err, row.err) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestPrintedReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"g", "kg", "mg"}).Draw(t, "unit")
		_, places, _ := printedUnit([]byte(unit))
		p := Printed{Decimals: rapid.IntRange(0, places).Draw(t, "decimals"), Unit: unit}
		step := int64(1)
		for range places - p.Decimals {
			step *= 10
		}
		p.Value = Weight(rapid.Int64Range(-99_999_999, 99_999_999).Draw(t, "steps") * step)
		text, err := p.Number()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParsePrinted([]byte(text), []byte(unit)); err != nil || got != p {
			t.Fatalf("%q: %+v, %v; want %+v", text, got, err, p)
		}
	})
}
