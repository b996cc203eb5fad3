package newera_test

import (
	"context"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/newera"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() newera.Config {
	return newera.Config{
		Name: "pump0", Firmware: "NE1000V3.928", Diameter: 29_200, Rate: 60_000, Max: 50 * measure.Millilitre,
		DeadMan: 5 * time.Second,
	}
}

func microlitres(ml float64) measure.Volume { return measure.Volume(math.Round(ml * 1000)) }

// bench is a simulated pump, on a terminal or in memory.
func bench(t *testing.T, terminal bool) devicetest.PumpBench {
	dir, deadMan := "", 5*time.Second
	if terminal {
		dir, deadMan = t.TempDir(), 2*time.Second
	}
	b, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 3, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	c := b.Only()
	if err := c.PlaceCup(); err != nil {
		t.Fatal(err)
	}
	fault := func(t *testing.T, f sim.Fault) {
		t.Helper()
		f.Device = "pump0"
		if err := b.Fault(f); err != nil {
			t.Fatal(err)
		}
	}
	open := func(ctx context.Context) (devices.Pump, error) {
		link, err := link(ctx, t, b, dir)
		if err != nil {
			return nil, err
		}
		cfg := config()
		cfg.DeadMan = deadMan
		return newera.Open(ctx, link, cfg)
	}
	return devicetest.PumpBench{
		Open: open,
		Line: devicetest.Line{
			Fault: func(t *testing.T, f devicetest.Fault) {
				fault(t, sim.Fault{Kind: sim.Kind(f.Kind), On: f.On, Count: f.Count, Skip: f.Skip, At: f.At})
			},
			Unplug: func(t *testing.T) {
				if err := b.Unplug("pump0"); err != nil {
					t.Error(err)
				}
			},
			Replug: func(t *testing.T) {
				if err := b.Replug("pump0"); err != nil {
					t.Fatal(err)
				}
			},
			PowerCycle: func(t *testing.T) { fault(t, sim.Fault{Kind: sim.PowerCycle}) },
		},
		Starts:  func() int { return c.State().Pump.Runs },
		Pushed:  func() measure.Volume { return microlitres(c.State().PushedML) },
		Moving:  func() bool { s := c.State().Pump.State; return s == "I" || s == "W" },
		Occlude: func(t *testing.T) { fault(t, sim.Fault{Kind: sim.Occlusion}) },
		FailAfter: func(t *testing.T, v measure.Volume) {
			fault(t, sim.Fault{Kind: sim.PowerCycle, ML: float64(v) / 1000})
		},
		Dose: 900, Wrong: 12_345,
		StartCommand: "RUN", CountCommand: "DIS",
		StartReplyLength: len("..00I..."), CountReplyLength: len("..00II0.485W0.000ML..."),
		DeadMan: deadMan,
	}
}

func link(ctx context.Context, t *testing.T, b *sim.Bench, dir string) (devices.Link, error) {
	if dir == "" {
		return b.Link("pump0")
	}
	p, err := serialport.Open(ctx, serialport.Config{Path: dir + "/pump0", Baud: 19200, LockDir: t.TempDir()})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func TestContract(t *testing.T) {
	devicetest.Pump(t, devicetest.Virtual, func(t *testing.T) devicetest.PumpBench { return bench(t, false) })
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	devicetest.Pump(t, devicetest.Real, func(t *testing.T) devicetest.PumpBench { return bench(t, true) })
}
