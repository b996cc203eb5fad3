package drift

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// run draws doses of a lot that are off by a part.
func (s series) run(lot string, n int, off float64) Run {
	r := Run{Lot: lot}
	for range n {
		pump, scale := s.dose(off)
		r.Samples = append(r.Samples, Sample{pump, scale})
	}
	return r
}

func TestLocateTellsThePumpFromTheLot(t *testing.T) {
	const off = 0.009
	for name, tc := range map[string]struct {
		runs    func(s series) []Run
		found   bool
		run     int
		origin  Origin
		certain bool
	}{
		"honest": {runs: func(s series) []Run { return []Run{s.run("A", 400, 0), s.run("B", 400, 0.002)} }},
		"a pump in the middle of a lot": {
			func(s series) []Run { return []Run{s.run("A", 400, 0), s.run("B", 200, 0), s.run("B", 100, off)} }, true, 2, OfPump, false,
		},
		"a pump, and the next lot shows it too": {
			func(s series) []Run { return []Run{s.run("A", 200, 0), s.run("A", 100, off), s.run("B", 100, off)} }, true, 1, OfPump, true,
		},
		"a lot from its first dose on": {
			func(s series) []Run { return []Run{s.run("A", 400, 0), s.run("B", 100, -off)} }, true, 1, OfLot, false,
		},
		"a lot, and the next one is right again": {
			func(s series) []Run { return []Run{s.run("A", 400, 0), s.run("B", 100, -off), s.run("C", 100, 0)} }, true, 1, OfLot, true,
		},
		"a pump that went off with a new lot, which the next one shows": {
			func(s series) []Run { return []Run{s.run("A", 400, 0), s.run("B", 100, off), s.run("C", 100, off)} }, true, 1, OfPump, true,
		},
		"a few doses of the next lot say nothing yet": {
			func(s series) []Run { return []Run{s.run("A", 400, 0), s.run("B", 100, off), s.run("C", 5, 0)} }, true, 1, OfLot, false,
		},
		"the first lot there is": {
			func(s series) []Run { return []Run{s.run("A", 100, off)} }, true, 0, Undecided, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(40) {
				runs := tc.runs(series{rand.New(rand.NewPCG(seed, 7)), 0.003})
				got, ok := Locate(runs, warn)
				if ok != tc.found || got.Origin != tc.origin || got.Certain != tc.certain {
					t.Fatalf("seed %d: %+v, %t", seed, got, ok)
				}
				if ok && (abs(at(runs, got.Run, got.Dose)-at(runs, tc.run, 0)) > 15 || (got.Mean.Abs()-9000).Abs() > 1000) {
					t.Fatalf("seed %d: began at dose %d of run %d with a mean of %s", seed, got.Dose, got.Run, got.Mean)
				}
			}
		})
	}
}

// at counts doses from the first.
func at(runs []Run, run, dose int) int {
	for _, r := range runs[:run] {
		dose += len(r.Samples)
	}
	return dose
}

func abs(n int) int { return max(n, -n) }

// Whatever the doses, a shift begins before it is noticed, and is noticed where a chart passes the limit.
func TestLocateStaysInItsDoses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var runs []Run
		for range rapid.IntRange(0, 4).Draw(t, "runs") {
			r := Run{Lot: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "lot")}
			for range rapid.IntRange(0, 40).Draw(t, "doses") {
				pump := rapid.Int64Range(-5, 30_000).Draw(t, "pump")
				r.Samples = append(r.Samples, Sample{measure.Volume(pump), measure.Volume(pump + pump*rapid.Int64Range(-30, 30).Draw(t, "off")/1000)})
			}
			runs = append(runs, r)
		}
		passed := false
		charts := map[string]Chart{}
		for _, r := range runs {
			for _, x := range r.Samples {
				charts[r.Lot] = charts[r.Lot].Add(x.Pump, x.Scale)
				passed = passed || charts[r.Lot].Level.Abs() > warn
			}
		}
		s, ok := Locate(runs, warn)
		if ok != passed {
			t.Fatalf("found %t, passed %t", ok, passed)
		}
		if ok && at(runs, s.Run, s.Dose) > at(runs, s.NoticedRun, s.NoticedDose) {
			t.Fatalf("%+v", s)
		}
	})
}
