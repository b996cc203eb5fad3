package drift

import "github.com/lieu-clinic/lieu/pkg/measure"

// Sample is what pump and scale said of one dose.
type Sample struct{ Pump, Scale measure.Volume }

// Point is one dose on a control chart.
type Point struct {
	Deviation measure.Volume // scale less pump
	Share     Share          // of the dose
	Level     Share          // of the chart after it
}

// Follow returns a point for each sample, from where the chart stands on. Samples without a volume of the pump are left
// out of the chart and have a point of their own deviation.
func Follow(c Chart, samples []Sample) []Point {
	points := make([]Point, len(samples))
	for i, s := range samples {
		share, _ := Of(s.Pump, s.Scale)
		c = c.Add(s.Pump, s.Scale)
		points[i] = Point{Deviation: s.Scale - s.Pump, Share: share, Level: c.Level}
	}
	return points
}

// Limits are those of an individuals chart: what the pump's own unrest explains.
type Limits struct{ Lower, Centre, Upper Share }

// fewest is the least number of points from which limits are worth drawing.
const fewest = 8

// Individuals computes the limits of an individuals chart from the mean of the points and the mean of their moving range:
// centre ± 2.66 ranges. ok is false for fewer than eight points.
func Individuals(points []Point) (l Limits, ok bool) {
	if len(points) < fewest {
		return Limits{}, false
	}
	var sum, ranges int64
	for i, p := range points {
		sum += int64(p.Share)
		if i > 0 {
			ranges += int64((p.Share - points[i-1].Share).Abs())
		}
	}
	n := int64(len(points))
	centre := Share(divRound(sum, n))
	width := Share(divRound(266*ranges, 100*(n-1)))
	return Limits{centre - width, centre, centre + width}, true
}
