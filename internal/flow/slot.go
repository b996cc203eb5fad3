package flow

import (
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// How a booked arrival counts. Whoever comes within its bounds stands as if they had come earlier by the head start: they
// pass those who came shortly before them, and nobody who waits longer than that. Whoever comes at another time stands
// where everybody stands.
const (
	HeadStart = 10 * time.Minute
	Early     = 10 * time.Minute            // before the slot begins
	Late      = QuarterHour + 5*time.Minute // after the slot begins
)

// OnTime reports whether an arrival keeps to a slot; without a slot, the zero Instant, it does not.
func OnTime(arrived, slot calendar.Instant) bool {
	return !slot.IsZero() && arrived >= slot.Add(-Early) && arrived <= slot.Add(Late)
}

// Place is the instant by which the queue is ordered.
func Place(arrived, slot calendar.Instant) calendar.Instant {
	if OnTime(arrived, slot) {
		return arrived.Add(-HeadStart)
	}
	return arrived
}
