package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/rush"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// floor is the server as the place where the morning of a plan happens.
type floor struct {
	*place
	nurse      *clinicapi.ClientWithResponses
	supervisor *clinicapi.ClientWithResponses
	plan       rush.Plan
	tickets    []string         // by person
	doses      []string         // by person
	recorded   []measure.Volume // of each dose, what counts
	cups       []measure.Volume // and what was in the cup
	estimates  []*int64         // what the door said, in seconds; nil for nothing
	looks      []look
	say        func(done int)
	served     int
}

var (
	_ rush.Floor   = (*floor)(nil)
	_ rush.Watcher = (*floor)(nil)
)

func newFloor(ctx context.Context, p *place, plan rush.Plan, say func(int)) (*floor, error) {
	n := len(plan.People)
	f := &floor{
		place: p, plan: plan, say: say,
		tickets: make([]string, n), doses: make([]string, n), estimates: make([]*int64, n),
		recorded: make([]measure.Volume, n), cups: make([]measure.Volume, n),
	}
	var err error
	if f.nurse, err = signIn(ctx, p.url, "nurse"); err != nil {
		return nil, err
	}
	f.supervisor, err = signIn(ctx, p.url, "supervisor")
	return f, err
}

func (f *floor) at(t time.Duration) { f.clock.set(f.opening.Add(t)) }

// Arrive implements rush.Floor: the card is scanned at the door.
func (f *floor) Arrive(ctx context.Context, who int, at time.Duration) error {
	f.at(at)
	r, err := f.nurse.CheckInWithResponse(ctx, clinicapi.CheckIn{Code: f.patients[who].Code})
	if err != nil {
		return err
	}
	in, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	if err != nil {
		return err
	}
	if !in.Decision.Allowed {
		return fmt.Errorf("refused at the door: %+v", in.Decision.Refusals)
	}
	f.tickets[who], f.estimates[who] = in.Ticket.Id, in.EstimateS
	return nil
}

// Call implements rush.Floor: the server decides who is next.
func (f *floor) Call(ctx context.Context, window int, at time.Duration) (int, error) {
	f.at(at)
	r, err := f.nurse.CallNextWithResponse(ctx, f.counters[window].station)
	if err != nil {
		return -1, err
	}
	t, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	if err != nil {
		return -1, err
	}
	who, known := f.byID[patient.ID(t.Patient)]
	if !known {
		return -1, fmt.Errorf("ticket %d is of nobody here", t.Number)
	}
	return who, nil
}

// Act implements rush.Floor.
func (f *floor) Act(ctx context.Context, window, who int, to rush.Stage, at time.Duration) error {
	f.at(at)
	k := f.counters[window]
	switch to {
	case rush.AtWindow:
		return f.stepUp(ctx, k.station, f.tickets[who])
	case rush.Begun:
		return f.begin(ctx, k.station, who)
	case rush.Poured:
		if err := k.place(); err != nil {
			return err
		}
		return f.reaches(ctx, who, dispensing.Pouring)
	case rush.Measured:
		if err := k.pour(ctx); err != nil {
			return err
		}
		return f.reaches(ctx, who, dispensing.Measured)
	case rush.Handed:
		var err error
		if f.cups[who], err = k.lift(); err != nil {
			return err
		}
		return f.handOver(ctx, who)
	case rush.Left:
		return f.taken(ctx, who)
	default:
		return fmt.Errorf("stage %d is nothing that happens at a window", to)
	}
}

func (f *floor) stepUp(ctx context.Context, station, ticket string) error {
	r, err := f.nurse.TicketAtWindowWithResponse(ctx, ticket, clinicapi.StepUp{Station: station})
	if err != nil {
		return err
	}
	_, err = answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	return err
}

func (f *floor) begin(ctx context.Context, station string, who int) error {
	f.doses[who] = id.New[string]()
	r, err := f.nurse.BeginDispensingWithResponse(ctx, clinicapi.BeginDispensing{
		Id: f.doses[who], Patient: string(f.patients[who].ID), Station: station,
	})
	if err != nil {
		return err
	}
	d, err := answer(r.JSON201, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	if err == nil && d.VolumeUl != int64(volume) {
		err = fmt.Errorf("a dose of %d µL, not of %s", d.VolumeUl, volume)
	}
	return err
}

// reaches waits until the counter has reported that a dose went on to a state.
func (f *floor) reaches(ctx context.Context, who int, to dispensing.State) error {
	return await(ctx, f.news, func() (bool, string, error) {
		d, err := f.Dispensing.Dispensing(ctx, f.clinic.ID, dispensing.ID(f.doses[who]))
		f.recorded[who] = d.Measured
		return d.State == to, "the dose is " + string(d.State), err
	})
}

func (f *floor) handOver(ctx context.Context, who int) error {
	r, err := f.nurse.HandOverWithResponse(ctx, f.doses[who], clinicapi.HandOver{Code: f.patients[who].Code})
	if err != nil {
		return err
	}
	_, err = answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	return err
}

func (f *floor) taken(ctx context.Context, who int) error {
	r, err := f.nurse.TakenWithResponse(ctx, f.doses[who])
	if err != nil {
		return err
	}
	if _, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse); err != nil {
		return err
	}
	f.served++
	f.say(f.served)
	return nil
}
