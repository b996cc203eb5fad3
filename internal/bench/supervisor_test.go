package bench

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/id"
)

// The morning that the supervisors look at: windows, patients who had their dose, and how many days before it count.
const (
	morningWindows = 4
	morningServed  = 100
	morningDays    = 7
	watchers       = 20
)

// BenchmarkSupervisor measures the supervisor's page while the queue moves: from a check-in or a call until each browser
// that shows the page has read its new figures. Twenty browsers stand beside one, and 700 patients who wait beside 70.
func BenchmarkSupervisor(b *testing.B) {
	for _, e := range []struct {
		name string
		open func(*testing.B) *world
	}{{"postgres", onPostgres}, {"sqlite", onSQLite}} {
		b.Run(e.name, func(b *testing.B) {
			full, alone, quiet := newMorning(b, e.open(b), 700), newMorning(b, e.open(b), 700), newMorning(b, e.open(b), 70)
			b.Run("browsers=20_beside_1", func(b *testing.B) { watch(b, full, watchers, alone, 1) })
			b.Run("waiting=700_beside_70", func(b *testing.B) { watch(b, full, watchers, quiet, watchers) })
		})
	}
}

// perWatch is how many changes a round sees.
const perWatch = 6

// watch lets two mornings change in turns, each before so many browsers.
func watch(b *testing.B, measured *morning, many int, beside *morning, few int) {
	b.Helper()
	one, other := measured.open(b, many), beside.open(b, few)
	measured.changes(b, one, 3)
	beside.changes(b, other, 3)
	var seen, seenBeside sight
	for b.Loop() {
		seen.add(measured.changes(b, one, perWatch))
		seenBeside.add(beside.changes(b, other, perWatch))
	}
	seen.report(b, seenBeside)
}

// sight is what the browsers saw of some changes.
type sight struct {
	changes load // until all had read the new figures
	pages   load // each reading
}

func (s *sight) add(o sight) {
	s.changes.add(o.changes)
	s.pages.add(o.pages)
}

func (s sight) report(b *testing.B, beside sight) {
	b.Helper()
	costs(b, s.changes, beside.changes)
	b.ReportMetric(s.pages.percentile(50), "page-p50-ms")
	b.ReportMetric(s.pages.percentile(99), "page-p99-ms")
	b.ReportMetric(s.pages.cost()/1000, "page-cpu-ms")
	results.add(b.Name()+"/page", "p50 %.1f ms\tof %.1f\t\tp99 %.1f ms\tof %.1f\tprocessor %.1f ms\tof %.1f\tratio %.2f", s.pages.percentile(50), beside.pages.percentile(50),
		s.pages.percentile(99), beside.pages.percentile(99), s.pages.cost()/1000, beside.pages.cost()/1000, s.pages.cost()/beside.pages.cost())
}

// morning is a clinic with a queue.
type morning struct {
	w       *world
	s       *site
	srv     *httpServer
	cookies []string
	windows []window
	due     []person // who have not come yet
	called  string   // the ticket that was called last, "" for none
	turn    int
}

// newMorning makes a clinic where so many wait, as many are still to come, some were served, and the days before were
// like that.
func newMorning(b *testing.B, w *world, waiting int) *morning {
	b.Helper()
	s := w.clinic(b, 1, watchers)
	m := &morning{w: w, s: s, windows: s.open(b, morningWindows), srv: w.serve(b)}
	m.cookies = m.srv.signIn(b, s.nurses)
	m.serveSome(b)
	queued := s.due(b, waiting)
	m.due = s.due(b, 1000)
	w.within(b, func(tx *sql.Tx) { m.tickets(b, tx, queued) })
	w.settle(b)
	return m
}

// serveSome gives doses at the windows.
func (m *morning) serveSome(b *testing.B) {
	b.Helper()
	wires := m.srv.wires(b, 1)
	defer hangUp(wires)
	for i, p := range m.s.arrive(b, morningServed) {
		for k, request := range m.s.dose(&m.windows[i%morningWindows], p, m.s.nurses[0]).overHTTP(b, m.cookies[0]) {
			check(b, wires[0].do(request, answers[k]))
		}
	}
}

// tickets lets people wait, each a few seconds after the other, and puts the visits of the days before on record.
func (m *morning) tickets(b *testing.B, tx *sql.Tx, queued []person) {
	b.Helper()
	w, s := m.w, m.s
	var waiting, before [][]any
	for i, p := range queued {
		at := w.now.Add(-time.Duration(len(queued)-i) * 5 * time.Second)
		waiting = append(waiting, []any{p.ticket, s.id, w.today, p.number, p.id, "arrived", "", at, at})
		for d := 1; d <= morningDays; d++ {
			at := at.Add(-time.Duration(d) * 24 * time.Hour)
			before = append(before, []any{id.New[string](), s.id, w.today.AddDays(-d), p.number, p.id, "done", "", m.windows[i%morningWindows].id, at, at,
				at.Add(10 * time.Minute), at.Add(11 * time.Minute), at.Add(12 * time.Minute)})
		}
	}
	w.insert(b, tx, "ticket", "id, clinic, day, number, patient, state, priority, arrived_at, place", waiting)
	w.insert(b, tx, "ticket", "id, clinic, day, number, patient, state, priority, station, arrived_at, place, called_at, at_window_at, done_at", before)
	w.insert(b, tx, "serial", "clinic, name, last", [][]any{{s.id, "ticket " + w.today.String(), s.patients}})
}

// change checks a patient in, calls one, or lets the one who was called go.
func (m *morning) change(b *testing.B, wire *wire) (checkedIn bool) {
	b.Helper()
	m.turn++
	switch {
	case m.turn%3 == 1:
		check(b, wire.do(request("/v1/check-ins", m.cookies[0], "", fmt.Appendf(nil, `{"code":%q}`, m.due[0].code)), http.StatusOK))
		m.due = m.due[1:]
		return true
	case m.called == "":
		answer, err := wire.read(request("/v1/stations/"+m.windows[0].id+"/next", m.cookies[0], "", nil))
		check(b, err)
		var t struct{ ID string }
		check(b, json.Unmarshal(answer, &t))
		m.called = t.ID
	default:
		check(b, wire.do(request("/v1/tickets/"+m.called+"/leave", m.cookies[0], "", nil), http.StatusOK))
		m.called = ""
	}
	return false
}

// browser shows the supervisor's page: it listens to the clinic's events and reads the figures again after each.
type browser struct {
	stream net.Conn
	page   *wire
	ask    []byte
	read   chan reading
}

// reading is one of the figures: how long it took, and how many it says are still to come.
type reading struct {
	took   time.Duration
	coming int
	err    error
}

// collects is how long a page waits for more events before it reads its figures, as live.js does.
const collects = 30 * time.Millisecond

// open lets browsers show the page.
func (m *morning) open(b *testing.B, n int) []*browser {
	b.Helper()
	out := make([]*browser, n)
	var all sync.WaitGroup
	for i := range out {
		stream, err := net.Dial("tcp", m.srv.address)
		check(b, err)
		x := &browser{
			stream: stream, page: m.srv.wires(b, 1)[0], read: make(chan reading, 100),
			ask: page("/supervisor", m.cookies[i], "HX-Request: true", "Lieu-Background: 1"),
		}
		out[i] = x
		_, err = stream.Write(page("/v1/stream", m.cookies[i]))
		check(b, err)
		answer, err := http.ReadResponse(bufio.NewReader(stream), nil)
		check(b, err)
		all.Go(func() { x.follow(answer.Body) })
	}
	b.Cleanup(func() {
		for _, x := range out {
			_ = x.stream.Close() // which ends its reader
		}
		all.Wait()
	})
	return out
}

// follow reads the figures after each event of the queue until the stream ends.
func (x *browser) follow(events io.Reader) {
	lines := bufio.NewScanner(events)
	for lines.Scan() {
		if lines.Text() != "event: queue" {
			continue
		}
		<-time.After(collects)
		began := time.Now()
		body, err := x.page.read(x.ask)
		r := reading{took: time.Since(began), err: err}
		if err == nil {
			r.coming, r.err = comingOn(body)
		}
		x.read <- r
	}
}

var figure = regexp.MustCompile(`<dd>(\d+)</dd>`)

// comingOn reads from the page how many are still to come.
func comingOn(body []byte) (int, error) {
	numbers := figure.FindAllSubmatch(body[:bytes.Index(body, []byte("</dl>"))+1], -1)
	if len(numbers) == 0 {
		return 0, errors.New("a page without figures")
	}
	return strconv.Atoi(string(numbers[len(numbers)-1][1]))
}

// changes changes the queue some times, each time when every browser has read the figures of the time before. It fails
// the benchmark when one of them shows old figures.
func (m *morning) changes(b *testing.B, browsers []*browser, n int) (s sight) {
	b.Helper()
	wires := m.srv.wires(b, 1)
	defer hangUp(wires)
	var readings []time.Duration
	s.changes = m.w.drive(b, 1, n, func(int, int) error {
		m.change(b, wires[0])
		for i, x := range browsers {
			r := <-x.read
			if r.err == nil && r.coming != len(m.due) {
				r.err = fmt.Errorf("shows %d still to come, not %d", r.coming, len(m.due))
			}
			if r.err != nil {
				return fmt.Errorf("browser %d: %w", i, r.err)
			}
			readings = append(readings, r.took)
		}
		return nil
	})
	s.pages = load{took: s.changes.took, waits: readings, cpu: s.changes.cpu}
	return s
}
