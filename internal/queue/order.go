package queue

import (
	"cmp"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// Order sorts tickets into the order in which they are served: the priority lane first, then by place, then by number.
func Order(tickets []Ticket) {
	slices.SortStableFunc(tickets, func(a, b Ticket) int {
		return cmp.Or(lane(a)-lane(b), cmp.Compare(a.place(), b.place()), a.Number-b.Number)
	})
}

func lane(t Ticket) int {
	if t.Priority != "" {
		return 0
	}
	return 1
}

// place falls back to the arrival for a ticket from before places were kept.
func (t Ticket) place() calendar.Instant { return cmp.Or(t.Place, t.ArrivedAt) }

// passedBy is how many people go before somebody who was called and did not come.
const passedBy = 3

// skipped returns the place of a ticket that was called in vain: right after the next three who wait in its lane, or after
// the last of them.
func skipped(t Ticket, waiting []Ticket) calendar.Instant {
	behind := slices.DeleteFunc(slices.Clone(waiting), func(w Ticket) bool {
		return w.ID == t.ID || lane(w) != lane(t)
	})
	Order(behind)
	place := t.place()
	for i, w := range behind {
		if i == passedBy {
			break
		}
		place = max(place, w.place()+1)
	}
	return place
}
