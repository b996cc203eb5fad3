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
}

const (
	attempts     = 4                      // of a query
	resetTimeout = 2 * time.Second        // for the balance to answer a reset
	quiet        = 200 * time.Millisecond // of silence after which the line counts as idle
	pollInterval = 120 * time.Millisecond // KERN asks for more than 100 ms
)

// Scale is one balance. It is for one goroutine at a time.
//
// MT-SICS has no checksum. A line that is not exactly a reply is dropped, and a weight is only taken when it is printed
// in the same form as the one before: a lost or an added byte changes the width of the field, the decimals or the unit
// ("g" to "kg"), a balance hardly ever does. A digit changed into another one cannot be seen here; comparing successive
// readings shows it.
type Scale struct {
	link   devices.Link
	cfg    Config
	now    func() time.Time
	lines  proto.Framer
	buf    [256]byte
	unread []byte // of buf
	form   form   // of the latest weight
	dirty  bool   // an answer may still be on its way: resynchronise before the next command
	id     devices.Identity
}

// form is how a weight is printed.
type form struct {
	width, decimals int
	unit            string
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
	s := &Scale{link: link, cfg: cfg, now: now}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	return s, nil
}

func (s *Scale) start(ctx context.Context) error {
	if err := s.reset(ctx); err != nil {
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
		a, err := s.query(ctx, q.cmd, s.cfg.ReplyTimeout, q.id)
		if errors.Is(err, devices.ErrRefused) && q.id != proto.I4 {
			continue // a balance of level 0 need not offer it
		}
		if err != nil {
			return devices.Identity{}, s.errorf("identifying", err)
		}
		*q.into = a.reply.Arg(0)
	}
	if s.cfg.Serial != "" && id.Serial != s.cfg.Serial {
		return id, s.errorf("identifying", fmt.Errorf("serial number %q, registered is %q: %w",
			id.Serial, s.cfg.Serial, devices.ErrWrongDevice))
	}
	s.id = id
	return id, nil
}

// Read returns the weight now, stable or not.
func (s *Scale) Read(ctx context.Context) (devices.Reading, error) {
	r, err := s.weigh(ctx, proto.WeightNow, s.cfg.ReplyTimeout)
	if err != nil {
		return devices.Reading{}, s.errorf("reading", err)
	}
	return r, nil
}

// Stable asks for the stable weight. When the balance gives up or does not answer, it goes on asking for the weight
// now until one is stable or the time is over.
func (s *Scale) Stable(ctx context.Context) (devices.Reading, error) {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	r, err := s.weigh(whole, proto.StableWeight, s.cfg.StableTimeout/2)
	if err == nil && r.Stable {
		return r, nil
	}
	if err != nil && !errors.Is(err, devices.ErrNoReply) && !errors.Is(err, devices.ErrUnstable) {
		return devices.Reading{}, s.errorf("waiting for a stable weight", err)
	}
	r, err = s.pollStable(whole)
	if err != nil {
		return devices.Reading{}, s.errorf("waiting for a stable weight", err)
	}
	return r, nil
}

func (s *Scale) pollStable(ctx context.Context) (devices.Reading, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	answered := false
	for {
		r, err := s.weigh(ctx, proto.WeightNow, s.cfg.ReplyTimeout)
		switch {
		case err == nil && r.Stable:
			return r, nil
		case err == nil, errors.Is(err, devices.ErrUnstable):
			answered = true
		case answered && ctx.Err() != nil:
			return devices.Reading{}, fmt.Errorf("%w: %w", devices.ErrUnstable, ctx.Err())
		default:
			return devices.Reading{}, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return devices.Reading{}, fmt.Errorf("%w: %w", devices.ErrUnstable, ctx.Err())
		}
	}
}

// Tare sets the display to zero with the present load and returns the tare weight. It is sent once: after ErrNoReply
// or ErrGarbled the tare may have been set.
func (s *Scale) Tare(ctx context.Context) (devices.Reading, error) {
	r, err := s.tare(ctx)
	if err != nil {
		return devices.Reading{}, s.errorf("taring", err)
	}
	return r, nil
}

func (s *Scale) tare(ctx context.Context) (devices.Reading, error) {
	if s.form == (form{}) { // the answer comes once, so its form must be known before
		if _, err := s.weigh(ctx, proto.WeightNow, s.cfg.ReplyTimeout); err != nil {
			return devices.Reading{}, err
		}
	}
	a, err := s.once(ctx, proto.Tare, s.cfg.StableTimeout, proto.T, proto.TI)
	if err != nil {
		return devices.Reading{}, err
	}
	return s.reading(a)
}

// Zero sets the balance to zero. It is sent once: after ErrNoReply or ErrGarbled the zero may have been set.
func (s *Scale) Zero(ctx context.Context) error {
	a, err := s.once(ctx, proto.Zero, s.cfg.StableTimeout, proto.Z, proto.ZI)
	if err == nil {
		err = refusal(a.reply)
	}
	if err != nil {
		return s.errorf("zeroing", err)
	}
	return nil
}

// Close frees the link. The balance goes on showing weights.
func (s *Scale) Close() error { return s.link.Close() }

// weigh asks until a weight comes in the same form as the one before. A balance that does not answer is asked
// again for the weight now, but not for the stable one: that wait is the caller's whole time.
func (s *Scale) weigh(ctx context.Context, c proto.Command, timeout time.Duration) (devices.Reading, error) {
	for attempt := 1; ; attempt++ {
		var r devices.Reading
		a, err := s.once(ctx, c, timeout, proto.S)
		if err == nil {
			r, err = s.reading(a)
		}
		again := errors.Is(err, devices.ErrGarbled) || (errors.Is(err, devices.ErrNoReply) && c == proto.WeightNow)
		if !again || attempt == attempts || ctx.Err() != nil {
			return r, err
		}
	}
}

// reading turns an answer into a reading, or into the error it stands for.
func (s *Scale) reading(a answer) (devices.Reading, error) {
	if err := refusal(a.reply); err != nil {
		return devices.Reading{}, err
	}
	w := a.reply.Weight
	if !a.reply.HasWeight() {
		return devices.Reading{}, fmt.Errorf("%q holds no weight: %w", a.raw, devices.ErrGarbled)
	}
	if f := (form{w.Width, w.Decimals, w.Unit}); f != s.form {
		s.form = f
		return devices.Reading{}, fmt.Errorf("%q is printed in another form than before: %w", a.raw, devices.ErrGarbled)
	}
	return devices.Reading{
		Weight: w.Value, Decimals: w.Decimals, Unit: w.Unit,
		Stable: a.reply.Status == proto.Stable, At: a.at, Raw: a.raw,
	}, nil
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
