package calibration

import (
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Ids of the nouns of calibration. Each is made by whoever starts the act.
type (
	CheckID         string
	PourID          string
	RecalibrationID string
)

// Check is the check of the day of one station. The header never changes after BeginCheck; the rest is what was added.
type Check struct {
	ID      CheckID
	Clinic  clinic.ID
	Station equipment.StationID
	Day     calendar.Day
	// Pump, Bottle and Lot are "" at a window that pours by hand: there the scale alone is checked.
	Pump         equipment.DeviceID
	Scale        equipment.DeviceID
	Bottle       stock.BottleID
	Lot          stock.LotID
	Density      measure.Density // of the lot when the check was begun
	TemperatureC int             // of the room in tenths of a degree Celsius
	Limits       Limits
	By           staff.ID
	Witness      staff.ID // of every pour; "" where nothing is poured
	Recorded     calendar.Instant

	Weighings []Weighing // oldest first
	Pours     []Pour     // oldest first
	Result    *Result    // nil while the check is open
}

// Weighing is a check weight on the scale.
type Weighing struct {
	Check       CheckID
	Seq         int
	Nominal     measure.Weight
	Shown       measure.Weight
	Tolerance   measure.Weight
	Weights     string // serial number of the set
	ScaleSerial string
	By          staff.ID
	Recorded    calendar.Instant
}

// Within reports whether the scale showed the weight.
func (w Weighing) Within() bool { return max(w.Shown-w.Nominal, w.Nominal-w.Shown) <= w.Tolerance }

// Result is the judgement of a check.
type Result struct {
	Check    CheckID
	Passed   bool
	Figures  Figures
	By       staff.ID
	Recorded calendar.Instant
}

// StepKind names what a check needs next.
type StepKind string

// The kinds of step, in their order.
const (
	StepWeigh  StepKind = "weigh"  // put a check weight on the pan
	StepPrime  StepKind = "prime"  // fill the tube, into the waste vessel
	StepShot   StepKind = "shot"   // one shot into the waste vessel
	StepPour   StepKind = "pour"   // a pour is on its way
	StepSettle StepKind = "settle" // two people settle a pour that is in doubt
	StepFinish StepKind = "finish" // everything is there: judge it
	StepDone   StepKind = "done"
)

// NextStep is what a check needs next.
type NextStep struct {
	Kind    StepKind
	Nominal measure.Weight // of a weighing
	Volume  measure.Volume // of a pour
	Level   int            // of a shot: index into Limits.Levels
	N, Of   int            // this weighing or shot of so many
	Pour    PourID         // that is on its way or in doubt
}

// Next says what a check needs next. It is the only way through a check: the server pours what stands here.
func (c Check) Next() NextStep {
	if c.Result != nil {
		return NextStep{Kind: StepDone}
	}
	for _, p := range c.Pours {
		switch {
		case p.State.AtPump():
			return NextStep{Kind: StepPour, Pour: p.ID, Volume: p.Volume, Level: p.Level}
		case p.State.Open():
			return NextStep{Kind: StepSettle, Pour: p.ID, Volume: p.Volume, Level: p.Level}
		}
	}
	for i, nominal := range c.Limits.Weights {
		if w, ok := c.lastOf(nominal); !ok || !w.Within() {
			return NextStep{Kind: StepWeigh, Nominal: nominal, N: i + 1, Of: len(c.Limits.Weights)}
		}
	}
	if c.Pump == "" {
		return NextStep{Kind: StepFinish}
	}
	if len(c.measured(Prime, 0)) == 0 {
		return NextStep{Kind: StepPrime, Volume: c.Limits.Prime}
	}
	shots := 0
	for i, v := range c.Limits.Levels {
		n := len(c.measured(Shot, i))
		if shots += n; n < c.Limits.Shots {
			return NextStep{Kind: StepShot, Volume: v, Level: i, N: shots + 1, Of: c.Limits.Shots * len(c.Limits.Levels)}
		}
	}
	return NextStep{Kind: StepFinish}
}

// lastOf returns the newest weighing of a nominal weight. A weight that was put on by mistake is weighed again; both stay
// on record.
func (c Check) lastOf(nominal measure.Weight) (last Weighing, ok bool) {
	for _, w := range c.Weighings {
		if w.Nominal == nominal {
			last, ok = w, true
		}
	}
	return last, ok
}

// measured returns the pours of a kind and level that the counter measured.
func (c Check) measured(kind PourKind, level int) []Pour {
	var out []Pour
	for _, p := range c.Pours {
		if p.Kind == kind && p.Level == level && p.State == Measured {
			out = append(out, p)
		}
	}
	return out
}

// open reports whether a pour of the check has not ended.
func (c Check) open() bool {
	for _, p := range c.Pours {
		if p.State.Open() {
			return true
		}
	}
	return false
}

// StandingState says what a station's check of the day is worth.
type StandingState string

// The states. NoCheck is the state of a station that never had one.
const (
	NoCheck StandingState = ""
	Open    StandingState = "open"   // begun, and something was poured
	Passed  StandingState = "passed" // on its day, for its lot, pump and scale
	Failed  StandingState = "failed"
	Void    StandingState = "void" // it had passed, and something it rested on was changed
)

// Standing is which check counts at a station now.
type Standing struct {
	Station      equipment.StationID
	Clinic       clinic.ID
	Check        CheckID
	State        StandingState
	Reason       string // of Void: "lot", "pump", "scale", "tube", "syringe", "part", "recalibrated"
	Day          calendar.Day
	Lot          stock.LotID
	Pump, Scale  equipment.DeviceID
	PumpSerial   string // as the counter reported them with the shots; "" when it could not
	ScaleSerial  string
	Recalibrated bool // the pump was recalibrated, or a part changed, since the control chart began
	Since        calendar.Instant
}

// Counts reports whether the check makes good today what stands at the station: the pump with its lot, and the scale.
func (s Standing) Counts(today calendar.Day, lot stock.LotID, device equipment.DeviceID) bool {
	if s.State != Passed || s.Day != today {
		return false
	}
	return device == s.Scale || (device == s.Pump && lot == s.Lot)
}

// RecalibrationKind says what was done to a pump.
type RecalibrationKind string

// The kinds. Each voids the check of the day.
const (
	Recalibrated RecalibrationKind = "recalibrated" // by the pump's own procedure
	TubeChanged  RecalibrationKind = "tube"
	Syringe      RecalibrationKind = "syringe"
	PartChanged  RecalibrationKind = "part"
)

// Recalibration is a signed record of what was done to a pump.
type Recalibration struct {
	ID                        RecalibrationID
	Clinic                    clinic.ID
	Station                   equipment.StationID
	Device                    equipment.DeviceID
	Kind                      RecalibrationKind
	Method                    string // the procedure, in the maker's words
	FactorBefore, FactorAfter string // as the pump shows them; "" where it has none
	Note                      string
	By                        staff.ID
	Recorded                  calendar.Instant
}
