package flow

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

func duration(r *rapid.T, name string, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(most/time.Microsecond)).Draw(r, name)) * time.Microsecond
}

// visit draws a visit that began after seven and has come anywhere.
func visit(r *rapid.T) Visit {
	v := Visit{Clock: Clock{Arrived: seven.Add(duration(r, "arrived", 3*time.Hour))}}
	switch rapid.IntRange(0, 3).Draw(r, "how far") {
	case 1:
		v.Away, v.Clock[Left] = true, v.Clock[Arrived].Add(duration(r, "gave up after", time.Hour))
	case 2:
		v.Window = rapid.SampledFrom([]string{"w1", "w2"}).Draw(r, "window")
		v.Clock[AtWindow] = v.Clock[Arrived].Add(duration(r, "waited", time.Hour))
	case 3:
		v.Window = rapid.SampledFrom([]string{"w1", "w2"}).Draw(r, "window")
		v.Clock[AtWindow] = v.Clock[Arrived].Add(duration(r, "waited", time.Hour))
		v.Clock[Swallowed] = v.Clock[AtWindow].Add(duration(r, "served", 5*time.Minute))
		v.Clock[Left] = v.Clock[Swallowed]
	}
	return v
}

// A quantile is one of the values, half lie at or below the median, and a higher percentage is no lower value.
func TestQuantile(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ds := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) time.Duration { return duration(r, "d", time.Hour) }), 1, 50).Draw(r, "ds")
		before := slices.Clone(ds)
		median, p90 := Quantile(ds, 50), Quantile(ds, 90)
		if !slices.Contains(ds, median) || !slices.Contains(ds, p90) || p90 < median || Quantile(ds, 100) != slices.Max(ds) || Quantile(ds, 0) != slices.Min(ds) {
			r.Fatalf("median %s, p90 %s of %v", median, p90, ds)
		}
		below := 0
		for _, d := range ds {
			if d <= median {
				below++
			}
		}
		if 2*below < len(ds) || !slices.Equal(before, ds) {
			r.Fatalf("%d of %d lie at or below %s", below, len(ds), median)
		}
	})
	if Quantile(nil, 50) != 0 {
		t.Error("a quantile of nothing")
	}
}

// Everybody who came is counted once, everywhere where people are counted.
func TestADayCountsEverybodyOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		visits := rapid.SliceOfN(rapid.Custom(visit), 0, 40).Draw(r, "visits")
		now := seven.Add(5 * time.Hour)
		windows := []Window{{Down: spans(r, "down")}, {Exception: spans(r, "exception")}}
		f := Day(visits, windows, seven.Add(-time.Hour), now)
		if n := f.Waiting + f.AtWindow + f.Served + f.Away; n != len(visits) {
			r.Fatalf("%d of %d visits are counted", n, len(visits))
		}
		arrived, served, atWindows := 0, 0, 0
		for i, q := range f.Quarters {
			arrived, served = arrived+q.Arrived, served+q.Served
			if i > 0 && q.Index != f.Quarters[i-1].Index+1 {
				r.Fatalf("quarter %d after %d", q.Index, f.Quarters[i-1].Index)
			}
		}
		for _, w := range f.Windows {
			atWindows += w.Served
		}
		if arrived != len(visits) || served != f.Served || atWindows != f.Served {
			r.Fatalf("%d arrived, %d served by quarter, %d by window of %d", arrived, served, atWindows, f.Served)
		}
		var causes, waited time.Duration
		for _, d := range f.Causes {
			causes += d
		}
		for _, v := range visits {
			waited += v.Wait(now)
		}
		if causes != waited || f.Wait.P90 < f.Wait.Median || f.Whole.P90 < f.Whole.Median {
			r.Fatalf("causes add up to %s of %s; %+v", causes, waited, f)
		}
	})
}

func TestQuartersOfADay(t *testing.T) {
	visits := []Visit{
		{Clock: Clock{Arrived: minute(3), AtWindow: minute(20), Left: minute(21)}, Window: "w"},
		{Clock: Clock{Arrived: minute(14), AtWindow: minute(22), Left: minute(46)}, Window: "w"},
		{Clock: Clock{Arrived: minute(15), Left: minute(16)}, Away: true},
		{Clock: Clock{Arrived: minute(-5)}},
	}
	want := []Quarter{{0, 2, 0, 0}, {1, 1, 1, 8 * time.Minute}, {2, 0, 0, 0}, {3, 0, 1, 0}}
	if got := Quarters(visits, minute(0), minute(60)); !slices.Equal(got, want) {
		t.Errorf("quarters %v, want %v", got, want)
	}
	if got := Quarters(nil, minute(0), minute(60)); len(got) != 0 {
		t.Errorf("quarters of an empty day %v", got)
	}
}

// A day that is as all others is the usual one, and one odd day of three is not.
func TestUsual(t *testing.T) {
	day := []Quarter{{28, 12, 8, 5 * time.Minute}, {29, 20, 9, 9 * time.Minute}}
	odd := []Quarter{{27, 90, 90, time.Hour}, {28, 90, 90, time.Hour}}
	got := Usual([][]Quarter{day, odd, day})
	if want := append([]Quarter{{27, 0, 0, time.Hour}}, day...); !slices.Equal(got, want) {
		t.Errorf("usual %v, want %v", got, want)
	}
	if got := Usual(nil); len(got) != 0 {
		t.Errorf("usual of no days %v", got)
	}
}

// line is one window that serves n patients who all came at the opening, each taking cycle.
func line(window string, n int, cycle time.Duration) []Visit {
	var out []Visit
	for i := range n {
		begins := seven.Add(time.Duration(i+1) * cycle)
		out = append(out, Visit{Window: window, Clock: Clock{Arrived: seven, AtWindow: begins, Left: begins.Add(cycle * 3 / 4)}})
	}
	return out
}

func TestCycleIsMeasuredUnderLoadOnly(t *testing.T) {
	busy := line("w1", 6, time.Minute)
	if cycle, ok := Cycle(busy); !ok || cycle != time.Minute {
		t.Errorf("cycle %s, %t", cycle, ok)
	}
	if _, ok := Cycle(busy[:5]); ok {
		t.Error("four cycles are a measurement")
	}
	quiet := slices.Clone(busy)
	for i := range 20 { // one an hour: the window waits for the patient
		at := seven.Add(time.Duration(i+2) * time.Hour)
		quiet = append(quiet, Visit{Window: "w1", Clock: Clock{Arrived: at, AtWindow: at.Add(time.Second), Left: at.Add(time.Minute)}})
	}
	if cycle, ok := Cycle(quiet); !ok || cycle != time.Minute {
		t.Errorf("with quiet hours the cycle is %s, %t", cycle, ok)
	}
}

func TestPaceNow(t *testing.T) {
	visits := slices.Concat(line("w1", 10, time.Minute), line("w2", 10, time.Minute))
	if p := PaceNow(visits, 3*time.Minute, minute(11)); p != (Pace{time.Minute, 2}) {
		t.Errorf("pace %v", p)
	}
	if p := PaceNow(visits, 3*time.Minute, minute(50)); p != (Pace{time.Minute, 0}) {
		t.Errorf("long after the last patient: %v", p)
	}
	if p := PaceNow(visits[:3], 3*time.Minute, minute(5)); p != (Pace{3 * time.Minute, 1}) {
		t.Errorf("with three patients: %v", p)
	}
	open := Visit{Window: "w3", Clock: Clock{Arrived: minute(0), AtWindow: minute(10)}}
	if p := PaceNow([]Visit{open}, time.Minute, minute(50)); p.Windows != 1 {
		t.Errorf("somebody stands at a window: %v", p)
	}
}

func pace(r *rapid.T) Pace {
	return Pace{Cycle: time.Second + duration(r, "cycle", 5*time.Minute), Windows: rapid.IntRange(1, 6).Draw(r, "windows")}
}

func groups(r *rapid.T) []Group {
	gs := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Group {
		return Group{At: duration(r, "at", 3*time.Hour), N: rapid.IntRange(0, 30).Draw(r, "n")}
	}), 0, 8).Draw(r, "arrivals")
	slices.SortFunc(gs, func(a, b Group) int { return int((a.At - b.At) / time.Microsecond) })
	return gs
}

// A window more never makes the clinic later, a patient more never makes it earlier, and nobody is served before they
// come or faster than the windows work.
func TestClearIsMonotone(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p, waiting, arrivals := pace(r), rapid.IntRange(0, 200).Draw(r, "waiting"), groups(r)
		d, known := p.Clear(waiting, arrivals)
		more, _ := p.With(p.Windows+1).Clear(waiting, arrivals)
		longer, _ := p.Clear(waiting+1, arrivals)
		if !known || more > d || longer < d {
			r.Fatalf("%v: %s; with a window more %s, with a patient more %s", p, d, more, longer)
		}
		people, last := waiting, time.Duration(0)
		for _, g := range arrivals {
			people += g.N
			if g.N > 0 {
				last = g.At
			}
		}
		if d < last || d < p.Cycle*time.Duration(people)/time.Duration(p.Windows) {
			r.Fatalf("%d people, the last at %s, are served by %s", people, last, d)
		}
	})
}

func TestClear(t *testing.T) {
	p := Pace{Cycle: time.Minute, Windows: 2}
	for name, row := range map[string]struct {
		pace     Pace
		waiting  int
		arrivals []Group
		want     time.Duration
		known    bool
	}{
		"nobody":                            {p, 0, nil, 0, true},
		"nobody, and no pace":               {Pace{}, 0, []Group{{time.Hour, 0}}, 0, true},
		"somebody, and no window":           {p.With(0), 1, nil, 0, false},
		"somebody to come, and no window":   {p.With(-1), 0, []Group{{time.Hour, 1}}, 0, false},
		"ten at two windows":                {p, 10, nil, 5 * time.Minute, true},
		"two come while ten are served":     {p, 10, []Group{{2 * time.Minute, 2}}, 6 * time.Minute, true},
		"two come when all are long served": {p, 10, []Group{{time.Hour, 2}}, 61 * time.Minute, true},
	} {
		if got, known := row.pace.Clear(row.waiting, row.arrivals); got != row.want || known != row.known {
			t.Errorf("%s: %s, known %t", name, got, known)
		}
	}
	if d, known := p.Wait(5); d != 150*time.Second || !known {
		t.Errorf("five ahead: %s", d)
	}
	if _, known := (Pace{}).Wait(5); known || (Pace{}).Capacity() != 0 || p.Capacity() != 30 {
		t.Error("an unknown pace knows something, or a known one nothing")
	}
}

// No more are expected than are due, and none who should be here already.
func TestExpect(t *testing.T) {
	usual := []Quarter{{Index: 0, Arrived: 9}, {Index: 1, Arrived: 5}, {Index: 2, Arrived: 0}, {Index: 3, Arrived: 5}}
	got := Expect(usual, 7, minute(0), minute(5))
	if want := []Group{{10 * time.Minute, 5}, {40 * time.Minute, 2}}; !slices.Equal(got, want) {
		t.Errorf("expected %v, want %v", got, want)
	}
	if got := Expect(usual, 0, minute(0), minute(5)); len(got) != 0 {
		t.Errorf("expected %v of nobody", got)
	}
}

// A booked arrival passes those who came within its head start, and nobody who waits longer; without keeping to the slot
// it changes nothing.
func TestPlaceIsAGentleOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		arrived := seven.Add(duration(r, "arrived", time.Hour))
		other := seven.Add(duration(r, "other", time.Hour))
		slot := calendar.Instant(0)
		if rapid.Bool().Draw(r, "booked") {
			slot = seven.Add(duration(r, "slot", time.Hour))
		}
		passes := Place(arrived, slot) < Place(other, 0)
		switch {
		case passes && arrived.Sub(other) >= HeadStart:
			r.Fatalf("somebody who waited %s longer is passed", arrived.Sub(other))
		case !passes && arrived < other:
			r.Fatal("a slot put its holder back")
		case passes && arrived > other && !OnTime(arrived, slot):
			r.Fatal("an arrival without a kept slot passes somebody")
		}
	})
	slot := minute(60)
	for at, want := range map[calendar.Instant]bool{
		minute(50) - 1: false, minute(50): true, minute(60): true, minute(80): true, minute(80) + 1: false,
	} {
		if OnTime(at, slot) != want {
			t.Errorf("%s for a slot at %s: on time %t", at, slot, !want)
		}
	}
}

func TestTargets(t *testing.T) {
	f := Figures{Longest: 20 * time.Minute, Wait: Spread{Median: 10 * time.Minute}, Whole: Spread{P90: 30 * time.Minute}}
	targets := Targets{LongestWait: 20 * time.Minute, MedianWait: 10*time.Minute - 1, P90Whole: 0}
	got := targets.Missed(f)
	if want := []Miss{{MedianWait, 10 * time.Minute, 10*time.Minute - 1}}; !slices.Equal(got, want) {
		t.Errorf("missed %v, want %v", got, want)
	}
	if got := (Targets)(nil).Missed(f); len(got) != 0 {
		t.Errorf("without targets missed %v", got)
	}
}
