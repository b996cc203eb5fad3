package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
)

// clock is the time of the story: the services of a [desk] read it, and the story moves it on.
type clock struct {
	at      time.Time
	present time.Time // nothing of the story happens after it; zero while the story is of days gone by
}

func (c *clock) now() time.Time {
	if !c.present.IsZero() && c.at.After(c.present) {
		return c.present
	}
	return c.at
}

// desk is every service of a clinic within one transaction. What is done at a desk is done by the rules, at the story's
// time, and is kept all together or not at all: one commit for a whole clinic day instead of a thousand.
//
// A service's reads that are outside its own transactions see what was committed before the desk was opened.
type desk struct {
	clinics       *clinic.Service
	staff         *staff.Service
	patients      *patient.Service
	prescriptions *prescription.Service
	stock         *stock.Service
	equipment     *equipment.Service
	dispensings   *dispensing.Service
	calibration   *calibration.Service
	queue         *queue.Service
	scribe        *scribe // nil but for a fresh clinic
}

// at opens a desk for the length of fn.
func (ch *chapter) at(ctx context.Context, c clinic.ID, fn func(*desk) error) error {
	return ch.store.Clinics().InTx(ctx, c, func(tx clinic.Tx) error {
		shared, ok := tx.(*store.Tx)
		if !ok {
			return fmt.Errorf("clinic %s: transaction is a %T", c, tx)
		}
		d := ch.desk(shared)
		if err := fn(d); err != nil || d.scribe == nil {
			return err
		}
		return d.scribe.flush(ctx)
	})
}

func (ch *chapter) desk(tx *store.Tx) *desk {
	s, now := ch.Story, ch.clock.now
	clinics := clinic.NewService(sharedClinics{s.store.Clinics(), tx}, now)
	d := &desk{
		clinics:       clinics,
		staff:         staff.NewService(sharedStaff{s.store.Staff(), tx}, clinics, s.hashers, now),
		patients:      patient.NewService(sharedPatients{s.store.Patients(), tx}, clinics, s.sealer, now),
		prescriptions: prescription.NewService(sharedPrescriptions{s.store.Prescriptions(), tx}, clinics, nil, now),
		stock:         stock.NewService(sharedStock{s.store.Stock(), tx}, clinics, now),
		equipment:     equipment.NewService(sharedEquipment{s.store.Equipment(), tx}, clinics, secret.Codes{}, now),
		queue:         queue.NewService(sharedQueue{s.store.Queue(), tx}, clinics, now, nil),
		calibration:   calibration.NewService(sharedCalibrations{s.store.Calibration(), tx}, clinics, now, calibration.Options{}),
	}
	var doses dispensing.Tx = tx
	if ch.fresh {
		d.scribe = newScribe(tx, ch)
		doses = d.scribe
	}
	d.dispensings = dispensing.NewService(sharedDispensings{s.store.Dispensings(), doses}, s.packs, now, dispensing.Options{})
	return d
}

// settle writes down the doses so far. It comes before any other act on their bottle or station.
func (d *desk) settle(ctx context.Context) error {
	if d.scribe == nil {
		return nil
	}
	return d.scribe.flush(ctx)
}

// about says whose dose comes next, and where.
func (d *desk) about(s *stall, f *file) {
	if d.scribe != nil {
		d.scribe.about(s, f)
	}
}

// The shared stores are those of the services, but for InTx: it joins the transaction that is under way.
type (
	sharedClinics struct {
		clinic.Store
		tx *store.Tx
	}
	sharedStaff struct {
		staff.Store
		tx *store.Tx
	}
	sharedPatients struct {
		patient.Store
		tx *store.Tx
	}
	sharedPrescriptions struct {
		prescription.Store
		tx *store.Tx
	}
	sharedStock struct {
		stock.Ledger
		tx *store.Tx
	}
	sharedEquipment struct {
		equipment.Store
		tx *store.Tx
	}
	sharedQueue struct {
		queue.Store
		tx *store.Tx
	}
	sharedDispensings struct {
		dispensing.Store
		tx dispensing.Tx
	}
	sharedCalibrations struct {
		calibration.Store
		tx *store.Tx
	}
)

func (s sharedClinics) InTx(_ context.Context, _ clinic.ID, fn func(clinic.Tx) error) error {
	return fn(s.tx)
}

func (s sharedStaff) InTx(_ context.Context, _ clinic.ID, fn func(staff.Tx) error) error {
	return fn(s.tx)
}

func (s sharedPatients) InTx(_ context.Context, _ clinic.ID, fn func(patient.Tx) error) error {
	return fn(s.tx)
}

func (s sharedPrescriptions) InTx(_ context.Context, _ clinic.ID, fn func(prescription.Tx) error) error {
	return fn(s.tx)
}

func (s sharedStock) InTx(_ context.Context, _ clinic.ID, fn func(stock.Tx) error) error {
	return fn(s.tx)
}

func (s sharedEquipment) InTx(_ context.Context, _ clinic.ID, fn func(equipment.Tx) error) error {
	return fn(s.tx)
}

func (s sharedQueue) InTx(_ context.Context, _ clinic.ID, fn func(queue.Tx) error) error {
	return fn(s.tx)
}

func (s sharedDispensings) InTx(_ context.Context, _ clinic.ID, fn func(dispensing.Tx) error) error {
	return fn(s.tx)
}

func (s sharedCalibrations) InTx(_ context.Context, _ clinic.ID, fn func(calibration.Tx) error) error {
	return fn(s.tx)
}

// Check reads within the transaction, as far as the check has come.
func (s sharedCalibrations) Check(ctx context.Context, _ clinic.ID, key calibration.CheckID) (calibration.Check, error) {
	return s.tx.FindCheck(ctx, key)
}

// Bottle reads within the transaction, so that a bottle of this morning's delivery can be opened.
func (s sharedStock) Bottle(ctx context.Context, _ clinic.ID, key stock.BottleID) (stock.Bottle, error) {
	return s.tx.LockBottle(ctx, key)
}

// Count reads within the transaction, so that a count that was just begun can be entered.
func (s sharedStock) Count(ctx context.Context, _ clinic.ID, key stock.CountID) (stock.Count, []stock.Entry, error) {
	n, err := s.tx.LockCount(ctx, key)
	if err != nil {
		return n, nil, err
	}
	entries, err := s.tx.Entries(ctx, key)
	return n, entries, err
}

// Session reads within the transaction.
func (s sharedStock) Session(ctx context.Context, _ clinic.ID, key stock.SessionID) (stock.Session, error) {
	return s.tx.LockSession(ctx, key)
}

// Ticket reads within the transaction.
func (s sharedQueue) Ticket(ctx context.Context, _ clinic.ID, key queue.TicketID) (queue.Ticket, error) {
	return s.tx.FindTicket(ctx, key)
}

// StationByID reads within the transaction, so that a window that was just added can enrol.
func (s sharedEquipment) StationByID(ctx context.Context, key equipment.StationID) (equipment.Station, error) {
	return s.tx.LockStation(ctx, key)
}
