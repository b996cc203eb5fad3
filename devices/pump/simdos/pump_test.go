package simdos_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/simdos"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/knf"
)

const (
	ack = "\x06"
	nak = "\x15"
)

// ask is one request and what comes back: ACK, NAK or the text of data.
func ask(command string, replies ...string) devicetest.Exchange {
	e := devicetest.Exchange{Want: string(proto.AppendRequest(nil, 0, proto.Command(command)))}
	for _, r := range replies {
		if r == ack || r == nak {
			e.Reply += r
			continue
		}
		e.Reply += string(proto.AppendReply(nil, r))
	}
	return e
}

// look is what the driver asks to know the state: motor, dose, and the count.
func look(motor, dose, count string) []devicetest.Exchange {
	all := []devicetest.Exchange{ask("?SS1", motor), ask("?TV", count), ask("?SS4", dose), ask("?TV", count)}
	if motor == "002" {
		all = append(all, ask("?SS6", "001"))
	}
	return all
}

func idle(count string) []devicetest.Exchange { return look("000", "008", count) }

func busy(count string) []devicetest.Exchange { return look("001", "009", count) }

func script(parts ...[]devicetest.Exchange) []devicetest.Exchange {
	var all []devicetest.Exchange
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func one(e ...devicetest.Exchange) []devicetest.Exchange { return e }

func opening() []devicetest.Exchange { return script(greeting(), idle(old)) }

func greeting() []devicetest.Exchange {
	return one(ask("?SI", "00"), ask("?SV", "FEM101.070"), ask("?SA", "0"))
}

func checked() []devicetest.Exchange {
	return one(ask("?MS", "1"), ask("?DV", "00010000"), ask("?SA", "0"), ask("?DT", "00001000"), ask("?SI", "00"), ask("?RV", "00060000"))
}

// armed is the conversation of Arm for 10 mL, with the count of an older dose.
func armed(count string) []devicetest.Exchange {
	return script(opening(), idle(count),
		one(ask("MS1", ack), ask("DV00010000", ack), ask("DT00001000", ack), ask("RV00060000", ack)), checked(), idle(count))
}

const old = "000004000"

// started is armed, and all that comes before the start key.
func started() []devicetest.Exchange { return script(armed(old), checked(), idle(old)) }

func play(t *testing.T, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, p *simdos.Pump)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p, err := simdos.Open(ctx, devicetest.NewScript(t, script...), config())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		f(t, ctx, p)
	})
}

// dispense arms 10 mL and moves it, checks the end, and then the state when more was scripted.
func dispense(script []devicetest.Exchange, want error, volume measure.Volume) func(t *testing.T) {
	return func(t *testing.T) {
		play(t, script, func(t *testing.T, ctx context.Context, p *simdos.Pump) {
			if err := p.Arm(ctx, 10*measure.Millilitre); err != nil {
				t.Fatal(err)
			}
			if moved, err := p.Dispense(ctx, nil); !errors.Is(err, want) || moved != volume {
				t.Errorf("%s, %v; want %s, %v", moved, err, volume, want)
			}
		})
	}
}

// silent is a query that is not answered, however often it is asked.
func silent(command string, times int) []devicetest.Exchange {
	var all []devicetest.Exchange
	for range times {
		all = append(all, ask(command))
	}
	return all
}

func TestDispense(t *testing.T) {
	const done = "000010000"
	t.Run("the whole dose", dispense(script(started(),
		one(ask("KY1", ack)), busy("000004980"), idle(done), idle(done),
	), nil, 10*measure.Millilitre))

	t.Run("it takes a while to begin", dispense(script(started(),
		one(ask("KY1", ack)), idle(old), idle(old), busy("000000100"), idle(done), idle(done),
	), nil, 10*measure.Millilitre))

	t.Run("it grants the start and does not move", dispense(script(started(),
		one(ask("KY1", ack)), idle(old), idle(old), idle(old), idle(old), idle(old),
	), devices.ErrNoReply, 0))

	t.Run("the answer to the question before is not the answer to the start", dispense(script(started(),
		one(ask("KY1", old)), one(ask("?SV", "FEM101.070")), idle(old),
	), devices.ErrNoReply, 0))

	t.Run("refused, and the count agrees", dispense(script(started(),
		one(ask("KY1", nak), ask("?SV", "FEM101.070")), idle(old),
	), devices.ErrRefused, 0))

	t.Run("refused, but it moves", dispense(script(started(),
		one(ask("KY1", nak), ask("?SV", "FEM101.070")), busy("000000100"), idle(done), idle(done),
	), nil, 10*measure.Millilitre))

	t.Run("overpressure", dispense(script(started(),
		one(ask("KY1", ack)), busy("000001000"), look("002", "008", "000001200"),
	), devices.ErrStalled, 1200))

	t.Run("stopped at the pump", dispense(script(started(),
		one(ask("KY1", ack)), busy("000001000"), look("000", "000", "000001200"), look("000", "000", "000001200"),
	), devices.ErrStopped, 1200))

	t.Run("a count that falls back", dispense(script(started(),
		one(ask("KY1", ack)), busy("000001000"), busy("000000900"),
	), devices.ErrRestarted, 1000))

	t.Run("nothing after a motion is a restart", dispense(script(started(),
		one(ask("KY1", ack)), idle("000000000"),
	), devices.ErrRestarted, 0))

	t.Run("it stands still once, and then moves", dispense(script(started(),
		one(ask("KY1", ack)), idle("000001000"), busy("000001100"),
	), devices.ErrNoReply, 1000))

	t.Run("past its target it is stopped", dispense(script(started(),
		one(ask("KY1", ack)), busy("000010100"), one(ask("KY0", ack)), idle("000010110"), idle("000010110"),
	), devices.ErrStopped, 10_110))

	t.Run("its settings were changed since it was armed", dispense(script(armed(old),
		one(ask("?MS", "1"), ask("?DV", "00020000"), ask("?SV", "FEM101.070"), ask("?DV", "00020000")),
	), devices.ErrRefused, 0))

	t.Run("it lost its count since it was armed", dispense(script(armed(old), checked(), idle("000000000")), devices.ErrRefused, 0))
}

// After an unknown outcome nothing is sent again, whatever the caller does. A pump that is seen to stand still right
// after was never started.
func TestStartIsNeverSentTwice(t *testing.T) {
	play(t, script(started(), one(ask("KY1"), ask("?SV", "FEM101.070")), idle(old), idle(old)), func(t *testing.T, ctx context.Context, p *simdos.Pump) {
		if err := p.Arm(ctx, 10*measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrNoReply) {
			t.Errorf("%v", err)
		}
		if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrRefused) || errors.Is(err, devices.ErrNoReply) {
			t.Errorf("second time: %v", err)
		}
		if st, err := p.State(ctx); err != nil || st.Lost || st.Moved != 0 {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

// When nobody looked in time, the old count may as well be that of the dose.
func TestAnOldCountIsNoFact(t *testing.T) {
	late := script(started(), one(ask("KY1")), silent("?SV", 6), one(ask("?SV", "FEM101.070")), idle(old), idle("000004100"))
	play(t, late, func(t *testing.T, ctx context.Context, p *simdos.Pump) {
		if err := p.Arm(ctx, 10*measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrNoReply) {
			t.Errorf("%v", err)
		}
		if st, err := p.State(ctx); err != nil || !st.Lost {
			t.Errorf("%+v, %v", st, err)
		}
		if st, err := p.State(ctx); err != nil || st.Lost || st.Moved != 4100 {
			t.Errorf("the count has changed: %+v, %v", st, err)
		}
	})
}

// A pump that moved when it was opened anew tells what it moved, also when it is stopped before it is asked.
func TestAPumpThatMovesWhenItIsOpened(t *testing.T) {
	s := script(greeting(), busy("000000100"), one(ask("KY0", ack)), idle("000000200"), idle("000000200"))
	play(t, s, func(t *testing.T, ctx context.Context, p *simdos.Pump) {
		if err := p.Stop(ctx); err != nil {
			t.Error(err)
		}
		if st, err := p.State(ctx); err != nil || st != (devices.PumpState{Moved: 200}) {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

// Otherwise it tells whose count it has only while it moves.
func TestAfterOpeningTheCountIsAFactWhileItMoves(t *testing.T) {
	play(t, script(opening(), idle(old), busy("000000100"), idle("000000200")), func(t *testing.T, ctx context.Context, p *simdos.Pump) {
		for _, want := range []devices.PumpState{{Moved: 4000, Lost: true}, {Moved: 100, Moving: true}, {Moved: 200}} {
			if st, err := p.State(ctx); err != nil || st != want {
				t.Errorf("%+v, %v; want %+v", st, err, want)
			}
		}
	})
}

func TestArmReadsBack(t *testing.T) {
	set := one(ask("MS1", ack), ask("DV00010000", ack), ask("DT00001000", ack), ask("RV00060000", ack))
	for name, s := range map[string][]devicetest.Exchange{
		"another volume": script(idle(old), set, one(ask("?MS", "1"), ask("?DV", "00009999"), ask("?SV", "FEM101.070"), ask("?DV", "00009999"))),
		"a refusal":      script(idle(old), one(ask("MS1", ack), ask("DV00010000", nak))),
		"it moves":       busy(old),
		"starts by itself": script(idle(old), set, one(ask("?MS", "1"), ask("?DV", "00010000"), ask("?SA", "1"), ask("?SV", "FEM101.070"),
			ask("?SA", "1"))),
		"a fault that stays": script(look("002", "008", old), one(ask("KY0", ack)), look("002", "008", old), look("002", "008", old)),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, script(opening(), s), func(t *testing.T, ctx context.Context, p *simdos.Pump) {
				if err := p.Arm(ctx, 10*measure.Millilitre); !errors.Is(err, devices.ErrRefused) {
					t.Errorf("%v", err)
				}
				if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrRefused) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func TestOpening(t *testing.T) {
	for name, c := range map[string]struct {
		script []devicetest.Exchange
		want   error
	}{
		"another version":        {one(ask("?SI", "00"), ask("?SV", "FEM021.070")), devices.ErrWrongDevice},
		"another address":        {one(ask("?SI", "07")), devices.ErrWrongDevice},
		"starts by itself":       {one(ask("?SI", "00"), ask("?SV", "FEM101.070"), ask("?SA", "1"), ask("?SV", "FEM101.070"), ask("?SA", "1")), devices.ErrRefused},
		"was told not to answer": {script(silent("?SI", 1), silent("?SV", 6), one(ask("SP1")), one(ask("?SV", "FEM101.070")), opening()), nil},
		"silent":                 {script(silent("?SI", 1), silent("?SV", 6), one(ask("SP1")), silent("?SV", 8)), devices.ErrNoReply},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := simdos.Open(t.Context(), devicetest.NewScript(t, c.script...), config())
				if !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if p != nil {
					p.Close()
				}
			})
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*simdos.Config){
		"address":            func(c *simdos.Config) { c.Address = 99 },
		"mode":               func(c *simdos.Config) { c.Mode = 3 },
		"no rate":            func(c *simdos.Config) { c.Rate = 0 },
		"too fast":           func(c *simdos.Config) { c.Rate = 100_001 },
		"no largest dose":    func(c *simdos.Config) { c.Max = 0 },
		"dose of a litre":    func(c *simdos.Config) { c.Max = measure.Litre },
		"smallest > largest": func(c *simdos.Config) { c.Min = c.Max + 1 },
		"residual":           func(c *simdos.Config) { c.Residual = -1 },
	} {
		c := config()
		change(&c)
		if _, err := simdos.Open(t.Context(), devicetest.NewScript(t), c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// A short dose is pumped in a second, so slowly that the pump can be told the time.
func TestShortDoses(t *testing.T) {
	s := script(opening(), idle(old), one(ask("MS1", ack), ask("DV00000500", ack), ask("DT00000100", ack), ask("RV00030000", ack)),
		one(ask("?MS", "1"), ask("?DV", "00000500"), ask("?SA", "0"), ask("?DT", "00000100"), ask("?SI", "00"), ask("?RV", "00030000")), idle(old))
	synctest.Test(t, func(t *testing.T) {
		c := config()
		c.Min = 30
		p, err := simdos.Open(t.Context(), devicetest.NewScript(t, s...), c)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if err := p.Arm(t.Context(), 500); err != nil {
			t.Error(err)
		}
		if got := p.Profile(); got.Min != 30 || got.Max != c.Max || got.Rate != c.Rate {
			t.Errorf("%+v", got)
		}
	})
}

func microlitres(ml float64) measure.Volume { return measure.Volume(math.Round(ml * 1000)) }

func newBench(t *testing.T, cfg sim.Config, options map[string]string) *sim.Bench {
	t.Helper()
	cfg.Now = time.Now
	cfg.Counters = []sim.CounterConfig{{Name: "counter", Pump: sim.DeviceConfig{Model: "simdos", Options: options}}}
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
func onBench(t *testing.T, cfg sim.Config, options map[string]string, f func(t *testing.T, b *sim.Bench, p *simdos.Pump)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, cfg, options)
		link, err := b.Link("pump0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := simdos.Open(t.Context(), link, config())
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

// A pump that pushes 4 % too much is told so, and pushes what it counts from then on.
func TestCalibration(t *testing.T) {
	onBench(t, sim.Config{Seed: 5, PumpBias: 0.04}, nil, func(t *testing.T, b *sim.Bench, p *simdos.Pump) {
		ctx, dose := t.Context(), 10*measure.Millilitre
		delivered := func() float64 { wait(2 * time.Second); return b.Only().State().DeliveredML }
		if err := p.Measured(ctx, dose); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("nothing was pumped: %v", err)
		}
		if moved, err := p.PumpToMeasure(ctx, dose, nil); err != nil || moved != dose {
			t.Fatalf("%s, %v", moved, err)
		}
		first := delivered()
		near(t, "before", first, 10.4, 0.05)
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
		near(t, "after", delivered()-first, 10, 0.05)
	})
}

// A measured volume that is too far off is refused by the pump.
func TestCalibrationIsRefused(t *testing.T) {
	onBench(t, sim.Config{Seed: 5}, nil, func(t *testing.T, _ *sim.Bench, p *simdos.Pump) {
		if _, err := p.PumpToMeasure(t.Context(), 5*measure.Millilitre, nil); err != nil {
			t.Fatal(err)
		}
		if err := p.Measured(t.Context(), 9*measure.Millilitre); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("%v", err)
		}
	})
}

func TestPriming(t *testing.T) {
	onBench(t, sim.Config{Seed: 5, Unprimed: true}, nil, func(t *testing.T, b *sim.Bench, p *simdos.Pump) {
		ctx := t.Context()
		if err := p.Prime(ctx); err != nil {
			t.Fatal(err)
		}
		s := b.Only().State()
		near(t, "pushed", s.PushedML, 1, 0.05)
		if s.Pump.State != "S" || s.Pump.Runs != 0 {
			t.Errorf("%+v", s.Pump)
		}
		if err := p.Arm(ctx, measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		if err := p.Prime(ctx); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("while a dose is armed: %v", err)
		}
		if moved, err := p.Dispense(ctx, nil); err != nil || moved != measure.Millilitre {
			t.Errorf("%s, %v", moved, err)
		}
	})
}

func TestPrimingAgainstAClosedTube(t *testing.T) {
	onBench(t, sim.Config{Seed: 5}, nil, func(t *testing.T, b *sim.Bench, p *simdos.Pump) {
		if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.Occlusion}); err != nil {
			t.Fatal(err)
		}
		if err := p.Prime(t.Context()); !errors.Is(err, devices.ErrStalled) {
			t.Errorf("%v", err)
		}
	})
}

// The start key lost on the way to priming leaves an unknown, and is not pressed again.
func TestPrimingIsSentOnce(t *testing.T) {
	play(t, script(opening(), idle(old), one(ask("KY2"))), func(t *testing.T, ctx context.Context, p *simdos.Pump) {
		if err := p.Prime(ctx); !errors.Is(err, devices.ErrNoReply) {
			t.Errorf("%v", err)
		}
	})
}

func TestASimdosThatStartsByItselfIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim.Config{}, map[string]string{"auto_start": "1"})
		link, err := b.Link("pump0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := simdos.Open(t.Context(), link, config()); !errors.Is(err, devices.ErrRefused) || !strings.Contains(fmt.Sprint(err), "SA") {
			t.Errorf("%v", err)
		}
	})
}

func TestASimdosThatWasToldNotToAnswer(t *testing.T) {
	onBench(t, sim.Config{}, map[string]string{"mute": "1"}, func(t *testing.T, _ *sim.Bench, p *simdos.Pump) {
		if _, err := p.Identify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func wait(d time.Duration) { <-time.After(d) }
