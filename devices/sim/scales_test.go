package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// balance is a bench with one balance of that model.
func balance(model string, options ...string) sim.Config {
	d := sim.DeviceConfig{Model: model, Options: map[string]string{}}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		d.Options[key] = value
	}
	return sim.Config{Seed: 2, Counters: []sim.CounterConfig{{Scale: d}}}
}

// load puts a cup on the pan, so that the weight is moving afterwards.
func load(t *testing.T, b *sim.Bench, liquid measure.Volume) {
	t.Helper()
	if err := b.Only().PlaceCup(); err != nil {
		t.Fatal(err)
	}
	if err := b.Only().Pour(liquid); err != nil {
		t.Fatal(err)
	}
	pause(300 * time.Millisecond)
}

func TestSBI(t *testing.T) {
	virtual(t, balance("sbi"), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		converse(t, link,
			step{say: "\x1bx1_\r\n", want: "SIM-SBI520-2S       \r\n"},
			step{say: "\x1bx2_", want: "SerNo.       1000001\r\n"}, // the line end is optional
			step{say: "\x1bx3_\r\n", want: "BAC:        00-39-21\r\n"},
			step{say: "\x1bP\r\n", want: "N     +     0.00 g  \r\n"},
			step{say: "\x1bQ\r\n", want: ""}, // nobody knows it, and nobody says so
			step{say: "P\r\n", want: ""},
		)
		load(t, b, 5*measure.Millilitre)
		got := talk(t, link, "\x1bP\r\n", 50*time.Millisecond)
		if !strings.HasPrefix(got, "N     +") || !strings.HasSuffix(got, "    \r\n") {
			t.Errorf("while it settles the unit is blank: %q", got)
		}
		converse(t, link,
			step{say: "\x1bT\r\n", want: "", wait: 4 * second}, // never answered
			step{say: "\x1bP\r\n", want: "N     +     0.00 g  \r\n"},
		)
		if _, err := b.Only().LiftCup(); err != nil {
			t.Fatal(err)
		}
		pause(4 * second)
		if got := talk(t, link, "\x1bP", 50*time.Millisecond); !strings.HasPrefix(got, "N     -    1") || !strings.HasSuffix(got, " g  \r\n") {
			t.Errorf("without the tared cup: %q", got)
		}
	})
}

func TestSBIVariants(t *testing.T) {
	virtual(t, balance("sbi", "format=16"), func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "scale0"),
			step{say: "\x1bP\r\n", want: "+     0.00 g  \r\n"},
			step{say: "\x1bZ\x1bP", want: "    Cal.Int   \r\n"},
			step{say: "", want: "", wait: 3 * second},
			step{say: "\x1bP", want: "+     0.00 g  \r\n"},
		)
	})
	virtual(t, balance("sbi", "xbpi=yes"), func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "scale0"), step{say: "\x1bP\r\n\x1bx1_\r\n", want: "", wait: 5 * second})
	})
	virtual(t, balance("sbi", "standby=yes"), func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "scale0"), step{say: "\x1bP\r\n", want: "Stat      OFF       \r\n"})
	})
	virtual(t, balance("sbi", "autoprint=yes"), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		const line = "N     +     0.00 g  \r\n"
		if got := listen(t, link, second); strings.Count(got, line) < 4 {
			t.Errorf("by itself: %q", got)
		}
		talk(t, link, "\x1bP", 250*time.Millisecond) // a print command stops it
		converse(t, link,
			step{say: "", want: "", wait: second},
			step{say: "\x1bP", want: line},
		)
		if got := talk(t, link, "\x1bV", second); strings.Count(got, line) < 3 {
			t.Errorf("a zero starts it again: %q", got)
		}
	})
}

func TestAandD(t *testing.T) {
	virtual(t, balance("a-and-d", "ercd=1"), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		converse(t, link,
			step{say: "Q\r\n", want: "ST,+00000.00  g\r\n"},
			step{say: "R\r\n", want: "\x06\r\n\x06\r\n"}, // taken, done
			step{say: "XX\r\n", want: "EC,E01\r\n"},
			step{say: "?SN\r\n", want: "SN,1000001\r\n"},
			step{say: "?TN\r\n", want: "TN,SIM-AND520\r\n"},
			step{say: "?PT\r\n", want: "PT,+00000.00  g\r\n"},
			step{say: "C\r\n", want: "\x06\r\n"},
		)
		load(t, b, 5*measure.Millilitre)
		if got := talk(t, link, "Q\r\n", 50*time.Millisecond); !strings.HasPrefix(got, "US,+000") {
			t.Errorf("while it settles: %q", got)
		}
		if got := talk(t, link, "S\r\n", 4*second); !strings.HasPrefix(got, "ST,+000") {
			t.Errorf("after settling: %q", got)
		}
		converse(t, link, step{say: "R\r\n", want: "\x06\r\nEC,E07\r\n"}) // too heavy to be zero
		if got := talk(t, link, "SIR\r\n", second); strings.Count(got, "ST,") < 8 {
			t.Errorf("a stream: %q", got)
		}
		talk(t, link, "C\r\n", 100*time.Millisecond)
		converse(t, link, step{say: "T\r\n", want: "\x06\r\n"}, step{say: "Q\r\n", want: "ST,+00000.00  g\r\n"})
		if err := b.Only().Pour(600 * measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		pause(4 * second)
		converse(t, link, step{say: "Q\r\n", want: "OL,+9999999E+19\r\n"})
	})
}

func TestAandDVariants(t *testing.T) {
	virtual(t, balance("a-and-d"), func(t *testing.T, b *sim.Bench) { // erCd 0
		converse(t, connect(t, b, "scale0"),
			step{say: "R\r\nT\r\nC\r\nXX\r\n", want: "", wait: second},
			step{say: "Q\r\n", want: "ST,+00000.00  g\r\n"},
		)
	})
	virtual(t, balance("a-and-d", "comparator=yes"), func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "scale0"), step{say: "Q\r\n", want: "ST,OK,+00000.00  g\r\n"})
	})
	virtual(t, balance("a-and-d", "ercd=1", "rs485=23", "identity=no"), func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "scale0"),
			step{say: "Q\r\n", want: ""},
			step{say: "@24Q\r\n", want: ""},
			step{say: "@23Q\r\n", want: "@23ST,+00000.00  g\r\n"},
			step{say: "@23?SN\r\n", want: "@23EC,E01\r\n"},
			step{say: "@23C\r\n", want: "@23\x06\r\n"},
		)
	})
}

func TestOHAUS(t *testing.T) {
	virtual(t, balance("ohaus"), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		converse(t, link,
			step{say: "IP\r\n", want: "       0.00 g\r\n"},
			step{say: "PSN\r\n", want: "1000001\r\n"},
			step{say: "PV\r\n", want: "Sr 1.10\r\n"},
			step{say: "Z\r\n", want: "OK!\r\n"},
			step{say: "PT\r\n", want: "       0.00 g PT\r\n"},
			step{say: "FOO\r\n", want: "ES\r\n"},
			step{say: "0P\r\n", want: "OK!\r\n"},
			step{say: "2P\r\n", want: "OK!\r\n       0.00 g   00:00:00\r\n       0.00 g   00:00:02\r\n", wait: 3 * second},
			step{say: "0P\r\n", want: "OK!\r\n"},
		)
		load(t, b, 5*measure.Millilitre)
		if got := talk(t, link, "IP\r\n", 50*time.Millisecond); !strings.HasSuffix(got, " g ?\r\n") {
			t.Errorf("while it settles: %q", got)
		}
		if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.Unstable, Seconds: 60}); err != nil {
			t.Fatal(err)
		}
		pause(second)
		converse(t, link,
			step{say: "SP\r\n", want: "", wait: 39 * second}, // the balance's own 40 s
			step{say: "", want: "ES\r\n", wait: 2 * second},
		)
		if err := b.Only().Pour(600 * measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		pause(30 * second)
		converse(t, link, step{say: "IP\r\n", want: "Err 8.3\r\n"})
	})
}

func TestOHAUSVariants(t *testing.T) {
	for option, want := range map[string]string{
		"width=10":    "      0.00 g\r\n",
		"legend=NET":  "       0.00 g NET\r\n",
		"numeric=yes": "       0.00\r\n",
		"total=yes":   "       0.00 g\r\n       0.00 g TOTAL\r\n",
	} {
		virtual(t, balance("ohaus", option), func(t *testing.T, b *sim.Bench) {
			converse(t, connect(t, b, "scale0"), step{say: "IP\r\n", want: want})
		})
	}
}

func TestRadwag(t *testing.T) {
	virtual(t, balance("radwag"), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		converse(t, link,
			step{say: "SI\r\n", want: "SI          0.00 g  \r\n"},
			step{say: "SUI\r\n", want: "SUI         0.00 g  \r\n"},
			step{say: "NB\r\n", want: "NB A \"1000001\"\r\n"},
			step{say: "FOO\r\n", want: "ES\r\n"},
			step{say: "Z\r\n", want: "Z A\r\n"},
			step{say: "T\r\n", want: "T I\r\n"}, // one after the other
			step{say: "", want: "Z D\r\n", wait: second},
			step{say: "S\r\n", want: "S A\r\nS           0.00 g  \r\n", wait: second},
			step{say: "OT\r\n", want: "OT      0.00 g  \r\n"},
		)
		load(t, b, 5*measure.Millilitre)
		if got := talk(t, link, "SI\r\n", 50*time.Millisecond); !strings.HasPrefix(got, "SI  ?   ") {
			t.Errorf("while it settles: %q", got)
		}
		converse(t, link, step{say: "Z\r\n", want: "Z A\r\nZ ^\r\n", wait: 4 * second})
		if got := talk(t, link, "C1\r\n", second); strings.Count(got, "SI      ") < 8 {
			t.Errorf("a stream: %q", got)
		}
		talk(t, link, "C0\r\n", 100*time.Millisecond)
		if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.Unstable, Seconds: 60}); err != nil {
			t.Fatal(err)
		}
		pause(second)
		converse(t, link, step{say: "S\r\n", want: "S A\r\nS E\r\n", wait: 11 * second})
		if err := b.Only().Pour(600 * measure.Millilitre); err != nil {
			t.Fatal(err)
		}
		pause(4 * second)
		if got := talk(t, link, "SI\r\n", 50*time.Millisecond); !strings.HasPrefix(got, "SI  ^ ") {
			t.Errorf("overloaded: %q", got)
		}
	})
	virtual(t, balance("radwag", "narrow=yes"), func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "scale0"), step{say: "SI\r\n", want: "SI         0.00 g  \r\n"})
	})
}

func TestToledo(t *testing.T) {
	const zero = "\x02\x2c\x20\x21000000000000\r"
	virtual(t, balance("toledo-continuous"), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "scale0")
		if got := listen(t, link, second); strings.Count(got, zero) < 9 || strings.ReplaceAll(got, zero, "") != "" {
			t.Errorf("ten times a second: %q", got)
		}
		load(t, b, 5*measure.Millilitre)
		if got := listen(t, link, 500*time.Millisecond); !strings.Contains(got, "\x02\x2c\x28\x21") {
			t.Errorf("in motion: %q", got)
		}
		pause(3 * second)
		listen(t, link, 10*time.Millisecond)
		if got := listen(t, link, 500*time.Millisecond); !strings.HasPrefix(got, "\x02\x2c\x20\x21001") {
			t.Errorf("settled: %q", got)
		}
		if got := talk(t, link, "T", 500*time.Millisecond); !strings.Contains(got, "\x02\x2c\x21\x21000000001") {
			t.Errorf("net, with its tare: %q", got)
		}
		if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.PowerCycle}); err != nil {
			t.Fatal(err)
		}
		listen(t, link, 400*time.Millisecond)
		if got := listen(t, link, second); !strings.HasPrefix(got, "\x02\x2c\x60\x21001") {
			t.Errorf("after power-up with a load it is not zeroed: %q", got)
		}
	})
	virtual(t, balance("toledo-continuous", "checksum=yes"), func(t *testing.T, b *sim.Bench) {
		if got := listen(t, connect(t, b, "scale0"), second); strings.Count(got, zero+"\x44") < 9 {
			t.Errorf("with a checksum: %q", got)
		}
	})
}

func TestWhatNoBalanceIs(t *testing.T) {
	for name, row := range map[string]struct {
		cfg  sim.Config
		says string
	}{
		"an unknown model":           {balance("abacus"), "toledo-continuous"},
		"an option that it has not":  {balance("sbi", "narrow=yes"), "autoprint, format, serial"},
		"a format that is none":      {balance("sbi", "format=20"), "20"},
		"half a switch":              {balance("radwag", "narrow=maybe"), "maybe"},
		"a station that is none":     {balance("a-and-d", "rs485=100"), "100"},
		"a width that nobody prints": {balance("ohaus", "width=13"), "13"},
	} {
		row.cfg.Now = time.Now
		if b, err := sim.NewBench(row.cfg); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
}
