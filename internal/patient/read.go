package patient

import (
	"context"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
)

// Read opens a file and audits that it was read: one entry per call. Without the entry there is no file.
func (s *Service) Read(ctx context.Context, c clinic.ID, by staff.Member, key ID) (Patient, error) {
	if err := by.Require(c, staff.ReadPatient); err != nil {
		return Patient{}, err
	}
	p, err := s.store.Patient(ctx, c, key)
	if err != nil {
		return Patient{}, err
	}
	if err := s.recordRead(ctx, c, by, "patient.read", string(key), nil); err != nil {
		return Patient{}, err
	}
	return p, nil
}

// ReadByCode opens the file of a scanned card, audited like Read.
func (s *Service) ReadByCode(ctx context.Context, c clinic.ID, by staff.Member, code string) (Patient, error) {
	if err := by.Require(c, staff.ReadPatient); err != nil {
		return Patient{}, err
	}
	p, err := s.byCode(ctx, c, code)
	if err != nil {
		return Patient{}, err
	}
	if err := s.recordRead(ctx, c, by, "patient.read", string(p.ID), map[string]any{"by": "card"}); err != nil {
		return Patient{}, err
	}
	return p, nil
}

// Resolve finds whose card was scanned, and nothing else of the file: enough for a ticket or a hand-over, which have
// audit entries of their own.
func (s *Service) Resolve(ctx context.Context, c clinic.ID, code string) (ID, error) {
	p, err := s.byCode(ctx, c, code)
	return p.ID, err
}

// byCode checks what was scanned before it asks for it: a misread card must not open a neighbour's file.
func (s *Service) byCode(ctx context.Context, c clinic.ID, scanned string) (Patient, error) {
	code, err := cardcode.Parse(scanned)
	if err != nil || code.Kind != cardcode.Patient {
		return Patient{}, fault.New(fault.Invalid, "card.not_patient", "what was scanned is not a patient's card")
	}
	return s.store.PatientByCode(ctx, c, code.String())
}

// maxQuery bounds what is typed into a search, in characters.
const maxQuery = 60

// List returns one page of files. A page is audited as one read; what was typed is not, because it is mostly a name.
func (s *Service) List(ctx context.Context, by staff.Member, f Filter) ([]Patient, error) {
	if err := by.Require(f.Clinic, staff.ReadPatient); err != nil {
		return nil, err
	}
	if f.Limit < 0 || f.Limit > MaxPage || utf8.RuneCountInString(f.Query) > maxQuery {
		return nil, fault.New(fault.Invalid, "list.filter", "limit outside 1–%d or a query of more than %d characters", MaxPage, maxQuery)
	}
	found, err := s.store.Patients(ctx, f)
	if err != nil {
		return nil, err
	}
	err = s.recordRead(ctx, f.Clinic, by, "patient.list", string(f.Clinic), map[string]any{
		"searched": f.Query != "", "found": len(found),
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (s *Service) recordRead(ctx context.Context, c clinic.ID, by staff.Member, action, subject string, data any) error {
	return s.store.InTx(ctx, c, func(tx Tx) error {
		return tx.Record(ctx, by.Entry(s.instant(), action, subject, data))
	})
}
