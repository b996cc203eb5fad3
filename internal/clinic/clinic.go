package clinic

import (
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// ID identifies a clinic.
type ID string

// Kind is what a site may do (Circular 26/2023/TT-BYT tells the two apart).
type Kind string

// The kinds of site.
const (
	TreatmentFacility Kind = "treatment_facility" // enrols, examines, prescribes, stores, dispenses
	DispensingPoint   Kind = "dispensing_point"   // only dispenses, from its treatment facility's stock
)

// Clinic is one site.
type Clinic struct {
	ID       ID
	Number   int // two digits on cards and labels; unique in a database
	Name     string
	Province string
	District string
	Kind     Kind
	Zone     string        // IANA time zone
	CutOver  time.Duration // how long after local midnight the clinic day begins
	// RulePack and RulePackVersion name the adopted rule pack; see package dosing.
	RulePack        string
	RulePackVersion int
	// AdoptedBy is the medical lead whose signature adopted the pack; empty while nobody has.
	AdoptedBy string
	AdoptedAt calendar.Instant
	// Demo marks a fictional clinic. Demonstration and real clinics never share a database.
	Demo bool
}

// Closure is a day on which a clinic does not dispense.
type Closure struct {
	Clinic ID
	Day    calendar.Day
	Reason string
}

// Target is how many patients a clinic is to have in treatment in a year, as its authority set it.
type Target struct {
	Clinic   ID
	Year     int
	Patients int
	By       string // staff id
	Recorded calendar.Instant
}

// Calendar returns the clinic's own calendar.
func (c Clinic) Calendar(closures []Closure) (calendar.Calendar, error) {
	closed := make(map[calendar.Day]string, len(closures))
	for _, cl := range closures {
		closed[cl.Day] = cl.Reason
	}
	return calendar.New(c.Zone, c.CutOver, closed)
}
