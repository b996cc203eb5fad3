package station

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// signedTail is how many of the newest signatures are checked each time the journal is opened. Links are checked for
// every row, and each link covers all the rows before it, so a changed record is found however old it is; the
// signature of an old record is checked by [VerifyJournal]. It keeps a start after years under a few seconds.
const signedTail = 10_000

// RowError names the first row of a journal that does not check out.
type RowError struct {
	Seq int64
	Err error
}

func (e *RowError) Error() string { return fmt.Sprintf("event %d: %s", e.Seq, e.Err) }

func (e *RowError) Unwrap() error { return e.Err }

// Summary is what a check found.
type Summary struct {
	Station     string
	Seq         int64 // of the last event
	Hash        string
	Dispensings map[Step]int
}

// VerifyJournal checks every row and every signature of a journal that no daemon has open. It needs no private key and
// takes the public key of the journal itself when key is nil.
func VerifyJournal(ctx context.Context, path string, key ed25519.PublicKey) (Summary, error) {
	db, err := openDB(ctx, path)
	if err != nil {
		return Summary{}, fmt.Errorf("journal %s: %w", path, err)
	}
	defer func() { _ = db.Close() }() // it was only read
	o, err := readOwner(ctx, db)
	if err != nil {
		return Summary{}, fmt.Errorf("journal %s: %w", path, err)
	}
	if key != nil && !o.key.Equal(key) {
		return Summary{}, fmt.Errorf("journal %s: %w", path, ErrForeign)
	}
	sum, err := check(ctx, db, o, 0)
	if err != nil {
		return sum, fmt.Errorf("journal %s: %w", path, err)
	}
	return sum, nil
}

// check reads the events in order: numbers without gaps, links, the newest tail signatures (all of them when tail is
// 0), and steps that follow each other. Then the table of dispensings must say what the events say.
func check(ctx context.Context, db *sql.DB, o owner, tail int64) (Summary, error) {
	var last int64
	if err := db.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM events`).Scan(&last); err != nil {
		return Summary{}, fmt.Errorf("last event: %w", err)
	}
	w := walk{owner: o, signedFrom: 1, seq: o.start.Seq, hash: o.start.Hash, at: map[string]place{}, prints: map[string]place{}}
	if tail > 0 {
		w.signedFrom = last - tail + 1
	}
	if err := w.events(ctx, db); err != nil {
		return Summary{Station: o.station, Seq: w.seq, Hash: w.hash}, err
	}
	if o.acked > w.seq {
		return Summary{}, fmt.Errorf("%w: event %d was acknowledged and is missing", stationlog.ErrGap, o.acked)
	}
	if err := w.table(ctx, db, "dispensing", w.at); err != nil {
		return Summary{}, err
	}
	if err := w.table(ctx, db, "print", w.prints); err != nil {
		return Summary{}, err
	}
	sum := Summary{Station: o.station, Seq: w.seq, Hash: w.hash, Dispensings: map[Step]int{}}
	for p := range maps.Values(w.at) {
		sum.Dispensings[p.step]++
	}
	return sum, nil
}

// place is where the events say a dispensing stands, and the event that says so.
type place struct {
	step Step
	seq  int64
}

type walk struct {
	owner      owner
	signedFrom int64
	seq        int64
	hash       string
	at         map[string]place // dispensings
	prints     map[string]place
}

func (w *walk) events(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT seq, hash, payload, signature FROM events ORDER BY seq`)
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below has the error
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Seq, &e.Hash, &e.Record.Payload, &e.Record.Signature); err != nil {
			return &RowError{w.seq + 1, err}
		}
		if err := w.event(e); err != nil {
			return &RowError{e.Seq, err}
		}
	}
	return rows.Err()
}

// event checks one row against the one before.
func (w *walk) event(e Entry) error {
	r, err := w.open(e)
	if err != nil {
		return err
	}
	if r.Seq != e.Seq || r.Station != w.owner.station || e.Hash != e.Record.Hash() {
		return fmt.Errorf("%w: row and record differ", stationlog.ErrMalformed)
	}
	if err := r.Follows(w.seq, w.hash); err != nil {
		return err
	}
	if err := w.step(r); err != nil {
		return err
	}
	w.seq, w.hash = e.Seq, e.Hash
	return nil
}

func (w *walk) open(e Entry) (stationlog.Record, error) {
	if e.Seq >= w.signedFrom {
		return e.Record.Open(w.owner.key)
	}
	var r stationlog.Record
	if err := json.Unmarshal(e.Record.Payload, &r); err != nil {
		return stationlog.Record{}, fmt.Errorf("%w: %w", stationlog.ErrMalformed, err)
	}
	return r, nil
}

func (w *walk) step(r stationlog.Record) error {
	if isPrint(r.Kind) {
		return w.printStep(r)
	}
	to, isStep := stepOf(r.Kind)
	if !isStep {
		return nil
	}
	var body struct {
		Dispensing string `json:"dispensing"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return fmt.Errorf("%w: %w", stationlog.ErrMalformed, err)
	}
	from := w.at[body.Dispensing].step
	if body.Dispensing == "" || !slices.Contains(steps[from], to) {
		return fmt.Errorf("%w: %s after %q for dispensing %s", ErrStep, to, from, body.Dispensing)
	}
	w.at[body.Dispensing] = place{to, r.Seq}
	return nil
}

// table compares a table, which decides what may be poured or printed, with what the events say. A row that was taken
// out would let an order be carried out twice.
func (w *walk) table(ctx context.Context, db *sql.DB, noun string, at map[string]place) error {
	rows, err := db.QueryContext(ctx, `SELECT id, step, seq FROM `+noun+`s`) //nolint:gosec // one of two words of this package
	if err != nil {
		return fmt.Errorf("%ss: %w", noun, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below has the error
	found := 0
	for rows.Next() {
		var id string
		var p place
		if err := rows.Scan(&id, &p.step, &p.seq); err != nil {
			return fmt.Errorf("%ss: %w", noun, err)
		}
		if at[id] != p {
			return &RowError{p.seq, fmt.Errorf("%w: %s %s is kept as %q", ErrStep, noun, id, p.step)}
		}
		found++
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%ss: %w", noun, err)
	}
	if found != len(at) {
		return errors.Join(ErrStep, fmt.Errorf("%d %ss in the table, %d in the events", found, noun, len(at)))
	}
	return nil
}
