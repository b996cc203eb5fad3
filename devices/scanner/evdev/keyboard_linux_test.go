package evdev

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/evdevscan"
)

// keyboard is a named pipe in the place of an event device, and the end that writes the records.
func keyboard(t *testing.T) (path string, typist *os.File) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "event-kbd")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	typist, err := os.OpenFile(path, os.O_RDWR, 0) // without a writer the pipe would be at its end
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = typist.Close() }) // some cases have closed it
	return path, typist
}

// answering stands for an event device with those lamps. It counts how often it was taken.
func answering(lamps byte, taken *int) calls {
	return calls{
		lamps: func(uintptr) (byte, error) { return lamps, nil },
		grab:  func(uintptr) error { *taken++; return nil },
	}
}

func typeText(t *testing.T, typist *os.File, text string) {
	t.Helper()
	events, err := proto.Append(nil, text, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := typist.Write(events); err != nil {
		t.Fatal(err)
	}
}

func TestACodeThroughTheSystem(t *testing.T) {
	path, typist := keyboard(t)
	var taken int
	k, err := openKeyboard(path, answering(lampCaps, &taken))
	if err != nil {
		t.Fatal(err)
	}
	if !k.CapsLock() || taken != 1 {
		t.Errorf("lock %v, taken %d times", k.CapsLock(), taken)
	}
	s, err := Open(k, Config{Silence: 20 * time.Millisecond, CapsLock: k.CapsLock()}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	// What is typed before the first silence may be half a code; the scanner is read again until one comes through.
	for try := 0; ; try++ {
		typeText(t, typist, "P01aB\x1d7")
		within, done := context.WithTimeout(ctx, 200*time.Millisecond)
		got, err := s.Next(within)
		done()
		if errors.Is(err, context.DeadlineExceeded) && try < 20 {
			continue
		}
		if err != nil || got.Text != "p01Ab\x1d7" { // the lock was on
			t.Errorf("%+v, %v", got, err)
		}
		break
	}
}

func TestKeyboardIsALink(t *testing.T) {
	path, typist := keyboard(t)
	var taken int
	k, err := openKeyboard(path, answering(0, &taken))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	buf := make([]byte, 512)
	if n, err := k.Read(short, buf); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d, %v", n, err)
	}
	typeText(t, typist, "1")
	if n, err := k.Read(short, buf); n == 0 || err != nil {
		t.Errorf("what has come is not read after the context has ended: %d, %v", n, err)
	}
	if err := k.Write(t.Context(), []byte("x")); !errors.Is(err, devices.ErrRefused) {
		t.Errorf("writing: %v", err)
	}
	if err := typist.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Read(t.Context(), buf); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("unplugged: %v", err)
	}
}

func TestOpenKeyboardRefuses(t *testing.T) {
	if _, err := OpenKeyboard(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("no such device: %v", err)
	}
	path, _ := keyboard(t)
	if _, err := OpenKeyboard(path); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("a pipe: %v", err)
	}
	busy := answering(0, new(int))
	busy.grab = func(uintptr) error { return unix.EBUSY }
	if _, err := openKeyboard(path, busy); !errors.Is(err, unix.EBUSY) {
		t.Errorf("taken: %v", err)
	}
}
