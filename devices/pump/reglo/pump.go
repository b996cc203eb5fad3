// Package reglo drives one channel of an Ismatec Reglo ICC peristaltic pump. It goes on without a host until the dose is
// done. Only the tube is wetted, and how much a turn holds changes as the tube ages: without a balance that weighs each
// dose, and a calibration of the day, its volumes are no facts.
//
// Nothing on this wire has a check. Every setting is read back, every total is read twice, and what a bare character
// grants is believed only when the pump is seen to do it. Whether the pump restarted shows by its events being
// off: they are switched on when a dose is armed, and a pump that lost its power has them off.
//
// Manual: Ismatec, "REGLO ICC operating manual", 14-036-E, chapters 14 to 18.
package reglo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/reglo"
)

// Config of a pump. Tube, Rate and Max are needed.
type Config struct {
	// Name stands in errors, "pump0".
	Name string
	// Channel is the one that doses, 1 to 4; 0 is 1. The others must stand still.
	Channel int
	// Identity is what # answers on the registered pump: model, firmware and head. When set, another answer is refused
	// with ErrWrongDevice.
	Identity string
	// Tube is the inner diameter in µm, whole hundredths of a millimetre. It is compared with the pump's own setting and
	// never set: setting it throws the calibration away.
	Tube int64
	// Rate is how fast a dose is pumped.
	Rate     measure.Flow
	Min, Max measure.Volume // of one dose
	// BackSteps is how many steps the rollers turn back after a dose, so that no drop hangs.
	BackSteps int
	// Residual is the volume of the tube, for the profile.
	Residual measure.Volume
	// ReplyTimeout is for one answer; 0 is 1 s.
	ReplyTimeout time.Duration
	// Poll is how often the volume is asked while the pump moves; 0 is 150 ms.
	Poll time.Duration
}

const (
	attempts      = 4 // of a query or a setting; of a motion always one
	maxChannel    = 4
	hundredth     = 10 // µm
	maxBackSteps  = 100
	largestVolume = 100*measure.Millilitre - 10*measure.Microlitre
)

// Pump is one channel of a pump. Stop may be called while Dispense runs in another goroutine; everything else is for one
// goroutine at a time.
type Pump struct {
	cfg Config

	mu     sync.Mutex // one exchange on the link at a time
	link   devices.Link
	frames proto.ReplyFramer
	buf    [256]byte
	unread []byte // of buf
	dirty  bool   // an answer may still be on its way: resynchronise before the next request

	seen  measure.Volume // the highest total since it was armed
	lost  bool           // the pump restarted since it was armed: its total is no fact
	cause byte           // why the channel stopped by itself, as its event said; 0 for none

	armed    measure.Volume // 0: not armed
	measured bool           // a volume was pumped to be measured
}

var (
	_ devices.Pump       = (*Pump)(nil)
	_ devices.Profiler   = (*Pump)(nil)
	_ devices.Calibrator = (*Pump)(nil)
)

// Open takes over the link and checks who is there. It moves nothing and stops nothing. On an error the link is closed.
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
	if c.Channel == 0 {
		c.Channel = 1
	}
	if c.ReplyTimeout == 0 {
		c.ReplyTimeout = time.Second
	}
	if c.Poll == 0 {
		c.Poll = 150 * time.Millisecond
	}
	_, badRate := proto.MakeNumber(int64(c.Rate))
	switch {
	case c.Channel < 1 || c.Channel > maxChannel:
		return fmt.Errorf("%s: channel %d: must be 1 to %d", c.Name, c.Channel, maxChannel)
	case c.Tube <= 0 || c.Tube%hundredth != 0:
		return fmt.Errorf("%s: tube of %d µm: must be whole hundredths of a millimetre", c.Name, c.Tube)
	case c.Rate <= 0 || badRate != nil:
		return fmt.Errorf("%s: rate %s: must be positive, with four digits at most", c.Name, c.Rate)
	case c.Max <= 0 || c.Max > largestVolume || c.Min < 0 || c.Min > c.Max:
		return fmt.Errorf("%s: doses from %s to %s: must be within 0 and %s", c.Name, c.Min, c.Max, largestVolume)
	case c.BackSteps < 0 || c.BackSteps > maxBackSteps:
		return fmt.Errorf("%s: %d steps back: must be 0 to %d", c.Name, c.BackSteps, maxBackSteps)
	case c.Residual < 0:
		return fmt.Errorf("%s: residual volume %s", c.Name, c.Residual)
	}
	return nil
}

func (p *Pump) start(ctx context.Context) error {
	if err := p.link.Flush(); err != nil {
		return p.errorf("opening", err)
	}
	_, err := p.Identify(ctx)
	return err
}

// Identify asks for model, firmware and head; the pump tells no serial number.
func (p *Pump) Identify(ctx context.Context) (devices.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, err := p.ask(ctx, p.whole(proto.Identity), isLine(proto.ParseIdentity))
	if err != nil {
		return devices.Identity{}, p.errorf("identifying", err)
	}
	fw, err := proto.ParseIdentity(text)
	if err != nil {
		return devices.Identity{}, p.errorf("identifying", err)
	}
	id := devices.Identity{Model: fw.Model, Firmware: fw.Version}
	if p.cfg.Identity != "" && text != p.cfg.Identity {
		return id, p.errorf("identifying", fmt.Errorf("it answers %q, registered is %q: %w", text, p.cfg.Identity, devices.ErrWrongDevice))
	}
	return id, nil
}

// Limits for a dose of v: the pump is told volumes in four digits, so from 10 mL up doses are multiples of 10 µL.
func (p *Pump) Limits(v measure.Volume) (devices.Limits, error) {
	l := devices.Limits{Min: max(p.cfg.Min, 1), Max: p.cfg.Max, Resolution: proto.Unit(v)}
	if v < l.Min || v > l.Max {
		return l, fmt.Errorf("%s: a dose of %s is not between %s and %s: %w", p.cfg.Name, v, l.Min, l.Max, devices.ErrOutOfRange)
	}
	if v%l.Resolution != 0 {
		return l, fmt.Errorf("%s: a dose of %s is not a multiple of %s: %w", p.cfg.Name, v, l.Resolution, devices.ErrOutOfRange)
	}
	return l, nil
}

// Profile is how the pump is set up.
func (p *Pump) Profile() devices.Profile {
	return devices.Profile{
		Min: max(p.cfg.Min, 1), Max: p.cfg.Max, Rate: p.cfg.Rate, Tube: p.cfg.Tube, Residual: p.cfg.Residual, AntiDrip: p.cfg.BackSteps,
	}
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

// Stop ends any motion of the channel and returns when the pump says that it stands still.
func (p *Pump) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.stop(ctx); err != nil {
		return p.errorf("stopping", err)
	}
	return nil
}

// stop sends the stop until the pump answers another question from standstill. The answer to the stop itself proves
// nothing: it could be an older one that came late.
func (p *Pump) stop(ctx context.Context) error {
	var err error
	for range attempts + 2 {
		if _, err = p.exchange(ctx, p.own(proto.Stop, ""), isDone); errors.Is(err, devices.ErrDisconnected) || ctx.Err() != nil {
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
