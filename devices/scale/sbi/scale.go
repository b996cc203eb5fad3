// Package sbi drives Sartorius balances over SBI, their text interface: Entris, Cubis (MSE), BCE, WZA and relatives.
//
// Manuals: Sartorius WZA224-ND (p. 23), EB6DCE-IX (p. 65), LE2202S (p. 51),
// https://www.sartorius.com/en/products/weighing (operating instructions, "Data interfaces").
package sbi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/weighing"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/sbi"
)

// Config of a balance. Its zero value works with any balance.
type Config struct {
	// Name stands in errors, "scale0".
	Name string
	// Serial is the registered serial number; when set, another balance is refused with ErrWrongDevice.
	Serial string
	// ReplyTimeout is for answers that come at once; 0 is 500 ms.
	ReplyTimeout time.Duration
	// StableTimeout is how long Stable, Tare and Zero wait in all; 0 is 10 s.
	StableTimeout time.Duration
}

const (
	quiet        = 200 * time.Millisecond // of silence after which the line counts as idle
	pollInterval = 150 * time.Millisecond
)

// silenceHint is what a balance that says nothing mostly has.
const silenceHint = "wrong parity (SBI is mostly 8 data bits, odd), or is its interface in xBPI mode?"

// Scale is one balance. It is for one goroutine at a time.
//
// While the load moves an SBI balance prints no unit, so there is no weight to report: Read gives ErrUnstable. Taring and
// zeroing are not answered; what the balance shows afterwards is the only proof.
type Scale struct {
	line  *weighing.Line[proto.Message]
	cfg   Config
	model string // as the balance says
}

var (
	_ devices.Scale  = (*Scale)(nil)
	_ devices.Tarer  = (*Scale)(nil)
	_ devices.Zeroer = (*Scale)(nil)
)

// Open takes over the link and checks who answers. It changes nothing on the balance. On an error the link is closed.
func Open(ctx context.Context, link devices.Link, cfg Config, now func() time.Time) (*Scale, error) {
	if cfg.Name == "" {
		cfg.Name = "balance"
	}
	if cfg.ReplyTimeout == 0 {
		cfg.ReplyTimeout = 500 * time.Millisecond
	}
	if cfg.StableTimeout == 0 {
		cfg.StableTimeout = 10 * time.Second
	}
	s := &Scale{cfg: cfg}
	s.line = weighing.NewLine(link, weighing.Protocol[proto.Message]{
		Framer: new(proto.Framer), Decode: proto.Decode, Probe: s.about(proto.Model), Quiet: quiet,
	}, now)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return s, nil
}

func (s *Scale) start(ctx context.Context) error {
	a, err := s.line.Begin(ctx, nil, s.about(proto.Model))
	if errors.Is(err, devices.ErrNoReply) {
		err = fmt.Errorf("%s: %w", silenceHint, err)
	}
	if err != nil {
		return s.errorf("opening", err)
	}
	s.model = a.Message.Text
	_, err = s.Identify(ctx)
	return err
}

// Identify asks for model, serial number and software. ErrWrongDevice when it is not the registered balance. An older
// balance that knows only its model is an error when a serial number is registered.
func (s *Scale) Identify(ctx context.Context) (devices.Identity, error) {
	id := devices.Identity{Model: s.model}
	for _, q := range []struct {
		cmd    proto.Command
		into   *string
		needed bool
	}{{proto.Model, &id.Model, true}, {proto.Serial, &id.Serial, s.cfg.Serial != ""}, {proto.Software, &id.Firmware, false}} {
		question := s.about(q.cmd)
		question.Patient = !q.needed
		a, err := s.line.Query(ctx, question)
		if errors.Is(err, devices.ErrNoReply) && !q.needed && ctx.Err() == nil {
			continue // an older balance need not offer it
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

// about is a question about the balance itself. All its answers are texts: a labelled serial number is told from the
// rest, and the model, which may come late, is no answer to another question.
func (s *Scale) about(c proto.Command) weighing.Question[proto.Message] {
	return weighing.Question[proto.Message]{
		Command: proto.AppendCommand(nil, c), Timeout: s.cfg.ReplyTimeout,
		Answers: func(m proto.Message) (bool, error) {
			switch {
			case m.Kind != proto.Text:
				return false, nil
			case c == proto.Serial:
				return m.ID == proto.SerialNumber || m.Text != s.model, nil
			case c == proto.Software:
				return m.ID == proto.NoID && m.Text != s.model, nil
			}
			return m.ID == proto.NoID && (s.model == "" || m.Text == s.model), nil
		},
	}
}

// Read returns the weight now. ErrUnstable while the load moves: the balance then prints no unit, so there is no weight.
func (s *Scale) Read(ctx context.Context) (devices.Reading, error) {
	r, err := s.read(ctx)
	if err != nil {
		return devices.Reading{}, s.errorf("reading", err)
	}
	return r, nil
}

func (s *Scale) read(ctx context.Context) (devices.Reading, error) {
	return s.line.Weigh(ctx, weighing.Question[proto.Message]{
		Command: proto.AppendCommand(nil, proto.Print), Timeout: s.cfg.ReplyTimeout,
		Answers: func(m proto.Message) (bool, error) { return m.Kind != proto.Text && m.Kind != proto.Tare, nil },
	}, shown)
}

// Stable asks until a weight is stable or the time is over.
func (s *Scale) Stable(ctx context.Context) (devices.Reading, error) {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	r, err := weighing.PollStable(whole, pollInterval, s.read)
	if err != nil {
		return devices.Reading{}, s.errorf("waiting for a stable weight", err)
	}
	return r, nil
}

// Tare sets the display to zero with the present load and returns that load, weighed just before. It is sent once, and
// not acknowledged: after ErrUnstable or ErrNoReply the tare may have been set.
func (s *Scale) Tare(ctx context.Context) (devices.Reading, error) {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	r, err := weighing.PollStable(whole, pollInterval, s.read)
	if err == nil {
		err = s.null(whole, proto.TareOrZero)
	}
	if err != nil {
		return devices.Reading{}, s.errorf("taring", err)
	}
	return r, nil
}

// Zero sets the balance to zero. It is sent once, and not acknowledged: after ErrUnstable or ErrNoReply the zero may have
// been set.
func (s *Scale) Zero(ctx context.Context) error {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	if err := s.null(whole, proto.Zero); err != nil {
		return s.errorf("zeroing", err)
	}
	return nil
}

// null sends c and waits until the balance shows zero.
func (s *Scale) null(ctx context.Context, c proto.Command) error {
	if err := s.line.Tell(ctx, proto.AppendCommand(nil, c)); err != nil {
		return err
	}
	if err := weighing.PollZero(ctx, pollInterval, s.read); err != nil {
		return fmt.Errorf("it does not show zero: %w", err)
	}
	return nil
}

// Close frees the link. The balance goes on showing weights.
func (s *Scale) Close() error { return s.line.Close() }

// The numbers of failures that are none.
const (
	tooLow  = 54
	tooHigh = 55
)

// shown is the weight of a message, or the error it stands for.
func shown(m proto.Message) (weighing.Shown, error) {
	switch m.Kind {
	case proto.Weight:
		return weighing.Shown{Printed: m.Weight, Width: m.Width(), Stable: true}, nil
	case proto.Moving:
		return weighing.Shown{}, fmt.Errorf("no unit is printed while the load moves: %w", devices.ErrUnstable)
	case proto.Count:
		return weighing.Shown{}, fmt.Errorf("an application is running: %w", devices.ErrUnit)
	case proto.Overload:
		return weighing.Shown{}, devices.ErrOverload
	case proto.Underload:
		return weighing.Shown{}, devices.ErrUnderload
	case proto.Adjusting:
		return weighing.Shown{}, fmt.Errorf("it is adjusting itself: %w", devices.ErrUnstable)
	case proto.Standby:
		return weighing.Shown{}, fmt.Errorf("its display is off: switch it on: %w", devices.ErrRefused)
	}
	return weighing.Shown{}, failure(m)
}

func failure(m proto.Message) error {
	switch {
	case m.Text == "PRT.ERR":
		return fmt.Errorf("its interface is in xBPI mode: set it to SBI: %w", devices.ErrRefused)
	case m.Text != "":
		return fmt.Errorf("it reports %s: %w", m.Text, devices.ErrRefused)
	case m.Code == tooLow:
		return devices.ErrUnderload
	case m.Code == tooHigh:
		return devices.ErrOverload
	}
	return fmt.Errorf("it reports error %d: %w", m.Code, devices.ErrRefused)
}

func (s *Scale) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", s.cfg.Name, doing, err)
}
