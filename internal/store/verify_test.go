package store

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

type tamper struct{ statement, table string }

// tampering is what somebody with all rights might do, and which table the sweep must then name.
var tampering = map[string]tamper{
	"a move's amount":             {"UPDATE move SET amount_ul = amount_ul + 1 WHERE seq = 2", "move"},
	"a move's balance after":      {"UPDATE move SET to_after_ul = to_after_ul + 1 WHERE seq = 3", "move"},
	"a move taken away":           {"DELETE FROM move WHERE seq = 2", "move"},
	"a balance":                   {"UPDATE bottle_balance SET waste = waste + 5, bottle = bottle - 5", "bottle_balance"},
	"a step's kind":               {"UPDATE dispensing_step SET kind = 'wasted' WHERE seq = 3", "dispensing_step"},
	"a step's states":             {"UPDATE dispensing_step SET from_state = 'held' WHERE seq = 2", "dispensing_step"},
	"a step taken away":           {"DELETE FROM dispensing_step WHERE seq = 2", "dispensing_step"},
	"the last step taken away":    {"DELETE FROM dispensing_step WHERE seq = 3", "dispensing_state"},
	"a state":                     {"UPDATE dispensing_state SET state = 'wasted' WHERE state = 'administered'", "dispensing_state"},
	"a dose taken away":           {"DELETE FROM dose", "dispensing"},
	"a dose moved to another day": {"UPDATE dose SET part = 2", "dose"},
	"an event's payload":          {"UPDATE audit_event SET payload = prev WHERE seq = 2", "audit_event"},
	"an event's actor":            {"UPDATE audit_event SET actor = 'nobody' WHERE seq = 2", "audit_event"},
	"an event taken away":         {"DELETE FROM audit_event WHERE seq = 2", "audit_event"},
	"the last event taken away":   {"DELETE FROM audit_event WHERE seq = (SELECT max(seq) FROM audit_event)", "audit_head"},
	"the head of the chain":       {"UPDATE audit_head SET seq = seq + 1", "audit_head"},
	"a record's signature":        {"UPDATE station_record SET signature = payload WHERE seq = 2", "station_record"},
	"a record's kind":             {"UPDATE station_record SET kind = 'armed' WHERE seq = 1", "station_record"},
	"a record taken away":         {"DELETE FROM station_record WHERE seq = 2", "station_record"},
	"the last record taken away":  {"DELETE FROM station_record WHERE seq = 3", "station"},
	"a bottle's place":            {"UPDATE bottle SET place = 'away'", "bottle"},
	"a placement taken away":      {"DELETE FROM placement", "bottle"},
	"a person's count form":       {"DELETE FROM count_entry WHERE person = 'b'", "stock_count"},
	"a difference":                {"UPDATE variance SET diff_ul = 5, counted_ul = book_ul + 5, document = (SELECT id FROM document)", "variance"},
	"a station's key":             {"UPDATE station_key SET public_key = (SELECT hash FROM audit_head)", "station_record"},
}

func TestVerifyFindsTampering(t *testing.T) {
	test := func(t *testing.T, cases map[string]tamper, fresh func() (url string)) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				url := fresh()
				s := open(t, url, Options{})
				tampered(t, s)
				owner, d, err := openOwner(t.Context(), url)
				must(t, err)
				defer func() { must(t, owner.Close()) }()
				disarm(t, owner, d)
				_, err = owner.ExecContext(t.Context(), c.statement)
				must(t, err)
				var found []string
				must(t, s.Verify(t.Context(), func(f Finding) { found = append(found, f.Table) }))
				if !strings.Contains(fmt.Sprint(" ", found, " "), c.table) {
					t.Errorf("found %v, not %s", found, c.table)
				}
			})
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, tampering, func() string { return sqliteURL(t) })
	})
	// The sweep is the same text on both engines; one case of each part shows that PostgreSQL reads it alike.
	some := map[string]tamper{}
	for _, name := range []string{"a move's amount", "a step's states", "a dose taken away", "an event's actor", "a record's signature", "a state"} {
		some[name] = tampering[name]
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, some, func() string { return server.Database(t) })
	})
}

// tampered makes a clean record with something of everything.
func tampered(t *testing.T, s *Store) {
	t.Helper()
	w := newWorld(t, s, 1, 1, 1)
	fill(t, s, w)
	x := newSigner(t, s, w, 0)
	var last stationRecordRow
	must(t, s.read.Order("seq DESC").Take(&last).Error)
	x.seq, x.prev = last.Seq, last.Hash
	must(t, s.inTx(t.Context(), w.clinic, func(tx *Tx) error {
		if err := x.append(t, tx, stationlog.KindScanned); err != nil {
			return err
		}
		return x.append(t, tx, stationlog.KindScanned)
	}))
	verified(t, s)
}

// disarm takes the triggers away that would refuse.
func disarm(t *testing.T, db *sql.DB, d dialect) {
	t.Helper()
	db.SetMaxOpenConns(1)
	if d == postgresql {
		_, err := db.ExecContext(t.Context(), "SET session_replication_role = replica")
		must(t, err)
		return
	}
	for table := range appendOnly {
		for _, op := range []string{"update", "delete"} {
			_, err := db.ExecContext(t.Context(), "DROP TRIGGER "+table+"_no_"+op)
			must(t, err)
		}
	}
	_, err := db.ExecContext(t.Context(), "PRAGMA foreign_keys = 0")
	must(t, err)
}

// A counter that was enrolled anew goes on with its chain, and both keys' records stay true.
func TestVerifyAfterNewKey(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		x := newSigner(t, s, w, 0)
		for range 3 {
			must(t, s.inTx(t.Context(), w.clinic, func(tx *Tx) error { return x.append(t, tx, stationlog.KindScanned) }))
			x.enrol(t, s, w)
		}
		verified(t, s)
	})
}

// The sweep looks at one moment: it may run while the clinic works.
func TestVerifyWhileWorking(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 6, 6)
		errs := together(7, func(i int) error {
			if i == 6 {
				return s.Verify(t.Context(), func(f Finding) { t.Error(f) })
			}
			b := w.beginning(i, i, 1)
			if err := w.begin(t, s, b); err != nil {
				return err
			}
			return s.Dispensings().InTx(t.Context(), w.clinic, func(tx dispensing.Tx) error {
				d, err := tx.Lock(t.Context(), b.Dispensing.ID)
				if err != nil {
					return err
				}
				return tx.Advance(t.Context(), w.change(d, dispensing.StepVoided, w.move(d.Bottle, stock.Reserved, stock.InBottle, d.Volume)))
			})
		})
		for _, err := range errs {
			must(t, err)
		}
		verified(t, s)
	})
}
