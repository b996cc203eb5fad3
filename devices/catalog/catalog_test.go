package catalog_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/andstd"
	"github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The whole road of one dose, over real terminals: the scanner reads, the pump pours, the balance sees it.
func TestOneDoseOverTerminals(t *testing.T) {
	dir := t.TempDir()
	bench, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 1, Dir: dir, Speed: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bench.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o := catalog.Options{LockDir: t.TempDir(), Now: time.Now}
	o.Path = dir + "/scale0"
	o.Registered = "1000001"
	scale, err := catalog.OpenScale(ctx, catalog.MTSICS, o)
	if err != nil {
		t.Fatal(err)
	}
	defer scale.Close()
	o.Path, o.Registered = dir+"/scanner0", ""
	scanner, err := catalog.OpenScanner(ctx, catalog.Line, o)
	if err != nil {
		t.Fatal(err)
	}
	defer scanner.Close()
	o.Path = dir + "/pump0"
	o.Diameter, o.Rate, o.Max = 29_200, 40_000, 50*measure.Millilitre
	pump, err := catalog.OpenPump(ctx, catalog.NewEra, o)
	if err != nil {
		t.Fatal(err)
	}
	defer pump.Close()

	control, err := sim.Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	if err := control.PlaceCup(""); err != nil {
		t.Fatal(err)
	}
	before := settled(t, ctx, scale)
	if err := pump.Arm(ctx, 6*measure.Millilitre); err != nil {
		t.Fatal(err)
	}
	var seen []measure.Volume
	moved, err := pump.Dispense(ctx, func(s devices.PumpState) { seen = append(seen, s.Moved) })
	if err != nil {
		t.Fatal(err)
	}
	if moved != 6*measure.Millilitre {
		t.Errorf("moved %s", moved)
	}
	if len(seen) < 3 {
		t.Errorf("progress seen only as %v", seen)
	}
	after := settled(t, ctx, scale)
	want := 6 * 1.06
	if got := float64(after.Weight-before.Weight) / 1e6; math.Abs(got-want) > 0.05 {
		t.Errorf("the balance saw %.3f g, want about %.3f g", got, want)
	}
	if err := control.Scan("", "]C0LIEU-1"); err != nil {
		t.Fatal(err)
	}
	scan, err := scanner.Next(ctx)
	if err != nil || scan.Text != "LIEU-1" || scan.Symbology != "C0" {
		t.Errorf("scan %+v, %v", scan, err)
	}
	if s, err := control.State(); err != nil || s.Counters[0].Pump.Runs != 1 {
		t.Errorf("state %+v, %v", s, err)
	}
}

// settled weighs as a station does: three stable readings within one digit, over a second or more. One flag alone may
// be older than the load, and the drop at the nozzle falls after the pump has stopped.
func settled(t *testing.T, ctx context.Context, scale devices.Scale) devices.Reading {
	t.Helper()
	var run []devices.Reading
	for {
		r, err := scale.Stable(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(run); n > 0 && (r.Weight-run[n-1].Weight > 10_000 || run[n-1].Weight-r.Weight > 10_000) {
			run = run[:0]
		}
		if run = append(run, r); len(run) >= 3 && r.At.Sub(run[0].At) >= time.Second {
			return r
		}
	}
}

// Each kind of balance is opened by its name on the bench, over a real terminal, and weighs.
func TestEveryBalance(t *testing.T) {
	for _, m := range catalog.Models() {
		if m.Kind != catalog.Scale {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			dir := t.TempDir()
			bench, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 1, Dir: dir, Speed: 5,
				Counters: []sim.CounterConfig{{Scale: sim.DeviceConfig{Model: m.Name}}}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { bench.Close() })
			o := catalog.Options{Path: dir + "/scale0", LockDir: t.TempDir(), Now: time.Now, Registered: "1000001"}
			if m.Name == catalog.Toledo {
				o.Registered = ""
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			scale, err := catalog.OpenScale(ctx, m.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			defer scale.Close()
			if r, err := scale.Stable(ctx); err != nil || r.Weight > 20*measure.WeightMilligram || r.Weight < -20*measure.WeightMilligram {
				t.Errorf("an empty pan: %+v, %v", r, err)
			}
		})
	}
}

// An option that a model does not have is refused before the port is touched.
func TestOptionsOfOtherBalances(t *testing.T) {
	for name, row := range map[string]struct {
		model   string
		options catalog.Options
		says    string
	}{
		"a serial number where none is said": {catalog.Toledo, catalog.Options{Registered: "7"}, "no serial number"},
		"a profile of another protocol":      {catalog.SBI, catalog.Options{Profile: "kern"}, "no profiles"},
		"a station of another protocol":      {catalog.OHAUS, catalog.Options{Station: andstd.Station{Addressed: true}}, "RS-485"},
		"a checksum of another protocol":     {catalog.Radwag, catalog.Options{Checksum: true}, "checksum"},
		"a framing that is none":             {catalog.SBI, catalog.Options{Framing: "8X1"}, "8X1"},
	} {
		row.options.Name, row.options.Now = "scale0", time.Now
		_, err := catalog.OpenScale(t.Context(), row.model, row.options)
		if err == nil || !strings.Contains(err.Error(), "scale0") || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	link := devicetest.NewScript(t)
	_, err := catalog.OpenScale(t.Context(), catalog.MTSICS, catalog.Options{Link: link, Now: time.Now, Profile: "abacus"})
	if err == nil || !strings.Contains(err.Error(), "kern") {
		t.Errorf("a profile that does not exist: %v", err)
	}
}

func TestNamesAreChecked(t *testing.T) {
	ctx := t.Context()
	if _, err := catalog.OpenScale(ctx, "abacus", catalog.Options{}); err == nil {
		t.Error("an unknown model was opened")
	}
	if _, err := catalog.OpenPump(ctx, catalog.Manual, catalog.Options{}); !errors.Is(err, catalog.ErrByHand) {
		t.Errorf("manual pump: %v", err)
	}
	if _, err := catalog.OpenPump(ctx, catalog.NewEra, catalog.Options{Now: time.Now, Path: "/dev/null"}); err == nil {
		t.Error("a pump without a syringe was opened")
	}
}

func TestModels(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range catalog.Models() {
		id := string(m.Kind) + " " + m.Name
		if seen[id] || m.Description == "" || (m.Baud == 0) != (m.ByHand || m.Name == catalog.Evdev) {
			t.Errorf("%+v", m)
		}
		seen[id] = true
		if got, err := catalog.Find(m.Kind, m.Name); err != nil || got != m {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	if _, err := catalog.Find(catalog.Pump, "bucket"); err == nil || !strings.Contains(err.Error(), "new-era, simdos, reglo-icc, cavro-oem, cavro-dt, manual") {
		t.Errorf("an unknown model: %v", err)
	}
}

// Each pump of the catalogue doses on a bench that has that model.
func TestEveryPumpDoses(t *testing.T) {
	for _, m := range catalog.Models() {
		if m.Kind != catalog.Pump || m.ByHand {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bench, err := sim.NewBench(sim.Config{Now: time.Now, Counters: []sim.CounterConfig{{Name: "counter", Pump: sim.DeviceConfig{Model: m.Name}}}})
				if err != nil {
					t.Fatal(err)
				}
				defer bench.Close()
				link, err := bench.Link("pump0")
				if err != nil {
					t.Fatal(err)
				}
				p, err := catalog.OpenPump(t.Context(), m.Name, catalog.Options{
					Link: link, Now: time.Now, Diameter: diameter(m.Name), Rate: 40 * measure.MillilitrePerMinute, Max: 50 * measure.Millilitre,
					Cavro: catalog.Cavro{Syringe: 5 * measure.Millilitre},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if i, ok := p.(devices.Initialiser); ok {
					if err := i.Initialise(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Arm(t.Context(), 6*measure.Millilitre); err != nil {
					t.Fatal(err)
				}
				if moved, err := p.Dispense(t.Context(), nil); err != nil || moved != 6*measure.Millilitre {
					t.Errorf("%s, %v", moved, err)
				}
			})
		})
	}
}

func diameter(model string) newera.Length {
	if model == catalog.Reglo {
		return 3170 // as the pump of the bench is set
	}
	return 29_200
}

// What is missing is named before the port is touched.
func TestOptionsAreChecked(t *testing.T) {
	ctx := t.Context()
	_, err := catalog.OpenPump(ctx, catalog.NewEra, catalog.Options{Name: "pump0", Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "pump0") || !strings.Contains(err.Error(), "diameter") ||
		!strings.Contains(err.Error(), "rate") || !strings.Contains(err.Error(), "largest dose") {
		t.Errorf("%v", err)
	}
	for model, want := range map[string]string{catalog.Reglo: "tube", catalog.Simdos: "rate"} {
		_, err := catalog.OpenPump(ctx, model, catalog.Options{Name: "pump0", Now: time.Now})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "syringe") {
			t.Errorf("%s: %v", model, err)
		}
	}
	for _, model := range []string{catalog.CavroOEM, catalog.CavroDT} {
		_, err := catalog.OpenPump(ctx, model, catalog.Options{Name: "pump0", Now: time.Now})
		if err == nil || !strings.Contains(err.Error(), "the syringe's volume, the rate, the largest dose") {
			t.Errorf("%s: %v", model, err)
		}
	}
	if _, err := catalog.OpenScale(ctx, catalog.MTSICS, catalog.Options{Path: "/dev/null", LockDir: t.TempDir()}); err == nil {
		t.Error("a balance without a clock")
	}
	_, err = catalog.OpenScale(ctx, catalog.MTSICS, catalog.Options{Path: "/dev/none", LockDir: t.TempDir(), Now: time.Now})
	if !errors.Is(err, serialport.ErrMissing) {
		t.Errorf("%v", err)
	}
	if _, err := catalog.OpenScanner(ctx, "eye", catalog.Options{}); err == nil {
		t.Error("an unknown scanner")
	}
}

// A balance that is not the registered one is refused, and its port is free again.
func TestRegisteredBalance(t *testing.T) {
	dir, locks := t.TempDir(), t.TempDir()
	bench, err := sim.NewBench(sim.Config{Now: time.Now, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer bench.Close()
	o := catalog.Options{Path: dir + "/scale0", LockDir: locks, Now: time.Now, Registered: "7"}
	if _, err := catalog.OpenScale(t.Context(), catalog.MTSICS, o); !errors.Is(err, devices.ErrWrongDevice) {
		t.Errorf("%v", err)
	}
	o.Registered = "1000001"
	s, err := catalog.OpenScale(t.Context(), catalog.MTSICS, o)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
