package sim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/knf"
)

// simdosLimits are what a model can do.
type simdosLimits struct {
	version          string // what ?SV answers
	minRate, maxRate measure.Flow
	minDose, maxDose measure.Volume
}

func limitsOf(model string) simdosLimits {
	if model == "02" {
		return simdosLimits{"FEM021.070", 30, 20 * measure.MillilitrePerMinute, 30, 999_999}
	}
	return simdosLimits{"FEM101.070", measure.MillilitrePerMinute, 100 * measure.MillilitrePerMinute, measure.Millilitre, 999_999}
}

const (
	shortestDose = time.Second // that can be set
	primeTime    = 1.0         // s of the motor for one prime
	primeRate    = 60_000.0    // µL/min
	factorSpread = 0.2         // of the calibration factor around 1
)

// simdos is a KNF SIMDOS pump. It keeps its settings without power, and forgets the volume of the last dose.
type simdos struct {
	limits simdosLimits
	port   *port
	world  *world

	// kept without power
	address   int
	mode      proto.Mode
	rate      measure.Flow
	volume    measure.Volume
	time      time.Duration
	autoStart bool
	mute      bool
	factor    float64 // of what a stroke really holds, as it was calibrated

	// gone with power
	running, dosing bool // motor; a dose that was started
	priming         float64
	userStop        bool
	fault           proto.Status
	counted         float64 // µL since the start
	stallTime       float64
	frames          proto.RequestFramer
	bootUntil       time.Time

	failAt float64
	total  float64 // µL counted since it was made
	runs   int
}

func newSimdos(_ Config, d DeviceConfig, _ int, p *port, w *world) pumpMachine {
	limits := limitsOf(d.or("size", "10"))
	limits.version = d.or("version", limits.version)
	s := &simdos{
		limits: limits, port: p, world: w, factor: 1,
		rate: limits.maxRate / 2, volume: limits.minDose, time: shortestDose,
		autoStart: d.or("auto_start", "0") == "1",
		mute:      d.or("mute", "0") == "1",
	}
	if n, err := strconv.Atoi(d.or("address", "0")); err == nil && n >= 0 && n <= proto.MaxAddress {
		s.address = n
	}
	return s
}

func (s *simdos) moving() bool { return s.running }

func (s *simdos) hear(now time.Time, b []byte) {
	if now.Before(s.bootUntil) {
		return
	}
	for {
		r, rest, ok := s.frames.Next(b)
		if !ok {
			return
		}
		b = rest
		s.obey(r)
	}
}

// obey executes one request and answers it, unless it was for all pumps or for another.
func (s *simdos) obey(r proto.Request) {
	if r.Address != s.address && r.Address != proto.Broadcast {
		return
	}
	cause := string(r.Command)
	if !s.port.hears(cause) {
		return
	}
	quiet := s.mute || r.Address == proto.Broadcast
	text, data, ok := s.execute(r.Command)
	switch {
	case quiet || s.mute:
	case !ok:
		s.port.say(cause, proto.AppendNak(nil))
	case data:
		s.port.say(cause, proto.AppendReply(nil, text))
	default:
		s.port.say(cause, proto.AppendAck(nil))
	}
}

func (s *simdos) execute(c proto.Command) (text string, data, ok bool) {
	if len(c) > 0 && c[0] == '?' {
		text, ok = s.answer(c)
		return text, true, ok
	}
	switch c {
	case proto.Stop:
		s.halt()
		s.fault = 0
		return "", false, true
	case proto.Pause:
		s.running = false
		return "", false, true
	case proto.Start:
		s.runs++
		return "", false, s.start()
	case proto.Prime:
		return "", false, s.prime()
	case "IP":
		s.mode, s.autoStart, s.factor = proto.Running, false, 1
		return "", false, true
	}
	if len(c) < 3 {
		return "", false, false
	}
	return "", false, s.set(string(c[:2]), string(c[2:]))
}

func (s *simdos) answer(c proto.Command) (string, bool) {
	switch c {
	case proto.OwnAddress:
		return fmt.Sprintf("%02d", s.address), true
	case proto.Version:
		return s.limits.version, true
	case proto.ModeSet:
		return strconv.Itoa(int(s.mode)), true
	case proto.RateSet:
		return fmt.Sprintf("%08d", s.rate), true
	case proto.VolumeSet:
		return fmt.Sprintf("%08d", s.volume), true
	case proto.TimeSet:
		set, err := proto.SetTime(s.time)
		return string(set[2:]), err == nil
	case proto.AutoStart:
		return string(proto.SetAutoStart(s.autoStart)[2:]), true
	case proto.Dispensed:
		return fmt.Sprintf("%09d", floor(s.counted)), true
	}
	if status, ok := s.status(c); ok {
		return status.Text(), true
	}
	return "", false
}

func (s *simdos) status(c proto.Command) (proto.Status, bool) {
	bits := func(all ...bit) (out proto.Status) {
		for _, b := range all {
			if b.on {
				out |= b.status
			}
		}
		return out
	}
	switch c {
	case proto.Motor:
		return bits(bit{s.running, proto.MotorTurns}, bit{s.fault != 0, proto.PumpFault}), true
	case proto.System:
		return proto.Adjusted, true
	case proto.RunState:
		return bits(bit{s.running && s.mode == proto.Running, proto.RunStarted}), true
	case proto.DoseState:
		return bits(bit{s.dosing, proto.DoseStarted}, bit{!s.userStop, proto.NoUserStop}), true
	case proto.FaultState:
		return s.fault, true
	}
	return 0, false
}

type bit struct {
	on     bool
	status proto.Status
}

// set takes a setting, while the pump stands still.
func (s *simdos) set(name, arg string) bool {
	if s.running {
		return false
	}
	switch name {
	case "MS":
		m, err := proto.ParseMode(arg)
		return take(&s.mode, m, err == nil)
	case "RV":
		f, err := proto.ParseRate(arg)
		return take(&s.rate, f, err == nil && f >= s.limits.minRate && f <= s.limits.maxRate)
	case "DV":
		v, err := proto.ParseVolume(arg)
		return take(&s.volume, v, err == nil && v >= s.limits.minDose && v <= s.limits.maxDose)
	case "DT":
		d, err := proto.ParseTime(arg)
		return take(&s.time, d, err == nil && d >= shortestDose)
	case "SA":
		on, err := proto.ParseSwitch(arg)
		return take(&s.autoStart, on, err == nil)
	case "SP":
		on, err := proto.ParseSwitch(arg)
		return take(&s.mute, !on, err == nil)
	case "AD":
		n, err := proto.ParseAddress(arg)
		return take(&s.address, n, err == nil && n <= proto.MaxAddress)
	case "CF":
		v, err := proto.ParseVolume(arg)
		return err == nil && s.calibrate(v)
	}
	return false
}

func take[T any](into *T, v T, ok bool) bool {
	if ok {
		*into = v
	}
	return ok
}

// calibrate works the factor out from what the last dose was measured to be.
func (s *simdos) calibrate(measured measure.Volume) bool {
	if s.counted <= 0 {
		return false
	}
	f := s.factor * float64(measured) / s.counted
	return take(&s.factor, f, f >= 1-factorSpread && f <= 1+factorSpread)
}

// flow is the rate in µL/min that the mode asks for.
func (s *simdos) flow() float64 {
	if s.mode == proto.DoseInTime {
		return float64(s.volume) / s.time.Minutes()
	}
	return float64(s.rate)
}

func (s *simdos) start() bool {
	f := s.flow()
	if s.running || s.fault != 0 || f < float64(s.limits.minRate) || f > float64(s.limits.maxRate) {
		return false
	}
	s.running, s.dosing = true, s.mode != proto.Running
	s.counted, s.stallTime, s.userStop = 0, 0, false
	return true
}

func (s *simdos) prime() bool {
	if s.running || s.fault != 0 {
		return false
	}
	s.running, s.priming, s.stallTime = true, primeTime, 0
	return true
}

func (s *simdos) halt() { s.running, s.dosing, s.priming = false, false, 0 }

// step pushes for one stepTime of the world.
func (s *simdos) step(now time.Time) {
	if !s.running {
		return
	}
	if s.priming > 0 {
		s.push(primeRate / 60 * stepTime)
		if s.priming -= stepTime; s.priming <= 0 || s.fault != 0 {
			s.halt()
		}
		return
	}
	v := s.flow() / 60 * stepTime
	if s.dosing {
		v = min(v, float64(s.volume)-s.counted)
	}
	s.counted += v
	s.push(v)
	switch {
	case s.failAt > 0 && s.total >= s.failAt:
		s.powerCycle(now)
	case s.fault != 0:
		s.halt()
	case s.dosing && s.counted >= float64(s.volume)-1e-9:
		s.halt()
	}
}

func (s *simdos) push(v float64) {
	s.total += v
	s.world.push(v / s.factor)
	if !s.world.occluded {
		return
	}
	if s.stallTime += stepTime; s.stallTime > stallAfter {
		s.fault |= proto.Overpressure
	}
}

// watch ends the start, after which a pump that is set so starts by itself.
func (s *simdos) watch(now time.Time) {
	if s.bootUntil.IsZero() || now.Before(s.bootUntil) {
		return
	}
	s.bootUntil = time.Time{}
	if s.autoStart {
		s.start()
	}
}

func (s *simdos) failAfter(v float64) { s.failAt = s.total + v }

func (s *simdos) powerCycle(now time.Time) {
	s.halt()
	s.userStop, s.fault, s.counted, s.failAt = false, 0, 0, 0
	s.frames.Reset()
	s.bootUntil = now.Add(pumpBoot)
}

func (s *simdos) report() PumpState {
	state := "S"
	if s.running {
		state = "I"
	}
	return PumpState{State: state, Alarm: s.fault.Faults(), Runs: s.runs, CountedML: s.counted / 1000}
}
