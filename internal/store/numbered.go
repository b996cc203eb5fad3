package store

import (
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// numbered readies a statement whose parameters are $1, $2, … to be run as it stands. GORM's own way looks at every byte
// for a question mark, which for the statements of a dose costs as much as sending them.
func numbered(db *gorm.DB, statement string, args []any) *gorm.DB {
	if dialect(db.Name()) == postgresql {
		native(args)
	}
	tx := db.Raw("")
	tx.Statement.SQL.WriteString(statement)
	tx.Statement.Vars = args
	return tx
}

// numberedRow runs a numbered statement that returns one row and reads it. No row is fault.NotFound.
func numberedRow(db *gorm.DB, statement string, args []any, into ...any) error {
	tx := numbered(db, statement, args)
	r := tx.Row()
	if r == nil {
		return fmt.Errorf("statement did not run: %w", tx.Error)
	}
	err := r.Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return gorm.ErrRecordNotFound
	}
	return err
}

// execNumbered runs a numbered statement and returns how many rows it touched.
func (t *Tx) execNumbered(statement string, args []any) (int64, error) {
	tx := numbered(t.db, statement, args)
	tx = tx.Callback().Raw().Execute(tx)
	return tx.RowsAffected, tx.Error
}

// native replaces the values of our own types by those that PostgreSQL's driver encodes directly. Left as they are it takes
// their text, fails to encode that, and parses it back before it sends it.
func native(args []any) {
	for i, a := range args {
		switch v := a.(type) {
		case calendar.Instant:
			args[i] = unless(v.IsZero(), v.Time())
		case calendar.Day:
			args[i] = unless(v.IsZero(), v.Midnight())
		case ref:
			args[i] = unless(v == "", string(v))
		}
	}
}

// unless is NULL when empty.
func unless[T any](empty bool, v T) any {
	if empty {
		return nil
	}
	return v
}
