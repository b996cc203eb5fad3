package weighing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Shown is a weight as a message carries it.
type Shown struct {
	measure.Printed
	Width  int // of the field or line: a balance keeps to one width, so a change betrays a lost or added byte
	Stable bool
}

// Weigh asks until a weight comes in the same form as the one before. shown takes the weight out of an answer, or the
// error that the answer stands for.
func (l *Line[M]) Weigh(ctx context.Context, q Question[M], shown func(M) (Shown, error)) (devices.Reading, error) {
	for attempt := 1; ; attempt++ {
		var r devices.Reading
		a, err := l.Once(ctx, q)
		if err == nil {
			r, err = l.Reading(a, shown)
		}
		if !l.again(ctx, q, err) || attempt == Attempts {
			return r, err
		}
	}
}

// Reading turns an answer into a reading. ErrGarbled when it is printed in another form than the one before; that form is
// then the new one.
func (l *Line[M]) Reading(a Answer[M], shown func(M) (Shown, error)) (devices.Reading, error) {
	w, err := shown(a.Message)
	if err != nil {
		return devices.Reading{}, fmt.Errorf("%q: %w", a.Raw, err)
	}
	if f := (form{w.Width, w.Decimals, w.Unit}); f != l.form {
		l.form = f
		return devices.Reading{}, fmt.Errorf("%q is printed in another form than before: %w", a.Raw, devices.ErrGarbled)
	}
	return devices.Reading{
		Weight: w.Value, Decimals: w.Decimals, Unit: w.Unit, Stable: w.Stable, At: a.At, Raw: a.Raw,
	}, nil
}

// FormKnown reports whether a weight has shown how this balance prints.
func (l *Line[M]) FormKnown() bool { return l.form != form{} }

// Read is one way of asking for a weight.
type Read func(ctx context.Context) (devices.Reading, error)

// PollStable reads until a weight is stable. ErrUnstable when ctx ends first, ErrNoReply when the balance is silent.
func PollStable(ctx context.Context, every time.Duration, read Read) (devices.Reading, error) {
	return poll(ctx, every, read, func(r devices.Reading) bool { return r.Stable })
}

// PollZero reads until the balance shows zero at rest, within two divisions. It is the only proof of a tare or a zero
// that a protocol does not acknowledge. ErrUnstable when ctx ends first.
func PollZero(ctx context.Context, every time.Duration, read Read) error {
	_, err := poll(ctx, every, read, func(r devices.Reading) bool {
		d := 2 * division(r)
		return r.Stable && r.Weight <= d && r.Weight >= -d
	})
	return err
}

func poll(ctx context.Context, every time.Duration, read Read, done func(devices.Reading) bool) (devices.Reading, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	answered := false
	for {
		r, err := read(ctx)
		switch {
		case err == nil && done(r):
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

// division is one step of the last digit.
func division(r devices.Reading) measure.Weight {
	d := measure.WeightGram
	switch r.Unit {
	case "kg":
		d *= 1000
	case "mg":
		d = measure.WeightMilligram
	}
	for range r.Decimals {
		d /= 10
	}
	return d
}
