package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// eight is eight in the morning in Hà Nội on the 3rd of March 2026.
var eight = calendar.At(time.Date(2026, 3, 3, 1, 0, 0, 0, time.UTC))

var theDay = calendar.DateOf(2026, 3, 3)

// world is one clinic with what a dose needs.
type world struct {
	clinic   clinic.ID
	doctor   staff.ID
	patients []patient.ID
	orders   []prescription.ID
	stations []equipment.StationID
	bottles  []stock.BottleID // one per station, opened, with a litre
	product  stock.ProductID
	lot      stock.LotID
}

// received is what was in a bottle at first: a litre, and what its check poured away.
const received = measure.Litre + 4*measure.Millilitre

func newWorld(t testing.TB, s *Store, number, patients, stations int) world {
	t.Helper()
	w := world{clinic: id.New[clinic.ID](), doctor: id.New[staff.ID](), product: id.New[stock.ProductID](), lot: id.New[stock.LotID]()}
	must(t, s.inTx(t.Context(), w.clinic, func(tx *Tx) error {
		ctx := t.Context()
		steps := []error{
			tx.InsertClinic(ctx, clinic.Clinic{
				ID: w.clinic, Number: number, Name: "Phòng khám", Province: "Hải Phòng", Kind: clinic.TreatmentFacility,
				Zone: "Asia/Ho_Chi_Minh", CutOver: 4 * time.Hour, RulePack: "vn", RulePackVersion: 1,
			}),
			tx.InsertMember(ctx, staff.Member{
				ID: w.doctor, Clinic: w.clinic, Username: fmt.Sprintf("doctor%d", number), Name: "Trần Thị Bình",
				Roles: []staff.Role{staff.Doctor, staff.Nurse}, Active: true,
			}),
			tx.InsertProduct(ctx, stock.Product{ID: w.product, Clinic: w.clinic, Name: "Methadone", Concentration: 10 * measure.MilligramPerMillilitre}),
			tx.InsertLot(ctx, stock.Lot{
				ID: w.lot, Clinic: w.clinic, Product: w.product, Number: "L1", Concentration: 10 * measure.MilligramPerMillilitre,
				Density: 1_060_000, Expiry: calendar.DateOf(2027, 1, 1), State: stock.LotReleased,
			}),
		}
		for i := range patients {
			p, o := id.New[patient.ID](), id.New[prescription.ID]()
			w.patients, w.orders = append(w.patients, p), append(w.orders, o)
			steps = append(steps, tx.InsertPatient(ctx, newPatient(w, p, i)), tx.InsertPrescription(ctx, newOrder(w, p, o, 1)))
		}
		for i := range stations {
			b, st := id.New[stock.BottleID](), id.New[equipment.StationID]()
			w.bottles, w.stations = append(w.bottles, b), append(w.stations, st)
			steps = append(steps,
				tx.InsertBottle(ctx, stock.Bottle{
					ID: b, Clinic: w.clinic, Lot: w.lot, Code: fmt.Sprintf("B%d", i), State: stock.InUse, LabelVolume: measure.Litre,
				}),
				tx.PostMoves(ctx, []stock.Move{
					w.move(b, stock.Supplier, stock.Store, received), w.move(b, stock.Store, stock.InBottle, received),
				}),
				tx.InsertStation(ctx, equipment.Station{
					ID: st, Clinic: w.clinic, Name: fmt.Sprintf("Cửa %d", i+1), Active: true, Bottle: string(b),
				}))
			pump, scale := id.New[equipment.DeviceID](), id.New[equipment.DeviceID]()
			for d, k := range map[equipment.DeviceID]equipment.DeviceKind{pump: equipment.Pump, scale: equipment.Scale} {
				steps = append(steps, tx.InsertDevice(ctx, equipment.Device{
					ID: d, Clinic: w.clinic, Station: st, Kind: k, Model: "sim", State: equipment.Ready,
					Profile: equipment.Profile{MinDose: 100, MaxDose: 50 * measure.Millilitre, Resolution: 10},
				}))
			}
			steps = append(steps, w.passCheck(ctx, tx, st, b, pump, scale))
		}
		for _, err := range steps {
			if err != nil {
				return err
			}
		}
		return tx.Record(ctx, w.entry("world.made"))
	}))
	return w
}

// passCheck puts a check of theDay on record that its figures pass.
func (w world) passCheck(ctx context.Context, tx *Tx, st equipment.StationID, b stock.BottleID, pump, scale equipment.DeviceID) error {
	limits := calibration.DefaultLimits()
	limits.Levels, limits.Weights = limits.Levels[:1], limits.Weights[:1]
	c := calibration.Check{
		ID: id.New[calibration.CheckID](), Clinic: w.clinic, Station: st, Day: theDay, Pump: pump, Scale: scale, Bottle: b, Lot: w.lot,
		Density: 1_060_000, TemperatureC: 250, Limits: limits, By: w.doctor, Witness: "witness", Recorded: eight,
	}
	weighed := calibration.Weighing{
		Check: c.ID, Seq: 1, Nominal: limits.Weights[0], Shown: limits.Weights[0], Tolerance: limits.Tolerance, Weights: "F1", By: w.doctor, Recorded: eight,
	}
	c.Weighings = []calibration.Weighing{weighed}
	errs := []error{tx.InsertCheck(ctx, c), tx.InsertWeighing(ctx, weighed, w.clinic)}
	for n := range 1 + limits.Shots {
		p := calibration.Pour{
			ID: id.New[calibration.PourID](), Clinic: w.clinic, Station: st, Check: c.ID, Kind: calibration.Shot, Bottle: b, Lot: w.lot,
			Volume: measure.Millilitre, Density: c.Density, By: w.doctor, Witness: "witness", Recorded: eight, Lease: eight,
			PourState: calibration.PourState{State: calibration.Reserved, Steps: 1},
		}
		if n == 0 {
			p.Kind = calibration.Prime
		}
		begun := w.pourChange(p, calibration.StepReserved, w.move(b, stock.InBottle, stock.Reserved, p.Volume))
		p.PourState = calibration.PourState{
			State: calibration.Measured, Steps: 2, Pump: p.Volume, PumpKnown: true, GrossBefore: measure.WeightGram,
			GrossAfter: measure.WeightGram + 1_060_000, WeightKnown: true, Booked: p.Volume,
		}
		c.Pours = append(c.Pours, p)
		errs = append(errs, tx.BeginPour(ctx, begun), tx.AdvancePour(ctx, w.pourChange(p, calibration.StepMeasured, w.move(b, stock.Reserved, stock.Purge, p.Volume))))
	}
	figures := calibration.Judge(c)
	errs = append(errs, tx.InsertResult(ctx, calibration.Result{Check: c.ID, Passed: figures.Passed(), Figures: figures, By: w.doctor, Recorded: eight}, w.clinic),
		tx.SetStanding(ctx, calibration.Standing{
			Station: st, Clinic: w.clinic, Check: c.ID, State: calibration.Passed, Day: theDay, Lot: w.lot, Pump: pump, Scale: scale,
			PumpSerial: "P1", ScaleSerial: "S1", Since: eight,
		}))
	return errors.Join(errs...)
}

// pourChange is the step that led p to where it stands.
func (w world) pourChange(p calibration.Pour, kind calibration.PourStep, moves ...stock.Move) calibration.PourChange {
	e := w.entry("pour." + string(kind))
	e.Subject = string(p.ID)
	for i := range moves {
		moves[i].Cause = string(p.ID)
	}
	step := calibration.Step{
		Pour: p.ID, Seq: p.Steps, Kind: kind, To: p.State, Actor: string(w.doctor), ActorKind: string(audit.ByStaff), Occurred: eight, Recorded: eight,
	}
	if kind != calibration.StepReserved {
		step.From = calibration.Reserved
	}
	return calibration.PourChange{Pour: p, Step: step, Moves: moves, Audit: e}
}

func newPatient(w world, p patient.ID, i int) patient.Patient {
	return patient.Patient{
		ID: p, Clinic: w.clinic, Code: fmt.Sprintf("P%04d", i), Name: "Nguyễn Văn Đức", BirthYear: 1980, Sex: patient.Male,
		Status: patient.InTreatment, Phase: patient.Maintenance, Entry: patient.NewEntry, EnrolledOn: calendar.DateOf(2025, 1, 1),
	}
}

func newOrder(w world, p patient.ID, o prescription.ID, version int) prescription.Prescription {
	return prescription.Prescription{
		ID: o, Clinic: w.clinic, Patient: p, Version: version, Dose: 60 * measure.Milligram,
		Parts: []measure.Mass{60 * measure.Milligram}, From: theDay.AddDays(-10), To: theDay.AddDays(10), Phase: patient.Maintenance,
		Prescriber: w.doctor, SignedAt: eight.Add(-240 * time.Hour), Status: prescription.Active,
	}
}

func (w world) move(b stock.BottleID, from, to stock.Account, v measure.Volume) stock.Move {
	return stock.Move{
		ID: id.New[stock.MoveID](), Clinic: w.clinic, Bottle: b, Lot: w.lot, From: from, To: to, Amount: v,
		Cause: "test", Reason: "test", Occurred: eight, Recorded: eight,
	}
}

func (w world) entry(action string) audit.Entry {
	return audit.Entry{
		Clinic: w.clinic, Recorded: eight, Actor: audit.Actor{Kind: audit.ByStaff, ID: string(w.doctor)},
		Action: action, Subject: string(w.clinic), Data: audit.Data(map[string]any{"ghi chú": "<đ>"}),
	}
}

func (w world) query(p, st int, key dispensing.ID) dispensing.Query {
	return dispensing.Query{Clinic: w.clinic, Patient: w.patients[p], Station: w.stations[st], Dispensing: key, Now: eight}
}

// beginning is a well-formed one; part tells several doses of one day apart.
func (w world) beginning(p, st, part int) dispensing.Beginning {
	d := dispensing.Dispensing{
		ID: id.New[dispensing.ID](), Clinic: w.clinic, Patient: w.patients[p], Prescription: w.orders[p], Station: w.stations[st],
		Bottle: w.bottles[st], Lot: w.lot, Day: theDay, Part: part, Kind: dosing.Observed, Dose: 60 * measure.Milligram,
		Volume: 6 * measure.Millilitre, Concentration: 10 * measure.MilligramPerMillilitre, Density: 1_060_000,
		Pack: "vn", PackVersion: 1, Reasons: []byte(`[{"rule":"x"}]`), RequestedBy: w.doctor, Recorded: eight,
		Lease:    eight.Add(45 * time.Second),
		Progress: dispensing.Progress{State: dispensing.Reserved, Steps: 1},
	}
	m := w.move(d.Bottle, stock.InBottle, stock.Reserved, d.Volume)
	m.Cause, m.Reason = string(d.ID), "begin"
	e := w.entry("dispensing.begin")
	e.Subject = string(d.ID)
	return dispensing.Beginning{
		Dispensing: d, Move: m, Audit: e,
		Step: dispensing.Step{
			Dispensing: d.ID, Seq: 1, Kind: dispensing.StepReserved, To: dispensing.Reserved, Actor: string(w.doctor),
			ActorKind: string(audit.ByStaff), Occurred: eight, Recorded: eight,
		},
	}
}

// change is the next step of d, with its moves.
func (w world) change(d dispensing.Dispensing, kind dispensing.StepKind, moves ...stock.Move) dispensing.Change {
	to, _ := d.State.Next(kind)
	step := dispensing.Step{
		Dispensing: d.ID, Seq: d.Progress.Steps + 1, Kind: kind, From: d.State, To: to, Actor: string(w.stations[0]),
		ActorKind: string(audit.ByStation), Event: 1, Data: []byte(`{"a":1}`), Occurred: eight, Recorded: eight.Add(time.Second),
	}
	d.State, d.Progress.Steps = to, step.Seq
	e := w.entry("dispensing." + string(kind))
	e.Subject = string(d.ID)
	return dispensing.Change{Dispensing: d, Step: step, Moves: moves, Audit: e}
}

// begin runs the transaction of a dose's beginning and returns it.
func (w world) begin(t testing.TB, s *Store, b dispensing.Beginning) error {
	return s.Dispensings().InTx(t.Context(), w.clinic, func(tx dispensing.Tx) error {
		sit, err := tx.LockSituation(t.Context(), dispensing.Query{
			Clinic: w.clinic, Patient: b.Dispensing.Patient, Station: b.Dispensing.Station, Dispensing: b.Dispensing.ID, Now: eight,
		})
		if err != nil {
			return err
		}
		if sit.Facts.Open != nil || sit.Facts.Station.Pouring != "" {
			return errRefused
		}
		return tx.Begin(t.Context(), b)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// swallow brings a begun dispensing to its end.
func swallow(t testing.TB, s *Store, w world, d dispensing.Dispensing) {
	t.Helper()
	must(t, s.Dispensings().InTx(t.Context(), w.clinic, func(tx dispensing.Tx) error {
		locked, err := tx.Lock(t.Context(), d.ID)
		if err != nil {
			return err
		}
		measured := w.change(locked, dispensing.StepMeasured)
		last := w.change(measured.Dispensing, dispensing.StepAdministered, w.move(d.Bottle, stock.Reserved, stock.Administered, d.Volume))
		last.Dose = &dosing.Dose{Day: d.Day, Part: d.Part, Mass: d.Dose, Kind: dosing.Observed, At: eight}
		last.EndTicket = true
		if err := tx.Advance(t.Context(), measured); err != nil {
			return err
		}
		return tx.Advance(t.Context(), last)
	}))
}

func deviceReport(kind, serial string) stationlog.Device {
	return stationlog.Device{Kind: kind, State: "down", Serial: serial, Detail: "unplugged"}
}
