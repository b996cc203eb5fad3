package stock

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Posting is an amount of one bottle that goes somewhere other than a patient.
type Posting struct {
	Act
	Bottle BottleID
	Amount measure.Volume
}

// home returns the account on which the liquid of a bottle stands while nothing happens to it.
func (b Bottle) home() Account {
	if b.OpenedAt.IsZero() {
		return Store
	}
	return InBottle
}

// here reports why the bottle is not where liquid can be taken from or found in.
func (b Bottle) here() error {
	switch b.State {
	case Sealed, InUse, Quarantined:
		return nil
	default:
		return fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", b.ID, b.State).With("state", string(b.State))
	}
}

// has reports why v cannot be taken from an account of the bottle. A person's entry beyond the book is refused, because
// it is mostly a slip of the finger; what is truly there beyond the book is a surplus, which is posted first.
func (b Bottle) has(a Account, v measure.Volume) error {
	if have := b.Balance[a]; v > have {
		return fault.New(fault.Conflict, "bottle.not_enough", "bottle %s has %s on %s, not %s", b.ID, have, a, v).
			With("have", have.String())
	}
	return nil
}

// Waste books liquid that was spilled or thrown away, by two people, for a reason.
func (s *Service) Waste(ctx context.Context, p Posting) (Bottle, error) {
	return s.takeOut(ctx, p, twoPeople, Wasting, Waste)
}

// Purge books what was primed or purged through the tube. It is a narcotic's waste, kept apart to show how much it is.
func (s *Service) Purge(ctx context.Context, p Posting) (Bottle, error) {
	return s.takeOut(ctx, p, onePerson, Purging, Purge)
}

// ReportLoss books what is missing from a bottle, by two people, for a reason. It never meets a surplus.
func (s *Service) ReportLoss(ctx context.Context, p Posting) (Bottle, error) {
	return s.takeOut(ctx, p, twoPeople, LossReport, Loss)
}

// ReturnToSupplier books what goes back, by two people, for a reason.
func (s *Service) ReturnToSupplier(ctx context.Context, p Posting) (Bottle, error) {
	return s.takeOut(ctx, p, twoPeople, Return, Returned)
}

func (s *Service) takeOut(ctx context.Context, p Posting, n people, kind DocumentKind, to Account) (Bottle, error) {
	if err := p.needReason(); err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, p.Act, n, kind, p.Bottle, func(w work, b *Bottle) (change, error) {
		if err := b.here(); err != nil {
			return change{}, err
		}
		if err := b.has(b.home(), p.Amount); err != nil {
			return change{}, err
		}
		return change{moves: []Move{w.move(b, b.home(), to, p.Amount, string(kind))}}, nil
	})
}

// ReportSurplus books what was found in a bottle beyond the book, by two people, for a reason. It never meets a loss.
func (s *Service) ReportSurplus(ctx context.Context, p Posting) (Bottle, error) {
	if err := p.needReason(); err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, p.Act, twoPeople, SurplusFound, p.Bottle, func(w work, b *Bottle) (change, error) {
		if err := b.here(); err != nil {
			return change{}, err
		}
		return change{moves: []Move{w.move(b, Surplus, b.home(), p.Amount, string(SurplusFound))}}, nil
	})
}

// settled reports why a bottle cannot leave the counter: something of it is promised to a dose or in doubt.
func (b Bottle) settled() error {
	if b.Balance[Reserved] != 0 || b.Balance[InDoubt] != 0 {
		return fault.New(fault.Conflict, "bottle.unsettled", "bottle %s has liquid reserved or in doubt", b.ID)
	}
	return nil
}

// Empty ends the life of a bottle in which nothing is left by the book: the rest was wasted or reported first. tare is
// the weight of the rinsed bottle, 0 when not weighed; it is kept when no tare was known.
func (s *Service) Empty(ctx context.Context, a Act, key BottleID, tare measure.Weight) (Bottle, error) {
	if tare < 0 || tare > maxTare {
		return Bottle{}, fault.New(fault.Invalid, "bottle.tare", "tare outside 0–%s", maxTare)
	}
	return s.onBottle(ctx, a, onePerson, Emptying, key, func(w work, b *Bottle) (change, error) {
		if err := b.here(); err != nil {
			return change{}, err
		}
		if err := b.settled(); err != nil {
			return change{}, err
		}
		if rest := b.Balance[Store] + b.Balance[InBottle]; rest != 0 {
			return change{}, fault.New(fault.Conflict, "bottle.not_empty", "bottle %s holds %s by the book", b.ID, rest).
				With("rest", rest.String())
		}
		if b.TareWeight == 0 {
			b.TareWeight = tare
		}
		b.State = Empty
		return change{data: map[string]any{"bottle": b.ID, "tare_ug": tare}, weights: w.weight(b, WhenEmpty, tare)}, nil
	})
}

// Broken books a bottle that broke, by two people, for a reason: all that it held is waste.
func (s *Service) Broken(ctx context.Context, a Act, key BottleID) (Bottle, error) {
	return s.finish(ctx, a, key, Breaking, Waste, Broken)
}

// Destroy books the destruction of a bottle with all that it holds, by two people, for a reason.
func (s *Service) Destroy(ctx context.Context, a Act, key BottleID) (Bottle, error) {
	return s.finish(ctx, a, key, Destroying, Destruction, Destroyed)
}

func (s *Service) finish(ctx context.Context, a Act, key BottleID, kind DocumentKind, to Account, end BottleState) (Bottle, error) {
	if err := a.needReason(); err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, a, twoPeople, kind, key, func(w work, b *Bottle) (change, error) {
		if err := b.here(); err != nil {
			return change{}, err
		}
		if err := b.settled(); err != nil {
			return change{}, err
		}
		ch := change{data: map[string]any{"bottle": b.ID, "old": b.State}}
		if v := b.Balance[b.home()]; v > 0 {
			ch.moves = append(ch.moves, w.move(b, b.home(), to, v, string(kind)))
		} else if v < 0 {
			return change{}, fault.New(fault.Conflict, "bottle.negative", "bottle %s holds %s by the book: report the surplus first", b.ID, v)
		}
		b.State = end
		return ch, nil
	})
}

// DestroyWaste books the destruction of liquid that was wasted or purged before and kept for it, by two people.
func (s *Service) DestroyWaste(ctx context.Context, p Posting, from Account) (Bottle, error) {
	if err := p.needReason(); err != nil {
		return Bottle{}, err
	}
	if from != Waste && from != Purge {
		return Bottle{}, fault.New(fault.Invalid, "move.accounts", "only waste and purged liquid is destroyed this way")
	}
	return s.onBottle(ctx, p.Act, twoPeople, Destroying, p.Bottle, func(w work, b *Bottle) (change, error) {
		if err := b.has(from, p.Amount); err != nil {
			return change{}, err
		}
		return change{moves: []Move{w.move(b, from, Destruction, p.Amount, string(Destroying))}}, nil
	})
}
