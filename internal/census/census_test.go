package census

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/patient"
)

func day(s string) calendar.Day {
	d, err := calendar.ParseDay(s)
	if err != nil {
		panic(err)
	}
	return d
}

func TestPeriods(t *testing.T) {
	for name, row := range map[string]struct {
		got      Period
		from, to string
	}{
		"a month":               {Month(2026, time.February), "2026-02-01", "2026-02-28"},
		"a leap month":          {Month(2028, time.February), "2028-02-01", "2028-02-29"},
		"a calendar quarter":    {Quarter(2026, 4), "2026-10-01", "2026-12-31"},
		"a year":                {Year(2026), "2026-01-01", "2026-12-31"},
		"the reporting quarter": {ReportingQuarter(2026, 3), "2026-06-15", "2026-09-14"},
		"over the new year":     {ReportingQuarter(2026, 1), "2025-12-15", "2026-03-14"},
		"the reporting year":    {ReportingYear(2026), "2025-12-15", "2026-12-14"},
	} {
		if row.got.From != day(row.from) || row.got.To != day(row.to) {
			t.Errorf("%s: %s", name, row.got)
		}
	}
	for q := 1; q < 4; q++ {
		if ReportingQuarter(2026, q).To.AddDays(1) != ReportingQuarter(2026, q+1).From {
			t.Errorf("a gap after reporting quarter %d", q)
		}
	}
	for name, p := range map[string]Period{
		"empty": {}, "backwards": {day("2026-02-02"), day("2026-02-01")}, "a thousand years": {day("1000-01-01"), day("2026-01-01")},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestParsePeriod(t *testing.T) {
	for text, want := range map[string]Period{
		"2026": Year(2026), "2026-02": Month(2026, time.February), "2026-12": Month(2026, time.December), "2026-Q1": Quarter(2026, 1),
		"2026-R4": ReportingQuarter(2026, 4), "2026-R": ReportingYear(2026),
	} {
		if got, err := ParsePeriod(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "26", "2026-", "2026-13", "2026-00", "2026-Q0", "2026-Q5", "2026-R5", "2026-RR", "2026-Q", "0000", "2026-1", " 2026", "2026-02-01"} {
		if got, err := ParsePeriod(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func FuzzParsePeriod(f *testing.F) {
	for _, text := range []string{"2026", "2026-02", "2026-Q1", "2026-R4", "2026-R", "0000", "9999-R4"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ParsePeriod(text); err == nil && p.Validate() != nil {
			t.Errorf("%q is %s", text, p)
		}
	})
}

// A day counts on which side of the period's ends?
func TestEdges(t *testing.T) {
	p := Period{day("2026-03-01"), day("2026-03-31")}
	for name, row := range map[string]struct {
		c    Course
		want Figures
	}{
		"goes on all the time":           {Course{From: day("2025-12-01")}, Figures{Start: 1, End: 1, Ever: 1}},
		"began on the eve":               {Course{From: day("2026-02-28")}, Figures{Start: 1, End: 1, Ever: 1}},
		"began on the first day":         {Course{From: day("2026-03-01")}, Figures{New: 1, End: 1, Ever: 1}},
		"began on the last day":          {Course{From: day("2026-03-31")}, Figures{New: 1, End: 1, Ever: 1}},
		"began after":                    {Course{From: day("2026-04-01")}, Figures{}},
		"ended on the eve":               {Course{From: day("2026-01-01"), To: day("2026-02-28"), Reason: patient.Died}, Figures{Ever: 1}},
		"ended on the first day":         {Course{From: day("2026-01-01"), To: day("2026-03-01"), Reason: patient.Died}, Figures{Start: 1, "left_died": 1, Ever: 1}},
		"ended on the last day":          {Course{From: day("2026-01-01"), To: day("2026-03-31"), Reason: patient.Dropped}, Figures{Start: 1, "left_dropped": 1, Ever: 1}},
		"ended the day after":            {Course{From: day("2026-01-01"), To: day("2026-04-01"), Reason: patient.Dropped}, Figures{Start: 1, End: 1, Ever: 1}},
		"began and ended on one day":     {Course{From: day("2026-03-07"), To: day("2026-03-07"), Reason: patient.OwnWish}, Figures{New: 1, "left_own_wish": 1, Ever: 1}},
		"six months to the day":          {Course{From: day("2025-09-30")}, Figures{Start: 1, End: 1, Over6: 1, Ever: 1}},
		"six months, from a long month":  {Course{From: day("2025-08-31")}, Figures{Start: 1, End: 1, Over6: 1, Ever: 1}},
		"not yet six months":             {Course{From: day("2025-10-01")}, Figures{Start: 1, End: 1, Ever: 1}},
		"twelve months to the day":       {Course{From: day("2025-03-31")}, Figures{Start: 1, End: 1, Over6: 1, Ever: 1}},
		"twelve months and a day":        {Course{From: day("2025-03-30")}, Figures{Start: 1, End: 1, Over6: 1, Over12: 1, Ever: 1}},
		"came back, came from elsewhere": {Course{From: day("2026-03-02"), Entry: patient.TransferEntry}, Figures{TransferredIn: 1, End: 1, Ever: 1}},
	} {
		if row.c.Entry == "" {
			row.c.Entry = patient.NewEntry
		}
		got := Count([]Course{row.c}, p)
		for _, l := range Lines() {
			if got[l] != row.want[l] {
				t.Errorf("%s: %s is %d, want %d", name, l, got[l], row.want[l])
			}
		}
	}
}

// The published case: five clinics, 144 new and 39 returned in a year, 724 in treatment at its end, 90.5 % of the target.
func TestPublishedYear(t *testing.T) {
	year := Year(2025)
	var all []Course
	add := func(n int, c Course) {
		for range n {
			c.Person = fmt.Sprint(len(all))
			all = append(all, c)
		}
	}
	before, within := day("2023-05-04"), day("2025-06-02")
	add(541, Course{From: before, Entry: patient.NewEntry})
	add(144, Course{From: within, Entry: patient.NewEntry})
	add(60, Course{From: before, To: within, Entry: patient.NewEntry, Reason: patient.Dropped})
	add(11, Course{From: before, To: within, Entry: patient.NewEntry, Reason: patient.TransferredOut})
	for i := range 39 { // they had dropped out the year before
		first := Course{From: before, To: day("2024-02-01"), Entry: patient.NewEntry, Reason: patient.Dropped, Person: fmt.Sprint("back", i)}
		again := first
		again.From, again.To, again.Entry, again.Reason = within, 0, patient.ReturnEntry, ""
		all = append(all, first, again)
	}
	f := Count(all, year)
	for line, want := range map[Line]int{Start: 612, New: 144, Returned: 39, "left_dropped": 60, "left_transferred_out": 11, End: 724, Over12: 541, Ever: 795} {
		if f[line] != want {
			t.Errorf("%s is %d, want %d", line, f[line], want)
		}
	}
	if share, ok := f.Share(800); !ok || share != 905 || !f.Balanced() {
		t.Errorf("share %d, %v; balanced %v", share, ok, f.Balanced())
	}
	if _, ok := f.Share(0); ok {
		t.Error("a share of no target")
	}
}

func courses(t *rapid.T) []Course {
	first := day("2024-01-01")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Course {
		c := Course{
			Person: fmt.Sprint(rapid.IntRange(1, 30).Draw(t, "person")),
			Entry:  rapid.SampledFrom(patient.Entries).Draw(t, "entry"),
			From:   first.AddDays(rapid.IntRange(0, 900).Draw(t, "from")),
		}
		if rapid.Bool().Draw(t, "ended") {
			c.To = c.From.AddDays(rapid.IntRange(0, 500).Draw(t, "days"))
			c.Reason = rapid.SampledFrom(patient.EndReasons).Draw(t, "reason")
		}
		return c
	}), 0, 60).Draw(t, "courses")
}

func period(t *rapid.T) Period {
	from := day("2024-01-01").AddDays(rapid.IntRange(-50, 900).Draw(t, "from"))
	return Period{from, from.AddDays(rapid.IntRange(0, 400).Draw(t, "length"))}
}

// Whatever the courses and the period: what was there, plus who came, less who left, is what is there; the nested lines
// are nested; two periods end to end are one; and clinics add up to their province, but for distinct persons.
func TestIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, p := courses(t), period(t)
		f := Count(all, p)
		if !f.Balanced() {
			t.Fatalf("%+v", f)
		}
		if f[Over12] > f[Over6] || f[Over6] > f[End] || f[Ever] > len(all) {
			t.Fatalf("%+v", f)
		}
		cut := p.From.AddDays(rapid.IntRange(0, p.To.Sub(p.From)).Draw(t, "cut"))
		one, two := Count(all, Period{p.From, cut}), Count(all, Period{cut.AddDays(1), p.To})
		if cut < p.To {
			if one[End] != two[Start] || one.Entered()+two.Entered() != f.Entered() || one.Gone()+two.Gone() != f.Gone() || two[End] != f[End] {
				t.Fatalf("%+v and %+v are not %+v", one, two, f)
			}
		}
		n := rapid.IntRange(0, len(all)).Draw(t, "part")
		here, there := Count(all[:n], p), Count(all[n:], p)
		for _, l := range Lines() {
			if sum := here[l] + there[l]; sum != f[l] && (l != Ever || sum < f[l]) {
				t.Fatalf("%s: %d and %d are not %d", l, here[l], there[l], f[l])
			}
		}
	})
}

func TestMembersAreWhatIsCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, p := courses(t), period(t)
		f := Count(all, p)
		for _, l := range Lines() {
			in := Members(all, p, l)
			if len(in) != f[l] || !slices.IsSortedFunc(in, func(a, b Course) int { return a.From.Sub(b.From) }) {
				t.Fatalf("%s: %d members, %d counted", l, len(in), f[l])
			}
		}
	})
}

// Of a period that is not over only what has come is counted, and one that has not begun is refused.
func TestUpTo(t *testing.T) {
	p := Period{day("2026-03-01"), day("2026-03-31")}
	for name, row := range map[string]struct {
		today, to string
	}{"over": {"2026-04-01", "2026-03-31"}, "its last day": {"2026-03-31", "2026-03-31"}, "running": {"2026-03-12", "2026-03-12"}, "its first day": {"2026-03-01", "2026-03-01"}} {
		got, err := p.UpTo(day(row.today))
		if err != nil || got.From != p.From || got.To != day(row.to) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if _, err := p.UpTo(day("2026-02-28")); err == nil {
		t.Error("a period that has not begun")
	}
	if p.Days() != 31 {
		t.Errorf("%d days of March", p.Days())
	}
}
