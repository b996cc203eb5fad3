package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices/sim"
)

// A pump is homed by a person who has said that the cup is away, and by nobody else.
func TestHome(t *testing.T) {
	dir := t.TempDir()
	bench, err := sim.NewBench(sim.Config{Now: time.Now, Dir: dir, Counters: []sim.CounterConfig{
		{Name: "a", Pump: sim.DeviceConfig{Model: "cavro-oem"}}, {Name: "b"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer bench.Close()
	alarm := func() string { return bench.Only().State().Pump.Alarm }
	home := homeCommand{Model: "cavro-oem", Port: filepath.Join(dir, "pump0"), Timeout: 20 * time.Second}
	if err := home.Run(t.Context()); !errors.Is(err, errCup) || alarm() == "" {
		t.Errorf("%v, %q", err, alarm())
	}
	home.CupAway = true
	if err := home.Run(t.Context()); err != nil || alarm() != "" {
		t.Errorf("%v, %q", err, alarm())
	}
	other := homeCommand{Model: "new-era", Port: filepath.Join(dir, "pump1"), Timeout: 20 * time.Second, CupAway: true}
	if err := other.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "has no home") {
		t.Errorf("%v", err)
	}
}
