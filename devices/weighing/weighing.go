// Package weighing is the conversation that the drivers of balances share: it sends a command, waits for the message that
// answers it, and never takes an answer for another question's. After an unknown it first brings the line back into step.
// A weight is only taken when it is printed in the same form as the one before.
//
// What the messages are, a driver says once, with a [Protocol]; what answers a command, with each [Question]. A protocol
// that is no conversation, such as a continuous output, does without this package.
package weighing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Attempts is how often a question is asked that may be asked again.
const Attempts = 4

// Framer cuts what arrives into frames. A frame is valid until the next call.
type Framer interface {
	// Sync says that the next byte begins a frame.
	Sync()
	// Lose says that bytes were lost.
	Lose()
	Next(chunk []byte) (frame, rest []byte, ok bool)
}

// Protocol is what the conversation must know of messages of type M.
type Protocol[M any] struct {
	Framer Framer
	// Decode reads one frame. A weight that cannot be used is a measure.ErrUnit.
	Decode func(frame []byte) (M, error)
	// Probe is a question that changes nothing and whose answer is no weight; after an unknown, whatever came before that
	// answer is older. Without a Command, the line must be silent for Quiet instead, which must then be longer than any
	// answer takes.
	Probe Question[M]
	// Quiet is the silence after which the line counts as idle.
	Quiet time.Duration
	// Restarted recognises what a balance sends when it has started, unasked. nil for one that says nothing.
	Restarted func(M) bool
}

// Question is a command and what answers it.
type Question[M any] struct {
	Command []byte
	Timeout time.Duration
	// Answers reports whether m answers the command, perhaps with the error that it stands for. Other messages are passed
	// over.
	Answers func(m M) (bool, error)
	// Patient is a question that waits for an event: when it stays without an answer, it is not asked again.
	Patient bool
}

// Answer is one message with its frame and the time its last byte came.
type Answer[M any] struct {
	Message M
	Raw     string
	At      time.Time
}

// Line is the line to one balance. It is for one goroutine at a time.
type Line[M any] struct {
	link   devices.Link
	proto  Protocol[M]
	now    func() time.Time
	buf    [256]byte
	unread []byte // of buf
	form   form   // of the latest weight
	dirty  bool   // an answer may still be on its way: come into step before the next command
}

// form is how a weight is printed.
type form struct {
	width, decimals int
	unit            string
}

// NewLine returns the line over link. Begin comes first.
func NewLine[M any](link devices.Link, p Protocol[M], now func() time.Time) *Line[M] {
	return &Line[M]{link: link, proto: p, now: now, dirty: true}
}

// Close frees the link.
func (l *Line[M]) Close() error { return l.link.Close() }

// SetProbe changes the probe, for a balance whose questions have become known.
func (l *Line[M]) SetProbe(q Question[M]) { l.proto.Probe = q }

// Begin brings a balance in an unknown state to rest: it sends hello, if any, which ends a half-typed command, waits for
// silence, and asks q. It may be repeated.
func (l *Line[M]) Begin(ctx context.Context, hello []byte, q Question[M]) (a Answer[M], err error) {
	for range Attempts {
		if a, err = l.begin(ctx, hello, q); err == nil {
			l.dirty = false
			return a, nil
		}
		if ctx.Err() != nil || errors.Is(err, devices.ErrDisconnected) {
			return a, err
		}
	}
	return a, err
}

func (l *Line[M]) begin(ctx context.Context, hello []byte, q Question[M]) (Answer[M], error) {
	if err := l.link.Flush(); err != nil {
		return Answer[M]{}, err
	}
	if len(hello) > 0 {
		if err := l.link.Write(ctx, hello); err != nil {
			return Answer[M]{}, NoReply(err)
		}
	}
	if err := l.silence(ctx); err != nil {
		return Answer[M]{}, err
	}
	return l.exchange(ctx, q)
}

// silence drops what comes until nothing has come for a while. A balance that never stops sending is spoken to all the
// same.
func (l *Line[M]) silence(ctx context.Context) error {
	l.unread = nil
	defer l.proto.Framer.Sync()
	for range 10 {
		pause, cancel := context.WithTimeout(ctx, l.proto.Quiet)
		_, err := l.link.Read(pause, l.buf[:])
		cancel()
		switch {
		case ctx.Err() != nil:
			return NoReply(ctx.Err())
		case errors.Is(err, devices.ErrDisconnected):
			return err
		case errors.Is(err, context.DeadlineExceeded):
			return nil
		}
	}
	return nil
}

// Query asks something that may be asked again, up to a few times.
func (l *Line[M]) Query(ctx context.Context, q Question[M]) (Answer[M], error) {
	for attempt := 1; ; attempt++ {
		a, err := l.Once(ctx, q)
		if !l.again(ctx, q, err) || attempt == Attempts {
			return a, err
		}
	}
}

// again reports whether q is asked again after err.
func (l *Line[M]) again(ctx context.Context, q Question[M], err error) bool {
	silent := errors.Is(err, devices.ErrNoReply) && !q.Patient
	return ctx.Err() == nil && (silent || errors.Is(err, devices.ErrGarbled))
}

// Once sends the command once and waits for its answer. Before that it makes sure that no answer to an earlier command is
// still on its way. After an error it is unknown whether the balance did what was asked, unless it is ErrRefused.
func (l *Line[M]) Once(ctx context.Context, q Question[M]) (Answer[M], error) {
	if err := l.settle(ctx); err != nil {
		return Answer[M]{}, err
	}
	return l.exchange(ctx, q)
}

// Tell sends a command that is never answered.
func (l *Line[M]) Tell(ctx context.Context, command []byte) error {
	if err := l.settle(ctx); err != nil {
		return err
	}
	return NoReply(l.link.Write(ctx, command))
}

// Next waits for another answer to a question that was asked: the second step of one that is answered in two.
func (l *Line[M]) Next(ctx context.Context, q Question[M]) (Answer[M], error) {
	q.Command = nil
	return l.exchange(ctx, q)
}

func (l *Line[M]) exchange(ctx context.Context, q Question[M]) (Answer[M], error) {
	within, cancel := context.WithTimeout(ctx, q.Timeout)
	defer cancel()
	a, err := l.converse(within, q)
	if err != nil {
		l.dirty = true
	}
	if ctx.Err() != nil && errors.Is(err, devices.ErrNoReply) {
		err = fmt.Errorf("%w: %w", err, ctx.Err())
	}
	return a, err
}

func (l *Line[M]) converse(ctx context.Context, q Question[M]) (Answer[M], error) {
	if len(q.Command) > 0 {
		if err := l.link.Write(ctx, q.Command); err != nil {
			return Answer[M]{}, NoReply(err)
		}
	}
	for {
		a, err := l.next(ctx)
		if err != nil {
			return Answer[M]{}, err
		}
		if ok, err := q.Answers(a.Message); ok {
			return a, err
		}
		if l.restarted(a.Message) {
			return Answer[M]{}, l.forget()
		}
	}
}

func (l *Line[M]) restarted(m M) bool { return l.proto.Restarted != nil && l.proto.Restarted(m) }

// forget what a restart makes untrue.
func (l *Line[M]) forget() error {
	l.form = form{}
	return fmt.Errorf("it announced itself unasked: %w", devices.ErrRestarted)
}

// settle takes what arrived unasked: stale answers are dropped, a balance that announces itself has restarted.
func (l *Line[M]) settle(ctx context.Context) error {
	if l.dirty {
		return l.resync(ctx)
	}
	return l.drain()
}

func (l *Line[M]) drain() error {
	past, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		a, err := l.next(past)
		switch {
		case err == nil && l.restarted(a.Message):
			return l.forget()
		case errors.Is(err, devices.ErrNoReply):
			return nil
		case errors.Is(err, devices.ErrDisconnected):
			return err
		}
	}
}

// resync waits until the balance answers the probe: it answers in order, so nothing older is left then.
func (l *Line[M]) resync(ctx context.Context) error {
	if err := l.drain(); err != nil {
		return err
	}
	err := l.probe(ctx)
	if err != nil {
		return err
	}
	l.dirty = false
	return l.drain()
}

func (l *Line[M]) probe(ctx context.Context) (err error) {
	if len(l.proto.Probe.Command) == 0 {
		return l.silence(ctx)
	}
	l.proto.Framer.Sync()
	for range Attempts {
		if err = l.probeOnce(ctx); !errors.Is(err, devices.ErrNoReply) || ctx.Err() != nil {
			break
		}
	}
	return err
}

func (l *Line[M]) probeOnce(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, l.proto.Probe.Timeout)
	defer cancel()
	if err := l.link.Write(within, l.proto.Probe.Command); err != nil {
		return NoReply(err)
	}
	for {
		a, err := l.next(within)
		switch {
		case errors.Is(err, devices.ErrNoReply) && ctx.Err() != nil:
			return fmt.Errorf("%w: %w", err, ctx.Err())
		case errors.Is(err, devices.ErrNoReply), errors.Is(err, devices.ErrDisconnected):
			return err
		case err != nil: // what is garbled is older than the answer
		case l.restarted(a.Message):
			return l.forget()
		default:
			if ok, _ := l.proto.Probe.Answers(a.Message); ok { // a refusal answers as well
				return nil
			}
		}
	}
}

// next returns the next message. ErrGarbled for a frame that is none, ErrNoReply when ctx ends first.
func (l *Line[M]) next(ctx context.Context) (Answer[M], error) {
	for {
		frame, rest, ok := l.proto.Framer.Next(l.unread)
		l.unread = rest
		if ok {
			return l.decode(frame)
		}
		n, err := l.link.Read(ctx, l.buf[:])
		if errors.Is(err, devices.ErrGarbled) {
			l.proto.Framer.Lose()
		}
		if err != nil {
			return Answer[M]{}, NoReply(err)
		}
		l.unread = l.buf[:n]
	}
}

func (l *Line[M]) decode(frame []byte) (Answer[M], error) {
	m, err := l.proto.Decode(frame)
	switch {
	case errors.Is(err, measure.ErrUnit):
		return Answer[M]{}, fmt.Errorf("%q: %w: %w", frame, err, devices.ErrUnit)
	case err != nil:
		return Answer[M]{}, fmt.Errorf("%q: %w", frame, devices.ErrGarbled)
	}
	return Answer[M]{Message: m, Raw: string(frame), At: l.now()}, nil
}

// NoReply says what the end of a context means here: nothing came in time.
func NoReply(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return devices.ErrNoReply
	}
	return err
}
