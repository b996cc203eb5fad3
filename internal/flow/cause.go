package flow

import (
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// Cause is what a patient waited for.
type Cause string

// The causes.
const (
	NoWindow     Cause = "no_window"    // every window had somebody before them, or nobody to serve at it
	Held         Cause = "hold"         // a hold stood against them
	Prescription Cause = "prescription" // there was no order for the day, or a doctor had to see them first
	Device       Cause = "device"       // a window could not serve: its pump, scale or counter was down
	Exception    Cause = "exception"    // a window was busy with a spill, a doubt or a deviation
)

// Causes lists every cause, in the order in which a page shows them.
var Causes = []Cause{NoWindow, Held, Prescription, Device, Exception}

// Window is what kept a window from serving.
type Window struct {
	Down, Exception []Span
}

// Split divides a visit's waiting by cause, to the microsecond. What the patient lacked comes first: while a hold or a
// missing order stood, no window could have helped. The rest is shared by the windows: of three windows with one down, a
// third of the waiting is the device's.
func Split(v Visit, windows []Window, now calendar.Instant) map[Cause]time.Duration {
	out := map[Cause]time.Duration{}
	from, to := v.Clock[Arrived], v.until(now)
	if to <= from {
		return out
	}
	cuts := cutsOf(v, windows, from, to)
	for i := range len(cuts) - 1 {
		at, length := cuts[i], cuts[i+1].Sub(cuts[i])
		switch {
		case within(v.Hold, at):
			out[Held] += length
		case within(v.Order, at):
			out[Prescription] += length
		default:
			share(out, windows, at, length)
		}
	}
	return out
}

// share gives each window its part of a stretch of waiting.
func share(out map[Cause]time.Duration, windows []Window, at calendar.Instant, length time.Duration) {
	n := time.Duration(len(windows))
	var down, exception time.Duration
	for _, w := range windows {
		switch {
		case within(w.Down, at):
			down++
		case within(w.Exception, at):
			exception++
		}
	}
	if n == 0 || down+exception == 0 {
		out[NoWindow] += length
		return
	}
	device, except := length*down/n, length*exception/n
	for cause, part := range map[Cause]time.Duration{Device: device, Exception: except, NoWindow: length - device - except} {
		if part > 0 {
			out[cause] += part
		}
	}
}

func within(spans []Span, at calendar.Instant) bool {
	return slices.ContainsFunc(spans, func(s Span) bool { return s.From <= at && (s.To.IsZero() || at < s.To) })
}

// cutsOf lists the instants between which nothing changes, from the first to the last.
func cutsOf(v Visit, windows []Window, from, to calendar.Instant) []calendar.Instant {
	cuts := []calendar.Instant{from, to}
	add := func(spans []Span) {
		for _, s := range spans {
			for _, at := range []calendar.Instant{s.From, s.To} {
				if at > from && at < to {
					cuts = append(cuts, at)
				}
			}
		}
	}
	add(v.Hold)
	add(v.Order)
	for _, w := range windows {
		add(w.Down)
		add(w.Exception)
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}
