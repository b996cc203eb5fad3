package station

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// schemaVersion is kept in SQLite's user_version. A journal of a later version is refused, one of an earlier is brought
// up to it.
const schemaVersion = 2

// minSQLite is the first release without the WAL-reset bug (sqlite.org/wal.html), which could corrupt a database
// that several connections write and checkpoint at once.
const minSQLite = "3.51.3"

// schema keeps records as the exact bytes that were signed. Events and dispensings are only added or moved forward;
// the triggers say so to anybody who opens the file by hand.
const schema = `
CREATE TABLE station (
	one          INTEGER PRIMARY KEY CHECK (one = 1),
	id           TEXT    NOT NULL,
	public_key   BLOB    NOT NULL,
	start_seq    INTEGER NOT NULL,
	start_hash   TEXT    NOT NULL,
	acknowledged INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
	seq       INTEGER PRIMARY KEY CHECK (seq > 0),
	hash      TEXT    NOT NULL,
	payload   BLOB    NOT NULL,
	signature BLOB    NOT NULL
) STRICT;
CREATE TABLE dispensings (
	n               INTEGER PRIMARY KEY,
	id              TEXT    NOT NULL UNIQUE,
	step            TEXT    NOT NULL CHECK (step IN ('armed', 'dispensing', 'measured', 'in_doubt', 'never_commanded')),
	seq             INTEGER NOT NULL REFERENCES events (seq),
	order_payload   BLOB    NOT NULL,
	order_signature BLOB    NOT NULL
) STRICT;
CREATE TABLE progress (
	n     INTEGER NOT NULL REFERENCES dispensings (n),
	at_us INTEGER NOT NULL,
	ul    INTEGER NOT NULL
) STRICT;
CREATE INDEX progress_n ON progress (n);
CREATE INDEX dispensings_open ON dispensings (step) WHERE step IN ('armed', 'dispensing');
CREATE TRIGGER events_kept      BEFORE DELETE ON events      BEGIN SELECT RAISE(ABORT, 'events are kept'); END;
CREATE TRIGGER events_fixed     BEFORE UPDATE ON events      BEGIN SELECT RAISE(ABORT, 'events never change'); END;
CREATE TRIGGER dispensings_kept BEFORE DELETE ON dispensings BEGIN SELECT RAISE(ABORT, 'dispensings are kept'); END;
CREATE TRIGGER dispensings_end  BEFORE UPDATE ON dispensings WHEN OLD.step NOT IN ('armed', 'dispensing')
	BEGIN SELECT RAISE(ABORT, 'this dispensing has ended'); END;
CREATE TRIGGER progress_kept    BEFORE DELETE ON progress    BEGIN SELECT RAISE(ABORT, 'progress is kept'); END;
CREATE TRIGGER progress_fixed   BEFORE UPDATE ON progress    BEGIN SELECT RAISE(ABORT, 'progress never changes'); END;
`

// printSchema came with version 2. A print is sent to the printer on the way to printing, and nothing leads back there.
const printSchema = `
CREATE TABLE prints (
	id   TEXT    PRIMARY KEY,
	step TEXT    NOT NULL CHECK (step IN ('printing', 'print_ended')),
	seq  INTEGER NOT NULL REFERENCES events (seq)
) STRICT;
CREATE INDEX prints_open ON prints (step) WHERE step = 'printing';
CREATE TRIGGER prints_kept BEFORE DELETE ON prints BEGIN SELECT RAISE(ABORT, 'prints are kept'); END;
CREATE TRIGGER prints_end  BEFORE UPDATE ON prints WHEN OLD.step <> 'printing'
	BEGIN SELECT RAISE(ABORT, 'this print has ended'); END;
`

// dataSource asks for what a journal needs. Order matters: the exclusive lock is asked for before the file is first
// read, so no shared-memory file is used and a second daemon on the same directory is refused.
func dataSource(path string) string {
	return "file:" + (uriPath(path)) + "?_txlock=immediate" +
		"&_pragma=busy_timeout(500)&_pragma=locking_mode(exclusive)" +
		"&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=foreign_keys(1)"
}

// uriPath escapes what a SQLite URI would read as its own.
func uriPath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

// checkSettings reads back what dataSource asked for. SQLite keeps quiet about a pragma it did not follow, and a
// journal on a file system without WAL would lose the record of a pour in a power cut.
func checkSettings(ctx context.Context, db *sql.DB) error {
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "locking_mode": "exclusive", "foreign_keys": "1"}
	for pragma, value := range want {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
			return fmt.Errorf("setting %s: %w", pragma, err)
		}
		if got != value {
			return fmt.Errorf("%w: %s is %q, not %q", ErrSettings, pragma, got, value)
		}
	}
	var version string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return fmt.Errorf("version of SQLite: %w", err)
	}
	if !atLeast(version, minSQLite) {
		return fmt.Errorf("%w: SQLite %s is older than %s", ErrSettings, version, minSQLite)
	}
	return nil
}

// atLeast compares dotted versions number by number. What is not a number counts as older.
func atLeast(version, floor string) bool {
	have, need := strings.Split(version, "."), strings.Split(floor, ".")
	for i := range need {
		n, _ := strconv.Atoi(need[i])
		if i >= len(have) {
			return false
		}
		h, err := strconv.Atoi(have[i])
		if err != nil || h < n {
			return false
		}
		if h > n {
			return true
		}
	}
	return true
}

// prepare creates the tables of a new journal, or adds what an older one lacks.
func prepare(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	missing := map[int]string{0: schema + printSchema, 1: printSchema, schemaVersion: ""}
	ddl, known := missing[version]
	if !known {
		return fmt.Errorf("%w: schema version %d, this program knows %d", ErrSettings, version, schemaVersion)
	}
	if ddl == "" {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to roll back after a commit
	if _, err := tx.ExecContext(ctx, ddl+fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion)); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	return tx.Commit()
}
