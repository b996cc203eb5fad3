package patient_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
)

func TestValidate(t *testing.T) {
	today := calendar.DateOf(2026, time.March, 10)
	for name, tc := range map[string]struct {
		change func(*patient.Patient)
		key    string
	}{
		"sound":                    {func(*patient.Patient) {}, ""},
		"no name":                  {func(p *patient.Patient) { p.Name = "" }, "patient.name"},
		"blank name":               {func(p *patient.Patient) { p.Name = " \u00a0" }, "patient.name"},
		"blank before":             {func(p *patient.Patient) { p.Name = " An" }, "patient.name"},
		"blank after":              {func(p *patient.Patient) { p.Name = "An\t" }, "patient.name"},
		"line end inside":          {func(p *patient.Patient) { p.Name = "An\nBình" }, "patient.name"},
		"line separator inside":    {func(p *patient.Patient) { p.Name = "An\u2028Bình" }, "patient.name"},
		"NUL inside":               {func(p *patient.Patient) { p.Name = "An\x00" }, "patient.name"},
		"turned around":            {func(p *patient.Patient) { p.Name = "An\u202eBình" }, "patient.name"},
		"zero width inside":        {func(p *patient.Patient) { p.Name = "An\u200bBình" }, "patient.name"},
		"not text":                 {func(p *patient.Patient) { p.Name = "An\xff" }, "patient.name"},
		"longest name, in letters": {func(p *patient.Patient) { p.Name = strings.Repeat("ễ", patient.MaxNameLength) }, ""},
		"longer":                   {func(p *patient.Patient) { p.Name = strings.Repeat("ễ", patient.MaxNameLength+1) }, "patient.name"},
		"apostrophe and hyphen":    {func(p *patient.Patient) { p.Name = "O'Brien-Nguyễn" }, ""},
		"female":                   {func(p *patient.Patient) { p.Sex = patient.Female }, ""},
		"no sex":                   {func(p *patient.Patient) { p.Sex = "" }, "patient.sex"},
		"a capital":                {func(p *patient.Patient) { p.Sex = "Male" }, "patient.sex"},
		"twelve this year":         {func(p *patient.Patient) { p.BirthYear = 2014 }, ""},
		"eleven this year":         {func(p *patient.Patient) { p.BirthYear = 2015 }, "patient.birth_year"},
		"a hundred and ten":        {func(p *patient.Patient) { p.BirthYear = 1916 }, ""},
		"older":                    {func(p *patient.Patient) { p.BirthYear = 1915 }, "patient.birth_year"},
		"no birth year":            {func(p *patient.Patient) { p.BirthYear = 0 }, "patient.birth_year"},
		"two digits":               {func(p *patient.Patient) { p.BirthYear = 85 }, "patient.birth_year"},
	} {
		t.Run(name, func(t *testing.T) {
			p := patient.Patient{Name: "Nguyễn Văn Đệ", Sex: patient.Male, BirthYear: 1985}
			tc.change(&p)
			err := p.Validate(today)
			if tc.key == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var f *fault.Error
			if !errors.As(err, &f) || f.Key != tc.key || f.Code != fault.Invalid {
				t.Fatalf("got %v, want %s", err, tc.key)
			}
			if p.Name != "" && strings.Contains(f.Detail, p.Name) {
				t.Error("the name is in the error")
			}
		})
	}
}
