// Counterd runs one dispensing window: it takes the server's signed orders, pours and weighs, and reports what happened
// with signed records. It also simulates the window's devices and checks a journal without a server.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Run      runCommand      `cmd:"" help:"Run the counter of one dispensing window."`
	Enroll   enrollCommand   `cmd:"" help:"Make this counter known to a server with a one-time code."`
	Ports    portsCommand    `cmd:"" help:"List the serial ports: stable names, adapters, who uses them. Opens none."`
	Devices  devicesCommand  `cmd:"" help:"List the counter's devices: what is configured, connected, unknown."`
	Probe    probeCommand    `cmd:"" help:"Ask a device who it is and how it does, and show what passes on its port. Nothing moves."`
	Home     homeCommand     `cmd:"" help:"Initialise a pump that lost its place: what its syringe holds comes out of the nozzle."`
	Decode   decodeCommand   `cmd:"" help:"Say what bytes on a device's line mean: hexadecimal in, JSON out."`
	Journal  journalCommand  `cmd:"" help:"Look at the journal of a counter that is not running."`
	Simulate simulateCommand `cmd:"" help:"Simulate the devices of counters on pseudo-terminals."`
	Bench    benchCommand    `cmd:"" help:"Act at a simulated counter."`
	Version  versionCommand  `cmd:"" help:"Print the version."`

	LogLevel slog.Level `default:"info" env:"LIEU_LOG_LEVEL" help:"Least level that is logged: debug, info, warn or error."`
}

func main() {
	var c cli
	parsed := kong.Parse(&c, kong.Name("counterd"), kong.UsageOnError(), kong.Vars{"default_dir": defaultDir},
		kong.Description("The counter daemon of Lieu."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(log, &c)
	parsed.FatalIfErrorf(parsed.Run())
}

type versionCommand struct{}

func (versionCommand) Run() error {
	fmt.Println(version())
	return nil
}

// version is what the build knows of its source.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return info.Main.Version + " " + s.Value
		}
	}
	return info.Main.Version
}
