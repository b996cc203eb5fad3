package sim

import (
	"time"

	proto "github.com/lieu-clinic/lieu/pkg/protocol/sbi"
)

// sbi is a Sartorius balance. Its options:
//
//	format=16      prints without a code in front; 22 is with it
//	autoprint=yes  sends by itself; a print command stops that until the next tare or zero
//	xbpi=yes       its interface is set to the binary protocol: it hears nothing of this one
//	standby=yes    its display is off
type sbi struct {
	scaleBody
	form    proto.Form
	xbpi    bool
	standby bool
	auto    bool
	print   streaming

	heard    []byte // from an ESC on
	pending  waiting
	adjusted time.Time // zero: no adjustment runs
}

const (
	autoprintEvery = 200 * time.Millisecond
	sbiPatience    = 8 * time.Second
	sbiModel       = "SIM-SBI520-2S"
	sbiSoftware    = "BAC:        00-39-21"
	escape         = 0x1b
)

func newSBI(_ Config, d DeviceConfig, i int, p *port, w *world) scaleMachine {
	s := &sbi{scaleBody: newBody(d, i, p, w), form: proto.Form{Coded: d.or("format", "22") == "22"}}
	s.xbpi, s.standby, s.auto = d.or("xbpi", "no") == "yes", d.or("standby", "no") == "yes", d.or("autoprint", "no") == "yes"
	s.print.every = autoprintEvery
	if s.auto {
		s.print.start(time.Time{}.Add(1)) // at once
	}
	return s
}

// hear takes commands of ESC and a character, or of ESC and a word that ends with an underline; a line end is optional.
func (s *sbi) hear(now time.Time, b []byte) {
	if s.deaf(now) || s.xbpi {
		return
	}
	for _, c := range b {
		switch {
		case c == escape:
			s.heard = append(s.heard[:0], c)
			continue
		case len(s.heard) == 0 || len(s.heard) > 8:
			continue
		}
		s.heard = append(s.heard, c)
		long := s.heard[1] == 'x' || s.heard[1] == 'f' || s.heard[1] == 's'
		if long && c != '_' {
			continue
		}
		command := string(s.heard)
		s.heard = s.heard[:0]
		if s.port.hears(command) {
			s.obey(now, proto.Command(command))
		}
	}
}

func (s *sbi) obey(now time.Time, c proto.Command) {
	switch c {
	case proto.Print:
		if s.print.on() {
			s.print.stop()
			return
		}
		s.say(c, s.shown())
	case proto.TareOrZero, proto.TareOnly, proto.Zero:
		s.pending.begin(string(c), now.Add(sbiPatience))
		s.watch(now)
	case proto.Model:
		s.say(c, proto.Message{Kind: proto.Text, Text: sbiModel})
	case proto.Serial:
		s.say(c, proto.Message{Kind: proto.Text, ID: proto.SerialNumber, Text: s.serial})
	case proto.Software:
		s.say(c, proto.Message{Kind: proto.Text, Text: sbiSoftware})
	case proto.InternalAdjust:
		if s.world.cup == nil {
			s.adjusted = now.Add(adjustTime)
		}
	case proto.Restart:
		s.powerCycle(now)
	}
}

// shown is what the balance prints now.
func (s *sbi) shown() proto.Message {
	m := proto.Message{ID: s.code(proto.Status)}
	switch out := s.outside(); {
	case s.standby:
		m.Kind = proto.Standby
	case !s.adjusted.IsZero():
		m.Kind = proto.Adjusting
	case out > 0:
		m.Kind = proto.Overload
	case out < 0:
		m.Kind = proto.Underload
	case s.settled():
		return proto.Message{Kind: proto.Weight, ID: s.code(proto.Net), Weight: printed(s.net())}
	default:
		return proto.Message{Kind: proto.Moving, ID: s.code(proto.Net), Digits: int64(s.net()), Decimals: 2}
	}
	return m
}

func (s *sbi) code(id proto.ID) proto.ID {
	if s.form.Coded {
		return id
	}
	return proto.NoID
}

func (s *sbi) watch(now time.Time) {
	if s.deaf(now) {
		return
	}
	if s.pending.over(now) {
		s.pending = waiting{}
	}
	if s.pending.command != "" && s.settled() {
		s.act(now)
	}
	if !s.adjusted.IsZero() && now.After(s.adjusted) {
		s.adjusted = time.Time{}
	}
	if !s.xbpi && s.print.due(now) {
		s.say("autoprint", s.shown())
	}
}

// act tares or zeroes, and answers nothing.
func (s *sbi) act(now time.Time) {
	c := proto.Command(s.pending.command)
	s.pending = waiting{}
	switch {
	case c == proto.Zero, c == proto.TareOrZero && s.setTare() < 0:
		s.setZero()
	case c == proto.TareOnly:
		s.setTare()
	}
	if s.auto && c != proto.TareOnly {
		s.print.start(now)
	}
}

func (s *sbi) powerCycle(now time.Time) {
	s.restart(now)
	s.pending, s.adjusted, s.heard = waiting{}, time.Time{}, s.heard[:0]
	if s.auto {
		s.print.start(now)
	}
}

func (s *sbi) say(cause proto.Command, m proto.Message) {
	if b, err := s.form.AppendMessage(nil, m); err == nil { // otherwise a weight that no balance could show
		s.port.say(string(cause), b)
	}
}
