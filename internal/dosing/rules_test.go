package dosing_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lieu-clinic/lieu/internal/dosing"
)

var update = flag.Bool("update", false, "write docs/rules.md")

func TestRulesDoc(t *testing.T) {
	const path = "../../docs/rules.md"
	want := rulesDoc()
	if *update {
		if err := os.MkdirAll("../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/rules.md is out of date; run go test ./internal/dosing -run TestRulesDoc -update\n%s", diff)
	}
}

func rulesDoc() string {
	var b strings.Builder
	b.WriteString("# The rules of a dose\n\n" +
		"Written by `go test ./internal/dosing -run TestRulesDoc -update`. The order is the order in which refusals of one weight are shown.\n\n" +
		"*stop* and *refer* refuse the dose; a doctor's clearance for the day answers a *refer* of its rule and nothing else. " +
		"A rule that reads a value from the rule pack does what stands under *unbound* while that value is neither verified nor adopted by the medical lead's signature, and nothing while it is unset. " +
		"A hold is lifted by the role that it names.\n\n" +
		"| rule | says | severity | unbound | pack value | who can do something about it |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range dosing.Rules() {
		var by []string
		for _, role := range r.ClearedBy {
			by = append(by, string(role))
		}
		value := ""
		if r.Value != "" {
			value = "`" + r.Value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", r.ID, r.Says, r.Severity, r.Unbound, value, strings.Join(by, ", "))
	}
	return b.String()
}

func TestRulesAreDistinctAndCopied(t *testing.T) {
	seen := make(map[dosing.RuleID]bool)
	for _, r := range dosing.Rules() {
		if seen[r.ID] || r.Says == "" || (r.Value == "") != (r.Unbound == "") {
			t.Errorf("rule %+v", r)
		}
		seen[r.ID] = true
		for i := range r.ClearedBy {
			r.ClearedBy[i] = "spoiled"
		}
	}
	for _, r := range dosing.Rules() {
		if slices.Contains(r.ClearedBy, "spoiled") {
			t.Errorf("%s: the book itself was handed out", r.ID)
		}
	}
}
