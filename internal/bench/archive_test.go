package bench

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/store/pgtest"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
)

// shelf keeps the records with a long past. Without a log of what is new in its transaction, as tables and indexes that are
// written at once are, the past is written in a fraction of the time. A commit waits for the disk as everywhere.
var shelf = &pgtest.Server{Options: pgtest.Options{
	Durable: true, Migrate: server.Options.Migrate, Settings: []string{"wal_level=minimal", "max_wal_senders=0"},
}}

func onShelf(b *testing.B) *world { return newWorld(b, shelf.Database(b), "pgx") }

// What a clinic of an archive has: windows that share the day, bottles that are drunk to the last dose, and so many of
// them of a lot.
const (
	archiveWindows = 2
	bottleDoses    = 160
	lotBottles     = 60
)

// course is a patient's time in treatment at a site, from the first day to the last, with a dose every day.
type course struct {
	site     *site
	from, to calendar.Day
	kept     calendar.Day // the first day of which the record has the doses
}

// regulars are n courses at each site from a day up to yesterday.
func (w *world) regulars(sites []*site, n, days int) (out []course) {
	for _, s := range sites {
		for range n {
			from := w.today.AddDays(-days)
			out = append(out, course{s, from, w.today.AddDays(-1), from})
		}
	}
	return out
}

// archive fills an empty database with the doses of these courses: every row that a dose leaves behind, in the order of
// the doses, of bottles received and opened as they were needed. The doses were reported by nobody, so that the rows have
// no signatures, and the links of the chains are no hashes: an archive is for reading and does not verify.
func (w *world) archive(b *testing.B, courses []course) {
	b.Helper()
	w.within(b, func(tx *sql.Tx) {
		a := archive{b: b, w: w, tx: tx}
		a.prepare()
		a.people(courses)
		a.stock()
		a.doses()
		a.finish()
	})
	_, err := w.db.ExecContext(b.Context(), "VACUUM (ANALYZE)")
	check(b, err)
}

// archive is one on its way into a database.
type archive struct {
	b  *testing.B
	w  *world
	tx *sql.Tx
}

func (a archive) run(statement string, args ...any) {
	a.b.Helper()
	if _, err := a.tx.ExecContext(a.b.Context(), statement, args...); err != nil {
		a.b.Fatalf("%.60s: %v", statement, err)
	}
}

// archived are the tables that become large.
var archived = []string{"dispensing", "dispensing_state", "dispensing_step", "dose", "move", "audit_event"}

// withoutIndexes puts the indexes of the large tables aside; reindex builds them anew. The rows are right by construction:
// checking each reference and firing each trigger would take most of the time.
func (a archive) withoutIndexes() {
	a.run("SET LOCAL session_replication_role = replica")
	a.run("SET LOCAL maintenance_work_mem = '1GB'")
	a.run("SET LOCAL work_mem = '256MB'")
	for _, t := range archived {
		a.run("UPDATE pg_index SET indisready = false WHERE indrelid = $1::regclass", t)
	}
}

func (a archive) reindex() {
	for _, t := range archived {
		a.run("REINDEX TABLE " + t)
	}
}

// prepare makes the tables new ones of this transaction.
func (a archive) prepare() {
	a.run("SET LOCAL session_replication_role = replica")
	for _, t := range archived {
		a.run("TRUNCATE " + t + " CASCADE")
	}
	a.withoutIndexes()
	a.run(`CREATE FUNCTION pg_temp.id_of(at timestamptz, k int, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
		SELECT (lpad(to_hex((date_part('epoch', at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(k), 3, '0') || '8' || lpad(to_hex(i), 15, '0'))::uuid $$`)
	a.run(`CREATE FUNCTION pg_temp.number_id(kind text, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
		SELECT (kind || '0000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid $$`)
}

// people adds the sites' windows, and a patient with an order for each course.
func (a archive) people(courses []course) {
	a.run("CREATE TEMPORARY TABLE place (site int PRIMARY KEY, clinic uuid, product uuid, doctor text, nurse text) ON COMMIT DROP")
	a.run("CREATE TEMPORARY TABLE post (site int, k int, station uuid, PRIMARY KEY (site, k)) ON COMMIT DROP")
	a.run("CREATE TEMPORARY TABLE course (n int PRIMARY KEY, site int, rank int, patient uuid, prescription uuid, from_day date, to_day date) ON COMMIT DROP")
	numbers := map[*site]int{}
	var places, posts, stations, patients, orders, rows [][]any
	parts := fmt.Sprintf("[%d]", int64(doseMass))
	for i, c := range courses {
		s, today := c.site, a.w.today
		if _, known := numbers[s]; !known {
			numbers[s] = len(numbers)
			places = append(places, []any{numbers[s], s.id, s.product, s.doctor, s.nurses[0].id})
			for k := range archiveWindows {
				st := id.New[string]()
				posts = append(posts, []any{numbers[s], k, st})
				stations = append(stations, []any{st, s.id, fmt.Sprintf("Cửa cũ %d", k+1), "", true, false, 0, ""})
			}
		}
		patient, order := id.New[string](), id.New[string]()
		status, reason, until, ended := "in_treatment", "", today.AddDays(20), any(nil)
		if c.to < today.AddDays(-1) {
			status, reason, until, ended = "ended", "own_wish", c.to, c.to.AddDays(1)
		}
		s.patients++
		patients = append(patients, []any{patient, s.id, cardcode.Format(cardcode.Patient, s.number, s.patients), "Nguyễn Văn Đức",
			"nguyen van duc", 1980, "male", false, status, "maintenance", c.from, ended, reason, 0})
		orders = append(orders, []any{order, s.id, patient, 1, int64(doseMass), parts, c.from, until, "maintenance", "", s.doctor, a.w.now, "active", ""})
		rows = append(rows, []any{i, numbers[s], s.patients, patient, order, max(c.from, c.kept), c.to})
	}
	insert := func(table, columns string, rows [][]any) { a.w.insert(a.b, a.tx, table, columns, rows) }
	insert("place", "site, clinic, product, doctor, nurse", places)
	insert("post", "site, k, station", posts)
	insert("station", "id, clinic, name, enrol_code, active, manual, event_seq, event_hash", stations)
	insert("patient", "id, clinic, code, name, name_fold, birth_year, sex, has_photo, status, phase, enrolled_on, ended_on, end_reason, version", patients)
	insert("prescription", "id, clinic, patient, version, dose_ug, parts_ug, from_day, to_day, phase, reason, prescriber, signed_at, status, ended_by", orders)
	insert("course", "n, site, rank, patient, prescription, from_day, to_day", rows)
}

// stock lists every dose with the bottle that it came from, and adds the bottles and their papers: one of the supplier's
// for each month.
func (a archive) stock() {
	a.run(fmt.Sprintf(`CREATE TEMPORARY TABLE past ON COMMIT DROP AS
		SELECT x.*, p.clinic, p.doctor, p.nurse, w.station, pg_temp.id_of(at, 0, i) AS id,
			pg_temp.number_id('b', bottle_n) AS bottle, pg_temp.number_id('a', bottle_n / %[1]d) AS lot,
			pg_temp.number_id('d', x.site * 4096 + (date_part('year', day)::int %% 100) * 12 + date_part('month', day)::int) AS receipt
		FROM (SELECT *, (site * %[2]d + n %% %[2]d) * 1000000 + n / %[2]d / %[3]d AS bottle_n, n / %[2]d %% %[3]d AS bottle_dose
			FROM (SELECT *, row_number() OVER (PARTITION BY site ORDER BY at, i) - 1 AS n
				FROM (SELECT *, row_number() OVER (ORDER BY at, site) - 1 AS i
					FROM (SELECT site, patient, prescription, d::date AS day,
							d::date::timestamp AT TIME ZONE 'UTC' + interval '1 hour' + rank * interval '20 seconds' + site * interval '1 second' AS at
						FROM course, generate_series(from_day, to_day, interval '1 day') d) days) numbered) own) x
		JOIN place p ON p.site = x.site JOIN post w ON w.site = x.site AND w.k = x.n %% %[2]d ORDER BY i`, lotBottles, archiveWindows, bottleDoses))
	a.run("ANALYZE past")
	full := int64(bottleDoses * doseVolume)
	a.run(`CREATE TEMPORARY TABLE used ON COMMIT DROP AS SELECT bottle, bottle_n, lot, clinic, station, min(at) AS opened, count(*) AS doses
		FROM past GROUP BY bottle, bottle_n, lot, clinic, station`)
	a.run(`INSERT INTO lot SELECT lot, p.clinic, p.product, lot::text, $1, $2, p.doctor, opened, 250, $3::date, 'released', ''
		FROM (SELECT lot, clinic, min(opened) AS opened FROM used GROUP BY lot, clinic) u JOIN place p ON p.clinic = u.clinic`,
		int64(strength), int64(density), day(a.w.today.AddDays(300)))
	a.run(fmt.Sprintf(`INSERT INTO bottle (id, clinic, lot, code, state, label_volume_ul, tare_weight_ug, opened_at, opened_gross_ug)
		SELECT bottle, clinic, lot, 'B' || bottle_n, CASE doses WHEN %d THEN 'empty' ELSE 'in_use' END, $1, 0, opened, 0 FROM used`, bottleDoses), full)
	a.run(`INSERT INTO bottle_balance SELECT bottle, clinic, lot, 2 + 2 * doses, -$1::bigint, 0, $1::bigint - doses * $2::bigint, 0, 0, doses * $2::bigint,
		0, 0, 0, 0, 0, 0, 0, 0 FROM used`, full, poured)
	a.run(`UPDATE station s SET bottle = u.bottle FROM (SELECT DISTINCT ON (station) station, bottle FROM used ORDER BY station, opened DESC) u
		WHERE u.station = s.id`)
	a.run(`INSERT INTO document SELECT receipt, clinic, 'receipt', doctor, '', '', 'Công ty dược', 'PN-' || to_char(min(day), 'YYYY-MM'), '{}', min(at), min(at)
		FROM past WHERE bottle_dose = 0 GROUP BY receipt, clinic, doctor`)
}

// doses writes the rows of every dose in the order in which they came to be: what names its row's own column is joined
// after it, row by row.
func (a archive) doses() {
	full := int64(bottleDoses * doseVolume)
	a.run(`INSERT INTO dispensing SELECT id, clinic, patient, prescription, station, bottle, lot, day, 1, 'observed', $1::bigint, $2::bigint,
		$3::bigint, $4::bigint, 'vn', 1, '[]', nurse, at FROM past`, int64(doseMass), poured, int64(strength), int64(density))
	a.run(`INSERT INTO dispensing_state SELECT id, clinic, patient, station, 'administered', false, 5, $1::bigint, $2::bigint, true, $1::bigint, true,
		at, at FROM past`, poured, weighs)
	a.run(`INSERT INTO dispensing_step SELECT id, k, clinic, (ARRAY['reserved', 'dispensing', 'measured', 'handed_over', 'administered'])[k],
			(ARRAY['', 'reserved', 'dispensing', 'measured', 'measured'])[k], (ARRAY['reserved', 'dispensing', 'measured', 'measured', 'administered'])[k],
			'staff', nurse, '', 0, '', at + k * interval '8 seconds', at + k * interval '8 seconds'
		FROM past, LATERAL generate_series(1, least(5, 5 + bottle_dose)) k`)
	a.run(`INSERT INTO dose SELECT patient, day, 1, clinic, id, $1::bigint, 'observed', at FROM past`, int64(doseMass))
	a.run(`INSERT INTO move SELECT pg_temp.id_of(at, k, i), clinic, bottle, CASE WHEN k < 3 THEN k ELSE k + 2 * bottle_dose END, lot,
			(ARRAY['supplier', 'store', 'bottle', 'reserved'])[k], (ARRAY['store', 'bottle', 'reserved', 'administered'])[k],
			CASE WHEN k < 3 THEN $1::bigint ELSE $2::bigint END,
			CASE k WHEN 1 THEN -$1::bigint WHEN 3 THEN $1::bigint - (bottle_dose + 1) * $2::bigint ELSE 0 END,
			CASE k WHEN 4 THEN (bottle_dose + 1) * $2::bigint WHEN 3 THEN $2::bigint ELSE $1::bigint END,
			(CASE WHEN k < 3 THEN receipt ELSE id END)::text, (ARRAY['receipt', 'open', 'begin', 'taken'])[k], at, at, NULL
		FROM past, LATERAL generate_series(CASE bottle_dose WHEN 0 THEN 1 ELSE 3 END, 4) k`, full, poured)
	a.run(`INSERT INTO audit_event SELECT clinic, 5 * n + k, at + k * interval '8 seconds', 'staff', nurse, '',
			'dispensing.' || (ARRAY['begin', 'dispensing', 'measured', 'handed_over', 'administered'])[k], id::text, convert_to(format(
			'{"clinic":"%s","recorded":"%s","actor":{"kind":"staff","id":"%s"},"action":"dispensing","subject":"%s","data":{"step":%s}}',
			clinic, at, nurse, id, k), 'UTF8'), uuid_send(id) || uuid_send(id), uuid_send(patient) || uuid_send(id)
		FROM past, LATERAL generate_series(1, least(5, 5 + bottle_dose)) k`)
}

// finish builds the indexes and sets the ends of the chains.
func (a archive) finish() {
	a.reindex()
	a.run(`UPDATE audit_head h SET seq = e.seq, prev = e.prev, hash = e.hash FROM audit_event e
		WHERE e.clinic = h.clinic AND e.seq = (SELECT max(l.seq) FROM audit_event l WHERE l.clinic = h.clinic)`)
}
