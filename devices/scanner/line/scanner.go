// Package line drives barcode scanners that send each code as a line of text over a serial port (USB-CDC or RS-232).
//
// The scanner must be set to send a CR or CR LF after each code, UTF-8, and best the AIM prefix.
package line

import (
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/scanning"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/linescan"
)

// Config of a scanner. Its zero value works.
type Config = scanning.Config

// Scanner receives codes from the moment it is opened.
type Scanner = scanning.Scanner

var _ devices.Scanner = (*Scanner)(nil)

// Open takes over the link and drops what had arrived before; a code that is half through is dropped as well.
func Open(link devices.Link, cfg Config, now func() time.Time) (*Scanner, error) {
	return scanning.Open(link, new(proto.Framer), cfg, now)
}
