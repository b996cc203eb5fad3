package sim

import (
	"strconv"
	"time"

	proto "github.com/lieu-clinic/lieu/pkg/protocol/andstd"
)

// andStd is an A&D balance with the standard format. Its options:
//
//	ercd=1          acknowledges commands and says why it refuses one; 0 is silent
//	rs485=23        is station 23 on RS-485: hears only what is for it, and says who it is
//	comparator=yes  says what its comparator thinks of the weight
//	identity=no     is an older one, which does not know ?SN and ?TN
type andStd struct {
	scaleBody
	ear
	acks       bool
	station    proto.Station
	comparator bool
	identity   bool

	pending waiting
	stream  streaming
}

const (
	andPatience    = 30 * time.Second
	andStreamEvery = 100 * time.Millisecond
	andModel       = "SIM-AND520"
)

func newAndStd(_ Config, d DeviceConfig, i int, p *port, w *world) scaleMachine {
	s := &andStd{scaleBody: newBody(d, i, p, w), stream: streaming{every: andStreamEvery}}
	s.acks, s.comparator, s.identity = d.or("ercd", "0") == "1", d.or("comparator", "no") == "yes", d.or("identity", "yes") == "yes"
	if n, err := strconv.Atoi(d.or("rs485", "")); err == nil && n >= 0 && n < 100 {
		s.station = proto.Station{Addressed: true, Address: n}
	}
	return s
}

func (s *andStd) hear(now time.Time, b []byte) {
	if s.deaf(now) {
		return
	}
	s.ear.hear(b, func(line string) {
		own := string(proto.AppendCommand(nil, s.station, ""))
		if own = own[:len(own)-2]; len(line) < len(own) || line[:len(own)] != own {
			return // for another station
		}
		if line = line[len(own):]; line != "" && s.port.hears(line) {
			s.obey(now, proto.Command(line))
		}
	})
}

func (s *andStd) obey(now time.Time, c proto.Command) {
	switch c {
	case proto.Now, proto.Immediately:
		s.say(c, s.shown())
	case proto.WhenStable, proto.SetTare, proto.ReZero, "Z":
		if c != proto.WhenStable {
			s.ack(c)
		}
		s.pending.begin(string(c), now.Add(andPatience))
		s.watch(now)
	case proto.Stream:
		s.stream.start(now)
	case proto.Cancel:
		s.pending = waiting{}
		s.stream.stop()
		s.ack(c)
	default:
		s.inform(c)
	}
}

func (s *andStd) inform(c proto.Command) {
	switch {
	case c == proto.AskTareValue:
		s.say(c, proto.Message{Kind: proto.Tare, Header: proto.TareValue, Weight: printed(s.tare), Width: proto.StandardWidth})
	case c == proto.AskSerial && s.identity:
		s.say(c, proto.Message{Kind: proto.Identity, Header: proto.SerialNumber, Text: s.serial})
	case c == proto.AskModel && s.identity:
		s.say(c, proto.Message{Kind: proto.Identity, Header: proto.Model, Text: andModel})
	default:
		s.refuse(c, proto.UndefinedCommand)
	}
}

func (s *andStd) ack(c proto.Command) {
	if s.acks {
		s.say(c, proto.Message{Kind: proto.Ack})
	}
}

func (s *andStd) refuse(c proto.Command, code int) {
	if s.acks {
		s.say(c, proto.Message{Kind: proto.Refusal, Header: proto.ErrorCode, Code: code, Digits: 2})
	}
}

// shown is what the balance sends now.
func (s *andStd) shown() proto.Message {
	m := proto.Message{Header: proto.Outside, Verdict: s.verdict()}
	switch out := s.outside(); {
	case out > 0:
		m.Kind = proto.Overload
		return m
	case out < 0:
		m.Kind = proto.Underload
		return m
	}
	m.Kind, m.Header, m.Weight, m.Width = proto.Weight, proto.Unstable, printed(s.net()), proto.StandardWidth
	if s.settled() {
		m.Header = proto.Stable
	}
	return m
}

func (s *andStd) verdict() proto.Verdict {
	if !s.comparator {
		return proto.NoVerdict
	}
	return proto.OK
}

func (s *andStd) watch(now time.Time) {
	if s.deaf(now) {
		return
	}
	c := proto.Command(s.pending.command)
	switch {
	case c == "":
	case s.pending.over(now):
		s.pending = waiting{}
		s.refuse(c, proto.NotStable)
	case s.settled():
		s.pending = waiting{}
		s.act(c)
	}
	if s.stream.due(now) {
		s.say(proto.Stream, s.shown())
	}
}

func (s *andStd) act(c proto.Command) {
	side := 0
	switch c {
	case proto.WhenStable:
		s.say(c, s.shown())
		return
	case proto.SetTare:
		side = s.setTare()
	default:
		side = s.setZero()
	}
	switch {
	case side != 0:
		s.refuse(c, proto.OutOfRange)
	case c != proto.SetTare:
		s.ack(c) // again: done
	}
}

func (s *andStd) powerCycle(now time.Time) {
	s.restart(now)
	s.ear.forget()
	s.pending = waiting{}
	s.stream.stop()
}

func (s *andStd) say(cause proto.Command, m proto.Message) {
	m.Addressed, m.Address = s.station.Addressed, s.station.Address
	if b, err := proto.AppendMessage(nil, m); err == nil { // otherwise a weight that no balance could show
		s.port.say(string(cause), b)
	}
}
