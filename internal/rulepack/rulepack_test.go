package rulepack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/rulepack"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func load(t testing.TB, name string) dosing.Pack {
	t.Helper()
	p, err := rulepack.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryShippedPackLoads(t *testing.T) {
	if got, want := rulepack.Names(), []string{"au", "uk", "us", "vn"}; !slices.Equal(got, want) {
		t.Fatalf("names %v, want %v", got, want)
	}
	for _, name := range rulepack.Names() {
		p := load(t, name)
		if p.Name != name || p.Version < 1 || p.Adopted {
			t.Errorf("%s: name %q version %d adopted %t", name, p.Name, p.Version, p.Adopted)
		}
	}
}

func TestLoadRefusesAnUnknownName(t *testing.T) {
	for _, name := range []string{"", "xx", "VN", "../vn", "vn.yaml"} {
		if _, err := rulepack.Load(name); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What is verified binds without a signature, so each such value is listed here by hand.
func TestVerifiedValues(t *testing.T) {
	want := map[string][]string{
		"vn": {"rx.max_days.maintenance"},
		"us": nil,
		"au": {"missed.table", "bottle.low"},
		"uk": {"missed.table"},
	}
	for name, keys := range want {
		var got []string
		for key, l := range limits(load(t, name)) {
			if l.verified {
				got = append(got, key)
			}
		}
		slices.Sort(got)
		slices.Sort(keys)
		if diff := cmp.Diff(keys, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A value is set with a source or is not there at all, and what Lieu chose says so.
func TestSources(t *testing.T) {
	for _, name := range rulepack.Names() {
		for key, l := range limits(load(t, name)) {
			if l.set == (l.note != "") || l.set != (l.source != "") || (!l.set && l.verified) {
				t.Errorf("%s %s: set %t, source %q, note %q, verified %t", name, key, l.set, l.source, l.note, l.verified)
			}
		}
		for _, key := range []string{"dose.min_hours", "dose.jump_warn", "dose.jump_stop", "device.verify", "drift.warn", "drift.stop"} {
			if l := limits(load(t, name))[key]; !strings.HasPrefix(l.source, "Lieu's own choice") || l.verified {
				t.Errorf("%s %s: source %q, verified %t", name, key, l.source, l.verified)
			}
		}
	}
}

type limit struct {
	set, verified bool
	source, note  string
}

func limits(p dosing.Pack) map[string]limit {
	all := map[string]limit{}
	for _, v := range p.Values() {
		all[v.Key] = limit{v.Set, v.Verified, v.Source, v.Note}
	}
	return all
}

func TestVietnam(t *testing.T) {
	p := load(t, "vn")
	days := make(map[patient.Phase]int)
	for phase, l := range p.MaxOrderDays {
		days[phase] = l.Value
	}
	if diff := cmp.Diff(map[patient.Phase]int{patient.Induction: 1, patient.Adjustment: 5, patient.Maintenance: 30, patient.Taper: 14}, days); diff != "" {
		t.Errorf("order days (-want +got):\n%s", diff)
	}
	if p.HardCeiling.Set || p.FirstDayMax.Set || p.StepMax.Set || p.StepMinDays.Set {
		t.Error("a number of the unread guideline is set")
	}
	if p.LowBottle.Value != 100*measure.Millilitre || p.MinHours.Value != 12*time.Hour || !p.VerifyDevices.Value {
		t.Errorf("low bottle %s, hours %s, verify %t", p.LowBottle.Value, p.MinHours.Value, p.VerifyDevices.Value)
	}
	if p.JumpWarn.Value != 30 || p.JumpStop.Value != 100 {
		t.Errorf("jump %d and %d", p.JumpWarn.Value, p.JumpStop.Value)
	}
}

func TestMissedTables(t *testing.T) {
	same, half, see, anew := dosing.AdviceSameDose, dosing.AdviceHalfDose, dosing.AdviceSeePrescriber, dosing.AdviceNewInduction
	for name, want := range map[string][]dosing.MissedStep{
		"vn": {{FromDays: 1, Severity: dosing.Warning, Advice: same}, {FromDays: 4, Severity: dosing.Refer, Advice: see}, {FromDays: 6, Severity: dosing.Refer, Advice: anew}},
		"us": {{FromDays: 3, Severity: dosing.Refer, Advice: see}},
		"uk": {{FromDays: 3, Severity: dosing.Refer, Advice: see}},
		"au": {
			{FromDays: 1, Severity: dosing.Information, Advice: same}, {FromDays: 2, Severity: dosing.Warning, Advice: same},
			{FromDays: 3, Severity: dosing.Refer, Advice: half}, {FromDays: 4, Severity: dosing.Refer, Advice: see}, {FromDays: 5, Severity: dosing.Refer, Advice: anew},
		},
	} {
		if diff := cmp.Diff(want, load(t, name).Missed.Value); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestUnitedStates(t *testing.T) {
	if p := load(t, "us"); p.FirstDayMax.Value != 50*measure.Milligram || p.FirstDayMax.Verified {
		t.Errorf("first day %s, verified %t", p.FirstDayMax.Value, p.FirstDayMax.Verified)
	}
}

// What people read before they sign is what the rules read.
func TestValuesAreThoseOfTheFile(t *testing.T) {
	got := make(map[string]string)
	for _, v := range load(t, "vn").Values() {
		if v.Set {
			got[v.Key] = fmt.Sprint(v.Amount, " ", v.Unit)
		}
		if v.Unit == dosing.Table && len(v.Steps) != int(v.Amount) {
			t.Errorf("%s: %d rows, not %d", v.Key, len(v.Steps), v.Amount)
		}
	}
	want := map[string]string{
		"rx.max_days.induction": "1 days", "rx.max_days.adjustment": "5 days", "rx.max_days.maintenance": "30 days", "rx.max_days.taper": "14 days",
		"dose.min_hours": "12 hours", "dose.jump_warn": "30 percent", "dose.jump_stop": "100 percent", "missed.table": "3 table",
		"device.verify": "1 yes_no", "drift.warn": "6000 ppm", "drift.stop": "10000 ppm", "bottle.low": "100000 ul",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every key that a rule of the book reads is a key of the packs, and the other way round.
func TestKeysAreThoseOfTheBook(t *testing.T) {
	book := make(map[string]bool)
	for _, r := range dosing.Rules() {
		if r.Value != "" {
			book[r.Value] = true
		}
	}
	packs := make(map[string]bool)
	for key := range limits(load(t, "vn")) {
		if strings.HasPrefix(key, "rx.max_days.") {
			key = "rx.max_days"
		}
		packs[key] = true
	}
	if diff := cmp.Diff(book, packs); diff != "" {
		t.Errorf("the book (-) and the packs (+):\n%s", diff)
	}
}
