package bench

import (
	"database/sql"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// The day that is closed: doses at each window, and how many patients came on each day of the year before.
const (
	shiftDoses  = 30
	dayPatients = 300
)

// BenchmarkClosing measures the end of a pharmacist's day: the closing count of every window by two people, one with a
// difference that both sign for, the close of its session, and then what is read and filed of the day. A clinic with a
// year of such days stands beside one on its first, and the acts of the close beside their limit: as many commits, each
// with its link of the chain and nothing else.
func BenchmarkClosing(b *testing.B) {
	year, first := onShelf(b), onShelf(b)
	old, young := year.clinic(b, 1, 2), first.clinic(b, 1, 2)
	year.archive(b, year.regulars([]*site{old}, dayPatients, 365))
	old.countedPast(b)
	after, before := newEnd(b, old), newEnd(b, young)
	b.Run("close", func(b *testing.B) {
		conn := first.connections(b, 1)[0]
		after.close(b)
		before.close(b)
		var one, other, limit load
		for b.Loop() {
			limit.add(before.byHand(b, conn))
			one.add(after.close(b))
			other.add(before.close(b))
		}
		costs(b, one, other)
		b.ReportMetric(limit.percentile(50), "limit-p50-ms")
		results.add(b.Name()+"/limit", "p50 %.1f ms\tof %.1f\tratio %.2f\tp99 %.1f ms\tof %.1f\tprocessor %.1f ms\tof %.1f\tratio %.2f", other.percentile(50),
			limit.percentile(50), other.percentile(50)/limit.percentile(50), other.percentile(99), limit.percentile(99), other.cost()/1000, limit.cost()/1000, other.cost()/limit.cost())
		first.intact(b, before.given)
	})
	today := year.today.String()
	var pages []asked
	for _, x := range []struct{ name, path string }{
		{"counters", "/stock/counters"}, {"variance", "/stock/variance"}, {"variance_of_day", "/v1/variances?by=shift&from=" + today + "&to=" + today},
		{"register", "/register"}, {"register_pdf", "/v1/registers/dispensing/file?format=pdf&day=" + today},
	} {
		pages = append(pages, asked{x.name, x.path, x.path})
	}
	compare(b, desk{year, after.srv, after.cookie}, desk{first, before.srv, before.cookie}, pages)
}

// countedPast puts on record that every window of the archive was counted when its day began and when it ended.
func (s *site) countedPast(b *testing.B) {
	b.Helper()
	w := s.w
	w.within(b, func(tx *sql.Tx) {
		a := archive{b: b, w: w, tx: tx}
		a.run(`CREATE TEMPORARY TABLE shift ON COMMIT DROP AS SELECT gen_random_uuid() AS id, station, day, min(lot::text)::uuid AS lot,
				(array_agg(bottle ORDER BY recorded))[1] AS first, (array_agg(bottle ORDER BY recorded DESC))[1] AS last,
				min(recorded) AS opened, max(recorded) AS closed
			FROM dispensing WHERE clinic = $1 GROUP BY station, day`, s.id)
		a.run(`INSERT INTO counter_session SELECT id, $1::uuid, station, day, 1, 'closed', $2::text, opened, opened, closed, $2::text, $3::text, NULL
			FROM shift ORDER BY opened`, s.id, s.nurses[0].id, s.nurses[1].id)
		a.run(`CREATE TEMPORARY TABLE counted ON COMMIT DROP AS
			SELECT gen_random_uuid() AS id, id AS session, station, day, lot, 'opening' AS phase, first AS bottle, opened AS at FROM shift
			UNION ALL SELECT gen_random_uuid(), id, station, day, lot, 'closing', last, closed FROM shift`)
		a.run(`INSERT INTO stock_count SELECT id, $1::uuid, session, station::text, phase, 'settled', format('["%s"]', bottle), $2::text, at, at
			FROM counted ORDER BY at`, s.id, s.nurses[0].id)
		a.run(`INSERT INTO count_entry SELECT c.id, person, bottle, $1::uuid, 'measured', 0, 480000, 480000, at
			FROM counted c, unnest(ARRAY[$2::text, $3::text]) person ORDER BY at`, s.id, s.nurses[0].id, s.nurses[1].id)
		a.run(`INSERT INTO variance SELECT c.id, c.bottle, $1::uuid, l.lot, station::text, $2::text, day, 1, 480000, 480000, 0, 0, 600000, '[]', NULL, false, NULL, at
			FROM counted c JOIN bottle l ON l.id = c.bottle ORDER BY at`, s.id, s.nurses[0].id)
	})
	w.settle(b)
}

// end is a clinic whose day comes to its end, again and again: each time is a shift of its own.
type end struct {
	s       *site
	srv     *httpServer
	cookie  string
	windows []window
	shift   int
	given   int // doses
}

func newEnd(b *testing.B, s *site) *end {
	b.Helper()
	srv := s.w.serve(b)
	return &end{s: s, srv: srv, cookie: srv.signIn(b, s.nurses[:1])[0], shift: stock.MaxShift}
}

// open begins a shift of each window with a count that agrees, and gives the shift's doses.
func (e *end) open(b *testing.B, wire *wire) (sessions []string) {
	b.Helper()
	if e.shift++; e.shift > stock.MaxShift {
		e.windows, e.shift = e.s.openWith(b, perClinic, 5*measure.Litre), 1
	}
	for i := range e.windows {
		win, session, count := &e.windows[i], id.New[string](), id.New[string]()
		check(b, wire.do(e.post("/counter-sessions", `{"id":%q,"count":%q,"station":%q,"shift":%d}`, session, count, win.id, e.shift), http.StatusCreated))
		for _, form := range e.forms(b, win, count, 0) {
			check(b, wire.do(form, http.StatusOK))
		}
		sessions = append(sessions, session)
		for _, p := range e.s.arrive(b, shiftDoses) {
			for k, request := range e.s.dose(win, p, e.s.nurses[0]).overHTTP(b, e.cookie) {
				check(b, wire.do(request, answers[k]))
			}
		}
		e.given += shiftDoses
	}
	e.s.w.settle(b)
	return sessions
}

func (e *end) post(path, body string, args ...any) []byte {
	return request("/v1"+path, e.cookie, "", fmt.Appendf(nil, body, args...))
}

// forms are those of the two people who count a window's bottle and find so much less than the book has.
func (e *end) forms(b *testing.B, win *window, count string, less measure.Volume) [2][]byte {
	b.Helper()
	found := e.s.w.count(b, "SELECT bottle FROM bottle_balance WHERE id = $1", win.bottle) - int(less)
	line := fmt.Sprintf(`"lines":[{"bottle":%q,"method":"measured","volume_ul":%d}]`, win.bottle, found)
	return [2][]byte{
		e.post("/counts/"+count+"/entries", "{%s}", line),
		e.post("/counts/"+count+"/entries", `{%s,"person":%s}`, line, e.second()),
	}
}

func (e *end) second() string {
	return fmt.Sprintf(`{"username":%q,"pin":%q}`, e.s.nurses[1].username, pin)
}

// acts are the requests that close one window, in their order. At the first window a millilitre is missing.
func (e *end) acts(b *testing.B, i int, session string) (out [][]byte) {
	b.Helper()
	var less measure.Volume
	if i == 0 {
		less = measure.Millilitre
	}
	count := id.New[string]()
	forms := e.forms(b, &e.windows[i], count, less)
	out = append(out, e.post("/counter-sessions/"+session+"/count", `{"count":%q}`, count), forms[0], forms[1])
	if less > 0 {
		out = append(out, e.post("/counts/"+count+"/settle", `{"reason":"spilled","witness":%s}`, e.second()))
	}
	return append(out, e.post("/counter-sessions/"+session+"/close", `{"witness":%s}`, e.second()))
}

// close ends a shift and returns what closing its windows took, one after the other.
func (e *end) close(b *testing.B) load {
	b.Helper()
	wires := e.srv.wires(b, 1)
	defer hangUp(wires)
	sessions := e.open(b, wires[0])
	work := make([][][]byte, len(sessions))
	for i, session := range sessions {
		work[i] = e.acts(b, i, session)
	}
	return e.s.w.drive(b, 1, len(work), func(_, i int) error {
		for k, act := range work[i] {
			if err := wires[0].do(act, http.StatusOK); err != nil {
				return fmt.Errorf("act %d: %w", k+1, err)
			}
		}
		return nil
	})
}

// byHand commits as often as the close of a shift does, each time a link of the clinic's chain.
func (e *end) byHand(b *testing.B, conn *pgx.Conn) load {
	b.Helper()
	statement := e.s.w.store.Texts().AppendEvent
	entry := audit.Entry{
		Clinic: clinic.ID(e.s.id), Recorded: e.s.w.now, Actor: audit.Actor{Kind: audit.ByStaff, ID: e.s.nurses[0].id}, Action: "count.enter",
		Subject: id.New[string](), Data: audit.Data(map[string]any{"lines": 1}),
	}
	payload, err := entry.Payload()
	check(b, err)
	at := e.s.w.now.Time()
	args := []any{e.s.id, payload, at, string(entry.Actor.Kind), entry.Actor.ID, "", entry.Action, entry.Subject}
	return e.s.w.drive(b, 1, perClinic, func(_, i int) error {
		acts := 4
		if i == 0 {
			acts++
		}
		for range acts {
			if _, err := conn.Exec(b.Context(), statement, args...); err != nil {
				return err
			}
		}
		return nil
	})
}
