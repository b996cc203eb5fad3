package bench

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/store"
)

// handSQLite does by hand what the store does on SQLite, which has no functions to put statements into: the same rows,
// one transaction and one sync per step, through database/sql alone.
type handSQLite struct {
	db    *sql.DB
	texts store.Texts
}

// How many parameters the statements of the store have, which is where the arguments of a call are cut.
const (
	situationArgs = 6
	beginArgs     = 39
	lockArgs      = 2
	recordArgs    = 9
	advanceArgs   = 38
)

var beginStatements = []string{
	`INSERT INTO dispensing (id, clinic, patient, prescription, station, bottle, lot, day, part, kind, dose_ug, volume_ul,
		concentration_ug_ml, density_ug_ml, pack, pack_version, reasons, requested_by, recorded)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)`,
	`INSERT INTO dispensing_state (dispensing, clinic, patient, station, state, open, steps, pump_ul, weighed_ug,
		weighed_known, measured_ul, agreed, lease) VALUES (?1, ?2, ?3, ?5, 'reserved', 1, 1, 0, 0, 0, 0, 0, ?20)`,
	`INSERT INTO dispensing_step (dispensing, seq, clinic, kind, from_state, to_state, actor_kind, actor, witness, event,
		data, occurred, recorded) VALUES (?1, 1, ?2, 'reserved', '', 'reserved', ?21, ?22, ?23, ?24, ?25, ?26, ?27)`,
	`UPDATE patient SET version = version + 1 WHERE id = ?3 AND clinic = ?2`,
	`UPDATE ticket SET state = 'at_window', station = ?5, at_window_at = ?19
		WHERE patient = ?3 AND day = ?8 AND state IN ('arrived', 'called')`,
	`UPDATE bottle_balance SET bottle = bottle - ?12, reserved = reserved + ?12, moves = moves + 1
		WHERE id = ?6 AND clinic = ?2 AND bottle >= ?12`,
	`INSERT INTO move (id, clinic, bottle, seq, lot, from_account, to_account, amount_ul, from_after_ul, to_after_ul,
		cause, reason, occurred, recorded)
		SELECT ?28, ?2, ?6, moves, ?7, 'bottle', 'reserved', ?12, bottle, reserved, ?29, ?30, ?31, ?32
		FROM bottle_balance WHERE id = ?6`,
}

var recordStatements = []string{
	`UPDATE station SET event_seq = ?2, event_hash = ?9 WHERE id = ?1 AND clinic = ?3 AND event_seq = ?2 - 1`,
	`INSERT INTO station_record (station, seq, clinic, kind, occurred, recorded, payload, signature, hash)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
}

var advanceStatements = []string{
	`UPDATE dispensing_state SET state = ?3, open = ?4, steps = ?5, pump_ul = ?6, weighed_ug = ?7, weighed_known = ?8,
		measured_ul = ?9, agreed = ?10, handed_at = ?11, lease = ?12
		WHERE dispensing = ?1 AND clinic = ?2 AND steps = ?5 - 1 AND state = ?13`,
	`INSERT INTO dispensing_step (dispensing, seq, clinic, kind, from_state, to_state, actor_kind, actor, witness, event,
		data, occurred, recorded) VALUES (?1, ?5, ?2, ?14, ?13, ?3, ?15, ?16, ?17, ?18, ?19, ?20, ?21)`,
	`UPDATE patient SET version = version + 1 WHERE id = ?22 AND clinic = ?2`,
}

var takenStatements = []string{
	`INSERT INTO dose (patient, day, part, clinic, dispensing, mass_ug, kind, at) VALUES (?22, ?23, ?24, ?2, ?1, ?25, ?26, ?27)`,
	`UPDATE ticket SET state = 'done', done_at = ?21 WHERE patient = ?22 AND day = ?30 AND state IN ('arrived', 'called', 'at_window')`,
	`UPDATE bottle_balance SET reserved = reserved - ?9, administered = administered + ?9, moves = moves + 1 WHERE id = ?38 AND clinic = ?2`,
	`INSERT INTO move (id, clinic, bottle, seq, lot, from_account, to_account, amount_ul, from_after_ul, to_after_ul,
		cause, reason, occurred, recorded)
		SELECT json_extract(?35, '$[0].id'), ?2, id, moves, lot, 'reserved', 'administered', ?9, reserved, administered, ?1, 'taken', ?20, ?21
		FROM bottle_balance WHERE id = ?38`,
}

func (h *handSQLite) do(b *testing.B, _ int, c call) error {
	ctx := b.Context()
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // committed below, or the error counts
	if err := h.within(ctx, tx, c); err != nil {
		return err
	}
	return tx.Commit()
}

func (h *handSQLite) within(ctx context.Context, tx *sql.Tx, c call) error {
	args := c.args
	cut := func(n int) []any { head := args[:n]; args = args[n:]; return head }
	if c.name == limitBegin {
		if err := drain(ctx, tx, h.texts.LockSituation, cut(situationArgs)); err != nil {
			return err
		}
		own := cut(beginArgs)
		if err := run(ctx, tx, beginStatements, own); err != nil {
			return err
		}
		// The event's own arguments are the last seven, with the payload first.
		return link(ctx, tx, own[1], own[32:])
	}
	if err := drain(ctx, tx, h.texts.LockDispensing, cut(lockArgs)); err != nil {
		return err
	}
	if c.name == limitRecord {
		if err := drain(ctx, tx, "SELECT id FROM station WHERE id = ?1 AND clinic = ?2", cut(lockArgs)); err != nil {
			return err
		}
		if err := run(ctx, tx, recordStatements, cut(recordArgs)); err != nil {
			return err
		}
	}
	own := cut(advanceArgs)
	if err := run(ctx, tx, advanceStatements, own); err != nil {
		return err
	}
	if own[27] == true {
		if err := run(ctx, tx, takenStatements, own); err != nil {
			return err
		}
	}
	return link(ctx, tx, args[0], args[1:])
}

// link appends one event to the chain.
func link(ctx context.Context, tx *sql.Tx, clinic any, event []any) error {
	var seq int64
	var prev []byte
	if err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM audit_head WHERE clinic = ?1", clinic).Scan(&seq, &prev); err != nil {
		return err
	}
	payload, _ := event[0].([]byte)
	hash := audit.Hash(prev, seq+1, payload)
	args := append([]any{clinic, seq + 1, prev, hash}, event...)
	return run(ctx, tx, []string{
		"UPDATE audit_head SET seq = ?2, prev = ?3, hash = ?4 WHERE clinic = ?1",
		`INSERT INTO audit_event (clinic, seq, prev, hash, payload, recorded, actor_kind, actor, witness, action, subject)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
	}, args)
}

var place = regexp.MustCompile(`\?(\d+)`)

// highest returns how many arguments a statement takes.
func highest(statement string) int {
	most := 0
	for _, m := range place.FindAllStringSubmatch(statement, -1) {
		n, _ := strconv.Atoi(m[1])
		most = max(most, n)
	}
	return most
}

// arity keeps what highest found, which would otherwise be looked for in every call.
var arity = func() map[string]int {
	m := map[string]int{}
	for _, list := range [][]string{beginStatements, recordStatements, advanceStatements, takenStatements} {
		for _, s := range list {
			m[s] = highest(s)
		}
	}
	return m
}()

// run runs statements that each must touch one row.
func run(ctx context.Context, tx *sql.Tx, statements []string, args []any) error {
	for _, s := range statements {
		n, ok := arity[s]
		if !ok {
			n = highest(s)
		}
		r, err := tx.ExecContext(ctx, s, args[:n]...)
		if err != nil {
			return fmt.Errorf("%.40s: %w", s, err)
		}
		if rows, err := r.RowsAffected(); err != nil || rows != 1 {
			return fmt.Errorf("%.40s: %d rows, %w", s, rows, err)
		}
	}
	return nil
}

// drain reads all that a statement returns, which must be something.
func drain(ctx context.Context, tx *sql.Tx, statement string, args []any) error {
	rows, err := tx.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // its error is that of Err
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	into := make([]any, len(columns))
	for i := range into {
		into[i] = new(sql.RawBytes)
	}
	n := 0
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return fmt.Errorf("%.40s: no rows", statement)
	}
	return rows.Err()
}
