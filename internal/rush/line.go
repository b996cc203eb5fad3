package rush

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/flow"
)

// opening is the instant from which the model counts, any that is not zero.
const opening calendar.Instant = 1_000_000_000_000_000

// line is the floor of the model: one line in memory, in the order that the clinic's queue has.
type line struct {
	people  []Person
	waiting []waiter // by place
}

type waiter struct {
	place calendar.Instant
	who   int
}

func (w waiter) compare(o waiter) int {
	return cmp.Or(cmp.Compare(w.place, o.place), cmp.Compare(w.who, o.who))
}

// NewLine returns the line of a plan.
func NewLine(p Plan) Floor { return &line{people: p.People} }

// Arrive implements Floor.
func (l *line) Arrive(_ context.Context, who int, at time.Duration) error {
	var slot calendar.Instant
	if p := l.people[who]; p.Booked {
		slot = opening.Add(p.Slot)
	}
	w := waiter{flow.Place(opening.Add(at), slot), who}
	i, _ := slices.BinarySearchFunc(l.waiting, w, waiter.compare)
	l.waiting = slices.Insert(l.waiting, i, w)
	return nil
}

// Call implements Floor.
func (l *line) Call(context.Context, int, time.Duration) (int, error) {
	if len(l.waiting) == 0 {
		return -1, errors.New("nobody waits")
	}
	who := l.waiting[0].who
	l.waiting = l.waiting[1:]
	return who, nil
}

// Act implements Floor: a line does not care what happens at the windows.
func (l *line) Act(context.Context, int, int, Stage, time.Duration) error { return nil }
