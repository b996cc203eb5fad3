package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
)

type clinicRow struct {
	ID              clinic.ID
	Number          int
	Name            string
	Province        string
	District        string
	Kind            clinic.Kind
	Zone            string
	CutOverS        int64
	RulePack        string
	RulePackVersion int
	AdoptedBy       string
	AdoptedAt       calendar.Instant
	Demo            flag
}

func (clinicRow) TableName() string { return "clinic" }

func fromClinic(c clinic.Clinic) clinicRow {
	return clinicRow{
		ID: c.ID, Number: c.Number, Name: c.Name, Province: c.Province, District: c.District, Kind: c.Kind, Zone: c.Zone,
		CutOverS: int64(c.CutOver / time.Second), RulePack: c.RulePack, RulePackVersion: c.RulePackVersion,
		AdoptedBy: c.AdoptedBy, AdoptedAt: c.AdoptedAt, Demo: flag(c.Demo),
	}
}

func toClinic(r clinicRow) clinic.Clinic {
	return clinic.Clinic{
		ID: r.ID, Number: r.Number, Name: r.Name, Province: r.Province, District: r.District, Kind: r.Kind, Zone: r.Zone,
		CutOver: time.Duration(r.CutOverS) * time.Second, RulePack: r.RulePack, RulePackVersion: r.RulePackVersion,
		AdoptedBy: r.AdoptedBy, AdoptedAt: r.AdoptedAt, Demo: bool(r.Demo),
	}
}

type closureRow struct {
	Clinic clinic.ID    `gorm:"primaryKey"`
	Day    calendar.Day `gorm:"primaryKey;autoIncrement:false"`
	Reason string
}

func (closureRow) TableName() string { return "closure" }

func toClosure(r closureRow) clinic.Closure {
	return clinic.Closure{Clinic: r.Clinic, Day: r.Day, Reason: r.Reason}
}

type adoptionRow struct {
	Clinic    clinic.ID        `gorm:"primaryKey"`
	AdoptedAt calendar.Instant `gorm:"primaryKey;autoIncrement:false"`
	Pack      string           `gorm:"primaryKey"`
	Version   int              `gorm:"primaryKey;autoIncrement:false"`
	AdoptedBy string
}

func (adoptionRow) TableName() string { return "rule_adoption" }

type targetRow struct {
	Clinic   clinic.ID        `gorm:"primaryKey"`
	Year     int              `gorm:"primaryKey;autoIncrement:false"`
	Recorded calendar.Instant `gorm:"primaryKey;autoIncrement:false"`
	Patients int
	ByStaff  string
}

func (targetRow) TableName() string { return "treatment_target" }

type clinics struct{ *Store }

// Clinics is the store of package clinic.
func (s *Store) Clinics() clinic.Store { return clinics{s} }

func (s clinics) InTx(ctx context.Context, c clinic.ID, fn func(clinic.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

func (s clinics) Clinic(ctx context.Context, c clinic.ID) (clinic.Clinic, error) {
	r, err := take[clinicRow](s.read.WithContext(ctx), "clinic", "id = ?", c)
	return toClinic(r), err
}

func (s clinics) Clinics(ctx context.Context) ([]clinic.Clinic, error) {
	rows, err := list[clinicRow](s.read.WithContext(ctx).Order("number"))
	return convert(rows, err, toClinic)
}

func (s clinics) Closures(ctx context.Context, c clinic.ID, from, to calendar.Day) ([]clinic.Closure, error) {
	rows, err := list[closureRow](s.read.WithContext(ctx).
		Where("clinic = ? AND day BETWEEN ? AND ?", c, from, to).Order("day"))
	return convert(rows, err, toClosure)
}

func (s clinics) Targets(ctx context.Context, year int) (map[clinic.ID]clinic.Target, error) {
	rows, err := list[targetRow](s.read.WithContext(ctx).Where("year = ?", year).Order("recorded"))
	if err != nil {
		return nil, err
	}
	newest := map[clinic.ID]clinic.Target{}
	for _, r := range rows {
		newest[r.Clinic] = clinic.Target{Clinic: r.Clinic, Year: r.Year, Patients: r.Patients, By: r.ByStaff, Recorded: r.Recorded}
	}
	return newest, nil
}

// calendarOf returns the clinic's calendar without closures. The zone and the cut-over hour never change once the clinic
// is made, which a trigger holds, so they are read once, through db: inside a transaction it must be the transaction's
// own connection, for a pool whose connections all wait for another one never goes on.
func (s *Store) calendarOf(db *gorm.DB, c clinic.ID) (calendar.Calendar, error) {
	s.mu.RLock()
	cal, ok := s.zones[c]
	s.mu.RUnlock()
	if ok {
		return cal, nil
	}
	r, err := take[clinicRow](db, "clinic", "id = ?", c)
	if err != nil {
		return calendar.Calendar{}, err
	}
	cal, err = toClinic(r).Calendar(nil)
	if err != nil {
		return calendar.Calendar{}, fmt.Errorf("clinic %s: %w", c, err)
	}
	s.mu.Lock()
	s.zones[c] = cal
	s.mu.Unlock()
	return cal, nil
}

var _ clinic.Tx = (*Tx)(nil)

// InsertClinic implements clinic.Tx.
func (t *Tx) InsertClinic(_ context.Context, c clinic.Clinic) error {
	if err := insert(t, fromClinic(c)); err != nil {
		return fmt.Errorf("clinic %s: %w", c.ID, err)
	}
	if err := insert(t, auditHeadRow{Clinic: c.ID, Prev: audit.Genesis, Hash: audit.Genesis}); err != nil {
		return fmt.Errorf("clinic %s: %w", c.ID, err)
	}
	return t.recordAdoption(c)
}

// LockClinic implements clinic.Tx.
func (t *Tx) LockClinic(_ context.Context, c clinic.ID) (clinic.Clinic, error) {
	r, err := take[clinicRow](t.locking(), "clinic", "id = ?", c)
	return toClinic(r), err
}

// UpdateClinic implements clinic.Tx. Another zone or cut-over hour is a Conflict: it would move doses to other days.
func (t *Tx) UpdateClinic(_ context.Context, c clinic.Clinic) error {
	r := t.db.Model(&clinicRow{}).Where("id = ?", c.ID).
		Select("name", "province", "district", "kind", "zone", "cut_over_s", "rule_pack", "rule_pack_version", "adopted_by", "adopted_at").
		Updates(fromClinic(c))
	if err := one("clinic", r.RowsAffected, r.Error); err != nil {
		return err
	}
	return t.recordAdoption(c)
}

// recordAdoption keeps the signature under the clinic's rule pack, once.
func (t *Tx) recordAdoption(c clinic.Clinic) error {
	if c.AdoptedBy == "" || c.AdoptedAt.IsZero() {
		return nil
	}
	a := adoptionRow{
		Clinic: c.ID, AdoptedAt: c.AdoptedAt, Pack: c.RulePack, Version: c.RulePackVersion, AdoptedBy: c.AdoptedBy,
	}
	return mapError(t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&a).Error)
}

// PutClosure implements clinic.Tx.
func (t *Tx) PutClosure(_ context.Context, cl clinic.Closure) error {
	r := closureRow(cl)
	return mapError(t.db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "clinic"}, {Name: "day"}},
		DoUpdates: clause.AssignmentColumns([]string{"reason"}),
	}).Create(&r).Error)
}

// FindClosure implements clinic.Tx.
func (t *Tx) FindClosure(_ context.Context, c clinic.ID, d calendar.Day) (clinic.Closure, error) {
	r, err := take[closureRow](t.db, "closure", "clinic = ? AND day = ?", c, d)
	return toClosure(r), err
}

// DeleteClosure implements clinic.Tx.
func (t *Tx) DeleteClosure(_ context.Context, c clinic.ID, d calendar.Day) error {
	return mapError(t.db.Where("clinic = ? AND day = ?", c, d).Delete(&closureRow{}).Error)
}

// InsertTarget implements clinic.Tx.
func (t *Tx) InsertTarget(_ context.Context, g clinic.Target) error {
	return insert(t, targetRow{Clinic: g.Clinic, Year: g.Year, Recorded: g.Recorded, Patients: g.Patients, ByStaff: g.By})
}

// RecordChange implements clinic.Tx.
func (t *Tx) RecordChange(ctx context.Context, ch clinic.Change) error {
	actor := audit.System
	if ch.By != "" {
		actor = audit.Actor{Kind: audit.ByStaff, ID: ch.By}
	}
	return t.Record(ctx, audit.Entry{
		Clinic: ch.Clinic, Recorded: ch.Recorded, Actor: actor, Action: ch.Action, Subject: string(ch.Clinic), Data: ch.Data,
	})
}

// next returns the next number of a sequence of the clinic, and holds the sequence until the transaction ends, so that
// no number is given twice.
func (t *Tx) next(name string) (int, error) {
	var n int
	err := row(t.db, `INSERT INTO serial (clinic, name, last) VALUES (?, ?, 1)
		ON CONFLICT (clinic, name) DO UPDATE SET last = serial.last + 1 RETURNING last`, []any{t.clinic, name}, &n)
	if err != nil {
		return 0, fmt.Errorf("serial %s: %w", name, mapError(err))
	}
	return n, nil
}

// sameClinic refuses a row of another clinic than the transaction's.
func (t *Tx) sameClinic(c clinic.ID) error {
	if c != t.clinic {
		return fault.New(fault.NotFound, "clinic.other", "row of another clinic than the transaction's")
	}
	return nil
}
