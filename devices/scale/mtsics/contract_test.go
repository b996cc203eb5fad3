package mtsics_test

import (
	"context"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/mtsics"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulated balance, on a terminal or in memory.
func bench(t *testing.T, terminal bool, cfg sim.ScaleConfig) devicetest.ScaleBench {
	dir, speed := "", 1.0
	if terminal {
		dir, speed = t.TempDir(), 10
	}
	b, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 7, Dir: dir, Speed: speed, Scale: cfg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	c := b.Only()
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func(ctx context.Context) (devices.Scale, error) {
		link, err := link(ctx, b, dir, t)
		if err != nil {
			return nil, err
		}
		return mtsics.Open(ctx, link, mtsics.Config{Name: "scale0", Serial: "1000001"}, time.Now)
	}
	return devicetest.ScaleBench{
		Open: open,
		Line: devicetest.Line{
			Fault: func(t *testing.T, f devicetest.Fault) {
				must(t, b.Fault(sim.Fault{Device: "scale0", Kind: sim.Kind(f.Kind), On: f.On, Count: f.Count, Skip: f.Skip, At: f.At}))
			},
			Unplug:     func(t *testing.T) { must(t, b.Unplug("scale0")) },
			Replug:     func(t *testing.T) { must(t, b.Replug("scale0")) },
			PowerCycle: func(t *testing.T) { must(t, b.Fault(sim.Fault{Device: "scale0", Kind: sim.PowerCycle})) },
		},
		Load: func(t *testing.T) measure.Weight {
			must(t, c.PlaceCup())
			must(t, c.Pour(5*measure.Millilitre))
			cup := c.State().Cup
			return measure.Weight(math.Round((cup.EmptyG+cup.LiquidML*1.06)*100)) * 10 * measure.WeightMilligram
		},
		Unload: func(t *testing.T) { _, err := c.LiftCup(); must(t, err) },
		Shake: func(t *testing.T, d time.Duration) {
			must(t, b.Fault(sim.Fault{Device: "scale0", Kind: sim.Unstable, Seconds: d.Seconds()}))
		},
		Settle:     time.Duration(float64(3*time.Second) / speed),
		NowCommand: "SI", StableCommand: "S", ReplyLength: len("S S      11.35 g\r\n"),
	}
}

func link(ctx context.Context, b *sim.Bench, dir string, t *testing.T) (devices.Link, error) {
	if dir == "" {
		return b.Link("scale0")
	}
	p, err := serialport.Open(ctx, serialport.Config{Path: dir + "/scale0", LockDir: t.TempDir()})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func TestContract(t *testing.T) {
	devicetest.Scale(t, devicetest.Virtual, func(t *testing.T) devicetest.ScaleBench {
		return bench(t, false, sim.ScaleConfig{})
	})
}

// Another make of balance: 11 wide fields, and ZI and TI answered as Z and T.
func TestContractWithVariants(t *testing.T) {
	devicetest.Scale(t, devicetest.Virtual, func(t *testing.T) devicetest.ScaleBench {
		b := bench(t, false, sim.ScaleConfig{Wide: true, ShortIDs: true, StableTimeout: 3 * time.Second})
		b.ReplyLength++
		return b
	})
}
