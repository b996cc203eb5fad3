package escpos

import (
	"bytes"
	"errors"
	"fmt"
)

// Errors of making a ticket.
var (
	ErrText = errors.New("text that a ticket cannot hold")
	ErrSize = errors.New("too large or too small for the printer")
)

const (
	dle = 0x10
	eot = 0x04
	esc = 0x1b
	gs  = 0x1d
	lf  = '\n'
)

// Limits of what one command may carry.
const (
	maxRowBytes = 128
	maxRows     = 1024 // of one picture; its height must not spell a command either
	maxText     = 255
	maxFeed     = 20
	quietLines  = 4 // from the print head to the cutter
)

// Size of printed text.
type Size byte

// The sizes.
const (
	Normal Size = 0x00
	Double Size = 0x30 // twice as high and as wide
)

// Ticket is a ticket in the making. The first thing that does not fit is reported by Bytes.
type Ticket struct {
	body []byte
	err  error
}

// New begins a ticket.
func New() *Ticket { return &Ticket{} }

// Text prints one line of printable ASCII in the printer's own font.
func (t *Ticket) Text(size Size, line string) {
	if !printable(line) || size != Normal && size != Double {
		t.fail(fmt.Errorf("line: %w", ErrText))
		return
	}
	t.body = append(t.body, esc, '!', byte(size))
	t.body = append(append(t.body, line...), lf)
}

// Raster prints black and white dots, rowBytes bytes to a row, the leftmost dot in the highest bit, black being 1.
//
// A printer obeys DLE EOT, DLE ENQ and DLE DC4 even where they are part of a picture. Where the dots happen to spell one,
// one white dot becomes black.
func (t *Ticket) Raster(rowBytes int, dots []byte) {
	if rowBytes < 1 || rowBytes > maxRowBytes || len(dots) == 0 || len(dots)%rowBytes != 0 || len(dots)/rowBytes > maxRows {
		t.fail(fmt.Errorf("picture of %d bytes in rows of %d: %w", len(dots), rowBytes, ErrSize))
		return
	}
	rows := len(dots) / rowBytes
	t.body = append(t.body, gs, 'v', '0', 0, byte(rowBytes), byte(rowBytes>>8), byte(rows), byte(rows>>8))
	t.body = append(t.body, silent(dots)...)
}

// silent returns dots without the commands that a printer obeys inside a picture.
func silent(dots []byte) []byte {
	dots = bytes.Clone(dots)
	for i := 1; i < len(dots); i++ {
		if dots[i-1] == dle && (dots[i] == eot || dots[i] == 0x05 || dots[i] == 0x14) {
			dots[i] |= 0x80
		}
	}
	return dots
}

// QR prints a QR code, each of its squares size dots wide, with error correction M.
func (t *Ticket) QR(size int, text string) {
	if !printable(text) {
		t.fail(fmt.Errorf("QR: %w", ErrText))
		return
	}
	if size < 1 || size > 16 {
		t.fail(fmt.Errorf("QR squares of %d dots: %w", size, ErrSize))
		return
	}
	t.symbol([]byte{'1', 'A', '2', 0})
	t.symbol([]byte{'1', 'C', byte(size)})
	t.symbol([]byte{'1', 'E', '1'})
	t.symbol(append([]byte{'1', 'P', '0'}, text...))
	t.symbol([]byte{'1', 'Q', '0'})
}

// symbol appends a GS ( k.
func (t *Ticket) symbol(data []byte) {
	t.body = append(t.body, gs, '(', 'k', byte(len(data)), byte(len(data)>>8))
	t.body = append(t.body, data...)
}

// Code128 prints a Code 128 bar code of that height. Its text is printable ASCII without braces, by which the printer
// would change its alphabet.
func (t *Ticket) Code128(height int, text string) {
	if !printable(text) || bytes.ContainsAny([]byte(text), "{}") || len(text) > 60 {
		t.fail(fmt.Errorf("bar code: %w", ErrText))
		return
	}
	if height < 1 || height > 255 {
		t.fail(fmt.Errorf("bar code of %d dots: %w", height, ErrSize))
		return
	}
	t.body = append(t.body, gs, 'h', byte(height), gs, 'k', 73, byte(len(text)+2), '{', 'B')
	t.body = append(t.body, text...)
}

// Feed moves the paper by lines.
func (t *Ticket) Feed(lines int) {
	if lines < 1 || lines > maxFeed {
		t.fail(fmt.Errorf("feed of %d lines: %w", lines, ErrSize))
		return
	}
	t.body = append(t.body, esc, 'd', byte(lines))
}

func (t *Ticket) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// Bytes returns what is sent to the printer, from setting it up to cutting the paper, or the first error in making it.
func (t *Ticket) Bytes() ([]byte, error) {
	if t.err != nil {
		return nil, t.err
	}
	b := append([]byte{esc, '@'}, t.body...)
	return append(b, esc, 'd', quietLines, gs, 'V', 1), nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxText
}
