// Package ivek is the codec of IVEK's laboratory dispensing controllers Digispense 3009 and 3020, as far as their
// protocol is public: lines of text that end in CR, each a letter, the number of an item and, to set it, a value. The
// controller answers every line in the same form, with a fault or warning as the third number, and says nothing
// unasked.
//
// What is not public: the letters that start and stop a dose and that clear a fault, and the baud rate; whether numbers
// may have decimals; and whether IVEK's MethaSpense dispensers speak this at all. So there is a codec here and no
// driver: a pump that cannot be stopped must not be started. Lines have no check: a changed digit is a different number,
// and nobody can tell. What is not of the form is dropped, never repaired.
//
// Source: IVEK, "Digispense 3009" and "3020" operating manuals, P03R017E pages 90 to 98 and P03L011B pages 98 to 106.
package ivek

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Address says which controller is spoken to on a shared line. Where there is one controller none is sent.
type Address int

// Addresses that are no single controller.
const (
	None Address = -1
	All  Address = 0
	Last Address = 99
)

func (a Address) valid() bool { return a >= None && a <= Last }

// Item is what a line is about: a letter and a number up to 999, as letter times perLetter plus number.
type Item int

const perLetter = 1000

// ItemOf is the item of that letter and number, for those that have no name here.
func ItemOf(letter byte, number int) Item { return Item(int(letter)*perLetter + number) }

// Letter of the item.
func (i Item) Letter() byte { return byte(i / perLetter) }

// Number of the item, after its letter.
func (i Item) Number() int { return int(i % perLetter) }

func (i Item) String() string { return string(rune(i.Letter())) + strconv.Itoa(i.Number()) }

func (i Item) valid() bool { return i >= 'a'*perLetter && i < ('z'+1)*perLetter }

// The items whose meaning is public. Settings made during a dose count from the next one on.
const (
	Volume        Item = 'v'*perLetter + 0 // of a dose; in strokes on the 3009
	ValvingSpeed  Item = 'p'*perLetter + 1 // percent
	Rate0         Item = 'r'*perLetter + 0 // µL/s
	Rate1         Item = 'r'*perLetter + 1
	Rate2         Item = 'r'*perLetter + 2
	Rate3         Item = 'r'*perLetter + 3
	Dwell         Item = 't'*perLetter + 2
	OperatingMode Item = 'm'*perLetter + 0 // see Mode
	FluidicMode   Item = 'm'*perLetter + 1 // 1 primes
	Recipe        Item = 'n'*perLetter + 0 // 1 to 32
	SerialMotion  Item = 'k'*perLetter + 0 // whether motion may be started over the line
	Firmware      Item = 'z'*perLetter + 0 // text
	Type          Item = 'z'*perLetter + 1 // text
	Status        Item = 'q'*perLetter + 0 // see State
	Remaining     Item = 's'*perLetter + 0 // µL in the chamber
	Piston        Item = 's'*perLetter + 5 // position
	Chamber       Item = 's'*perLetter + 6 // µL that the chamber holds
	Fault         Item = 's'*perLetter + 8
	LastError     Item = 's'*perLetter + 9
	Serial        Item = 's'*perLetter + 14
)

// Mode is a value of OperatingMode.
type Mode int

// The modes.
const (
	Disabled Mode = 0
	Dispense Mode = 2
	Meter    Mode = 3
)

// State is a value of Status.
type State int

// The states.
const (
	Idle          State = 0
	Priming       State = 1
	Dispensing    State = 2
	Metering      State = 3
	DrawbackDwell State = 4
	Drawback      State = 5
	Faulted       State = 6
	Referencing   State = 7
	Initialising  State = 8
	PreDwell      State = 9
	PostDwell     State = 10
	AutoDwell     State = 11
	BubbleClear   State = 15
	Loading       State = 16
	Porting       State = 17
	AgitateDwell  State = 18
	Parking       State = 19
	Parked        State = 20
	Unparking     State = 21
	ClearingFault State = 26

	firstAgitate, lastAgitate State = 12, 14
)

func (s State) String() string {
	names := map[State]string{
		Idle: "idle", Priming: "priming", Dispensing: "dispensing", Metering: "metering", DrawbackDwell: "drawback dwell",
		Drawback: "drawback", Faulted: "fault", Referencing: "referencing", Initialising: "initialising",
		PreDwell: "dwell before", PostDwell: "dwell after", AutoDwell: "automatic dwell", BubbleClear: "clearing bubbles",
		Loading: "loading", Porting: "porting", AgitateDwell: "agitating dwell", Parking: "parking", Parked: "parked",
		Unparking: "unparking", ClearingFault: "clearing a fault",
	}
	if s >= firstAgitate && s <= lastAgitate {
		return "agitating"
	}
	if name, ok := names[s]; ok {
		return name
	}
	return fmt.Sprintf("state %d", int(s))
}

// Known reports whether the manuals name the state.
func (s State) Known() bool { return s.String() != fmt.Sprintf("state %d", int(s)) }

// Warning is the third number of an answer: why a line was not obeyed, or a fault. Numbers without a name here are
// faults, which the manuals of the models list.
type Warning int

// The warnings.
const (
	NoWarning          Warning = 0
	UnknownCommand     Warning = 1
	BadValue           Warning = 2
	LoadRequired       Warning = 3
	ReferenceRequired  Warning = 4
	ProductionDisabled Warning = 5
	MotionNotEnabled   Warning = 8 // see SerialMotion
	TwoLetters         Warning = 11
)

func (w Warning) String() string {
	switch w {
	case NoWarning:
		return ""
	case UnknownCommand:
		return "1 (unknown command)"
	case BadValue:
		return "2 (value not accepted)"
	case LoadRequired:
		return "3 (load required)"
	case ReferenceRequired:
		return "4 (reference required)"
	case ProductionDisabled:
		return "5 (production disabled)"
	case MotionNotEnabled:
		return "8 (motion over the line not enabled)"
	case TwoLetters:
		return "11 (two command letters)"
	}
	return fmt.Sprintf("%d (fault)", int(w))
}

// Errors of the codec.
var (
	// ErrSyntax: the line is not of the form, or its value is not what was asked for.
	ErrSyntax = errors.New("not a line of an IVEK controller")
	// ErrOperand: the controller cannot be told this.
	ErrOperand = errors.New("out of the range of an IVEK controller")
)

const (
	maxDigits = 9
	maxLine   = 127
)

// Command is one line of the host: a query, or with Set a setting.
type Command struct {
	Address Address
	Item    Item
	Set     bool
	Value   int // with Set
}

// Append appends the line with its CR.
func (c Command) Append(dst []byte) ([]byte, error) {
	if !c.Address.valid() || !c.Item.valid() || c.Value <= -1e9 || c.Value >= 1e9 || !c.Set && c.Value != 0 {
		return dst, fmt.Errorf("%+v: %w", c, ErrOperand)
	}
	dst = appendItem(dst, c.Address, c.Item)
	if c.Set {
		dst = strconv.AppendInt(append(dst, ','), int64(c.Value), 10)
	}
	return append(dst, '\r'), nil
}

func appendItem(dst []byte, a Address, i Item) []byte {
	if a != None {
		dst = strconv.AppendInt(dst, int64(a), 10)
	}
	return strconv.AppendInt(append(dst, i.Letter()), int64(i.Number()), 10)
}

// DecodeCommand reads a line of the host, without its CR.
func DecodeCommand(line []byte) (Command, error) {
	address, item, rest, err := cutItem(line)
	if err != nil {
		return Command{}, err
	}
	c := Command{Address: address, Item: item}
	if len(rest) == 0 {
		return c, nil
	}
	c.Set = true
	if c.Value, err = number(rest[1:]); err != nil {
		return Command{}, err
	}
	return c, nil
}

// Answer is one line of a controller. Value shares its bytes with the line it was decoded from.
type Answer struct {
	Address Address
	Item    Item
	Value   []byte // number or text
	Warning Warning
}

// Append appends the line with its CR. The value must be printable ASCII.
func (a Answer) Append(dst []byte) []byte {
	dst = append(appendItem(dst, a.Address, a.Item), ',')
	dst = append(append(dst, a.Value...), ',')
	return append(strconv.AppendInt(dst, int64(a.Warning), 10), '\r')
}

// DecodeAnswer reads a line of a controller, without its CR.
func DecodeAnswer(line []byte) (Answer, error) {
	address, item, rest, err := cutItem(line)
	if err != nil {
		return Answer{}, err
	}
	last := bytes.LastIndexByte(rest, ',')
	if last < 1 || !printable(rest) {
		return Answer{}, ErrSyntax
	}
	warning, err := number(rest[last+1:])
	if err != nil || warning < 0 {
		return Answer{}, ErrSyntax
	}
	return Answer{Address: address, Item: item, Value: rest[1:last], Warning: Warning(warning)}, nil
}

// Number reads a value that is a whole number.
func (a Answer) Number() (int, error) { return number(a.Value) }

// Dispensed is how much one load of the chamber has given since it was loaded, from what the chamber holds and what
// remains in it. A remainder that is negative or more than the chamber holds is ErrSyntax.
func Dispensed(chamber, remaining int) (microlitres int, err error) {
	if remaining < 0 || remaining > chamber {
		return 0, fmt.Errorf("%d µL remain of %d µL: %w", remaining, chamber, ErrSyntax)
	}
	return chamber - remaining, nil
}

// cutItem takes address, letter and item off a line. The rest is empty or begins with a comma.
func cutItem(line []byte) (a Address, i Item, rest []byte, err error) {
	a = None
	if n := digits(line); n > 2 {
		return 0, 0, nil, ErrSyntax
	} else if n > 0 {
		a = Address(decimal(line[:n]))
		line = line[n:]
	}
	if len(line) == 0 || line[0] < 'a' || line[0] > 'z' {
		return 0, 0, nil, ErrSyntax
	}
	n := digits(line[1:])
	if n == 0 || n > 3 {
		return 0, 0, nil, ErrSyntax
	}
	i = ItemOf(line[0], decimal(line[1:1+n]))
	rest = line[1+n:]
	if len(rest) > 0 && rest[0] != ',' {
		return 0, 0, nil, ErrSyntax
	}
	return a, i, rest, nil
}

func number(b []byte) (int, error) {
	sign := 1
	if len(b) > 0 && b[0] == '-' {
		sign, b = -1, b[1:]
	}
	if len(b) == 0 || len(b) > maxDigits || digits(b) != len(b) {
		return 0, ErrSyntax
	}
	return sign * decimal(b), nil
}

func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

func decimal(b []byte) int {
	n := 0
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// A Framer cuts a stream, of either side, into lines between CRs. Nothing marks the beginning of a line, so what came
// before the first CR may be half of one: call Skip where the stream is met in its middle. The zero Framer is ready.
type Framer struct {
	buf    [maxLine]byte
	n      int
	broken bool
}

// Reset forgets a line that has begun.
func (f *Framer) Reset() { f.n, f.broken = 0, false }

// Skip drops everything up to the next CR.
func (f *Framer) Skip() { f.n, f.broken = 0, true }

// Next takes bytes of chunk up to one CR and returns the line before it, valid until the next call, and the bytes not
// yet taken. Empty lines and lines with other bytes than printable ASCII are dropped. When ok is false all of chunk was
// taken. Call it until then.
func (f *Framer) Next(chunk []byte) (line, rest []byte, ok bool) {
	for i, b := range chunk {
		switch {
		case b == '\r':
			n, broken := f.n, f.broken
			f.Reset()
			if n > 0 && !broken {
				return f.buf[:n], chunk[i+1:], true
			}
		case f.broken:
		case b < ' ' || b > '~' || f.n == len(f.buf):
			f.broken = true
		default:
			f.buf[f.n] = b
			f.n++
		}
	}
	return nil, nil, false
}
