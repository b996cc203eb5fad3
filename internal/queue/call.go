package queue

import (
	"context"
	"errors"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// Call calls a waiting patient to a window. A second call from the same window is a call again; a patient whom another
// window has called is that window's, until it transfers them.
func (s *Service) Call(ctx context.Context, a Act) (Ticket, error) {
	return s.move(ctx, a, "ticket.call", Called, func(tx Tx, t *Ticket, now calendar.Instant) error {
		if t.Station != "" && t.Station != a.Station {
			return elsewhere(*t)
		}
		if t.State == AtWindow {
			return fault.New(fault.Conflict, "ticket.state", "ticket %s is at the window", t.ID).With("state", string(t.State))
		}
		return callTo(ctx, tx, t, a.Station, now)
	})
}

func elsewhere(t Ticket) error {
	return fault.New(fault.Conflict, "ticket.called_elsewhere", "ticket %s is at station %s", t.ID, t.Station)
}

func callTo(ctx context.Context, tx Tx, t *Ticket, st equipment.StationID, now calendar.Instant) error {
	found, err := tx.FindStation(ctx, st)
	if err != nil {
		return err
	}
	if err := serving(found); err != nil {
		return err
	}
	t.Station, t.CalledAt = st, now
	return nil
}

// Next calls the first patient who waits, and whom fit lets through, to a free window. Of two windows that ask at once each
// gets another patient; a window that asks twice is told of the one it has. A patient who is passed over keeps the place.
// fault.Conflict with the key queue.nobody when there is nobody to call.
func (s *Service) Next(ctx context.Context, a Act, fit func(context.Context, Ticket) (bool, error)) (Ticket, error) {
	if err := a.By.Require(a.Clinic, staff.CallTicket); err != nil {
		return Ticket{}, err
	}
	today, err := s.today(ctx, a.Clinic)
	if err != nil {
		return Ticket{}, err
	}
	waiting, err := s.store.Tickets(ctx, a.Clinic, today, Arrived)
	if err != nil {
		return Ticket{}, err
	}
	Order(waiting)
	for _, candidate := range waiting {
		ok, err := fit(ctx, candidate)
		if err != nil {
			return Ticket{}, err
		}
		if !ok {
			continue
		}
		a.Ticket = candidate.ID
		t, err := s.callFree(ctx, a)
		if !errors.Is(err, errFaster) {
			return t, err
		}
	}
	return Ticket{}, fault.New(fault.Conflict, "queue.nobody", "nobody waits who can be served")
}

// errFaster says that somebody else moved the ticket between the look and the lock.
var errFaster = errors.New("another window was faster")

// callFree calls one ticket to a window that has nobody.
func (s *Service) callFree(ctx context.Context, a Act) (Ticket, error) {
	t, err := s.move(ctx, a, "ticket.call", Called, func(tx Tx, t *Ticket, now calendar.Instant) error {
		if !t.CalledAt.IsZero() || t.Station != "" {
			return errFaster
		}
		st, err := tx.LockStation(ctx, a.Station)
		if err != nil {
			return err
		}
		if err := serving(st); err != nil {
			return err
		}
		here, err := tx.TicketOfStation(ctx, a.Station, t.Day)
		if err == nil {
			return fault.New(fault.Conflict, "window.occupied", "ticket %s is at station %s", here.ID, a.Station)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		t.Station, t.CalledAt = a.Station, now
		return nil
	})
	var f *fault.Error
	if errors.As(err, &f) && f.Key == "ticket.state" {
		err = errFaster // dosed, sent away or gone meanwhile
	}
	return t, err
}

// Skip lets the others go first: the patient was called by this window and did not come. The number stays, and the place
// moves behind the next three.
func (s *Service) Skip(ctx context.Context, a Act) (Ticket, error) {
	return s.move(ctx, a, "ticket.skip", Arrived, func(tx Tx, t *Ticket, _ calendar.Instant) error {
		if t.State != Called {
			return fault.New(fault.Conflict, "ticket.state", "ticket %s is %s, not called", t.ID, t.State).With("state", string(t.State))
		}
		if t.Station != a.Station {
			return elsewhere(*t)
		}
		waiting, err := tx.Waiting(ctx, t.Day)
		if err != nil {
			return err
		}
		t.Place = skipped(*t, waiting)
		t.Station, t.CalledAt = "", 0
		t.Skips++
		return nil
	})
}

// Transfer calls a patient who was called to one window, or stands at one, to another. A dose under way keeps them.
func (s *Service) Transfer(ctx context.Context, a Act) (Ticket, error) {
	return s.move(ctx, a, "ticket.transfer", Called, func(tx Tx, t *Ticket, now calendar.Instant) error {
		if t.Station == "" || t.Station == a.Station {
			return fault.New(fault.Conflict, "ticket.no_transfer", "ticket %s is at no other window", t.ID)
		}
		if err := noDose(ctx, tx, *t); err != nil {
			return err
		}
		t.AtWindowAt, t.IdentifiedAt = 0, 0
		return callTo(ctx, tx, t, a.Station, now)
	})
}
