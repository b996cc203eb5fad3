package store

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/lieu-clinic/lieu/internal/store/pgtest"
)

var server = &pgtest.Server{Options: pgtest.Options{Migrate: func(ctx context.Context, url string) error {
	_, err := Migrate(ctx, url)
	return err
}}}

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// onBoth runs a test on either engine.
func onBoth(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, sqliteURL(t), Options{}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, server.Database(t), Options{}))
	})
}

func onPostgres(t *testing.T, o Options) *Store {
	t.Helper()
	return open(t, server.Database(t), o)
}

func sqliteURL(t testing.TB) string {
	t.Helper()
	url := "sqlite://" + filepath.Join(t.TempDir(), "lieu.db")
	if _, err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return url
}

func open(t testing.TB, url string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
