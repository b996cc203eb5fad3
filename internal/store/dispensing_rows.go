package store

import (
	"encoding/json"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type dispensingRow struct {
	ID                dispensing.ID
	Clinic            clinic.ID
	Patient           patient.ID
	Prescription      prescription.ID
	Station           equipment.StationID
	Bottle            stock.BottleID
	Lot               stock.LotID
	Day               calendar.Day
	Part              int
	Kind              dosing.DoseKind
	DoseUg            measure.Mass
	VolumeUl          measure.Volume
	ConcentrationUgMl measure.Concentration
	DensityUgMl       measure.Density
	Pack              string
	PackVersion       int
	Reasons           string
	RequestedBy       staff.ID
	Recorded          calendar.Instant
}

func (dispensingRow) TableName() string { return "dispensing" }

type dispensingStateRow struct {
	Dispensing   dispensing.ID `gorm:"primaryKey"`
	Clinic       clinic.ID
	Patient      patient.ID
	Station      equipment.StationID
	State        dispensing.State
	Open         flag
	Steps        int
	PumpUl       measure.Volume
	WeighedUg    measure.Weight
	WeighedKnown flag
	MeasuredUl   measure.Volume
	Agreed       flag
	HandedAt     calendar.Instant
	Lease        calendar.Instant
}

func (dispensingStateRow) TableName() string { return "dispensing_state" }

type stepRow struct {
	Dispensing dispensing.ID `gorm:"primaryKey"`
	Seq        int           `gorm:"primaryKey;autoIncrement:false"`
	Clinic     clinic.ID
	Kind       dispensing.StepKind
	FromState  dispensing.State
	ToState    dispensing.State
	ActorKind  string
	Actor      string
	Witness    staff.ID
	Event      int64
	Data       string
	Occurred   calendar.Instant
	Recorded   calendar.Instant
}

func (stepRow) TableName() string { return "dispensing_step" }

type doseRow struct {
	Patient    patient.ID   `gorm:"primaryKey"`
	Day        calendar.Day `gorm:"primaryKey;autoIncrement:false"`
	Part       int          `gorm:"primaryKey;autoIncrement:false"`
	Clinic     clinic.ID
	Dispensing dispensing.ID
	MassUg     measure.Mass
	Kind       dosing.DoseKind
	At         calendar.Instant
}

func (doseRow) TableName() string { return "dose" }

type incidentRow struct {
	ID         string
	Clinic     clinic.ID
	Dispensing ref
	Kind       string
	Data       string
	Opened     calendar.Instant
}

func (incidentRow) TableName() string { return "incident" }

func fromDispensing(d dispensing.Dispensing) (dispensingRow, dispensingStateRow) {
	return dispensingRow{
			ID: d.ID, Clinic: d.Clinic, Patient: d.Patient, Prescription: d.Prescription, Station: d.Station,
			Bottle: d.Bottle, Lot: d.Lot, Day: d.Day, Part: d.Part, Kind: d.Kind, DoseUg: d.Dose, VolumeUl: d.Volume,
			ConcentrationUgMl: d.Concentration, DensityUgMl: d.Density, Pack: d.Pack, PackVersion: d.PackVersion,
			Reasons: string(d.Reasons), RequestedBy: d.RequestedBy, Recorded: d.Recorded,
		}, dispensingStateRow{
			Dispensing: d.ID, Clinic: d.Clinic, Patient: d.Patient, Station: d.Station,
			State: d.State, Open: flag(d.State.Open()), Steps: d.Progress.Steps, PumpUl: d.PumpVolume,
			WeighedUg: d.Weighed, WeighedKnown: flag(d.WeighedKnown), MeasuredUl: d.Measured, Agreed: flag(d.Agreed),
			HandedAt: d.HandedAt, Lease: d.Lease,
		}
}

func toDispensing(r dispensingRow, s dispensingStateRow) dispensing.Dispensing {
	return dispensing.Dispensing{
		ID: r.ID, Clinic: r.Clinic, Patient: r.Patient, Prescription: r.Prescription, Station: r.Station,
		Bottle: r.Bottle, Lot: r.Lot, Day: r.Day, Part: r.Part, Kind: r.Kind, Dose: r.DoseUg, Volume: r.VolumeUl,
		Concentration: r.ConcentrationUgMl, Density: r.DensityUgMl, Pack: r.Pack, PackVersion: r.PackVersion,
		Reasons: raw(r.Reasons), RequestedBy: r.RequestedBy, Recorded: r.Recorded, Lease: s.Lease,
		Progress: dispensing.Progress{
			State: s.State, Steps: s.Steps, PumpVolume: s.PumpUl, Weighed: s.WeighedUg,
			WeighedKnown: bool(s.WeighedKnown), Measured: s.MeasuredUl, Agreed: bool(s.Agreed), HandedAt: s.HandedAt,
		},
	}
}

func fromStep(c clinic.ID, s dispensing.Step) stepRow {
	return stepRow{
		Dispensing: s.Dispensing, Seq: s.Seq, Clinic: c, Kind: s.Kind, FromState: s.From, ToState: s.To,
		ActorKind: s.ActorKind, Actor: s.Actor, Witness: s.Witness, Event: s.Event, Data: string(s.Data),
		Occurred: s.Occurred, Recorded: s.Recorded,
	}
}

func toStep(r stepRow) dispensing.Step {
	return dispensing.Step{
		Dispensing: r.Dispensing, Seq: r.Seq, Kind: r.Kind, From: r.FromState, To: r.ToState,
		ActorKind: r.ActorKind, Actor: r.Actor, Witness: r.Witness, Event: r.Event, Data: raw(r.Data),
		Occurred: r.Occurred, Recorded: r.Recorded,
	}
}

// doseFact is what a decision needs of a dose: weeks of them travel with every begin.
type doseFact struct {
	Day    calendar.Day
	Part   int
	MassUg measure.Mass
	Kind   dosing.DoseKind
	At     calendar.Instant
}

func toDose(r doseFact) dosing.Dose {
	return dosing.Dose{Day: r.Day, Part: r.Part, Mass: r.MassUg, Kind: r.Kind, At: r.At}
}

// decode reads a JSON column that object made; SQL NULL leaves v as it is and reports false.
func decode(column *string, v any) (bool, error) {
	if column == nil || *column == "" {
		return false, nil
	}
	return true, json.Unmarshal([]byte(*column), v)
}
