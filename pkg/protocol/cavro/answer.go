package cavro

import (
	"errors"
	"fmt"
)

// Status is the status byte of an answer. Its error is meant in every answer; whether the pump is ready only in the
// answer to [Query].
type Status byte

const (
	statusMark  = 0x40
	statusReady = 0x20
	statusError = 0x0f
)

// StatusOf makes a status byte.
func StatusOf(ready bool, e ErrorCode) Status {
	s := Status(statusMark | byte(e)&statusError)
	if ready {
		s |= statusReady
	}
	return s
}

// Ready reports whether the pump takes commands that move it.
func (s Status) Ready() bool { return s&statusReady != 0 }

// Err is the error that the pump reports.
func (s Status) Err() ErrorCode { return ErrorCode(s & statusError) }

func (s Status) valid() bool { return s&^(statusReady|statusError) == statusMark }

// ErrorCode is what a pump reports with every answer.
type ErrorCode byte

// The error codes.
const (
	NoError         ErrorCode = 0
	Initialisation  ErrorCode = 1
	InvalidCommand  ErrorCode = 2
	InvalidOperand  ErrorCode = 3
	InvalidSequence ErrorCode = 4
	EEPROM          ErrorCode = 6
	NotInitialised  ErrorCode = 7 // it was switched on since it was last initialised
	PlungerOverload ErrorCode = 9
	ValveOverload   ErrorCode = 10
	MoveNotAllowed  ErrorCode = 11 // the valve stands where the plunger may not move
	Overflow        ErrorCode = 15 // a command came while it was moving
)

func (e ErrorCode) String() string {
	switch e {
	case NoError:
		return ""
	case Initialisation:
		return "1 (initialisation failed)"
	case InvalidCommand:
		return "2 (invalid command)"
	case InvalidOperand:
		return "3 (invalid operand)"
	case InvalidSequence:
		return "4 (invalid command sequence)"
	case EEPROM:
		return "6 (EEPROM failure)"
	case NotInitialised:
		return "7 (not initialised)"
	case PlungerOverload:
		return "9 (plunger overload)"
	case ValveOverload:
		return "10 (valve overload)"
	case MoveNotAllowed:
		return "11 (plunger move not allowed)"
	case Overflow:
		return "15 (command while moving)"
	}
	return fmt.Sprintf("%d (unknown)", byte(e))
}

// Answer is what a pump says. Data shares its bytes with what it was decoded from.
type Answer struct {
	Status Status
	Data   []byte // of a report; empty for everything else
}

// ErrSyntax: the bytes are not an answer or a command, or a report's data is not what was asked for.
var ErrSyntax = errors.New("not of the Cavro protocol")

// DecodeAnswer reads the body that a [BlockFramer] or a [ReplyFramer] returned on the host's side: address of the
// host, status, data.
func DecodeAnswer(body []byte) (Answer, error) {
	if len(body) < 2 || Address(body[0]) != Master || !Status(body[1]).valid() || !printable(body[2:]) {
		return Answer{}, ErrSyntax
	}
	return Answer{Status: Status(body[1]), Data: body[2:]}, nil
}

// AppendBlock appends the answer as the OEM protocol sends it. Data must be printable ASCII without control characters.
func (a Answer) AppendBlock(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, stx, byte(Master), byte(a.Status))
	return endBlock(append(dst, a.Data...), start)
}

// AppendLine appends the answer as the DT protocol sends it.
func (a Answer) AppendLine(dst []byte) []byte {
	dst = append(dst, '/', byte(Master), byte(a.Status))
	return append(append(dst, a.Data...), etx, '\r', '\n')
}

// Number reads the data of a report that is a number: a position, a speed, a counter.
func (a Answer) Number() (int, error) {
	if len(a.Data) == 0 || len(a.Data) > 9 {
		return 0, ErrSyntax
	}
	n := 0
	for _, b := range a.Data {
		if b < '0' || b > '9' {
			return 0, ErrSyntax
		}
		n = n*10 + int(b-'0')
	}
	return n, nil
}

func printable(b []byte) bool {
	for _, c := range b {
		if !isPrintable(c) {
			return false
		}
	}
	return true
}

func isPrintable(c byte) bool { return c >= ' ' && c <= '~' }
