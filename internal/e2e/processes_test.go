package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// programs are built once, with the crash points compiled in.
var programs struct {
	once sync.Once
	dir  string
	err  error
}

func program(t *testing.T, name string) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "lieu-e2e-"); programs.err != nil {
			return
		}
		build := exec.Command("go", "build", "-tags", "crashpoints", "-o", programs.dir+"/", "../../cmd/clinicd", "../../cmd/counterd")
		if out, err := build.CombinedOutput(); err != nil {
			programs.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	require.NoError(t, programs.err)
	return filepath.Join(programs.dir, name)
}

// process is one real process. Its output is shown when the test fails.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
}

// output keeps what a process said; it is written to by the process's copier while the test may read it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs a program; crash names the point at which it kills itself, "" for never.
func start(t *testing.T, crash, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, out: &output{}, done: make(chan struct{})}
	p.cmd = exec.Command(program(t, name), args...)
	p.cmd.Env = append(os.Environ(), "LIEU_CRASH_AT="+crash)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %s:\n%s", name, strings.Join(args, " "), tail(p.out.String(), 6000))
		}
	})
	return p
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to end and waits until it has.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.t.Fatalf("%s did not stop:\n%s", p.name, tail(p.out.String(), 4000))
	}
	require.Zero(p.t, p.cmd.ProcessState.ExitCode(), p.out.String())
}

// died waits until the process killed itself at its crash point.
func (p *process) died(within time.Duration) bool {
	select {
	case <-p.done:
		return p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	case <-time.After(within):
		return false
	}
}

// rig is a whole clinic of real processes: server, counter and bench, on one SQLite file.
type rig struct {
	t        *testing.T
	url      string // database
	base     string // of the server
	dir      string
	c        *smallClinic
	bench    *sim.Bench
	server   *process
	counter  *process
	api      *clinicapi.ClientWithResponses
	replaced int // how often the counter's computer was replaced
}

// newRig seeds a clinic with patients and starts everything. The crash points are those of the first start; "" is none.
func newRig(t *testing.T, patients int, serverCrash, counterCrash string) *rig {
	t.Helper()
	r := seeded(t, func(st *store.Store) *smallClinic {
		return newServices(t, st, time.Now, dispensing.Options{}).found(t, 1, patients) // real processes live in real time
	})
	r.startServer(serverCrash)
	r.signIn()
	r.install(4)
	r.startCounter(counterCrash)
	return r
}

// seeded has a clinic in its database, and nothing runs yet.
func seeded(t *testing.T, found func(*store.Store) *smallClinic) *rig {
	t.Helper()
	r := &rig{t: t, url: sqlite(t), dir: t.TempDir(), base: freeAddress(t)}
	st, err := store.Open(t.Context(), r.url, store.Options{})
	require.NoError(t, err)
	r.c = found(st)
	require.NoError(t, st.Close())
	require.NoError(t, os.WriteFile(r.path("master.key"), []byte(hex.EncodeToString(masterKey)), 0o600))
	return r
}

// install puts a bench at the window, whose physics run speed times as fast, and enrols its counter with the server.
func (r *rig) install(speed float64) {
	r.t.Helper()
	var err error
	r.bench, err = sim.NewBench(sim.Config{Now: time.Now, Seed: 7, Dir: r.path("bench"), Speed: speed})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = r.bench.Close() })
	out, err := r.enrol(r.c.code)
	require.NoError(r.t, err, out)
	require.NoError(r.t, os.WriteFile(r.path("counterd.yaml"), []byte(quick), 0o600))
}

// enrol makes the folder of the counter's computer known to the server.
func (r *rig) enrol(code string) (string, error) {
	out, err := exec.Command(program(r.t, "counterd"), "enroll", "--server", r.base, "--code", code, "--dir", r.computer()).CombinedOutput()
	return string(out), err
}

// computer is the folder of the counter's computer, which a test may replace by another.
func (r *rig) computer() string { return r.path(fmt.Sprintf("counter%d", r.replaced)) }

// quick weighs as carefully as in the clinic but does not wait as long: the bench runs four times as fast.
const quick = `
timing: {cup_wait: 20s, settle: 300ms, settle_within: 10s, drip: 200ms, reopen: 10s, recover: 20s}
`

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) startServer(crash string) {
	r.t.Helper()
	r.server = start(r.t, crash, "clinicd", "serve", "--database", r.url,
		"--listen", strings.TrimPrefix(r.base, "http://"), "--metrics-listen", "127.0.0.1:0", "--key-file", r.path("master.key"))
	r.eventually("server is ready", func() bool {
		resp, err := http.Get(r.base + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (r *rig) startCounter(crash string) {
	r.t.Helper()
	b := r.path("bench")
	r.counter = start(r.t, crash, "counterd", "run", "--dir", r.computer(), "--config", r.path("counterd.yaml"), "--server", r.base,
		"--scale", "mt-sics,"+b+"/scale0",
		"--pump", "new-era,"+b+"/pump0,diameter_mm=26.7,rate_ml_min=200,max_ml=30,min_ml=0.2",
		"--scanner", "line,"+b+"/scanner0")
}

// eventually waits for something that other processes bring about. It polls because processes share no channel.
func (r *rig) eventually(what string, true_ func() bool) {
	r.t.Helper()
	ctx, done := context.WithTimeout(context.Background(), 40*time.Second)
	defer done()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !true_() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.t.Fatalf("never: %s", what)
		}
	}
}

func (r *rig) signIn() { r.t.Helper(); r.api = r.signInAs(r.c.nurse) }

func (r *rig) signInAs(who staff.Member) *clinicapi.ClientWithResponses {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(r.t, err)
	api, err := clinicapi.NewClientWithResponses(r.base+"/v1", clinicapi.WithHTTPClient(&http.Client{Jar: jar, Timeout: 10 * time.Second}))
	require.NoError(r.t, err)
	resp, err := api.SignInWithResponse(context.Background(), clinicapi.SignInJSONRequestBody{Username: who.Username, Password: password})
	require.NoError(r.t, err)
	require.Less(r.t, resp.StatusCode(), 300, string(resp.Body))
	return api
}

// devicesReady waits until the server knows pump and scale of the window as ready.
func (r *rig) devicesReady() {
	r.t.Helper()
	r.eventually("pump and scale are ready", func() bool {
		resp, err := r.api.ReadStationWithResponse(context.Background(), string(r.c.station.ID))
		if err != nil || resp.JSON200 == nil {
			return false
		}
		ready := 0
		for _, d := range resp.JSON200.Devices {
			if d.State == "ready" {
				ready++
			}
		}
		return ready == len(resp.JSON200.Devices)
	})
}

// begin asks for a dose, and asks again with the same id for as long as the answer is unknown, as the screen does.
func (r *rig) begin(patient int) string {
	r.t.Helper()
	key := id.New[string]()
	r.eventually("begin is answered", func() bool { return r.tryBegin(key, patient) == http.StatusCreated })
	return key
}

// tryBegin returns the status of one attempt, 0 when there was no answer.
func (r *rig) tryBegin(key string, patient int) int {
	resp, err := r.api.BeginDispensingWithResponse(context.Background(), clinicapi.BeginDispensingJSONRequestBody{
		Id: key, Patient: string(r.c.patients[patient].ID), Station: string(r.c.station.ID),
	})
	if err != nil {
		return 0
	}
	return resp.StatusCode()
}

// state returns where a dispensing stands, "" when the server does not answer, "none" when it knows none.
func (r *rig) state(key string) dispensing.State {
	resp, err := r.api.ReadDispensingWithResponse(context.Background(), key)
	switch {
	case err != nil:
		return ""
	case resp.StatusCode() == http.StatusNotFound:
		return "none"
	case resp.JSON200 == nil:
		return ""
	}
	return dispensing.State(resp.JSON200.State)
}

func (r *rig) reaches(key string, want dispensing.State) {
	r.t.Helper()
	r.eventually(fmt.Sprintf("dispensing is %s (is %s)", want, r.state(key)), func() bool { return r.state(key) == want })
}

// try repeats an act of the window until the server answers it with success.
func (r *rig) try(what string, act func() (int, error)) {
	r.t.Helper()
	r.eventually(what, func() bool {
		status, err := act()
		return err == nil && status/100 == 2
	})
}

func (r *rig) handOver(key string, patient int) {
	r.t.Helper()
	r.try("hand-over", func() (int, error) {
		resp, err := r.api.HandOverWithResponse(context.Background(), key, clinicapi.HandOverJSONRequestBody{Code: r.c.patients[patient].Code})
		if err != nil {
			return 0, err
		}
		return resp.StatusCode(), nil
	})
}

func (r *rig) taken(key string) {
	r.t.Helper()
	r.try("taken", func() (int, error) {
		resp, err := r.api.TakenWithResponse(context.Background(), key)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode(), nil
	})
}

// runs is how many motion commands reached the pump.
func (r *rig) runs() int { return r.bench.State().Counters[0].Pump.Runs }

// close stops everything in order and checks both records.
func (r *rig) close() {
	r.t.Helper()
	r.counter.stop()
	r.server.stop()
	out, err := exec.Command(program(r.t, "counterd"), "journal", "verify", "--dir", r.computer()).CombinedOutput()
	require.NoError(r.t, err, string(out))
	out, err = exec.Command(program(r.t, "clinicd"), "verify", "--database", r.url, "--key-file", r.path("master.key")).CombinedOutput()
	require.NoError(r.t, err, string(out))
}

func TestDoseThroughRealProcesses(t *testing.T) {
	r := newRig(t, 2, "", "")
	r.devicesReady()
	for i := range r.c.patients {
		r.bench.Only().PlaceCup()
		key := r.begin(i)
		r.reaches(key, dispensing.Measured)
		r.handOver(key, i)
		cup, err := r.bench.Only().LiftCup()
		require.NoError(t, err)
		require.InDelta(t, 6.0, cup.LiquidML, 0.2)
		r.taken(key)
		r.reaches(key, dispensing.Administered)
	}
	require.Equal(t, 2, r.runs())
	r.close()
}

var errNoTable = errors.New("no crash table")

func handOverBody(code string) clinicapi.HandOverJSONRequestBody {
	return clinicapi.HandOverJSONRequestBody{Code: code}
}
