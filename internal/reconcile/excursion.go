package reconcile

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Excursion is the stretch of a control chart that led to its latest alarm: from where the sum left zero to the end of
// the alarm, or to the newest point.
type Excursion struct {
	Since   calendar.Instant // when the sum began to grow
	Noticed calendar.Instant // the first point beyond the limit
	Sum     measure.Volume   // of the differences since, signed
	Points  int
}

// Alarmed returns the latest excursion of a chart; ok is false when it never gave an alarm.
func Alarmed(chart []Charted) (e Excursion, ok bool) {
	last := len(chart) - 1
	for last >= 0 && !chart[last].Alarm {
		last--
	}
	if last < 0 {
		return Excursion{}, false
	}
	e.Since = chart[last].Since
	for i := last; i >= 0 && chart[i].At >= e.Since; i-- {
		e.Sum += chart[i].Diff
		e.Points++
		if chart[i].Alarm {
			e.Noticed = chart[i].At
		}
	}
	return e, true
}

// Weight says how much an excursion stands out: the square of its sum by its number of points, in µL². Where the same
// differences are charted for lots, counters and persons, the chart of what they come from is the heaviest: the others
// have honest points among them.
func (e Excursion) Weight() int64 {
	if e.Points == 0 {
		return 0
	}
	sum := int64(min(e.Sum.Abs(), measure.Litre*1000))
	return sum * sum / int64(e.Points)
}
