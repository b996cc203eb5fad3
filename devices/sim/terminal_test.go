//go:build linux

package sim_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func published(t *testing.T) (*sim.Bench, string) {
	t.Helper()
	dir := t.TempDir()
	b, err := sim.NewBench(sim.Config{Now: time.Now, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, dir
}

func port(t *testing.T, path, locks string) devices.Link {
	t.Helper()
	p, err := serialport.Open(t.Context(), serialport.Config{Path: path, LockDir: locks})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// serial asks a balance who it is, until it answers.
func serial(t *testing.T, link devices.Link) {
	t.Helper()
	for range 5 {
		if strings.Contains(talk(t, link, "I4\r\n", 200*time.Millisecond), "I4 A \"1000001\"\r\n") {
			return
		}
	}
	t.Error("the balance does not answer")
}

func TestAClientMayCloseAndOpenAgain(t *testing.T) {
	b, dir := published(t)
	path, err := b.Path("scale0")
	if err != nil || path != filepath.Join(dir, "scale0") {
		t.Fatal(path, err)
	}
	for range 3 {
		link := port(t, path, t.TempDir())
		serial(t, link)
		if err := link.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnplugAndReplug(t *testing.T) {
	b, dir := published(t)
	path := filepath.Join(dir, "scale0")
	link := port(t, path, t.TempDir())
	if err := b.Unplug("scale0"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the name is still there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := link.Read(ctx, make([]byte, 8)); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%v", err)
	}
	if err := b.Replug("scale0"); err != nil {
		t.Fatal(err)
	}
	serial(t, port(t, path, t.TempDir()))
}

// A terminal carries bytes at any rate; the bench does what a real line would do.
func TestWrongBaudRate(t *testing.T) {
	_, dir := published(t)
	p, err := serialport.Open(t.Context(), serialport.Config{Path: filepath.Join(dir, "scale0"), Baud: 4800, LockDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if got := talk(t, p, "I4\r\n", 200*time.Millisecond); strings.Contains(got, "I4") {
		t.Errorf("at the wrong rate: %q", got)
	}
	p.Close()
	serial(t, port(t, filepath.Join(dir, "scale0"), t.TempDir()))
}

const childPort = "LIEU_TEST_PORT"

// TestHoldPort is not a test: it is the process that TestKilledClient kills.
func TestHoldPort(t *testing.T) {
	path := os.Getenv(childPort)
	if path == "" {
		t.Skip("run by TestKilledClient")
	}
	port(t, path, filepath.Dir(path))
	os.Stdout.WriteString("open\n")
	<-time.After(time.Minute)
}

// A client that is killed leaves its exclusive lock on the terminal; the bench takes it off.
func TestKilledClient(t *testing.T) {
	_, dir := published(t)
	path := filepath.Join(dir, "scale0")
	for range 2 {
		child := exec.Command(os.Args[0], "-test.run", "^TestHoldPort$", "-test.v")
		child.Env = append(os.Environ(), childPort+"="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == "open" {
				break
			}
		}
		if _, err := serialport.Open(t.Context(), serialport.Config{Path: path, LockDir: dir}); !errors.Is(err, serialport.ErrBusy) {
			t.Errorf("while the other holds it: %v", err)
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		link := reopen(t, path, dir)
		serial(t, link)
		if err := link.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// reopen tries for a second: the bench looks for stale locks every tenth.
func reopen(t *testing.T, path, locks string) devices.Link {
	t.Helper()
	var err error
	for range 10 {
		var p *serialport.Port
		if p, err = serialport.Open(t.Context(), serialport.Config{Path: path, LockDir: locks}); err == nil {
			return p
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

func TestABenchAfterACrash(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/pts/none", filepath.Join(dir, "pump0")); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, sim.ControlSocket)})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	b, err := sim.NewBench(sim.Config{Now: time.Now, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	port(t, filepath.Join(dir, "pump0"), t.TempDir())
	if other, err := sim.NewBench(sim.Config{Now: time.Now, Dir: dir}); err == nil {
		other.Close()
		t.Error("two benches in one directory")
	}
}

func TestControl(t *testing.T) {
	b, dir := published(t)
	c, err := sim.Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	link := port(t, filepath.Join(dir, "scanner0"), t.TempDir())
	if err := c.PlaceCup(""); err != nil {
		t.Fatal(err)
	}
	if err := c.PlaceCup("counter"); err == nil {
		t.Error("two cups")
	}
	if err := c.RefillBottle("", 50*measure.Millilitre); err != nil {
		t.Fatal(err)
	}
	if err := c.Scan("", "LIEU-1"); err != nil {
		t.Fatal(err)
	}
	if got := listen(t, link, 200*time.Millisecond); got != "LIEU-1\r\n" {
		t.Errorf("scanned %q", got)
	}
	if err := c.Fault(sim.Fault{Device: "pump0", Kind: sim.Bubble}); err != nil {
		t.Fatal(err)
	}
	if err := c.Unplug("scale0"); err != nil {
		t.Fatal(err)
	}
	s, err := c.State()
	if err != nil || len(s.Counters) != 1 {
		t.Fatal(s, err)
	}
	if got := s.Counters[0]; got.Cup == nil || got.BottleML != 1050 || got.Scans != 1 || got.Devices[1].Plugged || !got.Devices[0].Plugged {
		t.Errorf("%+v", got)
	}
	if err := c.Replug("scale0"); err != nil {
		t.Fatal(err)
	}
	if cup, err := c.LiftCup(""); err != nil || cup.EmptyG < 5 || cup.LiquidML != 0 {
		t.Errorf("%+v, %v", cup, err)
	}
	if got := b.State().Counters[0]; got.Cup != nil || !got.Devices[1].Plugged {
		t.Errorf("%+v", got)
	}
}

func TestBadRequestsAreAnswered(t *testing.T) {
	_, dir := published(t)
	conn, err := net.Dial("unix", filepath.Join(dir, sim.ControlSocket))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, request := range []string{
		`nonsense`, `{}`, `{"do":"dance"}`, `{"do":"state","colour":"red"}`, `{"do":"scan"}`, `{"do":"lift_cup"}`,
		`{"do":"refill_bottle","ml":-1}`, `{"do":"refill_bottle"}`, `{"do":"fault","device":"pump0","kind":"fire"}`,
		`{"do":"fault","device":"pump7","kind":"bubble"}`, `{"do":"unplug"}`, `{"do":"place_cup","counter":"x"}`,
		`{"do":"state"} {"do":"state"}`, `[]`, `{"do":7}`,
	} {
		if _, err := conn.Write([]byte(request + "\n")); err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, `{"error":"bench: `) {
			t.Errorf("%s: %q, %v", request, line, err)
		}
	}
	if _, err := conn.Write([]byte(`{"do":"state"}` + "\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(line, `{"ok":true,"state":{"counters":[`) {
		t.Errorf("%q, %v", line, err)
	}
}

func TestNoBenchAnswers(t *testing.T) {
	if c, err := sim.Dial(t.TempDir()); err == nil {
		c.Close()
		t.Error("dialled nothing")
	}
	if b, err := sim.NewBench(sim.Config{}); err == nil {
		b.Close()
		t.Error("a bench without a clock")
	}
}

// A device that takes nothing off the line makes a write hang; the driver's deadline ends it.
func TestNoReaderFillsTheHostsBuffer(t *testing.T) {
	b, dir := published(t)
	if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.NoReader}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := port(t, filepath.Join(dir, "scale0"), t.TempDir()).Write(ctx, make([]byte, 64<<10)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// The cable comes back under the same name, with another balance at its end.
func TestHangUpAndReturnOnATerminal(t *testing.T) {
	b, dir := published(t)
	path := filepath.Join(dir, "scale0")
	link := port(t, path, dir)
	if err := b.Fault(sim.Fault{Device: "scale0", Kind: sim.HangUp, Seconds: 0.2, Model: "mt-sics"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := link.Read(ctx, make([]byte, 8)); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%v", err)
	}
	if err := link.Close(); err != nil {
		t.Error(err)
	}
	back := reopen(t, path, dir)
	defer back.Close()
	if got := talk(t, back, "\r\nI4\r\n", 300*time.Millisecond); !strings.Contains(got, "1000091") {
		t.Errorf("%q", got)
	}
}
