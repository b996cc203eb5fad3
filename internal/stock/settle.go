package stock

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Variance is the book against one count of one bottle. Every one that is not zero has a document of its own.
type Variance struct {
	Count    CountID
	Phase    Phase // of the count
	Bottle   BottleID
	Clinic   clinic.ID
	Lot      LotID
	Station  string // "" for the store
	Person   string // whose counter it was
	Day      calendar.Day
	Shift    int // 0 outside a session
	Book     measure.Volume
	Counted  measure.Volume
	Diff     reconcile.Variance
	Turnover measure.Volume
	Parts    []reconcile.Part
	Began    calendar.Instant // when it can have begun at the earliest
	Review   bool             // it was beyond the review level
	Document DocumentID       // of the loss or surplus, "" for no difference
	Recorded calendar.Instant
}

// VarianceFilter chooses differences of one clinic. Zero fields choose all.
type VarianceFilter struct {
	Clinic   clinic.ID
	Lot      LotID
	Bottle   BottleID
	Station  string
	Person   string
	Session  SessionID
	From, To calendar.Day // both included
	Limit    int          // the newest so many; 0 for MaxPage, at most MaxCharted
}

// Evidence is what was poured from a bottle since it was last looked into.
type Evidence struct {
	Since    calendar.Instant
	Turnover measure.Volume
	Doses    []reconcile.Dose // those whose pump and scale both spoke
}

// Stated is what people say about a difference: an amount that was drawn, spilled or left behind and not booked.
type Stated struct {
	Bottle BottleID
	Cause  reconcile.Cause
	Amount measure.Volume // > 0, whichever way the difference points
}

// Settlement signs for what a count found.
type Settlement struct {
	Clinic clinic.ID
	Count  CountID
	staff.Pair
	Reason string
	Stated []Stated
}

// settlement is a count on its way into the book.
type settlement struct {
	by, witness string
	reason      string
	stated      []Stated
	found       []finding
	bottles     map[BottleID]Bottle
	lots        map[LotID]Lot
	now         calendar.Instant
}

// Settle writes what a count found into the book: a loss or a surplus of its own for each bottle, whatever its size,
// explained as far as pump, scale and people can. Two people sign; when a difference is beyond the review level one of
// them must be the supervisor. A settled count stays as it is, and one that was overtaken is to be counted again.
func (s *Service) Settle(ctx context.Context, st Settlement) (n Count, err error) {
	if err := st.Pair.Require(st.Clinic, staff.CountStock, staff.WitnessStock); err != nil {
		return Count{}, err
	}
	if err := st.validate(); err != nil {
		return Count{}, err
	}
	known, err := s.ledgerCount(ctx, st.Clinic, st.Count)
	if err != nil {
		return Count{}, err
	}
	now := s.instant()
	err = s.ledger.InTx(ctx, st.Clinic, func(tx Tx) error {
		bottles, lots, err := s.lockCounted(ctx, tx, st.Clinic, known.Bottles)
		if err != nil {
			return err
		}
		if n, err = tx.LockCount(ctx, st.Count); err != nil || n.State == Settled {
			return err
		}
		if n.State != Counted {
			return fault.New(fault.Conflict, "count.state", "count %s is %s", n.ID, n.State).With("state", string(n.State))
		}
		entries, err := tx.Entries(ctx, n.ID)
		if err != nil {
			return err
		}
		first, second := forms(entries)
		found, agree := findings(first, second)
		if !agree {
			return fault.New(fault.Internal, "count.state", "count %s is counted, but its people disagree", n.ID)
		}
		stale, err := overtaken(ctx, tx, found)
		if err != nil {
			return err
		}
		if stale {
			n.State = Disagreed
			return tx.UpdateCount(ctx, n)
		}
		if err := s.reviewed(ctx, tx, st, found); err != nil {
			return err
		}
		if err := tx.Record(ctx, st.Entry(now, "count.settle", string(n.ID), map[string]any{"reason": st.Reason, "stated": st.Stated})); err != nil {
			return err
		}
		return s.settle(ctx, tx, &n, settlement{
			by: string(st.By.ID), witness: string(st.Witness.ID), reason: st.Reason, stated: st.Stated,
			found: found, bottles: bottles, lots: lots, now: now,
		})
	})
	if err != nil {
		return Count{}, err
	}
	return n, nil
}

func (st Settlement) validate() error {
	if st.Reason == "" || len(st.Reason) > MaxReason {
		return fault.New(fault.Invalid, "reason.missing", "a reason is missing or too long")
	}
	for _, x := range st.Stated {
		if !slices.Contains([]reconcile.Cause{reconcile.Prime, reconcile.Spill, reconcile.Residue}, x.Cause) || x.Amount <= 0 || x.Amount > MaxBottle {
			return fault.New(fault.Invalid, "count.stated", "%s of %d µL", x.Cause, int64(x.Amount))
		}
	}
	return nil
}

// overtaken reports whether another count of a bottle was settled, or the bottle was opened, after it was counted: what
// was found then is in the book already, and must not be written twice.
func overtaken(ctx context.Context, tx Tx, found []finding) (bool, error) {
	for _, f := range found {
		ev, err := tx.Evidence(ctx, f.bottle)
		if err != nil || ev.Since > f.at {
			return err == nil, err
		}
	}
	return false, nil
}

// forms tells the entries of the one person from those of the other, in the order in which they were entered.
func forms(entries []Entry) (first, second []Entry) {
	slices.SortStableFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Recorded, b.Recorded) })
	for _, e := range entries {
		if e.Person == entries[0].Person {
			first = append(first, e)
		} else {
			second = append(second, e)
		}
	}
	return first, second
}

// reviewed refuses signatures that are not enough for the size of a difference.
func (s *Service) reviewed(ctx context.Context, tx Tx, st Settlement, found []finding) error {
	if st.By.May(staff.ReviewStock) || st.Witness.May(staff.ReviewStock) {
		return nil
	}
	set, err := tx.FindSetting(ctx)
	if err != nil {
		return err
	}
	for _, f := range found {
		ev, err := tx.Evidence(ctx, f.bottle)
		if err != nil {
			return err
		}
		if set.Review.Needed(f.diff, ev.Turnover) {
			return fault.New(fault.Forbidden, "count.needs_review", "a difference of %s needs the supervisor", f.diff)
		}
	}
	return nil
}

// settle writes the differences and leads the session on. Bottles and lots are locked.
func (s *Service) settle(ctx context.Context, tx Tx, n *Count, st settlement) error {
	var ses Session
	var err error
	person, shift := n.StartedBy, 0
	if n.Session != "" {
		if ses, err = tx.LockSession(ctx, n.Session); err != nil {
			return err
		}
		person, shift = ses.StartedBy, ses.Shift
	}
	day := ses.Day
	if day.IsZero() {
		if day, err = s.today(ctx, n.Clinic); err != nil {
			return err
		}
	}
	set, err := tx.FindSetting(ctx)
	if err != nil {
		return err
	}
	variances := make([]Variance, 0, len(st.found))
	for _, f := range st.found {
		v, err := s.difference(ctx, tx, *n, set, st, f)
		if err != nil {
			return err
		}
		v.Person, v.Shift, v.Day = person, shift, day
		variances = append(variances, v)
	}
	if err := tx.InsertVariances(ctx, variances); err != nil {
		return err
	}
	n.State, n.SettledAt = Settled, st.now
	if err := tx.UpdateCount(ctx, *n); err != nil || n.Session == "" {
		return err
	}
	switch n.Phase {
	case PhaseOpening:
		ses.State, ses.OpenedAt = SessionOpen, st.now
	case PhaseClosing:
		ses.State = Reconciled
	}
	return tx.UpdateSession(ctx, ses)
}

// difference explains one bottle's difference and writes its paper, when there is one.
func (s *Service) difference(ctx context.Context, tx Tx, n Count, set Setting, st settlement, f finding) (Variance, error) {
	b := st.bottles[f.bottle]
	v, err := variance(ctx, tx, n, set, st, f)
	if err != nil || f.diff == 0 {
		return v, err
	}
	kind, m := LossReport, Move{From: b.home(), To: Loss, Amount: -f.diff}
	if f.diff > 0 {
		kind, m = SurplusFound, Move{From: Surplus, To: b.home(), Amount: f.diff}
	}
	a := Act{
		Clinic: n.Clinic, ID: id.New[DocumentID](), Reason: st.reason, Occurred: st.now,
		Pair: staff.Pair{
			By:      staff.Member{ID: staff.ID(st.by), Clinic: n.Clinic},
			Witness: staff.Member{ID: staff.ID(st.witness), Clinic: n.Clinic},
		},
	}
	m = a.move(b, m.From, m.To, m.Amount, string(kind), st.now)
	doc := a.document(kind, st.now, v.data(n))
	v.Document = doc.ID
	if err := s.post(ctx, tx, a, doc, []Move{m}); err != nil {
		return Variance{}, err
	}
	if f.missing && b.here() == nil {
		b.State = Quarantined
		return v, tx.UpdateBottle(ctx, b)
	}
	return v, nil
}

// variance explains one bottle's difference; it writes nothing.
func variance(ctx context.Context, tx Tx, n Count, set Setting, st settlement, f finding) (Variance, error) {
	b := st.bottles[f.bottle]
	ev, err := tx.Evidence(ctx, f.bottle)
	if err != nil {
		return Variance{}, err
	}
	v := Variance{
		Count: n.ID, Phase: n.Phase, Bottle: b.ID, Clinic: n.Clinic, Lot: b.Lot, Station: n.Station, Book: f.book, Counted: f.counted(),
		Turnover: ev.Turnover, Review: set.Review.Needed(f.diff, ev.Turnover), Recorded: st.now,
	}
	if v.Diff, err = reconcile.Of(v.Book, v.Counted, v.Turnover, st.lots[b.Lot].Concentration); err != nil {
		return Variance{}, err
	}
	if f.diff == 0 {
		return v, nil
	}
	v.Parts = reconcile.Explain(f.diff, candidates(ev, st.stated, f), ev.Since)
	v.Began = reconcile.Began(v.Parts)
	return v, nil
}

// data is what the paper of a difference says of it.
func (v Variance) data(n Count) json.RawMessage {
	return audit.Data(map[string]any{
		"count": n.ID, "session": n.Session, "book_ul": v.Book, "counted_ul": v.Counted, "parts": v.Parts, "began": v.Began,
	})
}

// candidates are what could explain a difference, signed like it.
func candidates(ev Evidence, stated []Stated, f finding) []reconcile.Candidate {
	out := []reconcile.Candidate{reconcile.DriftOf(ev.Doses)}
	for _, x := range stated {
		if x.Bottle != f.bottle {
			continue
		}
		amount := x.Amount
		if f.diff < 0 {
			amount = -amount
		}
		out = append(out, reconcile.Candidate{Cause: x.Cause, Amount: amount, Since: ev.Since})
	}
	return out
}

// Series is the control chart of one lot, counter or person.
type Series struct {
	Key         string
	Points      []reconcile.Charted
	Sums        reconcile.Sums
	Unexplained reconcile.Sums // what of them no cause explains
	Turnover    measure.Volume // what was given between the counts
}

// Grouping says what a control chart is drawn for.
type Grouping string

// The groupings.
const (
	ByLot     Grouping = "lot"
	ByBottle  Grouping = "bottle"
	ByCounter Grouping = "counter"
	ByPerson  Grouping = "person"
	ByShift   Grouping = "shift" // of one day
	ByDay     Grouping = "day"
)

func (g Grouping) key(v Variance) string {
	switch g {
	case ByBottle:
		return string(v.Bottle)
	case ByCounter:
		return v.Station
	case ByPerson:
		return v.Person
	case ByShift:
		return v.Day.String() + "/" + string(rune('0'+min(v.Shift, MaxShift)))
	case ByDay:
		return v.Day.String()
	}
	return string(v.Lot)
}

// Variances lists differences, oldest first, with the control chart of each lot, counter or person among them, and whom or
// what they point to. The charts go further back than one page of the list.
func (s *Service) Variances(ctx context.Context, f VarianceFilter, by Grouping) ([]Variance, []Series, []Suspect, error) {
	found, limits, err := s.charted(ctx, f)
	if err != nil {
		return nil, nil, nil, err
	}
	most := f.Limit
	if most <= 0 {
		most = MaxPage
	}
	return found[max(0, len(found)-most):], Charts(found, by, limits), Suspects(found, limits), nil
}
