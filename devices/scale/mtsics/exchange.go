package mtsics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/mtsics"
)

// answer is one reply with its line and the time its last byte came.
type answer struct {
	reply proto.Reply
	raw   string
	at    time.Time
}

// query asks something that may be asked again, up to a few times.
func (s *Scale) query(ctx context.Context, c proto.Command, timeout time.Duration, want ...proto.ID) (answer, error) {
	for attempt := 1; ; attempt++ {
		a, err := s.once(ctx, c, timeout, want...)
		again := errors.Is(err, devices.ErrGarbled) || errors.Is(err, devices.ErrNoReply)
		if err == nil || !again || attempt == attempts || ctx.Err() != nil {
			return a, err
		}
	}
}

// once sends c once and waits for a reply of one of the wanted kinds. Before that it makes sure that no answer to an
// earlier command is still on its way.
func (s *Scale) once(ctx context.Context, c proto.Command, timeout time.Duration, want ...proto.ID) (answer, error) {
	if err := s.settle(ctx); err != nil {
		return answer{}, err
	}
	return s.exchange(ctx, c, timeout, want)
}

func (s *Scale) exchange(ctx context.Context, c proto.Command, timeout time.Duration, want []proto.ID) (answer, error) {
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a, err := s.converse(within, c, want)
	if err != nil {
		s.dirty = true
	}
	if ctx.Err() != nil && errors.Is(err, devices.ErrNoReply) {
		err = fmt.Errorf("%w: %w", err, ctx.Err())
	}
	return a, err
}

func (s *Scale) converse(ctx context.Context, c proto.Command, want []proto.ID) (answer, error) {
	if err := s.link.Write(ctx, proto.AppendCommand(nil, c)); err != nil {
		return answer{}, noReply(err)
	}
	for {
		a, err := s.next(ctx)
		if err != nil {
			return answer{}, err
		}
		switch a.reply.ID {
		case proto.ES:
			return a, fmt.Errorf("%s is not known to this balance: %w", c, devices.ErrRefused)
		case proto.EL:
			return a, fmt.Errorf("%s cannot be done: %w", c, devices.ErrRefused)
		case proto.ET:
			return a, fmt.Errorf("the balance received %s damaged: %w", c, devices.ErrGarbled)
		}
		if slices.Contains(want, a.reply.ID) {
			return a, nil
		}
		if a.reply.ID == proto.I4 {
			return answer{}, s.restarted()
		}
	}
}

// restarted forgets what a restart makes untrue.
func (s *Scale) restarted() error {
	s.form = form{}
	return fmt.Errorf("it announced itself unasked: %w", devices.ErrRestarted)
}

// settle takes what arrived unasked: stale answers are dropped, a balance that announces itself has restarted.
func (s *Scale) settle(ctx context.Context) error {
	if s.dirty {
		return s.resync(ctx)
	}
	return s.drain()
}

func (s *Scale) drain() error {
	past, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		a, err := s.next(past)
		switch {
		case err == nil && a.reply.ID == proto.I4:
			return s.restarted()
		case errors.Is(err, devices.ErrNoReply):
			return nil
		case errors.Is(err, devices.ErrDisconnected):
			return err
		}
	}
}

// resync waits until the balance answers a harmless question: it answers in order, so nothing older is left then. The
// question is not for the serial number, which a restarting balance sends unasked.
func (s *Scale) resync(ctx context.Context) error {
	if err := s.drain(); err != nil {
		return err
	}
	s.lines.Sync()
	var err error
	for range attempts {
		if err = s.resyncOnce(ctx); !errors.Is(err, devices.ErrNoReply) || ctx.Err() != nil {
			break
		}
	}
	if err == nil {
		s.dirty = false
		return s.drain()
	}
	return err
}

func (s *Scale) resyncOnce(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, s.cfg.ReplyTimeout)
	defer cancel()
	if err := s.link.Write(within, proto.AppendCommand(nil, proto.Model)); err != nil {
		return noReply(err)
	}
	for {
		a, err := s.next(within)
		switch {
		case errors.Is(err, devices.ErrNoReply) && ctx.Err() != nil:
			return fmt.Errorf("%w: %w", err, ctx.Err())
		case errors.Is(err, devices.ErrNoReply), errors.Is(err, devices.ErrDisconnected):
			return err
		case err == nil && a.reply.ID == proto.I4:
			return s.restarted()
		case err == nil && (a.reply.ID == proto.I2 || a.reply.ID == proto.ES):
			return nil
		}
	}
}

// reset brings a balance in an unknown state to rest: it ends a half-typed command, waits for silence and resets.
func (s *Scale) reset(ctx context.Context) error {
	var err error
	for range attempts {
		if err = s.resetOnce(ctx); err == nil {
			s.dirty = false
			return nil
		}
		if ctx.Err() != nil || errors.Is(err, devices.ErrDisconnected) {
			return err
		}
	}
	return err
}

func (s *Scale) resetOnce(ctx context.Context) error {
	if err := s.link.Flush(); err != nil {
		return err
	}
	if err := s.link.Write(ctx, []byte("\r\n")); err != nil {
		return noReply(err)
	}
	if err := s.waitForSilence(ctx); err != nil {
		return err
	}
	s.lines.Sync()
	_, err := s.exchange(ctx, proto.Reset, resetTimeout, []proto.ID{proto.I4})
	return err
}

// waitForSilence drops what comes until nothing has come for a while. A balance that never stops sending is reset
// all the same.
func (s *Scale) waitForSilence(ctx context.Context) error {
	for range 10 {
		pause, cancel := context.WithTimeout(ctx, quiet)
		_, err := s.link.Read(pause, s.buf[:])
		cancel()
		switch {
		case ctx.Err() != nil:
			return noReply(ctx.Err())
		case errors.Is(err, devices.ErrDisconnected):
			return err
		case errors.Is(err, context.DeadlineExceeded):
			s.unread = nil
			return nil
		}
	}
	return nil
}

// next returns the next reply. ErrGarbled for a line that is none, ErrNoReply when ctx ends first.
func (s *Scale) next(ctx context.Context) (answer, error) {
	for {
		line, rest, ok := s.lines.Next(s.unread)
		s.unread = rest
		if ok {
			return s.decode(line)
		}
		n, err := s.link.Read(ctx, s.buf[:])
		if errors.Is(err, devices.ErrGarbled) {
			s.lines.Lose()
		}
		if err != nil {
			return answer{}, noReply(err)
		}
		s.unread = s.buf[:n]
	}
}

func (s *Scale) decode(line []byte) (answer, error) {
	r, err := proto.Decode(line)
	switch {
	case errors.Is(err, proto.ErrUnit):
		return answer{}, fmt.Errorf("%q: %w", line, devices.ErrUnit)
	case err != nil:
		return answer{}, fmt.Errorf("%q: %w", line, devices.ErrGarbled)
	}
	return answer{reply: r, raw: string(line), at: s.now()}, nil
}

// noReply says what the end of a context means here: nothing came in time.
func noReply(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return devices.ErrNoReply
	}
	return err
}
