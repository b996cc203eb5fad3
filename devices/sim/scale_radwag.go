package sim

import (
	"time"

	proto "github.com/lieu-clinic/lieu/pkg/protocol/radwag"
)

// radwag is a Radwag balance. Its options:
//
//	narrow=yes  leaves one blank before the mark of a mass out, as some terminals do
type radwag struct {
	scaleBody
	ear
	width int

	pending waiting
	since   time.Time // of the pending command
	stream  streaming
}

const (
	radwagPatience    = 10 * time.Second
	radwagWork        = 300 * time.Millisecond // between A and D at least
	radwagStreamEvery = 100 * time.Millisecond
	radwagType        = "SIM"
	radwagVersion     = "1.1.1"
)

func newRadwag(_ Config, d DeviceConfig, i int, p *port, w *world) scaleMachine {
	s := &radwag{scaleBody: newBody(d, i, p, w), width: proto.MassWidth, stream: streaming{every: radwagStreamEvery}}
	if d.or("narrow", "no") == "yes" {
		s.width--
	}
	return s
}

func (s *radwag) hear(now time.Time, b []byte) {
	if s.deaf(now) {
		return
	}
	s.ear.hear(b, func(line string) {
		if line != "" && s.port.hears(line) {
			s.obey(now, proto.Command(line))
		}
	})
}

func (s *radwag) obey(now time.Time, c proto.Command) {
	switch c {
	case proto.NowBasic, proto.NowCurrent:
		s.say(c, s.mass(c))
	case proto.StableBasic, proto.StableCurrent, proto.Zero, proto.SetTare:
		s.wait(now, c)
	case proto.StreamOn, proto.StreamCurrent:
		s.end(c, proto.Accepted)
		s.stream.start(now)
	case proto.StreamOff, proto.StreamCurrent0:
		s.stream.stop()
		s.end(c, proto.Accepted)
	case proto.ReadTare:
		s.say(c, proto.Message{Kind: proto.Tare, Command: c, Weight: printed(s.tare), Stable: true, Width: 16})
	default:
		s.inform(c)
	}
}

func (s *radwag) inform(c proto.Command) {
	text := map[proto.Command]string{
		proto.SerialNumber: s.serial, proto.Type: radwagType, proto.Version: radwagVersion, proto.Capacity: "520 g",
		proto.ListCommands: "Z,T,S,SI,SU,SUI,C1,C0,CU1,CU0,OT,NB,BN,FS,RV,PC",
	}[c]
	if text == "" {
		s.say(c, proto.Message{Kind: proto.Unknown})
		return
	}
	s.say(c, proto.Message{Kind: proto.Info, Command: c, Text: text})
}

// wait accepts c; its result follows. A second command that waits is not possible now.
func (s *radwag) wait(now time.Time, c proto.Command) {
	if s.pending.command != "" {
		s.end(c, proto.Busy)
		return
	}
	s.end(c, proto.Accepted)
	s.pending.begin(string(c), now.Add(radwagPatience))
	s.since = now
}

func (s *radwag) watch(now time.Time) {
	if s.deaf(now) {
		return
	}
	c := proto.Command(s.pending.command)
	switch {
	case c == "" || now.Sub(s.since) < radwagWork:
	case s.pending.over(now):
		s.pending = waiting{}
		s.end(c, proto.TimeOut)
	case s.settled():
		s.pending = waiting{}
		s.act(c)
	}
	if s.stream.due(now) {
		s.say(proto.StreamOn, s.mass(proto.NowBasic))
	}
}

func (s *radwag) act(c proto.Command) {
	side := 0
	switch c {
	case proto.Zero:
		side = s.setZero()
	case proto.SetTare:
		side = s.setTare()
	default:
		s.say(c, s.mass(c))
		return
	}
	switch {
	case side > 0:
		s.end(c, proto.AboveRange)
	case side < 0:
		s.end(c, proto.BelowRange)
	default:
		s.end(c, proto.Done)
	}
}

func (s *radwag) mass(c proto.Command) proto.Message {
	switch out := s.outside(); {
	case out > 0:
		return proto.Message{Kind: proto.Overload, Command: c}
	case out < 0:
		return proto.Message{Kind: proto.Underload, Command: c}
	}
	return proto.Message{Kind: proto.Weight, Command: c, Weight: printed(s.net()), Stable: s.settled(), Width: s.massWidth(c)}
}

// massWidth: a command of three letters leaves no blank to leave out.
func (s *radwag) massWidth(c proto.Command) int {
	if len(c) == 3 {
		return proto.MassWidth
	}
	return s.width
}

func (s *radwag) powerCycle(now time.Time) {
	s.restart(now)
	s.ear.forget()
	s.pending = waiting{}
	s.stream.stop()
}

func (s *radwag) end(c proto.Command, k proto.Kind) { s.say(c, proto.Message{Kind: k, Command: c}) }

func (s *radwag) say(cause proto.Command, m proto.Message) {
	if b, err := proto.AppendMessage(nil, m); err == nil { // otherwise a weight that no balance could show
		s.port.say(string(cause), b)
	}
}
