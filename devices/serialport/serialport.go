// Package serialport opens serial ports as device links: reads and writes with deadlines, one owner per port, and
// errors that say what to do. It is the only package that knows the operating system's serial interface.
package serialport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.bug.st/serial"

	"github.com/lieu-clinic/lieu/devices"
)

// Parity of a port.
type Parity byte

// The parities that devices use.
const (
	NoParity Parity = iota
	EvenParity
	OddParity
)

// Framing is how a port puts a byte on the line. Its zero value is 8N1.
type Framing struct {
	DataBits int // 0: 8
	Parity   Parity
	StopBits int // 0: 1
}

// ParseFraming reads the usual short form: data bits, parity and stop bits, as in "8N1", "7E1" or "8O1".
func ParseFraming(s string) (Framing, error) {
	if len(s) != 3 || s[0] != '7' && s[0] != '8' || s[2] != '1' && s[2] != '2' {
		return Framing{}, fmt.Errorf("%q is no framing such as 8N1, 7E1 or 8O1", s)
	}
	f := Framing{DataBits: int(s[0] - '0'), StopBits: int(s[2] - '0')}
	switch s[1] {
	case 'N':
	case 'E':
		f.Parity = EvenParity
	case 'O':
		f.Parity = OddParity
	default:
		return Framing{}, fmt.Errorf("%q: the parity is N, E or O", s)
	}
	return f, nil
}

// Config says which port and how. Only Path and LockDir are needed.
type Config struct {
	// Path is the device, best a name that stays the same: a udev symlink or /dev/serial/by-id/….
	Path string
	Baud int // 0: 9600
	Framing
	// LockDir is a directory that every program of this machine that uses the port agrees on. The lock there keeps
	// out a second program even where the kernel's own lock does not, as with root.
	LockDir string
}

const (
	// tick is how long the reader waits in the kernel before it looks whether the port was closed.
	tick = 50 * time.Millisecond
	// maxUnread is how much may lie unread before the input counts as a flood and is dropped whole.
	maxUnread = 8 << 10
)

// Port is an open serial port. It implements devices.Link.
type Port struct {
	path    string
	port    serial.Port
	lock    *lock
	arrived chan struct{} // holds one token when unread or readErr has news
	writes  chan writeRequest
	stop    chan struct{} // closed by Close
	reader  chan struct{} // closed when the reader has returned
	writer  chan struct{} // closed when the writer has returned

	mu      sync.Mutex
	unread  []byte
	flood   bool
	dead    error // why the port cannot be used any more
	closing sync.Once
}

type writeRequest struct {
	p    []byte
	done chan error
}

var _ devices.Link = (*Port)(nil)

// Open takes the port for this process alone, drops what had arrived before, and returns it ready. The errors name
// the port and say what to do; match them with ErrMissing, ErrPermission, ErrBusy and ErrNotSerial.
func Open(ctx context.Context, cfg Config) (*Port, error) {
	mode, err := cfg.mode()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("serial port %s: %w", cfg.Path, err)
	}
	if err := checkDescriptors(); err != nil {
		return nil, fmt.Errorf("serial port %s: %w", cfg.Path, err)
	}
	lock, err := acquire(cfg.LockDir, cfg.Path)
	if err != nil {
		return nil, err
	}
	sp, err := openRaw(cfg.Path, mode)
	if err != nil {
		lock.release()
		return nil, err
	}
	p := &Port{
		path: cfg.Path, port: sp, lock: lock,
		arrived: make(chan struct{}, 1),
		writes:  make(chan writeRequest),
		stop:    make(chan struct{}),
		reader:  make(chan struct{}),
		writer:  make(chan struct{}),
	}
	go p.readLoop()
	go p.writeLoop()
	return p, nil
}

func openRaw(path string, mode *serial.Mode) (serial.Port, error) {
	sp, err := serial.Open(path, mode)
	if err != nil {
		return nil, explain(path, err)
	}
	// Set once, before any reader: the library's field is not guarded.
	if err := sp.SetReadTimeout(tick); err != nil {
		return nil, errors.Join(explain(path, err), sp.Close())
	}
	if err := sp.ResetInputBuffer(); err != nil {
		return nil, errors.Join(explain(path, err), sp.Close())
	}
	return sp, nil
}

// mode checks what the library does not: on a pseudo-terminal it accepts any baud rate.
func (c Config) mode() (*serial.Mode, error) {
	m := &serial.Mode{BaudRate: 9600, DataBits: 8}
	if c.Path == "" {
		return nil, errors.New("serial port: no path given")
	}
	if c.LockDir == "" {
		return nil, fmt.Errorf("serial port %s: no lock directory given", c.Path)
	}
	if c.Baud != 0 {
		m.BaudRate = c.Baud
	}
	if m.BaudRate < 300 || m.BaudRate > 921600 {
		return nil, fmt.Errorf("serial port %s: %d baud is not a rate that devices use", c.Path, c.Baud)
	}
	if c.DataBits != 0 {
		m.DataBits = c.DataBits
	}
	if m.DataBits != 7 && m.DataBits != 8 {
		return nil, fmt.Errorf("serial port %s: %d data bits; choose 7 or 8", c.Path, c.DataBits)
	}
	switch c.Parity {
	case NoParity:
	case EvenParity:
		m.Parity = serial.EvenParity
	case OddParity:
		m.Parity = serial.OddParity
	default:
		return nil, fmt.Errorf("serial port %s: unknown parity %d", c.Path, c.Parity)
	}
	switch c.StopBits {
	case 0, 1:
	case 2:
		m.StopBits = serial.TwoStopBits
	default:
		return nil, fmt.Errorf("serial port %s: %d stop bits; choose 1 or 2", c.Path, c.StopBits)
	}
	return m, nil
}

// Read waits for bytes. Bytes that have arrived are returned whatever ctx says. After a flood it reports ErrGarbled
// once: bytes are missing between what was read before and what comes next.
func (p *Port) Read(ctx context.Context, b []byte) (int, error) {
	for {
		n, err := p.take(b)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-p.arrived:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (p *Port) take(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flood {
		p.flood = false
		return 0, fmt.Errorf("serial port %s: input came faster than it was read: %w", p.path, devices.ErrGarbled)
	}
	if len(p.unread) == 0 {
		return 0, p.dead
	}
	n := copy(b, p.unread)
	p.unread = p.unread[:copy(p.unread, p.unread[n:])]
	return n, nil
}

// Write sends all of b. When ctx ends first, part of b may have been sent and the port cannot be used any more: the
// kernel offers no way to take a write back.
func (p *Port) Write(ctx context.Context, b []byte) error {
	if err := p.failed(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	req := writeRequest{p: append([]byte(nil), b...), done: make(chan error, 1)}
	select {
	case p.writes <- req:
	case <-p.writer:
		return p.failed()
	case <-p.stop:
		return p.failed()
	case <-ctx.Done():
		return p.abandon(ctx.Err())
	}
	select {
	case err := <-req.done:
		return err
	case <-ctx.Done():
		return p.abandon(ctx.Err())
	}
}

// abandon gives the port up while a write hangs in the kernel.
func (p *Port) abandon(cause error) error {
	p.die(fmt.Errorf("serial port %s: a write never finished: %w", p.path, devices.ErrDisconnected))
	return fmt.Errorf("serial port %s: write: %w", p.path, cause)
}

// Flush drops what has arrived and was not read. Bytes that come in at that moment may still be delivered.
func (p *Port) Flush() error {
	if err := p.failed(); err != nil {
		return err
	}
	if err := p.port.ResetInputBuffer(); err != nil {
		return p.lost(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unread, p.flood = p.unread[:0], false
	return nil
}

// Close frees the port and its lock. It returns when the reader has ended. A write that hangs in the kernel, against
// a device that does not read, is released by throwing its bytes away.
func (p *Port) Close() error {
	var err error
	p.closing.Do(func() {
		p.die(fmt.Errorf("serial port %s: closed: %w", p.path, devices.ErrDisconnected))
		close(p.stop)
		// The reader first: the library closes the descriptor before it wakes the reader, and the number could be
		// another file's by then.
		<-p.reader
		p.releaseWriter()
		err = p.port.Close()
		p.lock.release()
	})
	return err
}

func (p *Port) releaseWriter() {
	for range 20 {
		select {
		case <-p.writer:
			return
		case <-time.After(tick):
			_ = p.port.ResetOutputBuffer() // a device that is gone has nothing to reset
		}
	}
}

func (p *Port) readLoop() {
	defer close(p.reader)
	defer func() {
		// The library cannot select on descriptors of 1024 and above and panics.
		if r := recover(); r != nil {
			p.die(fmt.Errorf("serial port %s: %w: %v: %w", p.path, ErrDescriptors, r, devices.ErrDisconnected))
		}
	}()
	buf := make([]byte, 512)
	for {
		select {
		case <-p.stop:
			return
		default:
		}
		n, err := p.port.Read(buf)
		p.keep(buf[:n])
		if err != nil {
			p.die(p.lost(err))
			return
		}
	}
}

func (p *Port) keep(b []byte) {
	if len(b) == 0 {
		return
	}
	p.mu.Lock()
	if len(p.unread)+len(b) > maxUnread {
		p.unread, p.flood = p.unread[:0], true
	} else {
		p.unread = append(p.unread, b...)
	}
	p.mu.Unlock()
	p.wake()
}

func (p *Port) writeLoop() {
	defer close(p.writer)
	for {
		select {
		case <-p.stop:
			return
		case req := <-p.writes:
			err := p.writeAll(req.p)
			req.done <- err
			if err != nil {
				p.die(err)
				return
			}
		}
	}
}

func (p *Port) writeAll(b []byte) error {
	for len(b) > 0 {
		n, err := p.port.Write(b)
		if err != nil {
			return p.lost(err)
		}
		b = b[n:]
	}
	return nil
}

func (p *Port) lost(cause error) error {
	return fmt.Errorf("serial port %s: %v: %w", p.path, cause, devices.ErrDisconnected)
}

func (p *Port) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// die records why the port is unusable; the first reason stays.
func (p *Port) die(err error) {
	p.mu.Lock()
	if p.dead == nil {
		p.dead = err
	}
	p.mu.Unlock()
	p.wake()
}

func (p *Port) wake() {
	select {
	case p.arrived <- struct{}{}:
	default:
	}
}
