package checkchar_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/checkchar"
)

// The clinic's own cards carry the same check digits.
func TestMod97IsThatOfTheCards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching("[0-9A-Z]{1,20}").Draw(t, "text")
		if got, err := checkchar.Mod97.Of(text); err != nil || got != cardcode.CheckDigits(text) {
			t.Fatalf("%q: %q, %v; the card has %q", text, got, err, cardcode.CheckDigits(text))
		}
	})
}

// Examples that are printed in the descriptions of the systems.
func TestPublishedExamples(t *testing.T) {
	for name, tc := range map[string]struct {
		system      checkchar.System
		text, check string
	}{
		"MOD 97-10":             {checkchar.Mod97, "794", "44"},
		"MOD 97-10, an IBAN":    {checkchar.Mod97, "WEST12345698765432GB", "82"},
		"MOD 37-2, a blood bag": {checkchar.Mod37, "G123498654321", "H"},
		"Damm":                  {checkchar.Damm, "572", "4"},
		"Luhn":                  {checkchar.Luhn, "7992739871", "3"},
		"GTIN-14":               {checkchar.Mod10, "0893500012345", "4"},
		"EAN-13":                {checkchar.Mod10, "400638133393", "1"},
		"EAN-8":                 {checkchar.Mod10, "9638507", "4"},
		"SSCC":                  {checkchar.Mod10, "10614141000000041", "5"},
	} {
		if got, err := tc.system.Of(tc.text); err != nil || got != tc.check {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tc.check)
		}
		if !tc.system.Valid(tc.text + tc.check) {
			t.Errorf("%s: its own example is invalid", name)
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		system checkchar.System
		text   string
		want   error
	}{
		"nothing":                   {checkchar.Mod97, "", checkchar.ErrEmpty},
		"a letter among digits":     {checkchar.Damm, "5A2", checkchar.ErrCharacter},
		"a letter in a Luhn number": {checkchar.Luhn, "O", checkchar.ErrCharacter},
		"a small letter":            {checkchar.Mod97, "a1", checkchar.ErrCharacter},
		"an asterisk inside":        {checkchar.Mod37, "A*", checkchar.ErrCharacter},
		"a blank":                   {checkchar.Mod10, "1 2", checkchar.ErrCharacter},
		"digits of another script":  {checkchar.Mod10, "٣", checkchar.ErrCharacter},
		"no system":                 {0, "12", checkchar.ErrCharacter},
	} {
		if got, err := tc.system.Append(tc.text); !errors.Is(err, tc.want) {
			t.Errorf("%s: %q, %v; want %v", name, got, err, tc.want)
		}
		if tc.system.Valid(tc.text) {
			t.Errorf("%s: valid", name)
		}
	}
	for system, text := range map[checkchar.System]string{
		checkchar.Mod97: "44", checkchar.Mod37: "1", checkchar.Damm: "0", checkchar.Luhn: "0", checkchar.Mod10: "0",
	} {
		if system.Valid(text) {
			t.Errorf("%d: check characters of nothing are valid", system)
		}
	}
}

// 97 goes into 100 once, so three pairs of digits leave the same rest as another: only the one that is computed counts.
func TestMod97HasOneAnswer(t *testing.T) {
	valid := 0
	for a := '0'; a <= '9'; a++ {
		for b := '0'; b <= '9'; b++ {
			if checkchar.Mod97.Valid("97" + string(a) + string(b)) {
				valid++
			}
		}
	}
	if valid != 1 {
		t.Errorf("%d pairs of check digits are taken", valid)
	}
}

type alphabet struct {
	system  checkchar.System
	pattern string
	swaps   func(a, b byte) bool // whether the swap of two different neighbours must be found
}

func alphabets() []alphabet {
	always := func(byte, byte) bool { return true }
	isDigit := func(c byte) bool { return c <= '9' }
	return []alphabet{
		{checkchar.Mod97, "[0-9A-Z]{1,20}", func(a, b byte) bool { return isDigit(a) == isDigit(b) }},
		{checkchar.Mod37, "[0-9A-Z]{1,20}", always},
		{checkchar.Damm, "[0-9]{1,20}", always},
		{checkchar.Luhn, "[0-9]{1,20}", func(a, b byte) bool { return a+b != '0'+'9' || a != '0' && a != '9' }},
		{checkchar.Mod10, "[0-9]{1,20}", func(a, b byte) bool { return a-b != 5 && b-a != 5 }},
	}
}

// What is appended is valid; one wrong character, or two swapped, is not.
func TestFindsMistakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom(alphabets()).Draw(t, "system")
		body := rapid.StringMatching(a.pattern).Draw(t, "body")
		text, err := a.system.Append(body)
		if err != nil || !a.system.Valid(text) {
			t.Fatalf("%q: %v", text, err)
		}
		i := rapid.IntRange(0, len(body)-1).Draw(t, "at")
		wrong := []byte(text)
		wrong[i] = rapid.StringMatching(a.pattern).Draw(t, "wrong")[0]
		sameKind := (wrong[i] <= '9') == (text[i] <= '9')
		if wrong[i] != text[i] && (sameKind || a.system != checkchar.Mod97) && a.system.Valid(string(wrong)) {
			t.Fatalf("%q passes for %q", wrong, text)
		}
		if i+1 == len(body) || body[i] == body[i+1] || !a.swaps(body[i], body[i+1]) {
			return
		}
		swapped := []byte(text)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		if a.system.Valid(string(swapped)) {
			t.Fatalf("%q passes for %q", swapped, text)
		}
	})
}

func FuzzValid(f *testing.F) {
	for _, s := range []string{"79444", "G123498654321H", "5724", "79927398713", "08935000123454", "", "*", "0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for s := checkchar.Mod97; s <= checkchar.Mod10; s++ {
			if !s.Valid(text) {
				continue
			}
			body := text[:len(text)-s.Length()]
			if again, err := s.Append(body); err != nil || again != text {
				t.Fatalf("system %d takes %q and makes %q, %v", s, text, again, err)
			}
		}
	})
}
