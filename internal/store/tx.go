package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// Tx is one transaction of one clinic. It satisfies the Tx interface of every domain package. Audit entries are kept
// until the end and written right before COMMIT, so that the head of the clinic's chain is locked last and briefly.
type Tx struct {
	s       *Store
	db      *gorm.DB
	clinic  clinic.ID
	entries []audit.Entry
	bumped  map[patient.ID]bool // whose version this transaction has raised
}

// attempts bounds how often a transaction that the engine undid is run again.
const attempts = 8

// inTx runs fn in a transaction and commits. When the engine undid it for the sake of another one, it runs again after
// a short random wait.
func (s *Store) inTx(ctx context.Context, c clinic.ID, fn func(*Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, c, fn)
		if err == nil || !retryable(err) || attempt == attempts {
			return mapError(err)
		}
		s.log.InfoContext(ctx, "transaction runs again", slog.Int("attempt", attempt), slog.String("cause", err.Error()))
		if err := pause(ctx, attempt); err != nil {
			return mapError(err)
		}
	}
}

// pause waits up to 5 ms after the first attempt and up to twice as long after each further one.
func pause(ctx context.Context, attempt int) error {
	limit := 5 * time.Millisecond << (attempt - 1)
	timer := time.NewTimer(rand.N(limit)) //nolint:gosec // spreads load, guards nothing
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (s *Store) once(ctx context.Context, c clinic.ID, fn func(*Tx) error) error {
	committing := false
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &Tx{s: s, db: db, clinic: c}
		committing = false
		if err := fn(t); err != nil {
			return err
		}
		if err := t.flush(); err != nil {
			return err
		}
		committing = true
		return nil
	})
	if err != nil && committing && !refusedByEngine(err) {
		return fault.New(fault.Internal, "database.commit", "commit, outcome unknown: %w", err)
	}
	return err
}

// inside runs fn as a transaction for a domain package that sees its own interface of Tx.
func inside[T any](s *Store, ctx context.Context, c clinic.ID, fn func(T) error) error {
	return s.inTx(ctx, c, func(t *Tx) error {
		view, ok := any(t).(T)
		if !ok {
			return errors.New("store.Tx lacks a method of the domain's Tx") // the views' declarations rule this out
		}
		return fn(view)
	})
}

// exec runs a statement and returns how many rows it touched.
func (t *Tx) exec(statement string, args ...any) (int64, error) {
	r := t.db.Exec(statement, args...)
	return r.RowsAffected, r.Error
}

// row runs a statement that returns one row and reads it. No row is fault.NotFound.
func row(db *gorm.DB, statement string, args []any, into ...any) error {
	r := db.Raw(statement, args...).Row()
	if r == nil {
		return fmt.Errorf("statement did not run: %w", db.Error)
	}
	err := r.Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return gorm.ErrRecordNotFound
	}
	return err
}

// insert adds one row to its table.
func insert[R any](t *Tx, r R) error { return mapError(t.db.Create(&r).Error) }

// take reads the one row that the condition chooses. None is fault.NotFound, told as what was looked for.
func take[R any](db *gorm.DB, what, condition string, args ...any) (R, error) {
	var r R
	err := db.Where(condition, args...).Take(&r).Error
	return r, found(what, err)
}

// list reads every row of a query that has its conditions and order.
func list[R any](db *gorm.DB) ([]R, error) {
	var rows []R
	err := db.Find(&rows).Error
	return rows, mapError(err)
}

// errNoRow is the absence of a row, for found to tell.
var errNoRow = gorm.ErrRecordNotFound

// found says what was not found, and leaves other errors to mapError.
func found(what string, err error) error {
	err = mapError(err)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, what+".not_found", "no such %s", what)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// one checks that a statement touched exactly one row.
func one(what string, n int64, err error) error {
	if err != nil {
		return found(what, err)
	}
	if n != 1 {
		return found(what, gorm.ErrRecordNotFound)
	}
	return nil
}

// page bounds the length of a page.
func page(limit, usual, most int) int {
	if limit <= 0 {
		return usual
	}
	return min(limit, most)
}

// convert turns rows into what the domain knows.
func convert[R, D any](rows []R, err error, to func(R) D) ([]D, error) {
	if err != nil {
		return nil, err
	}
	out := make([]D, len(rows))
	for i, r := range rows {
		out[i] = to(r)
	}
	return out, nil
}
