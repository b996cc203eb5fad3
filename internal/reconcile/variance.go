package reconcile

import (
	"fmt"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Variance is one difference: what was counted less what the book says. It is negative when liquid is missing.
type Variance struct {
	Volume measure.Volume
	Mass   measure.Mass
	// PPM is the difference in millionths of the turnover, 0 when nothing was turned over.
	PPM int64
}

// Million is the whole that PPM is a part of.
const Million = 1_000_000

// Of compares. Mass is cut to the whole microgram towards zero, so that a loss and a surplus of one volume are alike.
func Of(book, counted, turnover measure.Volume, c measure.Concentration) (Variance, error) {
	diff := counted - book
	mass, err := c.MassFloor(diff.Abs())
	if err != nil {
		return Variance{}, fmt.Errorf("difference of %s: %w", diff, err)
	}
	if diff < 0 {
		mass = -mass
	}
	v := Variance{Volume: diff, Mass: mass}
	if turnover > 0 {
		v.PPM = int64(diff) * Million / int64(turnover)
	}
	return v, nil
}

// Weighed returns the content of a bottle from its gross weight, its tare and the density of its lot.
func Weighed(gross, tare measure.Weight, d measure.Density) (measure.Volume, error) {
	if gross < tare {
		return 0, fmt.Errorf("a gross weight of %s is below the tare of %s", gross, tare)
	}
	return d.Volume(gross - tare)
}

// Sums keeps losses and surpluses apart. Both are at least zero.
type Sums struct {
	Loss, Surplus measure.Volume
}

// Add puts one difference on its own side.
func (s *Sums) Add(diff measure.Volume) {
	if diff < 0 {
		s.Loss -= diff
	} else {
		s.Surplus += diff
	}
}

// Review says from what size on a difference needs a reviewer's signature: the greater of an amount and a part of the
// turnover. It never decides whether a difference is written.
type Review struct {
	Volume   measure.Volume
	PerMille int64
}

// Needed reports whether a difference needs the reviewer.
func (r Review) Needed(diff, turnover measure.Volume) bool {
	return diff != 0 && diff.Abs() >= max(r.Volume, turnover.PerMille(r.PerMille))
}

// Agree reports whether two people's findings are close enough to count as one. Each finding is the difference from the
// book at its own moment, so what was given between the two does not set them apart.
func Agree(a, b, tolerance measure.Volume) bool { return (a - b).Abs() <= tolerance }

// Mean is the middle of two findings, cut towards zero.
func Mean(a, b measure.Volume) measure.Volume { return (a + b) / 2 }
