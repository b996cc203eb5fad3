package stock

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestForecast(t *testing.T) {
	l := 1 * measure.Litre
	uses := func(each ...measure.Volume) (out []DayUse) {
		for i, v := range each {
			out = append(out, DayUse{Day: today.AddDays(-i - 1), Given: v})
		}
		return out
	}
	lot := func(name string, days int, v measure.Volume) LotStock {
		return LotStock{Lot: LotID(name), Number: name, Expiry: today.AddDays(days), Left: v}
	}
	set := Setting{CoverDays: 20, LeadDays: 5}
	for name, tc := range map[string]struct {
		uses []DayUse
		lots []LotStock
		want Forecast
	}{
		"nothing given yet": {nil, []LotStock{lot("a", 99, 3*l)}, Forecast{Left: 3 * l, DaysLeft: -1}},
		"nothing left": {uses(l), nil, Forecast{
			PerDay: l, DaysBasis: 1, RunsOut: today, OrderBy: today.AddDays(-5), Order: 25 * l,
		}},
		"ten days left": {uses(l, l, l), []LotStock{lot("a", 99, 10*l)}, Forecast{
			Left: 10 * l, PerDay: l, DaysBasis: 3, DaysLeft: 10, RunsOut: today.AddDays(10), OrderBy: today.AddDays(5), Order: 15 * l,
		}},
		"exactly the cover": {uses(l), []LotStock{lot("a", 99, 25*l)}, Forecast{
			Left: 25 * l, PerDay: l, DaysBasis: 1, DaysLeft: 25, RunsOut: today.AddDays(25), OrderBy: today.AddDays(20),
		}},
		"the mean is never too low": {uses(l, l+1), []LotStock{lot("a", 99, 25*l)}, Forecast{
			Left: 25 * l, PerDay: l + 1, DaysBasis: 2, DaysLeft: 24, RunsOut: today.AddDays(24), OrderBy: today.AddDays(19), Order: 25,
		}},
		"a lot expires before it is used": {uses(l), []LotStock{lot("b", 99, 30*l), lot("a", 3, 10*l)}, Forecast{
			Left: 40 * l, PerDay: l, DaysBasis: 1, DaysLeft: 34, RunsOut: today.AddDays(34), OrderBy: today.AddDays(29),
			Expiring: []Expiring{{lot("a", 3, 10*l), 6 * l}},
		}},
		"the second lot has to wait for the first": {uses(l), []LotStock{lot("a", 4, 5*l), lot("b", 6, 5*l)}, Forecast{
			Left: 10 * l, PerDay: l, DaysBasis: 1, DaysLeft: 7, RunsOut: today.AddDays(7), OrderBy: today.AddDays(2), Order: 18 * l,
			Expiring: []Expiring{{lot("b", 6, 5*l), 3 * l}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ForecastOf("", tc.uses, tc.lots, set, today)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An act of a closed day is refused; told as a late one it is booked now, with an incident.
func TestLateActs(t *testing.T) {
	s, m := newBench(t)
	open(t, s)
	m.closed = map[calendar.Day]bool{today - 1: true}
	p := Posting{Act: supervised("late"), Bottle: "b", Amount: 1000}
	p.Occurred = s.instant().Add(-24 * time.Hour)
	_, err := s.Waste(t.Context(), p)
	wantKey(t, err, "day.closed")
	if len(m.incidents) != 0 || len(m.moves) != 2 {
		t.Errorf("a refused act left %d incidents and %d moves", len(m.incidents), len(m.moves))
	}
	p.Late = true
	_, err = s.Waste(t.Context(), p)
	wantKey(t, err, "")
	if len(m.incidents) != 1 || m.documents["late"].Occurred != s.instant() {
		t.Errorf("incidents %v, document %+v", m.incidents, m.documents["late"])
	}
	p.ID, p.Late, p.Occurred = "open day", false, p.Occurred.Add(-24*time.Hour)
	_, err = s.Waste(t.Context(), p)
	wantKey(t, err, "")
}

// A bottle that expires earlier is passed over with a reason only, and the paper says which.
func TestFirstExpiredFirstOut(t *testing.T) {
	s, m := newBench(t)
	m.first = "B-EARLY"
	o := BottleOpening{Act: act("open"), Bottle: "b", Reading: unread}
	o.Reason = ""
	_, err := s.Open(t.Context(), o)
	wantKey(t, err, "bottle.not_first_expiry")
	o.Reason = "the early one leaks"
	_, err = s.Open(t.Context(), o)
	wantKey(t, err, "")
	if got := string(m.documents["open"].Data); !strings.Contains(got, `"passed_over":"B-EARLY"`) {
		t.Errorf("paper %s", got)
	}
}
