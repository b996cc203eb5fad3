package dispensing

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// act is who does something to a dispensing, and when it happened.
type act struct {
	actor    audit.Actor
	witness  staff.ID
	event    int64
	occurred calendar.Instant
	data     any
}

// change builds the Change of one step, or says that the step is not possible from where d stands.
func (s *Service) change(d Dispensing, kind StepKind, a act) (Change, error) {
	to, ok := d.State.Next(kind)
	if !ok {
		return Change{}, fault.New(fault.Conflict, "dispensing.state", "dispensing %s is %s: no step %s", d.ID, d.State, kind).
			With("state", string(d.State))
	}
	now := s.instant()
	if a.occurred.IsZero() {
		a.occurred = now
	}
	var data json.RawMessage
	if a.data != nil {
		data = audit.Data(a.data)
	}
	step := Step{
		Dispensing: d.ID, Seq: d.Steps + 1, Kind: kind, From: d.State, To: to,
		Actor: a.actor.ID, ActorKind: string(a.actor.Kind), Witness: a.witness, Event: a.event, Data: data,
		Occurred: a.occurred, Recorded: now,
	}
	d.State, d.Progress.Steps = to, step.Seq
	return Change{
		Dispensing: d, Step: step,
		Audit: audit.Entry{
			Clinic: d.Clinic, Recorded: now, Actor: a.actor, Witness: string(a.witness),
			Action: "dispensing." + string(kind), Subject: string(d.ID),
			Data: audit.Data(map[string]any{"step": step.Seq, "from": step.From, "to": step.To, "event": a.event, "data": data}),
		},
	}, nil
}

// post adds a move to the change; an amount of zero is no move.
func (c *Change) post(from, to stock.Account, v measure.Volume, reason string) {
	if v > 0 {
		c.Moves = append(c.Moves, c.Dispensing.move(from, to, v, reason, c.Step.Occurred, c.Step.Recorded))
	}
}

// settle takes v out of the held account to where it went and gives the rest of the reservation back to the bottle.
// When more moved than was held, the excess comes out of the bottle, which may thereby go below zero: the fact stands.
func (c *Change) settle(held, to stock.Account, v measure.Volume, reason string) {
	reserved := c.Dispensing.Volume
	c.post(held, to, min(v, reserved), reason)
	c.post(stock.InBottle, to, v-reserved, reason)
	c.post(held, stock.InBottle, reserved-v, "release")
}

// consume adds the consumption fact of the dispensing's day and part.
func (c *Change) consume(kind dosing.DoseKind, m measure.Mass) {
	c.Dose = &dosing.Dose{
		Day: c.Dispensing.Day, Part: c.Dispensing.Part, Mass: m, Kind: kind, At: c.Step.Occurred,
	}
	c.EndTicket = true
}

func (d Dispensing) move(from, to stock.Account, v measure.Volume, reason string, occurred, recorded calendar.Instant) stock.Move {
	return stock.Move{
		ID: id.New[stock.MoveID](), Clinic: d.Clinic, Bottle: d.Bottle, Lot: d.Lot, From: from, To: to, Amount: v,
		Cause: string(d.ID), Reason: reason, Occurred: occurred, Recorded: recorded,
	}
}

// advance runs one step in a transaction: lock, build, write, and tell once it is committed.
func (s *Service) advance(ctx context.Context, c clinic.ID, key ID, build func(Dispensing) (Change, error)) (d Dispensing, err error) {
	var kind StepKind
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		locked, err := tx.Lock(ctx, key)
		if err != nil {
			return err
		}
		change, err := build(locked)
		if errors.Is(err, errDone) {
			d, kind = locked, ""
			return nil
		}
		if err != nil {
			return err
		}
		d, kind = change.Dispensing, change.Step.Kind
		s.point("server." + string(kind) + ".before")
		return tx.Advance(ctx, change)
	})
	if err != nil {
		return Dispensing{}, err
	}
	if kind != "" {
		s.point("server." + string(kind) + ".after")
		s.notify(d, kind)
	}
	return d, nil
}

// errDone says that a repeated request finds its work already done.
var errDone = errors.New("already done")

func asRefusal(err error) (*Refusal, bool) {
	var r *Refusal
	ok := errors.As(err, &r)
	return r, ok
}
