package dosing

import (
	"time"

	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Provenance says where a value of a pack comes from.
type Provenance struct {
	Source   string
	Verified bool   // its text was read; see the pack's notes
	Note     string // why there is no value, where there is none
	// Vietnamese says the same as Source or Note.
	Vietnamese string
}

// Limit is one value of a pack. Set is false when the pack leaves it to the clinic.
type Limit[T any] struct {
	Provenance
	Value T
	Set   bool
}

// MissedStep is one row of the missed-days table.
type MissedStep struct {
	FromDays int      // this many consecutive clinic days missed, or more
	Severity Severity // what it does
	Advice   string   // key of the advice shown: "same_dose", "half_dose", "see_prescriber", "new_induction"
}

// The advice that a missed-days table may give. It is shown; nothing computes a dose from it.
const (
	AdviceSameDose      = "same_dose"
	AdviceHalfDose      = "half_dose"
	AdviceSeePrescriber = "see_prescriber"
	AdviceNewInduction  = "new_induction"
)

// Pack is a set of rules as data: one country's or one clinic's values, in one version.
type Pack struct {
	Name    string
	Version int
	// Adopted is true when the clinic's medical lead signed this version; it makes unverified values binding.
	Adopted bool

	MaxOrderDays  map[patient.Phase]Limit[int] // longest order by phase
	HardCeiling   Limit[measure.Mass]          // no dose above this
	FirstDayMax   Limit[measure.Mass]          // no first dose above this
	StepMax       Limit[measure.Mass]          // induction: no larger rise than this …
	StepMinDays   Limit[int]                   // … more often than every so many days
	MinHours      Limit[time.Duration]         // between the doses of two days; an n-th of it for an order in n parts
	JumpWarn      Limit[int]                   // warns when more percent above the last dose than this
	JumpStop      Limit[int]                   // stops when more percent above the last dose than this
	Missed        Limit[[]MissedStep]          // ascending by FromDays
	VerifyDevices Limit[bool]                  // a device must have been verified today
	DriftWarn     Limit[drift.Share]           // proposes to recalibrate above this between pump and scale
	DriftStop     Limit[drift.Share]           // stops above this until the pump is recalibrated and checked
	LowBottle     Limit[measure.Volume]        // warn below this in the bottle
}
