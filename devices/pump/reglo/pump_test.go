package reglo_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/reglo"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const identity = "REGLO ICC 0208 306"

// ask is one request and what comes back: single characters, and lines.
func ask(request string, replies ...string) devicetest.Exchange {
	e := devicetest.Exchange{Want: request + "\r"}
	for _, r := range replies {
		e.Reply += r
		if len(r) > 1 || !strings.Contains("*#+-", r) {
			e.Reply += "\r\n"
		}
	}
	return e
}

func idle(total string) []devicetest.Exchange {
	return one(ask("0E", "-"), ask("1:", total), ask("0xE", "1"), ask("1:", total))
}

func busy(total string) []devicetest.Exchange {
	return one(ask("0E", "+"), ask("1:", total), ask("1:", total))
}

// off is a pump that has its events off, which is believed at the second look.
func off(total string) []devicetest.Exchange {
	once := one(ask("0E", "-"), ask("1:", total), ask("0xE", "0"), ask("1:", total))
	return script(once, once)
}

// ended is a pump that tells by an event why it stands still.
func ended(event, total string) []devicetest.Exchange {
	return one(ask("0E", event, "-"), ask("1:", total), ask("0xE", "1"), ask("1:", total))
}

func script(parts ...[]devicetest.Exchange) []devicetest.Exchange {
	var all []devicetest.Exchange
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func one(e ...devicetest.Exchange) []devicetest.Exchange { return e }

func opening() []devicetest.Exchange { return one(ask("0#", identity)) }

func set() []devicetest.Exchange {
	return one(ask("1~1", "*"), ask("0xE1", "*"), ask("1O", "*"), ask("1J", "*"), ask("1f4000+1", "4000E+1"), ask("1%0020", "*"),
		ask("1v5000+0", "5000E+0"))
}

func checked() []devicetest.Exchange {
	return one(ask("1xM", "O"), ask("1f", "4000E+1"), ask("1xD", "J"), ask("1v", "5000E+0"), ask("1%", "20"), ask("1+", "3.17 mm"), ask("1~", "1"))
}

const zero = "0.000 ml"

// armed is the conversation of Arm for 5 mL, with the total of an older dose.
func armed() []devicetest.Exchange {
	return script(opening(), idle("4.983 ml"), set(), checked(), one(ask("1W", "*")), idle(zero))
}

// started is armed, and all that comes before the start.
func started() []devicetest.Exchange { return script(armed(), idle(zero)) }

func play(t *testing.T, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, p *reglo.Pump)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p, err := reglo.Open(ctx, devicetest.NewScript(t, script...), config())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		f(t, ctx, p)
	})
}

// dispense arms 5 mL and moves it, and checks the end: an error that matches and says the word, or none, and the volume.
func dispense(script []devicetest.Exchange, want error, word string, volume measure.Volume) func(t *testing.T) {
	return func(t *testing.T) {
		play(t, script, func(t *testing.T, ctx context.Context, p *reglo.Pump) {
			if err := p.Arm(ctx, 5*measure.Millilitre); err != nil {
				t.Fatal(err)
			}
			moved, err := p.Dispense(ctx, nil)
			if !errors.Is(err, want) || moved != volume || err != nil && !strings.Contains(err.Error(), word) {
				t.Errorf("%s, %v; want %s, %v with %q", moved, err, volume, want, word)
			}
		})
	}
}

func TestDispense(t *testing.T) {
	const done = "5.000 ml"
	t.Run("the whole dose", dispense(script(started(),
		one(ask("1H", "*")), busy("2.413 ml"), idle(done), idle(done),
	), nil, "", 5*measure.Millilitre))

	t.Run("events come between", dispense(script(started(),
		one(ask("1H", "^U1|A|0000000075|0000000000|0000", "*"), ask("0E", "^U1|A|0000000050|0000005000|0000", "+"), ask("1:", "2.413 ml"),
			ask("1:", "^U1|A|0000000040|0000004000|0000", "2.500 ml")), ended("^X1|A", done), idle(done),
	), nil, "", 5*measure.Millilitre))

	t.Run("in microlitres", dispense(script(started(),
		one(ask("1H", "*")), busy("241.3 ul"), idle(done), idle(done),
	), nil, "", 5*measure.Millilitre))

	t.Run("it takes a while to begin", dispense(script(started(),
		one(ask("1H", "*")), idle(zero), busy("0.100 ml"), idle(done), idle(done),
	), nil, "", 5*measure.Millilitre))

	t.Run("it grants the start and does not move", dispense(script(started(),
		one(ask("1H", "*")), idle(zero), idle(zero), idle(zero), idle(zero), idle(zero),
	), devices.ErrNoReply, "does not move", 0))

	t.Run("another answer is not taken for the answer to the start", dispense(script(started(),
		one(ask("1H", zero)),
	), devices.ErrNoReply, "", 0))

	t.Run("impossible, and it says why", dispense(script(started(),
		one(ask("1H", "-"), ask("0#", identity)), idle(zero), one(ask("1xe", "R 1386E-1")),
	), devices.ErrRefused, "faster than it can", 0))

	t.Run("failed, and the total agrees", dispense(script(started(),
		one(ask("1H", "#"), ask("0#", identity)), idle(zero), one(ask("1xe", "C 0000E+0")),
	), devices.ErrRefused, "no cycles", 0))

	t.Run("impossible, but it moves", dispense(script(started(),
		one(ask("1H", "-"), ask("0#", identity)), busy("0.100 ml"), busy("0.200 ml"), idle(done), idle(done),
	), nil, "", 5*measure.Millilitre))

	t.Run("answered after a restart is unknown", dispense(script(started(),
		one(ask("1H", "-"), ask("0#", identity)), off(zero),
	), devices.ErrRestarted, "", 0))

	t.Run("over-current", dispense(script(started(),
		one(ask("1H", "*")), busy("1.000 ml"), ended("^X1|3", "1.200 ml"), idle("1.200 ml"),
	), devices.ErrStalled, "over-current", 1200))

	t.Run("over-temperature", dispense(script(started(),
		one(ask("1H", "*")), ended("^X1|2", "1.200 ml"), idle("1.200 ml"),
	), devices.ErrStopped, "over-temperature", 1200))

	t.Run("stopped at the pump", dispense(script(started(),
		one(ask("1H", "*")), ended("^X1|1", "1.200 ml"), idle("1.200 ml"),
	), devices.ErrStopped, "stop key", 1200))

	t.Run("another channel's event is nothing", dispense(script(started(),
		one(ask("1H", "*")), ended("^X2|3", "1.200 ml"), idle("1.200 ml"),
	), devices.ErrStopped, "stands still", 1200))

	t.Run("its events are off: it restarted", dispense(script(started(),
		one(ask("1H", "*")), busy("1.000 ml"), off("1.100 ml"),
	), devices.ErrRestarted, "", 1000))

	t.Run("a total that falls back", dispense(script(started(),
		one(ask("1H", "*")), busy("1.000 ml"), busy("0.900 ml"), busy("0.900 ml"),
	), devices.ErrRestarted, "", 1000))

	t.Run("it stands still once, and then moves", dispense(script(started(),
		one(ask("1H", "*")), idle("1.000 ml"), busy("1.100 ml"),
	), devices.ErrNoReply, "", 1000))

	t.Run("past its target it is stopped", dispense(script(started(),
		one(ask("1H", "*")), busy("5.100 ml"), one(ask("1I", "*")), idle("5.110 ml"), idle("5.110 ml"),
	), devices.ErrStopped, "past", 5110))

	t.Run("a damaged total is asked for again", dispense(script(started(),
		one(ask("1H", "*"), ask("0E", "+"), ask("1:", "2.41 ml"), ask("0#", identity), ask("1:", "2.413 ml"), ask("1:", "2.420 ml")),
		idle(done), idle(done),
	), nil, "", 5*measure.Millilitre))

	t.Run("a digit that turned into another shows", dispense(script(started(),
		one(ask("1H", "*")), one(ask("0E", "+"), ask("1:", "6.413 ml"), ask("1:", "2.420 ml")), busy("2.430 ml"),
		one(ask("0E", "+"), ask("1:", "0.440 ml"), ask("1:", "2.450 ml")), busy("2.460 ml"),
		one(ask("0E", "-"), ask("1:", done), ask("0xE", "0"), ask("1:", done)), idle(done), idle(done),
	), nil, "", 5*measure.Millilitre))

	t.Run("totals that never go together", dispense(script(started(),
		one(ask("1H", "*")), confused(), confused(), confused(), confused(), confused(), confused(), confused(), confused(),
	), devices.ErrGarbled, "then", 0))

	t.Run("it restarted since it was armed", dispense(script(armed(),
		off(zero),
	), devices.ErrRefused, "", 0))

	t.Run("it moved since it was armed", dispense(script(armed(), idle("0.010 ml")), devices.ErrRefused, "", 0))
}

func confused() []devicetest.Exchange {
	return one(ask("0E", "+"), ask("1:", "3.000 ml"), ask("1:", "2.000 ml"))
}

// After an unknown outcome nothing is sent again, whatever the caller does.
func TestStartIsNeverSentTwice(t *testing.T) {
	play(t, script(started(), one(ask("1H"))), func(t *testing.T, ctx context.Context, p *reglo.Pump) {
		if err := p.Arm(ctx, 5*measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrNoReply) {
			t.Errorf("%v", err)
		}
		if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrRefused) || errors.Is(err, devices.ErrNoReply) {
			t.Errorf("second time: %v", err)
		}
	})
}

func TestArmReadsBack(t *testing.T) {
	wrong := func(n int, e devicetest.Exchange) []devicetest.Exchange {
		return script(idle(zero), set(), checked()[:n], one(e, ask("0#", identity), e))
	}
	for name, s := range map[string][]devicetest.Exchange{
		"it stored another volume": script(idle(zero), set()[:6], one(ask("1v5000+0", "4998E+0"))),
		"it stored another rate":   script(idle(zero), set()[:4], one(ask("1f4000+1", "3500E+1"))),
		"another mode":             wrong(0, ask("1xM", "M")),
		"another rate":             wrong(1, ask("1f", "4001E+1")),
		"another direction":        wrong(2, ask("1xD", "K")),
		"another volume":           wrong(3, ask("1v", "5001E+0")),
		"no steps back":            wrong(4, ask("1%", "0")),
		"another tube":             wrong(5, ask("1+", "2.79 mm")),
		"no channels":              wrong(6, ask("1~", "0")),
		"it moves":                 busy(zero),
		"the total stays":          script(idle(zero), set(), checked(), one(ask("1W", "*")), idle("0.001 ml")),
		"the events do not stay on": script(idle(zero), set(), checked(),
			one(ask("1W", "*")), off(zero)),
		"a failure": script(idle(zero), set()[:2], one(ask("1O", "#"))),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, script(opening(), s), func(t *testing.T, ctx context.Context, p *reglo.Pump) {
				if err := p.Arm(ctx, 5*measure.Millilitre); !errors.Is(err, devices.ErrRefused) {
					t.Errorf("%v", err)
				}
				if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrRefused) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// The total is a fact for as long as the events that were switched on with it stay on.
func TestStateTellsALostTotal(t *testing.T) {
	s := script(opening(), idle("1.200 ml"), off("1.200 ml"))
	play(t, s, func(t *testing.T, ctx context.Context, p *reglo.Pump) {
		for _, want := range []devices.PumpState{{Moved: 1200}, {Moved: 1200, Lost: true}} {
			if st, err := p.State(ctx); err != nil || st != want {
				t.Errorf("%+v, %v; want %+v", st, err, want)
			}
		}
	})
}

func TestOnlyTheRegisteredPumpIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := reglo.Open(t.Context(), devicetest.NewScript(t, ask("0#", "REGLO ICC 0114 306")), config())
		if p != nil || !errors.Is(err, devices.ErrWrongDevice) {
			t.Errorf("%v, %v", p, err)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*reglo.Config){
		"channel":            func(c *reglo.Config) { c.Channel = 5 },
		"no tube":            func(c *reglo.Config) { c.Tube = 0 },
		"tube too fine":      func(c *reglo.Config) { c.Tube = 3175 },
		"no rate":            func(c *reglo.Config) { c.Rate = 0 },
		"rate too fine":      func(c *reglo.Config) { c.Rate = 40_001 },
		"no largest dose":    func(c *reglo.Config) { c.Max = 0 },
		"dose of a litre":    func(c *reglo.Config) { c.Max = measure.Litre },
		"smallest > largest": func(c *reglo.Config) { c.Min = c.Max + 1 },
		"steps back":         func(c *reglo.Config) { c.BackSteps = 101 },
		"residual":           func(c *reglo.Config) { c.Residual = -1 },
	} {
		c := config()
		change(&c)
		if _, err := reglo.Open(t.Context(), devicetest.NewScript(t), c); err == nil {
			t.Errorf("%s was accepted", name)
		}
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

// onBench opens a driver to a simulated pump.
func onBench(t *testing.T, cfg sim.Config, options map[string]string, f func(t *testing.T, b *sim.Bench, p *reglo.Pump)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, cfg, options)
		link, err := b.Link("pump0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := reglo.Open(t.Context(), link, config())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		f(t, b, p)
	})
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if got < want-tolerance || got > want+tolerance {
		t.Errorf("%s: %.4f, want %.4f", what, got, want)
	}
}

// A pump that pushes 4 % too little, as with a worn tube, is told so, and pushes what it counts from then on.
func TestCalibration(t *testing.T) {
	onBench(t, sim.Config{Seed: 5, PumpBias: -0.04}, nil, func(t *testing.T, b *sim.Bench, p *reglo.Pump) {
		ctx, dose := t.Context(), 10*measure.Millilitre
		delivered := func() float64 { wait(2 * time.Second); return b.Only().State().DeliveredML }
		if err := p.Measured(ctx, dose); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("nothing was pumped: %v", err)
		}
		if moved, err := p.PumpToMeasure(ctx, dose, nil); err != nil || moved != dose {
			t.Fatalf("%s, %v", moved, err)
		}
		first := delivered()
		near(t, "before", first, 9.6, 0.06)
		if err := p.Measured(ctx, microlitres(first)); err != nil {
			t.Fatal(err)
		}
		if err := p.Measured(ctx, dose); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("told twice: %v", err)
		}
		if err := p.Arm(ctx, dose); err != nil {
			t.Fatal(err)
		}
		if _, err := p.PumpToMeasure(ctx, dose, nil); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("while a dose is armed: %v", err)
		}
		if err := p.Measured(ctx, dose); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("while a dose is armed: %v", err)
		}
		if moved, err := p.Dispense(ctx, nil); err != nil || moved != dose {
			t.Errorf("%s, %v", moved, err)
		}
		near(t, "after", delivered()-first, 10, 0.06)
		if got := b.Only().State().Pump.Runs; got != 1 {
			t.Errorf("%d starts of a dose", got)
		}
	})
}

// A measured volume that is too far off is refused by the pump, which then waits for nothing.
func TestCalibrationIsRefused(t *testing.T) {
	onBench(t, sim.Config{Seed: 5}, nil, func(t *testing.T, _ *sim.Bench, p *reglo.Pump) {
		ctx := t.Context()
		if _, err := p.PumpToMeasure(ctx, 12_345, nil); !errors.Is(err, devices.ErrOutOfRange) {
			t.Errorf("%v", err)
		}
		if _, err := p.PumpToMeasure(ctx, 5*measure.Millilitre, nil); err != nil {
			t.Fatal(err)
		}
		if err := p.Measured(ctx, 9*measure.Millilitre); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("%v", err)
		}
		if err := p.Arm(ctx, measure.Millilitre); err != nil {
			t.Error(err)
		}
	})
}

// The pump rounds what it is told, and says so; the dose is then refused, not rounded.
func TestAPumpThatRoundsIsRefused(t *testing.T) {
	onBench(t, sim.Config{}, map[string]string{"resolution_ul": "7"}, func(t *testing.T, _ *sim.Bench, p *reglo.Pump) {
		if err := p.Arm(t.Context(), 5*measure.Millilitre); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("%v", err)
		}
		if err := p.Arm(t.Context(), 7*measure.Millilitre); err != nil {
			t.Error(err)
		}
	})
}

func TestProfile(t *testing.T) {
	onBench(t, sim.Config{}, nil, func(t *testing.T, _ *sim.Bench, p *reglo.Pump) {
		c := config()
		want := devices.Profile{Min: 1, Max: c.Max, Rate: c.Rate, Tube: c.Tube, AntiDrip: c.BackSteps}
		if got := p.Profile(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// The steps back keep the last drop from falling, and the next dose is whole all the same.
func TestStepsBack(t *testing.T) {
	onBench(t, sim.Config{Seed: 7}, nil, func(t *testing.T, b *sim.Bench, p *reglo.Pump) {
		ctx, dose := t.Context(), 5*measure.Millilitre
		for range 2 {
			if err := p.Arm(ctx, dose); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Dispense(ctx, nil); err != nil {
				t.Fatal(err)
			}
			wait(2 * time.Second)
		}
		near(t, "two doses, less what was drawn back", b.Only().State().DeliveredML, 9.99, 0.06)
	})
}

func wait(d time.Duration) { <-time.After(d) }
