package stock

import (
	"cmp"
	"context"
	"maps"

	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Reading is what two people found in a bottle before they opened it or before its rest left it: a weight or a volume,
// or why there is neither. The zero value says that nobody looked.
type Reading struct {
	Gross  measure.Weight  // of the bottle with what is in it, 0 when not weighed
	Found  *measure.Volume // as measured in a vessel, nil when not measured
	Unread string          // why the bottle was not weighed
}

// line is the reading as a line of a count; ok is false when it names no amount. A bottle that can be weighed is weighed,
// another one measured, unless somebody says why not.
func (r Reading) line(b Bottle, lot Lot) (l Line, ok bool, err error) {
	looked := b.weighable(lot) && r.Gross > 0 || !b.weighable(lot) && r.Found != nil
	switch {
	case r.Gross < 0 || r.Gross > maxGross || r.Found != nil && (*r.Found < 0 || *r.Found > MaxBottle) || len(r.Unread) > MaxReason:
		return l, false, fault.New(fault.Invalid, "bottle.gross", "a reading of %d µg", int64(r.Gross))
	case !looked && r.Unread == "":
		return l, false, fault.New(fault.Invalid, "bottle.not_weighed", "bottle %s was not weighed, and nobody says why", b.ID).With("code", b.Code)
	case b.weighable(lot) && r.Gross > 0:
		return Line{Bottle: b.ID, Method: ByWeight, Gross: r.Gross}, true, nil
	case r.Found != nil:
		return Line{Bottle: b.ID, Method: ByVolume, Volume: *r.Found}, true, nil
	}
	return l, false, nil
}

// said adds the reading to what a paper says.
func (r Reading) said(data map[string]any) map[string]any {
	if r == (Reading{}) {
		return data
	}
	out := map[string]any{"gross_ug": r.Gross, "unread": r.Unread}
	if r.Found != nil {
		out["found_ul"] = *r.Found
	}
	maps.Copy(out, data)
	return out
}

// read holds what two people found in an opened bottle against the book, before its rest leaves it. It is a count of this
// bottle alone, settled at once: a difference is a loss or a surplus with a paper of its own, and stands on the charts of
// whoever had the bottle last. What nobody could look into goes by the book, with an incident.
func (s *Service) read(ctx context.Context, w work, b *Bottle, r Reading, occasion Occasion) error {
	if err := w.tx.AddWeights(ctx, w.weight(b, occasion, r.Gross)); err != nil {
		return err
	}
	l, ok, err := r.line(*b, w.lots[b.Lot])
	if err != nil {
		return err
	}
	if !ok {
		return openIncident(ctx, w.tx, w.now, "stock.unweighed", map[string]any{"document": w.act.ID, "bottle": b.ID, "reason": r.Unread})
	}
	counted, bad := content(l, *b, w.lots[b.Lot])
	if bad != nil {
		return bad.With("code", b.Code)
	}
	f := finding{bottle: b.ID, book: b.Balance[b.home()], diff: counted - b.Balance[b.home()], at: w.now}
	if f.diff == 0 {
		return nil
	}
	if err := w.act.needReason(); err != nil {
		return err
	}
	if err := s.wrote(ctx, w, *b, l, f, func(n Count, set Setting, st settlement) (Variance, error) {
		return s.difference(ctx, w.tx, n, set, st, f)
	}); err != nil {
		return err
	}
	*b, err = w.tx.LockBottle(ctx, b.ID) // with what the difference moved
	return err
}

// wrote writes the settled count behind a finding of two people, with the variance that make returns.
func (s *Service) wrote(ctx context.Context, w work, b Bottle, l Line, f finding, vary func(Count, Setting, settlement) (Variance, error)) error {
	set, err := w.tx.FindSetting(ctx)
	if err != nil {
		return err
	}
	if err := w.reviewed(ctx, set, f); err != nil {
		return err
	}
	station, ses, err := w.tx.LastCounter(ctx, b.ID)
	if err != nil {
		return err
	}
	n := Count{
		ID: id.New[CountID](), Clinic: w.act.Clinic, Station: station, Phase: PhaseStock, State: Settled, Bottles: []BottleID{b.ID},
		StartedBy: string(w.act.By.ID), StartedAt: w.now, SettledAt: w.now, Document: w.act.ID,
	}
	if err := w.tx.InsertCount(ctx, n); err != nil {
		return err
	}
	if err := w.tx.InsertEntries(ctx, w.entries(n, l, f)); err != nil {
		return err
	}
	v, err := vary(n, set, settlement{
		by: string(w.act.By.ID), witness: string(w.act.Witness.ID), reason: w.act.Reason, bottles: map[BottleID]Bottle{b.ID: b}, lots: w.lots, now: w.now,
	})
	if err != nil {
		return err
	}
	if v.Day, err = s.today(ctx, n.Clinic); err != nil {
		return err
	}
	v.Person = cmp.Or(ses.StartedBy, n.StartedBy)
	if ses.Day == v.Day {
		v.Shift = ses.Shift
	}
	return w.tx.InsertVariances(ctx, []Variance{v})
}

// entries are the two people's, who read one scale together.
func (w work) entries(n Count, l Line, f finding) (out []Entry) {
	for _, who := range []staff.ID{w.act.By.ID, w.act.Witness.ID} {
		out = append(out, Entry{
			Count: n.ID, Person: string(who), Bottle: f.bottle, Method: l.Method, Gross: l.Gross, Counted: f.counted(), Book: f.book, Recorded: w.now,
		})
	}
	return out
}

// reviewed refuses signatures that are not enough for the size of a difference.
func (w work) reviewed(ctx context.Context, set Setting, f finding) error {
	if w.act.supervised() {
		return nil
	}
	ev, err := w.tx.Evidence(ctx, f.bottle)
	if err != nil {
		return err
	}
	if set.Review.Needed(f.diff, ev.Turnover) {
		return fault.New(fault.Forbidden, "count.needs_review", "a difference of %s needs the supervisor", f.diff)
	}
	return nil
}
