package station

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// The steps of a print. The last one ends it.
const (
	StepPrinting   Step = "printing"
	StepPrintEnded Step = "print_ended"
)

func isPrint(kind stationlog.Kind) bool {
	return kind == stationlog.KindPrinting || kind == stationlog.KindPrintEnded
}

// PrintStep returns where a print stands.
func (j *Journal) PrintStep(ctx context.Context, id string) (Step, error) {
	var step Step
	err := j.db.QueryRowContext(ctx, `SELECT step FROM prints WHERE id = ?`, id).Scan(&step)
	if errors.Is(err, sql.ErrNoRows) {
		return StepNone, nil
	}
	if err != nil {
		return StepNone, fmt.Errorf("step of print %s: %w", id, err)
	}
	return step, nil
}

// Printing is the point of no return: once it has returned nil the job may be sent to the printer, once. ErrKnown when
// the print was heard of before, whatever became of it.
func (j *Journal) Printing(ctx context.Context, p stationlog.Printing) error {
	return j.add(ctx, stationlog.KindPrinting, p, insertPrint(p.Print, StepPrinting))
}

// PrintEnded records how a print ended that had begun.
func (j *Journal) PrintEnded(ctx context.Context, p stationlog.PrintEnded) error {
	return j.add(ctx, stationlog.KindPrintEnded, p, func(ctx context.Context, tx *sql.Tx, seq int64) error {
		res, err := tx.ExecContext(ctx, `UPDATE prints SET step = ?, seq = ? WHERE id = ? AND step = ?`,
			string(StepPrintEnded), seq, p.Print, string(StepPrinting))
		return oneRow(res, err, ErrStep)
	})
}

// RefusePrint gives the counter's word for a print that never began: it will not. ErrKnown when it was heard of before.
func (j *Journal) RefusePrint(ctx context.Context, p stationlog.PrintEnded) error {
	return j.add(ctx, stationlog.KindPrintEnded, p, insertPrint(p.Print, StepPrintEnded))
}

func insertPrint(id string, step Step) alongside {
	return func(ctx context.Context, tx *sql.Tx, seq int64) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO prints (id, step, seq) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			id, string(step), seq)
		return oneRow(res, err, ErrKnown)
	}
}

// OpenPrints lists the prints that began and have no end.
func (j *Journal) OpenPrints(ctx context.Context) ([]string, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT id FROM prints WHERE step = 'printing' ORDER BY seq`)
	if err != nil {
		return nil, fmt.Errorf("open prints: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below has the error
	var open []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("open prints: %w", err)
		}
		open = append(open, id)
	}
	return open, rows.Err()
}

// printStep follows a print through the events.
func (w *walk) printStep(r stationlog.Record) error {
	var body struct {
		Print  string                 `json:"print"`
		Result stationlog.PrintResult `json:"result"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return fmt.Errorf("%w: %w", stationlog.ErrMalformed, err)
	}
	from, to := w.prints[body.Print].step, Step(r.Kind)
	// A print that never began can only have been refused.
	follows := from == StepNone && (to == StepPrinting || body.Result == stationlog.PrintRefused) ||
		from == StepPrinting && to == StepPrintEnded
	if body.Print == "" || !follows {
		return fmt.Errorf("%w: %s after %q for print %s", ErrStep, to, from, body.Print)
	}
	w.prints[body.Print] = place{to, r.Seq}
	return nil
}
