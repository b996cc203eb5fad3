package newera

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// State is what the pump is doing.
type State byte

// The states.
const (
	Infusing    State = 'I'
	Withdrawing State = 'W'
	Stopped     State = 'S'
	Paused      State = 'P'
	TimedPause  State = 'T'
	Waiting     State = 'U' // for a trigger
	Purging     State = 'X'
	Alarmed     State = 'A' // see Reply.Alarm
)

// Alarm is why a pump stopped. It comes as the answer to whatever was sent, and that was then not executed.
type Alarm byte

// The alarms.
const (
	NoAlarm      Alarm = 0
	WasReset     Alarm = 'R' // power was interrupted
	Stalled      Alarm = 'S'
	HostSilent   Alarm = 'T' // safe mode: the dead-man time passed
	ProgramError Alarm = 'E'
	PhaseRange   Alarm = 'O'
)

// DataError is why a command was not executed.
type DataError string

// The data errors.
const (
	NoError       DataError = ""
	Unrecognised  DataError = "?"
	NotApplicable DataError = "?NA"
	OutOfRange    DataError = "?OOR"
	BadPacket     DataError = "?COM"
	Ignored       DataError = "?IGN"
)

// Reply is one answer of a pump.
type Reply struct {
	Address int
	State   State
	Alarm   Alarm     // with State Alarmed only
	Err     DataError // the command was not executed
	Data    string    // what was asked for
}

// ErrSyntax: the payload is not a reply, or its data is not what was asked for.
var ErrSyntax = errors.New("not a New Era reply")

// Decode reads the payload of a reply: an address of one or two digits, the state, and data.
func Decode(payload []byte) (Reply, error) {
	n := 0
	var r Reply
	for n < len(payload) && n < 2 && isDigit(payload[n]) {
		r.Address = r.Address*10 + int(payload[n]-'0')
		n++
	}
	if n == 0 || n == len(payload) {
		return Reply{}, ErrSyntax
	}
	r.State = State(payload[n])
	data := payload[n+1:]
	switch r.State {
	case Alarmed:
		return decodeAlarm(r, data)
	case Infusing, Withdrawing, Stopped, Paused, TimedPause, Waiting, Purging:
	default:
		return Reply{}, ErrSyntax
	}
	if len(data) > 0 && data[0] == '?' {
		return decodeDataError(r, data)
	}
	for _, b := range data {
		if b < ' ' || b > '~' {
			return Reply{}, ErrSyntax
		}
	}
	r.Data = string(data)
	return r, nil
}

func decodeAlarm(r Reply, data []byte) (Reply, error) {
	if len(data) != 2 || data[0] != '?' {
		return Reply{}, ErrSyntax
	}
	r.Alarm = Alarm(data[1])
	switch r.Alarm {
	case WasReset, Stalled, HostSilent, ProgramError, PhaseRange:
		return r, nil
	}
	return Reply{}, ErrSyntax
}

func decodeDataError(r Reply, data []byte) (Reply, error) {
	switch r.Err = DataError(data); r.Err {
	case Unrecognised, NotApplicable, OutOfRange, BadPacket, Ignored:
		return r, nil
	}
	return Reply{}, ErrSyntax
}

// Payload writes r as a pump sends it, with a two-digit address.
func (r Reply) Payload() string {
	s := fmt.Sprintf("%02d%c", r.Address, r.State)
	if r.State == Alarmed {
		return s + "?" + string(rune(r.Alarm))
	}
	return s + string(r.Err) + r.Data
}

// Totals are what a pump counted since its counters were cleared.
type Totals struct {
	Infused   measure.Volume
	Withdrawn measure.Volume
}

// ParseTotals reads the data of a Dispensed reply, "I2.413W0.000ML".
func ParseTotals(data string) (Totals, error) {
	body, unit, ok := cutUnit(data)
	infused, rest, ok2 := cutAfter(body, 'I', 'W')
	if !ok || !ok2 {
		return Totals{}, ErrSyntax
	}
	var t Totals
	var err error
	if t.Infused, err = parseVolume(infused, unit); err != nil {
		return Totals{}, err
	}
	if t.Withdrawn, err = parseVolume(rest, unit); err != nil {
		return Totals{}, err
	}
	return t, nil
}

// ParseVolume reads the data of a Volume query, "5.000ML".
func ParseVolume(data string) (measure.Volume, error) {
	body, unit, ok := cutUnit(data)
	if !ok {
		return 0, ErrSyntax
	}
	return parseVolume(body, unit)
}

// ParseDiameter reads the data of a Diameter query, "29.20".
func ParseDiameter(data string) (Length, error) {
	n, err := parseThousandths(data)
	return Length(n), err
}

// ParseRate reads the data of a Rate query in millilitres or microlitres per minute or hour. A rate that is not a
// whole number of microlitres per minute is ErrNumber.
func ParseRate(data string) (Flow, error) {
	if len(data) < 3 {
		return 0, ErrSyntax
	}
	n, err := parseThousandths(data[:len(data)-2])
	if err != nil {
		return 0, err
	}
	div := int64(1)
	switch data[len(data)-2:] {
	case "MM":
	case "UM":
		div = 1000
	case "MH":
		div = 60
	case "UH":
		div = 60_000
	default:
		return 0, ErrSyntax
	}
	if n%div != 0 {
		return 0, ErrNumber
	}
	return Flow(n / div), nil
}

// Firmware is what a pump says of itself.
type Firmware struct {
	Model   string // "NE1000"
	Version string // "3.928"
}

// ParseVersion reads the data of a Version query, "NE1000V3.928".
func ParseVersion(data string) (Firmware, error) {
	i := strings.LastIndexByte(data, 'V')
	if i < 1 || i == len(data)-1 || !isDigit(data[i+1]) {
		return Firmware{}, ErrSyntax
	}
	return Firmware{Model: data[:i], Version: data[i+1:]}, nil
}

// ParseCount reads a small whole number: the data of Phase, PowerFail and Safe.
func ParseCount(data string) (int, error) {
	if len(data) == 0 || len(data) > 3 {
		return 0, ErrSyntax
	}
	for i := range len(data) {
		if !isDigit(data[i]) {
			return 0, ErrSyntax
		}
	}
	return strconv.Atoi(data)
}

func cutUnit(data string) (body, unit string, ok bool) {
	if len(data) < 3 {
		return "", "", false
	}
	body, unit = data[:len(data)-2], data[len(data)-2:]
	return body, unit, unit == "ML" || unit == "UL"
}

func cutAfter(s string, first, second byte) (a, b string, ok bool) {
	if s == "" || s[0] != first {
		return "", "", false
	}
	return strings.Cut(s[1:], string(second))
}

// parseVolume turns a number in mL or µL into microlitres; a fraction of a microlitre is ErrNumber.
func parseVolume(number, unit string) (measure.Volume, error) {
	n, err := parseThousandths(number)
	if err != nil {
		return 0, err
	}
	if unit == "ML" {
		return measure.Volume(n), nil
	}
	if n%1000 != 0 {
		return 0, ErrNumber
	}
	return measure.Volume(n / 1000), nil
}

// parseThousandths reads a pump's number, one to four digits and perhaps a point with at most three decimals, and
// returns it times 1000.
func parseThousandths(s string) (int64, error) {
	var n int64
	digits, decimals, point := 0, 0, false
	for i := range len(s) {
		switch {
		case s[i] == '.' && !point && i > 0:
			point = true
		case isDigit(s[i]):
			n = n*10 + int64(s[i]-'0')
			digits++
			if point {
				decimals++
			}
		default:
			return 0, ErrSyntax
		}
	}
	if digits == 0 || digits > 4 || decimals > 3 {
		return 0, ErrSyntax
	}
	for range 3 - decimals {
		n *= 10
	}
	return n, nil
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// FormatVolume writes v in millilitres as a pump does in an answer, cut to four digits.
func FormatVolume(v measure.Volume) string {
	n := min(int64(max(v, 0)), 9999_000)
	for cut := int64(1); ; cut *= 10 {
		if text, err := formatThousandths(n - n%cut); err == nil {
			return text
		}
	}
}

// Payload of a Dispensed answer.
func (t Totals) String() string {
	return "I" + FormatVolume(t.Infused) + "W" + FormatVolume(t.Withdrawn) + "ML"
}
