package demo

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// A month at the clinics of the story through the services, with the physics beneath: orders, missed days, doses with
// signed records, primes and spills before witnesses, blind counts by two people morning and evening, differences written
// and sessions closed on every day.

// mischief is what is wrong at one clinic from a day on, counted from 0.
type mischief struct {
	from   int
	skim   float64 // "nurse" takes this part of what she pours
	ramp   float64 // the pump of the first window goes off by this every day
	dilute float64 // this part of every bottle of the second lot becomes water once it is opened
}

// life is a chapter with its physics.
type life struct {
	*chapter
	t        *testing.T
	r        *rand.Rand
	mischief mischief
	start    calendar.Day
	stock    *stock.Service
	checks   *calibration.Service
	clinics  *clinic.Service
	taps     map[*stall]*tap
	flasks   map[stock.BottleID]*flask
	truth    map[stock.LotID]float64
	spent    []stock.Bottle // opened, no longer under a pump, counted last night
	sessions map[*stall]stock.SessionID

	doses, spills, counts, again int
	first                        map[string]calendar.Day // when each was named first
}

func newLife(t *testing.T, ch *chapter, m mischief, start calendar.Day) *life {
	now := ch.clock.now
	clinics := clinic.NewService(ch.store.Clinics(), now)
	return &life{
		chapter: ch, t: t, r: ch.chance("life"), mischief: m, start: start, clinics: clinics,
		stock:  stock.NewService(ch.store.Stock(), clinics, now),
		checks: calibration.NewService(ch.store.Calibration(), clinics, now, calibration.Options{}),
		taps:   map[*stall]*tap{}, flasks: map[stock.BottleID]*flask{}, truth: map[stock.LotID]float64{},
		first: map[string]calendar.Day{}, sessions: map[*stall]stock.SessionID{},
	}
}

// begin sets the clinic up with lots of a dozen bottles that last for so many days.
func (l *life) begin(ctx context.Context, days int) error {
	if err := l.register(ctx, l.start); err != nil {
		return err
	}
	l.clock.at = l.local(l.start.AddDays(-1), 12*time.Hour)
	err := l.at(ctx, l.clinic.ID, func(d *desk) error {
		if err := l.stockProduct(ctx, d); err != nil {
			return err
		}
		litres := 2*len(l.site.windows) + len(l.files)*days*8/1000 + lotBottles
		for n := 0; n < litres; n += lotBottles {
			lot, err := l.newLot(ctx, d, l.start.AddDays(400+n))
			if err != nil {
				return err
			}
			l.truth[lot.ID] = float64(lot.Density) / 1e6 * (1 + 0.0007*l.r.NormFloat64())
			bottles, err := l.receive(ctx, d, lot, lotBottles)
			if err != nil {
				return err
			}
			l.shelf.sealed = append(l.shelf.sealed, bottles...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := l.furnish(ctx, l.start); err != nil {
		return err
	}
	for _, s := range l.stalls {
		l.taps[s] = newTap(l.r)
	}
	return nil
}

func (l *life) nth(day calendar.Day) int { return day.Sub(l.start) }

// nurse is whose window it is on a day: they change every day.
func (l *life) nurse(s *stall, day calendar.Day) staff.Member {
	i := slices.Index(l.stalls, s)
	return l.team[[]string{"nurse", "nurse2"}[(l.nth(day)+i)%2]]
}

func (l *life) wrongNow(day calendar.Day) bool { return l.nth(day) >= l.mischief.from }

// live is one whole day.
func (l *life) live(ctx context.Context, day calendar.Day) error {
	l.clock.at = l.local(day, opening-time.Hour)
	visits := map[*stall][]visit{}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"morning", func() error {
			return l.at(ctx, l.clinic.ID, func(d *desk) error { return l.wake(ctx, d, day) })
		}},
		{"opening counts", func() error { return l.countAll(ctx, day, stock.PhaseOpening) }},
		{"doses", func() error {
			for i, v := range l.visits(day) {
				s := l.stalls[i%len(l.stalls)]
				visits[s] = append(visits[s], v)
			}
			return l.at(ctx, l.clinic.ID, func(d *desk) error { return l.serve(ctx, d, day, visits) })
		}},
		{"closing counts", func() error { return l.countAll(ctx, day, stock.PhaseClosing) }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	l.look(ctx, day)
	return nil
}

// wake is what comes before the windows open: orders, the rests of yesterday's bottles, bottles, devices.
func (l *life) wake(ctx context.Context, d *desk, day calendar.Day) error {
	for _, step := range []func(context.Context, *desk, calendar.Day) error{l.admit, l.renew, l.hold} {
		if err := step(ctx, d, day); err != nil {
			return err
		}
	}
	for _, b := range l.spent {
		if err := l.finish(ctx, d, b, b.Balance[stock.InBottle]); err != nil {
			return fmt.Errorf("rest of bottle %s: %w", b.Code, err)
		}
	}
	l.spent = nil
	for i, s := range l.stalls {
		if l.mischief.ramp != 0 && i == 0 && l.wrongNow(day) {
			l.taps[s].off = l.mischief.ramp * float64(l.nth(day)-l.mischief.from+1)
		}
		if err := l.supplied(ctx, d, s, 300*measure.Millilitre); err != nil {
			return err
		}
		for _, kind := range []string{"scale", "pump", "scanner"} {
			if err := l.say(ctx, d, s, stationlog.KindDevice, stationlog.Device{Kind: kind, State: "ready"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// supplied puts the next bottle under the pump when the book says that less than need is left. The one before stands in
// the cabinet until it has been counted.
func (l *life) supplied(ctx context.Context, d *desk, s *stall, need measure.Volume) error {
	if s.Bottle != "" && s.left >= need {
		return nil
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	if s.Bottle != "" {
		l.spent = append(l.spent, s.bottle)
	}
	next := l.shelf.sealed[0]
	l.shelf.sealed = l.shelf.sealed[1:]
	f := &flask{1000 + 5*l.r.Float64(), l.truth[next.Lot]}
	opened, err := d.stock.Open(ctx, stock.BottleOpening{
		Act: l.act("Chai kế tiếp trên kệ"), Bottle: next.ID, Reading: stock.Reading{Gross: l.taps[s].weigh(f, bottleTare)},
	})
	if err != nil {
		return err
	}
	l.flasks[next.ID] = f
	if l.mischief.dilute > 0 && next.Lot == l.shelf.lots[1].ID {
		f.dilute(l.mischief.dilute)
	}
	l.wait(time.Minute)
	f.millilitres -= 2 + 0.05*l.r.NormFloat64()
	if opened, err = d.stock.Purge(ctx, stock.Posting{Act: l.act("Mồi ống bơm"), Bottle: opened.ID, Amount: 2 * measure.Millilitre}); err != nil {
		return err
	}
	if _, err := d.equipment.MountBottle(ctx, l.clinic.ID, l.team["pharmacist"], s.ID, string(opened.ID)); err != nil {
		return err
	}
	s.Bottle = string(opened.ID)
	return l.mounted(s, opened)
}

// serve gives the day's doses, window by window, and books what was spilled.
func (l *life) serve(ctx context.Context, d *desk, day calendar.Day, visits map[*stall][]visit) error {
	began := l.clock.at
	for _, s := range l.stalls {
		l.clock.at = began
		poured := 0.0
		for _, v := range visits[s] {
			if at := l.local(day, v.at); at.After(l.clock.at) {
				l.clock.at = at
			}
			got, err := l.dose(ctx, d, s, v, day)
			if err != nil {
				return fmt.Errorf("dose of %s: %w", v.Code, err)
			}
			poured += got
		}
		if err := l.after(ctx, d, s, day, poured); err != nil {
			return err
		}
	}
	l.clock.at = l.local(day, afternoon+3*time.Hour)
	return l.chapter.evening(ctx, d)
}

// after is what happens to a window's bottle beside doses: drops, a spill with its paper, a thief.
func (l *life) after(ctx context.Context, d *desk, s *stall, day calendar.Day, poured float64) error {
	f := l.flasks[stock.BottleID(s.Bottle)]
	l.taps[s].drip(f)
	if l.mischief.skim > 0 && l.wrongNow(day) && l.nurse(s, day).ID == l.team["nurse"].ID {
		f.millilitres -= l.mischief.skim * poured
	}
	if l.r.IntN(6) != 0 {
		return nil
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	spilled := 4 + 10*l.r.Float64()
	f.millilitres -= spilled
	l.spills++
	amount := measure.Volume(10*(spilled+0.1*l.r.NormFloat64())) * 100 * measure.Microlitre // wiped up and weighed
	spilt := stock.Reading{Unread: "Đã đổ ra ngoài trước khi cân được"}                     // what ran out cannot be weighed before
	b, err := d.stock.Waste(ctx, stock.Posting{Act: l.supervised("Đổ khi lau bơm"), Bottle: stock.BottleID(s.Bottle), Amount: amount, Reading: spilt})
	s.left = b.Balance[stock.InBottle]
	return err
}

// dose is one dose, from the nurse's word to the swallow; it returns what left the bottle, in millilitres.
func (l *life) dose(ctx context.Context, d *desk, s *stall, v visit, day calendar.Day) (float64, error) {
	if err := l.supplied(ctx, d, s, reserve); err != nil {
		return 0, err
	}
	f := l.flasks[stock.BottleID(s.Bottle)]
	was := f.millilitres
	d.about(s, v.file)
	act := dispensing.Act{Clinic: l.clinic.ID, ID: id.New[dispensing.ID](), By: l.nurse(s, day)}
	begun, err := d.dispensings.Begin(ctx, dispensing.Request{ID: act.ID, Clinic: act.Clinic, Patient: v.Patient.ID, Station: s.ID, By: act.By})
	if fault.Is(err, fault.Refused) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if err := l.pumped(ctx, d, s, f, begun); err != nil {
		return 0, err
	}
	l.doses++
	if l.doses%391 == 0 { // a cup is knocked over
		act.Witness, act.Reason = l.team["pharmacist"], "Đổ cốc khi trao"
		if _, err := d.dispensings.Wasted(ctx, act); err != nil {
			return 0, err
		}
		more, err := l.dose(ctx, d, s, v, day)
		return was - f.millilitres + more, err
	}
	if _, err := d.dispensings.HandOver(ctx, act, v.Patient.ID); err != nil {
		return 0, err
	}
	l.wait(12 * time.Second)
	_, err = d.dispensings.Taken(ctx, act)
	l.wait(6 * time.Second)
	return was - f.millilitres, err
}

// pumped is what the counter does and says.
func (l *life) pumped(ctx context.Context, d *desk, s *stall, f *flask, dose dispensing.Dispensing) error {
	before, after := l.taps[s].pour(f, dose.Volume)
	err := l.say(ctx, d, s, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(dose.ID), Volume: dose.Volume, GrossBefore: before})
	if err != nil {
		return err
	}
	took := 3*time.Second + time.Duration(dose.Volume)*time.Millisecond
	l.wait(took)
	if err := l.say(ctx, d, s, stationlog.KindMeasured, stationlog.Outcome{
		Dispensing: string(dose.ID), Pump: dose.Volume, PumpKnown: true, GrossBefore: before, GrossAfter: after, WeightKnown: true,
		DurationMS: took.Milliseconds(),
	}); err != nil {
		return err
	}
	measured, err := s.density.Volume(after - before)
	s.left -= measured
	return err
}

// countAll has two people count each counter, blind, and settles what they find. In the evening it closes the sessions.
func (l *life) countAll(ctx context.Context, day calendar.Day, phase stock.Phase) error {
	for _, s := range l.stalls {
		l.wait(5 * time.Minute)
		if err := l.count(ctx, s, day, phase); err != nil {
			return fmt.Errorf("window %s: %w", s.Name, err)
		}
		b, err := l.store.Stock().Bottle(ctx, l.clinic.ID, stock.BottleID(s.Bottle))
		if err != nil {
			return err
		}
		s.left = b.Balance[stock.InBottle]
	}
	for i, b := range l.spent {
		var err error
		if l.spent[i], err = l.store.Stock().Bottle(ctx, l.clinic.ID, b.ID); err != nil {
			return err
		}
	}
	return nil
}

func (l *life) count(ctx context.Context, s *stall, day calendar.Day, phase stock.Phase) (err error) {
	nurse, pharmacist := l.nurse(s, day), l.team["pharmacist"]
	key := id.New[stock.CountID]()
	if phase == stock.PhaseOpening {
		l.sessions[s] = id.New[stock.SessionID]()
		_, err = l.stock.StartSession(ctx, stock.SessionStart{
			Clinic: l.clinic.ID, ID: l.sessions[s], Count: key, Station: string(s.ID), Shift: 1, By: nurse,
		})
	} else {
		_, err = l.stock.CountAgain(ctx, l.clinic.ID, nurse, l.sessions[s], key)
	}
	if err != nil {
		return err
	}
	for {
		n, err := l.blind(ctx, s, key, nurse, pharmacist)
		if err != nil {
			return err
		}
		if n.State == stock.Counted {
			_, err = l.stock.Settle(ctx, stock.Settlement{
				Clinic: l.clinic.ID, Count: key, Pair: staff.Pair{By: pharmacist, Witness: l.team["supervisor"]}, Reason: "Cân lại, đã tìm quanh quầy",
			})
		}
		if err != nil {
			return err
		}
		if n.State != stock.Disagreed {
			break
		}
		l.again++
		key = id.New[stock.CountID]()
		if _, err := l.stock.CountAgain(ctx, l.clinic.ID, nurse, l.sessions[s], key); err != nil {
			return err
		}
	}
	l.counts++
	if phase == stock.PhaseClosing {
		l.wait(time.Minute)
		_, err = l.stock.CloseSession(ctx, l.clinic.ID, staff.Pair{By: nurse, Witness: pharmacist}, l.sessions[s])
	}
	return err
}

// blind has each of two people put every bottle of a count on the large balance.
func (l *life) blind(ctx context.Context, s *stall, key stock.CountID, people ...staff.Member) (n stock.Count, err error) {
	if n, _, err = l.stock.Count(ctx, l.clinic.ID, key); err != nil {
		return n, err
	}
	for _, by := range people {
		l.wait(time.Minute)
		var form []stock.Line
		for _, b := range n.Bottles {
			form = append(form, stock.Line{Bottle: b, Method: stock.ByWeight, Gross: l.taps[s].weigh(l.flasks[b], bottleTare)})
		}
		if n, err = l.stock.Enter(ctx, l.clinic.ID, by, key, form); err != nil {
			return n, err
		}
	}
	return n, nil
}

// look is what the pharmacist reads in the evening: whom or what the counts and the doses point to.
func (l *life) look(ctx context.Context, day calendar.Day) {
	for i, s := range l.suspects(ctx) {
		if i == 0 {
			l.named(day, "count "+l.word(s))
		}
		l.named(day, "listed "+l.word(s))
	}
	for _, s := range l.shifts(ctx) {
		l.named(day, "dose "+l.origin(s))
	}
}

func (l *life) named(day calendar.Day, what string) {
	if _, known := l.first[what]; !known {
		l.first[what] = day
	}
}

func (l *life) word(s stock.Suspect) string {
	switch s.By {
	case stock.ByLot:
		return "lot " + l.lotNumber(stock.LotID(s.Key))
	case stock.ByPerson:
		for post, m := range l.team {
			if string(m.ID) == s.Key {
				return "person " + post
			}
		}
	case stock.ByCounter, stock.ByBottle, stock.ByShift, stock.ByDay:
	}
	return "counter"
}

func (l *life) lotNumber(key stock.LotID) string {
	lot, _ := l.lot(key)
	return lot.Number
}

func (l *life) origin(s calibration.Shift) string {
	if s.Origin == drift.OfLot {
		return "lot " + l.lotNumber(s.Lot)
	}
	return string(s.Origin)
}

// closed holds the record against itself: every day closed, registers that equal the ledger, nothing under way.
func (l *life) closed(ctx context.Context, days int) {
	l.t.Helper()
	for day := l.start; day < l.start.AddDays(days); day++ {
		sessions, err := l.stock.Sessions(ctx, l.clinic.ID, day)
		if err != nil || len(sessions) != len(l.stalls) {
			l.t.Fatalf("clinic %d, %s: %d sessions, %v", l.site.number, day, len(sessions), err)
		}
		for _, s := range sessions {
			if s.State != stock.Closed || s.Day != day {
				l.t.Errorf("clinic %d: session of %s is %s on %s", l.site.number, s.Day, s.State, day)
			}
		}
	}
	l.registers(ctx, days)
}

// registers lays the register of every day and of the whole month out, and holds it against the balances.
func (l *life) registers(ctx context.Context, days int) {
	l.t.Helper()
	balances, err := l.stock.LotBalances(ctx, l.clinic.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	var held, issued measure.Volume
	for lot, b := range balances {
		if b.Sum() != 0 || b[stock.Reserved] != 0 || b[stock.InDoubt] != 0 {
			l.t.Errorf("lot %s: %v", l.lotNumber(lot), b)
		}
		held += book.Held(b)
		issued += b[stock.Administered]
	}
	page := func(from, to calendar.Day) book.Page {
		begin, _ := l.cal.Bounds(from)
		_, end := l.cal.Bounds(to)
		ledger, err := l.store.Records().Ledger(ctx, l.clinic.ID, l.shelf.product.ID, begin, end)
		if err != nil {
			l.t.Fatal(err)
		}
		return book.Register(ledger.Opening, ledger.Moves, l.cal.Day, false)
	}
	whole := page(l.start.AddDays(-1), l.start.AddDays(days-1))
	if whole.Opening != 0 || whole.Closing != held || whole.Sums[book.Issued] != issued {
		l.t.Errorf("clinic %d: the month's register closes with %s and %s issued; the ledger has %s and %s",
			l.site.number, whole.Closing, whole.Sums[book.Issued], held, issued)
	}
	closing := page(l.start.AddDays(-1), l.start.AddDays(-1)).Closing
	const stretch = 5
	for day := l.start; day < l.start.AddDays(days); day = day.AddDays(stretch) {
		p := page(day, min(day.AddDays(stretch), l.start.AddDays(days)).AddDays(-1))
		if p.Opening != closing {
			l.t.Errorf("clinic %d: the register from %s on opens with %s after %s", l.site.number, day, p.Opening, closing)
		}
		closing = p.Closing
	}
	if closing != held {
		l.t.Errorf("clinic %d: the last days close with %s of %s", l.site.number, closing, held)
	}
}

// livedMonth lives so many days at some sites of the province and verifies the record.
func livedMonth(t *testing.T, st *store.Store, patients, days int, mischiefs map[int]mischief) map[int]*life {
	t.Helper()
	ctx := t.Context()
	s := NewStory(st, Marker{Seed: 5, Patients: patients, FirstDay: firstDay}, small(t, noon))
	lives := map[int]*life{}
	for _, place := range s.sites() {
		m, wanted := mischiefs[place.number]
		if !wanted {
			continue
		}
		place.windows = slices.DeleteFunc(slices.Clone(place.windows), func(w string) bool { return place.number == 1 && w == LiveWindow })
		ch, err := s.chapter(ctx, place)
		if err != nil {
			t.Fatal(err)
		}
		l := newLife(t, ch, m, firstDay.AddDays(-days))
		if err := l.begin(ctx, days); err != nil {
			t.Fatal(err)
		}
		for day := l.start; day < firstDay; day++ {
			if err := l.live(ctx, day); err != nil {
				t.Fatalf("clinic %d, %s: %v", place.number, day, err)
			}
		}
		l.closed(ctx, days)
		l.tell(ctx)
		lives[place.number] = l
	}
	verified(t, st)
	return lives
}

// tell prints what the month came to, and what a pharmacist reads at its end.
func (l *life) tell(ctx context.Context) {
	l.t.Helper()
	l.t.Logf("clinic %d: %d patients, %d doses, %d counts of which %d twice, %d spills", l.site.number, len(l.files), l.doses, l.counts, l.again, l.spills)
	for _, what := range slices.Sorted(maps.Keys(l.first)) {
		if strings.HasPrefix(what, "listed") {
			continue
		}
		l.t.Logf("clinic %d: %q first named in the evening of day %d", l.site.number, what, l.nth(l.first[what]))
	}
	for _, s := range l.suspects(ctx) {
		l.t.Logf("clinic %d, counts: %s, %s in %d counts since day %d", l.site.number, l.word(s), s.Sum, s.Points, l.dayOf(s.Since))
	}
	for _, s := range l.shifts(ctx) {
		l.t.Logf("clinic %d, doses: %s, %s since day %d, certain %t", l.site.number, l.origin(s), s.Mean, l.dayOf(s.Began), s.Certain)
	}
}

func (l *life) suspects(ctx context.Context) []stock.Suspect {
	l.t.Helper()
	_, _, found, err := l.stock.Variances(ctx, stock.VarianceFilter{Clinic: l.clinic.ID}, stock.ByLot)
	if err != nil {
		l.t.Fatal(err)
	}
	return found
}

func (l *life) shifts(ctx context.Context) []calibration.Shift {
	l.t.Helper()
	found, err := l.checks.Shifts(ctx, l.clinic.ID, warnAt)
	if err != nil {
		l.t.Fatal(err)
	}
	return found
}

func (l *life) dayOf(at calendar.Instant) int { return l.nth(l.cal.Day(at)) }

// foundOut asserts that something was named between two days, counted from 0.
func (l *life) foundOut(what string, from, to int) {
	l.t.Helper()
	day, known := l.first[what]
	if n := l.nth(day); !known || n < from || n > to {
		l.t.Errorf("clinic %d: %q was named: %t, on day %d; want day %d to %d. Named were %v", l.site.number, what, known, n, from, to, l.first)
	}
}

// nothing asserts that a kind of figure named nothing.
func (l *life) nothing(kind string) {
	l.t.Helper()
	for what, day := range l.first {
		if strings.HasPrefix(what, kind) {
			l.t.Errorf("clinic %d: %q was named on day %d", l.site.number, what, l.nth(day))
		}
	}
}

// began asserts since when the books say that it goes on.
func (l *life) began(ctx context.Context, what string, from, to int) {
	l.t.Helper()
	days := map[string]int{}
	for _, s := range l.suspects(ctx) {
		days["count "+l.word(s)] = l.dayOf(s.Since)
	}
	for _, s := range l.shifts(ctx) {
		days["dose "+l.origin(s)] = l.dayOf(s.Began)
	}
	if day, ok := days[what]; !ok || day < from || day > to {
		l.t.Errorf("clinic %d: %q began on day %d, %t; want day %d to %d", l.site.number, what, day, ok, from, to)
	}
}

// faults is the day on which somebody begins to take and a pump begins to drift.
const faults = 10

// A thief, a drifting pump and a diluted lot, at three of five clinics: each is named, the honest two are left alone, and
// the record of the whole month checks out.
func TestAMonthAtFiveClinics(t *testing.T) {
	if testing.Short() {
		t.Skip("a month of five clinics takes the better part of a minute")
	}
	ctx := t.Context()
	lives := livedMonth(t, opened(t, fresh(t)), 0, monthDays, map[int]mischief{
		1: {from: faults, skim: 0.01}, 2: {from: faults, ramp: 0.0008}, 3: {dilute: 0.10}, 4: {}, 5: {},
	})
	lives[1].foundOut("count person nurse", faults, faults+2)
	lives[1].began(ctx, "count person nurse", faults, faults)
	lives[1].nothing("dose")
	lives[2].foundOut("dose pump", faults+1, faults+12)
	lives[2].began(ctx, "dose pump", faults, faults+8)
	lives[2].nothing("count")
	second := lives[3].dayOf(lives[3].opened(ctx, 1))
	lives[3].foundOut("listed lot LX03002", second, second+1) // beside the counter, which is the only one
	lives[3].began(ctx, "count lot LX03002", second, second)
	if first := lives[3].suspects(ctx)[0]; first.By != stock.ByLot {
		t.Errorf("in the end the counts point to %+v", first)
	}
	lives[3].foundOut("dose lot LX03002", second, second+2)
	lives[3].began(ctx, "dose lot LX03002", second, second)
	for _, site := range []int{4, 5} {
		lives[site].nothing("")
	}
}

// opened is when the first bottle of a lot was taken into use.
func (l *life) opened(ctx context.Context, lot int) (first calendar.Instant) {
	l.t.Helper()
	bottles, err := l.store.Stock().Bottles(ctx, stock.BottleFilter{Clinic: l.clinic.ID, Lot: l.shelf.lots[lot].ID, Limit: 500})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, b := range bottles {
		if !b.OpenedAt.IsZero() && (first.IsZero() || b.OpenedAt < first) {
			first = b.OpenedAt
		}
	}
	return first
}

// The same on a server's database, for a week of two clinics.
func TestAWeekOnPostgreSQL(t *testing.T) {
	const from = 2
	lives := livedMonth(t, opened(t, postgres.Database(t)), 0, 7, map[int]mischief{
		1: {from: from, skim: 0.01}, 3: {from: from, ramp: 0.003},
	})
	lives[1].foundOut("count person nurse", from, from+2)
	lives[1].nothing("dose")
	lives[3].foundOut("dose pump", from, from+4)
	lives[3].nothing("count")
}
