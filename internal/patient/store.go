package patient

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
)

// Store keeps patients' files.
type Store interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c clinic.ID, fn func(Tx) error) error
	// Patient reads one without locking it. fault.NotFound when there is none in this clinic.
	Patient(ctx context.Context, c clinic.ID, id ID) (Patient, error)
	// PatientByCode finds the file that a card opens. fault.NotFound when there is none in this clinic.
	PatientByCode(ctx context.Context, c clinic.ID, code string) (Patient, error)
	// Patients lists files by id, oldest first.
	Patients(ctx context.Context, f Filter) ([]Patient, error)
	// Photo reads a photo. fault.NotFound when the file has none.
	Photo(ctx context.Context, c clinic.ID, id ID) (Photo, error)
}

// Tx is one transaction of one clinic. The patient's row is locked before any other row.
type Tx interface {
	// NextPatientSerial returns a number that no card of the clinic ever had: 1, 2, ….
	NextPatientSerial(ctx context.Context) (int, error)
	// InsertPatient adds a file with Version 1, and the folded name to search by. fault.Conflict when the id or the
	// code is taken.
	InsertPatient(ctx context.Context, p Patient) error
	// LockPatient reads a file and keeps others from changing it, or anything that a dose decision for this patient
	// depends on. fault.NotFound when not of this clinic.
	LockPatient(ctx context.Context, id ID) (Patient, error)
	// UpdatePatient writes every field but ID, Clinic, Code and Version, and the folded name.
	UpdatePatient(ctx context.Context, p Patient) error
	// BumpPatient adds one to the file's version: something changed that a dose decision depends on.
	BumpPatient(ctx context.Context, id ID) error
	// FilesByFingerprint returns the files of this clinic whose national id has the fingerprint, oldest first.
	FilesByFingerprint(ctx context.Context, fingerprint []byte) ([]Patient, error)
	// PutPhoto stores the photo of a file in place of an earlier one.
	PutPhoto(ctx context.Context, id ID, ph Photo) error
	// OpenDispensings counts the patient's dispensings that have not ended.
	OpenDispensings(ctx context.Context, id ID) (int, error)
	// EndActiveOrders cancels the patient's active prescriptions as of now, in the name of by, and returns how many.
	EndActiveOrders(ctx context.Context, id ID, by string, now calendar.Instant) (int, error)
	// Record appends an audit entry to the clinic's chain.
	Record(ctx context.Context, e audit.Entry) error
}

// Filter chooses files of one clinic. Zero fields choose all.
type Filter struct {
	Clinic clinic.ID
	// Query is matched, after folding case and diacritics, against the words of the name, and against the code.
	Query    string
	Statuses []Status
	After    ID  // only files with a greater id; "" for the first page
	Limit    int // 1–MaxPage, 0 for 50
}

// MaxPage bounds one page of a list.
const MaxPage = 200

// Photo is the picture by which the window knows a patient.
type Photo struct {
	MediaType string // "image/jpeg" or "image/png"
	Data      []byte
	TakenAt   calendar.Instant
}
