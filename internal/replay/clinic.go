package replay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/calibration/walk"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/rush"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// The clinic of a replay.
const (
	rules    = "vn"
	zone     = "Asia/Ho_Chi_Minh"
	opens    = 7 * time.Hour // after local midnight
	cutOver  = 4 * time.Hour
	dose     = 60 * measure.Milligram
	volume   = 6 * measure.Millilitre // of it, at the strength below
	strength = 10 * measure.MilligramPerMillilitre
	density  = measure.Density(1_060_000)
	cup      = 5 * measure.WeightGram // empty, about

	password = "replay-replay-replay"
	pin      = "271828"
)

// closed is the latest that the clinic may still be at work, after its opening: before the clinic day ends at its cut-over.
const closed = 24*time.Hour - opens + cutOver - time.Hour

// place is the clinic with its people, windows and patients.
type place struct {
	*server
	clock    *clock
	clinic   clinic.Clinic
	team     map[staff.Role]staff.Member
	counters []*counter
	patients []patient.Patient
	byID     map[patient.ID]int
	day      calendar.Day
	opening  calendar.Instant // of that day
}

// found makes the clinic some days before the day of it.
func (p *place) found(ctx context.Context) error {
	pack, err := p.Packs(rules, 1)
	if err != nil {
		return err
	}
	p.clinic, err = p.Clinics.Create(ctx, clinic.Clinic{
		ID: id.New[clinic.ID](), Number: 1, Name: "Cơ sở giả định", Province: "Tỉnh giả định", Kind: clinic.TreatmentFacility,
		Zone: zone, CutOver: cutOver, RulePack: pack.Name, RulePackVersion: pack.Version, Demo: true,
	})
	if err != nil {
		return err
	}
	if p.opening, err = openingOf(p.day); err != nil {
		return err
	}
	for _, role := range []staff.Role{staff.Nurse, staff.Pharmacist, staff.Doctor, staff.Supervisor, staff.Administrator} {
		p.team[role], err = p.Staff.Install(ctx, p.clinic.ID, staff.New{
			ID: id.New[staff.ID](), Username: string(role), Name: "Người " + string(role), Roles: []staff.Role{role}, Password: password, PIN: pin,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func openingOf(day calendar.Day) (calendar.Instant, error) {
	where, err := time.LoadLocation(zone)
	if err != nil {
		return 0, fmt.Errorf("zone of the clinic: %w", err)
	}
	y, m, d := day.Midnight().Date()
	return calendar.At(time.Date(y, m, d, 0, 0, 0, 0, where).Add(opens)), nil
}

func (p *place) pair() staff.Pair {
	return staff.Pair{By: p.team[staff.Pharmacist], Witness: p.team[staff.Nurse]}
}

// decide says when the windows are open and how many a slot takes.
func (p *place) decide(ctx context.Context, s rush.Setting) error {
	quarters := (s.Span + flow.QuarterHour - 1) / flow.QuarterHour
	_, err := p.Queue.SetRules(ctx, p.team[staff.Supervisor], queue.Rules{
		Clinic: p.clinic.ID, Opens: opens, Closes: opens + quarters*flow.QuarterHour,
		SlotSize: min((s.Patients+int(s.Span/flow.QuarterHour)-1)/int(s.Span/flow.QuarterHour)+1, 200),
	})
	return err
}

// admit opens the files of n patients in treatment.
func (p *place) admit(ctx context.Context, n int) error {
	doctor := p.team[staff.Doctor]
	for i := range n {
		file, err := p.Patients.Register(ctx, p.clinic.ID, doctor, patient.Registration{
			ID: id.New[patient.ID](), Name: fmt.Sprintf("Người bệnh %d", i+1), BirthYear: 1970 + i%30, Sex: patient.Male, Phase: patient.Maintenance,
		})
		if err != nil {
			return fmt.Errorf("patient %d: %w", i+1, err)
		}
		if file, err = p.Patients.SetStatus(ctx, p.clinic.ID, doctor, file.ID, patient.AwaitingStart, "đủ điều kiện"); err != nil {
			return fmt.Errorf("patient %d: %w", i+1, err)
		}
		p.byID[file.ID] = len(p.patients)
		p.patients = append(p.patients, file)
	}
	return nil
}

// prescribe signs everybody's order for the day.
func (p *place) prescribe(ctx context.Context) error {
	for i, file := range p.patients {
		_, err := p.Prescriptions.Sign(ctx, p.clinic.ID, p.team[staff.Doctor], prescription.Order{
			ID: id.New[prescription.ID](), Patient: file.ID, Dose: dose, From: p.day, To: p.day.AddDays(6), Phase: patient.Maintenance, Reason: "duy trì",
		})
		if err != nil {
			return fmt.Errorf("order of patient %d: %w", i+1, err)
		}
	}
	return nil
}

// furnish adds windows, each with a counter, a checked pump and scale, and a bottle that lasts the morning.
func (p *place) furnish(ctx context.Context, windows int) error {
	lot, err := p.deliverable(ctx)
	if err != nil {
		return err
	}
	for i := range windows {
		bottle, err := p.openBottle(ctx, lot)
		if err != nil {
			return fmt.Errorf("bottle of window %d: %w", i+1, err)
		}
		k, err := p.window(ctx, i, bottle)
		if err != nil {
			return fmt.Errorf("window %d: %w", i+1, err)
		}
		p.counters = append(p.counters, k)
	}
	return nil
}

func (p *place) deliverable(ctx context.Context) (stock.LotID, error) {
	pharmacist := p.team[staff.Pharmacist]
	product, err := p.Stock.AddProduct(ctx, pharmacist, stock.Product{
		ID: id.New[stock.ProductID](), Clinic: p.clinic.ID, Name: "Methadon 10 mg/mL (giả định)", Concentration: strength, Form: "dung dịch uống",
	})
	if err != nil {
		return "", err
	}
	lot, err := p.Stock.AddLot(ctx, pharmacist, stock.Lot{
		ID: id.New[stock.LotID](), Clinic: p.clinic.ID, Product: product.ID, Number: "M-1", Expiry: p.day.AddDays(300), Funding: "giả định",
	})
	if err != nil {
		return "", err
	}
	_, err = p.Stock.SetDensity(ctx, p.clinic.ID, pharmacist, lot.ID, density, 250)
	return lot.ID, err
}

func (p *place) openBottle(ctx context.Context, lot stock.LotID) (stock.BottleID, error) {
	act := func(reason string) stock.Act {
		return stock.Act{Clinic: p.clinic.ID, ID: id.New[stock.DocumentID](), Pair: p.pair(), Reason: reason}
	}
	bottle := id.New[stock.BottleID]()
	_, _, err := p.Stock.Receive(ctx, stock.Delivery{
		Act: act("giao hàng"), Lot: lot, Party: "Kho giả định", Number: "BB-1", Bottles: []stock.Delivered{{ID: bottle, Label: stock.MaxBottle}},
	})
	if err != nil {
		return "", err
	}
	_, err = p.Stock.Open(ctx, stock.BottleOpening{Act: act("đầu ngày"), Bottle: bottle, Reading: stock.Reading{Unread: "chai giả định"}})
	return bottle, err
}

func (p *place) window(ctx context.Context, i int, bottle stock.BottleID) (*counter, error) {
	admin := p.team[staff.Administrator]
	st, err := p.Equipment.AddStation(ctx, p.clinic.ID, admin, equipment.NewStation{ID: id.New[equipment.StationID](), Name: fmt.Sprintf("Cửa %d", i+1)})
	if err != nil {
		return nil, err
	}
	for _, kind := range []equipment.DeviceKind{equipment.Pump, equipment.Scale} {
		d := equipment.Device{ID: id.New[equipment.DeviceID](), Clinic: p.clinic.ID, Station: st.ID, Kind: kind, Model: "sim"}
		if kind == equipment.Pump {
			d.Profile = equipment.Profile{MinDose: 200, MaxDose: 30 * measure.Millilitre, Resolution: 10, Residual: 20 * measure.Millilitre}
		}
		if _, err := p.Equipment.RegisterDevice(ctx, admin, d); err != nil {
			return nil, err
		}
	}
	if _, err := p.Equipment.MountBottle(ctx, p.clinic.ID, p.team[staff.Pharmacist], st.ID, string(bottle)); err != nil {
		return nil, err
	}
	code, _, err := p.Equipment.IssueEnrolCode(ctx, p.clinic.ID, admin, st.ID)
	if err != nil {
		return nil, err
	}
	return newCounter(ctx, filepath.Join(p.dir, fmt.Sprintf("window%d", i+1)), p.url, code, i)
}

// check turns the counters on and carries out the check of the day at every window.
func (p *place) check(ctx context.Context) error {
	for i, k := range p.counters {
		if err := k.start(ctx, p.clock.now); err != nil {
			return fmt.Errorf("counter of window %d: %w", i+1, err)
		}
		done, err := p.checkOf(ctx, k)
		if err != nil {
			return fmt.Errorf("check of window %d: %w", i+1, err)
		}
		if !done.Result.Passed {
			return fmt.Errorf("check of window %d: %+v", i+1, done.Result.Figures)
		}
	}
	return nil
}

func (p *place) checkOf(ctx context.Context, k *counter) (calibration.Check, error) {
	if err := k.vessel(); err != nil {
		return calibration.Check{}, err
	}
	done, err := walk.Walk{
		Service: p.Calibration, Clinic: p.clinic.ID, Station: equipment.StationID(k.station), Pair: p.pair(), Wait: p.clock.pass,
		Pour: func(ctx context.Context, ordered calibration.Pour) error { return p.pourOf(ctx, k, ordered) },
	}.Run(ctx)
	_, lifted := k.lift()
	return done, errors.Join(err, lifted)
}

// pourOf lets a counter carry out a pour of its check.
func (p *place) pourOf(ctx context.Context, k *counter, ordered calibration.Pour) error {
	for _, to := range []calibration.State{calibration.Pouring, calibration.Measured} {
		if to == calibration.Measured {
			p.clock.pass(pouring)
			if err := k.pour(ctx); err != nil {
				return err
			}
		}
		err := await(ctx, p.news, func() (bool, string, error) {
			now, err := p.Calibration.Pour(ctx, p.clinic.ID, ordered.ID)
			return now.State == to, fmt.Sprintf("the pour is %s %s", now.State, now.Reason), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// close ends the counters and then the server.
func (p *place) close(ctx context.Context) (err error) {
	for _, k := range p.counters {
		err = errors.Join(err, k.close())
	}
	return errors.Join(err, p.server.close(ctx))
}
