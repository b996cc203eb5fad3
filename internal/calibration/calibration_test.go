package calibration

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

const (
	mL   = measure.Millilitre
	gram = measure.WeightGram
)

// shot is a measured pour that arrived off by some microlitres, with a density at which 1 µL weighs 1 mg.
func shot(level int, ordered, arrived measure.Volume) Pour {
	return Pour{
		ID: PourID("p"), Kind: Shot, Level: level, Volume: ordered, Density: 1_000_000,
		PourState: PourState{
			State: Measured, Pump: ordered, PumpKnown: true, GrossBefore: 100 * gram, GrossAfter: 100*gram + measure.Weight(arrived)*1000,
			Division: 10 * measure.WeightMilligram, WeightKnown: true, Booked: arrived,
		},
	}
}

// good is a check that passes: each volume three times, exactly.
func good() Check {
	c := Check{ID: "c", Pump: "pump", Scale: "scale", Lot: "lot", Density: 1_000_000, Limits: DefaultLimits()}
	for i, w := range c.Limits.Weights {
		c.Weighings = append(c.Weighings, Weighing{Seq: i + 1, Nominal: w, Shown: w, Tolerance: c.Limits.Tolerance})
	}
	prime := shot(0, 3*mL, 2*mL)
	prime.Kind = Prime
	c.Pours = append(c.Pours, prime)
	for level, v := range c.Limits.Levels {
		for range c.Limits.Shots {
			c.Pours = append(c.Pours, shot(level, v, v))
		}
	}
	return c
}

// of replaces the shots of one level.
func of(level int, arrived ...measure.Volume) func(*Check) {
	return func(c *Check) {
		c.Pours = slices.DeleteFunc(c.Pours, func(p Pour) bool { return p.Kind == Shot && p.Level == level })
		for _, v := range arrived {
			c.Pours = append(c.Pours, shot(level, c.Limits.Levels[level], v))
		}
	}
}

func TestJudge(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Check)
		want []Fault
	}{
		"exact":                                   {func(*Check) {}, nil},
		"one per cent of bias":                    {of(1, 5050, 5050, 5050), nil},
		"a microlitre more than that":             {of(1, 5051, 5050, 5052), []Fault{BiasBeyond}},
		"too little":                              {of(1, 4949, 4949, 4949), []Fault{BiasBeyond}},
		"a spread of half a per cent":             {of(1, 4975, 5000, 5025), nil},
		"more than that":                          {of(1, 4974, 5000, 5026), []Fault{SpreadBeyond}},
		"bias and spread":                         {of(2, 20_000, 20_400, 20_800), []Fault{BiasBeyond, SpreadBeyond}},
		"as coarse as the scale at a millilitre":  {of(0, 990, 1000, 1010), nil},
		"coarser than the scale":                  {of(0, 988, 1000, 1012), []Fault{SpreadBeyond}},
		"a shot is missing":                       {of(2, 20_000, 20_000), []Fault{ShotsMissing}},
		"a level is missing":                      {of(0), []Fault{ShotsMissing}},
		"more shots than asked for":               {of(0, 1000, 1000, 1000, 1000), nil},
		"a scale that shows tenths proves little": {func(c *Check) { of(0, 970, 1000, 1030)(c); c.divide(100 * measure.WeightMilligram) }, []Fault{SpreadBeyond}},
		"no prime":                                {func(c *Check) { c.Pours = c.Pours[1:] }, []Fault{PrimeMissing}},
		"a prime that two people settled":         {func(c *Check) { c.Pours[0].State = Settled }, []Fault{PrimeMissing}},
		"a shot that two people settled":          {func(c *Check) { c.Pours[1].State = Settled }, []Fault{ShotsMissing}},
		"a shot that was not weighed":             {func(c *Check) { c.Pours[1].WeightKnown = false }, []Fault{Unweighed}},
		"a vessel that lost weight":               {func(c *Check) { c.Pours[1].GrossAfter = 99 * gram }, []Fault{Unweighed}},
		"a weight at its tolerance":               {func(c *Check) { c.Weighings[0].Shown += c.Limits.Tolerance }, nil},
		"a weight beyond it":                      {func(c *Check) { c.Weighings[0].Shown -= c.Limits.Tolerance + 1 }, []Fault{WeightsOff}},
		"the wrong weight first": {func(c *Check) {
			c.Weighings = append([]Weighing{{Nominal: 20 * gram, Shown: 200 * gram}}, c.Weighings...)
		}, nil},
		"the wrong weight last":    {func(c *Check) { c.Weighings = append(c.Weighings, Weighing{Nominal: 20 * gram, Shown: 200 * gram}) }, []Fault{WeightsOff}},
		"a weight is missing":      {func(c *Check) { c.Weighings = c.Weighings[:1] }, []Fault{WeightsMissing}},
		"nothing at all":           {func(c *Check) { c.Weighings, c.Pours = nil, nil }, []Fault{WeightsMissing, PrimeMissing, ShotsMissing}},
		"by hand, the scale alone": {func(c *Check) { c.Pump, c.Pours = "", nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			tc.edit(&c)
			f := Judge(c)
			if diff := cmp.Diff(append([]Fault{}, tc.want...), f.Faults); diff != "" || f.Passed() != (len(tc.want) == 0) {
				t.Errorf("faults (-want +got):\n%s%+v", diff, f)
			}
		})
	}
}

func (c *Check) divide(d measure.Weight) {
	for i := range c.Pours {
		c.Pours[i].Division = d
	}
}

func TestFigures(t *testing.T) {
	c := good()
	of(1, 4990, 5000, 5020)(&c)
	f := Judge(c)
	want := LevelFigures{
		Volume: 5000, Errors: []drift.Share{-2000, 0, 4000}, Mean: 667, Spread: 3055, BiasLimit: drift.Percent, SpreadLimit: drift.Percent / 2, Within: true,
	}
	if diff := cmp.Diff(want, f.Levels[1]); diff != "" {
		t.Errorf("level (-want +got):\n%s", diff)
	}
	if f.Levels[0].SpreadLimit != drift.Percent {
		t.Errorf("a millilitre may spread by %s, one step of the scale", f.Levels[0].SpreadLimit)
	}
}

// A check leads from its weights over the prime through every shot to its judgement, and each step is asked for once.
func TestNextLeadsToAGoodCheck(t *testing.T) {
	whole := good()
	c := Check{Pump: whole.Pump, Limits: whole.Limits}
	var kinds []StepKind
	for range 40 {
		next := c.Next()
		kinds = append(kinds, next.Kind)
		switch next.Kind {
		case StepWeigh:
			c.Weighings = append(c.Weighings, Weighing{Nominal: next.Nominal, Shown: next.Nominal})
		case StepPrime, StepShot:
			p := shot(next.Level, next.Volume, next.Volume)
			p.State, p.Kind = Reserved, Shot
			if next.Kind == StepPrime {
				p.Kind = Prime
			}
			c.Pours = append(c.Pours, p)
		case StepPour:
			c.Pours[len(c.Pours)-1].State = Measured
		case StepFinish:
			c.Result = &Result{Figures: Judge(c)}
		case StepDone, StepSettle:
		}
		if next.Kind == StepDone {
			break
		}
	}
	want := []StepKind{StepWeigh, StepWeigh, StepPrime, StepPour}
	for range 9 {
		want = append(want, StepShot, StepPour)
	}
	if diff := cmp.Diff(append(want, StepFinish, StepDone), kinds); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if !c.Result.Figures.Passed() {
		t.Errorf("figures %+v", c.Result.Figures)
	}
}

func TestNextWaitsForPeopleAndCounters(t *testing.T) {
	for state, want := range map[State]StepKind{
		Reserved: StepPour, Pouring: StepPour, Held: StepSettle, InDoubt: StepSettle, Settled: StepShot, Voided: StepShot, Measured: StepFinish,
	} {
		c := good()
		c.Pours[len(c.Pours)-1].State = state
		if next := c.Next(); next.Kind != want {
			t.Errorf("a last shot that is %s leads to %s, want %s", state, next.Kind, want)
		}
	}
	c := good()
	c.Weighings[1].Shown += gram
	if next := c.Next(); next.Kind != StepWeigh || next.Nominal != 200*gram {
		t.Errorf("a weight that was off leads to %+v", next)
	}
}

func TestLimits(t *testing.T) {
	if err := DefaultLimits().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Limits){
		"no volumes":           func(l *Limits) { l.Levels = nil },
		"volumes that fall":    func(l *Limits) { l.Levels = []measure.Volume{5000, 1000} },
		"a volume twice":       func(l *Limits) { l.Levels = []measure.Volume{5000, 5000} },
		"a volume of nothing":  func(l *Limits) { l.Levels = []measure.Volume{0, 1000} },
		"a bottle at once":     func(l *Limits) { l.Levels = []measure.Volume{101 * mL} },
		"six volumes":          func(l *Limits) { l.Levels = []measure.Volume{1, 2, 3, 4, 5, 6} },
		"two shots":            func(l *Limits) { l.Shots = 2 },
		"eleven shots":         func(l *Limits) { l.Shots = 11 },
		"no prime":             func(l *Limits) { l.Prime = 0 },
		"no bias":              func(l *Limits) { l.Bias = 0 },
		"a bias of everything": func(l *Limits) { l.Bias = 5*drift.Percent + 1 },
		"no spread":            func(l *Limits) { l.Spread = 0 },
		"a wide spread":        func(l *Limits) { l.Spread = 5*drift.Percent + 1 },
		"no weights":           func(l *Limits) { l.Weights = nil },
		"weights that fall":    func(l *Limits) { l.Weights = []measure.Weight{2, 1} },
		"no tolerance":         func(l *Limits) { l.Tolerance = 0 },
		"a gram and more":      func(l *Limits) { l.Tolerance = gram + 1 },
	} {
		l := DefaultLimits()
		edit(&l)
		if l.Validate() == nil {
			t.Errorf("accepted: %s", name)
		}
	}
	fitted := DefaultLimits().fit(equipment.Profile{MinDose: 2 * mL, MaxDose: 4*mL + 5, Resolution: 10})
	if diff := cmp.Diff([]measure.Volume{2 * mL, 4 * mL}, fitted.Levels); diff != "" || fitted.Prime != 3*mL {
		t.Errorf("levels for a small pump (-want +got):\n%s prime %s", diff, fitted.Prime)
	}
}

// Whatever a counter and two people say, in whatever order, a pour's moves leave nothing reserved or in doubt once it has
// ended, and on the account of purged liquid what the pour says of itself.
func TestPoursConserve(t *testing.T) {
	kinds := []PourStep{StepPouring, StepMeasured, StepInDoubt, StepHeld, StepVoided, StepSettled, StepEvidence}
	rapid.Check(t, func(t *rapid.T) {
		p := Pour{ID: "p", Clinic: "c", Bottle: "b", Lot: "l", Kind: Shot, Volume: 5 * mL, Density: 1_060_000, PourState: PourState{State: Reserved, Steps: 1}}
		book := stock.Balance{stock.InBottle: 95 * mL, stock.Reserved: 5 * mL, stock.Supplier: -100 * mL}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			kind := rapid.SampledFrom(kinds).Draw(t, "kind")
			_, possible := p.State.Next(kind)
			r := Report{Kind: kind, Outcome: outcome(t)}
			moved := measure.Volume(rapid.Int64Range(1, 9000).Draw(t, "moved"))
			if !possible {
				kind = StepEvidence
			}
			c := change(p, kind, actOf{}, 1)
			switch {
			case !possible:
				c.poured(p, r)
			case kind == StepSettled || (kind == StepVoided && p.State != Reserved):
				if kind == StepVoided {
					moved = 0
				}
				c.settled(p, moved)
			case kind == StepMeasured && absurd(r.Outcome):
				continue
			default:
				c.report(p, r)
			}
			for _, m := range c.Moves {
				book.Apply(&m)
			}
			if was := p.State; !was.Open() && c.Pour.State != was {
				t.Fatalf("%s became %s", was, c.Pour.State)
			}
			p = c.Pour
			if book.Sum() != 0 || book[stock.Purge] != p.Booked || book[stock.Purge] < 0 {
				t.Fatalf("%s, booked %s: %v", p.State, p.Booked, book)
			}
			if !p.State.Open() && (book[stock.Reserved] != 0 || book[stock.InDoubt] != 0) {
				t.Fatalf("%s: %v", p.State, book)
			}
			if p.State == InDoubt && book[stock.InDoubt]+p.Booked != p.Volume {
				t.Fatalf("in doubt with %s booked: %v", p.Booked, book)
			}
		}
	})
}

func outcome(t *rapid.T) stationlog.Outcome {
	return stationlog.Outcome{
		Pump: measure.Volume(rapid.Int64Range(0, 9000).Draw(t, "pump")), PumpKnown: rapid.Bool().Draw(t, "pump known"),
		GrossBefore: 100 * gram, GrossAfter: 100*gram + measure.Weight(rapid.Int64Range(-1000, 9_000_000).Draw(t, "weight")),
		WeightKnown: rapid.Bool().Draw(t, "weight known"),
	}
}

func TestStandingCounts(t *testing.T) {
	good := Standing{State: Passed, Day: 7, Lot: "lot", Pump: "pump", Scale: "scale"}
	for name, tc := range map[string]struct {
		edit   func(*Standing)
		lot    stock.LotID
		device equipment.DeviceID
		want   bool
	}{
		"the pump":                  {nil, "lot", "pump", true},
		"the scale":                 {nil, "lot", "scale", true},
		"the pump with another lot": {nil, "other", "pump", false},
		"the scale with any lot":    {nil, "other", "scale", true},
		"another pump":              {nil, "lot", "new", false},
		"yesterday":                 {func(s *Standing) { s.Day-- }, "lot", "pump", false},
		"open":                      {func(s *Standing) { s.State = Open }, "lot", "pump", false},
		"failed":                    {func(s *Standing) { s.State = Failed }, "lot", "scale", false},
		"void":                      {func(s *Standing) { s.State = Void }, "lot", "scale", false},
		"never":                     {func(s *Standing) { *s = Standing{} }, "", "", false},
	} {
		s := good
		if tc.edit != nil {
			tc.edit(&s)
		}
		if got := s.Counts(7, tc.lot, tc.device); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// The table of transitions leads nowhere twice: no state is reached from itself, and what has ended stays.
func TestPourStates(t *testing.T) {
	for _, s := range States {
		for _, kind := range []PourStep{StepReserved, StepPouring, StepMeasured, StepInDoubt, StepHeld, StepVoided, StepSettled} {
			to, ok := s.Next(kind)
			if ok && (!s.Open() || to == s) {
				t.Errorf("%s leads from %s to %s", kind, s, to)
			}
		}
		if to, ok := s.Next(StepEvidence); !ok || to != s {
			t.Errorf("evidence leads from %s to %s", s, to)
		}
	}
	if _, ok := State("").Next(StepEvidence); ok {
		t.Error("evidence of nothing")
	}
}
