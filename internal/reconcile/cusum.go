package reconcile

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Point is one difference in time.
type Point struct {
	At   calendar.Instant
	Diff measure.Volume
}

// Charted is a point on the control chart: the signed sum so far, and the two one-sided cumulative sums of Page's test.
type Charted struct {
	Point
	Sum       measure.Volume // of all differences so far, signed
	High, Low measure.Volume // High ≥ 0 grows with surpluses, Low ≤ 0 with losses
	Alarm     bool           // one of them is beyond the limit
	Since     calendar.Instant
}

// Limits of a control chart. A difference within Slack of zero is taken for noise; an alarm is given when what is beyond
// it adds up to more than Alarm.
type Limits struct {
	Slack, Alarm measure.Volume
}

// Cusum charts differences in the order given. Since is when the sum that is furthest from zero began to grow, 0 while
// both are zero.
func Cusum(points []Point, l Limits) []Charted {
	out := make([]Charted, len(points))
	var last Charted
	var high, low calendar.Instant
	for i, p := range points {
		c := Charted{
			Point: p, Sum: last.Sum + p.Diff,
			High: max(0, last.High+p.Diff-l.Slack), Low: min(0, last.Low+p.Diff+l.Slack),
		}
		high, low = began(high, c.High, p.At), began(low, c.Low, p.At)
		c.Since = high
		if -c.Low > c.High {
			c.Since = low
		}
		c.Alarm = c.High > l.Alarm || -c.Low > l.Alarm
		out[i], last = c, c
	}
	return out
}

func began(since calendar.Instant, sum measure.Volume, at calendar.Instant) calendar.Instant {
	switch {
	case sum == 0:
		return 0
	case since.IsZero():
		return at
	}
	return since
}
