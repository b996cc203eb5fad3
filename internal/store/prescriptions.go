package store

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type prescriptionRow struct {
	ID         prescription.ID
	Clinic     clinic.ID
	Patient    patient.ID
	Version    int
	DoseUg     measure.Mass
	PartsUg    masses
	FromDay    calendar.Day
	ToDay      calendar.Day
	Phase      patient.Phase
	Reason     string
	Prescriber staff.ID
	SignedAt   calendar.Instant
	Status     prescription.Status
	Supersedes ref
	EndedAt    calendar.Instant
	EndedBy    staff.ID
}

func (prescriptionRow) TableName() string { return "prescription" }

func fromPrescription(p prescription.Prescription) prescriptionRow {
	return prescriptionRow{
		ID: p.ID, Clinic: p.Clinic, Patient: p.Patient, Version: p.Version, DoseUg: p.Dose, PartsUg: p.Parts,
		FromDay: p.From, ToDay: p.To, Phase: p.Phase, Reason: p.Reason, Prescriber: p.Prescriber, SignedAt: p.SignedAt,
		Status: p.Status, Supersedes: ref(p.Supersedes), EndedAt: p.EndedAt, EndedBy: p.EndedBy,
	}
}

func toPrescription(r prescriptionRow) prescription.Prescription {
	return prescription.Prescription{
		ID: r.ID, Clinic: r.Clinic, Patient: r.Patient, Version: r.Version, Dose: r.DoseUg, Parts: r.PartsUg,
		From: r.FromDay, To: r.ToDay, Phase: r.Phase, Reason: r.Reason, Prescriber: r.Prescriber, SignedAt: r.SignedAt,
		Status: r.Status, Supersedes: prescription.ID(r.Supersedes), EndedAt: r.EndedAt, EndedBy: r.EndedBy,
	}
}

type holdRow struct {
	ID        prescription.HoldID
	Clinic    clinic.ID
	Patient   patient.ID
	Severity  prescription.Severity
	Reason    string
	ClearedBy staff.Role
	PlacedBy  staff.ID
	PlacedAt  calendar.Instant
	LiftedBy  staff.ID
	LiftedAt  calendar.Instant
	LiftNote  string
}

func (holdRow) TableName() string { return "hold" }

func toHold(r holdRow) prescription.Hold { return prescription.Hold(r) }

type clearanceRow struct {
	ID       prescription.ClearanceID
	Clinic   clinic.ID
	Patient  patient.ID
	Rule     string
	Day      calendar.Day
	Note     string
	ByStaff  staff.ID
	Recorded calendar.Instant
}

func (clearanceRow) TableName() string { return "clearance" }

func toClearance(r clearanceRow) prescription.Clearance {
	return prescription.Clearance{
		ID: r.ID, Clinic: r.Clinic, Patient: r.Patient, Rule: r.Rule, Day: r.Day, Note: r.Note, By: r.ByStaff, Recorded: r.Recorded,
	}
}

type prescriptions struct{ *Store }

// Prescriptions is the store of package prescription.
func (s *Store) Prescriptions() prescription.Store { return prescriptions{s} }

var _ prescription.Tx = (*Tx)(nil)

func (s prescriptions) InTx(ctx context.Context, c clinic.ID, fn func(prescription.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

func (s prescriptions) Prescription(ctx context.Context, c clinic.ID, id prescription.ID) (prescription.Prescription, error) {
	r, err := take[prescriptionRow](s.read.WithContext(ctx), "prescription", "id = ? AND clinic = ?", id, c)
	return toPrescription(r), err
}

func (s prescriptions) Prescriptions(ctx context.Context, c clinic.ID, p patient.ID) ([]prescription.Prescription, error) {
	rows, err := list[prescriptionRow](s.read.WithContext(ctx).
		Where("clinic = ? AND patient = ?", c, p).Order("version DESC"))
	return convert(rows, err, toPrescription)
}

func (s prescriptions) OrdersEnding(ctx context.Context, c clinic.ID, from, to calendar.Day) ([]prescription.Prescription, error) {
	rows, err := list[prescriptionRow](s.report.WithContext(ctx).
		Where("clinic = ? AND status = 'active' AND to_day BETWEEN ? AND ?", c, from, to).
		Where(`NOT EXISTS (SELECT 1 FROM prescription later
			WHERE later.patient = prescription.patient AND later.status = 'active' AND later.to_day > prescription.to_day)`).
		Order("to_day, id"))
	return convert(rows, err, toPrescription)
}

func (s prescriptions) Holds(ctx context.Context, c clinic.ID, p patient.ID, all bool) ([]prescription.Hold, error) {
	db := s.read.WithContext(ctx).Where("clinic = ? AND patient = ?", c, p)
	if !all {
		db = db.Where("lifted_at IS NULL")
	}
	rows, err := list[holdRow](db.Order("id DESC"))
	return convert(rows, err, toHold)
}

func (s prescriptions) OpenHolds(ctx context.Context, c clinic.ID) ([]prescription.Hold, error) {
	rows, err := list[holdRow](s.report.WithContext(ctx).Where("clinic = ? AND lifted_at IS NULL", c).Order("id"))
	return convert(rows, err, toHold)
}

func (s prescriptions) Clearances(ctx context.Context, c clinic.ID, p patient.ID, d calendar.Day) ([]prescription.Clearance, error) {
	rows, err := list[clearanceRow](s.read.WithContext(ctx).
		Where("clinic = ? AND patient = ? AND day = ?", c, p, d).Order("id"))
	return convert(rows, err, toClearance)
}

// FindPrescription implements prescription.Tx.
func (t *Tx) FindPrescription(_ context.Context, id prescription.ID) (prescription.Prescription, error) {
	r, err := take[prescriptionRow](t.db, "prescription", "id = ? AND clinic = ?", id, t.clinic)
	return toPrescription(r), err
}

// ActivePrescriptions implements prescription.Tx.
func (t *Tx) ActivePrescriptions(_ context.Context, p patient.ID) ([]prescription.Prescription, error) {
	rows, err := list[prescriptionRow](t.db.
		Where("clinic = ? AND patient = ? AND status = 'active'", t.clinic, p).Order("from_day, version"))
	return convert(rows, err, toPrescription)
}

// LastPrescriptionVersion implements prescription.Tx.
func (t *Tx) LastPrescriptionVersion(_ context.Context, p patient.ID) (int, error) {
	var last int
	err := row(t.db, "SELECT coalesce(max(version), 0) FROM prescription WHERE patient = ? AND clinic = ?", []any{p, t.clinic}, &last)
	return last, mapError(err)
}

// InsertPrescription implements prescription.Tx.
func (t *Tx) InsertPrescription(ctx context.Context, p prescription.Prescription) error {
	if err := t.sameClinic(p.Clinic); err != nil {
		return err
	}
	if err := insert(t, fromPrescription(p)); err != nil {
		return fmt.Errorf("prescription %s: %w", p.ID, err)
	}
	return t.BumpPatient(ctx, p.Patient)
}

// EndPrescription implements prescription.Tx.
func (t *Tx) EndPrescription(ctx context.Context, p prescription.Prescription) error {
	n, err := t.exec("UPDATE prescription SET status = ?, ended_at = ?, ended_by = ? WHERE id = ? AND clinic = ? AND status = 'active'",
		p.Status, p.EndedAt, p.EndedBy, p.ID, t.clinic)
	if err := one("prescription", n, err); err != nil {
		return err
	}
	return t.BumpPatient(ctx, p.Patient)
}

// FindHold implements prescription.Tx.
func (t *Tx) FindHold(_ context.Context, id prescription.HoldID) (prescription.Hold, error) {
	r, err := take[holdRow](t.db, "hold", "id = ? AND clinic = ?", id, t.clinic)
	return toHold(r), err
}

// InsertHold implements prescription.Tx.
func (t *Tx) InsertHold(ctx context.Context, h prescription.Hold) error {
	if err := t.sameClinic(h.Clinic); err != nil {
		return err
	}
	if err := insert(t, holdRow(h)); err != nil {
		return fmt.Errorf("hold %s: %w", h.ID, err)
	}
	return t.BumpPatient(ctx, h.Patient)
}

// EndHold implements prescription.Tx.
func (t *Tx) EndHold(ctx context.Context, h prescription.Hold) error {
	n, err := t.exec("UPDATE hold SET lifted_by = ?, lifted_at = ?, lift_note = ? WHERE id = ? AND clinic = ? AND lifted_at IS NULL",
		h.LiftedBy, h.LiftedAt, h.LiftNote, h.ID, t.clinic)
	if err := one("hold", n, err); err != nil {
		return err
	}
	return t.BumpPatient(ctx, h.Patient)
}

// FindClearance implements prescription.Tx.
func (t *Tx) FindClearance(_ context.Context, id prescription.ClearanceID) (prescription.Clearance, error) {
	r, err := take[clearanceRow](t.db, "clearance", "id = ? AND clinic = ?", id, t.clinic)
	return toClearance(r), err
}

// InsertClearance implements prescription.Tx.
func (t *Tx) InsertClearance(ctx context.Context, c prescription.Clearance) error {
	if err := t.sameClinic(c.Clinic); err != nil {
		return err
	}
	err := insert(t, clearanceRow{
		ID: c.ID, Clinic: c.Clinic, Patient: c.Patient, Rule: c.Rule, Day: c.Day, Note: c.Note, ByStaff: c.By, Recorded: c.Recorded,
	})
	if err != nil {
		return fmt.Errorf("clearance %s: %w", c.ID, err)
	}
	return t.BumpPatient(ctx, c.Patient)
}
