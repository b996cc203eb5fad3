// Package linescan is the codec of barcode scanners that send each code as a line of text: a suffix of CR, LF or
// CR LF, perhaps between STX and ETX, perhaps with the AIM symbology prefix. After an STX the ETX is end enough, and the
// suffix may be missing. It does no input or output of its own.
//
// A group separator (GS, 1D) is data and stays where it is. A line with a NUL (what a parity error looks like), other
// control characters or invalid UTF-8 is dropped, never repaired. Half a line followed by silence is the driver's to
// drop, by Restart.
package linescan

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// MaxLine is the longest code taken, in bytes.
const MaxLine = 1024

const (
	stx = 0x02
	etx = 0x03
)

// A Framer cuts a stream of bytes into lines. Empty lines are not reported.
//
// The zero Framer does not know where a line begins and drops everything up to the first line end.
type Framer struct {
	line   [MaxLine]byte
	n      int
	synced bool
	broken bool
}

// Restart says that the next byte begins a line: the scanner has been silent.
func (f *Framer) Restart() { f.n, f.synced, f.broken = 0, true, false }

// Lose forgets the present line and drops everything up to the next line end: bytes were lost.
func (f *Framer) Lose() { f.n, f.synced, f.broken = 0, false, false }

// Partial reports whether a line has begun and not ended.
func (f *Framer) Partial() bool { return !f.synced || f.broken || f.n > 0 }

// Next takes bytes of chunk up to the end of one line. It returns the line without its suffix, valid until the next
// call, and the bytes not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *Framer) Next(chunk []byte) (line, rest []byte, ok bool) {
	for i, b := range chunk {
		switch {
		case b == '\r' || b == '\n':
		case b == etx && f.n > 0 && f.line[0] == stx:
			f.keep(b) // the line's own end: a suffix that follows is an empty line
		default:
			f.keep(b)
			continue
		}
		whole, n := f.synced && !f.broken, f.n
		f.Restart()
		if whole && n > 0 {
			return f.line[:n], chunk[i+1:], true
		}
	}
	return nil, nil, false
}

func (f *Framer) keep(b byte) {
	if f.n == len(f.line) || b == 0 {
		f.broken = true
		return
	}
	f.line[f.n] = b
	f.n++
}

// Code is one scanned code.
type Code struct {
	Text string
	// Symbology is the AIM identifier without its bracket, "C1" for GS1-128, "Q1" for QR; "" when none was sent.
	Symbology string
}

// Errors of Decode.
var (
	ErrEncoding = errors.New("scanned text is not valid UTF-8")
	ErrControl  = errors.New("scanned text holds control characters")
	ErrEmpty    = errors.New("scanned text is empty")
)

// Decode reads one line. Text that begins with a bracket, a letter and a letter or digit carries an AIM prefix.
func Decode(line []byte) (Code, error) {
	if body, ok := bytes.CutPrefix(line, []byte{stx}); ok {
		if line, ok = bytes.CutSuffix(body, []byte{etx}); !ok {
			return Code{}, ErrControl
		}
	}
	if !utf8.Valid(line) {
		return Code{}, ErrEncoding
	}
	for _, b := range line {
		if (b < ' ' && !separator(b)) || b == 0x7f {
			return Code{}, ErrControl
		}
	}
	var c Code
	if len(line) >= 3 && line[0] == ']' && letter(line[1]) && (letter(line[2]) || digit(line[2])) {
		c.Symbology, line = string(line[1:3]), line[3:]
	}
	if len(line) == 0 {
		return Code{}, ErrEmpty
	}
	c.Text = string(line)
	return c, nil
}

// separator reports whether b is one of the separators that codes carry as data: GS in GS1, RS and EOT in ISO 15434.
func separator(b byte) bool { return b == 0x1d || b == 0x1e || b == 0x04 }

func letter(b byte) bool { return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' }

func digit(b byte) bool { return '0' <= b && b <= '9' }

// Append appends c as a scanner sends it, with the suffix.
func Append(dst []byte, c Code, suffix string) []byte {
	if c.Symbology != "" {
		dst = append(append(dst, ']'), c.Symbology...)
	}
	return append(append(dst, c.Text...), suffix...)
}
