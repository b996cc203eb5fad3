package sim

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

// PumpConfig is how the simulated New Era pumps are made.
type PumpConfig struct {
	Version string // what VER answers; "" is NE1000V3.928
	Address int
}

func (c *PumpConfig) complete() {
	if c.Version == "" {
		c.Version = "NE1000V3.928"
	}
}

const (
	packetGap = 500 * time.Millisecond // of silence in a packet, after which it is dropped
	pumpBoot  = time.Second
)

// newEra is a New Era pump. It keeps its settings without power, as the real one does.
type newEra struct {
	cfg   PumpConfig
	port  *port
	world *world

	// kept without power
	safe      int // seconds of the dead-man time; 0 is basic mode
	powerFail string
	phase     string
	diameter  string
	volume    string
	unit      string
	rate      string
	direction string

	// gone with power
	state      proto.State
	alarm      proto.Alarm
	infused    float64 // µL
	withdrawn  float64
	phaseMoved float64
	stallTime  float64
	frames     proto.SafeFramer
	line       []byte
	lastByte   time.Time
	lastPacket time.Time // zero: the dead-man time does not run
	deafUntil  time.Time

	failAt float64 // infused µL at which the power fails; 0 never
	runs   int     // RUN commands received, executed or not
}

func newNewEra(cfg Config, d DeviceConfig, _ int, p *port, w *world) pumpMachine {
	c := cfg.Pump
	c.Version = d.or("version", c.Version)
	return &newEra{
		cfg: c, port: p, world: w,
		powerFail: "0", phase: "1", diameter: "26.59", volume: "0.000", unit: "ML", rate: "1.000MM", direction: "INF",
		state: proto.Stopped, alarm: proto.WasReset, // it was switched on
	}
}

func (p *newEra) moving() bool { return p.state == proto.Infusing || p.state == proto.Withdrawing }

// hear takes bytes from the host: safe packets, and in basic mode lines ended by CR too.
func (p *newEra) hear(now time.Time, b []byte) {
	if now.Before(p.deafUntil) {
		return
	}
	if now.Sub(p.lastByte) > packetGap {
		p.frames.Reset()
		p.line = p.line[:0]
	}
	p.lastByte = now
	if p.safe > 0 {
		p.hearPackets(now, b)
		return
	}
	for i, c := range b {
		if !p.frames.Idle() || c == 0x02 {
			p.hearPackets(now, b[i:i+1])
			continue
		}
		if c != '\r' {
			p.line = append(p.line, c)
			continue
		}
		line := string(p.line)
		p.line = p.line[:0]
		p.obey(now, line, false)
	}
}

func (p *newEra) hearPackets(now time.Time, b []byte) {
	for {
		payload, rest, ok := p.frames.Next(b)
		if !ok {
			return
		}
		b = rest
		p.obey(now, string(payload), true)
	}
}

// obey executes one command and answers it in the mode that is then in force.
func (p *newEra) obey(now time.Time, text string, packet bool) {
	command := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	name := strings.TrimLeft(command, "0123456789")
	if address := command[:len(command)-len(name)]; address != "" {
		if n, err := strconv.Atoi(address); err != nil || n != p.cfg.Address {
			return
		}
	}
	if p.safe == 0 && packet && !strings.HasPrefix(name, "SAF") {
		return // basic mode knows one packet only
	}
	if !p.port.hears(command) {
		return
	}
	if name == string(proto.Run) {
		p.runs++
	}
	if p.safe > 0 {
		p.lastPacket = now
	}
	r := proto.Reply{Address: p.cfg.Address}
	if p.alarm != proto.NoAlarm {
		r.State, r.Alarm = proto.Alarmed, p.alarm
		p.alarm = proto.NoAlarm
	} else {
		r.Data, r.Err = p.execute(now, name)
		r.State = p.state
	}
	p.say(command, r)
}

func (p *newEra) say(cause string, r proto.Reply) {
	if p.safe > 0 {
		p.port.say(cause, proto.AppendSafe(nil, r.Payload()))
		return
	}
	p.port.say(cause, proto.AppendBasic(nil, r.Payload()))
}

func (p *newEra) execute(now time.Time, name string) (data string, fault proto.DataError) {
	switch name {
	case "":
		return "", ""
	case "VER":
		return p.cfg.Version, ""
	case "DIS":
		return p.totals().String(), ""
	case "RUN":
		return "", p.run()
	case "STP":
		return "", p.halt()
	}
	if len(name) < 3 {
		if strings.HasPrefix(name, "PF") {
			return p.setting(&p.powerFail, name[2:], isSwitch)
		}
		return "", proto.Unrecognised
	}
	switch arg := name[3:]; name[:3] {
	case "SAF":
		return p.setSafe(now, arg)
	case "DIA":
		return p.setDiameter(arg)
	case "VOL":
		return p.setVolume(arg)
	case "RAT":
		return p.setRate(arg)
	case "DIR":
		return p.setting(&p.direction, arg, func(s string) bool { return s == "INF" || s == "WDR" })
	case "PHN":
		return p.setting(&p.phase, arg, func(s string) bool { n, err := strconv.Atoi(s); return err == nil && n >= 1 && n <= 41 })
	case "CLD":
		return "", p.clear(arg)
	}
	if strings.HasPrefix(name, "PF") {
		return p.setting(&p.powerFail, name[2:], isSwitch)
	}
	return "", proto.Unrecognised
}

func isSwitch(s string) bool { return s == "0" || s == "1" }

// setting answers with the value, or takes a new one while the pump stands still.
func (p *newEra) setting(value *string, arg string, valid func(string) bool) (string, proto.DataError) {
	switch {
	case arg == "":
		return *value, ""
	case p.moving():
		return "", proto.NotApplicable
	case !valid(arg):
		return "", proto.OutOfRange
	}
	*value = arg
	return "", ""
}

func (p *newEra) setSafe(now time.Time, arg string) (string, proto.DataError) {
	if arg == "" {
		return strconv.Itoa(p.safe), ""
	}
	n, err := proto.ParseCount(arg)
	if err != nil || n > 255 {
		return "", proto.OutOfRange
	}
	p.safe = n
	p.lastPacket = time.Time{}
	if n > 0 {
		p.lastPacket = now
	}
	p.line = p.line[:0]
	return "", ""
}

func (p *newEra) setDiameter(arg string) (string, proto.DataError) {
	data, fault := p.setting(&p.diameter, arg, func(s string) bool {
		d, err := proto.ParseDiameter(s)
		return err == nil && d >= proto.MinDiameter && d <= proto.MaxDiameter
	})
	if arg == "" || fault != "" {
		return data, fault
	}
	p.infused, p.withdrawn = 0, 0
	p.unit = "ML"
	if d, err := proto.ParseDiameter(arg); err == nil && d <= 14_000 {
		p.unit = "UL"
	}
	return "", ""
}

func (p *newEra) setVolume(arg string) (string, proto.DataError) {
	switch {
	case arg == "":
		return p.volume + p.unit, ""
	case arg == "ML" || arg == "UL":
		return p.setting(&p.unit, arg, func(string) bool { return true })
	}
	return p.setting(&p.volume, arg, isNumber)
}

func isNumber(s string) bool { _, err := proto.ParseDiameter(s); return err == nil }

func (p *newEra) setRate(arg string) (string, proto.DataError) {
	if arg == "" {
		return p.rate, ""
	}
	unit := p.rate[len(p.rate)-2:]
	number := arg
	if n := len(arg) - 2; n > 0 && strings.Contains("MM MH UM UH", arg[n:]) {
		if p.moving() {
			return "", proto.NotApplicable
		}
		number, unit = arg[:n], arg[n:]
	}
	if !isNumber(number) {
		return "", proto.OutOfRange
	}
	p.rate = number + unit
	return "", ""
}

func (p *newEra) clear(arg string) proto.DataError {
	if p.moving() {
		return proto.NotApplicable
	}
	switch arg {
	case "INF":
		p.infused = 0
	case "WDR":
		p.withdrawn = 0
	default:
		return proto.Unrecognised
	}
	return ""
}

// run starts the phase, or goes on with a paused one.
func (p *newEra) run() proto.DataError {
	switch p.state {
	case proto.Stopped:
		p.phaseMoved = 0
	case proto.Paused:
	default:
		return proto.NotApplicable
	}
	p.stallTime = 0
	p.state = proto.Infusing
	if p.direction == "WDR" {
		p.state = proto.Withdrawing
	}
	return ""
}

// halt pauses a moving pump and stops a paused one.
func (p *newEra) halt() proto.DataError {
	switch {
	case p.moving():
		p.state = proto.Paused
	case p.state == proto.Paused:
		p.state = proto.Stopped
	default:
		return proto.NotApplicable
	}
	return ""
}

func (p *newEra) totals() proto.Totals {
	return proto.Totals{Infused: floor(p.infused), Withdrawn: floor(p.withdrawn)}
}

// floor cuts to whole microlitres, but not for a rounding error of the simulation.
func floor(v float64) measure.Volume { return measure.Volume(math.Floor(v + 1e-6)) }

// step pushes for one stepTime of the world.
func (p *newEra) step(now time.Time) {
	if !p.moving() {
		return
	}
	v := p.perSecond() * stepTime
	target := p.target()
	if target > 0 {
		v = min(v, target-p.phaseMoved)
	}
	p.phaseMoved += v
	if p.state == proto.Withdrawing {
		p.withdrawn += v
	} else {
		p.infused += v
		p.world.push(v)
	}
	switch {
	case p.failAt > 0 && p.infused >= p.failAt:
		p.powerCycle(now)
	case p.world.occluded && p.stall():
		p.raise(proto.Stalled)
	case target > 0 && p.phaseMoved >= target-1e-9:
		p.state = proto.Stopped
	}
}

func (p *newEra) stall() bool {
	p.stallTime += stepTime
	return p.stallTime > stallAfter
}

// perSecond is the rate in µL/s.
func (p *newEra) perSecond() float64 {
	n, err := strconv.ParseFloat(p.rate[:len(p.rate)-2], 64)
	if err != nil {
		return 0
	}
	if p.rate[len(p.rate)-2] == 'M' {
		n *= 1000
	}
	if p.rate[len(p.rate)-1] == 'H' {
		return n / 3600
	}
	return n / 60
}

// target is the volume of the phase in µL; 0 is without end.
func (p *newEra) target() float64 {
	n, err := strconv.ParseFloat(p.volume, 64)
	if err != nil {
		return 0
	}
	if p.unit == "ML" {
		n *= 1000
	}
	return n
}

// watch stops the pump when the dead-man time is over, and ends its start.
func (p *newEra) watch(now time.Time) {
	if !p.deafUntil.IsZero() && now.After(p.deafUntil) {
		p.deafUntil = time.Time{}
		p.raise(proto.WasReset)
	}
	if p.lastPacket.IsZero() || now.Sub(p.lastPacket) <= time.Duration(p.safe)*time.Second {
		return
	}
	p.lastPacket = time.Time{}
	p.raise(proto.HostSilent)
}

// raise stops the pump and, in safe mode, says so unasked.
func (p *newEra) raise(a proto.Alarm) {
	p.state = proto.Stopped
	p.alarm = a
	if p.safe > 0 {
		p.say("alarm", proto.Reply{Address: p.cfg.Address, State: proto.Alarmed, Alarm: a})
	}
}

// greet says in safe mode that there was a restart; in basic mode a pump is silent until it is asked.
func (p *newEra) greet(time.Time) {
	if p.safe > 0 {
		p.say("alarm", proto.Reply{Address: p.cfg.Address, State: proto.Alarmed, Alarm: proto.WasReset})
	}
}

func (p *newEra) failAfter(v float64) { p.failAt = p.infused + v }

func (p *newEra) powerCycle(now time.Time) {
	p.state, p.alarm = proto.Stopped, proto.WasReset
	p.infused, p.withdrawn, p.phaseMoved, p.failAt = 0, 0, 0, 0
	p.frames.Reset()
	p.line = p.line[:0]
	p.lastPacket = time.Time{}
	p.deafUntil = now.Add(pumpBoot)
}

func (p *newEra) report() PumpState {
	s := PumpState{State: string(rune(p.state)), Runs: p.runs, CountedML: p.infused / 1000, DeadManS: p.safe}
	if p.alarm != proto.NoAlarm {
		s.Alarm = string(rune(p.alarm))
	}
	return s
}
