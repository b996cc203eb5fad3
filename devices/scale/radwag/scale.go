// Package radwag drives Radwag balances and terminals: PS, AS, WTC, HRP, MAC and relatives.
//
// Manuals: Radwag PS 16.5.1 (p. 82), WTC (p. 46), HRP (p. 133), AS R2 (p. 91), https://radwag.com/en/manuals
// ("Communication protocol").
package radwag

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/weighing"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/radwag"
)

// Config of a balance. Its zero value works with any balance.
type Config struct {
	// Name stands in errors, "scale0".
	Name string
	// Serial is the registered serial number; when set, another balance is refused with ErrWrongDevice.
	Serial string
	// ReplyTimeout is for answers that come at once; 0 is 500 ms.
	ReplyTimeout time.Duration
	// StableTimeout is how long Stable waits in all; 0 is 10 s.
	StableTimeout time.Duration
}

const (
	quiet        = 200 * time.Millisecond // of silence after which the line counts as idle
	pollInterval = 150 * time.Millisecond
	actTimeout   = 60 * time.Second // for a zero or a tare that was accepted; these balances take their time
)

// Scale is one balance. It is for one goroutine at a time.
//
// What takes time is answered in two steps: accepted, then done. The balance's own command for a stable weight is not
// used: its second answer may come at any time.
type Scale struct {
	line *weighing.Line[proto.Message]
	cfg  Config
}

var (
	_ devices.Scale  = (*Scale)(nil)
	_ devices.Tarer  = (*Scale)(nil)
	_ devices.Zeroer = (*Scale)(nil)
)

// Open takes over the link, ends continuous sending, and checks who answers. On an error the link is closed.
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
		Framer: new(proto.Framer), Decode: proto.Decode, Probe: s.about(proto.SerialNumber), Quiet: quiet,
	}, now)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return s, nil
}

func (s *Scale) start(ctx context.Context) error {
	hello := proto.AppendCommand([]byte("\r\n"), proto.StreamOff)
	if _, err := s.line.Begin(ctx, hello, s.about(proto.SerialNumber)); err != nil && !errors.Is(err, devices.ErrRefused) {
		return s.errorf("opening", err)
	}
	_, err := s.Identify(ctx)
	return err
}

// Identify asks for type, version and serial number. ErrWrongDevice when it is not the registered balance.
func (s *Scale) Identify(ctx context.Context) (devices.Identity, error) {
	var id devices.Identity
	for _, q := range []struct {
		cmd    proto.Command
		into   *string
		needed bool
	}{{proto.Type, &id.Model, false}, {proto.Version, &id.Firmware, false}, {proto.SerialNumber, &id.Serial, s.cfg.Serial != ""}} {
		a, err := s.line.Query(ctx, s.about(q.cmd))
		if errors.Is(err, devices.ErrRefused) && !q.needed {
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

// question is a command that is answered by its own name and one of the wanted kinds, or by what it cannot do.
func (s *Scale) question(c proto.Command, timeout time.Duration, want ...proto.Kind) weighing.Question[proto.Message] {
	return weighing.Question[proto.Message]{
		Command: proto.AppendCommand(nil, c), Timeout: timeout,
		Answers: func(m proto.Message) (bool, error) {
			if m.Kind == proto.Unknown {
				return true, fmt.Errorf("%s is not known to this balance: %w", c, devices.ErrRefused)
			}
			if m.Command != c {
				return false, nil
			}
			for _, k := range want {
				if m.Kind == k {
					return true, nil
				}
			}
			err := refusal(m.Kind)
			return err != nil, err
		},
	}
}

func (s *Scale) about(c proto.Command) weighing.Question[proto.Message] {
	q := s.question(c, s.cfg.ReplyTimeout, proto.Info)
	answers := q.Answers
	q.Answers = func(m proto.Message) (bool, error) {
		if m.Kind == proto.Busy && m.Command == c {
			return true, fmt.Errorf("%s is not possible now: %w", c, devices.ErrRefused)
		}
		return answers(m)
	}
	return q
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
	q := s.question(proto.NowBasic, s.cfg.ReplyTimeout, proto.Weight, proto.Overload, proto.Underload)
	return s.line.Weigh(ctx, q, shown)
}

// Stable asks for the weight now until one is stable or the time is over.
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
// ErrNoReply or ErrGarbled the tare may have been set.
func (s *Scale) Tare(ctx context.Context) (devices.Reading, error) {
	r, err := s.Stable(ctx)
	if err != nil {
		return devices.Reading{}, err
	}
	if err := s.act(ctx, proto.SetTare); err != nil {
		return devices.Reading{}, s.errorf("taring", err)
	}
	return r, nil
}

// Zero sets the balance to zero. It is sent once; after ErrNoReply or ErrGarbled the zero may have been set.
func (s *Scale) Zero(ctx context.Context) error {
	if err := s.act(ctx, proto.Zero); err != nil {
		return s.errorf("zeroing", err)
	}
	return nil
}

// act sends c once and waits until the balance says that it is done.
func (s *Scale) act(ctx context.Context, c proto.Command) error {
	a, err := s.line.Once(ctx, s.question(c, s.cfg.ReplyTimeout, proto.Accepted, proto.Done, proto.OK))
	if err != nil || a.Message.Kind != proto.Accepted {
		return err
	}
	_, err = s.line.Next(ctx, s.question(c, actTimeout, proto.Done, proto.OK))
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
	}
	return weighing.Shown{Printed: m.Weight, Width: m.Width, Stable: m.Stable}, nil
}

// refusal is the error that an outcome stands for, nil when it is none.
func refusal(k proto.Kind) error {
	switch k {
	case proto.TimeOut:
		return fmt.Errorf("not stable in the balance's own time: %w", devices.ErrUnstable)
	case proto.Busy:
		return fmt.Errorf("not possible now: %w", devices.ErrUnstable)
	case proto.AboveRange:
		return fmt.Errorf("above the range for it: %w", devices.ErrRefused)
	case proto.BelowRange:
		return fmt.Errorf("below the range for it: %w", devices.ErrRefused)
	}
	return nil
}

func (s *Scale) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", s.cfg.Name, doing, err)
}
