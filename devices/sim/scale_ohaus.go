package sim

import (
	"strconv"
	"time"

	proto "github.com/lieu-clinic/lieu/pkg/protocol/ohaus"
)

// ohaus is a balance with the OHAUS print format. Its options:
//
//	width=10      of the weight field, to 12
//	legend=NET    behind each weight
//	numeric=yes   prints numbers without their unit
//	total=yes     accumulates: a TOTAL line follows each print
type ohaus struct {
	scaleBody
	ear
	width          int
	legend         proto.Legend
	numeric, total bool

	pending  waiting
	stream   streaming
	interval bool // the stream has the time in each line
	since    time.Time
}

const (
	ohausPatience    = 40 * time.Second
	ohausStreamEvery = 200 * time.Millisecond
	ohausVersion     = "Sr 1.10"
	longestInterval  = 3600 // s
)

func newOhaus(_ Config, d DeviceConfig, i int, p *port, w *world) scaleMachine {
	s := &ohaus{scaleBody: newBody(d, i, p, w), width: 11, legend: proto.Legend(d.or("legend", ""))}
	if n, err := strconv.Atoi(d.or("width", "")); err == nil && n >= 10 && n <= 12 {
		s.width = n
	}
	s.numeric, s.total = d.or("numeric", "no") == "yes", d.or("total", "no") == "yes"
	return s
}

func (s *ohaus) hear(now time.Time, b []byte) {
	if s.deaf(now) {
		return
	}
	s.ear.hear(b, func(line string) {
		if line != "" && s.port.hears(line) {
			s.obey(now, proto.Command(line))
		}
	})
}

func (s *ohaus) obey(now time.Time, c proto.Command) {
	switch c {
	case proto.PrintNow, proto.Print:
		s.print(c, s.shown())
	case proto.PrintStable, proto.SetTare, proto.Zero:
		s.pending.begin(string(c), now.Add(ohausPatience))
		s.watch(now)
	case proto.Stream:
		s.repeat(now, ohausStreamEvery, false)
		s.done(c)
	case proto.StopPrinting:
		s.stream.stop()
		s.done(c)
	case proto.ShowTare:
		m := s.weight(s.tare)
		m.Kind, m.Stable, m.Legend = proto.Tare, true, proto.PresetTare
		s.print(c, m)
	case proto.SerialNumber:
		s.say(c, proto.Message{Kind: proto.Text, Text: s.serial})
	case proto.Version:
		s.say(c, proto.Message{Kind: proto.Text, Text: ohausVersion})
	default:
		s.every(now, c)
	}
}

// every understands "5P", a print every five seconds.
func (s *ohaus) every(now time.Time, c proto.Command) {
	n := len(c) - 1
	seconds, err := strconv.Atoi(string(c[:max(n, 0)]))
	if n < 1 || c[n] != 'P' || err != nil || seconds < 1 || seconds > longestInterval {
		s.say(c, proto.Message{Kind: proto.Refused})
		return
	}
	s.repeat(now, time.Duration(seconds)*time.Second, true)
	s.done(c)
}

func (s *ohaus) repeat(now time.Time, every time.Duration, timed bool) {
	s.stream.every, s.interval, s.since = every, timed, now
	s.stream.start(now)
}

func (s *ohaus) done(c proto.Command) { s.say(c, proto.Message{Kind: proto.Done}) }

func (s *ohaus) weight(digits int) proto.Message {
	return proto.Message{Kind: proto.Weight, Weight: printed(digits), Stable: s.settled(), Width: s.width, Legend: s.legend}
}

// shown is what the balance prints now.
func (s *ohaus) shown() proto.Message {
	switch out := s.outside(); {
	case out > 0:
		return proto.Message{Kind: proto.Overload, Code: 83}
	case out < 0:
		return proto.Message{Kind: proto.Underload, Code: 84}
	}
	return s.weight(s.net())
}

func (s *ohaus) watch(now time.Time) {
	if s.deaf(now) {
		return
	}
	c := proto.Command(s.pending.command)
	switch {
	case c == "":
	case s.pending.over(now):
		s.pending = waiting{}
		s.say(c, proto.Message{Kind: proto.Refused})
	case s.settled():
		s.pending = waiting{}
		s.act(c)
	}
	if s.stream.due(now) {
		m := s.shown()
		if s.interval && m.Kind == proto.Weight {
			m.Legend, m.Seconds = proto.Clock, int(now.Sub(s.since).Seconds())
		}
		s.print(proto.Stream, m)
	}
}

func (s *ohaus) act(c proto.Command) {
	side := 0
	switch c {
	case proto.PrintStable:
		s.print(c, s.shown())
		return
	case proto.SetTare:
		side = s.setTare()
	default:
		side = s.setZero()
	}
	if side != 0 {
		s.say(c, proto.Message{Kind: proto.Refused})
		return
	}
	s.done(c)
}

func (s *ohaus) powerCycle(now time.Time) {
	s.restart(now)
	s.ear.forget()
	s.pending = waiting{}
	s.stream.stop()
}

// print sends a weight as the menu says.
func (s *ohaus) print(cause proto.Command, m proto.Message) {
	if s.numeric && m.Kind == proto.Weight {
		b, err := proto.AppendMessage(nil, proto.Message{Kind: proto.Weight, Weight: m.Weight, Stable: true, Width: s.width})
		if err == nil {
			s.port.say(string(cause), append(b[:s.width], "\r\n"...))
		}
		return
	}
	s.say(cause, m)
	if s.total && m.Kind == proto.Weight {
		s.say(cause, proto.Message{Kind: proto.Total, Legend: proto.Sum})
	}
}

func (s *ohaus) say(cause proto.Command, m proto.Message) {
	if b, err := proto.AppendMessage(nil, m); err == nil { // otherwise a weight that no balance could show
		s.port.say(string(cause), b)
	}
}
