package census

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// DropoutDays is after how many days without a dose in a row the doctor is asked whether a patient has dropped out. It
// is a month, as a published Vietnamese cohort counts (Harm Reduction Journal 2017, doi 10.1186/s12954-017-0185-7). It
// is a question only: no timer ends a treatment.
const DropoutDays = 30

// EndingDays is how many days ahead the end of an order is shown.
const EndingDays = 3

// Attendance is what says whether a patient in treatment needs the doctor's attention.
type Attendance struct {
	Patient patient.ID
	Since   calendar.Day // in treatment from
	Last    calendar.Day // of the last dose, taken here or at home; 0 for none
	OrderTo calendar.Day // last day of the last order that stands, 0 for none
}

// Missed is how many days before today have passed without a dose.
func (a Attendance) Missed(today calendar.Day) int {
	last := max(a.Last, a.Since.AddDays(-1))
	return max(0, today.Sub(last)-1)
}

// Uncovered reports whether the order ends within EndingDays, has ended, or is none.
func (a Attendance) Uncovered(today calendar.Day) bool { return a.OrderTo < today.AddDays(EndingDays) }

// ProposesDrop reports whether the doctor is to be asked whether this patient has dropped out.
func (a Attendance) ProposesDrop(today calendar.Day) bool { return a.Missed(today) >= DropoutDays }
