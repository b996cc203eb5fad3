// Package evdev drives barcode scanners that pretend to be a keyboard, at their Linux event device. The scanner must be set
// to a US keyboard and to end each code with Enter.
//
// The device is taken for this program alone, so that what is scanned does not also type into a browser. It is given back
// when it is closed, or when the program ends in whatever way.
package evdev

import (
	"errors"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/scanning"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/evdevscan"
)

// Config of a scanner. Its zero value works.
type Config struct {
	Name            string
	Silence, Repeat time.Duration // as in scanning.Config
	// CapsLock is whether the lock is on while nobody scans, as Keyboard.CapsLock tells.
	CapsLock bool
}

// Scanner receives codes from the moment it is opened.
type Scanner = scanning.Scanner

var _ devices.Scanner = (*Scanner)(nil)

// ErrUnsupported: this system has no event devices.
var ErrUnsupported = errors.New("scanners that type are read on Linux only: set the scanner to a serial port (USB-CDC)")

// Open takes over the link, which carries event records, and drops what had arrived before.
func Open(link devices.Link, cfg Config, now func() time.Time) (*Scanner, error) {
	var lines proto.Framer
	lines.Begin(cfg.CapsLock)
	lines.Lose() // whether a code is half through is known after the first silence
	return scanning.Open(link, &lines, scanning.Config{Name: cfg.Name, Silence: cfg.Silence, Repeat: cfg.Repeat}, now)
}
