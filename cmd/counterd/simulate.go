package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type simulateCommand struct {
	Dir       string   `required:"" help:"Where the devices and the control socket are published."`
	Bench     string   `help:"File that says what stands there (docs/counter.md); a flag wins over it." placeholder:"FILE"`
	Record    string   `help:"Write what passes on each port to DIR/<port>.transcript." placeholder:"DIR"`
	Seed      *uint64  `help:"The same seed gives the same liquid. 1 when left out."`
	Counters  []string `help:"Names of the counters; the i-th has the devices pump<i>, scale<i> and scanner<i>. One, named counter, when left out."`
	Attendant bool     `help:"Keep an empty cup on each pan, and take a full one away at the next scan."`
	Speed     float64  `help:"How much faster than time the physics run. 1 when left out."`
	Density   string   `help:"Of the liquid, in g/mL. 1.06 when left out."`
	Bottle    string   `help:"In each bottle, in mL. 1000 when left out."`
	Bias      float64  `help:"Relative error of the pumps; 0.01 is 1 % more."`
	Unprimed  bool     `help:"The tubes are empty at first."`
}

// Run simulates until it is told to stop.
func (s *simulateCommand) Run(ctx context.Context, log *slog.Logger) (err error) {
	file, err := s.file()
	if err != nil {
		return err
	}
	cfg, err := file.config()
	if err != nil {
		return err
	}
	cfg.Now, cfg.Dir = time.Now, s.Dir
	if s.Record != "" {
		tapes, err := newRecorder(s.Record)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, tapes.close()) }()
		cfg.Record = tapes.record
	}
	bench, err := sim.NewBench(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bench.Close()) }()
	for _, f := range file.Faults {
		if err := bench.Fault(f); err != nil {
			return err
		}
	}
	var names []string
	for _, c := range bench.State().Counters {
		names = append(names, c.Name)
	}
	log.Info("SIMULATED devices are ready", "dir", s.Dir, "counters", names, "faults", len(file.Faults))
	<-ctx.Done()
	return nil
}

// benchFile is the file of --bench. Every field may be left out; an unknown one is an error.
type benchFile struct {
	Seed      uint64      `yaml:"seed"`
	Speed     float64     `yaml:"speed"`
	Attendant bool        `yaml:"attendant"`
	Bottle    string      `yaml:"bottle_ml"`
	Density   string      `yaml:"density_g_ml"`
	Cup       string      `yaml:"cup_g"`
	Bias      float64     `yaml:"bias"`
	Unprimed  bool        `yaml:"unprimed"`
	Counters  []benchSpot `yaml:"counters"`
	Faults    []sim.Fault `yaml:"faults"`
}

// benchSpot is one counter and what stands there.
type benchSpot struct {
	Name    string      `yaml:"name"`
	Pump    benchDevice `yaml:"pump"`
	Scale   benchDevice `yaml:"scale"`
	Scanner benchDevice `yaml:"scanner"`
	Printer benchDevice `yaml:"printer"`
}

type benchDevice struct {
	Model   string            `yaml:"model"`
	Baud    uint32            `yaml:"baud"`
	Options map[string]string `yaml:",inline"`
}

// file is the file, if there is one, with the flags over it.
func (s *simulateCommand) file() (benchFile, error) {
	f := benchFile{Seed: 1}
	if s.Bench != "" {
		text, err := os.ReadFile(s.Bench)
		if err != nil {
			return f, err
		}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
			return f, fmt.Errorf("%s: %w", s.Bench, err)
		}
	}
	if s.Seed != nil {
		f.Seed = *s.Seed
	}
	if len(s.Counters) > 0 {
		f.rename(s.Counters)
	}
	f.Attendant = f.Attendant || s.Attendant
	f.Unprimed = f.Unprimed || s.Unprimed
	f.Speed, f.Bias = orElse(s.Speed, f.Speed), orElse(s.Bias, f.Bias)
	f.Density, f.Bottle = orElse(s.Density, f.Density), orElse(s.Bottle, f.Bottle)
	return f, nil
}

// rename gives the counters these names. Counters that the file does not know have the first models.
func (f *benchFile) rename(names []string) {
	spots := make([]benchSpot, len(names))
	copy(spots, f.Counters)
	for i, name := range names {
		spots[i].Name = name
	}
	f.Counters = spots
}

func (f benchFile) config() (c sim.Config, err error) {
	c = sim.Config{Seed: f.Seed, Speed: f.Speed, Attendant: f.Attendant, PumpBias: f.Bias, Unprimed: f.Unprimed}
	if f.Speed < 0 || f.Speed > 1000 {
		return c, fmt.Errorf("speed: %g is not between 0 and 1000", f.Speed)
	}
	if f.Bottle != "" {
		if c.Bottle, err = measure.ParseVolume(f.Bottle, measure.English); err != nil || c.Bottle <= 0 {
			return c, fmt.Errorf("bottle: %q is not a volume in mL", f.Bottle)
		}
	}
	if f.Density != "" {
		if c.Density, err = measure.ParseDensity(f.Density, measure.English); err != nil || c.Density <= 0 {
			return c, fmt.Errorf("density: %q is not a density in g/mL", f.Density)
		}
	}
	if c.CupWeight, err = grams("cup_g", f.Cup); err != nil {
		return c, err
	}
	c.Counters, err = f.counters()
	return c, err
}

func (f benchFile) counters() ([]sim.CounterConfig, error) {
	var all []sim.CounterConfig
	known := map[string]bool{}
	for i, spot := range f.Counters {
		name := orElse(spot.Name, fmt.Sprintf("counter %d", i))
		if known[name] {
			return nil, fmt.Errorf("two counters are named %q", name)
		}
		known[name] = true
		all = append(all, sim.CounterConfig{
			Name: name, Pump: spot.Pump.config(), Scale: spot.Scale.config(), Scanner: spot.Scanner.config(),
			Printer: spot.Printer.config(),
		})
	}
	return all, nil
}

func (d benchDevice) config() sim.DeviceConfig {
	return sim.DeviceConfig{Model: d.Model, Baud: d.Baud, Options: d.Options}
}

// recorder writes a transcript of each port. The first error stays; the bench goes on.
type recorder struct {
	dir string

	mu    sync.Mutex
	tapes map[string]*os.File
	err   error
}

func newRecorder(dir string) (*recorder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // what a simulated device said is no secret
		return nil, err
	}
	return &recorder{dir: dir, tapes: make(map[string]*os.File)}, nil
}

func (r *recorder) record(device string, p devices.Passage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	tape, ok := r.tapes[device]
	if !ok {
		if tape, r.err = os.Create(filepath.Join(r.dir, device+".transcript")); r.err != nil {
			return
		}
		r.tapes[device] = tape
	}
	_, r.err = fmt.Fprintln(tape, p)
}

func (r *recorder) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tape := range r.tapes {
		r.err = errors.Join(r.err, tape.Close())
	}
	return r.err
}
