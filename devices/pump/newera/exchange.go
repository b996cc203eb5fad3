package newera

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

// alarmError is an alarm that came instead of an answer: the command was not executed.
type alarmError struct{ alarm proto.Alarm }

func (e alarmError) Error() string {
	return "alarm " + alarmName(e.alarm) + ", the command was not executed"
}

func (e alarmError) Unwrap() error { return devices.ErrRefused }

func alarmName(a proto.Alarm) string {
	switch a {
	case proto.NoAlarm:
		return ""
	case proto.WasReset:
		return "R (power was interrupted)"
	case proto.Stalled:
		return "S (stalled)"
	case proto.HostSilent:
		return "T (heard nothing for the dead-man time)"
	case proto.ProgramError:
		return "E (program error)"
	case proto.PhaseRange:
		return "O (phase out of range)"
	}
	return string(rune(a))
}

// Shapes of answers. An answer of another shape belongs to an earlier command and is passed over.
func isBare(r proto.Reply) bool { return r.Data == "" }

func isVersion(r proto.Reply) bool { _, err := proto.ParseVersion(r.Data); return err == nil }

func isTotals(r proto.Reply) bool { _, err := proto.ParseTotals(r.Data); return err == nil }

func hasData(r proto.Reply) bool { return r.Data != "" }

// query asks or sets something that may be asked or set again: after silence, a damaged answer, or an alarm that ate
// the command.
func (p *Pump) query(ctx context.Context, c proto.Command, want func(proto.Reply) bool) (proto.Reply, error) {
	for attempt := 1; ; attempt++ {
		r, err := p.exchange(ctx, c, want)
		var alarm alarmError
		again := errors.Is(err, devices.ErrNoReply) || errors.Is(err, devices.ErrGarbled) || errors.As(err, &alarm)
		if err == nil || !again || attempt == attempts || ctx.Err() != nil {
			return r, err
		}
	}
}

// exchange sends c once and waits for its answer.
func (p *Pump) exchange(ctx context.Context, c proto.Command, want func(proto.Reply) bool) (proto.Reply, error) {
	if err := p.settle(ctx); err != nil {
		return proto.Reply{}, err
	}
	r, err := p.converse(ctx, c, want)
	if errors.Is(err, devices.ErrNoReply) || errors.Is(err, devices.ErrGarbled) {
		p.dirty = true
	}
	return r, err
}

func (p *Pump) converse(ctx context.Context, c proto.Command, want func(proto.Reply) bool) (proto.Reply, error) {
	within, cancel := context.WithTimeout(ctx, p.cfg.ReplyTimeout)
	defer cancel()
	packet := proto.AppendSafeCommand(nil, p.cfg.Address, c)
	if err := p.link.Write(within, packet); err != nil {
		return proto.Reply{}, devices.NoReply(ctx, err)
	}
	for {
		r, err := p.next(within)
		switch {
		case err != nil:
			return proto.Reply{}, devices.NoReply(ctx, err)
		case r.Alarm != proto.NoAlarm:
			return proto.Reply{}, alarmError{r.Alarm}
		case r.Err != proto.NoError:
			return r, dataError(c, r.Err)
		case want(r):
			return r, nil
		}
	}
}

func dataError(c proto.Command, e proto.DataError) error {
	switch e {
	case proto.OutOfRange:
		return fmt.Errorf("%s: %w", c, devices.ErrOutOfRange)
	case proto.BadPacket:
		return fmt.Errorf("%s arrived damaged: %w", c, devices.ErrGarbled)
	case proto.NotApplicable:
		return fmt.Errorf("%s: not applicable now: %w", c, devices.ErrRefused)
	}
	return fmt.Errorf("%s: answered %s: %w", c, e, devices.ErrRefused)
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
// can come. An alarm instead is acknowledged by having been answered.
func (p *Pump) resync(ctx context.Context) error {
	p.frames.Reset()
	if err := p.drain(); err != nil {
		return err
	}
	var err error
	for range 2 {
		_, err = p.converse(ctx, proto.Version, isVersion)
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

// enterSafeMode sets the dead-man time. The command goes out as a safe packet, which a pump in basic mode takes too,
// and is answered in the new mode.
func (p *Pump) enterSafeMode(ctx context.Context) error {
	safe, err := proto.SetSafe(int(p.cfg.DeadMan / time.Second))
	if err != nil {
		return err
	}
	if err := p.link.Flush(); err != nil {
		return err
	}
	p.frames.Reset()
	p.basic = new(proto.BasicFramer)
	defer func() { p.basic = nil }()
	for range attempts {
		_, err = p.converse(ctx, safe, isBare)
		if err == nil || errors.Is(err, devices.ErrDisconnected) || ctx.Err() != nil {
			return err
		}
		var alarm alarmError
		if errors.As(err, &alarm) {
			continue
		}
		if err := p.clearInput(ctx); err != nil {
			return err
		}
	}
	return err
}

// clearInput ends whatever half command the pump holds: a CR for the basic mode, silence for the safe mode.
func (p *Pump) clearInput(ctx context.Context) error {
	if err := p.link.Write(ctx, []byte{'\r'}); err != nil {
		return devices.NoReply(ctx, err)
	}
	pause, cancel := context.WithTimeout(ctx, interByte)
	defer cancel()
	for {
		_, err := p.next(pause)
		if errors.Is(err, devices.ErrDisconnected) {
			return err
		}
		if pause.Err() != nil {
			p.frames.Reset()
			return devices.NoReply(ctx, ctx.Err())
		}
	}
}

// next returns the next reply of this pump. It notes every alarm it sees.
func (p *Pump) next(ctx context.Context) (proto.Reply, error) {
	for {
		payload, rest, ok := p.frames.Next(p.unread)
		p.unread = rest
		if !ok {
			n, err := p.link.Read(ctx, p.buf[:])
			if err != nil {
				p.frames.Reset()
				return proto.Reply{}, err
			}
			p.unread = p.buf[:n]
			if r, ok := p.basicAlarm(p.unread); ok {
				return r, nil
			}
			continue
		}
		if r, ok := p.decode(payload); ok {
			return r, nil
		}
	}
}

// decode passes over what is not a reply, and over another pump's on the same line.
func (p *Pump) decode(payload []byte) (proto.Reply, bool) {
	r, err := proto.Decode(payload)
	if err != nil || r.Address != p.cfg.Address {
		return proto.Reply{}, false
	}
	p.note(r.Alarm)
	return r, true
}

// basicAlarm looks, while the pump is being opened, for an alarm in basic framing: a pump that was in basic mode has an
// alarm to tell before it takes a command, and tells it there.
func (p *Pump) basicAlarm(chunk []byte) (proto.Reply, bool) {
	if p.basic == nil {
		return proto.Reply{}, false
	}
	payload, _, ok := p.basic.Next(chunk)
	if !ok {
		return proto.Reply{}, false
	}
	r, ok := p.decode(payload)
	return r, ok && r.Alarm != proto.NoAlarm
}

func (p *Pump) note(a proto.Alarm) {
	if a == proto.NoAlarm {
		return
	}
	p.alarm = a
	if a == proto.WasReset {
		p.lost = true
	}
}
