package prescription

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// Store keeps orders, holds and clearances.
type Store interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c clinic.ID, fn func(Tx) error) error
	// Prescription reads one. fault.NotFound when there is none in this clinic.
	Prescription(ctx context.Context, c clinic.ID, id ID) (Prescription, error)
	// Prescriptions lists a patient's orders, newest version first.
	Prescriptions(ctx context.Context, c clinic.ID, p patient.ID) ([]Prescription, error)
	// OrdersEnding lists the active orders whose last day is from day from to day to and that no later active order
	// of the patient continues, by last day.
	OrdersEnding(ctx context.Context, c clinic.ID, from, to calendar.Day) ([]Prescription, error)
	// Holds lists a patient's holds, newest first; lifted ones too when all is true.
	Holds(ctx context.Context, c clinic.ID, p patient.ID, all bool) ([]Hold, error)
	// OpenHolds lists every hold of the clinic that stands, oldest first.
	OpenHolds(ctx context.Context, c clinic.ID) ([]Hold, error)
	// Clearances lists a patient's clearances for a day, oldest first.
	Clearances(ctx context.Context, c clinic.ID, p patient.ID, d calendar.Day) ([]Clearance, error)
}

// Tx is one transaction of one clinic. The patient's row is locked before any other row.
type Tx interface {
	// LockPatient and BumpPatient are those of patient.Tx.
	LockPatient(ctx context.Context, id patient.ID) (patient.Patient, error)
	BumpPatient(ctx context.Context, id patient.ID) error
	// UpdatePatient is that of patient.Tx; signing an order may change the phase.
	UpdatePatient(ctx context.Context, p patient.Patient) error

	// FindPrescription reads an order of this clinic. fault.NotFound when there is none.
	FindPrescription(ctx context.Context, id ID) (Prescription, error)
	// ActivePrescriptions returns the patient's orders with status Active, by first day.
	ActivePrescriptions(ctx context.Context, p patient.ID) ([]Prescription, error)
	// LastPrescriptionVersion returns the highest version of the patient's orders, 0 when there is none.
	LastPrescriptionVersion(ctx context.Context, p patient.ID) (int, error)
	// InsertPrescription adds an order. fault.Conflict when the id or (patient, version) is taken.
	InsertPrescription(ctx context.Context, p Prescription) error
	// EndPrescription writes Status, EndedAt and EndedBy of an order that was active; nothing else ever changes.
	EndPrescription(ctx context.Context, p Prescription) error

	// FindHold reads a hold of this clinic. fault.NotFound when there is none.
	FindHold(ctx context.Context, id HoldID) (Hold, error)
	// InsertHold adds a hold. fault.Conflict when the id is taken.
	InsertHold(ctx context.Context, h Hold) error
	// EndHold writes LiftedBy, LiftedAt and LiftNote of a hold that stood.
	EndHold(ctx context.Context, h Hold) error

	// FindClearance reads a clearance of this clinic. fault.NotFound when there is none.
	FindClearance(ctx context.Context, id ClearanceID) (Clearance, error)
	// InsertClearance adds a clearance. fault.Conflict when the id is taken.
	InsertClearance(ctx context.Context, c Clearance) error

	// Record appends an audit entry to the clinic's chain.
	Record(ctx context.Context, e audit.Entry) error
}
