package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lieu-clinic/lieu/internal/staff"
)

// FuzzCommands sends anything to every command. Whatever it is, the answer is of the contract, and never a defect.
func FuzzCommands(f *testing.F) {
	fx := newFixture(f)
	people := map[staff.Role]*browser{"": fx.browser()}
	for _, role := range staff.Roles {
		people[role] = fx.signIn(role)
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(fx.srv.routes.byKey)) {
		o := fx.srv.routes.byKey[key]
		if !o.json || o.station() || o.id == "SignIn" || strings.HasPrefix(o.path, "/session") {
			continue
		}
		keys = append(keys, key)
		schema := o.op.RequestBody.Value.Content.Get("application/json").Schema.Value
		f.Add(len(keys)-1, encode(sample(schema, true)))
		f.Add(len(keys)-1, encode(sample(schema, false)))
	}
	f.Fuzz(func(t *testing.T, n int, body []byte) {
		key := keys[((n%len(keys))+len(keys))%len(keys)]
		o := fx.srv.routes.byKey[key]
		method, _, _ := strings.Cut(key, " ")
		b := *people[allowed(o)]
		on := *fx
		on.t, b.f = t, &on
		if a := b.do(method, address(o.path), body); a.status >= http.StatusInternalServerError {
			t.Fatalf("%s answered %d: %s", o.id, a.status, a.body)
		}
	})
}
