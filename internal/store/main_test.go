package store

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/lieu-clinic/lieu/internal/store/pgtest"
)

var server = &pgtest.Server{Options: pgtest.Options{Migrate: func(ctx context.Context, url string) error {
	_, err := Migrate(ctx, url)
	return err
}}}

// bare makes databases without a schema.
var bare = &pgtest.Server{}

func TestMain(m *testing.M) {
	code := m.Run()
	server.Stop()
	bare.Stop()
	durable.Stop()
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
	path := filepath.Join(t.TempDir(), "lieu.db")
	file, err := migrated()
	must(t, err)
	must(t, os.WriteFile(path, file, 0o600))
	return "sqlite://" + path
}

// migrated is an empty SQLite database with the schema. It was closed, so it is one file.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "lieu-sqlite")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	path := filepath.Join(dir, "template.db")
	if _, err := Migrate(context.Background(), "sqlite://"+path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

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
