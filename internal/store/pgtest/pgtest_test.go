package pgtest

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Two databases of one server do not see each other, and nothing is left when it stops.
func TestServer(t *testing.T) {
	var s Server
	defer s.Stop()
	a, b := connect(t, s.Database(t)), connect(t, s.Database(t))
	if _, err := a.ExecContext(t.Context(), "CREATE TABLE mine (x int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ExecContext(t.Context(), "SELECT * FROM mine"); err == nil {
		t.Error("the second database sees the first one's table")
	}
	dir, process := s.dir, s.cmd
	s.Stop()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there", dir)
	}
	if process.ProcessState == nil {
		t.Error("the server still runs")
	}
}

func connect(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// helper names the environment variable that makes this binary stand for a test that is killed.
const helper = "PGTEST_KILLED"

// A test that is killed leaves no server behind, and its directory goes with the next one.
func TestKilled(t *testing.T) {
	if os.Getenv(helper) != "" {
		var s Server
		s.Database(t)
		if err := os.WriteFile(os.Getenv(helper), []byte(s.dir), 0o600); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	if _, err := binaries(); err != nil {
		t.Skip(err)
	}
	note := filepath.Join(t.TempDir(), "dir")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), helper+"="+note)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	dir := await(t, func() (string, bool) { b, err := os.ReadFile(note); return string(b), err == nil && len(b) > 0 })
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	await(t, func() (string, bool) {
		_, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid"))
		return "", os.IsNotExist(err)
	})
	sweep(dir)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there", dir)
	}
}

func await(t *testing.T, done func() (string, bool)) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		if what, ok := done(); ok {
			return what
		}
	}
	t.Fatal("nothing happened")
	return ""
}
