package sim

import (
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// scaleBody is what the simulated balances have in common, whatever they speak.
type scaleBody struct {
	pan
	serial    string
	port      *port
	deafUntil time.Time // zero: it is on
}

// defaultSerial is what the first balance of a bench has as serial number.
const defaultSerial = "1000001"

func newBody(d DeviceConfig, i int, p *port, w *world) scaleBody {
	return scaleBody{pan: pan{world: w}, serial: countUp(d.or("serial", defaultSerial), i), port: p}
}

// deaf reports whether the balance is still starting.
func (s *scaleBody) deaf(now time.Time) bool {
	if s.deafUntil.IsZero() || !now.Before(s.deafUntil) {
		s.deafUntil = time.Time{}
		return false
	}
	return true
}

// restart loses what a power cut does.
func (s *scaleBody) restart(now time.Time) {
	s.forget()
	s.deafUntil = now.Add(scaleBoot)
}

func (s *scaleBody) report() ScaleState { return s.pan.report(s.serial) }

// printed is a weight of the pan as it is shown, in grams with two decimals.
func printed(digits int) measure.Printed {
	return measure.Printed{Value: measure.Weight(digits) * 10 * measure.WeightMilligram, Decimals: 2, Unit: "g"}
}

// ear cuts what a balance hears into lines ended by LF, without their CR.
type ear struct {
	line []byte
}

func (e *ear) forget() { e.line = e.line[:0] }

// hear calls each for every whole line. A line that is too long is heard as one that nobody knows.
func (e *ear) hear(b []byte, each func(line string)) {
	for _, c := range b {
		switch {
		case c == '\n':
			line := string(e.line)
			e.line = e.line[:0]
			each(line)
		case c == '\r':
		case len(e.line) < longestLine:
			e.line = append(e.line, c)
		}
	}
}

// waiting is a command that waits for a stable weight.
type waiting struct {
	command string // "" is none
	giveUp  time.Time
}

func (w *waiting) begin(command string, giveUp time.Time) { w.command, w.giveUp = command, giveUp }

// over reports whether the balance stops waiting now.
func (w *waiting) over(now time.Time) bool { return w.command != "" && now.After(w.giveUp) }

// streaming is repeated sending.
type streaming struct {
	every time.Duration
	next  time.Time // zero: off
}

func (s *streaming) start(now time.Time) { s.next = now }

func (s *streaming) stop() { s.next = time.Time{} }

func (s *streaming) on() bool { return !s.next.IsZero() }

// due reports whether it is time for the next value.
func (s *streaming) due(now time.Time) bool {
	if s.next.IsZero() || now.Before(s.next) {
		return false
	}
	s.next = now.Add(s.every)
	return true
}
