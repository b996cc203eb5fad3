package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/reglo"
)

const (
	channels     = 4
	backStep     = 0.5         // µL that one step back draws in
	progressTime = time.Second // between two events of a running channel
	maxRegloDose = nano(999_900_000)
	maxSpeed     = 10_000 // hundredths of a revolution per minute
)

// nano is a volume in nanolitres, or a flow in nanolitres per minute: these pumps are told thousandths of a microlitre.
type nano int64

func (n nano) microlitres() float64 { return float64(n) / 1000 }

// regloChannel is one channel. All of it but the motion is kept without power.
type regloChannel struct {
	mode      proto.Mode
	direction proto.Command
	volume    nano // of a dose
	flow      nano
	speed     int64
	time      time.Duration
	tube      int64 // hundredths of a millimetre
	backSteps int64
	cycles    int64
	factor    float64 // of what a turn really holds, as it was calibrated

	calTarget nano
	calTime   time.Duration

	running, calibrating, toMeasure bool
	moved                           float64 // µL of this motion
	stallTime                       float64
	total                           float64 // µL since the last reset
	obstacle                        proto.Obstacle
	saidAt                          time.Time
}

// regloICC is an Ismatec Reglo ICC. What it counts and whether it sends events is gone with its power. Its first channel
// leads to the nozzle, the others elsewhere.
type regloICC struct {
	port     *port
	world    *world
	identity string
	finest   nano // volumes are rounded to multiples of this
	maxFlow  nano

	byChannel bool
	ch        [channels]regloChannel
	events    bool

	frames    proto.RequestFramer
	bootUntil time.Time
	failAt    float64
	counted   float64 // µL of the first channel since it was made
	runs      int
}

func newReglo(_ Config, d DeviceConfig, _ int, p *port, w *world) pumpMachine {
	r := &regloICC{
		port: p, world: w, identity: d.or("identity", "REGLO ICC 0208 306"), finest: 1000, maxFlow: 43_000_000,
		byChannel: true,
	}
	if n, err := strconv.Atoi(d.or("resolution_ul", "1")); err == nil && n > 0 {
		r.finest = nano(n) * 1000
	}
	for i := range r.ch {
		r.ch[i] = regloChannel{
			mode: proto.AtSpeed, direction: proto.Clockwise, volume: 1_000_000, flow: 1_000_000,
			speed: 1230, tube: 317, factor: 1, calTarget: 5_000_000, calTime: 15 * time.Second,
		}
	}
	return r
}

func (r *regloICC) moving() bool { return r.ch[0].running }

func (r *regloICC) hear(now time.Time, b []byte) {
	if now.Before(r.bootUntil) {
		return
	}
	for {
		line, rest, ok := r.frames.Next(b)
		if !ok {
			return
		}
		b = rest
		if req, err := proto.DecodeRequest(line); err == nil {
			r.obey(string(line), req)
		}
	}
}

// obey executes one request and answers it: with the status it gives, or with a line.
func (r *regloICC) obey(cause string, req proto.Request) {
	if req.Address > channels || !r.port.hears(cause) {
		return
	}
	status, line := r.execute(req)
	if line != "" {
		r.port.say(cause, proto.AppendLine(nil, line))
		return
	}
	r.port.say(cause, proto.AppendStatus(nil, status))
}

func (r *regloICC) execute(req proto.Request) (status proto.Kind, line string) {
	switch req.Command {
	case proto.SetAddress:
		return proto.Done, ""
	case proto.Channels:
		return onOffOf(&r.byChannel, req.Data)
	case proto.Events:
		return onOffOf(&r.events, req.Data)
	case proto.Protocol:
		return 0, "2"
	case proto.Identity:
		return 0, r.identity
	case proto.Software:
		return 0, "0208"
	case proto.Running:
		if slices.ContainsFunc(r.ch[:], func(c regloChannel) bool { return c.running }) {
			return proto.Yes, ""
		}
		return proto.No, ""
	}
	if req.Address == 0 {
		return proto.Failed, ""
	}
	return r.channel(req.Address-1, req)
}

func onOffOf(value *bool, arg string) (proto.Kind, string) {
	switch arg {
	case "":
		if *value {
			return 0, "1"
		}
		return 0, "0"
	case "0", "1":
		*value = arg == "1"
		return proto.Done, ""
	}
	return proto.Failed, ""
}

// channel executes what is for one channel.
func (r *regloICC) channel(i int, req proto.Request) (proto.Kind, string) {
	c := &r.ch[i]
	switch req.Command {
	case proto.Start:
		if i == 0 {
			r.runs++
		}
		return c.start(r.maxFlow), ""
	case proto.Stop, proto.Pause:
		c.running, c.calibrating = false, false
		return proto.Done, ""
	case proto.CannotRun:
		return 0, c.why()
	case proto.Total:
		return 0, proto.FormatTotal(floor(c.total))
	case proto.TotalML:
		return 0, fmt.Sprintf("%010d", floor(c.total)/measure.Millilitre)
	case proto.ResetTotal:
		c.total = 0
		return proto.Done, ""
	case proto.MaxFlow, proto.MaxFlowNow:
		return 0, proto.FormatTotal(measure.Volume(r.maxFlow/1000)) + "/min"
	case proto.ModeSet:
		return 0, string(c.mode)
	case proto.DirectionOf:
		return 0, string(c.direction)
	}
	if c.running && req.Data != "" {
		return proto.Failed, ""
	}
	return r.setting(c, req)
}

// setting asks for a setting or changes it. A volume or a flow is answered with what was stored.
func (r *regloICC) setting(c *regloChannel, req proto.Request) (proto.Kind, string) {
	switch req.Command {
	case proto.Clockwise, proto.Counter:
		c.direction = req.Command
		return proto.Done, ""
	case proto.Volume:
		return number(&c.volume, req.Data, r.finest, maxRegloDose)
	case proto.Flow:
		return number(&c.flow, req.Data, 1, r.maxFlow)
	case proto.CalTarget:
		return number(&c.calTarget, req.Data, r.finest, maxRegloDose)
	case proto.Speed:
		return discrete(&c.speed, req.Data, 6, maxSpeed, proto.FormatHundredths(c.speed))
	case proto.Tube:
		return discrete(&c.tube, req.Data, 4, 317, proto.FormatHundredths(c.tube)+" mm")
	case proto.BackSteps:
		return discrete(&c.backSteps, req.Data, 4, 100, strconv.FormatInt(c.backSteps, 10))
	case proto.Cycles:
		return discrete(&c.cycles, req.Data, 4, 9999, strconv.FormatInt(c.cycles, 10))
	case proto.Time:
		return duration(&c.time, req.Data)
	case proto.CalTime:
		return duration(&c.calTime, req.Data)
	case proto.CalDirection:
		return proto.Done, ""
	case proto.CalStart:
		return c.startCalibration(), ""
	case proto.CalMeasured:
		return c.measured(req.Data)
	case proto.CalCancel:
		c.running, c.calibrating, c.toMeasure = false, false, false
		return proto.Done, ""
	}
	if strings.Contains("LMOGQNP", string(req.Command)) && req.Data == "" && !c.running {
		c.mode = proto.Mode(req.Command)
		return proto.Done, ""
	}
	return proto.Failed, ""
}

// number stores n rounded to a multiple of unit and to four digits, at most limit.
func number(value *nano, arg string, unit, limit nano) (proto.Kind, string) {
	if arg != "" {
		n, err := proto.ParseRequest(arg)
		if err != nil {
			return proto.Failed, ""
		}
		n.Exponent += 3
		v, err := n.Whole()
		if err != nil {
			return proto.Failed, ""
		}
		*value = min((nano(v)+unit/2)/unit*unit, limit)
	}
	return 0, value.number().Answer()
}

// number is n as the pump writes it, cut to four digits.
func (n nano) number() proto.Number {
	for cut := nano(1); ; cut *= 10 {
		out, err := proto.MakeNumber(int64(n / cut * cut))
		if err == nil {
			if out.Mantissa > 0 {
				out.Exponent -= 3
			}
			return out
		}
	}
}

func discrete(value *int64, arg string, width int, limit int64, shown string) (proto.Kind, string) {
	if arg == "" {
		return 0, shown
	}
	n, err := proto.ParseDiscrete(arg, width)
	if err != nil || n > limit {
		return proto.Failed, ""
	}
	*value = n
	return proto.Done, ""
}

func duration(value *time.Duration, arg string) (proto.Kind, string) {
	if arg == "" {
		text, err := proto.FormatTime(*value)
		if err != nil {
			return proto.Failed, ""
		}
		return 0, text
	}
	d, err := proto.ParseTime(arg)
	if err != nil {
		return proto.Failed, ""
	}
	*value = d
	return proto.Done, ""
}

func (c *regloChannel) start(maxFlow nano) proto.Kind {
	limit := func(cause byte, most nano) proto.Kind {
		c.obstacle = proto.Obstacle{Cause: cause, Limit: most.number()}
		return proto.No
	}
	switch {
	case c.running:
		return proto.Failed
	case c.flow <= 0 || c.flow > maxFlow:
		return limit(proto.TooFast, maxFlow)
	case c.dosed() && c.volume <= 0:
		return limit(proto.TooMuch, maxRegloDose)
	}
	c.running, c.moved, c.stallTime = true, 0, 0
	return proto.Done
}

// dosed reports whether the mode ends at a volume.
func (c *regloChannel) dosed() bool {
	return c.mode == proto.VolumeAtRate || c.mode == proto.VolumeInTime
}

func (c *regloChannel) why() string {
	switch c.obstacle.Cause {
	case proto.TooFast, proto.TooMuch:
		return string(rune(c.obstacle.Cause)) + " " + c.obstacle.Limit.Answer()
	}
	return "C 0000E+0"
}

func (c *regloChannel) startCalibration() proto.Kind {
	if c.running || c.calTime <= 0 {
		return proto.No
	}
	c.running, c.calibrating, c.toMeasure, c.moved, c.stallTime = true, true, false, 0, 0
	return proto.Done
}

// measured works the calibration out from what was weighed.
func (c *regloChannel) measured(arg string) (proto.Kind, string) {
	var v nano
	kind, line := number(&v, arg, 1, maxRegloDose)
	f := c.factor * float64(v) / float64(c.calTarget)
	if !c.toMeasure || kind == proto.Failed || f < 1-factorSpread || f > 1+factorSpread {
		return proto.Failed, ""
	}
	c.factor, c.toMeasure = f, false
	return 0, line
}

// perSecond is the flow in µL/s.
func (c *regloChannel) perSecond() float64 {
	switch {
	case c.calibrating:
		return c.calTarget.microlitres() / c.calTime.Seconds()
	case c.mode == proto.VolumeInTime && c.time > 0:
		return c.volume.microlitres() / c.time.Seconds()
	}
	return c.flow.microlitres() / 60
}

// step pushes for one stepTime of the world.
func (r *regloICC) step(now time.Time) {
	for i := range r.ch {
		if r.ch[i].running {
			r.turn(now, i)
		}
	}
}

func (r *regloICC) turn(now time.Time, i int) {
	c := &r.ch[i]
	v, target := c.perSecond()*stepTime, 0.0
	switch {
	case c.calibrating:
		target = c.calTarget.microlitres()
	case c.dosed():
		target = c.volume.microlitres()
	}
	if target > 0 {
		v = min(v, target-c.moved)
	}
	c.moved += v
	c.total += v
	if i == 0 && r.push(now, c, v) {
		return
	}
	switch {
	case target == 0 || c.moved < target-1e-9:
		r.tell(now, i)
	case c.calibrating:
		c.running, c.calibrating, c.toMeasure = false, false, true
		r.ended(i, proto.CalibrationPumped)
	default:
		c.running = false
		if i == 0 {
			r.world.drawBack(float64(c.backSteps) * backStep)
		}
		r.ended(i, proto.Complete)
	}
}

// push moves liquid to the nozzle and reports whether the pump stopped over it.
func (r *regloICC) push(now time.Time, c *regloChannel, v float64) bool {
	r.counted += v
	r.world.push(v / c.factor)
	if r.failAt > 0 && r.counted >= r.failAt {
		r.powerCycle(now)
		return true
	}
	if !r.world.occluded {
		return false
	}
	if c.stallTime += stepTime; c.stallTime <= stallAfter {
		return false
	}
	c.running, c.calibrating = false, false
	r.ended(0, proto.OverCurrent)
	return true
}

// ended tells that a channel stopped by itself.
func (r *regloICC) ended(i int, cause byte) {
	r.say(proto.Happening{Kind: proto.Ended, Channel: i + 1, Cause: cause})
}

// tell sends how far a running channel is. The volume is what was pumped; the manual says both that and the opposite.
func (r *regloICC) tell(now time.Time, i int) {
	c := &r.ch[i]
	if now.Sub(c.saidAt) < progressTime {
		return
	}
	c.saidAt = now
	r.say(proto.Happening{
		Kind: proto.Progress, Channel: i + 1, State: proto.Pumping,
		TimeLeft: "0000000000", Volume: fmt.Sprintf("%010d", floor(c.moved)), CyclesLeft: fmt.Sprintf("%04d", c.cycles),
	})
}

func (r *regloICC) say(h proto.Happening) {
	if r.events {
		r.port.say("event", proto.AppendLine(nil, h.Text()))
	}
}

// watch ends the start.
func (r *regloICC) watch(now time.Time) {
	if !r.bootUntil.IsZero() && !now.Before(r.bootUntil) {
		r.bootUntil = time.Time{}
	}
}

func (r *regloICC) failAfter(v float64) { r.failAt = r.counted + v }

func (r *regloICC) powerCycle(now time.Time) {
	for i := range r.ch {
		c := &r.ch[i]
		c.running, c.calibrating, c.toMeasure, c.moved, c.total = false, false, false, 0, 0
	}
	r.events, r.failAt = false, 0
	r.frames.Reset()
	r.bootUntil = now.Add(pumpBoot)
}

func (r *regloICC) report() PumpState {
	state := "S"
	if r.ch[0].running {
		state = "I"
	}
	return PumpState{State: state, Runs: r.runs, CountedML: r.ch[0].total / 1000}
}
