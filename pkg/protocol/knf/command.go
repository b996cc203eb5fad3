package knf

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Command is what is sent to a pump, without address and framing. One that begins with a question mark is a query.
type Command string

// Queries.
const (
	OwnAddress Command = "?SI"
	Version    Command = "?SV"
	ModeSet    Command = "?MS"
	RateSet    Command = "?RV"
	VolumeSet  Command = "?DV"
	TimeSet    Command = "?DT"
	AutoStart  Command = "?SA" // whether the pump starts by itself when power comes back
	Dispensed  Command = "?TV" // volume since the last start; gone without power
	Motor      Command = "?SS1"
	System     Command = "?SS2"
	RunState   Command = "?SS3"
	DoseState  Command = "?SS4"
	FaultState Command = "?SS6"
)

// Keys of the pump.
const (
	Stop  Command = "KY0"
	Start Command = "KY1" // moves liquid
	Prime Command = "KY2" // moves liquid
	Pause Command = "KY3"
)

// ErrNumber: the pump's number format cannot hold the value exactly.
var ErrNumber = errors.New("the pump cannot be told this number exactly")

// Mode is what the start key does.
type Mode int

// The modes. Which number is which dose mode differs in what is written about these pumps: a dose is set up so that it
// is the same in both.
const (
	Running    Mode = 0 // pumps until it is stopped
	DoseInTime Mode = 1 // a volume in a time
	DoseAtRate Mode = 2 // a volume at a rate
)

// SetMode chooses what the start key does.
func SetMode(m Mode) (Command, error) {
	if m < Running || m > DoseAtRate {
		return "", fmt.Errorf("mode %d: %w", m, ErrNumber)
	}
	return Command(fmt.Sprintf("MS%d", m)), nil
}

// numberLimit is the first number that eight digits cannot hold.
const numberLimit = 100_000_000

// SetVolume sets the volume of a dose.
func SetVolume(v measure.Volume) (Command, error) { return positive("DV", "volume", int64(v)) }

// SetRate sets the pumping rate.
func SetRate(f measure.Flow) (Command, error) { return positive("RV", "rate", int64(f)) }

// SetMeasured tells the volume that was measured after a dose, from which the pump works out its calibration factor. The
// pump refuses one that is too far from the dose.
func SetMeasured(v measure.Volume) (Command, error) {
	return positive("CF", "measured volume", int64(v))
}

func positive(name, what string, n int64) (Command, error) {
	if n <= 0 || n >= numberLimit {
		return "", fmt.Errorf("%s %d: %w", what, n, ErrNumber)
	}
	return Command(fmt.Sprintf("%s%08d", name, n)), nil
}

const (
	tick    = 10 * time.Millisecond // the last digit of a time
	maxTime = 100*time.Hour - tick
)

// SetTime sets the time of a dose, in whole hundredths of a second.
func SetTime(d time.Duration) (Command, error) {
	if d <= 0 || d > maxTime || d%tick != 0 {
		return "", fmt.Errorf("time %s: %w", d, ErrNumber)
	}
	n := d / tick
	return Command(fmt.Sprintf("DT%02d%02d%02d%02d", n/360_000, n/6000%60, n/100%60, n%100)), nil
}

// SetAutoStart says whether the pump starts by itself when power comes back.
func SetAutoStart(on bool) Command { return onOff("SA", on) }

// SetAnswers says whether the pump answers at all.
func SetAnswers(on bool) Command { return onOff("SP", on) }

func onOff(name string, on bool) Command {
	if on {
		return Command(name + "1")
	}
	return Command(name + "0")
}

// ErrSyntax: the text is not what was asked for.
var ErrSyntax = errors.New("not a SIMDOS answer")

// parseDigits reads a number of exactly that many digits: one that was lost or added on the way shows.
func parseDigits(text string, width int) (int64, error) {
	if len(text) != width {
		return 0, ErrSyntax
	}
	var n int64
	for i := range len(text) {
		if !digit(text[i]) {
			return 0, ErrSyntax
		}
		n = n*10 + int64(text[i]-'0')
	}
	return n, nil
}

// ParseVolume reads the answer to VolumeSet.
func ParseVolume(text string) (measure.Volume, error) {
	n, err := parseDigits(text, 8)
	return measure.Volume(n), err
}

// ParseRate reads the answer to RateSet.
func ParseRate(text string) (measure.Flow, error) {
	n, err := parseDigits(text, 8)
	return measure.Flow(n), err
}

// ParseDispensed reads the answer to Dispensed.
func ParseDispensed(text string) (measure.Volume, error) {
	n, err := parseDigits(text, 9)
	return measure.Volume(n), err
}

// ParseTime reads the answer to TimeSet.
func ParseTime(text string) (time.Duration, error) {
	n, err := parseDigits(text, 8)
	hundredths, seconds, minutes, hours := n%100, n/100%100, n/10_000%100, n/1_000_000
	if err != nil || seconds > 59 || minutes > 59 {
		return 0, ErrSyntax
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second +
		time.Duration(hundredths)*tick, nil
}

// ParseMode reads the answer to ModeSet.
func ParseMode(text string) (Mode, error) {
	n, err := parseDigits(text, 1)
	if err != nil || Mode(n) > DoseAtRate {
		return 0, ErrSyntax
	}
	return Mode(n), nil
}

// ParseSwitch reads the answer to AutoStart.
func ParseSwitch(text string) (bool, error) {
	n, err := parseDigits(text, 1)
	if err != nil || n > 1 {
		return false, ErrSyntax
	}
	return n == 1, nil
}

// ParseAddress reads the answer to OwnAddress.
func ParseAddress(text string) (int, error) {
	n, err := parseDigits(text, 2)
	return int(n), err
}

// Status is one group of status bits; what they mean depends on the query.
type Status uint8

// Bits of Motor.
const (
	MotorTurns Status = 1 << 0
	PumpFault  Status = 1 << 1
	DisplayOff Status = 1 << 2
)

// Bits of System.
const (
	Adjusted   Status = 1 << 0
	Input1     Status = 1 << 1
	Input2     Status = 1 << 2
	AtTurnover Status = 1 << 3
)

// RunStarted is the bit of RunState.
const RunStarted Status = 1 << 0

// Bits of DoseState.
const (
	DoseStarted Status = 1 << 0
	NoUserStop  Status = 1 << 3 // clear when somebody stopped it at the pump
)

// Bits of FaultState.
const (
	Overpressure Status = 1
	SignalLost   Status = 8
	Supply       Status = 16
	MotorFault   Status = 32
	Temperature  Status = 64
	Encoder      Status = 128
)

// ParseStatus reads the answer to a status query.
func ParseStatus(text string) (Status, error) {
	n, err := parseDigits(text, 3)
	if err != nil || n > 255 {
		return 0, ErrSyntax
	}
	return Status(n), nil
}

// Text is s as a pump sends it.
func (s Status) Text() string { return fmt.Sprintf("%03d", uint8(s)) }

// Faults are the words for the bits of FaultState, "" for none.
func (s Status) Faults() string {
	var words []string
	for _, f := range []struct {
		bit  Status
		word string
	}{
		{Overpressure, "overpressure"}, {SignalLost, "analogue signal below 4 mA"}, {Supply, "power supply"},
		{MotorFault, "motor"}, {Temperature, "temperature"}, {Encoder, "no signal from the encoder"},
	} {
		if s&f.bit != 0 {
			words = append(words, f.word)
			s &^= f.bit
		}
	}
	if s != 0 {
		words = append(words, fmt.Sprintf("unknown fault %d", uint8(s)))
	}
	return strings.Join(words, ", ")
}

// Firmware is what a pump says of itself.
type Firmware struct {
	Model   string
	Version string
}

const modelWidth, versionWidth = 5, 5

// ParseVersion reads the answer to Version, five characters each. No other answer is that long.
func ParseVersion(text string) (Firmware, error) {
	if len(text) != modelWidth+versionWidth {
		return Firmware{}, ErrSyntax
	}
	for i := range len(text) {
		if !printable(text[i]) {
			return Firmware{}, ErrSyntax
		}
	}
	return Firmware{Model: strings.TrimSpace(text[:modelWidth]), Version: strings.TrimSpace(text[modelWidth:])}, nil
}
