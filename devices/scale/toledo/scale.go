// Package toledo reads balances with the Toledo continuous output, for use where a balance offers nothing else: it says
// neither who it is nor that it heard a command. Another balance on the same port is not noticed, so a configuration must
// not claim a serial number.
//
// Manuals: KERN FTC (p. 42), Mettler-Toledo IND445 (p. 50), https://www.mt.com ("Continuous output format").
package toledo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/weighing"
	"github.com/lieu-clinic/lieu/pkg/measure"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/toledo"
)

// Config of a balance. Its zero value works with any balance that sends no checksum.
type Config struct {
	// Name stands in errors, "scale0".
	Name string
	// Serial must be empty: the protocol cannot say it.
	Serial string
	// Checksum is whether the balance ends each frame with one, as it is set in its menu.
	Checksum bool
	// FrameTimeout is how long the next frame may take; 0 is 1 s.
	FrameTimeout time.Duration
	// StableTimeout is how long Stable waits in all; 0 is 10 s.
	StableTimeout time.Duration
}

const (
	attempts     = 4 // to find two frames in one form
	pollInterval = 100 * time.Millisecond
	silenceHint  = "is its continuous output on, and are baud rate and parity right?"
	rubbishHint  = "check baud rate, parity, and whether the frames end with a checksum"
)

// ErrSerial: a serial number was registered for a balance that cannot say one.
var ErrSerial = errors.New("the continuous output says no serial number: none can be registered for this balance")

// Scale is one balance. It is for one goroutine at a time.
//
// A frame that was sent before the question does not answer it: what has arrived is dropped first.
type Scale struct {
	link   devices.Link
	cfg    Config
	now    func() time.Time
	frames *proto.Framer
	form   form // of the latest weight
}

// form is how a weight is shown.
type form struct {
	point proto.Point
	unit  string
}

var _ devices.Scale = (*Scale)(nil)

// Open takes over the link and waits for a frame. It sends nothing, ever. On an error the link is closed.
func Open(ctx context.Context, link devices.Link, cfg Config, now func() time.Time) (*Scale, error) {
	if cfg.Name == "" {
		cfg.Name = "balance"
	}
	if cfg.FrameTimeout == 0 {
		cfg.FrameTimeout = time.Second
	}
	if cfg.StableTimeout == 0 {
		cfg.StableTimeout = 10 * time.Second
	}
	s := &Scale{link: link, cfg: cfg, now: now, frames: proto.NewFramer(cfg.Checksum)}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(s.errorf("opening", err), link.Close())
	}
	return s, nil
}

func (s *Scale) start(ctx context.Context) error {
	if s.cfg.Serial != "" {
		return ErrSerial
	}
	_, _, err := s.next(ctx)
	if errors.Is(err, devices.ErrUnit) {
		return nil // a balance all the same; each reading will say so
	}
	return err
}

// Identify says nothing, because the balance does not. It makes sure that a balance is there.
func (s *Scale) Identify(ctx context.Context) (devices.Identity, error) {
	if _, _, err := s.next(ctx); err != nil {
		return devices.Identity{}, s.errorf("identifying", err)
	}
	return devices.Identity{}, nil
}

// Read returns the next weight that the balance sends, stable or not. ErrRestarted when the balance says that it has not
// been zeroed since it was switched on: its weights have no beginning.
func (s *Scale) Read(ctx context.Context) (devices.Reading, error) {
	r, err := s.read(ctx)
	if err != nil {
		return devices.Reading{}, s.errorf("reading", err)
	}
	return r, nil
}

func (s *Scale) read(ctx context.Context) (devices.Reading, error) {
	for attempt := 1; ; attempt++ {
		m, raw, err := s.next(ctx)
		if err == nil {
			err = usable(m)
		}
		if err != nil {
			return devices.Reading{}, err
		}
		if f := (form{m.Point, m.Weight.Unit}); f != s.form {
			s.form = f
			if attempt == attempts {
				return devices.Reading{}, fmt.Errorf("%q is in another form than before: %w", raw, devices.ErrGarbled)
			}
			continue
		}
		return devices.Reading{
			Weight: m.Weight.Value, Decimals: m.Weight.Decimals, Unit: m.Weight.Unit, Stable: m.Stable(), At: s.now(), Raw: raw,
		}, nil
	}
}

// usable is the error that a frame stands for, nil when it holds a weight.
func usable(m proto.Message) error {
	switch {
	case m.NotZeroed:
		return fmt.Errorf("it has not been zeroed since it was switched on: empty the pan and press zero: %w", devices.ErrRestarted)
	case m.OutOfRange && m.Below:
		return devices.ErrUnderload
	case m.OutOfRange:
		return devices.ErrOverload
	case m.Expanded:
		return fmt.Errorf("its display is expanded by a digit: %w", devices.ErrRefused)
	}
	return nil
}

// next waits for a frame that begins from now on.
func (s *Scale) next(ctx context.Context) (proto.Message, string, error) {
	if err := ctx.Err(); err != nil {
		return proto.Message{}, "", fmt.Errorf("%w: %w", devices.ErrNoReply, err)
	}
	if err := s.link.Flush(); err != nil {
		return proto.Message{}, "", err
	}
	s.frames.Sync()
	within, cancel := context.WithTimeout(ctx, s.cfg.FrameTimeout)
	defer cancel()
	m, raw, err := s.receive(within)
	if ctx.Err() != nil && errors.Is(err, devices.ErrNoReply) {
		err = fmt.Errorf("%w: %w", err, ctx.Err())
	}
	return m, raw, err
}

func (s *Scale) receive(ctx context.Context) (proto.Message, string, error) {
	var buf [256]byte
	heard := 0
	for {
		n, err := s.link.Read(ctx, buf[:])
		switch {
		case errors.Is(err, devices.ErrGarbled):
			s.frames.Lose()
			continue
		case err != nil:
			return proto.Message{}, "", silent(err, heard)
		}
		heard += n
		for chunk := buf[:n]; ; {
			frame, rest, ok := s.frames.Next(chunk)
			if !ok {
				break
			}
			chunk = rest
			m, err := proto.Decode(frame)
			switch {
			case errors.Is(err, measure.ErrUnit):
				return proto.Message{}, "", fmt.Errorf("%q: %w", frame, devices.ErrUnit)
			case err == nil:
				return m, string(frame), nil
			}
		}
	}
}

// silent says what is likely when no frame came.
func silent(err error, heard int) error {
	err = weighing.NoReply(err)
	switch {
	case !errors.Is(err, devices.ErrNoReply):
		return err
	case heard > 0:
		return fmt.Errorf("%d bytes and no frame, %s: %w", heard, rubbishHint, err)
	}
	return fmt.Errorf("%s: %w", silenceHint, err)
}

// Stable reads until a weight is stable or the time is over.
func (s *Scale) Stable(ctx context.Context) (devices.Reading, error) {
	whole, cancel := context.WithTimeout(ctx, s.cfg.StableTimeout)
	defer cancel()
	r, err := weighing.PollStable(whole, pollInterval, s.read)
	if err != nil {
		return devices.Reading{}, s.errorf("waiting for a stable weight", err)
	}
	return r, nil
}

// Close frees the link.
func (s *Scale) Close() error { return s.link.Close() }

func (s *Scale) errorf(doing string, err error) error {
	return fmt.Errorf("%s: %s: %w", s.cfg.Name, doing, err)
}
