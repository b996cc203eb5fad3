// Package ohaus drives OHAUS balances over their print format: Scout, Navigator, Explorer, Adventurer, Ranger. OHAUS 7000
// and Defender speak MT-SICS and belong to package mtsics.
//
// Manuals: OHAUS "RS232 Interface" (p. EN-3), Explorer (p. EN-156), https://us.ohaus.com/en-us/support (manuals).
package ohaus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/weighing"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/ohaus"
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

// Scale is one balance. It is for one goroutine at a time.
//
// The balance's own command for a stable weight is not used: it may take 40 s, and its refusal (ES) is the same as that
// of an unknown command.
type Scale struct {
	line *weighing.Line[proto.Message]
	cfg  Config
	id   devices.Identity // as the balance says
}

var (
	_ devices.Scale  = (*Scale)(nil)
	_ devices.Tarer  = (*Scale)(nil)
	_ devices.Zeroer = (*Scale)(nil)
)

// Open takes over the link, ends automatic printing, and checks who answers. On an error the link is closed.
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
		Framer: new(proto.Framer), Decode: proto.Decode, Probe: s.about(proto.Version), Quiet: quiet,
	}, now)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return s, nil
}

func (s *Scale) start(ctx context.Context) error {
	hello := proto.AppendCommand([]byte("\r\n"), proto.StopPrinting)
	a, err := s.line.Begin(ctx, hello, s.about(proto.Version))
	if err != nil && !errors.Is(err, devices.ErrRefused) {
		return s.errorf("opening", err)
	}
	s.id.Firmware = a.Message.Text
	s.id, err = s.Identify(ctx)
	return err
}

// Identify asks for serial number and version; the model is not offered. ErrWrongDevice when it is not the registered
// balance. A balance that does not say its serial number is an error when one is registered.
func (s *Scale) Identify(ctx context.Context) (devices.Identity, error) {
	id := s.id
	for _, q := range []struct {
		cmd    proto.Command
		into   *string
		needed bool
	}{{proto.SerialNumber, &id.Serial, s.cfg.Serial != ""}, {proto.Version, &id.Firmware, false}} {
		a, err := s.line.Query(ctx, s.about(q.cmd))
		if errors.Is(err, devices.ErrRefused) && !q.needed {
			continue
		}
		if err != nil {
			return devices.Identity{}, s.errorf("identifying", err)
		}
		*q.into = a.Message.Text
	}
	id.Serial = lastWord(id.Serial)
	if s.cfg.Serial != "" && id.Serial != s.cfg.Serial {
		return id, s.errorf("identifying", fmt.Errorf("serial number %q, registered is %q: %w", id.Serial, s.cfg.Serial, devices.ErrWrongDevice))
	}
	return id, nil
}

// lastWord takes a label off.
func lastWord(text string) string { return text[strings.LastIndexByte(text, ' ')+1:] }

// about is a question about the balance itself. All its answers are texts: what is known to be the answer to the other
// question, and may come late, is none.
func (s *Scale) about(c proto.Command) weighing.Question[proto.Message] {
	return s.question(c, s.cfg.ReplyTimeout, func(m proto.Message) bool {
		other := s.id.Firmware
		if c == proto.Version {
			other = s.id.Serial
		}
		return m.Kind == proto.Text && (other == "" || lastWord(m.Text) != lastWord(other))
	})
}

// question is a command that is answered by what takes says. A refusal answers every command.
func (s *Scale) question(c proto.Command, timeout time.Duration, takes func(proto.Message) bool) weighing.Question[proto.Message] {
	return weighing.Question[proto.Message]{
		Command: proto.AppendCommand(nil, c), Timeout: timeout,
		Answers: func(m proto.Message) (bool, error) {
			switch m.Kind {
			case proto.Refused:
				return true, fmt.Errorf("ES, %s is not known to this balance, or the weight was not stable within 40 s: %w", c, devices.ErrRefused)
			case proto.Old:
				return true, fmt.Errorf("%q, it has the commands of a Scout Pro, which are not supported: %w", m.Text, devices.ErrRefused)
			}
			return takes(m), nil
		},
	}
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
	return s.line.Weigh(ctx, s.question(proto.PrintNow, s.cfg.ReplyTimeout, func(m proto.Message) bool {
		return m.Kind == proto.Weight || m.Kind == proto.Overload || m.Kind == proto.Underload || m.Kind == proto.Failure
	}), shown)
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

// Zero sets the balance to zero. It is sent once; after ErrNoReply or ErrGarbled the zero may have been set.
func (s *Scale) Zero(ctx context.Context) error {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	if err := s.act(whole, proto.Zero); err != nil {
		return s.errorf("zeroing", err)
	}
	return nil
}

// act sends c once and waits until the balance says that it is done.
func (s *Scale) act(ctx context.Context, c proto.Command) error {
	_, err := s.line.Once(ctx, s.question(c, s.cfg.StableTimeout, func(m proto.Message) bool { return m.Kind == proto.Done }))
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
	case proto.Failure:
		return weighing.Shown{}, fmt.Errorf("it reports error %d.%d: %w", m.Code/10, m.Code%10, devices.ErrRefused)
	}
	return weighing.Shown{Printed: m.Weight, Width: m.Width, Stable: m.Stable}, nil
}

func (s *Scale) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", s.cfg.Name, doing, err)
}
