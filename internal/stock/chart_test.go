package stock

import (
	"testing"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func foundOf(n int, phase Phase, station, person string, lot LotID, diffs ...measure.Volume) (out []Variance) {
	for i, d := range diffs {
		out = append(out, Variance{
			Count: CountID(rune('a' + n)), Phase: phase, Bottle: BottleID(rune('0' + i)), Lot: lot, Station: station, Person: person,
			Diff: reconcile.Variance{Volume: d}, Recorded: calendar.Instant(n + 1),
		})
	}
	return out
}

func TestBottlesThatAgreeHideNoLoss(t *testing.T) {
	limits := DefaultSetting.Chart()
	var found []Variance
	for n := range 4 {
		found = append(found, foundOf(n, PhaseClosing, "1", "A", "L", 0, -2000, 0, 0)...)
	}
	for _, by := range []Grouping{ByLot, ByCounter, ByPerson, ByDay} {
		got := Charts(found, by, limits)
		if len(got) != 1 || len(got[0].Points) != 4 || !got[0].Points[3].Alarm || got[0].Points[2].Alarm || got[0].Sums.Loss != 8000 {
			t.Errorf("by %s: %+v", by, got)
		}
	}
	if got := Charts(found, ByBottle, limits); len(got) != 4 {
		t.Errorf("%d bottles", len(got))
	}
}

// A shift is reconciled like a lot: losses and surpluses apart, what nothing explains, and what was given meanwhile.
func TestAShiftHasItsSums(t *testing.T) {
	found := foundOf(0, PhaseClosing, "1", "A", "L", -3000, 1000)
	found = append(found, foundOf(1, PhaseClosing, "2", "B", "L", -500)...)
	for i := range found {
		found[i].Day, found[i].Shift, found[i].Turnover = calendar.DateOf(2026, 3, 2), 1, 100_000
		found[i].Parts = []reconcile.Part{{Cause: reconcile.Unexplained, Amount: found[i].Diff.Volume / 2}}
	}
	found[2].Shift = 2
	got := Charts(found, ByShift, DefaultSetting.Chart())
	if len(got) != 2 || got[0].Key != "2026-03-02/1" || got[0].Sums != (reconcile.Sums{Loss: 3000, Surplus: 1000}) ||
		got[0].Unexplained != (reconcile.Sums{Loss: 1500, Surplus: 500}) || got[0].Turnover != 200_000 {
		t.Errorf("%+v", got)
	}
}

func TestOpeningCountsAreNobodys(t *testing.T) {
	found := foundOf(0, PhaseOpening, "1", "A", "L", -9000)
	limits := DefaultSetting.Chart()
	if got := Charts(found, ByPerson, limits); len(got) != 0 {
		t.Errorf("what went overnight is a point of %+v", got)
	}
	suspects := Suspects(found, limits)
	if len(suspects) != 2 || suspects[0].By != ByLot || suspects[1].By != ByCounter {
		t.Errorf("%+v", suspects)
	}
}

// Two people change counters; one of them takes. What the bad counts have in common comes first.
func TestSuspectsAreInTheOrderInWhichTheyStandOut(t *testing.T) {
	limits := DefaultSetting.Chart()
	days := func(bad func(station, person string) bool) (found []Variance) {
		for day := range 8 {
			for i, station := range []string{"1", "2"} {
				person := []string{"A", "B"}[(day+i)%2]
				diff := measure.Volume(100)
				if bad(station, person) {
					diff = -3000
				}
				found = append(found, foundOf(2*day+i, PhaseClosing, station, person, "L", diff)...)
			}
		}
		return found
	}
	for name, tc := range map[string]struct {
		bad func(station, person string) bool
		by  Grouping
		key string
	}{
		"a person":  {func(_, person string) bool { return person == "A" }, ByPerson, "A"},
		"a counter": {func(station, _ string) bool { return station == "2" }, ByCounter, "2"},
		"a lot":     {func(_, _ string) bool { return true }, ByLot, "L"},
	} {
		got := Suspects(days(tc.bad), limits)
		if len(got) < 3 || got[0].By != tc.by || got[0].Key != tc.key {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := Suspects(days(func(_, _ string) bool { return false }), limits); len(got) != 0 {
		t.Errorf("honest days: %+v", got)
	}
	if got := Suspects(nil, limits); len(got) != 0 {
		t.Errorf("nothing: %+v", got)
	}
}
