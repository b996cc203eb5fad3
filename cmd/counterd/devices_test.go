//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/decode"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
)

// window is a counter that runs over a simulated bench.
type window struct {
	t     *testing.T
	dir   string // the counter's
	bench *sim.Bench
	log   *bytes.Buffer // to be read when the counter has stopped
}

// startWindow starts a bench and a counter over it. In the text of its devices BENCH stands for the bench's directory.
func startWindow(t *testing.T, devices string) *window {
	t.Helper()
	bench, ports := startBench(t)
	return startOver(t, bench, ports, devices)
}

func startBench(t *testing.T) (*sim.Bench, string) {
	t.Helper()
	ports := t.TempDir()
	b, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 5, Dir: ports, Speed: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, ports
}

func startOver(t *testing.T, bench *sim.Bench, ports, devices string) *window {
	t.Helper()
	w := &window{t: t, dir: t.TempDir(), bench: bench, log: new(bytes.Buffer)}
	server := newClinicd(t)
	if err := (&enrollCommand{Server: server.http.URL, Code: "x", Dir: w.dir}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := "devices:\n" + strings.ReplaceAll(devices, "BENCH", ports)
	if err := os.WriteFile(filepath.Join(w.dir, "counterd.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run()
	return w
}

func (w *window) run() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- (&runCommand{Dir: w.dir}).Run(ctx, slog.New(slog.NewTextHandler(w.log, nil)))
	}()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
}

// until waits for the daemon to say of its devices what is expected.
func (w *window) until(what string, expected func(map[string]deviceState) bool) map[string]deviceState {
	w.t.Helper()
	var last deviceStates
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		all, err := askDaemon(w.t.Context(), w.dir)
		if err != nil {
			continue
		}
		last = all
		byKind := map[string]deviceState{}
		for _, d := range all.Devices {
			byKind[d.Kind] = d
		}
		if expected(byKind) {
			return byKind
		}
	}
	w.t.Fatalf("%s: %+v", what, last)
	return nil
}

const (
	goodScale   = "  scale: {model: mt-sics, port: BENCH/scale0}\n"
	goodPump    = "  pump: {model: new-era, port: BENCH/pump0, diameter_mm: 26.70, rate_ml_min: 60, max_ml: 30}\n"
	goodScanner = "  scanner: {model: line, port: BENCH/scanner0}\n"
)

// A device that is configured wrongly, or is not what it should be, says what to do. The others work.
func TestWhatIsWrongWithADeviceIsSaidAndTheOthersWork(t *testing.T) {
	for name, c := range map[string]struct {
		devices string
		before  func(t *testing.T, b *sim.Bench)
		wrong   string   // kind
		say     []string // in its reason
		work    []string // kinds
	}{
		"a port that is missing": {
			devices: "  scale: {model: mt-sics, port: BENCH/nothing}\n" + goodPump + goodScanner,
			wrong:   "scale", say: []string{"BENCH/nothing", "no such port", "plugged in"}, work: []string{"pump", "scanner"},
		},
		"a port that is none": {
			devices: "  scale: {model: mt-sics, port: /dev/null}\n" + goodPump + goodScanner,
			wrong:   "scale", say: []string{"/dev/null", "not a serial port"}, work: []string{"pump", "scanner"},
		},
		"no port": {
			devices: "  scale: {model: mt-sics}\n" + goodPump + goodScanner,
			wrong:   "scale", say: []string{"no port is given", "counterd ports"}, work: []string{"pump", "scanner"},
		},
		"an unknown option": {
			devices: "  pump: {model: new-era, port: BENCH/pump0, speed: 3}\n" + goodScale + goodScanner,
			wrong:   "pump", say: []string{`no option "speed"`, "rate_ml_min"}, work: []string{"scale", "scanner"},
		},
		"an unknown model": {
			devices: "  scale: {model: kitchen, port: BENCH/scale0}\n" + goodPump + goodScanner,
			wrong:   "scale", say: []string{`no scale model "kitchen"`, "mt-sics"}, work: []string{"pump", "scanner"},
		},
		"an option that lacks": {
			devices: "  pump: {model: new-era, port: BENCH/pump0}\n" + goodScale + goodScanner,
			wrong:   "pump", say: []string{"inner diameter", "the rate", "the largest dose"}, work: []string{"scale", "scanner"},
		},
		"two devices on one port": {
			devices: "  scale: {model: mt-sics, port: BENCH/pump0}\n" + goodPump + goodScanner,
			wrong:   "scale", say: []string{"both configured on", "a port of its own"}, work: []string{"scanner"},
		},
		"the wrong baud rate": {
			devices: "  scale: {model: mt-sics, port: BENCH/scale0, baud: 4800}\n" + goodPump + goodScanner,
			wrong:   "scale", say: []string{"baud rate", "counterd probe --model mt-sics --port BENCH/scale0"}, work: []string{"pump", "scanner"},
		},
		// A byte whose parity is wrong arrives as NUL.
		"the wrong parity": {
			devices: goodScale + goodPump + goodScanner,
			before: func(t *testing.T, b *sim.Bench) {
				if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.NulByte, Count: -1}); err != nil {
					t.Fatal(err)
				}
			},
			wrong: "scale", say: []string{"parity", "counterd probe"}, work: []string{"pump", "scanner"},
		},
		"a port that is forbidden": {
			devices: goodScale + goodPump + goodScanner,
			before: func(t *testing.T, b *sim.Bench) {
				if os.Geteuid() == 0 {
					t.Skip("nothing is forbidden to root")
				}
				path, err := b.Path("scale0")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, 0); err != nil {
					t.Fatal(err)
				}
			},
			wrong: "scale", say: []string{"no permission", "the group that owns the port"}, work: []string{"pump", "scanner"},
		},
		"another kind of device on the port": {
			devices: goodScale + goodPump + goodScanner,
			before: func(t *testing.T, b *sim.Bench) {
				if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.WrongDevice}); err != nil {
					t.Fatal(err)
				}
			},
			wrong: "scale", say: []string{"BENCH/scale0", "counterd probe"}, work: []string{"pump", "scanner"},
		},
		"another unit than the registered one": {
			devices: "  scale: {model: mt-sics, port: BENCH/scale0, serial: \"7\"}\n" + goodPump + goodScanner,
			wrong:   "scale", say: []string{"another device is on this port", "put the registered device back"}, work: []string{"pump", "scanner"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bench, ports := startBench(t)
			if c.before != nil {
				c.before(t, bench)
			}
			w := startOver(t, bench, ports, c.devices)
			w.until("the reason and the others", func(all map[string]deviceState) bool {
				for _, kind := range c.work {
					if all[kind].State != "ready" {
						return false
					}
				}
				for _, text := range c.say {
					if !strings.Contains(all[c.wrong].Why, strings.ReplaceAll(text, "BENCH", ports)) {
						return false
					}
				}
				return all[c.wrong].State == "down"
			})
		})
	}
}

// Two counters on one machine do not talk over each other on one port: the second one is told, and goes on when the
// first one lets go.
func TestTwoCountersOnOnePort(t *testing.T) {
	t.Parallel()
	first := startWindow(t, goodScale+goodPump)
	first.until("the first has the scale", func(all map[string]deviceState) bool { return all["scale"].State == "ready" })
	path, err := first.bench.Path("scale0")
	if err != nil {
		t.Fatal(err)
	}
	bench, ports := startBench(t)
	second := startOver(t, bench, ports, "  scale: {model: mt-sics, port: "+path+"}\n"+goodPump+goodScanner)
	second.until("the second is told", func(all map[string]deviceState) bool {
		return all["scale"].State == "down" && strings.Contains(all["scale"].Why, "in use by another program") && all["scanner"].State == "ready"
	})
	first.until("the first still has it", func(all map[string]deviceState) bool { return all["scale"].State == "ready" })
}

func TestDevicesWithoutADaemon(t *testing.T) {
	dir := t.TempDir()
	text := "devices: {scale: {model: mt-sics, port: /dev/none, serial: \"12\"}, pump: {model: new-era, port: /dev/none}}"
	if err := os.WriteFile(filepath.Join(dir, "counterd.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := (&runCommand{Dir: dir}).config()
	if err != nil {
		t.Fatal(err)
	}
	_, why := askDaemon(t.Context(), dir)
	if why == nil {
		t.Fatal("nobody was asked")
	}
	var out bytes.Buffer
	if err := c.deviceStates(why, dir).write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not running: no daemon has run here yet", "mt-sics", "serial 12", "no such port now", "both configured on /dev/none", "scanner  none"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	for addr, want := range map[string]string{"127.0.0.1:1": "does not run", "not an address": "listen.addr"} {
		if err := os.WriteFile(filepath.Join(dir, "listen.addr"), []byte(addr+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := askDaemon(t.Context(), dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestPortsSayWhatIsConfiguredAndUsed(t *testing.T) {
	t.Parallel()
	w := startWindow(t, goodScale+"  pump: {model: new-era, port: BENCH/none, diameter_mm: 26.70, rate_ml_min: 60, max_ml: 30}\n")
	w.until("the scale is open", func(all map[string]deviceState) bool { return all["scale"].State == "ready" })
	c, err := (&runCommand{Dir: w.dir}).config()
	if err != nil {
		t.Fatal(err)
	}
	sys := t.TempDir()
	if err := os.MkdirAll(filepath.Join(sys, "class", "tty"), 0o755); err != nil {
		t.Fatal(err)
	}
	all, err := listPorts(serialport.Place{Sys: sys}, c, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writePorts(&out, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"in use by another program of Lieu, configured as scale\n    " + c.Devices.Scale.Port, c.Devices.Pump.Port + ": missing", "configured as pump",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	// And what is held is not probed.
	p := probeCommand{Model: "mt-sics", Port: c.Devices.Scale.Port, Dir: w.dir, Timeout: 5 * time.Second}
	m, err := probable("mt-sics")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := p.probe(t.Context(), m); err == nil || !strings.Contains(err.Error(), "in use by another program of Lieu") || len(found.Passed) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestNoPortsAtAll(t *testing.T) {
	var out bytes.Buffer
	if err := writePorts(&out, nil); err != nil || !strings.Contains(out.String(), "no serial port") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if _, err := listPorts(serialport.Place{Sys: "/nonexistent"}, config{}, ""); err == nil {
		t.Error("a system that tells nothing, and nothing configured")
	}
}

// What passed is told with its meaning, whether it goes well or not.
func TestProbe(t *testing.T) {
	dir := t.TempDir()
	b, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 5, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	probe := func(model, device string, options map[string]string) (probed, error) {
		t.Helper()
		ctx, done := context.WithTimeout(t.Context(), 5*time.Second)
		defer done()
		m, err := probable(model)
		if err != nil {
			t.Fatal(err)
		}
		return (&probeCommand{Model: model, Port: filepath.Join(dir, device), Option: options, Dir: t.TempDir()}).probe(ctx, m)
	}

	scale, err := probe("mt-sics", "scale0", nil)
	if err != nil || scale.Identity == nil || scale.Identity.Serial != "1000001" || scale.Settings["baud"] != "9600" {
		t.Errorf("%+v, %v", scale, err)
	}
	if !tells(scale, decode.Weight) || !tells(scale, decode.Identity) {
		t.Errorf("%+v", scale.Passed)
	}
	var out bytes.Buffer
	if err := scale.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"identity: model SIM-MT 520.00 g, serial 1000001", "state: 0.00 g, stable", `> 53490D0A  "SI\r\n"`, "weight id=S stable=true unit=g value=0.00"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}

	pump, err := probe("new-era", "pump0", nil)
	if err != nil || pump.Identity == nil || pump.Identity.Model != "NE1000" || !tells(pump, decode.Volume) || !tells(pump, decode.Command) {
		t.Errorf("%+v, %v", pump, err)
	}
	if s := b.State().Counters[0]; s.PushedML != 0 || s.Pump.Runs != 0 {
		t.Errorf("a probe moved liquid: %+v", s)
	}

	wrong, err := probe("mt-sics", "scale0", map[string]string{"baud": "4800"})
	if err == nil || !strings.Contains(err.Error(), "baud rate") || wrong.Error == "" || len(wrong.Passed) == 0 || wrong.Settings["baud"] != "4800" {
		t.Errorf("%+v, %v", wrong, err)
	}
	for port, want := range map[string]string{"nothing": "no such port", "../../dev/null": "not a serial port"} {
		if port == "../../dev/null" {
			port = strings.Repeat("../", 12) + "dev/null"
		}
		if _, err := probe("mt-sics", port, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", port, err)
		}
	}
	if _, err := probe("mt-sics", "scale0", map[string]string{"colour": "red"}); err == nil || !strings.Contains(err.Error(), `no option "colour"`) {
		t.Errorf("%v", err)
	}
	if _, err := json.Marshal(scale); err != nil {
		t.Error(err)
	}
	for _, model := range []string{"manual", "kettle"} {
		if _, err := probable(model); err == nil || !strings.Contains(err.Error(), "mt-sics") {
			t.Errorf("%s: %v", model, err)
		}
	}
}

func tells(p probed, kind decode.Kind) bool {
	for _, one := range p.Passed {
		for _, f := range one.Frames {
			if f.Kind == kind {
				return true
			}
		}
	}
	return false
}

// What passes on the port of any model of the catalogue can be told.
func TestEveryModelHasAProtocol(t *testing.T) {
	for _, m := range catalog.Models() {
		if _, ok := protocolOf(m.Name); !ok && !m.ByHand {
			t.Errorf("%s %s: give its protocol the name as an alias", m.Kind, m.Name)
		}
	}
}

// Every model can be probed without knowing how it will be set up, and what it says is understood.
func TestEveryModelIsProbed(t *testing.T) {
	for _, m := range catalog.Models() {
		if m.ByHand || m.Name == catalog.Evdev { // the bench has no keyboard's event device
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			device := sim.DeviceConfig{Model: m.Name}
			one := sim.CounterConfig{Name: "counter"}
			switch m.Kind {
			case catalog.Scale:
				one.Scale = device
			case catalog.Pump:
				one.Pump = device
			case catalog.Printer:
				one.Printer = device
			}
			b, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 5, Dir: dir, Counters: []sim.CounterConfig{one}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = b.Close() }()
			ctx, done := context.WithTimeout(t.Context(), 10*time.Second)
			defer done()
			p := probeCommand{Model: m.Name, Port: filepath.Join(dir, string(m.Kind)+"0"), Dir: t.TempDir()}
			found, err := p.probe(ctx, m)
			if err != nil {
				t.Fatalf("%v: %+v", err, found.Passed)
			}
			if m.Kind != catalog.Scanner && !understood(found) {
				t.Errorf("nothing of it is understood: %+v", found.Passed)
			}
			if s := b.State().Counters[0]; s.PushedML != 0 || s.Pump.Runs != 0 {
				t.Errorf("a probe moved liquid: %+v", s)
			}
		})
	}
}

// understood reports whether the device said something, all of it was of a frame, and none of it was broken.
func understood(p probed) bool {
	frames := 0
	for _, one := range p.Passed {
		if one.Dir == "<" {
			frames += len(one.Frames)
		}
		for _, f := range one.Frames {
			if f.Checksum == decode.Bad || f.CRC == decode.Bad {
				return false
			}
		}
		if one.Skipped > 0 {
			return false
		}
	}
	return frames > 0
}
