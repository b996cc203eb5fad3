//go:build unix

package serialport_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/serialport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// terminal is the far end of a port.
type terminal struct {
	master, slave *os.File
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	tt := &terminal{master, slave}
	t.Cleanup(tt.unplug)
	return tt
}

func (tt *terminal) path() string { return tt.slave.Name() }

func (tt *terminal) unplug() {
	tt.master.Close()
	tt.slave.Close()
}

func open(t *testing.T, path string) *serialport.Port {
	t.Helper()
	p, err := serialport.Open(t.Context(), serialport.Config{Path: path, LockDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func readN(t *testing.T, p *serialport.Port, n int) []byte {
	t.Helper()
	var got []byte
	buf := make([]byte, 64)
	for len(got) < n {
		k, err := p.Read(soon(t), buf)
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(got), err)
		}
		got = append(got, buf[:k]...)
	}
	return got
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestEveryByteGoesBothWays(t *testing.T) {
	far := newTerminal(t)
	p := open(t, far.path())
	if err := p.Write(soon(t), allBytes()); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 0, 256)
	for buf := make([]byte, 256); len(got) < 256; {
		n, err := far.master.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buf[:n]...)
	}
	if !bytes.Equal(got, allBytes()) {
		t.Errorf("the device received % X", got)
	}
	if _, err := far.master.Write(allBytes()); err != nil {
		t.Fatal(err)
	}
	if got := readN(t, p, 256); !bytes.Equal(got, allBytes()) {
		t.Errorf("the host received % X", got)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	p := open(t, newTerminal(t).path())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := p.Read(ctx, make([]byte, 8)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestWhatHasArrivedIsReadWhateverTheContext(t *testing.T) {
	far := newTerminal(t)
	p := open(t, far.path())
	if _, err := far.master.WriteString("AB"); err != nil {
		t.Fatal(err)
	}
	if got := readN(t, p, 1); got[0] != 'A' {
		t.Fatalf("%q", got)
	}
	if _, err := far.master.WriteString("CD"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if n, err := p.Read(soon(t), b); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := p.Read(over, b); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestFlushDropsWhatWasNotRead(t *testing.T) {
	far := newTerminal(t)
	p := open(t, far.path())
	if _, err := far.master.WriteString("old"); err != nil {
		t.Fatal(err)
	}
	readN(t, p, 1) // the rest has arrived too, or is in the kernel
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := far.master.WriteString("new"); err != nil {
		t.Fatal(err)
	}
	if got := readN(t, p, 3); string(got) != "new" {
		t.Errorf("%q", got)
	}
}

func TestUnplugging(t *testing.T) {
	far := newTerminal(t)
	p := open(t, far.path())
	ended := make(chan error, 1)
	go func() {
		_, err := p.Read(context.Background(), make([]byte, 8))
		ended <- err
	}()
	far.unplug()
	select {
	case err := <-ended:
		if !errors.Is(err, devices.ErrDisconnected) {
			t.Errorf("read: %v", err)
		}
	case <-soon(t).Done():
		t.Fatal("the read hangs")
	}
	if err := p.Write(soon(t), []byte("x")); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("write: %v", err)
	}
	if err := p.Flush(); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("flush: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestCloseEndsARead(t *testing.T) {
	p := open(t, newTerminal(t).path())
	ended := make(chan error, 1)
	go func() {
		_, err := p.Read(context.Background(), make([]byte, 8))
		ended <- err
	}()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, devices.ErrDisconnected) {
			t.Errorf("%v", err)
		}
	case <-soon(t).Done():
		t.Fatal("the read hangs")
	}
}

// A device that does not read fills the line up. The write ends with its context, the port is given up, and nothing
// stays behind (TestMain looks for goroutines).
func TestWriteThatHangsIsAbandoned(t *testing.T) {
	p := open(t, newTerminal(t).path())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := p.Write(ctx, make([]byte, 64<<10)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
	if err := p.Write(soon(t), []byte("x")); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("write after: %v", err)
	}
	if _, err := p.Read(soon(t), make([]byte, 1)); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("read after: %v", err)
	}
}

func TestFloodIsReportedOnce(t *testing.T) {
	far := newTerminal(t)
	p := open(t, far.path())
	line := bytes.Repeat([]byte("S D     100.00 g\r\n"), 100)
	for range 10 { // far more than the port keeps
		if _, err := far.master.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 64)
	for read := 0; ; {
		n, err := p.Read(soon(t), buf)
		if errors.Is(err, devices.ErrGarbled) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if read += n; read >= 10*len(line) {
			t.Skip("read as fast as it came")
		}
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := far.master.WriteString("ok"); err != nil {
		t.Fatal(err)
	}
	var got []byte // the end of the flood may still be coming in
	for !bytes.HasSuffix(got, []byte("ok")) {
		got = append(got, readN(t, p, 1)...)
	}
}

func TestOnePortOneOwner(t *testing.T) {
	far := newTerminal(t)
	dir := t.TempDir()
	cfg := serialport.Config{Path: far.path(), LockDir: dir}
	first, err := serialport.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	other := filepath.Join(t.TempDir(), "scale0")
	if err := os.Symlink(far.path(), other); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{far.path(), other} {
		_, err := serialport.Open(t.Context(), serialport.Config{Path: path, LockDir: dir})
		if !errors.Is(err, serialport.ErrBusy) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := serialport.Open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	again.Close()
}

func TestOpenSaysWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, advice string
		want         error
	}{
		{"/dev/lieu-no-such-port", "plugged in", serialport.ErrMissing},
		{os.DevNull, os.DevNull, serialport.ErrNotSerial},
		{file, file, serialport.ErrNotSerial},
	} {
		_, err := serialport.Open(t.Context(), serialport.Config{Path: c.path, LockDir: t.TempDir()})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.advice) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

func TestNoPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may open everything")
	}
	far := newTerminal(t)
	if err := os.Chmod(far.path(), 0); err != nil {
		t.Fatal(err)
	}
	_, err := serialport.Open(t.Context(), serialport.Config{Path: far.path(), LockDir: t.TempDir()})
	if !errors.Is(err, serialport.ErrPermission) || !strings.Contains(err.Error(), "group") {
		t.Error(err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	path := newTerminal(t).path()
	for name, cfg := range map[string]serialport.Config{
		"no path":     {LockDir: "x"},
		"no lock dir": {Path: path},
		"baud":        {Path: path, LockDir: "x", Baud: -1},
		"data bits":   {Path: path, LockDir: "x", Framing: serialport.Framing{DataBits: 9}},
		"parity":      {Path: path, LockDir: "x", Framing: serialport.Framing{Parity: 7}},
		"stop bits":   {Path: path, LockDir: "x", Framing: serialport.Framing{StopBits: 3}},
	} {
		if p, err := serialport.Open(t.Context(), cfg); err == nil {
			p.Close()
			t.Errorf("%s was accepted", name)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := serialport.Open(over, serialport.Config{Path: path, LockDir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

// The library cannot wait on file descriptors of 1024 and above; Open refuses instead of letting it panic.
func TestTooManyOpenFiles(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if old.Cur < 1100 {
		t.Skip("this process may not open that many files")
	}
	path := newTerminal(t).path()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Fd() > 1020 {
			break
		}
	}
	_, err := serialport.Open(t.Context(), serialport.Config{Path: path, LockDir: t.TempDir()})
	if !errors.Is(err, serialport.ErrDescriptors) {
		t.Error(err)
	}
}
