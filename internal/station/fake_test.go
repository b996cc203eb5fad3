package station

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// fakeWorld is a cup on a scale under a pump, without physics: 1 µL weighs 1000 µg.
type fakeWorld struct {
	mu     sync.Mutex
	cup    measure.Weight // 0: no cup
	liquid measure.Volume
	unit   string
	serial string

	armed   measure.Volume
	counted measure.Volume                    // by the pump, since it was armed
	lost    bool                              // the pump's counters
	runs    map[measure.Volume]int            // motion commands, by the volume armed
	truth   map[measure.Volume]measure.Volume // what really left the pump
	fault   fault
	running func(armed measure.Volume) // called at each motion command, before anything moves
}

// fault is what goes wrong at the next motion.
type fault struct {
	pump  error          // what Dispense ends with
	after measure.Volume // how much moves before it does, of the armed volume at most
	quiet bool           // the pump answers nothing afterwards
	scale error          // what the scale answers once the pump has run
	stuck bool           // the scale goes on showing the empty cup
}

func newFakeWorld() *fakeWorld {
	return &fakeWorld{
		cup: 5 * measure.WeightGram, unit: "g", serial: "S1",
		runs: map[measure.Volume]int{}, truth: map[measure.Volume]measure.Volume{},
	}
}

func (w *fakeWorld) newCup() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cup, w.liquid, w.fault = 5*measure.WeightGram, 0, fault{}
}

func (w *fakeWorld) lift() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cup, w.liquid = 0, 0
}

type fakeScale struct{ w *fakeWorld }

func (s fakeScale) Identify(context.Context) (devices.Identity, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return devices.Identity{Model: "fake", Serial: s.w.serial}, nil
}

func (s fakeScale) Read(ctx context.Context) (devices.Reading, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	ran := s.w.counted > 0 || s.w.runs[s.w.armed] > 0
	if err := s.w.fault.scale; err != nil && ran {
		return devices.Reading{}, err
	}
	weight := s.w.cup
	if weight > 0 && !s.w.fault.stuck {
		weight += measure.Weight(s.w.liquid) * 1000
	}
	return devices.Reading{Weight: weight / 10_000 * 10_000, Decimals: 2, Unit: s.w.unit, Stable: true}, ctx.Err()
}

func (s fakeScale) Stable(ctx context.Context) (devices.Reading, error) { return s.Read(ctx) }
func (s fakeScale) Close() error                                        { return nil }

type fakePump struct{ w *fakeWorld }

func (p fakePump) Identify(context.Context) (devices.Identity, error) {
	return devices.Identity{Model: "fake", Serial: "P1"}, nil
}

func (p fakePump) Limits(v measure.Volume) (devices.Limits, error) {
	l := devices.Limits{Min: 1, Max: 50_000, Resolution: 1}
	if v > l.Max {
		return l, devices.ErrOutOfRange
	}
	return l, nil
}

func (p fakePump) Arm(ctx context.Context, v measure.Volume) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.armed, p.w.counted, p.w.lost = v, 0, false
	return ctx.Err()
}

func (p fakePump) Dispense(_ context.Context, progress func(devices.PumpState)) (measure.Volume, error) {
	p.w.mu.Lock()
	v, f, running := p.w.armed, p.w.fault, p.w.running
	p.w.runs[v]++
	p.w.mu.Unlock()
	if running != nil {
		running(v)
	}
	amount := v
	if f.pump != nil {
		amount = min(v, f.after)
	}
	for part := range measure.Volume(3) {
		p.move(v, amount*(part+1)/3)
		progress(devices.PumpState{Moving: part < 2, Moved: amount * (part + 1) / 3})
	}
	if errors.Is(f.pump, devices.ErrRestarted) {
		p.w.mu.Lock()
		p.w.counted, p.w.lost = 0, true
		p.w.mu.Unlock()
	}
	return amount, f.pump
}

// move brings what left the pump since it was armed with v up to total.
func (p fakePump) move(v, total measure.Volume) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.liquid += total - p.w.counted
	p.w.counted, p.w.truth[v] = total, total
}

func (p fakePump) State(context.Context) (devices.PumpState, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.w.fault.quiet && p.w.runs[p.w.armed] > 0 {
		return devices.PumpState{}, devices.ErrNoReply
	}
	return devices.PumpState{Moved: p.w.counted, Lost: p.w.lost}, nil
}

func (p fakePump) Stop(context.Context) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.w.fault.quiet && p.w.runs[p.w.armed] > 0 {
		return devices.ErrNoReply
	}
	return nil
}

func (p fakePump) Close() error { return nil }

// quick is a PourConfig for worlds that settle at once.
func quick() PourConfig {
	return PourConfig{
		CupWait: 3 * time.Millisecond, SettleSpan: 1, SettleEvery: 1, SettleWithin: 5 * time.Millisecond, Drip: 1,
		Present: 1, Command: time.Second, Reopen: time.Millisecond, Recover: time.Millisecond, Manual: 5 * time.Millisecond, ManualSpan: 1,
	}.fill()
}
