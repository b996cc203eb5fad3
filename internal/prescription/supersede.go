package prescription

import (
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// overlaps reports whether two orders share a day.
func overlaps(a, b Prescription) bool { return a.From <= b.To && b.From <= a.To }

// plan says what signing an order does to the patient's active orders.
type plan struct {
	superseded []Prescription // active orders that the new one overlaps
	shortened  []Prescription // copies of those that began earlier, ending the day before the new order; without ids
	gap        calendar.Day   // first day from today on that would be left without an order, 0 for none
}

// planFor is pure: the new order, the active ones, today.
func planFor(order Prescription, active []Prescription, today calendar.Day) plan {
	var p plan
	after := []Prescription{order}
	for _, old := range active {
		if !overlaps(old, order) {
			after = append(after, old)
			continue
		}
		p.superseded = append(p.superseded, old)
		if last := order.From.AddDays(-1); old.From <= last && today <= last {
			short := old
			short.To = last
			p.shortened = append(p.shortened, short)
			after = append(after, short)
		}
	}
	p.gap = firstGap(order, active, after, today)
	return p
}

// firstGap returns the first day from today on that was ordered before and is not after, or that lies between orders and
// the new one; 0 when there is none. A patient without any order has nothing to lose.
func firstGap(order Prescription, before, after []Prescription, today calendar.Day) calendar.Day {
	if len(before) == 0 {
		return 0
	}
	last := order.From
	for _, o := range before {
		last = max(last, o.To)
	}
	for d := today; d <= last; d++ {
		wanted := d < order.From || covered(before, d)
		if wanted && !covered(after, d) {
			return d
		}
	}
	return 0
}

func covered(orders []Prescription, d calendar.Day) bool {
	return slices.ContainsFunc(orders, func(o Prescription) bool { return o.Covers(d) })
}
