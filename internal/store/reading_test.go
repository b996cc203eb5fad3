package store

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// The past that pages are read over: so many days before theDay, on each of which every patient came, from lots that last
// a few days each.
const (
	pastDays     = 402
	pastPatients = 40
	lotDays      = 3
	pastDose     = 6 * measure.Millilitre
)

// past writes it behind a world, with a link of the chain for each dose, from lots of one bottle that hold just what was
// taken. It is written past the program, so nothing of it is signed or hashed.
func (w world) past(t *testing.T, url string) {
	t.Helper()
	owner, _, err := openOwner(t.Context(), url)
	must(t, err)
	defer func() { must(t, owner.Close()) }()
	tx, err := owner.BeginTx(t.Context(), nil)
	must(t, err)
	defer tx.Rollback() //nolint:errcheck // committed below, or the test failed
	run := func(statement string, args ...any) {
		t.Helper()
		if _, err := tx.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%.80s: %v", statement, err)
		}
	}
	run("SET LOCAL session_replication_role = replica")
	run(fmt.Sprintf(`CREATE TEMPORARY TABLE past ON COMMIT DROP AS
		SELECT n, ordinality AS who, patient, $1::date - (%[1]d - n) AS day, $2::timestamptz - (%[1]d - n) * interval '1 day' + ordinality * interval '1 minute' AS at,
			('a0000000-0000-7000-8000-' || lpad((n / %[2]d)::text, 12, '0'))::uuid AS lot
		FROM generate_series(0, %[1]d - 1) n, unnest($3::uuid[]) WITH ORDINALITY p (patient, ordinality)`, pastDays, lotDays),
		theDay.String(), eight.Time(), w.patients)
	full := int64(lotDays * pastPatients * pastDose)
	run(`INSERT INTO lot SELECT DISTINCT lot, $1::uuid, $2::uuid, lot::text, 10000, 1060000, '', now(), 250, $3::date, 'released', '' FROM past`,
		w.clinic, w.product, theDay.AddDays(300).String())
	run("INSERT INTO bottle (id, clinic, lot, code, state, label_volume_ul, tare_weight_ug, opened_at, opened_gross_ug) SELECT DISTINCT lot, $1::uuid, lot, lot::text, 'empty', $2::bigint, 0, now(), 0 FROM past", w.clinic, full)
	run("INSERT INTO bottle_balance SELECT DISTINCT lot, $1::uuid, lot, 0, -$2::bigint, 0, 0, 0, 0, $2::bigint, 0, 0, 0, 0, 0, 0, 0, 0 FROM past", w.clinic, full)
	run(`INSERT INTO move SELECT gen_random_uuid(), $1::uuid, lot, 1000 + row_number() OVER (ORDER BY at), lot, 'bottle', 'administered', $2::bigint, 0, 0, '', 'taken', at, at, NULL
		FROM past ORDER BY at`, w.clinic, int64(pastDose))
	run(`INSERT INTO move SELECT gen_random_uuid(), $1::uuid, lot, 1, lot, 'supplier', 'bottle', $2::bigint, 0, 0, '', 'receipt', min(at), min(at), NULL
		FROM past GROUP BY lot`, w.clinic, full)
	run(`INSERT INTO ticket (id, clinic, day, number, patient, state, priority, arrived_at) SELECT gen_random_uuid(), $1::uuid, day, who, patient, 'done', '', at
		FROM past ORDER BY at`, w.clinic)
	run(`INSERT INTO counter_session SELECT ('c0000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1::uuid, $2::uuid, day, 1, 'closed', '', at, at, at, '', '', NULL
		FROM past WHERE who = 1`, w.clinic, w.stations[0])
	run(`INSERT INTO stock_count SELECT gen_random_uuid(), $1::uuid, ('c0000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $2::text, phase, 'settled', '[]', '', at, at
		FROM past, unnest(ARRAY['opening', 'closing']) phase WHERE who = 1`, w.clinic, string(w.stations[0]))
	run("DELETE FROM audit_event WHERE clinic = $1", w.clinic)
	run(`INSERT INTO audit_event SELECT $1::uuid, row_number() OVER (ORDER BY at), at, 'staff', '', '', 'dose', '',
			convert_to('{"clinic":"' || $1::text || '","recorded":"2026-03-03T01:00:00Z","actor":{"kind":"staff","id":""},"action":"dose","subject":"","data":{}}', 'UTF8'), '\x', '\x'
		FROM past ORDER BY at`, w.clinic)
	run("UPDATE audit_head SET seq = (SELECT max(seq) FROM audit_event WHERE clinic = $1::uuid) WHERE clinic = $1::uuid", w.clinic)
	must(t, tx.Commit())
	_, err = owner.ExecContext(t.Context(), "VACUUM (ANALYZE)")
	must(t, err)
}

// touched returns how many rows of each table a reading of the store went through.
func touched(t *testing.T, url string, read func(*Store)) map[string]int64 {
	t.Helper()
	owner, _, err := openOwner(t.Context(), url)
	must(t, err)
	defer func() { must(t, owner.Close()) }()
	before := rowsRead(t, owner)
	s, err := Open(t.Context(), url, Options{Pool: 1})
	must(t, err)
	read(s)
	must(t, s.Close())
	// A connection hands in its counts before it is gone.
	for deadline := time.Now().Add(10 * time.Second); ; {
		var open int
		must(t, owner.QueryRowContext(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'clinicd'").Scan(&open))
		if open == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the connections stay")
		}
	}
	out := map[string]int64{}
	for table, n := range rowsRead(t, owner) {
		out[table] = n - before[table]
	}
	return out
}

func rowsRead(t *testing.T, db *sql.DB) map[string]int64 {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables")
	must(t, err)
	out := map[string]int64{}
	for rows.Next() {
		var table string
		var n int64
		must(t, rows.Scan(&table, &n))
		out[table] = n
	}
	must(t, rows.Err())
	return out
}

// What a page costs depends on what it shows and not on what lies behind it, nor on what came after it.
func TestAReadingGoesThroughWhatItShows(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	maker := open(t, url, Options{})
	w := newWorld(t, maker, 1, pastPatients, 1)
	must(t, maker.Close())
	w.past(t, url)
	middle := eight.Add(-pastDays / 2 * 24 * time.Hour) // when a day begins on which a lot does too
	for name, c := range map[string]struct {
		table string
		most  int64
		read  func(*Store) error
	}{
		"the register of a day": {"move", 4 * lotDays * pastPatients, func(s *Store) error {
			l, err := s.Records().Ledger(t.Context(), w.clinic, w.product, middle.Add(24*time.Hour), middle.Add(48*time.Hour))
			p := book.Register(l.Opening, l.Moves, func(calendar.Instant) calendar.Day { return theDay }, false)
			if p.Opening != 2*pastPatients*pastDose || p.Closing != pastPatients*pastDose {
				t.Errorf("from %d to %d", p.Opening, p.Closing)
			}
			return err
		}},
		"the last link of a day": {"audit_event", waited + 50, func(s *Store) error {
			e, err := s.Records().ChainAt(t.Context(), w.clinic, middle)
			if e.Seq != pastDays/2*pastPatients {
				t.Errorf("link %d", e.Seq)
			}
			return err
		}},
		"the last count of a session": {"stock_count", 2, func(s *Store) error {
			n, err := s.Stock().Counts(t.Context(), w.clinic, "c0000000-0000-7000-8000-000000000007", 1)
			if len(n) != 1 {
				t.Errorf("%d counts", len(n))
			}
			return err
		}},
		"who is still to come": {"ticket", 2 * pastPatients, func(s *Store) error {
			e, err := s.Queue().StillToCome(t.Context(), w.clinic, theDay)
			if len(e) != pastPatients {
				t.Errorf("%d are still to come", len(e))
			}
			return err
		}},
	} {
		n := touched(t, url, func(s *Store) { must(t, c.read(s)) })[c.table]
		if n > c.most {
			t.Errorf("%s went through %d rows of %s, at most %d expected", name, n, c.table, c.most)
		}
	}
}

var scanOfTickets = regexp.MustCompile(`SCAN t\b|SEARCH t USING (?:COVERING )?INDEX \w+ \(clinic=\?\)`)

// SQLite, too, finds the day's tickets by their index.
func TestStillToComeScansNoTicketsOnSQLite(t *testing.T) {
	t.Parallel()
	s := open(t, sqliteURL(t), Options{})
	w := newWorld(t, s, 1, 1, 1)
	rows, err := s.read.WithContext(t.Context()).Raw("EXPLAIN QUERY PLAN "+stillToComeSQL, w.clinic, theDay, theDay, w.clinic, theDay, theDay).Rows()
	must(t, err)
	plan := ""
	for rows.Next() {
		var node, parent, unused int
		var detail string
		must(t, rows.Scan(&node, &parent, &unused, &detail))
		plan += detail + "\n"
	}
	must(t, rows.Err())
	if plan == "" || scanOfTickets.MatchString(plan) {
		t.Errorf("the plan:\n%s", plan)
	}
}

// A link whose transaction waited stands behind one that is younger; it is still of its day.
func TestChainAtFindsALinkThatWaited(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		w := newWorld(t, s, 1, 1, 1)
		evening := eight.Add(time.Hour)
		for i, recorded := range []calendar.Instant{
			evening.Add(-3 * time.Second), evening.Add(time.Second), evening.Add(2 * time.Second), evening.Add(-time.Second), evening.Add(3 * time.Second),
		} {
			must(t, do(t, s, w.clinic, func(ctx context.Context, tx *Tx) error {
				e := w.entry(fmt.Sprintf("link.%d", i))
				e.Recorded = recorded
				return tx.Record(ctx, e)
			}))
		}
		events, err := s.Audit().Events(t.Context(), audit.Filter{Clinic: w.clinic, Limit: 5})
		must(t, err)
		for _, at := range []struct {
			before calendar.Instant
			link   int
		}{{evening, 3}, {evening.Add(-2 * time.Second), 0}, {evening.Add(time.Minute), 4}} {
			got, err := s.Records().ChainAt(t.Context(), w.clinic, at.before)
			must(t, err)
			if want := events[len(events)-1-at.link].Seq; got.Seq != want {
				t.Errorf("before %v link %d, want %d", at.before, got.Seq, want)
			}
		}
	})
}
