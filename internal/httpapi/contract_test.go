package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/staff"
)

const someID = "01930000-0000-7000-8000-000000000001"

// address fills the parameters of a path of the contract.
func address(path string) string {
	r := strings.NewReplacer("{id}", someID, "{code}", "P0700000139", "{day}", "2031-05-06")
	return base + r.Replace(path)
}

// What is generated is what the contract says now.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for config, generated := range map[string]string{
		"api/oapi-server.yaml": "internal/httpapi/gen/gen.gen.go", "api/oapi-client.yaml": "pkg/clinicapi/clinicapi.gen.go",
	} {
		out := filepath.Join(t.TempDir(), "fresh.go")
		cmd := exec.CommandContext(t.Context(), "go", "tool", "oapi-codegen", "-config", config, "-o", out, "api/openapi.yaml") //nolint:gosec // fixed words
		cmd.Dir = root
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", text)
		want, err := os.ReadFile(out)
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join(root, generated))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, have), "%s is not what %s and the contract make: run go generate", generated, config)
	}
}

// Every route is an operation of the contract; that every operation has a route is a condition of New.
func TestEveryRouteIsInTheContract(t *testing.T) {
	f := newFixture(t)
	e, err := f.srv.engine(nil)
	require.NoError(t, err)
	outside := []string{"GET /v1/openapi.yaml", "GET /livez", "GET /readyz", "GET /docs", "GET /docs/*any"}
	for _, r := range e.Routes() {
		key := r.Method + " " + r.Path
		if _, ok := f.srv.routes.byKey[key]; !ok && !slices.Contains(outside, key) {
			t.Errorf("route %s is not in the contract", key)
		}
	}
}

// An operation whose x-action nobody decided about keeps the server from starting.
func TestAnOperationNeedsAPermission(t *testing.T) {
	r, err := loadRoutes()
	require.NoError(t, err)
	for _, o := range r.byKey {
		copied := *o.op
		for _, action := range []any{nil, "", "patient.everything", string(public), 7} {
			if action == string(public) && slices.Contains(publicOperations, o.id) {
				continue
			}
			copied.Extensions = map[string]any{"x-action": action}
			_, err := newOperation(o.path, o.item, &copied)
			require.Error(t, err, "%s with %v", o.id, action)
		}
	}
}

func TestARouteThatIsNotInTheContractIsNotServed(t *testing.T) {
	f := newFixture(t)
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	reached := false
	e.GET("/v1/backdoor", f.srv.guard, func(*gin.Context) { reached = true })
	f.srv.handler = f.srv.withExchange(f.srv.withSession(e))
	require.Equal(t, http.StatusNotFound, serve(f.srv.handler, http.MethodGet, "/v1/backdoor", nil).Code)
	require.False(t, reached)
}

// Who may do what: every role against every operation, by the one table.
func TestRolesAndRoutes(t *testing.T) {
	f := newFixture(t)
	nobody := f.browser()
	people := map[staff.Role]*browser{}
	for _, role := range staff.Roles {
		people[role] = f.signIn(role)
	}
	for key, o := range f.srv.routes.byKey {
		method, _, _ := strings.Cut(key, " ")
		if o.action == public || strings.HasSuffix(o.path, "/stream") || o.id == "SignOut" || o.id == "LockSession" {
			continue
		}
		path := address(o.path)
		// A body that breaks the contract: whoever is let in gets as far as that, and nothing happens.
		var body []byte
		if o.body {
			body = []byte(`{"colour":"red"}`)
		}
		a := nobody.do(method, path, body)
		require.Equal(t, http.StatusUnauthorized, a.status, "%s by nobody", o.id)
		for role, b := range people {
			a := b.do(method, path, body)
			switch {
			case o.station():
				require.Equal(t, http.StatusUnauthorized, a.status, "%s by a %s: it is a counter's", o.id, role)
			case staff.Permitted(role, o.action):
				require.NotEqual(t, keyMayNot, a.problem.Key, "%s by a %s", o.id, role)
				require.NotEqual(t, http.StatusUnauthorized, a.status, "%s by a %s", o.id, role)
			default:
				require.Equal(t, http.StatusForbidden, a.status, "%s by a %s: %s", o.id, role, a.body)
				require.Equal(t, keyMayNot, a.problem.Key, "%s by a %s", o.id, role)
			}
		}
	}
}

// allowed is somebody who may do an operation.
func allowed(o *operation) staff.Role {
	for _, role := range staff.Roles {
		if staff.Permitted(role, o.action) {
			return role
		}
	}
	return ""
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Bad input to every command is a problem that holds nothing of the input, and changes nothing.
func TestBadInput(t *testing.T) {
	f := newFixture(t)
	people := map[staff.Role]*browser{"": f.browser()}
	for _, role := range staff.Roles {
		people[role] = f.signIn(role)
	}
	before := f.changes()
	bodies := 0
	for key, o := range f.srv.routes.byKey {
		if !o.json || o.station() {
			continue
		}
		method, _, _ := strings.Cut(key, " ")
		b := people[allowed(o)]
		schema := o.op.RequestBody.Value.Content.Get("application/json").Schema.Value
		good, ok := sample(schema, true).(map[string]any)
		require.True(t, ok, o.id)
		require.NoError(t, schema.VisitJSON(jsonOf(t, good), f.srv.formats...), "the sample of %s is good", o.id)
		for _, bad := range spoil(schema, good, encode) {
			a := b.do(method, address(o.path), bad.body)
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnsupportedMediaType}, a.status, "%s %s: %s\n%s", o.id, bad.how, bad.body, a.body)
			require.True(t, strings.HasPrefix(a.problem.Key, "request."), "%s %s: %s", o.id, bad.how, a.body)
			require.NotContains(t, string(a.body), "colour", "%s %s echoes the input", o.id, bad.how)
			require.NotContains(t, string(a.body), "nonsense", "%s %s echoes the input", o.id, bad.how)
			bodies++
		}
		large := append(bytes.Repeat([]byte(" "), maxBody), encode(good)...)
		a := b.do(method, address(o.path), large)
		require.Equal(t, http.StatusRequestEntityTooLarge, a.status, "%s with %d bytes", o.id, len(large))
		a = b.send(method, address(o.path), "text/plain", encode(good), nil)
		require.Equal(t, http.StatusUnsupportedMediaType, a.status, "%s as text", o.id)
	}
	require.Greater(t, bodies, 1000)
	require.Equal(t, before, f.changes(), "nothing was changed")
}

func jsonOf(t *testing.T, v any) any {
	t.Helper()
	var out any
	require.NoError(t, json.Unmarshal(encode(v), &out))
	return out
}

// Bad addresses are problems too.
func TestBadAddresses(t *testing.T) {
	f := newFixture(t)
	b := f.signIn(staff.Nurse)
	for path, want := range map[string]int{
		"/v1/patients/not-a-uuid":                       http.StatusBadRequest,
		"/v1/patients/" + someID:                        http.StatusNotFound,
		"/v1/patients/by-code/P0700000199":              http.StatusBadRequest, // wrong check digits
		"/v1/patients/by-code/%3Cscript%3E":             http.StatusBadRequest,
		"/v1/patients?limit=0":                          http.StatusBadRequest,
		"/v1/patients?limit=1000000":                    http.StatusBadRequest,
		"/v1/patients?limit=10&limit=20":                http.StatusBadRequest,
		"/v1/patients?status=sleeping":                  http.StatusBadRequest,
		"/v1/patients?q=Nguyen":                         http.StatusBadRequest, // a name has no business in an address
		"/v1/patients?cursor=%00":                       http.StatusBadRequest,
		"/v1/dispensings?day=2026-02-30":                http.StatusBadRequest,
		"/v1/dispensings?state=wasted&state=nonsense":   http.StatusBadRequest,
		"/v1/dispensings?state=wasted&state=in_doubt":   http.StatusOK,
		"/v1/registers/dispensing?day=yesterday":        http.StatusBadRequest,
		"/v1/patients/" + someID + "/days?n=46":         http.StatusBadRequest,
		"/v1/patients/" + someID + "/decision?station=": http.StatusBadRequest,
		"/v1/nothing":                                   http.StatusNotFound,
		"/v1/patients/" + someID + "/":                  http.StatusNotFound,
		"/v1/clinics/" + someID:                         http.StatusNotFound,
		"/v1/audit?cursor=x":                            http.StatusForbidden,
		"/v1/openapi.yaml":                              http.StatusOK,
		"/livez":                                        http.StatusOK,
		"/readyz":                                       http.StatusOK,
	} {
		a := b.do("GET", path, nil)
		require.Equal(t, want, a.status, "%s: %s", path, a.body)
		require.NotContains(t, string(a.body), "Nguyen", path)
	}
	require.Equal(t, http.StatusMethodNotAllowed, b.do("DELETE", "/v1/queue", nil).status)
	require.Equal(t, http.StatusBadRequest, b.do("POST", "/v1/session/lock", map[string]any{}).status, "a body where none is taken")
}

// A photo is a picture of a bounded size, whatever its sender calls it.
func TestPhoto(t *testing.T) {
	s := &stage{fixture: newFixture(t)}
	s.doctor = s.signIn(staff.Doctor)
	p := s.enrol()
	path := "/v1/patients/" + p.Id + "/photo"
	png := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 100)...)
	require.Equal(t, http.StatusNotFound, s.doctor.do("GET", path, nil).status)
	require.Equal(t, http.StatusBadRequest, s.doctor.send("PUT", path, "image/jpeg", []byte("<svg/>"), nil).status)
	require.Equal(t, http.StatusUnsupportedMediaType, s.doctor.send("PUT", path, "text/html", png, nil).status)
	require.Equal(t, http.StatusBadRequest, s.doctor.send("PUT", path, "image/png", append(png, make([]byte, 50_000)...), nil).status)
	require.Equal(t, http.StatusNoContent, s.doctor.send("PUT", path, "image/png", png, nil).status)
	a := s.doctor.do("GET", path, nil)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "image/png", a.header.Get("Content-Type"))
	require.Equal(t, png, a.body)
	require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	var read gen.Patient
	s.doctor.mustDo("GET", "/v1/patients/"+p.Id, nil, &read)
	require.True(t, read.HasPhoto)
}
