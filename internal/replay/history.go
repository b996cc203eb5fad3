package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/rush"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// act is one thing that happened on a day before.
type act struct {
	at time.Duration
	do func(context.Context) error
}

// remember lets the tickets of a day before happen: another morning of the same setting, without doses, for the server to
// learn from what is usual. Nobody is due on it, so nobody missed a dose either.
func (p *place) remember(ctx context.Context, s rush.Setting, daysBefore int) error {
	opening, err := openingOf(p.day.AddDays(-daysBefore))
	if err != nil {
		return err
	}
	plan := s.Plan(uint64(daysBefore)) //nolint:gosec // a few days
	visits, err := plan.Run(ctx, rush.NewLine(plan))
	if err != nil {
		return err
	}
	for _, a := range p.acts(visits) {
		p.clock.set(opening.Add(a.at))
		if err := a.do(ctx); err != nil {
			return fmt.Errorf("%d days before, at %s: %w", daysBefore, a.at, err)
		}
	}
	return nil
}

// acts lists what happened at the door and at the windows, in order; what ends comes before what begins.
func (p *place) acts(visits []rush.Visit) []act {
	var ends, begins []act
	for i, v := range visits {
		t := id.New[queue.TicketID]()
		of := queue.Act{
			Clinic: p.clinic.ID, By: p.team[staff.Nurse], Ticket: t, Station: equipment.StationID(p.counters[v.Window].station),
		}
		begins = append(begins,
			act{v.At[rush.Arrived], func(ctx context.Context) error {
				_, _, err := p.Queue.CheckIn(ctx, p.clinic.ID, p.team[staff.Nurse], queue.Arrival{ID: t, Patient: p.patients[i].ID})
				return err
			}},
			act{v.At[rush.AtWindow], func(ctx context.Context) error {
				_, err := p.Queue.StepUp(ctx, of)
				return err
			}})
		ends = append(ends, act{v.At[rush.Left], func(ctx context.Context) error {
			_, err := p.Queue.Done(ctx, of)
			return err
		}})
	}
	all := append(ends, begins...)
	slices.SortStableFunc(all, func(a, b act) int { return int(a.at - b.at) })
	return all
}

// book keeps the slots of the plan.
func (p *place) book(ctx context.Context, plan rush.Plan) error {
	for i, x := range plan.People {
		if !x.Booked {
			continue
		}
		at := p.opening.Add(x.Slot)
		if _, err := p.Queue.Book(ctx, p.clinic.ID, p.team[staff.Nurse], p.patients[i].ID, p.day, at); err != nil {
			return fmt.Errorf("slot of patient %d: %w", i+1, err)
		}
	}
	return nil
}
