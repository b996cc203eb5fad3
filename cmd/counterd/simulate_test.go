package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
)

const benchText = `
seed: 7
speed: 20
attendant: true
bottle_ml: 500
density_g_ml: 1.2
cup_g: 8
counters:
  - name: window 1
    scale: {model: mt-sics, baud: 4800, serial: "77"}
  - name: window 2
faults:
  - {device: scale1, kind: lost_reply, count: -1}
`

func TestBenchFile(t *testing.T) {
	bench := filepath.Join(t.TempDir(), "bench.yaml")
	if err := os.WriteFile(bench, []byte(benchText), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, tapes := t.TempDir(), filepath.Join(t.TempDir(), "tapes")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		s := simulateCommand{Dir: dir, Bench: bench, Record: tapes}
		done <- s.Run(ctx, slog.New(slog.DiscardHandler))
	}()
	defer stop()
	client := dial(t, dir, done)
	defer func() { _ = client.Close() }()
	s, err := client.State()
	if err != nil {
		t.Fatal(err)
	}
	one := s.Counters[0]
	if len(s.Counters) != 2 || one.Name != "window 1" || one.BottleML != 500 || one.Scale.Serial != "77" || one.Cup == nil || one.Cup.EmptyG < 7.9 {
		t.Errorf("%+v", s)
	}
	if got := identify(t, filepath.Join(dir, "scale0"), 4800); got != `I4 A "77"` {
		t.Errorf("%q", got)
	}
	if got := identify(t, filepath.Join(dir, "scale1"), 9600); got != "" {
		t.Errorf("through a fault from the start: %q", got)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	f, err := os.Open(filepath.Join(tapes, "scale0.transcript"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	passed, err := devices.ReadTranscript(f)
	if err != nil || len(passed) != 2 || string(passed[0].Bytes) != "I4\r\n" || !passed[0].Sent || string(passed[1].Bytes) != "I4 A \"77\"\r\n" {
		t.Errorf("%v, %v", passed, err)
	}
}

// dial waits for the bench to answer.
func dial(t *testing.T, dir string, done chan error) *sim.Client {
	t.Helper()
	for range 200 {
		select {
		case err := <-done:
			t.Fatalf("it ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		if c, err := sim.Dial(dir); err == nil {
			return c
		}
	}
	t.Fatal("no bench")
	return nil
}

func identify(t *testing.T, path string, baud int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	p, err := serialport.Open(ctx, serialport.Config{Path: path, Baud: baud, LockDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if err := p.Write(ctx, []byte("I4\r\n")); err != nil {
		t.Fatal(err)
	}
	got, buf := "", make([]byte, 64)
	for !strings.HasSuffix(got, "\r\n") {
		n, err := p.Read(ctx, buf)
		if err != nil {
			break
		}
		got += string(buf[:n])
	}
	return strings.TrimSuffix(got, "\r\n")
}

func TestBenchFilesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"sped: 1":                                         "field sped",
		"counters: [{nam: x}]":                            "field nam",
		"counters: [{pump: {model: kettle}}]":             "no pump \"kettle\"",
		"counters: [{scale: {colour: red}}]":              "no option \"colour\"",
		"counters: [{name: a}, {name: a}]":                "two counters",
		"faults: [{device: pump0, kind: fire}]":           "no fault \"fire\"",
		"faults: [{device: pump7, kind: bubble}]":         "no device \"pump7\"",
		"faults: [{device: pump0, kind: bubble, ml: -1}]": "negative",
		"bottle_ml: much":                                 "bottle",
		"density_g_ml: 0":                                 "density",
		"cup_g: -1":                                       "cup_g",
		"speed: -1":                                       "speed",
		"counters: [{pump: {baud: fast}}]":                "fast",
	} {
		bench := filepath.Join(t.TempDir(), "bench.yaml")
		if err := os.WriteFile(bench, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := simulateCommand{Dir: t.TempDir(), Bench: bench}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := s.Run(ctx, slog.New(slog.DiscardHandler))
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	s := simulateCommand{Dir: t.TempDir(), Bench: "/nonexistent/bench.yaml"}
	if err := s.Run(t.Context(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file that is not there")
	}
}

func TestFlagsWinOverTheBenchFile(t *testing.T) {
	bench := filepath.Join(t.TempDir(), "bench.yaml")
	if err := os.WriteFile(bench, []byte(benchText), 0o600); err != nil {
		t.Fatal(err)
	}
	seed := uint64(9)
	s := simulateCommand{Bench: bench, Seed: &seed, Speed: 2, Bottle: "100", Counters: []string{"a", "b", "c"}}
	f, err := s.file()
	if err != nil || f.Seed != 9 || f.Speed != 2 || f.Bottle != "100" || f.Density != "1.2" || !f.Attendant {
		t.Errorf("%+v, %v", f, err)
	}
	if len(f.Counters) != 3 || f.Counters[0].Name != "a" || f.Counters[0].Scale.Baud != 4800 || f.Counters[2].Name != "c" {
		t.Errorf("%+v", f.Counters)
	}
}
