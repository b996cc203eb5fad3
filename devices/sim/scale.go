package sim

import (
	"bytes"
	"fmt"
	"math"
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
	capacity    = 52_000 // digits
	underload   = -200   // digits
	zeroRange   = 1_040  // digits: 2 % of the capacity
	longestLine = 80
)

// scale is an MT-SICS balance. Weights inside it are whole digits of 0.01 g.
type scale struct {
	cfg    ScaleConfig
	serial string
	port   *port
	world  *world

	zero, tare int
	line       []byte
	pending    proto.Command // a command that waits for a stable weight, "" for none
	giveUp     time.Time
	repeatAt   time.Time // zero: no repeated sending
	adjusted   time.Time // zero: no adjustment runs
	deafUntil  time.Time
}

func newScale(cfg ScaleConfig, i int, p *port, w *world) *scale {
	serial := cfg.Serial
	if n, err := strconv.Atoi(serial); err == nil {
		serial = strconv.Itoa(n + i)
	}
	return &scale{cfg: cfg, serial: serial, port: p, world: w}
}

func (s *scale) hear(now time.Time, b []byte) {
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

func (s *scale) obey(now time.Time, c proto.Command) {
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
		s.answer(c, s.setZero(s.short(proto.ZI, proto.Z), s.settled()))
	case proto.TareNow:
		s.answer(c, s.setTare(s.short(proto.TI, proto.T), s.settled()))
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
func (s *scale) inform(c proto.Command) {
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

func (s *scale) list(c proto.Command) {
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

func (s *scale) short(long, short proto.ID) proto.ID {
	if s.cfg.ShortIDs {
		return short
	}
	return long
}

func (s *scale) announce() proto.Reply {
	return proto.Reply{ID: proto.I4, Status: proto.Done, Args: strconv.Quote(s.serial)}
}

// wait executes c when the weight is stable; a second command that waits is refused.
func (s *scale) wait(now time.Time, c proto.Command) {
	if s.pending != "" {
		s.answer(c, proto.Reply{ID: proto.ID(c), Status: proto.NotExecutable})
		return
	}
	s.pending, s.giveUp = c, now.Add(s.cfg.StableTimeout)
	s.watch(now)
}

// watch goes on with what takes time.
func (s *scale) watch(now time.Time) {
	if !s.deafUntil.IsZero() {
		if now.Before(s.deafUntil) {
			return
		}
		s.deafUntil = time.Time{}
		s.answer("power-up", s.announce())
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

func (s *scale) finish(now time.Time, c proto.Command) (r proto.Reply, done bool) {
	switch {
	case now.After(s.giveUp):
		return proto.Reply{ID: proto.ID(c), Status: proto.NotExecutable}, true
	case s.outside() != proto.None:
		return proto.Reply{ID: proto.ID(c), Status: s.outside()}, true
	case !s.settled():
		return proto.Reply{}, false
	case c == proto.Zero:
		r = s.setZero(proto.Z, true)
		if r.Status == proto.Stable {
			r.Status = proto.Done
		}
		return r, true
	case c == proto.Tare:
		return s.setTare(proto.T, true), true
	}
	return s.weight(proto.S, s.net()), true
}

func (s *scale) startAdjusting(now time.Time, c proto.Command) {
	if s.world.cup != nil {
		s.answer(c, proto.Reply{ID: proto.C3, Status: proto.NotExecutable})
		return
	}
	s.adjusted = now.Add(adjustTime)
	s.answer(c, proto.Reply{ID: proto.C3, Status: proto.More})
}

func (s *scale) settled() bool { return s.world.stable() }

func (s *scale) gross() int { return int(math.Round(s.world.shown[0]/digit)) - s.zero }

func (s *scale) net() int { return s.gross() - s.tare }

// outside is Overload or Underload, None within the range.
func (s *scale) outside() proto.Status {
	switch {
	case s.gross() > capacity:
		return proto.Overload
	case s.gross() < underload:
		return proto.Underload
	}
	return proto.None
}

func (s *scale) status() proto.Status {
	if s.settled() {
		return proto.Stable
	}
	return proto.Dynamic
}

func (s *scale) weight(id proto.ID, digits int) proto.Reply {
	if out := s.outside(); out != proto.None {
		return proto.Reply{ID: id, Status: out}
	}
	return proto.Reply{ID: id, Status: s.status(), Weight: s.amount(digits)}
}

func (s *scale) amount(digits int) proto.Weight {
	w := proto.Weight{Value: measure.Weight(digits) * 10 * measure.WeightMilligram, Decimals: 2, Unit: "g", Width: 10}
	if s.cfg.Wide {
		w.Width = 11
	}
	return w
}

func (s *scale) setZero(id proto.ID, stable bool) proto.Reply {
	now := s.gross() + s.zero
	switch {
	case now > zeroRange:
		return proto.Reply{ID: id, Status: proto.Overload}
	case now < -zeroRange:
		return proto.Reply{ID: id, Status: proto.Underload}
	}
	s.zero, s.tare = now, 0
	return proto.Reply{ID: id, Status: settledOr(stable)}
}

func (s *scale) setTare(id proto.ID, stable bool) proto.Reply {
	switch out := s.outside(); {
	case out != proto.None:
		return proto.Reply{ID: id, Status: out}
	case s.gross() < 0:
		return proto.Reply{ID: id, Status: proto.Underload}
	}
	s.tare = s.gross()
	return proto.Reply{ID: id, Status: settledOr(stable), Weight: s.amount(s.tare)}
}

func settledOr(stable bool) proto.Status {
	if stable {
		return proto.Stable
	}
	return proto.Dynamic
}

// powerCycle forgets tare and zero, and announces the serial number when the start is over.
func (s *scale) powerCycle(now time.Time) {
	s.zero, s.tare, s.pending = 0, 0, ""
	s.repeatAt, s.adjusted = time.Time{}, time.Time{}
	s.line = s.line[:0]
	s.deafUntil = now.Add(scaleBoot)
}

func (s *scale) answer(cause proto.Command, r proto.Reply) {
	b, err := proto.AppendReply(nil, r)
	if err != nil {
		return // a weight that no balance could show
	}
	s.port.say(string(cause), b)
}

// ScaleState is a balance as it truly is.
type ScaleState struct {
	Serial string  `json:"serial"`
	ShownG float64 `json:"shown_g"`
	Stable bool    `json:"stable"`
}

func (s *scale) report() ScaleState {
	return ScaleState{Serial: s.serial, ShownG: float64(s.net()) / 100, Stable: s.settled()}
}
