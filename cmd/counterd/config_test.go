package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/internal/station"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/andstd"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "counterd.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigIsReadExactly(t *testing.T) {
	c, err := readConfig(write(t, `
server: https://clinic:8443
devices:
  scale: {model: mt-sics, port: /dev/lieu/scale, serial: "0012", baud: 9600}
  pump: {model: new-era, port: /dev/lieu/pump, diameter_mm: 26.70, rate_ml_min: 60, min_ml: 0.5, max_ml: 30, dead_man: 5s}
cup: {min_g: 1.5, max_g: 40}
timing: {drip: 700ms}
`), true)
	if err != nil {
		t.Fatal(err)
	}
	scale, err := c.Devices.Scale.options("scale", "/run")
	if err != nil || scale.Registered != "0012" || scale.Baud != 9600 || scale.LockDir != "/run" {
		t.Errorf("%+v, %v", scale, err)
	}
	pump, err := c.Devices.Pump.options("pump", "")
	if err != nil || pump.Diameter != 26_700 || pump.Rate != 60_000 || pump.Min != 500 || pump.Max != 30_000 || pump.DeadMan != 5*time.Second {
		t.Errorf("%+v, %v", pump, err)
	}
	reglo := deviceConfig{Options: map[string]string{"back_steps": "20", "residual_ml": "1.25", "dose_mode": "2", "address": "3"}}
	if o, err := reglo.options("pump", ""); err != nil || o.BackSteps != 20 || o.Residual != 1250 || o.DoseMode != 2 || o.Address != 3 {
		t.Errorf("%+v, %v", o, err)
	}
	cavro := deviceConfig{Options: map[string]string{
		"syringe_ml": "2.5", "stroke": "6000", "input_port": "1", "output_port": "3", "turn": "counterclockwise",
		"homing_force": "2", "start_speed": "200", "cutoff_speed": "1400", "slope": "7", "wait": "500ms", "settings": "auto-run off",
	}}
	want := catalog.Cavro{
		Syringe: 2500, Stroke: 6000, Input: 1, Output: 3, CounterClockwise: true, HomingForce: 2, Start: 200, Cutoff: 1400, Slope: 7,
		Wait: 500 * time.Millisecond, Settings: "auto-run off",
	}
	if o, err := cavro.options("pump", ""); err != nil || o.Cavro != want {
		t.Errorf("%+v, %v", o.Cavro, err)
	}
	pour, err := c.pour()
	if err != nil || pour.CupMin != 1_500_000 || pour.CupMax != 40*measure.WeightGram || pour.Drip != 700*time.Millisecond {
		t.Errorf("%+v, %v", pour, err)
	}
	if err := c.place(&station.Config{}, ""); err != nil {
		t.Error(err)
	}
}

// What only some balances have.
func TestBalanceOptions(t *testing.T) {
	for text, want := range map[string]catalog.Options{
		"mt-sics,/dev/x,profile=kern":             {Profile: "kern"},
		"sbi,/dev/x,framing=7O1":                  {Framing: "7O1"},
		"a-and-d,/dev/x,rs485=23":                 {Station: andstd.Station{Addressed: true, Address: 23}},
		"toledo-continuous,/dev/x,checksum=yes":   {Checksum: true},
		"toledo-continuous,/dev/x,checksum=false": {},
	} {
		var d deviceConfig
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		o, err := d.options("scale", "")
		if err != nil || o.Profile != want.Profile || o.Framing != want.Framing || o.Station != want.Station || o.Checksum != want.Checksum {
			t.Errorf("%s: %+v, %v", text, o, err)
		}
	}
}

func TestConfigIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown key":       "sever: x",
		"an unknown option":    "devices: {scale: {model: mt-sics, port: x, speed: 1}}",
		"a serial of Toledo":   "devices: {scale: {model: toledo-continuous, port: x, serial: 7}}",
		"a framing of 9 bits":  "devices: {scale: {model: sbi, port: x, framing: 9N1}}",
		"a station of 100":     "devices: {scale: {model: a-and-d, port: x, rs485: 100}}",
		"half a checksum":      "devices: {scale: {model: toledo-continuous, port: x, checksum: maybe}}",
		"a profile of ohaus":   "devices: {scale: {model: ohaus, port: x, profile: kern}}",
		"an unknown model":     "devices: {scale: {model: kitchen, port: x}}",
		"a pump as a scale":    "devices: {scale: {model: new-era, port: x}}",
		"four decimals":        "devices: {pump: {model: new-era, port: x, diameter_mm: 26.7001}}",
		"a diameter of zero":   "devices: {pump: {model: new-era, port: x, diameter_mm: 0}}",
		"steps in words":       "devices: {pump: {model: reglo-icc, port: x, back_steps: many}}",
		"a mode in words":      "devices: {pump: {model: simdos, port: x, dose_mode: volume}}",
		"a turn unknown":       "devices: {pump: {model: cavro-oem, port: x, turn: left}}",
		"a negative rate":      "devices: {pump: {model: new-era, port: x, rate_ml_min: -1}}",
		"a decimal comma":      `devices: {pump: {model: new-era, port: x, max_ml: "0,5"}}`,
		"a cup without weight": "cup: {min_g: 0}",
		"a bare number":        "timing: {drip: 5}",
	} {
		c, err := readConfig(write(t, text), true)
		if err == nil {
			err = c.place(&station.Config{}, "")
		}
		if err == nil {
			_, err = c.pour()
		}
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := readConfig("/nonexistent/counterd.yaml", true); err == nil {
		t.Error("a file that was asked for is missing")
	}
	if _, err := readConfig("/nonexistent/counterd.yaml", false); err != nil {
		t.Error(err)
	}
}

func TestFlagsWinOverTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "counterd.yaml"), []byte("server: https://file\nlisten: 127.0.0.1:9\ndevices: {scale: {model: mt-sics, port: file}, scanner: {model: line, port: file}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c cli
	parser, err := kong.New(&c, kong.Vars{"default_dir": defaultDir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"run", "--dir", dir, "--server", "https://flag", "--scale", "mt-sics,/dev/x,serial=1,baud=4800"}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Run.config()
	if err != nil {
		t.Fatal(err)
	}
	if got.Server != "https://flag" || got.Listen != "127.0.0.1:9" || got.Devices.Scanner.Port != "file" ||
		got.Devices.Scale.Port != "/dev/x" || got.Devices.Scale.Options["baud"] != "4800" {
		t.Errorf("%+v", got)
	}
	if _, err := parser.Parse([]string{"run", "--scale", "mt-sics,/dev/x,fast"}); err == nil || !strings.Contains(err.Error(), "key=value") {
		t.Errorf("got %v", err)
	}
}
