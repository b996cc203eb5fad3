// Package calendar owns time as a clinic means it: the [Instant] at which something happened, and the [Day] it counts
// for, which depends on the clinic's zone and its cut-over hour. They are the only two time types in storage.
package calendar

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Instant is a point in time: microseconds since 1970 UTC. The zero Instant means "not yet" or "not known" and is
// stored as NULL. PostgreSQL keeps microseconds and no finer, so nothing finer is ever hashed or compared.
type Instant int64

// At returns t as an Instant, cut to the microsecond.
func At(t time.Time) Instant {
	if t.IsZero() {
		return 0
	}
	return Instant(t.UnixMicro())
}

// instantLayout has a fixed width, so that the order of the text is the order of time.
const instantLayout = "2006-01-02T15:04:05.000000Z"

// Time returns i as a UTC time.Time; the zero Instant is the zero Time.
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(i)).UTC()
}

// Add returns the instant d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d.Microseconds()) }

// Sub returns how long after j the instant i is. Like time.Time.Sub it stops at the longest Duration, 292 years.
func (i Instant) Sub(j Instant) time.Duration {
	return time.UnixMicro(int64(i)).Sub(time.UnixMicro(int64(j)))
}

// IsZero reports whether i is unset.
func (i Instant) IsZero() bool { return i == 0 }

// String is RFC 3339 in UTC with six decimals, or "" when unset.
func (i Instant) String() string {
	if i == 0 {
		return ""
	}
	return i.Time().Format(instantLayout)
}

// ParseInstant reads RFC 3339 text; "" is the zero Instant.
func ParseInstant(s string) (Instant, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, fmt.Errorf("instant: %w", err)
	}
	return At(t), nil
}

// MarshalText implements encoding.TextMarshaler.
func (i Instant) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *Instant) UnmarshalText(b []byte) (err error) {
	*i, err = ParseInstant(string(b))
	return err
}

// Value implements driver.Valuer: fixed-width text, which both engines order and compare the same way.
func (i Instant) Value() (driver.Value, error) {
	if i == 0 {
		return nil, nil
	}
	return i.String(), nil
}

// Scan implements sql.Scanner.
func (i *Instant) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*i = 0
	case time.Time:
		*i = At(v)
	case string:
		*i, err = ParseInstant(v)
	case []byte:
		*i, err = ParseInstant(string(v))
	default:
		err = fmt.Errorf("instant from %T", src)
	}
	return err
}

// Day is a clinic day, counted from 0001-01-01 = 1. The zero Day means "no day" and is stored as NULL.
type Day int32

const dayLayout = "2006-01-02"

// DateOf returns the day with this date.
func DateOf(year int, month time.Month, day int) Day {
	return dayOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// dayOf counts whole days of t's UTC date. 62135596800 s lie between 0001-01-01 and 1970-01-01.
func dayOf(t time.Time) Day { return Day((t.Unix()+62135596800)/86400 + 1) }

// ParseDay reads YYYY-MM-DD; "" is the zero Day.
func ParseDay(s string) (Day, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(dayLayout, s)
	if err != nil {
		return 0, fmt.Errorf("day: %w", err)
	}
	return dayOf(t), nil
}

// Midnight returns the start of the date in UTC; it is for formatting, not for deciding what counts for a day.
func (d Day) Midnight() time.Time {
	return time.Unix((int64(d)-1)*86400-62135596800, 0).UTC()
}

// AddDays returns the day n days later.
func (d Day) AddDays(n int) Day { return d + Day(n) }

// Sub returns how many days d is after e.
func (d Day) Sub(e Day) int { return int(d) - int(e) }

// IsZero reports whether d is unset.
func (d Day) IsZero() bool { return d == 0 }

// String is YYYY-MM-DD, or "" when unset.
func (d Day) String() string {
	if d == 0 {
		return ""
	}
	return d.Midnight().Format(dayLayout)
}

// MarshalText implements encoding.TextMarshaler.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Day) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDay(string(b))
	return err
}

// Value implements driver.Valuer.
func (d Day) Value() (driver.Value, error) {
	if d == 0 {
		return nil, nil
	}
	return d.String(), nil
}

// Scan implements sql.Scanner.
func (d *Day) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*d = 0
	case time.Time:
		*d = dayOf(v)
	case string:
		*d, err = ParseDay(v[:min(len(v), len(dayLayout))])
	case []byte:
		err = d.Scan(string(v))
	default:
		err = fmt.Errorf("day from %T", src)
	}
	return err
}

// Calendar says which day an instant counts for at one clinic, and on which days it is closed.
type Calendar struct {
	zone    *time.Location
	cutOver time.Duration
	closed  map[Day]string
}

// New makes a calendar. zone is an IANA name; cutOver is how long after local midnight the clinic day begins, from 0
// up to but not including 24 h; closed gives each closure its reason.
func New(zone string, cutOver time.Duration, closed map[Day]string) (Calendar, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" {
		return Calendar{}, fmt.Errorf("time zone %q is not known", zone)
	}
	if cutOver < 0 || cutOver >= 24*time.Hour {
		return Calendar{}, fmt.Errorf("cut-over %s is not within a day", cutOver)
	}
	return Calendar{zone: loc, cutOver: cutOver, closed: closed}, nil
}

// Day returns the clinic day that i counts for: the one within whose Bounds it lies. It never goes back as time goes on,
// not even where the clock does.
func (c Calendar) Day(i Instant) Day {
	d := DateOf(i.Time().In(c.zone).Date()) + 1
	for i < c.start(d) {
		d--
	}
	return d
}

// Bounds returns the first instant of day d and the first instant after it.
func (c Calendar) Bounds(d Day) (from, to Instant) { return c.start(d), c.start(d + 1) }

// start returns the first instant at which the clinic's clock shows the cut-over time of d or, when a clock change left
// that time out, the instant of the change.
func (c Calendar) start(d Day) Instant {
	y, m, day := d.Midnight().Date()
	h, rest := c.cutOver/time.Hour, c.cutOver%time.Hour
	t := time.Date(y, m, day, int(h), 0, 0, int(rest), c.zone)
	wanted := time.Date(y, m, day, int(h), 0, 0, int(rest), time.UTC)
	begun, ends := t.ZoneBounds()
	switch shown := wallClock(t); {
	case shown.After(wanted):
		return At(begun)
	case shown.Before(wanted):
		return At(ends)
	case begun.IsZero():
		return At(t)
	}
	// An hour that the clock shows twice: the first time counts.
	_, now := t.Zone()
	_, before := begun.Add(-time.Nanosecond).Zone()
	if first := t.Add(-time.Duration(before-now) * time.Second); first.Before(begun) && wallClock(first).Equal(wanted) {
		return At(first)
	}
	return At(t)
}

// wallClock returns what the clock shows at t, as if it were UTC.
func wallClock(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// Closed reports whether the clinic is closed on d, and why.
func (c Calendar) Closed(d Day) (reason string, closed bool) {
	reason, closed = c.closed[d]
	return reason, closed
}

// Local returns i as wall-clock time at the clinic, for display.
func (c Calendar) Local(i Instant) time.Time {
	if c.zone == nil {
		return i.Time()
	}
	return i.Time().In(c.zone)
}
