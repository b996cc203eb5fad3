package evdev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lieu-clinic/lieu/devices"
)

// Requests to an event device, of a 64-bit system.
const (
	eviocGrab   = 0x40044590
	eviocGetLED = 0x80084519 // eight bytes of lamps
	lampCaps    = 1 << 1
)

// Keyboard is an event device that this program has for itself. It implements devices.Link; nothing can be written.
type Keyboard struct {
	path string
	file *os.File
	raw  syscall.RawConn
	caps bool
	// reading guards the deadline, which belongs to one read at a time.
	reading sync.Mutex
}

var _ devices.Link = (*Keyboard)(nil)

// OpenKeyboard takes the event device at path, best one of /dev/input/by-id.
func OpenKeyboard(path string) (*Keyboard, error) { return openKeyboard(path, system()) }

func openKeyboard(path string, control calls) (*Keyboard, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w: `ls /dev/input/by-id/*-event-kbd` lists the scanners that type", err, devices.ErrDisconnected)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: add the program's user to the group that owns the device, usually input", err)
	case err != nil:
		return nil, err
	}
	k := &Keyboard{path: path, file: file}
	if k.raw, err = file.SyscallConn(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := k.take(control); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return k, nil
}

// take looks at the lamps and takes the device for this program.
func (k *Keyboard) take(control calls) error {
	var (
		lamps       byte
		asked, held error
	)
	err := k.raw.Control(func(fd uintptr) {
		if lamps, asked = control.lamps(fd); asked == nil {
			held = control.grab(fd)
		}
	})
	switch {
	case err != nil:
		return err
	case asked != nil:
		return fmt.Errorf("%s is no event device: %w", k.path, asked)
	case held != nil:
		return fmt.Errorf("%s is in use by another program: %w", k.path, held)
	}
	k.caps = lamps&lampCaps != 0
	return nil
}

// calls are what only an event device understands.
type calls struct {
	lamps func(fd uintptr) (first byte, err error)
	grab  func(fd uintptr) error
}

func system() calls {
	return calls{
		lamps: func(fd uintptr) (byte, error) {
			var all [8]byte
			_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, eviocGetLED, uintptr(unsafe.Pointer(&all[0]))) //nolint:gosec // the kernel fills the eight bytes
			return all[0], orNil(errno)
		},
		grab: func(fd uintptr) error {
			_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, eviocGrab, 1)
			return orNil(errno)
		},
	}
}

func orNil(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// CapsLock reports whether the keyboard's lamp was on when it was opened.
func (k *Keyboard) CapsLock() bool { return k.caps }

// Write is refused: a keyboard takes nothing.
func (k *Keyboard) Write(context.Context, []byte) error {
	return fmt.Errorf("%s: %w", k.path, devices.ErrRefused)
}

// Read returns records that have come, whatever ctx says, or waits for some.
func (k *Keyboard) Read(ctx context.Context, p []byte) (int, error) {
	k.reading.Lock()
	defer k.reading.Unlock()
	if err := k.file.SetReadDeadline(time.Time{}); err != nil {
		return 0, k.gone(err)
	}
	if n, err := k.come(p); n > 0 || err != nil {
		return n, err
	}
	stop := context.AfterFunc(ctx, func() {
		_ = k.file.SetReadDeadline(time.Unix(1, 0)) // on a closed device there is nothing to hurry
	})
	defer stop()
	n, err := k.file.Read(p)
	switch {
	case n > 0:
		return n, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	return 0, k.gone(err)
}

// come returns what has come already.
func (k *Keyboard) come(p []byte) (n int, err error) {
	var failed error
	err = k.raw.Read(func(fd uintptr) bool {
		n, failed = unix.Read(int(fd), p)
		return true
	})
	switch {
	case err != nil:
		return 0, k.gone(err)
	case errors.Is(failed, unix.EAGAIN), errors.Is(failed, unix.EINTR):
		return 0, nil
	case failed != nil:
		return 0, k.gone(failed)
	case n == 0:
		return 0, k.gone(io.EOF)
	}
	return n, nil
}

func (k *Keyboard) gone(err error) error {
	return fmt.Errorf("%s: %v: %w", k.path, err, devices.ErrDisconnected)
}

// Flush does nothing: what was typed before the device was opened is not delivered, and a code that is half through
// shows as such.
func (k *Keyboard) Flush() error { return nil }

// Close gives the keyboard back.
func (k *Keyboard) Close() error { return k.file.Close() }
