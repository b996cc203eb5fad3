package census

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
)

// Period is a span of clinic days, both ends included.
type Period struct{ From, To calendar.Day }

// longest is the longest period that is counted, in days: a clinic's whole life fits.
const longest = 100 * 366

// Validate refuses a period that ends before it begins or is absurdly long.
func (p Period) Validate() error {
	if p.From.IsZero() || p.To < p.From {
		return fault.New(fault.Invalid, "period.order", "period from %s to %s", p.From, p.To)
	}
	if p.To.Sub(p.From) > longest {
		return fault.New(fault.Invalid, "period.span", "period from %s to %s", p.From, p.To)
	}
	return nil
}

// UpTo is the part of a period that has come by today: what lies ahead is nobody's figure yet. It refuses a period that
// has not begun.
func (p Period) UpTo(today calendar.Day) (Period, error) {
	if p.From > today {
		return Period{}, fault.New(fault.Invalid, "period.future", "period from %s, today is %s", p.From, today).With("day", today.String())
	}
	return Period{p.From, min(p.To, today)}, nil
}

// Days is how many days a period has.
func (p Period) Days() int { return p.To.Sub(p.From) + 1 }

func (p Period) String() string { return fmt.Sprintf("%s – %s", p.From, p.To) }

// holds reports whether d is a day of the period.
func (p Period) holds(d calendar.Day) bool { return !d.IsZero() && p.From <= d && d <= p.To }

// Month is a calendar month.
func Month(year int, month time.Month) Period {
	first := calendar.DateOf(year, month, 1)
	return Period{first, addMonths(first, 1).AddDays(-1)}
}

// Quarter is the n-th quarter of the calendar year, 1 to 4, which case surveillance counts by.
func Quarter(year, n int) Period {
	first := calendar.DateOf(year, time.Month(3*n-2), 1)
	return Period{first, addMonths(first, 3).AddDays(-1)}
}

// Year is a calendar year.
func Year(year int) Period {
	return Period{calendar.DateOf(year, time.January, 1), calendar.DateOf(year, time.December, 31)}
}

// ReportingQuarter is the n-th quarter, 1 to 4, as Circular 05/2023/TT-BYT art. 3 counts it: from the 15th of the month
// before the quarter to the 14th of its last month.
func ReportingQuarter(year, n int) Period {
	last := calendar.DateOf(year, time.Month(3*n), 14)
	return Period{addMonths(calendar.DateOf(year, time.Month(3*n), 15), -3), last}
}

// ReportingYear is the four reporting quarters of a year.
func ReportingYear(year int) Period {
	return Period{ReportingQuarter(year, 1).From, ReportingQuarter(year, 4).To}
}

// periodForm is how a named period is written: a year, and perhaps a month, a quarter or a reporting quarter of it.
var periodForm = regexp.MustCompile(`^([0-9]{4})(?:-(?:(0[1-9]|1[0-2])|Q([1-4])|R([1-4])?))?$`)

// ParsePeriod reads "2026" (a year), "2026-11" (a month), "2026-Q4" (a quarter of the calendar), "2026-R4" (a reporting
// quarter) and "2026-R" (a reporting year).
func ParsePeriod(s string) (Period, error) {
	m := periodForm.FindStringSubmatch(s)
	if m == nil {
		return Period{}, fault.New(fault.Invalid, "period.form", "period %q", s)
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // digits, by the form
	year := number(m[1])
	var p Period
	switch {
	case year == 0:
		return Period{}, fault.New(fault.Invalid, "period.form", "period %q", s)
	case m[2] != "":
		p = Month(year, time.Month(number(m[2])))
	case m[3] != "":
		p = Quarter(year, number(m[3]))
	case m[4] != "":
		p = ReportingQuarter(year, number(m[4]))
	case strings.HasSuffix(s, "R"):
		p = ReportingYear(year)
	default:
		p = Year(year)
	}
	return p, p.Validate()
}

// addMonths goes n months on; a day that the month does not have becomes its last.
func addMonths(d calendar.Day, n int) calendar.Day {
	t := d.Midnight()
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return calendar.DateOf(first.Year(), first.Month(), min(t.Day(), last))
}
