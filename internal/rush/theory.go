package rush

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// ErlangC is the chance that somebody who comes to M/M/c finds every window taken; a is the offered work, rate times
// service, below the number of windows.
func ErlangC(windows int, a float64) float64 {
	b := 1.0 // Erlang B, by its recursion over the windows
	for k := 1; k <= windows; k++ {
		b = a * b / (float64(k) + a*b)
	}
	return b / (1 - a/float64(windows)*(1-b))
}

// ErlangWait is the mean wait in the line of M/M/c, in seconds: rate arrivals a second, each taking service seconds.
func ErlangWait(windows int, rate, service float64) float64 {
	a := rate * service
	return ErlangC(windows, a) * service / (float64(windows) - a)
}

// PollaczekKhinchine is the mean wait in the line of M/G/1, in seconds; second is the second moment of the service.
func PollaczekKhinchine(rate, service, second float64) float64 {
	return rate * second / (2 * (1 - rate*service))
}

// Comparison is a simulated figure beside the one that theory has.
type Comparison struct {
	System    string // as queueing theory writes it
	Figure    string
	Load      float64
	Simulated Estimate
	Theory    float64
}

// Of a long run: how many patients are left out at its beginning, and how many batches the rest is divided into. The means
// of long batches are nearly independent, which single waits are not.
const (
	warmUp  = 10 // percent
	batches = 30
)

// steady is a long run with arrivals at random, so that theory can be asked.
type steady struct {
	windows, people int
	rate            float64 // per second
	law             Law
	seed            uint64
}

// run returns the batch means of the wait in the line, in seconds, and of the share of those who waited at all.
func (s steady) run(ctx context.Context) (wait, waited Estimate, err error) {
	r := rand.New(rand.NewPCG(s.seed, ^uint64(stream))) //nolint:gosec // a model, not a secret
	p := Plan{Windows: s.windows, People: make([]Person, s.people)}
	at := 0.0
	for i := range p.People {
		at += r.ExpFloat64() / s.rate
		p.People[i] = Person{Arrives: micro(at * float64(time.Second)), Service: s.law.Draw(r)}
	}
	visits, err := p.Run(ctx, NewLine(p))
	if err != nil {
		return Estimate{}, Estimate{}, err
	}
	visits = visits[len(visits)*warmUp/100:]
	size := len(visits) / batches
	var waits, shares []float64
	for i := range batches {
		var sum time.Duration
		n := 0
		for _, v := range visits[i*size : (i+1)*size] {
			sum += v.Queued()
			if v.Queued() > 0 {
				n++
			}
		}
		waits, shares = append(waits, sum.Seconds()/float64(size)), append(shares, float64(n)/float64(size))
	}
	return estimate(waits), estimate(shares), nil
}

// Bounds of the load at which the model is held against theory: nearer to 1 a run of any length says little.
const (
	leastLoad = 0.30
	mostLoad  = 0.85
)

// steadyPeople is how many patients a run against theory has.
const steadyPeople = 200_000

// Against holds the model against theory at the setting's windows, service and load, the load kept between bounds: M/M/c by
// Erlang C, M/D/1 and M/G/1 by Pollaczek and Khinchine. For other services at several windows there is no closed form.
func (s Setting) Against(ctx context.Context) ([]Comparison, error) {
	load := min(max(s.Load(), leastLoad), mostLoad)
	service := s.Service.Seconds()
	many := steady{
		windows: s.Windows, people: steadyPeople, rate: load * float64(s.Windows) / service, law: NewLaw(s.Service, 100), seed: s.Seed,
	}
	wait, waited, err := many.run(ctx)
	if err != nil {
		return nil, err
	}
	system := fmt.Sprintf("M/M/%d", s.Windows)
	out := []Comparison{
		{system, "wait", load, wait, ErlangWait(s.Windows, many.rate, service)},
		{system, "waited", load, waited, ErlangC(s.Windows, load*float64(s.Windows))},
	}
	laws := []struct {
		system string
		spread int
	}{{"M/D/1", 0}, {"M/G/1", s.Spread}}
	if s.Spread == 0 {
		laws = laws[:1]
	}
	for _, l := range laws {
		one := steady{windows: 1, people: steadyPeople, rate: load / service, law: NewLaw(s.Service, l.spread), seed: s.Seed + 1}
		wait, _, err := one.run(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, Comparison{l.system, "wait", load, wait, PollaczekKhinchine(one.rate, service, one.law.Second())})
	}
	return out, nil
}
