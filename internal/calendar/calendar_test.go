package calendar_test

import (
	"encoding/json"
	"math"
	"sort"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// instants draws points in time of the years 1 to 9999, but for the one that means "unset".
func instants() *rapid.Generator[calendar.Instant] {
	first, last := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()
	return rapid.Custom(func(t *rapid.T) calendar.Instant {
		i := rapid.OneOf(rapid.Int64Range(first, last), rapid.Int64Range(-1000, 1000),
			rapid.Int64Range(1_700_000_000_000_000, 1_800_000_000_000_000)).Draw(t, "µs")
		if i == 0 {
			i = 1
		}
		return calendar.Instant(i)
	})
}

func TestInstantRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := instants().Draw(t, "instant")
		if got := calendar.At(want.Time()); got != want {
			t.Fatalf("time %s is %d", want.Time(), got)
		}
		if got, err := calendar.ParseInstant(want.String()); err != nil || got != want {
			t.Fatalf("text %s is %d, %v", want, got, err)
		}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got calendar.Instant
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Fatalf("JSON %s is %d, %v", b, got, err)
		}
		for _, src := range []any{want.String(), []byte(want.String()), want.Time(), want.Time().In(time.FixedZone("", 7*3600))} {
			if err := got.Scan(src); err != nil || got != want {
				t.Fatalf("scanned from %T: %d, %v", src, got, err)
			}
		}
		if v, err := want.Value(); err != nil || v != want.String() {
			t.Fatalf("stored as %v, %v", v, err)
		}
	})
}

// Stored text sorts as time does, because it all has one width.
func TestInstantTextOrdersAsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := instants().Draw(t, "a"), instants().Draw(t, "b")
		if (a < b) != (a.String() < b.String()) || len(a.String()) != len("2006-01-02T15:04:05.000000Z") {
			t.Fatalf("%s and %s", a, b)
		}
	})
}

func TestUnsetInstant(t *testing.T) {
	var i calendar.Instant
	if v, err := i.Value(); v != nil || err != nil || i.String() != "" || !i.IsZero() || !i.Time().IsZero() {
		t.Errorf("stored as %v, %v; printed %q", v, err, i)
	}
	if calendar.At(time.Time{}) != 0 {
		t.Error("no time is an instant")
	}
	i = 7
	if err := i.Scan(nil); err != nil || i != 0 {
		t.Errorf("NULL is %d, %v", i, err)
	}
	if got, err := calendar.ParseInstant(""); err != nil || got != 0 {
		t.Errorf("no text is %d, %v", got, err)
	}
}

func TestInstantIsCutToTheMicrosecond(t *testing.T) {
	base := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
	if calendar.At(base.Add(999*time.Nanosecond)) != calendar.At(base) || calendar.At(base.Add(1000*time.Nanosecond)) != calendar.At(base)+1 {
		t.Error("not cut to the microsecond")
	}
}

func TestInstantArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := calendar.Instant(rapid.Int64Range(-4e15, 4e15).Draw(t, "i"))
		d := time.Duration(rapid.Int64Range(-4e15, 4e15).Draw(t, "µs")) * time.Microsecond
		if got := i.Add(d).Sub(i); got != d {
			t.Fatalf("%d + %s is %s later", i, d, got)
		}
	})
}

// Two instants further apart than a Duration reaches are that far apart, not the other way round.
func TestSubStopsAtTheLongestDuration(t *testing.T) {
	early, late := calendar.At(time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)), calendar.At(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	if got := late.Sub(early); got != math.MaxInt64 {
		t.Errorf("late after early by %s", got)
	}
	if got := early.Sub(late); got != math.MinInt64 {
		t.Errorf("early after late by %s", got)
	}
}

func TestInstantRefuses(t *testing.T) {
	for _, s := range []string{"2026-03-10", "2026-03-10 08:00:00Z", "08:00", "2026-02-30T08:00:00Z", "2026-03-10T08:00:00", "x"} {
		if i, err := calendar.ParseInstant(s); err == nil || i != 0 {
			t.Errorf("%q is %d, %v", s, i, err)
		}
	}
	var i calendar.Instant
	if err := i.Scan(3.5); err == nil {
		t.Error("scanned from a float")
	}
}

// Every day of three centuries has the date that package time gives it.
func TestDaysAgainstTime(t *testing.T) {
	day := calendar.DateOf(1900, time.January, 1)
	for at := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() <= 2200; at = at.AddDate(0, 0, 1) {
		y, m, d := at.Date()
		text := at.Format("2006-01-02")
		parsed, err := calendar.ParseDay(text)
		if calendar.DateOf(y, m, d) != day || parsed != day || err != nil || day.String() != text || !day.Midnight().Equal(at) {
			t.Fatalf("%s: counted %d, of date %d, parsed %d, printed %s, %v", text, day, calendar.DateOf(y, m, d), parsed, day, err)
		}
		day = day.AddDays(1)
	}
	if first := calendar.DateOf(1, time.January, 1); first != 1 {
		t.Errorf("0001-01-01 is %d", first)
	}
}

func TestDayArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, last := int32(calendar.DateOf(1900, 1, 1)), int32(calendar.DateOf(2200, 12, 31))
		a, b := calendar.Day(rapid.Int32Range(first, last).Draw(t, "a")), calendar.Day(rapid.Int32Range(first, last).Draw(t, "b"))
		if want := int((a.Midnight().Unix() - b.Midnight().Unix()) / 86400); a.Sub(b) != want || b.AddDays(want) != a {
			t.Fatalf("%s is %d days after %s, want %d", a, a.Sub(b), b, want)
		}
		if (a < b) != (a.String() < b.String()) {
			t.Fatalf("%s and %s", a, b)
		}
	})
	if got := calendar.Day(math.MaxInt32).Sub(math.MinInt32); got != math.MaxUint32 {
		t.Errorf("the outermost days are %d apart", got)
	}
}

func TestDayStorage(t *testing.T) {
	want := calendar.DateOf(2024, time.February, 29)
	var got calendar.Day
	for _, src := range []any{"2024-02-29", []byte("2024-02-29"), "2024-02-29T00:00:00Z", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)} {
		if err := got.Scan(src); err != nil || got != want {
			t.Errorf("scanned from %T %v: %s, %v", src, src, got, err)
		}
	}
	if v, err := want.Value(); err != nil || v != "2024-02-29" {
		t.Errorf("stored as %v, %v", v, err)
	}
	b, err := json.Marshal(want)
	if err != nil || string(b) != `"2024-02-29"` || json.Unmarshal(b, &got) != nil || got != want {
		t.Errorf("JSON %s, %v", b, err)
	}
	if err := got.Scan(nil); err != nil || got != 0 {
		t.Errorf("NULL is %s, %v", got, err)
	}
	if v, err := got.Value(); v != nil || err != nil || got.String() != "" {
		t.Errorf("no day is stored as %v, %v", v, err)
	}
	for _, s := range []string{"2026-02-29", "2026-13-01", "10/03/2026", "2026-3-1", "20260310", "x"} {
		if d, err := calendar.ParseDay(s); err == nil || d != 0 {
			t.Errorf("%q is %s, %v", s, d, err)
		}
	}
	if err := got.Scan(int64(1)); err == nil {
		t.Error("scanned from a number")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		zone string
		cut  time.Duration
		ok   bool
	}{
		"Vietnam":          {"Asia/Ho_Chi_Minh", 4 * time.Hour, true},
		"midnight":         {"Asia/Ho_Chi_Minh", 0, true},
		"just under a day": {"UTC", 24*time.Hour - 1, true},
		"a day":            {"UTC", 24 * time.Hour, false},
		"negative":         {"UTC", -1, false},
		"no zone":          {"", 0, false},
		"unknown zone":     {"Asia/Hanoi2", 0, false},
	} {
		if _, err := calendar.New(tc.zone, tc.cut, nil); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func newCalendar(t testing.TB, zone string, cut time.Duration) calendar.Calendar {
	t.Helper()
	c, err := calendar.New(zone, cut, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDayTurnsAtTheCutOver(t *testing.T) {
	for name, tc := range map[string]struct {
		zone string
		cut  time.Duration
		at   string
		want string
	}{
		"before the hour":           {"Asia/Ho_Chi_Minh", 4 * time.Hour, "2026-03-09T20:59:59.999999Z", "2026-03-09"},
		"at the hour":               {"Asia/Ho_Chi_Minh", 4 * time.Hour, "2026-03-09T21:00:00Z", "2026-03-10"},
		"before local midnight":     {"Asia/Ho_Chi_Minh", 0, "2026-03-09T16:59:59.999999Z", "2026-03-09"},
		"local midnight":            {"Asia/Ho_Chi_Minh", 0, "2026-03-09T17:00:00Z", "2026-03-10"},
		"spring, before three":      {"America/New_York", 3 * time.Hour, "2026-03-08T06:59:59Z", "2026-03-07"}, // 01:59:59 EST
		"spring, three strikes":     {"America/New_York", 3 * time.Hour, "2026-03-08T07:00:00Z", "2026-03-08"}, // 03:00 EDT
		"spring, into the lost gap": {"America/New_York", 150 * time.Minute, "2026-03-08T07:00:00Z", "2026-03-08"},
		"autumn, the first 01:30":   {"America/New_York", 4 * time.Hour, "2026-11-01T05:30:00Z", "2026-10-31"},
		"autumn, the second 01:30":  {"America/New_York", 4 * time.Hour, "2026-11-01T06:30:00Z", "2026-10-31"},
		"autumn, four":              {"America/New_York", 4 * time.Hour, "2026-11-01T09:00:00Z", "2026-11-01"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := calendar.ParseInstant(tc.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := newCalendar(t, tc.zone, tc.cut).Day(at); got.String() != tc.want {
				t.Errorf("%s counts for %s, want %s", tc.at, got, tc.want)
			}
		})
	}
}

// zones have no clock change, changes at two, at midnight, by half an hour, and a day that never was.
var zones = []string{
	"Asia/Ho_Chi_Minh", "UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Pacific/Apia",
	"America/Sao_Paulo",
}

// Every instant lies within the bounds of the day it counts for, and the days join without gap or overlap.
func TestBoundsPartitionTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		cut := time.Duration(rapid.IntRange(0, 24*60-1).Draw(t, "cut-over")) * time.Minute
		c, err := calendar.New(zone, cut, nil)
		if err != nil {
			t.Fatal(err)
		}
		i := calendar.Instant(rapid.Int64Range(1_262_304_000_000_000, 1_893_456_000_000_000).Draw(t, "µs")) // 2010–2030
		checkPartition(t, c, i)
	})
}

// Around each clock change, minute by minute.
func TestBoundsAroundClockChanges(t *testing.T) {
	for _, zone := range zones {
		for _, cut := range []time.Duration{0, 30 * time.Minute, time.Hour, 90 * time.Minute, 2 * time.Hour, 150 * time.Minute, 3 * time.Hour, 23*time.Hour + 45*time.Minute} {
			c := newCalendar(t, zone, cut)
			for _, at := range changes(t, zone) {
				for d := -26 * time.Hour; d <= 26*time.Hour; d += 30 * time.Minute {
					checkPartition(t, c, at.Add(d))
					checkPartition(t, c, at.Add(d-time.Microsecond))
				}
			}
		}
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func checkPartition(t fataler, c calendar.Calendar, i calendar.Instant) {
	t.Helper()
	d := c.Day(i)
	from, to := c.Bounds(d)
	if i < from || i >= to {
		t.Fatalf("%s (%s) counts for %s, which runs from %s to %s", i, c.Local(i), d, from, to)
	}
	if _, end := c.Bounds(d - 1); end != from {
		t.Fatalf("%s begins at %s, the day before ends at %s", d, from, end)
	}
	if c.Day(from) != d || c.Day(from-1) >= d || c.Day(to-1) != d || c.Day(to) <= d {
		t.Fatalf("%s runs from %s to %s, whose days are %s and %s", d, from, to, c.Day(from), c.Day(to))
	}
}

// changes finds the clock changes of a zone in 2010–2012 by halving.
func changes(t testing.TB, zone string) []calendar.Instant {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	offset := func(s int64) int { _, o := time.Unix(s, 0).In(loc).Zone(); return o }
	var found []calendar.Instant
	const day = 86400
	for s := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); s < time.Date(2013, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); s += day {
		if offset(s) == offset(s+day) {
			continue
		}
		n := sort.Search(day, func(k int) bool { return offset(s+int64(k)) != offset(s) })
		found = append(found, calendar.At(time.Unix(s+int64(n), 0)))
	}
	return found
}

func TestClosures(t *testing.T) {
	tet := calendar.DateOf(2026, time.February, 17)
	c, err := calendar.New("Asia/Ho_Chi_Minh", 0, map[calendar.Day]string{tet: "Tết", tet + 1: ""})
	if err != nil {
		t.Fatal(err)
	}
	if reason, closed := c.Closed(tet); !closed || reason != "Tết" {
		t.Errorf("%q %t", reason, closed)
	}
	if _, closed := c.Closed(tet + 1); !closed {
		t.Error("a closure without a reason is open")
	}
	if reason, closed := c.Closed(tet - 1); closed || reason != "" {
		t.Errorf("the day before is closed: %q", reason)
	}
}

func TestLocal(t *testing.T) {
	i := calendar.At(time.Date(2026, 3, 10, 1, 30, 0, 0, time.UTC))
	if got := newCalendar(t, "Asia/Ho_Chi_Minh", 0).Local(i).Format("15:04"); got != "08:30" {
		t.Errorf("got %s", got)
	}
	if got := (calendar.Calendar{}).Local(i).Format("15:04"); got != "01:30" {
		t.Errorf("without a zone, got %s", got)
	}
}
