package reglo_test

import (
	"context"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/reglo"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() reglo.Config {
	return reglo.Config{
		Name: "pump0", Identity: "REGLO ICC 0208 306", Tube: 3170, Rate: 40 * measure.MillilitrePerMinute, Max: 50 * measure.Millilitre,
		BackSteps: 20,
	}
}

func microlitres(ml float64) measure.Volume { return measure.Volume(math.Round(ml * 1000)) }

func newBench(t *testing.T, cfg sim.Config, options map[string]string) *sim.Bench {
	t.Helper()
	cfg.Now = time.Now
	cfg.Counters = []sim.CounterConfig{{Name: "counter", Pump: sim.DeviceConfig{Model: "reglo-icc", Options: options}}}
	b, err := sim.NewBench(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.Only().PlaceCup(); err != nil {
		t.Fatal(err)
	}
	return b
}

// bench is a simulated pump, on a terminal or in memory.
func bench(t *testing.T, terminal bool) devicetest.PumpBench {
	dir := ""
	if terminal {
		dir = t.TempDir()
	}
	b := newBench(t, sim.Config{Seed: 3, Dir: dir}, nil)
	c := b.Only()
	fault := func(t *testing.T, f sim.Fault) {
		t.Helper()
		f.Device = "pump0"
		if err := b.Fault(f); err != nil {
			t.Fatal(err)
		}
	}
	return devicetest.PumpBench{
		Open: func(ctx context.Context) (devices.Pump, error) {
			link, err := link(ctx, t, b, dir)
			if err != nil {
				return nil, err
			}
			return reglo.Open(ctx, link, config())
		},
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
		Moving:  func() bool { return c.State().Pump.State == "I" },
		Occlude: func(t *testing.T) { fault(t, sim.Fault{Kind: sim.Occlusion}) },
		FailAfter: func(t *testing.T, v measure.Volume) {
			fault(t, sim.Fault{Kind: sim.PowerCycle, ML: float64(v) / 1000})
		},
		Dose: 900, Wrong: 12_345,
		StartCommand: "1H", CountCommand: "1:",
		StartReplyLength: len("*"), CountReplyLength: len("4.983 ml\r\n"),
	}
}

func link(ctx context.Context, t *testing.T, b *sim.Bench, dir string) (devices.Link, error) {
	if dir == "" {
		return b.Link("pump0")
	}
	p, err := serialport.Open(ctx, serialport.Config{Path: dir + "/pump0", Baud: 9600, LockDir: t.TempDir()})
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
