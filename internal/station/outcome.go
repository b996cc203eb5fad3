package station

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// halt makes sure that the pump does not move and asks it how much it moved. Nothing is sent that could move it. What
// cannot be learned stays unknown; Pump is then the greatest volume that was reported on the way, a lower bound.
func (p *pourer) halt(ctx context.Context, out *stationlog.Outcome, atLeast measure.Volume) {
	out.Pump = atLeast
	p.crash("before-stop")
	err := p.stop(ctx)
	p.crash("after-stop")
	if err != nil {
		p.log.Error("the pump did not confirm that it stopped", "dispensing", out.Dispensing, "err", err)
		return
	}
	p.crash("before-state")
	s, err := p.pumpState(ctx)
	p.crash("after-state")
	if err != nil || p.lost(s) || s.Moving || s.Moved < atLeast {
		return
	}
	out.Pump, out.PumpKnown = s.Moved, true
	p.board.moved(s.Moved)
}

// lost reports whether the pump's counters are no fact, now or since the last arming.
func (p *pourer) lost(s devices.PumpState) bool {
	if s.Lost {
		p.pumpLost.Store(true)
	}
	return p.pumpLost.Load()
}

// greetPump stops a pump that appears: it may be moving from before, and nothing here ever lets it go on.
func (p *pourer) greetPump(ctx context.Context, pump devices.Pump) error {
	if err := pump.Stop(ctx); err != nil {
		return err
	}
	s, err := pump.State(ctx)
	if err == nil {
		p.lost(s)
	}
	return err
}

// stop may be repeated as often as it takes. A pump that was unplugged is waited for: it may still be moving.
func (p *pourer) stop(ctx context.Context) (err error) {
	for range 3 {
		if !p.pump.wait(ctx, p.cfg.Reopen) {
			return fmt.Errorf("%s: %w", kindPump, errDown)
		}
		err = p.pump.use(ctx, func(ctx context.Context, pump devices.Pump, _ session) error {
			ctx, done := context.WithTimeout(ctx, p.cfg.Command)
			defer done()
			return pump.Stop(ctx)
		})
		if err == nil {
			return nil
		}
	}
	return err
}

func (p *pourer) pumpState(ctx context.Context) (s devices.PumpState, err error) {
	err = p.pump.use(ctx, func(ctx context.Context, pump devices.Pump, _ session) error {
		ctx, done := context.WithTimeout(ctx, p.cfg.Command)
		defer done()
		s, err = retry(ctx, pump.State)
		return err
	})
	return s, err
}

// weighFull weighs the filled cup, after the last drop fell, and compares it with the empty one. Whatever does not fit
// makes the outcome doubtful, unless it is so already.
func (p *pourer) weighFull(ctx context.Context, before Weighed, out *stationlog.Outcome) {
	p.board.phase(PhaseWeighing, out.Dispensing, p.board.now().Target)
	p.drip(ctx, before, out)
	p.crash("before-weigh-full")
	after, err := p.weighAgain(ctx)
	p.crash("after-weigh-full")
	if err != nil {
		p.log.Warn("the cup was not weighed", "dispensing", out.Dispensing, "cause", err)
		doubt(out, doubtOf(err))
		return
	}
	out.GrossAfter, out.WeightKnown = after.Weight(), true
	weight := after.Weight()
	p.standing(&weight)
	if d, err := division(after.Reading); err == nil {
		out.Division = d
	}
	reason := compare(before, after, out.Pump, out.PumpKnown)
	if reason == frozen && out.Purpose == stationlog.Prime {
		return // the tube was empty, and all of it stayed there
	}
	doubt(out, reason)
}

// doubt adds a reason to an outcome that has none.
func doubt(out *stationlog.Outcome, reason string) {
	if out.Reason == "" {
		out.Reason = reason
	}
}

// drip lets the last drop fall, and uses the time to ask the balance again who it is.
func (p *pourer) drip(ctx context.Context, before Weighed, out *stationlog.Outcome) {
	start := p.now()
	p.crash("before-identify")
	err := p.scale.use(ctx, func(ctx context.Context, s devices.Scale, _ session) error {
		return p.same(ctx, s, before.session)
	})
	p.crash("after-identify")
	if errors.Is(err, devices.ErrWrongDevice) {
		doubt(out, "scale_changed")
	}
	pause(ctx, p.cfg.Drip-p.now().Sub(start))
}

// weighAgain weighs, once more after a balance that went away has come back.
func (p *pourer) weighAgain(ctx context.Context) (w Weighed, err error) {
	for range 2 {
		if !p.scale.wait(ctx, p.cfg.Reopen) {
			return w, fmt.Errorf("%s: %w", kindScale, errDown)
		}
		w, err = p.weigh(ctx, p.cfg.rule(p.cfg.SettleWithin))
		if !errors.Is(err, devices.ErrDisconnected) && !errors.Is(err, errDown) {
			break
		}
	}
	return w, err
}

// finish writes down how a pour ended: measured when nothing is in doubt.
func (p *pourer) finish(ctx context.Context, out stationlog.Outcome, density measure.Density) error {
	write, phase, point := p.journal.Measured, PhaseMeasured, "measured"
	if out.Reason != "" {
		write, phase, point = p.journal.InDoubt, PhaseInDoubt, "in-doubt"
	}
	p.crash("before-" + point)
	if err := write(ctx, out); err != nil {
		return err
	}
	p.crash("after-" + point)
	p.board.phase(phase, out.Dispensing, p.board.now().Target)
	p.rec.Outcome(phase, out.Reason)
	if out.PumpKnown && out.WeightKnown && density > 0 && out.Purpose != stationlog.Prime {
		if weighed, err := density.Volume(out.GrossAfter - out.GrossBefore); err == nil {
			p.rec.Deviation(weighed - out.Pump)
		}
	}
	return nil
}

// Recover ends what a crash left open. Nothing that could move the pump is sent. It may be cut short at any point and
// run again.
func (p *pourer) Recover(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	open, err := p.journal.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, u := range open {
		p.board.phase(PhaseRecovering, u.ID, u.Committed.Volume)
		if err := p.recoverOne(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

func (p *pourer) recoverOne(ctx context.Context, u Unfinished) error {
	if u.Step == StepArmed {
		return p.giveUp(ctx, &pour{Accepted: Accepted{Order: stationlog.Order{Kind: u.Purpose, Dispensing: u.ID}}}, errCrashed)
	}
	p.log.Warn("a pour was cut short", "dispensing", u.ID)
	out := stationlog.Outcome{
		Dispensing: u.ID, GrossBefore: u.Committed.GrossBefore, Manual: u.Committed.Manual, Reason: "crash",
		PumpSerial: u.Committed.PumpSerial, ScaleSerial: u.Committed.ScaleSerial, Purpose: u.Committed.Purpose,
	}
	deadline := p.now().Add(p.cfg.Recover)
	if !u.Committed.Manual {
		p.pump.wait(ctx, deadline.Sub(p.now()))
		p.halt(ctx, &out, u.AtLeast)
	}
	p.scale.wait(ctx, deadline.Sub(p.now()))
	p.weighFound(ctx, &out)
	return p.finish(ctx, out, 0)
}

// weighFound weighs what stands on the pan after a crash. A pan that is lighter than the empty cup was has no cup on it,
// and its weight says nothing about the pour.
func (p *pourer) weighFound(ctx context.Context, out *stationlog.Outcome) {
	p.crash("before-weigh-full")
	after, err := p.weighAgain(ctx)
	p.crash("after-weigh-full")
	if err != nil {
		p.log.Warn("the cup was not weighed", "dispensing", out.Dispensing, "cause", err)
		return
	}
	weight := after.Weight()
	out.GrossAfter = weight
	sameScale := out.ScaleSerial == after.session.id.Serial
	out.WeightKnown = sameScale && weight >= out.GrossBefore-p.cfg.SameCup
	p.standing(&weight)
}

var errCrashed = errors.New("crashed before the pump was told to move")

// PourConfig is how a pour is timed and what an empty cup weighs. Zero fields take the defaults of [PourConfig.fill].
type PourConfig struct {
	CupMin, CupMax measure.Weight // an empty cup
	VesselMax      measure.Weight // what takes primes and shots, with what is in it; at least CupMin
	SameCup        measure.Weight // two weights nearer than this may be the same cup, standing still
	CupWait        time.Duration  // for an empty cup to stand still
	SettleSpan     time.Duration  // the weighing rule's run of equal readings
	SettleEvery    time.Duration  // between two readings
	SettleWithin   time.Duration  // for the filled cup to stand still
	Drip           time.Duration  // from the pump's stop to the last drop
	Present        time.Duration  // for a device that is not open when an order comes
	Command        time.Duration  // for the answer to one query or stop
	Arm            time.Duration  // for the pump to be set up
	Dispense       time.Duration  // for the whole motion
	Reopen         time.Duration  // for a device that went away during a pour
	Recover        time.Duration  // for the devices to appear after a crash
	Manual         time.Duration  // for a pour by hand
	ManualSpan     time.Duration  // how long a pour by hand stands still at its target before it counts as finished
}

func (c PourConfig) fill() PourConfig {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	weight := func(w *measure.Weight, v measure.Weight) {
		if *w == 0 {
			*w = v
		}
	}
	weight(&c.CupMin, measure.WeightGram)
	weight(&c.CupMax, 100*measure.WeightGram)
	weight(&c.VesselMax, 2000*measure.WeightGram)
	weight(&c.SameCup, measure.WeightGram/10)
	or(&c.CupWait, 6*time.Second)
	or(&c.SettleSpan, time.Second)
	or(&c.SettleEvery, 120*time.Millisecond)
	or(&c.SettleWithin, 15*time.Second)
	or(&c.Drip, 800*time.Millisecond)
	or(&c.Present, 3*time.Second)
	or(&c.Command, 3*time.Second)
	or(&c.Arm, 10*time.Second)
	or(&c.Dispense, 5*time.Minute)
	or(&c.Reopen, 10*time.Second)
	or(&c.Recover, 20*time.Second)
	or(&c.Manual, 3*time.Minute)
	or(&c.ManualSpan, 2*time.Second)
	return c
}

func (c PourConfig) rule(within time.Duration) settling {
	return settling{Span: c.SettleSpan, Every: c.SettleEvery, Within: within}
}
