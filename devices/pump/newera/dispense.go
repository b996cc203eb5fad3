package newera

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

// Arm writes the whole program anew, because it is kept in the pump's memory and anyone may have changed it there,
// reads it back, and clears the counters. A pump that moves is refused; a paused one is stopped.
func (p *Pump) Arm(ctx context.Context, v measure.Volume) error {
	if _, err := p.Limits(v); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = 0
	if err := p.arm(ctx, v); err != nil {
		return p.errorf("arming", err)
	}
	p.armed = v
	return nil
}

func (p *Pump) arm(ctx context.Context, v measure.Volume) error {
	if err := p.standStill(ctx); err != nil {
		return err
	}
	program, err := p.program(v)
	if err != nil {
		return err
	}
	for _, s := range program {
		if _, err := p.query(ctx, s.set, isBare); err != nil {
			return err
		}
	}
	for _, s := range program {
		if err := p.readBack(ctx, s); err != nil {
			return err
		}
	}
	return p.clear(ctx)
}

// standStill refuses a moving pump: it is somebody's dose.
func (p *Pump) standStill(ctx context.Context) error {
	r, err := p.query(ctx, proto.Version, isVersion)
	if err != nil {
		return err
	}
	switch r.State {
	case proto.Stopped:
		return nil
	case proto.Paused:
		return p.stop(ctx)
	}
	return fmt.Errorf("it is moving, state %c: %w", r.State, devices.ErrRefused)
}

// setting is one line of the program: how to set it, how to ask for it, and whether the answer is right.
type setting struct {
	set, ask proto.Command
	same     func(data string) bool
}

func (p *Pump) program(v measure.Volume) ([]setting, error) {
	phase, err1 := proto.SetPhase(1)
	diameter, err2 := proto.SetDiameter(p.cfg.Diameter)
	volume, err3 := proto.SetVolume(v)
	rate, err4 := proto.SetRate(p.cfg.Rate)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	isVolume := func(d string) bool { got, err := proto.ParseVolume(d); return err == nil && got == v }
	return []setting{
		{proto.SetPowerFail(false), proto.PowerFail, func(d string) bool { return d == "0" }},
		{phase, proto.Phase, func(d string) bool { n, err := proto.ParseCount(d); return err == nil && n == 1 }},
		{diameter, proto.Diameter, func(d string) bool { got, err := proto.ParseDiameter(d); return err == nil && got == p.cfg.Diameter }},
		{proto.Millilitres, proto.Volume, isVolume},
		{volume, proto.Volume, isVolume},
		{rate, proto.Rate, func(d string) bool { got, err := proto.ParseRate(d); return err == nil && got == p.cfg.Rate }},
		{proto.Infuse, proto.Direction, func(d string) bool { return d == "INF" }},
	}, nil
}

// readBack compares what the pump says with what it was told. An answer of another shape may be an older one, so a
// wrong one is asked for once more.
func (p *Pump) readBack(ctx context.Context, s setting) error {
	var got string
	for range 2 {
		r, err := p.query(ctx, s.ask, hasData)
		if err != nil {
			return err
		}
		if got = r.Data; s.same(got) {
			return nil
		}
		p.dirty = true
	}
	return fmt.Errorf("set %s, reads back %q: %w", s.set, got, devices.ErrRefused)
}

func (p *Pump) clear(ctx context.Context) error {
	for _, c := range []proto.Command{proto.ClearInfused, proto.ClearDrawn} {
		if _, err := p.query(ctx, c, isBare); err != nil {
			return err
		}
	}
	p.lost, p.alarm = false, proto.NoAlarm
	st, t, err := p.totals(ctx)
	switch {
	case err != nil:
		return err
	case st.Lost || t != (proto.Totals{}):
		return fmt.Errorf("its counters are not zero after clearing: %s: %w", t, devices.ErrRefused)
	}
	return nil
}

// totals asks for the volumes so far. An alarm that eats the question is noted in the state and the question repeated.
func (p *Pump) totals(ctx context.Context) (devices.PumpState, proto.Totals, error) {
	r, err := p.query(ctx, proto.Dispensed, isTotals)
	if err != nil {
		return devices.PumpState{}, proto.Totals{}, err
	}
	t, err := proto.ParseTotals(r.Data)
	if err != nil {
		return devices.PumpState{}, proto.Totals{}, err
	}
	st := devices.PumpState{Moved: t.Infused, Lost: p.lost, Alarm: alarmName(p.alarm)}
	switch r.State {
	case proto.Infusing, proto.Withdrawing, proto.Purging, proto.TimedPause:
		st.Moving = true
	case proto.Paused:
		st.Alarm = joinWords(st.Alarm, paused)
	}
	p.alarm = proto.NoAlarm
	return st, t, nil
}

const paused = "paused"

func isPaused(st devices.PumpState) bool { return strings.HasSuffix(st.Alarm, paused) }

func joinWords(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

// Dispense sends RUN exactly once, after making sure that the pump stands still with its counters at zero, and follows
// it until it stands still again. The caller has made the intent durable before. When ctx ends first the pump is not
// stopped here: the caller stops it, or the dead-man time does.
func (p *Pump) Dispense(ctx context.Context, progress func(devices.PumpState)) (measure.Volume, error) {
	target, err := p.run(ctx)
	if err != nil {
		return 0, p.errorf("starting", err)
	}
	// A quarter more than the time it takes, and some seconds for a slow start.
	expected := time.Duration(int64(target)*int64(time.Minute)/int64(p.cfg.Rate)) * 5 / 4
	within, cancel := context.WithTimeoutCause(ctx, expected+10*time.Second, errTooLong)
	defer cancel()
	f := follower{p: p, target: target, progress: progress}
	moved, err := f.follow(within)
	if err != nil {
		return moved, p.errorf(fmt.Sprintf("dispensing %s, %s counted", target, moved), err)
	}
	return moved, nil
}

var errTooLong = fmt.Errorf("the dose takes much longer than it can: %w", devices.ErrNoReply)

// run starts the armed motion. Errors that match ErrRefused mean that nothing moved.
func (p *Pump) run(ctx context.Context) (measure.Volume, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	target := p.armed
	p.armed = 0
	if target == 0 {
		return 0, fmt.Errorf("it is not armed: %w", devices.ErrRefused)
	}
	if err := p.atRest(ctx); err != nil {
		// RUN was not sent, so no error that stands for an unknown volume may show through.
		return 0, fmt.Errorf("nothing was started: %v: %w", err, devices.ErrRefused)
	}
	// From here on liquid may move. The command goes out once, whatever comes back.
	_, err := p.converse(ctx, proto.Run, func(r proto.Reply) bool { return isBare(r) && r.State == proto.Infusing })
	switch {
	case err == nil:
		return target, nil
	case errors.Is(err, devices.ErrRefused) || errors.Is(err, devices.ErrOutOfRange):
		return target, p.notRun(ctx, err)
	}
	p.dirty = true
	return 0, err
}

// atRest also acknowledges an alarm that would otherwise eat RUN, as after a long idle time.
func (p *Pump) atRest(ctx context.Context) error {
	st, t, err := p.totals(ctx)
	switch {
	case err != nil:
		return err
	case st.Lost:
		return devices.ErrRestarted
	case st.Moving || isPaused(st) || t != (proto.Totals{}):
		return fmt.Errorf("it has moved since it was armed: %+v", st)
	}
	// The answers to what the alarm made repeat are all in by now; RUN must not meet an older one.
	return p.settle(ctx)
}

// notRun checks a refusal of RUN against the counters. It returns nil when the pump moves all the same, and an error
// that does not match ErrRefused when nobody can tell.
func (p *Pump) notRun(ctx context.Context, refusal error) error {
	p.dirty = true
	st, _, err := p.totals(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("RUN was answered with %v: %w", refusal, err)
	case st.Lost:
		return fmt.Errorf("RUN was answered with %v: %w", refusal, devices.ErrRestarted)
	case st.Moving || st.Moved != 0:
		return nil
	}
	return fmt.Errorf("nothing moved: %w", refusal)
}

// follower watches one motion to its end.
type follower struct {
	p        *Pump
	target   measure.Volume
	last     measure.Volume // the highest count seen: a lower bound whatever happens
	progress func(devices.PumpState)
}

func (f *follower) follow(ctx context.Context) (measure.Volume, error) {
	tick := time.NewTicker(f.p.cfg.Poll)
	defer tick.Stop()
	for {
		st, err := f.ask(ctx)
		if err != nil {
			return f.last, f.unknown(ctx, err)
		}
		if done, err := f.judge(ctx, st); done {
			return f.last, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return f.last, f.unknown(ctx, devices.ErrNoReply)
		}
	}
}

func (f *follower) unknown(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

func (f *follower) ask(ctx context.Context) (devices.PumpState, error) {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	st, _, err := f.p.totals(ctx)
	return st, err
}

// judge decides whether the motion is over and how it ended.
func (f *follower) judge(ctx context.Context, st devices.PumpState) (done bool, err error) {
	// A count that falls back, or is nothing after a motion, is a restart whose alarm was lost on the way.
	if st.Lost || st.Moved < f.last || (!st.Moving && st.Moved == 0 && st.Alarm == "") {
		return true, devices.ErrRestarted
	}
	f.last = st.Moved
	if f.progress != nil {
		f.progress(st)
	}
	switch {
	case st.Moving && st.Moved > f.target:
		return true, f.halt(ctx, fmt.Errorf("it went past %s: %w", f.target, devices.ErrStopped))
	case st.Moving:
		return false, nil
	case st.Alarm == alarmName(proto.Stalled):
		return true, devices.ErrStalled
	case isPaused(st):
		return true, f.halt(ctx, fmt.Errorf("somebody paused it: %w", devices.ErrStopped))
	}
	return true, f.settled(ctx, st)
}

// settled asks once more: one answer could be an older one that came late.
func (f *follower) settled(ctx context.Context, first devices.PumpState) error {
	st, err := f.ask(ctx)
	switch {
	case err != nil:
		return f.unknown(ctx, err)
	case st.Lost || st.Moved < first.Moved:
		return devices.ErrRestarted
	case st.Moving || st.Moved != first.Moved:
		return fmt.Errorf("it said that it stands still, and then moved: %w", devices.ErrNoReply)
	case (f.target-st.Moved).Abs() > resolution(f.target) || st.Moved > f.target:
		return fmt.Errorf("%s: %w", joinWords("it stands still", first.Alarm), devices.ErrStopped)
	}
	return nil
}

// halt stops the pump for good, so that no key on it can go on with the dose, and reads the last count.
func (f *follower) halt(ctx context.Context, why error) error {
	if err := f.p.Stop(ctx); err != nil {
		return fmt.Errorf("%w, and could not be stopped: %w", why, err)
	}
	st, err := f.ask(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	f.last = max(f.last, st.Moved)
	return why
}
