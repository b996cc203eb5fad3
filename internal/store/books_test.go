package store

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// A register's opening is what was there before its period, wherever the period is cut, and its closing what is there
// after it.
func TestLedgerOfAProduct(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 2)
		for i, m := range []stock.Move{
			w.move(w.bottles[0], stock.InBottle, stock.Administered, 6*measure.Millilitre),
			w.move(w.bottles[1], stock.InBottle, stock.Purge, 2*measure.Millilitre),
			w.move(w.bottles[1], stock.InBottle, stock.Reserved, 5*measure.Millilitre),
			w.move(w.bottles[0], stock.Surplus, stock.InBottle, 1*measure.Millilitre),
		} {
			m.Recorded = eight.Add(time.Duration(i+1) * time.Hour)
			must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.PostMoves(ctx, []stock.Move{m}) }))
		}
		const everything = calendar.Instant(1 << 60)
		r := s.Records()
		for i, want := range []struct{ opening, closing measure.Volume }{
			{2_000_000, 1_994_000}, {1_994_000, 1_992_000}, {1_992_000, 1_992_000}, {1_992_000, 1_993_000}, {1_993_000, 1_993_000},
		} {
			from := eight.Add(time.Duration(i+1) * time.Hour)
			to := from.Add(time.Hour)
			l, err := r.Ledger(t.Context(), w.clinic, w.product, from, to)
			must(t, err)
			p := book.Register(l.Opening, l.Moves, func(calendar.Instant) calendar.Day { return theDay }, false)
			if p.Opening != want.opening || p.Closing != want.closing {
				t.Errorf("hour %d: %d to %d, want %+v", i, p.Opening, p.Closing, want)
			}
			f, err := r.Flows(t.Context(), w.clinic, w.product, from, to)
			must(t, err)
			sums := book.Sums{}
			for _, m := range f.Moves {
				sums.Add(m)
			}
			if f.Opening != l.Opening || f.Opening+sums.Net() != p.Closing {
				t.Errorf("hour %d: added up %d %+v", i, f.Opening, sums)
			}
		}
		whole, err := r.Ledger(t.Context(), w.clinic, w.product, 1, everything)
		must(t, err)
		p := book.Register(whole.Opening, whole.Moves, func(calendar.Instant) calendar.Day { return theDay }, false)
		if p.Opening != 0 || p.Closing != 1_993_000 {
			t.Errorf("from the beginning: %d to %d", p.Opening, p.Closing)
		}
		other := newWorld(t, s, 2, 1, 1)
		if l, err := r.Ledger(t.Context(), other.clinic, w.product, 1, everything); err != nil || len(l.Moves) != 0 || l.Opening != 0 {
			t.Errorf("another clinic sees %+v, %v", l, err)
		}
	})
}

// A dose of two moves is one dose, on both engines.
func TestFlowsCountADoseOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		var moves []stock.Move
		for i, cause := range []string{"d1", "d1", "d2"} {
			m := w.move(w.bottles[0], stock.InBottle, stock.Administered, measure.Volume(1000+i))
			if m.Cause, m.Recorded = cause, eight.Add(time.Hour); i == 0 {
				m.From = stock.Reserved
			}
			moves = append(moves, m)
		}
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			return tx.PostMoves(ctx, append([]stock.Move{w.move(w.bottles[0], stock.InBottle, stock.Reserved, 1000)}, moves...))
		}))
		l, err := s.Records().Flows(t.Context(), w.clinic, w.product, eight, eight.Add(2*time.Hour))
		must(t, err)
		if l.Doses != 2 {
			t.Errorf("%d doses", l.Doses)
		}
	})
}

// Whatever is posted and taken back, on both engines: the registers of any window begin with what the accounts held at its
// beginning and end with what they held at its end, and a correction and what it corrects name each other.
func TestRegistersFollowTheLedger(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 2)
		seed := uint64(time.Now().UnixNano())
		r := rand.New(rand.NewPCG(seed, 1))
		t.Logf("seed %d", seed)
		outside := []stock.Account{stock.Administered, stock.Waste, stock.Purge, stock.Loss, stock.Surplus, stock.Returned, stock.Transferred, stock.Reserved}
		held, corrections := []measure.Volume{2 * measure.Litre}, 0
		var posted []stock.Move
		const steps = 60
		for i := range steps {
			m := w.move(w.bottles[r.IntN(2)], stock.InBottle, outside[r.IntN(len(outside))], measure.Volume(1+r.IntN(5000)))
			if m.To == stock.Surplus {
				m.From, m.To = m.To, m.From
			}
			if len(posted) > 0 && r.IntN(4) == 0 {
				at := r.IntN(len(posted))
				m = posted[at].Reverse(id.New[stock.MoveID](), id.New[string](), 0)
				posted = slices.Delete(posted, at, at+1) // a move is reversed once
				corrections++
			}
			m.Occurred, m.Recorded = eight.Add(time.Duration(i+1)*time.Minute), eight.Add(time.Duration(i+1)*time.Minute)
			must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error { return tx.PostMoves(ctx, []stock.Move{m}) }))
			if m.Reverses == "" {
				posted = append(posted, m)
			}
			held = append(held, holds(t, s, w))
		}
		for range 40 {
			from, to := r.IntN(steps+1), r.IntN(steps+1)
			from, to = min(from, to), max(from, to)
			l, err := s.Records().Ledger(t.Context(), w.clinic, w.product, eight.Add(time.Duration(from+1)*time.Minute), eight.Add(time.Duration(to+1)*time.Minute))
			must(t, err)
			controlled := book.ControlledRegister(l.Opening, l.Moves)
			narcotic := book.Register(l.Opening, l.Moves, func(calendar.Instant) calendar.Day { return theDay }, false)
			if controlled.Opening != held[from] || controlled.Closing != held[to] || narcotic.Closing != held[to] {
				t.Fatalf("seed %d: minutes %d to %d: %d to %d and %d, the accounts held %d and %d", seed, from, to, controlled.Opening,
					controlled.Closing, narcotic.Closing, held[from], held[to])
			}
		}
		whole, err := s.Records().Ledger(t.Context(), w.clinic, w.product, eight.Add(time.Minute), eight.Add(24*time.Hour))
		must(t, err)
		entries := map[book.Ref]book.Entry{}
		for _, e := range book.ControlledRegister(whole.Opening, whole.Moves).Entries {
			entries[e.Ref] = e
		}
		for ref, e := range entries {
			for _, c := range e.Corrects {
				wrong := entries[c.Ref]
				if len(wrong.CorrectedBy) != 1 || wrong.CorrectedBy[0].Ref != ref || e.Amount != -wrong.Amount {
					t.Errorf("seed %d: %+v corrects %+v", seed, e, wrong)
				}
			}
		}
		if corrections == 0 {
			t.Errorf("seed %d: nothing was taken back", seed)
		}
	})
}

// holds is what the bottles' accounts hold.
func holds(t *testing.T, s *Store, w world) measure.Volume {
	t.Helper()
	sum := measure.Volume(0)
	for _, key := range w.bottles {
		b, err := s.Stock().Bottle(t.Context(), w.clinic, key)
		must(t, err)
		sum += book.Held(b.Balance)
	}
	return sum
}

// The link that a day's page prints is the last one of that day.
func TestChainAt(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		first, err := s.Records().ChainAt(t.Context(), w.clinic, calendar.Instant(1<<60))
		must(t, err)
		must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
			e := w.entry("later")
			e.Recorded = first.Recorded.Add(48 * time.Hour)
			return tx.Record(ctx, e)
		}))
		again, err := s.Records().ChainAt(t.Context(), w.clinic, first.Recorded.Add(24*time.Hour))
		must(t, err)
		if again.Seq != first.Seq || string(again.Hash) != string(first.Hash) || len(first.Hash) == 0 {
			t.Errorf("%d, then %d", first.Seq, again.Seq)
		}
		none, err := s.Records().ChainAt(t.Context(), w.clinic, 1)
		if err != nil || none.Seq != 0 {
			t.Errorf("%+v, %v", none, err)
		}
	})
}
