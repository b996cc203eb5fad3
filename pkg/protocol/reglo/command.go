package reglo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Command is the letter, or x and a letter, that says what a request is about.
type Command string

// Commands. Most of them ask when they are sent bare and set when data follow.
const (
	SetAddress Command = "@"  // of the pump, on RS-232; goes out without an address
	Channels   Command = "~"  // whether requests are for channels or for pumps
	Events     Command = "xE" // whether the pump sends events
	Protocol   Command = "x!" // version of this protocol
	Identity   Command = "#"
	Software   Command = "(" // version, as a Discrete of 4

	Start     Command = "H" // moves liquid; No when it cannot
	Stop      Command = "I"
	Pause     Command = "xI"
	Running   Command = "E" // Yes or No, of the whole pump
	CannotRun Command = "xe"

	ModeSet     Command = "xM"
	DirectionOf Command = "xD"
	Clockwise   Command = "J" // sets
	Counter     Command = "K" // sets
	Volume      Command = "v" // a Number in mL; setting answers with what the pump stored
	Flow        Command = "f" // a Number in mL/min; setting answers with what the pump stored
	Speed       Command = "S" // rpm; set as a Discrete of 6 in hundredths
	Time        Command = "xT"
	Tube        Command = "+" // inner diameter; set as a Discrete of 4 in hundredths of a millimetre
	BackSteps   Command = "%" // that the rollers turn back after a dose, so that no drop hangs; a Discrete of 4
	Cycles      Command = `"`
	MaxFlow     Command = "?" // at the default calibration
	MaxFlowNow  Command = "!" // as calibrated

	Total      Command = ":" // pumped since ResetTotal, as text with a unit
	ResetTotal Command = "W"
	TotalML    Command = "xG" // whole millilitres, a Discrete of 10

	CalDirection Command = "xR"
	CalTarget    Command = "xU" // volume to pump; a Number in mL
	CalTime      Command = "xW" // time to pump it in
	CalStart     Command = "xY" // moves liquid
	CalMeasured  Command = "xV" // volume that was weighed; a Number in mL
	CalCancel    Command = "xZ"
)

// Mode is what Start does. Its letter sets it, and is the answer to ModeSet.
type Mode string

// The modes.
const (
	AtSpeed         Mode = "L"
	AtFlow          Mode = "M"
	VolumeAtRate    Mode = "O"
	VolumeInTime    Mode = "G"
	VolumeThenPause Mode = "Q"
	ForTime         Mode = "N"
	TimeThenPause   Mode = "P"
)

// ParseMode reads the answer to ModeSet.
func ParseMode(text string) (Mode, error) {
	if len(text) != 1 || !strings.Contains("LMOGQNP", text) {
		return "", ErrSyntax
	}
	return Mode(text), nil
}

// ParseDirection reads the answer to DirectionOf: Clockwise or Counter.
func ParseDirection(text string) (Command, error) {
	if c := Command(text); c == Clockwise || c == Counter {
		return c, nil
	}
	return "", ErrSyntax
}

// Request is one message to a pump.
type Request struct {
	Address int // channel 1 to 4, or 0 for the whole pump; a pump's address, 1 to 8, where channels have none
	Command Command
	Data    string
}

// MaxAddress is the highest address.
const MaxAddress = 8

// DecodeRequest reads one line of a host.
func DecodeRequest(line []byte) (Request, error) {
	text := string(line)
	if data, ok := strings.CutPrefix(text, string(SetAddress)); ok {
		return Request{Command: SetAddress, Data: data}, nil
	}
	if len(text) < 2 || text[0] < '0' || text[0] > '0'+MaxAddress {
		return Request{}, ErrSyntax
	}
	r := Request{Address: int(text[0] - '0'), Command: Command(text[1:2]), Data: text[2:]}
	switch {
	case r.Command == SetAddress, r.Command == "x" && len(text) < 3:
		return Request{}, ErrSyntax
	case r.Command != "x":
		return r, nil
	}
	r.Command, r.Data = Command(text[1:3]), text[3:]
	return r, nil
}

// Append appends r as a host sends it.
func (r Request) Append(dst []byte) []byte {
	if r.Command != SetAddress {
		dst = append(dst, byte('0'+r.Address))
	}
	return append(append(append(dst, r.Command...), r.Data...), '\r')
}

// Errors of numbers and answers.
var (
	// ErrNumber: the pump's number format cannot hold the value exactly.
	ErrNumber = errors.New("the pump cannot be told this number exactly")
	// ErrSyntax: the text is not what was asked for.
	ErrSyntax = errors.New("not a Reglo answer")
)

// Number is a volume in microlitres or a flow in microlitres per minute as these pumps write them, four digits and a
// power of ten: Mantissa × 10^Exponent. What it means in millilitres is m.mmm × 10^Exponent.
type Number struct {
	Mantissa int // 0 to 9999
	Exponent int // -9 to 9
}

// MakeNumber returns n in the form of the pump. ErrNumber when n is negative or needs more than four digits.
func MakeNumber(n int64) (Number, error) {
	if n == 0 {
		return Number{}, nil
	}
	var out Number
	m := n
	for ; m >= 10_000 && m%10 == 0; m /= 10 {
		out.Exponent++
	}
	for ; m > 0 && m < 1000; m *= 10 {
		out.Exponent--
	}
	if m < 0 || m >= 10_000 || out.Exponent > 9 {
		return Number{}, fmt.Errorf("%d: %w", n, ErrNumber)
	}
	out.Mantissa = int(m)
	return out, nil
}

// Whole is n in whole units. ErrNumber when it has a fraction.
func (n Number) Whole() (int64, error) {
	v := int64(n.Mantissa)
	for e := n.Exponent; e != 0; {
		switch {
		case e > 0:
			v *= 10
			e--
		case v%10 != 0:
			return 0, fmt.Errorf("%s: %w", n.Answer(), ErrNumber)
		default:
			v /= 10
			e++
		}
	}
	return v, nil
}

// Request is n as a host sends it, "3000+2".
func (n Number) Request() string { return fmt.Sprintf("%04d%+d", n.Mantissa, n.Exponent) }

// Answer is n as a pump sends it, "3000E+2".
func (n Number) Answer() string { return fmt.Sprintf("%04dE%+d", n.Mantissa, n.Exponent) }

// ParseAnswer reads a number of a pump.
func ParseAnswer(text string) (Number, error) {
	if len(text) != 7 || text[4] != 'E' {
		return Number{}, ErrSyntax
	}
	return parseNumber(text[:4], text[5:])
}

// ParseRequest reads a number of a host.
func ParseRequest(text string) (Number, error) {
	if len(text) != 6 {
		return Number{}, ErrSyntax
	}
	return parseNumber(text[:4], text[4:])
}

func parseNumber(mantissa, exponent string) (Number, error) {
	m, err := ParseDiscrete(mantissa, 4)
	if err != nil || (exponent[0] != '+' && exponent[0] != '-') || !digit(exponent[1]) {
		return Number{}, ErrSyntax
	}
	n := Number{Mantissa: int(m), Exponent: int(exponent[1] - '0')}
	if exponent[0] == '-' {
		n.Exponent = -n.Exponent
	}
	return n, nil
}

// FormatDiscrete writes n with that many digits: 4, 6 or 10.
func FormatDiscrete(n int64, width int) (string, error) {
	s := strconv.FormatInt(n, 10)
	if n < 0 || len(s) > width {
		return "", fmt.Errorf("%d in %d digits: %w", n, width, ErrNumber)
	}
	return strings.Repeat("0", width-len(s)) + s, nil
}

// ParseDiscrete reads a number of exactly that many digits.
func ParseDiscrete(text string, width int) (int64, error) {
	if len(text) != width {
		return 0, ErrSyntax
	}
	return parseDigits(text)
}

// ParseCount reads a number of one to four digits, in which the zeros in front are left out.
func ParseCount(text string) (int, error) {
	if len(text) == 0 || len(text) > 4 {
		return 0, ErrSyntax
	}
	n, err := parseDigits(text)
	return int(n), err
}

func parseDigits(text string) (int64, error) {
	var n int64
	for i := range len(text) {
		if !digit(text[i]) {
			return 0, ErrSyntax
		}
		n = n*10 + int64(text[i]-'0')
	}
	return n, nil
}

const tenth = 100 * time.Millisecond

// FormatTime writes a time, in whole tenths of a second, with eight digits.
func FormatTime(d time.Duration) (string, error) {
	if d < 0 || d%tenth != 0 {
		return "", fmt.Errorf("time %s: %w", d, ErrNumber)
	}
	return FormatDiscrete(int64(d/tenth), 8)
}

// ParseTime reads a time of eight digits.
func ParseTime(text string) (time.Duration, error) {
	n, err := ParseDiscrete(text, 8)
	return time.Duration(n) * tenth, err
}

// ParseSpeed reads the answer to Speed, "12.30", in hundredths of a revolution per minute.
func ParseSpeed(text string) (int64, error) { return parseHundredths(text) }

// ParseTube reads the answer to Tube, "3.17 mm", in hundredths of a millimetre.
func ParseTube(text string) (int64, error) {
	number, ok := strings.CutSuffix(text, " mm")
	if !ok {
		return 0, ErrSyntax
	}
	return parseHundredths(number)
}

func parseHundredths(text string) (int64, error) {
	whole, places, ok := strings.Cut(text, ".")
	if !ok || len(places) != 2 || len(whole) == 0 || len(whole) > 4 {
		return 0, ErrSyntax
	}
	return parseDigits(whole + places)
}

// FormatHundredths writes n hundredths as these pumps do, "12.30".
func FormatHundredths(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

// ParseTotal reads the answer to Total, "4.983 ml". It holds four digits and a point, so a character that was lost or
// added shows. Litres are refused, because a lost letter makes them of millilitres.
func ParseTotal(text string) (measure.Volume, error) {
	number, unit, ok := strings.Cut(text, " ")
	point := strings.IndexByte(number, '.')
	if !ok || len(number) != 5 || point < 1 {
		return 0, ErrSyntax
	}
	n, err := parseDigits(number[:point] + number[point+1:])
	if err != nil {
		return 0, err
	}
	places := len(number) - 1 - point
	scale := 0 // powers of ten from the last digit to a microlitre
	switch unit {
	case "ml":
		scale = 3 - places
	case "ul":
		scale = -places
	default:
		return 0, ErrSyntax
	}
	for ; scale > 0; scale-- {
		n *= 10
	}
	// The digits below a microlitre are cut: the total never says more than was pumped.
	for ; scale < 0; scale++ {
		n /= 10
	}
	return measure.Volume(n), nil
}

// FormatTotal writes a total as a pump does, cut to four digits, in millilitres.
func FormatTotal(v measure.Volume) string {
	n := min(max(int64(v), 0), 999_900)
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d.%03d ml", n/1000, n%1000)
	case n < 100_000:
		return fmt.Sprintf("%d.%02d ml", n/1000, n/10%100)
	}
	return fmt.Sprintf("%d.%d ml", n/1000, n/100%10)
}

// Unit says what a total of v can tell apart.
func Unit(v measure.Volume) measure.Volume {
	switch {
	case v < 10*measure.Millilitre:
		return 1
	case v < 100*measure.Millilitre:
		return 10
	}
	return 100
}

// Firmware is what a pump says of itself.
type Firmware struct {
	Model   string
	Version string
	Head    string // code of the pump head
}

// ParseIdentity reads the answer to Identity: the model, then the version and the code of the head.
func ParseIdentity(text string) (Firmware, error) {
	words := strings.Fields(text)
	if len(words) < 3 {
		return Firmware{}, ErrSyntax
	}
	n := len(words)
	for _, w := range words[n-2:] {
		if _, err := ParseCount(w); err != nil {
			return Firmware{}, ErrSyntax
		}
	}
	return Firmware{Model: strings.Join(words[:n-2], " "), Version: words[n-2], Head: words[n-1]}, nil
}

// Obstacle is why a pump cannot start: the answer to CannotRun.
type Obstacle struct {
	Cause byte   // one of the constants below
	Limit Number // that was exceeded, in µL/min or µL; zero with NoCycles
}

// Causes of an Obstacle.
const (
	NoCycles byte = 'C'
	TooFast  byte = 'R'
	TooMuch  byte = 'V'
)

// maxObstacle is the longest answer: the limit of NoCycles is undefined, but it is no essay.
const maxObstacle = 16

// ParseObstacle reads the answer to CannotRun, "R 1386E-1".
func ParseObstacle(text string) (Obstacle, error) {
	cause, limit, _ := strings.Cut(text, " ")
	switch {
	case len(text) > maxObstacle:
		return Obstacle{}, ErrSyntax
	case cause == string(NoCycles):
		return Obstacle{Cause: NoCycles}, nil
	case cause != string(TooFast) && cause != string(TooMuch):
		return Obstacle{}, ErrSyntax
	}
	n, err := ParseAnswer(limit)
	if err != nil {
		return Obstacle{}, err
	}
	return Obstacle{Cause: cause[0], Limit: n}, nil
}

func (o Obstacle) String() string {
	switch o.Cause {
	case NoCycles:
		return "no cycles are set"
	case TooFast:
		return "faster than it can, " + o.Limit.Answer() + " mL/min"
	case TooMuch:
		return "more than it can, " + o.Limit.Answer() + " mL"
	}
	return "cause " + strconv.Itoa(int(o.Cause))
}
