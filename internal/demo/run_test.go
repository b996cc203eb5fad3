package demo

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFolderWithSomethingElseIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	letter := filepath.Join(dir, "letter.txt")
	if err := os.WriteFile(letter, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Config{Dir: dir, Fresh: true, Out: &heard{}})
	if err == nil || !strings.Contains(err.Error(), "left alone") {
		t.Fatalf("Run = %v, want a word that the folder was left alone", err)
	}
	if text, err := os.ReadFile(letter); err != nil || string(text) != "dear" {
		t.Errorf("the letter says %q, %v", text, err)
	}
}

func TestOneDemonstrationAtATime(t *testing.T) {
	lock := filepath.Join(t.TempDir(), "lock")
	release, err := attach(lock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := attach(lock); err == nil {
		t.Error("two demonstrations work in one folder")
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	again, err := attach(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
}

// What a broken-off start left is thrown away; what was told to its end is kept.
func TestOnlyAToldStoryIsKept(t *testing.T) {
	for name, test := range map[string]struct {
		m     Marker
		fresh bool
		kept  bool
	}{
		"told":                 {Marker{Seed: 1, FirstDay: 10, Told: 9}, false, true},
		"broken off":           {Marker{Seed: 1, FirstDay: 10}, false, false},
		"told, but not wanted": {Marker{Seed: 1, FirstDay: 10, Told: 9}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := run{Config: Config{Dir: t.TempDir(), Fresh: test.fresh}}
			if err := test.m.Write(r.Dir); err != nil {
				t.Fatal(err)
			}
			if err := r.clear(); err != nil {
				t.Fatal(err)
			}
			if _, kept, err := ReadMarker(r.Dir); err != nil || kept != test.kept {
				t.Errorf("kept %t, %v; want %t", kept, err, test.kept)
			}
		})
	}
}

func TestATakenPortIsPassedBy(t *testing.T) {
	first, err := free(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := hold(t, first)
	next, err := free(t.Context(), taken)
	if err != nil {
		t.Fatal(err)
	}
	if next == taken {
		t.Errorf("%s is taken and was given out", next)
	}
}
func hold(t *testing.T, address string) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
