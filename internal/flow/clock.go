package flow

import (
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// Step is a moment of a visit that something which happens anyway tells of: a ticket's change, a dose's, a scan.
type Step int

// The steps, in the order of a visit.
const (
	Arrived    Step = iota // the card was scanned at the door
	Called                 // the number was called to a window, the last time
	AtWindow               // the patient stepped up
	Identified             // the card was scanned at the window, or the dose begun
	Poured                 // the liquid began to move
	Measured               // the cup was filled and weighed
	Handed                 // the card was scanned again and the cup given
	Swallowed              // the swallow was observed
	Left                   // the visit ended
	steps
)

var stepNames = [steps]string{"arrived", "called", "at_window", "identified", "poured", "measured", "handed", "swallowed", "left"}

// String is the step's word, as in metrics and on the wire.
func (s Step) String() string { return stepNames[s] }

// Steps lists every step in the order of a visit.
func Steps() []Step {
	all := make([]Step, steps)
	for i := range all {
		all[i] = Step(i)
	}
	return all
}

// Clock holds when each step was, by the server's clock. The zero Instant is a step that has not been, or of which nobody
// knows.
type Clock [steps]calendar.Instant

// Took returns how long a step took: the time since the latest known step before it. It is unknown for the first step,
// and for one that was not. A clock that was put back makes no step shorter than nothing.
func (c Clock) Took(s Step) (d time.Duration, known bool) {
	if c[s].IsZero() {
		return 0, false
	}
	for before := s - 1; before >= 0; before-- {
		if !c[before].IsZero() {
			return max(c[s].Sub(c[before]), 0), true
		}
	}
	return 0, false
}

// Between returns the time from one step to another, unknown while either has not been.
func (c Clock) Between(from, to Step) (d time.Duration, known bool) {
	if c[from].IsZero() || c[to].IsZero() {
		return 0, false
	}
	return max(c[to].Sub(c[from]), 0), true
}

// Visit is one visit of one patient, without the patient.
type Visit struct {
	Clock
	Window string // that served, or has called; "" before
	// Away marks a visit whose patient went without being seen.
	Away bool
	// Hold and Order are when a hold, or the lack of an order, kept the patient from being served.
	Hold, Order []Span
}

// Span is a time from an instant up to and not including another; a zero To is a span that has not ended.
type Span struct{ From, To calendar.Instant }

// Waiting reports whether the patient is here and not at a window yet.
func (v Visit) Waiting() bool { return v.Clock[AtWindow].IsZero() && v.Clock[Left].IsZero() }

// Served reports whether the visit ended and nobody gave up.
func (v Visit) Served() bool { return !v.Clock[Left].IsZero() && !v.Away }

// AtWindow reports whether the patient is at a window now.
func (v Visit) AtWindow() bool { return !v.Clock[AtWindow].IsZero() && v.Clock[Left].IsZero() }

// until is when the waiting ended, or now.
func (v Visit) until(now calendar.Instant) calendar.Instant {
	switch {
	case !v.Clock[AtWindow].IsZero():
		return v.Clock[AtWindow]
	case !v.Clock[Left].IsZero():
		return v.Clock[Left]
	}
	return now
}

// Wait is how long the patient waited before the window, or has waited until now.
func (v Visit) Wait(now calendar.Instant) time.Duration {
	return max(v.until(now).Sub(v.Clock[Arrived]), 0)
}
