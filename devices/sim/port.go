package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
)

// wire is the device's end of a cable. Reading ends with an error when the cable is pulled.
type wire interface {
	read(p []byte) (int, error)
	write(p []byte) error
	// refresh does what must be done from time to time while the cable is in.
	refresh()
	// name is what the host opens; "" for a wire in memory.
	name() string
	close()
}

// port is one device's connection: the cable, the queue of what the device says, and the faults on the way.
type port struct {
	device string // "pump0"
	path   string // published name, "" for none
	baud   uint32 // as the device is delivered
	input  func([]byte)
	out    chan message
	stop   chan struct{}
	tasks  sync.WaitGroup

	mu     sync.Mutex
	rng    *rand.Rand
	wire   wire // nil while unplugged
	faults []Fault
}

// message is bytes on their way to the host.
type message struct {
	bytes  []byte
	delay  time.Duration
	unplug bool // the cable is pulled after the bytes
}

const (
	replyLatency = 3 * time.Millisecond
	queueLength  = 256
)

func newPort(device string, baud uint32, rng *rand.Rand) *port {
	return &port{
		device: device,
		baud:   baud,
		rng:    rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64())),
		out:    make(chan message, queueLength),
		stop:   make(chan struct{}),
	}
}

// start plugs the cable in. input is called with what the host sends.
func (p *port) start(dir string, input func([]byte)) error {
	p.input = input
	if dir != "" {
		p.path = filepath.Join(dir, p.device)
	}
	p.tasks.Go(p.transmit)
	return p.plug()
}

func (p *port) close() {
	p.unplug()
	close(p.stop)
	p.tasks.Wait()
}

func (p *port) plug() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wire != nil {
		return nil
	}
	w, err := p.newWire()
	if err != nil {
		return err
	}
	p.wire = w
	p.tasks.Go(func() { p.receive(w) })
	return nil
}

func (p *port) newWire() (wire, error) {
	if p.path == "" {
		return newMemoryWire(), nil
	}
	w, err := newTerminal(p.baud)
	if err != nil {
		return nil, fmt.Errorf("bench: %s: %w", p.device, err)
	}
	if err := publish(w.name(), p.path); err != nil {
		w.close()
		return nil, fmt.Errorf("bench: %s: %w", p.device, err)
	}
	return w, nil
}

// publish makes path a symlink to name in one step, whatever was there.
func publish(name, path string) error {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(name, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

func (p *port) unplug() {
	p.mu.Lock()
	w := p.wire
	p.wire = nil
	p.mu.Unlock()
	if w == nil {
		return
	}
	if p.path != "" {
		_ = os.Remove(p.path) // whether it was there or not, the cable is out
	}
	w.close()
}

func (p *port) plugged() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wire != nil
}

func (p *port) refresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wire != nil {
		p.wire.refresh()
	}
}

func (p *port) link() (devices.Link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, ok := p.wire.(*memoryWire)
	if !ok {
		return nil, fmt.Errorf("bench: %s is unplugged or on a terminal: %w", p.device, devices.ErrDisconnected)
	}
	return m.open(), nil
}

func (p *port) receive(w wire) {
	buf := make([]byte, 512)
	for {
		n, err := w.read(buf)
		if err != nil {
			return
		}
		p.input(buf[:n])
	}
}

func (p *port) transmit() {
	for {
		select {
		case <-p.stop:
			return
		case m := <-p.out:
			p.wait(m.delay)
			p.mu.Lock()
			w := p.wire
			p.mu.Unlock()
			if w != nil {
				_ = w.write(m.bytes) // to an unplugged host nothing arrives
			}
			if m.unplug {
				p.unplug()
			}
		}
	}
}

func (p *port) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.stop:
	}
}

// say queues bytes for the host as the answer to cause, through the faults that are due. Without a reader the queue
// fills up, and then bytes are lost, as on a real line.
func (p *port) say(cause string, b []byte) {
	m := message{bytes: b, delay: replyLatency}
	copies := 1
	if f, ok := p.due(cause, onReply); ok {
		m, copies = p.damage(f, m)
	}
	for range copies {
		select {
		case p.out <- m:
		default:
		}
	}
}

// hears reports whether the command reaches the device.
func (p *port) hears(cause string) bool {
	_, lost := p.due(cause, func(k Kind) bool { return k == LostCommand })
	return !lost
}

// due takes the first fault that is of the kind and meant for cause.
func (p *port) due(cause string, kind func(Kind) bool) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.faults {
		f := &p.faults[i]
		if !kind(f.Kind) || !strings.Contains(cause, f.On) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Count--
		taken := *f
		if f.Count <= 0 {
			p.faults = append(p.faults[:i], p.faults[i+1:]...)
		}
		return taken, true
	}
	return Fault{}, false
}

func (p *port) order(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, f)
}

func (p *port) damage(f Fault, m message) (_ message, copies int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch f.Kind {
	case LostReply:
		return m, 0
	case LateReply:
		m.delay = f.seconds(0.8)
	case DuplicateReply:
		return m, 2
	case GarbledReply:
		m.bytes = garble(p.rng, m.bytes)
	case TruncatedReply:
		m.bytes = m.bytes[:min(f.at(p.rng, len(m.bytes)), len(m.bytes))]
	case UnplugInReply:
		m.bytes = m.bytes[:min(f.at(p.rng, len(m.bytes)), len(m.bytes))]
		m.unplug = true
	}
	return m, 1
}

// garble does to one byte what lines do: a parity error makes it NUL, a wrong baud rate sets its high bit, an overrun
// loses it, noise adds one.
func garble(rng *rand.Rand, b []byte) []byte {
	i := rng.IntN(len(b))
	out := append([]byte(nil), b[:i]...)
	switch rng.IntN(4) {
	case 0:
		out = append(out, 0)
	case 1:
		out = append(out, b[i]|0x80)
	case 2:
	case 3:
		out = append(out, byte(rng.IntN(256)), b[i])
	}
	return append(out, b[i+1:]...)
}
