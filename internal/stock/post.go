package stock

import (
	"context"
	"errors"

	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Posting is an amount of one bottle that goes somewhere other than a patient.
type Posting struct {
	Act
	Bottle BottleID
	Amount measure.Volume
	// Reading is of the bottle before the amount left it. An opened bottle is looked into before all that the book says,
	// or more than the review level, leaves it by hand.
	Reading
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

// Waste books liquid that was spilled or thrown away, by an employee and a supervisor, for a reason.
func (s *Service) Waste(ctx context.Context, p Posting) (Bottle, error) {
	return s.takeOut(ctx, p, Wasting, Waste)
}

// Purge books what was primed or purged through the tube, by two people. It is a narcotic's waste, kept apart to show how
// much it is.
func (s *Service) Purge(ctx context.Context, p Posting) (Bottle, error) {
	return s.takeOut(ctx, p, Purging, Purge)
}

// ReturnToSupplier books what goes back, by two people, for a reason.
func (s *Service) ReturnToSupplier(ctx context.Context, p Posting) (Bottle, error) {
	return s.takeOut(ctx, p, Return, Returned)
}

func (s *Service) takeOut(ctx context.Context, p Posting, kind DocumentKind, to Account) (Bottle, error) {
	if err := p.needReason(); err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, p.Act, twoPeople, kind, p.Bottle, func(w work, b *Bottle) (change, error) {
		if err := b.here(); err != nil {
			return change{}, err
		}
		if kind == Wasting && !w.act.supervised() {
			return change{}, unsupervised(b.ID)
		}
		if p.Reading == (Reading{}) {
			if err := b.has(b.home(), p.Amount); err != nil {
				return change{}, err
			}
		}
		if err := s.lookInto(ctx, w, b, p); err != nil {
			return change{}, err
		}
		if err := b.has(b.home(), p.Amount); err != nil {
			return change{}, err
		}
		ch := change{moves: []Move{w.move(b, b.home(), to, p.Amount, string(kind))}, data: p.said(nil)}
		if kind == Return && p.Amount == b.Balance[b.home()] {
			b.State, ch.place = Empty, PlaceAway // the bottle went with what was in it
		}
		return ch, nil
	})
}

func unsupervised(b BottleID) error {
	return fault.New(fault.Forbidden, "waste.needs_supervisor", "waste of bottle %s without a supervisor", b)
}

// lookInto reads an opened bottle where a posting needs it, or brings a reading all the same.
func (s *Service) lookInto(ctx context.Context, w work, b *Bottle, p Posting) error {
	if b.OpenedAt.IsZero() {
		return nil
	}
	if p.Reading == (Reading{}) && p.Amount < b.Balance[InBottle] {
		set, err := w.tx.FindSetting(ctx)
		if err != nil || p.Amount <= set.Review.Volume {
			return err
		}
	}
	return s.read(ctx, w, b, p.Reading, AtCount)
}

// ReportLoss books what is missing from a bottle, by two people, for a reason. It never meets a surplus.
func (s *Service) ReportLoss(ctx context.Context, p Posting) (Bottle, error) {
	return s.report(ctx, p, LossReport)
}

// ReportSurplus books what was found in a bottle beyond the book, by two people, for a reason. It never meets a loss. A
// bottle that had ended, or was away, is in quarantine then, and an incident is open.
func (s *Service) ReportSurplus(ctx context.Context, p Posting) (Bottle, error) {
	return s.report(ctx, p, SurplusFound)
}

// report books a difference that two people tell of without a count. It is held against the review level, and charted,
// like one that a count found: else a paper would be the way around the count.
func (s *Service) report(ctx context.Context, p Posting, kind DocumentKind) (Bottle, error) {
	if err := p.needReason(); err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, p.Act, twoPeople, kind, p.Bottle, func(w work, b *Bottle) (change, error) {
		f := finding{bottle: b.ID, book: b.Balance[b.home()], diff: p.Amount, at: w.now}
		ch := change{moves: []Move{w.move(b, Surplus, b.home(), p.Amount, string(kind))}}
		if kind == LossReport {
			if err := errors.Join(b.here(), b.has(b.home(), p.Amount)); err != nil {
				return change{}, err
			}
			f.diff = -p.Amount
			ch.moves[0].From, ch.moves[0].To = b.home(), Loss
		}
		if b.here() != nil {
			b.State, ch.place = Quarantined, back(b.Place)
			if err := openIncident(ctx, w.tx, w.now, "stock.ended_bottle", map[string]any{"document": p.ID, "bottle": b.ID, "amount_ul": p.Amount}); err != nil {
				return change{}, err
			}
		}
		told := *b
		ch.then = func() error {
			return s.wrote(ctx, w, told, Line{Method: ByVolume}, f, func(n Count, set Setting, st settlement) (Variance, error) {
				v, err := variance(ctx, w.tx, n, set, st, f)
				v.Document = p.ID
				return v, err
			})
		}
		return ch, nil
	})
}

// back is where a bottle stands that is here again.
func back(p Place) Place {
	if p == PlaceAway {
		return PlaceStore
	}
	return p
}

// settled reports why a bottle cannot leave the counter: something of it is promised to a dose or in doubt.
func (b Bottle) settled() error {
	if b.Balance[Reserved] != 0 || b.Balance[InDoubt] != 0 {
		return fault.New(fault.Conflict, "bottle.unsettled", "bottle %s has liquid reserved or in doubt", b.ID)
	}
	return nil
}

// Ending is the end of a bottle.
type Ending struct {
	Act
	Bottle BottleID
	Reading
	Tare measure.Weight // of the rinsed bottle, 0 when not weighed
}

// Empty ends the life of a bottle, by two people. What is still in an opened one is looked at first and poured away as
// waste, before a supervisor; a difference from the book is a loss or a surplus of its own. The weight of the rinsed bottle is kept when no
// tare was known.
func (s *Service) Empty(ctx context.Context, e Ending) (Bottle, error) {
	if e.Tare < 0 || e.Tare > maxTare {
		return Bottle{}, fault.New(fault.Invalid, "bottle.tare", "tare outside 0–%s", maxTare)
	}
	return s.finish(ctx, e, Emptying, Waste, Empty)
}

// Broken books a bottle that broke, by two people, for a reason: all that it held is waste, and an incident is open.
func (s *Service) Broken(ctx context.Context, a Act, key BottleID) (Bottle, error) {
	return s.finish(ctx, Ending{Act: a, Bottle: key}, Breaking, Waste, Broken)
}

// Destroy books the destruction of a bottle with all that it holds, by two people, for a reason. An opened one is looked
// into first.
func (s *Service) Destroy(ctx context.Context, e Ending) (Bottle, error) {
	return s.finish(ctx, e, Destroying, Destruction, Destroyed)
}

func (s *Service) finish(ctx context.Context, e Ending, kind DocumentKind, to Account, end BottleState) (Bottle, error) {
	if kind != Emptying {
		if err := e.needReason(); err != nil {
			return Bottle{}, err
		}
	}
	return s.onBottle(ctx, e.Act, twoPeople, kind, e.Bottle, func(w work, b *Bottle) (change, error) {
		if err := errors.Join(b.here(), b.settled()); err != nil {
			return change{}, err
		}
		if rest := b.Balance[Store]; kind == Emptying && rest != 0 {
			return change{}, fault.New(fault.Conflict, "bottle.not_empty", "bottle %s holds %s by the book", b.ID, rest).
				With("rest", rest.String())
		}
		was := b.State
		if err := s.beforeEnd(ctx, w, b, e, kind); err != nil {
			return change{}, err
		}
		ch := change{
			data:    e.said(map[string]any{"bottle": b.ID, "old": was, "tare_ug": e.Tare}),
			weights: w.weight(&Bottle{ID: b.ID}, WhenEmpty, e.Tare), // rinsed, it holds nothing
		}
		if v := b.Balance[b.home()]; v > 0 {
			if kind == Emptying && !w.act.supervised() {
				return change{}, unsupervised(b.ID)
			}
			ch.moves = append(ch.moves, w.move(b, b.home(), to, v, string(kind)))
		} else if v < 0 {
			return change{}, fault.New(fault.Conflict, "bottle.negative", "bottle %s holds %s by the book: report the surplus first", b.ID, v)
		}
		if b.TareWeight == 0 {
			b.TareWeight = e.Tare
		}
		b.State = end
		return ch, unmount(ctx, w, b.ID)
	})
}

// beforeEnd looks into an opened bottle whose rest is about to go. Of a broken one nothing is left to look at.
func (s *Service) beforeEnd(ctx context.Context, w work, b *Bottle, e Ending, kind DocumentKind) error {
	switch {
	case kind == Breaking:
		return openIncident(ctx, w.tx, w.now, "stock.broken", map[string]any{"document": e.ID, "bottle": b.ID, "reason": e.Reason})
	case b.OpenedAt.IsZero():
		return nil
	}
	return s.read(ctx, w, b, e.Reading, WhenEmpty)
}

// unmount takes a bottle that ended away from the pump where it stands.
func unmount(ctx context.Context, w work, b BottleID) error {
	station, err := w.tx.StationOf(ctx, b)
	if err != nil || station == "" {
		return err
	}
	if _, err := w.tx.LockCounter(ctx, station); err != nil {
		return err
	}
	return w.tx.Mount(ctx, station, "", w.now)
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
