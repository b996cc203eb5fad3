package reconcile

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Cause is what a part of a difference comes from.
type Cause string

// The causes, in the order in which they may explain: what devices measured before what people say.
const (
	Drift       Cause = "drift"   // pump and scale tell a different sum of the doses
	Prime       Cause = "prime"   // drawn through the tube and not booked
	Spill       Cause = "spill"   // spilled and not booked
	Residue     Cause = "residue" // left in tube, funnel or bottle
	Unexplained Cause = "unexplained"
)

// Causes lists them in that order.
var Causes = []Cause{Drift, Prime, Spill, Residue, Unexplained}

// Candidate is an amount that a cause could explain, signed like the difference it would make, and since when.
type Candidate struct {
	Cause  Cause
	Amount measure.Volume
	Since  calendar.Instant
}

// Part is what one cause explains of a difference.
type Part struct {
	Cause  Cause            `json:"cause"`
	Amount measure.Volume   `json:"amount_ul"`
	Since  calendar.Instant `json:"since,omitempty"`
}

// Explain splits a difference into parts that add up to it exactly. A candidate explains at most its own amount, never
// more than is left, and nothing that points the other way: a surplus does not explain a loss. What is left is
// unexplained, since the given instant.
func Explain(diff measure.Volume, candidates []Candidate, since calendar.Instant) []Part {
	var parts []Part
	left := diff
	for _, cause := range Causes {
		for _, c := range candidates {
			if c.Cause != cause || cause == Unexplained {
				continue
			}
			if v := within(c.Amount, left); v != 0 {
				parts = append(parts, Part{cause, v, c.Since})
				left -= v
			}
		}
	}
	if left != 0 {
		parts = append(parts, Part{Unexplained, left, since})
	}
	return parts
}

// within returns as much of v as fits into left; 0 when they point apart.
func within(v, left measure.Volume) measure.Volume {
	switch {
	case left > 0 && v > 0:
		return min(v, left)
	case left < 0 && v < 0:
		return max(v, left)
	}
	return 0
}

// Began returns the earliest instant of the parts, 0 when there are none.
func Began(parts []Part) (first calendar.Instant) {
	for _, p := range parts {
		if !p.Since.IsZero() && (first.IsZero() || p.Since < first) {
			first = p.Since
		}
	}
	return first
}

// Dose is one pour as the book has it and as the pump counted it.
type Dose struct {
	At           calendar.Instant
	Booked, Pump measure.Volume
}

// DriftOf adds up what the pump moved beyond what the book took for it, as the candidate of a difference: a pump that
// moved more than was booked leaves less in the bottle. It began at the dose after which the sum left zero for good.
func DriftOf(doses []Dose) Candidate {
	c := Candidate{Cause: Drift}
	for _, d := range doses {
		before := c.Amount
		c.Amount += d.Booked - d.Pump
		switch {
		case c.Amount == 0:
			c.Since = 0
		case before == 0, before < 0 != (c.Amount < 0):
			c.Since = d.At
		}
	}
	return c
}
