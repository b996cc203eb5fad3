package stock

import (
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// CountID identifies a count.
type CountID string

// Phase says what a count is for.
type Phase string

// The phases.
const (
	PhaseOpening Phase = "opening"
	PhaseClosing Phase = "closing"
	PhaseStock   Phase = "stock" // of the store, outside a session
)

// CountState is how far a count has come.
type CountState string

// The states. A count whose two people disagree, or that was overtaken before it was settled, ends there, and another one
// is begun: nobody is told the book meanwhile.
const (
	Underway  CountState = "counting"
	Counted   CountState = "counted" // both have entered theirs; the differences are known
	Disagreed CountState = "disagreed"
	Settled   CountState = "settled"
)

// Count is a blind count of some bottles by two people.
type Count struct {
	ID        CountID
	Clinic    clinic.ID
	Session   SessionID // "" for a count of the store
	Station   string
	Phase     Phase
	State     CountState
	Bottles   []BottleID
	StartedBy string
	StartedAt calendar.Instant
	SettledAt calendar.Instant
	// Document is the paper that this reading of one bottle belongs to; "" for a count of its own.
	Document DocumentID
}

// Blind reports whether the book must not be shown: until both people have entered theirs and agree.
func (c Count) Blind() bool { return c.State == Underway || c.State == Disagreed }

// Method is how somebody found out what is in a bottle.
type Method string

// The methods.
const (
	ByWeight   Method = "weighed"
	ByVolume   Method = "measured"
	SealIntact Method = "sealed"  // unopened: it holds what it was received with
	NotFound   Method = "missing" // the bottle is not there
)

// Entry is what one person found of one bottle, and what the book said at that moment.
type Entry struct {
	Count    CountID
	Person   string // staff id
	Bottle   BottleID
	Method   Method
	Gross    measure.Weight
	Counted  measure.Volume
	Book     measure.Volume
	Recorded calendar.Instant
}

func (e Entry) diff() measure.Volume { return e.Counted - e.Book }

// Line is one line of a person's count form: a weight or a volume, as the method says.
type Line struct {
	Bottle BottleID
	Method Method
	Gross  measure.Weight
	Volume measure.Volume
}

// weighed reports whether the line may have a weight: of a bottle that is measured it is kept for the day on which its
// tare and density are known.
func (l Line) weighed() bool { return l.Method == ByWeight || l.Method == ByVolume && l.Volume != 0 }

// AgreeWithin is how far two people's findings of one bottle may be apart: two readings of a bottle scale or a mark.
const AgreeWithin = 2 * measure.Millilitre

const (
	// mostOf is how much of its label a bottle can hold at all, in ‰: beyond it a unit or a number is wrong.
	mostOf = 1300
	// tareSlack is how far a drained bottle may weigh below its tare: two readings of a bottle scale are not alike.
	tareSlack = 2 * measure.WeightGram
)

func startCount(ctx context.Context, tx Tx, c Count) (err error) {
	if c.Bottles, err = tx.CounterBottles(ctx, c.Station); err != nil {
		return err
	}
	if len(c.Bottles) == 0 {
		return fault.New(fault.Conflict, "count.nothing", "there is no bottle to count")
	}
	c.State = Underway
	return tx.InsertCount(ctx, c)
}

// StartCount begins a count of the store, outside a session. A repeated request finds the count.
func (s *Service) StartCount(ctx context.Context, c clinic.ID, by staff.Member, key CountID) (n Count, err error) {
	if err := by.Require(c, staff.CountStock); err != nil {
		return Count{}, err
	}
	now := s.instant()
	err = s.ledger.InTx(ctx, c, func(tx Tx) error {
		if n, err = tx.LockCount(ctx, key); err == nil || !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := startCount(ctx, tx, Count{ID: key, Clinic: c, Phase: PhaseStock, StartedBy: string(by.ID), StartedAt: now}); err != nil {
			return err
		}
		if n, err = tx.LockCount(ctx, key); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(now, "count.start", string(key), map[string]any{"bottles": n.Bottles}))
	})
	if err != nil {
		return Count{}, err
	}
	return n, nil
}

// Enter takes one person's form. It names every bottle of the count once. The second form, by another person, ends the
// count: their findings agree, or it is counted again. When the book agrees too the count is settled at once.
func (s *Service) Enter(ctx context.Context, c clinic.ID, by staff.Member, key CountID, form []Line) (n Count, err error) {
	if err := by.Require(c, staff.CountStock); err != nil {
		return Count{}, err
	}
	now := s.instant()
	err = s.ledger.InTx(ctx, c, func(tx Tx) error {
		known, err := s.ledgerCount(ctx, c, key)
		if err != nil {
			return err
		}
		bottles, lots, err := s.lockCounted(ctx, tx, c, known.Bottles)
		if err != nil {
			return err
		}
		if n, err = tx.LockCount(ctx, key); err != nil {
			return err
		}
		entries, err := tx.Entries(ctx, key)
		if err != nil {
			return err
		}
		mine, err := entriesOf(n, by, form, bottles, lots, now)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(entries, func(e Entry) bool { return e.Person == string(by.ID) }) {
			return again(entries, mine)
		}
		if n.State != Underway {
			return fault.New(fault.Conflict, "count.state", "count %s is %s", key, n.State).With("state", string(n.State))
		}
		if err := tx.InsertEntries(ctx, mine); err != nil {
			return err
		}
		if err := tx.AddWeights(ctx, weighings(c, mine)); err != nil {
			return err
		}
		if err := tx.Record(ctx, by.Entry(now, "count.enter", string(key), map[string]any{"lines": len(mine)})); err != nil {
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		return s.both(ctx, tx, &n, entries, mine, bottles, lots, now)
	})
	if err != nil {
		return Count{}, err
	}
	return n, nil
}

func (s *Service) ledgerCount(ctx context.Context, c clinic.ID, key CountID) (Count, error) {
	n, _, err := s.ledger.Count(ctx, c, key)
	return n, err
}

// lockCounted locks the bottles of a count and their lots, in the order of every act.
func (s *Service) lockCounted(ctx context.Context, tx Tx, c clinic.ID, keys []BottleID) (map[BottleID]Bottle, map[LotID]Lot, error) {
	wanted, err := s.lotsOf(ctx, c, keys)
	if err != nil {
		return nil, nil, err
	}
	lots := make(map[LotID]Lot, len(wanted))
	for _, key := range wanted {
		if lots[key], err = tx.LockLot(ctx, key); err != nil {
			return nil, nil, err
		}
	}
	found, err := lockAll(ctx, tx, keys)
	if err != nil {
		return nil, nil, err
	}
	bottles := make(map[BottleID]Bottle, len(found))
	for _, b := range found {
		bottles[b.ID] = b
	}
	return bottles, lots, nil
}

// again answers a form that was sent before: what was entered is not entered anew.
func again(entries, mine []Entry) error {
	for _, m := range mine {
		same := slices.ContainsFunc(entries, func(e Entry) bool {
			return e.Person == m.Person && e.Bottle == m.Bottle && e.Method == m.Method && e.Gross == m.Gross && e.Counted == m.Counted
		})
		if !same {
			return fault.New(fault.Invalid, "witness.same", "%s has entered a form of this count", m.Person)
		}
	}
	return nil
}

// entriesOf turns a form into entries, and refuses one that leaves out a bottle, has one twice, or says what cannot be.
func entriesOf(n Count, by staff.Member, form []Line, bottles map[BottleID]Bottle, lots map[LotID]Lot, now calendar.Instant) ([]Entry, error) {
	if len(form) != len(n.Bottles) {
		return nil, fault.New(fault.Invalid, "count.lines", "%d lines for %d bottles", len(form), len(n.Bottles))
	}
	out, seen := make([]Entry, 0, len(form)), map[BottleID]bool{}
	for _, l := range form {
		b, ok := bottles[l.Bottle]
		if !ok || seen[l.Bottle] {
			return nil, fault.New(fault.Invalid, "count.lines", "bottle %s is not of this count, or is there twice", l.Bottle)
		}
		seen[l.Bottle] = true
		if err := b.settled(); err != nil {
			return nil, err
		}
		counted, err := content(l, b, lots[b.Lot])
		if err != nil {
			return nil, err.With("code", b.Code)
		}
		out = append(out, Entry{
			Count: n.ID, Person: string(by.ID), Bottle: l.Bottle, Method: l.Method, Gross: l.Gross, Counted: counted,
			Book: b.Balance[b.home()], Recorded: now,
		})
	}
	return out, nil
}

// content is what a line says that the bottle holds.
func content(l Line, b Bottle, lot Lot) (measure.Volume, *fault.Error) {
	var v measure.Volume
	switch {
	case !l.weighed() && l.Gross != 0, l.Method != ByVolume && l.Volume != 0, l.Gross < 0, l.Volume < 0, l.Gross > maxGross:
		return 0, fault.New(fault.Invalid, "count.unit", "a line %s with %d µg and %d µL", l.Method, int64(l.Gross), int64(l.Volume))
	case l.Method == NotFound:
		return 0, nil
	case l.Method == SealIntact:
		if !b.OpenedAt.IsZero() {
			return 0, fault.New(fault.Conflict, "count.opened", "bottle %s was opened", b.ID)
		}
		return b.Balance[Store], nil
	case l.Method == ByVolume:
		v = l.Volume
	case l.Method == ByWeight:
		if !b.weighable(lot) {
			return 0, fault.New(fault.Conflict, "count.no_density", "bottle %s has no tare, or its lot no density", b.ID)
		}
		var err error
		gross := l.Gross
		if gross < b.TareWeight && b.TareWeight-gross <= tareSlack {
			gross = b.TareWeight
		}
		if v, err = reconcile.Weighed(gross, b.TareWeight, lot.Density); err != nil {
			return 0, fault.New(fault.Invalid, "count.implausible", "bottle %s: %w", b.ID, err)
		}
	default:
		return 0, fault.New(fault.Invalid, "count.unit", "method %q", l.Method)
	}
	if v > b.LabelVolume.PerMille(mostOf) {
		return 0, fault.New(fault.Invalid, "count.implausible", "bottle %s of %s cannot hold %s", b.ID, b.LabelVolume, v)
	}
	return v, nil
}

func weighings(c clinic.ID, entries []Entry) (out []Weight) {
	for _, e := range entries {
		if e.Gross > 0 {
			out = append(out, Weight{
				ID: id.New[string](), Clinic: c, Bottle: e.Bottle, Occasion: AtCount, Gross: e.Gross, Book: e.Book,
				Person: e.Person, Cause: string(e.Count), Recorded: e.Recorded,
			})
		}
	}
	return out
}

// both ends a count with its second form.
func (s *Service) both(ctx context.Context, tx Tx, n *Count, first, second []Entry, bottles map[BottleID]Bottle, lots map[LotID]Lot, now calendar.Instant) error {
	found, agree := findings(first, second)
	if !agree {
		n.State = Disagreed
		return tx.UpdateCount(ctx, *n)
	}
	n.State = Counted
	for _, f := range found {
		if f.diff != 0 {
			return tx.UpdateCount(ctx, *n)
		}
	}
	return s.settle(ctx, tx, n, settlement{by: first[0].Person, witness: second[0].Person, found: found, bottles: bottles, lots: lots, now: now})
}

// finding is what two people found of one bottle together.
type finding struct {
	bottle  BottleID
	book    measure.Volume // when the second of them looked
	diff    measure.Volume
	missing bool
	at      calendar.Instant // when the second of them looked
}

func (f finding) counted() measure.Volume { return f.book + f.diff }

// findings joins two forms bottle by bottle; agree is false when they are too far apart on any.
func findings(first, second []Entry) (out []finding, agree bool) {
	for _, b := range second {
		i := slices.IndexFunc(first, func(a Entry) bool { return a.Bottle == b.Bottle })
		if i < 0 {
			return nil, false
		}
		a := first[i]
		if !reconcile.Agree(a.diff(), b.diff(), AgreeWithin) || (a.Method == NotFound) != (b.Method == NotFound) {
			return nil, false
		}
		out = append(out, finding{b.Bottle, b.Book, reconcile.Mean(a.diff(), b.diff()), b.Method == NotFound, b.Recorded})
	}
	return out, true
}

// Found is what a count found of one bottle.
type Found struct {
	Book, Counted, Diff measure.Volume
	Review              bool // the supervisor must sign for it
}

// Findings returns what a count found, by bottle; none while it is blind. Of a settled count it is what was written.
func (s *Service) Findings(ctx context.Context, n Count, entries []Entry) (map[BottleID]Found, error) {
	out := map[BottleID]Found{}
	if n.Blind() {
		return out, nil
	}
	first, second := forms(slices.Clone(entries))
	found, _ := findings(first, second)
	err := s.ledger.InTx(ctx, n.Clinic, func(tx Tx) error {
		set, err := tx.FindSetting(ctx)
		if err != nil {
			return err
		}
		for _, f := range found {
			ev, err := tx.Evidence(ctx, f.bottle)
			if err != nil {
				return err
			}
			out[f.bottle] = Found{f.book, f.counted(), f.diff, n.State != Settled && set.Review.Needed(f.diff, ev.Turnover)}
		}
		return nil
	})
	return out, err
}

// Count reads one with its entries. While it is blind the entries are empty of all but who has entered.
func (s *Service) Count(ctx context.Context, c clinic.ID, key CountID) (Count, []Entry, error) {
	n, entries, err := s.ledger.Count(ctx, c, key)
	if err == nil && n.Blind() {
		for i := range entries {
			entries[i] = Entry{Count: entries[i].Count, Person: entries[i].Person, Bottle: entries[i].Bottle, Recorded: entries[i].Recorded}
		}
	}
	return n, entries, err
}

// Counts lists counts, newest first: of one session, or all when it is "".
func (s *Service) Counts(ctx context.Context, c clinic.ID, session SessionID, limit int) ([]Count, error) {
	if err := checkLimit(limit); err != nil {
		return nil, err
	}
	return s.ledger.Counts(ctx, c, session, limit)
}
