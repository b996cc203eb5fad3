package measure

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Mass is an amount of drug substance in micrograms (µg).
type Mass int64

// Units of drug mass.
const (
	Microgram Mass = 1
	Milligram Mass = 1000 * Microgram
	Gram      Mass = 1000 * Milligram
)

// Volume is a volume of solution in microlitres (µL).
type Volume int64

// Units of volume.
const (
	Microlitre Volume = 1
	Millilitre Volume = 1000 * Microlitre
	Litre      Volume = 1000 * Millilitre
)

// Concentration is drug mass per volume of solution, in micrograms per millilitre (µg/mL). 10 mg/mL is 10 000.
type Concentration int64

// MilligramPerMillilitre is 1 mg/mL.
const MilligramPerMillilitre Concentration = 1000

// Weight is what a balance shows, in micrograms of anything: liquid, cup or bottle. It is a type of its own so that
// grams of syrup are never taken for milligrams of drug.
type Weight int64

// Units of weight.
const (
	WeightMilligram Weight = 1000
	WeightGram      Weight = 1000 * WeightMilligram
)

// Density is weight per volume of a liquid in micrograms per millilitre (µg/mL). Water at 20 °C is about 998 200.
type Density int64

// GramPerMillilitre is 1 g/mL.
const GramPerMillilitre Density = 1_000_000

// Errors of quantity arithmetic. Match them with errors.Is.
var (
	ErrInexact  = errors.New("not a whole number of the smallest unit")
	ErrOverflow = errors.New("quantity out of range")
	ErrUnknown  = errors.New("concentration or density is not known")
)

// Volume returns the volume of solution that holds m. It reports ErrInexact when the answer is not a whole number of
// microlitres (a dose is never rounded in silence), ErrUnknown when c is not positive, and ErrOverflow when the
// answer does not fit.
func (c Concentration) Volume(m Mass) (Volume, error) {
	if c <= 0 {
		return 0, ErrUnknown
	}
	// v[µL] = m[µg] × 1000 / c[µg/mL]
	q, rem, err := mulDiv(int64(m), int64(Millilitre), int64(c))
	if err != nil {
		return 0, err
	}
	if rem != 0 {
		return 0, fmt.Errorf("%s at %s: %w", m, c, ErrInexact)
	}
	return Volume(q), nil
}

// Mass returns the drug held by v of a solution of concentration c. It reports ErrInexact when that is not a whole
// number of micrograms; see [Concentration.MassFloor] for observations.
func (c Concentration) Mass(v Volume) (Mass, error) {
	if c <= 0 {
		return 0, ErrUnknown
	}
	q, rem, err := mulDiv(int64(v), int64(c), int64(Millilitre))
	if err != nil {
		return 0, err
	}
	if rem != 0 {
		return 0, fmt.Errorf("%s at %s: %w", v, c, ErrInexact)
	}
	return Mass(q), nil
}

// MassFloor returns the drug held by v, rounded towards zero to a whole microgram. It is for reports of measured
// volumes; a prescribed amount goes through [Concentration.Mass].
func (c Concentration) MassFloor(v Volume) (Mass, error) {
	if c <= 0 {
		return 0, ErrUnknown
	}
	q, _, err := mulDiv(int64(v), int64(c), int64(Millilitre))
	return Mass(q), err
}

// Volume turns a weighed amount of liquid into its volume, rounded half away from zero to a whole microlitre.
// It reports ErrUnknown when d is not positive: without a measured density a scale may compare, not convert.
func (d Density) Volume(w Weight) (Volume, error) {
	if d <= 0 {
		return 0, ErrUnknown
	}
	q, err := divRound(int64(w), int64(Millilitre), int64(d))
	return Volume(q), err
}

// Weight returns what v of the liquid weighs, rounded half away from zero to a whole microgram.
func (d Density) Weight(v Volume) (Weight, error) {
	if d <= 0 {
		return 0, ErrUnknown
	}
	q, err := divRound(int64(v), int64(d), int64(Millilitre))
	return Weight(q), err
}

// Abs returns the size of v without its sign. The smallest Volume has no opposite and gives the largest.
func (v Volume) Abs() Volume {
	if v == math.MinInt64 {
		return math.MaxInt64
	}
	return max(v, -v)
}

// PerMille returns n ‰ of v, rounded towards zero. An answer that does not fit becomes the outermost Volume of its sign.
func (v Volume) PerMille(n int64) Volume {
	q, _, err := mulDiv(int64(v), n, 1000)
	switch {
	case err == nil:
		return Volume(q)
	case (v < 0) != (n < 0):
		return math.MinInt64
	}
	return math.MaxInt64
}

func divRound(a, b, div int64) (int64, error) {
	q, rem, err := mulDiv(a, b, div)
	if err != nil {
		return 0, err
	}
	if rem < 0 {
		rem = -rem
	}
	if rem >= div-rem { // 2·rem ≥ div without overflow
		if (a < 0) != (b < 0) {
			q--
		} else {
			q++
		}
	}
	return q, nil
}

// mulDiv returns a×b/div truncated towards zero and the remainder, exactly, with a 128-bit product. div > 0.
func mulDiv(a, b, div int64) (quo, rem int64, err error) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi >= uint64(div) {
		return 0, 0, ErrOverflow
	}
	q, r := bits.Div64(hi, lo, uint64(div))
	if q > math.MaxInt64 {
		return 0, 0, ErrOverflow
	}
	quo, rem = int64(q), int64(r)
	if (a < 0) != (b < 0) {
		quo, rem = -quo, -rem
	}
	return quo, rem, nil
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}
