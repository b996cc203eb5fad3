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

	record func(sent bool, b []byte) // nil: nobody listens

	mu     sync.Mutex
	rng    *rand.Rand
	wire   wire // nil while unplugged
	faults []Fault
	held   []byte // an answer that comes with the next one
	said   []byte // the last answer
	muted  bool   // another device is on the port: what this one says goes nowhere
	line   trouble
}

// trouble is what is wrong with a port for a while or until it is cleared.
type trouble struct {
	echo, wrongBaud, noReader bool
	floodUntil                time.Time
	flooded                   time.Time // up to here the lines of the flood are out
	replug                    time.Time // zero: nobody puts the cable back
}

// message is bytes on their way to the host.
type message struct {
	bytes  []byte
	delay  time.Duration
	pauses []time.Duration // before each byte; nil sends them in one piece
	hold   bool            // it waits for the next one
	unplug bool            // the cable is pulled after the bytes
}

const (
	replyLatency = 3 * time.Millisecond
	floodEvery   = time.Millisecond
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
	for p.awaitReader(w) {
		n, err := w.read(buf)
		if err != nil {
			return
		}
		b, echo := p.arrived(buf[:n])
		if echo {
			p.queue(message{bytes: append([]byte(nil), b...)})
		}
		p.input(b)
	}
}

// awaitReader waits while the device takes nothing off the line. It reports false when the cable is out.
func (p *port) awaitReader(w wire) bool {
	for {
		p.mu.Lock()
		in, deaf := p.wire == w, p.line.noReader
		p.mu.Unlock()
		if !in || !deaf {
			return in
		}
		p.wait(tickTime)
		select {
		case <-p.stop:
			return false
		default:
		}
	}
}

// arrived is what the device gets of bytes from the host, and whether the line says them back.
func (p *port) arrived(b []byte) (_ []byte, echo bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line.wrongBaud {
		b = scramble(b)
	}
	p.note(true, b)
	return b, p.line.echo
}

func (p *port) note(sent bool, b []byte) {
	if p.record != nil && len(b) > 0 {
		p.record(sent, b)
	}
}

func (p *port) transmit() {
	for {
		select {
		case <-p.stop:
			return
		case m := <-p.out:
			p.send(m)
		}
	}
}

func (p *port) send(m message) {
	p.wait(m.delay)
	if m.pauses == nil {
		p.write(m.bytes)
	}
	for i, pause := range m.pauses {
		p.wait(pause)
		p.write(m.bytes[i : i+1])
	}
	if m.unplug {
		p.unplug()
	}
}

func (p *port) write(b []byte) {
	p.mu.Lock()
	w := p.wire
	if p.line.wrongBaud {
		b = scramble(b)
	}
	if w != nil {
		p.note(false, b)
	}
	p.mu.Unlock()
	if w != nil {
		_ = w.write(b) // to an unplugged host nothing arrives
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
	m, copies := p.spoil(cause, message{bytes: b, delay: replyLatency})
	for range copies {
		p.queue(m)
	}
}

func (p *port) queue(m message) {
	select {
	case p.out <- m:
	default:
	}
}

// spoil is what becomes of a message, and how often it is sent.
func (p *port) spoil(cause string, m message) (_ message, copies int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.muted || len(m.bytes) == 0 {
		return m, 0
	}
	p.said = m.bytes
	copies = 1
	if f, ok := p.dueNow(cause, onReply); ok {
		m, copies = f.damage(p.rng, m)
	}
	if m.hold {
		p.held = append(p.held, m.bytes...)
		return m, 0
	}
	if len(p.held) > 0 && copies > 0 {
		m.bytes = append(p.held, m.bytes...)
		p.held = nil
	}
	return m, copies
}

// hears reports whether the command reaches the device.
func (p *port) hears(cause string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, lost := p.dueNow(cause, onCommand)
	return !lost
}

// dueNow takes the first fault of that place that is meant for cause.
func (p *port) dueNow(cause string, on place) (Fault, bool) {
	for i := range p.faults {
		f := &p.faults[i]
		if where, _ := f.Kind.place(); where != on || !strings.Contains(cause, f.On) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		taken := *f
		if f.Count > 0 {
			f.Count--
		}
		if f.Count == 0 {
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

// mute says whether the device's own words go nowhere, because another is on the port.
func (p *port) mute(muted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = muted
}

// lend lets another device speak through the port.
func (p *port) lend(speak func()) {
	p.mute(false)
	defer p.mute(true)
	speak()
}

// disturb changes what is wrong with the line.
func (p *port) disturb(change func(*trouble)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.line)
}

// clear ends every fault. A cable that was to be put back is put back, and answers that were to come late do not come.
func (p *port) clear() error {
	p.drain()
	p.mu.Lock()
	out := !p.line.replug.IsZero()
	p.faults, p.held, p.line = nil, nil, trouble{}
	p.mu.Unlock()
	if out {
		return p.plug()
	}
	return nil
}

// drain drops what waits to be sent.
func (p *port) drain() {
	for {
		select {
		case <-p.out:
		default:
			return
		}
	}
}

// tick goes on with what lasts.
func (p *port) tick(now time.Time) {
	p.mu.Lock()
	back := !p.line.replug.IsZero() && !now.Before(p.line.replug)
	if back {
		p.line.replug = time.Time{}
	}
	flood := p.flood(now)
	p.mu.Unlock()
	if len(flood) > 0 {
		p.queue(message{bytes: flood})
	}
	if back {
		_ = p.plug() // a machine without a free terminal has other troubles
	}
}

// flood is the lines that are due: what the device said last, or a word.
func (p *port) flood(now time.Time) []byte {
	if !now.Before(p.line.floodUntil) {
		return nil
	}
	said := p.said
	if len(said) == 0 {
		said = []byte("flood\r\n")
	}
	var all []byte
	for ; p.line.flooded.Before(now); p.line.flooded = p.line.flooded.Add(floodEvery) {
		all = append(all, said...)
	}
	return all
}
