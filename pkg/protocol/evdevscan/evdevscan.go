// Package evdevscan is the codec of barcode scanners that pretend to be a keyboard, as Linux shows them: records of an
// input event device. It does no input or output of its own.
//
// Keys are places on a US keyboard, which the scanner must be set to; nothing here depends on the layout of the computer.
// Shift and Caps Lock are followed, a repeating key is ignored, Ctrl with ] is the group separator, Enter ends a code.
// A key that no code can hold, another control combination, a key that is let go without having been pressed, and lost events drop the code, never repair
// it.
package evdevscan

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// RecordSize is the length of an event on a 64-bit system.
	RecordSize = 24
	// MaxLine is the longest code taken, in characters.
	MaxLine = 1024
)

// Event is one record.
type Event struct {
	Sec, Usec int64
	Type      uint16
	Code      uint16
	Value     int32
}

// Append appends the record of e.
func (e Event) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Sec))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Usec))
	dst = binary.LittleEndian.AppendUint16(dst, e.Type)
	dst = binary.LittleEndian.AppendUint16(dst, e.Code)
	return binary.LittleEndian.AppendUint32(dst, uint32(e.Value))
}

// decode reads a record.
func decode(b *[RecordSize]byte) Event {
	return Event{
		Sec:   int64(binary.LittleEndian.Uint64(b[0:])),
		Usec:  int64(binary.LittleEndian.Uint64(b[8:])),
		Type:  binary.LittleEndian.Uint16(b[16:]),
		Code:  binary.LittleEndian.Uint16(b[18:]),
		Value: int32(binary.LittleEndian.Uint32(b[20:])),
	}
}

// A Framer turns the records of one device into the codes that were typed. Codes without a character are not reported.
//
// The zero Framer does not know whether a code is half through and drops everything up to the first Begin or Restart.
type Framer struct {
	record [RecordSize]byte
	have   int // bytes of record

	line [MaxLine]byte
	n    int

	synced, broken        bool
	leftShift, rightShift bool
	leftCtrl, rightCtrl   bool
	caps, capsAtRest      bool
	held                  [lastKey/64 + 1]uint64 // keys that are down, but for modifiers
}

// Begin says that the keyboard is at rest and the next event begins a code: the scanner was just opened. caps is whether
// Caps Lock is on while nobody scans: a scanner that follows the lock types turned round then.
func (f *Framer) Begin(caps bool) {
	*f = Framer{synced: true, caps: caps, capsAtRest: caps}
}

// Restart says that the keyboard is at rest again and the next event begins a code: the scanner has been silent.
func (f *Framer) Restart() { f.Begin(f.capsAtRest) }

// Lose drops everything up to the next Restart: bytes were lost.
func (f *Framer) Lose() { *f = Framer{capsAtRest: f.capsAtRest} }

// Partial reports whether the keyboard is not at rest: a code has begun and not ended, or a modifier is held.
func (f *Framer) Partial() bool {
	modified := f.shift() || f.ctrl() || f.caps != f.capsAtRest
	return !f.synced || f.broken || f.n > 0 || f.have > 0 || modified || f.held != [len(f.held)]uint64{}
}

// Next takes bytes of chunk up to the end of one code. It returns the code, valid until the next call, and the bytes not
// yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *Framer) Next(chunk []byte) (line, rest []byte, ok bool) {
	for len(chunk) > 0 {
		n := copy(f.record[f.have:], chunk)
		f.have, chunk = f.have+n, chunk[n:]
		if f.have < RecordSize {
			break
		}
		f.have = 0
		if n, ended := f.take(decode(&f.record)); ended {
			return f.line[:n], chunk, true
		}
	}
	return nil, nil, false
}

// take follows one event. ended says that it ended a whole code of n characters.
func (f *Framer) take(e Event) (n int, ended bool) {
	switch {
	case !f.synced:
		return 0, false
	case e.Type > lastType, e.Code > lastKey, e.Type == typeSync && e.Code == dropped:
		f.Lose()
		return 0, false
	case e.Type != typeKey:
		return 0, false
	case e.Value < released || e.Value > repeating:
		f.Lose()
		return 0, false
	case f.modifier(e), e.Value == repeating:
		return 0, false
	case f.down(e.Code) == (e.Value == pressed):
		f.broken = true // pressed twice, or let go without having been pressed: an event is missing
		return 0, false
	}
	f.held[e.Code/64] ^= 1 << (e.Code % 64)
	switch {
	case e.Value == released:
		return 0, false
	case e.Code == keyEnter || e.Code == keyKeypadEnter:
		return f.end()
	}
	f.press(e.Code)
	return 0, false
}

// modifier follows the keys that type nothing. It reports whether e was of one.
func (f *Framer) modifier(e Event) bool {
	down := e.Value != released
	switch e.Code {
	case keyLeftShift:
		f.leftShift = down
	case keyRightShift:
		f.rightShift = down
	case keyLeftCtrl:
		f.leftCtrl = down
	case keyRightCtrl:
		f.rightCtrl = down
	case keyCapsLock:
		if e.Value == pressed {
			f.caps = !f.caps
		}
	default:
		return false
	}
	return true
}

func (f *Framer) down(code uint16) bool { return f.held[code/64]&(1<<(code%64)) != 0 }

func (f *Framer) press(code uint16) {
	k, known := keyOf(code)
	switch {
	case f.n == len(f.line):
		f.broken = true
	case f.ctrl() && code == keyBracket && !f.shift():
		f.keep(gs)
	case f.ctrl(), !known:
		f.broken = true
	default:
		f.keep(k.types(f.shift(), f.caps))
	}
}

func (f *Framer) keep(c byte) {
	f.line[f.n] = c
	f.n++
}

func (f *Framer) end() (n int, ended bool) {
	n, whole := f.n, !f.broken && !f.ctrl()
	f.n, f.broken = 0, false
	return n, whole && n > 0
}

func (f *Framer) shift() bool { return f.leftShift || f.rightShift }

func (f *Framer) ctrl() bool { return f.leftCtrl || f.rightCtrl }

// ErrUntypable: the text holds a character that no place on a US keyboard types.
var ErrUntypable = errors.New("a keyboard cannot type this")

// Append appends the events with which a scanner types text and Enter, each key pressed and let go. With viaCaps capitals
// are typed by turning Caps Lock on and off around each instead of by Shift.
func Append(dst []byte, text string, viaCaps bool) ([]byte, error) {
	for i := range len(text) {
		if text[i] == gs {
			dst = tap(dst, keyBracket, keyLeftCtrl)
			continue
		}
		k, shift, ok := keyFor(text[i])
		switch {
		case !ok:
			return nil, fmt.Errorf("byte %d: %w", i, ErrUntypable)
		case shift && viaCaps && letter(k.plain):
			dst = tap(tap(tap(dst, keyCapsLock), k.code), keyCapsLock)
		case shift:
			dst = tap(dst, k.code, keyLeftShift)
		default:
			dst = tap(dst, k.code)
		}
	}
	return tap(dst, keyEnter), nil
}

// tap appends one key pressed and let go while others are held.
func tap(dst []byte, code uint16, held ...uint16) []byte {
	for _, h := range held {
		dst = press(dst, h, pressed)
	}
	dst = press(press(dst, code, pressed), code, released)
	for _, h := range held {
		dst = press(dst, h, released)
	}
	return dst
}

func press(dst []byte, code uint16, value int32) []byte {
	dst = Event{Type: typeKey, Code: code, Value: value}.Append(dst)
	return Event{Type: typeSync}.Append(dst)
}
