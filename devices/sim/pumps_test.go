package sim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/protocol/knf"
	"github.com/lieu-clinic/lieu/pkg/protocol/reglo"
)

// on is a bench of one counter with that pump.
func on(model string, options map[string]string) sim.Config {
	return sim.Config{Counters: []sim.CounterConfig{{Name: "counter", Pump: sim.DeviceConfig{Model: model, Options: options}}}}
}

func request(c string) string { return string(knf.AppendRequest(nil, 0, knf.Command(c))) }

func data(text string) string { return string(knf.AppendReply(nil, text)) }

const (
	ack = "\x06"
	nak = "\x15"
)

// What a SIMDOS says, as it is known: acknowledged or refused, and silent to what is not for it.
func TestSimdos(t *testing.T) {
	start := request("KY1")
	virtual(t, on("simdos", nil), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		converse(t, link,
			step{say: request("?SI"), want: data("00")},
			step{say: request("?SV"), want: data("FEM101.070")},
			step{say: "\x0200?SI\x03U", want: data("00")},                             // U stands for any check byte
			step{say: "\x0200?SI\x03!", want: ""},                                     // a wrong one is not answered
			step{say: string(knf.AppendRequest(nil, 1, "?SI")), want: ""},             // nor is another address
			step{say: string(knf.AppendRequest(nil, knf.Broadcast, "MS2")), want: ""}, // all obey, none answers
			step{say: request("?MS"), want: data("2")},
			step{say: request("MS1"), want: ack},
			step{say: request("MS3"), want: nak},
			step{say: request("XX1"), want: nak},
			step{say: request("?XX"), want: nak},
			step{say: request("DV00000999"), want: nak}, // below what it can dose
			step{say: request("DV1000"), want: nak},     // too few digits
			step{say: request("DV00002000"), want: ack},
			step{say: request("?DV"), want: data("00002000")},
			step{say: request("RV00100001"), want: nak},
			step{say: request("DT00000099"), want: nak}, // shorter than a second
			step{say: request("DT00000100"), want: ack},
			step{say: start, want: nak}, // 2 mL in a second: faster than it can
			step{say: request("DT00000200"), want: ack},
			step{say: request("?SS1"), want: data("000")},
			step{say: request("?SS4"), want: data("008")},
			step{say: request("CF00002000"), want: nak}, // nothing was pumped to be measured
			step{say: start, want: ack},
			step{say: start, want: nak},
			step{say: request("?SS1"), want: data("001")},
			step{say: request("?SS4"), want: data("009")},
			step{say: request("MS0"), want: nak}, // not while it runs
			step{say: request("KY2"), want: nak},
		)
		pause(2 * second)
		converse(t, link,
			step{say: request("?TV"), want: data("000002000")},
			step{say: request("?SS1"), want: data("000")},
			step{say: start, want: ack}, // which begins to count anew
			step{say: request("KY0"), want: ack},
		)
		if got := talk(t, link, request("?TV"), 50*time.Millisecond); !strings.HasPrefix(got, "\x06\x020000000") {
			t.Errorf("after a short start: %q", got)
		}
		converse(t, link, step{say: request("SP0")}, step{say: request("?SI")}, step{say: request("SP1")}, step{say: request("?SI"), want: data("00")})
	})
}

// A closed tube is overpressure, which the stop key takes away.
func TestSimdosOverpressure(t *testing.T) {
	virtual(t, on("simdos", nil), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.Occlusion}); err != nil {
			t.Fatal(err)
		}
		converse(t, link, step{say: request("DV00005000"), want: ack}, step{say: request("DT00000500"), want: ack},
			step{say: request("MS1"), want: ack}, step{say: request("KY1"), want: ack})
		pause(2 * second)
		converse(t, link,
			step{say: request("?SS1"), want: data("002")},
			step{say: request("?SS6"), want: data("001")},
			step{say: request("KY1"), want: nak},
			step{say: request("KY0"), want: ack},
			step{say: request("?SS6"), want: data("000")},
		)
		if got := b.Only().State().Pump.State; got != "S" {
			t.Errorf("state %s", got)
		}
	})
}

// The count is gone with the power, the settings are not, and a pump that is set so starts by itself.
func TestSimdosPowerCut(t *testing.T) {
	for option, wantRuns := range map[string]bool{"0": false, "1": true} {
		virtual(t, on("simdos", map[string]string{"auto_start": option, "size": "02"}), func(t *testing.T, b *sim.Bench) {
			link := connect(t, b, "pump0")
			converse(t, link, step{say: request("MS2"), want: ack}, step{say: request("DV00000500"), want: ack},
				step{say: request("RV00010000"), want: ack}, step{say: request("KY1"), want: ack})
			pause(second)
			if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.PowerCycle}); err != nil {
				t.Fatal(err)
			}
			converse(t, link, step{say: request("?SI"), want: ""}) // it is starting
			pause(1100 * time.Millisecond)
			converse(t, link, step{say: request("?DV"), want: data("00000500")})
			if b.Only().State().Pump.State == "I" != wantRuns {
				t.Errorf("SA%s: %+v", option, b.Only().State().Pump)
			}
		})
	}
}

// The examples of the manual, on the channels that it gives them for.
func TestReglo(t *testing.T) {
	virtual(t, on("reglo-icc", nil), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		converse(t, link,
			step{say: "0x!\r", want: "2\r\n"},
			step{say: "0(\r", want: "0208\r\n"},
			step{say: "0#\r", want: "REGLO ICC 0208 306\r\n"},
			step{say: "1xM\r", want: "L\r\n"},
			step{say: "1O\r", want: "*"},
			step{say: "1xM\r", want: "O\r\n"},
			step{say: "1J\r", want: "*"},
			step{say: "1xD\r", want: "J\r\n"},
			step{say: "4v3000+2\r", want: "3000E+2\r\n"},
			step{say: "4f3250+1\r", want: "3250E+1\r\n"},
			step{say: "4f\r", want: "3250E+1\r\n"},
			step{say: "4f9999+1\r", want: "4300E+1\r\n"}, // the answer is what it stored
			step{say: "1f1300-3\r", want: "1300E-3\r\n"}, // 1.3 µL/min
			step{say: "1f1300-7\r", want: "#"},           // finer than it can
			step{say: "2S012300\r", want: "#"},           // faster than it can
			step{say: "2S001230\r", want: "*"},
			step{say: "4S\r", want: "12.30\r\n"},
			step{say: "2+\r", want: "3.17 mm\r\n"},
			step{say: "1xT00001500\r", want: "*"},
			step{say: "1xT\r", want: "00001500\r\n"},
			step{say: "1%0020\r", want: "*"},
			step{say: "1%\r", want: "20\r\n"},
			step{say: "1\"\r", want: "0\r\n"},
			step{say: "0xE\r", want: "0\r\n"},
			step{say: "0E\r", want: "-"},
			step{say: "1:\r", want: "0.000 ml\r\n"},
			step{say: "3xG\r", want: "0000000000\r\n"},
			step{say: "1y\r", want: "#"},
			step{say: "0v\r", want: "#"}, // of no channel
			step{say: "9v\r", want: ""},  // nobody's
			step{say: "1f0000+0\r", want: "0000E+0\r\n"},
			step{say: "1H\r", want: "-"}, // impossible
			step{say: "1xe\r", want: "R 4300E+1\r\n"},
			step{say: "1f3000+1\r", want: "3000E+1\r\n"},
			step{say: "1v5000+0\r", want: "5000E+0\r\n"},
			step{say: "1H\r", want: "*"},
			step{say: "1H\r", want: "#"},
			step{say: "0E\r", want: "+"},
			step{say: "1v6000+0\r", want: "#"}, // not while it runs
			step{say: "1I\r", want: "*"},
			step{say: "0E\r", want: "-"},
		)
		if got := b.Only().State().Pump; got.Runs != 3 || got.State != "S" {
			t.Errorf("%+v", got)
		}
	})
}

// Events come between requests and answers; a stop is no event.
func TestRegloEvents(t *testing.T) {
	virtual(t, on("reglo-icc", nil), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		converse(t, link, step{say: "0xE1\r", want: "*"}, step{say: "1O\r", want: "*"}, step{say: "1f4000+1\r", want: "4000E+1\r\n"},
			step{say: "1v1000+0\r", want: "1000E+0\r\n"})
		got := talk(t, link, "1H\r", 3*second)
		if !strings.HasPrefix(got, "*^U1|A|") || !strings.HasSuffix(got, "\r\n^X1|A\r\n") {
			t.Errorf("%q", got)
		}
		for _, line := range strings.Split(strings.TrimSuffix(got[1:], "\r\n"), "\r\n") {
			if _, err := reglo.DecodeEvent([]byte(line)); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
		converse(t, link, step{say: "1:\r", want: "1.000 ml\r\n"}, step{say: "1xG\r", want: "0000000001\r\n"},
			step{say: "1W\r", want: "*"}, step{say: "1:\r", want: "0.000 ml\r\n"})
		if got := talk(t, link, "1H\r", 100*time.Millisecond); !strings.HasPrefix(got, "*") {
			t.Errorf("%q", got)
		}
		if got := talk(t, link, "1I\r", second); strings.Contains(got, "^X") || !strings.HasSuffix(got, "*") {
			t.Errorf("a stop: %q", got)
		}
		if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.Occlusion}); err != nil {
			t.Fatal(err)
		}
		if got := talk(t, link, "1H\r", 3*second); !strings.HasSuffix(got, "^X1|3\r\n") {
			t.Errorf("a closed tube: %q", got)
		}
	})
}

// The total and the events are gone with the power, the settings are not.
func TestRegloPowerCut(t *testing.T) {
	virtual(t, on("reglo-icc", nil), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		converse(t, link, step{say: "0xE1\r", want: "*"}, step{say: "1O\r", want: "*"}, step{say: "1v5000-1\r", want: "5000E-1\r\n"})
		talk(t, link, "1H\r", 2*second)
		if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.PowerCycle}); err != nil {
			t.Fatal(err)
		}
		pause(1100 * time.Millisecond)
		converse(t, link, step{say: "0xE\r", want: "0\r\n"}, step{say: "1:\r", want: "0.000 ml\r\n"}, step{say: "1v\r", want: "5000E-1\r\n"},
			step{say: "1xM\r", want: "O\r\n"})
	})
}

// A measured volume is taken after a calibration was pumped, and only one that is near.
func TestRegloCalibration(t *testing.T) {
	virtual(t, on("reglo-icc", nil), func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		converse(t, link,
			step{say: "1xV5000+0\r", want: "#"},
			step{say: "1xU2000+0\r", want: "2000E+0\r\n"},
			step{say: "1xW00000030\r", want: "*"},
			step{say: "1xRJ\r", want: "*"},
			step{say: "0xE1\r", want: "*"},
		)
		if got := talk(t, link, "1xY\r", 4*second); !strings.HasPrefix(got, "*") || !strings.HasSuffix(got, "^X1|B\r\n") {
			t.Errorf("%q", got)
		}
		converse(t, link,
			step{say: "1xV9000+0\r", want: "#"},
			step{say: "1xV2100+0\r", want: "2100E+0\r\n"},
			step{say: "1xV2100+0\r", want: "#"}, // once
			step{say: "1xZ\r", want: "*"},
		)
	})
}
