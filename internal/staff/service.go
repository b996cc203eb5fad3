package staff

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
)

// Hasher turns a secret into something that can be stored, and recognises it again.
type Hasher interface {
	Hash(ctx context.Context, plain string) (string, error)
	Verify(ctx context.Context, plain, hash string) (bool, error)
}

// Hashers are the hashers of both kinds of credential.
type Hashers struct {
	Password, PIN Hasher
}

// Clinics gives the service what it needs of a clinic; *clinic.Service is one.
type Clinics interface {
	Clinic(ctx context.Context, c clinic.ID) (clinic.Clinic, error)
}

// Service keeps the people of every clinic and checks who they are. It is safe for concurrent use.
type Service struct {
	store   Store
	clinics Clinics
	hashers Hashers
	now     func() time.Time

	mu      sync.Mutex
	dummies map[Hasher]string // a hash of nothing in particular, per hasher; see verify
}

// NewService returns a ready Service.
func NewService(store Store, clinics Clinics, hashers Hashers, now func() time.Time) *Service {
	return &Service{store: store, clinics: clinics, hashers: hashers, now: now, dummies: map[Hasher]string{}}
}

func (s *Service) instant() calendar.Instant { return calendar.At(s.now()) }

// dummy returns a hash that takes as long to check as anybody's.
func (s *Service) dummy(ctx context.Context, h Hasher) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hash, ok := s.dummies[h]; ok {
		return hash, nil
	}
	hash, err := h.Hash(ctx, "nobody has this")
	if err == nil {
		s.dummies[h] = hash
	}
	return hash, err
}

// New is a person to add.
type New struct {
	ID       ID // made by whoever asks; a repeated request finds the person it made
	Username string
	Name     string
	Roles    []Role
	Password string
	PIN      string // only Install sets one: others choose their own after signing in
}

func (n New) validate() error {
	for _, err := range []error{
		checkUsername(n.Username), checkName(n.Name), checkRoles(n.Roles), checkPassword(n.Password, n.Username),
	} {
		if err != nil {
			return err
		}
	}
	if n.ID == "" {
		return fault.New(fault.Invalid, "id.malformed", "a new person has no id")
	}
	if n.PIN != "" {
		return checkPIN(n.PIN)
	}
	return nil
}

// Add adds a person by an administrator's hand, with a first password. The person sets a PIN of their own, so that the
// administrator never holds what they sign with.
func (s *Service) Add(ctx context.Context, c clinic.ID, by Member, n New) (Member, error) {
	if err := by.Require(c, ManageStaff); err != nil {
		return Member{}, err
	}
	if n.PIN != "" {
		return Member{}, fault.New(fault.Invalid, "staff.pin_own", "a PIN is set by its owner")
	}
	return s.add(ctx, c, n, func(m Member, now calendar.Instant) audit.Entry {
		return by.Entry(now, "staff.add", string(m.ID), map[string]any{"roles": m.Roles})
	})
}

// Install adds a person from the command line of the server: the first administrator, or a demonstration's people. It is
// for whoever can already read the database, and is audited as the system's act.
func (s *Service) Install(ctx context.Context, c clinic.ID, n New) (Member, error) {
	return s.add(ctx, c, n, func(m Member, now calendar.Instant) audit.Entry {
		return systemEntry(m, now, "staff.install", map[string]any{"roles": m.Roles})
	})
}

func systemEntry(m Member, now calendar.Instant, action string, data any) audit.Entry {
	e := m.Entry(now, action, string(m.ID), data)
	e.Actor = audit.System
	return e
}

func (s *Service) add(ctx context.Context, c clinic.ID, n New, entry func(Member, calendar.Instant) audit.Entry) (m Member, err error) {
	n.Username = FoldUsername(n.Username)
	if err := n.validate(); err != nil {
		return Member{}, err
	}
	hashed, err := s.hashed(ctx, n)
	if err != nil {
		return Member{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		m, err = tx.LockMember(ctx, n.ID)
		if err == nil {
			return sameMember(m, n)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		m = hashed
		m.Clinic = c
		if err := tx.InsertMember(ctx, m); err != nil {
			return err
		}
		return tx.Record(ctx, entry(m, s.instant()))
	})
	if err != nil {
		return Member{}, err
	}
	return m, nil
}

func (s *Service) hashed(ctx context.Context, n New) (m Member, err error) {
	m = Member{ID: n.ID, Username: n.Username, Name: n.Name, Roles: slices.Clone(n.Roles), Active: true}
	if m.PasswordHash, err = s.hashers.Password.Hash(ctx, n.Password); err != nil || n.PIN == "" {
		return m, err
	}
	m.PINHash, err = s.hashers.PIN.Hash(ctx, n.PIN)
	return m, err
}

func sameMember(m Member, n New) error {
	if m.Username != n.Username || m.Name != n.Name {
		return fault.New(fault.Invalid, "id.taken", "id %s names another person", n.ID)
	}
	return nil
}

// IssueBadge gives a person a new badge; the old one stops working. It returns the code to print.
func (s *Service) IssueBadge(ctx context.Context, c clinic.ID, by Member, who ID) (code string, err error) {
	if err := by.Require(c, ManageStaff); err != nil {
		return "", err
	}
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return "", err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		m, err := tx.LockMember(ctx, who)
		if err != nil {
			return err
		}
		if !m.Active {
			return fault.New(fault.Conflict, "staff.inactive", "staff %s is inactive", who)
		}
		serial, err := tx.NextStaffSerial(ctx)
		if err != nil {
			return err
		}
		badge, err := cardcode.New(cardcode.Staff, cl.Number, serial)
		if err != nil {
			return fmt.Errorf("badge of staff %s: %w", who, err)
		}
		code = badge.String()
		old := m.Badge
		m.Badge = code
		if err := tx.UpdateMember(ctx, m); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "staff.badge", string(who), map[string]any{"old": old, "new": code}))
	})
	return code, err
}

// SetRoles gives a person other roles. A clinic keeps at least one active administrator.
func (s *Service) SetRoles(ctx context.Context, c clinic.ID, by Member, who ID, roles []Role) (Member, error) {
	if err := by.Require(c, ManageStaff); err != nil {
		return Member{}, err
	}
	if err := checkRoles(roles); err != nil {
		return Member{}, err
	}
	return s.administer(ctx, c, by, who, "staff.roles", func(m *Member) any {
		old := m.Roles
		m.Roles = slices.Clone(roles)
		return map[string]any{"old": old, "new": roles}
	})
}

// Rename corrects how a person's name is written. The audit names the change, not the name.
func (s *Service) Rename(ctx context.Context, c clinic.ID, by Member, who ID, name string) (Member, error) {
	if err := by.Require(c, ManageStaff); err != nil {
		return Member{}, err
	}
	if err := checkName(name); err != nil {
		return Member{}, err
	}
	return s.administer(ctx, c, by, who, "staff.rename", func(m *Member) any {
		m.Name = name
		return map[string]any{"changed": []string{"name"}}
	})
}

// Deactivate ends a person's access and takes the badge. Their records stay theirs. Nobody deactivates themself.
func (s *Service) Deactivate(ctx context.Context, c clinic.ID, by Member, who ID) (Member, error) {
	if err := by.Require(c, ManageStaff); err != nil {
		return Member{}, err
	}
	if by.ID == who {
		return Member{}, fault.New(fault.Conflict, "staff.self", "nobody deactivates themself")
	}
	return s.administer(ctx, c, by, who, "staff.deactivate", func(m *Member) any {
		badge := m.Badge
		m.Active, m.Badge = false, ""
		return map[string]any{"badge": badge}
	})
}

// Reactivate lets a person sign in again, without badge or PIN.
func (s *Service) Reactivate(ctx context.Context, c clinic.ID, by Member, who ID) (Member, error) {
	if err := by.Require(c, ManageStaff); err != nil {
		return Member{}, err
	}
	return s.administer(ctx, c, by, who, "staff.reactivate", func(m *Member) any {
		m.Active, m.PINHash = true, ""
		return nil
	})
}

// administer changes a person and keeps the clinic's last administrator.
func (s *Service) administer(ctx context.Context, c clinic.ID, by Member, who ID, action string, edit func(*Member) any) (m Member, err error) {
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if m, err = tx.LockMember(ctx, who); err != nil {
			return err
		}
		was := m.Active && m.Has(Administrator)
		data := edit(&m)
		if was && (!m.Active || !m.Has(Administrator)) {
			if err := keepOne(ctx, tx); err != nil {
				return err
			}
		}
		if err := tx.UpdateMember(ctx, m); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), action, string(who), data))
	})
	if err != nil {
		return Member{}, err
	}
	return m, nil
}

func keepOne(ctx context.Context, tx Tx) error {
	n, err := tx.ActiveWithRole(ctx, Administrator)
	if err == nil && n < 2 {
		err = fault.New(fault.Conflict, "staff.last_administrator", "a clinic keeps one administrator")
	}
	return err
}

func (s *Service) change(ctx context.Context, c clinic.ID, who ID, edit func(*Member) error, entry func(Member, calendar.Instant) audit.Entry) error {
	return s.store.InTx(ctx, c, func(tx Tx) error {
		m, err := tx.LockMember(ctx, who)
		if err != nil {
			return err
		}
		if err := edit(&m); err != nil {
			return err
		}
		if err := tx.UpdateMember(ctx, m); err != nil {
			return err
		}
		return tx.Record(ctx, entry(m, s.instant()))
	})
}

// Unlock lifts the lock-out of a person's password and PIN.
func (s *Service) Unlock(ctx context.Context, c clinic.ID, by Member, who ID) error {
	if err := by.Require(c, ManageStaff); err != nil {
		return err
	}
	if err := s.unlock(ctx, c, who); err != nil {
		return err
	}
	return s.store.InTx(ctx, c, func(tx Tx) error {
		return tx.Record(ctx, by.Entry(s.instant(), "staff.unlock", string(who), nil))
	})
}

func (s *Service) unlock(ctx context.Context, c clinic.ID, who ID) error {
	m, err := s.store.Member(ctx, c, who)
	if err != nil {
		return err
	}
	if err := s.forget(ctx, attemptKey("password", m.Username)); err != nil {
		return err
	}
	return s.forget(ctx, attemptKey("pin", string(m.ID)))
}

// Member reads one person of the clinic. A session is worth what this says now, not what it said at sign-in.
func (s *Service) Member(ctx context.Context, c clinic.ID, who ID) (Member, error) {
	return s.store.Member(ctx, c, who)
}

// Members lists everybody of the clinic, inactive ones too, by username.
func (s *Service) Members(ctx context.Context, c clinic.ID) ([]Member, error) {
	return s.store.Members(ctx, c)
}
