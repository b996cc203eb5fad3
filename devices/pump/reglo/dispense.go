package reglo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/reglo"
)

// Arm writes the whole dose anew, because it is kept in the pump's memory and anyone may have changed it there, reads it
// back, and sets the total to zero. A pump that moves, on any channel, is refused.
func (p *Pump) Arm(ctx context.Context, v measure.Volume) error {
	if _, err := p.Limits(v); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.measured = 0, false
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
	if err := p.set(ctx, v); err != nil {
		return err
	}
	if err := p.check(ctx, p.program(v)); err != nil {
		return err
	}
	return p.clear(ctx)
}

// standStill refuses a moving pump: it is somebody's dose.
func (p *Pump) standStill(ctx context.Context) error {
	r, err := p.look(ctx)
	if err == nil && r.moving {
		err = fmt.Errorf("it is moving: %w", devices.ErrRefused)
	}
	return err
}

// set tells the pump everything. Answers of different forms follow each other.
func (p *Pump) set(ctx context.Context, v measure.Volume) error {
	steps, err := proto.FormatDiscrete(int64(p.cfg.BackSteps), 4)
	if err != nil {
		return err
	}
	for _, r := range []proto.Request{
		p.own(proto.Channels, "1"),
		{Command: proto.Events, Data: "1"},
		p.own(proto.Command(proto.VolumeAtRate), ""),
		p.own(proto.Clockwise, ""),
	} {
		if _, err := p.order(ctx, r, isDone); err != nil {
			return err
		}
	}
	if err := p.store(ctx, proto.Flow, int64(p.cfg.Rate)); err != nil {
		return err
	}
	if _, err := p.order(ctx, p.own(proto.BackSteps, steps), isDone); err != nil {
		return err
	}
	return p.store(ctx, proto.Volume, int64(v))
}

// store sets a number, which the pump answers with what it stored: not always what it was told.
func (p *Pump) store(ctx context.Context, c proto.Command, n int64) error {
	number, err := proto.MakeNumber(n)
	if err != nil {
		return fmt.Errorf("%w: %w", err, devices.ErrOutOfRange)
	}
	text, err := p.order(ctx, p.own(c, number.Request()), isLine(proto.ParseAnswer))
	if err != nil {
		return err
	}
	if !isNumber(n)(text) {
		return fmt.Errorf("told %s%s, it stored %s: %w", c, number.Request(), text, devices.ErrRefused)
	}
	return nil
}

func isNumber(n int64) func(string) bool {
	return func(text string) bool {
		got, err := proto.ParseAnswer(text)
		if err != nil {
			return false
		}
		whole, err := got.Whole()
		return err == nil && whole == n
	}
}

// setting is how to ask for one setting, the form of the answer, and whether it is right.
type setting struct {
	ask  proto.Request
	form want
	same func(text string) bool
}

func (p *Pump) program(v measure.Volume) []setting {
	is := func(right string) func(string) bool { return func(text string) bool { return text == right } }
	tube := func(text string) bool {
		got, err := proto.ParseTube(text)
		return err == nil && got*hundredth == p.cfg.Tube
	}
	return []setting{
		{p.own(proto.ModeSet, ""), isLine(proto.ParseMode), is(string(proto.VolumeAtRate))},
		{p.own(proto.Flow, ""), isLine(proto.ParseAnswer), isNumber(int64(p.cfg.Rate))},
		{p.own(proto.DirectionOf, ""), isLine(proto.ParseDirection), is(string(proto.Clockwise))},
		{p.own(proto.Volume, ""), isLine(proto.ParseAnswer), isNumber(int64(v))},
		{p.own(proto.BackSteps, ""), isLine(proto.ParseCount), func(text string) bool {
			n, err := proto.ParseCount(text)
			return err == nil && n == p.cfg.BackSteps
		}},
		{p.own(proto.Tube, ""), isLine(proto.ParseTube), tube},
		{p.own(proto.Channels, ""), isLine(proto.ParseCount), is("1")},
	}
}

// check compares what the pump says with what it was told. An answer may be an older one, so a wrong one is asked for
// once more.
func (p *Pump) check(ctx context.Context, program []setting) error {
	for _, s := range program {
		if err := p.readBack(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pump) readBack(ctx context.Context, s setting) error {
	var got string
	for range 2 {
		var err error
		if got, err = p.ask(ctx, s.ask, s.form); err != nil {
			return err
		}
		if s.same(got) {
			return nil
		}
		p.dirty = true
	}
	return fmt.Errorf("setting %s reads back %q: %w", s.ask.Command, got, devices.ErrRefused)
}

func (p *Pump) clear(ctx context.Context) error {
	if _, err := p.order(ctx, p.own(proto.ResetTotal, ""), isDone); err != nil {
		return err
	}
	p.lost, p.seen, p.cause = false, 0, 0
	r, err := p.look(ctx)
	switch {
	case err != nil:
		return err
	case r.lost:
		return fmt.Errorf("it does not keep its events on: %w", devices.ErrRefused)
	case r.moving || r.total != 0:
		return fmt.Errorf("its total is %s after it was reset: %w", r.total, devices.ErrRefused)
	}
	return nil
}

// reading is what the pump says of itself at one time.
type reading struct {
	moving    bool
	total     measure.Volume
	after     measure.Volume // the total a moment later
	restarted bool           // it has its events off
	lost      bool           // it restarted since it was armed, now or before
	cause     byte           // why the channel stopped by itself, as its event said; 0 for none
}

// look asks for the state until it makes sense: a digit that turned into another shows in nothing else. A total that
// fell back, or events that are off, are believed when they are still so at the second look.
func (p *Pump) look(ctx context.Context) (reading, error) {
	var r reading
	var err error
	for look := 1; look <= 2*attempts; look++ {
		if r, err = p.lookOnce(ctx); err != nil {
			return reading{}, err
		}
		if r.plausible(p.seen) || look > 1 && r.steady() {
			p.lost = p.lost || r.restarted || r.total < p.seen
			p.seen = max(p.seen, r.total)
			r.lost, r.cause = p.lost, p.cause
			return r, nil
		}
	}
	return reading{}, fmt.Errorf("totals of %s, then %s: %w", r.total, r.after, devices.ErrGarbled)
}

// lookOnce asks whether it runs and, after that, twice for the total: the total of a pump that stands still is the last
// one, and one that moves has no less the second time. The first is a lower bound in any case.
func (p *Pump) lookOnce(ctx context.Context) (r reading, err error) {
	if r.moving, err = p.running(ctx); err != nil {
		return reading{}, err
	}
	if r.total, err = p.total(ctx); err != nil {
		return reading{}, err
	}
	if !r.moving {
		if r.restarted, err = p.eventsOff(ctx); err != nil {
			return reading{}, err
		}
	}
	r.after, err = p.total(ctx)
	return r, err
}

// steady reports whether the two totals go together.
func (r reading) steady() bool { return r.total == r.after || r.moving && r.total < r.after }

// plausible reports whether nothing speaks against r after a total of seen.
func (r reading) plausible(seen measure.Volume) bool {
	return r.steady() && !r.restarted && r.total >= seen
}

func (p *Pump) total(ctx context.Context) (measure.Volume, error) {
	text, err := p.ask(ctx, p.own(proto.Total, ""), isLine(proto.ParseTotal))
	if err != nil {
		return 0, err
	}
	return proto.ParseTotal(text)
}

func (p *Pump) running(ctx context.Context) (bool, error) {
	text, err := p.ask(ctx, p.whole(proto.Running), isAnswer)
	return text == string(rune(proto.Yes)), err
}

func (p *Pump) eventsOff(ctx context.Context) (bool, error) {
	text, err := p.ask(ctx, p.whole(proto.Events), isLine(proto.ParseCount))
	return text != "1", err
}

func (r reading) state() devices.PumpState {
	return devices.PumpState{Moving: r.moving, Moved: r.total, Lost: r.lost, Alarm: r.alarm()}
}

func (r reading) alarm() string {
	if r.cause == 0 || r.cause == proto.Complete || r.cause == proto.CalibrationPumped {
		return ""
	}
	return proto.CauseText(r.cause)
}

// Dispense sends the start exactly once, after making sure that the pump stands still with its total at zero, and
// follows it until it stands still again. The caller has made the intent durable before. When ctx ends first the pump is
// not stopped here and goes on: the caller stops it.
func (p *Pump) Dispense(ctx context.Context, progress func(devices.PumpState)) (measure.Volume, error) {
	p.mu.Lock()
	target := p.armed
	p.armed = 0
	err := p.run(ctx, proto.Start, target)
	p.mu.Unlock()
	if err != nil {
		return 0, p.errorf("starting", err)
	}
	return p.follow(ctx, target, progress)
}

func (p *Pump) follow(ctx context.Context, target measure.Volume, progress func(devices.PumpState)) (measure.Volume, error) {
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

// run starts what was set up. Errors that match ErrRefused mean that nothing moved.
func (p *Pump) run(ctx context.Context, start proto.Command, target measure.Volume) error {
	if target == 0 {
		return fmt.Errorf("it is not armed: %w", devices.ErrRefused)
	}
	if err := p.atRest(ctx); err != nil {
		// The start was not sent, so no error that stands for an unknown volume may show through.
		return fmt.Errorf("nothing was started: %v: %w", err, devices.ErrRefused)
	}
	// Noise that hangs behind the last answer would swallow the next one. A pump at rest has no event half told.
	p.frames.Reset()
	// From here on liquid may move. The command goes out once, whatever comes back.
	_, err := p.converse(ctx, p.own(start, ""), isDone)
	if err == nil {
		return nil
	}
	p.dirty = true
	if errors.Is(err, devices.ErrRefused) {
		return p.notRun(ctx, err)
	}
	return err
}

func (p *Pump) atRest(ctx context.Context) error {
	r, err := p.look(ctx)
	switch {
	case err != nil:
		return err
	case r.lost:
		return devices.ErrRestarted
	case r.moving || r.total != 0:
		return fmt.Errorf("it has moved since it was armed: %+v", r)
	}
	// The answers to what was asked twice are all in by now; the start must not meet an older one.
	return p.settle(ctx)
}

// notRun checks a refusal of the start against the total. It returns nil when the pump moves all the same, and an error
// that does not match ErrRefused when nobody can tell.
func (p *Pump) notRun(ctx context.Context, refusal error) error {
	r, err := p.look(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("the start was answered with %v: %w", refusal, err)
	case r.lost:
		return fmt.Errorf("the start was answered with %v: %w", refusal, devices.ErrRestarted)
	case r.moving || r.total != 0:
		return nil
	}
	text, err := p.ask(ctx, p.own(proto.CannotRun, ""), isLine(proto.ParseObstacle))
	if err != nil {
		return fmt.Errorf("nothing moved: %w", refusal)
	}
	o, err := proto.ParseObstacle(text)
	if err != nil {
		return fmt.Errorf("nothing moved: %w", refusal)
	}
	return fmt.Errorf("nothing moved, %s: %w", o, refusal)
}

// follower watches one motion to its end.
type follower struct {
	p        *Pump
	target   measure.Volume
	last     measure.Volume // the highest total seen: a lower bound whatever happens
	idle     int            // times that it was asked before it began
	progress func(devices.PumpState)
}

// slowness is how many times a pump that has granted the start is asked before it begins.
const slowness = 5

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
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	return f.p.look(ctx)
}

// judge decides whether the motion is over and how it ended.
func (f *follower) judge(ctx context.Context, r reading) (done bool, err error) {
	switch {
	case r.lost || r.total < f.last:
		return true, devices.ErrRestarted
	case !r.moving && r.total == 0 && r.alarm() == "":
		f.idle++
		if f.idle < slowness {
			return false, nil
		}
		return true, fmt.Errorf("it granted the start and does not move: %w", devices.ErrNoReply)
	}
	f.last = r.total
	if f.progress != nil {
		f.progress(r.state())
	}
	switch {
	case r.moving && r.total > f.target:
		return true, f.halt(ctx, fmt.Errorf("it went past %s: %w", f.target, devices.ErrStopped))
	case r.moving:
		return false, nil
	}
	return true, f.settled(ctx, r)
}

// settled asks once more: one answer could be an older one that came late, or a damaged one that does not show.
func (f *follower) settled(ctx context.Context, first reading) error {
	r, err := f.ask(ctx)
	short := f.target - r.total
	switch {
	case err != nil:
		return f.unknown(ctx, err)
	case r.lost || r.total < first.total:
		return devices.ErrRestarted
	case r.moving || r.total != first.total:
		return fmt.Errorf("it said that it stands still, and then moved: %w", devices.ErrNoReply)
	case r.cause == proto.OverCurrent:
		return fmt.Errorf("%s: %w", r.alarm(), devices.ErrStalled)
	case short >= 0 && short <= proto.Unit(f.target):
		return nil
	}
	if word := r.alarm(); word != "" {
		return fmt.Errorf("%s: %w", word, devices.ErrStopped)
	}
	return fmt.Errorf("it stands still: %w", devices.ErrStopped)
}

// halt stops the pump and reads the last total.
func (f *follower) halt(ctx context.Context, why error) error {
	if err := f.p.Stop(ctx); err != nil {
		return fmt.Errorf("%w, and could not be stopped: %w", why, err)
	}
	r, err := f.ask(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	f.last = max(f.last, r.total)
	return why
}
