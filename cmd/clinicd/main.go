// Clinicd is the clinic's server: the system of record, its REST interface and its screens.
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

	_ "time/tzdata" // small images have no time zones
)

type cli struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve the clinics of a database."`
	Migrate migrateCommand `cmd:"" help:"Bring a database to this program's schema."`
	Verify  verifyCommand  `cmd:"" help:"Read the whole record and print every contradiction. Exit 1 on any."`
	Clinic  clinicCommand  `cmd:"" help:"Clinics."`
	Staff   staffCommand   `cmd:"" help:"People."`
	Station stationCommand `cmd:"" help:"Dispensing windows."`
	Version versionCommand `cmd:"" help:"Print the version."`

	Database string     `default:"sqlite:///var/lib/lieu/lieu.db" env:"LIEU_DATABASE" help:"sqlite:///absolute/path or postgres://…"`
	KeyFile  string     `env:"LIEU_KEY_FILE" type:"path" help:"File with the master key. Beside a SQLite database it is made at the first start; for PostgreSQL it must be named."`
	LogLevel slog.Level `default:"info" env:"LIEU_LOG_LEVEL" help:"Least level that is logged: debug, info, warn or error."`
}

func main() {
	var c cli
	parsed := kong.Parse(&c, kong.Name("clinicd"), kong.UsageOnError(), kong.Description("The clinic server of Lieu."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(log, &c)
	parsed.FatalIfErrorf(parsed.Run())
}

type versionCommand struct{}

// Run prints what the build knows of its source.
func (versionCommand) Run() error {
	fmt.Println(version())
	return nil
}

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
