package toledo

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Point says where the decimal point stands in the six digits.
type Point byte

// The points. From Units on each one gives one decimal more.
const (
	Hundreds Point = iota // xxxxxx00
	Tens                  // xxxxxx0
	Units                 // xxxxxx
)

// Increment says in which steps the last digit counts. Some makers leave it zero.
type Increment byte

// Message is one frame of the continuous output. Its zero value is no message.
type Message struct {
	// Weight as shown, net or gross, and Tare, in a unit that is used for dosing. OutOfRange leaves both zero.
	Weight, Tare measure.Printed
	Point        Point
	Increment    Increment
	Net          bool
	OutOfRange   bool // above the capacity, or below zero: see Below
	Below        bool // of OutOfRange
	Motion       bool
	NotZeroed    bool // since power-up, no zero has been set: the weight has no beginning
	Print        bool // the print key was pressed
	Expanded     bool // the display shows a digit more than it was made for
}

// Stable reports whether m is a weight at rest.
func (m Message) Stable() bool { return !m.Motion && !m.OutOfRange }

// Errors of Decode.
var (
	// ErrSyntax: the frame is not a message.
	ErrSyntax = errors.New("not a frame of the continuous output")
	// ErrUnit: the frame is a weight in pounds or tons, or one that does not fit.
	ErrUnit = measure.ErrUnit
)

// The bits of the status words.
const (
	pointBits      = 0x07 // SWA
	incrementShift = 3
	incrementBits  = 0x03

	netBit        = 0x01 // SWB
	negativeBit   = 0x02
	outOfRangeBit = 0x04
	motionBit     = 0x08
	kilogramBit   = 0x10
	notZeroedBit  = 0x40

	gramBit     = 0x01 // SWC
	printBit    = 0x08
	expandedBit = 0x10

	constantBit = 0x20 // of each word
)

// Decode reads one frame, from STX to CR. It reports ErrSyntax for what is not exactly a frame and ErrUnit for a weight
// that cannot be used; with an error there is no value.
func Decode(frame []byte) (Message, error) {
	if len(frame) != frameWidth || frame[0] != stx || frame[frameWidth-1] != cr {
		return Message{}, ErrSyntax
	}
	swa, swb, swc := frame[1], frame[2], frame[3]
	m := Message{
		Point: Point(swa & pointBits), Increment: Increment(swa >> incrementShift & incrementBits),
		Net: swb&netBit != 0, OutOfRange: swb&outOfRangeBit != 0, Motion: swb&motionBit != 0, NotZeroed: swb&notZeroedBit != 0,
		Print: swc&printBit != 0, Expanded: swc&expandedBit != 0,
	}
	negative := swb&negativeBit != 0
	if m.OutOfRange {
		m.Below = negative
		return m, nil
	}
	unit, ok := unitOf(swb, swc)
	if !ok {
		return Message{}, ErrUnit
	}
	var err error
	if m.Weight, err = m.number(frame[4:4+numberWidth], unit); err == nil {
		m.Tare, err = m.number(frame[4+numberWidth:frameWidth-1], unit)
	}
	if err != nil {
		return Message{}, err
	}
	if negative {
		m.Weight.Value = -m.Weight.Value
	}
	return m, nil
}

func unitOf(swb, swc byte) ([]byte, bool) {
	switch {
	case swc&gramBit != 0:
		return grams[:], true
	case swb&kilogramBit != 0:
		return kilograms[:], true
	}
	return nil, false
}

var (
	grams     = [...]byte{'g'}
	kilograms = [...]byte{'k', 'g'}
)

// number reads six digits, of which the first ones may be blank, and sets the point.
func (m Message) number(field, unit []byte) (measure.Printed, error) {
	text := bytes.TrimLeft(field, " ")
	if !digits(text) {
		return measure.Printed{}, ErrSyntax
	}
	var room [numberWidth + 3]byte
	all := append(room[:0], "000000"[:numberWidth-len(text)]...)
	all = append(all, text...)
	switch m.Point {
	case Hundreds:
		all = append(all, "00"...)
	case Tens:
		all = append(all, '0')
	case Units:
	default:
		at := numberWidth - int(m.Point-Units)
		all = append(all, 0)
		copy(all[at+1:], all[at:])
		all[at] = '.'
	}
	w, err := measure.ParsePrinted(all, unit)
	if err != nil {
		return measure.Printed{}, ErrUnit // the number is one
	}
	return w, nil
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// AppendMessage appends m as a frame to dst, as a balance sends it. It refuses a message that Decode would not give back.
func AppendMessage(dst []byte, m Message, checksum bool) ([]byte, error) {
	frame, err := m.frame()
	if err != nil {
		return dst, err
	}
	back, err := Decode(frame)
	if err != nil {
		return dst, fmt.Errorf("frame %q: %w", frame, err)
	}
	if back != m {
		return dst, fmt.Errorf("frame %q reads back as %+v: %w", frame, back, ErrSyntax)
	}
	dst = append(dst, frame...)
	if checksum {
		dst = append(dst, Checksum(frame))
	}
	return dst, nil
}

func (m Message) frame() ([]byte, error) {
	swa := constantBit | byte(m.Point)&pointBits | byte(m.Increment)&incrementBits<<incrementShift
	swb := constantBit | bit(m.Net, netBit) | bit(m.Weight.Value < 0 || m.Below, negativeBit) | bit(m.OutOfRange, outOfRangeBit) |
		bit(m.Motion, motionBit) | bit(m.Weight.Unit == "kg", kilogramBit) | bit(m.NotZeroed, notZeroedBit)
	swc := constantBit | bit(m.Weight.Unit == "g", gramBit) | bit(m.Print, printBit) | bit(m.Expanded, expandedBit)
	frame := []byte{stx, swa, swb, swc}
	for _, w := range []measure.Printed{m.Weight, m.Tare} {
		text, err := m.sixDigits(w)
		if err != nil {
			return nil, err
		}
		frame = append(frame, text...)
	}
	return append(frame, cr), nil
}

func bit(on bool, b byte) byte {
	if on {
		return b
	}
	return 0
}

// sixDigits is the number without sign and point.
func (m Message) sixDigits(w measure.Printed) (string, error) {
	if m.OutOfRange {
		return "000000", nil
	}
	w.Value = max(w.Value, -w.Value)
	text, err := w.Number()
	if err != nil {
		return "", err
	}
	text = string(bytes.ReplaceAll([]byte(text), []byte("."), nil))
	switch m.Point {
	case Hundreds:
		text = string(bytes.TrimSuffix([]byte(text), []byte("00")))
	case Tens:
		text = string(bytes.TrimSuffix([]byte(text), []byte("0")))
	}
	if len(text) > numberWidth && m.Point > Units { // a point before all digits costs a zero
		text = string(bytes.TrimPrefix([]byte(text), []byte("0")))
	}
	if len(text) > numberWidth {
		return "", fmt.Errorf("weight %+v does not fit six digits: %w", w, ErrSyntax)
	}
	return fmt.Sprintf("%0*s", numberWidth, text), nil
}
