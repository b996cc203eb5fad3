package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type homeCommand struct {
	Model   string            `required:"" help:"Model of the catalogue."`
	Port    string            `required:"" help:"Serial port. The counter daemon must not be running on it."`
	Option  map[string]string `help:"Options of the device, as in the configuration: address and ports must be the right ones."`
	Timeout time.Duration     `default:"3m" help:"For the pump to find its home."`
	CupAway bool              `help:"I have looked: no cup stands under the nozzle, a waste vessel does."`
}

var errCup = errors.New("what the syringe holds will come out: put a waste vessel under the nozzle, then say so with --cup-away")

// Run homes the pump, after a person has said that no cup is there. What comes out is weighed and booked as waste.
func (h *homeCommand) Run(ctx context.Context) (err error) {
	if !h.CupAway {
		return errCup
	}
	ctx, done := context.WithTimeout(ctx, h.Timeout)
	defer done()
	o, err := deviceConfig{Model: h.Model, Port: h.Port, Options: h.Option}.options(h.Model, os.TempDir())
	if err != nil {
		return err
	}
	// Homing asks for no dose; the driver only wants to have these.
	o.Diameter, o.Rate, o.Max = orElse(o.Diameter, 26_700), orElse(o.Rate, 10_000), orElse(o.Max, 10*measure.Millilitre)
	o.Cavro.Syringe = orElse(o.Cavro.Syringe, 5*measure.Millilitre)
	pump, err := catalog.OpenPump(ctx, h.Model, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pump.Close()) }()
	p, ok := pump.(devices.Initialiser)
	if !ok {
		return fmt.Errorf("%s has no home to find", h.Model)
	}
	if err := p.Initialise(ctx); err != nil {
		return err
	}
	state, err := pump.State(ctx)
	return errors.Join(err, print(map[string]any{"model": h.Model, "port": h.Port, "state": state}))
}
