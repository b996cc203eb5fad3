package mtsics

import (
	"fmt"
	"strconv"
)

// Command is what is sent to a balance, without its CR LF.
type Command string

// The commands.
const (
	StableWeight     Command = "S"   // answered when the weight is stable, or with NotExecutable
	WeightNow        Command = "SI"  // answered at once, stable or not
	WeightRepeat     Command = "SIR" // answered for ever, until the next weight command or Reset
	Zero             Command = "Z"
	ZeroNow          Command = "ZI"
	Tare             Command = "T"
	TareNow          Command = "TI"
	TareValue        Command = "TA"
	ClearTare        Command = "TAC"
	Reset            Command = "@" // cancels whatever runs; answered with the serial number as I4
	ListCommands     Command = "I0"
	Levels           Command = "I1"
	Model            Command = "I2"
	Software         Command = "I3"
	SerialNumber     Command = "I4"
	SoftwareID       Command = "I5"
	InternalAdjust   Command = "C3"
	lineEnd                  = "\r\n"
	presetTarePrefix         = "TA "
)

// PresetTare is the command that sets the tare to w. It refuses a weight that cannot be written exactly.
func PresetTare(w Weight) (Command, error) {
	w.Width = narrowField
	text, err := w.print()
	if err != nil {
		return "", err
	}
	for len(text) > 0 && text[0] == ' ' {
		text = text[1:]
	}
	return Command(presetTarePrefix + text), nil
}

// AppendCommand appends c and its line end to dst.
func AppendCommand(dst []byte, c Command) []byte {
	return append(append(dst, c...), lineEnd...)
}

// AppendReply appends r and its line end to dst, as a balance sends it. It refuses a reply that Decode would not
// give back.
func AppendReply(dst []byte, r Reply) ([]byte, error) {
	line, err := printReply(r)
	if err != nil {
		return dst, err
	}
	back, err := Decode([]byte(line))
	if err != nil {
		return dst, fmt.Errorf("reply %q: %w", line, err)
	}
	if back != r {
		return dst, fmt.Errorf("reply %q reads back as %+v: %w", line, back, ErrSyntax)
	}
	return append(append(dst, line...), lineEnd...), nil
}

func printReply(r Reply) (string, error) {
	line := string(r.ID)
	if r.Status == None {
		return line, nil
	}
	if r.Status == DeviceError {
		part := "t"
		if r.Bridge {
			part = "b"
		}
		return line + " S Error " + strconv.Itoa(r.Code) + part, nil
	}
	line += " " + string(rune(r.Status))
	switch {
	case r.HasWeight():
		text, err := r.Weight.print()
		return line + " " + text, err
	case r.Args != "":
		return line + " " + r.Args, nil
	}
	return line, nil
}
