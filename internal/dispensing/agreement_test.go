package dispensing

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

const (
	syrup = measure.Density(1_060_000)
	ml    = measure.Millilitre
)

// cup is a measurement whose scale says exactly v of syrup and whose pump says p.
func cup(t interface{ Fatal(...any) }, p, v measure.Volume) Measurement {
	w, err := syrup.Weight(v)
	if err != nil {
		t.Fatal(err)
	}
	empty := 6 * measure.WeightGram
	return Measurement{Pump: p, PumpKnown: true, GrossBefore: empty, GrossAfter: empty + w, WeightKnown: true}
}

func TestCompare(t *testing.T) {
	byHand := cup(t, 0, 6*ml)
	byHand.PumpKnown = false
	noWeight := Measurement{Pump: 6 * ml, PumpKnown: true}
	tests := map[string]struct {
		order   measure.Volume
		density measure.Density
		m       Measurement
		want    Finding
	}{
		"all three the same":                        {6 * ml, syrup, cup(t, 6*ml, 6*ml), Agrees},
		"scale at the warning":                      {6 * ml, syrup, cup(t, 6*ml, 6*ml+120), Agrees},
		"scale one microlitre past the warning":     {6 * ml, syrup, cup(t, 6*ml, 6*ml+121), Deviates},
		"scale at the stop":                         {6 * ml, syrup, cup(t, 6*ml, 6*ml-300), Deviates},
		"scale one microlitre past the stop":        {6 * ml, syrup, cup(t, 6*ml, 6*ml-301), Disagrees},
		"small dose: the absolute tolerance counts": {500, syrup, cup(t, 500, 600), Deviates},
		"small dose past it":                        {500, syrup, cup(t, 500, 601), Disagrees},
		"pump off, scale right":                     {6 * ml, syrup, cup(t, 5*ml, 6*ml), Disagrees},
		"pump and scale agree on the wrong dose":    {6 * ml, syrup, cup(t, 5*ml, 5*ml), Disagrees},
		"air: the pump counts, the scale sees less": {6 * ml, syrup, cup(t, 6*ml, 5*ml), Disagrees},
		"each inside, but apart from each other":    {6 * ml, syrup, cup(t, 6*ml-200, 6*ml+200), Disagrees},
		"by hand, weighed":                          {6 * ml, syrup, byHand, Agrees},
		"by hand without a density proves nothing":  {6 * ml, 0, byHand, Disagrees},
		"pump alone proves nothing":                 {6 * ml, syrup, noWeight, Disagrees},
		"no density, plausible weight":              {6 * ml, 0, cup(t, 6*ml, 6*ml), Agrees},
		"no density, half the weight is missing":    {6 * ml, 0, cup(t, 6*ml, 3*ml), Disagrees},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := DefaultTolerances.Compare(tt.order, tt.density, tt.m); got != tt.want {
				t.Errorf("Compare = %s, want %s", got, tt.want)
			}
		})
	}
}

// Whatever is off by more than the stop is never handed over on the machines' word alone.
func TestCompareNeverAgreesBeyondTheStop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := measure.Volume(rapid.Int64Range(500, 30_000).Draw(t, "order"))
		pump := measure.Volume(rapid.Int64Range(0, 60_000).Draw(t, "pump"))
		scale := measure.Volume(rapid.Int64Range(0, 60_000).Draw(t, "scale"))
		stop := max(order.PerMille(50), 100)
		got := DefaultTolerances.Compare(order, syrup, cup(t, pump, scale))
		off := max((pump - order).Abs(), (scale - order).Abs(), (pump - scale).Abs())
		if off > stop+1 && got != Disagrees { // one microlitre for the rounding of the weight
			t.Fatalf("off by %s of %s: %s", off, order, got)
		}
		if off < stop && got == Disagrees {
			t.Fatalf("off by %s of %s: %s", off, order, got)
		}
	})
}
