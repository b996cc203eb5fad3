package httpapi

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/patient"
)

const defaultDays = 7

// ListPatientDays shows what the rule book counts with: the consumption facts of the last days.
func (s *Server) ListPatientDays(ctx context.Context, r gen.ListPatientDaysRequestObject) (gen.ListPatientDaysResponseObject, error) {
	c := principalOf(ctx).clinic
	_, sit, err := s.dispensing.Decide(ctx, c, idOf[patient.ID](r.Id), "")
	if err != nil {
		return nil, err
	}
	n := defaultDays
	if r.Params.N != nil {
		n = *r.Params.N
	}
	today := sit.Facts.Today
	closures, err := s.clinics.Closures(ctx, c, today.AddDays(1-n), today)
	if err != nil {
		return nil, err
	}
	out := gen.DayList{Today: today.String(), Items: make([]gen.PatientDay, 0, n)}
	for day := today.AddDays(1 - n); day <= today; day++ {
		out.Items = append(out.Items, dayCell(sit.Facts, closures, day))
	}
	return gen.ListPatientDays200JSONResponse(out), nil
}

// dayCell describes one day. A day before the first known dose was not due; a day of closure without a dose is shown as
// closed, although the rules count it as a day without.
func dayCell(f dosing.Facts, closures []clinic.Closure, day calendar.Day) gen.PatientDay {
	cell := gen.PatientDay{Day: day.String(), State: gen.PatientDayStateNotDue}
	before := f.LastDose != nil && f.LastDose.Day < day
	for _, d := range f.Doses {
		before = before || d.Day < day
		if d.Day != day || d.Mass <= 0 {
			continue
		}
		cell.DoseUg += int64(d.Mass)
		cell.At = at(d.At)
		cell.State = gen.PatientDayStateTaken
		if d.Kind == dosing.TakeAway {
			cell.State = gen.PatientDayStateTakeHome
		}
	}
	switch {
	case cell.State != gen.PatientDayStateNotDue:
	case closedOn(closures, day):
		cell.State = gen.PatientDayStateClosed
	case day == f.Today && f.Order != nil:
		cell.State = gen.PatientDayStateDue
	case before && day != f.Today:
		cell.State = gen.PatientDayStateMissed
	}
	return cell
}

func closedOn(closures []clinic.Closure, day calendar.Day) bool {
	for _, cl := range closures {
		if cl.Day == day {
			return true
		}
	}
	return false
}
