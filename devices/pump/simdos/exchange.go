package simdos

import (
	"context"
	"errors"
	"fmt"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/knf"
)

// An answer of another kind or form belongs to an earlier request and is passed over. Queries that follow each other
// have answers of different lengths, so that one that came twice is never taken for the next.
type want func(proto.Token) bool

// isDone is the answer to a command.
func isDone(t proto.Token) bool { return t.Kind == proto.Ack }

// is wants data that parse.
func is[T any](parse func(string) (T, error)) want {
	return func(t proto.Token) bool {
		if t.Kind != proto.Data {
			return false
		}
		_, err := parse(string(t.Text))
		return err == nil
	}
}

// query asks something, again after silence, a damaged answer or a refusal: nothing was changed by asking.
func (p *Pump) query(ctx context.Context, c proto.Command, w want) (string, error) {
	for attempt := 1; ; attempt++ {
		text, err := p.exchange(ctx, c, w)
		if err == nil || errors.Is(err, devices.ErrDisconnected) || attempt == attempts || ctx.Err() != nil {
			return text, err
		}
		p.dirty = true
	}
}

// order sets something that may be set again, after silence or a damaged answer. What it really is must be read back.
func (p *Pump) order(ctx context.Context, c proto.Command) error {
	for attempt := 1; ; attempt++ {
		_, err := p.exchange(ctx, c, isDone)
		again := errors.Is(err, devices.ErrNoReply) || errors.Is(err, devices.ErrGarbled)
		if !again || attempt == attempts || ctx.Err() != nil {
			return err
		}
	}
}

// exchange sends c once and waits for its answer.
func (p *Pump) exchange(ctx context.Context, c proto.Command, w want) (string, error) {
	if err := p.settle(ctx); err != nil {
		return "", err
	}
	text, err := p.converse(ctx, c, w)
	if errors.Is(err, devices.ErrNoReply) || errors.Is(err, devices.ErrGarbled) {
		p.dirty = true
	}
	return text, err
}

func (p *Pump) converse(ctx context.Context, c proto.Command, w want) (string, error) {
	within, cancel := context.WithTimeout(ctx, p.cfg.ReplyTimeout)
	defer cancel()
	if err := p.send(within, c); err != nil {
		return "", devices.NoReply(ctx, err)
	}
	for {
		t, err := p.next(within)
		switch {
		case err != nil:
			return "", devices.NoReply(ctx, err)
		case t.Kind == proto.Nak:
			return "", fmt.Errorf("%s: %w", c, devices.ErrRefused)
		case w(t):
			return string(t.Text), nil
		}
	}
}

func (p *Pump) send(ctx context.Context, c proto.Command) error {
	return p.link.Write(ctx, proto.AppendRequest(nil, p.cfg.Address, c))
}

// settle passes over what came unasked and, when an answer may still be on its way, waits until it cannot be.
func (p *Pump) settle(ctx context.Context) error {
	if p.dirty {
		if err := p.resync(ctx); err != nil {
			return err
		}
	}
	return p.drain()
}

func (p *Pump) drain() error {
	past, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		if _, err := p.next(past); errors.Is(err, devices.ErrDisconnected) {
			return err
		} else if err != nil && !errors.Is(err, devices.ErrGarbled) {
			return nil
		}
	}
}

// resync asks for the version, whose answer looks like no other: the pump answers in order, so after it nothing older
// can come.
func (p *Pump) resync(ctx context.Context) error {
	p.frames.Reset()
	if err := p.drain(); err != nil {
		return err
	}
	var err error
	for range 2 {
		_, err = p.converse(ctx, proto.Version, is(proto.ParseVersion))
		if err == nil {
			p.dirty = false
			return nil
		}
		if errors.Is(err, devices.ErrDisconnected) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// next returns the next token. An ACK with data behind it announces them and is no answer of its own.
func (p *Pump) next(ctx context.Context) (proto.Token, error) {
	for {
		t, rest, ok := p.frames.Next(p.unread)
		p.unread = rest
		switch {
		case ok && t.Kind == proto.Ack && len(rest) > 0 && rest[0] == byte(proto.Data):
			continue
		case ok:
			return t, nil
		}
		n, err := p.link.Read(ctx, p.buf[:])
		if err != nil {
			p.frames.Reset()
			return proto.Token{}, err
		}
		p.unread = p.buf[:n]
	}
}
