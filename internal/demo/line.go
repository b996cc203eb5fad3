package demo

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/queue"
)

// line is the tickets of a day's visits, so that the supervisor sees what is usual. The story tells those of the last days
// before its first, as it does with the checks, and of the first clinic, whose windows people will look at. On other days and
// at other places the line is nil, and nobody draws a number.
type line struct {
	*chapter
	desk    *desk
	day     calendar.Day
	visits  []visit
	tickets []queue.TicketID // of the visits, as far as they have come
}

func (ch *chapter) line(d *desk, day calendar.Day, visits []visit) *line {
	if !ch.counted(day) || ch.site.number != 1 {
		return nil
	}
	return &line{chapter: ch, desk: d, day: day, visits: visits}
}

// arrive gives a number to everybody who has come by now.
func (l *line) arrive(ctx context.Context) error {
	if l == nil {
		return nil
	}
	for i := len(l.tickets); i < len(l.visits) && !l.local(l.day, l.visits[i].at).After(l.clock.at); i++ {
		key := id.New[queue.TicketID]()
		t, _, err := l.desk.queue.CheckIn(ctx, l.clinic.ID, l.team["nurse"], queue.Arrival{ID: key, Patient: l.visits[i].Patient.ID})
		if err != nil {
			return fmt.Errorf("ticket of %s: %w", l.visits[i].Code, err)
		}
		l.tickets = append(l.tickets, t.ID)
	}
	return nil
}

// serve takes the i-th visit to a window, does there what is to be done, and lets the patient go.
func (l *line) serve(ctx context.Context, i int, s *stall, do func() error) error {
	if l == nil {
		return do()
	}
	act := queue.Act{Clinic: l.clinic.ID, By: l.team["nurse"], Ticket: l.tickets[i], Station: s.ID, Identified: true}
	if _, err := l.desk.queue.StepUp(ctx, act); err != nil {
		return fmt.Errorf("ticket at window %s: %w", s.Name, err)
	}
	if err := do(); err != nil {
		return err
	}
	_, err := l.desk.queue.Done(ctx, act)
	return err
}
