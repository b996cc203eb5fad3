// Package cavro drives Tecan Cavro syringe pumps (XCalibur, XLP and their relatives) with a valve between a bottle and
// the nozzle, in the OEM protocol or in the DT protocol.
//
// In the OEM protocol a block that was not answered in time is sent again with the repeat bit set, and the pump does not
// execute it twice. The DT protocol has neither a checksum nor a repetition that the pump recognises, so a motion is
// sent once there, and the plunger's position tells what became of it.
//
// A dose is one or more strokes of the plunger. Each is a command of its own, and the next one is sent when the pump
// stands where the one before should have brought it. Volumes are whole increments: of a syringe of 5 mL and 3000
// increments a stroke, 3 increments are 5 µL, so doses are multiples of 5 µL, and others are refused. What an
// unfinished stroke has moved is read from the encoder and cut to whole microlitres, so it is never more than what
// moved. A finished stroke counts as what was ordered when the encoder agrees within 2 increments, which is less than
// one step of the dose.
//
// The pump counts positions and not doses: a driver that is opened after a dose was begun cannot know what that dose
// moved, and says that the count is lost.
//
// Manual: Tecan Systems, "Cavro XCalibur Modular Digital Pump Operating Manual", 733085-B, chapters 3 and 4.
package cavro

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/cavro"
)

// Protocol is one of the two that these pumps speak.
type Protocol int

// The protocols.
const (
	OEM Protocol = iota
	DT
)

// Config of a pump. Syringe, Rate and Max are needed.
type Config struct {
	// Name stands in errors, "pump0".
	Name     string
	Protocol Protocol
	Address  int // position of the address switch, 0 to 14; 15 is the self-test, in which the pump moves by itself
	// Firmware is what the registered pump answers when asked for it; these pumps tell no serial number. When set,
	// another answer is refused with ErrWrongDevice.
	Firmware string
	// Settings is what the registered pump answers about its stored configuration. When set, another answer is refused.
	// Whatever it is, one that speaks of auto-run as anything but off is refused.
	Settings string

	Syringe measure.Volume // of a full stroke
	Stroke  proto.Stroke   // increments of a full stroke: 0 is 3000, an XLP 6000 has 6000
	// Input and Output are the ports of the bottle and of the nozzle on a distribution valve, 0 for the pump's own
	// positions. Turn is the sense in which the ports are counted, clockwise unless set.
	Input, Output int
	Turn          proto.Turn
	HomingForce   int // 0 is full, 1 half, 2 a third; 10 to 40 a speed code

	Rate     measure.Flow
	Min, Max measure.Volume // of one dose

	// Against drops: start and cutoff speed in pulses per second, 0 for 900 or the top speed; slope, 0 for 14; and how
	// long the pump waits after a stroke before it calls itself ready, whole milliseconds.
	Start, Cutoff, Slope int
	Wait                 time.Duration
	// Residual is the volume of valve and tube between syringe and nozzle, for the profile.
	Residual measure.Volume

	// ReplyTimeout is how long one answer may take before the command is sent again, where it may be; 0 is 100 ms.
	ReplyTimeout time.Duration
	// Poll is how often the position is asked while the pump moves; 0 is 100 ms.
	Poll time.Duration
}

const (
	sendings   = 10 // of a command that may be sent again: a second without an answer
	attempts   = 3  // of a query, each with its sendings
	tolerance  = 2  // increments between where the plunger should be and where the encoder sees it
	largest    = measure.Litre
	maxSyringe = 100 * measure.Millilitre
	valveTime  = time.Second // at most, for a turn of the valve
)

// Pump is one pump. Stop may be called while Dispense runs in another goroutine; everything else is for one goroutine
// at a time.
type Pump struct {
	cfg   Config
	to    proto.Address
	speed int // pulses per second

	mu       turn // one exchange on the link at a time
	link     devices.Link
	frames   framer
	buf      [256]byte
	unread   []byte // of buf
	sequence byte
	dirty    bool // an older answer may still be on its way: resynchronise before the next command

	firmware string          // as it answered when it was opened
	fault    proto.ErrorCode // that only homing ends
	homeless bool            // it must be initialised before it moves again
	moving   bool            // a motion was sent, or seen, and its end was not
	halted   bool            // Stop was called since Arm
	rested   bool            // and the pump has said that it stands still

	lost    bool // what it has moved since Arm is not known
	pushing bool // a stroke was begun that is not in done
	from    int  // where the plunger stood when it began
	done    int  // increments, of the strokes before
	strokes []int
}

// turn is a lock that gives way in the order of asking, so that Stop is not kept waiting by the follower of a motion.
type turn chan struct{}

func (t turn) Lock() { t <- struct{}{} }

func (t turn) Unlock() { <-t }

var (
	_ devices.Pump        = (*Pump)(nil)
	_ devices.Initialiser = (*Pump)(nil)
	_ devices.Profiler    = (*Pump)(nil)
)

// Open takes over the link and checks who the pump is and how it is set up. It moves nothing, homes nothing and stops
// nothing. On an error the link is closed.
func Open(ctx context.Context, link devices.Link, cfg Config) (*Pump, error) {
	if err := cfg.complete(); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	to, err := proto.AddressOf(cfg.Address)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", cfg.Name, err), link.Close())
	}
	p := &Pump{link: link, cfg: cfg, to: to, speed: cfg.pulses(), lost: true, frames: new(proto.BlockFramer), mu: make(turn, 1)}
	if cfg.Protocol == DT {
		p.frames = new(proto.ReplyFramer)
	}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(p.errorf("opening", err), link.Close())
	}
	return p, nil
}

func (c *Config) complete() error {
	c.defaults()
	bad := c.tryPrograms()
	switch {
	case c.Protocol != OEM && c.Protocol != DT:
		return fmt.Errorf("%s: no protocol %d", c.Name, c.Protocol)
	case c.Syringe <= 0 || c.Syringe > maxSyringe:
		return fmt.Errorf("%s: a syringe of %s: must be within 0 and %s", c.Name, c.Syringe, maxSyringe)
	case !c.Stroke.Valid() || c.Stroke.Fine():
		return fmt.Errorf("%s: %d increments a stroke: must be %d or %d", c.Name, c.Stroke, proto.XCalibur, proto.XLP)
	case c.Max <= 0 || c.Max > largest || c.Min < 0 || c.Min > c.Max:
		return fmt.Errorf("%s: doses from %s to %s: must be within 0 and %s", c.Name, c.Min, c.Max, largest)
	case (c.Input == 0) != (c.Output == 0) || c.Input != 0 && c.Input == c.Output:
		return fmt.Errorf("%s: ports %d and %d: give both or none", c.Name, c.Input, c.Output)
	case c.Wait%time.Millisecond != 0:
		return fmt.Errorf("%s: %s after a stroke: must be whole milliseconds", c.Name, c.Wait)
	case bad != nil:
		return fmt.Errorf("%s: %w", c.Name, bad)
	}
	return nil
}

func (c *Config) defaults() {
	if c.Name == "" {
		c.Name = "pump"
	}
	if c.Stroke == 0 {
		c.Stroke = proto.XCalibur
	}
	if c.Turn == 0 {
		c.Turn = proto.Clockwise
	}
	if c.Slope == 0 {
		c.Slope = 14
	}
	usual := max(min(900, c.pulses()), proto.MinStart)
	if c.Start == 0 {
		c.Start = usual
	}
	if c.Cutoff == 0 {
		c.Cutoff = usual
	}
	if c.ReplyTimeout == 0 {
		c.ReplyTimeout = 100 * time.Millisecond
	}
	if c.Poll == 0 {
		c.Poll = 100 * time.Millisecond
	}
}

// pulses is the rate as a top speed, cut to whole pulses per second.
func (c *Config) pulses() int {
	if c.Syringe <= 0 || c.Rate <= 0 || c.Rate > 1e9 {
		return 0
	}
	return int(int64(c.Rate) * proto.PulsesPerStroke / (60 * int64(c.Syringe)))
}

// tryPrograms makes every command string that there is, to find out which of them the pump would not take.
func (c *Config) tryPrograms() error {
	_, err1 := c.settings()
	_, err2 := c.homing()
	_, err3 := c.fill(int(c.Stroke))
	_, err4 := c.push()
	return errors.Join(err1, err2, err3, err4)
}

func (c *Config) settings() (proto.Command, error) {
	return new(proto.Program).FineMode(false).Speeds(c.Slope, c.Start, c.pulses(), c.Cutoff).Run()
}

func (c *Config) homing() (proto.Command, error) {
	return new(proto.Program).Home(c.Turn, c.HomingForce, c.Input, c.Output).Run()
}

func (c *Config) fill(to int) (proto.Command, error) {
	return new(proto.Program).Turn(proto.Input, c.Input).MoveTo(to).Run()
}

func (c *Config) push() (proto.Command, error) {
	program := new(proto.Program).Turn(proto.Output, c.Output).MoveTo(0)
	if c.Wait != 0 {
		program.Delay(int(c.Wait / time.Millisecond))
	}
	return program.Run()
}

// harmless is a string that moves nothing. It takes the place of a stopped one, which a bare R would resume.
func harmless() (proto.Command, error) { return new(proto.Program).FineMode(false).Run() }

func (p *Pump) start(ctx context.Context) error {
	if err := p.link.Flush(); err != nil {
		return err
	}
	if err := p.greet(ctx); err != nil {
		return err
	}
	if err := p.registered(); err != nil {
		return err
	}
	if err := p.checkSettings(ctx); err != nil {
		return err
	}
	st, err := p.look(ctx)
	p.moving = err == nil && !st.ready
	return err
}

// greet asks for the firmware until two answers in a row agree: the first may be an older answer to something else.
func (p *Pump) greet(ctx context.Context) error {
	for range attempts {
		for range 2 {
			r, err := p.query(ctx, proto.Firmware, hasText)
			if err != nil {
				return err
			}
			if r.text == p.firmware {
				p.dirty = false
				return nil
			}
			p.firmware = r.text
		}
	}
	return fmt.Errorf("it does not answer twice the same about its firmware: %w", devices.ErrGarbled)
}

func (p *Pump) registered() error {
	if p.cfg.Firmware != "" && p.firmware != p.cfg.Firmware {
		return fmt.Errorf("it answers %q, registered is %q: %w", p.firmware, p.cfg.Firmware, devices.ErrWrongDevice)
	}
	return nil
}

func (p *Pump) checkSettings(ctx context.Context) error {
	r, err := p.query(ctx, proto.Settings, func(r reply) bool { return r.text != "" && r.text != p.firmware })
	switch {
	case err != nil:
		return err
	case p.cfg.Settings != "" && r.text != p.cfg.Settings:
		return fmt.Errorf("its configuration is %q, registered is %q: %w", r.text, p.cfg.Settings, devices.ErrWrongDevice)
	case movesAlone(r.text):
		return fmt.Errorf("its configuration is %q, and with auto-run it would move without being told: %w", r.text, devices.ErrRefused)
	}
	return nil
}

// movesAlone reports whether a configuration speaks of auto-run without calling it off. The wording differs between
// firmwares, so whatever is not plainly off counts as on.
func movesAlone(settings string) bool {
	for part := range strings.FieldsFuncSeq(strings.ToLower(settings), func(r rune) bool { return r == ',' || r == ';' }) {
		i := strings.Index(part, "auto")
		if i >= 0 && !strings.HasSuffix(part, "off") && !strings.HasSuffix(part, "disabled") {
			return true
		}
	}
	return false
}

// Identify asks for the firmware; the pump tells no serial number.
func (p *Pump) Identify(ctx context.Context) (devices.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.query(ctx, proto.Firmware, hasText)
	if err != nil {
		return devices.Identity{}, p.errorf("identifying", err)
	}
	if r.text != p.firmware {
		return devices.Identity{}, p.errorf("identifying", fmt.Errorf("it answers %q, before it was %q: %w",
			r.text, p.firmware, devices.ErrWrongDevice))
	}
	return devices.Identity{Model: "Cavro", Firmware: p.firmware}, nil
}

// Profile is how the pump is set up.
func (p *Pump) Profile() devices.Profile {
	return devices.Profile{Min: p.cfg.Min, Max: p.cfg.Max, Rate: p.cfg.Rate, Residual: p.cfg.Residual}
}

// Limits for a dose of v: it must be a whole number of increments.
func (p *Pump) Limits(v measure.Volume) (devices.Limits, error) {
	l := devices.Limits{Min: max(p.cfg.Min, 1), Max: p.cfg.Max, Resolution: p.resolution()}
	if v < l.Min || v > l.Max {
		return l, fmt.Errorf("%s: a dose of %s is not between %s and %s: %w", p.cfg.Name, v, l.Min, l.Max, devices.ErrOutOfRange)
	}
	if v%l.Resolution != 0 {
		return l, fmt.Errorf("%s: a dose of %s is not a multiple of %s: %w", p.cfg.Name, v, l.Resolution, devices.ErrOutOfRange)
	}
	return l, nil
}

// resolution is the smallest volume in whole microlitres that is a whole number of increments.
func (p *Pump) resolution() measure.Volume {
	a, b := int64(p.cfg.Syringe), int64(p.cfg.Stroke)
	for b != 0 {
		a, b = b, a%b
	}
	return p.cfg.Syringe / measure.Volume(a)
}

// increments is a dose that keeps to the resolution.
func (p *Pump) increments(v measure.Volume) int {
	return int(int64(v) * int64(p.cfg.Stroke) / int64(p.cfg.Syringe))
}

// volume of that many increments, cut to whole microlitres.
func (p *Pump) volume(increments int) measure.Volume {
	return measure.Volume(int64(increments) * int64(p.cfg.Syringe) / int64(p.cfg.Stroke))
}

// State asks what the pump is doing and where its plunger is.
func (p *Pump) State(ctx context.Context) (devices.PumpState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st, err := p.look(ctx)
	if err != nil {
		return devices.PumpState{}, p.errorf("asking its state", err)
	}
	return p.state(st), nil
}

func (p *Pump) state(st standing) devices.PumpState {
	s := devices.PumpState{Moving: !st.ready, Moved: p.moved(st), Lost: p.lost, Alarm: p.fault.String()}
	switch {
	case p.homeless && p.fault == proto.NoError:
		s.Alarm = "stopped in a motion, must be initialised"
	case p.homeless:
		s.Alarm += ", must be initialised"
	}
	return s
}

// moved is what has left the syringe towards the nozzle since Arm, as far as that is known.
func (p *Pump) moved(st standing) measure.Volume {
	if p.lost {
		return p.volume(p.done)
	}
	return p.volume(p.done + p.underWay(st))
}

// underWay is what the stroke that is not yet in done has moved.
func (p *Pump) underWay(st standing) int {
	if !p.pushing {
		return 0
	}
	return max(0, p.from-st.at)
}

// Stop ends any motion and returns when the pump says that it stands still. A pump that was stopped in a motion may
// have lost increments and must be initialised before the next dose.
func (p *Pump) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halted, p.rested, p.strokes = true, false, nil
	if err := p.stop(ctx); err != nil {
		return p.errorf("stopping", err)
	}
	p.rested = true
	return nil
}

// stop sends T until the pump answers other questions from standstill: the answer to T itself proves nothing.
func (p *Pump) stop(ctx context.Context) error {
	var err error
	for range attempts {
		if _, err = p.exchange(ctx, proto.Terminate, sendings, isBare); isOver(ctx, err) {
			return err
		}
		var st standing
		if st, err = p.look(ctx); isOver(ctx, err) {
			return err
		} else if err != nil {
			continue
		}
		if st.ready {
			return p.stopped(ctx, st)
		}
		err = fmt.Errorf("it goes on: %w", devices.ErrRefused)
	}
	return err
}

func isOver(ctx context.Context, err error) bool {
	return err != nil && (errors.Is(err, devices.ErrDisconnected) || ctx.Err() != nil)
}

// stopped keeps where the plunger came to stand, and puts a harmless string in the place of the stopped one.
func (p *Pump) stopped(ctx context.Context, st standing) error {
	p.settleAccount(st)
	if !p.moving {
		return nil
	}
	p.moving, p.homeless = false, true
	c, err := harmless()
	if err == nil {
		_, err = p.exchange(ctx, c, sendings, isBare)
	}
	if isOver(ctx, err) {
		return err
	}
	return nil // it stands still; the next arming writes a string of its own anyway
}

// settleAccount adds the stroke that has ended, wherever it ended, to what is done.
func (p *Pump) settleAccount(st standing) {
	if !p.lost {
		p.done += p.underWay(st)
	}
	p.pushing = false
}

// Close frees the link. A pump that moves is not stopped here: its stroke runs to its end.
func (p *Pump) Close() error { return p.link.Close() }

func (p *Pump) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", p.cfg.Name, doing, err)
}
