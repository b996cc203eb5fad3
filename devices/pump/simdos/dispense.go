package simdos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/knf"
)

// Arm writes the whole dose anew, because it is kept in the pump's memory and anyone may have changed it there, and reads
// it back. A pump that moves is refused. The count cannot be cleared: it is remembered, and starts anew with the dose.
func (p *Pump) Arm(ctx context.Context, v measure.Volume) error {
	if _, err := p.Limits(v); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.measured, p.phase = 0, false, unarmed
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
		if s.set == "" {
			continue
		}
		if err := p.order(ctx, s.set); err != nil {
			return err
		}
	}
	if err := p.check(ctx, program); err != nil {
		return err
	}
	r, err := p.look(ctx)
	switch {
	case err != nil:
		return err
	case r.moving:
		return fmt.Errorf("it began to move: %w", devices.ErrRefused)
	}
	p.phase, p.base, p.seen, p.lost = ready, r.count, 0, false
	return nil
}

// standStill refuses a moving pump: it is somebody's dose. The stop key takes an old fault away; one that stays is
// refused.
func (p *Pump) standStill(ctx context.Context) error {
	r, err := p.look(ctx)
	switch {
	case err != nil:
		return err
	case r.moving:
		return fmt.Errorf("it is moving: %w", devices.ErrRefused)
	case r.faults == 0:
		return nil
	}
	if err := p.stop(ctx); err != nil {
		return err
	}
	if r, err = p.look(ctx); err != nil {
		return err
	}
	if r.faults != 0 {
		return fmt.Errorf("fault: %s: %w", r.faults.Faults(), devices.ErrRefused)
	}
	return nil
}

// setting is one line of the program: how to set it, how to ask for it, and the answer that it must give.
type setting struct {
	set, ask proto.Command
	want     string
}

// program sets the dose up so that it is the same in either dose mode: the time goes with volume and rate. Answers of
// different lengths follow each other.
func (p *Pump) program(v measure.Volume) ([]setting, error) {
	mode, err1 := proto.SetMode(p.cfg.Mode)
	volume, err2 := proto.SetVolume(v)
	duration, err3 := proto.SetTime(p.duration(v))
	rate, err4 := proto.SetRate(p.rate(v))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	return []setting{
		{mode, proto.ModeSet, string(mode[2:])},
		{volume, proto.VolumeSet, string(volume[2:])},
		{"", proto.AutoStart, "0"},
		{duration, proto.TimeSet, string(duration[2:])},
		{"", proto.OwnAddress, fmt.Sprintf("%02d", p.cfg.Address)},
		{rate, proto.RateSet, string(rate[2:])},
	}, nil
}

// duration is how long a dose takes, rounded up to what the pump can be told.
func (p *Pump) duration(v measure.Volume) time.Duration {
	d := time.Duration(int64(v) * int64(time.Minute) / int64(p.cfg.Rate))
	return max(shortest, (d+timeDigit-1)/timeDigit*timeDigit)
}

// rate is how fast a dose is pumped: slower than configured when it would be over too soon.
func (p *Pump) rate(v measure.Volume) measure.Flow {
	return min(p.cfg.Rate, measure.Flow(int64(v)*int64(time.Minute/shortest)))
}

func (p *Pump) check(ctx context.Context, program []setting) error {
	for _, s := range program {
		if err := p.readBack(ctx, s, fmt.Sprintf("%s must be %s", s.ask, s.want)); err != nil {
			return err
		}
	}
	return nil
}

// readBack compares what the pump says with what it must say. An answer may be an older one, so a wrong one is asked
// for once more.
func (p *Pump) readBack(ctx context.Context, s setting, complaint string) error {
	var got string
	for range 2 {
		var err error
		got, err = p.query(ctx, s.ask, func(t proto.Token) bool { return t.Kind == proto.Data && len(t.Text) == len(s.want) })
		if err != nil {
			return err
		}
		if got == s.want {
			return nil
		}
		p.dirty = true
	}
	return fmt.Errorf("%s, and it answers %q: %w", complaint, got, devices.ErrRefused)
}

// reading is what the pump says of itself at one time.
type reading struct {
	moving  bool
	stopped bool // by somebody at the pump
	count   measure.Volume
	faults  proto.Status
	lost    bool  // the pump restarted since it was armed
	phase   phase // what is known of the count
}

// look asks for the state and, after it, for the count: the count of a pump that stands still is the last one.
func (p *Pump) look(ctx context.Context) (reading, error) {
	motor, err := p.status(ctx, proto.Motor)
	if err != nil {
		return reading{}, err
	}
	// Between two answers of the same length stands one of another, so that one that came twice does no harm.
	if _, err := p.count(ctx); err != nil {
		return reading{}, err
	}
	dose, err := p.status(ctx, proto.DoseState)
	if err != nil {
		return reading{}, err
	}
	r := reading{moving: motor&proto.MotorTurns != 0 || dose&proto.DoseStarted != 0, stopped: dose&proto.NoUserStop == 0}
	if r.count, err = p.count(ctx); err != nil {
		return reading{}, err
	}
	if motor&proto.PumpFault != 0 {
		if r.faults, err = p.status(ctx, proto.FaultState); err != nil {
			return reading{}, err
		}
	}
	p.note(r)
	r.lost, r.phase = p.lost, p.phase
	return r, nil
}

func (p *Pump) status(ctx context.Context, c proto.Command) (proto.Status, error) {
	text, err := p.query(ctx, c, is(proto.ParseStatus))
	if err != nil {
		return 0, err
	}
	return proto.ParseStatus(text)
}

func (p *Pump) count(ctx context.Context) (measure.Volume, error) {
	text, err := p.query(ctx, proto.Dispensed, is(proto.ParseDispensed))
	if err != nil {
		return 0, err
	}
	return proto.ParseDispensed(text)
}

// note works out whose count it is.
func (p *Pump) note(r reading) {
	switch {
	case p.phase == begun && r.count < p.seen:
		p.lost = true
	case p.phase == ready && !r.moving && r.count == 0 && p.base > 0:
		p.lost = true // gone without a start
	case r.moving, p.phase != unarmed && r.count != p.base:
		p.phase = begun
	}
	if p.phase != begun {
		return
	}
	p.seen = max(p.seen, r.count)
	if !r.moving && r.count == 0 && r.faults == 0 {
		p.lost = true // nothing, after a motion
	}
}

// state is a reading with what is known of the count.
func (r reading) state() devices.PumpState {
	st := devices.PumpState{Moving: r.moving, Moved: r.count, Alarm: alarm(r), Lost: r.lost}
	switch r.phase {
	case ready:
		st.Moved = 0
	case unarmed, doubted:
		st.Lost = true
	}
	return st
}

func alarm(r reading) string {
	if r.stopped && r.faults == 0 {
		return "stopped at the pump"
	}
	return r.faults.Faults()
}

// Dispense presses the start key exactly once, after making sure that the pump stands still with everything set as it
// was armed, and follows it until it stands still again. The caller has made the intent durable before. When ctx ends
// first the pump is not stopped here and goes on: the caller stops it.
func (p *Pump) Dispense(ctx context.Context, progress func(devices.PumpState)) (measure.Volume, error) {
	target, err := p.run(ctx)
	if err != nil {
		return 0, p.errorf("starting", err)
	}
	// A quarter more than the time it takes, and some seconds for a slow start.
	within, cancel := context.WithTimeoutCause(ctx, p.duration(target)*5/4+10*time.Second, errTooLong)
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
	if err := p.atRest(ctx, target); err != nil {
		// The key was not pressed, so no error that stands for an unknown volume may show through.
		return 0, fmt.Errorf("nothing was started: %v: %w", err, devices.ErrRefused)
	}
	// From here on liquid may move. The command goes out once, whatever comes back.
	p.phase = doubted
	_, err := p.converse(ctx, proto.Start, isDone)
	switch {
	case err == nil:
		return target, nil
	case errors.Is(err, devices.ErrRefused):
		return target, p.notRun(ctx, err)
	}
	p.dirty = true
	p.lookWhether(ctx)
	return 0, err
}

// atRest reads everything once more: a restart since the arming cannot be seen otherwise.
func (p *Pump) atRest(ctx context.Context, target measure.Volume) error {
	program, err := p.program(target)
	if err != nil {
		return err
	}
	if err := p.check(ctx, program); err != nil {
		return err
	}
	r, err := p.look(ctx)
	switch {
	case err != nil:
		return err
	case p.lost:
		return devices.ErrRestarted
	case r.moving || p.phase != ready || r.faults != 0:
		return fmt.Errorf("it has changed since it was armed: %+v", r)
	}
	// The answers to what was asked twice are all in by now; the start must not meet an older one.
	return p.settle(ctx)
}

// lookWhether finds out whether a start that was not answered was heard. Soon after it, a pump that stands still with
// the old count was never started.
func (p *Pump) lookWhether(ctx context.Context) {
	soon, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if _, err := p.look(soon); err == nil && p.phase == doubted {
		p.phase = ready
	}
}

// notRun checks a refusal of the start against the count. It returns nil when the pump moves all the same, and an error
// that does not match ErrRefused when nobody can tell.
func (p *Pump) notRun(ctx context.Context, refusal error) error {
	p.dirty = true
	r, err := p.look(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("the start was answered with %v: %w", refusal, err)
	case p.lost:
		return fmt.Errorf("the start was answered with %v: %w", refusal, devices.ErrRestarted)
	case p.phase == begun:
		return nil
	}
	p.phase = ready
	if word := alarm(r); word != "" {
		return fmt.Errorf("nothing moved, %s: %w", word, refusal)
	}
	return fmt.Errorf("nothing moved: %w", refusal)
}

// follower watches one motion to its end.
type follower struct {
	p        *Pump
	target   measure.Volume
	last     measure.Volume // the highest count seen: a lower bound whatever happens
	idle     int            // times that it was asked before it began
	progress func(devices.PumpState)
}

const (
	patience = 4 // times that a silent pump is asked all over: one that restarts is silent for a while
	slowness = 5 // times that a pump that has granted the start is asked before it begins
)

func (f *follower) follow(ctx context.Context) (measure.Volume, error) {
	tick := time.NewTicker(f.p.cfg.Poll)
	defer tick.Stop()
	for {
		r, err := f.ask(ctx)
		if err != nil {
			return f.last, f.unknown(ctx, err)
		}
		if done, err := f.judge(ctx, r); done {
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

func (f *follower) ask(ctx context.Context) (reading, error) {
	for attempt := 1; ; attempt++ {
		r, err := f.askOnce(ctx)
		if err == nil || errors.Is(err, devices.ErrDisconnected) || attempt == patience || ctx.Err() != nil {
			return r, err
		}
	}
}

// askOnce leaves the link to a Stop between two attempts.
func (f *follower) askOnce(ctx context.Context) (reading, error) {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	return f.p.look(ctx)
}

// judge decides whether the motion is over and how it ended.
func (f *follower) judge(ctx context.Context, r reading) (done bool, err error) {
	switch {
	case r.lost || r.count < f.last:
		return true, devices.ErrRestarted
	case r.phase != begun:
		return f.notBegun(r)
	}
	f.last = r.count
	if f.progress != nil {
		f.progress(r.state())
	}
	switch {
	case r.moving && r.count > f.target:
		return true, f.halt(ctx, fmt.Errorf("it went past %s: %w", f.target, devices.ErrStopped))
	case r.moving:
		return false, nil
	case r.faults&(proto.Overpressure|proto.MotorFault|proto.Encoder) != 0:
		return true, fmt.Errorf("%s: %w", r.faults.Faults(), devices.ErrStalled)
	}
	return true, f.settled(ctx, r)
}

// notBegun waits for a pump that has granted the start and still stands with the old count.
func (f *follower) notBegun(r reading) (done bool, err error) {
	if f.idle++; f.idle < slowness {
		return false, nil
	}
	if r.count == 0 {
		return true, devices.ErrRestarted // or it never began: nothing tells the two apart
	}
	return true, fmt.Errorf("it granted the start and does not move: %w", devices.ErrNoReply)
}

// settled asks once more: one answer could be an older one that came late.
func (f *follower) settled(ctx context.Context, first reading) error {
	r, err := f.ask(ctx)
	switch {
	case err != nil:
		return f.unknown(ctx, err)
	case r.lost || r.count < first.count:
		return devices.ErrRestarted
	case r.moving || r.count != first.count:
		return fmt.Errorf("it said that it stands still, and then moved: %w", devices.ErrNoReply)
	case r.count == f.target:
		return nil
	}
	if word := alarm(r); word != "" {
		return fmt.Errorf("%s: %w", word, devices.ErrStopped)
	}
	return fmt.Errorf("it stands still: %w", devices.ErrStopped)
}

// halt stops the pump and reads the last count.
func (f *follower) halt(ctx context.Context, why error) error {
	if err := f.p.Stop(ctx); err != nil {
		return fmt.Errorf("%w, and could not be stopped: %w", why, err)
	}
	r, err := f.ask(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	f.last = max(f.last, r.count)
	return why
}
