package dosing

import (
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// Rules about the clinic, the order, the patient's file and the holds.

func clinicClosed(s situation) []finding {
	if s.facts.Closed == "" {
		return nil
	}
	return []finding{{value: s.facts.Today.String(), args: map[string]string{"reason": s.facts.Closed}}}
}

// The three rules on a missing order explain an absence from both sides: with an order that ended and another that is
// to come, both are named.

func orderMissing(s situation) []finding {
	f := s.facts
	if f.Order != nil || f.LastOrder != nil || f.NextOrder != nil {
		return nil
	}
	return []finding{{}}
}

func orderNotStarted(s situation) []finding {
	next := s.facts.NextOrder
	if o := s.facts.Order; o != nil {
		next = o
	}
	if next == nil || next.From <= s.facts.Today {
		return nil
	}
	return []finding{{value: days(daysBetween(s.facts.Today, next.From)), limit: next.From.String()}}
}

func orderExpired(s situation) []finding {
	last := s.facts.LastOrder
	if o := s.facts.Order; o != nil {
		last = o
	}
	if last == nil || last.To >= s.facts.Today {
		return nil
	}
	return []finding{{value: days(daysBetween(last.To, s.facts.Today)), limit: last.To.String()}}
}

// orderInvalid also answers facts that contradict themselves, such as a past order that still covers today, so that no
// decision without an order is ever allowed.
func orderInvalid(s situation) []finding {
	f := s.facts
	if s.order != nil || (f.Order != nil && !f.Order.Covers(f.Today) && f.Order.From <= f.Order.To) {
		return nil
	}
	if f.Order != nil {
		return []finding{{value: string(f.Order.Status)}}
	}
	if len(orderMissing(s))+len(orderNotStarted(s))+len(orderExpired(s)) > 0 {
		return nil
	}
	return []finding{{}}
}

func orderTooLong(s situation) []finding {
	if s.order == nil {
		return nil
	}
	limit, ok := s.pack.MaxOrderDays[s.order.Phase]
	if !ok || !limit.Set || s.order.Days() <= limit.Value {
		return nil
	}
	return []finding{{
		value: days(s.order.Days()), limit: days(limit.Value), from: &limit.Provenance,
		args: map[string]string{"phase": string(s.order.Phase)},
	}}
}

func patientStatus(s situation) []finding {
	switch s.facts.Status {
	case patient.InTreatment:
		return nil
	case patient.AwaitingStart:
		if !s.dosedSinceEnrolment() {
			return nil
		}
	case patient.Applied, patient.Suspended, patient.Ended:
	}
	return []finding{{value: string(s.facts.Status), limit: string(patient.InTreatment)}}
}

// dosedSinceEnrolment looks at the days before today: the first day may have several parts, and a patient who came back
// has doses of an earlier enrolment.
func (s situation) dosedSinceEnrolment() bool {
	n := len(s.days)
	return n > 0 && s.days[n-1].day >= s.facts.EnrolledOn
}

func holdStop(s situation) []finding {
	return s.holdsWhere(func(v prescription.Severity) bool {
		return v != prescription.Warning && v != prescription.Information // a severity that nobody knows stops
	})
}

func holdWarning(s situation) []finding {
	return s.holdsWhere(func(v prescription.Severity) bool { return v == prescription.Warning })
}

func holdInformation(s situation) []finding {
	return s.holdsWhere(func(v prescription.Severity) bool { return v == prescription.Information })
}

func (s situation) holdsWhere(match func(prescription.Severity) bool) []finding {
	var found []finding
	for _, h := range s.holds {
		if !match(h.Severity) {
			continue
		}
		by := doctor
		if h.ClearedBy != "" {
			by = []staff.Role{h.ClearedBy}
		}
		found = append(found, finding{
			clearedBy: by,
			args:      map[string]string{"reason": h.Reason, "hold": string(h.ID), "placed_at": h.PlacedAt.String()},
		})
	}
	return found
}

func dispensingOpen(s situation) []finding {
	o := s.facts.Open
	if o == nil {
		return nil
	}
	return []finding{{value: o.State, args: map[string]string{"dispensing": o.ID, "station": string(o.Station)}}}
}

func days(n int) string { return fmt.Sprintf("%d d", n) }

// at prints an instant for a reason's arguments.
func at(i calendar.Instant) string { return i.String() }
