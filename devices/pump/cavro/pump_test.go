package cavro_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/cavro"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/cavro"
)

// line is one command and its answers in the DT protocol, which is easy to read.
func line(command string, answers ...string) devicetest.Exchange {
	e := devicetest.Exchange{Want: "/1" + command + "\r"}
	for _, a := range answers {
		e.Reply += "/0" + a + "\x03\r\n"
	}
	return e
}

const (
	firmware = "SIM-XCALIBUR 1.0"
	off      = "`3-port, auto-run off"
)

// opening is what is asked of every pump, and where a pump at rest stands.
func opening(at, status string, more ...devicetest.Exchange) []devicetest.Exchange {
	return append([]devicetest.Exchange{
		line("?23", "`"+firmware), line("?23", "`"+firmware), line("?76", off),
		line("?4", status+at), line("Q", status), line("?4", status+at),
	}, more...)
}

// rest is a look at a pump that stands still.
func rest(at string) []devicetest.Exchange {
	return []devicetest.Exchange{line("?4", "`"+at), line("Q", "`"), line("?4", "`"+at)}
}

// armed is the conversation of Arm for 2.5 mL.
func armed(more ...devicetest.Exchange) []devicetest.Exchange {
	return slices.Concat(opening("0", "`"), rest("0"), []devicetest.Exchange{
		line("N0L14v900V1200c900R", "`"), line("?1", "`900"), line("?2", "`1200"), line("?3", "`900"),
		line("IA1500R", "@"), line("?4", "@1200"), line("Q", "@"), line("?4", "@1250"),
	}, rest("1500"), more)
}

// pushing is armed, and the answer to the stroke.
func pushing(more ...devicetest.Exchange) []devicetest.Exchange {
	return armed(slices.Concat(rest("1500"), []devicetest.Exchange{line("OA0R", "@")}, more)...)
}

func play(t *testing.T, protocol cavro.Protocol, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, p *cavro.Pump)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p, err := cavro.Open(ctx, devicetest.NewScript(t, script...), config(protocol))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		f(t, ctx, p)
	})
}

// dispense arms and dispenses 2.5 mL, and checks error and volume.
func dispense(script []devicetest.Exchange, want error, volume measure.Volume) func(t *testing.T) {
	return func(t *testing.T) {
		play(t, cavro.DT, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
			if err := p.Arm(ctx, 2500); err != nil {
				t.Fatal(err)
			}
			moved, err := p.Dispense(ctx, nil)
			if !errors.Is(err, want) || moved != volume {
				t.Errorf("%s, %v; want %s, %v", moved, err, volume, want)
			}
		})
	}
}

// silence is a command that nobody answers, as often as it is sent.
func silence(command string) []devicetest.Exchange {
	return slices.Repeat([]devicetest.Exchange{line(command)}, 10)
}

func TestDispense(t *testing.T) {
	t.Run("the whole dose", dispense(pushing(slices.Concat(
		[]devicetest.Exchange{line("?4", "@870"), line("Q", "@"), line("?4", "@850")}, rest("0"),
	)...), nil, 2500))

	t.Run("an encoder that is one increment off", dispense(pushing(rest("1")...), nil, 2500))

	t.Run("an encoder that is three increments off", dispense(pushing(rest("3")...), devices.ErrStopped, 2495))

	// Of two answers on the way the one that tells less counts: 870 and not 842, which nothing has confirmed yet.
	t.Run("an overload", dispense(pushing(
		line("?4", "@870"), line("Q", "@"), line("?4", "@842"),
		line("?4", "i842"), line("Q", "i"), line("?4", "i842"),
	), devices.ErrStalled, 1096))

	t.Run("a lost digit counts for nothing", dispense(pushing(slices.Concat(
		[]devicetest.Exchange{line("?4", "@87"), line("Q", "@"), line("?4", "@850")},
		[]devicetest.Exchange{line("?4", "`15"), line("Q", "`"), line("?4", "`0"), line("?4", "`0")},
	)...), nil, 2500))

	t.Run("power lost on the way", dispense(pushing(
		line("?4", "@870"), line("Q", "@"), line("?4", "@870"),
		line("?4", "g0"), line("Q", "g"), line("?4", "g0"),
	), devices.ErrRestarted, 1050))

	// A motion is sent once in this protocol: its answer is missed, and the plunger tells that it moves.
	t.Run("the answer to the motion lost", dispense(armed(slices.Concat(rest("1500"), []devicetest.Exchange{
		line("OA0R"), line("?23", "`"+firmware), line("?4", "@1400"), line("Q", "@"), line("?4", "@1300"),
	}, rest("0"))...), nil, 2500))

	t.Run("the motion itself lost", dispense(armed(slices.Concat(rest("1500"), []devicetest.Exchange{
		line("OA0R"), line("?23", "`"+firmware),
	}, rest("1500"))...), devices.ErrNoReply, 0))

	t.Run("the motion refused", dispense(armed(slices.Concat(rest("1500"), []devicetest.Exchange{
		line("OA0R", "b"),
	}, rest("1500"))...), devices.ErrRefused, 0))

	t.Run("the valve stands wrong", dispense(pushing(
		line("?4", "k1500"), line("Q", "k"), line("?4", "`1500"),
	), devices.ErrRefused, 0))

	t.Run("nothing is started when the plunger was moved by others", dispense(armed(rest("1400")...), devices.ErrRefused, 0))

	t.Run("nothing is started after a restart", dispense(armed(
		line("?4", "g0"), line("Q", "g"), line("?4", "g0"),
	), devices.ErrRefused, 0))

	t.Run("silence on the way", dispense(pushing(slices.Concat(
		[]devicetest.Exchange{line("?4", "@870"), line("Q", "@"), line("?4", "@87")},
		silence("?4"), silence("?23"), silence("?23"),
	)...), devices.ErrNoReply, 1050))
}

// block is one command and its answers in the OEM protocol.
func block(sequence byte, repeat bool, command string, answers ...proto.Answer) devicetest.Exchange {
	e := devicetest.Exchange{Want: string(proto.AppendBlock(nil, '1', sequence, repeat, proto.Command(command)))}
	for _, a := range answers {
		e.Reply += string(a.AppendBlock(nil))
	}
	return e
}

func answer(ready bool, data string) proto.Answer {
	return proto.Answer{Status: proto.StatusOf(ready, proto.NoError), Data: []byte(data)}
}

// The answer to a stroke is lost: after 100 ms the same block goes out with the repeat bit, and never without it.
func TestOneBlockIsRepeatedWithTheRepeatBit(t *testing.T) {
	script := []devicetest.Exchange{
		block(1, false, "?23", answer(true, firmware)), block(2, false, "?23", answer(true, firmware)), block(3, false, "?76", answer(true, off[1:])),
		block(4, false, "?4", answer(true, "0")), block(5, false, "Q", answer(true, "")), block(6, false, "?4", answer(true, "0")),
		// Arm
		block(7, false, "?4", answer(true, "0")), block(1, false, "Q", answer(true, "")), block(2, false, "?4", answer(true, "0")),
		block(3, false, "N0L14v900V1200c900R", answer(true, "")),
		block(4, false, "?1", answer(true, "900")), block(5, false, "?2", answer(true, "1200")), block(6, false, "?3", answer(true, "900")),
		block(7, false, "IA1500R", answer(false, "")),
		block(1, false, "?4", answer(true, "1500")), block(2, false, "Q", answer(true, "")), block(3, false, "?4", answer(true, "1500")),
		// Dispense
		block(4, false, "?4", answer(true, "1500")), block(5, false, "Q", answer(true, "")), block(6, false, "?4", answer(true, "1500")),
		block(7, false, "OA0R"), block(7, true, "OA0R"), block(7, true, "OA0R", answer(false, "")),
		block(1, false, "?23", answer(true, firmware)), // so that no late answer is taken for another
		block(2, false, "?4", answer(true, "0")), block(3, false, "Q", answer(true, "")), block(4, false, "?4", answer(true, "0")),
	}
	play(t, cavro.OEM, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
		if err := p.Arm(ctx, 2500); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if moved, err := p.Dispense(ctx, nil); err != nil || moved != 2500 {
			t.Errorf("%s, %v", moved, err)
		}
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("two answers were missed in %s", took)
		}
	})
}

// A dose of 12 mL is three strokes of 4 mL, each sent when the one before has ended.
func TestSeveralStrokes(t *testing.T) {
	stroke := func() []devicetest.Exchange {
		return slices.Concat([]devicetest.Exchange{line("OA0R", "@")}, rest("0"))
	}
	draw := func(n string) []devicetest.Exchange {
		return slices.Concat([]devicetest.Exchange{line("IA"+n+"R", "@")}, rest(n))
	}
	script := slices.Concat(opening("0", "`"), rest("0"), []devicetest.Exchange{
		line("N0L14v900V1200c900R", "`"), line("?1", "`900"), line("?2", "`1200"), line("?3", "`900"),
	}, draw("2400"), rest("2400"), stroke(), draw("2400"), stroke(), draw("2400"), stroke())
	play(t, cavro.DT, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
		if err := p.Arm(ctx, 12*measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		var seen []measure.Volume
		moved, err := p.Dispense(ctx, func(s devices.PumpState) { seen = append(seen, s.Moved) })
		if err != nil || moved != 12*measure.Millilitre || !slices.Equal(seen, []measure.Volume{4000, 8000, 12_000}) {
			t.Errorf("%s, %v, %v", moved, seen, err)
		}
	})
}

// A dose that is stopped between two strokes is not gone on with, and the pump keeps its place.
func TestStopBetweenStrokes(t *testing.T) {
	script := slices.Concat(opening("0", "`"), rest("0"), []devicetest.Exchange{
		line("N0L14v900V1200c900R", "`"), line("?1", "`900"), line("?2", "`1200"), line("?3", "`900"), line("IA2400R", "@"),
	}, rest("2400"), rest("2400"), []devicetest.Exchange{line("OA0R", "@")}, rest("0"), []devicetest.Exchange{line("T", "`")}, rest("0"), rest("0"))
	play(t, cavro.DT, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
		if err := p.Arm(ctx, 12*measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		moved, err := p.Dispense(ctx, func(devices.PumpState) {
			if err := p.Stop(ctx); err != nil {
				t.Error(err)
			}
		})
		if !errors.Is(err, devices.ErrStopped) || moved != 4000 {
			t.Errorf("%s, %v", moved, err)
		}
		if st, err := p.State(ctx); err != nil || st.Moved != 4000 || st.Lost || st.Alarm != "" {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

// A stop in a stroke: the position is read, what was stopped is replaced by a harmless string, and the pump must be
// initialised. It is not initialised by arming.
func TestAfterAStopThePumpMustBeInitialised(t *testing.T) {
	script := slices.Concat(opening("900", "@")[:5], []devicetest.Exchange{line("?4", "@880")}, []devicetest.Exchange{line("T", "`")}, rest("870"),
		[]devicetest.Exchange{line("N0R", "`")}, rest("870"), rest("870"),
		[]devicetest.Exchange{line("Z0R", "@"), line("?4", "@400"), line("Q", "@"), line("?4", "@300")}, rest("0"), rest("0"))
	play(t, cavro.DT, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
		if err := p.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if err := p.Arm(ctx, 2500); !errors.Is(err, devices.ErrUninitialised) || !errors.Is(err, devices.ErrRefused) {
			t.Errorf("arming: %v", err)
		}
		if err := p.Initialise(ctx); err != nil {
			t.Fatal(err)
		}
		if st, err := p.State(ctx); err != nil || st.Alarm != "" || !st.Lost {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

// Stopping a pump that stands still sends T, and costs nothing.
func TestStoppingAtRest(t *testing.T) {
	script := slices.Concat(opening("0", "`"), []devicetest.Exchange{line("T", "`")}, rest("0"), rest("0"))
	play(t, cavro.DT, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
		if err := p.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if st, err := p.State(ctx); err != nil || st.Alarm != "" || st.Moving {
			t.Errorf("%+v, %v", st, err)
		}
	})
}

// A pump that was switched on says so. Opening and arming home nothing.
func TestAPumpThatWasSwitchedOnIsNotHomed(t *testing.T) {
	script := slices.Concat(opening("0", "g"), opening("0", "g")[3:], opening("0", "g")[3:])
	play(t, cavro.DT, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
		st, err := p.State(ctx)
		if err != nil || !st.Lost || !strings.Contains(st.Alarm, "7 (not initialised)") {
			t.Errorf("%+v, %v", st, err)
		}
		if err := p.Arm(ctx, 2500); !errors.Is(err, devices.ErrUninitialised) {
			t.Errorf("%v", err)
		}
	})
}

// Homing that fails leaves a pump that must be initialised.
func TestHomingFails(t *testing.T) {
	for name, c := range map[string]struct {
		answers []devicetest.Exchange
		want    error
	}{
		"error 1":           {[]devicetest.Exchange{line("Z0R", "@"), line("?4", "a40"), line("Q", "a"), line("?4", "a40")}, devices.ErrUninitialised},
		"the command lost":  {append([]devicetest.Exchange{line("Z0R"), line("?23", "`"+firmware)}, rest("0")...), devices.ErrNoReply},
		"it stands too low": {append([]devicetest.Exchange{line("Z0R", "@")}, rest("40")...), devices.ErrUninitialised},
	} {
		t.Run(name, func(t *testing.T) {
			script := slices.Concat(opening("0", "g"), opening("0", "g")[3:], c.answers, rest("0"))
			play(t, cavro.DT, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
				if err := p.Initialise(ctx); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if err := p.Arm(ctx, 2500); !errors.Is(err, devices.ErrUninitialised) {
					t.Errorf("arming: %v", err)
				}
			})
		})
	}
}

func TestArmReadsBack(t *testing.T) {
	script := slices.Concat(opening("0", "`"), rest("0"), []devicetest.Exchange{
		line("N0L14v900V1200c900R", "`"), line("?1", "`900"), line("?2", "`1400"), line("?23", "`"+firmware), line("?2", "`1400"),
	})
	play(t, cavro.DT, script, func(t *testing.T, ctx context.Context, p *cavro.Pump) {
		if err := p.Arm(ctx, 2500); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("%v", err)
		}
		if _, err := p.Dispense(ctx, nil); !errors.Is(err, devices.ErrRefused) {
			t.Errorf("%v", err)
		}
	})
}

func TestOpeningRefuses(t *testing.T) {
	greeting := opening("0", "`")[:2]
	for name, c := range map[string]struct {
		change func(*cavro.Config)
		script []devicetest.Exchange
		want   error
	}{
		"another pump": {func(c *cavro.Config) { c.Firmware = "other" }, greeting, devices.ErrWrongDevice},
		"auto-run": {func(*cavro.Config) {}, slices.Concat(greeting,
			[]devicetest.Exchange{line("?76", "`3-port, Auto-Run on")}), devices.ErrRefused},
		"auto-run, said in another way": {func(*cavro.Config) {}, slices.Concat(greeting,
			[]devicetest.Exchange{line("?76", "`9600;AUTORUN 1;off")}), devices.ErrRefused},
		"another configuration": {func(c *cavro.Config) { c.Settings = "3-port" }, slices.Concat(greeting,
			[]devicetest.Exchange{line("?76", off)}), devices.ErrWrongDevice},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := config(cavro.DT)
				c.change(&cfg)
				p, err := cavro.Open(t.Context(), devicetest.NewScript(t, c.script...), cfg)
				if p != nil || !errors.Is(err, c.want) {
					t.Errorf("%v, %v", p, err)
				}
			})
		})
	}
}

// An older answer that is still on its way is not taken for the firmware.
func TestOpeningPassesOverAnOldAnswer(t *testing.T) {
	script := opening("0", "`")
	script[0].Reply = "/0`1500\x03\r\n" + script[0].Reply
	script = slices.Insert(script, 1, line("?23", "`"+firmware))
	play(t, cavro.DT, script, func(*testing.T, context.Context, *cavro.Pump) {})
}

// Doses are whole increments: what is not is refused, and nothing is rounded.
func TestResolution(t *testing.T) {
	for _, c := range []struct {
		syringe, step measure.Volume
		stroke        proto.Stroke
	}{
		{5000, 5, proto.XCalibur}, {2500, 5, proto.XCalibur}, {1000, 1, proto.XCalibur}, {500, 1, proto.XCalibur},
		{250, 1, proto.XCalibur}, {12_500, 25, proto.XCalibur}, {25_000, 25, proto.XCalibur}, {5000, 5, proto.XLP},
	} {
		cfg := config(cavro.DT)
		cfg.Syringe, cfg.Stroke, cfg.Max = c.syringe, c.stroke, 30*measure.Millilitre
		cfg.Rate = measure.Flow(c.syringe * 12) // 1200 pulses a second
		synctest.Test(t, func(t *testing.T) {
			p, err := cavro.Open(t.Context(), devicetest.NewScript(t, opening("0", "`")...), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for v := measure.Volume(1); v <= 100; v++ {
				l, err := p.Limits(v)
				if l.Resolution != c.step || (err == nil) != (v%c.step == 0) || err != nil && !errors.Is(err, devices.ErrOutOfRange) {
					t.Errorf("%s in a syringe of %s: %+v, %v", v, c.syringe, l, err)
				}
			}
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*cavro.Config){
		"self-test address":    func(c *cavro.Config) { c.Address = 15 },
		"address":              func(c *cavro.Config) { c.Address = -1 },
		"protocol":             func(c *cavro.Config) { c.Protocol = 7 },
		"no syringe":           func(c *cavro.Config) { c.Syringe = 0 },
		"syringe of a litre":   func(c *cavro.Config) { c.Syringe = measure.Litre },
		"stroke":               func(c *cavro.Config) { c.Stroke = 1000 },
		"fine mode":            func(c *cavro.Config) { c.Stroke = proto.XCaliburFine },
		"no rate":              func(c *cavro.Config) { c.Rate = 0 },
		"too fast":             func(c *cavro.Config) { c.Rate = 301 * measure.MillilitrePerMinute },
		"too slow":             func(c *cavro.Config) { c.Rate = 249 },
		"no largest dose":      func(c *cavro.Config) { c.Max = 0 },
		"smallest > largest":   func(c *cavro.Config) { c.Min = c.Max + 1 },
		"one port":             func(c *cavro.Config) { c.Input = 1 },
		"the same port":        func(c *cavro.Config) { c.Input, c.Output = 2, 2 },
		"a port too far":       func(c *cavro.Config) { c.Input, c.Output = 2, 13 },
		"start speed":          func(c *cavro.Config) { c.Start = 1001 },
		"cutoff speed":         func(c *cavro.Config) { c.Cutoff = 49 },
		"slope":                func(c *cavro.Config) { c.Slope = 21 },
		"homing force":         func(c *cavro.Config) { c.HomingForce = 5 },
		"turn":                 func(c *cavro.Config) { c.Turn = 'X' },
		"wait in microseconds": func(c *cavro.Config) { c.Wait = 1500 * time.Microsecond },
		"wait of a minute":     func(c *cavro.Config) { c.Wait = time.Minute },
	} {
		c := config(cavro.OEM)
		change(&c)
		if _, err := cavro.Open(t.Context(), devicetest.NewScript(t), c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
