package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi"
	"github.com/lieu-clinic/lieu/internal/metrics"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/rulepack"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
)

// open opens a database that has this program's schema, together with its keys.
func (c *cli) open(ctx context.Context, log *slog.Logger) (*store.Store, keys, error) {
	path, mayMake, err := c.keyPath()
	if err != nil {
		return nil, keys{}, err
	}
	master, err := loadMaster(path, mayMake)
	if err != nil {
		return nil, keys{}, err
	}
	k, err := deriveKeys(master)
	if err != nil {
		return nil, keys{}, err
	}
	db, err := store.Open(ctx, c.Database, store.Options{Logger: log})
	if err != nil {
		return nil, keys{}, err
	}
	if err := ready(ctx, db, k); err != nil {
		_ = db.Close()
		return nil, keys{}, err
	}
	return db, k, nil
}

func ready(ctx context.Context, db *store.Store, k keys) error {
	pending, err := db.Pending(ctx)
	if err != nil {
		return err
	}
	if pending > 0 {
		return fmt.Errorf("the database lacks %d migrations, or is ahead of this program: run `clinicd migrate`", pending)
	}
	return checkKey(ctx, db, k)
}

// packs finds the shipped rule packs. A pack is shipped in one version at a time.
func packs(name string, version int) (dosing.Pack, error) {
	p, err := rulepack.Load(name)
	if err == nil && p.Version != version {
		err = fault.New(fault.NotFound, "rulepack.unknown", "rule pack %s is shipped in version %d, not %d", name, p.Version, version)
	}
	return p, err
}

// orderLimits tells the prescriptions how long an order may run by the clinic's rule pack.
func orderLimits(c clinic.Clinic, ph patient.Phase) (days int, binding bool) {
	p, err := packs(c.RulePack, c.RulePackVersion)
	if err != nil {
		return 0, false // the window judges the order, and says so
	}
	limit := p.MaxOrderDays[ph]
	return limit.Value, limit.Set && (limit.Verified || c.AdoptedBy != "")
}

// watch is who is told of changes after they are committed.
type watch struct {
	hub     *httpapi.Hub
	figures *metrics.Server
}

func (w watch) dispensing(n dispensing.Notice) {
	w.hub.Notify(n)
	w.figures.Dispensing(n)
}

// pour is told of a change of a check, a prime or a shot.
func (w watch) pour(n calibration.Notice) {
	w.hub.NotifyCheck(n)
	w.figures.Check(n)
}

// assemble makes the services over a store. w may be nil where nobody watches, as at the command line.
func assemble(db *store.Store, k keys, now func() time.Time, w *watch) httpapi.Services {
	gate := secret.NewGate(secret.DefaultGate)
	clinics := clinic.NewService(db.Clinics(), now)
	options, tell := dispensing.Options{}, func(queue.Ticket) {}
	var checks calibration.Options
	if w != nil {
		options.Notify, tell = w.dispensing, w.hub.NotifyTicket
		options.NotifyPour, checks.Notify = w.pour, w.pour
		options.Steps = crashAt()
	}
	return httpapi.Services{
		Clinics: clinics,
		Staff: staff.NewService(db.Staff(), clinics, staff.Hashers{
			Password: secret.NewPasswords(gate, secret.PasswordCost), PIN: secret.NewPINs(gate, secret.PINCost, k.pepper),
		}, now),
		Patients:      patient.NewService(db.Patients(), clinics, k.sealer, now),
		Prescriptions: prescription.NewService(db.Prescriptions(), clinics, orderLimits, now),
		Queue:         queue.NewService(db.Queue(), clinics, now, tell),
		Equipment:     equipment.NewService(db.Equipment(), clinics, secret.Codes{}, now),
		Stock:         stock.NewService(db.Stock(), clinics, now),
		Dispensing:    dispensing.NewService(db.Dispensings(), packs, now, options),
		Calibration:   calibration.NewService(db.Calibration(), clinics, now, checks),
		Records:       db.Records(),
		Trail:         db.Audit(),
		Codes:         secret.Codes{},
		Packs:         packs,
	}
}
