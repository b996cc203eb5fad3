package stock

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// TracedDose is one pour from a bottle, with whom it was for.
type TracedDose struct {
	Dispensing string
	Patient    string
	Lot        LotID
	Bottle     BottleID
	Day        calendar.Day
	State      string // of the dispensing
	Measured   measure.Volume
	Dose       measure.Mass
	Recorded   calendar.Instant
}

// Trace is everything that became of a lot.
type Trace struct {
	Lot     Lot
	Bottles []Bottle
	Moves   []Move // oldest first
	Doses   []TracedDose
}

// Trace follows a lot to every bottle, move, dose and patient. The reading is audited.
func (s *Service) Trace(ctx context.Context, c clinic.ID, by staff.Member, key LotID) (t Trace, err error) {
	if err := by.Require(c, staff.TraceStock); err != nil {
		return Trace{}, err
	}
	if t.Lot, err = s.ledger.Lot(ctx, c, key); err != nil {
		return Trace{}, err
	}
	if t.Bottles, err = every(func(after BottleID) ([]Bottle, error) {
		return s.ledger.Bottles(ctx, BottleFilter{Clinic: c, Lot: key, After: after, Limit: MaxPage})
	}, func(b Bottle) BottleID { return b.ID }); err != nil {
		return Trace{}, err
	}
	if t.Moves, err = every(func(before MoveID) ([]Move, error) {
		return s.ledger.Moves(ctx, MoveFilter{Clinic: c, Lot: key, Before: before, Limit: MaxPage})
	}, func(m Move) MoveID { return m.ID }); err != nil {
		return Trace{}, err
	}
	for i, j := 0, len(t.Moves)-1; i < j; i, j = i+1, j-1 {
		t.Moves[i], t.Moves[j] = t.Moves[j], t.Moves[i]
	}
	if t.Doses, err = s.ledger.Trace(ctx, c, key); err != nil {
		return Trace{}, err
	}
	return t, s.readTrace(ctx, c, by, "lot.trace", string(key), len(t.Doses))
}

// PatientLots follows a patient back to every lot and bottle that was poured for them. The reading is audited.
func (s *Service) PatientLots(ctx context.Context, c clinic.ID, by staff.Member, patient string) ([]TracedDose, error) {
	if err := by.Require(c, staff.TraceStock); err != nil {
		return nil, err
	}
	doses, err := s.ledger.PatientLots(ctx, c, patient)
	if err != nil {
		return nil, err
	}
	return doses, s.readTrace(ctx, c, by, "patient.lots", patient, len(doses))
}

func (s *Service) readTrace(ctx context.Context, c clinic.ID, by staff.Member, action, subject string, n int) error {
	return s.ledger.InTx(ctx, c, func(tx Tx) error {
		return tx.Record(ctx, by.Entry(s.instant(), action, subject, audit.Data(map[string]any{"doses": n})))
	})
}

// every reads all pages of a list.
func every[T any, K ~string](read func(from K) ([]T, error), key func(T) K) (all []T, err error) {
	var from K
	for {
		page, err := read(from)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < MaxPage {
			return all, nil
		}
		from = key(page[len(page)-1])
	}
}
