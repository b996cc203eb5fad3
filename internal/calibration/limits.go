package calibration

import (
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Limits say what a check asks for and how far off a pump and a scale may be.
type Limits struct {
	Levels    []measure.Volume `json:"levels_ul"` // of the shots, ascending
	Shots     int              `json:"shots"`     // of each level
	Prime     measure.Volume   `json:"prime_ul"`
	Bias      drift.Share      `json:"bias_ppm"`     // of the mean of a level's shots, either way
	Spread    drift.Share      `json:"spread_ppm"`   // standard deviation of a level's shots
	Weights   []measure.Weight `json:"weights_ug"`   // nominal, ascending
	Tolerance measure.Weight   `json:"tolerance_ug"` // of each weighing, either way
}

// DefaultLimits are the product's own: one per cent is what makers promise and what a month's count cannot bear, half of
// it is a spread that every serviceable pump keeps, and twenty milligrams are two steps of a balance that shows 0.01 g.
func DefaultLimits() Limits {
	return Limits{
		Levels: []measure.Volume{measure.Millilitre, 5 * measure.Millilitre, 20 * measure.Millilitre}, Shots: 3,
		Prime: 3 * measure.Millilitre, Bias: drift.Percent, Spread: drift.Percent / 2,
		Weights: []measure.Weight{20 * measure.WeightGram, 200 * measure.WeightGram}, Tolerance: 20 * measure.WeightMilligram,
	}
}

// SetLimits is one signed version of a clinic's limits.
type SetLimits struct {
	Limits
	Seq      int // 1, 2, …; 0 for the product's own
	By       staff.ID
	Recorded calendar.Instant
}

// Bounds of what a clinic may set: looser ones would pass any pump.
const (
	maxLevel     = 100 * measure.Millilitre
	maxLevels    = 5
	minShots     = 3
	maxShots     = 10
	maxShare     = 5 * drift.Percent
	maxWeight    = 10_000 * measure.WeightGram
	maxTolerance = measure.WeightGram
)

// Validate refuses limits that no check can be made of, or that any pump would pass.
func (l Limits) Validate() error {
	bad := func(key string) error { return fault.New(fault.Invalid, key, "limits %+v", l) }
	switch {
	case len(l.Levels) == 0 || len(l.Levels) > maxLevels || !ascending(l.Levels, maxLevel):
		return bad("limits.levels")
	case l.Shots < minShots || l.Shots > maxShots || l.Prime <= 0 || l.Prime > maxLevel:
		return bad("limits.shots")
	case l.Bias <= 0 || l.Bias > maxShare || l.Spread <= 0 || l.Spread > maxShare:
		return bad("limits.bias")
	case len(l.Weights) == 0 || len(l.Weights) > maxLevels || !ascending(l.Weights, maxWeight), l.Tolerance <= 0, l.Tolerance > maxTolerance:
		return bad("limits.weights")
	}
	return nil
}

func ascending[T ~int64](values []T, most T) bool {
	last := T(0)
	for _, v := range values {
		if v <= last || v > most {
			return false
		}
		last = v
	}
	return true
}

// fit brings the volumes into what a pump may be asked for. Two levels that become the same volume are one.
func (l Limits) fit(p equipment.Profile) Limits {
	step := max(p.Resolution, 1)
	into := func(v measure.Volume) measure.Volume { return min(max(v, p.MinDose), p.MaxDose) / step * step }
	levels := make([]measure.Volume, 0, len(l.Levels))
	for _, v := range l.Levels {
		if v = into(v); v > 0 && !slices.Contains(levels, v) {
			levels = append(levels, v)
		}
	}
	l.Levels, l.Prime = levels, into(l.Prime)
	return l
}
