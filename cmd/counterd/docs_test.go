package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lieu-clinic/lieu/devices/decode"
	"github.com/lieu-clinic/lieu/devices/sim"
)

func manual(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "counter.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The manual names every protocol and every kind of fault.
func TestTheManualNamesEverything(t *testing.T) {
	text := manual(t)
	for _, p := range decode.Protocols() {
		if !strings.Contains(text, "`"+p.Name+"`") {
			t.Errorf("the protocol %s is not in docs/counter.md", p.Name)
		}
	}
	for _, k := range sim.FaultKinds() {
		if !strings.Contains(text, "`"+string(k.Kind)+"`") {
			t.Errorf("the fault %s is not in docs/counter.md", k.Kind)
		}
	}
}

// The commands that the manuals show are taken by the program.
func TestTheManualsCommandsAreTaken(t *testing.T) {
	for _, args := range [][]string{
		{"ports"}, {"devices", "--json"}, {"probe", "--model", "mt-sics", "--port", "/dev/lieu/scale"},
		{"decode", "--protocol", "knf", "--sent", "?TV"}, {"decode", "--list"}, {"decode", "--json-schema"}, {"journal", "verify"},
		{"simulate", "--dir", "B", "--attendant"}, {"simulate", "--dir", "B", "--bench", "FILE", "--record", "DIR"},
		{"bench", "--dir", "B", "scan", "X"}, {"bench", "--dir", "B", "place-cup"}, {"bench", "--dir", "B", "lift-cup"},
		{"bench", "--dir", "B", "swap-cup"}, {"bench", "--dir", "B", "pour", "5"}, {"bench", "--dir", "B", "refill", "5"},
		{"bench", "--dir", "B", "unplug", "pump0"}, {"bench", "--dir", "B", "replug", "pump0"}, {"bench", "--dir", "B", "state"}, {"bench", "--dir", "B", "printed"},
		{"bench", "--dir", "B", "fault", "pump0", "drip", "--ml", "0.05", "--count=-1"}, {"bench", "faults"},
	} {
		var c cli
		parser, err := kong.New(&c, kong.Vars{"default_dir": defaultDir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(args); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		if name := strings.Join(commandWords(args), " "); !regexp.MustCompile(`(?m)\b` + name + `\b`).MatchString(manual(t)) {
			t.Errorf("%q is not in docs/counter.md", name)
		}
	}
}

// commandWords are the words that choose a command: the last one of two.
func commandWords(args []string) []string {
	if args[0] != "bench" {
		return args[:1]
	}
	if len(args) == 2 {
		return args[1:]
	}
	return args[3:4]
}

// The file that the manual shows is one.
func TestTheManualsBenchFileIsTaken(t *testing.T) {
	_, rest, ok := strings.Cut(manual(t), "```yaml\nseed:")
	text, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatal("no bench file in docs/counter.md")
	}
	bench := filepath.Join(t.TempDir(), "bench.yaml")
	if err := os.WriteFile(bench, []byte("seed:"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := (&simulateCommand{Bench: bench}).file()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := file.config()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Now = time.Now
	b, err := sim.NewBench(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	for _, f := range file.Faults {
		if err := b.Fault(f); err != nil {
			t.Error(err)
		}
	}
}
