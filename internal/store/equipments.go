package store

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/stock"
)

type stationRow struct {
	ID        equipment.StationID
	Clinic    clinic.ID
	Name      string
	PublicKey []byte
	EnrolCode string
	EnrolBy   calendar.Instant
	Active    flag
	Bottle    ref
	Manual    flag
	EventSeq  int64
	EventHash string
}

func (stationRow) TableName() string { return "station" }

func fromStation(s equipment.Station) stationRow {
	return stationRow{
		ID: s.ID, Clinic: s.Clinic, Name: s.Name, PublicKey: s.PublicKey, EnrolCode: s.EnrolCode, EnrolBy: s.EnrolBy,
		Active: flag(s.Active), Bottle: ref(s.Bottle), Manual: flag(s.Manual), EventSeq: s.EventSeq, EventHash: string(s.EventHash),
	}
}

func toStation(r stationRow) equipment.Station {
	s := equipment.Station{
		ID: r.ID, Clinic: r.Clinic, Name: r.Name, PublicKey: r.PublicKey, EnrolCode: r.EnrolCode, EnrolBy: r.EnrolBy,
		Active: bool(r.Active), Bottle: string(r.Bottle), Manual: bool(r.Manual), EventSeq: r.EventSeq,
	}
	if r.EventHash != "" {
		s.EventHash = []byte(r.EventHash)
	}
	return s
}

type deviceRow struct {
	ID      equipment.DeviceID
	Clinic  clinic.ID
	Station ref
	Kind    equipment.DeviceKind
	Model   string
	Serial  string
	State   equipment.DeviceState
	StateAt calendar.Instant
	Detail  string
	Profile profile
}

func (deviceRow) TableName() string { return "device" }

func fromDevice(d equipment.Device) deviceRow {
	if d.State == "" {
		d.State = equipment.Unknown
	}
	return deviceRow{
		ID: d.ID, Clinic: d.Clinic, Station: ref(d.Station), Kind: d.Kind, Model: d.Model, Serial: d.Serial, State: d.State,
		StateAt: d.StateAt, Detail: d.Detail, Profile: profile(d.Profile),
	}
}

func toDevice(r deviceRow) equipment.Device {
	return equipment.Device{
		ID: r.ID, Clinic: r.Clinic, Station: equipment.StationID(r.Station), Kind: r.Kind, Model: r.Model, Serial: r.Serial,
		State: r.State, StateAt: r.StateAt, Detail: r.Detail, Profile: equipment.Profile(r.Profile),
	}
}

type equipments struct{ *Store }

// Equipment is the store of package equipment.
func (s *Store) Equipment() equipment.Store { return equipments{s} }

var _ equipment.Tx = (*Tx)(nil)

func (s equipments) InTx(ctx context.Context, c clinic.ID, fn func(equipment.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

func (s equipments) Station(ctx context.Context, c clinic.ID, id equipment.StationID) (equipment.Station, error) {
	r, err := take[stationRow](s.read.WithContext(ctx), "station", "id = ? AND clinic = ?", id, c)
	return toStation(r), err
}

func (s equipments) StationByID(ctx context.Context, id equipment.StationID) (equipment.Station, error) {
	r, err := take[stationRow](s.read.WithContext(ctx), "station", "id = ?", id)
	return toStation(r), err
}

func (s equipments) Stations(ctx context.Context, c clinic.ID) ([]equipment.Station, error) {
	rows, err := list[stationRow](s.read.WithContext(ctx).Where("clinic = ?", c).Order("name"))
	return convert(rows, err, toStation)
}

func (s equipments) Devices(ctx context.Context, c clinic.ID, st equipment.StationID) ([]equipment.Device, error) {
	db := s.read.WithContext(ctx).Where("clinic = ?", c)
	if st != "" {
		db = db.Where("station = ?", st)
	}
	rows, err := list[deviceRow](db.Order("id"))
	return convert(rows, err, toDevice)
}

// InsertStation implements equipment.Tx.
func (t *Tx) InsertStation(_ context.Context, s equipment.Station) error {
	if err := t.sameClinic(s.Clinic); err != nil {
		return err
	}
	if err := insert(t, fromStation(s)); err != nil {
		return fmt.Errorf("station %s: %w", s.ID, err)
	}
	return t.keepKey(s)
}

// keepKey adds the station's public key to those that it had, when it is a new one. The key speaks for the records from
// the next one on.
func (t *Tx) keepKey(s equipment.Station) error {
	if len(s.PublicKey) == 0 {
		return nil
	}
	_, err := t.exec(`INSERT INTO station_key (station, seq, clinic, from_event, public_key)
		SELECT s.id, (SELECT count(*) + 1 FROM station_key k WHERE k.station = s.id), s.clinic, s.event_seq + 1, s.public_key
		FROM station s
		WHERE s.id = ? AND s.clinic = ? AND NOT EXISTS (
			SELECT 1 FROM station_key k WHERE k.station = s.id AND k.public_key = s.public_key
				AND k.seq = (SELECT max(l.seq) FROM station_key l WHERE l.station = s.id))`, s.ID, t.clinic)
	if err != nil {
		return fmt.Errorf("key of station %s: %w", s.ID, mapError(err))
	}
	return nil
}

// LockStation implements equipment.Tx and dispensing.Tx.
func (t *Tx) LockStation(_ context.Context, id equipment.StationID) (equipment.Station, error) {
	r, err := take[stationRow](t.locking(), "station", "id = ? AND clinic = ?", id, t.clinic)
	return toStation(r), err
}

// FindStation implements queue.Tx.
func (t *Tx) FindStation(_ context.Context, id equipment.StationID) (equipment.Station, error) {
	r, err := take[stationRow](t.db, "station", "id = ? AND clinic = ?", id, t.clinic)
	return toStation(r), err
}

// UpdateStation implements equipment.Tx.
func (t *Tx) UpdateStation(_ context.Context, s equipment.Station) error {
	r := t.db.Model(&stationRow{}).Where("id = ? AND clinic = ?", s.ID, t.clinic).
		Select("name", "public_key", "enrol_code", "enrol_by", "active", "bottle", "manual").Updates(fromStation(s))
	if err := one("station", r.RowsAffected, r.Error); err != nil {
		return err
	}
	return t.keepKey(s)
}

// StationBusy implements equipment.Tx and calibration.Tx.
func (t *Tx) StationBusy(_ context.Context, id equipment.StationID) (bool, error) {
	var n int64
	err := t.db.Model(&dispensingStateRow{}).
		Where("station = ? AND clinic = ? AND open = ? AND state IN ('reserved', 'dispensing', 'held')", id, t.clinic, true).
		Count(&n).Error
	if err == nil && n == 0 {
		err = t.db.Model(&pourStateRow{}).
			Where("station = ? AND clinic = ? AND state IN ('reserved', 'dispensing', 'held')", id, t.clinic).Count(&n).Error
	}
	return n > 0, mapError(err)
}

// VoidCheck implements equipment.Tx.
func (t *Tx) VoidCheck(_ context.Context, st equipment.StationID, reason string, now calendar.Instant) error {
	_, err := t.voidCheck(reason, now, "station = ?", st)
	return err
}

// VoidCheckOfOtherLot implements equipment.Tx.
func (t *Tx) VoidCheckOfOtherLot(_ context.Context, st equipment.StationID, bottle string, now calendar.Instant) (bool, error) {
	if bottle == "" {
		return false, nil
	}
	return t.voidCheck("lot", now, "station = ? AND lot <> (SELECT b.lot FROM bottle b WHERE b.id = ?)", st, bottle)
}

func (t *Tx) voidCheck(reason string, now calendar.Instant, where string, args ...any) (bool, error) {
	r := t.db.Model(&standingRow{}).Where(where, args...).
		Where("clinic = ? AND state IN ?", t.clinic, []calibration.StandingState{calibration.Open, calibration.Passed}).
		Select("state", "reason", "since").Updates(standingRow{State: calibration.Void, Reason: reason, Since: now})
	return r.RowsAffected > 0, mapError(r.Error)
}

// InsertDevice implements equipment.Tx.
func (t *Tx) InsertDevice(_ context.Context, d equipment.Device) error {
	if err := t.sameClinic(d.Clinic); err != nil {
		return err
	}
	if err := insert(t, fromDevice(d)); err != nil {
		return fmt.Errorf("device %s: %w", d.ID, err)
	}
	return nil
}

// LockDevice implements equipment.Tx.
func (t *Tx) LockDevice(_ context.Context, id equipment.DeviceID) (equipment.Device, error) {
	r, err := take[deviceRow](t.locking(), "device", "id = ? AND clinic = ?", id, t.clinic)
	return toDevice(r), err
}

// UpdateDevice implements equipment.Tx.
func (t *Tx) UpdateDevice(_ context.Context, d equipment.Device) error {
	r := t.db.Model(&deviceRow{}).Where("id = ? AND clinic = ?", d.ID, t.clinic).
		Select("station", "model", "serial", "profile").Updates(fromDevice(d))
	return one("device", r.RowsAffected, r.Error)
}

// DeviceOf implements equipment.Tx.
func (t *Tx) DeviceOf(_ context.Context, st equipment.StationID, k equipment.DeviceKind) (equipment.Device, error) {
	r, err := take[deviceRow](t.db, "device", "station = ? AND kind = ? AND clinic = ?", st, k, t.clinic)
	return toDevice(r), err
}

// RemoveDevice implements equipment.Tx.
func (t *Tx) RemoveDevice(_ context.Context, id equipment.DeviceID) error {
	n, err := t.exec("UPDATE device SET station = NULL WHERE id = ? AND clinic = ?", id, t.clinic)
	return one("device", n, err)
}

// MountableBottle implements equipment.Tx.
func (t *Tx) MountableBottle(ctx context.Context, bottle string) (equipment.MountableBottle, error) {
	b, err := t.LockBottle(ctx, stock.BottleID(bottle))
	if err != nil {
		return equipment.MountableBottle{}, err
	}
	l, err := take[lotRow](t.db, "lot", "id = ?", b.Lot)
	if err != nil {
		return equipment.MountableBottle{}, err
	}
	stations, err := list[stationRow](t.db.Where("bottle = ?", bottle))
	if err != nil {
		return equipment.MountableBottle{}, err
	}
	m := equipment.MountableBottle{
		ID: bottle, InUse: b.State == stock.InUse, Released: l.State == stock.LotReleased, Expiry: l.Expiry,
	}
	if len(stations) > 0 {
		m.Station = stations[0].ID
	}
	return m, nil
}
