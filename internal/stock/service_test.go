package stock

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const here clinic.ID = "clinic-1"

// memory is a Ledger and a Tx of one clinic.
type memory struct {
	Ledger
	Tx
	closed    map[calendar.Day]bool
	first     string // code of a bottle that expires earlier
	weights   []Weight
	counts    []Count
	forms     []Entry
	variances []Variance
	incidents []Incident
	products  map[ProductID]Product
	lots      map[LotID]Lot
	bottles   map[BottleID]Bottle
	moves     []Move
	documents map[DocumentID]Document
	entries   []audit.Entry
	serial    int
}

func read[K comparable, V any](m map[K]V, k K) (V, error) {
	v, ok := m[k]
	if !ok {
		return v, fault.New(fault.NotFound, "not_found", "nothing")
	}
	return v, nil
}

func (m *memory) InTx(_ context.Context, _ clinic.ID, fn func(Tx) error) error { return fn(m) }

func (m *memory) Bottle(ctx context.Context, _ clinic.ID, id BottleID) (Bottle, error) {
	return m.LockBottle(ctx, id)
}

func (m *memory) Moves(_ context.Context, f MoveFilter) (found []Move, _ error) {
	for _, mv := range m.moves {
		if f.Document == "" || mv.Cause == string(f.Document) {
			found = append(found, mv)
		}
	}
	return found, nil
}

func (m *memory) FindProduct(_ context.Context, id ProductID) (Product, error) {
	return read(m.products, id)
}

func (m *memory) InsertProduct(_ context.Context, p Product) error { m.products[p.ID] = p; return nil }

func (m *memory) LockLot(_ context.Context, id LotID) (Lot, error) { return read(m.lots, id) }

func (m *memory) InsertLot(_ context.Context, l Lot) error { m.lots[l.ID] = l; return nil }

func (m *memory) UpdateLot(_ context.Context, l Lot) error { m.lots[l.ID] = l; return nil }

func (m *memory) NextBottleSerial(context.Context) (int, error) { m.serial++; return m.serial, nil }

func (m *memory) InsertBottle(_ context.Context, b Bottle) error {
	b.Balance = Balance{}
	m.bottles[b.ID] = b
	return nil
}

func (m *memory) LockBottle(_ context.Context, id BottleID) (Bottle, error) {
	b, err := read(m.bottles, id)
	b.Balance = maps.Clone(b.Balance)
	return b, err
}

func (m *memory) LockBottles(_ context.Context, l LotID) (found []Bottle, _ error) {
	for _, b := range m.bottles {
		if b.Lot == l {
			found = append(found, b)
		}
	}
	return found, nil
}

func (m *memory) UpdateBottle(_ context.Context, b Bottle) error {
	b.Balance = m.bottles[b.ID].Balance
	m.bottles[b.ID] = b
	return nil
}

func (m *memory) PostMoves(_ context.Context, moves []Move) error {
	for _, mv := range moves {
		m.bottles[mv.Bottle].Balance.Apply(&mv)
		m.moves = append(m.moves, mv)
	}
	return nil
}

func (m *memory) FindMove(_ context.Context, id MoveID) (Move, error) {
	i := slices.IndexFunc(m.moves, func(mv Move) bool { return mv.ID == id })
	if i < 0 {
		return Move{}, fault.New(fault.NotFound, "not_found", "nothing")
	}
	return m.moves[i], nil
}

func (m *memory) MoveReversed(_ context.Context, id MoveID) (bool, error) {
	return slices.ContainsFunc(m.moves, func(mv Move) bool { return mv.Reverses == id }), nil
}

func (m *memory) FindDocument(_ context.Context, id DocumentID) (Document, error) {
	return read(m.documents, id)
}

func (m *memory) InsertDocument(_ context.Context, d Document) error {
	m.documents[d.ID] = d
	return nil
}

func (m *memory) Place(_ context.Context, p Placement) error {
	b := m.bottles[p.Bottle]
	b.Place = p.Place
	m.bottles[p.Bottle] = b
	return nil
}

func (m *memory) AddWeights(_ context.Context, w []Weight) error {
	m.weights = append(m.weights, w...)
	return nil
}

func (m *memory) EarlierExpiry(context.Context, Lot, calendar.Day) (string, calendar.Day, error) {
	return m.first, today, nil
}

func (m *memory) DayClosed(_ context.Context, d calendar.Day) (bool, error) { return m.closed[d], nil }

func (m *memory) StationOf(context.Context, BottleID) (string, error) { return "", nil }

func (m *memory) FindSetting(context.Context) (Setting, error) { return DefaultSetting, nil }

func (m *memory) Evidence(context.Context, BottleID) (Evidence, error) { return Evidence{}, nil }

func (m *memory) LastCounter(context.Context, BottleID) (string, Session, error) {
	return "window-1", Session{ID: "shift", StartedBy: "nurse-2", Day: today, Shift: 2}, nil
}

func (m *memory) InsertCount(_ context.Context, c Count) error {
	m.counts = append(m.counts, c)
	return nil
}

func (m *memory) InsertEntries(_ context.Context, e []Entry) error {
	m.forms = append(m.forms, e...)
	return nil
}

func (m *memory) InsertVariances(_ context.Context, v []Variance) error {
	m.variances = append(m.variances, v...)
	return nil
}

func (m *memory) OpenIncident(_ context.Context, in Incident) error {
	m.incidents = append(m.incidents, in)
	return nil
}

func (m *memory) Record(_ context.Context, e audit.Entry) error {
	m.entries = append(m.entries, e)
	return nil
}

type oneClinic struct{}

func (oneClinic) Clinic(context.Context, clinic.ID) (clinic.Clinic, error) {
	return clinic.Clinic{ID: here, Number: 7, Zone: "Asia/Ho_Chi_Minh"}, nil
}

func person(id staff.ID, r staff.Role) staff.Member {
	return staff.Member{ID: id, Clinic: here, Active: true, Roles: []staff.Role{r}}
}

var (
	pharmacist = person("pharmacist-1", staff.Pharmacist)
	nurse      = person("nurse-1", staff.Nurse)
	boss       = person("boss", staff.Supervisor)
	clock      = time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	today      = calendar.DateOf(2026, 3, 2)
)

func act(id DocumentID) Act {
	return Act{Clinic: here, ID: id, Pair: staff.Pair{By: pharmacist, Witness: nurse}, Reason: "as found"}
}

// supervised is an act before the supervisor, as waste takes one.
func supervised(id DocumentID) Act {
	a := act(id)
	a.Witness = boss
	return a
}

const litre = 1 * measure.Litre

// unread is the reading of a bottle that nobody could weigh.
var unread = Reading{Unread: "the bottle scale is being repaired"}

func openedAs(gross measure.Weight) Reading {
	if gross == 0 {
		return unread
	}
	return Reading{Gross: gross}
}

// weighing is the reading of a bottle with v in it, at the bench's density and tare.
func weighing(v measure.Volume) Reading {
	return Reading{Gross: 60*measure.WeightGram + measure.Weight(v)*1050}
}

// newBench has one released lot with a density of 1.05 g/mL and one sealed litre bottle, "b", with a tare of 60 g.
func newBench(t *testing.T) (*Service, *memory) {
	t.Helper()
	m := &memory{
		products: map[ProductID]Product{}, lots: map[LotID]Lot{}, bottles: map[BottleID]Bottle{}, documents: map[DocumentID]Document{},
	}
	s := NewService(m, oneClinic{}, func() time.Time { return clock })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.AddProduct(t.Context(), pharmacist, Product{
		ID: "m10", Clinic: here, Name: "Methadone 10 mg/mL", Concentration: 10 * measure.MilligramPerMillilitre, Form: "oral solution",
	})
	must(err)
	_, err = s.AddLot(t.Context(), pharmacist, Lot{ID: "lot", Clinic: here, Product: "m10", Number: "A1", Expiry: today})
	must(err)
	_, err = s.SetDensity(t.Context(), here, pharmacist, "lot", 1_050_000, 250)
	must(err)
	_, bottles, err := s.Receive(t.Context(), delivery("receipt", "b"))
	must(err)
	if b := bottles[0]; b.Code == "" || b.State != Sealed || b.Balance[Store] != litre {
		t.Fatalf("received %+v", b)
	}
	return s, m
}

func delivery(doc DocumentID, ids ...BottleID) Delivery {
	d := Delivery{Act: act(doc), Lot: "lot", Party: "Central store, Hà Nội", Number: "12/BB"}
	for _, id := range ids {
		d.Bottles = append(d.Bottles, Delivered{ID: id, Label: litre, Tare: 60 * measure.WeightGram})
	}
	return d
}

func open(t *testing.T, s *Service) {
	t.Helper()
	if _, err := s.Open(t.Context(), BottleOpening{Act: act("open"), Bottle: "b", Reading: unread}); err != nil {
		t.Fatal(err)
	}
}

func wantKey(t *testing.T, err error, key string) {
	t.Helper()
	var f *fault.Error
	switch {
	case key == "" && err == nil:
	case !errors.As(err, &f) || f.Key != key:
		t.Fatalf("error %v, want key %q", err, key)
	}
}

// wantBalance compares the accounts that are not zero.
func wantBalance(t *testing.T, m *memory, id BottleID, want Balance) {
	t.Helper()
	got := Balance{}
	for a, v := range m.bottles[id].Balance {
		if v != 0 {
			got[a] = v
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("balance (-want +got):\n%s", diff)
	}
	if sum := got.Sum(); sum != 0 {
		t.Errorf("the accounts add up to %s", sum)
	}
}

func TestOpeningPostsWhatTheScaleFindsApart(t *testing.T) {
	ml := measure.Millilitre
	grams := func(v measure.Volume) measure.Weight { return measure.Weight(v) * 1050 } // at 1.05 g/mL
	tare := 60 * measure.WeightGram
	for name, tc := range map[string]struct {
		gross measure.Weight
		key   string
		want  Balance
	}{
		"not weighed":         {0, "", Balance{Supplier: -litre, InBottle: litre}},
		"exactly the label":   {tare + grams(litre), "", Balance{Supplier: -litre, InBottle: litre}},
		"8 mL too much":       {tare + grams(litre+8*ml), "", Balance{Supplier: -litre, InBottle: litre + 8*ml, Surplus: -8 * ml}},
		"3 mL missing":        {tare + grams(litre-3*ml), "", Balance{Supplier: -litre, InBottle: litre - 3*ml, Loss: 3 * ml}},
		"the review level":    {tare + grams(litre-10*ml), "count.needs_review", Balance{Supplier: -litre, Store: litre}},
		"a fifth missing":     {tare + grams(litre-200*ml), "count.needs_review", Balance{Supplier: -litre, Store: litre}},
		"more than a fifth":   {tare + grams(litre-201*ml), "bottle.weight_implausible", Balance{Supplier: -litre, Store: litre}},
		"less than the tare":  {tare - 1, "bottle.weight_implausible", Balance{Supplier: -litre, Store: litre}},
		"a weight beyond all": {maxGross + 1, "bottle.gross", Balance{Supplier: -litre, Store: litre}},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(t)
			b, err := s.Open(t.Context(), BottleOpening{Act: act("open"), Bottle: "b", Reading: openedAs(tc.gross)})
			wantKey(t, err, tc.key)
			wantBalance(t, m, "b", tc.want)
			for _, mv := range m.moves {
				if found := mv.From == Surplus || mv.To == Loss; found != (m.documents[DocumentID(mv.Cause)].Kind == SurplusFound || m.documents[DocumentID(mv.Cause)].Kind == LossReport) {
					t.Errorf("%s from %s to %s stands on a %s", mv.Amount, mv.From, mv.To, m.documents[DocumentID(mv.Cause)].Kind)
				}
			}
			if tc.key == "" && (b.State != InUse || b.Balance[InBottle] != tc.want[InBottle] || m.bottles["b"].OpenedAt.IsZero()) {
				t.Errorf("opened %+v", b)
			}
		})
	}
}

// What a bottle is short of when it is opened is signed for like any other difference: from the review level on by the
// supervisor too.
func TestALargeDifferenceAtOpeningTakesTheSupervisor(t *testing.T) {
	s, m := newBench(t)
	o := BottleOpening{Act: act("open"), Bottle: "b", Reading: weighing(litre - 200*measure.Millilitre)}
	_, err := s.Open(t.Context(), o)
	wantKey(t, err, "count.needs_review")
	o.Witness = boss
	_, err = s.Open(t.Context(), o)
	wantKey(t, err, "")
	wantBalance(t, m, "b", Balance{Supplier: -litre, InBottle: litre - 200*measure.Millilitre, Loss: 200 * measure.Millilitre})
}

func TestOpeningWithoutDensityOrTareConvertsNothing(t *testing.T) {
	for name, forget := range map[string]func(*memory){
		"density": func(m *memory) { l := m.lots["lot"]; l.Density = 0; m.lots["lot"] = l },
		"tare":    func(m *memory) { b := m.bottles["b"]; b.TareWeight = 0; m.bottles["b"] = b },
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(t)
			forget(m)
			_, err := s.Open(t.Context(), BottleOpening{Act: act("open"), Bottle: "b", Reading: Reading{Gross: 1500 * measure.WeightGram}})
			wantKey(t, err, "")
			wantBalance(t, m, "b", Balance{Supplier: -litre, InBottle: litre})
		})
	}
}

func TestWhatIsNotOpened(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Service, *memory)
		key  string
	}{
		"an expired lot":    {func(_ *Service, m *memory) { l := m.lots["lot"]; l.Expiry--; m.lots["lot"] = l }, "lot.expired"},
		"a quarantined lot": {func(_ *Service, m *memory) { l := m.lots["lot"]; l.State = LotQuarantined; m.lots["lot"] = l }, "lot.not_released"},
		"a bottle in use":   {func(_ *Service, m *memory) { b := m.bottles["b"]; b.State = InUse; m.bottles["b"] = b }, "bottle.state"},
		"on its last day":   {func(*Service, *memory) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(t)
			tc.edit(s, m)
			_, err := s.Open(t.Context(), BottleOpening{Act: act("open"), Bottle: "b", Reading: unread})
			wantKey(t, err, tc.key)
		})
	}
}

func TestActsOfTwoPeopleNeedTwo(t *testing.T) {
	acts := map[string]func(*Service, Act) error{
		"open": func(s *Service, a Act) error {
			_, err := s.Open(t.Context(), BottleOpening{Act: a, Bottle: "b", Reading: unread})
			return err
		},
		"receive": func(s *Service, a Act) error {
			d := delivery(a.ID, "c")
			d.Act = a
			_, _, err := s.Receive(t.Context(), d)
			return err
		},
		"purge": func(s *Service, a Act) error {
			_, err := s.Purge(t.Context(), Posting{Act: a, Bottle: "b", Amount: 1000})
			return err
		},
		"loss": func(s *Service, a Act) error {
			_, err := s.ReportLoss(t.Context(), Posting{Act: a, Bottle: "b", Amount: 1000})
			return err
		},
		"surplus": func(s *Service, a Act) error {
			_, err := s.ReportSurplus(t.Context(), Posting{Act: a, Bottle: "b", Amount: 1000})
			return err
		},
		"return": func(s *Service, a Act) error {
			_, err := s.ReturnToSupplier(t.Context(), Posting{Act: a, Bottle: "b", Amount: 1000})
			return err
		},
		"broken": func(s *Service, a Act) error { _, err := s.Broken(t.Context(), a, "b"); return err },
		"destroy": func(s *Service, a Act) error {
			_, err := s.Destroy(t.Context(), Ending{Act: a, Bottle: "b"})
			return err
		},
	}
	for name, do := range acts {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(t)
			entries := len(m.entries)
			alone := act("doc")
			alone.Witness = staff.Member{}
			wantKey(t, do(s, alone), "witness.missing")
			same := act("doc")
			same.Witness = pharmacist
			wantKey(t, do(s, same), "witness.same")
			if len(m.entries) != entries {
				t.Error("a refused act was audited as done")
			}
			wantKey(t, do(s, act("doc")), "")
			if last := m.entries[len(m.entries)-1]; last.Witness != string(nurse.ID) || last.Actor.ID != string(pharmacist.ID) {
				t.Errorf("audited as %s with %s", last.Actor.ID, last.Witness)
			}
		})
	}
}

func TestLossAndSurplusNeverMeet(t *testing.T) {
	s, m := newBench(t)
	open(t, s)
	for id, post := range map[DocumentID]func(context.Context, Posting) (Bottle, error){"l": s.ReportLoss, "s": s.ReportSurplus} {
		_, err := post(t.Context(), Posting{Act: act(id), Bottle: "b", Amount: 5000})
		wantKey(t, err, "")
	}
	wantBalance(t, m, "b", Balance{Supplier: -litre, InBottle: litre, Loss: 5000, Surplus: -5000})
}

func TestAnEntryBeyondTheBookIsRefused(t *testing.T) {
	s, m := newBench(t)
	open(t, s)
	_, err := s.Waste(t.Context(), Posting{Act: supervised("w1"), Bottle: "b", Amount: litre + 1})
	wantKey(t, err, "bottle.not_enough")
	for _, v := range []measure.Volume{0, -1} {
		_, err = s.Waste(t.Context(), Posting{Act: supervised("w2"), Bottle: "b", Amount: v})
		wantKey(t, err, "move.amount")
	}
	wantBalance(t, m, "b", Balance{Supplier: -litre, InBottle: litre})
}

func TestARepeatedActIsPostedOnce(t *testing.T) {
	s, m := newBench(t)
	open(t, s)
	for range 2 {
		_, err := s.Waste(t.Context(), Posting{Act: supervised("w"), Bottle: "b", Amount: 1000})
		wantKey(t, err, "")
	}
	wantBalance(t, m, "b", Balance{Supplier: -litre, InBottle: litre - 1000, Waste: 1000})
	_, err := s.ReportLoss(t.Context(), Posting{Act: act("w"), Bottle: "b", Amount: 1000})
	wantKey(t, err, "id.taken")
	_, bottles, err := s.Receive(t.Context(), delivery("receipt", "b"))
	wantKey(t, err, "")
	if len(bottles) != 1 || len(m.bottles) != 1 {
		t.Errorf("a repeated receipt made %d bottles", len(m.bottles))
	}
}

// A bottle's rest is looked at before it goes: what the scale finds is waste, and what the book had otherwise is a loss or
// a surplus with a paper of its own.
func TestABottleIsWeighedBeforeItEnds(t *testing.T) {
	ml := measure.Millilitre
	rest := 30 * ml
	used := Balance{Supplier: -litre, Administered: litre - rest}
	with := func(b Balance) Balance {
		out := maps.Clone(used)
		maps.Copy(out, b)
		return out
	}
	none := measure.Volume(0)
	for name, tc := range map[string]struct {
		reading   Reading
		key       string
		want      Balance
		diff      measure.Volume
		incidents int
	}{
		"not looked at":             {Reading{}, "bottle.not_weighed", with(Balance{InBottle: rest}), 0, 0},
		"measured, not weighed":     {Reading{Found: &rest}, "bottle.not_weighed", with(Balance{InBottle: rest}), 0, 0},
		"as the book says":          {weighing(rest), "", with(Balance{Waste: rest}), 0, 0},
		"9 mL are missing":          {weighing(rest - 9*ml), "", with(Balance{Waste: rest - 9*ml, Loss: 9 * ml}), -9 * ml, 0},
		"2 mL more":                 {weighing(rest + 2*ml), "", with(Balance{Waste: rest + 2*ml, Surplus: -2 * ml}), 2 * ml, 0},
		"20 mL are missing":         {weighing(rest - 20*ml), "count.needs_review", with(Balance{InBottle: rest}), 0, 0},
		"a little below the tare":   {Reading{Gross: 59 * measure.WeightGram}, "count.needs_review", with(Balance{InBottle: rest}), 0, 0},
		"far below the tare":        {Reading{Gross: 50 * measure.WeightGram}, "count.implausible", with(Balance{InBottle: rest}), 0, 0},
		"the scale is broken":       {unread, "", with(Balance{Waste: rest}), 0, 1},
		"poured into a measure":     {Reading{Found: &rest, Unread: "no bottle scale"}, "", with(Balance{Waste: rest}), 0, 0},
		"an empty measure, no word": {Reading{Found: &none}, "bottle.not_weighed", with(Balance{InBottle: rest}), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(t)
			open(t, s)
			m.bottles["b"].Balance[InBottle], m.bottles["b"].Balance[Administered] = rest, litre-rest
			e := Ending{Act: act("end"), Bottle: "b", Reading: tc.reading}
			if tc.key == "" {
				_, err := s.Empty(t.Context(), e)
				wantKey(t, err, "waste.needs_supervisor")
				s, m = newBench(t) // what was written before the refusal went with its transaction
				open(t, s)
				m.bottles["b"].Balance[InBottle], m.bottles["b"].Balance[Administered] = rest, litre-rest
				e.Witness = boss
			}
			for range 2 { // the second is the same request again
				b, err := s.Empty(t.Context(), e)
				wantKey(t, err, tc.key)
				if tc.key == "" && (b.State != Empty || m.bottles["b"].State != Empty) {
					t.Errorf("state %s", b.State)
				}
			}
			wantBalance(t, m, "b", tc.want)
			if len(m.incidents) != tc.incidents {
				t.Errorf("%d incidents", len(m.incidents))
			}
			if tc.diff == 0 {
				if len(m.variances) != 0 {
					t.Errorf("variances %+v", m.variances)
				}
				return
			}
			v, paper := m.variances[0], m.documents[m.variances[0].Document]
			if v.Diff.Volume != tc.diff || v.Person != "nurse-2" || v.Station != "window-1" || v.Shift != 2 || len(m.forms) != 2 || m.counts[0].Document != e.ID {
				t.Errorf("variance %+v of %+v", v, m.counts[0])
			}
			if paper.ID == e.ID || paper.By != string(pharmacist.ID) || paper.Witness != string(boss.ID) {
				t.Errorf("paper %+v", paper)
			}
		})
	}
}

// A spill is signed by an employee and a supervisor, whichever of them writes it down.
func TestWasteTakesASupervisor(t *testing.T) {
	both := person("pharmacist-2", staff.Pharmacist)
	both.Roles = append(both.Roles, staff.Supervisor)
	for name, tc := range map[string]struct {
		pair staff.Pair
		key  string
	}{
		"nobody beside":         {staff.Pair{By: pharmacist}, "witness.missing"},
		"a nurse beside":        {staff.Pair{By: pharmacist, Witness: nurse}, "waste.needs_supervisor"},
		"the supervisor beside": {staff.Pair{By: pharmacist, Witness: boss}, ""},
		"the supervisor's own":  {staff.Pair{By: both, Witness: nurse}, ""},
		"the supervisor as two": {staff.Pair{By: both, Witness: both}, "witness.same"},
		"the supervisor alone":  {staff.Pair{By: both}, "witness.missing"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(t)
			open(t, s)
			moves := len(m.moves)
			a := act("w")
			a.Pair = tc.pair
			_, err := s.Waste(t.Context(), Posting{Act: a, Bottle: "b", Amount: 1000})
			wantKey(t, err, tc.key)
			if written := len(m.moves) != moves; written != (tc.key == "") {
				t.Errorf("%d moves were written", len(m.moves)-moves)
			}
		})
	}
}

// Neither all that is left nor a large amount leaves an opened bottle by the book's figure alone.
func TestWhatLeavesByHandIsWeighedBefore(t *testing.T) {
	s, m := newBench(t)
	open(t, s)
	waste := func(id DocumentID, v measure.Volume, r Reading) error {
		_, err := s.Waste(t.Context(), Posting{Act: supervised(id), Bottle: "b", Amount: v, Reading: r})
		return err
	}
	level := DefaultSetting.Review.Volume
	wantKey(t, waste("w1", level+1, Reading{}), "bottle.not_weighed")
	wantKey(t, waste("w2", litre, Reading{}), "bottle.not_weighed")
	wantKey(t, waste("w3", level, Reading{}), "")
	wantBalance(t, m, "b", Balance{Supplier: -litre, InBottle: litre - level, Waste: level})
	wantKey(t, waste("w4", litre-level, unread), "")
	if len(m.incidents) != 1 {
		t.Errorf("%d incidents", len(m.incidents))
	}
	_, err := s.Purge(t.Context(), Posting{Act: act("p"), Bottle: "b", Amount: 1})
	wantKey(t, err, "bottle.not_enough")
}

// What the scale says stands in the book before the rest is poured away: no more leaves than was found.
func TestNoMoreIsWastedThanWasWeighed(t *testing.T) {
	s, _ := newBench(t)
	open(t, s)
	_, err := s.Waste(t.Context(), Posting{Act: supervised("w"), Bottle: "b", Amount: litre, Reading: weighing(litre - 5000)})
	wantKey(t, err, "bottle.not_enough")
}

// A loss that is told of without a count is held against the review level and charted like one that was counted.
func TestAToldLossIsNoWayAroundTheCount(t *testing.T) {
	s, m := newBench(t)
	open(t, s)
	loss := Posting{Act: act("l1"), Bottle: "b", Amount: DefaultSetting.Review.Volume}
	_, err := s.ReportLoss(t.Context(), loss)
	wantKey(t, err, "count.needs_review")
	loss.ID, loss.Witness = "l2", boss
	_, err = s.ReportLoss(t.Context(), loss)
	wantKey(t, err, "")
	if v := m.variances[0]; v.Document != "l2" || v.Diff.Volume != -loss.Amount || v.Person != "nurse-2" {
		t.Errorf("variance %+v", v)
	}
}

// Liquid in a bottle that had ended is recorded: the bottle is in quarantine, and an incident is open.
func TestLiquidInAnEndedBottleIsRecorded(t *testing.T) {
	for name, end := range map[string]func(*Service) error{
		"used up": func(s *Service) error {
			_, err := s.Empty(t.Context(), Ending{Act: supervised("end"), Bottle: "b", Reading: weighing(litre)})
			return err
		},
		"broken": func(s *Service) error { _, err := s.Broken(t.Context(), act("end"), "b"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(t)
			open(t, s)
			wantKey(t, end(s), "")
			was := len(m.incidents)
			_, err := s.Waste(t.Context(), Posting{Act: supervised("w"), Bottle: "b", Amount: 4000})
			wantKey(t, err, "bottle.state")
			b, err := s.ReportSurplus(t.Context(), Posting{Act: act("found"), Bottle: "b", Amount: 4000})
			wantKey(t, err, "")
			if b.State != Quarantined || len(m.incidents) != was+1 {
				t.Errorf("state %s, %d incidents", b.State, len(m.incidents)-was)
			}
			wantBalance(t, m, "b", Balance{Supplier: -litre, Waste: litre, InBottle: 4000, Surplus: -4000})
		})
	}
}

func TestARecallStopsEveryBottleAtOnce(t *testing.T) {
	s, m := newBench(t)
	_, _, err := s.Receive(t.Context(), delivery("receipt-2", "c", "d"))
	wantKey(t, err, "")
	open(t, s)
	empty := m.bottles["d"]
	empty.State = Empty
	m.bottles["d"] = empty
	change := LotChange{Clinic: here, Lot: "lot", To: LotRecalled, Pair: staff.Pair{By: pharmacist}, Reason: "letter 7"}
	_, err = s.SetLotState(t.Context(), change) // one person stops
	wantKey(t, err, "")
	got := map[BottleID]BottleState{"b": m.bottles["b"].State, "c": m.bottles["c"].State, "d": m.bottles["d"].State}
	if diff := cmp.Diff(map[BottleID]BottleState{"b": Quarantined, "c": Quarantined, "d": Empty}, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	change.To = LotReleased
	_, err = s.SetLotState(t.Context(), change)
	wantKey(t, err, "lot.state")
	change.To = LotQuarantined
	_, err = s.SetLotState(t.Context(), change) // letting go again takes two
	wantKey(t, err, "witness.missing")
	change.Witness = nurse
	for _, to := range []LotState{LotQuarantined, LotReleased} {
		change.To = to
		_, err = s.SetLotState(t.Context(), change)
		wantKey(t, err, "")
	}
	for id, want := range map[BottleID]BottleState{"b": InUse, "c": Sealed} {
		b, err := s.ReleaseBottle(t.Context(), here, staff.Pair{By: pharmacist, Witness: nurse}, id, "checked")
		wantKey(t, err, "")
		if b.State != want {
			t.Errorf("bottle %s released as %s", id, b.State)
		}
	}
}

func TestReversals(t *testing.T) {
	s, m := newBench(t)
	open(t, s)
	_, err := s.Empty(t.Context(), Ending{Act: supervised("e"), Bottle: "b", Reading: weighing(litre)})
	wantKey(t, err, "")
	wrong := m.moves[len(m.moves)-1]
	var first Move
	for i := range 2 { // the second is the same request again
		back, err := s.Reverse(t.Context(), act("r"), wrong.ID)
		wantKey(t, err, "")
		if i == 0 {
			first = back
		}
		if back.ID != first.ID || back.Reverses != wrong.ID {
			t.Errorf("reversal %+v", back)
		}
	}
	wantBalance(t, m, "b", Balance{Supplier: -litre, InBottle: litre})
	if got := m.bottles["b"].State; got != Quarantined {
		t.Errorf("a bottle that holds liquid again is %s", got)
	}
	_, err = s.Reverse(t.Context(), act("r2"), wrong.ID)
	wantKey(t, err, "move.reversed")
	_, err = s.Reverse(t.Context(), act("r3"), first.ID)
	wantKey(t, err, "move.is_reversal")
	for i, of := range []string{"receipt", "open"} {
		_, err = s.Reverse(t.Context(), act(DocumentID("r4"+of)), m.moves[i].ID)
		wantKey(t, err, "move.final")
	}
	m.moves = append(m.moves, Move{ID: "dose", Bottle: "b", Lot: "lot", Clinic: here, From: Reserved, To: Administered, Amount: 1, Cause: "dispensing"})
	_, err = s.Reverse(t.Context(), act("r5"), "dose")
	wantKey(t, err, "move.of_dispensing")
}

func TestWhenAnActOccurred(t *testing.T) {
	for name, tc := range map[string]struct {
		ago time.Duration
		key string
	}{
		"a week ago":             {maxLate, ""},
		"more than a week ago":   {maxLate + time.Microsecond, "document.occurred"},
		"a microsecond from now": {-time.Microsecond, "document.occurred"},
		"now":                    {0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newBench(t)
			a := act("p")
			a.Occurred = calendar.At(clock.Add(-tc.ago))
			_, err := s.Purge(t.Context(), Posting{Act: a, Bottle: "b", Amount: 1000})
			wantKey(t, err, tc.key)
			if tc.ago <= maxLate {
				return
			}
			a.Late = true // what happened long ago is booked now, with an incident
			_, err = s.Purge(t.Context(), Posting{Act: a, Bottle: "b", Amount: 1000})
			wantKey(t, err, "")
			if m.documents["p"].Occurred != calendar.At(clock) || len(m.incidents) != 1 {
				t.Errorf("document %+v, incidents %+v", m.documents["p"], m.incidents)
			}
		})
	}
}

func TestGTINs(t *testing.T) {
	for gtin, ok := range map[string]bool{
		"09506000134352": true, "09506000134353": false, "9506000134352": false, "0950600013435x": false, strings.Repeat("0", 14): true,
	} {
		if validGTIN(gtin) != ok {
			t.Errorf("%s accepted: %v", gtin, !ok)
		}
	}
}

func TestALotHasTheStrengthOfItsProduct(t *testing.T) {
	s, _ := newBench(t)
	_, err := s.AddLot(t.Context(), pharmacist, Lot{
		ID: "l2", Clinic: here, Product: "m10", Number: "A2", Expiry: today, Concentration: measure.MilligramPerMillilitre,
	})
	wantKey(t, err, "lot.concentration")
}
