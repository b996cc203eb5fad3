package dispensing

import (
	"context"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Packs finds a rule pack by name and version.
type Packs func(name string, version int) (dosing.Pack, error)

// Notice tells the rest of the server, after a commit, that something changed.
type Notice struct {
	Clinic     clinic.ID
	Station    equipment.StationID
	Dispensing ID
	Patient    patient.ID
	Kind       StepKind
	State      State
	// Refused holds the decision of a refused Begin; nil otherwise.
	Refused *dosing.Decision
	// Drift is what the dose said of the pump, nil when it said nothing.
	Drift *Drift
}

// Alarm names the limit of a control chart that a dose passed.
type Alarm string

// The alarms. Both are values of the rule pack.
const (
	AlarmWarn Alarm = "warn" // recalibrate the pump
	AlarmStop Alarm = "stop" // no dose at this station until it is recalibrated and checked
)

// Drift is what one weighed dose said of the pump.
type Drift struct {
	Deviation measure.Volume // scale less pump
	Level     drift.Share    // of the control chart after it
	Alarm     Alarm          // "" for none
}

// Options tune a Service; the zero value works.
type Options struct {
	Tolerances Tolerances    // zero: DefaultTolerances
	Lease      time.Duration // how long an order may wait at the counter; zero: 45 s
	// Notify is called after each commit; nil for nobody. It must not block.
	Notify func(Notice)
	// NotifyPour is called after each commit that changed a prime or a shot; nil for nobody. It must not block.
	NotifyPour func(calibration.Notice)
	// Steps is called with the name of each point at which a crash would be interesting; nil outside tests.
	Steps func(point string)
}

// Service is the dose workflow. It is safe for concurrent use.
type Service struct {
	store Store
	packs Packs
	now   func() time.Time
	tol   Tolerances
	lease time.Duration
	tell  func(Notice)
	point func(string)

	tellPour func(calibration.Notice)
}

// NewService returns a ready Service.
func NewService(store Store, packs Packs, now func() time.Time, o Options) *Service {
	s := &Service{store: store, packs: packs, now: now, tol: o.Tolerances, lease: o.Lease, tell: o.Notify, point: o.Steps, tellPour: o.NotifyPour}
	if s.tellPour == nil {
		s.tellPour = func(calibration.Notice) {}
	}
	if s.tol == (Tolerances{}) {
		s.tol = DefaultTolerances
	}
	if s.lease == 0 {
		s.lease = 45 * time.Second
	}
	if s.tell == nil {
		s.tell = func(Notice) {}
	}
	if s.point == nil {
		s.point = func(string) {}
	}
	return s
}

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

// Refusal is the error of a Begin that the rule book refused. Its code is fault.Refused.
type Refusal struct{ Decision dosing.Decision }

func (r *Refusal) Error() string {
	if len(r.Decision.Refusals) == 0 {
		return "dose refused"
	}
	return fmt.Sprintf("dose refused: %s and %d more", r.Decision.Refusals[0].Rule, len(r.Decision.Refusals)-1)
}

// Unwrap gives the refusal its code.
func (r *Refusal) Unwrap() error {
	return fault.New(fault.Refused, "dispensing.refused", "%s", r.Error())
}

// Request asks for a dose at a window.
type Request struct {
	ID      ID // made by the screen
	Clinic  clinic.ID
	Patient patient.ID
	Station equipment.StationID
	By      staff.Member
}

// Decide says, without changing anything, what Begin would decide now. With no station it leaves the window's rules out.
func (s *Service) Decide(ctx context.Context, c clinic.ID, p patient.ID, st equipment.StationID) (dosing.Decision, Situation, error) {
	sit, err := s.store.Situation(ctx, Query{Clinic: c, Patient: p, Station: st, Now: s.instant()})
	if err != nil {
		return dosing.Decision{}, Situation{}, err
	}
	d, err := s.decide(sit)
	return d, sit, err
}

func (s *Service) decide(sit Situation) (dosing.Decision, error) {
	pack, err := s.packs(sit.PackName, sit.PackVersion)
	if err != nil {
		return dosing.Decision{}, fmt.Errorf("rule pack %s %d: %w", sit.PackName, sit.PackVersion, err)
	}
	pack.Adopted = sit.Adopted
	return dosing.Decide(pack, sit.Facts), nil
}

// beginAttempts bounds how often Begin looks again after somebody else was faster. The second look sees why.
const beginAttempts = 3

// Begin authorises a dose and reserves its volume from the mounted bottle. Nothing is poured until it has committed.
// A repeated request with the same id returns what the first one did. A dose that the rules refuse is a *Refusal.
func (s *Service) Begin(ctx context.Context, req Request) (d Dispensing, err error) {
	if err := req.By.Require(req.Clinic, staff.Dispense); err != nil {
		return Dispensing{}, err
	}
	for range beginAttempts {
		d, err = s.begin(ctx, req)
		if !fault.Is(err, fault.Conflict) {
			break
		}
	}
	if refusal, ok := asRefusal(err); ok {
		s.tell(Notice{Clinic: req.Clinic, Station: req.Station, Dispensing: req.ID, Patient: req.Patient, Refused: &refusal.Decision})
	}
	return d, err
}

func (s *Service) begin(ctx context.Context, req Request) (d Dispensing, err error) {
	var repeated bool
	err = s.store.InTx(ctx, req.Clinic, func(tx Tx) error {
		repeated = false
		now := s.instant()
		sit, err := tx.LockSituation(ctx, Query{
			Clinic: req.Clinic, Patient: req.Patient, Station: req.Station, Dispensing: req.ID, Now: now,
		})
		if err != nil {
			return err
		}
		if sit.Existing != nil {
			d, repeated = *sit.Existing, true
			return sameRequest(d, req)
		}
		decision, err := s.decide(sit)
		if err != nil {
			return err
		}
		if !decision.Allowed() {
			return &Refusal{Decision: decision}
		}
		b := beginning(req, sit, decision, now, s.lease)
		d = b.Dispensing
		s.point("server.begin.before")
		return tx.Begin(ctx, b)
	})
	if err != nil {
		return Dispensing{}, err
	}
	s.point("server.begin.after")
	if !repeated {
		s.notify(d, StepReserved)
	}
	return d, nil
}

// sameRequest keeps an id from naming two different doses.
func sameRequest(d Dispensing, req Request) error {
	if d.Patient != req.Patient || d.Station != req.Station {
		return fault.New(fault.Invalid, "dispensing.id_taken", "id %s already names another dispensing", req.ID)
	}
	return nil
}

func beginning(req Request, sit Situation, dec dosing.Decision, now calendar.Instant, lease time.Duration) Beginning {
	st := sit.Facts.Station
	d := Dispensing{
		ID: req.ID, Clinic: req.Clinic, Patient: req.Patient, Prescription: sit.Facts.Order.ID, Station: req.Station,
		Bottle: st.Bottle.ID, Lot: st.Lot.ID, Day: sit.Facts.Today, Part: dec.Part, Kind: dosing.Observed,
		Dose: dec.Dose, Volume: dec.Volume, Concentration: st.Lot.Concentration, Density: st.Lot.Density,
		Pack: dec.Pack, PackVersion: dec.PackVersion, Reasons: MarshalReasons(dec.Notes),
		RequestedBy: req.By.ID, Recorded: now, Lease: now.Add(lease),
		Progress: Progress{State: Reserved, Steps: 1},
	}
	return Beginning{
		Dispensing: d,
		Step: Step{
			Dispensing: d.ID, Seq: 1, Kind: StepReserved, To: Reserved,
			Actor: string(req.By.ID), ActorKind: string(audit.ByStaff), Occurred: now, Recorded: now,
		},
		Move: d.move(stock.InBottle, stock.Reserved, d.Volume, "begin", now, now),
		Audit: audit.Entry{
			Clinic: d.Clinic, Recorded: now, Actor: audit.Actor{Kind: audit.ByStaff, ID: string(req.By.ID)},
			Action: "dispensing.begin", Subject: string(d.ID),
			Data: audit.Data(map[string]any{
				"patient": d.Patient, "prescription": d.Prescription, "station": d.Station, "bottle": d.Bottle,
				"day": d.Day, "part": d.Part, "dose_ug": d.Dose, "volume_ul": d.Volume,
				"pack": d.Pack, "pack_version": d.PackVersion, "notes": dec.Notes,
			}),
		},
	}
}

func (s *Service) notify(d Dispensing, kind StepKind) {
	s.tell(Notice{Clinic: d.Clinic, Station: d.Station, Dispensing: d.ID, Patient: d.Patient, Kind: kind, State: d.State})
}

// Dispensing reads one.
func (s *Service) Dispensing(ctx context.Context, c clinic.ID, id ID) (Dispensing, error) {
	return s.store.Dispensing(ctx, c, id)
}

// Steps returns what happened to one, oldest first.
func (s *Service) Steps(ctx context.Context, c clinic.ID, id ID) ([]Step, error) {
	return s.store.Steps(ctx, c, id)
}

// List returns those that match, newest first.
func (s *Service) List(ctx context.Context, f Filter) ([]Dispensing, error) {
	return s.store.List(ctx, f)
}
