package calibration

import (
	"math"

	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Fault is a reason why a check did not pass.
type Fault string

// The faults.
const (
	WeightsMissing Fault = "weights_missing" // a check weight was not put on the scale
	WeightsOff     Fault = "weights_off"     // the scale shows another weight
	PrimeMissing   Fault = "prime_missing"
	ShotsMissing   Fault = "shots_missing"
	BiasBeyond     Fault = "bias"   // the mean of a level is too far off
	SpreadBeyond   Fault = "spread" // the shots of a level differ too much
	Unweighed      Fault = "unweighed"
)

// Figures are what a check found. They are computed, never typed.
type Figures struct {
	Weighings []WeighingFigures `json:"weighings"`
	Levels    []LevelFigures    `json:"levels"`
	Mean      drift.Share       `json:"mean_ppm"` // of every shot
	Faults    []Fault           `json:"faults"`
}

// WeighingFigures is what the scale said of one check weight, the last time.
type WeighingFigures struct {
	Nominal measure.Weight `json:"nominal_ug"`
	Shown   measure.Weight `json:"shown_ug"`
	Within  bool           `json:"within"`
}

// LevelFigures are the shots of one volume. The limits are those of the check, or one step of the scale where that is
// more: a spread below what the scale can show cannot be asked for.
type LevelFigures struct {
	Volume      measure.Volume `json:"volume_ul"`
	Errors      []drift.Share  `json:"errors_ppm"` // scale less order, of each shot
	Mean        drift.Share    `json:"mean_ppm"`
	Spread      drift.Share    `json:"spread_ppm"`
	BiasLimit   drift.Share    `json:"bias_limit_ppm"`
	SpreadLimit drift.Share    `json:"spread_limit_ppm"`
	Within      bool           `json:"within"`
}

// Passed reports whether nothing is wrong.
func (f Figures) Passed() bool { return len(f.Faults) == 0 }

// Judge computes the figures of a check from what was recorded. What is missing is a fault like any other.
func Judge(c Check) Figures {
	f := Figures{Weighings: []WeighingFigures{}, Levels: []LevelFigures{}, Faults: []Fault{}}
	f.weigh(c)
	if c.Pump != "" {
		f.pour(c)
	}
	return f
}

func (f *Figures) fault(what Fault) {
	for _, known := range f.Faults {
		if known == what {
			return
		}
	}
	f.Faults = append(f.Faults, what)
}

func (f *Figures) weigh(c Check) {
	for _, nominal := range c.Limits.Weights {
		w, ok := c.lastOf(nominal)
		if !ok {
			f.fault(WeightsMissing)
			continue
		}
		if !w.Within() {
			f.fault(WeightsOff)
		}
		f.Weighings = append(f.Weighings, WeighingFigures{nominal, w.Shown, w.Within()})
	}
}

func (f *Figures) pour(c Check) {
	if len(c.measured(Prime, 0)) == 0 {
		f.fault(PrimeMissing)
	}
	var all []drift.Share
	for i, v := range c.Limits.Levels {
		level := judgeLevel(v, c.measured(Shot, i), c.Limits)
		switch {
		case len(level.Errors) < len(c.measured(Shot, i)):
			f.fault(Unweighed)
		case len(level.Errors) < c.Limits.Shots:
			f.fault(ShotsMissing)
		}
		if level.Mean.Abs() > level.BiasLimit {
			f.fault(BiasBeyond)
		}
		if level.Spread > level.SpreadLimit {
			f.fault(SpreadBeyond)
		}
		f.Levels = append(f.Levels, level)
		all = append(all, level.Errors...)
	}
	f.Mean = mean(all)
}

// mostForScale is the most that a coarse scale may widen a limit: one that shows less cannot prove a pump.
const mostForScale = drift.Percent

func judgeLevel(v measure.Volume, shots []Pour, l Limits) LevelFigures {
	out := LevelFigures{Volume: v, Errors: []drift.Share{}, BiasLimit: l.Bias, SpreadLimit: l.Spread}
	for _, p := range shots {
		scale, ok := p.Scale()
		if !ok {
			continue
		}
		if off, ok := drift.Of(v, scale); ok {
			out.Errors = append(out.Errors, off)
		}
		step, err := p.Density.Volume(p.Division)
		if err == nil && v > 0 {
			visible := min(drift.Share(int64(step)*int64(100*drift.Percent)/int64(v)), mostForScale)
			out.BiasLimit, out.SpreadLimit = max(out.BiasLimit, visible), max(out.SpreadLimit, visible)
		}
	}
	out.Mean, out.Spread = mean(out.Errors), spread(out.Errors)
	out.Within = len(out.Errors) >= l.Shots && out.Mean.Abs() <= out.BiasLimit && out.Spread <= out.SpreadLimit
	return out
}

func mean(xs []drift.Share) drift.Share {
	if len(xs) == 0 {
		return 0
	}
	var sum float64
	for _, x := range xs {
		sum += float64(x)
	}
	return drift.Share(math.Round(sum / float64(len(xs))))
}

// spread is the standard deviation of a sample.
func spread(xs []drift.Share) drift.Share {
	if len(xs) < 2 {
		return 0
	}
	centre, sum := 0.0, 0.0
	for _, x := range xs {
		centre += float64(x) / float64(len(xs))
	}
	for _, x := range xs {
		sum += (float64(x) - centre) * (float64(x) - centre)
	}
	return drift.Share(math.Round(math.Sqrt(sum / float64(len(xs)-1))))
}
