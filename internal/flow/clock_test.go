package flow

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

var seven = calendar.At(time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC))

func minute(n int) calendar.Instant { return seven.Add(time.Duration(n) * time.Minute) }

func TestAStepTakesTheTimeSinceTheLastKnownOne(t *testing.T) {
	c := Clock{Arrived: minute(0), AtWindow: minute(20), Measured: minute(21), Swallowed: minute(19), Left: minute(22)}
	for step, want := range map[Step]struct {
		took  time.Duration
		known bool
	}{
		Arrived:    {0, false},
		Called:     {0, false},
		AtWindow:   {20 * time.Minute, true}, // nobody called
		Identified: {0, false},
		Measured:   {time.Minute, true},
		Swallowed:  {0, true}, // a clock that was put back
		Left:       {3 * time.Minute, true},
	} {
		if took, known := c.Took(step); took != want.took || known != want.known {
			t.Errorf("%s took %s, known %t", step, took, known)
		}
	}
	if len(Steps()) != int(steps) || Steps()[steps-1].String() != "left" {
		t.Errorf("steps %v", Steps())
	}
}

// The known steps of a visit, in order, add up to the visit.
func TestStepsAddUpToTheVisit(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := Clock{Arrived: seven}
		at := seven
		for _, s := range Steps()[1:] {
			if s == Left || rapid.Bool().Draw(r, s.String()) {
				at = at.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(r, "took")).Truncate(time.Microsecond))
				c[s] = at
			}
		}
		var sum time.Duration
		for _, s := range Steps() {
			took, _ := c.Took(s)
			sum += took
		}
		if whole, known := c.Between(Arrived, Left); !known || sum != whole {
			r.Fatalf("steps add up to %s of %s", sum, whole)
		}
	})
}

func TestWaitingIsSplitByCause(t *testing.T) {
	waited := Visit{Clock: Clock{Arrived: minute(0), AtWindow: minute(30)}}
	three := []Window{{}, {}, {}}
	for name, row := range map[string]struct {
		visit   Visit
		windows []Window
		want    map[Cause]time.Duration
	}{
		"nothing was wrong":    {waited, three, map[Cause]time.Duration{NoWindow: 30 * time.Minute}},
		"there is no window":   {waited, nil, map[Cause]time.Duration{NoWindow: 30 * time.Minute}},
		"one of three is down": {waited, []Window{{}, {}, {Down: []Span{{minute(-5), minute(15)}}}}, map[Cause]time.Duration{NoWindow: 25 * time.Minute, Device: 5 * time.Minute}},
		"down and never mended": {waited, []Window{{Down: []Span{{From: minute(10)}}}},
			map[Cause]time.Duration{NoWindow: 10 * time.Minute, Device: 20 * time.Minute}},
		"a spill at a window that is down is the device's": {
			waited, []Window{{Down: []Span{{minute(0), minute(10)}}, Exception: []Span{{minute(0), minute(20)}}}},
			map[Cause]time.Duration{NoWindow: 10 * time.Minute, Device: 10 * time.Minute, Exception: 10 * time.Minute},
		},
		"a hold comes before what the windows did": {
			Visit{Clock: waited.Clock, Hold: []Span{{minute(-60), minute(12)}}, Order: []Span{{minute(0), minute(15)}}},
			[]Window{{Down: []Span{{From: minute(-60)}}}},
			map[Cause]time.Duration{Held: 12 * time.Minute, Prescription: 3 * time.Minute, Device: 15 * time.Minute},
		},
		"still waiting": {Visit{Clock: Clock{Arrived: minute(25)}}, three, map[Cause]time.Duration{NoWindow: 15 * time.Minute}},
		"not waited":    {Visit{Clock: Clock{Arrived: minute(5), AtWindow: minute(5)}}, three, map[Cause]time.Duration{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Split(row.visit, row.windows, minute(40))
			if len(got) != len(row.want) {
				t.Fatalf("split %v, want %v", got, row.want)
			}
			for cause, want := range row.want {
				if got[cause] != want {
					t.Errorf("%s: %s, want %s", cause, got[cause], want)
				}
			}
		})
	}
}

func spans(r *rapid.T, name string) []Span {
	return rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Span {
		from := seven + calendar.Instant(rapid.Int64Range(-1e6, 4e6).Draw(r, "from"))
		if rapid.IntRange(0, 9).Draw(r, "open") == 0 {
			return Span{From: from}
		}
		return Span{From: from, To: from + calendar.Instant(rapid.Int64Range(1, 3e6).Draw(r, "length"))}
	}), 0, 4).Draw(r, name)
}

// Whatever the windows and the papers did: the causes add up to the waiting, and none is less than nothing.
func TestCausesAddUpToTheWaiting(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		v := Visit{Clock: Clock{Arrived: seven}, Hold: spans(r, "hold"), Order: spans(r, "order")}
		if rapid.Bool().Draw(r, "reached") {
			v.Clock[AtWindow] = seven + calendar.Instant(rapid.Int64Range(-1e6, 4e6).Draw(r, "at window"))
		}
		windows := make([]Window, rapid.IntRange(0, 5).Draw(r, "windows"))
		for i := range windows {
			windows[i] = Window{Down: spans(r, "down"), Exception: spans(r, "exception")}
		}
		now := seven.Add(2 * time.Second)
		var sum time.Duration
		for cause, d := range Split(v, windows, now) {
			if d < 0 {
				r.Fatalf("%s: %s", cause, d)
			}
			sum += d
		}
		if sum != v.Wait(now) {
			r.Fatalf("causes add up to %s of %s", sum, v.Wait(now))
		}
	})
}
