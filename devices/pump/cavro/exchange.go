package cavro

import (
	"context"
	"errors"
	"fmt"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/cavro"
)

// framer cuts what the pump says.
type framer interface {
	Next(chunk []byte) (body, rest []byte, ok bool)
	Reset()
}

// reply is one answer of the pump.
type reply struct {
	ready  bool // meant in the answer to a query alone
	code   proto.ErrorCode
	text   string
	number int // of text, or -1
}

// Shapes of answers. An answer of another shape belongs to an earlier command and is passed over. Between two commands
// that are answered bare there is always one that is answered with a number, so that no bare answer is taken for
// another.
func isBare(r reply) bool { return r.text == "" }

func (p *Pump) isNumber(r reply) bool { return r.number >= 0 && r.text != p.firmware }

func (p *Pump) isPosition(r reply) bool {
	return p.isNumber(r) && r.number <= int(p.cfg.Stroke)+tolerance
}

func hasText(r reply) bool { return r.text != "" }

// standing is where the pump stands and whether it is at rest.
type standing struct {
	at    int
	ready bool
	code  proto.ErrorCode
}

// look asks where the plunger is and whether the pump is ready. Of one that is, it asks the position again: it may have
// come to rest between the two questions.
func (p *Pump) look(ctx context.Context) (standing, error) {
	first, err := p.query(ctx, proto.Encoder, p.isPosition)
	if err != nil {
		return standing{}, err
	}
	q, err := p.query(ctx, proto.Query, isBare)
	if err != nil {
		return standing{}, err
	}
	st := standing{at: first.number, ready: q.ready, code: q.code}
	if st.code == proto.NoError {
		st.code = first.code
	}
	switch {
	case p.cfg.Protocol == DT:
		return p.lookTwice(ctx, st)
	case st.ready:
		again, err := p.query(ctx, proto.Encoder, p.isPosition)
		st.at = again.number
		return st, err
	}
	return st, nil
}

// lookTwice is for a line without a checksum, where a lost digit leaves a number. A plunger at rest is where two answers
// in a row say it is. One that moves counts as no further than the answer says that tells the least.
func (p *Pump) lookTwice(ctx context.Context, st standing) (standing, error) {
	for range attempts {
		again, err := p.query(ctx, proto.Encoder, p.isPosition)
		if err != nil {
			return st, err
		}
		if !st.ready {
			st.at = max(st.at, again.number)
			return st, nil
		}
		if again.number == st.at {
			return st, nil
		}
		st.at = again.number
	}
	st.ready = false // whatever it says of itself
	return st, nil
}

// query asks something that may be asked again.
func (p *Pump) query(ctx context.Context, c proto.Command, want func(reply) bool) (reply, error) {
	for attempt := 1; ; attempt++ {
		r, err := p.exchange(ctx, c, sendings, want)
		if err == nil || attempt == attempts || isOver(ctx, err) {
			return r, err
		}
	}
}

// exchange sends c and waits for its answer. Without one it sends c again, up to so many times in all: in the OEM
// protocol as a repetition, which the pump does not execute twice; in the DT protocol the same line, which only what
// moves nothing can bear.
func (p *Pump) exchange(ctx context.Context, c proto.Command, times int, want func(reply) bool) (reply, error) {
	if err := p.settle(ctx); err != nil {
		return reply{}, err
	}
	return p.converse(ctx, c, times, want)
}

func (p *Pump) converse(ctx context.Context, c proto.Command, times int, want func(reply) bool) (r reply, err error) {
	p.sequence = p.sequence%7 + 1
	for n := range times {
		p.dirty = p.dirty || n > 0
		if r, err = p.send(ctx, c, n > 0, want); err == nil || isOver(ctx, err) {
			break
		}
	}
	p.dirty = p.dirty || err != nil
	return r, err
}

func (p *Pump) send(ctx context.Context, c proto.Command, again bool, want func(reply) bool) (reply, error) {
	within, cancel := context.WithTimeout(ctx, p.cfg.ReplyTimeout)
	defer cancel()
	frame := proto.AppendLine(nil, p.to, c)
	if p.cfg.Protocol == OEM {
		frame = proto.AppendBlock(nil, p.to, p.sequence, again, c)
	}
	if err := p.link.Write(within, frame); err != nil {
		return reply{}, devices.NoReply(ctx, err)
	}
	for {
		r, err := p.next(within)
		switch {
		case errors.Is(err, devices.ErrGarbled):
			continue // the answer may come all the same
		case err != nil:
			return reply{}, devices.NoReply(ctx, err)
		case want(r):
			return r, nil
		}
	}
}

// settle passes over what came unasked and, when an older answer may still be on its way, waits until it cannot be.
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

// resync asks for the firmware, whose answer looks like no other: the pump answers in order, so after it nothing older
// can come.
func (p *Pump) resync(ctx context.Context) error {
	p.frames.Reset()
	if err := p.drain(); err != nil {
		return err
	}
	same := hasText
	if p.firmware != "" {
		same = func(r reply) bool { return r.text == p.firmware }
	}
	if _, err := p.converse(ctx, proto.Firmware, sendings, same); err != nil {
		return err
	}
	p.dirty = false
	return nil
}

// next returns the next answer. It notes every error it sees.
func (p *Pump) next(ctx context.Context) (reply, error) {
	for {
		body, rest, ok := p.frames.Next(p.unread)
		p.unread = rest
		if !ok {
			n, err := p.link.Read(ctx, p.buf[:])
			if err != nil {
				p.frames.Reset()
				return reply{}, err
			}
			p.unread = p.buf[:n]
			continue
		}
		a, err := proto.DecodeAnswer(body)
		if err != nil {
			continue // an echo, or another host's business
		}
		r := reply{ready: a.Status.Ready(), code: a.Status.Err(), text: string(a.Data), number: -1}
		if n, err := a.Number(); err == nil {
			r.number = n
		}
		p.note(r.code)
		return r, nil
	}
}

// note keeps what only homing ends.
func (p *Pump) note(code proto.ErrorCode) {
	switch code {
	case proto.NoError, proto.InvalidCommand, proto.InvalidOperand, proto.InvalidSequence, proto.MoveNotAllowed, proto.Overflow:
		return
	case proto.NotInitialised:
		p.lost = true // it was switched on since
	}
	p.fault, p.homeless = code, true
}

// errorOf is what an error code means for a motion that was under way.
func errorOf(code proto.ErrorCode) error {
	switch code {
	case proto.NoError:
		return nil
	case proto.NotInitialised:
		return devices.ErrRestarted
	case proto.PlungerOverload, proto.ValveOverload:
		return fmt.Errorf("error %s: %w", code, devices.ErrStalled)
	}
	return fmt.Errorf("error %s: %w", code, devices.ErrStopped)
}
