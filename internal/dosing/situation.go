package dosing

import (
	"cmp"
	"math"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// situation is the facts with what several rules need derived from them once.
type situation struct {
	pack  Pack
	facts Facts

	order *prescription.Prescription // the order, when it is sound and covers today
	part  int                        // the part due, from 1; 0 for none
	dose  measure.Mass               // of the part due

	doses    []Dose // every known consumption, by day, part and time
	taken    []Dose // those of today
	given    measure.Mass
	days     []dayTotal // days before today with a dose, oldest first
	missed   int
	holds    []prescription.Hold // open, oldest first
	devices  []DeviceFact
	volume   measure.Volume
	volumeOK bool // the part due has an exact volume from the mounted lot
}

// dayTotal is what one day's doses add up to.
type dayTotal struct {
	day  calendar.Day
	mass measure.Mass
}

func assess(p Pack, f Facts) situation {
	s := situation{pack: p, facts: f, doses: history(f), holds: openHolds(f.Holds)}
	for _, d := range s.doses {
		if d.Day == f.Today {
			s.taken = append(s.taken, d)
			s.given = plus(s.given, d.Mass)
		}
	}
	s.days = totals(s.doses, f.Today)
	if n := len(s.days); n > 0 {
		s.missed = daysBetween(s.days[n-1].day, f.Today) - 1
	}
	if f.Order != nil && f.Order.Covers(f.Today) && sound(*f.Order) {
		s.order = f.Order
		s.part, s.dose = s.due()
	}
	if st := f.Station; st != nil {
		s.devices = slices.Clone(st.Devices)
		slices.SortFunc(s.devices, compareDevices)
		if s.mounted() && s.dose > 0 {
			v, err := st.Lot.Concentration.Volume(s.dose)
			if err == nil {
				s.volume, s.volumeOK = v, true
			}
		}
	}
	return s
}

// sound reports whether the order may be dosed from at all.
func sound(o prescription.Prescription) bool {
	return o.Status == prescription.Active && o.Validate() == nil
}

// due returns the first part of today's order that nobody consumed, and its mass.
func (s situation) due() (part int, dose measure.Mass) {
	for i, mass := range s.order.Parts {
		if !slices.ContainsFunc(s.taken, func(d Dose) bool { return d.Part == i+1 }) {
			return i + 1, mass
		}
	}
	return 0, 0
}

// history joins the doses with the newest one of all, which is older than they reach or one of them.
func history(f Facts) []Dose {
	all := slices.Clone(f.Doses)
	if f.LastDose != nil && !slices.Contains(all, *f.LastDose) {
		all = append(all, *f.LastDose)
	}
	slices.SortFunc(all, func(a, b Dose) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Part, b.Part), cmp.Compare(a.At, b.At),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Mass, b.Mass))
	})
	return all
}

// totals adds up the doses of each day before today. A fact of no drug at all covers no day.
func totals(sorted []Dose, today calendar.Day) []dayTotal {
	var days []dayTotal
	for _, d := range sorted {
		if d.Day >= today || d.Mass <= 0 {
			continue
		}
		if n := len(days); n > 0 && days[n-1].day == d.Day {
			days[n-1].mass = plus(days[n-1].mass, d.Mass)
			continue
		}
		days = append(days, dayTotal{d.Day, d.Mass})
	}
	return days
}

// openHolds returns the holds that stand, oldest first.
func openHolds(holds []prescription.Hold) []prescription.Hold {
	open := slices.DeleteFunc(slices.Clone(holds), func(h prescription.Hold) bool { return !h.Open() })
	slices.SortFunc(open, func(a, b prescription.Hold) int {
		return cmp.Or(cmp.Compare(a.PlacedAt, b.PlacedAt), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.ClearedBy, b.ClearedBy), cmp.Compare(a.Reason, b.Reason))
	})
	return open
}

func compareDevices(a, b DeviceFact) int {
	unverified := func(d DeviceFact) int {
		if d.Verified {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.State, b.State), cmp.Compare(unverified(a), unverified(b)))
}

// plus adds a dose to a sum. A negative dose takes nothing away, and the sum stops at the largest Mass.
func plus(sum, dose measure.Mass) measure.Mass {
	if dose <= 0 {
		return sum
	}
	if sum > math.MaxInt64-dose {
		return math.MaxInt64
	}
	return sum + dose
}

// daysBetween returns how many days to is after from, for any two days.
func daysBetween(from, to calendar.Day) int { return int(to) - int(from) }
