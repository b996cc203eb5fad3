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

// ScaleBench is a balance on a bench, for one case of the suite.
type ScaleBench struct {
	Line
	// Open connects a driver. The suite closes it.
	Open func(ctx context.Context) (devices.Scale, error)
	// Load puts a new load on the pan and returns its weight, as it will be shown when it has settled.
	Load func(t *testing.T) measure.Weight
	// Unload takes it away.
	Unload func(t *testing.T)
	// Shake makes the weight unstable for that long.
	Shake func(t *testing.T, d time.Duration)
	// Settle is how long a new load takes to settle.
	Settle time.Duration
	// NowCommand and StableCommand are what asks for a weight, for Fault.On; they are the same where the driver asks for
	// the weight now until it is stable, and "" where the balance sends by itself. ReplyLength is the length of an answer.
	NowCommand, StableCommand string
	ReplyLength               int
	// Identity is what the balance says of itself, in all its parts. The zero value is a balance that says nothing.
	Identity devices.Identity
	// Announces is a balance that lets the host know that it has restarted. The restart of another one cannot be noticed;
	// its weights are right all the same.
	Announces bool
	// Revive is what a person does after a restart before the balance weighs again. It returns the weight of the load then.
	// nil is nothing.
	Revive func(t *testing.T) measure.Weight
	// Checked is a balance whose answers have a checksum.
	Checked bool
	// Silence is how many lost answers make the balance silent for half a second; 0 is 3.
	Silence int
}

const (
	scaleLimit = 12 * time.Second
	// tolerance of one reading: the last digit, and what is left of the settling.
	tolerance = 20 * measure.WeightMilligram
)

// Scale is the contract of a devices.Scale. bench is called once for each case.
func Scale(t *testing.T, mode Mode, bench func(t *testing.T) ScaleBench) {
	s := scaleSuite{mode: mode, bench: bench}
	first := bench0(t, mode, bench)
	mode.run(t, "reads what is on the pan", s.reads)
	mode.run(t, "stable waits for the load to settle", s.waits)
	mode.run(t, "says who it is", s.identifies)
	mode.run(t, "tares", s.tares)
	mode.run(t, "notices an unplugged cable", s.unplugged)
	for _, kind := range first.faults(mode) {
		mode.run(t, kind+" never makes a wrong reading", func(t *testing.T) { s.faults(t, kind) })
	}
	for _, at := range mode.positions(first.ReplyLength) {
		mode.run(t, fmt.Sprintf("cut after %d bytes", at), func(t *testing.T) { s.cut(t, at) })
	}
	if mode == Virtual {
		mode.run(t, "keeps deadlines with an ended context", s.deadlines)
		mode.run(t, "a late answer is not taken for a new one", s.late)
		mode.run(t, "weighs after a restart", s.restarts)
		mode.run(t, "stable gives up on a shaking bench", s.givesUp)
	}
}

// faults are what may happen to one command or answer of a balance on its way. One bit that is another is among them where
// a checksum shows it: without one, it can make another digit, which only the parity of the line would notice.
func (b ScaleBench) faults(m Mode) []string {
	if m != Virtual {
		return m.faults()
	}
	all := append(m.faults(), "split_reply", "merged_reply", "noise_before", "noise_inside", "noise_after", "nul_byte")
	if b.Checked {
		all = append(all, "flipped_bit")
	}
	return all
}

// bench0 makes a bench only to look at its constants.
func bench0[B any](t *testing.T, mode Mode, bench func(t *testing.T) B) (b B) {
	mode.run(t, "bench", func(t *testing.T) { b = bench(t) })
	return b
}

type scaleSuite struct {
	mode  Mode
	bench func(t *testing.T) ScaleBench
}

// open makes a bench with a settled load and a driver on it.
func (s scaleSuite) open(t *testing.T) (ScaleBench, devices.Scale, measure.Weight) {
	t.Helper()
	b := s.bench(t)
	load := b.Load(t)
	scale := s.connect(t, b)
	wait(b.Settle)
	return b, scale, load
}

func (s scaleSuite) connect(t *testing.T, b ScaleBench) devices.Scale {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), scaleLimit)
	defer cancel()
	scale, err := b.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := scale.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return scale
}

// wait lets the bench live. In a bubble it costs nothing.
func wait(d time.Duration) { <-time.After(d) }

type weighing func(ctx context.Context) (devices.Reading, error)

// check weighs once. A reading must be right; with an error there must be none. It returns the error.
func check(t *testing.T, weigh weighing, want measure.Weight) (err error) {
	t.Helper()
	within(t, scaleLimit, func(ctx context.Context) {
		var r devices.Reading
		r, err = weigh(ctx)
		if err != nil {
			if r != (devices.Reading{}) {
				t.Errorf("a reading beside the error %v: %+v", err, r)
			}
			return
		}
		if d := r.Weight - want; d > tolerance || d < -tolerance {
			t.Errorf("read %s (%q), on the pan is %s", r.Weight, r.Raw, want)
		}
	})
	return err
}

func (s scaleSuite) reads(t *testing.T) {
	_, scale, load := s.open(t)
	for range 5 {
		if err := check(t, scale.Read, load); err != nil {
			t.Fatal(err)
		}
	}
	within(t, scaleLimit, func(ctx context.Context) {
		r, err := scale.Stable(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		if !r.Stable || r.Unit == "" || r.Raw == "" || r.At.IsZero() || r.Decimals == 0 {
			t.Errorf("incomplete: %+v", r)
		}
	})
}

func (s scaleSuite) waits(t *testing.T) {
	b, scale, _ := s.open(t)
	b.Unload(t)
	wait(b.Settle / 5) // it is still swinging, and the balance has noticed
	if err := check(t, scale.Stable, 0); err != nil {
		t.Error(err)
	}
	load := b.Load(t)
	wait(b.Settle / 5)
	if err := check(t, scale.Stable, load); err != nil {
		t.Error(err)
	}
}

func (s scaleSuite) givesUp(t *testing.T) {
	b, scale, _ := s.open(t)
	b.Shake(t, time.Hour)
	wait(500 * time.Millisecond)
	within(t, scaleLimit, func(ctx context.Context) {
		if r, err := scale.Stable(ctx); !errors.Is(err, devices.ErrUnstable) && !errors.Is(err, devices.ErrNoReply) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func (s scaleSuite) identifies(t *testing.T) {
	b, scale, _ := s.open(t)
	within(t, scaleLimit, func(ctx context.Context) {
		if id, err := scale.Identify(ctx); err != nil || id != b.Identity {
			t.Errorf("%+v, %v; it is %+v", id, err, b.Identity)
		}
	})
}

func (s scaleSuite) deadlines(t *testing.T) {
	b, scale, load := s.open(t)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for name, f := range map[string]weighing{"Read": scale.Read, "Stable": scale.Stable} {
		within(t, time.Second, func(context.Context) {
			if r, err := f(over); err == nil {
				t.Errorf("%s with an ended context: %+v", name, r)
			}
		})
	}
	b.Fault(t, Fault{Kind: "lost_reply", Count: max(b.Silence, 3)})
	within(t, 300*time.Millisecond, func(ctx context.Context) {
		if r, err := scale.Read(ctx); !errors.Is(err, devices.ErrNoReply) {
			t.Errorf("%+v, %v", r, err)
		}
	})
	s.recovers(t, scale, load)
}

// recovers asks until the balance answers again; every answer is right.
func (s scaleSuite) recovers(t *testing.T, scale devices.Scale, load measure.Weight) {
	t.Helper()
	var err error
	for range 5 {
		if err = check(t, scale.Read, load); err == nil {
			return
		}
	}
	t.Errorf("it does not recover: %v", err)
}

func (s scaleSuite) tares(t *testing.T) {
	_, scale, load := s.open(t)
	tarer, ok := scale.(devices.Tarer)
	if !ok {
		t.Skip("no Tarer")
	}
	if err := check(t, tarer.Tare, load); err != nil {
		t.Fatal(err)
	}
	if err := check(t, scale.Stable, 0); err != nil {
		t.Error(err)
	}
}

func (s scaleSuite) restarts(t *testing.T) {
	b, scale, load := s.open(t)
	if err := check(t, scale.Read, load); err != nil {
		t.Fatal(err)
	}
	b.PowerCycle(t)
	wait(2 * time.Second)
	load = s.restarted(t, b, scale, scale.Read, load)
	b.PowerCycle(t) // and now the question comes while it starts
	s.restarted(t, b, scale, scale.Stable, load)
}

// restarted weighs after a restart, until the balance weighs again. It returns the load then.
func (s scaleSuite) restarted(t *testing.T, b ScaleBench, scale devices.Scale, weigh weighing, load measure.Weight) measure.Weight {
	t.Helper()
	if err := check(t, weigh, load); b.Announces && !errors.Is(err, devices.ErrRestarted) {
		t.Errorf("after a restart: %v", err)
	}
	if b.Revive != nil {
		load = b.Revive(t)
	}
	s.recovers(t, scale, load)
	return load
}

func (s scaleSuite) unplugged(t *testing.T) {
	b, scale, load := s.open(t)
	b.Unplug(t)
	wait(100 * time.Millisecond)
	if err := check(t, scale.Read, load); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%v", err)
	}
	if err := scale.Close(); err != nil {
		t.Errorf("closing an unplugged balance: %v", err)
	}
	b.Replug(t)
	again := s.connect(t, b)
	s.recovers(t, again, load)
}

func (s scaleSuite) faults(t *testing.T, kind string) {
	b, scale, load := s.open(t)
	questions := map[string]weighing{b.NowCommand: scale.Read}
	if s.mode == Virtual { // a lost stable weight takes seconds
		questions[b.StableCommand] = scale.Stable
	}
	for range s.mode.repetitions() {
		for command, weigh := range questions {
			b.Fault(t, Fault{Kind: kind, On: command})
			if err := check(t, weigh, load); err != nil && errors.Is(err, devices.ErrDisconnected) {
				t.Fatal(err)
			}
			s.recovers(t, scale, load)
		}
	}
}

// late asks for the weight while the answer to an earlier question is still on its way, and the load has gone since.
func (s scaleSuite) late(t *testing.T) {
	b, scale, load := s.open(t)
	if b.NowCommand == "" {
		t.Skip("a balance that sends by itself answers no question")
	}
	b.Fault(t, Fault{Kind: "late_reply", On: b.NowCommand})
	within(t, 300*time.Millisecond, func(ctx context.Context) {
		if r, err := scale.Read(ctx); !errors.Is(err, devices.ErrNoReply) {
			t.Errorf("%+v, %v", r, err)
		}
	})
	b.Unload(t)
	wait(400 * time.Millisecond) // the answer is due at 0.8 s
	within(t, scaleLimit, func(ctx context.Context) {
		r, err := scale.Read(ctx)
		if d := r.Weight - load; err == nil && d <= tolerance && d >= -tolerance {
			t.Errorf("%q is the load that was taken away", r.Raw)
		}
	})
	wait(b.Settle)
	s.recovers(t, scale, 0)
}

func (s scaleSuite) cut(t *testing.T, at int) {
	b, scale, load := s.open(t)
	b.Fault(t, Fault{Kind: "truncated_reply", On: b.NowCommand, At: at})
	if err := check(t, scale.Read, load); err != nil {
		t.Errorf("one truncated answer: %v", err)
	}
	s.recovers(t, scale, load)
	b.Fault(t, Fault{Kind: "unplug_in_reply", On: b.NowCommand, At: at})
	if err := check(t, scale.Read, load); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("unplugged within an answer: %v", err)
	}
}
