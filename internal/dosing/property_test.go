package dosing_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// factsNear draws facts in which most things are well, so that a good share of decisions is allowed.
func factsNear(t *rapid.T) dosing.Facts {
	f := ordinary()
	parts := rapid.SliceOfN(rapid.SampledFrom([]measure.Mass{5 * mg, 20 * mg, 30 * mg, 60 * mg, 7*mg + 500}), 1, 3).Draw(t, "parts")
	from := today - calendar.Day(rapid.IntRange(-1, 20).Draw(t, "from"))
	f.Order = order(rapid.SampledFrom(patient.Phases).Draw(t, "phase"), from, today+calendar.Day(rapid.IntRange(-1, 9).Draw(t, "to")), parts...)
	f.Now = instant(today, rapid.IntRange(0, 23).Draw(t, "hour"))
	f.Doses = rapid.SliceOfN(doseNear(), 0, 6).Draw(t, "doses")
	f.LastDose = nil
	if n := len(f.Doses); n > 0 {
		f.LastDose = &f.Doses[n-1]
	}
	f.Holds = rapid.SliceOfN(holdNear(), 0, 3).Draw(t, "holds")
	f.Cleared = rapid.SliceOfN(rapid.SampledFrom([]string{"missed.days", "dose.jump", "dose.too_soon", "hold.stop", "dose.taken"}), 0, 3).Draw(t, "cleared")
	if rapid.IntRange(0, 3).Draw(t, "away") == 0 {
		f.Station = nil
	}
	return f
}

func doseNear() *rapid.Generator[dosing.Dose] {
	return rapid.Custom(func(t *rapid.T) dosing.Dose {
		day := today - calendar.Day(rapid.IntRange(-2, 8).Draw(t, "day"))
		return dosing.Dose{
			Day: day, Part: rapid.IntRange(1, 3).Draw(t, "part"),
			Mass: rapid.SampledFrom([]measure.Mass{5 * mg, 20 * mg, 60 * mg}).Draw(t, "mass"),
			Kind: rapid.SampledFrom([]dosing.DoseKind{dosing.Observed, dosing.TakeAway}).Draw(t, "kind"),
			At:   instant(day, rapid.IntRange(0, 23).Draw(t, "at")),
		}
	})
}

func holdNear() *rapid.Generator[prescription.Hold] {
	return rapid.Custom(func(t *rapid.T) prescription.Hold {
		h := hold(rapid.StringMatching("[a-c]").Draw(t, "id"), rapid.SampledFrom([]prescription.Severity{
			prescription.Information, prescription.Warning, prescription.Stop,
		}).Draw(t, "severity"))
		if rapid.Bool().Draw(t, "lifted") {
			h.LiftedAt = eight
		}
		return h
	})
}

func packNear(t *rapid.T) dosing.Pack {
	p := unread()
	p.Adopted = rapid.Bool().Draw(t, "adopted")
	p.MinHours.Set = rapid.Bool().Draw(t, "min hours")
	p.JumpStop.Set = rapid.Bool().Draw(t, "jump")
	return p
}

// Whatever is allowed, today's doses together stay within the day's order, and the part is one of it.
func TestAllowedNeverExceedsTheEntitlement(t *testing.T) {
	allowed := 0
	rapid.Check(t, func(t *rapid.T) {
		f, p := factsNear(t), packNear(t)
		d := dosing.Decide(p, f)
		if !d.Allowed() {
			return
		}
		allowed++
		given := d.Dose
		for _, dose := range f.Doses {
			if dose.Day == f.Today {
				given += dose.Mass
			}
		}
		if given > f.Order.Dose || d.Dose <= 0 || d.Dose != f.Order.Parts[d.Part-1] || !f.Order.Covers(f.Today) {
			t.Fatalf("allowed part %d of %s, %s given in all of %s", d.Part, d.Dose, given, f.Order.Dose)
		}
		if f.Station != nil && d.Volume <= 0 {
			t.Fatalf("allowed without a volume")
		}
	})
	if allowed == 0 {
		t.Error("no drawn facts were allowed: the property was not tested")
	}
}

// Following the decisions through a day never gives more than the day's order.
func TestADayOfDecisionsEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, p := factsNear(t), dosing.Pack{}
		f.Holds = nil
		var given measure.Mass
		for _, dose := range f.Doses {
			if dose.Day == f.Today {
				given += dose.Mass
			}
		}
		before := given
		for range prescription.MaxParts + 1 {
			d := dosing.Decide(p, f)
			if !d.Allowed() {
				break
			}
			given += d.Dose
			f.Doses = append(f.Doses, dosing.Dose{Day: f.Today, Part: d.Part, Mass: d.Dose, Kind: dosing.Observed, At: f.Now})
		}
		if d := dosing.Decide(p, f); d.Allowed() {
			t.Fatal("a day that never ends")
		}
		if given > f.Order.Dose && given > before {
			t.Fatalf("%s given of %s", given, f.Order.Dose)
		}
	})
}

func TestAStopHoldAlwaysRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, p := factsNear(t), packNear(t)
		at := rapid.IntRange(0, len(f.Holds)).Draw(t, "at")
		f.Holds = slices.Insert(f.Holds, at, hold("new", prescription.Stop))
		f.Cleared = append(f.Cleared, string(dosing.HoldStop))
		d := dosing.Decide(p, f)
		if d.Allowed() || d.Refusals[0].Severity != dosing.Stop {
			t.Fatalf("allowed in spite of a hold: %v", said(d))
		}
	})
}

// What is refused because it was taken stays refused, whatever more is learned of today.
func TestMoreDosesNeverUndoTaken(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		f, p := factsNear(t), packNear(t)
		d := dosing.Decide(p, f)
		if len(reasonsOf(d, dosing.DoseTaken))+len(reasonsOf(d, dosing.DoseTakeHome))+len(reasonsOf(d, dosing.DoseEntitlement)) == 0 {
			return
		}
		taken++
		more := doseNear().Draw(t, "more")
		more.Day = f.Today
		f.Doses = append(f.Doses, more)
		if dosing.Decide(p, f).Allowed() {
			t.Fatalf("another dose made it allowed: %+v", more)
		}
	})
	if taken == 0 {
		t.Error("no drawn facts were refused for taken: the property was not tested")
	}
}

// A dose more of today never adds to what may be given today.
func TestADoseOfTodayNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := factsNear(t)
		f.Doses = slices.DeleteFunc(f.Doses, func(d dosing.Dose) bool { return d.Day == f.Today })
		f.LastDose = nil
		before := dosing.Decide(adopted(), f)
		f.Doses = append(f.Doses, observed(f.Today, rapid.IntRange(1, 4).Draw(t, "part"), f.Order.Dose))
		after := dosing.Decide(adopted(), f)
		if after.Allowed() {
			t.Fatalf("allowed after the whole day's dose; before: %v", said(before))
		}
	})
}

func TestDecisionsDoNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, p := factsNear(t), packNear(t)
		want := dosing.Decide(p, f)
		if diff := cmp.Diff(want, dosing.Decide(p, f)); diff != "" {
			t.Fatalf("the same facts, another decision:\n%s", diff)
		}
		shuffled := f
		shuffled.Doses = rapid.Permutation(f.Doses).Draw(t, "doses again")
		shuffled.Holds = rapid.Permutation(f.Holds).Draw(t, "holds again")
		shuffled.Cleared = rapid.Permutation(f.Cleared).Draw(t, "cleared again")
		if f.Station != nil {
			st := *f.Station
			st.Devices = rapid.Permutation(f.Station.Devices).Draw(t, "devices again")
			shuffled.Station = &st
		}
		if diff := cmp.Diff(want, dosing.Decide(p, shuffled)); diff != "" {
			t.Fatalf("the same facts in another order, another decision:\n%s", diff)
		}
	})
}

// Decide leaves the facts as they were.
func TestFactsAreNotChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, p := factsNear(t), packNear(t)
		doses, holds := slices.Clone(f.Doses), slices.Clone(f.Holds)
		dosing.Decide(p, f)
		if diff := cmp.Diff(doses, f.Doses) + cmp.Diff(holds, f.Holds); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whatever the facts, there is an answer; one that allows has a dose, and refusals come heaviest first.
func TestArbitraryFacts(t *testing.T) {
	weight := map[dosing.Severity]int{dosing.Information: 0, dosing.Warning: 1, dosing.Refer: 2, dosing.Stop: 3}
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		d := dosing.Decide(anyPack(t), f)
		if d.Allowed() && (d.Dose <= 0 || f.Order == nil) {
			t.Fatalf("allowed without a dose: %+v", d)
		}
		for i, r := range d.Refusals {
			if weight[r.Severity] < 2 || (i > 0 && weight[d.Refusals[i-1].Severity] < weight[r.Severity]) {
				t.Fatalf("refusals %v", said(d))
			}
		}
		for _, r := range d.Notes {
			if weight[r.Severity] > 1 {
				t.Fatalf("note %+v", r)
			}
		}
	})
}

func anyFacts(t *rapid.T) dosing.Facts {
	day := rapid.OneOf(rapid.Int32(), rapid.Int32Range(int32(today)-5, int32(today)+5))
	aDay := func(name string) calendar.Day { return calendar.Day(day.Draw(t, name)) }
	mass := rapid.OneOf(rapid.Int64(), rapid.Just(int64(60*mg)), rapid.Just(int64(math.MaxInt64)))
	word := rapid.SampledFrom([]string{"", "active", "in_treatment", "in_use", "released", "ready", "pump", "scale", "stop", "x"})
	aDose := rapid.Custom(func(t *rapid.T) dosing.Dose {
		return dosing.Dose{
			Day: calendar.Day(day.Draw(t, "day")), Part: rapid.Int().Draw(t, "part"), Mass: measure.Mass(mass.Draw(t, "mass")),
			Kind: dosing.DoseKind(word.Draw(t, "kind")), At: calendar.Instant(rapid.Int64().Draw(t, "at")),
		}
	})
	anOrder := func(name string) *prescription.Prescription {
		if rapid.Bool().Draw(t, name) {
			return nil
		}
		var parts []measure.Mass
		for _, m := range rapid.SliceOfN(mass, 0, 5).Draw(t, "parts") {
			parts = append(parts, measure.Mass(m))
		}
		o := order(rapid.SampledFrom(patient.Phases).Draw(t, "phase"), aDay("from"), aDay("to"), parts...)
		o.Status = prescription.Status(word.Draw(t, "status"))
		return o
	}
	f := dosing.Facts{
		Now: calendar.Instant(rapid.Int64().Draw(t, "now")), Today: aDay("today"),
		Status: patient.Status(word.Draw(t, "status")), EnrolledOn: aDay("enrolled"),
		Order: anOrder("order"), LastOrder: anOrder("last"), NextOrder: anOrder("next"),
		Doses: rapid.SliceOfN(aDose, 0, 5).Draw(t, "doses"),
		Holds: []prescription.Hold{hold("h", prescription.Severity(word.Draw(t, "hold")))},
	}
	if rapid.Bool().Draw(t, "has last") {
		last := aDose.Draw(t, "last dose")
		f.LastDose = &last
	}
	if rapid.Bool().Draw(t, "at a station") {
		f.Station = &dosing.StationFacts{Devices: []dosing.DeviceFact{{
			Kind: equipment.DeviceKind(word.Draw(t, "kind")), State: equipment.DeviceState(word.Draw(t, "state")),
		}}}
		if rapid.Bool().Draw(t, "bottle") {
			f.Station.Bottle = &stock.Bottle{
				State: stock.BottleState(word.Draw(t, "bottle state")), Balance: stock.Balance{stock.InBottle: measure.Volume(rapid.Int64().Draw(t, "left"))},
			}
			f.Station.Lot = &stock.Lot{
				State: stock.LotState(word.Draw(t, "lot state")), Expiry: aDay("expiry"),
				Concentration: measure.Concentration(rapid.Int64().Draw(t, "concentration")),
			}
		}
		if rapid.Bool().Draw(t, "pump") {
			v := rapid.Int64()
			f.Station.Pump = &equipment.Profile{
				MinDose: measure.Volume(v.Draw(t, "min")), MaxDose: measure.Volume(v.Draw(t, "max")),
				Resolution: measure.Volume(v.Draw(t, "resolution")), Residual: measure.Volume(v.Draw(t, "residual")),
			}
		}
	}
	return f
}

func anyPack(t *rapid.T) dosing.Pack {
	p := packNear(t)
	p.MinHours.Value = time.Duration(rapid.Int64().Draw(t, "hours"))
	p.JumpStop.Value = rapid.Int().Draw(t, "jump stop")
	p.JumpWarn.Value = rapid.Int().Draw(t, "jump warn")
	p.HardCeiling.Value = measure.Mass(rapid.Int64().Draw(t, "ceiling"))
	p.StepMinDays.Value = rapid.Int().Draw(t, "pace")
	for i := range p.Missed.Value {
		p.Missed.Value[i].FromDays = rapid.Int().Draw(t, "from days")
		p.Missed.Value[i].Severity = dosing.Severity(rapid.SampledFrom([]string{"", "stop", "refer", "warning", "x"}).Draw(t, "severity"))
	}
	return p
}
