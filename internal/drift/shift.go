package drift

// Run is a stretch of doses of one lot at one pump, in the order in which they were poured.
type Run struct {
	Lot     string
	Samples []Sample
}

// Origin is what a shift comes from, as far as the doses of one pump can tell.
type Origin string

// The origins. A pump that goes off stays off with the next lot; a liquid that is not what its lot's density says goes
// with the lot. Before there is a next lot, a shift that begins with a lot is the lot's, and one in the middle is the
// pump's or that of the bottle: then the weights of the bottles decide.
const (
	OfPump    Origin = "pump"
	OfLot     Origin = "lot"
	Undecided Origin = "undecided"
)

// Shift is where pump and scale went apart. Run and Dose are indices.
type Shift struct {
	Run, Dose   int // the dose with which it began
	NoticedRun  int // the dose at which the running mean passed the limit
	NoticedDose int
	Mean        Share // of the doses from its beginning on, in the runs whose lot shows it
	Origin      Origin
	Certain     bool // a later lot has shown which
}

// enough is how many doses of a lot say where its mean stands, to about a tenth of a per cent.
const enough = 20

// Locate looks at the doses of one pump, lot after lot, for the first time that the running mean of a lot passes warn, and
// then for the dose with which that began and for what it comes from. ok is false when it never passes.
func Locate(runs []Run, warn Share) (s Shift, ok bool) {
	charts := map[string]Chart{}
	for i, r := range runs {
		for j, x := range r.Samples {
			c := charts[r.Lot].Add(x.Pump, x.Scale)
			charts[r.Lot] = c
			if c.Level.Abs() > warn {
				sign := Share(1)
				if c.Level < 0 {
					sign = -1
				}
				return diagnose(runs, Shift{NoticedRun: i, NoticedDose: j}, sign, warn/2), true
			}
		}
	}
	return Shift{}, false
}

// diagnose finds where a noticed shift began: where the cumulative sum of what is beyond half of the limit last left zero.
func diagnose(runs []Run, s Shift, sign, half Share) Shift {
	var sum int64
	for i, r := range runs[:s.NoticedRun+1] {
		for j, x := range r.Samples {
			if i == s.NoticedRun && j > s.NoticedDose {
				break
			}
			was := sum
			if sum = max(0, sum+pull(x, sign, half)); was == 0 && sum > 0 {
				s.Run, s.Dose = i, j
			}
		}
	}
	s.Origin = originOf(runs, &s, sign, half)
	s.Mean = meanOf(showing(runs, s))
	return s
}

// pull is how far one dose is beyond half of the limit, heavier for a large dose.
func pull(x Sample, sign, half Share) int64 {
	share, ok := Of(x.Pump, x.Scale)
	if !ok {
		return 0
	}
	return int64(sign*min(max(share, -Clip), Clip)-half) * int64(weight(x.Pump))
}

func originOf(runs []Run, s *Shift, sign, half Share) Origin {
	lot := runs[s.NoticedRun].Lot
	for _, r := range runs[s.NoticedRun+1:] {
		if r.Lot == lot || len(r.Samples) < enough {
			continue
		}
		s.Certain = true
		if sign*meanOf(r.Samples) < half {
			return OfLot
		}
		return OfPump
	}
	first := s.NoticedRun
	for first > 0 && runs[first-1].Lot == lot {
		first--
	}
	began := s.Run < first || s.Run == first && s.Dose < enough
	switch {
	case began && first == 0:
		return Undecided
	case began:
		return OfLot
	}
	return OfPump
}

// showing are the doses since a shift began that are its own: those of its lot, or all when it is the pump's.
func showing(runs []Run, s Shift) (out []Sample) {
	for i, r := range runs[s.Run:] {
		samples := r.Samples
		if i == 0 {
			samples = samples[s.Dose:]
		}
		if s.Origin == OfPump || r.Lot == runs[s.NoticedRun].Lot {
			out = append(out, samples...)
		}
	}
	return out
}

// meanOf is the mean of samples by volume: all that the scale saw beyond what the pump said, as a part of that.
func meanOf(samples []Sample) Share {
	var off, pumped int64
	for _, x := range samples {
		if _, ok := Of(x.Pump, x.Scale); ok {
			off, pumped = off+int64(x.Scale-x.Pump), pumped+int64(x.Pump)
		}
	}
	if pumped == 0 {
		return 0
	}
	return Share(divRound(off*int64(100*Percent), pumped))
}
