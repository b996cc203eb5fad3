package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/evdevscan"
)

// Counter is one dispensing counter: a world and the three devices that act in it.
type Counter struct {
	name      string
	now       func() time.Time
	speed     float64
	attendant bool
	typed     bool // the scanner types events of keys

	pumpPort, scalePort, scannerPort *port
	printerPort                      *port // nil: no printer
	newGuest                         func(model string, p *port) (machine, error)

	stop  chan struct{}
	tasks sync.WaitGroup
	end   sync.Once

	mu      sync.Mutex
	world   *world
	pump    pumpMachine
	scale   scaleMachine
	printer printerMachine    // nil: none
	guests  map[*port]machine // devices that sit where another belongs
	last    time.Time         // up to here the world has been played
	due     float64           // s of the world not yet played
	nextCup time.Time         // when the attendant places one; zero: not at all
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
	if err == nil {
		err = scale.options.check(scale.name, own.Scale.Options)
	}
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
		guests:      make(map[*port]machine),
	}
	switch own.Scanner.Model {
	case "", "line":
	case "evdev":
		c.typed = true
	default:
		return nil, fmt.Errorf("bench: no scanner %q; there are: line, evdev", own.Scanner.Model)
	}
	if err := c.addPrinter(own.Printer, i, rng); err != nil {
		return nil, err
	}
	c.newGuest = func(model string, p *port) (machine, error) { return guest(cfg, model, i, p, c.world) }
	if cfg.Record != nil {
		began := cfg.Now()
		for _, p := range c.ports() {
			p.record = func(sent bool, b []byte) {
				cfg.Record(p.device, devices.Passage{At: cfg.Now().Sub(began), Sent: sent, Bytes: append([]byte(nil), b...)})
			}
		}
	}
	askedPump, askedScale := own.Pump.watch(), own.Scale.watch()
	c.pump = pump.make(cfg, own.Pump, i, c.pumpPort, c.world)
	c.scale = scale.make(cfg, own.Scale, i, c.scalePort, c.world)
	if err := errors.Join(askedPump("pump "+pump.name), askedScale("scale "+scale.name)); err != nil {
		return nil, err
	}
	if c.attendant {
		c.world.cup = c.world.newCup()
	}
	// The balance has been on for a while.
	for range int(2 / stepTime) {
		c.world.step()
	}
	return c, nil
}

// addPrinter puts a printer on the counter when one was asked for.
func (c *Counter) addPrinter(d DeviceConfig, i int, rng *rand.Rand) error {
	if d.Model == "" {
		return nil
	}
	m, err := findPrinter(d.Model)
	if err != nil {
		return err
	}
	c.printerPort = newPort(fmt.Sprintf("printer%d", i), d.baud(m.baud), rng)
	asked := d.watch()
	c.printer = m.make(c.printerPort)
	return asked("printer " + m.name)
}

func (c *Counter) start(dir string) error {
	c.tasks.Go(c.run)
	var printer error
	if c.printerPort != nil {
		printer = c.printerPort.start(dir, c.listener(c.printerPort, c.printer))
	}
	return errors.Join(
		printer,
		c.pumpPort.start(dir, c.listener(c.pumpPort, c.pump)),
		c.scalePort.start(dir, c.listener(c.scalePort, c.scale)),
		c.scannerPort.start(dir, c.listener(c.scannerPort, nil)), // whatever a host says to the scanner, it does not care
	)
}

// listener brings the world up to now before the device hears anything.
func (c *Counter) listener(p *port, owner machine) func([]byte) {
	return func(b []byte) {
		c.mu.Lock()
		defer c.mu.Unlock()
		now := c.play()
		if g, ok := c.guests[p]; ok {
			p.lend(func() { g.hear(now, b) })
		} else if owner != nil {
			owner.hear(now, b)
		}
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
	all := map[string]*port{"pump": c.pumpPort, "scale": c.scalePort, "scanner": c.scannerPort}
	if c.printerPort != nil {
		all["printer"] = c.printerPort
	}
	return all
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
		now := c.play()
		c.mu.Unlock()
		for _, p := range c.ports() {
			p.tick(now)
		}
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
		c.stepGuests(now)
		c.world.step()
	}
	c.pump.watch(now)
	c.scale.watch(now)
	if c.printer != nil {
		c.printer.watch(now)
	}
	for p, g := range c.guests {
		p.lend(func() { g.watch(now) })
	}
	if !c.nextCup.IsZero() && now.After(c.nextCup) {
		c.nextCup = time.Time{}
		if c.world.cup == nil {
			c.world.cup = c.world.newCup()
		}
	}
	return now
}

func (c *Counter) stepGuests(now time.Time) {
	for p, g := range c.guests {
		if pump, ok := g.(pumpMachine); ok {
			p.lend(func() { pump.step(now) })
		}
	}
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

// PlaceWeight puts a check weight on the pan. It is as heavy as it says, and is lifted like a cup.
func (c *Counter) PlaceWeight(w measure.Weight) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.play()
	switch {
	case c.world.cup != nil:
		return fmt.Errorf("bench: %s: something stands on the pan already", c.name)
	case w <= 0:
		return fmt.Errorf("bench: %s: a weight of %s", c.name, w)
	}
	c.world.cup = &cup{weight: float64(w) / float64(measure.WeightGram)}
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

// SwapCup puts another empty cup in the place of the one on the pan, and says what was in that.
func (c *Counter) SwapCup() (Cup, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.play()
	taken, err := c.lift()
	if err == nil {
		c.world.cup = c.world.newCup()
	}
	return taken, err
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
	said, err := c.spell(text)
	if err != nil {
		return err
	}
	c.scannerPort.say(text, said)
	full := c.world.cup != nil && c.world.cup.liquid > emptyCup
	if c.attendant && full && !c.pump.moving() {
		c.nextCup = now.Add(nextCupTime)
		_, err := c.lift()
		return err
	}
	return nil
}

// spell is how the scanner sends text: as a line, or as the events of keys.
func (c *Counter) spell(text string) ([]byte, error) {
	if !c.typed {
		return []byte(text + "\r\n"), nil
	}
	events, err := evdevscan.Append(nil, text, false)
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", c.name, err)
	}
	return events, nil
}

// fault carries an order out, or hands it to the port when it befalls what passes there.
func (c *Counter) fault(p *port, f Fault) error {
	if err := f.complete(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.play()
	switch where, _ := f.Kind.place(); where {
	case onWorld:
		c.world.befall(f)
	case onReply, onCommand:
		p.order(f)
	case onLine:
		return c.disturb(now, p, f)
	}
	return nil
}

func (c *Counter) disturb(now time.Time, p *port, f Fault) error {
	switch f.Kind {
	case Echo:
		p.disturb(func(t *trouble) { t.echo = true })
	case WrongBaud:
		p.disturb(func(t *trouble) { t.wrongBaud = true })
	case NoReader:
		p.disturb(func(t *trouble) { t.noReader = true })
	case Flood:
		p.disturb(func(t *trouble) { t.floodUntil, t.flooded = now.Add(f.seconds(5)), now })
	case HangUp:
		return c.hangUp(now, p, f)
	case WrongDevice:
		return c.invite(p, f.Model)
	case PowerUpLine:
		return c.greet(now, p)
	case PowerCycle:
		return c.powerCycle(now, p, f)
	case PumpError:
		if m, ok := c.pump.(fallible); ok && p == c.pumpPort {
			return m.failWith(f.Code)
		}
		return fmt.Errorf("bench: %s has no error codes", p.device)
	case PaperOut, HeadOpen, RibbonOut, Paused, BufferFull:
		if c.printer == nil || p != c.printerPort {
			return fmt.Errorf("bench: %s is no printer", p.device)
		}
		c.printer.ail(f.Kind)
	case Clear:
		c.world.heal()
		if c.printer != nil && p == c.printerPort {
			c.printer.heal()
		}
		delete(c.guests, p)
		p.mute(false)
		return p.clear()
	}
	return nil
}

// hangUp pulls the cable for a while. What comes back may be another device.
func (c *Counter) hangUp(now time.Time, p *port, f Fault) error {
	if f.Model != "" {
		if err := c.invite(p, f.Model); err != nil {
			return err
		}
	}
	p.unplug()
	p.disturb(func(t *trouble) { t.replug = now.Add(f.seconds(2)) })
	return nil
}

// invite puts another device on the port: of the model, or of a kind that does not belong there.
func (c *Counter) invite(p *port, model string) error {
	if model == "" {
		model = scaleModels()[0].name
		if p == c.scalePort {
			model = pumpModels()[0].name
		}
	}
	g, err := c.newGuest(model, p)
	if err != nil {
		return err
	}
	c.guests[p] = g
	p.mute(true)
	return nil
}

// greet lets the device say its word of power-up without having lost its power.
func (c *Counter) greet(now time.Time, p *port) error {
	var m machine = c.pump
	switch p {
	case c.scalePort:
		m = c.scale
	case c.scannerPort, c.printerPort:
		m = nil
	}
	if g, ok := m.(greeter); ok {
		g.greet(now)
		return nil
	}
	return fmt.Errorf("bench: %s says nothing at power-up", p.device)
}

func (c *Counter) powerCycle(now time.Time, p *port, f Fault) error {
	switch {
	case p == c.scalePort:
		c.scale.powerCycle(now)
	case p == c.printerPort && c.printer != nil:
		c.printer.powerCycle(now)
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
	Wrong   bool   `json:"wrong,omitempty"` // another device sits there
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
	for _, p := range []*port{c.pumpPort, c.scalePort, c.scannerPort, c.printerPort} {
		if p == nil {
			continue
		}
		s.Devices = append(s.Devices, DeviceState{Name: p.device, Path: p.path, Plugged: p.plugged(), Wrong: c.guests[p] != nil})
	}
	return s
}
