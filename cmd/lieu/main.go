// Lieu starts a whole clinic on this machine, to look at and to play with: a fictional province with its server and a
// window with simulated devices.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	_ "time/tzdata" // small images have no time zones

	"github.com/lieu-clinic/lieu/internal/demo"
)

type cli struct {
	Demo     demoCommand     `cmd:"" default:"withargs" help:"Start a fictional clinic: database, server, simulated counter."`
	Simulate simulateCommand `cmd:"" help:"Simulate a morning: how long patients wait, by a model, by theory, and through the real server and counters."`
}

func main() {
	var c cli
	parsed := kong.Parse(&c, kong.Name("lieu"), kong.UsageOnError(), kong.Description("A clinic to try."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.FatalIfErrorf(parsed.Run())
}

type demoCommand struct {
	Dir      string `default:"var/demo" env:"LIEU_DEMO_DIR" help:"Folder of the demonstration's own. It refuses one that holds anything else."`
	Listen   string `default:"127.0.0.1:8080" env:"LIEU_LISTEN" help:"Address of the server; the next free port when it is taken."`
	Auto     bool   `help:"Let the simulated window serve patients by itself."`
	Served   int    `default:"40" help:"How many, with --auto."`
	Patients int    `default:"724" help:"Patients of a new province, five or more."`
	Seed     uint64 `default:"1" help:"Of a new province: the same number gives the same people."`
	Fresh    bool   `help:"Begin again with a new province."`
}

// Run keeps the clinic going until a signal ends it.
func (d *demoCommand) Run(ctx context.Context) error {
	if d.Patients < 5 {
		return fmt.Errorf("%d patients are too few for five clinics", d.Patients)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("where this program is: %w", err)
	}
	c := demo.Config{
		Dir: d.Dir, Listen: d.Listen, Programs: filepath.Dir(self), Patients: d.Patients, Seed: d.Seed, Fresh: d.Fresh,
		Now: time.Now, Out: os.Stdout,
	}
	if d.Auto {
		c.Auto = d.Served
	}
	return demo.Run(ctx, c)
}
