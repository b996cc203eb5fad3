package dispensing

import "slices"

// State is where a dispensing stands.
type State string

// The states.
const (
	Reserved     State = "reserved"     // volume promised, order on its way to the counter
	Pouring      State = "dispensing"   // past the point of no return
	Held         State = "held"         // silence past the lease: the patient stays blocked
	InDoubt      State = "in_doubt"     // something may have moved; people resolve it
	Measured     State = "measured"     // the cup is filled and measured
	Administered State = "administered" // swallow observed
	HandedOver   State = "handed_over"  // take-home given
	PartlyTaken  State = "partly_taken"
	Wasted       State = "wasted"
	Voided       State = "voided" // nothing moved
)

// transitions is the whole truth about where a dispensing may go, by the kind of step that takes it there. A kind that
// is missing for a state only adds a fact there (StepEvidence) or is refused, as Service decides.
var transitions = map[State]map[StepKind]State{
	"":       {StepReserved: Reserved},
	Reserved: {StepDispensing: Pouring, StepMeasured: Measured, StepInDoubt: InDoubt, StepHeld: Held, StepVoided: Voided},
	Held:     {StepDispensing: Pouring, StepMeasured: Measured, StepInDoubt: InDoubt, StepVoided: Voided},
	Pouring:  {StepMeasured: Measured, StepInDoubt: InDoubt},
	InDoubt:  {StepMeasured: Measured, StepWasted: Wasted, StepVoided: Voided},
	Measured: {
		StepDeviation: Measured, StepHandedOver: Measured, StepAdministered: Administered,
		StepTakeHomeHanded: HandedOver, StepPartlyTaken: PartlyTaken, StepWasted: Wasted,
	},
}

// Next returns the state that a step of this kind leads to from s, and whether the step is possible there at all.
func (s State) Next(kind StepKind) (State, bool) {
	if kind == StepEvidence && s != "" {
		return s, true
	}
	to, ok := transitions[s][kind]
	return to, ok
}

// Terminal reports whether s ends a dispensing. Terminal states never change.
func (s State) Terminal() bool {
	return slices.Contains([]State{Administered, HandedOver, PartlyTaken, Wasted, Voided}, s)
}

// Open reports whether a dispensing in s keeps its patient from another dose.
func (s State) Open() bool { return s != "" && !s.Terminal() }

// AtPump reports whether a dispensing in s occupies the pump of its station.
func (s State) AtPump() bool { return s == Reserved || s == Pouring }

// States lists every state, in the order of the diagram.
var States = []State{Reserved, Pouring, Held, InDoubt, Measured, Administered, HandedOver, PartlyTaken, Wasted, Voided}
