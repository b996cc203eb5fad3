package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// waiting puts the first n patients of the world into the queue, a minute apart.
func (w world) waiting(t *testing.T, s *Store, n int) []queue.Ticket {
	t.Helper()
	var out []queue.Ticket
	must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
		for i := range n {
			at := eight.Add(time.Duration(i) * time.Minute)
			k := queue.Ticket{
				ID: id.New[queue.TicketID](), Clinic: w.clinic, Day: theDay, Number: i + 1, Patient: w.patients[i],
				State: queue.Arrived, Place: at, ArrivedAt: at,
			}
			if err := tx.InsertTicket(ctx, k); err != nil {
				return err
			}
			out = append(out, k)
		}
		return nil
	}))
	return out
}

func (w world) nurse() staff.Member {
	return staff.Member{ID: w.doctor, Clinic: w.clinic, Roles: []staff.Role{staff.Doctor, staff.Nurse, staff.Supervisor}, Active: true}
}

func (w world) queue(s *Store) *queue.Service {
	now := func() time.Time { return eight.Add(20 * time.Minute).Time() }
	return queue.NewService(s.Queue(), clinic.NewService(s.Clinics(), now), now, nil)
}

func TestWhatKeptPatientsFromBeingServed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := newWorld(t, s, 1, 5, 1)
		tickets := w.waiting(t, s, 5)
		lifted, signed, cleared := eight.Add(10*time.Minute), eight.Add(5*time.Minute), eight.Add(7*time.Minute)
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			hold := func(p int, sev prescription.Severity, until calendar.Instant) error {
				h := prescription.Hold{
					ID: id.New[prescription.HoldID](), Clinic: w.clinic, Patient: w.patients[p], Severity: sev, Reason: "x",
					ClearedBy: staff.Doctor, PlacedBy: w.doctor, PlacedAt: eight.Add(-time.Hour),
				}
				err := tx.InsertHold(ctx, h)
				if err == nil && !until.IsZero() {
					h.LiftedAt, h.LiftedBy = until, w.doctor
					err = tx.EndHold(ctx, h)
				}
				return err
			}
			late := newOrder(w, w.patients[3], id.New[prescription.ID](), 2)
			late.SignedAt = signed
			for _, err := range []error{
				hold(0, prescription.Stop, lifted), hold(1, prescription.Warning, 0), hold(2, prescription.Stop, eight.Add(-time.Minute)),
			} {
				if err != nil {
					return err
				}
			}
			if _, err := tx.EndActiveOrders(ctx, w.patients[3], "doctor", eight.Add(-time.Hour)); err != nil {
				return err
			}
			if err := tx.InsertPrescription(ctx, late); err != nil {
				return err
			}
			if _, err := tx.EndActiveOrders(ctx, w.patients[4], "doctor", eight.Add(-time.Hour)); err != nil {
				return err
			}
			return tx.InsertClearance(ctx, prescription.Clearance{
				ID: id.New[prescription.ClearanceID](), Clinic: w.clinic, Patient: w.patients[1], Rule: "missed.days", Day: theDay, By: w.doctor, Recorded: cleared,
			})
		}))
		want := []queue.Block{
			{Ticket: tickets[0].ID, Cause: flow.Held, Span: flow.Span{From: eight.Add(-time.Hour), To: lifted}},
			{Ticket: tickets[1].ID, Cause: flow.Prescription, Span: flow.Span{From: tickets[1].ArrivedAt, To: cleared}},
			{Ticket: tickets[3].ID, Cause: flow.Prescription, Span: flow.Span{From: tickets[3].ArrivedAt, To: signed}},
			{Ticket: tickets[4].ID, Cause: flow.Prescription, Span: flow.Span{From: tickets[4].ArrivedAt}},
		}
		got, err := s.Queue().Blocks(ctx, w.clinic, theDay)
		same(t, want, got, err)
	})
}

func TestDeviceChangesOfADay(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 0, 1)
		x := newSigner(t, s, w, 0)
		must(t, s.inTx(t.Context(), w.clinic, func(tx *Tx) error {
			for i, state := range []string{"down", "ready"} {
				rec, signed := x.say(t, stationlog.KindDevice, stationlog.Device{Kind: "pump", State: state})
				if err := tx.AppendRecord(t.Context(), rec, signed, eight.Add(time.Duration(i)*time.Minute)); err != nil {
					return err
				}
			}
			return x.append(t, tx, stationlog.KindScanned)
		}))
		got, err := s.Queue().DeviceChanges(t.Context(), w.clinic, eight, eight.Add(time.Hour))
		same(t, []queue.DeviceChange{
			{Station: w.stations[0], Kind: equipment.Pump, State: equipment.Down, At: eight},
			{Station: w.stations[0], Kind: equipment.Pump, State: equipment.Ready, At: eight.Add(time.Minute)},
		}, got, err)
		got, err = s.Queue().DeviceChanges(t.Context(), w.clinic, eight.Add(2*time.Minute), eight.Add(time.Hour))
		same(t, []queue.DeviceChange{}, got, err)
	})
}

func TestRulesOfTheQueueAndItsRefusals(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w, other := newWorld(t, s, 1, 0, 0), newWorld(t, s, 2, 0, 0)
		got, err := s.Queue().Rules(ctx, w.clinic)
		same(t, queue.Rules{Clinic: w.clinic}, got, err)
		for _, size := range []int{4, 9} {
			rules := queue.Rules{
				Clinic: w.clinic, Opens: 390 * time.Minute, Closes: 11 * time.Hour, SlotSize: size,
				Targets: flow.Targets{flow.LongestWait: 30 * time.Minute}, Rooms: map[staff.Role]string{staff.Doctor: "Phòng 2"},
			}
			_, err := w.queue(s).SetRules(ctx, w.nurse(), rules)
			must(t, err)
			got, err := s.Queue().Rules(ctx, w.clinic)
			same(t, rules, got, err)
		}
		q := w.queue(s)
		must(t, q.Refused(ctx, w.clinic, queue.AtDoor, []string{"hold.stop", "order.expired", "hold.stop"}))
		must(t, q.Refused(ctx, w.clinic, queue.AtDoor, []string{"order.expired"}))
		must(t, q.Refused(ctx, w.clinic, queue.AtCounter, []string{"order.expired"}))
		must(t, q.Refused(ctx, w.clinic, queue.AtCounter, nil))
		refused, err := s.Queue().Refusals(ctx, w.clinic, theDay)
		same(t, []queue.Refusal{{Rule: "order.expired", Where: queue.AtDoor, N: 2}, {Rule: "hold.stop", Where: queue.AtDoor, N: 1}, {Rule: "order.expired", Where: queue.AtCounter, N: 1}}, refused, err)
		refused, err = s.Queue().Refusals(ctx, other.clinic, theDay)
		same(t, []queue.Refusal{}, refused, err)
	})
}

func TestSlotsAreKeptPerPatientAndDay(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w, other := newWorld(t, s, 1, 3, 1), newWorld(t, s, 2, 1, 1)
		q := w.queue(s)
		_, err := q.SetRules(ctx, w.nurse(), queue.Rules{Clinic: w.clinic, Opens: 7 * time.Hour, Closes: 11 * time.Hour, SlotSize: 1})
		must(t, err)
		tomorrow, nine := theDay+1, eight.Add(25*time.Hour)
		_, err = q.Book(ctx, w.clinic, w.nurse(), w.patients[0], tomorrow, nine)
		must(t, err)
		_, err = q.Book(ctx, w.clinic, w.nurse(), w.patients[1], tomorrow, nine)
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("a full slot: %v", err)
		}
		if _, err := q.Book(ctx, w.clinic, w.nurse(), other.patients[0], tomorrow, nine.Add(time.Hour)); !fault.Is(err, fault.NotFound) {
			t.Errorf("a patient of another clinic: %v", err)
		}
		_, err = q.Book(ctx, w.clinic, w.nurse(), w.patients[0], tomorrow, nine.Add(15*time.Minute))
		must(t, err)
		got, err := s.Queue().Bookings(ctx, w.clinic, tomorrow)
		same(t, []queue.Booking{{
			Clinic: w.clinic, Patient: w.patients[0], Day: tomorrow, At: nine.Add(15 * time.Minute), By: w.doctor, Recorded: eight.Add(20 * time.Minute),
		}}, got, err)
		_, err = q.Book(ctx, w.clinic, w.nurse(), w.patients[0], tomorrow, 0)
		must(t, err)
		got, err = s.Queue().Bookings(ctx, w.clinic, tomorrow)
		same(t, []queue.Booking{}, got, err)

		_, err = q.Book(ctx, w.clinic, w.nurse(), w.patients[2], theDay, eight.Add(15*time.Minute))
		must(t, err)
		ticket, _, err := q.CheckIn(ctx, w.clinic, w.nurse(), queue.Arrival{ID: id.New[queue.TicketID](), Patient: w.patients[2]})
		must(t, err)
		read, err := s.Queue().Ticket(ctx, w.clinic, ticket.ID)
		same(t, ticket, read, err)
		if ticket.Slot != eight.Add(15*time.Minute) || ticket.Place != ticket.ArrivedAt.Add(-flow.HeadStart) {
			t.Errorf("who keeps to a slot: %+v", ticket)
		}
	})
}

func TestCallsAreKept(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		w := newWorld(t, s, 1, 3, 2)
		w.waiting(t, s, 3)
		q := w.queue(s)
		everybody := func(context.Context, queue.Ticket) (bool, error) { return true, nil }
		act := queue.Act{Clinic: w.clinic, By: w.nurse(), Station: w.stations[0]}
		first, err := q.Next(ctx, act, everybody)
		must(t, err)
		act.Ticket = first.ID
		skipped, err := q.Skip(ctx, act)
		must(t, err)
		read, err := s.Queue().Ticket(ctx, w.clinic, first.ID)
		same(t, skipped, read, err)
		next, err := q.Next(ctx, act, everybody)
		must(t, err)
		if next.Number != 2 || skipped.Skips != 1 {
			t.Errorf("after a skip number %d is called", next.Number)
		}
		act.Ticket, act.Identified = next.ID, true
		up, err := q.StepUp(ctx, act)
		must(t, err)
		read, err = s.Queue().Ticket(ctx, w.clinic, next.ID)
		same(t, up, read, err)
		act.Station = w.stations[1]
		moved, err := q.Transfer(ctx, act)
		must(t, err)
		read, err = s.Queue().Ticket(ctx, w.clinic, next.ID)
		same(t, moved, read, err)
	})
}

// However many windows ask at once: each patient is called to one window, each window gets one patient, and the record of
// changes stays whole.
func TestWindowsCallingUnderRace(t *testing.T) {
	t.Parallel()
	const windows, patients = 6, 9
	url := server.Database(t)
	stores := []*Store{open(t, url, Options{}), open(t, url, Options{})}
	for round := range min(rounds(), 10) {
		w := newWorld(t, stores[0], round+1, patients, windows)
		w.waiting(t, stores[0], patients)
		everybody := func(context.Context, queue.Ticket) (bool, error) { return true, nil }
		errs := together(4*windows, func(i int) error {
			_, err := w.queue(stores[i%2]).Next(t.Context(), queue.Act{Clinic: w.clinic, By: w.nurse(), Station: w.stations[i%windows]}, everybody)
			return err
		})
		called := 0
		for _, err := range errs {
			switch {
			case err == nil:
				called++
			case !fault.Is(err, fault.Conflict):
				t.Error(err)
			}
		}
		tickets, err := stores[0].Queue().Tickets(t.Context(), w.clinic, theDay, queue.Called)
		must(t, err)
		var stations []equipment.StationID
		for _, k := range tickets {
			stations = append(stations, k.Station)
		}
		slices.Sort(stations)
		if called != windows || len(slices.Compact(stations)) != windows {
			t.Fatalf("round %d: %d calls for %d windows, %d tickets", round, called, windows, len(tickets))
		}
	}
	verified(t, stores[0])
}

// A patient who is wanted at every window at once stands at one.
func TestAPatientIsAtOneWindowUnderRace(t *testing.T) {
	t.Parallel()
	const windows = 6
	s := onPostgres(t, Options{})
	for round := range min(rounds(), 10) {
		w := newWorld(t, s, round+1, windows, windows)
		tickets := w.waiting(t, s, windows)
		won := make([]bool, windows*windows)
		errs := together(windows*windows, func(i int) error {
			_, err := w.queue(s).StepUp(t.Context(), queue.Act{
				Clinic: w.clinic, By: w.nurse(), Ticket: tickets[i/windows].ID, Station: w.stations[i%windows],
			})
			won[i] = err == nil
			return err
		})
		for _, err := range errs {
			if err != nil && !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		}
		for i := range windows {
			patients, stations := 0, 0
			for j := range windows {
				if won[i*windows+j] {
					patients++
				}
				if won[j*windows+i] {
					stations++
				}
			}
			if patients > 1 || stations > 1 {
				t.Fatalf("round %d: a patient at %d windows, a window with %d patients", round, patients, stations)
			}
		}
	}
	verified(t, s)
}

// The last place of a slot is given once.
func TestTheLastPlaceOfASlotUnderRace(t *testing.T) {
	t.Parallel()
	const patients = 12
	s := onPostgres(t, Options{})
	w := newWorld(t, s, 1, patients, 1)
	_, err := w.queue(s).SetRules(t.Context(), w.nurse(), queue.Rules{Clinic: w.clinic, Opens: 7 * time.Hour, Closes: 11 * time.Hour, SlotSize: 3})
	must(t, err)
	errs := together(patients, func(i int) error {
		_, err := w.queue(s).Book(t.Context(), w.clinic, w.nurse(), w.patients[i], theDay+1, eight.Add(24*time.Hour))
		return err
	})
	booked := 0
	for _, err := range errs {
		switch {
		case err == nil:
			booked++
		case !fault.Is(err, fault.Conflict):
			t.Error(err)
		}
	}
	if booked != 3 {
		t.Errorf("%d booked a slot of three", booked)
	}
	verified(t, s)
}

// The morning of both engines, with a hold that was lifted while the patient waited.
func TestMorning(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 4, 1)
		tickets := w.waiting(t, s, 3)
		q := w.queue(s) // twenty past eight
		_, err := q.StepUp(t.Context(), queue.Act{Clinic: w.clinic, By: w.nurse(), Ticket: tickets[0].ID, Station: w.stations[0]})
		must(t, err)
		b := w.beginning(0, 0, 1)
		must(t, w.begin(t, s, b))
		swallow(t, s, w, b.Dispensing)
		_, err = q.Left(t.Context(), queue.Act{Clinic: w.clinic, By: w.nurse(), Ticket: tickets[1].ID})
		must(t, err)
		m, err := q.Morning(t.Context(), w.clinic)
		must(t, err)
		f := m.Figures
		if f.Waiting != 1 || f.Served != 1 || f.Away != 1 || f.AtWindow != 0 || m.Coming != 1 {
			t.Errorf("figures %+v, %d to come", f, m.Coming)
		}
		if f.Longest != 18*time.Minute || f.Wait.Median != 20*time.Minute {
			t.Errorf("longest %s, median %s", f.Longest, f.Wait.Median)
		}
		if want := 20*time.Minute + 19*time.Minute + 18*time.Minute; f.Causes[flow.NoWindow] != want {
			t.Errorf("causes %v, want %s", f.Causes, want)
		}
		if m.Day != theDay || len(f.Windows) != 1 || f.Windows[0].Served != 1 {
			t.Errorf("%s: windows %+v", m.Day, f.Windows)
		}
	})
}
