//go:build !linux

package evdev

import (
	"context"

	"github.com/lieu-clinic/lieu/devices"
)

// Keyboard is an event device, which this system has none of.
type Keyboard struct{}

var _ devices.Link = (*Keyboard)(nil)

// OpenKeyboard reports ErrUnsupported.
func OpenKeyboard(string) (*Keyboard, error) { return nil, ErrUnsupported }

// CapsLock reports false.
func (*Keyboard) CapsLock() bool { return false }

// Write reports ErrUnsupported.
func (*Keyboard) Write(context.Context, []byte) error { return ErrUnsupported }

// Read reports ErrUnsupported.
func (*Keyboard) Read(context.Context, []byte) (int, error) { return 0, ErrUnsupported }

// Flush reports ErrUnsupported.
func (*Keyboard) Flush() error { return ErrUnsupported }

// Close does nothing.
func (*Keyboard) Close() error { return nil }
