package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// Config is what a demonstration is started with.
type Config struct {
	Dir      string // of its own; everything it keeps is in it
	Listen   string // of the server
	Programs string // folder with clinicd and counterd
	Patients int    // of a new province; 0 for 724
	Seed     uint64 // of a new province
	Fresh    bool   // throw away what an earlier demonstration left in Dir
	Auto     int    // how many patients the simulated window serves by itself; 0 for none
	Now      func() time.Time
	Out      io.Writer
}

// run is one start of the demonstration.
type run struct {
	Config
	url      string
	bench    string
	story    *Story
	live     Live
	kids     *Supervisor
	attached func() error // lets go of Dir
}

// counterName is the counter's on the simulated bench.
const counterName = "counter"

// Run starts a whole clinic and keeps it going until ctx ends, one of its programs does, or something fails.
func Run(ctx context.Context, c Config) (err error) {
	r := &run{Config: c}
	if err := r.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.attached()) }()
	if err := r.tell(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C; the next start begins again
		}
		return err
	}
	r.kids = NewSupervisor(c.Out, filepath.Join(c.Dir, "log"))
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		return r.kids.Stop()
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := r.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C while starting
		}
		return err
	}
	r.welcome()
	if r.Auto > 0 {
		go r.serve(ctx)
	}
	select {
	case <-ctx.Done():
		r.say("Stopping.")
		return stop()
	case err := <-r.kids.Ended():
		return err
	}
}

func (r *run) say(format string, args ...any) { fmt.Fprintf(r.Out, format+"\n", args...) }

// open makes the folder, or finds it to be the demonstration's own.
func (r *run) open() (err error) {
	if r.Dir, err = filepath.Abs(r.Dir); err != nil {
		return fmt.Errorf("folder %s: %w", r.Dir, err)
	}
	if err := ownFolder(r.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return fmt.Errorf("demonstration: %w", err)
	}
	if r.attached, err = attach(filepath.Join(r.Dir, "lock")); err != nil {
		return err
	}
	if err := r.clear(); err != nil {
		return err
	}
	r.bench = filepath.Join(r.Dir, "bench")
	if len(r.bench) > 80 { // the name of a Unix socket has about a hundred bytes
		r.bench = filepath.Join(os.TempDir(), "lieu-bench-"+strconv.Itoa(os.Getpid()))
	}
	for _, dir := range []string{"log", "counter"} {
		if err := os.MkdirAll(filepath.Join(r.Dir, dir), 0o700); err != nil {
			return fmt.Errorf("demonstration: %w", err)
		}
	}
	return nil
}

// clear throws away what an earlier demonstration left, when that was asked for or when its story was broken off before
// it was told to its end for the first time.
func (r *run) clear() error {
	m, known, err := ReadMarker(r.Dir)
	if err != nil {
		return err
	}
	if !r.Fresh && (!known || !m.Told.IsZero()) {
		return nil
	}
	for _, name := range []string{"lieu.db", "lieu.db-wal", "lieu.db-shm", "lieu.key", "counter", "bench", "log", marker} {
		if err := os.RemoveAll(filepath.Join(r.Dir, name)); err != nil {
			return fmt.Errorf("demonstration: %w", err)
		}
	}
	return nil
}

// ownFolder refuses a folder that holds something, but no demonstration.
func ownFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("demonstration: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "lock" || e.Name() == marker {
			return nil
		}
	}
	return fmt.Errorf("the folder %s holds something that is no demonstration; it was left alone", dir)
}

func (r *run) database() string { return "sqlite://" + filepath.Join(r.Dir, "lieu.db") }

// tell brings the story up to today.
func (r *run) tell(ctx context.Context) error {
	began := r.Now()
	hashers, sealer, err := r.keys()
	if err != nil {
		return err
	}
	if _, err := store.Migrate(ctx, r.database()); err != nil {
		return err
	}
	st, err := store.Open(ctx, r.database(), store.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }() // committed or not, nothing is lost by an error here
	if err := Own(ctx, st); err != nil {
		return err
	}
	m, known, err := ReadMarker(r.Dir)
	if err != nil {
		return err
	}
	if !known {
		m = Marker{Seed: r.Seed, Patients: r.Patients}
		if m.FirstDay, err = Today(began); err != nil {
			return err
		}
		if err := m.Write(r.Dir); err != nil { // before the first record, so that a start that is broken off is known
			return err
		}
		r.say("Making a fictional province. This takes up to half a minute, once.")
	}
	r.story = NewStory(st, m, StoryOptions{Hashers: hashers, Sealer: sealer, Now: r.Now, Say: func(f string, a ...any) {
		if !known {
			r.say("  "+f, a...)
		}
	}})
	if err := r.story.Tell(ctx); err != nil {
		return err
	}
	if r.story.Rekeyed {
		if err := r.newCounter(); err != nil {
			return err
		}
	}
	if err := r.story.Write(r.Dir); err != nil {
		return err
	}
	if r.live, err = r.story.Live(ctx); err != nil {
		return err
	}
	if !known {
		r.say("  done in %.1f s", r.Now().Sub(began).Seconds())
	}
	return nil
}

// newCounter puts a computer that was never enrolled in the place of the live window's.
func (r *run) newCounter() error {
	dir := filepath.Join(r.Dir, "counter")
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("counter: %w", err)
	}
	return os.MkdirAll(dir, 0o700)
}

// keys reads the master key that the server will find beside the database, and makes it first if need be.
func (r *run) keys() (staff.Hashers, *secret.Sealer, error) {
	path := filepath.Join(r.Dir, "lieu.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		fresh := make([]byte, secret.KeySize)
		if _, err := rand.Read(fresh); err != nil {
			return staff.Hashers{}, nil, fmt.Errorf("key: %w", err)
		}
		text = []byte(hex.EncodeToString(fresh) + "\n")
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return staff.Hashers{}, nil, fmt.Errorf("key: %w", err)
	}
	master, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return staff.Hashers{}, nil, fmt.Errorf("key %s: %w", path, err)
	}
	return storyKeys(master)
}

func storyKeys(master []byte) (staff.Hashers, *secret.Sealer, error) {
	derived := make([][]byte, 3)
	for i, purpose := range []string{secret.ForPINs, secret.ForFingerprints, secret.ForSealing} {
		var err error
		if derived[i], err = secret.Derive(master, purpose); err != nil {
			return staff.Hashers{}, nil, err
		}
	}
	sealer, err := secret.NewSealer(derived[1], secret.Key{ID: 1, Bytes: derived[2]})
	gate := secret.NewGate(secret.DefaultGate)
	return staff.Hashers{
		Password: secret.NewPasswords(gate, secret.PasswordCost), PIN: secret.NewPINs(gate, secret.PINCost, derived[0]),
	}, sealer, err
}

// startWithin bounds the wait for each program to be ready.
const startWithin = 30 * time.Second

// start brings up the bench, the server and the counter, in this order.
func (r *run) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*startWithin, errors.New("the programs did not become ready in time"))
	defer cancel()
	speed := "1"
	if r.Auto > 0 {
		speed = "3"
	}
	if err := r.program("bench", "counterd", "simulate", "--dir", r.bench, "--counters", counterName, "--attendant", "--speed", speed,
		"--density", r.live.Density, "--bottle", strconv.FormatInt(int64(r.live.Left)/1000, 10), "--seed", strconv.FormatUint(r.story.Seed, 10)); err != nil {
		return err
	}
	if err := r.until(ctx, "the bench", func() bool { return r.benchAnswers() }); err != nil {
		return err
	}
	address, err := free(ctx, r.Listen)
	if err != nil {
		return err
	}
	figures, err := free(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.url = "http://" + address
	if err := r.program("clinicd", "clinicd", "serve", "--demo", "--database", r.database(), "--listen", address,
		"--metrics-listen", figures, "--bench", r.bench, "--bench-stations", r.live.Station+"="+counterName, "--idle-lock", "30m"); err != nil {
		return err
	}
	if err := r.until(ctx, "the server", func() bool { return ready(ctx, r.url) }); err != nil {
		return err
	}
	if err := r.enrol(ctx); err != nil {
		return err
	}
	dev := func(name string) string { return filepath.Join(r.bench, name+"0") }
	if err := r.program("counterd", "counterd", "run", "--dir", filepath.Join(r.Dir, "counter"), "--server", r.url, "--listen", "127.0.0.1:0",
		"--scale", "mt-sics,"+dev("scale"), "--pump", "new-era,"+dev("pump")+",diameter_mm=26.7,rate_ml_min=60,max_ml=30,min_ml=0.5",
		"--scanner", "line,"+dev("scanner")); err != nil {
		return err
	}
	nurse, err := SignIn(ctx, r.url, Username(1, "nurse"), Password)
	if err != nil {
		return err
	}
	if err := r.until(ctx, "the counter", func() bool { return nurse.windowReady(ctx, r.live.Station) }); err != nil {
		return err
	}
	return r.arrivals(ctx, nurse)
}

func (r *run) program(name, path string, args ...string) error {
	return r.kids.Start(Program{Name: name, Path: filepath.Join(r.Programs, path), Args: args, Show: worthSeeing})
}

// worthSeeing chooses what a person at the terminal should read of the programs' logs.
func worthSeeing(line string) bool {
	return !strings.HasPrefix(line, "{") || strings.Contains(line, `"level":"ERROR"`)
}

// until waits until something is so, or one of the programs has ended.
func (r *run) until(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startWithin, fmt.Errorf("%s did not become ready within %s", what, startWithin))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-r.kids.Ended():
			return err
		case <-tick.C:
		}
	}
	return nil
}

func (r *run) benchAnswers() bool {
	c, err := sim.Dial(r.bench)
	if err != nil {
		return false
	}
	defer c.Close()
	_, err = c.State()
	return err == nil
}

// free returns the address, or one with another port when it is taken and a port was not asked for by name.
func free(ctx context.Context, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("address %s: %w", address, err)
	}
	first, err := strconv.Atoi(port)
	if err != nil {
		return "", fmt.Errorf("address %s: %w", address, err)
	}
	var lc net.ListenConfig
	for try := range 20 {
		next := first
		if first != 0 {
			next = first + try
		}
		l, lerr := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(next)))
		if err = lerr; err != nil {
			continue
		}
		got := l.Addr().String()
		return got, l.Close()
	}
	return "", fmt.Errorf("no free port from %s on: %w", address, err)
}

// enrol makes the counter known to the server, once, as an administrator would.
func (r *run) enrol(ctx context.Context) error {
	dir := filepath.Join(r.Dir, "counter")
	if _, err := os.Stat(filepath.Join(dir, "station.json")); err == nil {
		return nil
	}
	admin, err := SignIn(ctx, r.url, Username(1, "admin"), Password)
	if err != nil {
		return err
	}
	issued, err := admin.IssueEnrolmentCodeWithResponse(ctx, r.live.Station)
	if err != nil {
		return fmt.Errorf("enrolment code: %w", err)
	}
	code, err := answer(issued.JSON200, issued.ApplicationproblemJSONDefault, issued.HTTPResponse)
	if err != nil {
		return fmt.Errorf("enrolment code: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(r.Programs, "counterd"), "enroll", "--server", r.url, "--code", code.Code, "--dir", dir) //nolint:gosec // our own program
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("enrol the counter: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// windowReady reports whether the counter listens and has said that its pump and scale are ready.
func (c *Client) windowReady(ctx context.Context, station string) bool {
	r, err := c.ReadStationWithResponse(ctx, station)
	if err != nil || r.JSON200 == nil {
		return false
	}
	live := r.JSON200.Live
	return live.Connected && live.Reading.Pump.State == clinicapi.LiveDeviceStateReady && live.Reading.Scale.State == clinicapi.LiveDeviceStateReady
}

// crowd is how many people stand in the waiting room when the demonstration opens for the first time on a day.
const crowd = 9

// arrivals checks in the first few patients of the day, so that somebody waits.
func (r *run) arrivals(ctx context.Context, nurse *Client) error {
	read, err := nurse.ReadQueueWithResponse(ctx)
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	queue, err := answer(read.JSON200, read.ApplicationproblemJSONDefault, read.HTTPResponse)
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	if len(queue.Waiting)+len(queue.Attended) > 0 {
		return nil
	}
	for i := 0; i < len(queue.Coming) && i < crowd*7; i += 7 {
		in, err := nurse.CheckInWithResponse(ctx, clinicapi.CheckIn{Code: queue.Coming[i].Code})
		if err != nil {
			return fmt.Errorf("check-in: %w", err)
		}
		if _, err := answer(in.JSON200, in.ApplicationproblemJSONDefault, in.HTTPResponse); err != nil {
			return fmt.Errorf("check-in: %w", err)
		}
	}
	return nil
}

// serve lets the window work by itself and tells what came of it.
func (r *run) serve(ctx context.Context) {
	sum, err := r.morning(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.say("The window could not work by itself: %v", err)
	default:
		r.say("\nThe window has served its patients: %s\nThe clinic stays open. Ctrl-C ends it.", sum)
	}
}

func (r *run) morning(ctx context.Context) (Summary, error) {
	nurse, err := SignIn(ctx, r.url, Username(1, "nurse2"), Password)
	if err != nil {
		return Summary{}, err
	}
	hand, err := sim.Dial(r.bench)
	if err != nil {
		return Summary{}, err
	}
	defer hand.Close()
	m := &Morning{
		Nurse: nurse, Scanner: scanner{hand}, Station: r.live.Station, Now: r.Now, Out: r.Out,
		Progress: func(done, of int) {
			if done%5 == 0 || done == of {
				r.say("  %d of %d patients", done, of)
			}
		},
	}
	r.say("\nThe window now works by itself for %d patients. Watch it in the browser.", r.Auto)
	return m.Run(ctx, r.Auto)
}

type scanner struct{ *sim.Client }

func (s scanner) Scan(code string) error { return s.Client.Scan(counterName, code) }
