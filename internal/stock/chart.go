package stock

import (
	"cmp"
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/reconcile"
)

// Charts draws the control charts of differences, which are in the order in which they were found. The differences of one
// count are one point: a bottle that agrees does not hide one that does not. What an opening count finds went before the
// shift began, so it is no point of the person whose shift it is.
func Charts(found []Variance, by Grouping, l reconcile.Limits) []Series {
	type chart struct {
		points []reconcile.Point
		Series
		count CountID
	}
	charts := map[string]*chart{}
	var keys []string
	for _, v := range found {
		if by == ByPerson && v.Phase == PhaseOpening {
			continue
		}
		k := by.key(v)
		c := charts[k]
		if c == nil {
			c = &chart{}
			charts[k], keys = c, append(keys, k)
		}
		if len(c.points) == 0 || c.count != v.Count {
			c.points, c.count = append(c.points, reconcile.Point{At: v.Recorded}), v.Count
		}
		c.points[len(c.points)-1].Diff += v.Diff.Volume
		c.Sums.Add(v.Diff.Volume)
		c.Turnover += v.Turnover
		for _, p := range v.Parts {
			if p.Cause == reconcile.Unexplained {
				c.Unexplained.Add(p.Amount)
			}
		}
	}
	series := make([]Series, 0, len(keys))
	for _, k := range keys {
		one := charts[k].Series
		one.Key, one.Points = k, reconcile.Cusum(charts[k].points, l)
		series = append(series, one)
	}
	return series
}

// Suspect is a lot, counter or person whose control chart gave an alarm.
type Suspect struct {
	By  Grouping
	Key string
	reconcile.Excursion
}

// suspected are what a loss can come from.
var suspected = []Grouping{ByLot, ByCounter, ByPerson}

// Suspects names every lot, counter and person whose chart gave an alarm, first the one that stands out most. The same
// differences show on several charts; where people change counters, the first one is what they have in common. It is
// where to look, and proves nothing of anybody.
func Suspects(found []Variance, l reconcile.Limits) (out []Suspect) {
	for _, by := range suspected {
		for _, s := range Charts(found, by, l) {
			if e, ok := reconcile.Alarmed(s.Points); ok && s.Key != "" {
				out = append(out, Suspect{by, s.Key, e})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Suspect) int { return cmp.Compare(b.Weight(), a.Weight()) })
	return out
}

// MaxCharted bounds the differences that charts are drawn from: those of about three months at a large clinic.
const MaxCharted = 5000

// charted reads the differences of a filter, as many as a chart takes, with the clinic's limits.
func (s *Service) charted(ctx context.Context, f VarianceFilter) ([]Variance, reconcile.Limits, error) {
	f.Limit = MaxCharted
	found, err := s.ledger.Variances(ctx, f)
	if err != nil {
		return nil, reconcile.Limits{}, err
	}
	set, err := s.ledger.Setting(ctx, f.Clinic)
	if err != nil {
		return nil, reconcile.Limits{}, err
	}
	return found, set.Chart(), nil
}
