package census

import (
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// Course is one stay in treatment.
type Course struct {
	Clinic  clinic.ID
	Patient patient.ID
	// Person is the same for every file of one person, as far as the files tell: the mark of the national id, or else
	// the first file of the chain of returns.
	Person string
	Entry  patient.Entry
	From   calendar.Day      // the first day in treatment
	To     calendar.Day      // the day on which it ended, on whose evening the person is no longer counted; 0: it goes on
	Reason patient.EndReason // of the end
}

// activeOn reports whether the course counts as in treatment at the end of day d.
func (c Course) activeOn(d calendar.Day) bool {
	return c.From <= d && (c.To.IsZero() || d < c.To)
}

// Line is one row of the report.
type Line string

// The lines. For any set of courses and any period start + new + returned + transferred in − everything that left = end.
// Over6 holds Over12, and both are within End: they are not to be added up (Circular 05/2023/TT-BYT, appendix 2).
const (
	Start         Line = "start"          // in treatment when the period began
	New           Line = "new"            // first treatment
	Returned      Line = "returned"       // treated again after an end
	TransferredIn Line = "transferred_in" // went on with a treatment that began elsewhere
	End           Line = "end"            // in treatment when the period ended
	Over6         Line = "over_6_months"  // of these, for more than six months
	Over12        Line = "over_12_months" // of these, for more than twelve months
	Ever          Line = "ever"           // distinct persons ever treated, up to the end of the period
)

// Left is the line of those whose course ended for that reason in the period.
func Left(r patient.EndReason) Line { return Line("left_" + string(r)) }

// Lines lists every line in the order of the report.
func Lines() []Line {
	all := []Line{Start, New, Returned, TransferredIn}
	for _, r := range patient.EndReasons {
		all = append(all, Left(r))
	}
	return append(all, End, Over6, Over12, Ever)
}

// holds reports whether c is counted in the line.
func (l Line) holds(c Course, p Period) bool {
	switch l {
	case Start:
		return c.activeOn(p.From.AddDays(-1))
	case New:
		return p.holds(c.From) && c.Entry == patient.NewEntry
	case Returned:
		return p.holds(c.From) && c.Entry == patient.ReturnEntry
	case TransferredIn:
		return p.holds(c.From) && c.Entry == patient.TransferEntry
	case End:
		return c.activeOn(p.To)
	case Over6:
		return c.activeOn(p.To) && addMonths(c.From, 6) < p.To
	case Over12:
		return c.activeOn(p.To) && addMonths(c.From, 12) < p.To
	case Ever:
		return c.From <= p.To
	}
	return p.holds(c.To) && l == Left(c.Reason)
}

// Members returns the courses that a line counts, oldest first; of Ever the first course of each person.
func Members(courses []Course, p Period, l Line) []Course {
	var in []Course
	for _, c := range courses {
		if l.holds(c, p) {
			in = append(in, c)
		}
	}
	slices.SortStableFunc(in, func(a, b Course) int { return a.From.Sub(b.From) })
	if l != Ever {
		return in
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(in, func(c Course) bool {
		again := seen[c.Person]
		seen[c.Person] = true
		return again
	})
}

// Figures are the counts of one period.
type Figures map[Line]int

// Count counts every line.
func Count(courses []Course, p Period) Figures {
	f := Figures{}
	for _, l := range Lines() {
		f[l] = len(Members(courses, p, l))
	}
	return f
}

// Entered is everybody who began in the period.
func (f Figures) Entered() int { return f[New] + f[Returned] + f[TransferredIn] }

// Gone is everybody who left in the period.
func (f Figures) Gone() int {
	n := 0
	for _, r := range patient.EndReasons {
		n += f[Left(r)]
	}
	return n
}

// Balanced reports whether start + entered − gone = end. It is true of every Count.
func (f Figures) Balanced() bool { return f[Start]+f.Entered()-f.Gone() == f[End] }

// Share is those in treatment at the end in tenths of a percent of the target, rounded half up. ok is false without a
// target.
func (f Figures) Share(target int) (permille int, ok bool) {
	if target <= 0 {
		return 0, false
	}
	return (2000*f[End] + target) / (2 * target), true
}
