package httpapi

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/census"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// Records reads lists that no single service owns. The store has it.
type Records interface {
	// Files returns the files of these ids, for the names beside tickets and doses; unknown ids are left out.
	Files(ctx context.Context, c clinic.ID, ids []patient.ID) (map[patient.ID]patient.Patient, error)
	// Incidents lists incidents, newest first, from before an id on.
	Incidents(ctx context.Context, c clinic.ID, before string, limit int) ([]dispensing.Incident, error)
	// DaySteps lists the steps of every dispensing of a clinic day, by dispensing and number.
	DaySteps(ctx context.Context, c clinic.ID, d calendar.Day) ([]dispensing.Step, error)
	// Ledger reads the moves of a product in a period, one by one; Flows added up by lot and accounts.
	Ledger(ctx context.Context, c clinic.ID, p stock.ProductID, from, to calendar.Instant) (book.Ledger, error)
	Flows(ctx context.Context, c clinic.ID, p stock.ProductID, from, to calendar.Instant) (book.Ledger, error)
	// Papers reads the documents behind moves, by id.
	Papers(ctx context.Context, c clinic.ID, ids []string) (map[string]stock.Document, error)
	// Supplies reads who dispensings went to and by whose order, Checks the pours of checks, Signers who took their steps.
	Supplies(ctx context.Context, c clinic.ID, ids []string) (map[string]book.Supply, error)
	Checks(ctx context.Context, c clinic.ID, ids []string) (map[string]calibration.Pour, error)
	Signers(ctx context.Context, c clinic.ID, ids []string) (map[book.Ref]book.Signer, error)
	// ChainAt returns the last link of the chain of changes before an instant.
	ChainAt(ctx context.Context, c clinic.ID, before calendar.Instant) (audit.Event, error)
	// Attendance reads, of every patient in treatment, when they last came and how long their order runs.
	Attendance(ctx context.Context, c clinic.ID) ([]census.Attendance, error)
	// Courses reads every course of treatment of these clinics, to be counted.
	Courses(ctx context.Context, clinics []clinic.ID) ([]census.Course, error)
}

// Trail reads the chain of changes. The store has it.
type Trail interface {
	Events(ctx context.Context, f audit.Filter) ([]audit.Event, error)
}
