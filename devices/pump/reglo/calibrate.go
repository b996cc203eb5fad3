package reglo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/reglo"
)

const timeDigit = 100 * time.Millisecond // of what the pump can be told

// PumpToMeasure runs the pump's own calibration: a volume in a time, at the rate of a dose.
func (p *Pump) PumpToMeasure(ctx context.Context, v measure.Volume, progress func(devices.PumpState)) (measure.Volume, error) {
	if _, err := p.Limits(v); err != nil {
		return 0, err
	}
	if err := p.startCalibration(ctx, v); err != nil {
		return 0, p.errorf("calibrating", err)
	}
	moved, err := p.follow(ctx, v, progress)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.measured = err == nil
	return moved, err
}

func (p *Pump) startCalibration(ctx context.Context, v measure.Volume) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.armed != 0 {
		return fmt.Errorf("a dose of %s is armed: %w", p.armed, devices.ErrRefused)
	}
	p.measured = false
	if err := p.setCalibration(ctx, v); err != nil {
		return fmt.Errorf("nothing was started: %v: %w", err, devices.ErrRefused)
	}
	return p.run(ctx, proto.CalStart, v)
}

func (p *Pump) setCalibration(ctx context.Context, v measure.Volume) error {
	if err := p.arm(ctx, v); err != nil {
		return err
	}
	d := time.Duration(int64(v) * int64(time.Minute) / int64(p.cfg.Rate))
	text, err := proto.FormatTime(max(timeDigit, (d+timeDigit-1)/timeDigit*timeDigit))
	if err != nil {
		return err
	}
	if _, err := p.order(ctx, p.own(proto.CalDirection, string(proto.Clockwise)), isDone); err != nil {
		return err
	}
	if err := p.store(ctx, proto.CalTarget, int64(v)); err != nil {
		return err
	}
	if _, err := p.order(ctx, p.own(proto.CalTime, text), isDone); err != nil {
		return err
	}
	return p.readBack(ctx, setting{p.own(proto.CalTime, ""), isLine(proto.ParseTime), func(s string) bool { return s == text }})
}

// Measured tells the weighed volume once: told twice it could count twice.
func (p *Pump) Measured(ctx context.Context, v measure.Volume) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.tellMeasured(ctx, v); err != nil {
		return p.errorf("calibrating", err)
	}
	return nil
}

func (p *Pump) tellMeasured(ctx context.Context, v measure.Volume) error {
	if !p.measured || p.armed != 0 {
		return fmt.Errorf("nothing was pumped to be measured: %w", devices.ErrRefused)
	}
	number, err := measuredNumber(v)
	if err != nil {
		return fmt.Errorf("%w: %w", err, devices.ErrRefused)
	}
	if err := p.settle(ctx); err != nil {
		return fmt.Errorf("it was not told: %v: %w", err, devices.ErrRefused)
	}
	p.measured = false
	taken := func(t proto.Token) bool { return isDone(t) || isLine(proto.ParseAnswer)(t) }
	_, err = p.converse(ctx, p.own(proto.CalMeasured, number.Request()), taken)
	if err == nil {
		return nil
	}
	p.dirty = true
	if errors.Is(err, devices.ErrRefused) {
		// The pump waits for a volume that it believes. It is not left waiting.
		_, cancelled := p.order(ctx, p.own(proto.CalCancel, ""), isDone)
		return errors.Join(err, cancelled)
	}
	return err
}

// measuredNumber cuts a weighed volume to the four digits that the pump takes: to 10 µL from 10 mL up.
func measuredNumber(v measure.Volume) (proto.Number, error) {
	if v <= 0 {
		return proto.Number{}, fmt.Errorf("a measured volume of %s", v)
	}
	unit := proto.Unit(v)
	return proto.MakeNumber(int64((v + unit/2) / unit * unit))
}
