// Package simtest puts simulated devices under the contract suites of devicetest, for the tests of drivers.
package simtest

import (
	"context"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Balance is a simulated balance under test.
type Balance struct {
	Device sim.DeviceConfig
	Scale  sim.ScaleConfig // of an MT-SICS balance
	Baud   int
	// Terminal puts it on a pseudo-terminal, ten times as fast; otherwise it is in memory.
	Terminal bool
	// Open connects the driver.
	Open func(ctx context.Context, link devices.Link) (devices.Scale, error)
}

// cupLoad is what the suite pours into the cup.
const cupLoad = 5 * measure.Millilitre

// Bench starts the balance and returns it for one case of the suite. What is special to the protocol is left to fill in.
func (b Balance) Bench(t *testing.T) devicetest.ScaleBench {
	t.Helper()
	dir, speed := "", 1.0
	if b.Terminal {
		dir, speed = t.TempDir(), 10
	}
	bench, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 7, Dir: dir, Speed: speed, Scale: b.Scale,
		Counters: []sim.CounterConfig{{Name: "counter", Scale: b.Device}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, bench.Close()) })
	c := bench.Only()
	return devicetest.ScaleBench{
		Open: func(ctx context.Context) (devices.Scale, error) {
			link, err := b.link(ctx, t, bench, dir)
			if err != nil {
				return nil, err
			}
			return b.Open(ctx, link)
		},
		Line: line(bench, "scale0"),
		Load: func(t *testing.T) measure.Weight {
			must(t, c.PlaceCup())
			must(t, c.Pour(cupLoad))
			cup := c.State().Cup
			return measure.Weight(math.Round((cup.EmptyG+cup.LiquidML*1.06)*100)) * 10 * measure.WeightMilligram
		},
		Unload: func(t *testing.T) { _, err := c.LiftCup(); must(t, err) },
		Shake: func(t *testing.T, d time.Duration) {
			must(t, bench.Fault(sim.Fault{Device: "scale0", Kind: sim.Unstable, Seconds: d.Seconds()}))
		},
		Settle: time.Duration(float64(3*time.Second) / speed),
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// line is the cable of the named device.
func line(b *sim.Bench, device string) devicetest.Line {
	return devicetest.Line{
		Fault: func(t *testing.T, f devicetest.Fault) {
			must(t, b.Fault(sim.Fault{Device: device, Kind: sim.Kind(f.Kind), On: f.On, Count: f.Count, Skip: f.Skip, At: f.At}))
		},
		Unplug:     func(t *testing.T) { must(t, b.Unplug(device)) },
		Replug:     func(t *testing.T) { must(t, b.Replug(device)) },
		PowerCycle: func(t *testing.T) { must(t, b.Fault(sim.Fault{Device: device, Kind: sim.PowerCycle})) },
	}
}

func (b Balance) link(ctx context.Context, t *testing.T, bench *sim.Bench, dir string) (devices.Link, error) {
	if dir == "" {
		return bench.Link("scale0")
	}
	p, err := serialport.Open(ctx, serialport.Config{Path: filepath.Join(dir, "scale0"), Baud: b.Baud, LockDir: t.TempDir()})
	if err != nil {
		return nil, err
	}
	return p, nil
}
