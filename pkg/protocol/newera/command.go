package newera

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Command is what is sent to a pump, without address and framing.
type Command string

// Commands without arguments. Those that set something answer with its value when sent bare.
const (
	Status       Command = ""
	Version      Command = "VER"
	Diameter     Command = "DIA"
	Rate         Command = "RAT"
	Volume       Command = "VOL"
	Direction    Command = "DIR"
	PowerFail    Command = "PF"
	Phase        Command = "PHN"
	Safe         Command = "SAF"
	Dispensed    Command = "DIS"
	Run          Command = "RUN" // moves liquid
	Stop         Command = "STP" // once pauses, twice stops
	ClearInfused Command = "CLDINF"
	ClearDrawn   Command = "CLDWDR"
	Infuse       Command = "DIRINF"
	Withdraw     Command = "DIRWDR"
	Millilitres  Command = "VOLML"
	Microlitres  Command = "VOLUL"
)

// ErrNumber: the pump's number format cannot hold the value exactly.
var ErrNumber = errors.New("the pump cannot be told this number exactly")

// Length is a length in micrometres (µm), for syringe diameters.
type Length int64

// Flow is a pumping rate.
type Flow = measure.Flow

// formatThousandths writes n/1000 with all the decimals that fit: four digits, of which at most three stand after the
// point. ErrNumber when that would change the value.
func formatThousandths(n int64) (string, error) {
	if n < 0 || n > 9999_000 {
		return "", fmt.Errorf("%d/1000: %w", n, ErrNumber)
	}
	whole := strconv.FormatInt(n/1000, 10)
	decimals := min(3, 4-len(whole))
	cut := int64(1)
	for range 3 - decimals {
		cut *= 10
	}
	if n%cut != 0 {
		return "", fmt.Errorf("%d/1000 has more than four digits: %w", n, ErrNumber)
	}
	if decimals == 0 {
		return whole, nil
	}
	frac := strconv.FormatInt(1000+n%1000, 10)
	return whole + "." + frac[1:1+decimals], nil
}

// SetVolume sets the target of a dose in millilitres; send Millilitres first. Zero is refused: to the pump it means
// pumping for ever.
func SetVolume(v measure.Volume) (Command, error) {
	if v <= 0 {
		return "", fmt.Errorf("volume %s: %w", v, ErrNumber)
	}
	text, err := formatThousandths(int64(v))
	if err != nil {
		return "", fmt.Errorf("volume %s: %w", v, err)
	}
	return Volume + Command(text), nil
}

// SetRate sets the pumping rate in millilitres per minute.
func SetRate(f Flow) (Command, error) {
	if f <= 0 {
		return "", fmt.Errorf("rate %s: %w", f, ErrNumber)
	}
	text, err := formatThousandths(int64(f))
	if err != nil {
		return "", fmt.Errorf("rate %s: %w", f, err)
	}
	return Rate + Command(text) + "MM", nil
}

// The diameters that a pump accepts.
const (
	MinDiameter Length = 100
	MaxDiameter Length = 80_000
)

// SetDiameter sets the inner diameter of the syringe in millimetres. The pump zeroes its totals.
func SetDiameter(d Length) (Command, error) {
	if d < MinDiameter || d > MaxDiameter {
		return "", fmt.Errorf("diameter %d µm: %w", d, ErrNumber)
	}
	text, err := formatThousandths(int64(d))
	if err != nil {
		return "", fmt.Errorf("diameter %d µm: %w", d, err)
	}
	return Diameter + Command(text), nil
}

// SetPhase chooses the phase of the pumping program that settings and RUN refer to, 1 to 41.
func SetPhase(n int) (Command, error) {
	if n < 1 || n > 41 {
		return "", fmt.Errorf("phase %d: %w", n, ErrNumber)
	}
	return Phase + Command(strconv.Itoa(n)), nil
}

// SetPowerFail says whether the pump starts by itself when power comes back.
func SetPowerFail(restart bool) Command {
	if restart {
		return PowerFail + "1"
	}
	return PowerFail + "0"
}

// SetSafe chooses the safe mode with a dead-man time of 1 to 255 seconds, or the basic mode with 0.
func SetSafe(seconds int) (Command, error) {
	if seconds < 0 || seconds > 255 {
		return "", fmt.Errorf("dead-man time %d s: %w", seconds, ErrNumber)
	}
	return Safe + Command(strconv.Itoa(seconds)), nil
}

// MaxAddress is the highest pump address.
const MaxAddress = 99

// Payload is the command for the pump with that address, as it goes into a safe packet or, with a CR, on the line.
func (c Command) Payload(address int) string { return strconv.Itoa(address) + string(c) }

// DecodeCommand reads the payload of a command, of either mode, as a pump does: an address of at most two digits, 0 when
// there is none, then the command, in which blanks and case do not matter.
func DecodeCommand(payload []byte) (address int, c Command, err error) {
	text := strings.ToUpper(strings.ReplaceAll(string(payload), " ", ""))
	n := 0
	for n < len(text) && isDigit(text[n]) {
		address = address*10 + int(text[n]-'0')
		if n++; n > 2 {
			return 0, "", ErrSyntax
		}
	}
	return address, Command(text[n:]), nil
}

// AppendSafeCommand appends the command as a safe packet.
func AppendSafeCommand(dst []byte, address int, c Command) []byte {
	return AppendSafe(dst, c.Payload(address))
}

// AppendBasicCommand appends the command as the basic mode sends it.
func AppendBasicCommand(dst []byte, address int, c Command) []byte {
	return append(append(dst, c.Payload(address)...), '\r')
}
