package catalog_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/escpos"
	"github.com/lieu-clinic/lieu/pkg/protocol/zpl"
)

var record = flag.Bool("record", false, "record the transcripts anew from the bench")

// A conversation of each driver was recorded. Played back, the driver says the same byte for byte, and understands the
// same: whoever changes what a driver says to a device sees it here. With -record they are recorded anew.
func TestDriversStillSayWhatWasRecorded(t *testing.T) {
	for _, m := range catalog.Models() {
		if m.ByHand {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			path := filepath.Join("testdata", "transcripts", m.Name+".txt")
			if *record {
				synctest.Test(t, func(t *testing.T) { recordTo(t, path, m) })
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v: record it with go test ./devices/catalog -run StillSay -record", err)
			}
			want, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
			synctest.Test(t, func(t *testing.T) {
				if got := converse(t, m, catalog.Options{Link: devicetest.OpenReplay(t, path)}, func() {}); got != want {
					t.Errorf("understood %q, recorded was %q", got, want)
				}
			})
		})
	}
}

// recordTo holds the conversation with a simulated device. The first line is what the driver understood.
func recordTo(t *testing.T, path string, m catalog.Model) {
	t.Helper()
	device := string(m.Kind) + "0"
	var mu sync.Mutex
	var passed []devices.Passage
	bench, err := sim.NewBench(sim.Config{
		Now: time.Now, Seed: 11, Counters: []sim.CounterConfig{oneDevice(m)},
		Record: func(from string, p devices.Passage) {
			mu.Lock()
			defer mu.Unlock()
			if from == device {
				passed = append(passed, p)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bench.Close() }()
	if err := bench.Only().PlaceCup(); err != nil {
		t.Fatal(err)
	}
	const still = 3 * time.Second
	<-time.After(still)
	link, err := bench.Link(device)
	if err != nil {
		t.Fatal(err)
	}
	understood := converse(t, m, catalog.Options{Link: link}, func() {
		<-time.After(time.Second)
		if err := bench.Only().Scan("]C0LIEU-1"); err != nil {
			t.Error(err)
		}
	})
	lines := "# " + understood + "\n"
	mu.Lock()
	defer mu.Unlock()
	for _, p := range passed {
		if p.At -= still; p.At >= 0 {
			lines += fmt.Sprintln(p)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
}

func oneDevice(m catalog.Model) sim.CounterConfig {
	switch m.Kind {
	case catalog.Scale:
		return sim.CounterConfig{Scale: sim.DeviceConfig{Model: m.Name}}
	case catalog.Pump:
		pump := sim.DeviceConfig{Model: m.Name}
		if m.Name == catalog.CavroOEM || m.Name == catalog.CavroDT {
			pump.Options = map[string]string{"initialised": "yes"}
		}
		return sim.CounterConfig{Pump: pump}
	case catalog.Printer:
		return sim.CounterConfig{Printer: sim.DeviceConfig{Model: m.Name}}
	}
	return sim.CounterConfig{Scanner: sim.DeviceConfig{Model: m.Name}}
}

// converse does with a device what a dose does, and says what it understood. Scan makes a scanner scan.
func converse(t *testing.T, m catalog.Model, o catalog.Options, scan func()) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	o.Now = time.Now
	switch m.Kind {
	case catalog.Scale:
		return weighOnce(t, ctx, m, o)
	case catalog.Pump:
		return pumpOnce(t, ctx, m, o)
	case catalog.Printer:
		return printOnce(t, ctx, m, o)
	}
	s, err := catalog.OpenScanner(ctx, m.Name, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	scan()
	got, err := s.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s as %s", got.Text, got.Symbology)
}

func printOnce(t *testing.T, ctx context.Context, m catalog.Model, o catalog.Options) string {
	t.Helper()
	p, err := catalog.OpenPrinter(ctx, m.Name, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	before, err := p.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	job, err := oneJob(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Print(ctx, job); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v; printed", before)
}

// oneJob is a label or a ticket.
func oneJob(m catalog.Model) ([]byte, error) {
	if m.Name == catalog.ESCPOS {
		ticket := escpos.New()
		ticket.Text(escpos.Double, "42")
		return ticket.Bytes()
	}
	label := zpl.New(400, 200)
	label.Text(20, 20, 30, "42")
	return label.Bytes()
}

func weighOnce(t *testing.T, ctx context.Context, m catalog.Model, o catalog.Options) string {
	t.Helper()
	s, err := catalog.OpenScale(ctx, m.Name, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	id, err := s.Identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	still, err := s.Stable(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v; %s; %s stable %t", id, now.Weight, still.Weight, still.Stable)
}

func pumpOnce(t *testing.T, ctx context.Context, m catalog.Model, o catalog.Options) string {
	t.Helper()
	p, err := catalog.OpenPump(ctx, m.Name, setUp(m, o))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	id, err := p.Identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Arm(ctx, 5*measure.Millilitre); err != nil {
		t.Fatal(err)
	}
	last := devices.PumpState{}
	moved, err := p.Dispense(ctx, func(s devices.PumpState) { last = s })
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v; moved %s, last seen %s", id, moved, last.Moved)
}

// setUp is what a pump is set up with.
func setUp(m catalog.Model, o catalog.Options) catalog.Options {
	o.Diameter, o.Rate, o.Min, o.Max = 26_700, 60_000, 500*measure.Microlitre, 30*measure.Millilitre
	switch m.Name {
	case catalog.Simdos:
		o.Diameter, o.Min = 0, measure.Millilitre
	case catalog.Reglo:
		o.Diameter, o.Rate, o.Address = 3_170, 30_000, 1
	case catalog.CavroOEM, catalog.CavroDT:
		o.Cavro.Syringe = 5 * measure.Millilitre
	}
	return o
}
