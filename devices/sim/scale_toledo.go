package sim

import (
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/toledo"
)

// toledo is a balance that sends its weight by itself, ten times a second, and answers nothing. The host may send the
// characters Z, T and C. After power-up it zeroes itself as soon as the pan is empty and at rest; until then it says that
// it has not. Its options:
//
//	checksum=yes  ends each frame with one
//	unit=lb       shows pounds; kg kilograms, otherwise grams
type toledo struct {
	scaleBody
	checksum  bool
	unit      string
	notZeroed bool
	print     bool
	stream    streaming
}

const (
	toledoEvery  = 100 * time.Millisecond
	toledoPoint  = 4 // two decimals
	toledoSingle = 1 // the last digit counts in ones
)

func newToledo(_ Config, d DeviceConfig, i int, p *port, w *world) scaleMachine {
	s := &toledo{scaleBody: newBody(d, i, p, w), unit: d.or("unit", "g"), stream: streaming{every: toledoEvery}}
	s.checksum = d.or("checksum", "no") == "yes"
	s.stream.start(time.Time{}.Add(1)) // at once
	return s
}

func (s *toledo) hear(now time.Time, b []byte) {
	if s.deaf(now) {
		return
	}
	for _, c := range b {
		switch {
		case !s.port.hears(string(rune(c))):
		case c == 'Z' && s.settled() && s.setZero() == 0:
			s.notZeroed = false
		case c == 'T' && s.settled():
			s.setTare()
		case c == 'C':
			s.tare = 0
		case c == 'P':
			s.print = true
		}
	}
}

func (s *toledo) watch(now time.Time) {
	if s.deaf(now) {
		return
	}
	if s.notZeroed && s.settled() && s.setZero() == 0 {
		s.notZeroed = false
	}
	if !s.stream.due(now) {
		return
	}
	b, err := proto.AppendMessage(nil, s.shown(), s.checksum)
	if s.unit == "lb" {
		b, err = pounds(b, s.checksum), nil
	}
	if s.print = false; err == nil { // otherwise a weight that no balance could show
		s.port.say("continuous", b)
	}
}

func (s *toledo) shown() proto.Message {
	m := proto.Message{
		Point: toledoPoint, Increment: toledoSingle, Net: s.tare != 0, Motion: !s.settled(), NotZeroed: s.notZeroed, Print: s.print,
	}
	if out := s.outside(); out != 0 {
		m.OutOfRange, m.Below = true, out < 0
		return m
	}
	m.Weight, m.Tare = s.amount(s.net()), s.amount(s.tare)
	return m
}

func (s *toledo) amount(digits int) measure.Printed {
	w := printed(digits)
	if s.unit == "kg" { // with two decimals, so that 10 g are its smallest step
		const step = 10 * measure.WeightGram
		w.Unit, w.Value = "kg", w.Value/step*step
	}
	return w
}

// pounds says of a frame that its unit is neither grams nor kilograms.
func pounds(frame []byte, checksum bool) []byte {
	const kilogram, gram, content = 0x10, 0x01, 17
	frame[2] &^= kilogram
	frame[3] &^= gram
	if checksum {
		frame[content] = proto.Checksum(frame[:content])
	}
	return frame
}

func (s *toledo) powerCycle(now time.Time) {
	s.restart(now)
	s.notZeroed = true
}
