package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// CookieName is the name of the session cookie.
const CookieName = "lieu_session"

// Limits of a session.
const (
	sessionIdle     = 30 * time.Minute
	sessionLifetime = 12 * time.Hour
)

// BackgroundHeader marks a request that a page makes by itself. It does not keep a session from going idle, and neither
// does a live stream.
const BackgroundHeader = "Lieu-Background"

// Names of what a session holds.
const (
	sessionStaff    = "staff"
	sessionClinic   = "clinic"
	sessionStamp    = "stamp" // of the password: another password ends the session
	sessionLocked   = "locked"
	sessionLanguage = "language"
)

func newSessions(store scs.CtxStore, now func() time.Time, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store = newThrottledStore(store, now)
	m.Codec = sessionCodec{}
	m.HashTokenInStore = true
	m.IdleTimeout, m.Lifetime = sessionIdle, sessionLifetime
	m.Cookie.Name = CookieName
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteStrictMode
	m.Cookie.Secure = secure
	m.Cookie.Persist = false
	return m
}

// withSession loads the session of a request. One that is not of a person's hand is served without extending it.
func (s *Server) withSession(next http.Handler) http.Handler {
	extending := s.sessions.LoadAndSave(next)
	s.sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !background(r) {
			extending.ServeHTTP(w, r)
			return
		}
		token := ""
		if cookie, err := r.Cookie(CookieName); err == nil {
			token = cookie.Value
		}
		ctx, err := s.sessions.Load(r.Context(), token)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func background(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.Header.Get(BackgroundHeader) != "" || strings.HasSuffix(r.URL.Path, "/stream"))
}

// principal is who makes a request: a person with a session, or a station with a key.
type principal struct {
	member  staff.Member // zero for a station
	clinic  clinic.ID
	locked  bool
	station string // "" for a person
}

type principalKey struct{}

// principalOf returns who makes the request. It is present in every operation that is not public.
func principalOf(ctx context.Context) principal {
	p, _ := ctx.Value(principalKey{}).(principal)
	return p
}

// stamp changes with the password, and says nothing of it.
func stamp(m staff.Member) string {
	sum := sha256.Sum256([]byte("session\x00" + m.PasswordHash))
	return hex.EncodeToString(sum[:8])
}

// person returns the signed-in person of a request. Member and roles are as they are now, not as at sign-in.
func (s *Server) person(ctx context.Context) (principal, error) {
	who, c := s.sessions.GetString(ctx, sessionStaff), s.sessions.GetString(ctx, sessionClinic)
	if who == "" {
		return principal{}, fault.New(fault.Unauthorized, keySignedOut, "no session")
	}
	m, err := s.member(ctx, clinic.ID(c), staff.ID(who))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return principal{}, err
	}
	if err != nil || !m.Active || stamp(m) != s.sessions.GetString(ctx, sessionStamp) {
		return principal{}, fault.New(fault.Unauthorized, keySignedOut, "session of staff %s has ended", who)
	}
	if lang := s.sessions.GetString(ctx, sessionLanguage); lang != "" {
		exchangeOf(ctx).lang = lang
	}
	return principal{member: m, clinic: m.Clinic, locked: s.sessions.GetBool(ctx, sessionLocked)}, nil
}

type memberKey struct {
	clinic clinic.ID
	id     staff.ID
}

func (s *Server) member(ctx context.Context, c clinic.ID, id staff.ID) (staff.Member, error) {
	return s.members.get(memberKey{c, id}, func() (staff.Member, error) { return s.staff.Member(ctx, c, id) })
}

// begin puts a person into the session under a new token, so that a token from before is worth nothing.
func (s *Server) begin(ctx context.Context, m staff.Member) error {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.members.forget(memberKey{m.Clinic, m.ID})
	s.sessions.Put(ctx, sessionStaff, string(m.ID))
	s.sessions.Put(ctx, sessionClinic, string(m.Clinic))
	s.sessions.Put(ctx, sessionStamp, stamp(m))
	s.sessions.Remove(ctx, sessionLocked)
	return nil
}
