// Package andstd drives A&D balances and indicators that are set to the A&D standard format.
//
// Manuals: A&D HC-3Ki (p. 50), GC (pp. 51-56), FG-150KCLWP (p. 39), GX-300 (p. 46), FX-2000i (p. 74),
// https://www.aandd.jp/support/manual.html ("RS-232C", commands and data format).
package andstd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/weighing"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/andstd"
)

// Config of a balance. Its zero value works with any balance that is alone on its line.
type Config struct {
	// Name stands in errors, "scale0".
	Name string
	// Serial is the registered serial number; when set, another balance is refused with ErrWrongDevice, and so is one
	// that cannot say it.
	Serial string
	// Station is the address on RS-485.
	Station proto.Station
	// ReplyTimeout is for answers that come at once; 0 is 1 s, after which these balances drop a command.
	ReplyTimeout time.Duration
	// StableTimeout is how long Stable, Tare and Zero wait in all; 0 is 10 s.
	StableTimeout time.Duration
}

const (
	ackTimeout   = 500 * time.Millisecond
	pollInterval = 150 * time.Millisecond
	hello        = "\r\n"
)

// Scale is one balance. It is for one goroutine at a time.
//
// Whether commands are acknowledged is a setting of the balance (erCd), which Open finds out. Where they are not, the
// display is the only proof of a tare or a zero.
type Scale struct {
	line *weighing.Line[proto.Message]
	cfg  Config
	acks bool
}

var (
	_ devices.Scale  = (*Scale)(nil)
	_ devices.Tarer  = (*Scale)(nil)
	_ devices.Zeroer = (*Scale)(nil)
)

// Open takes over the link, ends a stream or a waiting command, finds out what the balance answers, and checks who it is.
// On an error the link is closed.
func Open(ctx context.Context, link devices.Link, cfg Config, now func() time.Time) (*Scale, error) {
	if cfg.Name == "" {
		cfg.Name = "balance"
	}
	if cfg.ReplyTimeout == 0 {
		cfg.ReplyTimeout = time.Second
	}
	if cfg.StableTimeout == 0 {
		cfg.StableTimeout = 10 * time.Second
	}
	s := &Scale{cfg: cfg}
	s.line = weighing.NewLine(link, weighing.Protocol[proto.Message]{
		// Without a probe the line must be silent for as long as an answer can take.
		Framer: proto.NewFramer(), Decode: proto.Decode, Quiet: cfg.ReplyTimeout,
	}, now)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return s, nil
}

func (s *Scale) start(ctx context.Context) error {
	cancel := proto.AppendCommand([]byte(hello), s.cfg.Station, proto.Cancel)
	if _, err := s.line.Begin(ctx, cancel, s.weight()); err != nil {
		return s.errorf("opening", err)
	}
	model := s.identity(proto.AskModel, proto.Model)
	model.Patient = true
	switch _, err := s.line.Query(ctx, model); {
	case err == nil, errors.Is(err, devices.ErrRefused): // either is an answer that is no weight
		s.line.SetProbe(model)
	case !errors.Is(err, devices.ErrNoReply) || ctx.Err() != nil:
		return s.errorf("opening", err)
	}
	if err := s.findAcks(ctx); err != nil {
		return s.errorf("opening", err)
	}
	_, err := s.Identify(ctx)
	return err
}

// findAcks sends a command that changes nothing and looks whether it is acknowledged. A lost acknowledgement costs no
// more than that the display is asked instead.
func (s *Scale) findAcks(ctx context.Context) error {
	q := s.acknowledged(proto.Cancel)
	q.Timeout = ackTimeout
	_, err := s.line.Once(ctx, q)
	if errors.Is(err, devices.ErrNoReply) && ctx.Err() == nil {
		return nil
	}
	s.acks = err == nil
	if errors.Is(err, devices.ErrRefused) || errors.Is(err, devices.ErrGarbled) {
		return nil
	}
	return err
}

// Identify asks for model and serial number, which older balances do not know. ErrWrongDevice when it is not the
// registered balance.
func (s *Scale) Identify(ctx context.Context) (devices.Identity, error) {
	var id devices.Identity
	for _, q := range []struct {
		cmd    proto.Command
		header proto.Header
		into   *string
		needed bool
	}{{proto.AskModel, proto.Model, &id.Model, false}, {proto.AskSerial, proto.SerialNumber, &id.Serial, s.cfg.Serial != ""}} {
		question := s.identity(q.cmd, q.header)
		question.Patient = !q.needed
		a, err := s.line.Query(ctx, question)
		silent := errors.Is(err, devices.ErrNoReply) && ctx.Err() == nil
		if !q.needed && (silent || errors.Is(err, devices.ErrRefused)) {
			continue
		}
		if err != nil {
			return devices.Identity{}, s.errorf("identifying", err)
		}
		*q.into = a.Message.Text
	}
	if s.cfg.Serial != "" && id.Serial != s.cfg.Serial {
		return id, s.errorf("identifying", fmt.Errorf("serial number %q, registered is %q: %w", id.Serial, s.cfg.Serial, devices.ErrWrongDevice))
	}
	return id, nil
}

// question is a command that is answered by what takes says. A refusal answers every command.
func (s *Scale) question(c proto.Command, timeout time.Duration, takes func(proto.Message) bool) weighing.Question[proto.Message] {
	return weighing.Question[proto.Message]{
		Command: proto.AppendCommand(nil, s.cfg.Station, c), Timeout: timeout,
		Answers: func(m proto.Message) (bool, error) {
			from := proto.Station{Addressed: m.Addressed, Address: m.Address}
			switch {
			case from != s.cfg.Station:
				return false, nil // another station's
			case m.Kind == proto.Refusal:
				return true, fmt.Errorf("%s: %w", c, refusal(m.Code))
			}
			return takes(m), nil
		},
	}
}

func (s *Scale) weight() weighing.Question[proto.Message] {
	return s.question(proto.Now, s.cfg.ReplyTimeout, func(m proto.Message) bool {
		return m.Kind == proto.Weight || m.Kind == proto.Count || m.Kind == proto.Overload || m.Kind == proto.Underload
	})
}

func (s *Scale) identity(c proto.Command, h proto.Header) weighing.Question[proto.Message] {
	return s.question(c, s.cfg.ReplyTimeout, func(m proto.Message) bool { return m.Kind == proto.Identity && m.Header == h })
}

func (s *Scale) acknowledged(c proto.Command) weighing.Question[proto.Message] {
	return s.question(c, s.cfg.ReplyTimeout, func(m proto.Message) bool { return m.Kind == proto.Ack })
}

// Read returns the weight now, stable or not.
func (s *Scale) Read(ctx context.Context) (devices.Reading, error) {
	r, err := s.read(ctx)
	if err != nil {
		return devices.Reading{}, s.errorf("reading", err)
	}
	return r, nil
}

func (s *Scale) read(ctx context.Context) (devices.Reading, error) {
	return s.line.Weigh(ctx, s.weight(), shown)
}

// Stable asks for the weight now until one is stable or the time is over. The balance's own command for a stable weight
// is not used: its answer may come at any time.
func (s *Scale) Stable(ctx context.Context) (devices.Reading, error) {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	r, err := weighing.PollStable(whole, pollInterval, s.read)
	if err != nil {
		return devices.Reading{}, s.errorf("waiting for a stable weight", err)
	}
	return r, nil
}

// Tare sets the display to zero with the present load and returns that load, weighed just before. It is sent once; after
// ErrUnstable or ErrNoReply the tare may have been set.
func (s *Scale) Tare(ctx context.Context) (devices.Reading, error) {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	r, err := weighing.PollStable(whole, pollInterval, s.read)
	if err == nil {
		err = s.act(whole, proto.SetTare)
	}
	if err != nil {
		return devices.Reading{}, s.errorf("taring", err)
	}
	return r, nil
}

// Zero sets the balance to zero. It is sent once; after ErrUnstable or ErrNoReply the zero may have been set.
func (s *Scale) Zero(ctx context.Context) error {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	if err := s.act(whole, proto.ReZero); err != nil {
		return s.errorf("zeroing", err)
	}
	return nil
}

// act sends c once and waits until it is done: acknowledged, for ReZero twice, and shown.
func (s *Scale) act(ctx context.Context, c proto.Command) error {
	if err := s.send(ctx, c); err != nil {
		return err
	}
	if err := weighing.PollZero(ctx, pollInterval, s.read); err != nil {
		return fmt.Errorf("it does not show zero: %w", err)
	}
	return nil
}

func (s *Scale) send(ctx context.Context, c proto.Command) error {
	if !s.acks {
		return s.line.Tell(ctx, proto.AppendCommand(nil, s.cfg.Station, c))
	}
	q := s.acknowledged(c)
	if _, err := s.line.Once(ctx, q); err != nil || c != proto.ReZero {
		return err
	}
	q.Timeout = s.cfg.StableTimeout
	_, err := s.line.Next(ctx, q)
	return err
}

// Close frees the link. The balance goes on showing weights.
func (s *Scale) Close() error { return s.line.Close() }

// shown is the weight of a message, or the error it stands for.
func shown(m proto.Message) (weighing.Shown, error) {
	switch m.Kind {
	case proto.Overload:
		return weighing.Shown{}, devices.ErrOverload
	case proto.Underload:
		return weighing.Shown{}, devices.ErrUnderload
	case proto.Count:
		return weighing.Shown{}, fmt.Errorf("it counts pieces: %w", devices.ErrUnit)
	}
	return weighing.Shown{Printed: m.Weight, Width: m.Width, Stable: m.Stable()}, nil
}

func refusal(code int) error {
	switch code {
	case proto.CommunicationError:
		return fmt.Errorf("E00, it was received damaged: %w", devices.ErrGarbled)
	case proto.UndefinedCommand:
		return fmt.Errorf("E01, not known to this balance: %w", devices.ErrRefused)
	case proto.NotReady:
		return fmt.Errorf("E02, not ready: %w", devices.ErrUnstable)
	case proto.NotStable:
		return fmt.Errorf("E11: %w", devices.ErrUnstable)
	case proto.OutOfRange:
		return fmt.Errorf("E07, outside the range for it: %w", devices.ErrRefused)
	}
	return fmt.Errorf("E%02d: %w", code, devices.ErrRefused)
}

func (s *Scale) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", s.cfg.Name, doing, err)
}
