package rush

import (
	"context"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestFormulas holds the formulas against values from the literature and against each other.
func TestFormulas(t *testing.T) {
	for _, row := range []struct {
		windows int
		a, want float64
	}{
		{1, 0.5, 0.5},               // of M/M/1 the load itself
		{2, 1, 1.0 / 3},             // 2ρ²/(1+ρ) with ρ = ½
		{2, 1.6, 2 * 0.64 / 1.8},    // the same with ρ = 0.8
		{3, 2, 4.0 / 9},             // by hand from the definition
		{10, 8, 0.4091802714},       // by the sum of the definition
		{1, 0.999999, 0.999999},     // near saturation
		{4, 0.0001, 4.16636106e-18}, // nearly nobody: a⁴/4! · 1/(1−a/4) · e⁻ᵃ
	} {
		got := ErlangC(row.windows, row.a)
		if math.Abs(got-row.want) > 1e-4*row.want {
			t.Errorf("C(%d, %g) = %g, want %g", row.windows, row.a, got, row.want)
		}
	}
	// Of one window both formulas are of M/M/1.
	if e, p := ErlangWait(1, 0.01, 75), PollaczekKhinchine(0.01, 75, 2*75*75); math.Abs(e-p) > 1e-9 || math.Abs(e-225) > 1e-9 {
		t.Errorf("M/M/1 waits %g s by Erlang, %g s by Pollaczek and Khinchine, want 225", e, p)
	}
	// A fixed service halves the wait.
	if d := PollaczekKhinchine(0.01, 75, 75*75); math.Abs(d-112.5) > 1e-9 {
		t.Errorf("M/D/1 waits %g s, want 112.5", d)
	}
}

// sure widens a 95 % interval to six standard errors: a right model leaves it once in hundreds of thousands of runs.
func (e Estimate) sure() Estimate { return Estimate{e.Mean, e.Half * 6 / student[batches-1]} }

func measured(t interface{ Fatal(...any) }, s steady) (wait, waited Estimate) {
	wait, waited, err := s.run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return wait.sure(), waited.sure()
}

// Whatever the windows and the load: exponential services wait as Erlang says, and as often.
func TestModelKeepsToErlangC(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		windows := rapid.IntRange(1, 6).Draw(r, "windows")
		load := rapid.Float64Range(0.3, 0.75).Draw(r, "load")
		service := time.Duration(rapid.IntRange(10, 300).Draw(r, "service")) * time.Second
		rate := load * float64(windows) / service.Seconds()
		wait, waited := measured(r, steady{windows, 20_000, rate, NewLaw(service, 100), rapid.Uint64().Draw(r, "seed")})
		if theory := ErlangWait(windows, rate, service.Seconds()); !wait.Within(theory) {
			r.Fatalf("%d windows at %.2f wait %+v s, theory %.2f s", windows, load, wait, theory)
		}
		if theory := ErlangC(windows, load*float64(windows)); !waited.Within(theory) {
			r.Fatalf("%d windows at %.2f: %+v waited, theory %.3f", windows, load, waited, theory)
		}
	})
}

// Whatever the law of the service: one window waits as Pollaczek and Khinchine say.
func TestModelKeepsToPollaczekKhinchine(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		load := rapid.Float64Range(0.3, 0.75).Draw(r, "load")
		law := NewLaw(time.Duration(rapid.IntRange(10, 300).Draw(r, "service"))*time.Second, rapid.IntRange(0, 130).Draw(r, "spread"))
		rate := load / law.mean.Seconds()
		wait, _ := measured(r, steady{1, 20_000, rate, law, rapid.Uint64().Draw(r, "seed")})
		if theory := PollaczekKhinchine(rate, law.mean.Seconds(), law.Second()); !wait.Within(theory) {
			r.Fatalf("load %.2f, %+v: wait %+v s, theory %.2f s", load, law, wait, theory)
		}
	})
}

// The comparison is sharp enough to tell a wrong model from a right one.
func TestComparisonNoticesAWrongModel(t *testing.T) {
	service := 75 * time.Second
	s := steady{2, 20_000, 2 * 0.7 / service.Seconds(), NewLaw(service, 100), 1}
	wait, _ := measured(t, s)
	for name, wrong := range map[string]float64{
		"a window more":          ErlangWait(3, s.rate, service.Seconds()),
		"two lines for one":      ErlangWait(1, s.rate/2, service.Seconds()),
		"five seconds of longer": ErlangWait(2, s.rate, service.Seconds()+5),
	} {
		if wait.Within(wrong) {
			t.Errorf("%s: %.1f s lies within %+v", name, wrong, wait)
		}
	}
	fixed := s
	fixed.windows, fixed.rate, fixed.law = 1, s.rate/2, NewLaw(service, 0)
	wait, _ = measured(t, fixed)
	if wrong := PollaczekKhinchine(fixed.rate, service.Seconds(), NewLaw(service, 60).Second()); wait.Within(wrong) {
		t.Errorf("a service that varies: %.1f s lies within %+v", wrong, wait)
	}
}

// The printed comparison of the usual setting holds at its printed 95 %; the seed is fixed, so this is no matter of luck.
func TestAgainst(t *testing.T) {
	all, err := usual.Against(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 {
		t.Fatalf("%d comparisons", len(all))
	}
	for _, c := range all {
		if c.Simulated.Half > 0.1*c.Simulated.Mean {
			t.Errorf("%s %s: %+v is too wide to say anything", c.System, c.Figure, c.Simulated)
		}
		if !c.Simulated.sure().Within(c.Theory) {
			t.Errorf("%s %s: %+v, theory %.3f", c.System, c.Figure, c.Simulated, c.Theory)
		}
	}
}
