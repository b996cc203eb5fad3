package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

var errRefused = fault.New(fault.Refused, "test", "the rules say no")

func TestBeginWritesEverything(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		b := w.beginning(0, 0, 1)
		must(t, w.begin(t, s, b))

		got, err := s.Dispensings().Dispensing(t.Context(), w.clinic, b.Dispensing.ID)
		must(t, err)
		if diff := cmp.Diff(b.Dispensing, got); diff != "" {
			t.Error(diff)
		}
		steps, err := s.Dispensings().Steps(t.Context(), w.clinic, b.Dispensing.ID)
		must(t, err)
		if diff := cmp.Diff([]dispensing.Step{b.Step}, steps); diff != "" {
			t.Error(diff)
		}
		bottle, err := s.Stock().Bottle(t.Context(), w.clinic, w.bottles[0])
		must(t, err)
		if bottle.Balance[stock.Reserved] != b.Dispensing.Volume || bottle.Balance[stock.InBottle] != measure.Litre-b.Dispensing.Volume {
			t.Errorf("balance %v", bottle.Balance)
		}
		verified(t, s)
	})
}

func TestSituation(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 2, 1)
		sit, err := s.Dispensings().Situation(t.Context(), w.query(0, 0, ""))
		must(t, err)
		f := sit.Facts
		if f.Today != theDay || f.Order == nil || f.Order.ID != w.orders[0] || f.Order.Dose != 60*measure.Milligram || len(f.Order.Parts) != 1 {
			t.Errorf("today %s, order %+v", f.Today, f.Order)
		}
		if f.Station == nil || len(f.Station.Devices) != 2 || !f.Station.Devices[0].Verified || f.Station.Pump == nil || f.Station.Pump.MinDose != 100 {
			t.Errorf("station %+v", f.Station)
		}
		if f.Station.Bottle == nil || f.Station.Bottle.Balance[stock.InBottle] != measure.Litre || f.Station.Lot == nil || f.Station.Lot.ID != w.lot {
			t.Errorf("bottle %+v lot %+v", f.Station.Bottle, f.Station.Lot)
		}
		if f.Open != nil || f.LastDose != nil || sit.Existing != nil || sit.PackName != "vn" || sit.Clinic.Zone != "Asia/Ho_Chi_Minh" {
			t.Errorf("situation %+v", sit)
		}
	})
}

func TestAdvanceToTheSwallow(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		b := w.beginning(0, 0, 1)
		must(t, w.begin(t, s, b))
		d := b.Dispensing
		advance := func(kind dispensing.StepKind, edit func(*dispensing.Change)) {
			t.Helper()
			must(t, s.Dispensings().InTx(t.Context(), w.clinic, func(tx dispensing.Tx) error {
				locked, err := tx.Lock(t.Context(), d.ID)
				if err != nil {
					return err
				}
				c := w.change(locked, kind)
				edit(&c)
				d = c.Dispensing
				return tx.Advance(t.Context(), c)
			}))
		}
		advance(dispensing.StepDispensing, func(*dispensing.Change) {})
		advance(dispensing.StepMeasured, func(c *dispensing.Change) {
			c.Dispensing.PumpVolume, c.Dispensing.Measured, c.Dispensing.Agreed = 6000, 5990, true
			c.Dispensing.Weighed, c.Dispensing.WeighedKnown = 6_349_400, true
		})
		advance(dispensing.StepHandedOver, func(c *dispensing.Change) { c.Dispensing.HandedAt = eight.Add(time.Minute) })
		advance(dispensing.StepAdministered, func(c *dispensing.Change) {
			c.Moves = []stock.Move{
				w.move(d.Bottle, stock.Reserved, stock.Administered, 5990), w.move(d.Bottle, stock.Reserved, stock.InBottle, 10),
			}
			c.Dose = &dosing.Dose{Day: d.Day, Part: 1, Mass: d.Dose, Kind: dosing.Observed, At: eight}
			c.EndTicket = true
		})
		got, err := s.Dispensings().Dispensing(t.Context(), w.clinic, d.ID)
		must(t, err)
		if diff := cmp.Diff(d, got); diff != "" {
			t.Error(diff)
		}
		sit, err := s.Dispensings().Situation(t.Context(), w.query(0, 0, d.ID))
		must(t, err)
		if len(sit.Facts.Doses) != 1 || sit.Facts.LastDose == nil || sit.Facts.Doses[0] != *sit.Facts.LastDose || sit.Facts.Open != nil {
			t.Errorf("facts %+v", sit.Facts)
		}
		if sit.Existing == nil || cmp.Diff(d, *sit.Existing) != "" {
			t.Errorf("existing %+v", sit.Existing)
		}
		moves, err := s.Stock().Moves(t.Context(), stock.MoveFilter{Clinic: w.clinic})
		must(t, err)
		if m := moves[0]; len(moves) != 5+8 || m.FromAfter != 0 || m.ToAfter != measure.Litre-5990 {
			t.Errorf("%d moves, last %+v", len(moves), moves[0])
		}
		verified(t, s)
	})
}

// What changed at the window after the decision was read stops the dose.
func TestBeginLooksAtTheBottleOnceMore(t *testing.T) {
	for name, statement := range map[string]string{
		"unmounted":   "UPDATE station SET bottle = NULL",
		"quarantined": "UPDATE bottle SET state = 'quarantined'",
		"recalled":    "UPDATE lot SET state = 'recalled'",
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s *Store) {
				w := newWorld(t, s, 1, 1, 1)
				must(t, s.write.Exec(statement).Error)
				if err := w.begin(t, s, w.beginning(0, 0, 1)); !fault.Is(err, fault.Conflict) {
					t.Errorf("error %v", err)
				}
				verified(t, s)
			})
		})
	}
}

// Both ways of writing a change leave the same rows behind; the stepwise one serves SQLite and whatever the one
// statement does not fit.
func TestStepwiseWritesTheSame(t *testing.T) {
	t.Parallel()
	s := onPostgres(t, Options{})
	w := newWorld(t, s, 1, 2, 2)
	at, steps := w.beginning(0, 0, 1), w.beginning(1, 1, 1)
	must(t, w.begin(t, s, at))
	must(t, s.inTx(t.Context(), w.clinic, func(tx *Tx) error { return tx.beginStepwise(t.Context(), steps) }))
	finish := func(d dispensing.Dispensing, advance func(*Tx, dispensing.Change) error) {
		must(t, s.inTx(t.Context(), w.clinic, func(tx *Tx) error {
			measured := w.change(d, dispensing.StepMeasured)
			measured.Dispensing.Measured, measured.Dispensing.Agreed = 5990, true
			if err := advance(tx, measured); err != nil {
				return err
			}
			last := w.change(measured.Dispensing, dispensing.StepAdministered,
				w.move(d.Bottle, stock.Reserved, stock.Administered, 5990), w.move(d.Bottle, stock.Reserved, stock.InBottle, 10))
			last.Dose = &dosing.Dose{Day: d.Day, Part: 1, Mass: d.Dose, Kind: dosing.Observed, At: eight}
			return advance(tx, last)
		}))
	}
	finish(at.Dispensing, func(tx *Tx, c dispensing.Change) error { return tx.advanceAtOnce(c) })
	finish(steps.Dispensing, func(tx *Tx, c dispensing.Change) error { return tx.advanceStepwise(t.Context(), c) })
	verified(t, s)
	a, err := s.Dispensings().Dispensing(t.Context(), w.clinic, at.Dispensing.ID)
	must(t, err)
	b, err := s.Dispensings().Dispensing(t.Context(), w.clinic, steps.Dispensing.ID)
	must(t, err)
	if diff := cmp.Diff(a.Progress, b.Progress); diff != "" {
		t.Error(diff)
	}
	for i := range 2 {
		x, err := s.Stock().Bottle(t.Context(), w.clinic, w.bottles[i])
		must(t, err)
		if x.Balance[stock.Administered] != 5990 || x.Balance[stock.InBottle] != measure.Litre-5990 || x.Balance[stock.Reserved] != 0 {
			t.Errorf("bottle %d: %v", i, x.Balance)
		}
	}
}

// verified fails the test for everything that the sweep finds.
func verified(t testing.TB, s *Store) {
	t.Helper()
	must(t, s.Verify(t.Context(), func(f Finding) { t.Error(f) }))
}
