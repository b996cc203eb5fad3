package newera_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/newera"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

// ask is one command and its answers, as safe packets.
func ask(command string, replies ...string) devicetest.Exchange {
	e := devicetest.Exchange{Want: string(proto.AppendSafe(nil, command))}
	for _, r := range replies {
		e.Reply += string(proto.AppendSafe(nil, r))
	}
	return e
}

func opening(more ...devicetest.Exchange) []devicetest.Exchange {
	return append([]devicetest.Exchange{
		ask("0SAF5", "00A?R"), // it was switched on; the alarm ate the command
		ask("0SAF5", "00S"),
		ask("0VER", "00SNE1000V3.928"),
	}, more...)
}

const zero = "00SI0.000W0.000ML"

// armed is the conversation of Arm for 5 mL.
func armed(more ...devicetest.Exchange) []devicetest.Exchange {
	return opening(append([]devicetest.Exchange{
		ask("0VER", "00SNE1000V3.928"),
		ask("0PF0", "00S"),
		ask("0PHN1", "00S"),
		ask("0DIA29.20", "00S"),
		ask("0VOLML", "00S"),
		ask("0VOL5.000", "00S"),
		ask("0RAT60.00MM", "00S"),
		ask("0DIRINF", "00S"),
		ask("0PF", "00S0"),
		ask("0PHN", "00S1"),
		ask("0DIA", "00S29.20"),
		ask("0VOL", "00S5.000ML"),
		ask("0VOL", "00S5.000ML"),
		ask("0RAT", "00S60.00MM"),
		ask("0DIR", "00SINF"),
		ask("0CLDINF", "00S"),
		ask("0CLDWDR", "00S"),
		ask("0DIS", zero),
	}, more...)...)
}

// running is armed, and the answer to RUN.
func running(more ...devicetest.Exchange) []devicetest.Exchange {
	return armed(append([]devicetest.Exchange{ask("0DIS", zero), ask("0RUN", "00I")}, more...)...)
}

func play(t *testing.T, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, p *newera.Pump)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p, err := newera.Open(ctx, devicetest.NewScript(t, script...), config())
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		f(t, ctx, p)
	})
}

func dispense(script []devicetest.Exchange, check func(t *testing.T, moved measure.Volume, err error)) func(t *testing.T) {
	return func(t *testing.T) {
		play(t, script, func(t *testing.T, ctx context.Context, p *newera.Pump) {
			if err := p.Arm(ctx, 5*measure.Millilitre); err != nil {
				t.Fatal(err)
			}
			moved, err := p.Dispense(ctx, nil)
			check(t, moved, err)
		})
	}
}

// wants checks the end of a dose: an error that matches, or none, and the volume.
func wants(want error, volume measure.Volume) func(t *testing.T, moved measure.Volume, err error) {
	return func(t *testing.T, moved measure.Volume, err error) {
		if !errors.Is(err, want) || moved != volume {
			t.Errorf("%s, %v; want %s, %v", moved, err, volume, want)
		}
	}
}

func TestDispense(t *testing.T) {
	const done = "00SI5.000W0.000ML"
	t.Run("the whole dose", dispense(running(
		ask("0DIS", "00II2.413W0.000ML"), ask("0DIS", done), ask("0DIS", done),
	), wants(nil, 5*measure.Millilitre)))

	t.Run("an old answer is not taken for the answer to RUN", dispense(armed(
		ask("0DIS", zero), ask("0RUN", zero),
	), wants(devices.ErrNoReply, 0)))

	t.Run("an old answer before the answer to RUN", dispense(armed(
		ask("0DIS", zero), ask("0RUN", zero, "00I"), ask("0DIS", done), ask("0DIS", done),
	), wants(nil, 5*measure.Millilitre)))

	t.Run("RUN refused, and the counters agree", dispense(armed(
		ask("0DIS", zero), ask("0RUN", "00S?NA"), ask("0VER", "00SNE1000V3.928"), ask("0DIS", zero),
	), wants(devices.ErrRefused, 0)))

	t.Run("RUN eaten by an alarm, and the counters agree", dispense(armed(
		ask("0DIS", zero), ask("0RUN", "00A?T"), ask("0VER", "00SNE1000V3.928"), ask("0DIS", zero),
	), wants(devices.ErrRefused, 0)))

	t.Run("RUN refused, but it moves", dispense(armed(
		ask("0DIS", zero), ask("0RUN", "00A?T"), ask("0VER", "00INE1000V3.928"), ask("0DIS", "00II0.100W0.000ML"),
		ask("0DIS", done), ask("0DIS", done),
	), wants(nil, 5*measure.Millilitre)))

	t.Run("RUN answered by a restart is unknown", dispense(armed(
		ask("0DIS", zero), ask("0RUN", "00A?R"), ask("0VER", "00SNE1000V3.928"), ask("0DIS", zero),
	), wants(devices.ErrRestarted, 0)))

	t.Run("an idle alarm before RUN is acknowledged", dispense(armed(
		ask("0DIS", "00A?T"), ask("0DIS", zero), ask("0RUN", "00I"), ask("0DIS", done), ask("0DIS", done),
	), wants(nil, 5*measure.Millilitre)))

	t.Run("a restart, whatever the counter says", dispense(running(
		ask("0DIS", "00II0.500W0.000ML"), ask("0DIS", "00A?R"), ask("0DIS", "00SI0.500W0.000ML"),
	), wants(devices.ErrRestarted, 500)))

	t.Run("a restart whose alarm was lost", dispense(running(
		ask("0DIS", zero),
	), wants(devices.ErrRestarted, 0)))

	t.Run("a count that falls back", dispense(running(
		ask("0DIS", "00II0.500W0.000ML"), ask("0DIS", "00II0.400W0.000ML"),
	), wants(devices.ErrRestarted, 500)))

	t.Run("it stands still once, and then moves", dispense(running(
		ask("0DIS", "00SI0.500W0.000ML"), ask("0DIS", "00II0.600W0.000ML"),
	), wants(devices.ErrNoReply, 500)))

	t.Run("stopped by the dead-man time", dispense(running(
		ask("0DIS", "00A?T"), ask("0DIS", "00SI1.200W0.000ML"), ask("0DIS", "00SI1.200W0.000ML"),
	), wants(devices.ErrStopped, 1200)))

	t.Run("stalled", dispense(running(
		ask("0DIS", "00A?S"), ask("0DIS", "00SI1.200W0.000ML"),
	), wants(devices.ErrStalled, 1200)))

	t.Run("paused at the pump is stopped for good", dispense(running(
		ask("0DIS", "00PI1.200W0.000ML"), ask("0STP", "00S"), ask("0VER", "00SNE1000V3.928"), ask("0DIS", "00SI1.200W0.000ML"),
	), wants(devices.ErrStopped, 1200)))

	t.Run("past its target it is stopped", dispense(running(
		ask("0DIS", "00II5.100W0.000ML"), ask("0STP", "00P"), ask("0VER", "00PNE1000V3.928"),
		ask("0STP", "00S"), ask("0VER", "00SNE1000V3.928"), ask("0DIS", "00SI5.110W0.000ML"),
	), wants(devices.ErrStopped, 5110)))

	t.Run("another pump's answer is not taken", dispense(running(
		ask("0DIS", "01SI0.100W0.000ML", "00II2.000W0.000ML"), ask("0DIS", done), ask("0DIS", done),
	), wants(nil, 5*measure.Millilitre)))

	t.Run("silence on the way", dispense(running(
		ask("0DIS", "00II0.500W0.000ML"),
		ask("0DIS"), ask("0VER"), ask("0VER"), ask("0VER"), ask("0VER"), ask("0VER"), ask("0VER"),
	), wants(devices.ErrNoReply, 500)))
}

// After an unknown outcome nothing is sent again, whatever the caller does.
func TestRunIsNeverSentTwice(t *testing.T) {
	play(t, armed(ask("0DIS", zero), ask("0RUN")), func(t *testing.T, ctx context.Context, p *newera.Pump) {
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

// Nothing is started, and no error that stands for an unknown volume shows, when the pump changed since it was armed.
func TestNothingIsStartedAfterARestart(t *testing.T) {
	dispense(armed(ask("0DIS", "00A?R"), ask("0DIS", zero)), func(t *testing.T, moved measure.Volume, err error) {
		if !errors.Is(err, devices.ErrRefused) || errors.Is(err, devices.ErrRestarted) || moved != 0 {
			t.Errorf("%s, %v", moved, err)
		}
	})(t)
}

func TestArmReadsBack(t *testing.T) {
	script := opening(
		ask("0VER", "00SNE1000V3.928"),
		ask("0PF0", "00S"), ask("0PHN1", "00S"), ask("0DIA29.20", "00S"), ask("0VOLML", "00S"), ask("0VOL5.000", "00S"),
		ask("0RAT60.00MM", "00S"), ask("0DIRINF", "00S"),
		ask("0PF", "00S0"), ask("0PHN", "00S1"), ask("0DIA", "00S26.59"), ask("0VER", "00SNE1000V3.928"), ask("0DIA", "00S26.59"),
	)
	play(t, script, func(t *testing.T, ctx context.Context, p *newera.Pump) {
		if err := p.Arm(ctx, 5*measure.Millilitre); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("%v", err)
		}
		if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("%v", err)
		}
	})
}

func TestAMovingPumpIsNotArmed(t *testing.T) {
	play(t, opening(ask("0VER", "00INE1000V3.928")), func(t *testing.T, ctx context.Context, p *newera.Pump) {
		if err := p.Arm(ctx, 5*measure.Millilitre); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("%v", err)
		}
	})
}

// A late answer that says "stopped" is no proof: the answer to another question is.
func TestStopBelievesNoOldAnswer(t *testing.T) {
	script := opening(
		ask("0STP", "00S"), ask("0VER", "00PNE1000V3.928"),
		ask("0STP", "00S"), ask("0VER", "00SNE1000V3.928"),
	)
	play(t, script, func(t *testing.T, ctx context.Context, p *newera.Pump) {
		if err := p.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestStateTellsALostCounter(t *testing.T) {
	script := opening(ask("0DIS", "00A?R"), ask("0DIS", zero), ask("0DIS", "00II0.100W0.000ML"))
	play(t, script, func(t *testing.T, ctx context.Context, p *newera.Pump) {
		if st, err := p.State(ctx); err != nil || !st.Lost || st.Alarm == "" || st.Moving {
			t.Errorf("%+v, %v", st, err)
		}
		if st, err := p.State(ctx); err != nil || !st.Lost || st.Alarm != "" || !st.Moving || st.Moved != 100 {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

func TestOnlyTheRegisteredPumpIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := []devicetest.Exchange{ask("0SAF5", "00S"), ask("0VER", "00SNE500V3.81")}
		p, err := newera.Open(t.Context(), devicetest.NewScript(t, script...), config())
		if p != nil || !errors.Is(err, devices.ErrWrongDevice) {
			t.Errorf("%v, %v", p, err)
		}
	})
}

// A pump that was switched on in basic mode tells its alarm there; nothing is waited for.
func TestOpeningAPumpInBasicMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := ask("0SAF5")
		first.Reply = "\x0200A?R\x03"
		script := []devicetest.Exchange{first, ask("0SAF5", "00S"), ask("0VER", "00SNE1000V3.928")}
		start := time.Now()
		p, err := newera.Open(t.Context(), devicetest.NewScript(t, script...), config())
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		if took := time.Since(start); took > 0 {
			t.Errorf("it took %s", took)
		}
	})
}

// A pump that holds half a command gets a CR and half a second of silence, and is asked again.
func TestOpeningAConfusedPump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := []devicetest.Exchange{
			ask("0SAF5"), {Want: "\r", Reply: "\x0200S?\x03"}, ask("0SAF5", "00S"), ask("0VER", "00SNE1000V3.928"),
		}
		p, err := newera.Open(t.Context(), devicetest.NewScript(t, script...), config())
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*newera.Config){
		"address":            func(c *newera.Config) { c.Address = 100 },
		"no syringe":         func(c *newera.Config) { c.Diameter = 0 },
		"syringe too fine":   func(c *newera.Config) { c.Diameter = 29_205 },
		"no rate":            func(c *newera.Config) { c.Rate = 0 },
		"no largest dose":    func(c *newera.Config) { c.Max = 0 },
		"dose of a litre":    func(c *newera.Config) { c.Max = measure.Litre },
		"smallest > largest": func(c *newera.Config) { c.Min = c.Max + 1 },
		"residual":           func(c *newera.Config) { c.Residual = -1 },
		"dead-man too short": func(c *newera.Config) { c.DeadMan = time.Millisecond },
		"dead-man too long":  func(c *newera.Config) { c.DeadMan = 256 * time.Second },
	} {
		c := config()
		change(&c)
		if _, err := newera.Open(t.Context(), devicetest.NewScript(t), c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestProfile(t *testing.T) {
	play(t, opening(), func(t *testing.T, _ context.Context, p *newera.Pump) {
		c := config()
		if got, want := p.Profile(), (devices.Profile{Min: 1, Max: c.Max, Rate: c.Rate, Tube: int64(c.Diameter)}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}
