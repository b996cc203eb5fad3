package staff

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
)

// SignIn checks a username and a password. Whoever does not exist, is inactive or typed it wrong gets one and the same
// fault.Unauthorized after the same work; a locked name gets fault.TooMany, whether it exists or not.
func (s *Service) SignIn(ctx context.Context, typedName, password string) (Member, error) {
	name := FoldUsername(typedName)
	m, err := s.store.MemberByUsername(ctx, name)
	return s.check(ctx, attempt{
		member: m, lookup: err, key: attemptKey("password", name), hasher: s.hashers.Password, typed: password,
		hash: m.PasswordHash, action: "session.sign_in", record: true,
	})
}

// Who names a person of a clinic in one of three ways; the first that is set counts.
type Who struct {
	ID       ID
	Badge    string
	Username string
}

// SwitchTo checks a PIN to make somebody else the signed-in person of a screen that a password opened before.
func (s *Service) SwitchTo(ctx context.Context, c clinic.ID, who Who, pin string) (Member, error) {
	return s.checkPIN(ctx, c, who, pin, "session.switch", true)
}

// CheckPIN checks the PIN by which a person signs an act or witnesses one. The act's own audit entry names them, so a
// success leaves no entry of its own.
func (s *Service) CheckPIN(ctx context.Context, c clinic.ID, who Who, pin string) (Member, error) {
	return s.checkPIN(ctx, c, who, pin, "session.sign", false)
}

func (s *Service) checkPIN(ctx context.Context, c clinic.ID, who Who, pin, action string, record bool) (Member, error) {
	m, err := s.lookUp(ctx, c, who)
	// One count per person, however they are named; a name that is nobody's has a count of its own.
	key := attemptKey("pin", string(m.ID))
	if err != nil {
		key = attemptKey("pin", string(c)+"\x00"+string(who.ID)+"\x00"+who.Badge+"\x00"+who.Username)
	}
	return s.check(ctx, attempt{
		member: m, lookup: err, key: key, hasher: s.hashers.PIN, typed: pin, hash: m.PINHash, action: action, record: record,
	})
}

func (s *Service) lookUp(ctx context.Context, c clinic.ID, who Who) (Member, error) {
	switch {
	case who.ID != "":
		return s.store.Member(ctx, c, who.ID)
	case who.Badge != "":
		badge, err := cardcode.Parse(who.Badge)
		if err != nil || badge.Kind != cardcode.Staff {
			return Member{}, fault.New(fault.NotFound, "staff.not_found", "what was scanned is not a badge")
		}
		return s.store.MemberByBadge(ctx, c, badge.String())
	}
	m, err := s.store.MemberByUsername(ctx, FoldUsername(who.Username))
	if err == nil && m.Clinic != c {
		return Member{}, fault.New(fault.NotFound, "staff.not_found", "nobody of this clinic")
	}
	return m, err
}

// attempt is one try of one credential.
type attempt struct {
	member Member
	lookup error // of the member; fault.NotFound is part of the game
	key    string
	hasher Hasher
	typed  string
	hash   string
	action string
	record bool // a success is audited
}

func (s *Service) check(ctx context.Context, a attempt) (Member, error) {
	if a.lookup != nil && !fault.Is(a.lookup, fault.NotFound) {
		return Member{}, a.lookup
	}
	last, err := s.enter(ctx, a.key)
	if err != nil {
		return Member{}, err
	}
	ok, err := s.verify(ctx, a)
	if err != nil {
		return Member{}, err
	}
	if !ok {
		return Member{}, s.refuse(ctx, a, last)
	}
	if err := s.forget(ctx, a.key); err != nil {
		return Member{}, err
	}
	if !a.record {
		return a.member, nil
	}
	return a.member, s.log(ctx, a.member, a.action, nil)
}

// verify does the same work for nobody, for somebody without this credential and for somebody inactive, as for a wrong
// one.
func (s *Service) verify(ctx context.Context, a attempt) (bool, error) {
	known := a.lookup == nil && a.member.Active && a.hash != ""
	hash := a.hash
	if !known {
		dummy, err := s.dummy(ctx, a.hasher)
		if err != nil {
			return false, err
		}
		hash = dummy
	}
	// Longer than any secret that was ever accepted: no reason to hash a megabyte.
	typed := a.typed
	if len(typed) > MaxPassword {
		typed, known = typed[:MaxPassword], false
	}
	ok, err := a.hasher.Verify(ctx, typed, hash)
	return ok && known, err
}

func (s *Service) refuse(ctx context.Context, a attempt, last bool) error {
	if last && a.lookup == nil {
		if err := s.log(ctx, a.member, a.action+".locked", map[string]any{"failures_to_lock": FailuresToLock}); err != nil {
			return err
		}
	}
	return fault.New(fault.Unauthorized, "staff.wrong_credential", "unknown person or wrong credential")
}

func (s *Service) log(ctx context.Context, m Member, action string, data any) error {
	return s.store.InTx(ctx, m.Clinic, func(tx Tx) error {
		return tx.Record(ctx, m.Entry(s.instant(), action, string(m.ID), data))
	})
}
