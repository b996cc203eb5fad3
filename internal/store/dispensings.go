package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

type dispensings struct{ *Store }

// Dispensings is the store of package dispensing.
func (s *Store) Dispensings() dispensing.Store { return dispensings{s} }

var _ dispensing.Tx = (*Tx)(nil)

func (s dispensings) InTx(ctx context.Context, c clinic.ID, fn func(dispensing.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

// dispensingSQL reads one, header and state as JSON.
var dispensingSQL = `SELECT (` + object("d", dispensingRow{}) + `)::text, (` + object("s", dispensingStateRow{}) + `)::text
FROM dispensing d JOIN dispensing_state s ON s.dispensing = d.id
WHERE d.id = $1::uuid AND d.clinic = $2::uuid`

// lockDispensingSQL locks the patient, then the state, and reads the dispensing. The state comes out of its lock, so it
// is the newest; the header never changes.
var lockDispensingSQL = `WITH p AS MATERIALIZED (
	SELECT id FROM patient
	WHERE id = (SELECT d.patient FROM dispensing d WHERE d.id = $1::uuid AND d.clinic = $2::uuid) FOR NO KEY UPDATE
), s AS MATERIALIZED (
	SELECT * FROM dispensing_state
	WHERE dispensing = $1::uuid AND clinic = $2::uuid AND (SELECT count(*) FROM p) = 1 FOR NO KEY UPDATE
)
SELECT (` + object("d", dispensingRow{}) + `)::text, (` + object("s", dispensingStateRow{}) + `)::text
FROM s JOIN dispensing d ON d.id = s.dispensing`

func readDispensing(db *gorm.DB, statement string, c clinic.ID, key dispensing.ID) (dispensing.Dispensing, error) {
	// What a counter reports may name anything; an id that PostgreSQL cannot read would end the transaction.
	if _, err := id.Parse[dispensing.ID](string(key)); err != nil {
		return dispensing.Dispensing{}, found("dispensing", gorm.ErrRecordNotFound)
	}
	var header, state *string
	if err := numberedRow(db, statement, []any{string(key), string(c)}, &header, &state); err != nil {
		return dispensing.Dispensing{}, found("dispensing", err)
	}
	var d dispensingRow
	var s dispensingStateRow
	if _, err := decode(header, &d); err != nil {
		return dispensing.Dispensing{}, fmt.Errorf("dispensing %s: %w", key, err)
	}
	if _, err := decode(state, &s); err != nil {
		return dispensing.Dispensing{}, fmt.Errorf("dispensing %s: %w", key, err)
	}
	return toDispensing(d, s), nil
}

func (s dispensings) Dispensing(ctx context.Context, c clinic.ID, key dispensing.ID) (dispensing.Dispensing, error) {
	return readDispensing(s.read.WithContext(ctx), s.q.dispensing, c, key)
}

func (s dispensings) Steps(ctx context.Context, c clinic.ID, key dispensing.ID) ([]dispensing.Step, error) {
	rows, err := list[stepRow](s.read.WithContext(ctx).Where("clinic = ? AND dispensing = ?", c, key).Order("seq"))
	return convert(rows, err, toStep)
}

func (s dispensings) List(ctx context.Context, f dispensing.Filter) ([]dispensing.Dispensing, error) {
	db := s.read.WithContext(ctx).Where("clinic = ?", f.Clinic)
	if !f.Day.IsZero() {
		db = db.Where("day = ?", f.Day)
	}
	if f.Patient != "" {
		db = db.Where("patient = ?", f.Patient)
	}
	if f.Station != "" {
		db = db.Where("station = ?", f.Station)
	}
	if f.Before != "" {
		db = db.Where("id < ?", f.Before)
	}
	if len(f.States) > 0 {
		db = db.Where("id IN (?)", s.read.WithContext(ctx).Model(&dispensingStateRow{}).Select("dispensing").
			Where("clinic = ? AND state IN ?", f.Clinic, f.States))
	}
	headers, err := list[dispensingRow](db.Order("id DESC").Limit(page(f.Limit, 100, 500)))
	if err != nil || len(headers) == 0 {
		return nil, err
	}
	ids := make([]dispensing.ID, len(headers))
	for i, h := range headers {
		ids[i] = h.ID
	}
	states, err := list[dispensingStateRow](s.read.WithContext(ctx).Where("dispensing IN ?", ids))
	if err != nil {
		return nil, err
	}
	byID := make(map[dispensing.ID]dispensingStateRow, len(states))
	for _, st := range states {
		byID[st.Dispensing] = st
	}
	return convert(headers, nil, func(h dispensingRow) dispensing.Dispensing { return toDispensing(h, byID[h.ID]) })
}

// Lock implements dispensing.Tx.
func (t *Tx) Lock(_ context.Context, key dispensing.ID) (dispensing.Dispensing, error) {
	return readDispensing(t.db, t.s.q.lockDispensing, t.clinic, key)
}

// Expired implements dispensing.Tx.
func (t *Tx) Expired(_ context.Context, now calendar.Instant) ([]dispensing.ID, error) {
	rows, err := list[dispensingStateRow](t.db.
		Where("clinic = ? AND state = 'reserved' AND lease < ?", t.clinic, now).Order("lease").Limit(500))
	return convert(rows, err, func(r dispensingStateRow) dispensing.ID { return r.Dispensing })
}

// locking returns a handle whose reads lock the rows they return until the end of the transaction. It is the lock that
// an UPDATE takes, so rows that merely refer to a locked one may still be added.
func (t *Tx) locking() *gorm.DB { return t.db.Clauses(clause.Locking{Strength: "NO KEY UPDATE"}) }

type stationRecordRow struct {
	Station   equipment.StationID `gorm:"primaryKey"`
	Seq       int64               `gorm:"primaryKey;autoIncrement:false"`
	Clinic    clinic.ID
	Kind      stationlog.Kind
	Occurred  calendar.Instant
	Recorded  calendar.Instant
	Payload   []byte
	Signature []byte
	Hash      string
}

func (stationRecordRow) TableName() string { return "station_record" }

func recordRow(c clinic.ID, r stationlog.Record, s stationlog.Signed, recorded calendar.Instant) stationRecordRow {
	x := stationRecordRow{
		Station: equipment.StationID(r.Station), Seq: r.Seq, Clinic: c, Kind: r.Kind, Occurred: calendar.At(r.Occurred),
		Recorded: recorded, Payload: s.Payload, Signature: s.Signature, Hash: s.Hash(),
	}
	if x.Occurred.IsZero() {
		x.Occurred = recorded // a counter without a clock; the payload keeps what it said
	}
	return x
}

// appendRecordSQL stores a record and moves the end of its station's chain.
const appendRecordSQL = `WITH st AS (
	UPDATE station SET event_seq = $2::bigint, event_hash = $9::text
	WHERE id = $1::uuid AND clinic = $3::uuid AND event_seq = $2::bigint - 1
	RETURNING 1
)
INSERT INTO station_record (station, seq, clinic, kind, occurred, recorded, payload, signature, hash)
SELECT $1::uuid, $2::bigint, $3::uuid, $4::text, $5::timestamptz, $6::timestamptz, $7::bytea, $8::bytea, $9::text
FROM st`

// AppendRecord implements dispensing.Tx.
func (t *Tx) AppendRecord(_ context.Context, r stationlog.Record, s stationlog.Signed, recorded calendar.Instant) error {
	x := recordRow(t.clinic, r, s, recorded)
	var n int64
	var err error
	if t.s.dialect == postgresql {
		n, err = t.execNumbered(t.s.q.appendRecord, []any{string(x.Station), x.Seq, string(x.Clinic), string(x.Kind), x.Occurred, x.Recorded,
			x.Payload, x.Signature, x.Hash})
	} else {
		n, err = t.exec("UPDATE station SET event_seq = ?, event_hash = ? WHERE id = ? AND clinic = ? AND event_seq = ?",
			x.Seq, x.Hash, x.Station, x.Clinic, x.Seq-1)
		if err == nil && n == 1 {
			err = t.db.Create(&x).Error
		}
	}
	if err != nil {
		return fmt.Errorf("record %d of station %s: %w", r.Seq, r.Station, mapError(err))
	}
	if n != 1 {
		return fault.New(fault.Conflict, "record.gap", "record %d does not follow the last one of station %s", r.Seq, r.Station)
	}
	return nil
}

// SetDevice implements dispensing.Tx. A device is known by its kind at the station, and by its serial number where both
// the register and the device name one.
func (t *Tx) SetDevice(_ context.Context, st equipment.StationID, d stationlog.Device, at calendar.Instant) (bool, error) {
	state := equipment.DeviceState(d.State)
	if state != equipment.Ready && state != equipment.Down {
		state = equipment.Unknown
	}
	n, err := t.exec(`UPDATE device SET state = ?, state_at = ?, detail = ?
		WHERE station = ? AND clinic = ? AND kind = ? AND (serial = '' OR ? = '' OR serial = ?)`,
		state, at, d.Detail, st, t.clinic, d.Kind, d.Serial, d.Serial)
	if err != nil {
		return false, fmt.Errorf("device of station %s: %w", st, mapError(err))
	}
	return n > 0, nil
}
