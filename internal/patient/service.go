package patient

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
)

// Clinics gives the service what it needs of a clinic; *clinic.Service is one.
type Clinics interface {
	Clinic(ctx context.Context, c clinic.ID) (clinic.Clinic, error)
}

// Service keeps patients' files. It is safe for concurrent use.
type Service struct {
	store   Store
	clinics Clinics
	sealer  Sealer
	now     func() time.Time
}

// NewService returns a ready Service.
func NewService(store Store, clinics Clinics, sealer Sealer, now func() time.Time) *Service {
	return &Service{store: store, clinics: clinics, sealer: sealer, now: now}
}

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

// Registration is what a new file begins with.
type Registration struct {
	ID         ID // made by whoever asks; a repeated request finds the file it made
	Name       string
	BirthYear  int
	Sex        Sex
	Address    string // "" when not recorded
	NationalID string // as on the identity paper, "" when not recorded
	Phase      Phase  // "" for Induction; another one for a patient who comes from another clinic
	Entry      Entry  // "" for ReturnEntry when there was an earlier file here, else NewEntry
	Previous   ID     // ended file of the same person here, "" to let the national id find it
	// RepresentativeConsent: the written consent of the legal representative of a patient under 18 is on file.
	RepresentativeConsent bool
}

// AdultAge is the age from which a patient decides alone (Decree 141/2024/NĐ-CP art. 29). A file holds the year of birth
// only, so in the year of the eighteenth birthday it is the doctor who reads the paper.
const AdultAge = 18

// Register opens a file with status Applied and gives it a card code. fault.Conflict with the key "patient.duplicate"
// when the same person has an open file here.
func (s *Service) Register(ctx context.Context, c clinic.ID, by staff.Member, r Registration) (p Patient, err error) {
	if err := by.Require(c, staff.ManagePatient); err != nil {
		return Patient{}, err
	}
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return Patient{}, err
	}
	today, err := cl.Day(s.instant())
	if err != nil {
		return Patient{}, err
	}
	file, err := s.file(c, r, today)
	if err != nil {
		return Patient{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		p, err = tx.LockPatient(ctx, r.ID)
		if err == nil {
			return sameFile(p, r)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		p = file
		if err := link(ctx, tx, &p); err != nil {
			return err
		}
		p.Entry = p.entered()
		serial, err := tx.NextPatientSerial(ctx)
		if err != nil {
			return err
		}
		card, err := cardcode.New(cardcode.Patient, cl.Number, serial)
		if err != nil {
			return fmt.Errorf("card of patient %s: %w", p.ID, err)
		}
		p.Code = card.String()
		if err := tx.InsertPatient(ctx, p); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "patient.register", string(p.ID), map[string]any{
			"code": p.Code, "birth_year": p.BirthYear, "sex": p.Sex, "phase": p.Phase, "entry": p.Entry, "previous": p.Previous,
			"national_id": p.NationalID != nil, "representative_consent": r.RepresentativeConsent,
		}))
	})
	if err != nil {
		return Patient{}, err
	}
	return p, nil
}

func (s *Service) file(c clinic.ID, r Registration, today calendar.Day) (Patient, error) {
	p := Patient{
		ID: r.ID, Clinic: c, Name: r.Name, BirthYear: r.BirthYear, Sex: r.Sex, Address: r.Address, Status: Applied, Phase: r.Phase,
		Entry: r.Entry, EnrolledOn: today, Previous: r.Previous, Version: 1,
	}
	if p.Phase == "" {
		p.Phase = Induction
	}
	if p.ID == "" {
		return Patient{}, fault.New(fault.Invalid, "id.malformed", "a file without an id")
	}
	if err := p.Validate(today); err != nil {
		return Patient{}, err
	}
	if !p.MayEnterPhase(p.Phase) {
		return Patient{}, fault.New(fault.Invalid, "patient.phase", "phase %q is not known", p.Phase)
	}
	if p.Entry != "" && !slices.Contains(Entries, p.Entry) {
		return Patient{}, fault.New(fault.Invalid, "patient.entry", "entry %q is not known", p.Entry)
	}
	if today.Midnight().Year()-p.BirthYear < AdultAge && !r.RepresentativeConsent {
		return Patient{}, fault.New(fault.Invalid, "patient.consent", "under %d the representative's written consent is needed", AdultAge)
	}
	return p, s.sealInto(&p, r.NationalID)
}

// link finds or checks the earlier file of the same person.
func link(ctx context.Context, tx Tx, p *Patient) error {
	ended, err := checkSecondFile(ctx, tx, *p)
	if err != nil {
		return err
	}
	if p.Previous == "" {
		p.Previous = ended
		return nil
	}
	before, err := tx.LockPatient(ctx, p.Previous)
	if err != nil {
		return err
	}
	if before.Status != Ended {
		return fault.New(fault.Conflict, "patient.duplicate", "file %s has not ended", before.ID).With("patient", string(before.ID))
	}
	return nil
}

func sameFile(p Patient, r Registration) error {
	if p.Name != r.Name || p.BirthYear != r.BirthYear || p.Sex != r.Sex {
		return fault.New(fault.Invalid, "id.taken", "id %s names another file", r.ID)
	}
	return nil
}

// Particulars are corrections of what a person's file says; nil leaves a field as it is.
type Particulars struct {
	Name       *string
	BirthYear  *int
	Sex        *Sex
	Address    *string
	NationalID *string // "" takes it away
	Entry      *Entry
}

// Correct changes particulars. Secret fields are audited as changed, without their text.
func (s *Service) Correct(ctx context.Context, c clinic.ID, by staff.Member, key ID, ch Particulars) (Patient, error) {
	if err := by.Require(c, staff.ManagePatient); err != nil {
		return Patient{}, err
	}
	today, err := s.today(ctx, c)
	if err != nil {
		return Patient{}, err
	}
	return s.edit(ctx, c, by, key, "patient.correct", func(tx Tx, p *Patient) (any, error) {
		changed, err := s.correct(p, ch)
		if err != nil {
			return nil, err
		}
		if err := p.Validate(today); err != nil {
			return nil, err
		}
		if ch.NationalID != nil {
			if _, err := checkSecondFile(ctx, tx, *p); err != nil {
				return nil, err
			}
		}
		return changed, nil
	})
}

// correct applies ch to p and returns what the audit says of it.
func (s *Service) correct(p *Patient, ch Particulars) (map[string]any, error) {
	secret, changed := []string{}, map[string]any{}
	if ch.Name != nil && *ch.Name != p.Name {
		p.Name = *ch.Name
		secret = append(secret, "name")
	}
	if ch.BirthYear != nil && *ch.BirthYear != p.BirthYear {
		changed["birth_year"] = oldNew(p.BirthYear, *ch.BirthYear)
		p.BirthYear = *ch.BirthYear
	}
	if ch.Sex != nil && *ch.Sex != p.Sex {
		changed["sex"] = oldNew(p.Sex, *ch.Sex)
		p.Sex = *ch.Sex
	}
	if ch.Address != nil && *ch.Address != p.Address {
		p.Address = *ch.Address
		secret = append(secret, "address")
	}
	if ch.Entry != nil && *ch.Entry != p.Entry {
		if !slices.Contains(Entries, *ch.Entry) {
			return nil, fault.New(fault.Invalid, "patient.entry", "entry %q is not known", *ch.Entry)
		}
		changed["entry"] = oldNew(p.Entry, *ch.Entry)
		p.Entry = *ch.Entry
	}
	if ch.NationalID != nil {
		if err := s.sealInto(p, *ch.NationalID); err != nil {
			return nil, err
		}
		secret = append(secret, "national_id")
	}
	changed["changed"] = secret
	return changed, nil
}

func oldNew(was, is any) map[string]any { return map[string]any{"old": was, "new": is} }

// SetStatus moves a file along the table of statuses, by a doctor's word. Ending a treatment is End's.
func (s *Service) SetStatus(ctx context.Context, c clinic.ID, by staff.Member, key ID, to Status, reason string) (Patient, error) {
	if err := by.Require(c, staff.EndTreatment); err != nil {
		return Patient{}, err
	}
	if err := checkReason(reason); err != nil {
		return Patient{}, err
	}
	today, err := s.today(ctx, c)
	if err != nil {
		return Patient{}, err
	}
	return s.edit(ctx, c, by, key, "patient.status", func(_ Tx, p *Patient) (any, error) {
		was := p.Status
		if !was.MayBecome(to) {
			return nil, fault.New(fault.Conflict, "patient.status", "file %s is %s and cannot become %s", key, was, to).
				With("status", string(was))
		}
		p.Status = to
		if was == Applied {
			p.EnrolledOn = today // accepted: the enrolment counts from here
		}
		return map[string]any{"status": oldNew(was, to), "reason": reason}, nil
	})
}

// SetPhase moves a patient to another phase of treatment, by a doctor's word.
func (s *Service) SetPhase(ctx context.Context, c clinic.ID, by staff.Member, key ID, to Phase, reason string) (Patient, error) {
	if err := by.Require(c, staff.Prescribe); err != nil {
		return Patient{}, err
	}
	if err := checkReason(reason); err != nil {
		return Patient{}, err
	}
	return s.edit(ctx, c, by, key, "patient.phase", func(_ Tx, p *Patient) (any, error) {
		was := p.Phase
		if !p.MayEnterPhase(to) {
			return nil, fault.New(fault.Conflict, "patient.phase", "file %s is in %s and cannot enter %s", key, was, to).
				With("phase", string(was))
		}
		p.Phase = to
		return map[string]any{"phase": oldNew(was, to), "reason": reason}, nil
	})
}

// End ends a treatment for a reason of the fixed list, by a doctor's signature, and cancels the orders that still run.
// It waits for a dispensing that has not ended. An ended file is never opened again.
func (s *Service) End(ctx context.Context, c clinic.ID, by staff.Member, key ID, reason EndReason, note string) (Patient, error) {
	if err := by.Require(c, staff.EndTreatment); err != nil {
		return Patient{}, err
	}
	if !slices.Contains(EndReasons, reason) || len(note) > maxReason || (reason == OtherReason && note == "") {
		return Patient{}, fault.New(fault.Invalid, "patient.end_reason", "reason is not of the list, or its note is missing or too long")
	}
	today, err := s.today(ctx, c)
	if err != nil {
		return Patient{}, err
	}
	return s.edit(ctx, c, by, key, "patient.end", func(tx Tx, p *Patient) (any, error) {
		open, err := tx.OpenDispensings(ctx, key)
		if err != nil {
			return nil, err
		}
		if open > 0 {
			return nil, fault.New(fault.Conflict, "patient.dispensing_open", "file %s has a dispensing that has not ended", key)
		}
		cancelled, err := tx.EndActiveOrders(ctx, key, string(by.ID), s.instant())
		if err != nil {
			return nil, err
		}
		was := p.Status
		p.Status, p.EndedOn, p.EndReason = Ended, today, reason
		return map[string]any{
			"status": oldNew(was, Ended), "ended_on": today, "reason": reason, "note": note, "orders_cancelled": cancelled,
		}, nil
	})
}

// edit changes one file that has not ended: lock, change, save, count the version up, audit.
func (s *Service) edit(ctx context.Context, c clinic.ID, by staff.Member, key ID, action string, change func(Tx, *Patient) (any, error)) (p Patient, err error) {
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if p, err = tx.LockPatient(ctx, key); err != nil {
			return err
		}
		if p.Status == Ended {
			return fault.New(fault.Conflict, "patient.ended", "file %s has ended", key)
		}
		data, err := change(tx, &p)
		if err != nil {
			return err
		}
		if err := tx.UpdatePatient(ctx, p); err != nil {
			return err
		}
		if err := tx.BumpPatient(ctx, key); err != nil {
			return err
		}
		p.Version++
		return tx.Record(ctx, by.Entry(s.instant(), action, string(key), data))
	})
	if err != nil {
		return Patient{}, err
	}
	return p, nil
}

func (s *Service) today(ctx context.Context, c clinic.ID) (calendar.Day, error) {
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return 0, err
	}
	return cl.Day(s.instant())
}

// maxReason bounds the words given for a change, in bytes.
const maxReason = 500

func checkReason(reason string) error {
	if reason == "" || len(reason) > maxReason {
		return fault.New(fault.Invalid, "reason.missing", "a reason is missing or too long")
	}
	return nil
}
