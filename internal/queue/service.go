package queue

import (
	"context"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// Clinics gives the service what it needs of a clinic; *clinic.Service is one.
type Clinics interface {
	Clinic(ctx context.Context, c clinic.ID) (clinic.Clinic, error)
	Closures(ctx context.Context, c clinic.ID, from, to calendar.Day) ([]clinic.Closure, error)
}

// Service keeps the queue of every clinic. It is safe for concurrent use.
type Service struct {
	store   Store
	clinics Clinics
	now     func() time.Time
	tell    func(Ticket)
	past    pasts

	mornings crowd[clinic.ID, Morning]
}

// NewService returns a ready Service. tell is called after each commit that changed a ticket, nil for nobody; it must not
// block.
func NewService(store Store, clinics Clinics, now func() time.Time, tell func(Ticket)) *Service {
	if tell == nil {
		tell = func(Ticket) {}
	}
	return &Service{store: store, clinics: clinics, now: now, tell: tell}
}

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

func (s *Service) today(ctx context.Context, c clinic.ID) (calendar.Day, error) {
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return 0, err
	}
	return cl.Day(s.instant())
}

// Arrival is a patient at the door.
type Arrival struct {
	ID       TicketID // made by whoever asks
	Patient  patient.ID
	Priority string // reason for the priority lane, "" for none
}

// MaxPriority bounds a reason for priority, in bytes.
const MaxPriority = 120

// CheckIn gives the patient a ticket for today. A patient who has an open one gets that one, and again is true: the first
// place in the queue is kept, whoever scans how often.
func (s *Service) CheckIn(ctx context.Context, c clinic.ID, by staff.Member, a Arrival) (t Ticket, again bool, err error) {
	if err := by.Require(c, staff.CheckIn); err != nil {
		return Ticket{}, false, err
	}
	if a.ID == "" || len(a.Priority) > MaxPriority {
		return Ticket{}, false, fault.New(fault.Invalid, "ticket.priority", "a ticket without an id, or a reason that is too long")
	}
	today, err := s.today(ctx, c)
	if err != nil {
		return Ticket{}, false, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		t, again, err = s.checkIn(ctx, tx, c, by, a, today)
		return err
	})
	if err != nil {
		return Ticket{}, false, err
	}
	if !again {
		s.tell(t)
	}
	return t, again, nil
}

func (s *Service) checkIn(ctx context.Context, tx Tx, c clinic.ID, by staff.Member, a Arrival, today calendar.Day) (Ticket, bool, error) {
	file, err := tx.LockPatient(ctx, a.Patient)
	if err != nil {
		return Ticket{}, false, err
	}
	if t, found, err := present(ctx, tx, a, today); err != nil || found {
		return t, found, err
	}
	if file.Status == patient.Ended {
		return Ticket{}, false, fault.New(fault.Conflict, "patient.ended", "file %s has ended", file.ID)
	}
	number, err := tx.NextTicketNumber(ctx, today)
	if err != nil {
		return Ticket{}, false, err
	}
	now := s.instant()
	booked, err := tx.Booking(ctx, a.Patient, today)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Ticket{}, false, err
	}
	t := Ticket{
		ID: a.ID, Clinic: c, Day: today, Number: number, Patient: a.Patient, State: Arrived, Priority: a.Priority,
		Slot: booked.At, Place: flow.Place(now, booked.At), ArrivedAt: now,
	}
	if err := tx.InsertTicket(ctx, t); err != nil {
		return Ticket{}, false, err
	}
	return t, false, tx.Record(ctx, by.Entry(now, "ticket.check_in", string(t.ID), map[string]any{
		"patient": t.Patient, "day": t.Day, "number": t.Number, "priority": t.Priority, "slot": t.Slot,
	}))
}

// present finds the ticket that a repeated request made, or the open one that the patient has today.
func present(ctx context.Context, tx Tx, a Arrival, today calendar.Day) (Ticket, bool, error) {
	t, err := tx.FindTicket(ctx, a.ID)
	if err == nil && t.Patient != a.Patient {
		return Ticket{}, false, fault.New(fault.Invalid, "id.taken", "id %s names another ticket", a.ID)
	}
	if fault.Is(err, fault.NotFound) {
		t, err = tx.OpenTicket(ctx, a.Patient, today)
	}
	if fault.Is(err, fault.NotFound) {
		return Ticket{}, false, nil
	}
	return t, err == nil, err
}

// Act is what somebody does to a ticket.
type Act struct {
	Clinic clinic.ID
	By     staff.Member
	Ticket TicketID
	// Station is the window that calls or takes the patient; "" for the other acts.
	Station equipment.StationID
	// Identified says that the patient's card was scanned at the window.
	Identified bool
	Reason     string // why a patient is sent back, away, or forward; "" is allowed
}

func serving(st equipment.Station) error {
	if !st.Active && !st.Manual {
		return fault.New(fault.Conflict, "station.inactive", "station %s is not in service", st.ID)
	}
	return nil
}

// StepUp puts the patient at a window. The window is free, and the patient at no other.
func (s *Service) StepUp(ctx context.Context, a Act) (Ticket, error) {
	return s.move(ctx, a, "ticket.at_window", AtWindow, func(tx Tx, t *Ticket, now calendar.Instant) error {
		st, err := tx.LockStation(ctx, a.Station)
		if err != nil {
			return err
		}
		if err := serving(st); err != nil {
			return err
		}
		other, err := tx.TicketAtStation(ctx, a.Station, t.Day)
		if err == nil && other.ID != t.ID {
			return fault.New(fault.Conflict, "window.occupied", "ticket %s is at station %s", other.ID, a.Station)
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		t.Station, t.AtWindowAt = a.Station, now
		if a.Identified {
			t.IdentifiedAt = now
		}
		return nil
	})
}

// SendBack lets a called patient, or one at the window, wait again with the same number.
func (s *Service) SendBack(ctx context.Context, a Act) (Ticket, error) {
	return s.move(ctx, a, "ticket.send_back", Arrived, func(tx Tx, t *Ticket, _ calendar.Instant) error {
		if err := noDose(ctx, tx, *t); err != nil {
			return err
		}
		t.Station, t.CalledAt, t.AtWindowAt, t.IdentifiedAt = "", 0, 0, 0
		return nil
	})
}

// Done ends a visit without a dose: sent away with a reason. A dose ends its visit by itself.
func (s *Service) Done(ctx context.Context, a Act) (Ticket, error) {
	return s.end(ctx, a, "ticket.done", Done)
}

// Left ends the visit of a patient who went away.
func (s *Service) Left(ctx context.Context, a Act) (Ticket, error) {
	return s.end(ctx, a, "ticket.left", Left)
}

func (s *Service) end(ctx context.Context, a Act, action string, to State) (Ticket, error) {
	return s.move(ctx, a, action, to, func(tx Tx, t *Ticket, now calendar.Instant) error {
		if err := noDose(ctx, tx, *t); err != nil {
			return err
		}
		t.DoneAt = now
		return nil
	})
}

// noDose keeps a patient in place while a dose is under way.
func noDose(ctx context.Context, tx Tx, t Ticket) error {
	open, err := tx.HasOpenDispensing(ctx, t.Patient)
	if err == nil && open {
		err = fault.New(fault.Conflict, "ticket.dose_open", "ticket %s: a dispensing has not ended", t.ID)
	}
	return err
}

// maxReason bounds the words given for an act, in bytes.
const maxReason = 200

// move takes a ticket along the table of states. A request that finds the ticket where it leads changes nothing, except a
// call: that is a call again.
func (s *Service) move(ctx context.Context, a Act, action string, to State, edit func(Tx, *Ticket, calendar.Instant) error) (t Ticket, err error) {
	if err := a.By.Require(a.Clinic, staff.CallTicket); err != nil {
		return Ticket{}, err
	}
	if len(a.Reason) > maxReason {
		return Ticket{}, fault.New(fault.Invalid, "reason.missing", "the reason is too long")
	}
	known, err := s.store.Ticket(ctx, a.Clinic, a.Ticket)
	if err != nil {
		return Ticket{}, err // also for a ticket of another clinic: it is not said to exist
	}
	var changed bool
	err = s.store.InTx(ctx, a.Clinic, func(tx Tx) error {
		changed = false
		if _, err := tx.LockPatient(ctx, known.Patient); err != nil {
			return err
		}
		if t, err = tx.LockTicket(ctx, a.Ticket); err != nil {
			return err
		}
		if t.State == to && to != Called && (a.Station == "" || a.Station == t.Station) {
			if a.Identified && t.IdentifiedAt.IsZero() {
				t.IdentifiedAt, changed = s.instant(), true
				return tx.UpdateTicket(ctx, t)
			}
			return nil
		}
		if !t.State.MayBecome(to) {
			return fault.New(fault.Conflict, "ticket.state", "ticket %s is %s and cannot become %s", t.ID, t.State, to).
				With("state", string(t.State))
		}
		was, now := t, s.instant()
		if err := edit(tx, &t, now); err != nil { // it sees the state as it was
			return err
		}
		t.State = to
		if err := tx.UpdateTicket(ctx, t); err != nil {
			return err
		}
		changed = true
		return tx.Record(ctx, a.By.Entry(now, action, string(t.ID), map[string]any{
			"patient": t.Patient, "old": was.State, "new": t.State, "old_station": was.Station, "station": t.Station, "reason": a.Reason,
		}))
	})
	if err != nil {
		return Ticket{}, err
	}
	if changed {
		s.tell(t)
	}
	return t, nil
}

// SetPriority moves a waiting patient into the priority lane for a reason, or out of it with "".
func (s *Service) SetPriority(ctx context.Context, c clinic.ID, by staff.Member, key TicketID, reason string) (t Ticket, err error) {
	if err := by.Require(c, staff.CallTicket); err != nil {
		return Ticket{}, err
	}
	if len(reason) > MaxPriority {
		return Ticket{}, fault.New(fault.Invalid, "ticket.priority", "the reason is too long")
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if t, err = tx.LockTicket(ctx, key); err != nil {
			return err
		}
		if !t.Open() {
			return fault.New(fault.Conflict, "ticket.state", "ticket %s is %s", key, t.State).With("state", string(t.State))
		}
		was := t.Priority
		t.Priority = reason
		if err := tx.UpdateTicket(ctx, t); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "ticket.priority", string(key), map[string]any{"old": was, "new": reason}))
	})
	if err != nil {
		return Ticket{}, err
	}
	s.tell(t)
	return t, nil
}

// Ticket reads one.
func (s *Service) Ticket(ctx context.Context, c clinic.ID, key TicketID) (Ticket, error) {
	return s.store.Ticket(ctx, c, key)
}

// Tickets lists the tickets of a day in one of the states, or all of them when none is named, by number.
func (s *Service) Tickets(ctx context.Context, c clinic.ID, d calendar.Day, states ...State) ([]Ticket, error) {
	return s.store.Tickets(ctx, c, d, states...)
}

// StillToCome lists who is due on the day and has not come.
func (s *Service) StillToCome(ctx context.Context, c clinic.ID, d calendar.Day) ([]Expected, error) {
	return s.store.StillToCome(ctx, c, d)
}

// Attended lists who has had a dose on the day, newest first.
func (s *Service) Attended(ctx context.Context, c clinic.ID, d calendar.Day) ([]Attendance, error) {
	return s.store.Attended(ctx, c, d)
}
