package httpapi

import (
	"context"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// clientAddress is where a request comes from, believed proxies taken into account.
func clientAddress(ctx context.Context) string {
	if c, ok := ctx.(*gin.Context); ok {
		return c.ClientIP()
	}
	return ""
}

// SignIn opens a session with a password.
func (s *Server) SignIn(ctx context.Context, r gen.SignInRequestObject) (gen.SignInResponseObject, error) {
	name := staff.FoldUsername(r.Body.Username)
	if err := s.signIns.attempt(name, clientAddress(ctx)); err != nil {
		return nil, err
	}
	m, err := s.staff.SignIn(ctx, name, r.Body.Password)
	if err != nil {
		return nil, err
	}
	s.signIns.succeeded(name, clientAddress(ctx))
	if err := s.begin(ctx, m); err != nil {
		return nil, err
	}
	exchangeOf(ctx).actor = string(m.ID)
	if r.Body.Language != "" {
		s.sessions.Put(ctx, sessionLanguage, string(r.Body.Language))
	}
	out, err := s.sessionOf(ctx, m, false)
	return gen.SignIn200JSONResponse(out), err
}

// ReadSession says who is signed in.
func (s *Server) ReadSession(ctx context.Context, _ gen.ReadSessionRequestObject) (gen.ReadSessionResponseObject, error) {
	p := principalOf(ctx)
	out, err := s.sessionOf(ctx, p.member, p.locked)
	return gen.ReadSession200JSONResponse(out), err
}

// SignOut ends the session.
func (s *Server) SignOut(ctx context.Context, _ gen.SignOutRequestObject) (gen.SignOutResponseObject, error) {
	if err := s.sessions.Destroy(ctx); err != nil {
		return nil, err
	}
	return gen.SignOut204Response{}, nil
}

// SwitchSession puts another person at a window by PIN.
func (s *Server) SwitchSession(ctx context.Context, r gen.SwitchSessionRequestObject) (gen.SwitchSessionResponseObject, error) {
	p := principalOf(ctx)
	who := staff.Who{Username: r.Body.Username, Badge: r.Body.Badge}
	if err := s.signIns.attempt(who.Username+who.Badge, clientAddress(ctx)); err != nil {
		return nil, err
	}
	m, err := s.staff.SwitchTo(ctx, p.clinic, who, r.Body.Pin)
	if err != nil {
		return nil, err
	}
	s.signIns.succeeded(who.Username+who.Badge, clientAddress(ctx))
	if err := s.begin(ctx, m); err != nil {
		return nil, err
	}
	exchangeOf(ctx).actor = string(m.ID)
	out, err := s.sessionOf(ctx, m, false)
	return gen.SwitchSession200JSONResponse(out), err
}

// LockSession keeps the window from doing anything until somebody gives a PIN.
func (s *Server) LockSession(ctx context.Context, _ gen.LockSessionRequestObject) (gen.LockSessionResponseObject, error) {
	s.sessions.Put(ctx, sessionLocked, true)
	return gen.LockSession204Response{}, nil
}

// ChangeOwnPassword changes the password of whoever is signed in. Their other sessions end.
func (s *Server) ChangeOwnPassword(ctx context.Context, r gen.ChangeOwnPasswordRequestObject) (gen.ChangeOwnPasswordResponseObject, error) {
	p := principalOf(ctx)
	if err := s.signIns.attempt(p.member.Username, clientAddress(ctx)); err != nil {
		return nil, err
	}
	if err := s.staff.SetOwnPassword(ctx, p.member, r.Body.CurrentPassword, r.Body.Password); err != nil {
		return nil, err
	}
	m, err := s.staff.Member(ctx, p.clinic, p.member.ID)
	if err != nil {
		return nil, err
	}
	return gen.ChangeOwnPassword204Response{}, s.begin(ctx, m)
}

// ChangeOwnPIN sets the PIN of whoever is signed in.
func (s *Server) ChangeOwnPIN(ctx context.Context, r gen.ChangeOwnPINRequestObject) (gen.ChangeOwnPINResponseObject, error) {
	p := principalOf(ctx)
	if err := s.signIns.attempt(p.member.Username, clientAddress(ctx)); err != nil {
		return nil, err
	}
	if err := s.staff.SetOwnPIN(ctx, p.member, r.Body.CurrentPassword, r.Body.Pin); err != nil {
		return nil, err
	}
	s.members.forget(memberKey{p.clinic, p.member.ID})
	return gen.ChangeOwnPIN204Response{}, nil
}

func (s *Server) sessionOf(ctx context.Context, m staff.Member, locked bool) (gen.Session, error) {
	cl, err := s.clinics.Clinic(ctx, m.Clinic)
	if err != nil {
		return gen.Session{}, err
	}
	today, err := cl.Day(s.instant())
	if err != nil {
		return gen.Session{}, err
	}
	return gen.Session{
		Staff: memberOut(m), Clinic: clinicOut(cl), Actions: actionsOf(m), Locked: locked, Demo: cl.Demo, Today: today.String(),
		Language: gen.Language(s.sessions.GetString(ctx, sessionLanguage)),
	}, nil
}

func actionsOf(m staff.Member) []string {
	out := []string{}
	for _, a := range staff.Actions() {
		if m.May(a) {
			out = append(out, string(a))
		}
	}
	slices.Sort(out)
	return out
}

func (s *Server) instant() calendar.Instant { return calendar.At(s.now()) }

func (s *Server) today(ctx context.Context, c clinic.ID) (calendar.Day, error) {
	return s.clinics.Today(ctx, c)
}

// credential is how a second person, or a signature, proves itself on the wire.
type credential struct{ username, badge, pin string }

func required(c gen.Credential) *credential { return &credential{c.Username, c.Badge, c.Pin} }

func optional(c *gen.OptionalCredential) *credential {
	if c == nil {
		return nil
	}
	return &credential{c.Username, c.Badge, c.Pin}
}

// witness checks the PIN of the second person; nil is nobody.
func (s *Server) witness(ctx context.Context, c *credential) (staff.Member, error) {
	if c == nil {
		return staff.Member{}, nil
	}
	if err := s.signIns.attempt(c.username+c.badge, clientAddress(ctx)); err != nil {
		return staff.Member{}, err
	}
	m, err := s.staff.CheckPIN(ctx, principalOf(ctx).clinic, staff.Who{Username: c.username, Badge: c.badge}, c.pin)
	if fault.Is(err, fault.Unauthorized) {
		// The session is good; it is the second person's credential that is not.
		return staff.Member{}, fault.New(fault.Forbidden, "witness.wrong_credential", "%w", err)
	}
	if err == nil {
		s.signIns.succeeded(c.username+c.badge, clientAddress(ctx))
	}
	return m, err
}

// signed checks the PIN by which whoever is signed in signs an act.
func (s *Server) signed(ctx context.Context, pin string) error {
	p := principalOf(ctx)
	_, err := s.staff.CheckPIN(ctx, p.clinic, staff.Who{ID: p.member.ID}, pin)
	if fault.Is(err, fault.Unauthorized) {
		return fault.New(fault.Forbidden, "pin.wrong", "%w", err)
	}
	return err
}
