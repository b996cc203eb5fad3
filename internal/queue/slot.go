package queue

import (
	"context"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// Booking is the quarter hour in which a patient means to come on a day. It is a help, not a duty: nobody is refused for
// coming at another time.
type Booking struct {
	Clinic   clinic.ID
	Patient  patient.ID
	Day      calendar.Day
	At       calendar.Instant // the slot's beginning
	By       staff.ID
	Recorded calendar.Instant
}

// Slot is one quarter hour of a day.
type Slot struct {
	At    calendar.Instant
	Taken int
	Size  int
	Past  bool
}

// Full reports whether the slot takes no more.
func (s Slot) Full() bool { return s.Taken >= s.Size }

// maxAhead is how far ahead a slot may be booked, in days.
const maxAhead = 31

// Slots lists the slots of a day by time. A day without opening hours, or on which the clinic is closed, has none.
func (s *Service) Slots(ctx context.Context, c clinic.ID, d calendar.Day) ([]Slot, error) {
	slots, err := s.slots(ctx, c, d)
	if err != nil {
		return nil, err
	}
	bookings, err := s.store.Bookings(ctx, c, d)
	if err != nil {
		return nil, err
	}
	return fill(slots, bookings, ""), nil
}

// slots lists the slots of a day without what is taken of them.
func (s *Service) slots(ctx context.Context, c clinic.ID, d calendar.Day) ([]Slot, error) {
	rules, err := s.store.Rules(ctx, c)
	if err != nil {
		return nil, err
	}
	closures, err := s.clinics.Closures(ctx, c, d, d)
	if err != nil || rules.Closes <= rules.Opens || len(closures) > 0 {
		return nil, err
	}
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(cl.Zone)
	if err != nil {
		return nil, err
	}
	past, err := s.history(ctx, cl)
	if err != nil {
		return nil, err
	}
	size := past.pace.Capacity()
	if size == 0 {
		size = rules.SlotSize
	}
	var out []Slot
	year, month, day := d.Midnight().Date()
	for after := rules.Opens; after+flow.QuarterHour <= rules.Closes; after += flow.QuarterHour {
		// The wall clock counts: on a day with a clock change a slot is still at a quarter to eight.
		at := calendar.At(time.Date(year, month, day, int(after/time.Hour), int(after%time.Hour/time.Minute), 0, 0, zone))
		out = append(out, Slot{At: at, Size: size, Past: at.Add(flow.QuarterHour) <= s.instant()})
	}
	return out, nil
}

// fill counts the bookings of everybody but one patient into the slots.
func fill(slots []Slot, bookings []Booking, but patient.ID) []Slot {
	for i := range slots {
		for _, b := range bookings {
			if b.At == slots[i].At && b.Patient != but {
				slots[i].Taken++
			}
		}
	}
	return slots
}

// Book keeps a slot for a patient on a day, instead of the one they had; at zero takes it away. It is fault.Invalid for a
// time that is no slot of the day or has passed, and fault.Conflict for a slot that is full or a day that is closed.
func (s *Service) Book(ctx context.Context, c clinic.ID, by staff.Member, p patient.ID, d calendar.Day, at calendar.Instant) (b Booking, err error) {
	if err := by.Require(c, staff.CallTicket); err != nil {
		return Booking{}, err
	}
	today, err := s.today(ctx, c)
	if err != nil {
		return Booking{}, err
	}
	if d < today {
		return Booking{}, fault.New(fault.Invalid, "slot.past", "%s is over", d)
	}
	if d > today.AddDays(maxAhead) {
		return Booking{}, fault.New(fault.Invalid, "slot.far", "%s is more than %d days ahead", d, maxAhead)
	}
	slots, err := s.slotsToBook(ctx, c, d, at)
	if err != nil {
		return Booking{}, err
	}
	b = Booking{Clinic: c, Patient: p, Day: d, At: at, By: by.ID, Recorded: s.instant()}
	err = s.store.InTx(ctx, c, func(tx Tx) error { return book(ctx, tx, by, b, slots) })
	if err != nil {
		return Booking{}, err
	}
	return b, nil
}

// slotsToBook finds the slot at a time, as a list of one; none for the zero Instant.
func (s *Service) slotsToBook(ctx context.Context, c clinic.ID, d calendar.Day, at calendar.Instant) ([]Slot, error) {
	if at.IsZero() {
		return nil, nil
	}
	closures, err := s.clinics.Closures(ctx, c, d, d)
	if err != nil {
		return nil, err
	}
	if len(closures) > 0 {
		return nil, fault.New(fault.Conflict, "slot.closed", "the clinic is closed on %s", d)
	}
	slots, err := s.slots(ctx, c, d)
	if err != nil {
		return nil, err
	}
	for _, slot := range slots {
		switch {
		case slot.At != at:
		case slot.Past:
			return nil, fault.New(fault.Invalid, "slot.past", "the slot at %s is over", at)
		default:
			return []Slot{slot}, nil
		}
	}
	return nil, fault.New(fault.Invalid, "slot.unknown", "no slot of %s begins at %s", d, at)
}

func book(ctx context.Context, tx Tx, by staff.Member, b Booking, slots []Slot) error {
	file, err := tx.LockPatient(ctx, b.Patient)
	if err != nil {
		return err
	}
	if file.Status == patient.Ended {
		return fault.New(fault.Conflict, "patient.ended", "file %s has ended", file.ID)
	}
	booked, err := tx.LockSlots(ctx, b.Day)
	if err != nil {
		return err
	}
	var was calendar.Instant
	for _, other := range booked {
		if other.Patient == b.Patient {
			was = other.At
		}
	}
	if was == b.At {
		return nil
	}
	for _, slot := range fill(slots, booked, b.Patient) {
		if slot.Full() {
			return fault.New(fault.Conflict, "slot.full", "the slot at %s has %d of %d", slot.At, slot.Taken, slot.Size)
		}
	}
	if b.At.IsZero() {
		err = tx.RemoveBooking(ctx, b.Patient, b.Day)
	} else {
		err = tx.PutBooking(ctx, b)
	}
	if err != nil {
		return err
	}
	return tx.Record(ctx, by.Entry(b.Recorded, "slot.book", string(b.Patient), map[string]any{"day": b.Day, "old": was, "new": b.At}))
}

// BookingOf returns the patient's slot of a day, the zero Booking when there is none.
func (s *Service) BookingOf(ctx context.Context, c clinic.ID, p patient.ID, d calendar.Day) (Booking, error) {
	all, err := s.store.Bookings(ctx, c, d)
	for _, b := range all {
		if b.Patient == p {
			return b, err
		}
	}
	return Booking{}, err
}
