package store

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
)

type patientRow struct {
	ID             patient.ID
	Clinic         clinic.ID
	Code           string
	Name           string
	NameFold       string
	BirthYear      int
	Sex            patient.Sex
	Address        string
	NationalID     []byte
	NationalIDMark []byte
	HasPhoto       flag
	Status         patient.Status
	Phase          patient.Phase
	Entry          patient.Entry
	EnrolledOn     calendar.Day
	EndedOn        calendar.Day
	EndReason      patient.EndReason
	Previous       ref
	Version        int64
}

func (patientRow) TableName() string { return "patient" }

func fromPatient(p patient.Patient) patientRow {
	return patientRow{
		ID: p.ID, Clinic: p.Clinic, Code: p.Code, Name: p.Name, NameFold: fold(p.Name), BirthYear: p.BirthYear, Sex: p.Sex, Address: p.Address,
		NationalID: p.NationalID, NationalIDMark: p.NationalIDMark, HasPhoto: flag(p.HasPhoto), Status: p.Status,
		Phase: p.Phase, Entry: p.Entry, EnrolledOn: p.EnrolledOn, EndedOn: p.EndedOn, EndReason: p.EndReason, Previous: ref(p.Previous),
		Version: p.Version,
	}
}

func toPatient(r patientRow) patient.Patient {
	return patient.Patient{
		ID: r.ID, Clinic: r.Clinic, Code: r.Code, Name: r.Name, BirthYear: r.BirthYear, Sex: r.Sex, Address: r.Address,
		NationalID: r.NationalID, NationalIDMark: r.NationalIDMark, HasPhoto: bool(r.HasPhoto), Status: r.Status,
		Phase: r.Phase, Entry: r.Entry, EnrolledOn: r.EnrolledOn, EndedOn: r.EndedOn, EndReason: r.EndReason,
		Previous: patient.ID(r.Previous), Version: r.Version,
	}
}

type photoRow struct {
	Patient   patient.ID `gorm:"primaryKey"`
	Clinic    clinic.ID
	MediaType string
	Data      []byte
	TakenAt   calendar.Instant
}

func (photoRow) TableName() string { return "patient_photo" }

type patients struct{ *Store }

// Patients is the store of package patient.
func (s *Store) Patients() patient.Store { return patients{s} }

var _ patient.Tx = (*Tx)(nil)

func (s patients) InTx(ctx context.Context, c clinic.ID, fn func(patient.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

func (s patients) Patient(ctx context.Context, c clinic.ID, id patient.ID) (patient.Patient, error) {
	r, err := take[patientRow](s.read.WithContext(ctx), "patient", "id = ? AND clinic = ?", id, c)
	return toPatient(r), err
}

func (s patients) PatientByCode(ctx context.Context, c clinic.ID, code string) (patient.Patient, error) {
	r, err := take[patientRow](s.read.WithContext(ctx), "patient", "clinic = ? AND code = ?", c, code)
	return toPatient(r), err
}

// Patients matches each word of the query with the beginning of a word of the name, or the whole query with the
// beginning of the code.
func (s patients) Patients(ctx context.Context, f patient.Filter) ([]patient.Patient, error) {
	db := s.read.WithContext(ctx).Where("clinic = ?", f.Clinic)
	if q := fold(f.Query); q != "" {
		words := s.read.WithContext(ctx).Where("code LIKE ? ESCAPE '!'", likePrefix(strings.TrimSpace(f.Query)))
		names := s.read.WithContext(ctx)
		for word := range strings.FieldsSeq(q) {
			names = names.Where("' ' || name_fold LIKE ? ESCAPE '!'", "% "+likePrefix(word))
		}
		db = db.Where(words.Or(names))
	}
	if len(f.Statuses) > 0 {
		db = db.Where("status IN ?", f.Statuses)
	}
	if f.After != "" {
		db = db.Where("id > ?", f.After)
	}
	rows, err := list[patientRow](db.Order("id").Limit(page(f.Limit, 50, patient.MaxPage)))
	return convert(rows, err, toPatient)
}

// likePrefix makes a LIKE pattern of text that is meant word for word.
func likePrefix(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

func (s patients) Photo(ctx context.Context, c clinic.ID, id patient.ID) (patient.Photo, error) {
	r, err := take[photoRow](s.read.WithContext(ctx), "photo", "patient = ? AND clinic = ?", id, c)
	return patient.Photo{MediaType: r.MediaType, Data: r.Data, TakenAt: r.TakenAt}, err
}

// NextPatientSerial implements patient.Tx.
func (t *Tx) NextPatientSerial(context.Context) (int, error) { return t.next("patient") }

// InsertPatient implements patient.Tx.
func (t *Tx) InsertPatient(_ context.Context, p patient.Patient) error {
	if err := t.sameClinic(p.Clinic); err != nil {
		return err
	}
	r := fromPatient(p)
	r.Version = 1
	if err := insert(t, r); err != nil {
		return fmt.Errorf("patient %s: %w", p.ID, err)
	}
	return nil
}

// LockPatient implements patient.Tx.
func (t *Tx) LockPatient(_ context.Context, id patient.ID) (patient.Patient, error) {
	r, err := take[patientRow](t.locking(), "patient", "id = ? AND clinic = ?", id, t.clinic)
	return toPatient(r), err
}

// UpdatePatient implements patient.Tx.
func (t *Tx) UpdatePatient(ctx context.Context, p patient.Patient) error {
	r := t.db.Model(&patientRow{}).Where("id = ? AND clinic = ?", p.ID, t.clinic).
		Select("name", "name_fold", "birth_year", "sex", "national_id", "national_id_mark", "has_photo", "status", "phase",
			"entry", "address", "enrolled_on", "ended_on", "end_reason", "previous").
		Updates(fromPatient(p))
	if err := one("patient", r.RowsAffected, r.Error); err != nil {
		return err
	}
	return t.BumpPatient(ctx, p.ID)
}

// BumpPatient implements patient.Tx. The version rises once in a transaction, however many of its changes ask for it;
// every write of this package that a decision depends on does.
func (t *Tx) BumpPatient(_ context.Context, id patient.ID) error {
	if t.bumped[id] {
		return nil
	}
	n, err := t.exec("UPDATE patient SET version = version + 1 WHERE id = ? AND clinic = ?", id, t.clinic)
	if err := one("patient", n, err); err != nil {
		return err
	}
	if t.bumped == nil {
		t.bumped = map[patient.ID]bool{}
	}
	t.bumped[id] = true
	return nil
}

// FilesByFingerprint implements patient.Tx.
func (t *Tx) FilesByFingerprint(_ context.Context, fingerprint []byte) ([]patient.Patient, error) {
	rows, err := list[patientRow](t.db.Where("clinic = ? AND national_id_mark = ?", t.clinic, fingerprint).Order("id"))
	return convert(rows, err, toPatient)
}

// PutPhoto implements patient.Tx.
func (t *Tx) PutPhoto(_ context.Context, id patient.ID, ph patient.Photo) error {
	n, err := t.exec("UPDATE patient SET has_photo = ? WHERE id = ? AND clinic = ?", true, id, t.clinic)
	if err := one("patient", n, err); err != nil {
		return err
	}
	r := photoRow{Patient: id, Clinic: t.clinic, MediaType: ph.MediaType, Data: ph.Data, TakenAt: ph.TakenAt}
	return mapError(t.db.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "patient"}},
		DoUpdates: clause.AssignmentColumns([]string{"media_type", "data", "taken_at"}),
	}).Create(&r).Error)
}

// OpenDispensings implements patient.Tx.
func (t *Tx) OpenDispensings(_ context.Context, id patient.ID) (int, error) {
	var n int64
	err := t.db.Model(&dispensingStateRow{}).Where("patient = ? AND clinic = ? AND open = ?", id, t.clinic, true).Count(&n).Error
	return int(n), mapError(err)
}

// EndActiveOrders implements patient.Tx.
func (t *Tx) EndActiveOrders(ctx context.Context, id patient.ID, by string, now calendar.Instant) (int, error) {
	n, err := t.exec("UPDATE prescription SET status = ?, ended_by = ?, ended_at = ? WHERE patient = ? AND clinic = ? AND status = ?",
		prescription.Cancelled, by, now, id, t.clinic, prescription.Active)
	if err != nil {
		return 0, fmt.Errorf("orders of patient %s: %w", id, mapError(err))
	}
	return int(n), t.BumpPatient(ctx, id)
}
