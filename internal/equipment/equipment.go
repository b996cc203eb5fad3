package equipment

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Ids of the nouns of equipment.
type (
	StationID string
	DeviceID  string
)

// Station is one dispensing window with its counter computer.
type Station struct {
	ID        StationID
	Clinic    clinic.ID
	Name      string // "Cửa 1"
	PublicKey []byte // Ed25519, born on the counter; nil until enrolled
	EnrolCode string // hash of the one-time code, "" once used
	EnrolBy   calendar.Instant
	Active    bool
	// Bottle is the one under the pump now, "" for none.
	Bottle string
	// Manual means pouring by hand with the scale only: there is no pump.
	Manual bool
	// EventSeq and EventHash are the end of the station's own chain of events as received.
	EventSeq  int64
	EventHash []byte
}

// DeviceKind is what a device is for.
type DeviceKind string

// The kinds of device.
const (
	Pump    DeviceKind = "pump"
	Scale   DeviceKind = "scale"
	Scanner DeviceKind = "scanner"
	Printer DeviceKind = "printer"
)

// DeviceState is what the station last said of a device. Unknown is a state of its own and is shown as such.
type DeviceState string

// The states.
const (
	Ready   DeviceState = "ready"
	Down    DeviceState = "down"
	Unknown DeviceState = "unknown"
)

// Device is one registered instrument at a station.
type Device struct {
	ID      DeviceID
	Clinic  clinic.ID
	Station StationID
	Kind    DeviceKind
	Model   string // catalogue name, "new-era"
	Serial  string // as the device reports it, "" when it cannot
	State   DeviceState
	StateAt calendar.Instant // by the server's clock
	Detail  string           // the device's own words, for the technician
	Profile Profile
}

// Profile is how one pump is set up: what it may be asked for.
type Profile struct {
	MinDose    measure.Volume `json:"min_dose_ul"`
	MaxDose    measure.Volume `json:"max_dose_ul"`
	Resolution measure.Volume `json:"resolution_ul"`
	// Residual is the volume below which the bottle cannot be drawn from accurately.
	Residual measure.Volume `json:"residual_ul"`
}
