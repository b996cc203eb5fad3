package dosing

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Facts is everything that a decision about one dose rests on, as the store read it in one transaction.
type Facts struct {
	Now    calendar.Instant
	Today  calendar.Day
	Closed string // reason for the closure of today; "" when the clinic is open

	Status     patient.Status
	Phase      patient.Phase
	EnrolledOn calendar.Day

	// Order is the active order that covers Today; nil when there is none.
	Order *prescription.Prescription
	// LastOrder is the newest active order that ended before Today, to explain an absence; nil when there is none.
	LastOrder *prescription.Prescription
	// NextOrder is the earliest active order that starts after Today; nil when there is none.
	NextOrder *prescription.Prescription
	// Holds are those not lifted.
	Holds []prescription.Hold
	// Cleared holds the ids of rules that a doctor cleared for this patient for Today.
	Cleared []string

	// Doses are the consumption facts of the days from Today-HistoryDays to Today, oldest first.
	Doses []Dose
	// LastDose is the newest consumption fact of all, however old; nil for a patient who never had one here.
	LastDose *Dose
	// Open is the patient's dispensing that is under way or in doubt, anywhere; nil when there is none.
	Open *OpenDispensing

	// Station is nil when the question is asked away from a window, as at check-in: rules about bottle, pump and
	// devices are then left out.
	Station *StationFacts
}

// HistoryDays is how far back Facts.Doses reach: further than any missed-days table.
const HistoryDays = 45

// DoseKind says how a day was covered.
type DoseKind string

// The kinds.
const (
	Observed DoseKind = "observed"  // swallowed at the window
	TakeAway DoseKind = "take_home" // handed over for that day
)

// Dose is one consumption fact: this much for this part of this day.
type Dose struct {
	Day  calendar.Day     `json:"day"`
	Part int              `json:"part"` // 1, 2, …
	Mass measure.Mass     `json:"mass_ug"`
	Kind DoseKind         `json:"kind"`
	At   calendar.Instant `json:"at"` // when it was swallowed or handed over
}

// OpenDispensing is a dispensing that has not ended.
type OpenDispensing struct {
	ID      string
	State   string
	Station equipment.StationID
}

// StationFacts are the facts of one window.
type StationFacts struct {
	ID equipment.StationID
	// Pouring is the id of another dispensing that this station has under way, "" for none.
	Pouring string
	Devices []DeviceFact
	// Bottle, Lot and Product are nil when no bottle is mounted.
	Bottle *stock.Bottle // Balance[stock.InBottle] is what can still be reserved
	Lot    *stock.Lot
	// Session is how far the counter's session has come, where the clinic gives no dose before its opening count is
	// settled; "" where it asks for none.
	Session stock.SessionState
	// Pump is nil at a window that pours by hand.
	Pump *equipment.Profile
	// Check says in one word why the check of the day does not count, or that it does: "open", "passed", "failed", "void";
	// "" when there is none of today.
	Check string
	// Drift is how far the scale stands from the pump in the doses of the mounted lot. DriftPeak is the greatest size it
	// ever had with any lot since the pump was last recalibrated and checked: an alarm does not end by itself.
	Drift, DriftPeak drift.Share
}

// DeviceFact is one registered device of the window.
type DeviceFact struct {
	Kind     equipment.DeviceKind
	State    equipment.DeviceState
	Verified bool // the passed check of Today is of this device and, for a pump, of the mounted lot
}

// Severity says what a reason does.
type Severity string

// The severities, from light to heavy. Refer and Stop refuse the dose.
const (
	Information Severity = "information"
	Warning     Severity = "warning"
	Refer       Severity = "refer" // to the doctor, whose clearance or new order answers it
	Stop        Severity = "stop"
)

// RuleID names a rule of the book, "order.expired". It is stable: screens translate it, reports count it.
type RuleID string

// Reason is one rule's word on a dose.
type Reason struct {
	Rule     RuleID   `json:"rule"`
	Severity Severity `json:"severity"`
	Value    string   `json:"value,omitempty"` // what was found, with its unit: "4 d", "130 mg"
	Limit    string   `json:"limit,omitempty"` // what the rule allows
	Source   string   `json:"source"`          // legal or clinical source, or "lieu" for a property of the system
	Verified bool     `json:"verified"`        // the source's text was read, or the clinic adopted the value by signature
	// ClearedBy says who can do something about it; empty when nobody can, as for a dose already taken.
	ClearedBy []staff.Role `json:"cleared_by"`
	// Args are further values for the message, by name. Free text of a hold is under "reason".
	Args map[string]string `json:"args,omitempty"`
}

// Decision is the rule book's answer.
type Decision struct {
	Pack        string         `json:"pack"`
	PackVersion int            `json:"pack_version"`
	Part        int            `json:"part"` // which part of the day's dose this is, from 1; 0 when none is due
	Dose        measure.Mass   `json:"dose_ug"`
	Volume      measure.Volume `json:"volume_ul"` // from the mounted bottle; 0 away from a window or when it has no exact answer
	MissedDays  int            `json:"missed_days"`
	Refusals    []Reason       `json:"refusals"` // every one, not only the first
	Notes       []Reason       `json:"notes"`    // information and warnings
}

// Allowed reports whether the dose may be begun.
func (d Decision) Allowed() bool { return len(d.Refusals) == 0 }
