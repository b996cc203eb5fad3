package ohaus

import (
	"errors"
	"fmt"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
)

// A Framer cuts a stream of bytes into lines ended by CR LF.
type Framer = lines.Framer

// Kind says what a message is.
type Kind byte

// The kinds.
const (
	Weight    Kind = iota + 1
	Tare           // a tare, legend T or PT
	Total          // the sum of an accumulation: not what is on the pan
	Done           // OK!
	Refused        // ES: not understood, or no stable weight within 40 s; the balance does not say which
	Overload       // Err 8.3
	Underload      // Err 8.4
	Failure        // Err with another number
	Old            // an answer of a Scout Pro or older: ? 0A SA CA 0M
	Text           // an answer about the balance itself
)

// Legend follows a weight.
type Legend string

// The legends.
const (
	NoLegend   Legend = ""
	N          Legend = "N"
	G          Legend = "G"
	T          Legend = "T"
	Net        Legend = "NET"
	Gross      Legend = "GROSS"
	PresetTare Legend = "PT"
	Sum        Legend = "TOTAL"
	Clock      Legend = "hh:mm:ss" // of an interval print, see Seconds
)

// Message is one line from the balance. Its zero value is no message.
type Message struct {
	Kind    Kind
	Weight  measure.Printed // of the kinds Weight and Tare
	Stable  bool
	Width   int // of the weight field: a balance keeps to one width
	Legend  Legend
	Seconds int    // since the first of a series of interval prints
	Code    int    // of Overload, Underload and Failure: Err 8.3 is 83
	Text    string // of the kinds Text and Old
}

// Errors of Decode.
var (
	// ErrSyntax: the line is not a message.
	ErrSyntax = errors.New("not a line of the OHAUS print format")
	// ErrUnit: the line is a weight in a unit that is not g, kg or mg, or finer than a microgram.
	ErrUnit = measure.ErrUnit
	// ErrNumericOnly: the balance is set to print numbers without their unit. It is an ErrUnit.
	ErrNumericOnly = fmt.Errorf("printed as number only, without a unit: %w", ErrUnit)
)

// Command is what is sent to a balance, without its CR LF.
type Command string

// The commands.
const (
	PrintNow       Command = "IP"
	Print          Command = "P" // as the menu says
	PrintStable    Command = "SP"
	Stream         Command = "CP"
	StopPrinting   Command = "0P"
	AutoPrint      Command = "SLP"
	AutoPrintZero  Command = "SLZP"
	Zero           Command = "Z"
	SetTare        Command = "T"
	ShowTare       Command = "PT"
	SerialNumber   Command = "PSN"
	Version        Command = "PV"
	InternalAdjust Command = "IC"
	Abort          Command = "AC"
	On             Command = "ON"
	Off            Command = "OFF"
)

const lineEnd = "\r\n"

// AppendCommand appends c and its line end to dst.
func AppendCommand(dst []byte, c Command) []byte {
	return append(append(dst, c...), lineEnd...)
}
