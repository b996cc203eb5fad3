package sbi

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
	Weight    Kind = iota + 1 // stable
	Moving                    // a number without its unit: the load still moves, and no weight is known
	Tare                      // the content of a tare memory
	Count                     // pieces, or another value of an application
	Overload                  // "High"
	Underload                 // "Low"
	Standby                   // "OFF"
	Adjusting                 // "Cal.Int", "Cal.Ext"
	Failure                   // "ERR 10", "APP.ERR"
	Text                      // an answer about the balance itself, or a line of a print-out
)

// ID is the code before a value in the format of 22 characters.
type ID string

// The codes. A balance that prints 16 characters sends none.
const (
	NoID         ID = ""
	Net          ID = "N"
	Gross        ID = "G"
	Tare1        ID = "T1"
	Tare2        ID = "T2"
	Quantity     ID = "Qnt"
	Status       ID = "Stat"
	SerialNumber ID = "SerNo."
)

// Message is one line from the balance. Its zero value is no message.
type Message struct {
	Kind Kind
	ID   ID
	// Weight of the kinds Weight and Tare.
	Weight measure.Printed
	// Digits is the number of the kind Moving without its point, of which Decimals stand behind it.
	Digits   int64
	Decimals int
	// Unverified: the last digit stands in brackets, which says that it is not covered by the verification.
	Unverified bool
	// Code of a Failure that has a number.
	Code int
	// Text of the kind Text, and the name of a Failure without a number ("APP.ERR").
	Text string
}

// Width is the width of the line that a value was read from, which a balance keeps to.
func (m Message) Width() int { return Form{Coded: m.ID != NoID}.width() }

// Errors of Decode.
var (
	// ErrSyntax: the line is not a message.
	ErrSyntax = errors.New("not an SBI line")
	// ErrUnit: the line is a weight in a unit that is not g, kg or mg, or finer than a microgram.
	ErrUnit = measure.ErrUnit
)

// Command is what is sent to a balance, without its CR LF.
type Command string

// The commands. Taring and zeroing are not answered.
const (
	Print          Command = "\x1bP"
	TareOrZero     Command = "\x1bT"
	Zero           Command = "\x1bV"
	TareOnly       Command = "\x1bU"
	VeryStable     Command = "\x1bK" // the place, for the filter
	Stable         Command = "\x1bL"
	Unstable       Command = "\x1bM"
	VeryUnstable   Command = "\x1bN"
	LockKeys       Command = "\x1bO"
	UnlockKeys     Command = "\x1bR"
	Restart        Command = "\x1bS"
	InternalAdjust Command = "\x1bZ"
	Model          Command = "\x1bx1_"
	Serial         Command = "\x1bx2_"
	Software       Command = "\x1bx3_"
)

const lineEnd = "\r\n"

// AppendCommand appends c and its line end to dst.
func AppendCommand(dst []byte, c Command) []byte {
	return append(append(dst, c...), lineEnd...)
}
