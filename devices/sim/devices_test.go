package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// step is one thing said to a device and what must come back within wait.
type step struct {
	say, want string
	wait      time.Duration // 0: 50 ms
}

func converse(t *testing.T, link devices.Link, steps ...step) {
	t.Helper()
	for _, s := range steps {
		wait := s.wait
		if wait == 0 {
			wait = 50 * time.Millisecond
		}
		if got := talk(t, link, s.say, wait); got != s.want {
			t.Errorf("%q: %q, want %q", s.say, got, s.want)
		}
	}
}

const second = time.Second

// The basic mode, as in the manual: power had failed, then a dose.
func TestPumpInBasicMode(t *testing.T) {
	virtual(t, sim.Config{}, func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "pump0"),
			step{say: "0VER\r", want: "\x0200A?R\x03"}, // the alarm eats the command
			step{say: "0VER\r", want: "\x0200SNE1000V3.928\x03"},
			step{say: "0dia 29.20\r", want: "\x0200S\x03"},
			step{say: "0VOLML\r", want: "\x0200S\x03"},
			step{say: "0VOL5.000\r", want: "\x0200S\x03"},
			step{say: "0VOL\r", want: "\x0200S5.000ML\x03"},
			step{say: "0RAT60.00MM\r", want: "\x0200S\x03"},
			step{say: "0RAT\r", want: "\x0200S60.00MM\x03"},
			step{say: "0DIRINF\r", want: "\x0200S\x03"},
			step{say: "0DIR\r", want: "\x0200SINF\x03"},
			step{say: "0CLDINF\r", want: "\x0200S\x03"},
			step{say: "0DIS\r", want: "\x0200SI0.000W0.000ML\x03"},
			step{say: "0STP\r", want: "\x0200S?NA\x03"},
			step{say: "0XYZ\r", want: "\x0200S?\x03"},
			step{say: "0DIA99\r", want: "\x0200S?OOR\x03"},
			step{say: "1VER\r", want: ""}, // another pump's
			step{say: "0RUN\r", want: "\x0200I\x03"},
			step{say: "0RUN\r", want: "\x0200I?NA\x03"},
			step{say: "0RAT20.00MM\r", want: "\x0200I?NA\x03"}, // units may not change while pumping
			step{say: "0RAT30.00\r", want: "\x0200I\x03"},
			step{say: "0CLDINF\r", want: "\x0200I?NA\x03"},
			step{say: "0VOL1.000\r", want: "\x0200I?NA\x03"},
			step{say: "0STP\r", want: "\x0200P\x03"}, // once pauses
			step{say: "0RUN\r", want: "\x0200I\x03"}, // and RUN goes on
			step{say: "0STP\r", want: "\x0200P\x03"},
			step{say: "0STP\r", want: "\x0200S\x03"}, // twice stops
			step{say: "0DIA29.20\r", want: "\x0200S\x03"},
			step{say: "0DIS\r", want: "\x0200SI0.000W0.000ML\x03"}, // setting the diameter clears the totals
			step{say: "0DIA10.00\r", want: "\x0200S\x03"},
			step{say: "0VOL\r", want: "\x0200S5.000UL\x03"}, // a small syringe counts in microlitres
		)
	})
}

func TestPumpInSafeMode(t *testing.T) {
	virtual(t, sim.Config{}, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		converse(t, link,
			step{say: safe("0DIS"), want: ""},              // basic mode knows one packet only
			step{say: safe("SAF2"), want: "\x0200A?R\x03"}, // eaten, and answered in the old mode
			step{say: safe("SAF2"), want: safe("00S")},     // answered in the new mode
			step{say: "0VER\r", want: ""},                  // which knows packets only
			step{say: safe("0VER"), want: safe("00SNE1000V3.928")},
			step{say: "\x02\x080DIS\x00\x00\x03", want: ""}, // a wrong CRC is no packet
			step{say: safe("0SAF"), want: safe("00S2")},
		)
		// Silence for the dead-man time raises an alarm, unasked, which must still be acknowledged.
		if got := listen(t, link, 2500*time.Millisecond); got != safe("00A?T") {
			t.Errorf("after silence: %q", got)
		}
		converse(t, link,
			step{say: safe("0VER"), want: safe("00A?T")},
			step{say: safe("0VER"), want: safe("00SNE1000V3.928")},
			step{say: safe("0SAF0"), want: "\x0200S\x03"},
			step{say: "0VER\r", want: "\x0200SNE1000V3.928\x03"},
		)
	})
}

func TestPumpDropsAPacketAfterAPause(t *testing.T) {
	virtual(t, sim.Config{}, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		converse(t, link, step{say: safe("SAF9"), want: "\x0200A?R\x03"}, step{say: safe("SAF9"), want: safe("00S")})
		packet := safe("0VER")
		converse(t, link,
			step{say: packet[:4], want: "", wait: 300 * time.Millisecond},
			step{say: packet[4:], want: safe("00SNE1000V3.928")}, // a short pause is none
			step{say: packet[:4], want: "", wait: 600 * time.Millisecond},
			step{say: packet[4:], want: ""},
			step{say: packet, want: safe("00SNE1000V3.928")},
		)
	})
}

// The dead-man time stops a dose, and the volume so far is still right.
func TestDeadManStopsTheDose(t *testing.T) {
	virtual(t, sim.Config{Seed: 4}, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		for _, c := range []string{"SAF1", "SAF1", "0DIA29.20", "0VOLML", "0VOL10.00", "0RAT60.00MM", "0RUN"} {
			talk(t, link, safe(c), 20*time.Millisecond)
		}
		pause(3 * second)
		s := b.Only().State()
		near(t, "counted", s.Pump.CountedML, 1.02, 0.05)
		if s.Pump.State != "S" || s.Pump.Alarm != "T" {
			t.Errorf("%+v", s.Pump)
		}
	})
}

func TestScale(t *testing.T) {
	virtual(t, sim.Config{Seed: 2}, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		converse(t, link,
			step{say: "@\r\n", want: "I4 A \"1000001\"\r\n"},
			step{say: "I2\r\n", want: "I2 A \"SIM-MT 520.00 g\"\r\n"},
			step{say: "FOO\r\n", want: "ES\r\n"},
			step{say: "SI\r\n", want: "S S       0.00 g\r\n"},
			step{say: "Z\r\n", want: "Z A\r\n"},
			step{say: "ZI\r\n", want: "ZI S\r\n"},
			step{say: "TAC\r\n", want: "TAC A\r\n"},
			step{say: "C3\r\n", want: "C3 B\r\nC3 A\r\n", wait: 3 * second},
			step{say: "SI", want: ""},
			step{say: "\r\n", want: "S S       0.00 g\r\n"},
		)
		if got := talk(t, link, "I0\r\n", second); !strings.HasPrefix(got, "I0 B 0 \"@\"\r\n") || !strings.HasSuffix(got, "I0 A 0 \"C3\"\r\n") {
			t.Errorf("I0: %q", got)
		}
		if err := b.Only().PlaceCup(); err != nil {
			t.Fatal(err)
		}
		pause(300 * time.Millisecond)
		if got := talk(t, link, "SI\r\n", 50*time.Millisecond); !strings.HasPrefix(got, "S D ") {
			t.Errorf("while it settles: %q", got)
		}
		// A second command that waits is refused while the first one waits.
		if got := talk(t, link, "S\r\nT\r\n", 50*time.Millisecond); got != "T I\r\n" {
			t.Errorf("overlap: %q", got)
		}
		if got := listen(t, link, 4*second); !strings.HasPrefix(got, "S S       ") {
			t.Errorf("the first one is answered when the weight is stable: %q", got)
		}
		if got := talk(t, link, "T\r\n", second); !strings.HasPrefix(got, "T S       ") {
			t.Errorf("T: %q", got)
		}
		converse(t, link, step{say: "SI\r\n", want: "S S       0.00 g\r\n"})
		if got := talk(t, link, "SIR\r\n", second); strings.Count(got, "S S ") < 8 {
			t.Errorf("SIR: %q", got)
		}
		if got := talk(t, link, "@\r\n", second); strings.Count(got, "S S ") > 1 || !strings.Contains(got, "I4 A") {
			t.Errorf("@ stops SIR: %q", got)
		}
		if err := b.Only().Pour(500 * measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		pause(4 * second)
		converse(t, link,
			step{say: "SI\r\n", want: "S +\r\n"},
			step{say: "S\r\n", want: "S +\r\n"},
			step{say: "Z\r\n", want: "Z +\r\n"},
		)
	})
}

func TestScaleGivesUp(t *testing.T) {
	virtual(t, sim.Config{Scale: sim.ScaleConfig{StableTimeout: 2 * second}}, func(t *testing.T, b *sim.Bench) {
		if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.Unstable, Seconds: 60}); err != nil {
			t.Fatal(err)
		}
		pause(second)
		converse(t, connect(t, b, "scale0"), step{say: "S\r\n", want: "S I\r\n", wait: 3 * second})
	})
}

func TestScaleVariants(t *testing.T) {
	virtual(t, sim.Config{Scale: sim.ScaleConfig{Wide: true, ShortIDs: true}}, func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "scale0"),
			step{say: "SI\r\n", want: "S S        0.00 g\r\n"},
			step{say: "ZI\r\n", want: "Z S\r\n"},
			step{say: "TI\r\n", want: "T S        0.00 g\r\n"},
		)
	})
}

func TestScaleAnnouncesItselfAtPowerUp(t *testing.T) {
	virtual(t, sim.Config{}, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.PowerCycle}); err != nil {
			t.Fatal(err)
		}
		if got := talk(t, link, "SI\r\n", second); got != "I4 A \"1000001\"\r\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestUnderload(t *testing.T) {
	virtual(t, sim.Config{}, func(t *testing.T, b *sim.Bench) {
		c, link := b.Only(), connect(t, b, "scale0")
		if err := c.PlaceCup(); err != nil {
			t.Fatal(err)
		}
		pause(4 * second)
		converse(t, link, step{say: "Z\r\n", want: "Z A\r\n"})
		if _, err := c.LiftCup(); err != nil {
			t.Fatal(err)
		}
		pause(4 * second)
		converse(t, link, step{say: "SI\r\n", want: "S -\r\n"})
	})
}

func TestReplyFaults(t *testing.T) {
	const ask, answer = "SI\r\n", "S S       0.00 g\r\n"
	virtual(t, sim.Config{}, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		order := func(f sim.Fault) {
			t.Helper()
			f.Device = "scale0"
			if err := b.Fault(f); err != nil {
				t.Fatal(err)
			}
		}
		order(sim.Fault{Kind: sim.LostReply, Skip: 1, Count: 2})
		converse(t, link, step{say: ask, want: answer}, step{say: ask}, step{say: ask}, step{say: ask, want: answer})
		order(sim.Fault{Kind: sim.DuplicateReply})
		converse(t, link, step{say: ask, want: answer + answer})
		order(sim.Fault{Kind: sim.TruncatedReply, At: 5})
		converse(t, link, step{say: ask, want: answer[:5]}, step{say: ask, want: answer})
		order(sim.Fault{Kind: sim.LateReply, Seconds: 0.5})
		converse(t, link, step{say: ask}, step{say: "I4\r\n", want: answer + "I4 A \"1000001\"\r\n", wait: second})
		order(sim.Fault{Kind: sim.LostCommand, On: "I4"})
		converse(t, link, step{say: ask, want: answer}, step{say: "I4\r\n"}, step{say: ask, want: answer})
		order(sim.Fault{Kind: sim.GarbledReply})
		if got := talk(t, link, ask, second); got == answer {
			t.Error("not garbled")
		}
		order(sim.Fault{Kind: sim.LostReply, Count: 100})
		order(sim.Fault{Kind: sim.Clear})
		converse(t, link, step{say: ask, want: answer})
		order(sim.Fault{Kind: sim.UnplugInReply, At: 3})
		converse(t, link, step{say: ask, want: answer[:3]})
		if err := link.Write(t.Context(), []byte(ask)); err == nil {
			t.Error("still plugged in")
		}
	})
}

func TestOrdersAreChecked(t *testing.T) {
	virtual(t, sim.Config{}, func(t *testing.T, b *sim.Bench) {
		for _, f := range []sim.Fault{
			{Device: "pump1", Kind: sim.LostReply}, {Device: "pump", Kind: sim.LostReply}, {Device: "lamp0", Kind: sim.LostReply},
			{Device: "pump0", Kind: "fire"}, {Device: "pump0", Kind: sim.LostReply, Count: -2},
			{Device: "pump0", Kind: sim.Bias}, {Device: "pump0", Kind: sim.WrongDevice, Model: "kettle"},
			{Device: "scanner0", Kind: sim.PowerUpLine}, {Device: "pump0", Kind: sim.Drip, ML: -1},
			{Device: "scanner0", Kind: sim.PowerCycle}, {},
		} {
			if err := b.Fault(f); err == nil {
				t.Errorf("%+v was taken", f)
			}
		}
		c := b.Only()
		if _, err := c.LiftCup(); err == nil {
			t.Error("lifted no cup")
		}
		if err := c.PlaceCup(); err != nil {
			t.Fatal(err)
		}
		if err := c.PlaceCup(); err == nil {
			t.Error("placed two cups")
		}
		if err := c.Scan(""); err == nil {
			t.Error("scanned nothing")
		}
	})
}

// The attendant: an empty cup stands ready; a scan over a full one takes it away, and a second later the next is there.
func TestAttendant(t *testing.T) {
	virtual(t, sim.Config{Attendant: true}, func(t *testing.T, b *sim.Bench) {
		c := b.Only()
		if c.State().Cup == nil {
			t.Fatal("no cup")
		}
		if err := c.Scan("LIEU-1"); err != nil {
			t.Fatal(err)
		}
		if c.State().Cup == nil {
			t.Error("an empty cup was taken away")
		}
		pumpDose(t, connect(t, b, "pump0"), "2.000")
		if err := c.Scan("LIEU-1"); err != nil {
			t.Fatal(err)
		}
		if c.State().Cup == nil {
			t.Error("the cup was taken away while the pump moved")
		}
		pause(3 * second)
		if err := c.Scan("LIEU-1"); err != nil {
			t.Fatal(err)
		}
		if s := c.State(); s.Cup != nil {
			t.Errorf("the full cup stays: %+v", s.Cup)
		}
		pause(1100 * time.Millisecond)
		if s := c.State(); s.Cup == nil || s.Cup.LiquidML != 0 {
			t.Errorf("no empty cup: %+v", s.Cup)
		}
	})
}

func TestTwoCounters(t *testing.T) {
	virtual(t, sim.Config{Counters: sim.Named("window 1", "window 2")}, func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "scale1"), step{say: "I4\r\n", want: "I4 A \"1000002\"\r\n"})
		two, err := b.Counter("window 2")
		if err != nil {
			t.Fatal(err)
		}
		if err := two.PlaceCup(); err != nil {
			t.Fatal(err)
		}
		s := b.State()
		if len(s.Counters) != 2 || s.Counters[0].Cup != nil || s.Counters[1].Cup == nil {
			t.Errorf("%+v", s)
		}
		if _, err := b.Counter("window 3"); err == nil {
			t.Error("a third window")
		}
	})
}
