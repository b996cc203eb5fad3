package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const (
	ask    = "SI\r\n"
	answer = "S S       0.00 g\r\n"
	whoAmI = "I4 A \"1000001\"\r\n"
)

// onScale runs f with an empty balance and a way to order faults of it.
func onScale(t *testing.T, cfg sim.Config, f func(t *testing.T, b *sim.Bench, link devices.Link, order func(sim.Fault))) {
	t.Helper()
	virtual(t, cfg, func(t *testing.T, b *sim.Bench) {
		f(t, b, connect(t, b, "scale0"), func(f sim.Fault) {
			t.Helper()
			if f.Device == "" {
				f.Device = "scale0"
			}
			if err := b.Fault(f); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func TestASplitAnswerComesByteByByte(t *testing.T) {
	onScale(t, sim.Config{}, func(t *testing.T, _ *sim.Bench, link devices.Link, order func(sim.Fault)) {
		order(sim.Fault{Kind: sim.SplitReply})
		if err := link.Write(t.Context(), []byte(ask)); err != nil {
			t.Fatal(err)
		}
		began, got, buf := time.Now(), "", make([]byte, 64)
		for len(got) < len(answer) {
			n, err := link.Read(t.Context(), buf)
			if err != nil || n != 1 {
				t.Fatalf("%d bytes at once after %q, %v", n, got, err)
			}
			got += string(buf[:n])
		}
		took := time.Since(began)
		if got != answer || took < time.Duration(len(answer))*time.Millisecond || took > time.Duration(len(answer))*21*time.Millisecond {
			t.Errorf("%q in %s", got, took)
		}
	})
}

func TestMergedAnswersComeInOnePiece(t *testing.T) {
	onScale(t, sim.Config{}, func(t *testing.T, _ *sim.Bench, link devices.Link, order func(sim.Fault)) {
		order(sim.Fault{Kind: sim.MergedReply})
		converse(t, link, step{say: ask})
		if err := link.Write(t.Context(), []byte("I4\r\n")); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 256)
		if n, err := link.Read(t.Context(), buf); err != nil || string(buf[:n]) != answer+whoAmI {
			t.Errorf("%q, %v", buf[:n], err)
		}
		converse(t, link, step{say: ask, want: answer})
	})
}

func TestNoiseAroundAnAnswer(t *testing.T) {
	for kind, hit := range map[sim.Kind]func(got string) bool{
		sim.NoiseBefore: func(got string) bool { return strings.HasSuffix(got, answer) && got != answer },
		sim.NoiseAfter:  func(got string) bool { return strings.HasPrefix(got, answer) && got != answer },
		sim.NoiseInside: func(got string) bool {
			return strings.HasPrefix(got, answer[:4]) && strings.HasSuffix(got, answer[4:]) && len(got) > len(answer)
		},
		sim.FlippedBit: func(got string) bool { return len(got) == len(answer) && bits(got, answer) == 1 },
		sim.NulByte:    func(got string) bool { return len(got) == len(answer) && strings.Count(got, "\x00") == 1 },
	} {
		onScale(t, sim.Config{Seed: 11}, func(t *testing.T, _ *sim.Bench, link devices.Link, order func(sim.Fault)) {
			order(sim.Fault{Kind: kind, At: 4, Count: -1})
			for range 3 {
				if got := talk(t, link, ask, 50*time.Millisecond); !hit(got) {
					t.Errorf("%s: %q", kind, got)
				}
			}
			order(sim.Fault{Kind: sim.Clear})
			converse(t, link, step{say: ask, want: answer})
		})
	}
}

// bits counts the bits in which a and b differ.
func bits(a, b string) int {
	n := 0
	for i := range len(a) {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			n++
		}
	}
	return n
}

func TestTroubleOfTheLine(t *testing.T) {
	onScale(t, sim.Config{}, func(t *testing.T, _ *sim.Bench, link devices.Link, order func(sim.Fault)) {
		order(sim.Fault{Kind: sim.Echo})
		converse(t, link, step{say: ask, want: ask + answer})
		order(sim.Fault{Kind: sim.Clear})
		order(sim.Fault{Kind: sim.WrongBaud})
		if got := talk(t, link, ask, 50*time.Millisecond); strings.ContainsAny(got, ask+answer) {
			t.Errorf("at the wrong rate: %q", got)
		}
		order(sim.Fault{Kind: sim.Clear})
		talk(t, link, "\r\n", 50*time.Millisecond) // ends the rubbish that the balance heard
		converse(t, link, step{say: ask, want: answer})
		order(sim.Fault{Kind: sim.NoReader})
		talk(t, link, ask, 50*time.Millisecond) // the byte that the device waited for is the last it takes
		converse(t, link, step{say: ask}, step{say: ask})
		order(sim.Fault{Kind: sim.Clear})
		if got := listen(t, link, 100*time.Millisecond); got != answer+answer {
			t.Errorf("what was kept: %q", got)
		}
		order(sim.Fault{Kind: sim.Flood, Seconds: 2})
		if n := strings.Count(listen(t, link, 5*time.Second), answer); n < 1900 || n > 2100 {
			t.Errorf("%d lines in two seconds", n)
		}
		order(sim.Fault{Kind: sim.PowerUpLine})
		if got := listen(t, link, 50*time.Millisecond); got != whoAmI {
			t.Errorf("unasked: %q", got)
		}
	})
}

func TestWrongDeviceOnThePort(t *testing.T) {
	onScale(t, sim.Config{}, func(t *testing.T, b *sim.Bench, link devices.Link, order func(sim.Fault)) {
		order(sim.Fault{Kind: sim.WrongDevice}) // the pump's plug
		converse(t, link, step{say: ask, want: "\x0200A?R\x03"})
		if s := b.Only().State(); !s.Devices[1].Wrong || s.Devices[0].Wrong {
			t.Errorf("%+v", s.Devices)
		}
		order(sim.Fault{Kind: sim.WrongDevice, Model: "mt-sics"})
		converse(t, link, step{say: "I4\r\n", want: "I4 A \"1000091\"\r\n"}, step{say: ask, want: answer})
		order(sim.Fault{Kind: sim.PowerUpLine}) // by the balance that is not on the line
		if got := listen(t, link, 50*time.Millisecond); got != "" {
			t.Errorf("from off the line: %q", got)
		}
		order(sim.Fault{Kind: sim.Clear})
		converse(t, link, step{say: "I4\r\n", want: whoAmI})
	})
}

// What a wrong pump pumps does not come into the cup.
func TestWrongPumpPumpsElsewhere(t *testing.T) {
	onScale(t, sim.Config{}, func(t *testing.T, b *sim.Bench, link devices.Link, order func(sim.Fault)) {
		order(sim.Fault{Kind: sim.WrongDevice, Model: "new-era"})
		pumpDose(t, link, "1.000")
		pause(5 * time.Second)
		converse(t, link, step{say: "0DIS\r", want: "\x0200SI1.000W0.000ML\x03"})
		if s := b.Only().State(); s.PushedML != 0 || s.Pump.CountedML != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestHangUpAndReturn(t *testing.T) {
	for model, serial := range map[string]string{"": "1000001", "mt-sics": "1000091"} {
		onScale(t, sim.Config{}, func(t *testing.T, b *sim.Bench, link devices.Link, order func(sim.Fault)) {
			order(sim.Fault{Kind: sim.HangUp, Seconds: 1, Model: model})
			if err := link.Write(t.Context(), []byte(ask)); err == nil {
				t.Error("still plugged in")
			}
			pause(900 * time.Millisecond)
			if _, err := b.Link("scale0"); err == nil {
				t.Error("back too soon")
			}
			pause(200 * time.Millisecond)
			converse(t, connect(t, b, "scale0"), step{say: "I4\r\n", want: "I4 A \"" + serial + "\"\r\n"})
		})
	}
}

func TestFaultsOfTheLiquid(t *testing.T) {
	near(t, "bias", dose(t, sim.Config{Seed: 1}, sim.Fault{Device: "pump0", Kind: sim.Bias, Relative: 0.05}).DeliveredML, 5.25, 0.01)
	near(t, "dead volume", dose(t, sim.Config{Seed: 1}, sim.Fault{Device: "pump0", Kind: sim.Unprime, ML: 2}).DeliveredML, 3, 0.03)
	dripped := dose(t, sim.Config{Seed: 1}, sim.Fault{Device: "pump0", Kind: sim.Drip, ML: 0.5})
	near(t, "drip", dripped.DeliveredML-dose(t, sim.Config{Seed: 1}).DeliveredML, 0.5, 1e-6)
	near(t, "drip out of the bottle", dripped.BottleML, 1000-dripped.DeliveredML, 1e-6)
	noisy := dose(t, sim.Config{Seed: 1}, sim.Fault{Device: "pump0", Kind: sim.Noise, Relative: 0.5})
	if noisy.DeliveredML == dose(t, sim.Config{Seed: 1}).DeliveredML {
		t.Error("a noisy flow delivers the same")
	}
	near(t, "noise evens out", noisy.DeliveredML, 5, 0.2)
}

func TestFaultsOfThePan(t *testing.T) {
	onScale(t, sim.Config{Seed: 9}, func(t *testing.T, b *sim.Bench, link devices.Link, order func(sim.Fault)) {
		c := b.Only()
		shown := func() float64 { return c.State().Scale.ShownG }
		order(sim.Fault{Kind: sim.Hand, Grams: 100, Seconds: 3})
		pause(2 * time.Second)
		near(t, "a hand", shown(), 100, 3)
		if c.State().Scale.Stable {
			t.Error("a hand lies still")
		}
		pause(5 * time.Second)
		near(t, "no hand", shown(), 0, 0.011)

		order(sim.Fault{Kind: sim.Drift, Grams: -0.6})
		pause(30 * time.Second)
		near(t, "drift", shown(), -0.3, 0.02)
		order(sim.Fault{Kind: sim.Clear})
		pause(30 * time.Second)
		near(t, "after the drift", shown(), -0.3, 0.02)
		converse(t, link, step{say: "Z\r\n", want: "Z A\r\n"})

		if err := c.PlaceCup(); err != nil {
			t.Fatal(err)
		}
		if err := c.Pour(10 * measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		pause(5 * time.Second)
		before := shown()
		order(sim.Fault{Kind: sim.Evaporation, Grams: 0.12})
		pause(60 * time.Second)
		near(t, "evaporated", before-shown(), 0.12, 0.02)
		order(sim.Fault{Kind: sim.Clear})

		order(sim.Fault{Kind: sim.Frozen})
		pause(2 * time.Second)
		frozen := shown()
		taken, err := c.SwapCup()
		if err != nil {
			t.Fatal(err)
		}
		near(t, "in the first cup", taken.LiquidML, 10-0.12/1.06, 0.02)
		pause(5 * time.Second)
		if shown() != frozen {
			t.Error("it is not frozen")
		}
		order(sim.Fault{Kind: sim.Clear})
		pause(5 * time.Second)
		near(t, "another cup", shown(), 6, 0.07)
		if cup := c.State().Cup; cup == nil || cup.LiquidML != 0 || cup.EmptyG == taken.EmptyG {
			t.Errorf("%+v", cup)
		}
		order(sim.Fault{Kind: sim.Unstable, Grams: 20, Seconds: 4})
		pause(2 * time.Second)
		if c.State().Scale.Stable {
			t.Error("it does not shake")
		}
	})
}

// Every kind that is listed can be ordered, and clear brings the balance back.
func TestEveryKindCanBeOrderedAndCleared(t *testing.T) {
	for _, k := range sim.FaultKinds() {
		if k.Help == "" {
			t.Errorf("%s is not explained", k.Kind)
		}
		switch k.Kind {
		case sim.PumpError, sim.PaperOut, sim.HeadOpen, sim.RibbonOut, sim.Paused, sim.BufferFull: // which balances do not have
			continue
		}
		onScale(t, sim.Config{}, func(t *testing.T, b *sim.Bench, _ devices.Link, order func(sim.Fault)) {
			order(sim.Fault{Kind: k.Kind, Count: 50, Relative: 0.1})
			pause(time.Second)
			order(sim.Fault{Kind: sim.Clear})
			if err := b.Replug("scale0"); err != nil {
				t.Fatal(err)
			}
			pause(6 * time.Second)
			link := connect(t, b, "scale0")
			talk(t, link, "\r\n", 50*time.Millisecond)
			if got := talk(t, link, "I4\r\n", time.Second); got != whoAmI {
				t.Errorf("after %s and clear: %q", k.Kind, got)
			}
		})
	}
}

func TestUnknownOptionsOfAModelAreRefused(t *testing.T) {
	for option, want := range map[string]string{"serial": "", "colour": "mt-sics has no option \"colour\"; there are: serial"} {
		b, err := sim.NewBench(sim.Config{Now: time.Now, Counters: []sim.CounterConfig{
			{Name: "a", Scale: sim.DeviceConfig{Options: map[string]string{option: "7"}}},
		}})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", option, err)
		}
		if err == nil {
			b.Close()
		}
	}
}

func TestWhatPassesIsRecorded(t *testing.T) {
	var heard []string
	record := func(device string, p devices.Passage) { heard = append(heard, device+" "+p.String()) }
	onScale(t, sim.Config{Record: record}, func(t *testing.T, _ *sim.Bench, link devices.Link, order func(sim.Fault)) {
		converse(t, link, step{say: "@\r\n", want: whoAmI})
		order(sim.Fault{Kind: sim.LostReply})
		converse(t, link, step{say: "@\r\n"})
	})
	if len(heard) != 3 || heard[0] != "scale0 0.000000,>,400D0A" || !strings.HasPrefix(heard[1], "scale0 0.003000,<,4934") ||
		heard[2] != "scale0 0.050000,>,400D0A" {
		t.Errorf("%q", heard)
	}
}
