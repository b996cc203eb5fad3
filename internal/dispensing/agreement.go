package dispensing

import "github.com/lieu-clinic/lieu/pkg/measure"

// Tolerances say how far order, pump and scale may be apart. The greater of the relative and the absolute value counts.
type Tolerances struct {
	WarnPerMille, StopPerMille    int64
	WarnAbsolute, StopAbsolute    measure.Volume
	DensityLowest, DensityHighest measure.Density
}

// DefaultTolerances are the product's own: laboratory pumps claim one per cent, compounding commonly allows five for a
// dispensed quantity, and a balance that shows 0.01 g cannot tell less than about 0.02 mL.
var DefaultTolerances = Tolerances{
	WarnPerMille: 20, WarnAbsolute: 50 * measure.Microlitre,
	StopPerMille: 50, StopAbsolute: 100 * measure.Microlitre,
	// Any aqueous solution or syrup lies between these; outside them the weight is not of the dose.
	DensityLowest: 950_000, DensityHighest: 1_350_000,
}

// Finding is what comparing order, pump and scale says.
type Finding string

// The findings, from good to bad.
const (
	Agrees    Finding = "agrees"
	Deviates  Finding = "deviates"  // beyond the warning, inside the stop
	Disagrees Finding = "disagrees" // the cup may not be handed over without two people
)

// Volume returns the volume that counts for the book: what the scale says where the lot's density is known, else what
// the pump says. ok is false when neither is known.
func (m Measurement) Volume(d measure.Density) (v measure.Volume, ok bool) {
	if m.WeightKnown && d > 0 {
		if v, err := d.Volume(m.Weighed()); err == nil {
			return v, true
		}
	}
	return m.Pump, m.PumpKnown
}

// Compare holds order, pump and scale against each other. Two independent witnesses must speak: the pump and the scale,
// or by hand the scale with a measured density. Without them the answer is Disagrees, because nothing was proven.
func (t Tolerances) Compare(order measure.Volume, d measure.Density, m Measurement) Finding {
	if !m.WeightKnown || (d == 0 && !m.PumpKnown) {
		return Disagrees
	}
	worst := Agrees
	if m.PumpKnown {
		worst = t.apart(order, order, m.Pump)
	}
	if d == 0 {
		return worse(worst, t.plausible(m.Pump, m.Weighed()))
	}
	scale, err := d.Volume(m.Weighed())
	if err != nil {
		return Disagrees
	}
	worst = worse(worst, t.apart(order, order, scale))
	if m.PumpKnown {
		worst = worse(worst, t.apart(order, m.Pump, scale))
	}
	return worst
}

// plausible is all a scale can say without a density: whether the weight can be that of an aqueous liquid at all.
func (t Tolerances) plausible(v measure.Volume, w measure.Weight) Finding {
	lowest, err1 := t.DensityLowest.Weight(v)
	highest, err2 := t.DensityHighest.Weight(v)
	if err1 != nil || err2 != nil || w < lowest || w > highest {
		return Disagrees
	}
	return Agrees
}

func (t Tolerances) apart(order, a, b measure.Volume) Finding {
	switch diff := (a - b).Abs(); {
	case diff > max(order.PerMille(t.StopPerMille), t.StopAbsolute):
		return Disagrees
	case diff > max(order.PerMille(t.WarnPerMille), t.WarnAbsolute):
		return Deviates
	default:
		return Agrees
	}
}

func worse(a, b Finding) Finding {
	rank := map[Finding]int{Agrees: 0, Deviates: 1, Disagrees: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}
