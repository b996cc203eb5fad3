package rush

import (
	"context"
	"math"
	"slices"
	"time"
)

// quantile returns the value at or below which percent of the sorted durations lie, by nearest rank; 0 for none.
func quantile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(float64(len(sorted)*percent) / 100))
	return sorted[max(rank, 1)-1]
}

// Spread tells how a set of durations is spread.
type Spread struct {
	N                         int
	Median, P90, P95, Longest time.Duration
}

func spread(ds []time.Duration) Spread {
	slices.Sort(ds)
	return Spread{len(ds), quantile(ds, 50), quantile(ds, 90), quantile(ds, 95), quantile(ds, 100)}
}

// Snapshot is what a page that shows the morning must show.
type Snapshot struct {
	Waiting, AtWindow, Served int
	Longest                   time.Duration // of those who wait
	Wait, Service, Whole      Spread
}

// Snap adds up the visits as of a time.
func Snap(visits []Visit, at time.Duration) Snapshot {
	var s Snapshot
	var waits, services, wholes []time.Duration
	for _, v := range visits {
		switch {
		case v.Reached == ToCome:
			continue
		case v.Reached < AtWindow:
			s.Waiting++
			s.Longest = max(s.Longest, v.Wait(at))
			continue
		case v.Reached < Left:
			s.AtWindow++
		default:
			s.Served++
			services = append(services, v.At[Left]-v.At[AtWindow])
			wholes = append(wholes, v.At[Left]-v.At[Arrived])
		}
		waits = append(waits, v.Wait(at))
	}
	s.Wait, s.Service, s.Whole = spread(waits), spread(services), spread(wholes)
	return s
}

// Cleared is when the last of the visits ended; 0 for none.
func Cleared(visits []Visit) (at time.Duration) {
	for _, v := range visits {
		at = max(at, v.At[Left])
	}
	return at
}

// Estimate is a mean with the half width of its 95 % confidence interval.
type Estimate struct{ Mean, Half float64 }

// Within reports whether a value lies in the interval.
func (e Estimate) Within(x float64) bool { return math.Abs(e.Mean-x) <= e.Half }

// student holds the 97.5 % points of Student's t by degrees of freedom; beyond them it is the normal one's.
var student = map[int]float64{
	1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228,
	11: 2.201, 12: 2.179, 13: 2.160, 14: 2.145, 15: 2.131, 16: 2.120, 17: 2.110, 18: 2.101, 19: 2.093, 20: 2.086,
	21: 2.080, 22: 2.074, 23: 2.069, 24: 2.064, 25: 2.060, 26: 2.056, 27: 2.052, 28: 2.048, 29: 2.045, 30: 2.042,
}

// estimate takes independent values of one quantity. Of a single one the width is not known: infinite.
func estimate(xs []float64) Estimate {
	n := float64(len(xs))
	var sum, squares float64
	for _, x := range xs {
		sum += x
	}
	mean := sum / n
	for _, x := range xs {
		squares += (x - mean) * (x - mean)
	}
	if len(xs) < 2 {
		return Estimate{mean, math.Inf(1)}
	}
	t, ok := student[len(xs)-1]
	if !ok {
		t = 1.96
	}
	return Estimate{mean, t * math.Sqrt(squares/(n-1)/n)}
}

// Result is what many mornings of one setting came to: of each figure the mean over the mornings, in seconds.
type Result struct {
	Mornings                        int
	Mean, Median, P90, P95, Longest Estimate // of the waits to the window
	Clear                           Estimate // when the last patient left, since the opening
}

// Mornings runs the setting many times over in memory.
func (s Setting) Mornings(ctx context.Context, n int) (Result, error) {
	var means, medians, p90s, p95s, longest, clears []float64
	for i := range n {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		p := s.Plan(uint64(i))
		visits, err := p.Run(ctx, NewLine(p))
		if err != nil {
			return Result{}, err
		}
		var sum time.Duration
		for _, v := range visits {
			sum += v.Wait(0)
		}
		w := Snap(visits, 0).Wait
		means = append(means, sum.Seconds()/float64(len(visits)))
		medians, p90s = append(medians, w.Median.Seconds()), append(p90s, w.P90.Seconds())
		p95s, longest = append(p95s, w.P95.Seconds()), append(longest, w.Longest.Seconds())
		clears = append(clears, Cleared(visits).Seconds())
	}
	return Result{
		Mornings: n, Mean: estimate(means), Median: estimate(medians), P90: estimate(p90s), P95: estimate(p95s),
		Longest: estimate(longest), Clear: estimate(clears),
	}, nil
}
