package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type probeCommand struct {
	Model   string            `required:"" help:"Model of the catalogue."`
	Port    string            `required:"" help:"Serial port."`
	Option  map[string]string `help:"Options of the device, as in the configuration."`
	Timeout time.Duration     `default:"10s" help:"For the device to answer."`
}

// Run opens a device, asks it who it is and how it does, and closes it.
func (p *probeCommand) Run(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, p.Timeout)
	defer done()
	for _, m := range catalog.Models() {
		if m.Name == p.Model && !m.ByHand {
			return p.probe(ctx, m)
		}
	}
	_, err := catalog.Find(catalog.Scale, p.Model)
	return err
}

func (p *probeCommand) probe(ctx context.Context, m catalog.Model) (err error) {
	o, err := deviceConfig{Model: p.Model, Port: p.Port, Options: p.Option}.options(m.Name, os.TempDir())
	if err != nil {
		return err
	}
	found := map[string]any{"kind": m.Kind, "model": m.Name, "port": p.Port}
	switch m.Kind {
	case catalog.Scale:
		s, err := catalog.OpenScale(ctx, m.Name, o)
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }() // it was only asked
		return errors.Join(ask(ctx, found, s, func() (any, error) { return s.Read(ctx) }), print(found))
	case catalog.Pump:
		// What a pump is told before a dose is not sent by opening it; the driver only wants to have it.
		o.Diameter, o.Rate, o.Max = orElse(o.Diameter, 26_700), orElse(o.Rate, 10_000), orElse(o.Max, 10*measure.Millilitre)
		pump, err := catalog.OpenPump(ctx, m.Name, o)
		if err != nil {
			return err
		}
		defer func() { _ = pump.Close() }() // it was only asked
		return errors.Join(ask(ctx, found, pump, func() (any, error) { return pump.State(ctx) }), print(found))
	}
	s, err := catalog.OpenScanner(ctx, m.Name, o)
	if err != nil {
		return err
	}
	return errors.Join(s.Close(), print(found))
}

func ask(ctx context.Context, found map[string]any, who devices.Identifier, state func() (any, error)) (err error) {
	if found["identity"], err = who.Identify(ctx); err != nil {
		return err
	}
	found["state"], err = state()
	return err
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
