package dosing

import (
	"time"

	"github.com/lieu-clinic/lieu/internal/patient"
)

// Unit says what the amount of a value counts.
type Unit string

// The units of a pack's values. An amount of millionths is a share; of a yes or no, 1 is yes; of a table, its rows.
const (
	Days        Unit = "days"
	Hours       Unit = "hours"
	Percents    Unit = "percent"
	Millionths  Unit = "ppm"
	Micrograms  Unit = "ug"
	Microlitres Unit = "ul"
	YesOrNo     Unit = "yes_no"
	Table       Unit = "table"
)

// Value is one value of a pack, for people to read before they sign it. Amount says nothing when Set is false.
type Value struct {
	Key string // as in the pack's file
	Provenance
	Set    bool
	Unit   Unit
	Amount int64
	Steps  []MissedStep // of the table
}

// Values lists every value of a pack, in the order of its file.
func (p Pack) Values() []Value {
	hours := Limit[int64]{p.MinHours.Provenance, int64(p.MinHours.Value / time.Hour), p.MinHours.Set}
	verify := Limit[int]{Provenance: p.VerifyDevices.Provenance, Set: p.VerifyDevices.Set}
	if p.VerifyDevices.Value {
		verify.Value = 1
	}
	table := valueOf("missed.table", Table, Limit[int]{p.Missed.Provenance, len(p.Missed.Value), p.Missed.Set})
	table.Steps = p.Missed.Value
	return []Value{
		valueOf("rx.max_days.induction", Days, p.MaxOrderDays[patient.Induction]),
		valueOf("rx.max_days.adjustment", Days, p.MaxOrderDays[patient.Adjustment]),
		valueOf("rx.max_days.maintenance", Days, p.MaxOrderDays[patient.Maintenance]),
		valueOf("rx.max_days.taper", Days, p.MaxOrderDays[patient.Taper]),
		valueOf("dose.hard_ceiling", Micrograms, p.HardCeiling),
		valueOf("dose.first_day_max", Micrograms, p.FirstDayMax),
		valueOf("dose.step_max", Micrograms, p.StepMax),
		valueOf("dose.step_min_days", Days, p.StepMinDays),
		valueOf("dose.min_hours", Hours, hours),
		valueOf("dose.jump_warn", Percents, p.JumpWarn),
		valueOf("dose.jump_stop", Percents, p.JumpStop),
		table,
		valueOf("device.verify", YesOrNo, verify),
		valueOf("drift.warn", Millionths, p.DriftWarn),
		valueOf("drift.stop", Millionths, p.DriftStop),
		valueOf("bottle.low", Microlitres, p.LowBottle),
	}
}

func valueOf[T ~int | ~int64](key string, unit Unit, l Limit[T]) Value {
	return Value{Key: key, Provenance: l.Provenance, Set: l.Set, Unit: unit, Amount: int64(l.Value)}
}
