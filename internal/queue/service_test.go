package queue

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
)

const here clinic.ID = "clinic-1"

// memory is a Store and a Tx of one clinic in which every patient exists and is in treatment.
type memory struct {
	Store
	tickets map[TicketID]Ticket
	numbers map[calendar.Day]int
	entries []audit.Entry
	booked  []Booking
	rules   Rules
	before  []Ticket
	dosing  patient.ID // has a dispensing that has not ended
	ended   patient.ID // has an ended file
}

func (m *memory) InTx(_ context.Context, _ clinic.ID, fn func(Tx) error) error { return fn(m) }

func (m *memory) first(match func(Ticket) bool) (Ticket, error) {
	for _, t := range m.tickets {
		if match(t) {
			return t, nil
		}
	}
	return Ticket{}, fault.New(fault.NotFound, "not_found", "nothing")
}

func (m *memory) Ticket(ctx context.Context, _ clinic.ID, id TicketID) (Ticket, error) {
	return m.FindTicket(ctx, id)
}

func (m *memory) LockPatient(_ context.Context, id patient.ID) (patient.Patient, error) {
	p := patient.Patient{ID: id, Clinic: here, Status: patient.InTreatment}
	if id == m.ended {
		p.Status = patient.Ended
	}
	return p, nil
}

func (m *memory) FindTicket(_ context.Context, id TicketID) (Ticket, error) {
	return m.first(func(t Ticket) bool { return t.ID == id })
}

func (m *memory) LockTicket(ctx context.Context, id TicketID) (Ticket, error) {
	return m.FindTicket(ctx, id)
}

func (m *memory) OpenTicket(_ context.Context, p patient.ID, d calendar.Day) (Ticket, error) {
	return m.first(func(t Ticket) bool { return t.Patient == p && t.Day == d && t.Open() })
}

func (m *memory) NextTicketNumber(_ context.Context, d calendar.Day) (int, error) {
	m.numbers[d]++
	return m.numbers[d], nil
}

func (m *memory) all(match func(Ticket) bool) (out []Ticket) {
	for _, t := range m.tickets {
		if match(t) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Ticket) int { return a.Number - b.Number })
	return out
}

func (m *memory) Tickets(_ context.Context, _ clinic.ID, d calendar.Day, states ...State) ([]Ticket, error) {
	return m.all(func(t Ticket) bool { return t.Day == d && (len(states) == 0 || slices.Contains(states, t.State)) }), nil
}

func (m *memory) Waiting(ctx context.Context, d calendar.Day) ([]Ticket, error) {
	return m.Tickets(ctx, here, d, Arrived)
}

func (m *memory) TicketsBetween(context.Context, clinic.ID, calendar.Day, calendar.Day) ([]Ticket, error) {
	return m.before, nil
}

func (m *memory) TicketOfStation(_ context.Context, st equipment.StationID, d calendar.Day) (Ticket, error) {
	return m.first(func(t Ticket) bool {
		return t.Station == st && t.Day == d && (t.State == Called || t.State == AtWindow)
	})
}

func (m *memory) Booking(_ context.Context, p patient.ID, d calendar.Day) (Booking, error) {
	for _, b := range m.booked {
		if b.Patient == p && b.Day == d {
			return b, nil
		}
	}
	return Booking{}, fault.New(fault.NotFound, "not_found", "nothing")
}

func (m *memory) Bookings(_ context.Context, _ clinic.ID, d calendar.Day) (out []Booking, err error) {
	for _, b := range m.booked {
		if b.Day == d {
			out = append(out, b)
		}
	}
	return out, nil
}

func (m *memory) LockSlots(ctx context.Context, d calendar.Day) ([]Booking, error) {
	return m.Bookings(ctx, here, d)
}

func (m *memory) RemoveBooking(_ context.Context, p patient.ID, d calendar.Day) error {
	m.booked = slices.DeleteFunc(m.booked, func(b Booking) bool { return b.Patient == p && b.Day == d })
	return nil
}

func (m *memory) PutBooking(ctx context.Context, b Booking) error {
	_ = m.RemoveBooking(ctx, b.Patient, b.Day)
	m.booked = append(m.booked, b)
	return nil
}

func (m *memory) Rules(context.Context, clinic.ID) (Rules, error) { return m.rules, nil }

func (m *memory) PutRules(_ context.Context, r Rules) error { m.rules = r; return nil }

func (m *memory) InsertTicket(_ context.Context, t Ticket) error { m.tickets[t.ID] = t; return nil }

func (m *memory) UpdateTicket(_ context.Context, t Ticket) error { m.tickets[t.ID] = t; return nil }

func (m *memory) LockStation(_ context.Context, id equipment.StationID) (equipment.Station, error) {
	return equipment.Station{ID: id, Clinic: here, Active: id != "revoked"}, nil
}

func (m *memory) FindStation(ctx context.Context, id equipment.StationID) (equipment.Station, error) {
	return m.LockStation(ctx, id)
}

func (m *memory) TicketAtStation(_ context.Context, st equipment.StationID, d calendar.Day) (Ticket, error) {
	return m.first(func(t Ticket) bool { return t.Station == st && t.Day == d && t.State == AtWindow })
}

func (m *memory) HasOpenDispensing(_ context.Context, p patient.ID) (bool, error) {
	return p == m.dosing, nil
}

func (m *memory) Record(_ context.Context, e audit.Entry) error {
	m.entries = append(m.entries, e)
	return nil
}

type oneClinic struct{}

func (oneClinic) Clinic(context.Context, clinic.ID) (clinic.Clinic, error) {
	return clinic.Clinic{ID: here, Number: 7, Zone: "Asia/Ho_Chi_Minh", CutOver: 3 * time.Hour}, nil
}

func (oneClinic) Closures(_ context.Context, _ clinic.ID, from, to calendar.Day) ([]clinic.Closure, error) {
	if sunday := calendar.DateOf(2026, 3, 8); from <= sunday && sunday <= to {
		return []clinic.Closure{{Clinic: here, Day: sunday}}, nil
	}
	return nil, nil
}

var nurse = staff.Member{ID: "nurse-1", Clinic: here, Active: true, Roles: []staff.Role{staff.Nurse}}

type bench struct {
	*Service
	*memory
	clock time.Time
	told  int
}

func newBench() *bench {
	b := &bench{
		memory: &memory{tickets: map[TicketID]Ticket{}, numbers: map[calendar.Day]int{}},
		clock:  time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
	}
	b.Service = NewService(b.memory, oneClinic{}, func() time.Time { return b.clock }, func(Ticket) { b.told++ })
	return b
}

func (b *bench) arrive(t *testing.T, id TicketID, p patient.ID) (Ticket, bool) {
	t.Helper()
	ticket, again, err := b.CheckIn(t.Context(), here, nurse, Arrival{ID: id, Patient: p})
	if err != nil {
		t.Fatal(err)
	}
	return ticket, again
}

func act(id TicketID, st equipment.StationID) Act {
	return Act{Clinic: here, By: nurse, Ticket: id, Station: st}
}

func wantKey(t *testing.T, err error, key string) {
	t.Helper()
	var f *fault.Error
	switch {
	case key == "" && err == nil:
	case !errors.As(err, &f) || f.Key != key:
		t.Fatalf("error %v, want key %q", err, key)
	}
}

func TestASecondScanReturnsTheSameTicket(t *testing.T) {
	b := newBench()
	first, again := b.arrive(t, "t1", "a")
	if again || first.Number != 1 {
		t.Fatalf("first scan: number %d, again %v", first.Number, again)
	}
	for _, id := range []TicketID{"t1", "t2"} { // the same request, and a new scan
		if second, again := b.arrive(t, id, "a"); !again || second != first {
			t.Errorf("scan %s: %+v, again %v", id, second, again)
		}
	}
	if other, _ := b.arrive(t, "t3", "b"); other.Number != 2 {
		t.Errorf("the next patient has number %d", other.Number)
	}
	if len(b.entries) != 2 || b.told != 2 {
		t.Errorf("%d audit entries, %d notices", len(b.entries), b.told)
	}
	_, _, err := b.CheckIn(t.Context(), here, nurse, Arrival{ID: "t1", Patient: "c"})
	wantKey(t, err, "id.taken")
	b.ended = "e"
	_, _, err = b.CheckIn(t.Context(), here, nurse, Arrival{ID: "t4", Patient: "e"})
	wantKey(t, err, "patient.ended")
}

func TestNumbersBeginAgainWithTheClinicDay(t *testing.T) {
	b := newBench()
	b.arrive(t, "t1", "a")
	b.clock = time.Date(2026, 3, 2, 19, 59, 0, 0, time.UTC) // 02:59 of the next morning, before the cut-over
	if late, again := b.arrive(t, "t2", "a"); !again || late.ID != "t1" {
		t.Errorf("before the cut-over: %+v", late)
	}
	b.clock = b.clock.Add(time.Minute)
	if next, again := b.arrive(t, "t3", "a"); again || next.Number != 1 || next.Day != calendar.DateOf(2026, 3, 3) {
		t.Errorf("after the cut-over: %+v", next)
	}
}

func TestAVisit(t *testing.T) {
	b := newBench()
	b.arrive(t, "t1", "a")
	for _, step := range []struct {
		do   func(context.Context, Act) (Ticket, error)
		act  Act
		want State
	}{
		{b.Call, act("t1", "w1"), Called},
		{b.Call, act("t1", "w1"), Called}, // again
		{b.SendBack, act("t1", ""), Arrived},
		{b.Call, act("t1", "w1"), Called},
		{b.StepUp, act("t1", "w1"), AtWindow},
		{b.StepUp, act("t1", "w1"), AtWindow},
		{b.Done, act("t1", ""), Done},
		{b.Done, act("t1", ""), Done},
	} {
		b.clock = b.clock.Add(time.Minute)
		got, err := step.do(t.Context(), step.act)
		wantKey(t, err, "")
		if got.State != step.want || b.tickets["t1"] != got {
			t.Fatalf("%+v, want state %s", got, step.want)
		}
	}
	ticket := b.tickets["t1"]
	if minutes := ticket.DoneAt.Sub(ticket.AtWindowAt); minutes != 2*time.Minute { // repeats do not move the instants
		t.Errorf("from the window to the end: %s", minutes)
	}
	if want := 1 + 6; len(b.entries) != want || b.told != want {
		t.Errorf("%d audit entries and %d notices, want %d", len(b.entries), b.told, want)
	}
	_, err := b.Call(t.Context(), act("t1", "w1"))
	wantKey(t, err, "ticket.state")
}

func TestAPatientIsAtOneWindowAndAWindowHasOnePatient(t *testing.T) {
	b := newBench()
	b.arrive(t, "t1", "a")
	b.arrive(t, "t2", "b")
	_, err := b.StepUp(t.Context(), act("t1", "w1"))
	wantKey(t, err, "")
	_, err = b.StepUp(t.Context(), act("t1", "w2"))
	wantKey(t, err, "ticket.state")
	_, err = b.StepUp(t.Context(), act("t2", "w1"))
	wantKey(t, err, "window.occupied")
	_, err = b.StepUp(t.Context(), act("t2", "revoked"))
	wantKey(t, err, "station.inactive")
	_, err = b.StepUp(t.Context(), act("t2", "w2"))
	wantKey(t, err, "")
}

func TestADoseUnderWayKeepsTheTicket(t *testing.T) {
	b := newBench()
	b.arrive(t, "t1", "a")
	_, err := b.StepUp(t.Context(), act("t1", "w1"))
	wantKey(t, err, "")
	b.dosing = "a"
	for name, do := range map[string]func(context.Context, Act) (Ticket, error){"done": b.Done, "left": b.Left, "send back": b.SendBack} {
		t.Run(name, func(t *testing.T) {
			_, err := do(t.Context(), act("t1", ""))
			wantKey(t, err, "ticket.dose_open")
		})
	}
}
