package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/staff"
)

func serve(h http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	r.Header = header
	if r.Header == nil {
		r.Header = http.Header{}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestSignInAndOut(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	b.refused("POST", "/v1/session", gen.SignIn{Username: "nurse", Password: "wrong"}, http.StatusUnauthorized, "staff.wrong_credential")
	b.refused("POST", "/v1/session", gen.SignIn{Username: "nobody", Password: "wrong"}, http.StatusUnauthorized, "staff.wrong_credential")
	a := b.do("POST", "/v1/session", gen.SignIn{Username: "NURSE", Password: testPassword, Language: gen.LanguageEn})
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	cookie := a.header.Get("Set-Cookie")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Strict")

	problem := b.do("GET", "/v1/patients/"+newID(), nil).problem
	require.Equal(t, "There is no such thing at this clinic.", problem.Title, "the language of the session")
	b.mustDo("DELETE", "/v1/session", nil, nil)
	b.refused("GET", "/v1/session", nil, http.StatusUnauthorized, keySignedOut)
}

// A token from before signing in is worth nothing afterwards.
func TestTheTokenChangesWithThePerson(t *testing.T) {
	f := newFixture(t)
	b := f.signIn(staff.Nurse)
	old := b.request(t, "/v1/session", "")
	b.mustDo("POST", "/v1/session/switch", gen.Credential{Username: "pharmacist", Pin: testPIN}, nil)
	var s gen.Session
	b.mustDo("GET", "/v1/session", nil, &s)
	require.Equal(t, "pharmacist", s.Staff.Username)
	require.Equal(t, http.StatusUnauthorized, statusOfRequest(t, old))
}

func TestALockedSessionDoesNothingUntilAPIN(t *testing.T) {
	f := newFixture(t)
	b := f.signIn(staff.Nurse)
	b.mustDo("POST", "/v1/session/lock", nil, nil)
	b.refused("GET", "/v1/queue", nil, http.StatusUnauthorized, keyLocked)
	var s gen.Session
	b.mustDo("GET", "/v1/session", nil, &s)
	require.True(t, s.Locked)
	b.refused("POST", "/v1/session/switch", gen.Credential{Username: "nurse", Pin: "999999"}, http.StatusUnauthorized, "staff.wrong_credential")
	b.refused("GET", "/v1/queue", nil, http.StatusUnauthorized, keyLocked)
	b.mustDo("POST", "/v1/session/switch", gen.Credential{Username: "nurse", Pin: testPIN}, nil)
	b.mustDo("GET", "/v1/queue", nil, nil)
}

// The end of somebody's access, and another role, count from the next request on, in every session.
func TestChangesOfAPersonCountAtOnce(t *testing.T) {
	f := newFixture(t)
	admin, nurse, elsewhere := f.signIn(staff.Administrator), f.signIn(staff.Nurse), f.signIn(staff.Nurse)
	nurse.mustDo("GET", "/v1/queue", nil, nil)
	path := "/v1/staff/" + string(f.people[staff.Nurse].ID)
	admin.mustDo("POST", path+"/roles", gen.SetRoles{Roles: []gen.Role{gen.RoleAuditor}}, nil)
	nurse.refused("POST", "/v1/check-ins", gen.CheckIn{Code: "P0700000139"}, http.StatusForbidden, keyMayNot)
	admin.mustDo("POST", path+"/deactivate", nil, nil)
	nurse.refused("GET", "/v1/queue", nil, http.StatusUnauthorized, keySignedOut)
	elsewhere.refused("GET", "/v1/queue", nil, http.StatusUnauthorized, keySignedOut)
}

func TestAnotherPasswordEndsTheOtherSessions(t *testing.T) {
	f := newFixture(t)
	here, there := f.signIn(staff.Doctor), f.signIn(staff.Doctor)
	here.refused("POST", "/v1/session/password", gen.ChangePassword{CurrentPassword: "wrong", Password: "Thác-nước-cao-9"}, http.StatusUnauthorized, "staff.wrong_credential")
	here.mustDo("POST", "/v1/session/password", gen.ChangePassword{CurrentPassword: testPassword, Password: "Thác-nước-cao-9"}, nil)
	here.mustDo("GET", "/v1/session", nil, nil)
	there.refused("GET", "/v1/session", nil, http.StatusUnauthorized, keySignedOut)
	here.mustDo("POST", "/v1/session/pin", gen.ChangePIN{CurrentPassword: "Thác-nước-cao-9", Pin: "314159"}, nil)
}

// Attempts are bounded per name and address, and a success gives them back.
func TestAttemptsAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := newLimiter(func() time.Time { return now })
	for range attemptsPerName {
		require.NoError(t, l.attempt("a", "10.0.0.1"))
	}
	require.Error(t, l.attempt("a", "10.0.0.1"))
	require.NoError(t, l.attempt("a", "10.0.0.2"), "another address")
	require.NoError(t, l.attempt("b", "10.0.0.1"), "another name")
	now = now.Add(attemptsWindow / attemptsPerName)
	require.NoError(t, l.attempt("a", "10.0.0.1"), "after a while")
	l.succeeded("a", "10.0.0.1")
	require.NoError(t, l.attempt("a", "10.0.0.1"))
	for i := range attemptsPerAddress {
		_ = l.attempt(strings.Repeat("x", i), "10.0.0.9")
	}
	require.Error(t, l.attempt("y", "10.0.0.9"), "one address with many names")
}

// A page of another site cannot act in somebody's session.
func TestOtherSitesAreRefused(t *testing.T) {
	f := newFixture(t)
	b := f.signIn(staff.Nurse)
	for _, h := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://elsewhere.example"}}} {
		a := b.send("POST", "/v1/session/lock", "", nil, h)
		require.Equal(t, http.StatusForbidden, a.status)
		require.Equal(t, keyOrigin, a.problem.Key)
	}
}

// Within cacheFor a request costs the store nothing for its session.
func TestSessionsAreReadAndWrittenSparingly(t *testing.T) {
	f := newFixture(t)
	b := f.signIn(staff.Nurse)
	b.mustDo("GET", "/v1/session", nil, nil)
	kept, ok := f.srv.sessions.Store.(*throttledStore)
	require.True(t, ok)
	counting := &countingStore{CtxStore: kept.next}
	frozen := time.Now()
	kept.next, kept.now = counting, func() time.Time { return frozen }
	for range 20 {
		b.mustDo("GET", "/v1/session", nil, nil)
	}
	require.Zero(t, counting.calls.Load())
}

// A panic is a problem with a number, and its stack is in the log.
func TestAPanicIsAProblem(t *testing.T) {
	f := newFixture(t)
	h := f.srv.withExchange(f.srv.withLog(f.srv.withRecovery(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret thing") }))))
	w := serve(h, "GET", "/v1/session", nil)
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.NotContains(t, w.Body.String(), "secret thing")
	require.Contains(t, f.logs.String(), "secret thing")
	require.Contains(t, f.logs.String(), "session_test.go")
}
