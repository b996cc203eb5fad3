package bench

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soak is how long the process works at 32 clients before its memory is looked at.
const soak = time.Minute

// BenchmarkProcess measures the real program as a process: how long it takes from its start until it is ready on a
// database that exists, what memory it has when idle, and what after it worked.
func BenchmarkProcess(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "clinicd")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-o", binary, "../../cmd/clinicd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	for engine, open := range map[string]func(*testing.B) *world{"postgres": onPostgres, "sqlite": onSQLite} {
		b.Run(engine, func(b *testing.B) { processRun(b, binary, open(b)) })
	}
}

func processRun(b *testing.B, binary string, w *world) {
	b.Helper()
	key := filepath.Join(b.TempDir(), "master.key")
	secret := make([]byte, 32)
	_, err := rand.Read(secret)
	check(b, err)
	check(b, os.WriteFile(key, []byte(hex.EncodeToString(secret)+"\n"), 0o600))

	startProcess(b, binary, w.url, key).stop(b) // the first start writes what a database has once
	var started time.Duration
	for b.Loop() {
		p := startProcess(b, binary, w.url, key)
		started = max(started, p.ready)
		p.stop(b)
	}
	p := startProcess(b, binary, w.url, key)
	<-time.After(2 * time.Second) // what start-up left behind is collected, or stays
	idle := p.memory(b)
	g := newDoses(b, w, 32, &httpServer{w: w, address: p.address})
	var l load
	for l.took < soak {
		l.add(g.overHTTP(b))
	}
	busy := p.memory(b)
	p.stop(b)
	w.intact(b, g.count)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(started.Seconds()*1000, "start-ms")
	b.ReportMetric(idle, "idle-MB")
	b.ReportMetric(busy, "busy-MB")
	b.ReportMetric(l.rate(), "doses/s")
	results.add(b.Name(), "slowest start %.0f ms\tidle %.1f MB\tafter %.0f s at 32 clients %.1f MB\t%.0f doses/s",
		started.Seconds()*1000, idle, l.took.Seconds(), busy, l.rate())
}

// process is a running clinicd.
type process struct {
	cmd     *exec.Cmd
	address string
	ready   time.Duration // from its start until it said so
	log     *bytes.Buffer
	drained chan struct{}
}

// startProcess starts the program on a free port and returns when it is ready.
func startProcess(b *testing.B, binary, database, key string) *process {
	b.Helper()
	p := &process{log: &bytes.Buffer{}, drained: make(chan struct{})}
	p.cmd = exec.Command(binary, "serve", "--database", database, "--key-file", key, "--listen", "127.0.0.1:0", "--metrics-listen", "")
	out, err := p.cmd.StderrPipe()
	check(b, err)
	began := time.Now()
	check(b, p.cmd.Start())
	b.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	lines := bufio.NewScanner(io.TeeReader(out, p.log))
	for p.address == "" && lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			p.address = line.Address
		}
	}
	if p.address == "" {
		b.Fatalf("clinicd did not listen: %s", p.log)
	}
	go func() {
		defer close(p.drained)
		_, _ = io.Copy(io.Discard, out)
	}()
	answer, err := http.Get("http://" + p.address + "/readyz")
	check(b, err)
	p.ready = time.Since(began)
	_, err = io.Copy(io.Discard, answer.Body)
	check(b, err)
	check(b, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		b.Fatalf("not ready: status %d: %s", answer.StatusCode, p.log)
	}
	return p
}

func (p *process) stop(b *testing.B) {
	b.Helper()
	http.DefaultClient.CloseIdleConnections()
	check(b, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.drained
	if err := p.cmd.Wait(); err != nil {
		b.Fatalf("clinicd ended with %v", err)
	}
}

// memory returns the resident memory in megabytes.
func (p *process) memory(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	check(b, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			check(b, err)
			return float64(kb) / 1000
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
