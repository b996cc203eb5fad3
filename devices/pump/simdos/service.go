package simdos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/knf"
)

// idle refuses a service while a dose is armed, or while the pump moves.
func (p *Pump) idle(ctx context.Context) error {
	if p.armed != 0 {
		return fmt.Errorf("a dose of %s is armed: %w", p.armed, devices.ErrRefused)
	}
	if err := p.standStill(ctx); err != nil {
		return fmt.Errorf("nothing was started: %v: %w", err, devices.ErrRefused)
	}
	return nil
}

// Prime presses the pump's priming key once.
func (p *Pump) Prime(ctx context.Context) error {
	if err := p.prime(ctx); err != nil {
		return p.errorf("priming", err)
	}
	within, cancel := context.WithTimeout(ctx, primeWithin)
	defer cancel()
	tick := time.NewTicker(p.cfg.Poll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-within.Done():
			return p.errorf("priming", fmt.Errorf("it goes on: %w", devices.ErrNoReply))
		}
		st, err := p.State(within)
		if err != nil {
			return err
		}
		if !st.Moving {
			return primed(p, st)
		}
	}
}

func primed(p *Pump, st devices.PumpState) error {
	if st.Alarm == "" {
		return nil
	}
	return p.errorf("priming", fmt.Errorf("%s: %w", st.Alarm, devices.ErrStalled))
}

func (p *Pump) prime(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.idle(ctx); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return fmt.Errorf("nothing was started: %v: %w", err, devices.ErrRefused)
	}
	p.phase, p.measured = unarmed, false // the count may be of the priming from here on
	_, err := p.converse(ctx, proto.Prime, isDone)
	p.dirty = err != nil
	return err
}

// PumpToMeasure moves a dose like any other.
func (p *Pump) PumpToMeasure(ctx context.Context, v measure.Volume, progress func(devices.PumpState)) (measure.Volume, error) {
	p.mu.Lock()
	armed := p.armed
	p.mu.Unlock()
	if armed != 0 {
		return 0, p.errorf("calibrating", fmt.Errorf("a dose of %s is armed: %w", armed, devices.ErrRefused))
	}
	if err := p.Arm(ctx, v); err != nil {
		if errors.Is(err, devices.ErrRefused) || errors.Is(err, devices.ErrOutOfRange) {
			return 0, err
		}
		return 0, fmt.Errorf("nothing was started: %v: %w", err, devices.ErrRefused)
	}
	moved, err := p.Dispense(ctx, progress)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.measured = err == nil
	return moved, err
}

// Measured sends the measured volume once: sent twice it could count twice.
func (p *Pump) Measured(ctx context.Context, v measure.Volume) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.measured || p.armed != 0 {
		return p.errorf("calibrating", fmt.Errorf("nothing was pumped to be measured: %w", devices.ErrRefused))
	}
	c, err := proto.SetMeasured(v)
	if err != nil {
		return p.errorf("calibrating", fmt.Errorf("%w: %w", err, devices.ErrRefused))
	}
	if err := p.settle(ctx); err != nil {
		return p.errorf("calibrating", fmt.Errorf("it was not told: %v: %w", err, devices.ErrRefused))
	}
	p.measured = false
	if _, err := p.converse(ctx, c, isDone); err != nil {
		p.dirty = true
		return p.errorf("calibrating", err)
	}
	return nil
}
