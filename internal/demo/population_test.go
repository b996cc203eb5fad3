package demo

import (
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestTheSameSeedGivesTheSamePeople(t *testing.T) {
	a, b := Population(7, 200, 2026), Population(7, 200, 2026)
	if diff := cmp.Diff(a, b, cmp.AllowUnexported(Person{})); diff != "" {
		t.Fatal(diff)
	}
	if cmp.Equal(a, Population(8, 200, 2026), cmp.AllowUnexported(Person{})) {
		t.Fatal("another seed gives the same people")
	}
}

func TestThePopulationIsPlausible(t *testing.T) {
	people := Population(1, 4000, 2026)
	var low, high, women, split, absentToday, long int
	for _, p := range people {
		checkPerson(t, p)
		if p.Dose <= 60*measure.Milligram {
			low++
		}
		if p.Dose > 120*measure.Milligram {
			high++
		}
		if p.Sex == patient.Female {
			women++
		}
		if p.Parts == 2 {
			split++
		}
		if !p.Comes(-1) {
			absentToday++
		}
		if p.Away >= 4 {
			long++
		}
	}
	for _, c := range []struct {
		what           string
		n, least, most int // per mille
	}{
		{"60 mg or less", low, 520, 680},
		{"above 120 mg", high, 50, 150},
		{"women", women, 30, 100},
		{"two parts a day", split, 2, 40},
		{"not there yesterday", absentToday, 20, 130},
		{"away for four days or more", long, 10, 60},
	} {
		if share := c.n * 1000 / len(people); share < c.least || share > c.most {
			t.Errorf("%s: %d ‰, want %d–%d ‰", c.what, share, c.least, c.most)
		}
	}
}

func checkPerson(t *testing.T, p Person) {
	t.Helper()
	if !norm.NFC.IsNormalString(p.Name) || len([]rune(p.Name)) < 6 {
		t.Errorf("name %q is not composed, or too short", p.Name)
	}
	for _, c := range p.Name {
		if !unicode.IsLetter(c) && c != ' ' {
			t.Errorf("name %q has a %q in it", p.Name, c)
		}
	}
	order := prescription.Prescription{Dose: p.Dose, Parts: parts(p.Dose, p.Parts), Phase: p.Phase, From: 1, To: 1}
	if err := order.Validate(); err != nil {
		t.Errorf("%s %s in %d parts: %v", p.Name, p.Dose, p.Parts, err)
	}
	if p.Phase == patient.Induction && p.Dose > 30*measure.Milligram {
		t.Errorf("%s starts with %s", p.Name, p.Dose)
	}
	if years := 2026 - p.BirthYear; years < 18 || years > 70 {
		t.Errorf("%s is %d years old", p.Name, years)
	}
	if p.Hold != nil {
		if err := (prescription.Hold{Severity: p.Hold.Severity, Reason: p.Hold.Reason, ClearedBy: p.Hold.ClearedBy}).Validate(); err != nil {
			t.Error(err)
		}
	}
}

// A longer absence needs the doctor; whoever keeps coming must not run into it by chance.
func TestNobodyWhoKeepsComingMissesFourDaysInARow(t *testing.T) {
	for _, p := range Population(3, 500, 2026) {
		missed := 0
		for offset := -HistoryDays; offset < 200 && p.Away == 0; offset++ {
			if missed++; p.Comes(offset) {
				missed = 0
			}
			if missed > 3 {
				t.Fatalf("%s misses four days up to day %d", p.Name, offset)
			}
		}
	}
}

func TestDosesMoveWithThePhase(t *testing.T) {
	for phase, want := range map[patient.Phase][3]measure.Mass{ // ten days before, day 0, ten days after
		patient.Induction:   {15, 30, 45},
		patient.Adjustment:  {20, 30, 40},
		patient.Maintenance: {30, 30, 30},
		patient.Taper:       {35, 30, 30},
	} {
		p := Person{Phase: phase, Dose: 30 * measure.Milligram}
		for i, offset := range []int{-10, 0, 10} {
			if got := p.DoseOn(offset); got != want[i]*measure.Milligram {
				t.Errorf("%s on day %d: %s, want %d mg", phase, offset, got, want[i])
			}
		}
	}
}

func TestTheProvinceHas724Patients(t *testing.T) {
	total := 0
	for _, c := range province {
		total += c.patients
	}
	if len(province) != 5 || total != 724 {
		t.Fatalf("%d clinics with %d patients", len(province), total)
	}
}
