package census

import (
	"fmt"
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
	if p.From.IsZero() || p.To < p.From || p.To.Sub(p.From) > longest {
		return fault.New(fault.Invalid, "period.order", "period from %s to %s", p.From, p.To)
	}
	return nil
}

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

// addMonths goes n months on; a day that the month does not have becomes its last.
func addMonths(d calendar.Day, n int) calendar.Day {
	t := d.Midnight()
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return calendar.DateOf(first.Year(), first.Month(), min(t.Day(), last))
}
