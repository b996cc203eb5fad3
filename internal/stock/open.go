package stock

import (
	"cmp"
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// change is what an act does to its bottles beside their states.
type change struct {
	moves   []Move
	data    any // for the document; nil for nothing
	place   Place
	weights []Weight
	party   string
	number  string
	beside  []beside     // papers of their own for what was found meanwhile
	then    func() error // what refers to the document, nil for nothing
}

// beside is a difference that an act found: it has a paper of its own, so that a loss never stands among something else.
type beside struct {
	kind DocumentKind
	move Move
	data map[string]any
}

// work is where an act stands while its transaction is open: the bottles and their lots are locked.
type work struct {
	tx   Tx
	act  Act
	lot  Lot // of the first bottle
	lots map[LotID]Lot
	now  calendar.Instant
}

func (w work) move(b *Bottle, from, to Account, v measure.Volume, reason string) Move {
	return w.act.move(*b, from, to, v, reason, w.now)
}

// weight notes a weighing of the bottle beside the book of this moment.
func (w work) weight(b *Bottle, occasion Occasion, gross measure.Weight) []Weight {
	if gross == 0 {
		return nil
	}
	return []Weight{{
		ID: id.New[string](), Clinic: w.act.Clinic, Bottle: b.ID, Occasion: occasion, Gross: gross, Book: b.Balance[b.home()],
		Person: string(w.act.By.ID), Cause: string(w.act.ID), Recorded: w.now,
	}}
}

// onBottle runs one act on one bottle: locks its lot and the bottle, finds a repeated act, lets do change the bottle and
// name the moves, and posts them.
func (s *Service) onBottle(ctx context.Context, a Act, n people, kind DocumentKind, key BottleID, do func(w work, b *Bottle) (change, error)) (Bottle, error) {
	bottles, err := s.onBottles(ctx, a, n, kind, []BottleID{key}, func(w work, b []*Bottle) (change, error) { return do(w, b[0]) })
	if err != nil {
		return Bottle{}, err
	}
	return bottles[0], nil
}

// onBottles runs one act on several different bottles, which do gets in the order of keys.
func (s *Service) onBottles(ctx context.Context, a Act, n people, kind DocumentKind, keys []BottleID, do func(w work, b []*Bottle) (change, error)) (bottles []Bottle, err error) {
	now := s.instant()
	if err := a.check(n, now); err != nil {
		return nil, err
	}
	lots, err := s.lotsOf(ctx, a.Clinic, keys)
	if err != nil {
		return nil, err
	}
	err = s.ledger.InTx(ctx, a.Clinic, func(tx Tx) error {
		a := a // the transaction may run again
		w := work{tx: tx, lots: make(map[LotID]Lot, len(lots)), now: now}
		for _, key := range lots {
			if w.lots[key], err = tx.LockLot(ctx, key); err != nil {
				return err
			}
		}
		if bottles, err = lockAll(ctx, tx, keys); err != nil {
			return err
		}
		if _, found, err := posted(ctx, tx, a, kind); err != nil || found {
			return err
		}
		if err := s.timely(ctx, tx, &a, now); err != nil {
			return err
		}
		w.act, w.lot = a, w.lots[bottles[0].Lot]
		return s.write(ctx, w, kind, bottles, do)
	})
	if err != nil {
		return nil, err
	}
	return bottles, nil
}

// write lets do change the bottles, and writes what it changed.
func (s *Service) write(ctx context.Context, w work, kind DocumentKind, bottles []Bottle, do func(w work, b []*Bottle) (change, error)) error {
	was, held := slices.Clone(bottles), make([]*Bottle, len(bottles))
	for i := range bottles {
		held[i] = &bottles[i]
	}
	ch, err := do(w, held)
	if err != nil {
		return err
	}
	doc := w.act.document(kind, w.now, audit.Data(ch.data))
	doc.Party, doc.Number = cmp.Or(ch.party, doc.Party), cmp.Or(ch.number, doc.Number)
	if err := s.post(ctx, w.tx, w.act, doc, ch.moves); err != nil {
		return err
	}
	if err := s.postBeside(ctx, w, ch.beside); err != nil {
		return err
	}
	for i, b := range held {
		if b.State != was[i].State || b.TareWeight != was[i].TareWeight || b.OpenedAt != was[i].OpenedAt {
			if err := w.tx.UpdateBottle(ctx, *b); err != nil {
				return err
			}
		}
		if ch.place != "" && ch.place != b.Place {
			b.Place = ch.place
			if err := w.tx.Place(ctx, Placement{ID: id.New[string](), Bottle: b.ID, Document: doc.ID, Place: ch.place, Recorded: w.now}); err != nil {
				return err
			}
		}
		b.apply(ch.moves)
		for _, x := range ch.beside {
			b.apply([]Move{x.move})
		}
	}
	if err := w.tx.AddWeights(ctx, ch.weights); err != nil || ch.then == nil {
		return err
	}
	return ch.then()
}

// postBeside posts the papers of what an act found, by the people of the act.
func (s *Service) postBeside(ctx context.Context, w work, found []beside) error {
	for i := range found {
		a := w.act
		a.ID = id.New[DocumentID]()
		found[i].data["document"] = w.act.ID
		found[i].move.Cause = string(a.ID)
		if err := s.post(ctx, w.tx, a, a.document(found[i].kind, w.now, audit.Data(found[i].data)), []Move{found[i].move}); err != nil {
			return err
		}
	}
	return nil
}

// lotsOf names the lots of bottles, each once and in the order in which they are locked.
func (s *Service) lotsOf(ctx context.Context, c clinic.ID, keys []BottleID) (lots []LotID, err error) {
	if len(keys) == 0 || len(keys) > MaxBottles {
		return nil, fault.New(fault.Invalid, "document.bottles", "1–%d bottles", MaxBottles)
	}
	seen := map[BottleID]bool{}
	for _, key := range keys {
		b, err := s.ledger.Bottle(ctx, c, key)
		if err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, fault.New(fault.Invalid, "document.bottles", "bottle %s is named twice", key)
		}
		seen[key] = true
		lots = append(lots, b.Lot)
	}
	slices.Sort(lots)
	return slices.Compact(lots), nil
}

// lockAll locks bottles by id and returns them in the order of keys.
func lockAll(ctx context.Context, tx Tx, keys []BottleID) ([]Bottle, error) {
	byID := make(map[BottleID]Bottle, len(keys))
	for _, key := range slices.Sorted(slices.Values(keys)) {
		b, err := tx.LockBottle(ctx, key)
		if err != nil {
			return nil, err
		}
		byID[key] = b
	}
	bottles := make([]Bottle, len(keys))
	for i, key := range keys {
		bottles[i] = byID[key]
	}
	return bottles, nil
}

// apply posts moves to a copy of the balance, for the answer; the store keeps the book.
func (b *Bottle) apply(moves []Move) {
	after := make(Balance, len(b.Balance)+2)
	for account, v := range b.Balance {
		after[account] = v
	}
	for _, m := range moves {
		if m.Bottle == b.ID {
			after.Apply(&m)
		}
	}
	b.Balance = after
}

// BottleOpening takes a sealed bottle into use.
type BottleOpening struct {
	Act
	Bottle BottleID
	// Reading is of the full bottle.
	Reading
}

// Open takes a bottle from the store into use, by two people, who weigh it or say why not. When its tare is known and the
// lot's density was measured, what is in it beyond the book is a surplus, and what is missing a loss, each with a paper of
// its own, whatever the size.
func (s *Service) Open(ctx context.Context, o BottleOpening) (Bottle, error) {
	switch {
	case o.Gross < 0 || o.Gross > maxGross || o.Found != nil || len(o.Unread) > MaxReason:
		return Bottle{}, fault.New(fault.Invalid, "bottle.gross", "gross weight outside 0–%s", maxGross)
	case o.Gross == 0 && o.Unread == "":
		return Bottle{}, fault.New(fault.Invalid, "bottle.not_weighed", "bottle %s was not weighed, and nobody says why", o.Bottle)
	}
	today, err := s.today(ctx, o.Clinic)
	if err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, o.Act, twoPeople, Opening, o.Bottle, func(w work, b *Bottle) (change, error) {
		if err := mayOpen(*b, w.lot, today); err != nil {
			return change{}, err
		}
		first, err := firstToExpire(ctx, w, today)
		if err != nil {
			return change{}, err
		}
		weights := w.weight(b, AtOpening, o.Gross)
		moves, found, err := openingMoves(ctx, w, b, o.Gross)
		if err != nil {
			return change{}, err
		}
		b.State, b.OpenedAt, b.OpenedGross = InUse, w.act.Occurred, o.Gross
		data := o.said(map[string]any{"bottle": b.ID, "tare_ug": b.TareWeight, "density_ug_ml": w.lot.Density})
		if first != "" {
			data["passed_over"] = first
		}
		return change{moves: moves, beside: found, data: data, place: PlaceCabinet, weights: weights}, nil
	})
}

func (s *Service) today(ctx context.Context, c clinic.ID) (calendar.Day, error) {
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return 0, err
	}
	return cl.Day(s.instant())
}

func mayOpen(b Bottle, lot Lot, today calendar.Day) error {
	switch {
	case b.State != Sealed:
		return fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", b.ID, b.State).With("state", string(b.State))
	case lot.State != LotReleased:
		return fault.New(fault.Conflict, "lot.not_released", "lot %s is %s", lot.ID, lot.State).With("state", string(lot.State))
	case lot.Expiry < today:
		return fault.New(fault.Conflict, "lot.expired", "lot %s expired on %s", lot.ID, lot.Expiry).With("day", lot.Expiry.String())
	}
	return nil
}

// firstToExpire names the bottle that should be opened before one of this lot, "" for none. Passing it over needs a reason.
func firstToExpire(ctx context.Context, w work, today calendar.Day) (code string, err error) {
	code, expiry, err := w.tx.EarlierExpiry(ctx, w.lot, today)
	if err == nil && code != "" && w.act.Reason == "" {
		err = fault.New(fault.Conflict, "bottle.not_first_expiry", "bottle %s expires before lot %s", code, w.lot.ID).
			With("code", code).With("day", expiry.String())
	}
	return code, err
}

const (
	maxGross = 20_000 * measure.WeightGram
	// plausibleOverage is how far, in ‰ of the book, a weighed content may be from it before the weighing is doubted
	// rather than the book: somebody typed a wrong weight, or the tare is of another bottle.
	plausibleOverage = 200
)

// openingMoves takes the whole book content into the bottle's account, and names what the scale found beside it.
func openingMoves(ctx context.Context, w work, b *Bottle, gross measure.Weight) ([]Move, []beside, error) {
	book := b.Balance[Store]
	if book <= 0 {
		return nil, nil, fault.New(fault.Conflict, "bottle.nothing", "bottle %s holds nothing by the book", b.ID)
	}
	moves := []Move{w.move(b, Store, InBottle, book, "open")}
	if gross == 0 || !b.weighable(w.lot) {
		return moves, nil, nil
	}
	content, err := w.lot.Density.Volume(gross - b.TareWeight)
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "bottle.gross", "bottle %s: %w", b.ID, err)
	}
	diff := content - book
	if diff.Abs() > book.PerMille(plausibleOverage) {
		return nil, nil, fault.New(fault.Invalid, "bottle.weight_implausible", "bottle %s weighs %s against %s by the book", b.ID, content, book)
	}
	set, err := w.tx.FindSetting(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := w.reviewed(ctx, set, finding{bottle: b.ID, book: book, diff: diff}); err != nil {
		return nil, nil, err
	}
	x := beside{kind: SurplusFound, data: map[string]any{"book_ul": book, "counted_ul": content}}
	switch {
	case diff > 0:
		x.move = w.move(b, Surplus, InBottle, diff, string(SurplusFound))
	case diff < 0:
		x.kind, x.move = LossReport, w.move(b, InBottle, Loss, -diff, string(LossReport))
	default:
		return moves, nil, nil
	}
	return moves, []beside{x}, nil
}

// QuarantineBottle takes one bottle out of use at once, for a reason, by one person. It stays where it is.
func (s *Service) QuarantineBottle(ctx context.Context, c clinic.ID, by staff.Member, key BottleID, reason string) (Bottle, error) {
	return s.setBottleState(ctx, c, staff.Pair{By: by}, key, reason, Quarantining, onePerson, func(b Bottle) (BottleState, error) {
		if b.State != Sealed && b.State != InUse {
			return "", fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", key, b.State).With("state", string(b.State))
		}
		return Quarantined, nil
	})
}

// ReleaseBottle puts a quarantined bottle back to what it was, sealed or in use, by two people.
func (s *Service) ReleaseBottle(ctx context.Context, c clinic.ID, p staff.Pair, key BottleID, reason string) (Bottle, error) {
	return s.setBottleState(ctx, c, p, key, reason, Releasing, twoPeople, func(b Bottle) (BottleState, error) {
		if b.State != Quarantined {
			return "", fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", key, b.State).With("state", string(b.State))
		}
		if b.OpenedAt.IsZero() {
			return Sealed, nil
		}
		return InUse, nil
	})
}

func (s *Service) setBottleState(ctx context.Context, c clinic.ID, p staff.Pair, key BottleID, reason string, kind DocumentKind, n people, next func(Bottle) (BottleState, error)) (Bottle, error) {
	a := Act{Clinic: c, ID: id.New[DocumentID](), Pair: p, Reason: reason}
	if err := a.needReason(); err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, a, n, kind, key, func(_ work, b *Bottle) (change, error) {
		was := b.State
		to, err := next(*b)
		if err != nil {
			return change{}, err
		}
		b.State = to
		return change{data: map[string]any{"bottle": key, "old": was, "new": to}}, nil
	})
}
