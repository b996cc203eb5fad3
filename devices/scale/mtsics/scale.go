// Package mtsics drives balances that speak MT-SICS: Mettler-Toledo, OHAUS 7000 and KERN with the KCP set.
//
// Manual: Mettler-Toledo, "Reference Manual MT-SICS", 11780711 (balances) and 11781363 (weigh modules), levels 0 and 1.
package mtsics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/weighing"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/mtsics"
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
	// Profile is the make of balance; "" is Mettler.
	Profile Profile
}

const (
	resetTimeout = 2 * time.Second        // for the balance to answer a reset
	quiet        = 200 * time.Millisecond // of silence after which the line counts as idle
)

// Scale is one balance. It is for one goroutine at a time.
//
// MT-SICS has no checksum. A line that is not exactly a reply is dropped, and a weight is only taken when it is printed
// in the same form as the one before: a lost or an added byte changes the width of the field, the decimals or the unit
// ("g" to "kg"), a balance hardly ever does. A digit changed into another one cannot be seen here; comparing successive
// readings shows it.
type Scale struct {
	line   *weighing.Line[proto.Reply]
	cfg    Config
	traits traits
}

var (
	_ devices.Scale  = (*Scale)(nil)
	_ devices.Tarer  = (*Scale)(nil)
	_ devices.Zeroer = (*Scale)(nil)
)

// Open takes over the link, resets the balance, which cancels whatever it was doing and may clear its tare, and checks
// who it is. On an error the link is closed.
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
	traits, err := cfg.Profile.traits()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", cfg.Name, err), link.Close())
	}
	s := &Scale{cfg: cfg, traits: traits}
	s.line = weighing.NewLine(link, s.protocol(), now)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return s, nil
}

func (s *Scale) start(ctx context.Context) error {
	reset := s.question(proto.Reset, resetTimeout, proto.I4)
	if _, err := s.line.Begin(ctx, []byte("\r\n"), reset); err != nil {
		return s.errorf("opening", err)
	}
	_, err := s.Identify(ctx)
	return err
}

// Identify asks for model, software and serial number. ErrWrongDevice when it is not the registered balance.
func (s *Scale) Identify(ctx context.Context) (devices.Identity, error) {
	var id devices.Identity
	for _, q := range []struct {
		cmd  proto.Command
		id   proto.ID
		into *string
	}{{proto.Model, proto.I2, &id.Model}, {proto.Software, proto.I3, &id.Firmware}, {proto.SerialNumber, proto.I4, &id.Serial}} {
		a, err := s.line.Query(ctx, s.question(q.cmd, s.cfg.ReplyTimeout, q.id))
		if errors.Is(err, devices.ErrRefused) && q.id != proto.I4 {
			continue // a balance of level 0 need not offer it
		}
		if err != nil {
			return devices.Identity{}, s.errorf("identifying", err)
		}
		*q.into = a.Message.Arg(0)
	}
	if s.cfg.Serial != "" && id.Serial != s.cfg.Serial {
		return id, s.errorf("identifying", fmt.Errorf("serial number %q, registered is %q: %w",
			id.Serial, s.cfg.Serial, devices.ErrWrongDevice))
	}
	return id, nil
}

// Read returns the weight now, stable or not.
func (s *Scale) Read(ctx context.Context) (devices.Reading, error) {
	r, err := s.now(ctx)
	if err != nil {
		return devices.Reading{}, s.errorf("reading", err)
	}
	return r, nil
}

func (s *Scale) now(ctx context.Context) (devices.Reading, error) {
	return s.line.Weigh(ctx, s.question(proto.WeightNow, s.cfg.ReplyTimeout, proto.S), shown)
}

// Stable asks for the stable weight. When the balance gives up or does not answer, it goes on asking for the weight
// now until one is stable or the time is over.
func (s *Scale) Stable(ctx context.Context) (devices.Reading, error) {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	patient := s.question(proto.StableWeight, s.patience(), proto.S)
	patient.Patient = true
	r, err := s.line.Weigh(whole, patient, shown)
	if err == nil && r.Stable {
		return r, nil
	}
	if err != nil && !errors.Is(err, devices.ErrNoReply) && !errors.Is(err, devices.ErrUnstable) {
		return devices.Reading{}, s.errorf("waiting for a stable weight", err)
	}
	if r, err = weighing.PollStable(whole, s.traits.pollInterval, s.now); err != nil {
		return devices.Reading{}, s.errorf("waiting for a stable weight", err)
	}
	return r, nil
}

// patience is how long the balance may take for a stable weight before it is asked for the weight now.
func (s *Scale) patience() time.Duration {
	half := s.cfg.StableTimeout / 2
	if own := s.traits.ownLimit; own != 0 {
		return min(half, own+s.cfg.ReplyTimeout)
	}
	return half
}

// Tare sets the display to zero with the present load and returns the tare weight. It is sent once: after ErrNoReply
// or ErrGarbled the tare may have been set. ErrRefused by a balance that has no such command.
func (s *Scale) Tare(ctx context.Context) (devices.Reading, error) {
	r, err := s.tare(ctx)
	if err != nil {
		return devices.Reading{}, s.errorf("taring", err)
	}
	return r, nil
}

func (s *Scale) tare(ctx context.Context) (devices.Reading, error) {
	if !s.traits.tares {
		return devices.Reading{}, fmt.Errorf("a balance of level 0 takes no tare over the line: %w", devices.ErrRefused)
	}
	if !s.line.FormKnown() { // the answer comes once, so its form must be known before
		if _, err := s.now(ctx); err != nil {
			return devices.Reading{}, err
		}
	}
	a, err := s.line.Once(ctx, s.question(proto.Tare, s.cfg.StableTimeout, proto.T, proto.TI))
	if err != nil {
		return devices.Reading{}, err
	}
	return s.line.Reading(a, shown)
}

// Zero sets the balance to zero. It is sent once: after ErrNoReply or ErrGarbled the zero may have been set.
func (s *Scale) Zero(ctx context.Context) error {
	a, err := s.line.Once(ctx, s.question(proto.Zero, s.cfg.StableTimeout, proto.Z, proto.ZI))
	if err == nil {
		err = refusal(a.Message)
	}
	if err != nil {
		return s.errorf("zeroing", err)
	}
	return nil
}

// Close frees the link. The balance goes on showing weights.
func (s *Scale) Close() error { return s.line.Close() }

// shown is the weight of a reply, or the error it stands for.
func shown(r proto.Reply) (weighing.Shown, error) {
	if err := refusal(r); err != nil {
		return weighing.Shown{}, err
	}
	if !r.HasWeight() {
		return weighing.Shown{}, fmt.Errorf("no weight in it: %w", devices.ErrGarbled)
	}
	return weighing.Shown{Printed: r.Weight.Printed, Width: r.Weight.Width, Stable: r.Status == proto.Stable}, nil
}

// refusal is the error that a status stands for, nil when the balance did what was asked.
func refusal(r proto.Reply) error {
	switch r.Status {
	case proto.Overload:
		return devices.ErrOverload
	case proto.Underload:
		return devices.ErrUnderload
	case proto.NotExecutable:
		return fmt.Errorf("busy, or not stable in its own time: %w", devices.ErrUnstable)
	case proto.Parameter:
		return fmt.Errorf("wrong parameter: %w", devices.ErrRefused)
	case proto.DeviceError:
		part := "terminal"
		if r.Bridge {
			part = "weighing bridge"
		}
		return fmt.Errorf("error %d of the %s: %w", r.Code, part, devices.ErrRefused)
	}
	return nil
}

func (s *Scale) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", s.cfg.Name, doing, err)
}
