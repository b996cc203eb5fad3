package store

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/stock"
)

type calibrations struct{ *Store }

// Calibration is the store of package calibration.
func (s *Store) Calibration() calibration.Store { return calibrations{s} }

var _ calibration.Tx = (*Tx)(nil)

func (s calibrations) InTx(ctx context.Context, c clinic.ID, fn func(calibration.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

func (s calibrations) Check(ctx context.Context, c clinic.ID, key calibration.CheckID) (calibration.Check, error) {
	return readCheck(s.read.WithContext(ctx), c, key)
}

func readCheck(db *gorm.DB, c clinic.ID, key calibration.CheckID) (calibration.Check, error) {
	r, err := take[checkRow](db, "check", "id = ? AND clinic = ?", key, c)
	if err != nil {
		return calibration.Check{}, err
	}
	checks, err := wholeChecks(db, []checkRow{r})
	if err != nil {
		return calibration.Check{}, err
	}
	return checks[0], nil
}

func (s calibrations) Checks(ctx context.Context, f calibration.Filter) ([]calibration.Check, error) {
	db := s.read.WithContext(ctx)
	rows, err := list[checkRow](ofStation(db, f))
	if err != nil {
		return nil, err
	}
	return wholeChecks(db, rows)
}

// ofStation chooses a page of a station's records, newest first.
func ofStation(db *gorm.DB, f calibration.Filter) *gorm.DB {
	db = db.Where("clinic = ?", f.Clinic)
	if f.Station != "" {
		db = db.Where("station = ?", f.Station)
	}
	if f.Before != "" {
		db = db.Where("id < ?", f.Before)
	}
	return db.Order("id DESC").Limit(page(f.Limit, 20, 200))
}

// wholeChecks adds to each header what belongs to it.
func wholeChecks(db *gorm.DB, rows []checkRow) ([]calibration.Check, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]calibration.CheckID, len(rows))
	out := make([]calibration.Check, len(rows))
	at := make(map[calibration.CheckID]*calibration.Check, len(rows))
	for i, r := range rows {
		c, err := toCheck(r)
		if err != nil {
			return nil, err
		}
		out[i], ids[i] = c, r.ID
		at[r.ID] = &out[i]
	}
	weighings, err := list[weighingRow](db.Where("station_check IN ?", ids).Order("station_check, seq"))
	if err != nil {
		return nil, err
	}
	for _, w := range weighings {
		at[w.StationCheck].Weighings = append(at[w.StationCheck].Weighings, toWeighing(w))
	}
	results, err := list[resultRow](db.Where("station_check IN ?", ids))
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		result, err := toResult(r)
		if err != nil {
			return nil, err
		}
		at[r.StationCheck].Result = &result
	}
	pours, err := readPours(db, db.Where("station_check IN ?", ids).Order("id"))
	for _, p := range pours {
		at[p.Check].Pours = append(at[p.Check].Pours, p)
	}
	return out, err
}

// readPours reads the pours that a query of headers chooses, with where each stands.
func readPours(db, headers *gorm.DB) ([]calibration.Pour, error) {
	rows, err := list[wastePourRow](headers)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	ids := make([]calibration.PourID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	states, err := list[pourStateRow](db.Where("pour IN ?", ids))
	if err != nil {
		return nil, err
	}
	byID := make(map[calibration.PourID]pourStateRow, len(states))
	for _, s := range states {
		byID[s.Pour] = s
	}
	return convert(rows, nil, func(r wastePourRow) calibration.Pour { return toPour(r, byID[r.ID]) })
}

func (s calibrations) Pour(ctx context.Context, c clinic.ID, key calibration.PourID) (calibration.Pour, error) {
	return onePour(s.read.WithContext(ctx), c, key, false)
}

// onePour reads a pour, its state last: with a lock it is the newest.
func onePour(db *gorm.DB, c clinic.ID, key calibration.PourID, lock bool) (calibration.Pour, error) {
	// What a counter reports may name anything; an id that PostgreSQL cannot read would end the transaction.
	if _, err := id.Parse[calibration.PourID](string(key)); err != nil {
		return calibration.Pour{}, found("pour", errNoRow)
	}
	r, err := take[wastePourRow](db, "pour", "id = ? AND clinic = ?", key, c)
	if err != nil {
		return calibration.Pour{}, err
	}
	if lock {
		db = db.Clauses(clause.Locking{Strength: "NO KEY UPDATE"})
	}
	st, err := take[pourStateRow](db, "pour", "pour = ?", key)
	return toPour(r, st), err
}

func (s calibrations) Primes(ctx context.Context, f calibration.Filter) ([]calibration.Pour, error) {
	db := s.read.WithContext(ctx)
	return readPours(db, ofStation(db, f).Where("station_check IS NULL"))
}

func (s calibrations) OpenPours(ctx context.Context, c clinic.ID, st equipment.StationID) ([]calibration.Pour, error) {
	db := s.read.WithContext(ctx)
	open := db.Model(&pourStateRow{}).Select("pour").Where("clinic = ? AND open = ?", c, true)
	if st != "" {
		open = open.Where("station = ?", st)
	}
	return readPours(db, db.Where("id IN (?)", open).Order("id"))
}

func (s calibrations) Standings(ctx context.Context, c clinic.ID) (map[equipment.StationID]calibration.Standing, error) {
	rows, err := list[standingRow](s.read.WithContext(ctx).Where("clinic = ?", c))
	out := make(map[equipment.StationID]calibration.Standing, len(rows))
	for _, r := range rows {
		out[r.Station] = toStanding(r)
	}
	return out, err
}

func (s calibrations) Drifts(ctx context.Context, c clinic.ID) ([]calibration.Drift, error) {
	rows, err := list[driftRow](s.read.WithContext(ctx).Where("clinic = ?", c).Order("station, lot"))
	return convert(rows, err, toDrift)
}

// weighedSQL reads the doses of a control chart: those that a station's counter poured with its pump and weighed.
const weighedSQL = `SELECT d.id, t.event, t.occurred, s.pump_ul, s.weighed_ug, d.density_ug_ml
FROM dispensing d
JOIN dispensing_state s ON s.dispensing = d.id
JOIN dispensing_step t ON t.dispensing = d.id AND t.kind = 'measured' AND t.actor_kind = 'station'
WHERE d.clinic = ? AND d.station = ? AND d.lot = ? AND d.density_ug_ml > 0 AND s.weighed_known AND s.pump_ul > 0
ORDER BY t.event DESC LIMIT ?`

func (s calibrations) Weighed(ctx context.Context, c clinic.ID, st equipment.StationID, lot stock.LotID, limit int) ([]calibration.Weighed, error) {
	var rows []weighedRow
	if err := s.report.WithContext(ctx).Raw(weighedSQL, c, st, lot, limit).Scan(&rows).Error; err != nil {
		return nil, mapError(err)
	}
	out := make([]calibration.Weighed, 0, len(rows))
	for _, r := range rows {
		w := calibration.Weighed{Dispensing: r.ID, Event: r.Event, At: r.Occurred}
		w.Pump = r.PumpUl
		var err error
		if w.Scale, err = r.DensityUgMl.Volume(r.WeighedUg); err == nil {
			out = append(out, w)
		}
	}
	return out, nil
}

func (s calibrations) Recalibrations(ctx context.Context, f calibration.Filter) ([]calibration.Recalibration, error) {
	rows, err := list[recalibrationRow](ofStation(s.read.WithContext(ctx), f))
	return convert(rows, err, toRecalibration)
}

func (s calibrations) Limits(ctx context.Context, c clinic.ID) (calibration.SetLimits, error) {
	return readLimits(s.read.WithContext(ctx), c)
}

func readLimits(db *gorm.DB, c clinic.ID) (calibration.SetLimits, error) {
	r, err := take[limitsRow](db.Order("seq DESC"), "limits", "clinic = ?", c)
	if err != nil {
		return calibration.SetLimits{}, err
	}
	out := calibration.SetLimits{Seq: r.Seq, By: r.ByStaff, Recorded: r.Recorded}
	err = json.Unmarshal([]byte(r.Limits), &out.Limits)
	return out, err
}

// FindLimits implements calibration.Tx.
func (t *Tx) FindLimits(context.Context) (calibration.SetLimits, error) {
	return readLimits(t.db, t.clinic)
}

// InsertLimits implements calibration.Tx.
func (t *Tx) InsertLimits(_ context.Context, l calibration.SetLimits) error {
	text, err := json.Marshal(l.Limits)
	if err != nil {
		return err
	}
	return insert(t, limitsRow{Clinic: t.clinic, Seq: l.Seq, Limits: string(text), ByStaff: l.By, Recorded: l.Recorded})
}

// Mounted implements calibration.Tx.
func (t *Tx) Mounted(_ context.Context, key stock.BottleID) (stock.Bottle, stock.Lot, error) {
	r, err := take[bottleRow](t.db, "bottle", "id = ? AND clinic = ?", key, t.clinic)
	if err != nil {
		return stock.Bottle{}, stock.Lot{}, err
	}
	b, err := withBalance(t.db, r)
	if err != nil {
		return stock.Bottle{}, stock.Lot{}, err
	}
	l, err := take[lotRow](t.db, "lot", "id = ?", r.Lot)
	return b, toLot(l), err
}

// FindCheck implements calibration.Tx.
func (t *Tx) FindCheck(_ context.Context, key calibration.CheckID) (calibration.Check, error) {
	return readCheck(t.db, t.clinic, key)
}

// InsertCheck implements calibration.Tx.
func (t *Tx) InsertCheck(_ context.Context, c calibration.Check) error {
	if err := t.sameClinic(c.Clinic); err != nil {
		return err
	}
	r, err := fromCheck(c)
	if err == nil {
		err = insert(t, r)
	}
	if err != nil {
		return fmt.Errorf("check %s: %w", c.ID, err)
	}
	return nil
}

// InsertWeighing implements calibration.Tx.
func (t *Tx) InsertWeighing(_ context.Context, w calibration.Weighing, c clinic.ID) error {
	return insert(t, weighingRow{
		StationCheck: w.Check, Seq: w.Seq, Clinic: c, NominalUg: w.Nominal, ShownUg: w.Shown, ToleranceUg: w.Tolerance,
		Weights: w.Weights, ScaleSerial: w.ScaleSerial, ByStaff: w.By, Recorded: w.Recorded,
	})
}

// InsertResult implements calibration.Tx.
func (t *Tx) InsertResult(_ context.Context, r calibration.Result, c clinic.ID) error {
	figures, err := json.Marshal(r.Figures)
	if err != nil {
		return err
	}
	return insert(t, resultRow{
		StationCheck: r.Check, Clinic: c, Passed: flag(r.Passed), Figures: string(figures), ByStaff: r.By, Recorded: r.Recorded,
	})
}

// FindPour implements calibration.Tx.
func (t *Tx) FindPour(_ context.Context, key calibration.PourID) (calibration.Pour, error) {
	return onePour(t.db, t.clinic, key, false)
}

// LockPour implements calibration.Tx and dispensing.Tx.
func (t *Tx) LockPour(_ context.Context, key calibration.PourID) (calibration.Pour, error) {
	return onePour(t.db, t.clinic, key, true)
}

// BeginPour implements calibration.Tx.
func (t *Tx) BeginPour(ctx context.Context, c calibration.PourChange) error {
	if err := t.sameClinic(c.Pour.Clinic); err != nil {
		return err
	}
	header, state := fromPour(c.Pour)
	if err := insert(t, header); err != nil {
		return fmt.Errorf("pour %s: %w", c.Pour.ID, err)
	}
	if err := insert(t, state); err != nil {
		return fmt.Errorf("pour %s: %w", c.Pour.ID, err)
	}
	if err := t.pourStep(ctx, c); err != nil {
		return err
	}
	n, err := t.exec("UPDATE bottle_balance SET check_pour = ? WHERE id = ? AND clinic = ? AND check_pour IS NULL",
		c.Pour.ID, c.Pour.Bottle, t.clinic)
	if err == nil && n != 1 {
		return errTaken
	}
	return mapError(err)
}

// AdvancePour implements calibration.Tx and dispensing.Tx.
func (t *Tx) AdvancePour(ctx context.Context, c calibration.PourChange) error {
	_, state := fromPour(c.Pour)
	r := t.db.Model(&pourStateRow{}).
		Where("pour = ? AND clinic = ? AND steps = ? AND state = ?", c.Pour.ID, t.clinic, c.Step.Seq-1, c.Step.From).
		Select("state", "open", "steps", "pump_ul", "pump_known", "gross_before_ug", "gross_after_ug", "division_ug", "weight_known",
			"pump_serial", "scale_serial", "reason", "booked_ul").
		Updates(state)
	if r.Error != nil {
		return mapError(r.Error)
	}
	if r.RowsAffected != 1 {
		return errStale
	}
	if c.Incident != "" {
		err := insert(t, incidentRow{
			ID: id.New[string](), Clinic: t.clinic, Kind: c.Incident, Opened: c.Step.Recorded,
			Data: fmt.Sprintf(`{"pour":%q,"station":%q,"event":%d}`, c.Pour.ID, c.Step.Actor, c.Step.Event),
		})
		if err != nil {
			return err
		}
	}
	if err := t.pourStep(ctx, c); err != nil {
		return err
	}
	if c.Pour.State.AtPump() {
		return nil
	}
	_, err := t.exec("UPDATE bottle_balance SET check_pour = NULL WHERE id = ? AND clinic = ? AND check_pour = ?",
		c.Pour.Bottle, t.clinic, c.Pour.ID)
	return mapError(err)
}

// pourStep writes the step with its moves and its place in the chain of changes.
func (t *Tx) pourStep(ctx context.Context, c calibration.PourChange) error {
	s := c.Step
	err := insert(t, pourStepRow{
		Pour: s.Pour, Seq: s.Seq, Clinic: t.clinic, Kind: s.Kind, FromState: s.From, ToState: s.To, ActorKind: s.ActorKind,
		Actor: s.Actor, Witness: s.Witness, Event: s.Event, Data: string(s.Data), Occurred: s.Occurred, Recorded: s.Recorded,
	})
	if err != nil {
		return fmt.Errorf("step %d of pour %s: %w", s.Seq, s.Pour, err)
	}
	if err := t.PostMoves(ctx, c.Moves); err != nil {
		return err
	}
	return t.Record(ctx, c.Audit)
}

// ExpiredPours implements calibration.Tx.
func (t *Tx) ExpiredPours(_ context.Context, now calendar.Instant) ([]calibration.PourID, error) {
	rows, err := list[pourStateRow](t.db.
		Where("clinic = ? AND open = ? AND state = 'reserved' AND lease < ?", t.clinic, true, now).Order("lease").Limit(100))
	return convert(rows, err, func(r pourStateRow) calibration.PourID { return r.Pour })
}

// FindStanding implements calibration.Tx.
func (t *Tx) FindStanding(_ context.Context, st equipment.StationID) (calibration.Standing, error) {
	rows, err := list[standingRow](t.db.Where("station = ? AND clinic = ?", st, t.clinic))
	if err != nil || len(rows) == 0 {
		return calibration.Standing{Station: st, Clinic: t.clinic}, err
	}
	return toStanding(rows[0]), nil
}

// SetStanding implements calibration.Tx.
func (t *Tx) SetStanding(_ context.Context, s calibration.Standing) error {
	if err := t.sameClinic(s.Clinic); err != nil {
		return err
	}
	r := fromStanding(s)
	return mapError(t.db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "station"}}, UpdateAll: true}).Create(&r).Error)
}

// FindRecalibration implements calibration.Tx.
func (t *Tx) FindRecalibration(_ context.Context, key calibration.RecalibrationID) (calibration.Recalibration, error) {
	r, err := take[recalibrationRow](t.db, "recalibration", "id = ? AND clinic = ?", key, t.clinic)
	return toRecalibration(r), err
}

// InsertRecalibration implements calibration.Tx.
func (t *Tx) InsertRecalibration(_ context.Context, r calibration.Recalibration) error {
	if err := t.sameClinic(r.Clinic); err != nil {
		return err
	}
	return insert(t, recalibrationRow{
		ID: r.ID, Clinic: r.Clinic, Station: r.Station, Device: r.Device, Kind: r.Kind, Method: r.Method,
		FactorBefore: r.FactorBefore, FactorAfter: r.FactorAfter, Note: r.Note, ByStaff: r.By, Recorded: r.Recorded,
	})
}

// ResetDrift implements calibration.Tx.
func (t *Tx) ResetDrift(_ context.Context, st equipment.StationID, after int64, now calendar.Instant) error {
	_, err := t.exec("UPDATE drift_standing SET from_event = ?, samples = 0, level_ppm = 0, peak_ppm = 0, since = ? WHERE station = ? AND clinic = ?",
		after, now, st, t.clinic)
	return mapError(err)
}

// FindDrift implements dispensing.Tx.
func (t *Tx) FindDrift(_ context.Context, st equipment.StationID, lot stock.LotID) (calibration.Drift, error) {
	rows, err := list[driftRow](t.db.Where("station = ? AND lot = ? AND clinic = ?", st, lot, t.clinic))
	if err != nil || len(rows) == 0 {
		return calibration.Drift{Station: st, Lot: lot}, err
	}
	return toDrift(rows[0]), nil
}

// SetDrift implements dispensing.Tx.
func (t *Tx) SetDrift(_ context.Context, d calibration.Drift) error {
	r := driftRow{
		Station: d.Station, Lot: d.Lot, Clinic: t.clinic, FromEvent: d.FromEvent, Samples: d.N, LevelPpm: d.Level, PeakPpm: d.Peak, Since: d.Since,
	}
	return mapError(t.db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "station"}, {Name: "lot"}},
		DoUpdates: clause.AssignmentColumns([]string{"samples", "level_ppm", "peak_ppm"}),
	}).Create(&r).Error)
}

// VoidCheckOfOtherDevice implements dispensing.Tx.
func (t *Tx) VoidCheckOfOtherDevice(_ context.Context, st equipment.StationID, kind equipment.DeviceKind, serial string, now calendar.Instant) error {
	column := map[equipment.DeviceKind]string{equipment.Pump: "pump_serial", equipment.Scale: "scale_serial"}[kind]
	if column == "" || serial == "" {
		return nil
	}
	_, err := t.voidCheck(string(kind), now, "station = ? AND "+column+" <> '' AND "+column+" <> ?", st, serial)
	return err
}
