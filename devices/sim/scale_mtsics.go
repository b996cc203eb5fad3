package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/mtsics"
)

// ScaleConfig is how the simulated MT-SICS balances are made.
type ScaleConfig struct {
	// Serial is the first balance's serial number, a number; the next ones count up. "" is 1000001.
	Serial string
	Model  string // "" is "SIM-MT 520.00 g"
	Wide   bool   // weight fields are 11 wide
	// ShortIDs answers ZI with Z and TI with T, as some devices do.
	ShortIDs bool
	// StableTimeout is when the balance itself gives up waiting; 0 is 8 s.
	StableTimeout time.Duration
}

func (c *ScaleConfig) complete() {
	if c.Serial == "" {
		c.Serial = "1000001"
	}
	if c.Model == "" {
		c.Model = "SIM-MT 520.00 g"
	}
	if c.StableTimeout == 0 {
		c.StableTimeout = 8 * time.Second
	}
}

const (
	scaleBoot   = 500 * time.Millisecond
	repeatEvery = 100 * time.Millisecond
	adjustTime  = 2 * time.Second
	longestLine = 80
)

// mtsics is an MT-SICS balance.
type mtsics struct {
	pan
	cfg    ScaleConfig
	serial string
	port   *port

	line      []byte
	pending   proto.Command // a command that waits for a stable weight, "" for none
	giveUp    time.Time
	repeatAt  time.Time // zero: no repeated sending
	adjusted  time.Time // zero: no adjustment runs
	deafUntil time.Time
}

func newMTSICS(cfg Config, d DeviceConfig, i int, p *port, w *world) scaleMachine {
	c := cfg.Scale
	c.Serial = d.or("serial", c.Serial)
	return &mtsics{pan: pan{world: w}, cfg: c, serial: countUp(c.Serial, i), port: p}
}

func (s *mtsics) hear(now time.Time, b []byte) {
	if now.Before(s.deafUntil) {
		return
	}
	for _, c := range b {
		if c != '\n' {
			s.line = append(s.line, c)
			continue
		}
		line, whole := bytes.CutSuffix(s.line, []byte{'\r'})
		command := proto.Command(line)
		s.line = s.line[:0]
		switch {
		case !whole || len(line) > longestLine:
			s.answer(command, proto.Reply{ID: proto.ES})
		case len(line) > 0 && s.port.hears(string(command)):
			s.obey(now, command)
		}
	}
}

func (s *mtsics) obey(now time.Time, c proto.Command) {
	switch c {
	case proto.StableWeight, proto.Zero, proto.Tare:
		s.repeatAt = time.Time{}
		s.wait(now, c)
	case proto.WeightNow:
		s.repeatAt = time.Time{}
		s.answer(c, s.weight(proto.S, s.net()))
	case proto.WeightRepeat:
		s.repeatAt = now
	case proto.ZeroNow:
		s.answer(c, s.zeroed(s.short(proto.ZI, proto.Z), s.settled()))
	case proto.TareNow:
		s.answer(c, s.tared(s.short(proto.TI, proto.T), s.settled()))
	case proto.TareValue:
		s.answer(c, proto.Reply{ID: proto.TA, Status: proto.Done, Weight: s.amount(s.tare)})
	case proto.ClearTare:
		s.tare = 0
		s.answer(c, proto.Reply{ID: proto.TAC, Status: proto.Done})
	case proto.Reset:
		s.pending, s.repeatAt, s.adjusted, s.tare = "", time.Time{}, time.Time{}, 0
		s.answer(c, s.announce())
	case proto.InternalAdjust:
		s.startAdjusting(now, c)
	default:
		s.inform(c)
	}
}

// inform answers the questions about the balance itself.
func (s *mtsics) inform(c proto.Command) {
	text := func(id proto.ID, args string) {
		s.answer(c, proto.Reply{ID: id, Status: proto.Done, Args: args})
	}
	switch c {
	case proto.ListCommands:
		s.list(c)
	case proto.Levels:
		text(proto.I1, `"01" "2.30" "2.30"`)
	case proto.Model:
		text(proto.I2, strconv.Quote(s.cfg.Model))
	case proto.Software:
		text(proto.I3, `"1.20"`)
	case proto.SerialNumber:
		s.answer(c, s.announce())
	case proto.SoftwareID:
		text(proto.I5, `"SIM-1"`)
	default:
		s.answer(c, proto.Reply{ID: proto.ES})
	}
}

func (s *mtsics) list(c proto.Command) {
	all := []proto.Command{
		proto.Reset, proto.ListCommands, proto.Levels, proto.Model, proto.Software, proto.SerialNumber, proto.SoftwareID,
		proto.StableWeight, proto.WeightNow, proto.WeightRepeat, proto.Zero, proto.ZeroNow, proto.Tare, proto.TareNow,
		proto.TareValue, proto.ClearTare, proto.InternalAdjust,
	}
	for i, name := range all {
		status := proto.More
		if i == len(all)-1 {
			status = proto.Done
		}
		s.answer(c, proto.Reply{ID: proto.I0, Status: status, Args: fmt.Sprintf("0 %q", name)})
	}
}

func (s *mtsics) short(long, short proto.ID) proto.ID {
	if s.cfg.ShortIDs {
		return short
	}
	return long
}

func (s *mtsics) announce() proto.Reply {
	return proto.Reply{ID: proto.I4, Status: proto.Done, Args: strconv.Quote(s.serial)}
}

func (s *mtsics) greet(time.Time) { s.answer("power-up", s.announce()) }

// wait executes c when the weight is stable; a second command that waits is refused.
func (s *mtsics) wait(now time.Time, c proto.Command) {
	if s.pending != "" {
		s.answer(c, proto.Reply{ID: proto.ID(c), Status: proto.NotExecutable})
		return
	}
	s.pending, s.giveUp = c, now.Add(s.cfg.StableTimeout)
	s.watch(now)
}

// watch goes on with what takes time.
func (s *mtsics) watch(now time.Time) {
	if !s.deafUntil.IsZero() {
		if now.Before(s.deafUntil) {
			return
		}
		s.deafUntil = time.Time{}
		s.greet(now)
	}
	if c := s.pending; c != "" {
		if r, done := s.finish(now, c); done {
			s.pending = ""
			s.answer(c, r)
		}
	}
	if !s.repeatAt.IsZero() && !now.Before(s.repeatAt) {
		s.repeatAt = now.Add(repeatEvery)
		s.answer(proto.WeightRepeat, s.weight(proto.S, s.net()))
	}
	if !s.adjusted.IsZero() && now.After(s.adjusted) {
		s.adjusted = time.Time{}
		s.answer(proto.InternalAdjust, proto.Reply{ID: proto.C3, Status: proto.Done})
	}
}

func (s *mtsics) finish(now time.Time, c proto.Command) (r proto.Reply, done bool) {
	switch {
	case now.After(s.giveUp):
		return proto.Reply{ID: proto.ID(c), Status: proto.NotExecutable}, true
	case s.outside() != 0:
		return proto.Reply{ID: proto.ID(c), Status: s.outOfRange()}, true
	case !s.settled():
		return proto.Reply{}, false
	case c == proto.Zero:
		r = s.zeroed(proto.Z, true)
		if r.Status == proto.Stable {
			r.Status = proto.Done
		}
		return r, true
	case c == proto.Tare:
		return s.tared(proto.T, true), true
	}
	return s.weight(proto.S, s.net()), true
}

func (s *mtsics) startAdjusting(now time.Time, c proto.Command) {
	if s.world.cup != nil {
		s.answer(c, proto.Reply{ID: proto.C3, Status: proto.NotExecutable})
		return
	}
	s.adjusted = now.Add(adjustTime)
	s.answer(c, proto.Reply{ID: proto.C3, Status: proto.More})
}

// outOfRange is Overload or Underload, None within the range.
func (s *mtsics) outOfRange() proto.Status { return beyond(s.outside()) }

func beyond(side int) proto.Status {
	switch side {
	case 1:
		return proto.Overload
	case -1:
		return proto.Underload
	}
	return proto.None
}

func (s *mtsics) status() proto.Status {
	if s.settled() {
		return proto.Stable
	}
	return proto.Dynamic
}

func (s *mtsics) weight(id proto.ID, digits int) proto.Reply {
	if out := s.outOfRange(); out != proto.None {
		return proto.Reply{ID: id, Status: out}
	}
	return proto.Reply{ID: id, Status: s.status(), Weight: s.amount(digits)}
}

func (s *mtsics) amount(digits int) proto.Weight {
	w := proto.Weight{Width: 10, Printed: measure.Printed{
		Value: measure.Weight(digits) * 10 * measure.WeightMilligram, Decimals: 2, Unit: "g",
	}}
	if s.cfg.Wide {
		w.Width = 11
	}
	return w
}

func (s *mtsics) zeroed(id proto.ID, stable bool) proto.Reply {
	if side := s.setZero(); side != 0 {
		return proto.Reply{ID: id, Status: beyond(side)}
	}
	return proto.Reply{ID: id, Status: settledOr(stable)}
}

func (s *mtsics) tared(id proto.ID, stable bool) proto.Reply {
	if side := s.setTare(); side != 0 {
		return proto.Reply{ID: id, Status: beyond(side)}
	}
	return proto.Reply{ID: id, Status: settledOr(stable), Weight: s.amount(s.tare)}
}

func settledOr(stable bool) proto.Status {
	if stable {
		return proto.Stable
	}
	return proto.Dynamic
}

// powerCycle forgets tare and zero, and announces the serial number when the start is over.
func (s *mtsics) powerCycle(now time.Time) {
	s.forget()
	s.pending = ""
	s.repeatAt, s.adjusted = time.Time{}, time.Time{}
	s.line = s.line[:0]
	s.deafUntil = now.Add(scaleBoot)
}

func (s *mtsics) answer(cause proto.Command, r proto.Reply) {
	b, err := proto.AppendReply(nil, r)
	if err != nil {
		return // a weight that no balance could show
	}
	s.port.say(string(cause), b)
}

func (s *mtsics) report() ScaleState { return s.pan.report(s.serial) }
