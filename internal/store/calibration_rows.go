package store

import (
	"encoding/json"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type limitsRow struct {
	Clinic   clinic.ID `gorm:"primaryKey"`
	Seq      int       `gorm:"primaryKey;autoIncrement:false"`
	Limits   string
	ByStaff  staff.ID
	Recorded calendar.Instant
}

func (limitsRow) TableName() string { return "check_limits" }

type checkRow struct {
	ID          calibration.CheckID
	Clinic      clinic.ID
	Station     equipment.StationID
	Day         calendar.Day
	Pump        ref
	Scale       equipment.DeviceID
	Bottle      ref
	Lot         ref
	DensityUgMl measure.Density
	TempDc      int
	Limits      string
	ByStaff     staff.ID
	Witness     staff.ID
	Recorded    calendar.Instant
}

func (checkRow) TableName() string { return "station_check" }

func fromCheck(c calibration.Check) (checkRow, error) {
	limits, err := json.Marshal(c.Limits)
	return checkRow{
		ID: c.ID, Clinic: c.Clinic, Station: c.Station, Day: c.Day, Pump: ref(c.Pump), Scale: c.Scale, Bottle: ref(c.Bottle),
		Lot: ref(c.Lot), DensityUgMl: c.Density, TempDc: c.TemperatureC, Limits: string(limits), ByStaff: c.By, Witness: c.Witness,
		Recorded: c.Recorded,
	}, err
}

func toCheck(r checkRow) (calibration.Check, error) {
	c := calibration.Check{
		ID: r.ID, Clinic: r.Clinic, Station: r.Station, Day: r.Day, Pump: equipment.DeviceID(r.Pump), Scale: r.Scale,
		Bottle: stock.BottleID(r.Bottle), Lot: stock.LotID(r.Lot), Density: r.DensityUgMl, TemperatureC: r.TempDc, By: r.ByStaff,
		Witness: r.Witness, Recorded: r.Recorded,
	}
	if err := json.Unmarshal([]byte(r.Limits), &c.Limits); err != nil {
		return calibration.Check{}, fmt.Errorf("limits of check %s: %w", r.ID, err)
	}
	return c, nil
}

type weighingRow struct {
	StationCheck calibration.CheckID `gorm:"primaryKey"`
	Seq          int                 `gorm:"primaryKey;autoIncrement:false"`
	Clinic       clinic.ID
	NominalUg    measure.Weight
	ShownUg      measure.Weight
	ToleranceUg  measure.Weight
	Weights      string
	ScaleSerial  string
	ByStaff      staff.ID
	Recorded     calendar.Instant
}

func (weighingRow) TableName() string { return "check_weighing" }

func toWeighing(r weighingRow) calibration.Weighing {
	return calibration.Weighing{
		Check: r.StationCheck, Seq: r.Seq, Nominal: r.NominalUg, Shown: r.ShownUg, Tolerance: r.ToleranceUg, Weights: r.Weights,
		ScaleSerial: r.ScaleSerial, By: r.ByStaff, Recorded: r.Recorded,
	}
}

type resultRow struct {
	StationCheck calibration.CheckID `gorm:"primaryKey"`
	Clinic       clinic.ID
	Passed       flag
	Figures      string
	ByStaff      staff.ID
	Recorded     calendar.Instant
}

func (resultRow) TableName() string { return "check_result" }

func toResult(r resultRow) (calibration.Result, error) {
	out := calibration.Result{Check: r.StationCheck, Passed: bool(r.Passed), By: r.ByStaff, Recorded: r.Recorded}
	if err := json.Unmarshal([]byte(r.Figures), &out.Figures); err != nil {
		return out, fmt.Errorf("figures of check %s: %w", r.StationCheck, err)
	}
	return out, nil
}

type wastePourRow struct {
	ID           calibration.PourID
	Clinic       clinic.ID
	Station      equipment.StationID
	StationCheck ref
	Kind         calibration.PourKind
	Level        int
	Bottle       stock.BottleID
	Lot          stock.LotID
	VolumeUl     measure.Volume
	DensityUgMl  measure.Density
	ByStaff      staff.ID
	Witness      staff.ID
	Recorded     calendar.Instant
}

func (wastePourRow) TableName() string { return "check_pour" }

type pourStateRow struct {
	Pour          calibration.PourID `gorm:"primaryKey"`
	Clinic        clinic.ID
	Station       equipment.StationID
	State         calibration.State
	Open          flag
	Steps         int
	PumpUl        measure.Volume
	PumpKnown     flag
	GrossBeforeUg measure.Weight
	GrossAfterUg  measure.Weight
	DivisionUg    measure.Weight
	WeightKnown   flag
	PumpSerial    string
	ScaleSerial   string
	Reason        string
	BookedUl      measure.Volume
	Lease         calendar.Instant
}

func (pourStateRow) TableName() string { return "check_pour_state" }

func fromPour(p calibration.Pour) (wastePourRow, pourStateRow) {
	return wastePourRow{
			ID: p.ID, Clinic: p.Clinic, Station: p.Station, StationCheck: ref(p.Check), Kind: p.Kind, Level: p.Level, Bottle: p.Bottle,
			Lot: p.Lot, VolumeUl: p.Volume, DensityUgMl: p.Density, ByStaff: p.By, Witness: p.Witness, Recorded: p.Recorded,
		}, pourStateRow{
			Pour: p.ID, Clinic: p.Clinic, Station: p.Station, State: p.State, Open: flag(p.State.Open()), Steps: p.Steps, PumpUl: p.Pump,
			PumpKnown: flag(p.PumpKnown), GrossBeforeUg: p.GrossBefore, GrossAfterUg: p.GrossAfter, DivisionUg: p.Division,
			WeightKnown: flag(p.WeightKnown), PumpSerial: p.PumpSerial, ScaleSerial: p.ScaleSerial, Reason: p.Reason, BookedUl: p.Booked,
			Lease: p.Lease,
		}
}

func toPour(r wastePourRow, s pourStateRow) calibration.Pour {
	return calibration.Pour{
		ID: r.ID, Clinic: r.Clinic, Station: r.Station, Check: calibration.CheckID(r.StationCheck), Kind: r.Kind, Level: r.Level,
		Bottle: r.Bottle, Lot: r.Lot, Volume: r.VolumeUl, Density: r.DensityUgMl, By: r.ByStaff, Witness: r.Witness,
		Recorded: r.Recorded, Lease: s.Lease,
		PourState: calibration.PourState{
			State: s.State, Steps: s.Steps, Pump: s.PumpUl, PumpKnown: bool(s.PumpKnown), GrossBefore: s.GrossBeforeUg,
			GrossAfter: s.GrossAfterUg, Division: s.DivisionUg, WeightKnown: bool(s.WeightKnown), PumpSerial: s.PumpSerial,
			ScaleSerial: s.ScaleSerial, Reason: s.Reason, Booked: s.BookedUl,
		},
	}
}

type pourStepRow struct {
	Pour      calibration.PourID `gorm:"primaryKey"`
	Seq       int                `gorm:"primaryKey;autoIncrement:false"`
	Clinic    clinic.ID
	Kind      calibration.PourStep
	FromState calibration.State
	ToState   calibration.State
	ActorKind string
	Actor     string
	Witness   staff.ID
	Event     int64
	Data      string
	Occurred  calendar.Instant
	Recorded  calendar.Instant
}

func (pourStepRow) TableName() string { return "check_pour_step" }

type standingRow struct {
	Station      equipment.StationID `gorm:"primaryKey"`
	Clinic       clinic.ID
	StationCheck ref
	State        calibration.StandingState
	Reason       string
	Day          calendar.Day
	Lot          ref
	Pump         ref
	Scale        ref
	PumpSerial   string
	ScaleSerial  string
	Recalibrated flag
	Since        calendar.Instant
}

func (standingRow) TableName() string { return "check_standing" }

func fromStanding(s calibration.Standing) standingRow {
	return standingRow{
		Station: s.Station, Clinic: s.Clinic, StationCheck: ref(s.Check), State: s.State, Reason: s.Reason, Day: s.Day, Lot: ref(s.Lot),
		Pump: ref(s.Pump), Scale: ref(s.Scale), PumpSerial: s.PumpSerial, ScaleSerial: s.ScaleSerial,
		Recalibrated: flag(s.Recalibrated), Since: s.Since,
	}
}

func toStanding(r standingRow) calibration.Standing {
	return calibration.Standing{
		Station: r.Station, Clinic: r.Clinic, Check: calibration.CheckID(r.StationCheck), State: r.State, Reason: r.Reason, Day: r.Day,
		Lot: stock.LotID(r.Lot), Pump: equipment.DeviceID(r.Pump), Scale: equipment.DeviceID(r.Scale), PumpSerial: r.PumpSerial,
		ScaleSerial: r.ScaleSerial, Recalibrated: bool(r.Recalibrated), Since: r.Since,
	}
}

type driftRow struct {
	Station   equipment.StationID `gorm:"primaryKey"`
	Lot       stock.LotID         `gorm:"primaryKey"`
	Clinic    clinic.ID
	FromEvent int64
	Samples   int
	LevelPpm  drift.Share
	PeakPpm   drift.Share
	Since     calendar.Instant
}

func (driftRow) TableName() string { return "drift_standing" }

func toDrift(r driftRow) calibration.Drift {
	return calibration.Drift{
		Station: r.Station, Lot: r.Lot, FromEvent: r.FromEvent, Chart: drift.Chart{N: r.Samples, Level: r.LevelPpm, Peak: r.PeakPpm},
		Since: r.Since,
	}
}

type recalibrationRow struct {
	ID           calibration.RecalibrationID
	Clinic       clinic.ID
	Station      equipment.StationID
	Device       equipment.DeviceID
	Kind         calibration.RecalibrationKind
	Method       string
	FactorBefore string
	FactorAfter  string
	Note         string
	ByStaff      staff.ID
	Recorded     calendar.Instant
}

func (recalibrationRow) TableName() string { return "recalibration" }

func toRecalibration(r recalibrationRow) calibration.Recalibration {
	return calibration.Recalibration{
		ID: r.ID, Clinic: r.Clinic, Station: r.Station, Device: r.Device, Kind: r.Kind, Method: r.Method,
		FactorBefore: r.FactorBefore, FactorAfter: r.FactorAfter, Note: r.Note, By: r.ByStaff, Recorded: r.Recorded,
	}
}

// weighedRow is a dose of a control chart.
type weighedRow struct {
	ID          string
	Event       int64
	Occurred    calendar.Instant
	PumpUl      measure.Volume
	WeighedUg   measure.Weight
	DensityUgMl measure.Density
}
