package store

import (
	"bytes"
	"context"

	"gorm.io/gorm/clause"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// metaRow is something that is true of the database itself, such as whether its clinics are fictional.
type metaRow struct {
	Name  string `gorm:"primaryKey"`
	Value []byte
}

func (metaRow) TableName() string { return "meta" }

// Meta reads one value about the database. fault.NotFound when it was never set.
func (s *Store) Meta(ctx context.Context, name string) ([]byte, error) {
	r, err := take[metaRow](s.read.WithContext(ctx), "meta", "name = ?", name)
	return r.Value, err
}

// Mark sets a value about the database once. Setting it again to the same bytes changes nothing; to others is
// fault.Conflict.
func (s *Store) Mark(ctx context.Context, name string, value []byte) error {
	return s.inTx(ctx, "", func(t *Tx) error {
		r := metaRow{Name: name, Value: value}
		if err := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&r).Error; err != nil {
			return mapError(err)
		}
		kept, err := take[metaRow](t.db, "meta", "name = ?", name)
		if err != nil {
			return err
		}
		if !bytes.Equal(kept.Value, value) {
			return fault.New(fault.Conflict, "meta.set", "%s of the database is set to something else", name)
		}
		return nil
	})
}
