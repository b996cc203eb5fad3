package queue

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// TicketID identifies a ticket.
type TicketID string

// State is where a ticket is.
type State string

// The states, in the order of a visit.
const (
	Arrived  State = "arrived"
	Called   State = "called"
	AtWindow State = "at_window"
	Done     State = "done" // dosed, or sent away with a reason
	Left     State = "left" // went without being seen
)

// Ticket is one visit of one patient on one clinic day.
type Ticket struct {
	ID       TicketID
	Clinic   clinic.ID
	Day      calendar.Day
	Number   int // 1, 2, … per clinic and day
	Patient  patient.ID
	State    State
	Station  equipment.StationID // of the call, "" before
	Priority string              // reason for the priority lane, "" for none
	// Slot is the quarter hour that was booked for the day, zero for none; Place is what orders the queue.
	Slot  calendar.Instant
	Place calendar.Instant
	Skips int // how often the patient was called and did not come
	// Each instant is when the state was entered, by the server's clock.
	ArrivedAt  calendar.Instant
	CalledAt   calendar.Instant
	AtWindowAt calendar.Instant
	DoneAt     calendar.Instant
	// IdentifiedAt is when the card was scanned at the window, zero when the dose alone tells.
	IdentifiedAt calendar.Instant
}

// Open reports whether the patient is still here.
func (t Ticket) Open() bool { return t.State != Done && t.State != Left }

// next holds the transitions that a ticket may make.
var next = map[State][]State{
	Arrived:  {Called, AtWindow, Done, Left},
	Called:   {Called, Arrived, AtWindow, Done, Left},
	AtWindow: {Called, Arrived, Done, Left},
}

// MayBecome reports whether a ticket in state s may enter state to.
func (s State) MayBecome(to State) bool {
	for _, n := range next[s] {
		if n == to {
			return true
		}
	}
	return false
}
