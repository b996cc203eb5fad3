package devicetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// PumpBench is a pump on a bench, for one case of the suite.
type PumpBench struct {
	Line
	// Open connects a driver. The suite closes it.
	Open func(ctx context.Context) (devices.Pump, error)
	// Starts is how often the pump has received a command to push, executed or not. A repetition that the pump itself
	// tells from a new command is none.
	Starts func() int
	// Pushed is what the pump has truly pushed since the bench began.
	Pushed func() measure.Volume
	// Moving is whether it truly moves.
	Moving func() bool
	// Occlude closes the tube. FailAfter cuts the power when that much more was pushed.
	Occlude   func(t *testing.T)
	FailAfter func(t *testing.T, v measure.Volume)

	Dose  measure.Volume // a dose that the pump can do and that takes most of a second or more
	Wrong measure.Volume // a dose that it cannot do exactly
	// Strokes is how many motions Dose takes; 0 is 1.
	Strokes int
	// TakeCup and PlaceCup are what people do around an Initialise. For a pump that is a devices.Initialiser.
	TakeCup, PlaceCup func(t *testing.T)
	// StartCommand moves, CountCommand asks for the volume: for Fault.On. Lengths are those of their answers.
	StartCommand, CountCommand         string
	StartReplyLength, CountReplyLength int
	DeadMan                            time.Duration // after which a silent host stops the pump; 0 never
	// Unchecked says that nothing on the wire has a check and the driver has no second reading to hold against: an answer
	// may turn into another one unseen.
	Unchecked bool
	// Unmarked says that a restart of a pump that stands still leaves no trace that a driver could find: whatever it was
	// set to is kept. Then a dose that was armed before may also be moved whole.
	Unmarked bool
}

// faults are what may happen to one command or answer of the pump on its way. One bit that is another is among them where
// anything could notice it.
func (b PumpBench) faults(m Mode) []string {
	if m != Virtual {
		return m.faults()
	}
	all := append(m.faults(), "split_reply", "merged_reply", "noise_before", "noise_inside", "noise_after", "nul_byte")
	if !b.Unchecked {
		all = append(all, "flipped_bit")
	}
	return all
}

// bed is a bench under test.
type bed struct {
	PumpBench
	before measure.Volume // pushed before the last arming
}

// moved is what was truly pushed since the last arming, which is what the pump should say.
func (b *bed) moved() measure.Volume { return b.Pushed() - b.before }

// strokes is how often the pump is told to push in one dose.
func (b *bed) strokes() int { return max(b.Strokes, 1) }

const (
	pumpLimit = 20 * time.Second
	// exact is how far the driver's word may be from what the pump truly pushed: its last digit.
	exact = 10 * measure.Microlitre
)

// Pump is the contract of a devices.Pump. bench is called once for each case.
func Pump(t *testing.T, mode Mode, bench func(t *testing.T) PumpBench) {
	s := pumpSuite{mode: mode, bench: bench}
	mode.run(t, "moves what it was armed for", s.moves)
	mode.run(t, "says who it is and moves nothing", s.identifies)
	mode.run(t, "stops when told", s.stops)
	mode.run(t, "stops by itself when the host is gone", s.deadMan)
	mode.run(t, "reports an occlusion", s.occluded)
	mode.run(t, "reports a pulled cable", s.unplugged)
	b := bench0(t, mode, bench)
	for _, kind := range b.faults(mode) {
		mode.run(t, kind+" at the start", func(t *testing.T) { s.startFaults(t, kind) })
	}
	for _, at := range mode.positions(b.StartReplyLength) {
		mode.run(t, fmt.Sprintf("start answer cut after %d bytes", at), func(t *testing.T) { s.cut(t, b.StartCommand, at) })
	}
	if mode == Virtual {
		s.everything(t, b)
	}
}

// everything is what takes too long in real time.
func (s pumpSuite) everything(t *testing.T, b PumpBench) {
	s.mode.run(t, "refuses what it cannot do exactly", s.refuses)
	s.mode.run(t, "starts once for each arming", s.startsOnce)
	s.mode.run(t, "does no service while a dose is armed", s.services)
	s.mode.run(t, "ends with its context", s.contextEnds)
	s.mode.run(t, "reports a power cut", s.powerCut)
	s.mode.run(t, "reports a power cut before the start", s.powerCutBefore)
	for _, kind := range b.faults(s.mode) {
		s.mode.run(t, kind+" on the way", func(t *testing.T) { s.pollFaults(t, kind) })
		s.mode.run(t, kind+" while arming", func(t *testing.T) { s.armFaults(t, kind) })
	}
	for _, at := range s.mode.positions(b.CountReplyLength) {
		s.mode.run(t, fmt.Sprintf("volume answer cut after %d bytes", at), func(t *testing.T) { s.cut(t, b.CountCommand, at) })
	}
}

type pumpSuite struct {
	mode  Mode
	bench func(t *testing.T) PumpBench
}

func (s pumpSuite) open(t *testing.T) (*bed, devices.Pump) {
	t.Helper()
	b := &bed{PumpBench: s.bench(t)}
	return b, s.connect(t, b)
}

func (s pumpSuite) connect(t *testing.T, b *bed) devices.Pump {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), pumpLimit)
	defer cancel()
	p, err := b.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return p
}

// arm arms the pump, after it was initialised where that was needed. Arming pushes nothing.
func (s pumpSuite) arm(t *testing.T, b *bed, p devices.Pump, v measure.Volume) {
	t.Helper()
	err := s.tryArm(t, b, p, v)
	if errors.Is(err, devices.ErrUninitialised) {
		if !errors.Is(err, devices.ErrRefused) {
			t.Errorf("arming: %v, which is no refusal", err)
		}
		s.initialise(t, b, p)
		err = s.tryArm(t, b, p, v)
	}
	if err != nil {
		t.Fatalf("arming: %v", err)
	}
}

func (s pumpSuite) tryArm(t *testing.T, b *bed, p devices.Pump, v measure.Volume) (err error) {
	t.Helper()
	b.before = b.Pushed()
	starts := b.Starts()
	within(t, pumpLimit, func(ctx context.Context) { err = p.Arm(ctx, v) })
	if b.moved() != 0 || b.Starts() != starts {
		t.Fatalf("arming pushed %s", b.moved())
	}
	return err
}

// initialise does what ErrUninitialised asks for.
func (s pumpSuite) initialise(t *testing.T, b *bed, p devices.Pump) {
	t.Helper()
	i, ok := p.(devices.Initialiser)
	if !ok {
		t.Fatal("it must be initialised and cannot be")
	}
	b.TakeCup(t)
	within(t, pumpLimit, func(ctx context.Context) {
		if err := i.Initialise(ctx); err != nil {
			t.Errorf("initialising: %v", err)
		}
	})
	b.PlaceCup(t)
}

// dispense runs the dose and checks what always holds: at most one start for each stroke, progress that never falls, and a volume that
// is never more than what truly moved. It returns what the driver said.
func (s pumpSuite) dispense(t *testing.T, b *bed, p devices.Pump) (moved measure.Volume, err error) {
	t.Helper()
	starts, pushed := b.Starts(), b.Pushed()
	within(t, pumpLimit, func(ctx context.Context) { moved, err = s.watch(ctx, t, p) })
	if n := b.Starts() - starts; n > b.strokes() {
		t.Fatalf("the pump was told %d times to push, for %d strokes", n, b.strokes())
	}
	if truly := b.Pushed() - pushed; moved > truly+exact {
		t.Errorf("it says %s moved, truly %s did", moved, truly)
	}
	return moved, err
}

func (s pumpSuite) watch(ctx context.Context, t *testing.T, p devices.Pump) (measure.Volume, error) {
	var last measure.Volume
	return p.Dispense(ctx, func(st devices.PumpState) {
		if st.Moved < last {
			t.Errorf("the volume fell from %s to %s", last, st.Moved)
		}
		last = st.Moved
	})
}

func (s pumpSuite) whole(t *testing.T, b *bed, p devices.Pump) {
	t.Helper()
	before := b.Pushed()
	moved, err := s.dispense(t, b, p)
	if err != nil || moved != b.Dose {
		t.Errorf("%s, %v; want %s", moved, err, b.Dose)
	}
	if b.Moving() {
		t.Error("it returned while the pump moves")
	}
	if truly := b.Pushed() - before; (truly - b.Dose).Abs() > exact {
		t.Errorf("%s truly moved, want %s", truly, b.Dose)
	}
}

func (s pumpSuite) moves(t *testing.T) {
	b, p := s.open(t)
	for range 2 {
		s.arm(t, b, p, b.Dose)
		s.whole(t, b, p)
	}
	if b.Starts() != 2*b.strokes() {
		t.Errorf("%d starts for two doses", b.Starts())
	}
}

func (s pumpSuite) identifies(t *testing.T) {
	b, p := s.open(t)
	within(t, pumpLimit, func(ctx context.Context) {
		if id, err := p.Identify(ctx); err != nil || id.Model == "" {
			t.Errorf("%+v, %v", id, err)
		}
		if st, err := p.State(ctx); err != nil || st.Moving {
			t.Errorf("%+v, %v", st, err)
		}
	})
	if b.Pushed() != 0 || b.Starts() != 0 {
		t.Error("it moved")
	}
}

func (s pumpSuite) refuses(t *testing.T) {
	b, p := s.open(t)
	for _, v := range []measure.Volume{-1, 0, b.Wrong, 10 * measure.Litre} {
		within(t, pumpLimit, func(ctx context.Context) {
			if err := p.Arm(ctx, v); !errors.Is(err, devices.ErrOutOfRange) {
				t.Errorf("arming %s: %v", v, err)
			}
		})
		if _, err := p.Limits(v); !errors.Is(err, devices.ErrOutOfRange) {
			t.Errorf("limits for %s: %v", v, err)
		}
	}
	if l, err := p.Limits(b.Dose); err != nil || l.Max < b.Dose || l.Resolution <= 0 {
		t.Errorf("%+v, %v", l, err)
	}
	if moved, err := s.dispense(t, b, p); !errors.Is(err, devices.ErrRefused) || moved != 0 || b.Starts() != 0 {
		t.Errorf("dispensing after a refused arming: %s, %v, %d starts", moved, err, b.Starts())
	}
}

func (s pumpSuite) startsOnce(t *testing.T) {
	b, p := s.open(t)
	if _, err := s.dispense(t, b, p); !errors.Is(err, devices.ErrRefused) {
		t.Errorf("not armed: %v", err)
	}
	s.arm(t, b, p, b.Dose)
	s.whole(t, b, p)
	if _, err := s.dispense(t, b, p); !errors.Is(err, devices.ErrRefused) {
		t.Errorf("armed once, dispensed twice: %v", err)
	}
	if b.Starts() != b.strokes() {
		t.Errorf("%d starts", b.Starts())
	}
}

// services are what only some pumps can do.
func (s pumpSuite) services(t *testing.T) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	refused := func(what string, err error) {
		if !errors.Is(err, devices.ErrRefused) || b.moved() != 0 || b.Moving() {
			t.Errorf("%s while a dose is armed: %v, %s moved", what, err, b.moved())
		}
	}
	within(t, pumpLimit, func(ctx context.Context) {
		if primer, ok := p.(devices.Primer); ok {
			refused("priming", primer.Prime(ctx))
		}
		if calibrator, ok := p.(devices.Calibrator); ok {
			_, err := calibrator.PumpToMeasure(ctx, b.Dose, nil)
			refused("calibrating", err)
			refused("telling what was measured", calibrator.Measured(ctx, b.Dose))
		}
	})
	s.whole(t, b, p)
}

func (s pumpSuite) stops(t *testing.T) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	go func() {
		wait(400 * time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), pumpLimit)
		defer cancel()
		if err := p.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
	}()
	moved, err := s.dispense(t, b, p)
	if !errors.Is(err, devices.ErrStopped) || moved >= b.Dose {
		t.Errorf("%s, %v", moved, err)
	}
	wait(200 * time.Millisecond)
	if b.Moving() {
		t.Error("the pump moves on")
	}
	if (moved - b.moved()).Abs() > exact {
		t.Errorf("it says %s moved, truly %s did", moved, b.moved())
	}
	within(t, pumpLimit, func(ctx context.Context) {
		if err := p.Stop(ctx); err != nil {
			t.Errorf("stopping a stopped pump: %v", err)
		}
	})
}

func (s pumpSuite) contextEnds(t *testing.T) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	within(t, 400*time.Millisecond, func(ctx context.Context) {
		if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrNoReply) {
			t.Errorf("%v", err)
		}
	})
	s.resolve(t, b, p)
}

// resolve is what a station does after an unknown: stop, and read what moved.
func (s pumpSuite) resolve(t *testing.T, b *bed, p devices.Pump) {
	t.Helper()
	within(t, pumpLimit, func(ctx context.Context) {
		if err := p.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
			return
		}
		st, err := p.State(ctx)
		if err != nil {
			t.Errorf("asking: %v", err)
			return
		}
		if st.Moving || b.Moving() {
			t.Errorf("it still moves: %+v", st)
		}
		if !st.Lost && (st.Moved-b.moved()).Abs() > exact {
			t.Errorf("it says %s moved, truly %s did", st.Moved, b.moved())
		}
	})
	if b.Starts() > b.strokes() {
		t.Errorf("%d starts", b.Starts())
	}
}

func (s pumpSuite) deadMan(t *testing.T) {
	b, p := s.open(t)
	if b.DeadMan == 0 {
		t.Skip("this pump has no dead-man time")
	}
	s.arm(t, b, p, b.Dose)
	within(t, 300*time.Millisecond, func(ctx context.Context) {
		if _, err := p.Dispense(ctx, nil); err == nil {
			t.Error("the dose was over before the host went away")
		}
	})
	wait(b.DeadMan + time.Second)
	if b.Moving() {
		t.Fatal("the pump goes on without a host")
	}
	within(t, pumpLimit, func(ctx context.Context) {
		st, err := p.State(ctx)
		if err != nil || st.Moving || st.Lost || (st.Moved-b.moved()).Abs() > exact {
			t.Errorf("%+v, %v; it truly moved %s", st, err, b.moved())
		}
	})
}

func (s pumpSuite) occluded(t *testing.T) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	b.Occlude(t)
	moved, err := s.dispense(t, b, p)
	if !errors.Is(err, devices.ErrStalled) || (moved-b.moved()).Abs() > exact {
		t.Errorf("%s, %v; it truly moved %s", moved, err, b.moved())
	}
	s.resolve(t, b, p)
}

func (s pumpSuite) powerCut(t *testing.T) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	b.FailAfter(t, b.Dose/2)
	moved, err := s.dispense(t, b, p)
	if !errors.Is(err, devices.ErrRestarted) {
		t.Errorf("%s, %v", moved, err)
	}
	if moved > b.Dose/2+exact {
		t.Errorf("%s is no lower bound: the power went at %s", moved, b.Dose/2)
	}
	wait(2 * time.Second)
	within(t, pumpLimit, func(ctx context.Context) {
		if st, err := p.State(ctx); err != nil || !st.Lost || st.Moving {
			t.Errorf("after the cut: %+v, %v", st, err)
		}
	})
	s.arm(t, b, p, b.Dose)
	s.whole(t, b, p)
}

func (s pumpSuite) powerCutBefore(t *testing.T) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	b.PowerCycle(t)
	wait(2 * time.Second)
	moved, err := s.dispense(t, b, p)
	refused := errors.Is(err, devices.ErrRefused) && moved == 0 && b.Starts() == 0
	if whole := err == nil && moved == b.Dose; !refused && !(b.Unmarked && whole) {
		t.Errorf("%s, %v, %d starts", moved, err, b.Starts())
	}
	s.arm(t, b, p, b.Dose)
	s.whole(t, b, p)
}

func (s pumpSuite) unplugged(t *testing.T) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	go func() {
		wait(400 * time.Millisecond)
		b.Unplug(t)
	}()
	moved, err := s.dispense(t, b, p)
	if !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%s, %v", moved, err)
	}
	b.Replug(t)
	again := s.connect(t, b) // opening moves nothing and does not forget what moved
	s.resolve(t, b, again)
	if b.moved() < moved-exact {
		t.Errorf("%s truly moved, less than the %s seen before", b.moved(), moved)
	}
}

// startFaults: whatever happens to the motion command or its answer, it is sent once, and afterwards the pump can say
// what moved.
func (s pumpSuite) startFaults(t *testing.T, kind string) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	s.whole(t, b, p) // whose count may still stand there when the next dose never starts
	for i := range s.mode.repetitions() {
		s.arm(t, b, p, b.Dose)
		starts := b.Starts()
		b.Fault(t, Fault{Kind: kind, On: b.StartCommand})
		moved, err := s.dispense(t, b, p)
		switch {
		case err == nil && moved != b.Dose:
			t.Errorf("round %d: %s moved without an error", i, moved)
		case err == nil:
			continue
		case errors.Is(err, devices.ErrRefused):
			if b.moved() != 0 {
				t.Errorf("round %d: refused, and %s moved", i, b.moved())
			}
		case !errors.Is(err, devices.ErrNoReply) && !errors.Is(err, devices.ErrGarbled):
			t.Errorf("round %d: %v", i, err)
		}
		if b.Starts()-starts > b.strokes() {
			t.Fatalf("round %d: %d starts", i, b.Starts()-starts)
		}
		s.standStill(t, b, p)
	}
}

func (s pumpSuite) standStill(t *testing.T, b *bed, p devices.Pump) {
	t.Helper()
	within(t, pumpLimit, func(ctx context.Context) {
		if err := p.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
		if st, err := p.State(ctx); err != nil || st.Moving || (st.Moved-b.moved()).Abs() > exact {
			t.Errorf("%+v, %v; it truly moved %s", st, err, b.moved())
		}
	})
}

// pollFaults: one bad answer on the way costs nothing but time.
func (s pumpSuite) pollFaults(t *testing.T, kind string) {
	b, p := s.open(t)
	for i := range s.mode.repetitions() {
		s.arm(t, b, p, b.Dose)
		b.Fault(t, Fault{Kind: kind, On: b.CountCommand, Skip: 1 + i%4})
		s.whole(t, b, p)
	}
}

// armFaults: arming either succeeds, and then the dose is right, or it says that it did not.
func (s pumpSuite) armFaults(t *testing.T, kind string) {
	b, p := s.open(t)
	for i := range s.mode.repetitions() {
		b.Fault(t, Fault{Kind: kind, Skip: i % 20})
		within(t, pumpLimit, func(ctx context.Context) {
			if err := p.Arm(ctx, b.Dose); err != nil {
				t.Logf("round %d: %v", i, err)
			}
		})
		s.arm(t, b, p, b.Dose)
	}
	s.whole(t, b, p)
}

// cut pulls the cable in the middle of an answer: the outcome is unknown, and the pump tells it afterwards.
func (s pumpSuite) cut(t *testing.T, command string, at int) {
	b, p := s.open(t)
	s.arm(t, b, p, b.Dose)
	skip := 0
	if command == b.CountCommand {
		skip = 2 // the pump is asked once before the start
	}
	b.Fault(t, Fault{Kind: "unplug_in_reply", On: command, At: at, Skip: skip})
	if moved, err := s.dispense(t, b, p); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%s, %v", moved, err)
	}
	b.Replug(t)
	s.resolve(t, b, s.connect(t, b))
}
