package station

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// errImplausible: the balance answered, and the answer cannot be the weight of what should be on it.
var errImplausible = errors.New("weight is not plausible")

// Weighed is one settled weight and where it came from.
type Weighed struct {
	Reading devices.Reading
	session session
}

// Weight is what the balance showed.
func (w Weighed) Weight() measure.Weight { return w.Reading.Weight }

// settling is the weighing rule: a weight counts when the balance itself called each of at least three readings
// stable, they lie within one division of each other, and they span at least Span. A balance's own flag speaks of the
// last fraction of a second only.
type settling struct {
	Span   time.Duration // from the first reading of the run to the last
	Every  time.Duration // between two readings
	Within time.Duration // then it is given up
	// Accept refuses a settled weight, and the weighing goes on. nil accepts any.
	Accept func(devices.Reading) error
	// Each sees every reading, settled or not. nil for nobody.
	Each func(devices.Reading)
}

const (
	minRun    = 3 // readings
	maxMissed = 3 // readings in a row that may stay without an answer
)

// settle weighs. The balance belongs to the caller for as long as it takes. The error of the last attempt is returned
// when time is up: devices.ErrUnstable, an overload, or what Accept said.
func (p settling) settle(ctx context.Context, scale devices.Scale, now func() time.Time) (devices.Reading, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Within, errTimeUp)
	defer cancel()
	last := devices.ErrUnstable
	var run []devices.Reading
	silent := 0
	for {
		asked := now()
		r, err := scale.Read(ctx)
		switch {
		case ctx.Err() != nil:
			return devices.Reading{}, timeUp(ctx, last)
		case errors.Is(err, devices.ErrOverload), errors.Is(err, devices.ErrUnderload), errors.Is(err, devices.ErrUnstable):
			run, last, silent = nil, err, 0
		case errors.Is(err, devices.ErrNoReply), errors.Is(err, devices.ErrGarbled):
			run = nil
			if silent++; silent >= maxMissed {
				return devices.Reading{}, err
			}
		case err != nil:
			return devices.Reading{}, err
		default:
			silent = 0
			if run, err = p.extend(run, r, asked); err != nil {
				return devices.Reading{}, err
			}
			if len(run) == 0 {
				last = devices.ErrUnstable
			}
		}
		if p.done(run) {
			settled := run[len(run)-1]
			if last = p.accept(settled); last == nil {
				return settled, nil
			}
		}
		pause(ctx, p.Every)
	}
}

var errTimeUp = errors.New("time is up")

// timeUp tells the end of the weighing's own time from an end that came from outside.
func timeUp(ctx context.Context, last error) error {
	if cause := context.Cause(ctx); !errors.Is(cause, errTimeUp) {
		return cause
	}
	return last
}

// extend adds a reading to the run of stable readings, or starts the run anew.
func (p settling) extend(run []devices.Reading, r devices.Reading, asked time.Time) ([]devices.Reading, error) {
	if p.Each != nil {
		p.Each(r)
	}
	d, err := division(r)
	if err != nil {
		return nil, err
	}
	stale := !r.At.IsZero() && r.At.Before(asked)
	if !r.Stable || stale {
		return nil, nil
	}
	if r.At.IsZero() {
		r.At = asked
	}
	run = append(run, r)
	for spread(run) > d || run[0].Unit != r.Unit || run[0].Decimals != r.Decimals {
		run = run[1:]
	}
	return run, nil
}

func (p settling) done(run []devices.Reading) bool {
	return len(run) >= minRun && run[len(run)-1].At.Sub(run[0].At) >= p.Span
}

func (p settling) accept(r devices.Reading) error {
	if p.Accept == nil {
		return nil
	}
	return p.Accept(r)
}

// spread is the distance between the lightest and the heaviest reading.
func spread(run []devices.Reading) measure.Weight {
	low, high := run[0].Weight, run[0].Weight
	for _, r := range run[1:] {
		low, high = min(low, r.Weight), max(high, r.Weight)
	}
	return high - low
}

// division is one step of the last decimal shown. A unit that is not metric weight is an error: nothing is guessed.
func division(r devices.Reading) (measure.Weight, error) {
	unit := map[string]measure.Weight{
		"mg": measure.WeightMilligram, "g": measure.WeightGram, "kg": 1000 * measure.WeightGram,
	}[r.Unit]
	if unit == 0 {
		return 0, fmt.Errorf("%w: unit %q", errImplausible, r.Unit)
	}
	d := unit
	for range r.Decimals {
		d /= 10
	}
	return max(d, 1), nil
}

// densest bounds what any oral solution weighs: far above every syrup, so only a wrong weighing is beyond it.
const densest = 1_600_000 * measure.Density(1) // µg/mL

// jumpAllowance is how far beyond densest a weight may be before it is called a jump: a drop on a small dose.
const jumpAllowance = measure.WeightGram / 2

// frozen is the word for a scale that saw nothing of what the pump counted.
const frozen = "frozen"

// compare says why two weights cannot be the weights before and after a pour of moved, in one machine word; "" when
// they can. pumped is false when nothing is known of the amount.
func compare(before, after Weighed, moved measure.Volume, pumped bool) string {
	b, a := before.Reading, after.Reading
	delta := a.Weight - b.Weight
	d, err := division(a)
	switch {
	case err != nil, a.Unit != b.Unit, a.Decimals != b.Decimals:
		return "unit_changed"
	case after.session.id.Serial != before.session.id.Serial:
		return "scale_changed"
	case after.session.number != before.session.number:
		return "unplugged"
	case delta < -d:
		return "negative"
	case !pumped:
		return ""
	case delta <= d && moved >= frozenFrom(d):
		return frozen
	}
	if most, err := densest.Weight(moved); err != nil || delta > most+jumpAllowance {
		return "jump"
	}
	return ""
}

// frozenFrom is the volume whose weight no balance of division d can miss: ten divisions of something as light as
// alcohol.
func frozenFrom(d measure.Weight) measure.Volume {
	return measure.Volume(int64(d)*10/800 + 1)
}
