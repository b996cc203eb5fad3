package staff

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
)

// SetOwnPassword changes the password of whoever is signed in, who proves the old one.
func (s *Service) SetOwnPassword(ctx context.Context, by Member, old, password string) error {
	if err := checkPassword(password, by.Username); err != nil {
		return err
	}
	if err := s.prove(ctx, by, old); err != nil {
		return err
	}
	return s.setPassword(ctx, by.Clinic, by.ID, password, func(m Member, now calendar.Instant) audit.Entry {
		return by.Entry(now, "staff.password", string(m.ID), nil)
	})
}

// ResetPassword gives somebody a new first password by an administrator's hand, lifts their lock-out, and takes their
// PIN away: whoever reset the password could otherwise sign in their name.
func (s *Service) ResetPassword(ctx context.Context, c clinic.ID, by Member, who ID, password string) error {
	if err := by.Require(c, ManageStaff); err != nil {
		return err
	}
	if err := s.reset(ctx, c, who, password, func(m Member, now calendar.Instant) audit.Entry {
		return by.Entry(now, "staff.password_reset", string(m.ID), nil)
	}); err != nil {
		return err
	}
	return s.Unlock(ctx, c, by, who)
}

// Recover is ResetPassword from the command line of the server, for the administrator who forgot.
func (s *Service) Recover(ctx context.Context, c clinic.ID, who ID, password string) error {
	if err := s.reset(ctx, c, who, password, func(m Member, now calendar.Instant) audit.Entry {
		return systemEntry(m, now, "staff.password_reset", nil)
	}); err != nil {
		return err
	}
	return s.unlock(ctx, c, who)
}

func (s *Service) reset(ctx context.Context, c clinic.ID, who ID, password string, entry func(Member, calendar.Instant) audit.Entry) error {
	m, err := s.store.Member(ctx, c, who)
	if err != nil {
		return err
	}
	if err := checkPassword(password, m.Username); err != nil {
		return err
	}
	hash, err := s.hashers.Password.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.change(ctx, c, who, func(m *Member) error {
		m.PasswordHash, m.PINHash = hash, ""
		return nil
	}, entry)
}

func (s *Service) setPassword(ctx context.Context, c clinic.ID, who ID, password string, entry func(Member, calendar.Instant) audit.Entry) error {
	hash, err := s.hashers.Password.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.change(ctx, c, who, func(m *Member) error {
		m.PasswordHash = hash
		return nil
	}, entry)
}

// SetOwnPIN sets the PIN of whoever is signed in, who proves their password.
func (s *Service) SetOwnPIN(ctx context.Context, by Member, password, pin string) error {
	if err := checkPIN(pin); err != nil {
		return err
	}
	if err := s.prove(ctx, by, password); err != nil {
		return err
	}
	hash, err := s.hashers.PIN.Hash(ctx, pin)
	if err != nil {
		return err
	}
	return s.change(ctx, by.Clinic, by.ID, func(m *Member) error {
		m.PINHash = hash
		return nil
	}, func(m Member, now calendar.Instant) audit.Entry {
		return by.Entry(now, "staff.pin", string(m.ID), nil)
	})
}

// prove checks the password of somebody who is signed in already, under the same lock-out as a sign-in.
func (s *Service) prove(ctx context.Context, by Member, password string) error {
	m, err := s.store.Member(ctx, by.Clinic, by.ID)
	_, err = s.check(ctx, attempt{
		member: m, lookup: err, key: attemptKey("password", by.Username), hasher: s.hashers.Password, typed: password,
		hash: m.PasswordHash, action: "session.prove",
	})
	return err
}
