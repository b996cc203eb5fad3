package httpapi

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/api"
	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/rulepack"
	"github.com/lieu-clinic/lieu/internal/secret"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
)

const (
	testPassword = "Ruộng-bậc-thang-7"
	testPIN      = "271828"
)

// fixture is a server over a real store, with one clinic and one person per role.
type fixture struct {
	t      testing.TB
	srv    *Server
	http   *httptest.Server
	db     *store.Store
	hub    *Hub
	sv     Services
	clinic clinic.Clinic
	people map[staff.Role]staff.Member
	router routers.Router
	logs   *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// cheap keeps the tests from spending their time on hashing.
var cheap = secret.Cost{MemoryKiB: 64, Iterations: 1}

func sqliteURL(t testing.TB) string {
	u := "sqlite://" + filepath.Join(t.TempDir(), "lieu.db")
	_, err := store.Migrate(t.Context(), u)
	require.NoError(t, err)
	return u
}

func newFixture(t testing.TB) *fixture { return newFixtureOn(t, sqliteURL(t)) }

func newFixtureOn(t testing.TB, databaseURL string) *fixture {
	t.Helper()
	db, err := store.Open(context.WithoutCancel(t.Context()), databaseURL, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })

	now := time.Now
	f := &fixture{t: t, db: db, hub: NewHub(now), people: map[staff.Role]staff.Member{}, logs: &lockedBuffer{}}
	packs := func(name string, _ int) (dosing.Pack, error) { return rulepack.Load(name) }
	sealer, err := secret.NewSealer(make([]byte, secret.KeySize), secret.Key{ID: 1, Bytes: make([]byte, secret.KeySize)})
	require.NoError(t, err)
	gate := secret.NewGate(2)
	cs := clinic.NewService(db.Clinics(), now)
	f.sv = Services{
		Clinics: cs,
		Staff: staff.NewService(db.Staff(), cs, staff.Hashers{
			Password: secret.NewPasswords(gate, cheap), PIN: secret.NewPINs(gate, cheap, make([]byte, secret.KeySize)),
		}, now),
		Patients:      patient.NewService(db.Patients(), cs, sealer, now),
		Prescriptions: prescription.NewService(db.Prescriptions(), cs, nil, now),
		Queue:         queue.NewService(db.Queue(), cs, now, f.hub.NotifyTicket),
		Equipment:     equipment.NewService(db.Equipment(), cs, secret.Codes{}, now),
		Stock:         stock.NewService(db.Stock(), cs, now),
		Dispensing:    dispensing.NewService(db.Dispensings(), packs, now, dispensing.Options{Notify: f.hub.Notify, NotifyPour: f.hub.NotifyCheck}),
		Calibration:   calibration.NewService(db.Calibration(), cs, now, calibration.Options{Notify: f.hub.NotifyCheck}),
		Records:       db.Records(), Trail: db.Audit(), Codes: secret.Codes{}, Packs: packs,
	}
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	f.srv, err = New(f.sv, Config{
		Log: slog.New(slog.NewJSONHandler(f.logs, nil)), Now: now, Sessions: db.Sessions(now), Key: key, Hub: f.hub, Ready: db.Ready,
	})
	require.NoError(t, err)
	f.http = httptest.NewServer(f.srv.Handler())
	t.Cleanup(func() {
		f.srv.CloseStreams()
		f.http.Close()
	})

	spec, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	f.router, err = gorillamux.NewRouter(spec)
	require.NoError(t, err)
	f.populate()
	return f
}

func (f *fixture) populate() {
	var err error
	pack, err := rulepack.Load("vn")
	require.NoError(f.t, err)
	f.clinic, err = f.sv.Clinics.Create(f.t.Context(), clinic.Clinic{
		ID: id.New[clinic.ID](), Number: 7, Name: "Cơ sở Sông Lô", Province: "Tuyên Quang", Kind: clinic.TreatmentFacility,
		Zone: "Asia/Ho_Chi_Minh", RulePack: pack.Name, RulePackVersion: pack.Version, Demo: true,
	})
	require.NoError(f.t, err)
	for _, role := range staff.Roles {
		f.people[role] = f.hire(string(role), role)
	}
	f.people["witness"] = f.hire("witness", staff.Nurse)
}

func (f *fixture) hire(username string, roles ...staff.Role) staff.Member {
	m, err := f.sv.Staff.Install(f.t.Context(), f.clinic.ID, staff.New{
		ID: id.New[staff.ID](), Username: username, Name: "Người " + username, Roles: roles, Password: testPassword, PIN: testPIN,
	})
	require.NoError(f.t, err)
	return m
}

// browser is one signed-in (or not) client. It checks every answer against the contract.
type browser struct {
	f      *fixture
	client *http.Client
}

func (f *fixture) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(f.t, err)
	return &browser{f: f, client: &http.Client{Jar: jar}}
}

func (f *fixture) signIn(role staff.Role) *browser {
	f.t.Helper()
	b := f.browser()
	var s gen.Session
	b.mustDo("POST", "/v1/session", gen.SignIn{Username: f.people[role].Username, Password: testPassword}, &s)
	require.Equal(f.t, string(f.people[role].ID), s.Staff.Id)
	return b
}

// answer is what came back.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	problem gen.Problem
}

func (b *browser) do(method, path string, body any) answer {
	b.f.t.Helper()
	var payload []byte
	switch v := body.(type) {
	case nil:
	case []byte:
		payload = v
	default:
		var err error
		payload, err = json.Marshal(v)
		require.NoError(b.f.t, err)
	}
	return b.send(method, path, "application/json", payload, nil)
}

func (b *browser) send(method, path, contentType string, payload []byte, header http.Header) answer {
	b.f.t.Helper()
	req, err := http.NewRequestWithContext(b.f.t.Context(), method, b.f.http.URL+path, bytes.NewReader(payload))
	require.NoError(b.f.t, err)
	if len(payload) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := b.client.Do(req)
	require.NoError(b.f.t, err)
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(resp.Body)
	require.NoError(b.f.t, err)
	b.f.checkAnswer(req, a)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		require.NoError(b.f.t, json.Unmarshal(a.body, &a.problem))
	}
	return a
}

// checkAnswer holds an answer against the contract.
func (f *fixture) checkAnswer(req *http.Request, a answer) {
	f.t.Helper()
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/") || a.header.Get("Content-Type") == "application/yaml" {
		return
	}
	asked := req.Clone(req.Context())
	asked.URL, _ = url.Parse(strings.Replace(req.URL.String(), f.http.URL, "", 1))
	asked.Host = ""
	route, params, err := f.router.FindRoute(asked)
	if err != nil {
		return // an address of no operation
	}
	err = openapi3filter.ValidateResponse(req.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
		Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, SchemaValidationOptions: formats()},
	})
	require.NoError(f.t, err, "%s %s answered %d %s", req.Method, route.Path, a.status, a.body)
}

// mustDo sends a command that is expected to succeed, and reads the answer into out.
func (b *browser) mustDo(method, path string, body, out any) {
	b.f.t.Helper()
	a := b.do(method, path, body)
	require.Less(b.f.t, a.status, 300, "%s %s: %s", method, path, a.body)
	if out != nil {
		require.NoError(b.f.t, json.Unmarshal(a.body, out))
	}
}

// refused sends a command that is expected to fail with this status and key.
func (b *browser) refused(method, path string, body any, status int, key string) answer {
	b.f.t.Helper()
	a := b.do(method, path, body)
	require.Equal(b.f.t, status, a.status, "%s %s: %s", method, path, a.body)
	require.Equal(b.f.t, key, a.problem.Key, "%s", a.body)
	return a
}

// changes counts what the audit of the clinic has, so that a test can say that nothing changed.
func (f *fixture) changes() int64 {
	f.t.Helper()
	events, err := f.db.Audit().Events(context.WithoutCancel(f.t.Context()), audit.Filter{Clinic: f.clinic.ID, Limit: 1})
	require.NoError(f.t, err)
	if len(events) == 0 {
		return 0
	}
	return events[0].Seq
}

func newID() string { return id.New[string]() }
