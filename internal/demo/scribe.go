package demo

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// scribe is the transaction of the dose workflow on a fresh clinic: it knows the facts by heart, keeps what the workflow
// writes, and loads it into the store many rows at a time. Twenty thousand doses would take minutes otherwise. The
// workflow, its rule book and the store's constraints are those of every dose; until the story is told, nobody else
// changes anything.
type scribe struct {
	dispensing.Tx // for whatever is not a dose, such as the state of a device
	shared        *store.Tx
	ch            *chapter
	stall         *stall
	file          *file

	history store.History
	at      map[dispensing.ID]int // in history.Dispensings
	drifts  map[chartKey]calibration.Drift
}

// chartKey names a control chart.
type chartKey struct {
	station equipment.StationID
	lot     stock.LotID
}

func newScribe(tx *store.Tx, ch *chapter) *scribe {
	return &scribe{Tx: tx, shared: tx, ch: ch, at: map[dispensing.ID]int{}, drifts: map[chartKey]calibration.Drift{}}
}

// about says at which window the next act is, and whose dose it is; nil for the same as before.
func (s *scribe) about(st *stall, f *file) {
	s.stall = st
	if f != nil {
		s.file = f
	}
}

// flush loads what was kept. It comes before any other act on a bottle or a station, and at the end of the day.
func (s *scribe) flush(ctx context.Context) error {
	h := s.history
	s.history, s.at = store.History{}, map[dispensing.ID]int{}
	for key, d := range s.drifts {
		if err := s.shared.SetDrift(ctx, d); err != nil {
			return err
		}
		delete(s.drifts, key)
	}
	return s.shared.LoadHistory(ctx, h)
}

// FindDrift implements dispensing.Tx.
func (s *scribe) FindDrift(ctx context.Context, st equipment.StationID, lot stock.LotID) (calibration.Drift, error) {
	if d, ok := s.drifts[chartKey{st, lot}]; ok {
		return d, nil
	}
	return s.shared.FindDrift(ctx, st, lot)
}

// SetDrift implements dispensing.Tx.
func (s *scribe) SetDrift(_ context.Context, d calibration.Drift) error {
	s.drifts[chartKey{d.Station, d.Lot}] = d
	return nil
}

// LockSituation implements dispensing.Tx.
func (s *scribe) LockSituation(_ context.Context, q dispensing.Query) (dispensing.Situation, error) {
	c, f := s.ch.clinic, s.file
	today := s.ch.cal.Day(q.Now)
	facts := dosing.Facts{
		Now: q.Now, Today: today, Status: f.Patient.Status, Phase: f.Patient.Phase, EnrolledOn: f.EnrolledOn, Holds: f.holds,
		Doses: f.doses[max(0, len(f.doses)-2*dosing.HistoryDays):], Station: s.window(),
	}
	if n := len(f.doses); n > 0 {
		facts.LastDose = &f.doses[n-1]
	}
	switch {
	case f.order.Covers(today):
		facts.Order = &f.order
	case f.order.To < today:
		facts.LastOrder = &f.order
	}
	return dispensing.Situation{
		Facts: facts, Clinic: c, PackName: c.RulePack, PackVersion: c.RulePackVersion, Adopted: c.AdoptedBy != "",
	}, nil
}

func (s *scribe) window() *dosing.StationFacts {
	bottle, profile := s.stall.bottle, s.stall.pump.Profile
	bottle.Balance = stock.Balance{stock.InBottle: s.stall.left}
	facts := &dosing.StationFacts{ID: s.stall.ID, Bottle: &bottle, Pump: &profile}
	if lot, ok := s.ch.lot(bottle.Lot); ok {
		facts.Lot = &lot
	}
	for _, kind := range []equipment.DeviceKind{equipment.Pump, equipment.Scale, equipment.Scanner} {
		facts.Devices = append(facts.Devices, dosing.DeviceFact{Kind: kind, State: equipment.Ready, Verified: true})
	}
	return facts
}

// Begin implements dispensing.Tx.
func (s *scribe) Begin(ctx context.Context, b dispensing.Beginning) error {
	s.at[b.Dispensing.ID] = len(s.history.Dispensings)
	s.history.Dispensings = append(s.history.Dispensings, b.Dispensing)
	s.history.Steps = append(s.history.Steps, b.Step)
	s.history.Moves = append(s.history.Moves, b.Move)
	return s.shared.Record(ctx, b.Audit)
}

// Lock implements dispensing.Tx.
func (s *scribe) Lock(_ context.Context, key dispensing.ID) (dispensing.Dispensing, error) {
	i, ok := s.at[key]
	if !ok {
		return dispensing.Dispensing{}, fault.New(fault.NotFound, "dispensing.not_found", "no such dispensing")
	}
	return s.history.Dispensings[i], nil
}

// Advance implements dispensing.Tx.
func (s *scribe) Advance(ctx context.Context, c dispensing.Change) error {
	s.history.Dispensings[s.at[c.Dispensing.ID]] = c.Dispensing
	s.history.Steps = append(s.history.Steps, c.Step)
	s.history.Moves = append(s.history.Moves, c.Moves...)
	if c.Dose != nil {
		s.history.Doses = append(s.history.Doses, store.HistoryDose{
			Dose: *c.Dose, Patient: c.Dispensing.Patient, Dispensing: c.Dispensing.ID,
		})
		s.file.doses = append(s.file.doses, *c.Dose)
		s.file.Patient.Status = patient.InTreatment
	}
	return s.shared.Record(ctx, c.Audit)
}

// LockStation implements dispensing.Tx.
func (s *scribe) LockStation(context.Context, equipment.StationID) (equipment.Station, error) {
	return s.stall.Station, nil
}

// AppendRecord implements dispensing.Tx.
func (s *scribe) AppendRecord(_ context.Context, r stationlog.Record, signed stationlog.Signed, recorded calendar.Instant) error {
	s.history.Records = append(s.history.Records, store.HistoryRecord{Record: r, Signed: signed, Recorded: recorded})
	s.stall.EventSeq, s.stall.EventHash = r.Seq, []byte(signed.Hash())
	return nil
}
