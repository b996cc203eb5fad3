package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/migrations"
)

// Migrate brings the database to this program's schema and returns the names of the files it applied. On PostgreSQL it
// runs as the login of the URL, which owns the tables; several starters wait for one another. A missing SQLite file is
// made.
func Migrate(ctx context.Context, databaseURL string) (applied []string, err error) {
	db, d, err := openOwner(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := db.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("database: %w", cerr)
		}
	}()
	p, err := provider(db, d)
	if err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	if err != nil {
		return applied, fmt.Errorf("migrations: %w", err)
	}
	return applied, nil
}

func openOwner(ctx context.Context, databaseURL string) (*sql.DB, dialect, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, "", fault.New(fault.Invalid, "database.url", "database URL does not parse")
	}
	switch u.Scheme {
	case "sqlite":
		db, err := createSQLite(ctx, u)
		return db, sqlite, err
	case "postgres", "postgresql":
		cfg, err := pgx.ParseConfig(databaseURL)
		if err != nil {
			return nil, "", fault.New(fault.Invalid, "database.url", "PostgreSQL URL does not parse")
		}
		return stdlib.OpenDB(*cfg), postgresql, nil
	default:
		return nil, "", fault.New(fault.Invalid, "database.url", "database URL of scheme %q: sqlite or postgres is known", u.Scheme)
	}
}

// createSQLite opens the file, making it when missing, and puts it in WAL mode, which the file remembers.
func createSQLite(ctx context.Context, u *url.URL) (*sql.DB, error) {
	path, err := sqlitePath(u)
	if err != nil {
		return nil, err
	}
	db, err := driver.Open(sqliteTimeDSN(path, "rwc", "auto", false))
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = wal").Scan(&mode); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := checkSQLite(ctx, db); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func provider(db *sql.DB, d dialect) (*goose.Provider, error) {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	engine, files := goose.DialectSQLite3, migrations.SQLite()
	if d == postgresql {
		engine, files = goose.DialectPostgres, migrations.Postgres()
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // look every second
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(engine, db, files, options...)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}

// pending counts the embedded migrations above a version.
func pending(d dialect, applied int64) (n int, err error) {
	p, err := provider(new(sql.DB), d)
	if err != nil {
		return 0, err
	}
	known := false
	for _, src := range p.ListSources() {
		known = known || src.Version == applied
		if src.Version > applied {
			n++
		}
	}
	if n == 0 && !known {
		n = 1
	}
	return n, nil
}
