package bench

import (
	"database/sql"
	"fmt"
	"os"
	"testing"
)

// regulars is how many patients share the history: years of it are years of the same people.
const regulars = 2000

// BenchmarkHistory measures what past doses cost: begins of patients with years behind them, in tables of that size,
// against the same begins of a clinic that opened today. Five million need LIEU_BENCH_LARGE=1 and 35 GB of disk.
func BenchmarkHistory(b *testing.B) {
	sizes := []int{1_000_000}
	if os.Getenv("LIEU_BENCH_LARGE") == "1" {
		sizes = append(sizes, 5_000_000)
	}
	for _, size := range sizes {
		b.Run(fmt.Sprintf("doses=%d", size), func(b *testing.B) {
			fresh, old := onShelf(b), onShelf(b)
			s := old.clinic(b, 1, 1)
			people := s.past(b, size)
			before := newBegins(b, fresh, []*site{fresh.clinic(b, 1, 1)}, 8)
			after := newBegins(b, old, []*site{s}, 8)
			after.people = people
			before.size, after.size = 200, 200
			var empty, full load
			before.overHTTP(b)
			after.overHTTP(b)
			for b.Loop() {
				empty.add(before.overHTTP(b))
				if len(after.people) < after.size {
					b.Fatalf("no regulars are left: run fewer than %d rounds", regulars/after.size-1)
				}
				full.add(after.overHTTP(b))
			}
			against(b, full, empty)
			fresh.intact(b, before.count)
			old.intact(b, after.count+size)
		})
	}
}

// past fills a clinic with that many doses of its regulars, one a day each, up to yesterday, with every row that a dose
// leaves behind and a chain that holds. It returns the regulars, who have an order and a ticket for today.
func (s *site) past(b *testing.B, size int) []person {
	b.Helper()
	w := s.w
	people := s.arrive(b, regulars)
	windows := s.mount(b, regulars, bottleHolds) // one bottle each, that its patient drank from all the years
	w.within(b, func(tx *sql.Tx) {
		rows := make([][]any, regulars)
		for i, p := range people {
			rows[i] = []any{i, p.id, p.order, windows[i].id, windows[i].bottle}
		}
		a := archive{b: b, w: w, tx: tx}
		run := a.run
		a.withoutIndexes()
		run("CREATE TEMPORARY TABLE regular (n bigint PRIMARY KEY, patient uuid, prescription uuid, station uuid, bottle uuid) ON COMMIT DROP")
		w.insert(b, tx, "regular", "n, patient, prescription, station, bottle", rows)
		run(`CREATE FUNCTION pg_temp.past_id(kind text, i bigint, at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
			SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(kind || i), 1, 3) || '8' || substr(md5(kind || i), 4, 15))::uuid $$`)
		run(`CREATE FUNCTION pg_temp.next_link(state bytea, seq bigint, payload bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
			SELECT sha256(state || int8send(seq) || payload) $$`)
		run(`CREATE AGGREGATE pg_temp.chain(bigint, bytea) (sfunc = pg_temp.next_link, stype = bytea, initcond = '\x` + fmt.Sprintf("%064d", 0) + `')`)
		run(fmt.Sprintf(`CREATE TEMPORARY TABLE past ON COMMIT DROP AS
			SELECT i, i / %[1]d AS nth, r.*, day, at, pg_temp.past_id('dose', i, at) AS id
			FROM (SELECT i, ($1::date - (%[2]d - i / %[1]d)::int) AS day,
				($1::date - (%[2]d - i / %[1]d)::int)::timestamp AT TIME ZONE 'UTC' + interval '1 hour' + i %% %[1]d * interval '10 seconds' AS at
				FROM generate_series(0, %[3]d - 1) i) x JOIN regular r ON r.n = i %% %[1]d`, regulars, (size+regulars-1)/regulars, size), day(w.today))
		run(`INSERT INTO dispensing SELECT id, $1::uuid, patient, prescription, station, bottle, $2::uuid, day, 1, 'observed', $3::bigint, $4::bigint,
			$5::bigint, $6::bigint, 'vn', 1, '[]', $7::text, at FROM past ORDER BY i`,
			s.id, s.lot, int64(doseMass), int64(doseVolume), int64(strength), int64(density), s.nurses[0].id)
		run(`INSERT INTO dispensing_state SELECT id, $1::uuid, patient, station, 'administered', false, 5, $2::bigint, 6360000, true, $2::bigint, true,
			at, at FROM past ORDER BY i`, s.id, poured)
		run(`INSERT INTO dispensing_step SELECT id, k, $1::uuid, kind, was, becomes, 'staff', $2::text, '', 0, '', at, at
			FROM past, (VALUES (1, 'reserved', '', 'reserved'), (2, 'dispensing', 'reserved', 'dispensing'), (3, 'measured', 'dispensing', 'measured'),
				(4, 'handed_over', 'measured', 'measured'), (5, 'administered', 'measured', 'administered')) AS step (k, kind, was, becomes)
			ORDER BY i, k`, s.id, s.nurses[0].id)
		run(`INSERT INTO dose SELECT patient, day, 1, $1::uuid, id, $2::bigint, 'observed', at FROM past ORDER BY i`, s.id, int64(doseMass))
		run(`INSERT INTO move SELECT pg_temp.past_id(reason, i, at), $1::uuid, bottle, 3 + 2 * nth + k, $2::uuid,
				CASE k WHEN 0 THEN 'bottle' ELSE 'reserved' END, CASE k WHEN 0 THEN 'reserved' ELSE 'administered' END, $3::bigint,
				CASE k WHEN 0 THEN $4::bigint - (nth + 1) * $3::bigint ELSE 0 END, CASE k WHEN 0 THEN $3::bigint ELSE (nth + 1) * $3::bigint END,
				id::text, reason, at, at, NULL
			FROM past, (VALUES (0, 'begin'), (1, 'taken')) AS m (k, reason) ORDER BY i, k`, s.id, s.lot, poured, int64(bottleHolds))
		run(`UPDATE bottle_balance b SET moves = 2 + 2 * n, bottle = bottle - n * $1::bigint, administered = n * $1::bigint
			FROM (SELECT bottle AS id, count(*) AS n FROM past GROUP BY 1) p WHERE p.id = b.id`, poured)
		run(`INSERT INTO audit_event SELECT $1::uuid, seq, at, 'staff', $2::text, '', action, id::text, payload,
				coalesce(lag(hash) OVER (ORDER BY seq), $3::bytea), hash
			FROM (SELECT *, pg_temp.chain(seq, payload) OVER (ORDER BY seq) AS hash
				FROM (SELECT 5 * i + k AS seq, at, id, 'dispensing.' || kind AS action, convert_to(format(
					'{"clinic":"%s","recorded":"%s","actor":{"kind":"staff","id":"%s"},"action":"dispensing.%s","subject":"%s","data":{"step":%s}}',
					$1::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), $2::text, kind, id, k), 'UTF8') AS payload
					FROM past, (VALUES (1, 'begin'), (2, 'dispensing'), (3, 'measured'), (4, 'handed_over'), (5, 'administered')) AS step (k, kind)) e) c
			ORDER BY seq`, s.id, s.nurses[0].id, make([]byte, 32))
		a.reindex()
		run(`UPDATE audit_head h SET seq = e.seq, prev = e.prev, hash = e.hash FROM audit_event e
			WHERE h.clinic = $1::uuid AND e.clinic = h.clinic AND e.seq = (SELECT max(seq) FROM audit_event WHERE clinic = $1::uuid)`, s.id)
	})
	_, err := w.db.ExecContext(b.Context(), "VACUUM (ANALYZE)")
	check(b, err)
	return people
}
