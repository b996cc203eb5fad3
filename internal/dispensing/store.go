package dispensing

import (
	"context"
	"encoding/json"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Store keeps dispensings.
type Store interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c clinic.ID, fn func(Tx) error) error
	// Situation reads, without locks and outside any transaction, what a decision for this patient would rest on.
	Situation(ctx context.Context, q Query) (Situation, error)
	// Dispensing reads one without locking it. fault.NotFound when there is none in this clinic.
	Dispensing(ctx context.Context, c clinic.ID, id ID) (Dispensing, error)
	// Steps returns the steps of one dispensing, oldest first.
	Steps(ctx context.Context, c clinic.ID, id ID) ([]Step, error)
	// List returns the dispensings that match, newest first.
	List(ctx context.Context, f Filter) ([]Dispensing, error)
}

// Tx is one transaction. Rows are locked in one order everywhere: patient, dispensing, station, bottles by id, and last
// the head of the clinic's audit chain.
type Tx interface {
	// LockSituation locks the patient and reads what Begin needs, in one round trip when nobody else changed the
	// patient meanwhile. fault.NotFound when patient or station are not of this clinic.
	LockSituation(ctx context.Context, q Query) (Situation, error)
	// Begin inserts the dispensing with its first step, posts the move, marks the ticket as at the window, and appends the
	// audit entry, in one round trip. fault.Conflict when the patient or the station has another one open, or the
	// bottle no longer holds enough; the caller may run the transaction again to see why.
	Begin(ctx context.Context, b Beginning) error
	// Lock reads a dispensing and locks its patient and itself.
	Lock(ctx context.Context, id ID) (Dispensing, error)
	// Advance writes one change of a dispensing: step, moves, consumption, ticket, incident, audit. A consumption also
	// starts the treatment of a patient who awaited the first dose.
	Advance(ctx context.Context, c Change) error
	// LockStation locks a station and returns the end of its chain of records. The lock lets others refer to the station
	// meanwhile (FOR NO KEY UPDATE): a Begin at the same window must not wait for it.
	LockStation(ctx context.Context, id equipment.StationID) (equipment.Station, error)
	// AppendRecord stores a station's signed record; it is the caller's to have checked it.
	AppendRecord(ctx context.Context, r stationlog.Record, s stationlog.Signed, recorded calendar.Instant) error
	// SetDevice stores what a station said of a device. A device that is not registered is added as unregistered detail
	// only: false is returned and nothing changes.
	SetDevice(ctx context.Context, st equipment.StationID, d stationlog.Device, at calendar.Instant) (known bool, err error)
	// VoidCheckOfOtherDevice ends what the station's check of the day is worth when it was made with another device of this
	// kind than the one of this serial number.
	VoidCheckOfOtherDevice(ctx context.Context, st equipment.StationID, kind equipment.DeviceKind, serial string, now calendar.Instant) error
	// FindDrift reads the control chart of a station and lot; the zero chart when there is none.
	FindDrift(ctx context.Context, st equipment.StationID, lot stock.LotID) (calibration.Drift, error)
	// SetDrift writes it. The caller holds the station.
	SetDrift(ctx context.Context, d calibration.Drift) error
	// Primes and shots go through the same counters; what is reported of them is package calibration's to apply.
	calibration.Tx
	// Expired returns the reserved dispensings of the clinic whose lease ended before now.
	Expired(ctx context.Context, now calendar.Instant) ([]ID, error)
	// Record appends an audit entry that belongs to no dispensing.
	Record(ctx context.Context, e audit.Entry) error
}

// Query names what a decision is asked about.
type Query struct {
	Clinic  clinic.ID
	Patient patient.ID
	Station equipment.StationID // "" away from a window
	// Dispensing is the id about to be begun, so that a repeated request finds what it already did; "" for none.
	Dispensing ID
	Now        calendar.Instant
}

// Situation is what the store knows about a query. Facts.Now, Today and Closed are filled in.
type Situation struct {
	Facts  dosing.Facts
	Clinic clinic.Clinic
	// Existing is the dispensing with the query's id, nil when there is none.
	Existing *Dispensing
	// PackName, PackVersion and Adopted name the clinic's rule pack as read in this transaction.
	PackName    string
	PackVersion int
	Adopted     bool
}

// Beginning is everything that Begin writes.
type Beginning struct {
	Dispensing Dispensing
	Step       Step
	Move       stock.Move
	Audit      audit.Entry
}

// Change is everything that one step of a dispensing writes.
type Change struct {
	Dispensing Dispensing // as it will be: Progress after the step
	Step       Step
	Moves      []stock.Move // balances after are filled in by the store
	Dose       *dosing.Dose // consumption fact, nil for none
	EndTicket  bool         // the patient's open ticket of the day is done
	Incident   *Incident
	Audit      audit.Entry
}

// Filter chooses dispensings. Zero fields choose all.
type Filter struct {
	Clinic  clinic.ID
	Day     calendar.Day
	Patient patient.ID
	Station equipment.StationID
	States  []State
	// Before pages: only ids below it, "" for the first page.
	Before ID
	Limit  int // 1–500, 0 for 100
}

// MarshalReasons renders a decision's notes for storage.
func MarshalReasons(notes []dosing.Reason) json.RawMessage { return audit.Data(notes) }
