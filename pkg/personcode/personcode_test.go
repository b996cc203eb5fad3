package personcode_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/personcode"
)

const (
	citizen   = "001190012345|012345678|Nguyễn Thị Ánh|05031990|Nữ|12 Hàng Bạc, Hoàn Kiếm, Hà Nội|25042021"
	insurance = "DN4010123456789|4e677579e1bb856e2056c4836e2041|05/03/1990|1|48c3a0204ee1bb9969|01-001|01/01/2026|31/12/2026|15/12/2025|0123|4|$"
)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func TestParseCitizen(t *testing.T) {
	got, err := personcode.ParseCitizen(citizen)
	want := personcode.Citizen{
		ID: "001190012345", OldID: "012345678", Name: "Nguyễn Thị Ánh", Born: day(1990, 3, 5), Sex: personcode.Female,
		Address: "12 Hàng Bạc, Hoàn Kiếm, Hà Nội", Issued: day(2021, 4, 25), Raw: citizen,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	// A newer card adds fields; they are kept and nothing is read from them.
	got, err = personcode.ParseCitizen(citizen + "||Trần Văn B|")
	if err != nil || !cmp.Equal(got.Extra, []string{"", "Trần Văn B", ""}) {
		t.Errorf("%q, %v", got.Extra, err)
	}
	if _, err := personcode.ParseCitizen(strings.Replace(citizen, "012345678", "", 1)); err != nil {
		t.Errorf("without an old number: %v", err)
	}
}

// The fourth digit counts centuries from 1900 in twos and adds one for women; the next two are the year.
func TestCitizenNumberAgainstBirthAndSex(t *testing.T) {
	for name, tc := range map[string]struct {
		digits, born, sex string
		agree             bool
	}{
		"man of 1990":                {"090", "05031990", "Nam", true},
		"woman of 1990":              {"190", "05031990", "Nữ", true},
		"man of 2003":                {"203", "05032003", "Nam", true},
		"woman of 2003":              {"303", "05032003", "Nữ", true},
		"a woman with a man's digit": {"090", "05031990", "Nữ", false},
		"a man with a woman's digit": {"190", "05031990", "Nam", false},
		"another century":            {"090", "05032090", "Nam", false},
		"another year":               {"091", "05031990", "Nam", false},
	} {
		text := "001" + tc.digits + "012345||Người Thử|" + tc.born + "|" + tc.sex + "|Hà Nội|01012095"
		_, err := personcode.ParseCitizen(text)
		if tc.agree && err != nil || !tc.agree && !errors.Is(err, personcode.ErrContradiction) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseCitizenRefuses(t *testing.T) {
	change := func(old, now string) string { return strings.Replace(citizen, old, now, 1) }
	for name, tc := range map[string]struct {
		text string
		want error
	}{
		"nothing":                       {"", personcode.ErrShape},
		"a bare number":                 {"001190012345", personcode.ErrShape},
		"an EAN":                        {"4006381333931", personcode.ErrShape},
		"one field short":               {citizen[:strings.LastIndex(citizen, "|")], personcode.ErrShape},
		"eleven digits":                 {change("001190012345", "00119001234"), personcode.ErrShape},
		"a letter in the number":        {change("001190012345", "00119001234O"), personcode.ErrShape},
		"bytes that are no UTF-8":       {change("Ánh", "\xc1nh"), personcode.ErrShape},
		"a control character":           {change("Ánh", "A\x1dnh"), personcode.ErrShape},
		"an old number of eight digits": {change("012345678", "01234567"), personcode.ErrField},
		"no name":                       {change("Nguyễn Thị Ánh", " "), personcode.ErrField},
		"the name as a wedge mangles":   {change("Nữ", "N?"), personcode.ErrField},
		"31 June":                       {change("05031990", "31061990"), personcode.ErrDate},
		"a year of two digits":          {change("05031990", "050390"), personcode.ErrDate},
		"an issue before the birth":     {change("25042021", "25041980"), personcode.ErrDate},
		"the days swapped":              {change("05031990", "03051991"), personcode.ErrContradiction},
	} {
		if got, err := personcode.ParseCitizen(tc.text); !errors.Is(err, tc.want) || !cmp.Equal(got, personcode.Citizen{}) {
			t.Errorf("%s: %v; want %v", name, err, tc.want)
		} else if strings.Contains(err.Error(), "001190012345") || strings.Contains(err.Error(), "Nguy") {
			t.Errorf("%s: the error repeats a person's data: %v", name, err)
		}
	}
}

func TestInsuranceNumber(t *testing.T) {
	n, err := personcode.ParseInsuranceNumber("DN4010123456789")
	if err != nil || n.Group() != "DN" || n.Benefit() != 4 || n.Province() != "01" || n.Social() != "0123456789" {
		t.Errorf("%v %v %v %v, %v", n.Group(), n.Benefit(), n.Province(), n.Social(), err)
	}
	for _, s := range []string{
		"", "DN401012345678", "DN40101234567890", "dn4010123456789", "D14010123456789", "DN0010123456789", "DN6010123456789",
		"DN401012345678O", " DN401012345678", "0123456789", "DN4 01012345678",
	} {
		if n, err := personcode.ParseInsuranceNumber(s); !errors.Is(err, personcode.ErrShape) || n != "" {
			t.Errorf("%q: %q, %v", s, n, err)
		}
	}
}

func TestParseInsurance(t *testing.T) {
	got, err := personcode.ParseInsurance(insurance)
	want := personcode.Insurance{
		Number: "DN4010123456789", Name: "Nguyễn Văn A", Born: day(1990, 3, 5), Sex: personcode.Male, Address: "Hà Nội",
		Hospital: "01-001", From: day(2026, 1, 1), To: day(2026, 12, 31), Issued: day(2025, 12, 15),
		Extra: []string{"0123", "4"}, Raw: insurance,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	got, err = personcode.ParseInsurance(strings.Replace(insurance, "48c3a0204ee1bb9969", "-", 1))
	if err != nil || got.Address != "" {
		t.Errorf("without an address: %q, %v", got.Address, err)
	}
}

func TestParseInsuranceRefuses(t *testing.T) {
	change := func(old, now string) string { return strings.Replace(insurance, old, now, 1) }
	for name, tc := range map[string]struct {
		text string
		want error
	}{
		"nothing":                 {"", personcode.ErrShape},
		"the number alone":        {"DN4010123456789", personcode.ErrShape},
		"no closing dollar":       {strings.TrimSuffix(insurance, "$"), personcode.ErrShape},
		"cut off":                 {insurance[:60] + "|$", personcode.ErrShape},
		"a citizen card":          {citizen, personcode.ErrShape},
		"a benefit of 6":          {change("DN4", "DN6"), personcode.ErrShape},
		"half a hex digit":        {change("4e677579", "4e67757"), personcode.ErrField},
		"hex of no UTF-8":         {change("e1bb85", "e1bbff"), personcode.ErrField},
		"hex of a control":        {change("4e677579", "4e671d79"), personcode.ErrField},
		"no name":                 {change("4e677579e1bb856e2056c4836e2041", "-"), personcode.ErrField},
		"sex 3":                   {change("|1|", "|3|"), personcode.ErrField},
		"no hospital":             {change("01-001", ""), personcode.ErrField},
		"30 February":             {change("05/03/1990", "30/02/1990"), personcode.ErrDate},
		"a day of one digit":      {change("05/03/1990", "5/03/1990"), personcode.ErrDate},
		"it ends before it began": {change("31/12/2026", "31/12/2025"), personcode.ErrDate},
	} {
		if got, err := personcode.ParseInsurance(tc.text); !errors.Is(err, tc.want) || !cmp.Equal(got, personcode.Insurance{}) {
			t.Errorf("%s: %v; want %v", name, err, tc.want)
		}
	}
}

func anyDay(t *rapid.T, name string, from, to int) time.Time {
	return day(from, 1, 1).AddDate(0, 0, rapid.IntRange(0, 365*(to-from)).Draw(t, name))
}

func TestCardsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Z][a-zà-ỹ]{1,8} [A-Z][a-zà-ỹ]{1,8}`).Draw(t, "name")
		sex := rapid.SampledFrom([]personcode.Sex{personcode.Male, personcode.Female}).Draw(t, "sex")
		born := anyDay(t, "born", 1900, 2020)
		c := personcode.Citizen{
			OldID: rapid.StringMatching(`([0-9]{9})?`).Draw(t, "old"), Name: name, Born: born, Sex: sex,
			Address: rapid.StringMatching(`[0-9A-Za-zà-ỹ ,]{0,30}`).Draw(t, "address"), Issued: anyDay(t, "issued", 2021, 2026),
		}
		c.ID = fmt.Sprintf("001%d%02d%06d", (born.Year()-1900)/100*2+int(sex)-1, born.Year()%100, rapid.IntRange(0, 999999).Draw(t, "n"))
		c.Raw = c.String()
		if got, err := personcode.ParseCitizen(c.Raw); err != nil || !cmp.Equal(got, c) {
			t.Fatalf("%+v, %v; want %+v", got, err, c)
		}
		i := personcode.Insurance{
			Number: personcode.InsuranceNumber(rapid.StringMatching(`[A-Z]{2}[1-5][0-9]{12}`).Draw(t, "number")),
			Name:   name, Born: born, Sex: sex, Address: strings.TrimSpace(c.Address), Hospital: "01-001", From: c.Issued,
			To: c.Issued.AddDate(1, 0, 0), Issued: c.Issued,
		}
		i.Raw = i.String()
		if got, err := personcode.ParseInsurance(i.Raw); err != nil || !cmp.Equal(got, i) {
			t.Fatalf("%+v, %v; want %+v", got, err, i)
		}
	})
}

// One wrong digit among those that say sex, century and year is always found.
func TestOneWrongDigitContradicts(t *testing.T) {
	for i := 3; i <= 5; i++ {
		for off := byte(1); off <= 9; off++ {
			hurt := []byte(citizen)
			hurt[i] = '0' + (hurt[i]-'0'+off)%10
			if _, err := personcode.ParseCitizen(string(hurt)); !errors.Is(err, personcode.ErrContradiction) {
				t.Errorf("digit %d: %v", i+1, err)
			}
		}
	}
}

func FuzzParseCitizen(f *testing.F) {
	for _, s := range []string{citizen, citizen + "|x|", "||||||", "001190012345||A|05031990|Nam|B|25042021", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := personcode.ParseCitizen(text)
		if err == nil && c.String() != text {
			t.Fatalf("%q became %q", text, c.String())
		}
	})
}

func FuzzParseInsurance(f *testing.F) {
	for _, s := range []string{insurance, strings.ToUpper(insurance), "|||||||||$", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := personcode.ParseInsurance(text)
		if err != nil {
			return
		}
		again, err := personcode.ParseInsurance(c.String())
		again.Raw = c.Raw
		if err != nil || !cmp.Equal(again, c) {
			t.Fatalf("%q became %q: %v", text, c.String(), err)
		}
	})
}
