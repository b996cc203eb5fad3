package stock

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// change is what an act does to one bottle.
type change struct {
	moves []Move
	data  any // for the document; nil for nothing
}

// work is where an act stands while its transaction is open: the bottle and its lot are locked.
type work struct {
	tx  Tx
	act Act
	lot Lot
	now calendar.Instant
}

func (w work) move(b *Bottle, from, to Account, v measure.Volume, reason string) Move {
	return w.act.move(*b, from, to, v, reason, w.now)
}

// onBottle runs one act on one bottle: locks its lot and the bottle, finds a repeated act, lets do change the bottle and
// name the moves, and posts them.
func (s *Service) onBottle(ctx context.Context, a Act, n people, kind DocumentKind, key BottleID, do func(w work, b *Bottle) (change, error)) (b Bottle, err error) {
	now := s.instant()
	if err := a.check(n, now); err != nil {
		return Bottle{}, err
	}
	known, err := s.ledger.Bottle(ctx, a.Clinic, key)
	if err != nil {
		return Bottle{}, err
	}
	err = s.ledger.InTx(ctx, a.Clinic, func(tx Tx) error {
		lot, err := tx.LockLot(ctx, known.Lot)
		if err != nil {
			return err
		}
		if b, err = tx.LockBottle(ctx, key); err != nil {
			return err
		}
		if _, found, err := posted(ctx, tx, a, kind); err != nil || found {
			return err
		}
		was := b
		ch, err := do(work{tx, a, lot, now}, &b)
		if err != nil {
			return err
		}
		if b.State != was.State || b.TareWeight != was.TareWeight {
			if err := tx.UpdateBottle(ctx, b); err != nil {
				return err
			}
		}
		doc := a.document(kind, now, audit.Data(ch.data))
		if err := s.post(ctx, tx, a, doc, ch.moves); err != nil {
			return err
		}
		b.apply(ch.moves)
		return nil
	})
	if err != nil {
		return Bottle{}, err
	}
	return b, nil
}

// apply posts moves to a copy of the balance, for the answer; the store keeps the book.
func (b *Bottle) apply(moves []Move) {
	after := make(Balance, len(b.Balance)+2)
	for account, v := range b.Balance {
		after[account] = v
	}
	for _, m := range moves {
		after.Apply(&m)
	}
	b.Balance = after
}

// BottleOpening takes a sealed bottle into use.
type BottleOpening struct {
	Act
	Bottle BottleID
	Gross  measure.Weight // of the full bottle, 0 when not weighed
}

// Open takes a bottle from the store into use, by two people. When the bottle was weighed, its tare is known and the
// lot's density was measured, what is in it beyond the book is posted as surplus, and what is missing as loss: two
// separate accounts, whatever the size.
func (s *Service) Open(ctx context.Context, o BottleOpening) (Bottle, error) {
	if o.Gross < 0 || o.Gross > maxGross {
		return Bottle{}, fault.New(fault.Invalid, "bottle.gross", "gross weight outside 0–%s", maxGross)
	}
	today, err := s.today(ctx, o.Clinic)
	if err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, o.Act, twoPeople, Opening, o.Bottle, func(w work, b *Bottle) (change, error) {
		if err := mayOpen(*b, w.lot, today); err != nil {
			return change{}, err
		}
		moves, err := openingMoves(w, b, o.Gross)
		if err != nil {
			return change{}, err
		}
		b.State, b.OpenedAt, b.OpenedGross = InUse, w.act.Occurred, o.Gross
		return change{moves, map[string]any{"gross_ug": o.Gross, "tare_ug": b.TareWeight, "density_ug_ml": w.lot.Density}}, nil
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

const (
	maxGross = 20_000 * measure.WeightGram
	// plausibleOverage is how far, in ‰ of the book, a weighed content may be from it before the weighing is doubted
	// rather than the book: somebody typed a wrong weight, or the tare is of another bottle.
	plausibleOverage = 200
)

// openingMoves takes the whole book content into the bottle's account, and then posts what the scale found beside it.
func openingMoves(w work, b *Bottle, gross measure.Weight) ([]Move, error) {
	book := b.Balance[Store]
	if book <= 0 {
		return nil, fault.New(fault.Conflict, "bottle.nothing", "bottle %s holds nothing by the book", b.ID)
	}
	moves := []Move{w.move(b, Store, InBottle, book, "open")}
	if gross == 0 || b.TareWeight == 0 || w.lot.Density == 0 {
		return moves, nil
	}
	content, err := w.lot.Density.Volume(gross - b.TareWeight)
	if err != nil {
		return nil, fault.New(fault.Invalid, "bottle.gross", "bottle %s: %w", b.ID, err)
	}
	diff := content - book
	switch {
	case diff.Abs() > book.PerMille(plausibleOverage):
		return nil, fault.New(fault.Invalid, "bottle.weight_implausible", "bottle %s weighs %s against %s by the book", b.ID, content, book)
	case diff > 0:
		moves = append(moves, w.move(b, Surplus, InBottle, diff, "open"))
	case diff < 0:
		moves = append(moves, w.move(b, InBottle, Loss, -diff, "open"))
	}
	return moves, nil
}

// QuarantineBottle takes one bottle out of use at once, for a reason, by one person. It stays where it is.
func (s *Service) QuarantineBottle(ctx context.Context, c clinic.ID, by staff.Member, key BottleID, reason string) (Bottle, error) {
	return s.setBottleState(ctx, c, staff.Pair{By: by}, key, reason, "bottle.quarantine", onePerson, func(b Bottle) (BottleState, error) {
		if b.State != Sealed && b.State != InUse {
			return "", fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", key, b.State).With("state", string(b.State))
		}
		return Quarantined, nil
	})
}

// ReleaseBottle puts a quarantined bottle back to what it was, sealed or in use, by two people.
func (s *Service) ReleaseBottle(ctx context.Context, c clinic.ID, p staff.Pair, key BottleID, reason string) (Bottle, error) {
	return s.setBottleState(ctx, c, p, key, reason, "bottle.release", twoPeople, func(b Bottle) (BottleState, error) {
		if b.State != Quarantined {
			return "", fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", key, b.State).With("state", string(b.State))
		}
		if b.OpenedAt.IsZero() {
			return Sealed, nil
		}
		return InUse, nil
	})
}

func (s *Service) setBottleState(ctx context.Context, c clinic.ID, p staff.Pair, key BottleID, reason, action string, n people, next func(Bottle) (BottleState, error)) (b Bottle, err error) {
	signed := Act{Clinic: c, Pair: p}
	if err := signed.permitted(n); err != nil {
		return Bottle{}, err
	}
	if reason == "" || len(reason) > MaxReason {
		return Bottle{}, fault.New(fault.Invalid, "reason.missing", "a reason is missing or too long")
	}
	err = s.ledger.InTx(ctx, c, func(tx Tx) error {
		if b, err = tx.LockBottle(ctx, key); err != nil {
			return err
		}
		was := b.State
		if b.State, err = next(b); err != nil {
			return err
		}
		if err := tx.UpdateBottle(ctx, b); err != nil {
			return err
		}
		return tx.Record(ctx, signed.Entry(s.instant(), action, string(key), map[string]any{"old": was, "new": b.State, "reason": reason}))
	})
	if err != nil {
		return Bottle{}, err
	}
	return b, nil
}
