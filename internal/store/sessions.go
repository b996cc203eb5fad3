package store

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

type sessionRow struct {
	Token  string `gorm:"primaryKey"`
	Data   []byte
	Expiry calendar.Instant
}

func (sessionRow) TableName() string { return "session" }

// Sessions keeps signed-in browsers. It has the methods of scs's store with a context; scs hands it the hash of a token
// when HashTokenInStore is set.
type Sessions struct {
	s   *Store
	now func() time.Time
}

// Sessions returns the store of sessions. now decides which have expired.
func (s *Store) Sessions(now func() time.Time) *Sessions { return &Sessions{s: s, now: now} }

// FindCtx returns the data of a session that has not expired.
func (x *Sessions) FindCtx(ctx context.Context, token string) (data []byte, ok bool, err error) {
	rows, err := list[sessionRow](x.s.read.WithContext(ctx).
		Where("token = ? AND expiry > ?", token, calendar.At(x.now())))
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	return rows[0].Data, true, nil
}

// CommitCtx adds a session or replaces its data and expiry.
func (x *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	r := sessionRow{Token: token, Data: data, Expiry: calendar.At(expiry)}
	return mapError(x.s.write.WithContext(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "token"}},
		DoUpdates: clause.AssignmentColumns([]string{"data", "expiry"}),
	}).Create(&r).Error)
}

// DeleteCtx ends a session; an unknown one is no error.
func (x *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return mapError(x.s.write.WithContext(ctx).Where("token = ?", token).Delete(&sessionRow{}).Error)
}

// Sweep removes the sessions that have expired and returns how many.
func (x *Sessions) Sweep(ctx context.Context) (int64, error) {
	r := x.s.write.WithContext(ctx).Where("expiry <= ?", calendar.At(x.now())).Delete(&sessionRow{})
	return r.RowsAffected, mapError(r.Error)
}

// Find, Commit and Delete are scs's methods without a context, which scs calls only on stores that lack the others.

// Find is FindCtx without a context.
func (x *Sessions) Find(token string) ([]byte, bool, error) {
	return x.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (x *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return x.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (x *Sessions) Delete(token string) error { return x.DeleteCtx(context.Background(), token) }
