package zpl

import (
	"errors"
	"fmt"
	"strings"
)

// StatusCommand asks for the status. It may be sent at any time, even in the middle of a label.
const StatusCommand = "~HS"

// MaxStatus is how many bytes an answer takes at the most.
const MaxStatus = 128

const (
	stx = "\x02"
	end = "\x03\r\n"
)

// Status is the answer to StatusCommand.
type Status struct {
	// Of the first string.
	PaperOut    bool
	Paused      bool
	Length      int // of the label, dots
	Waiting     int // labels received and not yet begun
	BufferFull  bool
	Diagnostic  bool
	Partial     bool // in the middle of receiving a label
	RAMLost     bool
	TooCold     bool
	TooHot      bool
	Interface   int // communication settings, 0–999
	HeadOpen    bool
	RibbonOut   bool
	Transfer    bool // thermal transfer: needs a ribbon
	Mode        int  // 0–5: rewind, peel, tear off, …
	WidthMode   int
	PeelWaiting bool // a printed label waits to be taken
	Left        int  // labels still to print
	Functions   int  // function settings, 0–999
	Graphics    int  // stored
	StaticRAM   bool
}

// Ready reports whether a label sent now will be printed: all that ~HS knows of is in order.
func (s Status) Ready() bool {
	return !s.PaperOut && !s.Paused && !s.HeadOpen && !s.RibbonOut && !s.BufferFull && !s.RAMLost && !s.TooHot
}

// Busy reports whether a label is on its way through the printer.
func (s Status) Busy() bool { return s.Waiting > 0 || s.Left > 0 || s.Partial || s.PeelWaiting }

// Errors of reading a status.
var (
	// ErrMore: so far so good, but the answer is not whole.
	ErrMore = errors.New("the status is not whole")
	// ErrStatus: not a status.
	ErrStatus = errors.New("not a status")
)

// ParseStatus reads an answer that begins at b[0]. It returns ErrMore while b is the beginning of one, and ErrStatus for
// anything else, with whatever is left over after three strings: an answer is three strings and nothing more.
func ParseStatus(b []byte) (Status, error) {
	var (
		strs [3]string
		rest = string(b)
	)
	if len(b) > MaxStatus {
		return Status{}, ErrStatus
	}
	for i := range strs {
		frame, after, err := cutFrame(rest)
		if err != nil {
			return Status{}, err
		}
		strs[i], rest = frame, after
	}
	if rest != "" {
		return Status{}, ErrStatus
	}
	return parse(strs)
}

// cutFrame takes one string between STX and ETX CR LF.
func cutFrame(s string) (frame, rest string, err error) {
	if s == "" {
		return "", "", ErrMore
	}
	body, ok := strings.CutPrefix(s, stx)
	if !ok {
		return "", "", ErrStatus
	}
	frame, rest, ok = strings.Cut(body, end)
	if ok {
		return frame, rest, nil
	}
	// Half an answer: digits and commas, then perhaps part of the end.
	tail := strings.TrimLeft(body, "0123456789,")
	if !strings.HasPrefix(end, tail) {
		return "", "", ErrStatus
	}
	return "", "", ErrMore
}

// widths are how many digits each field of a string has.
var widths = [3][]int{
	{3, 1, 1, 4, 3, 1, 1, 1, 3, 1, 1, 1},
	{3, 1, 1, 1, 1, 1, 1, 1, 8, 1, 3},
	{4, 1},
}

func parse(strs [3]string) (Status, error) {
	var n [3][]int
	for i, s := range strs {
		fields := strings.Split(s, ",")
		if len(fields) != len(widths[i]) {
			return Status{}, fmt.Errorf("string %d of %d fields: %w", i+1, len(fields), ErrStatus)
		}
		for j, f := range fields {
			v, ok := digits(f)
			if !ok || len(f) != widths[i][j] {
				return Status{}, fmt.Errorf("string %d, field %d: %w", i+1, j+1, ErrStatus)
			}
			n[i] = append(n[i], v)
		}
	}
	s := Status{
		Interface: n[0][0], Length: n[0][3], Waiting: n[0][4],
		Functions: n[1][0], Mode: n[1][5], WidthMode: n[1][6], Left: n[1][8], Graphics: n[1][10],
	}
	// The second string begins with the function settings and a field without a use: the head is its third.
	err := flags(map[*bool]int{
		&s.PaperOut: n[0][1], &s.Paused: n[0][2], &s.BufferFull: n[0][5], &s.Diagnostic: n[0][6], &s.Partial: n[0][7],
		&s.RAMLost: n[0][9], &s.TooCold: n[0][10], &s.TooHot: n[0][11],
		&s.HeadOpen: n[1][2], &s.RibbonOut: n[1][3], &s.Transfer: n[1][4], &s.PeelWaiting: n[1][7], &s.StaticRAM: n[2][1],
	})
	if err != nil || s.Mode > 5 {
		return Status{}, ErrStatus
	}
	return s, nil
}

func flags(values map[*bool]int) error {
	for f, v := range values {
		if v > 1 {
			return ErrStatus
		}
		*f = v == 1
	}
	return nil
}

func digits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}

// Append appends s as a printer answers it.
func (s Status) Append(dst []byte) []byte {
	dst = fmt.Appendf(dst, stx+"%03d,%d,%d,%04d,%03d,%d,%d,%d,000,%d,%d,%d"+end, s.Interface, bit(s.PaperOut), bit(s.Paused),
		s.Length, s.Waiting, bit(s.BufferFull), bit(s.Diagnostic), bit(s.Partial), bit(s.RAMLost), bit(s.TooCold), bit(s.TooHot))
	dst = fmt.Appendf(dst, stx+"%03d,0,%d,%d,%d,%d,%d,%d,%08d,1,%03d"+end, s.Functions, bit(s.HeadOpen), bit(s.RibbonOut),
		bit(s.Transfer), s.Mode, s.WidthMode, bit(s.PeelWaiting), s.Left, s.Graphics)
	return fmt.Appendf(dst, stx+"1234,%d"+end, bit(s.StaticRAM))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
