package cardcode_test

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/cardcode"
)

// The published example of the algorithm: 794 becomes 79444.
func ExampleCheckDigits() {
	fmt.Println("794" + cardcode.CheckDigits("794"))
	// Output: 79444
}

func ExampleParse() {
	code, err := cardcode.Parse(strings.ToLower(cardcode.Format(cardcode.Patient, 1, 123)))
	fmt.Printf("%c %d %d %v\n", code.Kind, code.Clinic, code.Serial, err)
	// Output: P 1 123 <nil>
}

func TestParseRefuses(t *testing.T) {
	good := cardcode.Format(cardcode.Patient, 1, 123)
	for name, tc := range map[string]struct {
		text string
		want error
	}{
		"empty":              {"", cardcode.ErrShape},
		"bare number":        {good[1:], cardcode.ErrShape},
		"eleven digits":      {"1" + good[1:], cardcode.ErrShape},
		"EAN-13":             {"4006381333931", cardcode.ErrShape},
		"EAN-8":              {"96385074", cardcode.ErrShape},
		"UPC-A":              {"036000291452", cardcode.ErrShape},
		"blank before":       {" " + good, cardcode.ErrShape},
		"blank after":        {good + " ", cardcode.ErrShape},
		"line end":           {good + "\r", cardcode.ErrShape},
		"too short":          {good[:10], cardcode.ErrShape},
		"too long":           {good + "0", cardcode.ErrShape},
		"letter O for zero":  {strings.Replace(good, "0", "O", 1), cardcode.ErrShape},
		"long s of Unicode":  {"ſ" + cardcode.Format(cardcode.Staff, 1, 123)[2:], cardcode.ErrShape},
		"Arabic digits":      {"P٠١٠٠٠١", cardcode.ErrShape},
		"unknown kind":       {"X01000123" + cardcode.CheckDigits("X01000123"), cardcode.ErrKind},
		"unknown, unchecked": {"X" + good[1:], cardcode.ErrKind},
		"another kind":       {"S" + good[1:], cardcode.ErrCheck},
		"wrong digits":       {good[:9] + "00", cardcode.ErrCheck},
		"wrong serial":       {"P01000124" + good[9:], cardcode.ErrCheck},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := cardcode.Parse(tc.text); !errors.Is(err, tc.want) || c != (cardcode.Code{}) {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		kind           cardcode.Kind
		clinic, serial int
		want           error
	}{
		"least":        {cardcode.Patient, 0, 0, nil},
		"most":         {cardcode.Bottle, 99, 999_999, nil},
		"kind":         {'Q', 1, 1, cardcode.ErrKind},
		"small letter": {'p', 1, 1, cardcode.ErrKind},
		"clinic":       {cardcode.Staff, 100, 1, cardcode.ErrRange},
		"clinic below": {cardcode.Staff, -1, 1, cardcode.ErrRange},
		"serial":       {cardcode.Staff, 1, 1_000_000, cardcode.ErrRange},
		"serial below": {cardcode.Staff, 1, -1, cardcode.ErrRange},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := cardcode.New(tc.kind, tc.clinic, tc.serial); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestFormatPanicsOutOfRange(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	cardcode.Format(cardcode.Patient, 100, 1)
}

func anyCode() *rapid.Generator[cardcode.Code] {
	return rapid.Custom(func(t *rapid.T) cardcode.Code {
		return cardcode.Code{
			Kind:   rapid.SampledFrom([]cardcode.Kind{cardcode.Patient, cardcode.Staff, cardcode.Bottle}).Draw(t, "kind"),
			Clinic: rapid.IntRange(0, cardcode.MaxClinic).Draw(t, "clinic"),
			Serial: rapid.IntRange(0, cardcode.MaxSerial).Draw(t, "serial"),
		}
	})
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyCode().Draw(t, "code")
		text := want.String()
		if len(text) != cardcode.Length {
			t.Fatalf("%q has %d characters", text, len(text))
		}
		for _, typed := range []string{text, strings.ToLower(text)} {
			if got, err := cardcode.Parse(typed); err != nil || got != want {
				t.Fatalf("%q read as %+v, %v", typed, got, err)
			}
		}
	})
}

// The whole number, letters as two digits, leaves 1 when divided by 97: the definition, computed another way.
func TestCheckDigitsAgainstTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching("[A-Z0-9]{1,20}").Draw(t, "text")
		var digits strings.Builder
		for _, c := range text + cardcode.CheckDigits(text) {
			if c >= 'A' {
				fmt.Fprintf(&digits, "%d", c-'A'+10)
				continue
			}
			digits.WriteRune(c)
		}
		n, _ := new(big.Int).SetString(digits.String(), 10)
		if rest := new(big.Int).Mod(n, big.NewInt(97)); rest.Int64() != 1 {
			t.Fatalf("%s leaves %s", digits.String(), rest)
		}
	})
}

// Every wrong character, in every place, is caught.
func TestSingleErrorsAreCaught(t *testing.T) {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	rapid.Check(t, func(t *rapid.T) {
		text := anyCode().Draw(t, "code").String()
		for i := range len(text) {
			for _, c := range []byte(alphabet) {
				wrong := text[:i] + string(c) + text[i+1:]
				if c == text[i] {
					continue
				}
				if _, err := cardcode.Parse(wrong); err == nil {
					t.Fatalf("%s passes for %s", wrong, text)
				}
			}
		}
	})
}

func TestTranspositionsAreCaught(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := anyCode().Draw(t, "code").String()
		for i := range len(text) - 1 {
			if text[i] == text[i+1] {
				continue
			}
			wrong := text[:i] + string([]byte{text[i+1], text[i]}) + text[i+2:]
			if _, err := cardcode.Parse(wrong); err == nil {
				t.Fatalf("%s passes for %s", wrong, text)
			}
		}
	})
}

// Text that is accepted is exactly what the code prints.
func FuzzParse(f *testing.F) {
	f.Add(cardcode.Format(cardcode.Patient, 1, 123))
	f.Add("p0100012300")
	f.Add("4006381333931")
	f.Add("ſ010001230")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := cardcode.Parse(text)
		if err == nil && c.String() != strings.ToUpper(text) {
			t.Errorf("%q read as %s", text, c)
		}
		if err != nil && c != (cardcode.Code{}) {
			t.Errorf("%q: an error and %+v", text, c)
		}
	})
}
