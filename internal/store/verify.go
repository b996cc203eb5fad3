package store

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/dispensing"
)

// Finding is one place where the record contradicts itself.
type Finding struct {
	Table   string
	ID      string // of the row, with its number after a slash where it has one
	Problem string
}

func (f Finding) String() string { return f.Table + " " + f.ID + ": " + f.Problem }

// Verify reads the whole record as of one moment and reports every contradiction: the ledger added up again from its
// moves, states from their steps, the chains of audit and stations with their hashes and signatures, and the rules that
// tie doses to dispensings. It holds a few rows in memory at a time. An error means that the sweep did not finish.
func (s *Store) Verify(ctx context.Context, report func(Finding)) error {
	options := &sql.TxOptions{ReadOnly: true}
	if s.dialect == postgresql {
		options.Isolation = sql.LevelRepeatableRead
	}
	return mapError(s.report.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		if s.dialect == postgresql {
			if err := db.Exec("SET LOCAL statement_timeout = 0").Error; err != nil {
				return err
			}
		}
		for _, sweep := range []func(*gorm.DB, func(Finding)) error{
			verifyLedger, verifySteps, verifyPours, verifyChecks, verifyDrift, verifyAudit, verifyStations, verifyFacts,
		} {
			if err := sweep(db, report); err != nil {
				return fmt.Errorf("verification: %w", err)
			}
		}
		return nil
	}, options))
}

// sweepRows streams the rows of a statement into a struct that is new for each.
func sweepRows[R any](db *gorm.DB, statement string, each func(R) error) error {
	rows, err := db.Raw(statement).Rows()
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // its error is that of Err
	for rows.Next() {
		var r R
		if err := db.ScanRows(rows, &r); err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// stepSweep is a step beside the state that all steps of its dispensing should add up to. Seq is 0 where there is none.
type stepSweep struct {
	ID, Patient, Station                  string
	StatePatient, StateStation, LastState ref
	Open                                  *flag
	Steps                                 *int
	Seq                                   int
	Kind                                  dispensing.StepKind
	FromState                             dispensing.State
	ToState                               dispensing.State
}

const stepSweepSQL = `SELECT d.id, d.patient, d.station, s.patient AS state_patient, s.station AS state_station,
	s.state AS last_state, s.open, s.steps, coalesce(t.seq, 0) AS seq, coalesce(t.kind, '') AS kind,
	coalesce(t.from_state, '') AS from_state, coalesce(t.to_state, '') AS to_state
FROM dispensing d
LEFT JOIN dispensing_state s ON s.dispensing = d.id
LEFT JOIN dispensing_step t ON t.dispensing = d.id
ORDER BY d.id, t.seq`

// replay follows the steps of one dispensing.
type replay struct {
	last  stepSweep
	state dispensing.State
	steps int
}

func verifySteps(db *gorm.DB, report func(Finding)) error {
	var r replay
	err := sweepRows(db, stepSweepSQL, func(x stepSweep) error {
		if x.ID != r.last.ID {
			r.end(report)
			r = replay{}
		}
		r.last = x
		r.step(x, report)
		return nil
	})
	if err == nil {
		r.end(report)
	}
	return err
}

func (r *replay) step(x stepSweep, report func(Finding)) {
	if x.Seq == 0 {
		return
	}
	id := fmt.Sprintf("%s/%d", x.ID, x.Seq)
	if x.Seq != r.steps+1 {
		report(Finding{"dispensing_step", id, fmt.Sprintf("follows step %d", r.steps)})
	}
	if x.FromState != r.state {
		report(Finding{"dispensing_step", id, fmt.Sprintf("starts from %q, the step before led to %q", x.FromState, r.state)})
	}
	if to, ok := x.FromState.Next(x.Kind); !ok || to != x.ToState {
		report(Finding{"dispensing_step", id, fmt.Sprintf("step %s does not lead from %q to %q", x.Kind, x.FromState, x.ToState)})
	}
	r.steps, r.state = x.Seq, x.ToState
}

func (r *replay) end(report func(Finding)) {
	x := r.last
	switch {
	case x.ID == "":
	case x.Steps == nil:
		report(Finding{"dispensing", x.ID, "has no state"})
	case r.steps == 0:
		report(Finding{"dispensing", x.ID, "has no steps"})
	case dispensing.State(x.LastState) != r.state || *x.Steps != r.steps:
		report(Finding{"dispensing_state", x.ID, fmt.Sprintf("is %s after %d steps, the steps add up to %s after %d",
			x.LastState, *x.Steps, r.state, r.steps)})
	case bool(*x.Open) != r.state.Open():
		report(Finding{"dispensing_state", x.ID, "is open and ended at once"})
	case string(x.StatePatient) != x.Patient || string(x.StateStation) != x.Station:
		report(Finding{"dispensing_state", x.ID, "names another patient or station than the dispensing"})
	}
}

// factSweeps are the rules that one statement can see: each returns the id of every row that breaks it.
var factSweeps = []struct{ table, problem, statement string }{
	{"dispensing_state", "patient has more than one open dispensing",
		`SELECT CAST(patient AS text) AS id FROM dispensing_state WHERE open GROUP BY patient HAVING count(*) > 1 ORDER BY 1`},
	{"dispensing_state", "station has more than one dispensing at its pump",
		`SELECT CAST(station AS text) AS id FROM dispensing_state WHERE state IN ('reserved', 'dispensing')
		GROUP BY station HAVING count(*) > 1 ORDER BY 1`},
	{"dose", "more than one dose for this patient, day and part",
		`SELECT CAST(patient AS text) AS id FROM dose GROUP BY patient, day, part HAVING count(*) > 1 ORDER BY 1`},
	{"dose", "does not agree with its dispensing's patient, day, part or end",
		`SELECT CAST(o.dispensing AS text) AS id FROM dose o
		JOIN dispensing d ON d.id = o.dispensing LEFT JOIN dispensing_state s ON s.dispensing = d.id
		WHERE d.patient <> o.patient OR d.clinic <> o.clinic OR d.day <> o.day OR d.part <> o.part
			OR s.state IS NULL OR s.state NOT IN ('administered', 'handed_over', 'partly_taken') ORDER BY 1`},
	{"dispensing", "was taken, but no dose says so",
		`SELECT CAST(s.dispensing AS text) AS id FROM dispensing_state s
		WHERE s.state IN ('administered', 'handed_over', 'partly_taken')
			AND NOT EXISTS (SELECT 1 FROM dose o WHERE o.dispensing = s.dispensing) ORDER BY 1`},
	{"dispensing", "has no move that reserved its volume",
		`SELECT CAST(d.id AS text) AS id FROM dispensing d
		WHERE NOT EXISTS (SELECT 1 FROM move m WHERE m.cause = CAST(d.id AS text) AND m.bottle = d.bottle
			AND m.from_account = 'bottle' AND m.to_account = 'reserved' AND m.amount_ul = d.volume_ul) ORDER BY 1`},
	{"bottle", "stands somewhere else than its last placement says",
		`SELECT CAST(b.id AS text) AS id FROM bottle b JOIN placement p ON p.bottle = b.id
		WHERE p.seq = (SELECT max(x.seq) FROM placement x WHERE x.bottle = b.id) AND p.place <> b.place ORDER BY 1`},
	{"bottle", "stands where no placement put it",
		`SELECT CAST(b.id AS text) AS id FROM bottle b WHERE b.place <> 'store' AND b.opened_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.bottle = b.id) ORDER BY 1`},
	{"placement", "placements of a bottle are missing",
		`SELECT CAST(bottle AS text) AS id FROM placement GROUP BY bottle HAVING count(*) <> max(seq) OR min(seq) <> 1 ORDER BY 1`},
	{"move", "a consolidation poured out another amount than it poured in",
		`SELECT cause AS id FROM move WHERE reason = 'consolidate' GROUP BY cause
		HAVING sum(CASE WHEN to_account = 'transferred' THEN amount_ul ELSE -amount_ul END) <> 0
			OR min(CAST(lot AS text)) <> max(CAST(lot AS text)) ORDER BY 1`},
	{"variance", "its paper does not book its difference",
		`SELECT CAST(v.count_id AS text) AS id FROM variance v WHERE v.diff_ul <> 0 AND v.diff_ul <> coalesce((
			SELECT sum(CASE WHEN m.to_account = 'loss' THEN -m.amount_ul WHEN m.from_account = 'surplus' THEN m.amount_ul END)
			FROM move m WHERE m.cause = CAST(v.document AS text) AND m.bottle = v.bottle), 0) ORDER BY 1`},
	{"stock_count", "was settled without the forms of two people",
		`SELECT CAST(c.id AS text) AS id FROM stock_count c WHERE c.state IN ('counted', 'settled')
			AND (SELECT count(DISTINCT e.person) FROM count_entry e WHERE e.count_id = c.id) <> 2 ORDER BY 1`},
	{"counter_session", "was closed without a settled closing count",
		`SELECT CAST(s.id AS text) AS id FROM counter_session s WHERE s.state IN ('reconciled', 'closed')
			AND NOT EXISTS (SELECT 1 FROM stock_count c WHERE c.session = s.id AND c.phase = 'closing' AND c.state = 'settled') ORDER BY 1`},
	{"bottle_balance", "what is reserved is not the sum of the reserving dispensings, primes and shots",
		`SELECT CAST(b.id AS text) AS id FROM bottle_balance b
		LEFT JOIN (SELECT x.bottle, sum(x.volume) AS volume FROM (
			SELECT d.bottle, d.volume_ul AS volume FROM dispensing d JOIN dispensing_state s ON s.dispensing = d.id
			WHERE s.state IN ('reserved', 'dispensing', 'held', 'measured')
			UNION ALL
			SELECT p.bottle, p.volume_ul FROM check_pour p JOIN check_pour_state s ON s.pour = p.id
			WHERE s.state IN ('reserved', 'dispensing', 'held')) x GROUP BY x.bottle) r ON r.bottle = b.id
		WHERE b.reserved <> coalesce(r.volume, 0) ORDER BY 1`},
	{"bottle_balance", "names a prime or shot that is not at the pump, or not of this bottle",
		`SELECT CAST(b.id AS text) AS id FROM bottle_balance b
		LEFT JOIN check_pour p ON p.id = b.check_pour LEFT JOIN check_pour_state s ON s.pour = b.check_pour
		WHERE b.check_pour IS NOT NULL AND (p.bottle IS NULL OR p.bottle <> b.id OR s.state NOT IN ('reserved', 'dispensing')) ORDER BY 1`},
	{"check_standing", "counts a check that did not pass, or was not of this station, day and lot",
		`SELECT CAST(k.station AS text) AS id FROM check_standing k
		LEFT JOIN station_check c ON c.id = k.station_check LEFT JOIN check_result r ON r.station_check = k.station_check
		WHERE k.state = 'passed' AND (c.id IS NULL OR c.station <> k.station OR c.day <> k.day OR c.scale <> k.scale
			OR r.passed IS NULL OR NOT r.passed
			OR coalesce(CAST(c.lot AS text), '') <> coalesce(CAST(k.lot AS text), '')
			OR coalesce(CAST(c.pump AS text), '') <> coalesce(CAST(k.pump AS text), '')) ORDER BY 1`},
}

func verifyFacts(db *gorm.DB, report func(Finding)) error {
	for _, f := range factSweeps {
		err := sweepRows(db, f.statement, func(r struct{ ID string }) error {
			report(Finding{f.table, r.ID, f.problem})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
