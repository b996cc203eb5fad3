// Package escpos drives receipt printers that speak ESC/POS, over a serial port or port 9100.
//
// Manual: Epson, "ESC/POS Command Reference", DLE EOT and GS r. The state is asked for in one go and counts only when
// every answer came and no byte more. GS r behind a ticket is answered when the ticket has been printed. Ticket and GS r go
// out in one piece: on a line that loses only part of a ticket, what is left of it counts as printed.
package escpos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/escpos"
)

// Config of a printer. Its zero value works.
type Config struct {
	// Name stands in errors, "printer0".
	Name string
	// ReplyTimeout is for the answers to DLE EOT; 0 is 1 s.
	ReplyTimeout time.Duration
	// PrintTimeout is how long one ticket may take from the first byte; 0 is 30 s.
	PrintTimeout time.Duration
}

const (
	attempts = 3 // of asking for the state
	quiet    = 200 * time.Millisecond
	// tail is how long a byte too many may be behind the last one that was expected.
	tail = 30 * time.Millisecond
)

// Printer is one receipt printer. It is for one goroutine at a time.
type Printer struct {
	link  devices.Link
	cfg   Config
	dirty bool // an answer may still be on its way
	buf   [64]byte
}

var _ devices.Printer = (*Printer)(nil)

// Open takes over the link. It asks nothing.
func Open(link devices.Link, cfg Config) (*Printer, error) {
	if cfg.Name == "" {
		cfg.Name = "receipt printer"
	}
	if cfg.ReplyTimeout == 0 {
		cfg.ReplyTimeout = time.Second
	}
	if cfg.PrintTimeout == 0 {
		cfg.PrintTimeout = 30 * time.Second
	}
	p := &Printer{link: link, cfg: cfg, dirty: true}
	if err := link.Flush(); err != nil {
		return nil, errors.Join(p.errorf("opening", err), link.Close())
	}
	return p, nil
}

// Close frees the link.
func (p *Printer) Close() error { return p.link.Close() }

// State asks for the status.
func (p *Printer) State(ctx context.Context) (devices.PrinterState, error) {
	s, err := p.status(ctx)
	if err != nil {
		return devices.PrinterState{}, p.errorf("asking for the state", err)
	}
	return state(s), nil
}

func state(s proto.Status) devices.PrinterState {
	return devices.PrinterState{
		Ready: s.Ready(), PaperLow: s.PaperLow, PaperOut: s.PaperOut || s.PaperStop, Open: s.CoverOpen, Paused: s.Offline,
		Failed: s.Failed,
	}
}

// Print sends a ticket that Ticket.Bytes made, once, with a mark behind it, and waits for the mark's answer.
func (p *Printer) Print(ctx context.Context, job []byte) error {
	if _, err := proto.Read(job); err != nil {
		return p.errorf("printing", fmt.Errorf("%w: %w", devices.ErrOutOfRange, err))
	}
	switch s, err := p.status(ctx); {
	case err != nil:
		return p.errorf("printing: nothing was sent", fmt.Errorf("%w: %w", devices.ErrRefused, err))
	case !s.Ready():
		return p.errorf("printing: nothing was sent", notReady(devices.ErrRefused, s))
	}
	if err := p.printed(ctx, job); err != nil {
		return p.errorf("printing", err)
	}
	return nil
}

func (p *Printer) printed(ctx context.Context, job []byte) error {
	within, cancel := context.WithTimeout(ctx, p.cfg.PrintTimeout)
	defer cancel()
	unsure := p.mark(within, job)
	if errors.Is(unsure, devices.ErrDisconnected) {
		return unsure
	}
	p.dirty = p.dirty || unsure != nil
	// A printer that ran out of paper in the middle says so now, whatever became of the mark.
	s, err := p.status(ctx)
	switch {
	case err == nil && !s.Ready():
		return notReady(devices.ErrHeld, s)
	case unsure != nil:
		return unsure
	}
	return err
}

// mark sends the job with a mark behind it and waits for the mark's answers.
func (p *Printer) mark(ctx context.Context, job []byte) error {
	if err := p.link.Write(ctx, proto.AppendMark(job[:len(job):len(job)])); err != nil {
		return devices.NoReply(ctx, err)
	}
	answers, err := p.receive(ctx, proto.Marks)
	if err != nil {
		return devices.NoReply(ctx, err)
	}
	if err := proto.ParseMark(answers); err != nil {
		return fmt.Errorf("%x: %w", answers, devices.ErrGarbled)
	}
	return nil
}

func notReady(err error, s proto.Status) error {
	return fmt.Errorf("%w: %s", err, strings.Join(state(s).Troubles(), ", "))
}

// status asks up to a few times: it prints nothing.
func (p *Printer) status(ctx context.Context) (s proto.Status, err error) {
	for range attempts {
		s, err = p.statusOnce(ctx)
		if err == nil || errors.Is(err, devices.ErrDisconnected) || ctx.Err() != nil {
			break
		}
	}
	return s, err
}

func (p *Printer) statusOnce(ctx context.Context) (proto.Status, error) {
	if err := p.settle(ctx); err != nil {
		return proto.Status{}, err
	}
	within, cancel := context.WithTimeout(ctx, p.cfg.ReplyTimeout)
	defer cancel()
	s, err := p.converse(within)
	if err != nil {
		p.dirty = true
		return proto.Status{}, devices.NoReply(ctx, err)
	}
	return s, nil
}

var queries = [...]proto.Query{proto.Online, proto.Offline, proto.Errors, proto.Paper}

func (p *Printer) converse(ctx context.Context) (proto.Status, error) {
	var ask []byte
	for _, q := range queries {
		ask = q.Append(ask)
	}
	if err := p.link.Write(ctx, ask); err != nil {
		return proto.Status{}, err
	}
	answers, err := p.receive(ctx, len(queries))
	if err != nil {
		return proto.Status{}, err
	}
	var s proto.Status
	for i, q := range queries {
		if err := s.Take(q, answers[i]); err != nil {
			return proto.Status{}, fmt.Errorf("%x: %w", answers, devices.ErrGarbled)
		}
	}
	return s, nil
}

// receive returns n bytes, or ErrGarbled when more came: an answer that does not say what it answers is worth something
// only in its place.
func (p *Printer) receive(ctx context.Context, n int) ([]byte, error) {
	var got []byte
	for len(got) < n {
		m, err := p.link.Read(ctx, p.buf[:])
		if err != nil {
			return nil, err
		}
		got = append(got, p.buf[:m]...)
	}
	within, cancel := context.WithTimeout(ctx, tail)
	defer cancel()
	m, err := p.link.Read(within, p.buf[:])
	switch {
	case len(got)+m > n, errors.Is(err, devices.ErrGarbled):
		p.dirty = true
		return nil, fmt.Errorf("%d answers too many: %w", len(got)+m-n, devices.ErrGarbled)
	case errors.Is(err, devices.ErrDisconnected):
		return nil, err
	}
	return got, nil
}

// settle drops what arrived unasked. When an answer may still be on its way it waits for silence first, so that no old
// answer is taken for a new one.
func (p *Printer) settle(ctx context.Context) error {
	for p.dirty {
		within, cancel := context.WithTimeout(ctx, quiet)
		_, err := p.link.Read(within, p.buf[:])
		cancel()
		switch {
		case ctx.Err() != nil:
			return devices.NoReply(ctx, ctx.Err())
		case errors.Is(err, context.DeadlineExceeded):
			p.dirty = false
		case err != nil && !errors.Is(err, devices.ErrGarbled):
			return err
		}
	}
	return p.link.Flush()
}

func (p *Printer) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", p.cfg.Name, doing, err)
}
