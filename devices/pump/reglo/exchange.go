package reglo

import (
	"context"
	"errors"
	"fmt"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/reglo"
)

// own is a request for the channel, whole one for the pump.
func (p *Pump) own(c proto.Command, data string) proto.Request {
	return proto.Request{Address: p.cfg.Channel, Command: c, Data: data}
}

func (*Pump) whole(c proto.Command) proto.Request { return proto.Request{Command: c} }

// An answer of another form belongs to an earlier request and is passed over. Requests that follow each other have
// answers of different forms, so that one that came twice is never taken for the next.
type want func(proto.Token) bool

// isDone is the answer to a command.
func isDone(t proto.Token) bool { return t.Kind == proto.Done }

// isAnswer is yes or no.
func isAnswer(t proto.Token) bool { return t.Kind == proto.Yes || t.Kind == proto.No }

// isLine wants a line that parses.
func isLine[T any](parse func(string) (T, error)) want {
	return func(t proto.Token) bool {
		if t.Kind != proto.Line {
			return false
		}
		_, err := parse(string(t.Text))
		return err == nil
	}
}

// ask asks something, again after silence, a damaged answer or a refusal: nothing was changed by asking.
func (p *Pump) ask(ctx context.Context, r proto.Request, w want) (string, error) {
	for attempt := 1; ; attempt++ {
		text, err := p.exchange(ctx, r, w)
		if err == nil || errors.Is(err, devices.ErrDisconnected) || attempt == attempts || ctx.Err() != nil {
			return text, err
		}
		p.dirty = true
	}
}

// order sets something that may be set again, after silence or a damaged answer. What it really is must be read back.
func (p *Pump) order(ctx context.Context, r proto.Request, w want) (string, error) {
	for attempt := 1; ; attempt++ {
		text, err := p.exchange(ctx, r, w)
		again := errors.Is(err, devices.ErrNoReply) || errors.Is(err, devices.ErrGarbled)
		if !again || attempt == attempts || ctx.Err() != nil {
			return text, err
		}
	}
}

// exchange sends r once and waits for its answer.
func (p *Pump) exchange(ctx context.Context, r proto.Request, w want) (string, error) {
	if err := p.settle(ctx); err != nil {
		return "", err
	}
	text, err := p.converse(ctx, r, w)
	if errors.Is(err, devices.ErrNoReply) || errors.Is(err, devices.ErrGarbled) {
		p.dirty = true
	}
	return text, err
}

// converse returns the text of a line, or the character of a status.
func (p *Pump) converse(ctx context.Context, r proto.Request, w want) (string, error) {
	within, cancel := context.WithTimeout(ctx, p.cfg.ReplyTimeout)
	defer cancel()
	if err := p.link.Write(within, r.Append(nil)); err != nil {
		return "", devices.NoReply(ctx, err)
	}
	for {
		t, err := p.next(within)
		switch {
		case err != nil:
			return "", devices.NoReply(ctx, err)
		case w(t) && t.Kind.Status():
			return string(rune(t.Kind)), nil
		case w(t):
			return string(t.Text), nil
		case t.Kind == proto.Failed, t.Kind == proto.No:
			return "", fmt.Errorf("%s%s: answered %c: %w", r.Command, r.Data, t.Kind, devices.ErrRefused)
		}
	}
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

// resync asks who it is, whose answer looks like no other: the pump answers in order, so after it nothing older can
// come but an event.
func (p *Pump) resync(ctx context.Context) error {
	if err := p.drain(); err != nil {
		return err
	}
	p.frames.Reset()
	var err error
	for range 2 {
		_, err = p.converse(ctx, p.whole(proto.Identity), isLine(proto.ParseIdentity))
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

// next returns the next answer. It takes out the events, which may come between a request and its answer.
func (p *Pump) next(ctx context.Context) (proto.Token, error) {
	for {
		t, rest, ok := p.frames.Next(p.unread)
		p.unread = rest
		switch {
		case ok && t.Kind == proto.Event:
			p.hear(t.Text)
			continue
		case ok:
			return t, nil
		}
		n, err := p.link.Read(ctx, p.buf[:])
		if errors.Is(err, devices.ErrGarbled) {
			p.frames.Lose()
		}
		if err != nil {
			return proto.Token{}, err
		}
		p.unread = p.buf[:n]
	}
}

// hear notes why the channel stopped. Of a progress event nothing is used: what its volume means is disputed.
func (p *Pump) hear(text []byte) {
	h, err := proto.DecodeEvent(text)
	if err == nil && h.Kind == proto.Ended && h.Channel == p.cfg.Channel {
		p.cause = h.Cause
	}
}
