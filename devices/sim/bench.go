package sim

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Config of a bench. Only Now is needed.
type Config struct {
	// Now is the clock of everything; the physics run Speed times as fast.
	Now func() time.Time
	// Seed makes the world: the same seed and the same acts give the same liquid.
	Seed uint64
	// Dir is where the devices and the control socket are published; "" publishes nothing.
	Dir string
	// Counters are the counters; nil is one named "counter". The i-th has the devices pump<i>, scale<i>, scanner<i>.
	Counters []CounterConfig
	// Speed is how many seconds of physics pass in one second; 0 is 1. Protocol time-outs stay as they are.
	Speed float64
	// Attendant keeps an empty cup on each pan and takes a full one away when the next code is scanned.
	Attendant bool

	Bottle    measure.Volume  // in each bottle; 0 is 1 L
	Density   measure.Density // of the liquid; 0 is 1.06 g/mL
	CupWeight measure.Weight  // of an empty cup, about; 0 is 6 g
	PumpBias  float64         // relative error of every volume, 0.01 is 1 % more; each pump has up to 0.2 % of its own
	Unprimed  bool            // the tubes are empty at first: the first 0.8 mL do not arrive

	// Record is told what passes on each port, "pump0", one call at a time for a port; nil is not told.
	Record func(device string, p devices.Passage)

	Scale ScaleConfig
	Pump  PumpConfig
}

// CounterConfig is one counter and what stands on it. The zero value of each device is the bench's first model.
type CounterConfig struct {
	Name                 string
	Pump, Scale, Scanner DeviceConfig
	Printer              DeviceConfig // none when its model is left out
}

// DeviceConfig is one simulated device.
type DeviceConfig struct {
	Model   string            // as in the catalogue of drivers
	Baud    uint32            // that it was set to; 0 is as delivered
	Options map[string]string // of the model; one that it does not have is an error

	asked map[string]bool // options that were looked at; nil when nobody asks
}

// watch remembers from now on which options are looked at. What it returns reports an option that nobody wanted.
func (d *DeviceConfig) watch() func(what string) error {
	d.asked = make(map[string]bool)
	return func(what string) error {
		for _, name := range slices.Sorted(maps.Keys(d.Options)) {
			if !d.asked[name] {
				there := strings.Join(slices.Sorted(maps.Keys(d.asked)), ", ")
				return fmt.Errorf("bench: %s has no option %q; there are: %s", what, name, orElse(there, "none"))
			}
		}
		return nil
	}
}

func (d DeviceConfig) baud(delivered uint32) uint32 {
	if d.Baud != 0 {
		return d.Baud
	}
	return delivered
}

// or is the option of that name, or otherwise.
func (d DeviceConfig) or(option, otherwise string) string {
	if d.asked != nil {
		d.asked[option] = true
	}
	if v, ok := d.Options[option]; ok {
		return v
	}
	return otherwise
}

// Named is one counter for each name, each with the first models.
func Named(names ...string) []CounterConfig {
	var all []CounterConfig
	for _, name := range names {
		all = append(all, CounterConfig{Name: name})
	}
	return all
}

// Bench is a set of running counters.
type Bench struct {
	counters []*Counter
	control  *server
	close    sync.Once
	closed   error
}

// NewBench starts the counters and, with a Dir, publishes them. Close it.
func NewBench(cfg Config) (*Bench, error) {
	if cfg.Now == nil {
		return nil, errors.New("bench: no clock given")
	}
	cfg.complete()
	b := &Bench{}
	for i := range cfg.Counters {
		c, err := newCounter(cfg, i, rand.New(rand.NewPCG(cfg.Seed, uint64(i))))
		if err != nil {
			return nil, err
		}
		b.counters = append(b.counters, c)
	}
	if err := b.start(cfg.Dir); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (c *Config) complete() {
	if len(c.Counters) == 0 {
		c.Counters = Named("counter")
	}
	if c.Speed <= 0 {
		c.Speed = 1
	}
	if c.Bottle == 0 {
		c.Bottle = measure.Litre
	}
	if c.Density == 0 {
		c.Density = 1_060_000
	}
	if c.CupWeight == 0 {
		c.CupWeight = 6 * measure.WeightGram
	}
	c.Scale.complete()
	c.Pump.complete()
}

func (b *Bench) start(dir string) error {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
	}
	for _, c := range b.counters {
		if err := c.start(dir); err != nil {
			return err
		}
	}
	if dir == "" {
		return nil
	}
	var err error
	b.control, err = serve(dir, b)
	return err
}

// Close unplugs everything and takes the published names away.
func (b *Bench) Close() error {
	b.close.Do(func() {
		var errs []error
		if b.control != nil {
			errs = append(errs, b.control.close())
		}
		for _, c := range b.counters {
			c.stopAll()
		}
		b.closed = errors.Join(errs...)
	})
	return b.closed
}

// Counter returns the counter of that name; "" is the first.
func (b *Bench) Counter(name string) (*Counter, error) {
	if name == "" {
		return b.counters[0], nil
	}
	for _, c := range b.counters {
		if c.name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("bench: no counter %q", name)
}

// Only returns the first counter, for benches that have one.
func (b *Bench) Only() *Counter { return b.counters[0] }

// device finds "pump1" and the like.
func (b *Bench) device(name string) (*Counter, *port, error) {
	kind := strings.TrimRight(name, "0123456789")
	i, err := strconv.Atoi(name[len(kind):])
	if err != nil || i >= len(b.counters) {
		return nil, nil, fmt.Errorf("bench: no device %q", name)
	}
	c := b.counters[i]
	p, ok := c.ports()[kind]
	if !ok {
		return nil, nil, fmt.Errorf("bench: no device %q; there are pump, scale and scanner", name)
	}
	return c, p, nil
}

// Link opens the named device in memory, without a pseudo-terminal. It is for benches without a Dir.
func (b *Bench) Link(name string) (devices.Link, error) {
	_, p, err := b.device(name)
	if err != nil {
		return nil, err
	}
	return p.link()
}

// Path is where the named device is published.
func (b *Bench) Path(name string) (string, error) {
	_, p, err := b.device(name)
	if err != nil {
		return "", err
	}
	return p.path, nil
}

// Fault orders a fault for the named device.
func (b *Bench) Fault(f Fault) error {
	c, p, err := b.device(f.Device)
	if err != nil {
		return err
	}
	return c.fault(p, f)
}

// Unplug takes the named device's port away. The device itself keeps its power and goes on.
func (b *Bench) Unplug(name string) error {
	_, p, err := b.device(name)
	if err != nil {
		return err
	}
	p.unplug()
	return nil
}

// Replug brings the port back under the same name.
func (b *Bench) Replug(name string) error {
	_, p, err := b.device(name)
	if err != nil {
		return err
	}
	return p.plug()
}

// State is the world as it is now.
func (b *Bench) State() State {
	var s State
	for _, c := range b.counters {
		s.Counters = append(s.Counters, c.State())
	}
	return s
}
