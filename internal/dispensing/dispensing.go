package dispensing

import (
	"encoding/json"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// ID identifies a dispensing. It is made by the screen that asks for the dose and is its idempotency key for ever.
type ID string

// Dispensing is one dose on its way. The header never changes after Begin; everything later is a Step, and Progress is
// what the steps add up to.
type Dispensing struct {
	ID            ID
	Clinic        clinic.ID
	Patient       patient.ID
	Prescription  prescription.ID
	Station       equipment.StationID
	Bottle        stock.BottleID
	Lot           stock.LotID
	Day           calendar.Day
	Part          int
	Kind          dosing.DoseKind
	Dose          measure.Mass
	Volume        measure.Volume // reserved, and the most that may be commanded
	Concentration measure.Concentration
	Density       measure.Density // of the lot at Begin; 0 when not measured
	Pack          string
	PackVersion   int
	Reasons       json.RawMessage // the decision's notes, as JSON
	RequestedBy   staff.ID
	Recorded      calendar.Instant
	Lease         calendar.Instant // silence beyond this turns reserved into held
	Progress
}

// Progress is where a dispensing stands: the fold of its steps.
type Progress struct {
	State      State
	Steps      int // number of steps so far; the next one has this number plus one
	PumpVolume measure.Volume
	// Weighed is the weight of the liquid in the cup: gross after less gross before. WeighedKnown tells zero from none.
	Weighed      measure.Weight
	WeighedKnown bool
	Measured     measure.Volume // the volume that counts: see Measurement.Volume
	// Agreed: order, pump and scale agree within tolerance, or two people recorded the deviation.
	Agreed bool
	// HandedAt is when the card was scanned again at hand-over; the zero Instant when it was not.
	HandedAt calendar.Instant
}

// StepKind names what happened. Most kinds change the state; some only add a fact.
type StepKind string

// The kinds of step.
const (
	StepReserved       StepKind = "reserved"     // begun
	StepDispensing     StepKind = "dispensing"   // the counter passed the point of no return
	StepMeasured       StepKind = "measured"     // the counter, or two people, measured the cup
	StepInDoubt        StepKind = "in_doubt"     // the outcome of the pour is unknown
	StepHeld           StepKind = "held"         // silence past the lease
	StepVoided         StepKind = "voided"       // nothing moved, by the counter's word or two people's
	StepDeviation      StepKind = "deviation"    // two people accepted a measurement outside tolerance
	StepHandedOver     StepKind = "handed_over"  // observed dose: card scanned again, cup given
	StepAdministered   StepKind = "administered" // swallow observed
	StepTakeHomeHanded StepKind = "take_home"    // take-home: every bottle scanned back and given
	StepPartlyTaken    StepKind = "partly_taken" // part swallowed, the rest wasted with a witness
	StepWasted         StepKind = "wasted"       // refused, spilled, out of tolerance; with a witness
	StepEvidence       StepKind = "evidence"     // a report that came when the state no longer asks for it
)

// Step is one fact about a dispensing. Steps are only ever added.
type Step struct {
	Dispensing ID
	Seq        int // 1, 2, …
	Kind       StepKind
	From, To   State
	Actor      string // staff id, station id or "clinicd"
	ActorKind  string // as in package audit
	Witness    staff.ID
	// Event is the number of the station's signed event behind this step, 0 for none.
	Event    int64
	Data     json.RawMessage // measurement, reason, scanned code kind …
	Occurred calendar.Instant
	Recorded calendar.Instant
}

// Measurement is what a counter or two people found after a pour.
type Measurement struct {
	Pump        measure.Volume `json:"pump_ul"`          // what the pump says it moved; 0 with PumpKnown false when poured by hand
	PumpKnown   bool           `json:"pump_known"`       //
	GrossBefore measure.Weight `json:"gross_before_ug"`  // empty cup on the pan
	GrossAfter  measure.Weight `json:"gross_after_ug"`   //
	WeightKnown bool           `json:"weight_known"`     // both gross readings were stable and plausible
	DurationMS  int64          `json:"duration_ms"`      // from motion to stable weight
	PumpSerial  string         `json:"pump_serial"`      //
	ScaleSerial string         `json:"scale_serial"`     //
	Manual      bool           `json:"manual,omitempty"` // poured by hand or found by people
}

// Weighed returns the weight of the liquid.
func (m Measurement) Weighed() measure.Weight { return m.GrossAfter - m.GrossBefore }

// Incident is a fact that breaks a rule of the record: liquid moved when it should not have, a voided pour that was
// poured. It is opened by the system and closed by people.
type Incident struct {
	ID         string
	Clinic     clinic.ID
	Dispensing ID
	Kind       string
	Data       json.RawMessage
	Opened     calendar.Instant
}
