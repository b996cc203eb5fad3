// Package zpl drives label printers that speak ZPL II, over a serial port or port 9100.
//
// Manual: Zebra, "ZPL II Programming Guide", ~HS. The printer acknowledges nothing: that a label is printed is known only
// from the count of labels it still has to print, which must have been seen to rise and to fall to nothing.
package zpl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/zpl"
)

// Config of a printer. Its zero value works.
type Config struct {
	// Name stands in errors, "printer0".
	Name string
	// ReplyTimeout is for one answer to ~HS; 0 is 1 s.
	ReplyTimeout time.Duration
	// PrintTimeout is how long one label may take from the first byte; 0 is 30 s.
	PrintTimeout time.Duration
}

const (
	attempts     = 3 // of asking for the state
	quiet        = 200 * time.Millisecond
	pollInterval = 50 * time.Millisecond
)

// Printer is one label printer. It is for one goroutine at a time.
type Printer struct {
	link  devices.Link
	cfg   Config
	dirty bool // an answer may still be on its way
	buf   [256]byte
}

var _ devices.Printer = (*Printer)(nil)

// Open takes over the link. It asks nothing: a printer whose head is open would not answer, and is none the less there.
func Open(link devices.Link, cfg Config) (*Printer, error) {
	if cfg.Name == "" {
		cfg.Name = "label printer"
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
	waiting := s.Waiting + s.Left
	if s.Busy() {
		waiting = max(waiting, 1)
	}
	return devices.PrinterState{
		Ready: s.Ready() && waiting == 0, Waiting: waiting, PaperOut: s.PaperOut, RibbonOut: s.RibbonOut, Open: s.HeadOpen,
		Paused: s.Paused, Full: s.BufferFull, Hot: s.TooHot, Failed: s.RAMLost,
	}
}

// Print sends a label that Label.Bytes made, once, and waits until the printer has begun and finished it.
func (p *Printer) Print(ctx context.Context, job []byte) error {
	if _, err := proto.Read(job); err != nil {
		return p.errorf("printing", fmt.Errorf("%w: %w", devices.ErrOutOfRange, err))
	}
	switch s, err := p.status(ctx); {
	case err != nil:
		return p.errorf("printing: nothing was sent", fmt.Errorf("%w: %w", devices.ErrRefused, err))
	case !state(s).Ready:
		return p.errorf("printing: nothing was sent", notReady(devices.ErrRefused, state(s)))
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.PrintTimeout)
	defer cancel()
	if err := p.link.Write(ctx, job); err != nil {
		p.dirty = true
		return p.errorf("printing", devices.NoReply(ctx, err))
	}
	if err := p.watch(ctx); err != nil {
		return p.errorf("printing", err)
	}
	return nil
}

// watch follows the label through the printer.
func (p *Printer) watch(ctx context.Context) error {
	var (
		begun  bool
		latest devices.PrinterState
		known  bool
	)
	for {
		s, err := p.statusOnce(ctx)
		if errors.Is(err, devices.ErrDisconnected) {
			return err
		}
		if known = err == nil; known {
			latest = state(s)
			begun = begun || latest.Waiting > 0
			if begun && latest.Ready {
				return nil
			}
		}
		if pause(ctx, pollInterval) != nil {
			break
		}
	}
	if known && len(latest.Troubles()) > 0 {
		return notReady(devices.ErrHeld, latest)
	}
	return fmt.Errorf("the printer did not say that it printed: %w", devices.ErrNoReply)
}

func notReady(err error, s devices.PrinterState) error {
	return fmt.Errorf("%w: %s", err, strings.Join(s.Troubles(), ", "))
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

func (p *Printer) converse(ctx context.Context) (proto.Status, error) {
	if err := p.link.Write(ctx, []byte(proto.StatusCommand)); err != nil {
		return proto.Status{}, err
	}
	var answer []byte
	for {
		n, err := p.link.Read(ctx, p.buf[:])
		if err != nil {
			return proto.Status{}, err
		}
		answer = append(answer, p.buf[:n]...)
		switch s, err := proto.ParseStatus(answer); {
		case err == nil:
			return s, nil
		case !errors.Is(err, proto.ErrMore):
			return proto.Status{}, fmt.Errorf("%q: %w", answer, devices.ErrGarbled)
		}
	}
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

// pause waits, or reports that ctx has ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
