// Package newera drives New Era syringe pumps (NE-1000, NE-500 and their re-labels) in safe mode: every packet has a
// CRC, and the pump stops by itself when it hears nothing for the dead-man time.
//
// Manual: New Era Pump Systems, "Multi-Phaser NE-1000 User Manual", 1200-01, chapters 9 (commands) and 10 (safe mode).
package newera

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

// Config of a pump. Diameter, Rate and Max are needed.
type Config struct {
	// Name stands in errors, "pump0".
	Name    string
	Address int // 0 to 99
	// Firmware is what VER answers on the registered pump, "NE1000V3.928": these pumps tell no serial number. When
	// set, another answer is refused with ErrWrongDevice.
	Firmware string
	Diameter proto.Length // inner diameter of the syringe
	Rate     proto.Flow
	Min, Max measure.Volume // of one dose
	// DeadMan is how long the pump goes on without hearing from this driver, whole seconds; 0 is 5 s.
	DeadMan time.Duration
	// Residual is the volume of the tube from the syringe to the nozzle, for the profile.
	Residual measure.Volume
	// ReplyTimeout is for one answer; 0 is 500 ms.
	ReplyTimeout time.Duration
	// Poll is how often the volume is asked while the pump moves; 0 is 150 ms.
	Poll time.Duration
}

const (
	attempts      = 4                      // of a query or a setting; of RUN always one
	interByte     = 600 * time.Millisecond // after which a pump has dropped half a packet (it does after 500 ms)
	maxDeadMan    = 255 * time.Second
	fineUpTo      = 10 * measure.Millilitre // below, four digits hold every microlitre
	coarse        = 10 * measure.Microlitre
	largestVolume = 100*measure.Millilitre - coarse
)

// Pump is one pump. Stop may be called while Dispense runs in another goroutine; everything else is for one goroutine
// at a time.
type Pump struct {
	cfg Config

	mu     sync.Mutex // one exchange on the link at a time
	link   devices.Link
	frames proto.SafeFramer
	basic  *proto.BasicFramer // while opening only
	buf    [256]byte
	unread []byte      // of buf
	dirty  bool        // an answer may still be on its way: resynchronise before the next command
	alarm  proto.Alarm // the latest since it was last taken
	lost   bool        // the pump restarted since Arm: its counters are no facts

	armed measure.Volume // 0: not armed
}

var (
	_ devices.Pump     = (*Pump)(nil)
	_ devices.Profiler = (*Pump)(nil)
)

// Open takes over the link, brings the pump into safe mode and checks who it is. It moves nothing and stops nothing.
// On an error the link is closed.
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
	if c.DeadMan == 0 {
		c.DeadMan = 5 * time.Second
	}
	if c.ReplyTimeout == 0 {
		c.ReplyTimeout = 500 * time.Millisecond
	}
	if c.Poll == 0 {
		c.Poll = 150 * time.Millisecond
	}
	_, badDiameter := proto.SetDiameter(c.Diameter)
	_, badRate := proto.SetRate(c.Rate)
	switch {
	case c.Address < 0 || c.Address > proto.MaxAddress:
		return fmt.Errorf("%s: address %d: must be 0 to %d", c.Name, c.Address, proto.MaxAddress)
	case badDiameter != nil:
		return fmt.Errorf("%s: syringe: %w", c.Name, badDiameter)
	case badRate != nil:
		return fmt.Errorf("%s: %w", c.Name, badRate)
	case c.Max <= 0 || c.Max > largestVolume || c.Min < 0 || c.Min > c.Max:
		return fmt.Errorf("%s: doses from %s to %s: must be within 0 and %s", c.Name, c.Min, c.Max, largestVolume)
	case c.Residual < 0:
		return fmt.Errorf("%s: residual volume %s", c.Name, c.Residual)
	case c.DeadMan < time.Second || c.DeadMan > maxDeadMan || c.DeadMan%time.Second != 0:
		return fmt.Errorf("%s: dead-man time %s: must be whole seconds, 1 s to %s", c.Name, c.DeadMan, maxDeadMan)
	}
	return nil
}

func (p *Pump) start(ctx context.Context) error {
	if err := p.enterSafeMode(ctx); err != nil {
		return p.errorf("opening", err)
	}
	_, err := p.Identify(ctx)
	return err
}

// Identify asks for model and firmware; the pump tells no serial number.
func (p *Pump) Identify(ctx context.Context) (devices.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.query(ctx, proto.Version, isVersion)
	if err != nil {
		return devices.Identity{}, p.errorf("identifying", err)
	}
	fw, err := proto.ParseVersion(r.Data)
	if err != nil {
		return devices.Identity{}, p.errorf("identifying", err)
	}
	id := devices.Identity{Model: fw.Model, Firmware: fw.Version}
	if p.cfg.Firmware != "" && r.Data != p.cfg.Firmware {
		return id, p.errorf("identifying", fmt.Errorf("it answers %q, registered is %q: %w",
			r.Data, p.cfg.Firmware, devices.ErrWrongDevice))
	}
	return id, nil
}

// Limits for a dose of v: the pump counts in four digits, so from 10 mL up doses are multiples of 10 µL.
func (p *Pump) Limits(v measure.Volume) (devices.Limits, error) {
	l := devices.Limits{Min: max(p.cfg.Min, 1), Max: p.cfg.Max, Resolution: resolution(v)}
	if v < l.Min || v > l.Max {
		return l, fmt.Errorf("%s: a dose of %s is not between %s and %s: %w", p.cfg.Name, v, l.Min, l.Max, devices.ErrOutOfRange)
	}
	if v%l.Resolution != 0 {
		return l, fmt.Errorf("%s: a dose of %s is not a multiple of %s: %w", p.cfg.Name, v, l.Resolution, devices.ErrOutOfRange)
	}
	return l, nil
}

func resolution(v measure.Volume) measure.Volume {
	if v < fineUpTo {
		return 1
	}
	return coarse
}

// Profile is how the pump is set up.
func (p *Pump) Profile() devices.Profile {
	return devices.Profile{
		Min: max(p.cfg.Min, 1), Max: p.cfg.Max, Rate: p.cfg.Rate, Tube: int64(p.cfg.Diameter), Residual: p.cfg.Residual,
	}
}

// State asks what the pump is doing and what it has counted since Arm.
func (p *Pump) State(ctx context.Context) (devices.PumpState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st, _, err := p.totals(ctx)
	if err != nil {
		return devices.PumpState{}, p.errorf("asking its state", err)
	}
	return st, nil
}

// Stop ends any motion, also a paused one, and returns when the pump says that it stands still.
func (p *Pump) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.stop(ctx); err != nil {
		return p.errorf("stopping", err)
	}
	return nil
}

// stop sends STP, which first pauses and then stops, until the pump answers a different question from standstill. The
// answer to STP itself proves nothing: it could be an older answer that came late.
func (p *Pump) stop(ctx context.Context) error {
	var err error
	for range attempts + 2 {
		if _, err = p.exchange(ctx, proto.Stop, isBare); errors.Is(err, devices.ErrDisconnected) || ctx.Err() != nil {
			return err
		}
		var r proto.Reply
		if r, err = p.query(ctx, proto.Version, isVersion); err != nil {
			continue
		}
		if r.State == proto.Stopped {
			return nil
		}
		err = fmt.Errorf("it goes on, state %c: %w", r.State, devices.ErrRefused)
	}
	return err
}

// Close frees the link. A pump that moves is not stopped here; it stops by itself after the dead-man time.
func (p *Pump) Close() error { return p.link.Close() }

func (p *Pump) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", p.cfg.Name, doing, err)
}
