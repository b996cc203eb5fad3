package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// appRole is the role without rights to change or remove records. Migrations make it; the server's login is a member.
const appRole = "lieu_app"

// minPostgres is the oldest server that is supported, as server_version_num.
const minPostgres = 140000

// connOptions lets tests watch the wire.
type connOptions struct {
	configure func(*pgx.ConnConfig)
}

func (s *Store) openPostgres(ctx context.Context, databaseURL string, o Options) error {
	s.dialect = postgresql
	main, err := s.pool(databaseURL, o, o.Pool, map[string]string{
		"statement_timeout": "15s",
		"lock_timeout":      "10s",
		// The dose statements are long and always of the same shape: planning them anew costs more than running them.
		"plan_cache_mode":    "force_generic_plan",
		"jit":                "off",
		"synchronous_commit": "on",
	})
	if err != nil {
		return err
	}
	if err := checkPostgres(ctx, main, o.Logger); err != nil {
		return err
	}
	if s.write, err = o.gorm(postgres.New(postgres.Config{Conn: main}), main); err != nil {
		return err
	}
	s.read = s.write
	reports, err := s.pool(databaseURL, o, 4, map[string]string{
		"statement_timeout":               "120s",
		"lock_timeout":                    "5s",
		"default_transaction_read_only":   "on",
		"max_parallel_workers_per_gather": "0", // a report must not take the cores from the windows
		"jit":                             "off",
	})
	if err != nil {
		return err
	}
	s.report, err = o.gorm(postgres.New(postgres.Config{Conn: reports}), reports)
	return err
}

// pool opens a pool whose connections run as the application role.
func (s *Store) pool(databaseURL string, o Options, size int, settings map[string]string) (*sql.DB, error) {
	cfg, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fault.New(fault.Invalid, "database.url", "PostgreSQL URL does not parse") // err may hold the password
	}
	cfg.RuntimeParams["application_name"] = "clinicd"
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "60s"
	for name, value := range settings {
		cfg.RuntimeParams[name] = value
	}
	if o.conn.configure != nil {
		o.conn.configure(cfg)
	}
	db := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET ROLE "+appRole)
		return err
	}))
	s.closers = append(s.closers, db)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(30 * time.Minute)
	return db, nil
}

// checkPostgres connects, and looks at what would make a commit unsafe.
func checkPostgres(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	var version int
	var fsync, role string
	err := db.QueryRowContext(ctx,
		"SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_user::text").Scan(&version, &fsync, &role)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "22023" {
		return fault.New(fault.Unavailable, "database.schema", "database: role %s is missing: run the migrations first", appRole)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "database.down", "database: %w", err)
	}
	if version < minPostgres {
		return fault.New(fault.Internal, "database.version", "PostgreSQL %d: 14 or newer is needed", version)
	}
	if role != appRole {
		return fault.New(fault.Internal, "database.role", "connected as %s, not as %s", role, appRole)
	}
	if fsync != "on" {
		log.WarnContext(ctx, "PostgreSQL runs with fsync off: a power cut loses doses")
	}
	return nil
}
