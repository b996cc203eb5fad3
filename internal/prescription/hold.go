package prescription

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// NewHold is a hold to place.
type NewHold struct {
	ID        HoldID // made by whoever asks; a repeated request finds the hold it placed
	Patient   patient.ID
	Severity  Severity
	Reason    string
	ClearedBy staff.Role
}

// PlaceHold puts a hold on a patient. It shows from the next check-in on.
func (s *Service) PlaceHold(ctx context.Context, c clinic.ID, by staff.Member, n NewHold) (h Hold, err error) {
	if err := by.Require(c, staff.PlaceHold); err != nil {
		return Hold{}, err
	}
	draft := Hold{
		ID: n.ID, Clinic: c, Patient: n.Patient, Severity: n.Severity, Reason: n.Reason, ClearedBy: n.ClearedBy,
		PlacedBy: by.ID, PlacedAt: s.instant(),
	}
	if err := draft.Validate(); err != nil {
		return Hold{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if _, err := lockOpenFile(ctx, tx, n.Patient); err != nil {
			return err
		}
		h, err = tx.FindHold(ctx, n.ID)
		if err == nil {
			return sameHold(h, draft)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		h = draft
		if err := tx.InsertHold(ctx, h); err != nil {
			return err
		}
		if err := tx.BumpPatient(ctx, h.Patient); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "hold.place", string(h.ID), map[string]any{
			"patient": h.Patient, "severity": h.Severity, "reason": h.Reason, "cleared_by": h.ClearedBy,
		}))
	})
	if err != nil {
		return Hold{}, err
	}
	return h, nil
}

func sameHold(h, draft Hold) error {
	if h.Patient != draft.Patient || h.Severity != draft.Severity || h.Reason != draft.Reason || h.ClearedBy != draft.ClearedBy {
		return fault.New(fault.Invalid, "id.taken", "id %s names another hold", draft.ID)
	}
	return nil
}

// MayLift reports whether m may lift h: whoever holds the role that the hold names, and every doctor.
func (h Hold) MayLift(m staff.Member) bool { return m.Has(h.ClearedBy) || m.Has(staff.Doctor) }

// LiftHold lifts a hold. fault.Forbidden with the key "hold.not_yours" and the role for somebody whom the hold does not
// name. A repeated request changes nothing.
func (s *Service) LiftHold(ctx context.Context, c clinic.ID, by staff.Member, key HoldID, note string) (h Hold, err error) {
	if err := by.Require(c, staff.LiftHold); err != nil {
		return Hold{}, err
	}
	if len(note) > MaxReason {
		return Hold{}, fault.New(fault.Invalid, "reason.missing", "the note is too long")
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if h, err = tx.FindHold(ctx, key); err != nil {
			return err
		}
		if _, err := tx.LockPatient(ctx, h.Patient); err != nil {
			return err
		}
		// Read again: only now nobody else can lift it.
		if h, err = tx.FindHold(ctx, key); err != nil || !h.Open() {
			return err
		}
		if !h.MayLift(by) {
			return fault.New(fault.Forbidden, "hold.not_yours", "hold %s is lifted by a %s", key, h.ClearedBy).
				With("role", string(h.ClearedBy))
		}
		h.LiftedBy, h.LiftedAt, h.LiftNote = by.ID, s.instant(), note
		if err := tx.EndHold(ctx, h); err != nil {
			return err
		}
		if err := tx.BumpPatient(ctx, h.Patient); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "hold.lift", string(key), map[string]any{
			"patient": h.Patient, "severity": h.Severity, "note": note,
		}))
	})
	if err != nil {
		return Hold{}, err
	}
	return h, nil
}

// Holds lists a patient's holds, newest first; lifted ones too when all is true.
func (s *Service) Holds(ctx context.Context, c clinic.ID, p patient.ID, all bool) ([]Hold, error) {
	return s.store.Holds(ctx, c, p, all)
}

// OpenHolds lists every hold of the clinic that stands, oldest first.
func (s *Service) OpenHolds(ctx context.Context, c clinic.ID) ([]Hold, error) {
	return s.store.OpenHolds(ctx, c)
}

// NewClearance answers a rule that sent a patient to the doctor.
type NewClearance struct {
	ID      ClearanceID // made by whoever asks; a repeated request finds the clearance it made
	Patient patient.ID
	Rule    string // dosing rule id, as the refusal named it
	Note    string
}

// maxRule bounds the name of a rule, in bytes.
const maxRule = 60

// Clear records a doctor's signature that the patient was seen, for one rule and today alone.
func (s *Service) Clear(ctx context.Context, c clinic.ID, by staff.Member, n NewClearance) (cr Clearance, err error) {
	if err := by.Require(c, staff.Prescribe); err != nil {
		return Clearance{}, err
	}
	if n.ID == "" || n.Rule == "" || len(n.Rule) > maxRule || len(n.Note) > MaxReason {
		return Clearance{}, fault.New(fault.Invalid, "clearance.rule", "id or rule is missing, or a text is too long")
	}
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return Clearance{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if _, err := lockOpenFile(ctx, tx, n.Patient); err != nil {
			return err
		}
		cr, err = tx.FindClearance(ctx, n.ID)
		if err == nil {
			return sameClearance(cr, n)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		now := s.instant()
		today, err := cl.Day(now)
		if err != nil {
			return err
		}
		cr = Clearance{ID: n.ID, Clinic: c, Patient: n.Patient, Rule: n.Rule, Day: today, Note: n.Note, By: by.ID, Recorded: now}
		if err := tx.InsertClearance(ctx, cr); err != nil {
			return err
		}
		if err := tx.BumpPatient(ctx, n.Patient); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(now, "rule.clear", string(cr.ID), map[string]any{
			"patient": cr.Patient, "rule": cr.Rule, "day": today, "note": cr.Note,
		}))
	})
	if err != nil {
		return Clearance{}, err
	}
	return cr, nil
}

func sameClearance(cr Clearance, n NewClearance) error {
	if cr.Patient != n.Patient || cr.Rule != n.Rule {
		return fault.New(fault.Invalid, "id.taken", "id %s names another clearance", n.ID)
	}
	return nil
}

// Clearances lists a patient's clearances for a day, oldest first.
func (s *Service) Clearances(ctx context.Context, c clinic.ID, p patient.ID, d calendar.Day) ([]Clearance, error) {
	return s.store.Clearances(ctx, c, p, d)
}
