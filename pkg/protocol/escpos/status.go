package escpos

import "errors"

// Query is which status DLE EOT asks for.
type Query byte

// The queries.
const (
	Online  Query = 1
	Offline Query = 2 // why it is off line
	Errors  Query = 3
	Paper   Query = 4
)

// Append appends the command that asks.
func (q Query) Append(dst []byte) []byte { return append(dst, dle, eot, byte(q)) }

// ErrStatus: not a byte that answers a query.
var ErrStatus = errors.New("not a status")

// Status is what the answers say together.
type Status struct {
	Offline   bool
	CoverOpen bool
	PaperStop bool // stopped for want of paper
	Failed    bool // cutter, or another error
	PaperLow  bool
	PaperOut  bool
}

// Ready reports whether a ticket sent now will be printed.
func (s Status) Ready() bool {
	return !s.Offline && !s.CoverOpen && !s.PaperStop && !s.Failed && !s.PaperOut
}

const (
	fixedMask = 0x93 // bits 0, 1, 4 and 7 are the same in every answer
	fixedBits = 0x12
)

// Take adds the answer to q. A byte without the fixed bits is ErrStatus and adds nothing.
func (s *Status) Take(q Query, b byte) error {
	if b&fixedMask != fixedBits || q < Online || q > Paper {
		return ErrStatus
	}
	switch q {
	case Online:
		s.Offline = b&0x08 != 0
	case Offline:
		s.CoverOpen, s.PaperStop = b&0x04 != 0, b&0x20 != 0
		s.Failed = s.Failed || b&0x40 != 0
	case Errors:
		s.Failed = s.Failed || b&0x6c != 0
	case Paper:
		s.PaperLow, s.PaperOut = b&0x0c != 0, b&0x60 != 0
	}
	return nil
}

// Answer is the byte with which a printer in state s answers q.
func (s Status) Answer(q Query) byte {
	b := byte(fixedBits)
	switch q {
	case Online:
		b |= flag(s.Offline, 0x08)
	case Offline:
		b |= flag(s.CoverOpen, 0x04) | flag(s.PaperStop, 0x20) | flag(s.Failed, 0x40)
	case Errors:
		b |= flag(s.Failed, 0x08)
	case Paper:
		b |= flag(s.PaperLow, 0x0c) | flag(s.PaperOut, 0x60)
	}
	return b
}

func flag(set bool, bits byte) byte {
	if set {
		return bits
	}
	return 0
}

// Marks is how many times a Mark asks. One answer may be zero, which is also what a broken line gives; that many equal
// ones in a row is not.
const Marks = 3

// AppendMark appends GS r 1, Marks times.
func AppendMark(dst []byte) []byte {
	for range Marks {
		dst = append(dst, gs, 'r', 1)
	}
	return dst
}

// MarkAnswer is the byte with which a printer in state s answers each GS r 1.
func (s Status) MarkAnswer() byte { return flag(s.PaperLow, 0x03) | flag(s.PaperOut, 0x0c) }

// ParseMark reads the answers to a Mark: ErrMore while some are missing, ErrStatus when they are no such answers or differ.
func ParseMark(b []byte) error {
	for _, c := range b {
		// Bits 4 and 7 are always 0; 0 and 1 go together, and 2 and 3.
		if c&0x90 != 0 || c&0x03 != 0 && c&0x03 != 0x03 || c&0x0c != 0 && c&0x0c != 0x0c || c != b[0] {
			return ErrStatus
		}
	}
	switch {
	case len(b) < Marks:
		return ErrMore
	case len(b) > Marks:
		return ErrStatus
	}
	return nil
}
