package dosing

import (
	"fmt"
	"math/bits"
	"strconv"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Rules about what was consumed and about the size of the dose. Where they speak of a day's dose they mean the whole
// order of the day, not the part due: a day divided differently is not a rise.

func doseTaken(s situation) []finding {
	if s.order == nil || s.part != 0 {
		return nil
	}
	last := s.taken[len(s.taken)-1]
	return []finding{{
		value: s.given.String(), limit: s.order.Dose.String(),
		args: map[string]string{"at": at(last.At), "parts": strconv.Itoa(len(s.order.Parts))},
	}}
}

func dosePartTaken(s situation) []finding {
	if s.part == 0 {
		return nil
	}
	var found []finding
	for _, d := range s.taken {
		found = append(found, finding{
			value: d.Mass.String(), limit: s.order.Dose.String(),
			args: map[string]string{"part": strconv.Itoa(d.Part), "at": at(d.At)},
		})
	}
	return found
}

// doseTakeHome refuses whatever part the bottle was for: who holds a bottle for today has no dose at the window.
func doseTakeHome(s situation) []finding {
	var found []finding
	for _, d := range s.taken {
		if d.Kind == TakeAway {
			found = append(found, finding{
				value: d.Mass.String(), args: map[string]string{"part": strconv.Itoa(d.Part), "at": at(d.At)},
			})
		}
	}
	return found
}

// doseEntitlement matters when the day's order was changed after a part of the former one was taken.
func doseEntitlement(s situation) []finding {
	if s.part == 0 || plus(s.given, s.dose) <= s.order.Dose {
		return nil
	}
	return []finding{{value: plus(s.given, s.dose).String(), limit: s.order.Dose.String()}}
}

// doseTooSoon counts from the last swallow that somebody saw; when a take-home dose was swallowed is not known. A dose
// in the future means that a clock ran backwards, and nobody knows how long ago it was: too soon.
func doseTooSoon(s situation) []finding {
	limit := s.pack.MinHours
	last := s.lastObserved()
	if !limit.Set || last.IsZero() {
		return nil
	}
	need := limit.Value
	if s.order != nil {
		need /= time.Duration(len(s.order.Parts))
	}
	elapsed := int64(s.facts.Now) - int64(last) // µs, which fit for any two instants of the calendar
	if elapsed >= 0 && elapsed >= need.Microseconds() {
		return nil
	}
	return []finding{{
		value: hours(elapsed), limit: hours(need.Microseconds()), from: &limit.Provenance,
		args: map[string]string{"at": at(last)},
	}}
}

func (s situation) lastObserved() calendar.Instant {
	var last calendar.Instant
	for _, d := range s.doses {
		if d.Kind != TakeAway {
			last = max(last, d.At)
		}
	}
	return last
}

// missedDays never stops: the count stays until the next dose, so a stop could never be answered.
func missedDays(s situation) []finding {
	limit := s.pack.Missed
	if !limit.Set || s.missed <= 0 {
		return nil
	}
	var step *MissedStep
	for i, row := range limit.Value {
		if row.FromDays <= s.missed && (step == nil || row.FromDays >= step.FromDays) {
			step = &limit.Value[i]
		}
	}
	if step == nil {
		return nil
	}
	severity := step.Severity
	if severity.refuses() {
		severity = Refer
	}
	return []finding{{
		value: days(s.missed), limit: days(step.FromDays - 1), from: &limit.Provenance, severity: severity,
		args: map[string]string{"advice": step.Advice, "last": s.days[len(s.days)-1].day.String()},
	}}
}

func doseCeiling(s situation) []finding {
	limit := s.pack.HardCeiling
	if s.order == nil || !limit.Set || s.order.Dose <= limit.Value {
		return nil
	}
	return []finding{{value: s.order.Dose.String(), limit: limit.Value.String(), from: &limit.Provenance}}
}

// doseFirstDay adds up the parts of the first day, as the maximum is one for the day.
func doseFirstDay(s situation) []finding {
	limit := s.pack.FirstDayMax
	if s.part == 0 || !limit.Set || len(s.days) > 0 || plus(s.given, s.dose) <= limit.Value {
		return nil
	}
	return []finding{{value: plus(s.given, s.dose).String(), limit: limit.Value.String(), from: &limit.Provenance}}
}

func doseJump(s situation) []finding { return s.jumpAbove(s.pack.JumpStop) }

// doseJumpWarning is silent where doseJump speaks.
func doseJumpWarning(s situation) []finding {
	if len(doseJump(s)) > 0 {
		return nil
	}
	return s.jumpAbove(s.pack.JumpWarn)
}

func (s situation) jumpAbove(limit Limit[int]) []finding {
	base := s.usual()
	if s.order == nil || !limit.Set || base <= 0 || !risesAbove(s.order.Dose, base, limit.Value) {
		return nil
	}
	return []finding{{
		value: s.order.Dose.String(), limit: fmt.Sprintf("+%d %%", limit.Value), from: &limit.Provenance,
		args: map[string]string{"last": base.String()},
	}}
}

// usualDays is how many days a jump looks back from the last day with a dose.
const usualDays = 3

// usual is the dose that a jump is measured from: the highest day of the last few up to the last dose, 0 when there is
// none. One day on which a cup was half drunk does not turn the usual dose into a jump.
func (s situation) usual() measure.Mass {
	var highest measure.Mass
	for _, d := range s.days {
		if daysBetween(d.day, s.days[len(s.days)-1].day) < usualDays {
			highest = max(highest, d.mass)
		}
	}
	return highest
}

// risesAbove reports whether dose is more than percent above base, exactly: (dose − base) × 100 > base × percent.
// dose and base are positive.
func risesAbove(dose, base measure.Mass, percent int) bool {
	if dose <= base {
		return false
	}
	riseHi, riseLo := bits.Mul64(uint64(dose-base), 100)
	limitHi, limitLo := bits.Mul64(uint64(base), uint64(max(percent, 0)))
	return riseHi > limitHi || (riseHi == limitHi && riseLo > limitLo)
}

// rise returns how far today's order in induction is above the last day with a dose. Here the last day itself counts,
// with no look further back: a lower dose in induction may have been a decision.
func (s situation) rise() measure.Mass {
	n := len(s.days)
	if s.order == nil || n == 0 || (s.order.Phase != patient.Induction && s.facts.Phase != patient.Induction) {
		return 0
	}
	return max(0, s.order.Dose-s.days[n-1].mass)
}

func inductionStep(s situation) []finding {
	limit, rise := s.pack.StepMax, s.rise()
	if !limit.Set || rise == 0 || rise <= limit.Value {
		return nil
	}
	return []finding{{
		value: rise.String(), limit: limit.Value.String(), from: &limit.Provenance,
		args: map[string]string{"last": s.days[len(s.days)-1].mass.String()},
	}}
}

func inductionPace(s situation) []finding {
	limit := s.pack.StepMinDays
	if !limit.Set || s.rise() == 0 {
		return nil
	}
	last := s.lastRise()
	if since := daysBetween(last, s.facts.Today); since < limit.Value {
		return []finding{{
			value: days(since), limit: days(limit.Value), from: &limit.Provenance,
			args: map[string]string{"last_rise": last.String()},
		}}
	}
	return nil
}

// lastRise is the newest day whose total was above the day with a dose before it; the first dose is a rise from nothing.
// There is at least one day.
func (s situation) lastRise() calendar.Day {
	for i := len(s.days) - 1; i > 0; i-- {
		if s.days[i].mass > s.days[i-1].mass {
			return s.days[i].day
		}
	}
	return s.days[0].day
}

// hours prints microseconds as hours and minutes.
func hours(us int64) string {
	sign := ""
	if us < 0 {
		sign, us = "-", -us
	}
	minutes := us / time.Minute.Microseconds()
	return fmt.Sprintf("%s%d h %02d min", sign, minutes/60, minutes%60)
}
