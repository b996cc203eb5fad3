package patient

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// Sealer keeps national ids unreadable to whoever has the database alone.
type Sealer interface {
	// Seal encrypts plain so that it opens only with the same bound bytes.
	Seal(plain, bound []byte) ([]byte, error)
	// Open decrypts what Seal made.
	Open(sealed, bound []byte) ([]byte, error)
	// Fingerprint is equal for equal texts, and tells nothing to whoever lacks the key.
	Fingerprint(text string) []byte
}

// nationalID accepts the 12 digits of a citizen's identity number, the 9 of the identity card before it, and passport
// numbers.
var nationalID = regexp.MustCompile(`^[0-9A-Z]{6,20}$`)

// sealInto puts a typed national id, sealed for this file, and its fingerprint into p; "" takes both away.
func (s *Service) sealInto(p *Patient, typed string) error {
	if typed == "" {
		p.NationalID, p.NationalIDMark = nil, nil
		return nil
	}
	text := strings.ToUpper(strings.Join(strings.Fields(typed), ""))
	if !nationalID.MatchString(text) {
		return fault.New(fault.Invalid, "patient.national_id", "a national id has 6 to 20 letters and digits")
	}
	sealed, err := s.sealer.Seal([]byte(text), bound(p.ID))
	if err != nil {
		return fmt.Errorf("patient %s: seal: %w", p.ID, err)
	}
	p.NationalID, p.NationalIDMark = sealed, s.sealer.Fingerprint(text)
	return nil
}

func bound(key ID) []byte { return []byte("patient/" + key) }

// RevealNationalID opens the national id of a file, "" when none is recorded. It is audited by itself.
func (s *Service) RevealNationalID(ctx context.Context, c clinic.ID, by staff.Member, key ID) (string, error) {
	if err := by.Require(c, staff.ManagePatient); err != nil {
		return "", err
	}
	p, err := s.store.Patient(ctx, c, key)
	if err != nil {
		return "", err
	}
	if err := s.recordRead(ctx, c, by, "patient.national_id.read", string(key), nil); err != nil {
		return "", err
	}
	if p.NationalID == nil {
		return "", nil
	}
	plain, err := s.sealer.Open(p.NationalID, bound(key))
	if err != nil {
		return "", fmt.Errorf("patient %s: national id: %w", key, err)
	}
	return string(plain), nil
}

// checkSecondFile keeps one person from having two open files in a clinic, and so two doses a day. It returns the newest
// ended file of the same person, "" when there is none.
func checkSecondFile(ctx context.Context, tx Tx, p Patient) (ended ID, err error) {
	if p.NationalIDMark == nil {
		return "", nil
	}
	files, err := tx.FilesByFingerprint(ctx, p.NationalIDMark)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if f.ID == p.ID {
			continue
		}
		if f.Status != Ended {
			return "", fault.New(fault.Conflict, "patient.duplicate", "file %s is of the same person", f.ID).With("patient", string(f.ID))
		}
		ended = f.ID
	}
	return ended, nil
}
