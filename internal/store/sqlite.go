package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/gormlite"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// minSQLite is the first version without the WAL-reset bug (sqlite.org/wal.html), which corrupts a database that two
// connections write and checkpoint at once.
const minSQLite = 3_051_003

// readers bounds the pool of connections that only read.
const readers = 4

// pageCache bounds the pages a connection keeps, in KiB. The file is in the system's memory besides, so a larger one would
// hold the same pages once more for each reader.
const pageCache = 4000

// openSQLite opens one connection that writes and a pool that only reads. With several writers SQLite makes some of
// them wait for seconds; with one, the Go scheduler queues them.
func (s *Store) openSQLite(ctx context.Context, u *url.URL, o Options) (err error) {
	s.dialect = sqlite
	path, err := sqlitePath(u)
	if err != nil {
		return err
	}
	writer, err := driver.Open(sqliteDSN(path, "rw", false))
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	s.closers = append(s.closers, writer)
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	if err := checkSQLite(ctx, writer); err != nil {
		return err
	}
	if s.write, err = o.gorm(gormlite.OpenDB(writer), writer); err != nil {
		return err
	}
	s.read, s.report = s.write, s.write
	if runtime.GOOS == "windows" {
		return nil // pooled WAL connections have corrupted files there (go-sqlite3 issue 404)
	}
	pool, err := driver.Open(sqliteDSN(path, "ro", true))
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	s.closers = append(s.closers, pool)
	pool.SetMaxOpenConns(readers)
	pool.SetMaxIdleConns(readers)
	if s.read, err = o.gorm(gormlite.OpenDB(pool), pool); err != nil {
		return err
	}
	s.report = s.read
	return nil
}

func sqlitePath(u *url.URL) (string, error) {
	if u.Host != "" || u.Path == "" || u.Opaque != "" {
		return "", fault.New(fault.Invalid, "database.url", "SQLite URL must be sqlite:///absolute/path")
	}
	return filepath.Clean(u.Path), nil
}

// sqliteDSN names the file with the settings of every connection. synchronous FULL (2) syncs each commit; recursive
// triggers make REPLACE fire the triggers that refuse deletion.
func sqliteDSN(path, mode string, readOnly bool) string {
	return sqliteTimeDSN(path, mode, "2006-01-02T15:04:05.000000Z07:00", readOnly)
}

// sqliteTimeDSN names the format of times too: the table of migrations is goose's own, and writes them differently.
func sqliteTimeDSN(path, mode, timeFormat string, readOnly bool) string {
	q := url.Values{
		"mode":     {mode},
		"_txlock":  {"immediate"},
		"_timefmt": {timeFormat},
		"_pragma": {
			"busy_timeout(5000)", "foreign_keys(1)", "synchronous(2)", "recursive_triggers(1)", "trusted_schema(0)",
			fmt.Sprintf("cache_size(-%d)", pageCache),
		},
	}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// checkSQLite reads the settings back. A file that is not in WAL mode was made by something else, or lies on a file
// system that cannot do it.
func checkSQLite(ctx context.Context, db *sql.DB) error {
	var version string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if sqliteVersion(version) < minSQLite {
		return fault.New(fault.Internal, "database.version", "SQLite %s: 3.51.3 or newer is needed", version)
	}
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "recursive_triggers": "1",
	} {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
			return fmt.Errorf("database: %s: %w", pragma, err)
		}
		if got != want {
			return fault.New(fault.Internal, "database.settings", "SQLite %s is %s, not %s: commits would not be safe", pragma, got, want)
		}
	}
	return nil
}

// sqliteVersion turns "3.51.3" into 3051003, and anything else into 0.
func sqliteVersion(s string) int {
	n := 0
	for part := range strings.SplitSeq(s, ".") {
		v, err := strconv.Atoi(part)
		if err != nil {
			return 0
		}
		n = n*1000 + v
	}
	return n
}
