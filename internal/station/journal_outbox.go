package station

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// After returns events that follow the one numbered seq, in order: at most limit, and no more than fit into size bytes
// of payload and signature, but always at least one when there is one.
func (j *Journal) After(ctx context.Context, seq int64, limit, size int) ([]Entry, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT seq, hash, payload, signature FROM events WHERE seq > ? ORDER BY seq LIMIT ?`,
		seq, limit)
	if err != nil {
		return nil, fmt.Errorf("events after %d: %w", seq, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below has the error
	var batch []Entry
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Seq, &e.Hash, &e.Record.Payload, &e.Record.Signature); err != nil {
			return nil, fmt.Errorf("events after %d: %w", seq, err)
		}
		size -= len(e.Record.Payload) + len(e.Record.Signature)
		if size < 0 && len(batch) > 0 {
			break
		}
		batch = append(batch, e)
	}
	return batch, rows.Err()
}

// HashAt returns the hash of one event, also of the one that the journal began after; "" when there is no such event.
func (j *Journal) HashAt(ctx context.Context, seq int64) (string, error) {
	if seq == j.start.Seq {
		return j.start.Hash, nil
	}
	var hash string
	err := j.db.QueryRowContext(ctx, `SELECT hash FROM events WHERE seq = ?`, seq).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("event %d: %w", seq, err)
	}
	return hash, nil
}

// Acknowledged returns the number of the last event the server is known to have kept.
func (j *Journal) Acknowledged() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.acked
}

// Acknowledge moves the mark to seq, also backwards: a server that was restored from a backup is sent again what it
// lost. Events stay in the journal either way.
func (j *Journal) Acknowledge(ctx context.Context, seq int64) error {
	return j.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if seq < j.start.Seq || seq > j.seq {
			return fmt.Errorf("acknowledged event %d of %d: %w", seq, j.seq, ErrStep)
		}
		_, err := tx.ExecContext(ctx, `UPDATE station SET acknowledged = ?`, seq)
		return err
	}, func() { j.acked = seq })
}

// Backlog returns how many events the server is not known to have kept and when the oldest of them happened; the zero
// time when there are none.
func (j *Journal) Backlog(ctx context.Context) (n int64, oldest time.Time, err error) {
	j.mu.Lock()
	n, acked := j.seq-j.acked, j.acked
	j.mu.Unlock()
	if n == 0 {
		return 0, time.Time{}, nil
	}
	batch, err := j.After(ctx, acked, 1, 0)
	if err != nil || len(batch) == 0 {
		return n, time.Time{}, err
	}
	var r stationlog.Record
	if err := json.Unmarshal(batch[0].Record.Payload, &r); err != nil {
		return n, time.Time{}, fmt.Errorf("event %d: %w", batch[0].Seq, err)
	}
	return n, r.Occurred, nil
}
