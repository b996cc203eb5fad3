package prescription

import (
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Ids of the nouns of prescribing.
type (
	ID          string
	HoldID      string
	ClearanceID string
)

// Status is the life of a prescription. It only moves forward; a change of dose is a new prescription.
type Status string

// The statuses. Expired is not among them: it follows from To and the day.
const (
	Active     Status = "active"
	Superseded Status = "superseded"
	Cancelled  Status = "cancelled"
)

// Prescription is a doctor's signed order: this dose on each day from From to To, both included.
type Prescription struct {
	ID      ID
	Clinic  clinic.ID
	Patient patient.ID
	Version int          // 1, 2, … per patient
	Dose    measure.Mass // the whole day's dose
	// Parts divides the day's dose, in order; one part for most. Their sum is Dose.
	Parts      []measure.Mass
	From, To   calendar.Day
	Phase      patient.Phase
	Reason     string   // why the dose is what it is, in the doctor's words
	Prescriber staff.ID // who signed with a PIN
	SignedAt   calendar.Instant
	Status     Status
	Supersedes ID // the order that this one replaces, "" for none
	EndedAt    calendar.Instant
	EndedBy    staff.ID
}

// Bounds on what can be typed at all; the clinic's rules are much tighter.
const (
	MaxDose  = 1000 * measure.Milligram
	MaxParts = 4
	MaxDays  = 366
	// DoseStep is the finest dose that an order may name: half a milligram.
	DoseStep = 500 * measure.Microgram
)

// Validate checks an order before it is signed.
func (p Prescription) Validate() error {
	switch {
	case p.Dose <= 0 || p.Dose > MaxDose:
		return fault.New(fault.Invalid, "prescription.dose", "dose outside 0–%s", MaxDose)
	case p.Dose%DoseStep != 0:
		return fault.New(fault.Invalid, "prescription.dose_step", "dose is not a multiple of %s", DoseStep)
	case p.From.IsZero() || p.To.IsZero() || p.To < p.From || p.To.Sub(p.From) >= MaxDays:
		return fault.New(fault.Invalid, "prescription.dates", "dates missing, reversed or further apart than %d days", MaxDays)
	case !slices.Contains(patient.Phases, p.Phase):
		return fault.New(fault.Invalid, "prescription.phase", "phase is not known")
	case len(p.Parts) == 0 || len(p.Parts) > MaxParts:
		return fault.New(fault.Invalid, "prescription.parts", "%d parts of a day", len(p.Parts))
	}
	var sum measure.Mass
	for _, part := range p.Parts {
		if part <= 0 || part > p.Dose {
			return fault.New(fault.Invalid, "prescription.parts", "a part that is not positive or above the dose")
		}
		sum += part
	}
	if sum != p.Dose {
		return fault.New(fault.Invalid, "prescription.parts", "parts add up to %s, not %s", sum, p.Dose)
	}
	return nil
}

// Covers reports whether the order is for day d.
func (p Prescription) Covers(d calendar.Day) bool { return p.From <= d && d <= p.To }

// Days returns how many days the order runs.
func (p Prescription) Days() int { return p.To.Sub(p.From) + 1 }

// Severity is how much a hold or a rule weighs.
type Severity string

// The severities, from light to heavy.
const (
	Information Severity = "information" // shown, nothing else
	Warning     Severity = "warning"     // shown in amber; dosing goes on
	Stop        Severity = "stop"        // no dose until it is cleared
)

// Hold is a person's instruction to look, or to stop, before the next dose.
type Hold struct {
	ID       HoldID
	Clinic   clinic.ID
	Patient  patient.ID
	Severity Severity
	Reason   string // shown at check-in and at the window
	// ClearedBy is the role that may lift it.
	ClearedBy staff.Role
	PlacedBy  staff.ID
	PlacedAt  calendar.Instant
	LiftedBy  staff.ID
	LiftedAt  calendar.Instant
	LiftNote  string
}

// Open reports whether the hold still stands.
func (h Hold) Open() bool { return h.LiftedAt.IsZero() }

// MaxReason bounds free text on orders and holds, in bytes.
const MaxReason = 500

// Validate checks a hold before it is placed.
func (h Hold) Validate() error {
	switch h.Severity {
	case Information, Warning, Stop:
	default:
		return fault.New(fault.Invalid, "hold.severity", "severity is not known")
	}
	switch h.ClearedBy {
	case staff.Nurse, staff.Pharmacist, staff.Doctor:
	default:
		return fault.New(fault.Invalid, "hold.cleared_by", "nobody with that role lifts holds")
	}
	if h.Reason == "" || len(h.Reason) > MaxReason {
		return fault.New(fault.Invalid, "hold.reason", "reason is missing or too long")
	}
	return nil
}

// Clearance is a doctor's signature that a patient whom a rule referred has been seen, for one rule and one clinic day.
type Clearance struct {
	ID       ClearanceID
	Clinic   clinic.ID
	Patient  patient.ID
	Rule     string // dosing rule id
	Day      calendar.Day
	Note     string
	By       staff.ID
	Recorded calendar.Instant
}
