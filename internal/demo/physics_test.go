package demo

import (
	"math"
	"math/rand/v2"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// The physics of a clinic as the books cannot see it: what truly is in a bottle and what truly leaves the pump, beside
// what the instruments show of it. Millilitres, grams and g/mL in floating point; only what an instrument shows goes on.

// flask is a bottle with what is truly in it.
type flask struct {
	millilitres float64
	density     float64
}

// dilute replaces a part of the content with water.
func (f *flask) dilute(part float64) { f.density += part * (0.998 - f.density) }

// tap is a window: its pump, the balance that weighs each cup, and the balance on which two people weigh the bottles.
type tap struct {
	*rand.Rand
	bias   float64 // of the pump after its last calibration, as a part of a dose
	spread float64 // standard deviation of a dose
	cup    float64 // error of the balance under the cup, as a part of the weight
	large  float64 // and of that for bottles
	off    float64 // what the pump has drifted since
}

func newTap(r *rand.Rand) *tap {
	return &tap{
		Rand: r, bias: 0.002 * (2*r.Float64() - 1), spread: 0.003, cup: 0.0003 * r.NormFloat64(), large: 0.0002 * r.NormFloat64(),
	}
}

// pour draws a dose from the bottle and returns what the balance shows before and after.
func (t *tap) pour(f *flask, v measure.Volume) (before, after measure.Weight) {
	moved := float64(v) / 1000 * (1 + t.bias + t.off + t.spread*t.NormFloat64())
	f.millilitres -= moved
	empty := 3.1 + 0.25*t.Float64()
	show := func(grams float64) measure.Weight {
		return measure.Weight(math.Round(100*(grams*(1+t.cup)+0.003*t.NormFloat64()))) * 10 * measure.WeightMilligram
	}
	return show(empty), show(empty + moved*f.density)
}

// weigh is what one person reads when a bottle stands on the large balance, which shows 0.1 g.
func (t *tap) weigh(f *flask, tare measure.Weight) measure.Weight {
	grams := float64(tare)/float64(measure.WeightGram) + f.millilitres*f.density
	return measure.Weight(math.Round(10*(grams*(1+t.large)+0.05*t.NormFloat64()))) * 100 * measure.WeightMilligram
}

// drip is what a shift loses in drops that nobody books: a sixth of a millilitre, seldom half of one.
func (t *tap) drip(f *flask) { f.millilitres -= min(t.ExpFloat64()/6, 0.8) }

// believed is the density that a clinic measures of a lot: the true one with the error of a flask and a thermometer.
func believed(r *rand.Rand, truth float64) measure.Density {
	return measure.Density(math.Round(truth * (1 + 0.0007*r.NormFloat64()) * 1e6))
}
