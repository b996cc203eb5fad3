package httpapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

// The medical lead reads the numbers, signs them once, and from then on they bind.
func TestRulesAreReadAndAdopted(t *testing.T) {
	s := newStage(t, 0)
	value := func(key string) (rules gen.Rules, of gen.RuleValue) {
		t.Helper()
		s.nurse.mustDo("GET", "/v1/rules", nil, &rules)
		for _, v := range rules.Values {
			if v.Key == key {
				return rules, v
			}
		}
		t.Fatalf("no %s", key)
		return rules, of
	}
	before, hours := value("dose.min_hours")
	require.False(t, before.Adopted)
	require.Empty(t, before.AdoptedBy)
	require.Equal(t, []any{true, false, false, int64(12)}, []any{hours.Set, hours.Verified, hours.Binding, hours.Amount})
	_, month := value("rx.max_days.maintenance")
	require.True(t, month.Binding, "a verified number needs no signature")
	_, table := value("missed.table")
	require.Len(t, table.Steps, int(table.Amount))
	require.Equal(t, "Thông tư 26/2023/TT-BYT, điểm a khoản 1 Điều 5", month.Source)
	en := s.nurse.send("GET", "/v1/rules", "", nil, http.Header{"Accept-Language": {"en"}})
	require.Contains(t, string(en.body), "Circular 26/2023/TT-BYT art. 5(1)(a)")
	require.Contains(t, string(en.body), "no number was found; for the medical lead")

	sign := gen.AdoptRules{Pack: before.Pack, Version: before.Version, Pin: testPIN}
	s.nurse.refused("POST", "/v1/rule-adoptions", sign, http.StatusForbidden, "staff.may_not")
	s.doctor.refused("POST", "/v1/rule-adoptions", gen.AdoptRules{Pack: before.Pack, Version: before.Version, Pin: "0000"}, http.StatusForbidden, "pin.wrong")
	s.doctor.mustDo("POST", "/v1/rule-adoptions", sign, nil)
	after, hours := value("dose.min_hours")
	require.True(t, after.Adopted)
	require.NotEmpty(t, after.AdoptedBy)
	require.False(t, after.AdoptedAt.IsZero())
	require.True(t, hours.Binding)
	_, ceiling := value("dose.hard_ceiling")
	require.False(t, ceiling.Set || ceiling.Binding, "a signature does not make a number that is not there")
}
