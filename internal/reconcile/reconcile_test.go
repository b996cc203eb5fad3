package reconcile

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const ten = 10 * measure.MilligramPerMillilitre

func TestOf(t *testing.T) {
	ml := measure.Millilitre
	for name, tc := range map[string]struct {
		book, counted, turnover measure.Volume
		want                    Variance
	}{
		"nothing":             {100 * ml, 100 * ml, 50 * ml, Variance{}},
		"a loss":              {100 * ml, 97 * ml, 300 * ml, Variance{-3 * ml, -30_000, -10_000}},
		"a surplus":           {97 * ml, 100 * ml, 300 * ml, Variance{3 * ml, 30_000, 10_000}},
		"nothing turned over": {100 * ml, 99 * ml, 0, Variance{-1 * ml, -10_000, 0}},
		"a negative book":     {-2 * ml, 0, 10 * ml, Variance{2 * ml, 20_000, 200_000}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Of(tc.book, tc.counted, tc.turnover, ten)
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
}

func TestReviewNeverHidesTheWritingOnlyTheSigner(t *testing.T) {
	r := Review{Volume: 10_000, PerMille: 5}
	for name, tc := range map[string]struct {
		diff, turnover measure.Volume
		want           bool
	}{
		"nothing":                      {0, 0, false},
		"below the amount":             {-9_999, 100_000, false},
		"at the amount":                {-10_000, 100_000, true},
		"a surplus counts alike":       {10_000, 100_000, true},
		"a great turnover raises it":   {-10_000, 4_000_000, false},
		"and is reached all the same":  {-20_000, 4_000_000, true},
		"an amount beyond any measure": {1_000_000, 1_000, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := r.Needed(tc.diff, tc.turnover); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
	if !(Review{}).Needed(1, 0) {
		t.Error("a level of zero asks for the reviewer at any difference")
	}
}

func TestWeighedRefusesLessThanTheTare(t *testing.T) {
	if _, err := Weighed(59*measure.WeightGram, 60*measure.WeightGram, 1_050_000); err == nil {
		t.Error("a weight below the tare was converted")
	}
	v, err := Weighed(1110*measure.WeightGram, 60*measure.WeightGram, 1_050_000)
	if err != nil || v != measure.Litre {
		t.Errorf("got %s, %v", v, err)
	}
}

func amount(t *rapid.T, name string) measure.Volume {
	return measure.Volume(rapid.Int64Range(-50_000, 50_000).Draw(t, name))
}

// Whatever the candidates say, the parts add up to the difference, none points the other way, and no cause explains more
// than its own amount.
func TestPartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		diff := amount(t, "diff")
		offered := map[Cause]measure.Volume{}
		var candidates []Candidate
		for range rapid.IntRange(0, 6).Draw(t, "n") {
			c := Candidate{
				Cause:  rapid.SampledFrom(Causes).Draw(t, "cause"),
				Amount: amount(t, "amount"), Since: calendar.Instant(rapid.Int64Range(1, 1000).Draw(t, "since")),
			}
			candidates = append(candidates, c)
			if (c.Amount < 0) == (diff < 0) {
				offered[c.Cause] += c.Amount.Abs()
			}
		}
		var sum measure.Volume
		used := map[Cause]measure.Volume{}
		for _, p := range Explain(diff, candidates, 7) {
			if p.Amount == 0 || (p.Amount < 0) != (diff < 0) {
				t.Fatalf("part %+v of a difference of %d", p, diff)
			}
			sum += p.Amount
			used[p.Cause] += p.Amount.Abs()
		}
		if sum != diff {
			t.Fatalf("the parts add up to %d, not %d", sum, diff)
		}
		for cause, v := range used {
			if cause != Unexplained && v > offered[cause] {
				t.Fatalf("%s explains %d of an offer of %d", cause, v, offered[cause])
			}
		}
	})
}

// Losses and surpluses are never netted, and their difference is the signed sum.
func TestSumsStayApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Sums
		var signed, loss, surplus measure.Volume
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			d := amount(t, "diff")
			s.Add(d)
			signed += d
			loss, surplus = loss+max(0, -d), surplus+max(0, d)
		}
		if s.Loss != loss || s.Surplus != surplus || s.Surplus-s.Loss != signed {
			t.Fatalf("%+v of %d", s, signed)
		}
	})
}

// The chart's sum is the sum of all differences; its two sides keep their signs and bound what the slack lets through.
func TestCusumBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limits{Slack: measure.Volume(rapid.Int64Range(0, 3_000).Draw(t, "slack")), Alarm: 10_000}
		var points []Point
		for i := range rapid.IntRange(1, 30).Draw(t, "n") {
			points = append(points, Point{At: calendar.Instant(i + 1), Diff: amount(t, "diff")})
		}
		var sum measure.Volume
		for i, c := range Cusum(points, l) {
			sum += points[i].Diff
			if c.Sum != sum || c.High < 0 || c.Low > 0 {
				t.Fatalf("point %d: %+v after a sum of %d", i, c, sum)
			}
			if c.High < sum-measure.Volume(i+1)*l.Slack || -c.Low < -sum-measure.Volume(i+1)*l.Slack {
				t.Fatalf("point %d: a side forgot a part of %d: %+v", i, sum, c)
			}
			if c.Alarm != (c.High > l.Alarm || c.Low < -l.Alarm) || (c.Since == 0) != (c.High == 0 && c.Low == 0) || c.Since > points[i].At {
				t.Fatalf("point %d: %+v", i, c)
			}
		}
	})
}

func TestCusumFindsASmallSteadyLoss(t *testing.T) {
	l := Limits{Slack: 500, Alarm: 3_000}
	var points []Point
	for i := range 10 {
		diff := measure.Volume(200 - 400*(i%2)) // noise
		if i >= 4 {
			diff = -1_200
		}
		points = append(points, Point{calendar.Instant(i + 1), diff})
	}
	charted := Cusum(points, l)
	if charted[3].Alarm || charted[7].Alarm || !charted[8].Alarm || charted[8].Since != 5 {
		t.Errorf("alarm too early, too late or from the wrong hour: %+v", charted)
	}
}

func TestDriftBeganWhereTheSumLeftZeroForGood(t *testing.T) {
	doses := []Dose{{1, 6000, 6000}, {2, 6000, 6050}, {3, 6050, 6000}, {4, 6000, 6000}, {5, 6000, 6100}, {6, 6000, 6090}}
	if c := DriftOf(doses); c.Amount != -190 || c.Since != 5 {
		t.Errorf("drift %+v", c)
	}
	if c := DriftOf(nil); c.Amount != 0 || c.Since != 0 {
		t.Errorf("drift of no doses %+v", c)
	}
	if b := Began([]Part{{Drift, -1, 9}, {Unexplained, -2, 4}, {Spill, -1, 0}}); b != 4 {
		t.Errorf("began %d", b)
	}
}
