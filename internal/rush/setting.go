package rush

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/flow"
)

// Arrivals is the shape in which patients come.
type Arrivals string

// The shapes.
const (
	Uniform Arrivals = "uniform" // at any time of the span
	Front   Arrivals = "front"   // a share of them in the first part of the span, the rest over what is left
	Booked  Arrivals = "booked"  // at times that were booked, evenly over the span, give or take the jitter
)

// Setting is what a morning is made of.
type Setting struct {
	Patients int
	Windows  int
	Arrivals Arrivals
	// Span is the time during which patients come, counted from the opening.
	Span time.Duration
	// Share is how many percent come within the first part, and First how long that is; for Front.
	Share int
	First time.Duration
	// Jitter is how far from the booked time a patient may come, before or after; for Booked.
	Jitter time.Duration
	// Service is how long a patient takes of a window, from the call to the end, on average. Spread is its standard
	// deviation in percent of that: 0 for always the same, 100 for exponential times.
	Service time.Duration
	Spread  int
	Seed    uint64
}

// Bounds of a Setting.
const (
	MaxPatients = 2000
	MaxWindows  = 12
	minSpan     = 15 * time.Minute
	maxSpan     = 12 * time.Hour
	minService  = 5 * time.Second
	maxService  = 30 * time.Minute
	maxSpread   = 200
	maxJitter   = 2 * time.Hour
)

// Validate says what about the setting is absurd.
func (s Setting) Validate() error {
	switch {
	case s.Patients < 1 || s.Patients > MaxPatients:
		return fmt.Errorf("%d patients: a morning has 1 to %d", s.Patients, MaxPatients)
	case s.Windows < 1 || s.Windows > MaxWindows:
		return fmt.Errorf("%d windows: a clinic has 1 to %d", s.Windows, MaxWindows)
	case !slices.Contains([]Arrivals{Uniform, Front, Booked}, s.Arrivals):
		return fmt.Errorf("arrivals %q: uniform, front or booked", s.Arrivals)
	case s.Span < minSpan || s.Span > maxSpan:
		return fmt.Errorf("a span of %s: patients come over %s to %s", s.Span, minSpan, maxSpan)
	case s.Service < minService || s.Service > maxService:
		return fmt.Errorf("a service of %s: a patient takes %s to %s", s.Service, minService, maxService)
	case s.Spread < 0 || s.Spread > maxSpread:
		return fmt.Errorf("a spread of %d %%: 0 to %d", s.Spread, maxSpread)
	case s.Arrivals == Front && (s.Share < 0 || s.Share > 100):
		return fmt.Errorf("a share of %d %%: 0 to 100", s.Share)
	case s.Arrivals == Front && (s.First <= 0 || s.First >= s.Span):
		return fmt.Errorf("a first part of %s: it is longer than nothing and shorter than the span of %s", s.First, s.Span)
	case s.Arrivals == Booked && (s.Jitter < 0 || s.Jitter > maxJitter):
		return fmt.Errorf("a jitter of %s: 0 to %s", s.Jitter, maxJitter)
	}
	return nil
}

// Load is how much of the windows' time the patients need over the span; from 1 on the line outlives the span.
func (s Setting) Load() float64 {
	return float64(s.Patients) * s.Service.Seconds() / (float64(s.Windows) * s.Span.Seconds())
}

// Person is one patient of a plan. Times are counted from the opening.
type Person struct {
	Arrives time.Duration
	// Slot is the beginning of the booked quarter hour, where Booked is set.
	Slot    time.Duration
	Booked  bool
	Service time.Duration
}

// Plan is a morning before anything of it happened. People are in the order of their arrival.
type Plan struct {
	Windows int
	People  []Person
}

// stream tells the random numbers of plans from those of the checks against theory.
const stream = 0x6d6f726e696e67

// Plan draws one morning. The same setting and number give the same morning.
func (s Setting) Plan(number uint64) Plan {
	r := rand.New(rand.NewPCG(s.Seed, stream+number)) //nolint:gosec // a model, not a secret
	p := Plan{Windows: s.Windows, People: make([]Person, s.Patients)}
	for i := range p.People {
		p.People[i] = s.arrival(r, i)
	}
	slices.SortStableFunc(p.People, func(a, b Person) int { return int(a.Arrives - b.Arrives) })
	law := NewLaw(s.Service, s.Spread)
	for i := range p.People {
		p.People[i].Service = law.Draw(r)
	}
	return p
}

func (s Setting) arrival(r *rand.Rand, i int) Person {
	within := func(from, to time.Duration) Person {
		return Person{Arrives: micro(float64(from) + r.Float64()*float64(to-from))}
	}
	switch s.Arrivals {
	case Front:
		if i < (s.Patients*s.Share+50)/100 {
			return within(0, s.First)
		}
		return within(s.First, s.Span)
	case Booked:
		at := s.Span * time.Duration(i) / time.Duration(s.Patients)
		p := within(at-s.Jitter, at+s.Jitter)
		p.Slot, p.Booked = at.Truncate(flow.QuarterHour), true
		return p
	case Uniform:
	}
	return within(0, s.Span)
}

// micro cuts to what the server's clock can tell apart.
func micro(ns float64) time.Duration { return time.Duration(ns).Truncate(time.Microsecond) }

// Law is the distribution of service times: a gamma distribution, which is a fixed time at a spread of 0 and an
// exponential one at 100.
type Law struct {
	mean  time.Duration
	cv    float64
	shape float64
}

// NewLaw returns the law with a mean and a standard deviation in percent of it.
func NewLaw(mean time.Duration, spread int) Law {
	cv := float64(spread) / 100
	return Law{mean: mean, cv: cv, shape: 1 / (cv * cv)}
}

// Second returns the second moment in square seconds.
func (l Law) Second() float64 {
	m := l.mean.Seconds()
	return m * m * (1 + l.cv*l.cv)
}

// Draw draws a time, at least a microsecond.
func (l Law) Draw(r *rand.Rand) time.Duration {
	if l.cv == 0 {
		return l.mean
	}
	return max(micro(float64(l.mean)/l.shape*gamma(r, l.shape)), time.Microsecond)
}

// gamma draws from the gamma distribution of scale 1.
//
// Marsaglia, Tsang: A simple method for generating gamma variables, ACM TOMS 26 (2000) 363–372.
func gamma(r *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(r, shape+1) * math.Pow(r.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v *= v * v
		if math.Log(1-r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
