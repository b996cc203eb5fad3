package drift

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

const mL = measure.Millilitre

func TestOf(t *testing.T) {
	for name, tc := range map[string]struct {
		pump, scale measure.Volume
		want        Share
		ok          bool
	}{
		"no difference":            {6000, 6000, 0, true},
		"one per cent more":        {6000, 6060, Percent, true},
		"one per cent less":        {6000, 5940, -Percent, true},
		"rounded away from zero":   {3_000_000, 3_000_001, 0, true},
		"half a millionth":         {2_000_000, 2_000_001, 1, true},
		"half a millionth less":    {2_000_000, 1_999_999, -1, true},
		"nothing arrived":          {6000, 0, -100 * Percent, true},
		"the pump said nothing":    {0, 6000, 0, false},
		"the pump counted back":    {-1, 6000, 0, false},
		"the largest that counts":  {10_000_000, 10_000_000, 0, true},
		"more than a pump moves":   {10_000_001, 6000, 0, false},
		"more than a scale weighs": {6000, 10_000_001, 0, false},
	} {
		if got, ok := Of(tc.pump, tc.scale); got != tc.want || ok != tc.ok {
			t.Errorf("%s: %d %t, want %d %t", name, got, ok, tc.want, tc.ok)
		}
	}
}

func TestShareText(t *testing.T) {
	for s, want := range map[Share]string{
		0: "0.00 %", Percent: "1.00 %", -4200: "-0.42 %", 49: "0.00 %", 50: "0.01 %", -50: "-0.01 %", 123_456: "12.35 %",
	} {
		if got := s.String(); got != want {
			t.Errorf("%d prints %q, want %q", int64(s), got, want)
		}
	}
	if got := Share(-4200).Format(measure.Vietnamese); got != "-0,42 %" {
		t.Errorf("Vietnamese: %q", got)
	}
	for text, want := range map[string]Share{"0.5 %": 5000, "0.5": 5000, "1 %": Percent, "12.3456%": 123_456, "0": 0, "1000": 1000 * Percent} {
		if got, err := ParseShare(text, measure.English); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", ".5", "0.", "0.12345", "-1", "+1", "1,5", "1e2", "1000.0001", "9999999", "½", "0x1", "1 1"} {
		if got, err := ParseShare(text, measure.English); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
	if got, err := ParseShare("0,5 %", measure.Vietnamese); err != nil || got != 5000 {
		t.Errorf("Vietnamese: %d, %v", got, err)
	}
}

func FuzzParseShare(f *testing.F) {
	for _, seed := range []string{"0.5 %", "1", "12.3456 %", "-1", "1e3", "", "%%", "0.00001"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseShare(text, measure.English)
		if err != nil {
			return
		}
		if s < 0 || s > most {
			t.Fatalf("%q is %d", text, s)
		}
		again, err := ParseShare(fmt.Sprintf("%d.%04d", s/Percent, s%Percent), measure.English)
		if err != nil || again != s {
			t.Fatalf("%q is %d, and written again %d, %v", text, s, again, err)
		}
	})
}

// One bubble is an accident; the same error dose after dose is the pump's.
func TestABubbleIsNoDrift(t *testing.T) {
	var c Chart
	for range 30 {
		c = c.Add(6*mL, 6*mL+3)
	}
	before := c.Level
	c = c.Add(6*mL, 3*mL) // half of the dose was air
	if fell := before - c.Level; fell > Percent/4 || fell <= 0 {
		t.Errorf("one bubble moved the mean by %s", fell)
	}
	for range 20 {
		c = c.Add(6*mL, 6*mL-90)
	}
	if c.Level > -Percent {
		t.Errorf("an error of 1.5 %% in twenty doses stands at %s", c.Level)
	}
}

func TestSmallDosesSayLess(t *testing.T) {
	small, large := Chart{}.Add(mL, mL+10).Level, Chart{}.Add(10*mL, 10*mL+100).Level
	if small <= 0 || small >= large/2 {
		t.Errorf("one millilitre moved the mean by %s, ten by %s", small, large)
	}
	if got := (Chart{}).Add(1, 2); got.N != 1 || got.Level != 0 {
		t.Errorf("a microlitre: %+v", got)
	}
	if got := (Chart{N: 3, Level: 5}).Add(0, 6000); got != (Chart{N: 3, Level: 5}) {
		t.Errorf("a dose without the pump's word: %+v", got)
	}
}

// Whatever the samples, the mean stays between them, the peak is never below it, and no sample moves it by more than a
// tenth of the way.
func TestChartStaysAmongItsSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c Chart
		var low, high Share
		for range rapid.IntRange(1, 80).Draw(t, "doses") {
			pump := measure.Volume(rapid.Int64Range(-10, 12_000_000).Draw(t, "pump"))
			scale := measure.Volume(rapid.Int64Range(-20_000, 12_000_000).Draw(t, "scale"))
			was := c
			c = c.Add(pump, scale)
			x, ok := Of(pump, scale)
			if !ok {
				if c != was {
					t.Fatalf("%d and %d changed the chart", pump, scale)
				}
				continue
			}
			x = min(max(x, -Clip), Clip)
			low, high = min(low, x), max(high, x)
			if c.Level < low || c.Level > high || c.Peak < c.Level.Abs() || c.Peak < was.Peak || c.N != was.N+1 {
				t.Fatalf("%+v after %+v and %s", c, was, x)
			}
			if moved := (c.Level - was.Level).Abs(); moved > (x-was.Level).Abs()/10+1 {
				t.Fatalf("%s moved the mean from %s to %s", x, was.Level, c.Level)
			}
		}
	})
}

func TestIndividuals(t *testing.T) {
	if _, ok := Individuals(Follow(Chart{}, make([]Sample, 7))); ok {
		t.Error("limits of seven points")
	}
	var samples []Sample
	for i := range 8 {
		samples = append(samples, Sample{6000, 6000 + measure.Volume(6*(i%2))}) // 0 and 0.1 % in turn
	}
	points := Follow(Chart{}, samples)
	l, ok := Individuals(points)
	if want := (Limits{500 - 2660, 500, 500 + 2660}); !ok || l != want {
		t.Errorf("limits %+v, want %+v", l, want)
	}
	if points[1].Deviation != 6 || points[1].Share != 1000 || points[1].Level <= 0 {
		t.Errorf("point %+v", points[1])
	}
}

// warn and stop are the values that the rule packs ship.
const (
	warn = Percent * 6 / 10
	stop = Percent
)

// series is what a clinic's doses look like to the chart: from 2 to 15 mL, a pump with a relative error of its own in
// every dose, and a balance that shows 0.01 g before and after.
type series struct {
	*rand.Rand
	spread float64 // relative standard deviation of the pump
}

func (s series) dose(bias float64) (pump, scale measure.Volume) {
	const density, shown = 1.06, 10.0 // g/mL, mg
	pump = measure.Volume(2000 + 10*s.IntN(1301))
	liquid := float64(pump) * (1 + bias + s.spread*s.NormFloat64()) * density // mg
	empty := 3000 + 50*s.Float64()
	show := func(mg float64) float64 { return math.Round(mg/shown) * shown }
	return pump, measure.Volume(math.Round((show(empty+liquid) - show(empty)) / density))
}

// A pump that goes one per cent off is noticed within twenty doses, mostly ten, and stopped soon when it goes further; honest pumps
// are left alone. The rates are printed.
func TestRates(t *testing.T) {
	const runs, honestDoses = 4000, 1500
	for _, spread := range []float64{0.002, 0.003, 0.005} {
		random := series{rand.New(rand.NewPCG(20261125, uint64(spread*1e4))), spread}
		warned, stopped := 0, 0
		for range runs / 10 {
			var c Chart
			for range honestDoses {
				c = c.Add(random.dose(0.002 * (2*random.Float64() - 1)))
			}
			if c.Peak > warn {
				warned++
			}
			if c.Peak > stop {
				stopped++
			}
		}
		t.Logf("honest, spread %.1f %%: %d of %d series of %d doses proposed a recalibration (%.2f per 10 000 doses), %d stopped",
			100*spread, warned, runs/10, honestDoses, float64(warned)/(runs/10*honestDoses)*1e4, stopped)
		if stopped > 0 || warned > runs/10/10 {
			t.Errorf("spread %.1f %%: %d honest series proposed a recalibration and %d stopped", 100*spread, warned, stopped)
		}
		for _, drift := range []float64{0.01, -0.01, 0.015, 0.02} {
			first, second := delays(random, drift, runs)
			t.Logf("%+.1f %% at once, spread %.1f %%: proposes after %d doses (half), %d (99 of 100); stops after %d (half), %d (99 of 100)",
				100*drift, 100*spread, first[runs/2], first[runs*99/100], second[runs/2], second[runs*99/100])
			if first[runs*99/100] > 20 {
				t.Errorf("%+.1f %% was noticed after %d doses", 100*drift, first[runs*99/100])
			}
			if math.Abs(drift) >= 0.015 && second[runs*99/100] > 20 {
				t.Errorf("%+.1f %% stopped after %d doses", 100*drift, second[runs*99/100])
			}
		}
	}
}

// delays returns, sorted, how many doses after a step of the pump each limit was passed; an honest morning came before.
func delays(random series, step float64, runs int) (first, second []int) {
	const never = 400
	for range runs {
		var c Chart
		for range 100 {
			c = c.Add(random.dose(0))
		}
		c.Peak = c.Level.Abs()
		warned, stopped := never, never
		for n := 1; n < never && stopped == never; n++ {
			c = c.Add(random.dose(step))
			if c.Level.Abs() > warn {
				warned = min(warned, n)
			}
			if c.Peak > stop {
				stopped = n
			}
		}
		first, second = append(first, warned), append(second, stopped)
	}
	slices.Sort(first)
	slices.Sort(second)
	return first, second
}
