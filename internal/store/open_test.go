package store

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/driver"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/stock"
)

func TestOpenRefuses(t *testing.T) {
	deleted := sqliteURL(t)
	u, err := url.Parse(deleted)
	must(t, err)
	db, err := driver.Open(u.Path)
	must(t, err)
	_, err = db.ExecContext(t.Context(), "PRAGMA journal_mode = delete")
	must(t, err)
	must(t, db.Close())

	for name, c := range map[string]struct{ url, key string }{
		"a journal that is not WAL": {deleted, "database.settings"},
		"another engine":            {"mysql://localhost/lieu", "database.url"},
		"a relative path":           {"sqlite://lieu.db", "database.url"},
		"no path":                   {"sqlite://", "database.url"},
		"a PostgreSQL that is not there": {
			"postgres:///lieu?host=" + t.TempDir(), "database.down",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), c.url, Options{})
			if err == nil {
				must(t, s.Close())
			}
			wantFault(t, err, c.key)
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "none.db")
		if _, err := Open(t.Context(), "sqlite://"+path, Options{}); err == nil {
			t.Error("opened")
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Error("an empty database was made")
		}
	})
	t.Run("a password in the URL is not told", func(t *testing.T) {
		_, err := Open(t.Context(), "postgres://u:geheim@localhost:badport/lieu", Options{})
		if err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("error %v", err)
		}
	})
}

func TestSQLiteVersion(t *testing.T) {
	for text, ok := range map[string]bool{"3.51.2": false, "3.51.3": true, "3.53.3": true, "4.0.0": true, "3.9.99": false, "odd": false} {
		if (sqliteVersion(text) >= minSQLite) != ok {
			t.Errorf("%s: %d", text, sqliteVersion(text))
		}
	}
}

func TestMigrateTwiceAppliesNothing(t *testing.T) {
	for engine, url := range map[string]string{"sqlite": sqliteURL(t), "postgres": server.Database(t)} {
		t.Run(engine, func(t *testing.T) {
			applied, err := Migrate(t.Context(), url)
			must(t, err)
			if len(applied) != 0 {
				t.Errorf("applied %v", applied)
			}
		})
	}
}

func TestSeveralStartersMigrateOnce(t *testing.T) {
	url := bare.Database(t)
	counts := make([]int, 3)
	errs := together(len(counts), func(i int) error {
		applied, err := Migrate(t.Context(), url)
		counts[i] = len(applied)
		return err
	})
	total := 0
	for i, err := range errs {
		must(t, err)
		total += counts[i]
	}
	s := open(t, url, Options{})
	must(t, s.Ready(t.Context()))
	if n, err := pending(postgresql, 0); err != nil || total != n {
		t.Errorf("%d files were applied, there are %d (%v)", total, n, err)
	}
}

func TestReady(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		must(t, s.Ready(t.Context()))
		must(t, s.Ping(t.Context()))
		for _, applied := range []int64{0, 3, 99} {
			if n, err := pending(s.dialect, applied); err != nil || n == 0 {
				t.Errorf("schema %d: %d pending, %v", applied, n, err)
			}
		}
		must(t, s.Close())
		if err := s.Ready(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("closed, but %v", err)
		}
	})
}

func TestUnmigratedPostgresIsNotOpened(t *testing.T) {
	url := bare.Database(t)
	s, err := Open(t.Context(), url, Options{})
	if err == nil {
		defer func() { must(t, s.Close()) }()
		err = s.Ready(t.Context())
	}
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("error %v", err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := open(t, sqliteURL(t), Options{})
	if err := s.read.Exec("DELETE FROM session").Error; err == nil {
		t.Error("the reading pool wrote")
	}
}

func TestEveryAccountHasAColumn(t *testing.T) {
	var b balanceRow
	for i, a := range stock.Accounts {
		p := b.account(a)
		if p == nil {
			t.Fatalf("account %s has no column", a)
		}
		*p = 1
		if sum := b.balance().Sum(); int(sum) != i+1 {
			t.Errorf("account %s shares a column", a)
		}
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Nguyễn Văn Đức": "nguyen van duc", "ĐẶNG  Thị Ước ": "dang thi uoc", "Trần thị Ỷ": "tran thi y", "": "", "O'Brien": "o'brien",
	} {
		if got := fold(in); got != want {
			t.Errorf("fold(%q) = %q, want %q", in, got, want)
		}
		if fold(fold(in)) != fold(in) {
			t.Errorf("fold of %q is not stable", in)
		}
	}
}

func TestLastRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		last, err := s.LastRecorded(t.Context())
		must(t, err)
		if !last.IsZero() {
			t.Fatalf("an empty record was last written at %s", last)
		}
		w := newWorld(t, s, 1, 1, 1)
		for _, at := range []calendar.Instant{eight.Add(time.Hour), eight.Add(2 * time.Hour)} {
			must(t, s.Audit().Append(t.Context(), audit.Entry{
				Clinic: w.clinic, Recorded: at, Actor: audit.System, Action: "clock.test", Subject: string(w.clinic),
			}))
			last, err = s.LastRecorded(t.Context())
			must(t, err)
			if last != at {
				t.Fatalf("last recorded %s, want %s", last, at)
			}
		}
	})
}
