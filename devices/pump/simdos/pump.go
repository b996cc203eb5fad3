// Package simdos drives KNF SIMDOS metering pumps (SIMDOS 02 and SIMDOS 10). They draw from the bottle by themselves and
// go on without a host until the dose is done.
//
// The pump counts since its last start and cannot be told to count from zero. So the volume of a dose is a fact when
// this driver saw the pump move, or saw the count change; otherwise the count may still be that of the dose before, and
// the state says that it is lost.
//
// Protocol: KNF, CP_SIMDOS02_EN_01_166851.
package simdos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/knf"
)

// Config of a pump. Rate and Max are needed.
type Config struct {
	// Name stands in errors, "pump0".
	Name    string
	Address int // 0 to 98
	// Version is what ?SV answers on the registered pump, model and firmware: these pumps tell no serial number. When
	// set, another answer is refused with ErrWrongDevice.
	Version string
	// Rate is how fast a dose is pumped. One that would take less than a second is pumped in a second.
	Rate     measure.Flow
	Min, Max measure.Volume // of one dose
	// Mode is the dose mode of the pump, 1 or 2; 0 is 1.
	Mode proto.Mode
	// Residual is the volume of pump head and tube, for the profile.
	Residual measure.Volume
	// ReplyTimeout is for one answer; 0 is 150 ms.
	ReplyTimeout time.Duration
	// Poll is how often the volume is asked while the pump moves; 0 is 150 ms.
	Poll time.Duration
}

const (
	attempts     = 4 // of a query or a setting; of a motion always one
	shortest     = time.Second
	timeDigit    = 10 * time.Millisecond
	smallestDose = 30 * measure.Microlitre
	largestDose  = 999_999 * measure.Microlitre
	slowest      = 30 // µL/min
	fastest      = 100 * measure.MillilitrePerMinute
	// startWithin is how long the answer to a question proves that a pump that stands still was never started: any dose
	// takes longer.
	startWithin = 800 * time.Millisecond
	primeWithin = 10 * time.Second
)

// phase is what is known of the count.
type phase int

const (
	unarmed phase = iota // whose count it is, nobody knows
	ready                // it is still that of the dose before; nothing has moved since
	doubted              // a start was sent and not answered
	begun                // it is that of the dose that was armed
)

// Pump is one pump. Stop may be called while Dispense runs in another goroutine; everything else is for one goroutine
// at a time.
type Pump struct {
	cfg Config

	mu     sync.Mutex // one exchange on the link at a time
	link   devices.Link
	frames proto.ReplyFramer
	buf    [256]byte
	unread []byte // of buf
	dirty  bool   // an answer may still be on its way: resynchronise before the next request

	phase phase
	base  measure.Volume // the count when it was armed
	seen  measure.Volume // the highest count since it began
	lost  bool           // the pump restarted since it was armed

	armed    measure.Volume // 0: not armed
	measured bool           // a volume was pumped to be measured
}

var (
	_ devices.Pump       = (*Pump)(nil)
	_ devices.Profiler   = (*Pump)(nil)
	_ devices.Primer     = (*Pump)(nil)
	_ devices.Calibrator = (*Pump)(nil)
)

// Open takes over the link and checks who is there and that it will not start by itself when power comes back. It moves
// nothing and stops nothing. On an error the link is closed.
func Open(ctx context.Context, link devices.Link, cfg Config) (*Pump, error) {
	if err := cfg.complete(); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	p := &Pump{link: link, cfg: cfg}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return p, nil
}

func (c *Config) complete() error {
	if c.Name == "" {
		c.Name = "pump"
	}
	if c.Mode == proto.Running {
		c.Mode = proto.DoseInTime
	}
	if c.ReplyTimeout == 0 {
		c.ReplyTimeout = 150 * time.Millisecond
	}
	if c.Poll == 0 {
		c.Poll = 150 * time.Millisecond
	}
	switch {
	case c.Address < 0 || c.Address > proto.MaxAddress:
		return fmt.Errorf("%s: address %d: must be 0 to %d", c.Name, c.Address, proto.MaxAddress)
	case c.Mode != proto.DoseInTime && c.Mode != proto.DoseAtRate:
		return fmt.Errorf("%s: mode %d: the dose modes are %d and %d", c.Name, c.Mode, proto.DoseInTime, proto.DoseAtRate)
	case c.Rate < slowest || c.Rate > fastest:
		return fmt.Errorf("%s: rate %s: must be %s to %s", c.Name, c.Rate, measure.Flow(slowest), fastest)
	case c.Max < smallestDose || c.Max > largestDose || c.Min < 0 || c.Min > c.Max:
		return fmt.Errorf("%s: doses from %s to %s: must be within %s and %s", c.Name, c.Min, c.Max, smallestDose, largestDose)
	case c.Residual < 0:
		return fmt.Errorf("%s: residual volume %s", c.Name, c.Residual)
	}
	return nil
}

func (p *Pump) start(ctx context.Context) error {
	if err := p.greet(ctx); err != nil {
		return p.errorf("opening", err)
	}
	if _, err := p.Identify(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.staysOff(ctx); err != nil {
		return p.errorf("opening", err)
	}
	// Whoever opens a pump may stop it next. If it moves now, its count is that of this motion, also when it has stopped.
	if _, err := p.look(ctx); err != nil {
		return p.errorf("opening", err)
	}
	return nil
}

// greet asks for the pump's address. A pump that was told not to answer is told to.
func (p *Pump) greet(ctx context.Context) error {
	if err := p.link.Flush(); err != nil {
		return err
	}
	err := p.askAddress(ctx)
	if !errors.Is(err, devices.ErrNoReply) || ctx.Err() != nil {
		return err
	}
	if err := p.send(ctx, proto.SetAnswers(true)); err != nil {
		return err
	}
	return p.askAddress(ctx)
}

func (p *Pump) askAddress(ctx context.Context) error {
	text, err := p.query(ctx, proto.OwnAddress, is(proto.ParseAddress))
	if err != nil {
		return err
	}
	if n, err := proto.ParseAddress(text); err != nil || n != p.cfg.Address {
		return fmt.Errorf("it says its address is %s, not %02d: %w", text, p.cfg.Address, devices.ErrWrongDevice)
	}
	return nil
}

// staysOff refuses a pump that would start by itself. That is not put right here: whoever set it so must learn of it.
func (p *Pump) staysOff(ctx context.Context) error {
	return p.readBack(ctx, setting{ask: proto.AutoStart, want: "0"},
		"it starts by itself when power comes back: set its automatic start (SA) to 0")
}

// Identify asks for model and firmware; the pump tells no serial number.
func (p *Pump) Identify(ctx context.Context) (devices.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, err := p.query(ctx, proto.Version, is(proto.ParseVersion))
	if err != nil {
		return devices.Identity{}, p.errorf("identifying", err)
	}
	fw, err := proto.ParseVersion(text)
	if err != nil {
		return devices.Identity{}, p.errorf("identifying", err)
	}
	id := devices.Identity{Model: fw.Model, Firmware: fw.Version}
	if p.cfg.Version != "" && text != p.cfg.Version {
		return id, p.errorf("identifying", fmt.Errorf("it answers %q, registered is %q: %w", text, p.cfg.Version, devices.ErrWrongDevice))
	}
	return id, nil
}

// Limits for a dose of v: any number of microlitres within the configured range.
func (p *Pump) Limits(v measure.Volume) (devices.Limits, error) {
	l := devices.Limits{Min: max(p.cfg.Min, smallestDose), Max: p.cfg.Max, Resolution: measure.Microlitre}
	if v < l.Min || v > l.Max {
		return l, fmt.Errorf("%s: a dose of %s is not between %s and %s: %w", p.cfg.Name, v, l.Min, l.Max, devices.ErrOutOfRange)
	}
	return l, nil
}

// Profile is how the pump is set up.
func (p *Pump) Profile() devices.Profile {
	return devices.Profile{Min: max(p.cfg.Min, smallestDose), Max: p.cfg.Max, Rate: p.cfg.Rate, Residual: p.cfg.Residual}
}

// State asks what the pump is doing and what it has counted since Arm.
func (p *Pump) State(ctx context.Context) (devices.PumpState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.look(ctx)
	if err != nil {
		return devices.PumpState{}, p.errorf("asking its state", err)
	}
	return r.state(), nil
}

// Stop ends any motion and returns when the pump says that it stands still.
func (p *Pump) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.stop(ctx); err != nil {
		return p.errorf("stopping", err)
	}
	return nil
}

// stop presses the stop key until the pump answers from standstill. The answer to the key proves nothing: it could be
// an older one that came late.
func (p *Pump) stop(ctx context.Context) error {
	var err error
	for range attempts + 2 {
		if _, err = p.exchange(ctx, proto.Stop, isDone); errors.Is(err, devices.ErrDisconnected) || ctx.Err() != nil {
			return err
		}
		var r reading
		if r, err = p.look(ctx); err != nil {
			continue
		}
		if !r.moving {
			return nil
		}
		err = fmt.Errorf("it goes on: %w", devices.ErrRefused)
	}
	return err
}

// Close frees the link. A pump that moves goes on to the end of its dose.
func (p *Pump) Close() error { return p.link.Close() }

func (p *Pump) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", p.cfg.Name, doing, err)
}
