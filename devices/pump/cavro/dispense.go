package cavro

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/cavro"
)

// Arm writes the settings and reads back those that can be read, and draws the first stroke from the bottle: with the
// valve at the bottle nothing reaches the nozzle, and a bottle that cannot be drawn from is found out before the dose.
// What the syringe holds too much, of a dose that was armed before and never given, goes back into the bottle. A pump
// that moves is refused. ErrUninitialised when it must be homed first.
func (p *Pump) Arm(ctx context.Context, v measure.Volume) error {
	if _, err := p.Limits(v); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strokes = nil
	strokes := p.divide(p.increments(v))
	if err := p.arm(ctx, strokes[0]); err != nil {
		return p.errorf("arming", err)
	}
	p.strokes, p.done, p.lost, p.pushing = strokes, 0, false, false
	return nil
}

// divide makes as few strokes as can be of a dose, of the same length or one increment apart.
func (p *Pump) divide(increments int) []int {
	stroke := int(p.cfg.Stroke)
	n := (increments + stroke - 1) / stroke
	strokes := make([]int, n)
	for i := range strokes {
		strokes[i] = increments / n
		if i < increments%n {
			strokes[i]++
		}
	}
	return strokes
}

func (p *Pump) arm(ctx context.Context, first int) error {
	st, err := p.look(ctx)
	switch {
	case err != nil:
		return err
	case !st.ready:
		return fmt.Errorf("it is moving: %w", devices.ErrRefused)
	case p.homeless:
		return fmt.Errorf("%w: %w", devices.ErrUninitialised, devices.ErrRefused)
	}
	p.moving, p.halted, p.rested = false, false, false
	if err := p.set(ctx); err != nil {
		return err
	}
	return p.draw(ctx, st, first)
}

// set writes the settings. Increments and slope cannot be read back.
func (p *Pump) set(ctx context.Context) error {
	c, err := p.cfg.settings()
	if err != nil {
		return err
	}
	r, err := p.exchange(ctx, c, sendings, isBare)
	switch {
	case err != nil:
		return err
	case r.code != proto.NoError:
		return fmt.Errorf("set %s: error %s: %w", c, r.code, devices.ErrRefused)
	}
	for _, s := range []struct {
		ask  proto.Command
		want int
	}{{proto.StartSpeed, p.cfg.Start}, {proto.TopSpeed, p.speed}, {proto.CutoffSpeed, p.cfg.Cutoff}} {
		if err := p.readBack(ctx, s.ask, s.want); err != nil {
			return err
		}
	}
	return nil
}

// readBack compares what the pump says with what it was told. A wrong answer may be an older one, so it is asked for
// once more.
func (p *Pump) readBack(ctx context.Context, ask proto.Command, want int) error {
	var r reply
	var err error
	for range 2 {
		if r, err = p.query(ctx, ask, p.isNumber); err != nil {
			return err
		}
		if r.number == want {
			return nil
		}
		p.dirty = true
	}
	return fmt.Errorf("%s reads back %d instead of %d: %w", ask, r.number, want, devices.ErrRefused)
}

// draw brings the plunger to a position with the valve at the bottle.
func (p *Pump) draw(ctx context.Context, before standing, to int) error {
	c, err := p.cfg.fill(to)
	if err != nil {
		return err
	}
	_, err = p.move(ctx, c, before, to, func(standing) error { return nil })
	if errors.Is(err, devices.ErrRestarted) {
		return fmt.Errorf("drawing: %w: %w", devices.ErrUninitialised, devices.ErrRefused)
	}
	if err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	return nil
}

func apart(a, b int) int { return max(a-b, b-a) }

// Dispense pushes the strokes of the armed dose one after the other, and draws between them. Each is told to the pump
// once, after the one before has ended where it should. When ctx ends first the stroke under way is not stopped here:
// the caller stops it, or it runs to its end, and no other follows.
func (p *Pump) Dispense(ctx context.Context, progress func(devices.PumpState)) (measure.Volume, error) {
	d := dose{p: p, progress: progress}
	if err := d.begin(ctx); err != nil {
		return 0, p.errorf("starting", err)
	}
	err := d.pour(ctx)
	if err != nil {
		return d.last, p.errorf(fmt.Sprintf("dispensing %s, %s counted", d.target, d.last), err)
	}
	return d.target, nil
}

// dose is one armed dose on its way.
type dose struct {
	p        *Pump
	at       standing // where the pump stood when it was last seen at rest
	strokes  []int
	target   measure.Volume
	last     measure.Volume // the most that was seen: a lower bound whatever happens
	progress func(devices.PumpState)
}

// begin takes the armed dose, once. Errors mean that nothing moved.
func (d *dose) begin(ctx context.Context) error {
	p := d.p
	p.mu.Lock()
	defer p.mu.Unlock()
	d.strokes, p.strokes = p.strokes, nil
	if len(d.strokes) == 0 {
		return fmt.Errorf("it is not armed: %w", devices.ErrRefused)
	}
	sum := 0
	for _, n := range d.strokes {
		sum += n
	}
	d.target = p.volume(sum)
	var err error
	if d.at, err = p.stands(ctx, d.strokes[0]); err != nil {
		// No motion was sent, so no error that stands for an unknown volume may show through.
		return fmt.Errorf("nothing was started: %v: %w", err, devices.ErrRefused)
	}
	return nil
}

// stands checks that the pump is ready for a stroke from that position.
func (p *Pump) stands(ctx context.Context, at int) (standing, error) {
	st, err := p.look(ctx)
	switch {
	case err != nil:
		return st, err
	case p.lost:
		return st, devices.ErrRestarted
	case p.homeless:
		return st, devices.ErrUninitialised
	case !st.ready:
		return st, errors.New("it is moving")
	case apart(st.at, at) > tolerance:
		return st, fmt.Errorf("its plunger stands at %d instead of %d", st.at, at)
	}
	return st, p.settle(ctx) // the motion must not meet an older answer
}

func (d *dose) pour(ctx context.Context) error {
	for i, n := range d.strokes {
		if i > 0 {
			if err := d.refill(ctx, n); err != nil {
				return err
			}
		}
		if err := d.stroke(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// refill draws for the next stroke. What was poured before is a fact whatever becomes of it.
func (d *dose) refill(ctx context.Context, n int) error {
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	c, err := d.p.cfg.fill(n)
	if err != nil {
		return err
	}
	if d.p.halted {
		return errHalted
	}
	d.at, err = d.p.move(ctx, c, d.at, n, func(standing) error { return nil })
	if err != nil {
		return fmt.Errorf("drawing the next stroke: %w", d.between(err))
	}
	return nil
}

// errHalted ends a dose that somebody stopped.
var errHalted = fmt.Errorf("it was told to stop: %w", devices.ErrStopped)

// between is an error between two strokes: a command that was refused leaves what was poured before.
func (d *dose) between(err error) error {
	if errors.Is(err, devices.ErrRefused) {
		return fmt.Errorf("%v: %w", err, devices.ErrStopped)
	}
	return err
}

// stroke pushes n increments out and follows the plunger until the pump stands still.
func (d *dose) stroke(ctx context.Context, n int) error {
	p := d.p
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := p.cfg.push()
	if err != nil {
		return err
	}
	if p.halted {
		return errHalted
	}
	p.from, p.pushing = n, true
	if d.at, err = p.move(ctx, c, d.at, 0, d.saw); err != nil {
		return d.ended(err)
	}
	p.done, p.pushing = p.done+n, false
	d.report(d.at, p.volume(p.done))
	return nil
}

// ended keeps what a stroke has moved that ended too early, where the pump says so.
func (d *dose) ended(err error) error {
	p := d.p
	known := errors.Is(err, devices.ErrStalled) || errors.Is(err, devices.ErrStopped) || errors.Is(err, devices.ErrRefused)
	if known && p.pushing && d.at.ready {
		p.settleAccount(d.at)
	}
	if known && !p.pushing {
		d.last = max(d.last, p.volume(p.done))
	}
	if d.last > 0 {
		return d.between(err)
	}
	return err
}

// saw takes one look at the plunger on its way.
func (d *dose) saw(st standing) error {
	if d.p.lost {
		return devices.ErrRestarted
	}
	d.report(st, d.p.moved(st))
	return nil
}

// report tells the progress. The line is free meanwhile: whoever is told may take long, or stop the pump.
func (d *dose) report(st standing, moved measure.Volume) {
	d.last = max(d.last, min(moved, d.target))
	if d.progress == nil {
		return
	}
	s := d.p.state(st)
	s.Moved = d.last
	d.p.mu.Unlock()
	defer d.p.mu.Lock()
	d.progress(s)
}

// errTooLong ends a motion that takes much longer than it can.
var errTooLong = fmt.Errorf("the motion takes much longer than it can: %w", devices.ErrNoReply)

// move tells the pump a motion, once, and follows it until the pump stands still: by its answers and by where the
// plunger is. It is called with the lock held and gives it up while it waits, so that the pump can be stopped. An error
// that matches ErrRefused means that this motion moved nothing; without one the plunger stands where it should.
func (p *Pump) move(ctx context.Context, c proto.Command, before standing, to int, saw func(standing) error) (standing, error) {
	path := max(apart(before.at, to), 1)
	limit := p.cfg.Stroke.Time(path, p.speed)*5/4 + p.cfg.Wait + valveTime + 10*time.Second
	t := track{p: p, before: before, to: to, saw: saw}
	return t.run(ctx, c, limit)
}

func unknown(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// track is one motion on its way.
type track struct {
	p        *Pump
	before   standing
	to       int
	saw      func(standing) error
	homing   bool
	answered bool
	code     proto.ErrorCode // of the answer to the motion
}

func (t *track) run(ctx context.Context, c proto.Command, limit time.Duration) (standing, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	times := sendings
	if t.p.cfg.Protocol == DT {
		times = 1 // the pump would take a second line for a second motion
	}
	t.p.moving = true
	// From here on the plunger may move. The pump was asked for its position right before, so no older answer looks like
	// the one to this.
	r, err := t.p.exchange(ctx, c, times, isBare)
	if isOver(ctx, err) {
		return standing{at: t.before.at}, unknown(ctx, err)
	}
	t.answered, t.code = err == nil, r.code
	return t.follow(ctx)
}

func (t *track) follow(ctx context.Context) (standing, error) {
	tick := time.NewTicker(t.p.cfg.Poll)
	defer tick.Stop()
	for {
		st, err := t.p.look(ctx)
		if t.p.rested {
			return st, errHalted
		}
		if err != nil {
			return st, unknown(ctx, err)
		}
		if st.ready {
			return st, t.judge(st)
		}
		if err := t.saw(st); err != nil {
			return st, err
		}
		if err := t.wait(ctx, tick); err != nil {
			return st, err
		}
	}
}

// wait lets others use the line until the next look is due.
func (t *track) wait(ctx context.Context, tick *time.Ticker) error {
	t.p.mu.Unlock()
	defer t.p.mu.Lock()
	select {
	case <-tick.C:
		return nil
	case <-ctx.Done():
		return unknown(ctx, devices.ErrNoReply)
	}
}

// judge says how a motion ended whose pump is at rest.
func (t *track) judge(st standing) error {
	t.p.moving = false
	if t.homing {
		return t.judgeHoming(st)
	}
	code := st.code
	if code == proto.NoError {
		code = t.code
	}
	if code == proto.NoError {
		code = t.p.fault
	}
	stayed := apart(st.at, t.before.at) <= tolerance && apart(t.to, t.before.at) > tolerance
	switch {
	case code == proto.NotInitialised:
		return devices.ErrRestarted
	case code != proto.NoError && stayed && t.p.fault == proto.NoError:
		return fmt.Errorf("error %s, nothing moved: %w", code, devices.ErrRefused)
	case code != proto.NoError:
		return errorOf(code)
	case stayed && !t.answered:
		return fmt.Errorf("it did not answer, and its plunger stands where it stood: %w", devices.ErrNoReply)
	case apart(st.at, t.to) > tolerance:
		return fmt.Errorf("it stands at %d instead of %d: %w", st.at, t.to, devices.ErrStopped)
	}
	return nil
}

// judgeHoming goes by what the pump says at rest: whatever it said before is of before.
func (t *track) judgeHoming(st standing) error {
	t.p.fault = proto.NoError
	t.p.note(st.code)
	switch {
	case st.code != proto.NoError:
		return fmt.Errorf("error %s: %w", st.code, devices.ErrUninitialised)
	case !t.answered:
		return fmt.Errorf("it did not answer, so nobody knows whether it went home: %w", devices.ErrNoReply)
	case st.at > tolerance:
		return fmt.Errorf("it stands at %d: %w", st.at, devices.ErrUninitialised)
	}
	return nil
}

// Initialise homes plunger and valve. What the syringe holds comes out of the nozzle.
func (p *Pump) Initialise(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strokes = nil
	if err := p.initialise(ctx); err != nil {
		return p.errorf("initialising", err)
	}
	return nil
}

func (p *Pump) initialise(ctx context.Context) error {
	st, err := p.look(ctx)
	if err == nil && !st.ready {
		err = errors.New("it is moving")
	}
	if err != nil {
		return fmt.Errorf("nothing was sent: %v: %w", err, devices.ErrRefused)
	}
	c, err := p.cfg.homing()
	if err != nil {
		return err
	}
	p.settleAccount(st)
	p.homeless, p.halted, p.rested = true, false, false
	t := track{p: p, before: st, homing: true, saw: func(standing) error { return nil }}
	if _, err := t.run(ctx, c, homingTime); err != nil {
		return err
	}
	p.homeless = false
	return nil
}

// homingTime is more than a full stroke takes at any homing speed that a syringe bears.
const homingTime = 2 * time.Minute
