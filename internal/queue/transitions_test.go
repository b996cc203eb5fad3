package queue_test

import (
	"slices"
	"testing"

	"github.com/lieu-clinic/lieu/internal/queue"
)

// The whole table, by hand: from each state, the states that a ticket may enter.
func TestTransitions(t *testing.T) {
	states := []queue.State{"", queue.Arrived, queue.Called, queue.AtWindow, queue.Done, queue.Left}
	may := map[queue.State][]queue.State{
		queue.Arrived:  {queue.Called, queue.AtWindow, queue.Done, queue.Left},
		queue.Called:   {queue.Called, queue.Arrived, queue.AtWindow, queue.Done, queue.Left}, // called again; put back
		queue.AtWindow: {queue.Called, queue.Arrived, queue.Done, queue.Left},
	}
	for _, from := range states {
		for _, to := range states {
			if got, want := from.MayBecome(to), slices.Contains(may[from], to); got != want {
				t.Errorf("%q to %q: %t, want %t", from, to, got, want)
			}
		}
	}
}

// A ticket is open exactly while it may still change.
func TestOpenTicketsMayChange(t *testing.T) {
	states := []queue.State{queue.Arrived, queue.Called, queue.AtWindow, queue.Done, queue.Left}
	for _, s := range states {
		changes := slices.ContainsFunc(states, s.MayBecome)
		if open := (queue.Ticket{State: s}).Open(); open != changes {
			t.Errorf("%s: open %t, may change %t", s, open, changes)
		}
	}
}
