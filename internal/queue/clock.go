package queue

import (
	"context"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// DoseClock is when one dispensing of a day was where, by the server's clock; zero for what has not been.
type DoseClock struct {
	Patient patient.ID
	Station equipment.StationID
	Day     calendar.Day
	Begun, Poured, Measured,
	Handed, Swallowed calendar.Instant
	// Doubt is when the outcome became unknown or the counter fell silent, Odd when an exception was recorded: a
	// deviation, a rest or a waste. Ended is when the dispensing was over.
	Doubt, Odd, Ended calendar.Instant
}

// Visits lists the visits of a day by number, each with its step clock.
func (s *Service) Visits(ctx context.Context, c clinic.ID, d calendar.Day) ([]flow.Visit, error) {
	tickets, err := s.store.Tickets(ctx, c, d)
	if err != nil {
		return nil, err
	}
	doses, err := s.store.DoseClocks(ctx, c, d)
	if err != nil {
		return nil, err
	}
	return visits(tickets, doses), nil
}

// visits joins the tickets of a day with its doses. A patient may come twice a day: a dose belongs to the visit during
// which it began.
func visits(tickets []Ticket, doses []DoseClock) []flow.Visit {
	byPatient := map[patient.ID][]DoseClock{}
	for _, d := range doses {
		byPatient[d.Patient] = append(byPatient[d.Patient], d)
	}
	out := make([]flow.Visit, 0, len(tickets))
	for _, t := range tickets {
		v := t.visit()
		for _, d := range byPatient[t.Patient] {
			if d.Begun >= t.ArrivedAt && (t.DoneAt.IsZero() || d.Begun <= t.DoneAt) {
				d.into(&v)
			}
		}
		out = append(out, v)
	}
	return out
}

// visit is what the ticket alone knows of the step clock.
func (t Ticket) visit() flow.Visit {
	v := flow.Visit{Window: string(t.Station), Away: t.State == Left}
	v.Clock[flow.Arrived], v.Clock[flow.Called], v.Clock[flow.AtWindow] = t.ArrivedAt, t.CalledAt, t.AtWindowAt
	v.Clock[flow.Identified], v.Clock[flow.Left] = t.IdentifiedAt, t.DoneAt
	return v
}

// into adds a dose to its visit. Of several, as after a waste, the first identifies and the last ends.
func (d DoseClock) into(v *flow.Visit) {
	if v.Clock[flow.Identified].IsZero() {
		v.Clock[flow.Identified] = d.Begun
	}
	for step, at := range map[flow.Step]calendar.Instant{
		flow.Poured: d.Poured, flow.Measured: d.Measured, flow.Handed: d.Handed, flow.Swallowed: d.Swallowed,
	} {
		v.Clock[step] = max(v.Clock[step], at)
	}
}

// Waited is how long the patient waited before the window, or has waited until now.
func (t Ticket) Waited(now calendar.Instant) time.Duration { return t.visit().Wait(now) }
