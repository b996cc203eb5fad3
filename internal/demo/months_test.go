package demo

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// A month at one clinic, as often as it takes to say how soon the figures speak and how often they speak in vain: two
// windows, two people who change windows every day, lots of a dozen bottles. The physics make what the instruments show;
// what is shown goes through the book's own arithmetic, charts and limits.

const (
	monthDays  = 30
	faultDay   = 8 // the first day with the fault, counted from 0
	perWindow  = 105
	lotBottles = 12
)

// wrong is what is wrong in a month. The zero value is an honest one.
type wrong struct {
	step    float64 // the pump of the second window is off by this at once
	ramp    float64 // and by this more every day
	skim    float64 // the first person takes this part of what they pour
	dilute  float64 // this part of every bottle of the second lot is water
	byMarks bool    // bottles are counted by reading their marks, not by weight
}

// seen is the day on which something is named, and what.
type seen struct {
	day  int
	what string
}

// month is what the books hold of one month.
type month struct {
	r     *rand.Rand
	wrong wrong

	windows []*window
	lots    []lotOfMonth
	found   []stock.Variance
	named   []seen // each suspicion once, with its day
	at      calendar.Instant
}

type lotOfMonth struct {
	truth    float64
	believed measure.Density
	bottles  int // still sealed
}

// window is a counter with its bottle, as it is and as the book has it.
type window struct {
	*tap
	name  string
	flask flask
	lot   int
	book  measure.Volume
	runs  []drift.Run
	warn  map[string]drift.Chart
	off   bool // a chart has passed the limit
}

const (
	monthTare = 90 * measure.WeightGram
	warnAt    = drift.Percent * 6 / 10 // what the rule packs ship
)

func newMonth(seed uint64, w wrong) *month {
	m := &month{r: rand.New(rand.NewPCG(seed, 0x6d6f6e7468)), wrong: w, at: 1}
	for _, name := range []string{"counter 1", "counter 2"} {
		win := &window{tap: newTap(m.r), name: name, warn: map[string]drift.Chart{}}
		m.windows = append(m.windows, win)
		m.open(win)
	}
	return m
}

// open takes the next bottle into use: it is weighed, and the book takes what the scale says.
func (m *month) open(w *window) {
	if len(m.lots) == 0 || m.lots[len(m.lots)-1].bottles == 0 {
		truth := 1.060 + 0.010*m.r.Float64()
		m.lots = append(m.lots, lotOfMonth{truth, believed(m.r, truth), lotBottles})
	}
	w.lot = len(m.lots) - 1
	l := &m.lots[w.lot]
	l.bottles--
	w.flask = flask{1000 + 5*m.r.Float64(), l.truth}
	w.book = m.weighed(w)
	if m.wrong.dilute > 0 && w.lot == 1 {
		w.flask.dilute(m.wrong.dilute)
	}
	w.runs = append(w.runs, drift.Run{Lot: m.lotName(w.lot)})
}

func (m *month) lotName(i int) string { return fmt.Sprintf("lot %d", i+1) }

func (m *month) weighed(w *window) measure.Volume {
	v, err := reconcile.Weighed(w.weigh(&w.flask, monthTare), monthTare, m.lots[w.lot].believed)
	if err != nil {
		panic(err)
	}
	return v
}

// count is a blind count of a window's bottle by two people.
func (m *month) count(w *window, phase stock.Phase, person string) {
	one := func() measure.Volume {
		if m.wrong.byMarks {
			return measure.Volume(math.Round(w.flask.millilitres+2*m.r.NormFloat64())) * measure.Millilitre
		}
		return m.weighed(w)
	}
	a, b := one()-w.book, one()-w.book
	for !reconcile.Agree(a, b, stock.AgreeWithin) {
		a, b = one()-w.book, one()-w.book
	}
	diff := reconcile.Mean(a, b)
	m.at++
	m.found = append(m.found, stock.Variance{
		Count: stock.CountID(strconv.Itoa(int(m.at))), Phase: phase, Lot: stock.LotID(m.lotName(w.lot)), Station: w.name, Person: person,
		Diff: reconcile.Variance{Volume: diff}, Recorded: m.at,
	})
	w.book += diff
}

func (m *month) day(day int) {
	for i, w := range m.windows {
		person := []string{"person A", "person B"}[(day+i)%2]
		if day >= faultDay && i == 1 {
			w.tap.off = m.wrong.step + m.wrong.ramp*float64(day-faultDay+1)
		}
		if w.book < 990*measure.Millilitre { // the rest was counted last night and is wasted by that figure
			m.open(w)
		}
		m.count(w, stock.PhaseOpening, person)
		m.prime(w)
		poured := m.doses(w)
		w.drip(&w.flask)
		if day >= faultDay && person == "person A" {
			w.flask.millilitres -= m.wrong.skim * poured
		}
		m.count(w, stock.PhaseClosing, person)
	}
	m.look(day)
}

// prime draws two millilitres through the tube and books them.
func (m *month) prime(w *window) {
	w.flask.millilitres -= 2 + 0.05*m.r.NormFloat64()
	w.book -= 2 * measure.Millilitre
}

func (m *month) doses(w *window) (poured float64) {
	before := w.flask.millilitres
	run := &w.runs[len(w.runs)-1]
	for range perWindow {
		v := measure.Volume(2500+500*m.r.IntN(12)+500*m.r.IntN(8)) * measure.Microlitre
		if m.r.IntN(100) < 5 {
			continue // did not come
		}
		empty, full := w.pour(&w.flask, v)
		scale, err := m.lots[w.lot].believed.Volume(full - empty)
		if err != nil {
			panic(err)
		}
		w.book -= scale
		run.Samples = append(run.Samples, drift.Sample{Pump: v, Scale: scale})
		c := w.warn[run.Lot].Add(v, scale)
		w.warn[run.Lot] = c
		w.off = w.off || c.Level.Abs() > warnAt
	}
	return before - w.flask.millilitres
}

// setting is how the clinic keeps its book: the product's own, or a level that reading marks can hold.
func (m *month) setting() stock.Setting {
	set := stock.DefaultSetting
	if m.wrong.byMarks {
		set.Review.Volume = 60 * measure.Millilitre
	}
	return set
}

// look is what the pharmacist sees in the evening.
func (m *month) look(day int) {
	if all := stock.Suspects(m.found, m.setting().Chart()); len(all) > 0 {
		m.name(day, "count: "+all[0].Key)
	}
	for _, w := range m.windows {
		if !w.off {
			continue
		}
		s, ok := drift.Locate(w.runs, warnAt)
		if !ok {
			panic("a chart passed its limit, and nothing is found")
		}
		m.name(day, "dose: "+w.origin(s))
	}
}

func (w *window) origin(s drift.Shift) string {
	switch s.Origin {
	case drift.OfPump:
		return w.name
	case drift.OfLot:
		return w.runs[s.NoticedRun].Lot
	case drift.Undecided:
	}
	return "undecided"
}

func (m *month) name(day int, what string) {
	if !slices.ContainsFunc(m.named, func(s seen) bool { return s.what == what }) {
		m.named = append(m.named, seen{day, what})
	}
}

func lived(seed uint64, w wrong) *month {
	m := newMonth(seed, w)
	for day := range monthDays {
		m.day(day)
	}
	return m
}

// first is the day on which what was first named, counted from the day of the fault; ok is false when it never was.
func (m *month) first(what string) (day int, ok bool) {
	i := slices.IndexFunc(m.named, func(s seen) bool { return s.what == what })
	if i < 0 {
		return 0, false
	}
	return m.named[i].day, true
}

// last reports whether what is the last word of the month: the heaviest suspect of the counts, or what doses say in the end.
func (m *month) last(what string) bool {
	if key, ok := strings.CutPrefix(what, "count: "); ok {
		all := stock.Suspects(m.found, m.setting().Chart())
		return len(all) > 0 && all[0].Key == key
	}
	for _, w := range m.windows {
		if s, ok := drift.Locate(w.runs, warnAt); ok && "dose: "+w.origin(s) == what {
			return true
		}
	}
	return false
}

// row is one line of the table.
type row struct {
	label string
	wrong wrong
	what  string // the name that is right
	since int    // the day from which days are counted
	// Bounds that the test asserts: at least so many per cent found, half of the months within so many days, and so many
	// per cent named rightly in the end.
	found, within, last int
}

var rows = []row{
	{"pump +0.5 % at once", wrong{step: 0.005}, "dose: counter 2", faultDay, 60, 12, 60},
	{"pump +0.75 % at once", wrong{step: 0.0075}, "dose: counter 2", faultDay, 95, 2, 95},
	{"pump −1 % at once", wrong{step: -0.01}, "dose: counter 2", faultDay, 95, 1, 95},
	{"pump +1.5 % at once", wrong{step: 0.015}, "dose: counter 2", faultDay, 95, 1, 95},
	{"pump +0.05 % more every day", wrong{ramp: 0.0005}, "dose: counter 2", faultDay, 90, 14, 75},
	{"a person takes 0.25 %", wrong{skim: 0.0025}, "count: person A", faultDay, 95, 6, 95},
	{"a person takes 0.5 %", wrong{skim: 0.005}, "count: person A", faultDay, 95, 3, 95},
	{"a person takes 1 %", wrong{skim: 0.01}, "count: person A", faultDay, 95, 2, 95},
	{"a person takes 2 %", wrong{skim: 0.02}, "count: person A", faultDay, 95, 2, 95},
	{"a person takes 1 %, read by marks", wrong{skim: 0.01, byMarks: true}, "count: person A", faultDay, 90, 10, 90},
	{"a lot with 5 % water", wrong{dilute: 0.05}, "count: lot 2", -1, 90, 4, 85},
	{"a lot with 10 % water", wrong{dilute: 0.10}, "count: lot 2", -1, 95, 2, 95},
	{"a lot with 20 % water", wrong{dilute: 0.20}, "count: lot 2", -1, 95, 2, 95},
	{"a lot with 5 % water", wrong{dilute: 0.05}, "dose: lot 2", -1, 25, 22, 20},
	{"a lot with 10 % water", wrong{dilute: 0.10}, "dose: lot 2", -1, 90, 2, 90},
	{"a lot with 20 % water", wrong{dilute: 0.20}, "dose: lot 2", -1, 95, 1, 95},
}

// begins is the day on which the second lot was opened.
func (m *month) begins(r row) int {
	if r.since >= 0 {
		return r.since
	}
	return secondLot
}

// secondLot is the day on which a dozen bottles are used up by two windows.
const secondLot = 6

// How soon the figures speak, and how often in vain. LIEU_MONTHS asks for more seeds.
func TestManyMonths(t *testing.T) {
	seeds := 60
	if n, err := strconv.Atoi(os.Getenv("LIEU_MONTHS")); err == nil && n > 0 {
		seeds = n
	}
	honest(t, wrong{}, seeds*5, 0.04)
	honest(t, wrong{byMarks: true}, seeds, 0.1)
	for _, r := range rows {
		var days []int
		last := 0
		for seed := range seeds {
			m := lived(uint64(seed)+1, r.wrong) //nolint:gosec // not negative
			if day, ok := m.first(r.what); ok && day >= m.begins(r) {
				days = append(days, day-m.begins(r)+1)
			}
			if m.last(r.what) {
				last++
			}
		}
		slices.SortFunc(days, cmp.Compare)
		share := 100 * len(days) / seeds
		t.Logf("| %-35s | %-16s | %3d %% | %s | %s | %3d %% |", r.label, r.what, share, nth(days, seeds, 50), nth(days, seeds, 90), 100*last/seeds)
		if share < r.found || (r.found >= 50 && days[(len(days)-1)/2] > r.within) {
			t.Errorf("%s: %d %% found as %q, half within %s days; want %d %% and %d days", r.label, share, r.what, nth(days, seeds, 50), r.found, r.within)
		}
		if 100*last/seeds < r.last {
			t.Errorf("%s: the last word is right in %d %%, want %d %%", r.label, 100*last/seeds, r.last)
		}
	}
}

// nth is the day within which so many per cent of all months are found, or a dash.
func nth(days []int, of, percent int) string {
	i := (of*percent + 99) / 100
	if i > len(days) || i == 0 {
		return "  –"
	}
	return fmt.Sprintf("%3d", days[i-1])
}

func honest(t *testing.T, w wrong, seeds int, most float64) {
	t.Helper()
	alarms, counts := 0, map[string]int{}
	var extreme measure.Volume
	for seed := range seeds {
		m := lived(uint64(seed)+10_000, w) //nolint:gosec // not negative
		if len(m.named) > 0 {
			alarms++
		}
		for _, s := range m.named {
			counts[s.what[:5]]++
		}
		for _, v := range m.found {
			extreme = max(extreme, v.Diff.Volume.Abs())
		}
	}
	rate := float64(alarms) / float64(seeds)
	t.Logf("honest, by marks %t: %d of %d clinic-months with an alarm (%.3f); by kind %v; greatest difference %s", w.byMarks, alarms, seeds, rate, counts, extreme)
	if rate > most {
		t.Errorf("%.3f of the honest clinic-months gave an alarm; want at most %.3f", rate, most)
	}
}
