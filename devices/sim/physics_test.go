package sim_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// virtual runs f on a bench in memory, in a bubble of virtual time.
func virtual(t *testing.T, cfg sim.Config, f func(t *testing.T, b *sim.Bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.Now = time.Now
		b, err := sim.NewBench(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		f(t, b)
	})
}

func pause(d time.Duration) { <-time.After(d) }

// talk writes and returns what comes back within a while.
func talk(t *testing.T, link devices.Link, text string, wait time.Duration) string {
	t.Helper()
	if err := link.Write(t.Context(), []byte(text)); err != nil {
		t.Fatal(err)
	}
	return listen(t, link, wait)
}

func listen(t *testing.T, link devices.Link, wait time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	var got []byte
	buf := make([]byte, 256)
	for {
		n, err := link.Read(ctx, buf)
		if err != nil {
			return string(got)
		}
		got = append(got, buf[:n]...)
	}
}

func connect(t *testing.T, b *sim.Bench, name string) devices.Link {
	t.Helper()
	link, err := b.Link(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close() })
	return link
}

// pumpDose sets a raw pump up in basic mode and runs it for ml at 60 mL/min.
func pumpDose(t *testing.T, link devices.Link, ml string) {
	t.Helper()
	talk(t, link, "0VER\r", 50*time.Millisecond) // acknowledges the power-up
	for _, c := range []string{"0DIA29.20\r", "0VOLML\r", "0VOL" + ml + "\r", "0RAT60.00MM\r", "0DIRINF\r"} {
		if got := talk(t, link, c, 50*time.Millisecond); got != "\x0200S\x03" {
			t.Fatalf("%q: %q", c, got)
		}
	}
	if got := talk(t, link, "0RUN\r", 50*time.Millisecond); got != "\x0200I\x03" {
		t.Fatalf("RUN: %q", got)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: %.4f, want %.4f ± %.4f", what, got, want, tolerance)
	}
}

// dose runs 5 mL into a cup, with what before does to the bench, and returns the world afterwards.
func dose(t *testing.T, cfg sim.Config, before ...sim.Fault) (s sim.CounterState) {
	t.Helper()
	virtual(t, cfg, func(t *testing.T, b *sim.Bench) {
		c := b.Only()
		if err := c.PlaceCup(); err != nil {
			t.Fatal(err)
		}
		for _, f := range before {
			if err := b.Fault(f); err != nil {
				t.Fatal(err)
			}
		}
		pumpDose(t, connect(t, b, "pump0"), "5.000")
		pause(10 * time.Second)
		s = c.State()
	})
	return s
}

func TestWhatThePumpMovesIsWhatTheBalanceWeighs(t *testing.T) {
	s := dose(t, sim.Config{Seed: 1})
	near(t, "counted", s.Pump.CountedML, 5, 1e-6)
	near(t, "delivered", s.DeliveredML, 5, 0.02)
	near(t, "in the cup", s.Cup.LiquidML, s.DeliveredML, 1e-9)
	near(t, "bottle", s.BottleML, 1000-s.DeliveredML, 1e-6)
	near(t, "shown", s.Scale.ShownG, s.Cup.EmptyG+s.Cup.LiquidML*1.06, 0.011)
	if !s.Scale.Stable || s.Pump.State != "S" || s.Pump.Runs != 1 {
		t.Errorf("%+v", s)
	}
}

func TestBiasAndDensity(t *testing.T) {
	s := dose(t, sim.Config{Seed: 1, PumpBias: 0.05, Density: 1_200_000})
	near(t, "counted", s.Pump.CountedML, 5, 1e-6)
	near(t, "delivered", s.DeliveredML, 5.25, 0.03)
	near(t, "shown", s.Scale.ShownG, s.Cup.EmptyG+s.Cup.LiquidML*1.2, 0.011)
}

func TestFaultsThatOnlyTheBalanceSees(t *testing.T) {
	bubble := dose(t, sim.Config{Seed: 1}, sim.Fault{Device: "pump0", Kind: sim.Bubble, ML: 0.5})
	near(t, "counted with a bubble", bubble.Pump.CountedML, 5, 1e-6)
	near(t, "delivered with a bubble", bubble.DeliveredML, 4.5, 0.03)

	unprimed := dose(t, sim.Config{Seed: 1, Unprimed: true})
	near(t, "delivered unprimed", unprimed.DeliveredML, 4.2, 0.03)

	empty := dose(t, sim.Config{Seed: 1, Bottle: 2 * measure.Millilitre})
	near(t, "counted from an empty bottle", empty.Pump.CountedML, 5, 1e-6)
	near(t, "delivered from an empty bottle", empty.DeliveredML, 2, 1e-6)
}

func TestOcclusionStallsThePump(t *testing.T) {
	s := dose(t, sim.Config{Seed: 1}, sim.Fault{Device: "pump0", Kind: sim.Occlusion})
	if s.Pump.State != "S" || s.Pump.Alarm != "S" || s.DeliveredML != 0 {
		t.Errorf("%+v", s)
	}
}

func TestTheSameSeedIsTheSameWorld(t *testing.T) {
	one, two, other := dose(t, sim.Config{Seed: 9}), dose(t, sim.Config{Seed: 9}), dose(t, sim.Config{Seed: 10})
	if one.DeliveredML != two.DeliveredML || one.Cup.EmptyG != two.Cup.EmptyG {
		t.Errorf("%+v\n%+v", one, two)
	}
	if one.DeliveredML == other.DeliveredML {
		t.Error("another seed made the same world")
	}
}

func TestTheLastDropFallsLater(t *testing.T) {
	virtual(t, sim.Config{Seed: 1}, func(t *testing.T, b *sim.Bench) {
		c := b.Only()
		if err := c.PlaceCup(); err != nil {
			t.Fatal(err)
		}
		pumpDose(t, connect(t, b, "pump0"), "1.000")
		pause(1100 * time.Millisecond)
		before := c.State()
		pause(time.Second)
		after := c.State()
		if before.Pump.State != "S" {
			t.Fatalf("still pumping: %+v", before)
		}
		if drop := after.DeliveredML - before.DeliveredML; drop < 0.02 || drop > 0.05 {
			t.Errorf("a drop of %.3f mL", drop)
		}
	})
}

func TestLiquidWithoutACupIsSpilled(t *testing.T) {
	virtual(t, sim.Config{Seed: 1}, func(t *testing.T, b *sim.Bench) {
		pumpDose(t, connect(t, b, "pump0"), "1.000")
		pause(3 * time.Second)
		s := b.Only().State()
		near(t, "spilled", s.SpilledML, 1, 0.02)
		if s.DeliveredML != 0 || s.Cup != nil {
			t.Errorf("%+v", s)
		}
	})
}

func TestSpeedIsOfThePhysics(t *testing.T) {
	virtual(t, sim.Config{Seed: 1, Speed: 20}, func(t *testing.T, b *sim.Bench) {
		c := b.Only()
		if err := c.PlaceCup(); err != nil {
			t.Fatal(err)
		}
		pumpDose(t, connect(t, b, "pump0"), "10.00") // 10 s at 60 mL/min
		pause(600 * time.Millisecond)
		if s := c.State(); s.Pump.State != "S" {
			t.Errorf("%+v", s)
		}
	})
}

func TestPowerCycleMidDose(t *testing.T) {
	virtual(t, sim.Config{Seed: 1}, func(t *testing.T, b *sim.Bench) {
		if err := b.Only().PlaceCup(); err != nil {
			t.Fatal(err)
		}
		link := connect(t, b, "pump0")
		pumpDose(t, link, "5.000")
		if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.PowerCycle, ML: 2}); err != nil {
			t.Fatal(err)
		}
		pause(5 * time.Second)
		s := b.Only().State()
		near(t, "delivered", s.DeliveredML, 2.05, 0.1)
		if s.Pump.CountedML != 0 || s.Pump.State != "S" {
			t.Errorf("%+v", s.Pump)
		}
		if got := talk(t, link, "0DIS\r", 50*time.Millisecond); got != "\x0200A?R\x03" {
			t.Errorf("first answer: %q", got)
		}
		if got := talk(t, link, "0VOL\r", 50*time.Millisecond); got != "\x0200S5.000ML\x03" {
			t.Errorf("settings are kept: %q", got)
		}
	})
}

func safe(text string) string { return string(newera.AppendSafe(nil, text)) }
