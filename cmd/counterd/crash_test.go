//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

const testStation = "0192f0c1-0000-7000-8000-000000000001"

// clinicd is as much of a server as a counter needs. It keeps what it is told in the order in which it came.
type clinicd struct {
	t    *testing.T
	key  ed25519.PrivateKey
	http *httptest.Server

	mu      sync.Mutex
	counter ed25519.PublicKey
	records []stationlog.Record
	hash    string
	orders  []stationlog.Signed
	changed chan struct{}
}

func newClinicd(t *testing.T) *clinicd {
	c := &clinicd{
		t: t, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)), hash: stationlog.Genesis,
		changed: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/enrolments", c.enrol)
	mux.HandleFunc("GET /v1/stations/{id}/standing", func(w http.ResponseWriter, _ *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]any{"seq": len(c.records), "hash": c.hash})
	})
	mux.HandleFunc("POST /v1/stations/{id}/events", c.events)
	mux.HandleFunc("GET /v1/stations/{id}/orders", c.stream)
	mux.HandleFunc("PUT /v1/stations/{id}/live", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	c.http = httptest.NewServer(mux)
	t.Cleanup(func() {
		c.http.CloseClientConnections()
		c.http.Close()
	})
	return c
}

func (c *clinicd) enrol(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Key []byte `json:"public_key"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	c.mu.Lock()
	c.counter = in.Key
	c.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]any{
		"station_id": testStation, "clinic_id": "c", "name": "Cửa 1", "server_key": []byte(c.key.Public().(ed25519.PublicKey)),
	})
}

func (c *clinicd) events(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Records []stationlog.Signed `json:"records"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range in.Records {
		rec, err := s.Open(c.counter)
		if err != nil {
			c.t.Error(err)
		}
		if rec.Seq <= int64(len(c.records)) {
			continue
		}
		if err := rec.Follows(int64(len(c.records)), c.hash); err != nil {
			c.t.Error(err)
		}
		c.records, c.hash = append(c.records, rec), s.Hash()
	}
	close(c.changed)
	c.changed = make(chan struct{})
	_ = json.NewEncoder(w).Encode(map[string]int{"accepted": len(c.records)})
}

// stream repeats every standing order to each connection, as the server does.
func (c *clinicd) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	sent := 0
	for {
		c.mu.Lock()
		orders, changed := c.orders[sent:], c.changed
		c.mu.Unlock()
		for _, o := range orders {
			data, _ := json.Marshal(o)
			_, _ = fmt.Fprintf(w, "event: order\ndata: %s\n\n", data)
			sent++
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (c *clinicd) order(dispensing string) {
	s, err := stationlog.SignOrder(stationlog.Order{
		Kind: stationlog.Pour, Station: testStation, Dispensing: dispensing, Volume: 5000, RemainingMS: 60_000,
	}, c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orders = append(c.orders, s)
	close(c.changed)
	c.changed = make(chan struct{})
}

// end waits for the end of a dispensing; kind is empty when it was not reported in time.
func (c *clinicd) end(dispensing string) (kind stationlog.Kind, body string) {
	timeout := time.After(25 * time.Second)
	for {
		c.mu.Lock()
		records, changed := c.records, c.changed
		c.mu.Unlock()
		for _, r := range records {
			over := r.Kind == stationlog.KindMeasured || r.Kind == stationlog.KindInDoubt || r.Kind == stationlog.KindNeverCommanded
			if over && strings.Contains(string(r.Body), dispensing) {
				return r.Kind, string(r.Body)
			}
		}
		select {
		case <-changed:
		case <-timeout:
			return "", ""
		}
	}
}

// The daemon is killed in the middle of a pour, as by a power cut, and started again.
func TestKilledInTheMiddleOfAPour(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the daemon")
	}
	binary := filepath.Join(t.TempDir(), "counterd")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "crashpoints", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, tc := range []struct {
		point  string
		kind   stationlog.Kind
		reason string
		runs   int // motion commands, at most
	}{
		{"before-armed", stationlog.KindMeasured, "", 1}, // nothing was written: the order comes again
		{"after-armed", stationlog.KindNeverCommanded, "crash_before_motion", 0},
		{"before-dispensing", stationlog.KindNeverCommanded, "crash_before_motion", 0},
		{"after-dispensing", stationlog.KindInDoubt, "crash", 0},
		{"after-progress", stationlog.KindInDoubt, "crash", 1},
		{"before-measured", stationlog.KindInDoubt, "crash", 1},
		{"after-measured", stationlog.KindMeasured, "", 1},
	} {
		t.Run(tc.point, func(t *testing.T) {
			t.Parallel()
			c, dir, bench := newClinicd(t), t.TempDir(), newBench(t)
			run(t, binary, "enroll", "--server", c.http.URL, "--code", "GOOD-CODE", "--dir", dir)
			configure(t, dir, bench.dir)
			d := "0192f0c1-0000-7000-8000-00000000d05e"
			c.order(d)
			killed := start(t, binary, dir, tc.point)
			var exit *exec.ExitError
			if err := killed.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the daemon was to be killed at %s: %v", tc.point, err)
			}
			second := start(t, binary, dir, "")
			kind, body := c.end(d)
			if kind != tc.kind || (tc.reason != "" && !strings.Contains(body, `"`+tc.reason+`"`)) {
				t.Errorf("%s %s", kind, body)
			}
			if n := bench.State().Counters[0].Pump.Runs; n > tc.runs {
				t.Errorf("%d motion commands", n)
			}
			if err := second.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := second.Wait(); err != nil {
				t.Errorf("stopped: %v", err)
			}
			run(t, binary, "journal", "verify", "--dir", dir)
		})
	}
}

type testBench struct {
	*sim.Bench
	dir string
}

func newBench(t *testing.T) testBench {
	dir := t.TempDir()
	b, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 3, Dir: dir, Speed: 4, Attendant: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return testBench{b, dir}
}

func configure(t *testing.T, dir, bench string) {
	t.Helper()
	text := fmt.Sprintf(`
devices:
  scale:   {model: mt-sics, port: %[1]s/scale0, serial: "1000001"}
  pump:    {model: new-era, port: %[1]s/pump0, diameter_mm: 26.70, rate_ml_min: 60, max_ml: 30, min_ml: 0.5}
  scanner: {model: line, port: %[1]s/scanner0, baud: 9600}
cup: {min_g: 2, max_g: 20}
timing: {settle: 300ms, drip: 200ms, recover: 8s}
`, bench)
	if err := os.WriteFile(filepath.Join(dir, "counterd.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, binary string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

func start(t *testing.T, binary, dir, crashAt string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "run", "--dir", dir)
	cmd.Env = append(os.Environ(), "LIEU_CRASH_AT="+crashAt)
	cmd.Stderr = t.Output()
	cmd.Stdout = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}
