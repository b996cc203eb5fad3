package replay

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/rush"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func small(a rush.Arrivals) rush.Setting {
	return rush.Setting{
		Patients: 40, Windows: 2, Arrivals: a, Seed: 1, Span: 30 * time.Minute, Share: 40, First: 5 * time.Minute, Jitter: 5 * time.Minute,
		Service: 75 * time.Second, Spread: 30,
	}
}

// A morning through the real server is the model's morning, for every patient; the supervisor's page shows at every look
// what has happened until then; and its forecasts are of the right size.
func TestAMorningThroughTheServer(t *testing.T) {
	for _, arrivals := range []rush.Arrivals{rush.Uniform, rush.Front, rush.Booked} {
		t.Run(string(arrivals), func(t *testing.T) {
			t.Parallel() // most of it is waiting for disks and serial lines
			dir := t.TempDir()
			r, err := Run(t.Context(), Config{Setting: small(arrivals), History: 1, Now: time.Now, Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Same || r.Served != 40 || r.Wait.N != 40 {
				t.Errorf("same %v, %+v; the model has %+v", r.Same, r.Snapshot, r.Model)
			}
			if r.InCups < 39*volume || r.InCups > 41*volume || r.Farthest == 0 || r.Farthest > 50*measure.Microlitre {
				t.Errorf("%s on record, %s in the cups, %s apart in one of them", r.Recorded, r.InCups, r.Farthest)
			}
			if r.Looks == 0 || len(r.Differs) > 0 {
				t.Errorf("%d looks, the page differs: %v", r.Looks, r.Differs)
			}
			if r.Waiting.N > 0 && r.Waiting.Absolute > 5*time.Minute {
				t.Errorf("the forecast of those who wait is off by %s", r.Waiting.Absolute)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestAbsurdMornings(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"nobody":               func(c *Config) { c.Patients = 0 },
		"too many":             func(c *Config) { c.Patients = maxPatients + 1 },
		"a past without end":   func(c *Config) { c.History = maxHistory + 1 },
		"a negative past":      func(c *Config) { c.History = -1 },
		"longer than a day":    func(c *Config) { c.Patients, c.Windows, c.Service = 1000, 1, 10*time.Minute },
		"no such arrivals":     func(c *Config) { c.Arrivals = "never" },
		"more windows than 12": func(c *Config) { c.Windows = 13 },
	} {
		c := Config{Setting: small(rush.Uniform), Now: time.Now, Dir: t.TempDir()}
		change(&c)
		if _, err := Run(t.Context(), c); err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}

// A replay that is interrupted ends, and leaves nothing behind.
func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	dir := t.TempDir()
	_, err := Run(ctx, Config{Setting: small(rush.Uniform), Now: time.Now, Dir: dir, Progress: func(what string, done, _ int) {
		if what == "patients served" && done == 5 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
