package id_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
)

type noun string

// Ids made one after another sort in that order, which keeps an index's new rows together.
func TestNewIsVersion7AndAscends(t *testing.T) {
	ids := make([]noun, 1000)
	for i := range ids {
		ids[i] = id.New[noun]()
		u, err := uuid.Parse(string(ids[i]))
		if err != nil || u.Version() != 7 || u.String() != string(ids[i]) {
			t.Fatalf("%s: version %d, %v", ids[i], u.Version(), err)
		}
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("not ascending and distinct")
	}
}

func TestParse(t *testing.T) {
	fresh := id.New[noun]()
	for _, text := range []string{string(fresh), strings.ToUpper(string(fresh))} {
		if got, err := id.Parse[noun](text); err != nil || got != fresh {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "x", strings.ReplaceAll(string(fresh), "-", ""), "{" + string(fresh) + "}", "urn:uuid:" + string(fresh),
		string(fresh) + " ", string(fresh)[:35], string(fresh)[:35] + "g", strings.Replace(string(fresh), "-", "_", 1),
	} {
		if got, err := id.Parse[noun](text); !fault.Is(err, fault.Invalid) || got != "" {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0192f0c1-2b3c-7d4e-8f50-112233445566")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := id.Parse[noun](text)
		if err == nil && string(got) != strings.ToLower(text) {
			t.Errorf("%q is %q", text, got)
		}
	})
}
