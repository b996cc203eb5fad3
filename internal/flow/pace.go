package flow

import (
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// Pace is how fast the windows work: each takes one patient per Cycle. The zero Pace is not known.
type Pace struct {
	Cycle   time.Duration
	Windows int
}

// Known reports whether there is a pace to reckon with.
func (p Pace) Known() bool { return p.Cycle > 0 && p.Windows > 0 }

// Bounds of the measurement.
const (
	// enough is how many cycles make a measurement; fewer are an anecdote.
	enough = 5
	// lately is how far back today's pace looks.
	lately = time.Hour
	// staffed is how long after its last patient stepped up a window counts as one that serves.
	staffed = 20 * time.Minute
)

// Cycle measures what one patient takes of a window under load: the time from one stepping up to the next stepping up,
// counted only when the next was already here, so that a quiet window is no slow one. It is the median of those; of
// fewer than five there is none.
func Cycle(visits []Visit) (time.Duration, bool) {
	byWindow := map[string][]Visit{}
	for _, v := range visits {
		if !v.Clock[AtWindow].IsZero() && v.Window != "" {
			byWindow[v.Window] = append(byWindow[v.Window], v)
		}
	}
	var cycles []time.Duration
	for _, line := range byWindow {
		slices.SortFunc(line, func(a, b Visit) int { return a.Clock[AtWindow].Time().Compare(b.Clock[AtWindow].Time()) })
		for i := range len(line) - 1 {
			here, next := line[i].Clock[AtWindow], line[i+1]
			if d := next.Clock[AtWindow].Sub(here); d > 0 && next.Clock[Arrived] <= here {
				cycles = append(cycles, d)
			}
		}
	}
	if len(cycles) < enough {
		return 0, false
	}
	return Quantile(cycles, 50), true
}

// PaceNow is the pace of today as of now: the cycle of the last hour, or what is usual while today has too few; and the
// windows that serve.
func PaceNow(visits []Visit, usual time.Duration, now calendar.Instant) Pace {
	var recent []Visit
	serving := map[string]bool{}
	for _, v := range visits {
		reached := v.Clock[AtWindow]
		if reached.IsZero() || v.Window == "" {
			continue
		}
		if now.Sub(reached) <= lately {
			recent = append(recent, v)
		}
		if v.AtWindow() || now.Sub(reached) <= staffed {
			serving[v.Window] = true
		}
	}
	p := Pace{Cycle: usual, Windows: len(serving)}
	if cycle, ok := Cycle(recent); ok {
		p.Cycle = cycle
	}
	return p
}

// Wait estimates how long somebody waits who has this many before them; unknown without a pace.
func (p Pace) Wait(ahead int) (d time.Duration, known bool) {
	if !p.Known() {
		return 0, false
	}
	return p.Cycle * time.Duration(ahead) / time.Duration(p.Windows), true
}

// Capacity is how many patients the windows take in a quarter hour; 0 without a pace.
func (p Pace) Capacity() int {
	if !p.Known() {
		return 0
	}
	return int(QuarterHour * time.Duration(p.Windows) / p.Cycle)
}

// With is the same pace with another number of windows.
func (p Pace) With(windows int) Pace { return Pace{Cycle: p.Cycle, Windows: max(windows, 0)} }

// Group is some people who arrive together.
type Group struct {
	At time.Duration // from now
	N  int
}

// Clear forecasts how long the windows need for those who wait now and those who are still to arrive, in the order of
// their arrival. It is unknown without a pace when there is anybody to serve.
func (p Pace) Clear(waiting int, arrivals []Group) (d time.Duration, known bool) {
	work := time.Duration(waiting) * p.Cycle // of one window
	var at time.Duration
	some := waiting > 0
	for _, g := range arrivals {
		if g.N <= 0 {
			continue
		}
		some = true
		if !p.Known() {
			break
		}
		if idle := max(g.At-at, 0); work <= idle*time.Duration(p.Windows) {
			work = 0
		} else {
			work -= idle * time.Duration(p.Windows)
		}
		at = max(at, g.At)
		work += time.Duration(g.N) * p.Cycle
	}
	switch {
	case !some:
		return 0, true
	case !p.Known():
		return 0, false
	}
	return at + work/time.Duration(p.Windows), true
}

// Expect lists who is still to arrive today if the day goes on as usual, and no more than are due. The quarter hour of now
// is behind: whoever comes in it counts once they are here.
func Expect(usual []Quarter, due int, start, now calendar.Instant) []Group {
	var out []Group
	for _, q := range usual {
		begins := start.Add(time.Duration(q.Index) * QuarterHour)
		n := min(q.Arrived, due)
		if begins <= now || n <= 0 {
			continue
		}
		due -= n
		out = append(out, Group{At: begins.Sub(now), N: n})
	}
	return out
}
