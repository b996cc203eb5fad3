package dosing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestDecide(t *testing.T) {
	for group, table := range rows() {
		for name, r := range table {
			t.Run(group+"/"+name, func(t *testing.T) {
				f, p := ordinary(), adopted()
				r.change(&f, &p)
				d := dosing.Decide(p, f)
				if diff := cmp.Diff(r.want, said(d)); diff != "" {
					t.Errorf("reasons (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// said lists refusals and notes as "severity rule".
func said(d dosing.Decision) []string {
	var all []string
	for _, r := range slices.Concat(d.Refusals, d.Notes) {
		all = append(all, string(r.Severity)+" "+string(r.Rule))
	}
	return all
}

func TestEveryRuleIsProducedByARow(t *testing.T) {
	seen := make(map[dosing.RuleID]bool)
	for _, table := range rows() {
		for _, r := range table {
			f, p := ordinary(), adopted()
			r.change(&f, &p)
			d := dosing.Decide(p, f)
			for _, reason := range slices.Concat(d.Refusals, d.Notes) {
				seen[reason.Rule] = true
			}
		}
	}
	for _, r := range dosing.Rules() {
		if !seen[r.ID] {
			t.Errorf("no row produces %s", r.ID)
		}
		delete(seen, r.ID)
	}
	for id := range seen {
		t.Errorf("%s is not in the book", id)
	}
}

// A value that nobody read and nobody signed sends to the doctor or warns; it never stops.
func TestUnboundValues(t *testing.T) {
	for _, table := range rows() {
		for name, r := range table {
			f, p := ordinary(), adopted()
			r.change(&f, &p)
			bound := dosing.Decide(p, f)
			p.Adopted = false
			unbound := dosing.Decide(p, f)
			for _, rule := range dosing.Rules() {
				if rule.Value == "" {
					continue
				}
				was, is := reasonsOf(bound, rule.ID), reasonsOf(unbound, rule.ID)
				if len(was) != len(is) {
					t.Errorf("%s: %s spoke %d times bound and %d times unbound", name, rule.ID, len(was), len(is))
					continue
				}
				for i := range is {
					want := was[i].Severity
					if want == dosing.Stop {
						want = rule.Unbound
					}
					if is[i].Severity != want || is[i].Verified || !was[i].Verified {
						t.Errorf("%s: %s unbound is %s verified %t, want %s; bound verified %t", name, rule.ID, is[i].Severity, is[i].Verified, want, was[i].Verified)
					}
				}
			}
		}
	}
}

// An unset value does nothing, whatever number was left in it.
func TestUnsetValues(t *testing.T) {
	for _, table := range rows() {
		for name, r := range table {
			f, p := ordinary(), adopted()
			r.change(&f, &p)
			for phase, l := range p.MaxOrderDays {
				l.Set = false
				p.MaxOrderDays[phase] = l
			}
			p.HardCeiling.Set, p.FirstDayMax.Set, p.StepMax.Set, p.StepMinDays.Set, p.MinHours.Set = false, false, false, false, false
			p.JumpWarn.Set, p.JumpStop.Set, p.Missed.Set, p.VerifyDevices.Set, p.LowBottle.Set = false, false, false, false, false
			p.DriftWarn.Set, p.DriftStop.Set = false, false
			d := dosing.Decide(p, f)
			for _, rule := range dosing.Rules() {
				if rule.Value != "" && len(reasonsOf(d, rule.ID)) > 0 {
					t.Errorf("%s: %s speaks although its value is unset", name, rule.ID)
				}
			}
		}
	}
}

func TestVerifiedValueBindsWithoutAdoption(t *testing.T) {
	f, p := ordinary(), unread()
	f.Order = order(patient.Maintenance, today, today, 301*mg)
	dosed(&f, observed(today-1, 1, 300*mg))
	p.HardCeiling.Verified = true
	d := dosing.Decide(p, f)
	if got := said(d); !slices.Equal(got, []string{"stop dose.ceiling"}) {
		t.Errorf("got %v", got)
	}
}

// A referral is answered by its own rule's clearance, and by nothing else's.
func TestClearance(t *testing.T) {
	f := ordinary()
	f.Order = order(patient.Maintenance, today, today, 301*mg)
	dosed(&f, observed(today-1, 1, 300*mg))
	for name, tc := range map[string]struct {
		pack    dosing.Pack
		cleared []string
		allowed bool
	}{
		"not cleared":                  {pack: unread()},
		"another rule cleared":         {pack: unread(), cleared: []string{"missed.days"}},
		"cleared":                      {pack: unread(), cleared: []string{"dose.ceiling"}, allowed: true},
		"a stop is not to be cleared":  {pack: adopted(), cleared: []string{"dose.ceiling"}},
		"a part of the name is no key": {pack: unread(), cleared: []string{"dose"}},
	} {
		t.Run(name, func(t *testing.T) {
			f.Cleared = tc.cleared
			d := dosing.Decide(tc.pack, f)
			if d.Allowed() != tc.allowed {
				t.Fatalf("allowed %t: %v", d.Allowed(), said(d))
			}
			if !tc.allowed {
				return
			}
			note := reasonsOf(d, dosing.DoseCeiling)[0]
			if note.Severity != dosing.Information || note.Args["clearance"] != "dose.ceiling 2026-03-10" || note.Args["was"] != "refer" {
				t.Errorf("note %+v", note)
			}
		})
	}
}

func reasonsOf(d dosing.Decision, id dosing.RuleID) []dosing.Reason {
	var found []dosing.Reason
	for _, r := range slices.Concat(d.Refusals, d.Notes) {
		if r.Rule == id {
			found = append(found, r)
		}
	}
	return found
}

func TestReasonsCarryTheirValues(t *testing.T) {
	type words struct{ value, limit, source string }
	for name, tc := range map[string]struct {
		change func(*dosing.Facts)
		rule   dosing.RuleID
		want   words
		args   map[string]string
		by     []staff.Role
	}{
		"expired four days ago": {
			change: func(f *dosing.Facts) { f.Order, f.LastOrder = nil, order(patient.Maintenance, today-9, today-4, 60*mg) },
			rule:   dosing.OrderExpired, want: words{"4 d", "2026-03-06", "lieu"}, by: []staff.Role{staff.Doctor},
		},
		"starts in two days": {
			change: func(f *dosing.Facts) { f.Order, f.NextOrder = nil, order(patient.Maintenance, today+2, today+4, 60*mg) },
			rule:   dosing.OrderNotStarted, want: words{"2 d", "2026-03-12", "lieu"}, by: []staff.Role{staff.Doctor},
		},
		"too long": {
			change: func(f *dosing.Facts) { f.Order.To = f.Order.From + 30 },
			rule:   dosing.OrderTooLong, want: words{"31 d", "30 d", "a guideline"}, by: []staff.Role{staff.Doctor},
			args: map[string]string{"phase": "maintenance"},
		},
		"open elsewhere": {
			change: func(f *dosing.Facts) {
				f.Open = &dosing.OpenDispensing{ID: "d0", State: "in_doubt", Station: "w2"}
			},
			rule: dosing.DispensingOpen, want: words{"in_doubt", "", "lieu"},
			args: map[string]string{"dispensing": "d0", "station": "w2"}, by: []staff.Role{staff.Nurse, staff.Pharmacist, staff.Supervisor},
		},
		"missed": {
			change: func(f *dosing.Facts) { dosed(f, observed(today-6, 1, 60*mg)) },
			rule:   dosing.MissedDays, want: words{"5 d", "3 d", "a guideline"}, by: []staff.Role{staff.Doctor},
			args: map[string]string{"advice": "half_dose", "last": "2026-03-04"},
		},
		"hold": {
			change: func(f *dosing.Facts) { f.Holds = []prescription.Hold{hold("h", prescription.Stop)} },
			rule:   dosing.HoldStop, want: words{"", "", "lieu"}, by: []staff.Role{staff.Nurse},
			args: map[string]string{"reason": "see the counsellor", "hold": "h", "placed_at": "2026-03-10T07:59:59.999999Z"},
		},
		"taken": {
			change: func(f *dosing.Facts) { dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 60*mg)) },
			rule:   dosing.DoseTaken, want: words{"60 mg", "60 mg", "lieu"}, by: []staff.Role{},
			args: map[string]string{"at": "2026-03-10T07:00:00.000000Z", "parts": "1"},
		},
		"too soon": {
			change: func(f *dosing.Facts) { f.Now = instant(today-1, 14) },
			rule:   dosing.DoseTooSoon, want: words{"7 h 00 min", "12 h 00 min", "a guideline"}, by: []staff.Role{staff.Doctor},
			args: map[string]string{"at": "2026-03-09T07:00:00.000000Z"},
		},
		"backwards": {
			change: func(f *dosing.Facts) { f.Now = instant(today-1, 7).Add(-90 * time.Minute) },
			rule:   dosing.DoseTooSoon, want: words{"-1 h 30 min", "12 h 00 min", "a guideline"}, by: []staff.Role{staff.Doctor},
			args: map[string]string{"at": "2026-03-09T07:00:00.000000Z"},
		},
		"jump": {
			change: func(f *dosing.Facts) { f.Order = order(patient.Maintenance, today, today, 130*mg) },
			rule:   dosing.DoseJump, want: words{"130 mg", "+100 %", "a guideline"}, by: []staff.Role{staff.Doctor},
			args: map[string]string{"last": "60 mg"},
		},
		"expired lot": {
			change: func(f *dosing.Facts) { f.Station.Lot.Expiry = today - 3 },
			rule:   dosing.LotExpired, want: words{"3 d", "2026-03-07", "lieu"}, by: []staff.Role{staff.Nurse, staff.Pharmacist},
			args: map[string]string{"lot": "A123"},
		},
		"scale down": {
			change: func(f *dosing.Facts) { f.Station.Devices[1].State = equipment.Down },
			rule:   dosing.DeviceNotReady, want: words{"down", "ready", "lieu"}, by: []staff.Role{staff.Nurse, staff.Pharmacist},
			args: map[string]string{"device": "scale"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := ordinary()
			tc.change(&f)
			found := reasonsOf(dosing.Decide(adopted(), f), tc.rule)
			if len(found) != 1 {
				t.Fatalf("%d reasons of %s", len(found), tc.rule)
			}
			r := found[0]
			if got := (words{r.Value, r.Limit, r.Source}); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if diff := cmp.Diff(tc.args, r.Args); diff != "" {
				t.Errorf("args (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.by, r.ClearedBy); diff != "" {
				t.Errorf("cleared by (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecisionSaysPartDoseAndVolume(t *testing.T) {
	type answer struct {
		Part   int
		Dose   measure.Mass
		Volume measure.Volume
		Missed int
	}
	for name, tc := range map[string]struct {
		change func(*dosing.Facts)
		want   answer
	}{
		"one part":           {func(*dosing.Facts) {}, answer{1, 60 * mg, 6 * mL, 0}},
		"away from a window": {func(f *dosing.Facts) { f.Station = nil }, answer{1, 60 * mg, 0, 0}},
		"the strength is the lot's": {func(f *dosing.Facts) {
			f.Station.Lot.Concentration = measure.MilligramPerMillilitre
		}, answer{1, 60 * mg, 60 * mL, 0}},
		"second part": {func(f *dosing.Facts) {
			f.Order.Parts = []measure.Mass{40 * mg, 20 * mg}
			dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 40*mg))
		}, answer{2, 20 * mg, 2 * mL, 0}},
		"first part although the second is gone": {func(f *dosing.Facts) {
			f.Order.Parts = []measure.Mass{40 * mg, 20 * mg}
			dosed(f, observed(today-1, 1, 60*mg), observed(today, 2, 20*mg))
		}, answer{1, 40 * mg, 4 * mL, 0}},
		"all taken": {func(f *dosing.Facts) {
			dosed(f, observed(today-1, 1, 60*mg), observed(today, 1, 60*mg))
		}, answer{0, 0, 0, 0}},
		"no order":      {func(f *dosing.Facts) { f.Order = nil }, answer{}},
		"no bottle":     {func(f *dosing.Facts) { f.Station.Bottle = nil }, answer{1, 60 * mg, 0, 0}},
		"inexact":       {func(f *dosing.Facts) { f.Station.Lot.Concentration = 7000 }, answer{1, 60 * mg, 0, 0}},
		"five missed":   {func(f *dosing.Facts) { dosed(f, observed(today-6, 1, 60*mg)) }, answer{1, 60 * mg, 6 * mL, 5}},
		"first day":     {func(f *dosing.Facts) { dosed(f) }, answer{1, 60 * mg, 6 * mL, 0}},
		"only tomorrow": {func(f *dosing.Facts) { dosed(f, takeHome(today+1, 1, 60*mg, today)) }, answer{1, 60 * mg, 6 * mL, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			f := ordinary()
			tc.change(&f)
			d := dosing.Decide(adopted(), f)
			if got := (answer{d.Part, d.Dose, d.Volume, d.MissedDays}); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if d.Pack != "test" || d.PackVersion != 7 {
				t.Errorf("judged by %s version %d", d.Pack, d.PackVersion)
			}
		})
	}
}

// A bad morning names every refusal, the heaviest first and each severity in the order of the book.
func TestEveryRefusalIsListedHeaviestFirst(t *testing.T) {
	f := ordinary()
	f.Closed, f.Status = "flood", patient.Suspended
	f.Holds = []prescription.Hold{hold("i", prescription.Information), hold("s", prescription.Stop)}
	f.Station.Lot.State, f.Station.Devices[0].State = stock.LotRecalled, equipment.Down
	f.Station.Devices[1].Verified = false
	dosed(&f, observed(today-5, 1, 20*mg))
	want := []string{
		"stop clinic.closed", "stop patient.status", "stop hold.stop", "stop lot.recalled", "stop device.not_ready",
		"refer missed.days", "refer dose.jump",
		"warning device.not_verified", "information hold.information",
	}
	if diff := cmp.Diff(want, said(dosing.Decide(unread(), f))); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

// Facts that no store would return are answered, not crashed on.
func TestAbsurdFacts(t *testing.T) {
	far := calendar.Day(1<<31 - 1)
	for name, f := range map[string]dosing.Facts{
		"none":              {},
		"empty station":     {Station: &dosing.StationFacts{}},
		"order of all time": {Today: 1, Order: order(patient.Maintenance, -far, far, mg)},
		"dose of all time":  {Today: far, LastDose: &dosing.Dose{Day: -far, Mass: 1<<63 - 1, At: 1<<63 - 1}, Doses: []dosing.Dose{{Day: far, Mass: 1<<63 - 1, Part: -1}}},
		"empty bottle":      {Station: &dosing.StationFacts{Bottle: &stock.Bottle{}, Lot: &stock.Lot{}, Pump: &equipment.Profile{}}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := dosing.Decide(adopted(), f); d.Allowed() {
				t.Error("allowed")
			}
		})
	}
}
