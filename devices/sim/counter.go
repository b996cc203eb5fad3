package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Counter is one dispensing counter: a world and the three devices that act in it.
type Counter struct {
	name      string
	now       func() time.Time
	speed     float64
	attendant bool

	pumpPort, scalePort, scannerPort *port

	stop  chan struct{}
	tasks sync.WaitGroup
	end   sync.Once

	mu      sync.Mutex
	world   *world
	pump    pumpMachine
	scale   scaleMachine
	last    time.Time // up to here the world has been played
	due     float64   // s of the world not yet played
	nextCup time.Time // when the attendant places one; zero: not at all
	scans   int
}

const (
	tickTime    = 10 * time.Millisecond
	longestLeap = 30.0 // s of the world in one go: a sleeping computer does not owe hours
	nextCupTime = time.Second
	emptyCup    = 20.0 // µL that count as empty
)

func newCounter(cfg Config, i int, rng *rand.Rand) (*Counter, error) {
	own := cfg.Counters[i]
	pump, err := findPump(own.Pump.Model)
	if err != nil {
		return nil, err
	}
	scale, err := findScale(own.Scale.Model)
	if err != nil {
		return nil, err
	}
	c := &Counter{
		name: own.Name, now: cfg.Now, speed: cfg.Speed, attendant: cfg.Attendant,
		pumpPort:    newPort(fmt.Sprintf("pump%d", i), own.Pump.baud(pump.baud), rng),
		scalePort:   newPort(fmt.Sprintf("scale%d", i), own.Scale.baud(scale.baud), rng),
		scannerPort: newPort(fmt.Sprintf("scanner%d", i), own.Scanner.baud(9600), rng),
		stop:        make(chan struct{}),
		world:       newWorld(cfg, rng),
		last:        cfg.Now(),
	}
	c.pump = pump.make(cfg, own.Pump, i, c.pumpPort, c.world)
	c.scale = scale.make(cfg, own.Scale, i, c.scalePort, c.world)
	if c.attendant {
		c.world.cup = c.world.newCup()
	}
	// The balance has been on for a while.
	for range int(2 / stepTime) {
		c.world.step()
	}
	return c, nil
}

func (c *Counter) start(dir string) error {
	c.tasks.Go(c.run)
	return errors.Join(
		c.pumpPort.start(dir, c.listener(c.pump.hear)),
		c.scalePort.start(dir, c.listener(c.scale.hear)),
		c.scannerPort.start(dir, func([]byte) {}), // whatever a host says to the scanner, it does not care
	)
}

// listener brings the world up to now before the device hears anything.
func (c *Counter) listener(hear func(time.Time, []byte)) func([]byte) {
	return func(b []byte) {
		c.mu.Lock()
		defer c.mu.Unlock()
		hear(c.play(), b)
	}
}

func (c *Counter) stopAll() {
	c.end.Do(func() {
		close(c.stop)
		c.tasks.Wait()
		for _, p := range c.ports() {
			p.close()
		}
	})
}

func (c *Counter) ports() map[string]*port {
	return map[string]*port{"pump": c.pumpPort, "scale": c.scalePort, "scanner": c.scannerPort}
}

func (c *Counter) run() {
	tick := time.NewTicker(tickTime)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		c.mu.Lock()
		c.play()
		c.mu.Unlock()
		if n%10 == 0 {
			for _, p := range c.ports() {
				p.refresh()
			}
		}
	}
}

// play lets the world and the devices live up to now, and returns now.
func (c *Counter) play() time.Time {
	now := c.now()
	c.due = min(c.due+now.Sub(c.last).Seconds()*c.speed, longestLeap)
	c.last = now
	for c.due >= stepTime {
		c.due -= stepTime
		c.pump.step(now)
		c.world.step()
	}
	c.pump.watch(now)
	c.scale.watch(now)
	if !c.nextCup.IsZero() && now.After(c.nextCup) {
		c.nextCup = time.Time{}
		if c.world.cup == nil {
			c.world.cup = c.world.newCup()
		}
	}
	return now
}

// Name of the counter.
func (c *Counter) Name() string { return c.name }

// Cup is a cup as it was taken away.
type Cup struct {
	EmptyG   float64 `json:"empty_g"`
	LiquidML float64 `json:"liquid_ml"`
}

// PlaceCup puts an empty cup on the pan.
func (c *Counter) PlaceCup() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.play()
	if c.world.cup != nil {
		return fmt.Errorf("bench: %s: a cup stands on the pan already", c.name)
	}
	c.world.cup = c.world.newCup()
	return nil
}

// LiftCup takes the cup away and says what was in it.
func (c *Counter) LiftCup() (Cup, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.play()
	return c.lift()
}

func (c *Counter) lift() (Cup, error) {
	if c.world.cup == nil {
		return Cup{}, fmt.Errorf("bench: %s: no cup on the pan", c.name)
	}
	taken := Cup{EmptyG: c.world.cup.weight, LiquidML: c.world.cup.liquid / 1000}
	c.world.cup = nil
	return taken, nil
}

// Pour adds v to the cup by hand.
func (c *Counter) Pour(v measure.Volume) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.play()
	if c.world.cup == nil {
		return fmt.Errorf("bench: %s: no cup on the pan", c.name)
	}
	poured := drain(&c.world.bottle, float64(v))
	c.world.cup.liquid += poured
	c.world.delivered += poured
	return nil
}

// RefillBottle adds v to the bottle.
func (c *Counter) RefillBottle(v measure.Volume) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.play()
	c.world.bottle += float64(v)
}

// Scan types text as the scanner does. An attendant takes that as the end of the dose in the cup.
func (c *Counter) Scan(text string) error {
	if text == "" {
		return fmt.Errorf("bench: %s: nothing to scan", c.name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.play()
	c.scans++
	c.scannerPort.say(text, []byte(text+"\r\n"))
	full := c.world.cup != nil && c.world.cup.liquid > emptyCup
	if c.attendant && full && !c.pump.moving() {
		c.nextCup = now.Add(nextCupTime)
		_, err := c.lift()
		return err
	}
	return nil
}

// fault carries an order out, or hands it to the port when it befalls what passes there.
func (c *Counter) fault(p *port, f Fault) error {
	if err := f.complete(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.play()
	switch f.Kind {
	case Bubble:
		c.world.bubble += 1000 * orElse(f.ML, 0.3)
	case Occlusion:
		c.world.occluded = true
	case Unprime:
		c.world.tubeEmpty = tubeVolume
	case Unstable:
		c.world.shaking = orElse(f.Seconds, 5)
	case PowerCycle:
		return c.powerCycle(now, p, f)
	case Clear:
		c.world.occluded, c.world.bubble, c.world.shaking = false, 0, 0
		p.mu.Lock()
		p.faults = nil
		p.mu.Unlock()
	default:
		p.order(f)
	}
	return nil
}

func (c *Counter) powerCycle(now time.Time, p *port, f Fault) error {
	switch {
	case p == c.scalePort:
		c.scale.powerCycle(now)
	case p == c.pumpPort && f.ML > 0:
		c.pump.failAfter(f.ML * 1000)
	case p == c.pumpPort:
		c.pump.powerCycle(now)
	default:
		return fmt.Errorf("bench: %s has no power to cycle", f.Device)
	}
	return nil
}

// State is the world as JSON shows it. Amounts are what truly is, not what a device says.
type State struct {
	Counters []CounterState `json:"counters"`
}

// CounterState is one counter.
type CounterState struct {
	Name        string        `json:"name"`
	Cup         *Cup          `json:"cup"` // null: none on the pan
	BottleML    float64       `json:"bottle_ml"`
	PushedML    float64       `json:"pushed_ml"`    // by the pump, all told
	DeliveredML float64       `json:"delivered_ml"` // into cups, all told
	SpilledML   float64       `json:"spilled_ml"`
	Scans       int           `json:"scans"`
	Pump        PumpState     `json:"pump"`
	Scale       ScaleState    `json:"scale"`
	Devices     []DeviceState `json:"devices"`
}

// DeviceState is one port.
type DeviceState struct {
	Name    string `json:"name"`
	Path    string `json:"path,omitempty"`
	Plugged bool   `json:"plugged"`
}

// State is the counter as it is now.
func (c *Counter) State() CounterState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.play()
	w := c.world
	s := CounterState{
		Name: c.name, Scans: c.scans,
		BottleML: w.bottle / 1000, PushedML: w.pushed / 1000,
		DeliveredML: w.delivered / 1000, SpilledML: w.spilled / 1000,
		Pump: c.pump.report(), Scale: c.scale.report(),
	}
	if w.cup != nil {
		s.Cup = &Cup{EmptyG: w.cup.weight, LiquidML: w.cup.liquid / 1000}
	}
	for _, p := range []*port{c.pumpPort, c.scalePort, c.scannerPort} {
		s.Devices = append(s.Devices, DeviceState{Name: p.device, Path: p.path, Plugged: p.plugged()})
	}
	return s
}
