package stock

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
)

// Reverse answers a mistaken line of a document with its opposite, by two people, for a reason. The lines of a dose are
// corrected by the dispensing; a bottle's receipt and its taking into use are not undone, because the bottle was in
// people's hands; a reversal is not reversed. A bottle that had ended and holds liquid again is in quarantine.
func (s *Service) Reverse(ctx context.Context, a Act, key MoveID) (Move, error) {
	if err := a.needReason(); err != nil {
		return Move{}, err
	}
	wrong, err := s.reversible(ctx, a, key)
	if err != nil {
		return Move{}, err
	}
	var reverse Move
	_, err = s.onBottle(ctx, a, twoPeople, Reversal, wrong.Bottle, func(w work, b *Bottle) (change, error) {
		done, err := w.tx.MoveReversed(ctx, key)
		if err != nil {
			return change{}, err
		}
		if done {
			return change{}, fault.New(fault.Conflict, "move.reversed", "move %s is reversed already", key)
		}
		if wrong.To.atHand() {
			if err := b.has(wrong.To, wrong.Amount); err != nil {
				return change{}, err
			}
		}
		ch := change{}
		if wrong.From.atHand() && b.here() != nil {
			b.State, ch.place = Quarantined, back(b.Place)
		}
		reverse = wrong.Reverse(id.New[MoveID](), string(a.ID), w.now)
		ch.moves = []Move{reverse}
		return ch, nil
	})
	if err != nil {
		return Move{}, err
	}
	if reverse.ID == "" { // the act was posted before
		return s.reversal(ctx, a)
	}
	return reverse, nil
}

// atHand reports whether liquid on the account is in the bottle.
func (a Account) atHand() bool { return a == Store || a == InBottle }

// reversible reads a move and refuses those that no document answers for.
func (s *Service) reversible(ctx context.Context, a Act, key MoveID) (m Move, err error) {
	err = s.ledger.InTx(ctx, a.Clinic, func(tx Tx) error {
		if m, err = tx.FindMove(ctx, key); err != nil {
			return err
		}
		if m.Reverses != "" {
			return fault.New(fault.Conflict, "move.is_reversal", "move %s is a reversal", key)
		}
		if m.From == Transferred || m.Reason == string(Consolidate) {
			return fault.New(fault.Conflict, "move.of_consolidation", "move %s joins two bottles: pour back by a consolidation", key)
		}
		doc, err := tx.FindDocument(ctx, DocumentID(m.Cause))
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Conflict, "move.of_dispensing", "move %s belongs to a dispensing", key)
		}
		if err != nil {
			return err
		}
		if m.From == Supplier || m.From == Store && m.To == InBottle {
			return fault.New(fault.Conflict, "move.final", "move %s of a %s is not undone", key, doc.Kind)
		}
		return nil
	})
	return m, err
}

// reversal finds the move of a reversal that was posted before.
func (s *Service) reversal(ctx context.Context, a Act) (Move, error) {
	moves, err := s.ledger.Moves(ctx, MoveFilter{Clinic: a.Clinic, Document: a.ID, Limit: 1})
	if err == nil && len(moves) == 0 {
		err = fmt.Errorf("reversal %s has no move", a.ID)
	}
	if err != nil {
		return Move{}, err
	}
	return moves[0], nil
}
