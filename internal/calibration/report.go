package calibration

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Report is what a counter says of a pour, read from its record.
type Report struct {
	Kind    PourStep
	Outcome stationlog.Outcome
	Reason  string // of a pour that was never commanded
}

// Apply writes what a counter's record says of a pour that the transaction has locked. A true record is never refused for
// what it says: one that does not fit is kept as evidence and opens an incident. The caller tells the notice after the
// commit.
func Apply(ctx context.Context, tx Tx, now calendar.Instant, st equipment.Station, p Pour, r Report, rec stationlog.Record) (*Notice, error) {
	a := actOf{
		actor: audit.Actor{Kind: audit.ByStation, ID: string(st.ID)}, event: rec.Seq, occurred: calendar.At(rec.Occurred), data: rec.Body,
	}
	breach := ""
	if _, possible := p.State.Next(r.Kind); !possible {
		breach = "late_" + string(r.Kind)
	}
	if p.Station != st.ID {
		breach = "another_station"
	}
	if r.Kind == StepMeasured && absurd(r.Outcome) {
		breach = "absurd_measurement"
	}
	kind := r.Kind
	if breach != "" {
		kind = StepEvidence
	}
	c := change(p, kind, a, now)
	if c.Incident = breach; breach != "" {
		c.poured(p, r)
	} else {
		c.report(p, r)
	}
	if err := tx.AdvancePour(ctx, c); err != nil {
		return nil, err
	}
	return &Notice{Clinic: p.Clinic, Station: p.Station, Check: p.Check, Pour: p.ID, State: c.Pour.State}, nil
}

// absurd reports whether an outcome cannot be one.
func absurd(o stationlog.Outcome) bool {
	switch {
	case o.PumpKnown && (o.Pump < 0 || o.Pump > maxMoved), o.WeightKnown && o.GrossAfter < o.GrossBefore:
		return true
	}
	return !o.PumpKnown && !o.WeightKnown
}

// maxMoved bounds what one pour can move.
const maxMoved = 500 * measure.Millilitre

// actOf is who does something to a pour, and when it happened.
type actOf struct {
	actor    audit.Actor
	witness  staff.ID
	event    int64
	occurred calendar.Instant
	data     any
}

// change builds the change of a step that is possible from where p stands.
func change(p Pour, kind PourStep, a actOf, now calendar.Instant) PourChange {
	to, _ := p.State.Next(kind)
	if a.occurred.IsZero() {
		a.occurred = now
	}
	step := Step{
		Pour: p.ID, Seq: p.Steps + 1, Kind: kind, From: p.State, To: to, Actor: a.actor.ID, ActorKind: string(a.actor.Kind),
		Witness: a.witness, Event: a.event, Occurred: a.occurred, Recorded: now,
	}
	if a.data != nil {
		step.Data = audit.Data(a.data)
	}
	p.State, p.Steps = to, step.Seq
	witness := a.witness
	if witness == "" {
		witness = p.Witness // stands by at every pour, whoever reports it
	}
	return PourChange{
		Pour: p, Step: step,
		Audit: audit.Entry{
			Clinic: p.Clinic, Recorded: now, Actor: a.actor, Witness: string(witness), Action: "pour." + string(kind), Subject: string(p.ID),
			Data: audit.Data(map[string]any{"step": step.Seq, "from": step.From, "to": step.To, "event": a.event, "data": step.Data}),
		},
	}
}

// report fills in what a record changes, and the moves of it.
func (c *PourChange) report(was Pour, r Report) {
	switch r.Kind {
	case StepVoided:
		c.Pour.Reason = r.Reason
		c.post(stock.Reserved, stock.InBottle, was.Volume, "never commanded")
	case StepMeasured:
		c.Pour.observe(r.Outcome)
		c.Pour.Booked = c.Pour.counts()
		c.settle(stock.Reserved, was.Volume, c.Pour.Booked)
	case StepInDoubt:
		c.Pour.observe(r.Outcome)
		c.Pour.Booked = min(c.Pour.least(), was.Volume)
		c.post(stock.Reserved, stock.Purge, c.Pour.Booked, string(was.Kind))
		c.post(stock.Reserved, stock.InDoubt, was.Volume-c.Pour.Booked, "in doubt")
	case StepReserved, StepPouring, StepHeld, StepSettled, StepEvidence:
	}
}

// settle books v of a pour as purged, out of the held account and beyond it out of the bottle, and releases the rest.
func (c *PourChange) settle(held stock.Account, reserved, v measure.Volume) {
	reason := string(c.Pour.Kind)
	c.post(held, stock.Purge, min(v, reserved), reason)
	c.post(stock.InBottle, stock.Purge, v-reserved, reason)
	c.post(held, stock.InBottle, reserved-v, "release")
}

// poured books liquid that moved although the record said that nothing did, once.
func (c *PourChange) poured(was Pour, r Report) {
	if r.Kind != StepMeasured || was.State != Voided || was.Booked > 0 || absurd(r.Outcome) {
		return
	}
	c.Pour.observe(r.Outcome)
	if v := c.Pour.counts(); v > 0 && v <= stock.MaxAmount {
		c.Pour.Booked = v
		c.post(stock.InBottle, stock.Purge, v, "poured after void")
	}
}

func (p *Pour) observe(o stationlog.Outcome) {
	p.Pump, p.PumpKnown, p.GrossBefore, p.GrossAfter, p.WeightKnown = o.Pump, o.PumpKnown, o.GrossBefore, o.GrossAfter, o.WeightKnown
	p.Division, p.PumpSerial, p.ScaleSerial, p.Reason = o.Division, o.PumpSerial, o.ScaleSerial, o.Reason
}

// counts is the volume that counts for the book: what reached the vessel by the scale, else what the pump says. What a
// prime leaves in the tube stays in the bottle by the book, of which the tube is a part.
func (p Pour) counts() measure.Volume {
	if v, ok := p.Scale(); ok {
		return v
	}
	return max(p.Pump, 0)
}

// least is what moved at least: pump and scale must both be able to bear witness to it.
func (p Pour) least() measure.Volume {
	v, weighed := p.Scale()
	switch {
	case weighed && p.PumpKnown:
		return min(v, max(p.Pump, 0))
	case weighed:
		return v
	}
	return max(p.Pump, 0)
}
