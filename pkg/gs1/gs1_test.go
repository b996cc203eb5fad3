package gs1_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/checkchar"
	"github.com/lieu-clinic/lieu/pkg/gs1"
)

func at(year int) time.Time { return time.Date(year, time.June, 15, 12, 0, 0, 0, time.UTC) }

func ExampleParse() {
	m, err := gs1.Parse("]d20108935000123454"+"17251231"+"10LOT42\x1d"+"21SER0001", at(2026))
	expiry, ok := m.Date(gs1.Expiry)
	fmt.Println(m.Elements, expiry, ok, err)
	// Output: [{01 08935000123454} {17 251231} {10 LOT42} {21 SER0001}] 2025-12-31 true <nil>
}

func TestParse(t *testing.T) {
	type e = gs1.Element
	for name, tc := range map[string]struct {
		code string
		want []e
	}{
		"no prefix":                              {"0108935000123454", []e{{"01", "08935000123454"}}},
		"GS1-128":                                {"]C110LOT42", []e{{"10", "LOT42"}}},
		"GS1 DataMatrix":                         {"]d210LOT42", []e{{"10", "LOT42"}}},
		"GS1 QR":                                 {"]Q310LOT42", []e{{"10", "LOT42"}}},
		"GS1 DataBar":                            {"]e00108935000123454", []e{{"01", "08935000123454"}}},
		"GS1 DotCode":                            {"]J110LOT42", []e{{"10", "LOT42"}}},
		"EAN-13":                                 {"]E04006381333931", []e{{"01", "04006381333931"}}},
		"EAN-8":                                  {"]E496385074", []e{{"01", "00000096385074"}}},
		"a stray separator after a fixed field":  {"17251231\x1d10LOT", []e{{"17", "251231"}, {"10", "LOT"}}},
		"a stray separator at the end":           {"10LOT\x1d", []e{{"10", "LOT"}}},
		"a stray separator after the last fixed": {"17251231\x1d", []e{{"17", "251231"}}},
		"twenty characters":                      {"10" + strings.Repeat("Z", 20), []e{{"10", strings.Repeat("Z", 20)}}},
		"every kind of character":                {"21!\"%&'()*+,-./:;<=\x1d10>?_az09AZ", []e{{"21", "!\"%&'()*+,-./:;<="}, {"10", ">?_az09AZ"}}},
		"a box":                                  {"00106141410000000415", []e{{"00", "106141410000000415"}}},
		"a measure":                              {"310300123410L", []e{{"3103", "001234"}, {"10", "L"}}},
		"a place":                                {"414400638133393110L", []e{{"414", "4006381333931"}, {"10", "L"}}},
		"a count":                                {"3712\x1d10L", []e{{"37", "12"}, {"10", "L"}}},
		"a variant":                              {"200110L", []e{{"20", "01"}, {"10", "L"}}},
		"the batch swallowed the expiry":         {"10LOT4217251231", []e{{"10", "LOT4217251231"}}},
	} {
		if m, err := gs1.Parse(tc.code, at(2026)); err != nil || !cmp.Equal(m.Elements, tc.want) {
			t.Errorf("%s: %v, %v; want %v", name, m.Elements, err, tc.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		code string
		want error
	}{
		"nothing":                          {"", gs1.ErrEmpty},
		"a prefix alone":                   {"]d2", gs1.ErrEmpty},
		"half a prefix":                    {"]d", gs1.ErrCarrier},
		"plain Code 128":                   {"]C00108935000123454", gs1.ErrCarrier},
		"plain DataMatrix":                 {"]d10108935000123454", gs1.ErrCarrier},
		"plain QR":                         {"]Q10108935000123454", gs1.ErrCarrier},
		"Code 39":                          {"]A010LOT", gs1.ErrCarrier},
		"an EAN with a tail":               {"]E0400638133393110LOT", gs1.ErrCarrier},
		"an EAN with a wrong digit":        {"]E04006381333932", gs1.ErrCheckDigit},
		"an unknown field":                 {"99X", gs1.ErrUnknownAI},
		"an unknown field after a good":    {"10LOT\x1d8X", gs1.ErrUnknownAI},
		"a leading separator":              {"\x1d10LOT", gs1.ErrSeparator},
		"two separators":                   {"10LOT\x1d\x1d21S", gs1.ErrSeparator},
		"two separators at the end":        {"17251231\x1d\x1d", gs1.ErrSeparator},
		"a wrong check digit":              {"0108935000123455", gs1.ErrCheckDigit},
		"a wrong check digit of a box":     {"00106141410000000414", gs1.ErrCheckDigit},
		"a wrong check digit of a place":   {"4144006381333932", gs1.ErrCheckDigit},
		"a fixed field that ends early":    {"010893500012345", gs1.ErrShort},
		"a date that ends early":           {"1725123", gs1.ErrShort},
		"a separator inside a fixed field": {"17251\x1d10LOT", gs1.ErrCharacter},
		"an empty batch":                   {"10", gs1.ErrShort},
		"an empty batch before another":    {"10\x1d21S", gs1.ErrShort},
		"a batch of 21 characters":         {"10" + strings.Repeat("Z", 21), gs1.ErrLong},
		"a count of nine digits":           {"37123456789", gs1.ErrLong},
		"a letter in a count":              {"371A", gs1.ErrCharacter},
		"a letter in an article":           {"01089350001234A4", gs1.ErrCharacter},
		"a blank in a batch":               {"10LOT 42", gs1.ErrCharacter},
		"a hash in a batch":                {"10LOT#42", gs1.ErrCharacter},
		"a bracket in a batch":             {"10LOT]42", gs1.ErrCharacter},
		"Vietnamese in a batch":            {"10LÔ42", gs1.ErrCharacter},
		"another control character":        {"10LOT\x1e42", gs1.ErrCharacter},
		"month 0":                          {"17250001", gs1.ErrDate},
		"month 13":                         {"17251301", gs1.ErrDate},
		"day 32":                           {"17251232", gs1.ErrDate},
		"31 June":                          {"17250631", gs1.ErrDate},
		"29 February of a common year":     {"17250229", gs1.ErrDate},
		"the same field twice":             {"17251231" + "17251231", gs1.ErrRepeated},
	} {
		if m, err := gs1.Parse(tc.code, at(2026)); !errors.Is(err, tc.want) || m.Elements != nil {
			t.Errorf("%s: %v, %v; want %v", name, m.Elements, err, tc.want)
		}
	}
}

// A year is up to 50 years ahead of now and up to 49 back; day 00 is the last of its month.
func TestDates(t *testing.T) {
	for name, tc := range map[string]struct {
		yymmdd string
		now    int
		want   string
	}{
		"this year":                       {"260101", 2026, "2026-01-01"},
		"50 years ahead":                  {"760101", 2026, "2076-01-01"},
		"51 years ahead is 49 back":       {"770101", 2026, "1977-01-01"},
		"49 years back, across a century": {"990101", 2048, "1999-01-01"},
		"50 years back is 50 ahead":       {"000101", 2050, "2100-01-01"},
		"49 years back":                   {"010101", 2050, "2001-01-01"},
		"at the end of a century":         {"100101", 2099, "2110-01-01"},
		"day 00 of a long month":          {"251200", 2026, "2025-12-31"},
		"day 00 of June":                  {"250600", 2026, "2025-06-30"},
		"day 00 of February":              {"250200", 2026, "2025-02-28"},
		"day 00 of a leap February":       {"280200", 2026, "2028-02-29"},
		"29 February of a leap year":      {"280229", 2026, "2028-02-29"},
	} {
		m, err := gs1.Parse("17"+tc.yymmdd, at(tc.now))
		if d, ok := m.Date(gs1.Expiry); err != nil || !ok || d.String() != tc.want {
			t.Errorf("%s: %v, %v, %v; want %s", name, d, ok, err, tc.want)
		}
	}
	m, err := gs1.Parse("10251231", at(2026))
	if d, ok := m.Date(gs1.Batch); err != nil || ok {
		t.Errorf("a batch number was read as the date %v, %v", d, err)
	}
}

// A lost separator leaves no expiry: it is said, and nothing is guessed from the batch.
func TestASwallowedExpiryIsNoExpiry(t *testing.T) {
	for code, doubt := range map[string]bool{
		"10LOT4217251231":             true,
		"10LOT421725123121S":          true,
		"10LOT4217251300":             false, // no such month
		"10LOT42":                     false,
		"1017251231":                  false, // a batch number cannot be empty
		"10LOT4217251231\x1d" + "21S": true,
	} {
		m, err := gs1.Parse(code, at(2026))
		if d, ok := m.Date(gs1.Expiry); err != nil || ok || m.MaySwallow() != doubt {
			t.Errorf("%q: expiry %v %v, doubt %v, %v", code, d, ok, m.MaySwallow(), err)
		}
	}
	m, err := gs1.Parse("1725123110LOT4217251231", at(2026))
	if _, ok := m.Date(gs1.Expiry); err != nil || !ok || m.MaySwallow() {
		t.Errorf("%v: an expiry that is there is not in doubt: %v", m, err)
	}
}

func TestFormatRefuses(t *testing.T) {
	type e = gs1.Element
	for name, tc := range map[string]struct {
		elements []e
		want     error
	}{
		"nothing":             {nil, gs1.ErrEmpty},
		"an unknown field":    {[]e{{"99", "X"}}, gs1.ErrUnknownAI},
		"a separator inside":  {[]e{{"10", "A\x1dB"}}, gs1.ErrCharacter},
		"a wrong check digit": {[]e{{"01", "08935000123455"}}, gs1.ErrCheckDigit},
		"an impossible day":   {[]e{{"17", "251332"}}, gs1.ErrDate},
		"a field twice":       {[]e{{"10", "A"}, {"10", "B"}}, gs1.ErrRepeated},
		"too long":            {[]e{{"10", strings.Repeat("A", 21)}}, gs1.ErrLong},
	} {
		if got, err := gs1.Format(tc.elements, at(2026)); !errors.Is(err, tc.want) || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestArticle(t *testing.T) {
	for number, want := range map[string]string{
		"96385074": "00000096385074", "036000291452": "00036000291452",
		"4006381333931": "04006381333931", "08935000123454": "08935000123454",
	} {
		if got, err := gs1.Article(number); err != nil || got != want {
			t.Errorf("%s: %s, %v", number, got, err)
		}
	}
	for number, want := range map[string]error{
		"": gs1.ErrShort, "123": gs1.ErrShort, "123456789012345": gs1.ErrShort,
		"4006381333932": gs1.ErrCheckDigit, "400638133393x": gs1.ErrCharacter,
	} {
		if got, err := gs1.Article(number); !errors.Is(err, want) || got != "" {
			t.Errorf("%q: %s, %v", number, got, err)
		}
	}
}

// anyElements draws fields that a maker might print, in any order.
func anyElements(t *rapid.T) []gs1.Element {
	checked := func(n int) string {
		body := rapid.StringMatching(fmt.Sprintf("[0-9]{%d}", n)).Draw(t, "number")
		whole, err := checkchar.Mod10.Append(body)
		if err != nil {
			t.Fatal(err)
		}
		return whole
	}
	text := func() string { return rapid.StringMatching(`[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}`).Draw(t, "text") }
	date := func() string {
		d := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 36500).Draw(t, "day"))
		return d.Format("060102")
	}
	makers := map[string]func() string{
		"00": func() string { return checked(17) }, "01": func() string { return checked(13) },
		"414": func() string { return checked(12) }, "10": text, "21": text, "11": date, "17": date, "15": date,
		"37":   func() string { return rapid.StringMatching("[0-9]{1,8}").Draw(t, "count") },
		"3103": func() string { return rapid.StringMatching("[0-9]{6}").Draw(t, "weight") },
	}
	ais := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"00", "01", "414", "10", "21", "11", "17", "15", "37", "3103"}), 1, 8,
		rapid.ID[string]).Draw(t, "fields")
	var all []gs1.Element
	for _, ai := range ais {
		all = append(all, gs1.Element{AI: ai, Value: makers[ai]()})
	}
	return all
}

// What is written is read again.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyElements(t)
		code, err := gs1.Format(want, at(2026))
		if err != nil {
			t.Fatal(err)
		}
		prefix := rapid.SampledFrom([]string{"", "]C1", "]d2", "]Q3"}).Draw(t, "prefix")
		m, err := gs1.Parse(prefix+code, at(2026))
		if err != nil || !cmp.Equal(m.Elements, want) {
			t.Fatalf("%q: %v, %v; want %v", code, m.Elements, err, want)
		}
	})
}

// One wrong digit in an article number is never read as another article.
func TestAWrongDigitIsNoArticle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, err := checkchar.Mod10.Append(rapid.StringMatching("[0-9]{13}").Draw(t, "number"))
		if err != nil {
			t.Fatal(err)
		}
		hurt := []byte("01" + whole)
		i := rapid.IntRange(2, len(hurt)-1).Draw(t, "at")
		hurt[i] = '0' + (hurt[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "off")))%10
		if m, err := gs1.Parse(string(hurt), at(2026)); err == nil {
			t.Fatalf("%q: %v", hurt, m.Elements)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"]d20108935000123454" + "17251231" + "10LOT42\x1d21SER0001", "]C100106141410000000415", "]E04006381333931", "]E496385074",
		"10LOT4217251231", "17251200\x1d", "3103001234", "99X", "\x1d", "]", "]Q1http", "10\xff", "01089350001234541725",
	} {
		f.Add(s, 2026)
	}
	f.Fuzz(func(t *testing.T, code string, year int) {
		now := at(1900 + (year&0x7fffffff)%300)
		m, err := gs1.Parse(code, now)
		if err != nil {
			if m.Elements != nil {
				t.Fatalf("%q: %v beside %v", code, m.Elements, err)
			}
			return
		}
		again, err := gs1.Format(m.Elements, now)
		if err != nil {
			t.Fatalf("%q was read as %v, which cannot be written: %v", code, m.Elements, err)
		}
		same, err := gs1.Parse(again, now)
		if err != nil || !cmp.Equal(same.Elements, m.Elements) {
			t.Fatalf("%q became %q: %v, %v", code, again, same.Elements, err)
		}
		if d, ok := m.Date(gs1.Expiry); ok {
			if ahead := d.Year - now.Year(); ahead > 50 || ahead < -49 {
				t.Fatalf("%q in %d: %v", code, now.Year(), d)
			}
		}
	})
}
