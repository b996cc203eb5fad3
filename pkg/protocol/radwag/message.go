package radwag

import (
	"errors"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
)

// A Framer cuts a stream of bytes into lines ended by CR LF.
type Framer = lines.Framer

// Kind says what a message is.
type Kind byte

// The kinds.
const (
	Weight     Kind = iota + 1
	Tare            // the answer to OT
	Overload        // a mass with the mark ^
	Underload       // a mass with the mark v
	Accepted        // A: the command runs, its result will follow
	Done            // D: what was accepted is done
	OK              // done at once
	TimeOut         // E: no stable weight in the balance's own time
	Busy            // I: understood, not possible now
	AboveRange      // ^: above what the command allows
	BelowRange      // v: below
	Unknown         // ES: the command was not understood
	Info            // A "text"
)

// Command is what is sent to a balance, without its CR LF, and the first word of every answer to it.
type Command string

// The commands.
const (
	NoCommand      Command = ""
	StableBasic    Command = "S" // in the basic unit; accepted, then a mass or E
	NowBasic       Command = "SI"
	StableCurrent  Command = "SU" // in the unit that is shown
	NowCurrent     Command = "SUI"
	StreamOn       Command = "C1" // masses come as SI
	StreamOff      Command = "C0"
	StreamCurrent  Command = "CU1" // masses come as SUI
	StreamCurrent0 Command = "CU0"
	Zero           Command = "Z"
	SetTare        Command = "T"
	ReadTare       Command = "OT"
	PresetTare     Command = "UT"
	SerialNumber   Command = "NB"
	Type           Command = "BN"
	Capacity       Command = "FS"
	Version        Command = "RV"
	ListCommands   Command = "PC"
	InternalAdjust Command = "IC"
	lineEnd                = "\r\n"
	maxText                = 200
)

// Message is one line from the balance. Its zero value is no message.
type Message struct {
	Kind    Kind
	Command Command
	Weight  measure.Printed // of the kinds Weight and Tare
	Stable  bool
	Width   int    // of the line of a mass: a balance keeps to one width
	Text    string // of an Info
}

// Errors of Decode.
var (
	// ErrSyntax: the line is not a message.
	ErrSyntax = errors.New("not a Radwag line")
	// ErrUnit: the line is a weight in a unit that is not g, kg or mg, or finer than a microgram.
	ErrUnit = measure.ErrUnit
)

// AppendCommand appends c and its line end to dst.
func AppendCommand(dst []byte, c Command) []byte {
	return append(append(dst, c...), lineEnd...)
}

// commandOf finds the command without keeping the bytes.
func commandOf(b []byte) Command {
	for _, c := range [...]Command{
		StableBasic, NowBasic, StableCurrent, NowCurrent, StreamOn, StreamOff, StreamCurrent, StreamCurrent0, Zero, SetTare,
		ReadTare, PresetTare, SerialNumber, Type, Capacity, Version, ListCommands, InternalAdjust,
	} {
		if string(b) == string(c) {
			return c
		}
	}
	return NoCommand
}

// weighs reports whether the answer to c is a mass.
func (c Command) weighs() bool {
	return c == StableBasic || c == NowBasic || c == StableCurrent || c == NowCurrent
}
