package store

import (
	"context"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
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
