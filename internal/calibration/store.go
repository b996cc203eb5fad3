package calibration

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Store keeps checks, their pours, and what they are worth.
type Store interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c clinic.ID, fn func(Tx) error) error
	// Check reads one with its weighings, pours and result. fault.NotFound when there is none in this clinic.
	Check(ctx context.Context, c clinic.ID, id CheckID) (Check, error)
	// Checks lists the checks of a station, newest first, each whole; of the clinic when the station is "".
	Checks(ctx context.Context, f Filter) ([]Check, error)
	// Pour reads one. fault.NotFound when there is none in this clinic.
	Pour(ctx context.Context, c clinic.ID, id PourID) (Pour, error)
	// Primes lists the primes of a station outside of checks, newest first.
	Primes(ctx context.Context, f Filter) ([]Pour, error)
	// OpenPours lists the pours that have not ended: of a station, or of the clinic when it is "".
	OpenPours(ctx context.Context, c clinic.ID, st equipment.StationID) ([]Pour, error)
	// Standings returns what counts at each station now. A station that never had a check is missing.
	Standings(ctx context.Context, c clinic.ID) (map[equipment.StationID]Standing, error)
	// Drifts lists the control charts of the clinic's stations.
	Drifts(ctx context.Context, c clinic.ID) ([]Drift, error)
	// Weighed lists the doses that a station's counter poured from a lot and weighed, newest first.
	Weighed(ctx context.Context, c clinic.ID, st equipment.StationID, lot stock.LotID, limit int) ([]Weighed, error)
	// Recalibrations lists what was done to a station's pumps, newest first.
	Recalibrations(ctx context.Context, f Filter) ([]Recalibration, error)
	// Limits returns the clinic's own limits. fault.NotFound when it never set any.
	Limits(ctx context.Context, c clinic.ID) (SetLimits, error)
}

// Filter chooses records of a station. Zero fields choose all.
type Filter struct {
	Clinic  clinic.ID
	Station equipment.StationID
	Before  string // pages: only ids below it
	Limit   int    // 1–200, 0 for 20
}

// Drift is the control chart of one station and lot as it stands.
type Drift struct {
	Station   equipment.StationID
	Lot       stock.LotID
	FromEvent int64 // it began after this record of the station
	drift.Chart
	Since calendar.Instant
}

// Weighed is one dose on a control chart.
type Weighed struct {
	Dispensing string
	Event      int64 // the station's record of it
	At         calendar.Instant
	drift.Sample
}

// Tx is one transaction of one clinic. Rows are locked pour, then station, then bottle.
type Tx interface {
	// LockStation reads a station and keeps others from changing it. fault.NotFound when not of this clinic.
	LockStation(ctx context.Context, id equipment.StationID) (equipment.Station, error)
	// StationBusy reports whether a dispensing or a pour of this station may still move liquid.
	StationBusy(ctx context.Context, id equipment.StationID) (bool, error)
	// DeviceOf returns the device of this kind at a station. fault.NotFound when there is none.
	DeviceOf(ctx context.Context, st equipment.StationID, k equipment.DeviceKind) (equipment.Device, error)
	// Mounted reads a bottle and its lot without locking either.
	Mounted(ctx context.Context, id stock.BottleID) (stock.Bottle, stock.Lot, error)
	// LockBottle reads a bottle with its balance and keeps others from changing either.
	LockBottle(ctx context.Context, id stock.BottleID) (stock.Bottle, error)

	// FindLimits reads the newest limits of the clinic. fault.NotFound when it never set any.
	FindLimits(ctx context.Context) (SetLimits, error)
	// InsertLimits adds a version. fault.Conflict when the number is taken.
	InsertLimits(ctx context.Context, l SetLimits) error

	// FindCheck reads a check with its weighings, pours and result. fault.NotFound when not of this clinic.
	FindCheck(ctx context.Context, id CheckID) (Check, error)
	// InsertCheck adds the header of a check. fault.Conflict when the id is taken.
	InsertCheck(ctx context.Context, c Check) error
	// InsertWeighing adds a weighing. fault.Conflict when the number is taken.
	InsertWeighing(ctx context.Context, w Weighing, c clinic.ID) error
	// InsertResult adds the judgement. fault.Conflict when there is one.
	InsertResult(ctx context.Context, r Result, c clinic.ID) error

	// FindPour reads a pour without locking it. fault.NotFound when not of this clinic.
	FindPour(ctx context.Context, id PourID) (Pour, error)
	// LockPour reads a pour and locks it. fault.NotFound when not of this clinic, or when the id is no id.
	LockPour(ctx context.Context, id PourID) (Pour, error)
	// BeginPour inserts the pour with its first step, posts the move, and marks the bottle's balance, which the caller has
	// locked, as being poured from. fault.Conflict when the station has another one reserved.
	BeginPour(ctx context.Context, c PourChange) error
	// AdvancePour writes one change of a pour. A pour that no longer is at the pump frees the bottle's balance.
	AdvancePour(ctx context.Context, c PourChange) error
	// ExpiredPours returns the reserved pours of the clinic whose lease ended before now.
	ExpiredPours(ctx context.Context, now calendar.Instant) ([]PourID, error)

	// FindStanding returns what counts at a station; the zero Standing with its station for one that never had a check.
	FindStanding(ctx context.Context, st equipment.StationID) (Standing, error)
	// SetStanding writes it. The caller holds the station.
	SetStanding(ctx context.Context, s Standing) error
	// ResetDrift lets every control chart of a station begin anew after this record of it.
	ResetDrift(ctx context.Context, st equipment.StationID, after int64, now calendar.Instant) error

	// FindRecalibration reads one. fault.NotFound when not of this clinic.
	FindRecalibration(ctx context.Context, id RecalibrationID) (Recalibration, error)
	// InsertRecalibration adds one. fault.Conflict when the id is taken.
	InsertRecalibration(ctx context.Context, r Recalibration) error

	// Record appends an audit entry to the clinic's chain.
	Record(ctx context.Context, e audit.Entry) error
}

// PourChange is everything that one step of a pour writes.
type PourChange struct {
	Pour     Pour // as it will be
	Step     Step
	Moves    []stock.Move
	Incident string // kind of the incident that it opens, "" for none
	Audit    audit.Entry
}

// post adds a move; an amount of zero is no move.
func (c *PourChange) post(from, to stock.Account, v measure.Volume, reason string) {
	if v > 0 {
		c.Moves = append(c.Moves, c.Pour.move(from, to, v, reason, c.Step.Occurred, c.Step.Recorded))
	}
}
