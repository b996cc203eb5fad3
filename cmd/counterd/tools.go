package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/station"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type journalCommand struct {
	Verify verifyCommand `cmd:"" help:"Check every row, link and signature, and name the first bad one."`
}

type verifyCommand struct {
	Dir string `default:"${default_dir}" env:"LIEU_COUNTER_DIR" help:"The counter's directory."`
}

// Run checks the journal. It works on a copied directory too, without the private key.
func (v *verifyCommand) Run(ctx context.Context) error {
	path := station.JournalPath(v.Dir)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	identity, err := station.LoadIdentity(v.Dir)
	if err != nil && !errors.Is(err, station.ErrNotEnrolled) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sum, err := station.VerifyJournal(ctx, path, identity.PublicKey())
	if err != nil {
		return err
	}
	return print(sum)
}

func print(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

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

type simulateCommand struct {
	Dir       string   `required:"" help:"Where the devices and the control socket are published."`
	Seed      uint64   `default:"1" help:"The same seed gives the same liquid."`
	Counters  []string `default:"counter" help:"Names of the counters; the i-th has the devices pump<i>, scale<i> and scanner<i>."`
	Attendant bool     `help:"Keep an empty cup on each pan, and take a full one away at the next scan."`
	Speed     float64  `default:"1" help:"How much faster than time the physics run."`
	Density   string   `default:"1.06" help:"Of the liquid, in g/mL."`
	Bottle    string   `default:"1000" help:"In each bottle, in mL."`
	Bias      float64  `help:"Relative error of the pumps; 0.01 is 1 % more."`
	Unprimed  bool     `help:"The tubes are empty at first."`
}

// Run simulates until it is told to stop.
func (s *simulateCommand) Run(ctx context.Context, log *slog.Logger) error {
	density, err := measure.ParseDensity(s.Density, measure.English)
	if err != nil {
		return fmt.Errorf("density: %w", err)
	}
	bottle, err := measure.ParseVolume(s.Bottle, measure.English)
	if err != nil {
		return fmt.Errorf("bottle: %w", err)
	}
	bench, err := sim.NewBench(sim.Config{
		Now: time.Now, Seed: s.Seed, Dir: s.Dir, Counters: sim.Named(s.Counters...), Speed: s.Speed, Attendant: s.Attendant,
		Bottle: bottle, Density: density, PumpBias: s.Bias, Unprimed: s.Unprimed,
	})
	if err != nil {
		return err
	}
	log.Info("SIMULATED devices are ready", "dir", s.Dir, "counters", s.Counters)
	<-ctx.Done()
	return bench.Close()
}

type benchCommand struct {
	Dir     string `required:"" help:"Directory of the simulated devices."`
	Counter string `help:"Name of the counter, where there is more than one."`

	Scan     benchScan     `cmd:"" help:"Scan a code."`
	PlaceCup benchPlaceCup `cmd:"" help:"Put an empty cup on the pan."`
	LiftCup  benchLiftCup  `cmd:"" help:"Take the cup away; prints what was in it."`
	Pour     benchPour     `cmd:"" help:"Pour by hand."`
	Refill   benchRefill   `cmd:"" help:"Refill the bottle."`
	Fault    benchFault    `cmd:"" help:"Make a fault happen."`
	Unplug   benchUnplug   `cmd:"" help:"Pull a device's cable."`
	Replug   benchReplug   `cmd:"" help:"Put it back."`
	State    benchState    `cmd:"" help:"Print the world as it truly is."`
}

// do sends one request and prints the answer.
func (b *benchCommand) do(r sim.Request) error {
	c, err := sim.Dial(b.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // the answer has come
	r.Counter = b.Counter
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	if resp.Error != "" {
		return errors.New(resp.Error)
	}
	return print(resp)
}

type benchScan struct {
	Text string `arg:"" help:"What the scanner reads."`
}

func (c *benchScan) Run(b *cli) error { return b.Bench.do(sim.Request{Do: "scan", Text: c.Text}) }

type benchPlaceCup struct{}

func (*benchPlaceCup) Run(b *cli) error { return b.Bench.do(sim.Request{Do: "place_cup"}) }

type benchLiftCup struct{}

func (*benchLiftCup) Run(b *cli) error { return b.Bench.do(sim.Request{Do: "lift_cup"}) }

type benchPour struct {
	ML float64 `arg:"" help:"Millilitres."`
}

func (c *benchPour) Run(b *cli) error {
	return b.Bench.do(sim.Request{Do: "pour", Fault: sim.Fault{ML: c.ML}})
}

type benchRefill struct {
	ML float64 `arg:"" help:"Millilitres."`
}

func (c *benchRefill) Run(b *cli) error {
	return b.Bench.do(sim.Request{Do: "refill_bottle", Fault: sim.Fault{ML: c.ML}})
}

type benchFault struct {
	Device  string  `arg:"" help:"pump0, scale0, scanner0, …"`
	Kind    string  `arg:"" help:"lost_reply, late_reply, duplicate_reply, garbled_reply, truncated_reply, unplug_in_reply, lost_command, power_cycle, bubble, occlusion, unprime, unstable or clear."`
	Count   int     `help:"How many replies or commands it befalls."`
	On      string  `help:"Only commands that contain this text, and their answers."`
	Skip    int     `help:"Let that many pass first."`
	At      int     `help:"After that many bytes of a reply."`
	ML      float64 `name:"ml" help:"Millilitres: of a bubble, or pumped before the power fails."`
	Seconds float64 `help:"How long, or how late."`
}

func (c *benchFault) Run(b *cli) error {
	return b.Bench.do(sim.Request{Do: "fault", Fault: sim.Fault{
		Device: c.Device, Kind: sim.Kind(c.Kind), Count: c.Count, On: c.On, Skip: c.Skip, At: c.At, ML: c.ML, Seconds: c.Seconds,
	}})
}

type benchUnplug struct {
	Device string `arg:"" help:"pump0, scale0, scanner0, …"`
}

func (c *benchUnplug) Run(b *cli) error {
	return b.Bench.do(sim.Request{Do: "unplug", Fault: sim.Fault{Device: c.Device}})
}

type benchReplug struct {
	Device string `arg:"" help:"pump0, scale0, scanner0, …"`
}

func (c *benchReplug) Run(b *cli) error {
	return b.Bench.do(sim.Request{Do: "replug", Fault: sim.Fault{Device: c.Device}})
}

type benchState struct{}

func (*benchState) Run(b *cli) error { return b.Bench.do(sim.Request{Do: "state"}) }
