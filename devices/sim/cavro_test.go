package sim_test

import (
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices/sim"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/cavro"
)

// onCavro runs a test on a bench with a Cavro pump.
func onCavro(t *testing.T, options map[string]string, f func(t *testing.T, b *sim.Bench)) {
	t.Helper()
	pump := sim.DeviceConfig{Model: "cavro-oem", Options: options}
	virtual(t, sim.Config{Seed: 5, Counters: []sim.CounterConfig{{Name: "counter", Pump: pump}}}, f)
}

// dt is a command and its answer in the DT protocol; "" for none.
func dt(command, answer string) step {
	s := step{say: "/1" + command + "\r"}
	if answer != "" {
		s.want = "/0" + answer + "\x03\r\n"
	}
	return s
}

func oem(sequence byte, repeat bool, command string) string {
	return string(proto.AppendBlock(nil, '1', sequence, repeat, proto.Command(command)))
}

func oemAnswer(ready bool, code proto.ErrorCode, data string) string {
	return string(proto.Answer{Status: proto.StatusOf(ready, code), Data: []byte(data)}.AppendBlock(nil))
}

func after(s step, wait time.Duration) step {
	s.wait = wait
	return s
}

// From a pump that was switched on to an overload, in the DT protocol.
func TestCavroInDT(t *testing.T) {
	onCavro(t, nil, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		converse(t, link,
			dt("Q", "g"), // it was switched on
			dt("A100R", "g"), dt("Q", "g"),
			dt("ZR", "@"), after(dt("Q", "@"), second), dt("Q", "`"), dt("?6", "`i"),
			dt("V1200R", "`"), dt("?2", "`1200"),
			after(dt("IA1500R", "@"), 4*second), dt("Q", "`"), dt("?4", "`1500"), dt("?", "`1500"),
			after(dt("OA0R", "@"), 500*time.Millisecond), dt("A10R", "O"), dt("Q", "@"), dt("V1300R", "O"),
			dt("?2", "@1200"), dt("T", "`"), dt("?10", "`1"),
		)
		before := b.Only().State().PushedML
		converse(t, link, after(dt("R", "@"), 4*second), dt("?", "`0"), dt("?10", "`0")) // R goes on with what T stopped
		s := b.Only().State()
		near(t, "all of it but what the stop lost", s.PushedML, 2.4975, 0.0025)
		if before > 1 {
			t.Errorf("%g mL before the stop", before)
		}
		converse(t, link, after(dt("IA300R", "@"), 2*second), after(dt("OA0R", "@"), 2*second), after(dt("X", "@"), 2*second), dt("?", "`0"))
		if n := b.Only().State().Pump.Runs; n != 6 { // executed or not
			t.Errorf("%d strings that push", n)
		}
		if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.Occlusion}); err != nil {
			t.Fatal(err)
		}
		converse(t, link, after(dt("IA1500R", "@"), 4*second), after(dt("OA0R", "@"), 2*second), dt("Q", "i"))
		near(t, "a little", b.Only().State().PushedML-s.PushedML-0.5, 0.017, 0.003)
		converse(t, link, dt("?4", "i1491"), dt("Q", "`"), dt("A10R", "i"), dt("Q", "i")) // read, the display is gone; the next motion fails again
	})
}

func TestCavroRefusesWhatIsWrong(t *testing.T) {
	onCavro(t, map[string]string{"initialised": "yes"}, func(t *testing.T, b *sim.Bench) {
		converse(t, connect(t, b, "pump0"),
			dt("hR", "b"), dt("Q", "`"), // an immediate error is gone with the next command
			dt("A100yR", "b"), dt("?4", "`0"), // and nothing of its string is executed
			dt("AR", "c"), dt("?99", "c"),
			after(dt("A100A3001R", "@"), 2*second), dt("?4", "c100"), dt("Q", "c"), dt("Q", "`"), // the part before is
			dt("A3001R", "`"), dt("Q", "c"),
			after(dt("BR", "@"), second), dt("A0R", "`"), dt("Q", "k"),
			after(dt("IR", "@"), second), after(dt("A0R", "@"), second), dt("?4", "`0"),
			dt("N1R", "`"), after(dt("A800R", "@"), second), dt("?4", "`800"), dt("N0R", "`"), dt("?4", "`100"),
			step{say: "/2Q\r"}, step{say: "/_Q\r"}, // another pump's; everybody's, which nobody answers
			after(dt("gA0A10G3R", "@"), 2*second), dt("?4", "`10"),
			dt("A0M500", "`"), dt("F", "`1"), after(dt("R", "@"), 100*time.Millisecond), dt("Q", "@"),
		)
	})
}

// The repeat bit: the same block is acknowledged and not executed again.
func TestCavroInOEM(t *testing.T) {
	onCavro(t, map[string]string{"initialised": "yes"}, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		busy, ready := oemAnswer(false, 0, ""), oemAnswer(true, 0, "")
		wrong := []byte(oem(1, false, "Q"))
		wrong[len(wrong)-1] ^= 1
		converse(t, link,
			dt("?4", "`0"),
			step{say: string(wrong)}, // a wrong checksum is silence
			dt("?4", "`0"),           // and no block
			step{say: "xx" + oem(1, false, "Q"), want: ready},
			dt("?4", ""), // after the first block the other protocol is not heard
			step{say: oem(2, false, "IA600R"), want: busy, wait: 4 * second},
			step{say: oem(3, false, "OD300R"), want: busy, wait: 2 * second},
			step{say: oem(3, true, "OD300R"), want: ready, wait: 2 * second},
			step{say: oem(4, false, "?4"), want: oemAnswer(true, 0, "300")},
			step{say: oem(4, true, "?4"), want: oemAnswer(true, 0, "300")},  // asking again is asking
			step{say: oem(5, true, "OD150R"), want: busy, wait: 2 * second}, // another number: it had not come through
			step{say: oem(5, true, "OD150R"), want: ready, wait: 2 * second},
			step{say: oem(5, false, "OD150R"), want: busy, wait: 2 * second}, // without the bit it is a new command
			step{say: oem(6, false, "?4"), want: oemAnswer(true, 0, "0")},
		)
		if n := b.Only().State().Pump.Runs; n != 3 {
			t.Errorf("%d strokes", n)
		}
		if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.PowerCycle}); err != nil {
			t.Fatal(err)
		}
		converse(t, link, after(step{say: oem(1, false, "Q")}, second), dt("Q", "g"))
	})
}

func TestCavroErrorsCanBeOrdered(t *testing.T) {
	onCavro(t, map[string]string{"initialised": "yes"}, func(t *testing.T, b *sim.Bench) {
		link := connect(t, b, "pump0")
		order := func(code proto.ErrorCode) {
			t.Helper()
			if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.PumpError, Code: int(code)}); err != nil {
				t.Fatal(err)
			}
		}
		home := after(dt("ZR", "@"), 4*second)
		order(proto.NotInitialised)
		converse(t, link, dt("Q", "g"), home, dt("Q", "`"))
		order(proto.Initialisation)
		converse(t, link, dt("ZR", "a"), dt("Q", "a"), home, dt("Q", "`"))
		order(proto.MoveNotAllowed)
		converse(t, link, dt("A10R", "`"), dt("Q", "k"), dt("Q", "`"))
		order(proto.ValveOverload)
		converse(t, link, dt("OR", "j"), dt("Q", "j"), home)
		order(proto.PlungerOverload)
		converse(t, link, after(dt("IA3000R", "@"), 5*second), dt("Q", "i"), home, dt("Q", "`"))
		for _, f := range []sim.Fault{
			{Device: "pump0", Kind: sim.PumpError, Code: 15}, {Device: "pump0", Kind: sim.PumpError}, {Device: "scale0", Kind: sim.PumpError, Code: 9},
		} {
			if err := b.Fault(f); err == nil {
				t.Errorf("%+v was taken", f)
			}
		}
	})
}

// Homing pushes out what the syringe holds: into the cup, when one stands there.
func TestCavroHomingPoursIntoTheCup(t *testing.T) {
	onCavro(t, map[string]string{"initialised": "yes"}, func(t *testing.T, b *sim.Bench) {
		c := b.Only()
		bottle := c.State().BottleML
		link := connect(t, b, "pump0")
		converse(t, link, after(dt("IA1200R", "@"), 4*second))
		near(t, "drawn from the bottle", bottle-c.State().BottleML, 2, 0.02)
		if s := c.State(); s.PushedML != 0 || s.DeliveredML != 0 {
			t.Errorf("drawing poured: %+v", s)
		}
		converse(t, link, after(dt("IA600R", "@"), 4*second))
		near(t, "half of it given back", bottle-c.State().BottleML, 1, 0.02)
		if err := b.Fault(sim.Fault{Device: "pump0", Kind: sim.PowerCycle}); err != nil {
			t.Fatal(err)
		}
		if err := c.PlaceCup(); err != nil {
			t.Fatal(err)
		}
		pause(second)
		converse(t, link, dt("?", "g0"), after(dt("ZR", "@"), 5*second), dt("Q", "`"))
		taken, err := c.LiftCup()
		if err != nil {
			t.Fatal(err)
		}
		near(t, "in the cup", taken.LiquidML, 1, 0.02)
		// With no cup it is waste.
		converse(t, link, after(dt("IA600R", "@"), 4*second), after(dt("ZR", "@"), 5*second))
		near(t, "spilled", c.State().SpilledML, 1, 0.02)
	})
}

// An empty bottle gives air: the pump counts, and nothing arrives.
func TestCavroDrawsAirFromAnEmptyBottle(t *testing.T) {
	pump := sim.DeviceConfig{Model: "cavro-dt", Options: map[string]string{"initialised": "yes"}}
	virtual(t, sim.Config{Seed: 5, Bottle: 500, Counters: []sim.CounterConfig{{Name: "counter", Pump: pump}}}, func(t *testing.T, b *sim.Bench) {
		if err := b.Only().PlaceCup(); err != nil {
			t.Fatal(err)
		}
		converse(t, connect(t, b, "pump0"), after(dt("IA1200R", "@"), 4*second), after(dt("OA0R", "@"), 5*second), dt("?4", "`0"))
		s := b.Only().State()
		near(t, "counted", s.Pump.CountedML, 2, 0.001)
		near(t, "in the cup", s.Cup.LiquidML, 0.5, 0.01)
	})
}
