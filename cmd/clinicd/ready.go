package main

import (
	"context"
	"net/url"
	"path/filepath"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
)

// Limits of being ready.
const (
	leastDisk   = 200 << 20       // bytes free beside a SQLite database: some weeks of a large clinic
	clockBehind = 2 * time.Minute // how far the clock may be behind the newest record
)

// record is what readiness asks of the store.
type record interface {
	Ready(ctx context.Context) error
	LastRecorded(ctx context.Context) (calendar.Instant, error)
}

// readiness checks what a dose needs of this machine: the database with its schema, room on the disk, and a clock that
// has not gone back behind the record. folder is that of a SQLite database, "" for none.
func readiness(db record, folder string, now func() time.Time) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := db.Ready(ctx); err != nil {
			return err
		}
		if free, known := freeBytes(folder); known && free < leastDisk {
			return fault.New(fault.Unavailable, "disk.full", "%d MB are left on the disk of the database", free>>20)
		}
		last, err := db.LastRecorded(ctx)
		if err != nil {
			return fault.New(fault.Unavailable, "database.down", "newest record: %w", err)
		}
		if at := calendar.At(now()); last.Sub(at) > clockBehind {
			return fault.New(fault.Unavailable, "clock.behind", "the clock is %s behind the newest record", last.Sub(at))
		}
		return nil
	}
}

// folderOf is where a SQLite database lies; "" for another engine.
func folderOf(database string) string {
	u, err := url.Parse(database)
	if err != nil || u.Scheme != "sqlite" {
		return ""
	}
	return filepath.Dir(u.Path)
}
