package flow

import (
	"maps"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// QuarterHour is the grain of a day: of its chart, and of the times at which patients are asked to come.
const QuarterHour = 15 * time.Minute

// Quantile returns the value below or at which percent of the durations lie, by nearest rank; 0 for none.
func Quantile(ds []time.Duration, percent int) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(ds))
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

// Figures are a day so far.
type Figures struct {
	Waiting  int // here, and not at a window yet
	AtWindow int
	Served   int
	Away     int // went without being seen
	Longest  time.Duration
	// Wait is arrival to window, Service window to the end, Whole arrival to the observed swallow.
	Wait, Service, Whole Spread
	Steps                map[Step]Spread
	Causes               map[Cause]time.Duration // they add up to all the waiting of the day
	Windows              []WindowFigures         // by window
	Quarters             []Quarter
}

// Spread tells how a set of durations is spread.
type Spread struct {
	N           int
	Median, P90 time.Duration
}

func spread(ds []time.Duration) Spread {
	return Spread{N: len(ds), Median: Quantile(ds, 50), P90: Quantile(ds, 90)}
}

// WindowFigures is what one window did.
type WindowFigures struct {
	Window  string
	Served  int
	PerHour int // visits an hour, from its first patient until its last one, or until now while it has one
	Service Spread
}

// Quarter is a quarter hour of a day.
type Quarter struct {
	Index   int // counted from the beginning of the clinic day, so that days can be laid over each other
	Arrived int
	Served  int
	Wait    time.Duration // median of those who reached a window in it
}

// Day adds up the visits of a clinic day that began at start, as of now. The windows are those that were to serve.
func Day(visits []Visit, windows []Window, start, now calendar.Instant) Figures {
	f := Figures{Steps: map[Step]Spread{}, Causes: map[Cause]time.Duration{}}
	var waits, services, wholes []time.Duration
	took := map[Step][]time.Duration{}
	for _, v := range visits {
		f.count(v, now)
		for cause, d := range Split(v, windows, now) {
			f.Causes[cause] += d
		}
		if v.Away {
			continue
		}
		if !v.Clock[AtWindow].IsZero() {
			waits = append(waits, v.Wait(now))
		}
		services = appendKnown(services, v, AtWindow, Left)
		wholes = appendKnown(wholes, v, Arrived, Swallowed)
		for _, s := range Steps() {
			if d, known := v.Took(s); known {
				took[s] = append(took[s], d)
			}
		}
	}
	f.Wait, f.Service, f.Whole = spread(waits), spread(services), spread(wholes)
	for s, ds := range took {
		f.Steps[s] = spread(ds)
	}
	f.Windows, f.Quarters = windowFigures(visits, now), Quarters(visits, start, now)
	return f
}

func appendKnown(ds []time.Duration, v Visit, from, to Step) []time.Duration {
	if d, known := v.Between(from, to); known {
		return append(ds, d)
	}
	return ds
}

func (f *Figures) count(v Visit, now calendar.Instant) {
	switch {
	case v.Waiting():
		f.Waiting++
		f.Longest = max(f.Longest, v.Wait(now))
	case v.AtWindow():
		f.AtWindow++
	case v.Away:
		f.Away++
	default:
		f.Served++
	}
}

func windowFigures(visits []Visit, now calendar.Instant) []WindowFigures {
	type tally struct {
		served      int
		first, last calendar.Instant
		services    []time.Duration
	}
	all := map[string]*tally{}
	for _, v := range visits {
		begun := v.Clock[AtWindow]
		if begun.IsZero() || v.Window == "" || v.Away {
			continue
		}
		w, ok := all[v.Window]
		if !ok {
			w = &tally{first: begun}
			all[v.Window] = w
		}
		w.first = min(w.first, begun)
		if v.AtWindow() {
			w.last = max(w.last, now)
			continue
		}
		w.served++
		w.last = max(w.last, v.Clock[Left])
		w.services = appendKnown(w.services, v, AtWindow, Left)
	}
	out := make([]WindowFigures, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		w := all[name]
		one := WindowFigures{Window: name, Served: w.served, Service: spread(w.services)}
		if open := w.last.Sub(w.first); open > 0 {
			one.PerHour = int((time.Duration(w.served)*time.Hour + open/2) / open)
		}
		out = append(out, one)
	}
	return out
}

// maxQuarters bounds a day; an autumn day with a clock put back has a hundred.
const maxQuarters = 104

// Quarters divides a day that began at start into quarter hours, from the one of the first arrival to the one of the last
// thing that happened. There is none on a day without a visit.
func Quarters(visits []Visit, start, now calendar.Instant) []Quarter {
	byIndex := map[int]*Quarter{}
	waits := map[int][]time.Duration{}
	first, last := maxQuarters, -1
	at := func(i calendar.Instant, note func(*Quarter)) {
		n := int(i.Sub(start) / QuarterHour)
		if i.IsZero() || i < start || i > now || n >= maxQuarters {
			return // not of this day
		}
		first, last = min(first, n), max(last, n)
		if byIndex[n] == nil {
			byIndex[n] = &Quarter{Index: n}
		}
		note(byIndex[n])
	}
	for _, v := range visits {
		at(v.Clock[Arrived], func(q *Quarter) { q.Arrived++ })
		at(v.Clock[AtWindow], func(q *Quarter) { waits[q.Index] = append(waits[q.Index], v.Wait(now)) })
		if v.Served() {
			at(v.Clock[Left], func(q *Quarter) { q.Served++ })
		}
	}
	out := make([]Quarter, 0, max(last-first+1, 0))
	for n := first; n <= last; n++ {
		q := Quarter{Index: n}
		if known := byIndex[n]; known != nil {
			q = *known
		}
		q.Wait = Quantile(waits[n], 50)
		out = append(out, q)
	}
	return out
}

// Usual lays other days over each other: for each quarter hour the median of each figure, a day without that quarter hour
// counting as nobody. There is none of no days.
func Usual(days [][]Quarter) []Quarter {
	first, last := maxQuarters, -1
	byIndex := map[int][]Quarter{}
	for _, day := range days {
		for _, q := range day {
			first, last = min(first, q.Index), max(last, q.Index)
			byIndex[q.Index] = append(byIndex[q.Index], q)
		}
	}
	out := make([]Quarter, 0, max(last-first+1, 0))
	for n := first; n <= last; n++ {
		out = append(out, usual(n, byIndex[n], len(days)))
	}
	return out
}

func usual(index int, seen []Quarter, days int) Quarter {
	middle := func(of func(Quarter) time.Duration, among int) time.Duration {
		all := make([]time.Duration, among)
		for i, q := range seen {
			all[i] = of(q)
		}
		return Quantile(all, 50)
	}
	return Quarter{
		Index:   index,
		Arrived: int(middle(func(q Quarter) time.Duration { return time.Duration(q.Arrived) }, days)),
		Served:  int(middle(func(q Quarter) time.Duration { return time.Duration(q.Served) }, days)),
		Wait:    middle(func(q Quarter) time.Duration { return q.Wait }, len(seen)),
	}
}
