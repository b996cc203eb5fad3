package catalog_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// lineFaults are the kinds that befall bytes. A flipped bit may turn one digit into another, which nobody can see in one
// line without a checksum: that is why a dose is weighed several times.
var lineFaults = []sim.Kind{
	sim.LostReply, sim.LateReply, sim.DuplicateReply, sim.SplitReply, sim.MergedReply, sim.GarbledReply, sim.NoiseBefore,
	sim.NoiseInside, sim.NoiseAfter, sim.NulByte, sim.TruncatedReply, sim.LostCommand, sim.Echo, sim.WrongBaud, sim.NoReader,
	sim.Flood, sim.PowerUpLine, sim.WrongDevice,
}

// underEveryFault runs ask again and again, each time with a new fault of the line, and once more when it is cleared: then
// it must succeed.
func underEveryFault(t *testing.T, m catalog.Model, open func(t *testing.T, ctx context.Context, b *sim.Bench, link devices.Link) (ask func(ctx context.Context) error)) {
	t.Helper()
	for _, kind := range lineFaults {
		t.Run(m.Name+" "+string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bench, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 13, Counters: []sim.CounterConfig{oneDevice(m)}})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = bench.Close() }()
				if err := bench.Only().PlaceCup(); err != nil {
					t.Fatal(err)
				}
				<-time.After(5 * time.Second)
				device := string(m.Kind) + "0"
				link, err := bench.Link(device)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				ask := open(t, ctx, bench, link)
				for range 8 {
					err := bench.Fault(sim.Fault{Device: device, Kind: kind})
					if kind == sim.PowerUpLine && err != nil {
						t.Skip("it says nothing at power-up")
					}
					if err != nil {
						t.Fatal(err)
					}
					again(ctx, ask)
				}
				if err := bench.Fault(sim.Fault{Device: device, Kind: sim.Clear}); err != nil {
					t.Fatal(err)
				}
				for i := range 12 {
					<-time.After(2 * time.Second)
					if err = again(ctx, ask); err == nil || errors.Is(err, devices.ErrRestarted) || errors.Is(err, devices.ErrDisconnected) {
						return // or it must be opened anew, and says so
					}
					if i == 11 {
						t.Errorf("it does not recover: %v", err)
					}
				}
			})
		})
	}
}

// again asks once, and not for ever.
func again(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return ask(ctx)
}

// Whatever the line does to the bytes, no balance gives a weight that it does not show.
func TestNoFaultOfTheLineMakesAWeight(t *testing.T) {
	for _, m := range catalog.Models() {
		if m.Kind != catalog.Scale {
			continue
		}
		underEveryFault(t, m, func(t *testing.T, ctx context.Context, b *sim.Bench, link devices.Link) func(context.Context) error {
			s, err := catalog.OpenScale(ctx, m.Name, catalog.Options{Link: link, Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return func(ctx context.Context) error {
				r, err := s.Read(ctx)
				if err != nil {
					return err
				}
				shown := measure.Weight(b.State().Counters[0].Scale.ShownG * 1e6)
				if d := r.Weight - shown; d > 25*measure.WeightMilligram || d < -25*measure.WeightMilligram {
					t.Errorf("it reads %s and shows %s: %q", r.Weight, shown, r.Raw)
				}
				return nil
			}
		})
	}
}

// Nor does a pump that stands still say that it moved, and nothing starts it.
func TestNoFaultOfTheLineMakesAVolume(t *testing.T) {
	for _, m := range catalog.Models() {
		if m.Kind != catalog.Pump || m.ByHand {
			continue
		}
		underEveryFault(t, m, func(t *testing.T, ctx context.Context, b *sim.Bench, link devices.Link) func(context.Context) error {
			p, err := catalog.OpenPump(ctx, m.Name, setUp(m, catalog.Options{Link: link, Now: time.Now}))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = p.Close() })
			return func(ctx context.Context) error {
				s, err := p.State(ctx)
				if runs := b.State().Counters[0].Pump.Runs; runs != 0 {
					t.Fatalf("%d motion commands", runs)
				}
				if err != nil {
					return err
				}
				if (s.Moved != 0 || s.Moving) && !s.Lost {
					t.Errorf("%+v of a pump that never moved", s)
				}
				return nil
			}
		})
	}
}
