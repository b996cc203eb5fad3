package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/lieu-clinic/lieu/internal/rush"
)

// given reads the flags of a simulation as the program does.
func given(t *testing.T, flags ...string) (*simulateCommand, error) {
	t.Helper()
	var c cli
	p, err := kong.New(&c, kong.Exit(func(int) { t.Error("the parser wants to end the program") }), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Parse(append([]string{"simulate"}, flags...))
	return &c.Simulate, err
}

// run simulates and returns what was printed.
func run(t *testing.T, flags ...string) (out, progress string) {
	t.Helper()
	s, err := given(t, flags...)
	if err != nil {
		t.Fatal(err)
	}
	var o, p bytes.Buffer
	if err := s.run(t.Context(), &o, &p); err != nil {
		t.Fatal(err)
	}
	return o.String(), p.String()
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for flag, says := range map[string]string{
		"--patients=0":       "patients",
		"--patients=-3":      "patients",
		"--patients=many":    "--patients",
		"--windows=0":        "windows",
		"--windows=13":       "windows",
		"--arrivals=never":   "uniform",
		"--span=1s":          "span",
		"--span=yesterday":   "--span",
		"--service=0s":       "service",
		"--spread=999":       "spread",
		"--share=101":        "share",
		"--first=0s":         "first part",
		"--mornings=1":       "mornings",
		"--mornings=1000000": "mornings",
		"--history=99":       "days before",
		"--seed=-1":          "--seed",
		"--doses=3":          "--doses",
	} {
		s, err := given(t, flag)
		if err == nil {
			var o bytes.Buffer
			err = s.run(t.Context(), &o, io.Discard)
			if o.Len() > 0 {
				t.Errorf("%s: it printed %q", flag, o.String())
			}
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; it should name %q", flag, err, says)
		}
	}
}

func TestTheModelAlone(t *testing.T) {
	out, progress := run(t, "--model", "--patients=60", "--windows=1", "--arrivals=uniform", "--span=90m", "--mornings=20")
	wants(t, out, "60 patients, 1 windows, uniform arrivals over 1h30m0s", "model, mean of 20 mornings", "M/M/1", "M/D/1", "M/G/1", "the interval")
	if strings.Contains(out, "real server") || progress != "" {
		t.Errorf("there was no replay:\n%s%s", out, progress)
	}
}

func TestJSONHoldsWhatTheTableSays(t *testing.T) {
	out, _ := run(t, "--json", "--model", "--patients=60", "--windows=2", "--arrivals=booked", "--mornings=20", "--seed=7")
	var got simulated
	d := json.NewDecoder(strings.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	s := got.Setting
	if s.Patients != 60 || s.Windows != 2 || s.Arrivals != rush.Booked || s.Seed != 7 || got.Load != s.Load() {
		t.Errorf("%+v", got)
	}
	if got.Model.Mornings != 20 || got.Model.Clear.Mean < s.Span.Seconds()/2 || len(got.Theory) == 0 || got.Replay != nil {
		t.Errorf("%+v", got)
	}
	var table bytes.Buffer
	got.print(&table)
	wants(t, table.String(), "60 patients, 2 windows, booked", about(got.Model.P95), about(got.Model.Clear))
}

func TestAMorningThroughServerAndCounters(t *testing.T) {
	out, progress := run(t, "--patients=6", "--windows=1", "--span=30m", "--first=5m", "--mornings=2", "--history=0")
	wants(t, out, "one morning through server and counters", "every patient waited as in the model, to the microsecond",
		"it differed from what had happened 0 times", "the doses on record are 35.9", "mL, in the cups were 35.9")
	wants(t, progress, "replay: files and windows", "replay: orders and checks", "replay: patients served")
}

func TestAnInterruptionIsOneLine(t *testing.T) {
	s, err := given(t, "--patients=6", "--windows=1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Run(ctx); !errors.Is(err, errInterrupted) || err.Error() != errInterrupted.Error() {
		t.Errorf("%v", err)
	}
}
