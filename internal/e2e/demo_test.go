package e2e

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/demo"
	"github.com/lieu-clinic/lieu/internal/store"
)

// The newcomer's first minutes: a province is made, the real programs start, the window doses by itself, Ctrl-C ends it
// all, the record verifies, and the next start goes on from there.
func TestDemonstration(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	c := demo.Config{
		Dir: dir, Listen: "127.0.0.1:0", Programs: filepath.Dir(program(t, "clinicd")), Patients: 40, Seed: 3, Auto: 2, Now: time.Now,
	}
	first := demonstrate(t, c, "has served its patients", nil)
	require.Contains(t, first, "Making a fictional province")
	require.NotContains(t, first, "has served its patients: 0 doses")

	db, err := store.Open(t.Context(), "sqlite://"+filepath.Join(dir, "lieu.db"), store.Options{})
	require.NoError(t, err)
	require.NoError(t, db.Verify(t.Context(), func(f store.Finding) { t.Error(f) }))
	require.NoError(t, db.Close())

	c.Auto = 0
	second := demonstrate(t, c, "Ctrl-C ends it", func(url string) {
		t.Run("Pages", func(t *testing.T) { everyPageOf(t, url) })
	})
	require.NotContains(t, second, "Making a fictional province")
}

// address is where the demonstration says it is.
var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// demonstrate runs a demonstration until it has said something, does something with it, ends it, and returns all it said.
func demonstrate(t *testing.T, c demo.Config, until string, with func(url string)) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said := &output{}
	c.Out = said
	ended := make(chan error, 1)
	go func() { ended <- demo.Run(ctx, c) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(3 * time.Minute)
	for !strings.Contains(said.String(), until) {
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("it ended by itself: %v\n%s", err, said)
		case <-limit:
			t.Fatalf("it never said %q:\n%s", until, said)
		}
	}
	if with != nil {
		with(address.FindString(said.String()))
	}
	stop()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatalf("it still works ten seconds after it was stopped:\n%s", said)
	}
	return said.String()
}
