package flow

import "time"

// Target names something that a clinic wants to keep to.
type Target string

// The targets.
const (
	LongestWait Target = "longest_wait" // of those who wait now
	MedianWait  Target = "median_wait"  // arrival to window, of today
	P90Whole    Target = "p90_visit"    // arrival to swallow, of today
)

// Targets holds the limit of each; one that is missing or zero is none.
type Targets map[Target]time.Duration

// Miss is a target that is not kept.
type Miss struct {
	Target       Target
	Value, Limit time.Duration
}

// Missed lists the targets that the day does not keep to so far.
func (t Targets) Missed(f Figures) []Miss {
	var out []Miss
	for _, one := range []Miss{
		{LongestWait, f.Longest, t[LongestWait]}, {MedianWait, f.Wait.Median, t[MedianWait]}, {P90Whole, f.Whole.P90, t[P90Whole]},
	} {
		if one.Limit > 0 && one.Value > one.Limit {
			out = append(out, one)
		}
	}
	return out
}
