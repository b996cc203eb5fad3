package cavro

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Command is a command string as it goes into a block or a line.
type Command string

// Commands that move nothing and may be sent at any time, also while the pump moves.
const (
	Query       Command = "Q"   // its answer alone tells whether the pump is ready
	Position    Command = "?"   // where the plunger was told to be, in increments
	Encoder     Command = "?4"  // where the plunger is
	StartSpeed  Command = "?1"  // pulses per second
	TopSpeed    Command = "?2"  // pulses per second
	CutoffSpeed Command = "?3"  // pulses per second
	ValvePort   Command = "?6"  // i, o, b, or the number of a port
	Buffer      Command = "?10" // 1: a string waits to be run
	Backlash    Command = "?12" // increments
	Firmware    Command = "?23"
	Gap         Command = "?24" // increments
	Settings    Command = "?76" // what is kept without power

	// Terminate stops the plunger at once. It may lose increments, and what is left of the stopped string stays in
	// the pump, where a bare R would go on with it.
	Terminate Command = "T"
)

// ErrOperand: the pump does not take this number, or the string is too long.
var ErrOperand = errors.New("the pump cannot be told this")

// A Program is a command string in the making. A number out of range is kept as the error of Run, so a string is
// written down in one piece. The zero Program is empty.
type Program struct {
	text []byte
	err  error
}

// Stroke is how many increments a full stroke has.
type Stroke int

// The strokes of an XCalibur and an XLP 6000, in their standard and fine modes.
const (
	XCalibur     Stroke = 3000
	XCaliburFine Stroke = 24_000
	XLP          Stroke = 6000
	XLPFine      Stroke = 48_000
)

// Fine reports whether the pump counts in eighths of an increment.
func (s Stroke) Fine() bool { return s == XCaliburFine || s == XLPFine }

// Valid reports whether there are pumps with that stroke.
func (s Stroke) Valid() bool { return s == XCalibur || s == XLP || s.Fine() }

// PulsesPerStroke is how many pulses a full stroke takes: speeds are given in pulses per second.
const PulsesPerStroke = 6000

// Time is how long the plunger takes for that many increments at a speed in pulses per second, ramps not counted.
func (s Stroke) Time(increments, pulses int) time.Duration {
	return time.Duration(increments) * PulsesPerStroke * time.Second / time.Duration(int(s)*pulses)
}

// Turn is the sense in which the ports are counted.
type Turn byte

// The senses. They are the letters of the commands that home plunger and valve.
const (
	Clockwise        Turn = 'Z'
	CounterClockwise Turn = 'Y'
)

// Home moves the plunger home, and the valve. Whatever the syringe holds is pushed out through the output port. Force
// is 0 for full, 1 for half, 2 for a third, or 10 to 40 for a speed code; in and out are ports of a distribution valve,
// both 0 for the pump's own.
func (p *Program) Home(t Turn, force, in, out int) *Program {
	p.letter(byte(t))
	if t != Clockwise && t != CounterClockwise {
		p.fail("home in the sense %q", byte(t))
	}
	if force > 2 && force < 10 {
		p.fail("homing with force %d", force)
	}
	if in == 0 && out == 0 {
		return p.number("homing force", force, 0, 40)
	}
	p.number("homing force", force, 0, 40)
	p.text = append(p.text, ',')
	p.number("input port", in, 1, maxPort)
	p.text = append(p.text, ',')
	return p.number("output port", out, 1, maxPort)
}

const maxPort = 12

// Valve is a position of the valve. Its values are the letters of the commands.
type Valve byte

// The positions. In Bypass no plunger may move.
const (
	Input  Valve = 'I'
	Output Valve = 'O'
	Bypass Valve = 'B'
	Extra  Valve = 'E'
)

// Turn moves the valve. A port other than 0 is one of a distribution valve.
func (p *Program) Turn(v Valve, port int) *Program {
	p.letter(byte(v))
	switch {
	case v != Input && v != Output && v != Bypass && v != Extra:
		p.fail("valve position %q", byte(v))
	case port == 0:
		return p
	case v != Input && v != Output:
		p.fail("port %d of valve position %c", port, v)
	}
	return p.number("port", port, 1, maxPort)
}

// MoveTo moves the plunger to a position: 0 is empty, the whole stroke full.
func (p *Program) MoveTo(increments int) *Program {
	return p.letter('A').number("position", increments, 0, int(XLPFine))
}

// FineMode makes the pump count in eighths of an increment, or not.
func (p *Program) FineMode(on bool) *Program {
	if on {
		return p.letter('N').number("mode", 1, 0, 1)
	}
	return p.letter('N').number("mode", 0, 0, 1)
}

// The speeds that a pump takes, in pulses per second.
const (
	MinTop    = 5
	MaxTop    = 6000
	MinStart  = 50
	MaxStart  = 1000
	MinCutoff = 50
	MaxCutoff = 2700
	MinSlope  = 1
	MaxSlope  = 20
	MaxDelay  = 30_000 // ms
)

// Speeds sets slope, start, top and cutoff speed. The cutoff counts for pushing out alone: a fast end breaks the drop
// off.
func (p *Program) Speeds(slope, start, top, cutoff int) *Program {
	return p.letter('L').number("slope", slope, MinSlope, MaxSlope).
		letter('v').number("start speed", start, MinStart, MaxStart).
		letter('V').number("top speed", top, MinTop, MaxTop).
		letter('c').number("cutoff speed", cutoff, MinCutoff, MaxCutoff)
}

// Delay waits that many milliseconds.
func (p *Program) Delay(ms int) *Program { return p.letter('M').number("delay", ms, 0, MaxDelay) }

// Run ends the string so that the pump runs it. An empty one is refused: a bare R goes on with whatever the pump still
// holds.
func (p *Program) Run() (Command, error) {
	switch {
	case p.err != nil:
		return "", p.err
	case len(p.text) == 0:
		return "", fmt.Errorf("nothing to run: %w", ErrOperand)
	case len(p.text) >= MaxText:
		return "", fmt.Errorf("a string of %d characters: %w", len(p.text)+1, ErrOperand)
	}
	return Command(append(p.text[:len(p.text):len(p.text)], 'R')), nil
}

func (p *Program) letter(b byte) *Program {
	p.text = append(p.text, b)
	return p
}

func (p *Program) number(what string, n, low, high int) *Program {
	if n < low || n > high {
		p.fail("%s %d is not between %d and %d", what, n, low, high)
	}
	p.text = strconv.AppendInt(p.text, int64(n), 10)
	return p
}

func (p *Program) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrOperand)
	}
}

// speedCodes are the top speeds of the command S, in pulses per second. It is never written.
var speedCodes = [...]int{
	6000, 5600, 5000, 4400, 3800, 3200, 2600, 2200, 2000, 1800, 1600, 1400, 1200, 1000, 800, 600, 400, 200, 190, 180,
	170, 160, 150, 140, 130, 120, 110, 100, 90, 80, 70, 60, 50, 40, 30, 20, 18, 16, 14, 12, 10,
}

// SpeedOfCode is the top speed of a speed code 0 to 40, in pulses per second.
func SpeedOfCode(code int) (pulses int, ok bool) {
	if code < 0 || code >= len(speedCodes) {
		return 0, false
	}
	return speedCodes[code], true
}
