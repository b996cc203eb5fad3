package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
)

// Options tune a Store; the zero value works.
type Options struct {
	Logger *slog.Logger  // slow statements and retries, without their values; nil: nowhere
	Slow   time.Duration // a statement above this is logged; 0: 200 ms
	Pool   int           // connections to PostgreSQL; 0: 16
	// conn lets a test watch the wire.
	conn connOptions
}

// Store is the one repository. It is safe for concurrent use.
type Store struct {
	dialect dialect
	log     *slog.Logger
	q       statements

	write   *gorm.DB // transactions
	read    *gorm.DB // single reads; on SQLite a pool that cannot write
	report  *gorm.DB // lists and sweeps that may take long
	closers []*sql.DB

	mu    sync.RWMutex
	zones map[clinic.ID]calendar.Calendar // without closures; zone and cut-over never change
}

// Open connects to the database that the URL names: sqlite:///var/lib/lieu/lieu.db or postgres://…. The schema must have
// been made by [Migrate]. It refuses a database whose settings could lose a committed dose.
func Open(ctx context.Context, databaseURL string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Slow == 0 {
		o.Slow = 200 * time.Millisecond
	}
	if o.Pool == 0 {
		o.Pool = 16
	}
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, fault.New(fault.Invalid, "database.url", "database URL does not parse") // the text may hold a password
	}
	s := &Store{log: o.Logger, zones: map[clinic.ID]calendar.Calendar{}}
	switch u.Scheme {
	case "sqlite":
		err = s.openSQLite(ctx, u, o)
	case "postgres", "postgresql":
		err = s.openPostgres(ctx, databaseURL, o)
	default:
		err = fault.New(fault.Invalid, "database.url", "database URL of scheme %q: sqlite or postgres is known", u.Scheme)
	}
	if err == nil {
		s.q, err = prepareStatements(s.dialect)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Engine names the database engine, "sqlite" or "postgres".
func (s *Store) Engine() string { return string(s.dialect) }

// Close closes every connection.
func (s *Store) Close() error {
	var first error
	for _, db := range s.closers {
		if err := db.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Stats returns the state of the pool that transactions use.
func (s *Store) Stats() sql.DBStats {
	db, err := s.write.DB()
	if err != nil {
		return sql.DBStats{}
	}
	return db.Stats()
}

// Ready reports whether the database answers and has this program's schema. fault.Unavailable when not.
func (s *Store) Ready(ctx context.Context) error {
	n, err := s.Pending(ctx)
	if err != nil {
		return fault.New(fault.Unavailable, "database.down", "database: %w", err)
	}
	if n != 0 {
		return fault.New(fault.Unavailable, "database.schema", "schema: %d migrations are missing or unknown", n)
	}
	return nil
}

// LastRecorded returns when the newest audit event of any clinic was recorded; zero for an empty record.
func (s *Store) LastRecorded(ctx context.Context) (at calendar.Instant, err error) {
	err = s.read.WithContext(ctx).
		Raw(`SELECT max(e.recorded) FROM audit_head h JOIN audit_event e ON e.clinic = h.clinic AND e.seq = h.seq`).
		Row().Scan(&at)
	return at, mapError(err)
}

// Pending returns how many migrations of this program the database has not had. A database that is ahead of the program
// counts as one.
func (s *Store) Pending(ctx context.Context) (int, error) {
	var applied int64
	err := s.read.WithContext(ctx).
		Raw("SELECT max(version_id) FROM goose_db_version WHERE is_applied").Row().Scan(&applied)
	if err != nil {
		return 0, fmt.Errorf("schema version: %w", err)
	}
	return pending(s.dialect, applied)
}

// gorm opens a handle with the settings that this package relies on.
//
// PrepareStmt stays off: a statement first prepared inside a transaction is closed with it and parsed again in every
// later one. TranslateError stays off: the translation drops the constraint's name, by which mapError knows it.
func (o Options) gorm(d gorm.Dialector, db *sql.DB) (*gorm.DB, error) {
	g, err := gorm.Open(d, &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		QueryFields:            true,
		NamingStrategy:         naming,
		NowFunc:                func() time.Time { return time.Time{} }, // asked for on every write, used by none: rows carry their own instants
		Logger:                 slowLogger{log: o.Logger, slow: o.Slow},
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("database: %w", err)
	}
	return g, nil
}

var naming = schema.NamingStrategy{SingularTable: true}
