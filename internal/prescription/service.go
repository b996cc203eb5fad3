package prescription

import (
	"context"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Clinics gives the service what it needs of a clinic; *clinic.Service is one.
type Clinics interface {
	Clinic(ctx context.Context, c clinic.ID) (clinic.Clinic, error)
}

// Limits tells how long an order of a phase may run in a clinic, by its rule pack. binding is false when the value may
// only warn; the order is then signed all the same.
type Limits func(c clinic.Clinic, ph patient.Phase) (days int, binding bool)

// Service keeps orders, holds and clearances. It is safe for concurrent use.
type Service struct {
	store   Store
	clinics Clinics
	limits  Limits
	now     func() time.Time
}

// NewService returns a ready Service. limits may be nil: an order's length is then judged at the window alone.
func NewService(store Store, clinics Clinics, limits Limits, now func() time.Time) *Service {
	if limits == nil {
		limits = func(clinic.Clinic, patient.Phase) (int, bool) { return 0, false }
	}
	return &Service{store: store, clinics: clinics, limits: limits, now: now}
}

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

// Order is what a doctor signs. The caller has checked the doctor's PIN.
type Order struct {
	ID       ID // made by whoever asks; a repeated request finds the order it made
	Patient  patient.ID
	Dose     measure.Mass
	Parts    []measure.Mass // nil for one part
	From, To calendar.Day
	Phase    patient.Phase
	Reason   string
	// AcceptGap says that days which lose their order, or lie between orders, are meant to.
	AcceptGap bool
}

// Sign makes an order the patient's from its first day on, and moves the patient to its phase. It supersedes the active
// orders that it overlaps; see the package's description. fault.Conflict with the key "prescription.gap" and the first
// day concerned when days would be left without an order and the doctor did not accept that.
func (s *Service) Sign(ctx context.Context, c clinic.ID, by staff.Member, o Order) (p Prescription, err error) {
	if err := by.Require(c, staff.Prescribe); err != nil {
		return Prescription{}, err
	}
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return Prescription{}, err
	}
	today, err := cl.Day(s.instant())
	if err != nil {
		return Prescription{}, err
	}
	draft := s.draft(c, by, o)
	if err := s.checkDraft(cl, draft); err != nil {
		return Prescription{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		file, err := lockOpenFile(ctx, tx, o.Patient)
		if err != nil {
			return err
		}
		p, err = tx.FindPrescription(ctx, o.ID)
		if err == nil {
			return sameOrder(p, draft)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		p = draft
		if p.From < today {
			return fault.New(fault.Invalid, "prescription.past", "an order from %s, before today", p.From)
		}
		return s.sign(ctx, tx, by, file, &p, o.AcceptGap, today)
	})
	if err != nil {
		return Prescription{}, err
	}
	return p, nil
}

func (s *Service) draft(c clinic.ID, by staff.Member, o Order) Prescription {
	parts := slices.Clone(o.Parts)
	if len(parts) == 0 {
		parts = []measure.Mass{o.Dose}
	}
	return Prescription{
		ID: o.ID, Clinic: c, Patient: o.Patient, Dose: o.Dose, Parts: parts, From: o.From, To: o.To, Phase: o.Phase,
		Reason: o.Reason, Prescriber: by.ID, SignedAt: s.instant(), Status: Active,
	}
}

func (s *Service) checkDraft(cl clinic.Clinic, p Prescription) error {
	if p.ID == "" {
		return fault.New(fault.Invalid, "id.malformed", "an order without an id")
	}
	if err := p.Validate(); err != nil {
		return err
	}
	if len(p.Reason) > MaxReason {
		return fault.New(fault.Invalid, "reason.missing", "the reason is too long")
	}
	if days, binding := s.limits(cl, p.Phase); binding && p.Days() > days {
		return fault.New(fault.Refused, "prescription.too_long", "%d days in %s, at most %d", p.Days(), p.Phase, days)
	}
	return nil
}

func sameOrder(p, draft Prescription) error {
	if p.Patient != draft.Patient || p.Dose != draft.Dose || p.From != draft.From || p.To != draft.To || !slices.Equal(p.Parts, draft.Parts) {
		return fault.New(fault.Invalid, "id.taken", "id %s names another order", draft.ID)
	}
	return nil
}

func (s *Service) sign(ctx context.Context, tx Tx, by staff.Member, file patient.Patient, p *Prescription, acceptGap bool, today calendar.Day) error {
	if !file.MayEnterPhase(p.Phase) {
		return fault.New(fault.Conflict, "patient.phase", "file %s is in %s and cannot enter %s", file.ID, file.Phase, p.Phase).
			With("phase", string(file.Phase))
	}
	active, err := tx.ActivePrescriptions(ctx, file.ID)
	if err != nil {
		return err
	}
	pl := planFor(*p, active, today)
	if !pl.gap.IsZero() && !acceptGap {
		return fault.New(fault.Conflict, "prescription.gap", "day %s would be left without an order", pl.gap).
			With("day", pl.gap.String())
	}
	version, err := tx.LastPrescriptionVersion(ctx, file.ID)
	if err != nil {
		return err
	}
	shortened, err := s.supersede(ctx, tx, by, pl, &version)
	if err != nil {
		return err
	}
	p.Version = version + 1
	if n := len(pl.superseded); n > 0 {
		p.Supersedes = pl.superseded[n-1].ID
	}
	if err := tx.InsertPrescription(ctx, *p); err != nil {
		return err
	}
	if err := s.enterPhase(ctx, tx, file, p.Phase); err != nil {
		return err
	}
	return tx.Record(ctx, by.Entry(s.instant(), "prescription.sign", string(p.ID), map[string]any{
		"patient": p.Patient, "version": p.Version, "dose_ug": p.Dose, "parts_ug": p.Parts, "from": p.From, "to": p.To,
		"phase": p.Phase, "old_phase": file.Phase, "reason": p.Reason, "accept_gap": acceptGap,
		"superseded": ids(pl.superseded), "shortened": ids(shortened),
	}))
}

// supersede ends the orders of the plan, adds the shortened copies, and counts their versions.
func (s *Service) supersede(ctx context.Context, tx Tx, by staff.Member, pl plan, version *int) ([]Prescription, error) {
	now := s.instant()
	for _, old := range pl.superseded {
		old.Status, old.EndedAt, old.EndedBy = Superseded, now, by.ID
		if err := tx.EndPrescription(ctx, old); err != nil {
			return nil, err
		}
	}
	added := make([]Prescription, 0, len(pl.shortened))
	for _, short := range pl.shortened {
		*version++
		short.Supersedes, short.ID, short.Version = short.ID, id.New[ID](), *version
		short.Prescriber, short.SignedAt = by.ID, now
		if err := tx.InsertPrescription(ctx, short); err != nil {
			return nil, err
		}
		added = append(added, short)
	}
	return added, nil
}

// enterPhase saves the phase of the newest order, and counts the file's version up: its dose decision has changed.
func (s *Service) enterPhase(ctx context.Context, tx Tx, file patient.Patient, ph patient.Phase) error {
	if file.Phase != ph {
		file.Phase = ph
		if err := tx.UpdatePatient(ctx, file); err != nil {
			return err
		}
	}
	return tx.BumpPatient(ctx, file.ID)
}

func ids(orders []Prescription) []ID {
	out := make([]ID, 0, len(orders))
	for _, o := range orders {
		out = append(out, o.ID)
	}
	return out
}

func lockOpenFile(ctx context.Context, tx Tx, key patient.ID) (patient.Patient, error) {
	file, err := tx.LockPatient(ctx, key)
	if err != nil {
		return patient.Patient{}, err
	}
	if file.Status == patient.Ended {
		return patient.Patient{}, fault.New(fault.Conflict, "patient.ended", "file %s has ended", key)
	}
	return file, nil
}

// Cancel ends an active order from now on, for a reason, by a doctor's signature. What was given stays given. A repeated
// request changes nothing.
func (s *Service) Cancel(ctx context.Context, c clinic.ID, by staff.Member, order ID, reason string) (p Prescription, err error) {
	if err := by.Require(c, staff.Prescribe); err != nil {
		return Prescription{}, err
	}
	if err := checkText(reason); err != nil {
		return Prescription{}, err
	}
	known, err := s.store.Prescription(ctx, c, order)
	if err != nil {
		return Prescription{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if _, err := tx.LockPatient(ctx, known.Patient); err != nil {
			return err
		}
		if p, err = tx.FindPrescription(ctx, order); err != nil || p.Status == Cancelled {
			return err
		}
		if p.Status != Active {
			return fault.New(fault.Conflict, "prescription.not_active", "order %s is %s", order, p.Status)
		}
		p.Status, p.EndedAt, p.EndedBy = Cancelled, s.instant(), by.ID
		if err := tx.EndPrescription(ctx, p); err != nil {
			return err
		}
		if err := tx.BumpPatient(ctx, p.Patient); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "prescription.cancel", string(order), map[string]any{
			"patient": p.Patient, "version": p.Version, "reason": reason,
		}))
	})
	if err != nil {
		return Prescription{}, err
	}
	return p, nil
}

func checkText(reason string) error {
	if reason == "" || len(reason) > MaxReason {
		return fault.New(fault.Invalid, "reason.missing", "a reason is missing or too long")
	}
	return nil
}

// Prescription reads one.
func (s *Service) Prescription(ctx context.Context, c clinic.ID, order ID) (Prescription, error) {
	return s.store.Prescription(ctx, c, order)
}

// Prescriptions lists a patient's orders, newest version first.
func (s *Service) Prescriptions(ctx context.Context, c clinic.ID, p patient.ID) ([]Prescription, error) {
	return s.store.Prescriptions(ctx, c, p)
}

// Ending lists the active orders that end from today to days days ahead and that nothing continues, by last day.
func (s *Service) Ending(ctx context.Context, c clinic.ID, days int) ([]Prescription, error) {
	if days < 0 || days > MaxDays {
		return nil, fault.New(fault.Invalid, "list.filter", "days outside 0–%d", MaxDays)
	}
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return nil, err
	}
	today, err := cl.Day(s.instant())
	if err != nil {
		return nil, err
	}
	return s.store.OrdersEnding(ctx, c, today, today.AddDays(days))
}
