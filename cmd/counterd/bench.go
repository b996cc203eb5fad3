package main

import (
	"errors"
	"fmt"

	"github.com/lieu-clinic/lieu/devices/sim"
)

type benchCommand struct {
	Dir     string `help:"Directory of the simulated devices."`
	Counter string `help:"Name of the counter, where there is more than one."`

	Scan     benchScan     `cmd:"" help:"Scan a code."`
	PlaceCup benchPlaceCup `cmd:"" help:"Put an empty cup on the pan."`
	Weight   benchWeight   `cmd:"" help:"Put a check weight on the pan."`
	SwapCup  benchSwapCup  `cmd:"" help:"Put another empty cup in the place of the one on the pan."`
	LiftCup  benchLiftCup  `cmd:"" help:"Take the cup away; prints what was in it."`
	Pour     benchPour     `cmd:"" help:"Pour by hand."`
	Refill   benchRefill   `cmd:"" help:"Refill the bottle."`
	Fault    benchFault    `cmd:"" help:"Make a fault happen; 'bench faults' explains the kinds."`
	Faults   benchFaults   `cmd:"" help:"List the kinds of faults."`
	Unplug   benchUnplug   `cmd:"" help:"Pull a device's cable."`
	Replug   benchReplug   `cmd:"" help:"Put it back."`
	Printed  benchPrinted  `cmd:"" help:"Print what came out of the printer."`
	State    benchState    `cmd:"" help:"Print the world as it truly is."`
}

// do sends one request and prints the answer.
func (b *benchCommand) do(r sim.Request) error {
	if b.Dir == "" {
		return errors.New("which bench? --dir names the directory that 'counterd simulate' was given")
	}
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

type benchWeight struct {
	Grams int64 `arg:"" help:"Its weight in whole grams."`
}

func (w *benchWeight) Run(b *cli) error {
	return b.Bench.do(sim.Request{Do: "place_weight", Grams: w.Grams})
}

type benchLiftCup struct{}

func (*benchLiftCup) Run(b *cli) error { return b.Bench.do(sim.Request{Do: "lift_cup"}) }

type benchSwapCup struct{}

func (*benchSwapCup) Run(b *cli) error { return b.Bench.do(sim.Request{Do: "swap_cup"}) }

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
	Device   string  `arg:"" help:"pump0, scale0, scanner0, …"`
	Kind     string  `arg:"" help:"Kind of fault, see 'counterd bench faults'; clear ends them all."`
	Count    int     `help:"How many replies or commands it befalls; -1 is all, until clear."`
	On       string  `help:"Only commands that contain this text, and their answers."`
	Skip     int     `help:"Let that many pass first."`
	At       int     `help:"After that many bytes of a reply."`
	ML       float64 `name:"ml" help:"Millilitres: of a bubble, a drip, or pumped before the power fails."`
	Seconds  float64 `help:"How long, or how late."`
	Grams    float64 `name:"g" help:"Grams: of a hand or a shake; each minute of drift and evaporation."`
	Relative float64 `help:"Part of the volume: 0.02 is 2 %."`
	Model    string  `help:"Model of the wrong device."`
	Code     int     `help:"Of a pump_error."`
}

func (c *benchFault) Run(b *cli) error {
	return b.Bench.do(sim.Request{Do: "fault", Fault: sim.Fault{
		Device: c.Device, Kind: sim.Kind(c.Kind), Count: c.Count, On: c.On, Skip: c.Skip, At: c.At,
		ML: c.ML, Seconds: c.Seconds, Grams: c.Grams, Relative: c.Relative, Model: c.Model, Code: c.Code,
	}})
}

type benchFaults struct{}

func (*benchFaults) Run() error {
	for _, k := range sim.FaultKinds() {
		if _, err := fmt.Printf("%-16s %s\n", k.Kind, k.Help); err != nil {
			return err
		}
	}
	return nil
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

type benchPrinted struct{}

func (*benchPrinted) Run(b *cli) error { return b.Bench.do(sim.Request{Do: "printed"}) }

type benchState struct{}

func (*benchState) Run(b *cli) error { return b.Bench.do(sim.Request{Do: "state"}) }
