package reconcile

import (
	"testing"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func charted(diffs ...measure.Volume) []Charted {
	points := make([]Point, len(diffs))
	for i, d := range diffs {
		points[i] = Point{At: calendar.Instant(i + 1), Diff: d}
	}
	return Cusum(points, Limits{Slack: 500, Alarm: 5000})
}

func TestAlarmed(t *testing.T) {
	for name, tc := range map[string]struct {
		diffs []measure.Volume
		want  Excursion
		ok    bool
	}{
		"nothing":                           {nil, Excursion{}, false},
		"noise":                             {[]measure.Volume{400, -300, 500, -500}, Excursion{}, false},
		"at the limit":                      {[]measure.Volume{-3000, -3000}, Excursion{}, false},
		"beyond it":                         {[]measure.Volume{100, -3000, -3001}, Excursion{2, 3, -6001, 2}, true},
		"a surplus":                         {[]measure.Volume{0, 6000}, Excursion{2, 2, 6000, 1}, true},
		"it goes on":                        {[]measure.Volume{-3000, -3001, -3000}, Excursion{1, 2, -9001, 3}, true},
		"it is over":                        {[]measure.Volume{0, -6000, 3000, 3000}, Excursion{2, 2, -6000, 1}, true},
		"the latest of two":                 {[]measure.Volume{-6000, 9000, -300, 7000, -9000, -300}, Excursion{5, 5, -9300, 2}, true},
		"a sum within slack is no point of": {[]measure.Volume{-400, -6000}, Excursion{2, 2, -6000, 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := Alarmed(charted(tc.diffs...)); got != tc.want || ok != tc.ok {
				t.Errorf("got %+v, %t; want %+v, %t", got, ok, tc.want, tc.ok)
			}
		})
	}
}

// What a loss comes from is heavier than what it only passed through.
func TestWeightOfThoseWithHonestPointsIsLess(t *testing.T) {
	person, _ := Alarmed(charted(-3000, -3000, -3000, -3000))
	counter, _ := Alarmed(charted(-3000, 0, -3000, 0, -3000, 0, -3000))
	if person.Weight() <= counter.Weight() || counter.Weight() == 0 || (Excursion{}).Weight() != 0 {
		t.Errorf("person %d, counter %d", person.Weight(), counter.Weight())
	}
	surplus, _ := Alarmed(charted(3000, 3000, 3000, 3000))
	if surplus.Weight() != person.Weight() {
		t.Error("a surplus weighs otherwise than a loss")
	}
}
