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

// Pump is a simulated pump under test.
type Pump struct {
	Device sim.DeviceConfig
	Baud   int
	// Terminal puts it on a pseudo-terminal; otherwise it is in memory.
	Terminal bool
	// Open connects the driver.
	Open func(ctx context.Context, link devices.Link) (devices.Pump, error)
}

// Bench starts the pump and returns it for one case of the suite. What is special to the protocol is left to fill in.
func (p Pump) Bench(t *testing.T) devicetest.PumpBench {
	t.Helper()
	dir := ""
	if p.Terminal {
		dir = t.TempDir()
	}
	bench, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 3, Dir: dir,
		Counters: []sim.CounterConfig{{Name: "counter", Pump: p.Device}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, bench.Close()) })
	c := bench.Only()
	must(t, c.PlaceCup())
	return devicetest.PumpBench{
		Open: func(ctx context.Context) (devices.Pump, error) {
			link, err := p.link(ctx, t, bench, dir)
			if err != nil {
				return nil, err
			}
			return p.Open(ctx, link)
		},
		Line:   line(bench, "pump0"),
		Starts: func() int { return c.State().Pump.Runs },
		Pushed: func() measure.Volume { return measure.Volume(math.Round(c.State().PushedML * 1000)) },
		Moving: func() bool { s := c.State().Pump.State; return s == "I" || s == "W" },
		Occlude: func(t *testing.T) {
			must(t, bench.Fault(sim.Fault{Device: "pump0", Kind: sim.Occlusion}))
		},
		FailAfter: func(t *testing.T, v measure.Volume) {
			must(t, bench.Fault(sim.Fault{Device: "pump0", Kind: sim.PowerCycle, ML: float64(v) / 1000}))
		},
		TakeCup: func(t *testing.T) {
			_, err := c.LiftCup()
			must(t, err)
		},
		PlaceCup: func(t *testing.T) { must(t, c.PlaceCup()) },
	}
}

func (p Pump) link(ctx context.Context, t *testing.T, bench *sim.Bench, dir string) (devices.Link, error) {
	if dir == "" {
		return bench.Link("pump0")
	}
	port, err := serialport.Open(ctx, serialport.Config{Path: filepath.Join(dir, "pump0"), Baud: p.Baud, LockDir: t.TempDir()})
	if err != nil {
		return nil, err
	}
	return port, nil
}
