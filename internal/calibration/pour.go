package calibration

import (
	"encoding/json"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// PourKind says what a pour that belongs to no patient is for.
type PourKind string

// The kinds.
const (
	Prime PourKind = "prime" // through the tube, until it is full
	Shot  PourKind = "shot"  // to be weighed
)

// Pour is liquid that goes through the pump into the waste. The header never changes; Progress is what its steps add up to.
type Pour struct {
	ID        PourID
	Clinic    clinic.ID
	Station   equipment.StationID
	Check     CheckID // "" for a prime outside of a check
	Kind      PourKind
	Level     int // of a shot: index into the check's levels
	Bottle    stock.BottleID
	Lot       stock.LotID
	Volume    measure.Volume // reserved, and the most that may be commanded
	Density   measure.Density
	By        staff.ID
	Witness   staff.ID
	Recorded  calendar.Instant
	Lease     calendar.Instant // silence beyond this turns reserved into held
	PourState                  // where it stands
}

// PourState is the fold of a pour's steps.
type PourState struct {
	State       State
	Steps       int
	Pump        measure.Volume // when not PumpKnown, a lower bound
	PumpKnown   bool
	GrossBefore measure.Weight
	GrossAfter  measure.Weight
	Division    measure.Weight // one step of the scale; 0 when not known
	WeightKnown bool
	PumpSerial  string
	ScaleSerial string
	Reason      string         // why it is in doubt, or was never commanded
	Booked      measure.Volume // on the account of purged liquid
}

// Scale is the volume by the scale. ok is false without a weight or a density, and for a vessel that lost weight.
func (p Pour) Scale() (v measure.Volume, ok bool) {
	w := p.GrossAfter - p.GrossBefore
	if !p.WeightKnown || p.Density <= 0 || w < 0 {
		return 0, false
	}
	v, err := p.Density.Volume(w)
	return v, err == nil
}

// State is where a pour stands.
type State string

// The states.
const (
	Reserved State = "reserved"   // volume promised, order on its way to the counter
	Pouring  State = "dispensing" // past the point of no return
	Held     State = "held"       // silence past the lease
	InDoubt  State = "in_doubt"   // something may have moved
	Measured State = "measured"   // weighed by the counter, and booked
	Settled  State = "settled"    // two people said how much moved
	Voided   State = "voided"     // nothing moved
)

// PourStep names what happened to a pour.
type PourStep string

// The kinds of step.
const (
	StepReserved PourStep = "reserved"
	StepPouring  PourStep = "dispensing"
	StepMeasured PourStep = "measured"
	StepInDoubt  PourStep = "in_doubt"
	StepHeld     PourStep = "held"
	StepVoided   PourStep = "voided"   // never commanded, or two people say that nothing moved
	StepSettled  PourStep = "settled"  // two people
	StepEvidence PourStep = "evidence" // a report that came when the state no longer asks for it
)

// pourTransitions is the whole truth about where a pour may go, by the kind of step.
var pourTransitions = map[State]map[PourStep]State{
	"":       {StepReserved: Reserved},
	Reserved: {StepPouring: Pouring, StepMeasured: Measured, StepInDoubt: InDoubt, StepHeld: Held, StepVoided: Voided},
	Held:     {StepPouring: Pouring, StepMeasured: Measured, StepInDoubt: InDoubt, StepVoided: Voided, StepSettled: Settled},
	Pouring:  {StepMeasured: Measured, StepInDoubt: InDoubt, StepVoided: Voided, StepSettled: Settled},
	InDoubt:  {StepVoided: Voided, StepSettled: Settled},
}

// Next returns the state that a step of this kind leads to from s, and whether the step is possible there at all.
func (s State) Next(kind PourStep) (State, bool) {
	if kind == StepEvidence && s != "" {
		return s, true
	}
	to, ok := pourTransitions[s][kind]
	return to, ok
}

// States lists every state.
var States = []State{Reserved, Pouring, Held, InDoubt, Measured, Settled, Voided}

// Open reports whether a pour in s has not ended.
func (s State) Open() bool { return slices.Contains([]State{Reserved, Pouring, Held, InDoubt}, s) }

// AtPump reports whether a pour in s occupies the pump of its station.
func (s State) AtPump() bool { return s == Reserved || s == Pouring }

// Step is one fact about a pour.
type Step struct {
	Pour      PourID
	Seq       int
	Kind      PourStep
	From, To  State
	Actor     string
	ActorKind string
	Witness   staff.ID
	Event     int64
	Data      json.RawMessage
	Occurred  calendar.Instant
	Recorded  calendar.Instant
}
