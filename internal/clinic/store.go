package clinic

import (
	"context"
	"encoding/json"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// Store keeps clinics and their closures.
type Store interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c ID, fn func(Tx) error) error
	// Clinic reads one. fault.NotFound when there is none.
	Clinic(ctx context.Context, c ID) (Clinic, error)
	// Clinics lists every clinic of the database by number.
	Clinics(ctx context.Context) ([]Clinic, error)
	// Closures lists the closures from day from to day to, both included, in order.
	Closures(ctx context.Context, c ID, from, to calendar.Day) ([]Closure, error)
	// Targets returns the newest target of each clinic for a year.
	Targets(ctx context.Context, year int) (map[ID]Target, error)
}

// Tx is one transaction of one clinic.
type Tx interface {
	// InsertClinic adds a clinic together with the empty head of its audit chain. fault.Conflict when the id or the
	// number is taken.
	InsertClinic(ctx context.Context, c Clinic) error
	// LockClinic reads the clinic and keeps others from changing it. fault.NotFound when there is none.
	LockClinic(ctx context.Context, c ID) (Clinic, error)
	// UpdateClinic writes what may change: not ID, Number, Zone, CutOver or Demo. A changed clinic day is fault.Conflict.
	UpdateClinic(ctx context.Context, c Clinic) error
	// PutClosure adds a closure or gives the closure of that day a new reason.
	PutClosure(ctx context.Context, cl Closure) error
	// FindClosure reads the closure of a day. fault.NotFound when the clinic is open.
	FindClosure(ctx context.Context, c ID, d calendar.Day) (Closure, error)
	// DeleteClosure opens a day again; it is no error when there was no closure.
	DeleteClosure(ctx context.Context, c ID, d calendar.Day) error
	// InsertTarget adds a target; an earlier one for the year stays on record.
	InsertTarget(ctx context.Context, t Target) error
	// RecordChange appends a change of the clinic itself to its audit chain.
	RecordChange(ctx context.Context, ch Change) error
}

// Change is one audited change of a clinic. It stands for audit.Entry, which this package ranks below: the store makes
// the entry, with the clinic as subject, By as a staff actor, and the system as actor when By is empty.
type Change struct {
	Clinic   ID
	Recorded calendar.Instant
	By       string // staff id, "" for an act of the installation itself
	Action   string // "clinic.create", "closure.set", "rules.adopt", …
	Data     json.RawMessage
}
