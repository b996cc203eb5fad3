package andstd

import (
	"errors"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
)

// ack is what a balance answers to a command that it took.
const ack = 0x06

// A Framer cuts a stream of bytes into lines ended by CR LF.
type Framer = lines.Framer

// NewFramer returns a Framer for lines that may hold an acknowledgement.
func NewFramer() *Framer { return &Framer{Control: ack} }

// Kind says what a message is.
type Kind byte

// The kinds.
const (
	Weight    Kind = iota + 1 // ST or US, see Stable
	Tare                      // PT: the tare that is in force
	Count                     // QT: pieces; or a weight line in pieces
	Overload                  // OL with a plus
	Underload                 // OL with a minus
	Ack                       // 06: a command was taken, or is done
	Refusal                   // EC,Exx
	Identity                  // SN, TN, ID
)

// Header is the first field of a line.
type Header string

// The headers.
const (
	NoHeader     Header = ""
	Stable       Header = "ST"
	Unstable     Header = "US"
	Outside      Header = "OL"
	Counted      Header = "QT"
	TareValue    Header = "PT"
	ErrorCode    Header = "EC"
	SerialNumber Header = "SN"
	Model        Header = "TN"
	Identifier   Header = "ID"
)

// Verdict is what a comparator says of the weight.
type Verdict string

// The verdicts.
const (
	NoVerdict Verdict = ""
	Low       Verdict = "LO"
	OK        Verdict = "OK"
	High      Verdict = "HI"
	Idle      Verdict = "--"
)

// Message is one line from the balance. Its zero value is no message.
type Message struct {
	Kind    Kind
	Header  Header
	Weight  measure.Printed // of the kinds Weight and Tare
	Width   int             // of the value with its sign and unit: a balance keeps to one width
	Verdict Verdict
	// Address is the station on RS-485, 0 to 99, when Addressed.
	Addressed bool
	Address   int
	// Code and Digits of a Refusal: E01 is code 1 in two digits.
	Code   int
	Digits int
	Text   string // of an Identity
}

// Stable reports whether m is a weight that the balance calls stable.
func (m Message) Stable() bool { return m.Kind == Weight && m.Header == Stable }

// The codes of a Refusal.
const (
	CommunicationError = 0
	UndefinedCommand   = 1
	NotReady           = 2
	TimeOut            = 3
	TooLong            = 4
	FormatError        = 6
	OutOfRange         = 7
	NotStable          = 11
)

// Errors of Decode.
var (
	// ErrSyntax: the line is not a message.
	ErrSyntax = errors.New("not a line of the A&D standard format")
	// ErrUnit: the line is a weight in a unit that is not g, kg or mg, or finer than a microgram.
	ErrUnit = measure.ErrUnit
)

// Command is what is sent to a balance, without its CR LF.
type Command string

// The commands. Acknowledgements and refusals are sent only when the balance's function "erCd" is 1.
const (
	Now          Command = "Q"
	WhenStable   Command = "S" // answered when the weight is stable, however long that takes
	Immediately  Command = "SI"
	Stream       Command = "SIR"
	Cancel       Command = "C" // of S and SIR
	ReZero       Command = "R" // acknowledged twice: taken, then done
	SetTare      Command = "T"
	PrintKey     Command = "PRT"
	Calibrate    Command = "CAL" // acknowledged twice
	DisplayOn    Command = "ON"  // acknowledged twice
	DisplayOff   Command = "OFF"
	PowerKey     Command = "P" // acknowledged twice
	UnitKey      Command = "U"
	AskSerial    Command = "?SN"
	AskModel     Command = "?TN"
	AskID        Command = "?ID"
	AskTareValue Command = "?PT"
)

const lineEnd = "\r\n"

// AppendCommand appends c and its line end to dst, with the address in front when the line is RS-485.
func AppendCommand(dst []byte, to Station, c Command) []byte {
	dst = to.append(dst)
	return append(append(dst, c...), lineEnd...)
}

// Station is an address on RS-485. The zero Station is a balance that is alone on its line.
type Station struct {
	Addressed bool
	Address   int // 0 to 99
}

func (s Station) append(dst []byte) []byte {
	if !s.Addressed {
		return dst
	}
	return append(dst, '@', '0'+byte(s.Address/10%10), '0'+byte(s.Address%10))
}
