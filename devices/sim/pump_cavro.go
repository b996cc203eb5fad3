package sim

import (
	"fmt"
	"math"
	"strconv"
	"time"

	proto "github.com/lieu-clinic/lieu/pkg/protocol/cavro"
)

const (
	eighths       = 8    // fine increments in a standard one
	valveTime     = 0.25 // s for a turn
	homingSpeed   = 2400 // pulses/s
	cavroBoot     = 500 * time.Millisecond
	squeeze       = 0.2 // of the speed against a closed tube
	lostAtTop     = 40  // increments between where the plunger was told to be and where it is that are an overload
	lostByStop    = 3   // increments, at most, that the plunger loses when it is stopped
	cavroFirmware = "SIM-XCALIBUR 1.0"
)

// cavro is a Tecan Cavro syringe pump with a three-port valve: its bottle is at the input, the nozzle at the output. It
// speaks both protocols; the DT one until the first OEM block, and again after a power cut. Positions are in fine
// increments, whatever mode the pump counts in.
type cavro struct {
	port    *port
	world   *world
	address proto.Address
	full    float64 // of a stroke
	barrel  barrel
	volume  float64 // µL of a full stroke

	// kept without power
	firmware string
	autoRun  bool
	at       float64 // where the plunger is

	// gone with power
	oem         bool
	told        float64 // where the plunger was told to be
	initialised bool
	fault       proto.ErrorCode // until it is initialised again
	quiet       bool            // the display of fault has been read
	late        proto.ErrorCode // of a string that began well; until it was told, or another string comes
	fine        bool
	start       int
	top         int
	cutoff      int
	slope       int
	backlash    int
	gap         int
	valve       proto.Valve

	program []proto.Operation // what runs, from here on
	whole   []proto.Operation // the string that program is the rest of
	buffer  []proto.Operation // waits for R
	last    []proto.Operation // for X
	loop    int               // index in whole to which G goes back
	rounds  int
	goal    float64 // of the plunger, while moves
	moves   bool
	busy    bool // whether Q says so: motions in small letters do not
	homing  bool
	pause   float64 // s

	lastSequence byte
	blocks       proto.BlockFramer
	lines        proto.LineFramer
	deafUntil    time.Time

	next    proto.ErrorCode // ordered for the next motion
	failAt  float64         // µL pushed at which the power fails; 0 never
	pushed  float64         // µL, through the output
	strokes int             // strings that push, received and not as a repeat
}

func newCavro(cfg Config, d DeviceConfig, _ int, p *port, w *world) pumpMachine {
	c := &cavro{
		port: p, world: w, address: proto.Address('1' + cfg.Pump.Address),
		full:     eighths * size(d.or("stroke", "3000")),
		volume:   size(d.or("syringe_ul", "5000")),
		firmware: d.or("firmware", cavroFirmware),
		autoRun:  d.or("auto_run", "off") == "on",
	}
	c.reset()
	if d.or("initialised", "no") == "yes" {
		c.initialised, c.fault = true, proto.NoError
	}
	return c
}

// size reads an option; one that is no number leaves a pump that moves nothing.
func size(s string) float64 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return float64(n)
}

// reset is the state at power-up. The plunger stays where it is, and the pump does not know where that is.
func (p *cavro) reset() {
	p.oem, p.told, p.initialised, p.fault, p.late = false, 0, false, proto.NotInitialised, proto.NoError
	p.quiet, p.fine = false, false
	p.start, p.top, p.cutoff, p.slope, p.backlash, p.gap = 900, 1400, 900, 14, 12, 50
	p.valve = proto.Output
	p.halt()
	p.buffer, p.last = nil, nil
	p.lastSequence = math.MaxUint8
	p.blocks.Reset()
	p.lines.Reset()
}

func (p *cavro) halt() {
	p.program, p.whole, p.moves, p.homing, p.busy, p.pause = nil, nil, false, false, false, 0
}

func (p *cavro) moving() bool { return p.moves || p.pause > 0 || len(p.program) > 0 }

func (p *cavro) hear(now time.Time, b []byte) {
	if now.Before(p.deafUntil) {
		return
	}
	for i := range b {
		if body, _, ok := p.blocks.Next(b[i : i+1]); ok {
			p.hearBlock(body)
		}
		if p.oem {
			continue
		}
		if body, _, ok := p.lines.Next(b[i : i+1]); ok {
			p.hearLine(body)
		}
	}
}

// hearBlock obeys a block, unless it is the repetition of the one before.
func (p *cavro) hearBlock(body []byte) {
	b, err := proto.DecodeBlock(body)
	if err != nil || !p.port.hears(string(b.Text)) {
		return
	}
	p.oem = true
	if b.Address != p.address && b.Address != proto.All {
		return
	}
	known := b.Repeat && b.Sequence == p.lastSequence
	p.lastSequence = b.Sequence
	a := p.obey(b.Text, known)
	if b.Address == p.address {
		p.port.say(string(b.Text), a.AppendBlock(nil))
	}
}

func (p *cavro) hearLine(body []byte) {
	l, err := proto.DecodeLine(body)
	if err != nil || !p.port.hears(string(l.Text)) {
		return
	}
	if l.Address != p.address && l.Address != proto.All {
		return
	}
	a := p.obey(l.Text, false)
	if l.Address == p.address {
		p.port.say(string(l.Text), a.AppendLine(nil))
	}
}

// obey executes a command string and answers it. One that is known is answered only; asking again is asking.
func (p *cavro) obey(text []byte, known bool) proto.Answer {
	ops, code := operations(text)
	status := func() proto.Answer { return proto.Answer{Status: p.status(code)} }
	switch {
	case len(ops) == 1 && ops[0].Report() && code == proto.NoError:
		return p.answer(ops[0])
	case known || code != proto.NoError:
		return status()
	case len(ops) == 1 && ops[0].Name == 'T':
		p.late = proto.NoError
		p.terminate()
		return status()
	}
	if p.pushes(ops) {
		p.strokes++
	}
	if p.moving() {
		code = proto.Overflow
		return status()
	}
	p.late = proto.NoError
	p.take(ops)
	if p.late != proto.NoError { // which only Q and reports tell
		return proto.Answer{Status: proto.StatusOf(!p.busy, proto.NoError)}
	}
	return status()
}

// operations is a string taken apart, up to what is wrong with it.
func operations(text []byte) (ops []proto.Operation, code proto.ErrorCode) {
	for len(text) > 0 {
		var op proto.Operation
		if op, text, code = proto.NextOperation(text); code != proto.NoError {
			return ops, code
		}
		ops = append(ops, op)
	}
	return ops, proto.NoError
}

// take runs a string that ends in R, and keeps one that does not.
func (p *cavro) take(ops []proto.Operation) {
	switch n := len(ops); {
	case n == 0:
	case n == 1 && ops[0].Name == 'R':
		ops, p.buffer = p.buffer, nil
		p.run(ops)
	case n == 1 && ops[0].Name == 'X':
		p.run(p.last)
	case ops[n-1].Name == 'R':
		p.buffer = nil
		p.run(ops[:n-1])
	default:
		p.buffer = ops
	}
}

func (p *cavro) run(ops []proto.Operation) {
	p.program, p.whole, p.last, p.loop, p.rounds = ops, ops, ops, 0, 0
	p.advance()
}

// pushes reports whether the string, when it is run, moves the plunger with the valve at the output.
func (p *cavro) pushes(ops []proto.Operation) bool {
	switch n := len(ops); {
	case n == 1 && ops[0].Name == 'R':
		ops = p.buffer
	case n == 1 && ops[0].Name == 'X':
		ops = p.last
	case n == 0 || ops[n-1].Name != 'R':
		return false
	}
	valve := p.valve
	for _, op := range ops {
		switch op.Name {
		case 'I', 'O', 'B', 'E':
			valve = proto.Valve(op.Name)
		case 'A', 'D', 'a', 'd':
			if valve == proto.Output {
				return true
			}
		}
	}
	return false
}

// terminate stops at once. The plunger may lose a little, and the rest of the string waits for an R.
func (p *cavro) terminate() {
	if !p.moving() {
		return
	}
	rest := p.program
	if p.moves && len(p.whole) > len(rest) {
		rest = p.whole[len(p.whole)-len(rest)-1:] // the motion itself is not finished either
	}
	if p.moves {
		p.told += (p.goal - p.told) * min(1, eighths*lostByStop*p.world.rng.Float64()/max(1, math.Abs(p.goal-p.told)))
	}
	if p.homing {
		p.fail(proto.NotInitialised)
	}
	p.halt()
	p.buffer = rest
}

// status is what an answer shows: what is wrong with the command, or else with the pump.
func (p *cavro) status(e proto.ErrorCode) proto.Status {
	if e == proto.NoError {
		e = p.late
	}
	if e == proto.NoError {
		e = p.fault
	}
	return proto.StatusOf(!p.busy, e)
}

func (p *cavro) answer(op proto.Operation) proto.Answer {
	data, known := p.data(op)
	if !known {
		return proto.Answer{Status: p.status(proto.InvalidOperand)}
	}
	a := proto.Answer{Status: p.status(proto.NoError), Data: []byte(data)}
	if op.Name == 'Q' || op.Name == '?' && op.N[0] == 29 {
		if p.quiet {
			a.Status = proto.StatusOf(!p.busy, p.late)
		}
		// The display of an overload is gone when it was read; the next motion fails again.
		p.quiet = p.fault == proto.PlungerOverload || p.fault == proto.ValveOverload
		p.late = proto.NoError
	}
	return a
}

func (p *cavro) data(op proto.Operation) (text string, known bool) {
	switch op.Name {
	case 'F':
		return p.buffered(), true
	case '&':
		return p.firmware, true
	case 'Q':
		return "", true
	}
	switch op.N[0] {
	case 0:
		return p.shown(p.told), true
	case 1:
		return strconv.Itoa(p.start), true
	case 2:
		return strconv.Itoa(p.top), true
	case 3:
		return strconv.Itoa(p.cutoff), true
	case 4:
		return p.shown(p.at), true
	case 6:
		return string(rune(p.valve + 'a' - 'A')), true
	case 10:
		return p.buffered(), true
	case 12:
		return strconv.Itoa(p.backlash), true
	case 15, 16, 17, 18:
		return strconv.Itoa(p.strokes), true
	case 20:
		return "A5C3", true
	case 23:
		return p.firmware, true
	case 29:
		return "", true
	case 24:
		return strconv.Itoa(p.gap), true
	case 76:
		if p.autoRun {
			return "3-port, 9600 baud, auto-run on", true
		}
		return "3-port, 9600 baud, auto-run off", true
	}
	return "", false
}

func (p *cavro) buffered() string {
	if len(p.buffer) > 0 {
		return "1"
	}
	return "0"
}

// shown is a position in the increments that the pump counts in now.
func (p *cavro) shown(position float64) string {
	if !p.fine {
		position /= eighths
	}
	return strconv.Itoa(int(math.Round(position)))
}

// advance takes up what comes next, as long as it takes no time.
func (p *cavro) advance() {
	for !p.moves && p.pause <= 0 && len(p.program) > 0 {
		op := p.program[0]
		p.program = p.program[1:]
		if code := p.begin(op); code != proto.NoError {
			p.fail(code)
			return
		}
	}
	p.busy = p.busy && p.moving() || p.pause > 0
}

// fail stops everything and forgets the string.
func (p *cavro) fail(code proto.ErrorCode) {
	p.halt()
	p.buffer = nil
	switch code {
	case proto.Initialisation, proto.NotInitialised, proto.PlungerOverload, proto.ValveOverload:
		p.fault, p.quiet = code, false
		p.initialised = p.initialised && code != proto.NotInitialised && code != proto.Initialisation
	default:
		p.late = code
	}
}

// begin starts one operation.
func (p *cavro) begin(op proto.Operation) proto.ErrorCode {
	switch op.Name {
	case 'Z', 'Y', 'W':
		return p.home(op)
	case 'z':
		p.told, p.at = 0, 0
		return proto.NoError
	case 'I', 'O', 'B', 'E':
		return p.turn(op)
	case 'A', 'P', 'D', 'a', 'p', 'd':
		return p.travel(op)
	case 'M':
		p.pause = float64(op.N[0]) / 1000
		p.busy = true
		return proto.NoError
	case 'g':
		p.loop, p.rounds = len(p.whole)-len(p.program), 0
		return proto.NoError
	case 'G':
		p.again(op.N[0])
		return proto.NoError
	case 'H', 'w':
		return proto.NoError
	}
	return p.set(op)
}

// again goes back to the start of the loop until it has been run n times.
func (p *cavro) again(n int) {
	if p.rounds++; p.rounds < n {
		p.program = p.whole[p.loop:]
	}
}

// home moves the plunger to its end at the top, through the output: what the syringe holds is pushed out.
func (p *cavro) home(op proto.Operation) proto.ErrorCode {
	if op.Args > 0 && (op.N[0] > 40 || op.N[0] > 2 && op.N[0] < 10) {
		return proto.InvalidOperand
	}
	if p.ordered(proto.Initialisation) {
		return proto.Initialisation
	}
	p.fault, p.quiet, p.initialised = proto.NoError, false, false
	p.valve = proto.Output
	p.told, p.goal, p.moves, p.homing, p.busy = p.at, 0, true, true, true
	p.pause = valveTime
	return proto.NoError
}

func (p *cavro) turn(op proto.Operation) proto.ErrorCode {
	switch {
	case !p.initialised:
		return proto.NotInitialised
	case p.fault != proto.NoError:
		return p.fault
	case op.N[0] > 12:
		return proto.InvalidOperand
	case p.ordered(proto.ValveOverload):
		return proto.ValveOverload
	case p.valve != proto.Valve(op.Name):
		p.valve = proto.Valve(op.Name)
		p.pause = valveTime
	}
	p.busy = true
	return proto.NoError
}

func (p *cavro) travel(op proto.Operation) proto.ErrorCode {
	by := float64(op.N[0])
	if !p.fine {
		by *= eighths
	}
	goal := by
	switch op.Name {
	case 'P', 'p':
		goal = p.told + by
	case 'D', 'd':
		goal = p.told - by
	}
	switch {
	case !p.initialised:
		return proto.NotInitialised
	case p.fault != proto.NoError:
		return p.fault
	case goal < 0 || goal > p.full:
		return proto.InvalidOperand
	case p.valve == proto.Bypass || p.ordered(proto.MoveNotAllowed):
		return proto.MoveNotAllowed
	}
	p.goal, p.moves = goal, true
	p.busy = op.Name < 'a'
	return proto.NoError
}

// ordered takes an order for that error.
func (p *cavro) ordered(code proto.ErrorCode) bool {
	if p.next != code {
		return false
	}
	p.next = proto.NoError
	return true
}

func (p *cavro) set(op proto.Operation) proto.ErrorCode {
	in := func(field *int, low, high int) proto.ErrorCode {
		if op.N[0] < low || op.N[0] > high {
			return proto.InvalidOperand
		}
		*field = op.N[0]
		return proto.NoError
	}
	switch op.Name {
	case 'S':
		pulses, ok := proto.SpeedOfCode(op.N[0])
		if !ok {
			return proto.InvalidOperand
		}
		p.top = pulses
		p.start, p.cutoff = min(p.start, pulses), min(p.cutoff, pulses)
	case 'V':
		return in(&p.top, proto.MinTop, proto.MaxTop)
	case 'v':
		return in(&p.start, proto.MinStart, proto.MaxStart)
	case 'c':
		return in(&p.cutoff, proto.MinCutoff, proto.MaxCutoff)
	case 'L':
		return in(&p.slope, proto.MinSlope, proto.MaxSlope)
	case 'K':
		return in(&p.backlash, 0, 31)
	case 'k':
		return in(&p.gap, 0, 50)
	case 'N':
		if op.N[0] > 1 {
			return proto.InvalidOperand
		}
		p.fine = op.N[0] == 1
	case 'U':
		if op.N[0] == 30 || op.N[0] == 31 {
			p.autoRun = op.N[0] == 30
		}
	default: // R, X, T or a report in the middle of a string
		return proto.InvalidSequence
	}
	return proto.NoError
}

// step moves for one stepTime of the world.
func (p *cavro) step(now time.Time) {
	if p.pause > 0 {
		if p.pause -= stepTime; p.pause <= 1e-9 {
			p.pause = 0
			p.advance()
		}
		return
	}
	if !p.moves {
		return
	}
	speed := p.top
	if p.homing {
		speed = homingSpeed
	}
	p.shift(float64(speed) * p.full / proto.PulsesPerStroke * stepTime)
	if p.failAt > 0 && p.pushed >= p.failAt {
		p.powerCycle(now)
		return
	}
	switch {
	case math.Abs(p.told-p.at) > eighths*lostAtTop, p.halfway() && p.ordered(proto.PlungerOverload):
		p.fail(proto.PlungerOverload)
	case p.told == p.goal:
		p.arrive()
	}
}

// halfway is where an ordered overload happens.
func (p *cavro) halfway() bool { return math.Abs(p.told-p.goal) < p.full/8 }

// shift moves the plunger towards its goal by at most that many fine increments. Against a closed tube it falls behind.
func (p *cavro) shift(by float64) {
	by = min(by, math.Abs(p.goal-p.told))
	real := by
	if p.world.occluded && p.valve == proto.Output {
		real *= squeeze
	}
	perIncrement := p.volume / p.full
	switch {
	case p.goal > p.told && p.valve == proto.Input:
		p.world.fill(&p.barrel, real*perIncrement)
	case p.goal > p.told:
		p.barrel.air += real * perIncrement // through the nozzle
	case p.valve == proto.Input:
		p.world.giveBack(&p.barrel, real*perIncrement)
	default:
		p.pushed += real * perIncrement
		p.world.expel(&p.barrel, real*perIncrement)
	}
	if p.goal < p.told {
		by, real = -by, -real
	}
	p.told += by
	p.at += real
	if math.Abs(p.goal-p.told) < 1e-6 {
		p.told = p.goal
		if math.Abs(p.at-p.goal) < 1e-3 {
			p.at = p.goal
		}
	}
}

// arrive ends a motion.
func (p *cavro) arrive() {
	p.moves = false
	if p.at == 0 && p.valve == proto.Output && !p.world.occluded {
		p.world.toNozzle(drain(&p.barrel.liquid, p.barrel.liquid)) // nothing stays in an empty syringe
		p.barrel.air = 0
	}
	if p.homing {
		p.homing, p.initialised = false, true
		p.at = 0
		p.valve = proto.Input
	}
	p.advance()
}

func (*cavro) watch(time.Time) {}

func (p *cavro) failAfter(v float64) { p.failAt = p.pushed + v }

func (p *cavro) failWith(code int) error {
	switch c := proto.ErrorCode(code); c {
	case proto.NotInitialised:
		p.fail(c)
	case proto.Initialisation, proto.PlungerOverload, proto.ValveOverload, proto.MoveNotAllowed:
		p.next = c
	default:
		return fmt.Errorf("bench: no error %d can be ordered of this pump; there are 1, 7, 9, 10 and 11", code)
	}
	return nil
}

func (p *cavro) powerCycle(now time.Time) {
	p.reset()
	p.failAt = 0
	p.deafUntil = now.Add(cavroBoot)
}

func (p *cavro) report() PumpState {
	s := PumpState{State: "S", Alarm: p.fault.String(), Runs: p.strokes, CountedML: p.pushed / 1000}
	switch {
	case p.moving() && p.valve == proto.Input:
		s.State = "W"
	case p.moving():
		s.State = "I"
	}
	return s
}
