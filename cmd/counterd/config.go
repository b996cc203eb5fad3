package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/internal/station"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/andstd"
	"github.com/lieu-clinic/lieu/pkg/protocol/cavro"
	"github.com/lieu-clinic/lieu/pkg/protocol/knf"
	"github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

// config is the counter's file. Every field may be left out.
type config struct {
	Server  string `yaml:"server"` // instead of the one enrolled with
	Listen  string `yaml:"listen"`
	CA      string `yaml:"ca"`       // PEM file of the authority that signed the server's certificate
	LockDir string `yaml:"lock_dir"` // for the lock files of serial ports
	Devices struct {
		Scale   deviceConfig `yaml:"scale"`
		Pump    deviceConfig `yaml:"pump"`
		Scanner deviceConfig `yaml:"scanner"`
		Printer deviceConfig `yaml:"printer"`
	} `yaml:"devices"`
	Cup struct {
		Min string `yaml:"min_g"`
		Max string `yaml:"max_g"`
	} `yaml:"cup"`
	Timing struct {
		CupWait      time.Duration `yaml:"cup_wait"`
		Settle       time.Duration `yaml:"settle"`
		SettleWithin time.Duration `yaml:"settle_within"`
		Drip         time.Duration `yaml:"drip"`
		Reopen       time.Duration `yaml:"reopen"`
		Recover      time.Duration `yaml:"recover"`
		Manual       time.Duration `yaml:"manual"`
	} `yaml:"timing"`
}

// readConfig reads a file; a missing one is an error only when it was asked for by name. Unknown keys are errors.
func readConfig(path string, named bool) (c config, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	defer func() { _ = f.Close() }() // it was only read
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c config) pour() (p station.PourConfig, err error) {
	p = station.PourConfig{
		CupWait: c.Timing.CupWait, SettleSpan: c.Timing.Settle, SettleWithin: c.Timing.SettleWithin, Drip: c.Timing.Drip,
		Reopen: c.Timing.Reopen, Recover: c.Timing.Recover, Manual: c.Timing.Manual,
	}
	if p.CupMin, err = grams("cup min_g", c.Cup.Min); err != nil {
		return p, err
	}
	p.CupMax, err = grams("cup max_g", c.Cup.Max)
	return p, err
}

func grams(what, s string) (measure.Weight, error) {
	if s == "" {
		return 0, nil
	}
	w, err := measure.ParseWeight(s, measure.English)
	if err != nil || w <= 0 {
		return 0, fmt.Errorf("%s: %q is not a weight in grams", what, s)
	}
	return w, nil
}

// deviceConfig is one device: a mapping in the file, "model,port,key=value,…" as a flag.
type deviceConfig struct {
	Model   string            `yaml:"model"`
	Port    string            `yaml:"port"`
	Options map[string]string `yaml:",inline"`
}

// UnmarshalText reads the form of a flag.
func (d *deviceConfig) UnmarshalText(b []byte) error {
	parts := strings.Split(string(b), ",")
	d.Model, d.Options = parts[0], map[string]string{}
	rest := parts[1:]
	if len(rest) > 0 && !strings.Contains(rest[0], "=") {
		d.Port, rest = rest[0], rest[1:]
	}
	for _, p := range rest {
		key, value, ok := strings.Cut(p, "=")
		if !ok {
			return fmt.Errorf("%q is not key=value", p)
		}
		d.Options[key] = value
	}
	return nil
}

func (d deviceConfig) configured() bool { return d.Model != "" }

// options turns the words of the configuration into the catalogue's.
func (d deviceConfig) options(name, lockDir string) (catalog.Options, error) {
	o := catalog.Options{Name: name, Path: d.Port, LockDir: lockDir, Now: time.Now}
	read := map[string]func(string) error{
		"serial":         func(s string) error { o.Registered = s; return nil },
		"baud":           func(s string) (err error) { o.Baud, err = strconv.Atoi(s); return err },
		"framing":        func(s string) error { o.Framing = s; _, err := serialport.ParseFraming(s); return err },
		"profile":        func(s string) error { o.Profile = s; return nil },
		"rs485":          func(s string) (err error) { o.Station, err = station485(s); return err },
		"checksum":       func(s string) (err error) { o.Checksum, err = yesNo(s); return err },
		"address":        func(s string) (err error) { o.Address, err = strconv.Atoi(s); return err },
		"min_ml":         func(s string) (err error) { o.Min, err = measure.ParseVolume(s, measure.English); return err },
		"max_ml":         func(s string) (err error) { o.Max, err = measure.ParseVolume(s, measure.English); return err },
		"dead_man":       func(s string) (err error) { o.DeadMan, err = time.ParseDuration(s); return err },
		"stable_timeout": func(s string) (err error) { o.StableTimeout, err = time.ParseDuration(s); return err },
		"residual_ml":    func(s string) (err error) { o.Residual, err = measure.ParseVolume(s, measure.English); return err },
		"back_steps":     func(s string) (err error) { o.BackSteps, err = strconv.Atoi(s); return err },
		"dose_mode":      func(s string) error { n, err := strconv.Atoi(s); o.DoseMode = knf.Mode(n); return err },
		"syringe_ml": func(s string) (err error) {
			o.Cavro.Syringe, err = measure.ParseVolume(s, measure.English)
			return err
		},
		"stroke":       func(s string) error { n, err := strconv.Atoi(s); o.Cavro.Stroke = cavro.Stroke(n); return err },
		"input_port":   func(s string) (err error) { o.Cavro.Input, err = strconv.Atoi(s); return err },
		"output_port":  func(s string) (err error) { o.Cavro.Output, err = strconv.Atoi(s); return err },
		"turn":         func(s string) (err error) { o.Cavro.CounterClockwise, err = counterClockwise(s); return err },
		"homing_force": func(s string) (err error) { o.Cavro.HomingForce, err = strconv.Atoi(s); return err },
		"start_speed":  func(s string) (err error) { o.Cavro.Start, err = strconv.Atoi(s); return err },
		"cutoff_speed": func(s string) (err error) { o.Cavro.Cutoff, err = strconv.Atoi(s); return err },
		"slope":        func(s string) (err error) { o.Cavro.Slope, err = strconv.Atoi(s); return err },
		"wait":         func(s string) (err error) { o.Cavro.Wait, err = time.ParseDuration(s); return err },
		"settings":     func(s string) error { o.Cavro.Settings = s; return nil },
		"diameter_mm":  func(s string) error { n, err := thousandths(s); o.Diameter = newera.Length(n); return err },
		"rate_ml_min":  func(s string) error { n, err := thousandths(s); o.Rate = measure.Flow(n); return err },
	}
	for key, value := range d.Options {
		set, ok := read[key]
		if !ok {
			return o, fmt.Errorf("%s has no option %q; there are: %s", name, key,
				strings.Join(slices.Sorted(maps.Keys(read)), ", "))
		}
		if err := set(value); err != nil {
			return o, fmt.Errorf("%s, option %s: %w", name, key, err)
		}
	}
	return o, nil
}

// station485 reads an address on RS-485, which A&D counts from 0 to 99.
func station485(s string) (andstd.Station, error) {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n > 99 {
		return andstd.Station{}, fmt.Errorf("%q is not a station from 0 to 99", s)
	}
	return andstd.Station{Addressed: true, Address: int(n)}, nil
}

func yesNo(s string) (bool, error) {
	switch s {
	case "yes", "true":
		return true, nil
	case "no", "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", s)
}

// counterClockwise reads the sense in which the ports of a valve are counted.
func counterClockwise(s string) (bool, error) {
	switch s {
	case "clockwise":
		return false, nil
	case "counterclockwise":
		return true, nil
	}
	return false, fmt.Errorf("%q is neither clockwise nor counterclockwise", s)
}

// thousandths reads a positive decimal with at most three places, exactly.
func thousandths(s string) (int64, error) {
	whole, places, _ := strings.Cut(s, ".")
	n, err := strconv.ParseUint((whole + (places + "000")[:3]), 10, 40)
	if err != nil || len(places) > 3 || n == 0 {
		return 0, fmt.Errorf("%q is not a positive number with at most three decimals", s)
	}
	return int64(n), nil
}

// place binds the configured devices to the station's needs. It checks models and options, and opens nothing. A device
// that is configured wrongly stays one that cannot be opened, with the reason, and the others work: the error joins what
// is wrong with each.
func (c config) place(into *station.Config, dir string) error {
	lockDir := c.locks(dir)
	return errors.Join(
		bind(c.Devices.Scale, catalog.Scale, lockDir, c.clash(catalog.Scale), &into.Scale, catalog.OpenScale),
		bind(c.Devices.Pump, catalog.Pump, lockDir, c.clash(catalog.Pump), &into.Pump, catalog.OpenPump),
		bind(c.Devices.Scanner, catalog.Scanner, lockDir, c.clash(catalog.Scanner), &into.Scanner, catalog.OpenScanner),
		bind(c.Devices.Printer, catalog.Printer, lockDir, c.clash(catalog.Printer), &into.Printer, catalog.OpenPrinter),
	)
}

// sharedLocks is where every program of a machine may have its lock files.
const sharedLocks = "/run/lock"

// locks is the directory for the lock files of serial ports. Two counters on one machine must agree on it, so where the
// system has a place for that it is there; otherwise in the counter's own directory, and without one among the
// temporary files.
func (c config) locks(dir string) string {
	switch {
	case c.LockDir != "":
		return c.LockDir
	case mayWrite(sharedLocks):
		return sharedLocks
	case mayWrite(dir):
		return dir
	}
	return os.TempDir()
}

func mayWrite(dir string) bool {
	if dir == "" {
		return false
	}
	f, err := os.CreateTemp(dir, ".lieu-*")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

// devices are the configured ones.
func (c config) devices() map[catalog.Kind]deviceConfig {
	all := map[catalog.Kind]deviceConfig{
		catalog.Scale: c.Devices.Scale, catalog.Pump: c.Devices.Pump, catalog.Scanner: c.Devices.Scanner,
		catalog.Printer: c.Devices.Printer,
	}
	maps.DeleteFunc(all, func(_ catalog.Kind, d deviceConfig) bool { return !d.configured() })
	return all
}

// clash is an error when another device is configured on the same port, under whatever name.
func (c config) clash(kind catalog.Kind) error {
	all := c.devices()
	own := all[kind].Port
	for _, other := range slices.Sorted(maps.Keys(all)) {
		if own != "" && other != kind && samePort(own, all[other].Port) {
			return fmt.Errorf("%s and %s are both configured on %s: give each a port of its own"+
				" (`counterd ports` lists what is plugged in)", kind, other, own)
		}
	}
	return nil
}

func samePort(a, b string) bool {
	if a == b {
		return true
	}
	realA, errA := filepath.EvalSymlinks(a)
	realB, errB := filepath.EvalSymlinks(b)
	return errA == nil && errB == nil && realA == realB
}

func bind[D interface{ Close() error }](d deviceConfig, kind catalog.Kind, lockDir string, clash error, into *station.Device[D],
	open func(context.Context, string, catalog.Options) (D, error)) error {
	if !d.configured() {
		return nil
	}
	model, err := catalog.Find(kind, d.Model)
	if err == nil && model.ByHand {
		return nil
	}
	into.Model = d.Model
	o, optionErr := d.options(string(kind), lockDir)
	if err == nil && optionErr == nil {
		optionErr = o.Check(model)
	}
	if err = errors.Join(err, optionErr, d.noPort(kind), clash); err != nil {
		into.Open = func(context.Context) (none D, _ error) { return none, err }
		return err
	}
	into.Open = func(ctx context.Context) (D, error) {
		dev, err := open(ctx, d.Model, o)
		return dev, advise(d, err)
	}
	return nil
}

func (d deviceConfig) noPort(kind catalog.Kind) error {
	if d.Port == "" {
		return fmt.Errorf("%s: no port is given; `counterd ports` lists what is plugged in", kind)
	}
	return nil
}

// advise adds to an error of opening what a technician can do. Errors of the port itself say so already.
func advise(d deviceConfig, err error) error {
	switch {
	case errors.Is(err, devices.ErrWrongDevice):
		return fmt.Errorf("%w: put the registered device back or, if the change is meant, change its serial in the configuration", err)
	case errors.Is(err, devices.ErrGarbled):
		return fmt.Errorf("%w: baud rate, parity or data bits of the device differ from those in docs/devices.md, or %s is another"+
			" device's port; `counterd probe --model %s --port %s` shows what passes", err, d.Port, d.Model, d.Port)
	case errors.Is(err, devices.ErrNoReply), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: is it switched on, is %s its port, and are its baud rate, parity and address those in docs/devices.md?"+
			" `counterd probe --model %s --port %s` shows what passes", err, d.Port, d.Model, d.Port)
	}
	return err
}
