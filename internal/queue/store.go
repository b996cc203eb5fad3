package queue

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Store keeps tickets.
type Store interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c clinic.ID, fn func(Tx) error) error
	// Ticket reads one. fault.NotFound when there is none in this clinic.
	Ticket(ctx context.Context, c clinic.ID, id TicketID) (Ticket, error)
	// Tickets lists the tickets of a day in one of the states, or in any when none is named, by number.
	Tickets(ctx context.Context, c clinic.ID, d calendar.Day, states ...State) ([]Ticket, error)
	// StillToCome lists the patients with an active order for the day, and neither a ticket nor a dose of it, by code.
	StillToCome(ctx context.Context, c clinic.ID, d calendar.Day) ([]Expected, error)
	// Attended lists the patients with a consumption fact recorded on the day, newest first.
	Attended(ctx context.Context, c clinic.ID, d calendar.Day) ([]Attendance, error)
	// TicketsBetween lists the tickets of the days from the first to the last, by day and number.
	TicketsBetween(ctx context.Context, c clinic.ID, first, last calendar.Day) ([]Ticket, error)
	// Blocks lists what kept those who have a ticket of the day from being served: stop holds that stood after their
	// arrival, the lack of an order until one was signed, and a referral until it was cleared.
	Blocks(ctx context.Context, c clinic.ID, d calendar.Day) ([]Block, error)
	// DeviceChanges lists what the counters said of their devices within the times, oldest first.
	DeviceChanges(ctx context.Context, c clinic.ID, from, to calendar.Instant) ([]DeviceChange, error)
	// Windows lists the clinic's stations by name, and every device.
	Windows(ctx context.Context, c clinic.ID) ([]equipment.Station, []equipment.Device, error)
	// Bookings lists the slots booked for a day, by time.
	Bookings(ctx context.Context, c clinic.ID, d calendar.Day) ([]Booking, error)
	// Rules reads what the clinic decided; nothing decided is the zero Rules.
	Rules(ctx context.Context, c clinic.ID) (Rules, error)
	// Refusals lists how often each rule refused on the day, most often first.
	Refusals(ctx context.Context, c clinic.ID, d calendar.Day) ([]Refusal, error)
	// CountRefusals adds one to each rule.
	CountRefusals(ctx context.Context, c clinic.ID, d calendar.Day, w Where, rules []string) error
	// DoseClocks lists when each dispensing of the day was where, in the order in which they began.
	DoseClocks(ctx context.Context, c clinic.ID, d calendar.Day) ([]DoseClock, error)
}

// Tx is one transaction of one clinic. The patient's row is locked first, then the ticket's, then the station's.
type Tx interface {
	// LockPatient is that of patient.Tx.
	LockPatient(ctx context.Context, id patient.ID) (patient.Patient, error)
	// FindTicket reads a ticket of this clinic without locking it. fault.NotFound when there is none.
	FindTicket(ctx context.Context, id TicketID) (Ticket, error)
	// OpenTicket reads the patient's open ticket of the day. fault.NotFound when there is none.
	OpenTicket(ctx context.Context, p patient.ID, d calendar.Day) (Ticket, error)
	// NextTicketNumber returns the next number of the clinic's day: 1, 2, …; its transaction holds the sequence.
	NextTicketNumber(ctx context.Context, d calendar.Day) (int, error)
	// InsertTicket adds a ticket. fault.Conflict when the id is taken or the patient has an open one that day.
	InsertTicket(ctx context.Context, t Ticket) error
	// LockTicket reads a ticket and keeps others from changing it. fault.NotFound when not of this clinic.
	LockTicket(ctx context.Context, id TicketID) (Ticket, error)
	// UpdateTicket writes State, Station, Priority, Place, Skips, CalledAt, AtWindowAt, IdentifiedAt and DoneAt.
	UpdateTicket(ctx context.Context, t Ticket) error
	// FindStation reads a station of this clinic without locking it. fault.NotFound when there is none.
	FindStation(ctx context.Context, id equipment.StationID) (equipment.Station, error)
	// LockStation is that of equipment.Tx.
	LockStation(ctx context.Context, id equipment.StationID) (equipment.Station, error)
	// TicketAtStation reads the ticket that is in the state AtWindow at this station on the day. fault.NotFound when
	// the window is free.
	TicketAtStation(ctx context.Context, st equipment.StationID, d calendar.Day) (Ticket, error)
	// TicketOfStation reads a ticket that is called to this station or at it on the day. fault.NotFound when the window has
	// nobody.
	TicketOfStation(ctx context.Context, st equipment.StationID, d calendar.Day) (Ticket, error)
	// Waiting lists the tickets of the day in the state Arrived.
	Waiting(ctx context.Context, d calendar.Day) ([]Ticket, error)
	// Booking reads the patient's slot of a day. fault.NotFound when there is none.
	Booking(ctx context.Context, p patient.ID, d calendar.Day) (Booking, error)
	// LockSlots keeps others from booking the day until the transaction ends, and lists what is booked.
	LockSlots(ctx context.Context, d calendar.Day) ([]Booking, error)
	// PutBooking adds or replaces the patient's slot of the day, RemoveBooking takes it away.
	PutBooking(ctx context.Context, b Booking) error
	RemoveBooking(ctx context.Context, p patient.ID, d calendar.Day) error
	// PutRules adds or replaces what the clinic decided.
	PutRules(ctx context.Context, r Rules) error
	// HasOpenDispensing reports whether the patient has a dispensing that has not ended.
	HasOpenDispensing(ctx context.Context, p patient.ID) (bool, error)
	// Record appends an audit entry to the clinic's chain.
	Record(ctx context.Context, e audit.Entry) error
}

// Block is a time in which a ticket's patient could not be served whatever the windows did.
type Block struct {
	Ticket TicketID
	Cause  flow.Cause // Held or Prescription
	flow.Span
}

// DeviceChange is what a counter said of a device, and when the server heard it.
type DeviceChange struct {
	Station equipment.StationID
	Kind    equipment.DeviceKind
	State   equipment.DeviceState
	At      calendar.Instant
}

// Expected is a patient who is due today and has not come.
type Expected struct {
	Patient patient.ID
	Code    string
	Name    string
	Phase   patient.Phase
	// LastDay is the clinic day of the newest dose, 0 when there never was one.
	LastDay calendar.Day
}

// Attendance is a patient who has had a dose today.
type Attendance struct {
	Patient patient.ID
	Code    string
	Name    string
	Mass    measure.Mass // sum of the day's doses so far
	At      calendar.Instant
}
