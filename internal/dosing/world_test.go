package dosing_test

import (
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const (
	mg = measure.Milligram
	mL = measure.Millilitre
)

// today is an ordinary Tuesday; the clock at the window says eight.
var (
	today = calendar.DateOf(2026, time.March, 10)
	eight = instant(today, 8)
)

// instant is an hour of a day, on a clock in UTC: the rules never look at a zone.
func instant(d calendar.Day, hour int) calendar.Instant {
	return calendar.At(d.Midnight().Add(time.Duration(hour) * time.Hour))
}

// adopted is a pack in which every value is set and binds.
func adopted() dosing.Pack {
	p := unread()
	p.Adopted = true
	return p
}

// unread is a pack in which every value is set and none was verified or adopted.
func unread() dosing.Pack {
	from := dosing.Provenance{Source: "a guideline"}
	return dosing.Pack{
		Name: "test", Version: 7,
		MaxOrderDays: map[patient.Phase]dosing.Limit[int]{
			patient.Induction:   {Provenance: from, Value: 1, Set: true},
			patient.Maintenance: {Provenance: from, Value: 30, Set: true},
		},
		HardCeiling: dosing.Limit[measure.Mass]{Provenance: from, Value: 300 * mg, Set: true},
		FirstDayMax: dosing.Limit[measure.Mass]{Provenance: from, Value: 30 * mg, Set: true},
		StepMax:     dosing.Limit[measure.Mass]{Provenance: from, Value: 10 * mg, Set: true},
		StepMinDays: dosing.Limit[int]{Provenance: from, Value: 3, Set: true},
		MinHours:    dosing.Limit[time.Duration]{Provenance: from, Value: 12 * time.Hour, Set: true},
		JumpWarn:    dosing.Limit[int]{Provenance: from, Value: 30, Set: true},
		JumpStop:    dosing.Limit[int]{Provenance: from, Value: 100, Set: true},
		Missed: dosing.Limit[[]dosing.MissedStep]{Provenance: from, Set: true, Value: []dosing.MissedStep{
			{FromDays: 2, Severity: dosing.Warning, Advice: dosing.AdviceSameDose},
			{FromDays: 4, Severity: dosing.Refer, Advice: dosing.AdviceHalfDose},
			{FromDays: 6, Severity: dosing.Stop, Advice: dosing.AdviceNewInduction},
		}},
		VerifyDevices: dosing.Limit[bool]{Provenance: from, Value: true, Set: true},
		DriftWarn:     dosing.Limit[drift.Share]{Provenance: from, Value: drift.Percent / 2, Set: true},
		DriftStop:     dosing.Limit[drift.Share]{Provenance: from, Value: drift.Percent, Set: true},
		LowBottle:     dosing.Limit[measure.Volume]{Provenance: from, Value: 100 * mL, Set: true},
	}
}

// ordinary is a patient in maintenance on 60 mg a day who came yesterday, at a window where everything is well.
func ordinary() dosing.Facts {
	yesterday := observed(today-1, 1, 60*mg)
	return dosing.Facts{
		Now: eight, Today: today,
		Status: patient.InTreatment, Phase: patient.Maintenance, EnrolledOn: today - 100,
		Order:    order(patient.Maintenance, today-9, today+20, 60*mg),
		Doses:    []dosing.Dose{observed(today-2, 1, 60*mg), yesterday},
		LastDose: &yesterday,
		Station:  window(),
	}
}

// window is a station with a pump and a full bottle of 10 mg/mL.
func window() *dosing.StationFacts {
	return &dosing.StationFacts{
		ID: "w1",
		Devices: []dosing.DeviceFact{
			{Kind: equipment.Pump, State: equipment.Ready, Verified: true},
			{Kind: equipment.Scale, State: equipment.Ready, Verified: true},
			{Kind: equipment.Scanner, State: equipment.Ready},
			{Kind: equipment.Printer, State: equipment.Ready},
		},
		Bottle: &stock.Bottle{
			ID: "b1", Lot: "l1", State: stock.InUse,
			Balance: stock.Balance{stock.Supplier: -1000 * mL, stock.InBottle: 1000 * mL},
		},
		Lot: &stock.Lot{
			ID: "l1", Number: "A123", Concentration: 10 * measure.MilligramPerMillilitre,
			Expiry: today + 300, State: stock.LotReleased,
		},
		Pump: &equipment.Profile{MinDose: 500, MaxDose: 40 * mL, Resolution: 10, Residual: 20 * mL},
	}
}

func order(phase patient.Phase, from, to calendar.Day, parts ...measure.Mass) *prescription.Prescription {
	var sum measure.Mass
	for _, p := range parts {
		sum += p
	}
	return &prescription.Prescription{
		ID: "rx", Version: 1, Dose: sum, Parts: parts, From: from, To: to, Phase: phase, Status: prescription.Active,
	}
}

func observed(d calendar.Day, part int, mass measure.Mass) dosing.Dose {
	return dosing.Dose{Day: d, Part: part, Mass: mass, Kind: dosing.Observed, At: instant(d, 7)}
}

func takeHome(d calendar.Day, part int, mass measure.Mass, handed calendar.Day) dosing.Dose {
	return dosing.Dose{Day: d, Part: part, Mass: mass, Kind: dosing.TakeAway, At: instant(handed, 7)}
}

func hold(id string, severity prescription.Severity) prescription.Hold {
	return prescription.Hold{
		ID: prescription.HoldID(id), Severity: severity, Reason: "see the counsellor", ClearedBy: staff.Nurse, PlacedAt: eight - 1,
	}
}

// dosed replaces the history by these doses, the last of them the newest.
func dosed(f *dosing.Facts, doses ...dosing.Dose) {
	f.Doses, f.LastDose = doses, nil
	if n := len(doses); n > 0 {
		f.LastDose = &doses[n-1]
	}
}
