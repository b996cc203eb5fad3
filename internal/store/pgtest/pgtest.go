// Package pgtest gives tests a PostgreSQL of their own: one server per test binary, started from installed binaries,
// and for each test a database cloned from a migrated template.
//
// It works as root, by running the server as an unprivileged user. Where no PostgreSQL is installed a test is skipped,
// loudly; with REQUIRE_POSTGRES=1 it fails instead.
package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// Options tune a Server.
type Options struct {
	// Durable keeps fsync on, as a benchmark needs it.
	Durable bool
	// Settings are more of the server's own, each as name=value.
	Settings []string
	// Migrate brings the template to the schema; nil leaves it empty.
	Migrate func(ctx context.Context, databaseURL string) error
}

// Server is one private PostgreSQL. Its zero value with options is ready: the first Database starts it. Stop it from
// TestMain when the tests have run.
type Server struct {
	Options Options

	start sync.Once
	err   error
	dir   string
	lock  *os.File // held while this process lives
	cmd   *exec.Cmd
	names atomic.Int64
}

// errMissing says that no PostgreSQL is installed.
var errMissing = errors.New("no PostgreSQL: neither /usr/lib/postgresql/*/bin nor PATH has initdb and postgres")

const (
	template = "lieu_template"
	prefix   = "lieu-pg"
)

// Database returns the URL of a fresh, migrated database. The URL's login owns it. It stays until the server stops:
// dropping it would cost a checkpoint, which is more than making it.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	s.start.Do(func() { s.err = s.run() })
	if errors.Is(s.err, errMissing) && os.Getenv("REQUIRE_POSTGRES") != "1" {
		tb.Skipf("SKIPPED WITHOUT POSTGRESQL: %v", s.err)
	}
	if s.err != nil {
		tb.Fatalf("private PostgreSQL: %v", s.err)
	}
	name := fmt.Sprintf("t%d", s.names.Add(1))
	if err := s.admin("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		tb.Fatalf("private PostgreSQL: %v", err)
	}
	return s.url(name)
}

// Stop ends the server and removes its files. It does nothing when no test needed one.
func (s *Server) Stop() {
	s.start.Do(func() { s.err = errors.New("the server was stopped") })
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(os.Interrupt) // fast shutdown
		_ = s.cmd.Wait()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

func (s *Server) run() error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	// A socket's path must be short, so the directory is not the test's own. A test that was killed could not remove
	// its directory; the next one does.
	sweep(filepath.Join("/tmp", prefix+"*"))
	if s.dir, err = os.MkdirTemp("/tmp", prefix); err != nil {
		return err
	}
	if s.lock, err = claim(s.dir); err != nil {
		return err
	}
	if err := unprivilegedOwner(s.dir); err != nil {
		return err
	}
	if err := s.serve(bin); err != nil {
		return err
	}
	if err := s.admin("CREATE DATABASE " + template); err != nil {
		return err
	}
	if s.Options.Migrate == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return s.Options.Migrate(ctx, s.url(template))
}

// serve makes the cluster and starts its server.
func (s *Server) serve(bin string) error {
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "lieu", //nolint:gosec // a found binary
		"-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.Dir = s.dir
	unprivileged(initdb)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	args := []string{
		"-D", data, "-k", s.dir, "-c", "listen_addresses=", "-c", "timezone=UTC", "-c", "max_connections=200",
		"-c", "shared_buffers=64MB", "-c", "max_wal_size=4GB",
	}
	if !s.Options.Durable {
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off")
	}
	for _, more := range s.Options.Settings {
		args = append(args, "-c", more)
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), args...) //nolint:gosec // a found binary
	s.cmd.Dir = s.dir
	unprivileged(s.cmd)
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the server keeps its own handle
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := startBound(s.cmd); err != nil {
		return err
	}
	return s.await()
}

// await returns once the server answers.
func (s *Server) await() error {
	var err error
	for range 200 {
		if err = s.admin("SELECT 1"); err == nil {
			return nil
		}
		<-time.After(25 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("server does not answer: %w: %s", err, log)
}

func (s *Server) admin(statement string) error {
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is left to lose
	_, err = db.Exec(statement)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func (s *Server) url(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {s.dir}, "user": {"lieu"}, "sslmode": {"disable"}}.Encode()
}

var _ = stdlib.GetDefaultDriver // the driver that sql.Open names

// binaries finds the directory of initdb and postgres, newest version first.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	best, newest := "", -1
	for _, dir := range dirs {
		var version int
		if _, err := fmt.Sscanf(filepath.Base(filepath.Dir(dir)), "%d", &version); err == nil && version > newest && complete(dir) {
			best, newest = dir, version
		}
	}
	if best != "" {
		return best, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil && complete(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	return "", errMissing
}

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}
