package station

import (
	"context"
	"errors"
	"fmt"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// thinnest is the least that a millilitre of an oral solution can weigh. It only says when a cup whose lot has no
// measured density may be full; no volume is ever computed from it.
const thinnest = 950_000 * measure.Density(1) // µg/mL

// shortfall is how far under its target a pour by hand may stop, in thousandths of the target.
const shortfall = 20

var errUnfinished = errors.New("the cup was not filled in time")

// byHandTarget is what a pour by hand should weigh.
func byHandTarget(o stationlog.Order) (measure.Weight, error) {
	density := o.Density
	if density <= 0 {
		density = thinnest
	}
	target, err := density.Weight(o.Volume)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errRejected, err)
	}
	return target, nil
}

// byHand watches a nurse pour: the screen shows the live weight against the target, and the pour is finished when the
// cup stands still for ManualSpan with the target in it, less the shortfall. A cup that stays under it ends in doubt.
// Whether the amount is right is decided from the record, as with a pump.
func (p *pourer) byHand(ctx context.Context, o *pour) error {
	out := p.outcome(o)
	enough := o.before.Weight() + o.target - o.target*shortfall/1000
	rule := p.cfg.rule(p.cfg.Manual)
	rule.Span = p.cfg.ManualSpan
	rule.Accept = func(r devices.Reading) error {
		if r.Weight < enough {
			return errUnfinished
		}
		return nil
	}
	p.crash("before-run")
	_, err := p.weigh(ctx, rule)
	p.crash("after-run")
	p.rec.Poured(p.now().Sub(o.began))
	if errors.Is(err, errUnfinished) {
		doubt(&out, "unfinished")
	} else if err != nil {
		doubt(&out, doubtOf(err))
	}
	p.weighFull(ctx, o.before, &out)
	out.DurationMS = p.now().Sub(o.began).Milliseconds()
	return p.finish(ctx, out, 0)
}
