package station

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Accepted is an order whose signature was checked, and when it arrived by a monotonic clock.
type Accepted struct {
	Order   stationlog.Order
	Signed  stationlog.Signed
	Arrived time.Time
}

// ErrClosing: the daemon is stopping and takes no new order.
var ErrClosing = errors.New("the counter is stopping")

// Reasons for never having commanded a pour.
const (
	reasonCancelled = "cancelled"
	reasonLease     = "lease"
	reasonNoCup     = "no_cup"
	reasonDevice    = "device"
	reasonRejected  = "rejected"
	reasonCrash     = "crash_before_motion"
)

// Errors that end the preparation of a pour. Nothing moved.
var (
	errCancelled = errors.New("cancelled")
	errLease     = errors.New("the lease is over")
	errNoCup     = errors.New("no empty cup on the pan")
	errRejected  = errors.New("the order cannot be carried out")
)

// pourer carries out one order at a time. Its methods return an error only when the journal does, and then nothing more
// can be done before a restart; everything else ends as a fact in the journal.
type pourer struct {
	journal *Journal
	pump    *slot[devices.Pump]
	scale   *slot[devices.Scale]
	manual  bool
	cfg     PourConfig
	now     func() time.Time
	crash   func(string)
	board   *board
	rec     Recorder
	log     *slog.Logger

	mu      sync.Mutex
	current *pour // being prepared or poured
	// lastFull is the weight of the last cup after its pour, until the pan was seen without it.
	lastFull *measure.Weight

	// pumpLost is set when a pump said that its counters are lost, until one is armed anew. The driver that heard it may
	// be closed since, and the next one would take the zero for a fact.
	pumpLost atomic.Bool
}

// pour is one order on its way.
type pour struct {
	Accepted
	committed bool // guarded by pourer.mu: past the point of no return, or about to pass it
	cancelled bool // guarded by pourer.mu
	end       context.CancelCauseFunc
	began     time.Time // of the motion
	before    Weighed
	armed     session        // of the pump
	target    measure.Weight // of the liquid, when it is poured by hand
}

func (p *pour) id() string { return p.Order.Dispensing }

// purpose is what the pour is for, in the record's words: "" for a dose.
func (a Accepted) purpose() stationlog.OrderKind {
	if a.Order.Kind.Waste() {
		return a.Order.Kind
	}
	return ""
}

// Pour carries out an order, once in the life of its dispensing. An id the journal knows is not poured, whatever
// became of it.
func (p *pourer) Pour(ctx context.Context, a Accepted) error {
	step, err := p.journal.Step(context.WithoutCancel(ctx), a.Order.Dispensing)
	if err != nil {
		return err
	}
	if step != StepNone {
		p.rec.Refused("known")
		return nil
	}
	if p.leaseLeft(a) <= 0 {
		return p.Refuse(ctx, a, reasonLease)
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	o := &pour{Accepted: a, end: end}
	p.begin(o)
	defer p.begin(nil)

	p.crash("before-armed")
	err = p.journal.Arm(ctx, stationlog.Armed{Dispensing: o.id(), Purpose: a.purpose()}, a.Signed)
	if errors.Is(err, ErrKnown) { // a cancel was faster
		return nil
	}
	if err != nil {
		return err
	}
	p.crash("after-armed")
	p.board.phase(PhaseArmed, o.id(), a.Order.Volume)
	if err := p.prepare(ctx, o); err != nil {
		return p.giveUp(ctx, o, err)
	}
	if err := p.claim(o); err != nil {
		return p.giveUp(ctx, o, err)
	}
	return p.commit(context.WithoutCancel(ctx), o)
}

// Refuse gives the counter's word that an order which was never armed will not be poured.
func (p *pourer) Refuse(ctx context.Context, a Accepted, reason string) error {
	p.crash("before-never-commanded")
	err := p.journal.Refuse(ctx, stationlog.NeverCommanded{Dispensing: a.Order.Dispensing, Reason: reason, Purpose: a.purpose()}, a.Signed)
	if errors.Is(err, ErrKnown) {
		return nil
	}
	if err != nil {
		return err
	}
	p.crash("after-never-commanded")
	p.rec.Outcome(string(StepNeverCommanded), reason)
	return nil
}

// Cancel gives the counter's word where it can: an unknown dispensing is refused for ever, one that is being prepared is
// stopped. One that is past the point of no return is left alone; its outcome is reported anyway.
func (p *pourer) Cancel(ctx context.Context, a Accepted) error {
	p.mu.Lock()
	if o := p.current; o != nil && o.id() == a.Order.Dispensing {
		if !o.committed {
			o.cancelled = true
			o.end(errCancelled)
		}
		p.mu.Unlock()
		return nil
	}
	p.mu.Unlock()
	return p.Refuse(ctx, a, reasonCancelled)
}

func (p *pourer) begin(o *pour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = o
}

// busy reports whether an order is being carried out.
func (p *pourer) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current != nil
}

// leaseLeft is how much longer an order may be armed. It never compares the clocks of two machines.
func (p *pourer) leaseLeft(a Accepted) time.Duration {
	return time.Duration(a.Order.RemainingMS)*time.Millisecond - p.now().Sub(a.Arrived)
}

// prepare checks the bench, weighs the empty cup and arms the pump, the last two at the same time. Nothing moves.
func (p *pourer) prepare(ctx context.Context, o *pour) error {
	ctx, done := context.WithTimeoutCause(ctx, p.leaseLeft(o.Accepted), errLease)
	defer done()
	p.crash("before-check")
	if err := p.check(ctx, o); err != nil {
		return endOf(ctx, err)
	}
	p.crash("after-check")
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	armed := make(chan error, 1)
	p.crash("before-arm")
	go func() {
		err := p.arm(ctx, o)
		if err != nil {
			stop(err) // no need to wait for a cup
		}
		armed <- err
	}()
	p.crash("before-weigh-empty")
	before, weighErr := p.weighEmpty(ctx, o)
	p.crash("after-weigh-empty")
	armErr := <-armed
	p.crash("after-arm")
	o.before = before
	return endOf(ctx, errors.Join(armErr, weighErr))
}

// endOf prefers the reason for which ctx ended to the errors that the end caused.
func endOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// check asks the devices whether they are there, whether they are the ones that are registered, and whether the pump can
// do this volume. A device that is just being opened is waited for.
func (p *pourer) check(ctx context.Context, o *pour) error {
	p.scale.wait(ctx, p.cfg.Present)
	if !p.manual {
		p.pump.wait(ctx, p.cfg.Present)
	}
	err := p.scale.use(ctx, func(ctx context.Context, s devices.Scale, ses session) error {
		return p.same(ctx, s, ses)
	})
	if err != nil {
		return err
	}
	if p.manual && o.Order.Kind.Waste() {
		return fmt.Errorf("%w: there is no pump to check", errRejected)
	}
	if p.manual {
		o.target, err = byHandTarget(o.Order)
		return err
	}
	return p.pump.use(ctx, func(_ context.Context, pump devices.Pump, ses session) error {
		o.armed = ses
		if _, err := pump.Limits(o.Order.Volume); err != nil {
			return fmt.Errorf("%w: %w", errRejected, err)
		}
		return nil
	})
}

// same asks a device again who it is. ErrWrongDevice when that is not who it was when it was opened.
func (p *pourer) same(ctx context.Context, who devices.Identifier, ses session) error {
	ctx, done := context.WithTimeout(ctx, p.cfg.Command)
	defer done()
	id, err := retry(ctx, who.Identify)
	if err != nil {
		return err
	}
	if id.Serial != ses.id.Serial {
		return fmt.Errorf("%w: serial %q was %q", devices.ErrWrongDevice, id.Serial, ses.id.Serial)
	}
	return nil
}

// retry asks a query up to three times: the answer may be lost, the question does nothing.
func retry[T any](ctx context.Context, query func(context.Context) (T, error)) (v T, err error) {
	for range 3 {
		v, err = query(ctx)
		lost := errors.Is(err, devices.ErrNoReply) || errors.Is(err, devices.ErrGarbled)
		if !lost || ctx.Err() != nil {
			break
		}
	}
	return v, err
}

func (p *pourer) arm(ctx context.Context, o *pour) error {
	if p.manual {
		return nil
	}
	ctx, done := context.WithTimeout(ctx, p.cfg.Arm)
	defer done()
	return p.pump.use(ctx, func(ctx context.Context, pump devices.Pump, ses session) error {
		o.armed = ses
		if err := pump.Arm(ctx, o.Order.Volume); err != nil {
			return err
		}
		p.pumpLost.Store(false)
		return nil
	})
}

// weighEmpty waits for an empty cup to stand still on the pan, or for the vessel that takes the waste, as full as it is.
func (p *pourer) weighEmpty(ctx context.Context, o *pour) (Weighed, error) {
	rule := p.cfg.rule(p.cfg.CupWait)
	rule.Accept = p.emptyCup
	if o.Order.Kind.Waste() {
		rule.Accept = p.wasteVessel
	}
	return p.weigh(ctx, rule)
}

// wasteVessel accepts whatever can hold liquid. It stays on the pan from one shot to the next.
func (p *pourer) wasteVessel(r devices.Reading) error {
	if r.Weight < p.cfg.CupMin || r.Weight > p.cfg.VesselMax {
		return errNoCup
	}
	return nil
}

// emptyCup accepts what can be an empty cup, and not the cup of the last pour.
func (p *pourer) emptyCup(r devices.Reading) error {
	if r.Weight < p.cfg.CupMin || r.Weight > p.cfg.CupMax {
		return errNoCup
	}
	p.mu.Lock()
	last := p.lastFull
	p.mu.Unlock()
	if last != nil && max(r.Weight-*last, *last-r.Weight) <= p.cfg.SameCup {
		return fmt.Errorf("%w: the last cup still stands there", errNoCup)
	}
	return nil
}

// weigh weighs by a rule with the balance to itself, and shows each reading.
func (p *pourer) weigh(ctx context.Context, rule settling) (w Weighed, err error) {
	rule.Each = p.show
	start := p.now()
	err = p.scale.use(ctx, func(ctx context.Context, s devices.Scale, ses session) error {
		r, err := rule.settle(ctx, s, p.now)
		w = Weighed{Reading: r, session: ses}
		return err
	})
	if err == nil {
		p.rec.Settled(p.now().Sub(start))
	}
	return w, err
}

// show puts a reading on the board and notices when the last cup has left the pan.
func (p *pourer) show(r devices.Reading) {
	p.board.reading(r, p.cfg.CupMin)
	if r.Weight < p.cfg.CupMin {
		p.standing(nil)
		p.board.lifted()
	}
}

// standing remembers the weight with which a cup was left on the pan; nil once the pan was seen without one.
func (p *pourer) standing(full *measure.Weight) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastFull = full
}

// claim passes the point at which a cancel comes too late.
func (p *pourer) claim(o *pour) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.cancelled {
		return errCancelled
	}
	if ses, open := p.pump.present(); !p.manual && (!open || ses.number != o.armed.number) {
		return fmt.Errorf("%s: %w", kindPump, errDown)
	}
	if p.leaseLeft(o.Accepted) <= 0 {
		return errLease
	}
	o.committed = true
	return nil
}

// giveUp ends a pour before the point of no return.
func (p *pourer) giveUp(ctx context.Context, o *pour, cause error) error {
	n := stationlog.NeverCommanded{Dispensing: o.id(), Reason: reasonOf(cause), Purpose: o.purpose()}
	p.log.Warn("order not carried out", "dispensing", o.id(), "reason", n.Reason, "cause", cause)
	p.crash("before-never-commanded")
	if err := p.journal.NeverCommanded(ctx, n); err != nil {
		return err
	}
	p.crash("after-never-commanded")
	p.rec.Outcome(string(StepNeverCommanded), n.Reason)
	p.board.phase(PhaseIdle, "", 0)
	return nil
}

func reasonOf(cause error) string {
	switch {
	case errors.Is(cause, errCancelled):
		return reasonCancelled
	case errors.Is(cause, errLease):
		return reasonLease
	case errors.Is(cause, errRejected), errors.Is(cause, devices.ErrOutOfRange), errors.Is(cause, ErrClosing):
		return reasonRejected
	case errors.Is(cause, errNoCup):
		return reasonNoCup
	case errors.Is(cause, errCrashed):
		return reasonCrash
	}
	return reasonDevice
}

// commit passes the point of no return and sees the pour through. ctx does not end.
func (p *pourer) commit(ctx context.Context, o *pour) error {
	d := stationlog.Dispensing{
		Dispensing: o.id(), Volume: o.Order.Volume, GrossBefore: o.before.Weight(), Manual: p.manual,
		PumpSerial: o.armed.id.Serial, ScaleSerial: o.before.session.id.Serial, Purpose: o.purpose(),
	}
	p.crash("before-dispensing")
	if err := p.journal.Commit(ctx, d); err != nil {
		return err
	}
	p.crash("after-dispensing")
	p.board.phase(PhasePouring, o.id(), o.Order.Volume)
	o.began = p.now()
	if p.manual {
		return p.byHand(ctx, o)
	}
	return p.byPump(ctx, o)
}

// byPump moves the liquid. The motion command is sent here and nowhere else.
func (p *pourer) byPump(ctx context.Context, o *pour) error {
	out := p.outcome(o)
	p.crash("before-run")
	moved, err := p.run(ctx, o)
	p.crash("after-run")
	p.rec.Poured(p.now().Sub(o.began))
	if err != nil {
		p.log.Warn("pour in doubt", "dispensing", o.id(), "cause", err)
		out.Reason = doubtOf(err)
		p.halt(ctx, &out, moved)
	} else {
		out.Pump, out.PumpKnown = moved, true
		p.board.moved(moved)
	}
	p.weighFull(ctx, o.before, &out)
	out.DurationMS = p.now().Sub(o.began).Milliseconds()
	return p.finish(ctx, out, o.Order.Density)
}

// outcome is what is known of a pour before it begins.
func (p *pourer) outcome(o *pour) stationlog.Outcome {
	return stationlog.Outcome{
		Dispensing: o.id(), GrossBefore: o.before.Weight(), Manual: p.manual,
		PumpSerial: o.armed.id.Serial, ScaleSerial: o.before.session.id.Serial, Purpose: o.purpose(),
	}
}

// run sends the motion command, once, and keeps every volume the pump reports on the way.
func (p *pourer) run(ctx context.Context, o *pour) (moved measure.Volume, err error) {
	ctx, done := context.WithTimeout(ctx, p.cfg.Dispense)
	defer done()
	last := measure.Volume(-1)
	progress := func(s devices.PumpState) {
		if s.Lost || s.Moved == last {
			return
		}
		last = s.Moved
		p.board.moved(s.Moved)
		p.crash("before-progress")
		if err := p.journal.Progress(ctx, o.id(), s.Moved); err != nil {
			p.log.Error("progress not kept", "dispensing", o.id(), "err", err) // the outcome will meet the same journal
		}
		p.crash("after-progress")
	}
	err = p.pump.use(ctx, func(ctx context.Context, pump devices.Pump, ses session) error {
		if ses.number != o.armed.number {
			return devices.ErrDisconnected
		}
		moved, err = pump.Dispense(ctx, progress)
		return err
	})
	return moved, err
}

// doubtOf is why the outcome of a motion is unknown, in one machine word.
func doubtOf(err error) string {
	switch {
	case errors.Is(err, devices.ErrStalled):
		return "stalled"
	case errors.Is(err, devices.ErrStopped):
		return "stopped"
	case errors.Is(err, devices.ErrDisconnected), errors.Is(err, errDown):
		return "unplugged"
	case errors.Is(err, devices.ErrRestarted):
		return "restarted"
	case errors.Is(err, devices.ErrRefused), errors.Is(err, devices.ErrOutOfRange):
		return "refused"
	case errors.Is(err, devices.ErrUnstable):
		return "unstable"
	case errors.Is(err, devices.ErrOverload), errors.Is(err, devices.ErrUnderload):
		return "overload"
	case errors.Is(err, devices.ErrWrongDevice):
		return "scale_changed"
	case errors.Is(err, devices.ErrUnit), errors.Is(err, errImplausible):
		return "unit_changed"
	}
	return "no_reply"
}
