package equipment

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
)

// Store keeps stations and devices.
type Store interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c clinic.ID, fn func(Tx) error) error
	// Station reads one. fault.NotFound when there is none in this clinic.
	Station(ctx context.Context, c clinic.ID, id StationID) (Station, error)
	// StationByID reads one of any clinic: a station's request names no clinic. fault.NotFound when there is none.
	StationByID(ctx context.Context, id StationID) (Station, error)
	// Stations lists the clinic's stations by name.
	Stations(ctx context.Context, c clinic.ID) ([]Station, error)
	// Devices lists the devices of a station, or of the whole clinic when st is "", by id.
	Devices(ctx context.Context, c clinic.ID, st StationID) ([]Device, error)
}

// Tx is one transaction of one clinic. Rows are locked station, then device, then bottle.
type Tx interface {
	// InsertStation adds a station. fault.Conflict when the id, or the name in this clinic, is taken.
	InsertStation(ctx context.Context, s Station) error
	// LockStation reads a station and keeps others from changing it. fault.NotFound when not of this clinic.
	LockStation(ctx context.Context, id StationID) (Station, error)
	// UpdateStation writes Name, PublicKey, EnrolCode, EnrolBy, Active, Bottle and Manual; the chain of events is not
	// touched. fault.Conflict when the bottle is at another station.
	UpdateStation(ctx context.Context, s Station) error
	// StationBusy reports whether a dispensing, or a prime or shot, of this station is reserved, dispensing or held.
	StationBusy(ctx context.Context, id StationID) (bool, error)

	// InsertDevice adds a device. fault.Conflict when the id is taken.
	InsertDevice(ctx context.Context, d Device) error
	// LockDevice reads a device and keeps others from changing it. fault.NotFound when not of this clinic.
	LockDevice(ctx context.Context, id DeviceID) (Device, error)
	// UpdateDevice writes Station, Model, Serial and Profile; the state is written by what the station says.
	UpdateDevice(ctx context.Context, d Device) error
	// DeviceOf returns the device of this kind at a station. fault.NotFound when there is none.
	DeviceOf(ctx context.Context, st StationID, k DeviceKind) (Device, error)
	// RemoveDevice takes a device away from its station; its checks stay.
	RemoveDevice(ctx context.Context, id DeviceID) error

	// MountableBottle locks a bottle and says whether it may stand under a pump. fault.NotFound when not of this clinic.
	MountableBottle(ctx context.Context, bottle string) (MountableBottle, error)

	// VoidCheck ends what the station's check of the day is worth, for a reason. Nothing happens when it is worth nothing.
	VoidCheck(ctx context.Context, st StationID, reason string, now calendar.Instant) error
	// VoidCheckOfOtherLot does so when the check is of another lot than the bottle, and says whether it did. No bottle, "",
	// is of no other lot.
	VoidCheckOfOtherLot(ctx context.Context, st StationID, bottle string, now calendar.Instant) (bool, error)

	// Record appends an audit entry to the clinic's chain.
	Record(ctx context.Context, e audit.Entry) error
}

// MountableBottle is what this package needs to know of a bottle of package stock.
type MountableBottle struct {
	ID       string
	InUse    bool         // opened, and neither empty nor quarantined
	Released bool         // its lot is
	Expiry   calendar.Day // of its lot
	Station  StationID    // where it stands now, "" for nowhere
}
