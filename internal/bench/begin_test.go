package bench

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lieu-clinic/lieu/internal/store"
)

// clients are the sizes of a morning: a quiet window, a busy clinic, a city.
var clients = []int{1, 8, 32}

// perRound bounds a round of n clients to about a second.
func perRound(n int) int { return min(200*n, 1000) }

// BenchmarkBegin measures how fast doses are begun over HTTP, against the limit. Every dose has a patient, a window and a
// bottle of its own, so that begins wait for one another only where the design makes them: at the chain of their clinic.
// With one clinic both sides wait for the same disk behind the same lock; with twenty the processor is what is scarce.
func BenchmarkBegin(b *testing.B) {
	for _, clinics := range []int{1, 20} {
		for _, n := range clients {
			b.Run(fmt.Sprintf("postgres/clinics=%d/clients=%d", clinics, n), func(b *testing.B) {
				w := onPostgres(b)
				began := newBegins(b, w, w.clinics(b, clinics), n)
				measured, limit := began.rounds(b)
				against(b, measured, limit)
				w.intact(b, began.count)
			})
		}
	}
}

// BenchmarkClinics measures twenty clinics on one server against one clinic: no lock may be global.
func BenchmarkClinics(b *testing.B) {
	w := onPostgres(b)
	sites := w.clinics(b, 21)
	alone, together := newBegins(b, w, sites[:1], 32), newBegins(b, w, sites[1:], 32)
	var single, twenty load
	alone.overHTTP(b)
	together.overHTTP(b)
	for b.Loop() {
		single.add(alone.overHTTP(b))
		twenty.add(together.overHTTP(b))
	}
	against(b, twenty, single)
	w.intact(b, alone.count+together.count)
}

// clinics makes n sites with one nurse each.
func (w *world) clinics(b *testing.B, n int) []*site {
	b.Helper()
	sites := make([]*site, n)
	for i := range sites {
		sites[i] = w.clinic(b, i+1, 1)
	}
	return sites
}

// begins are clients who begin doses of some clinics, and the connections of those who do the same by hand.
type begins struct {
	w       *world
	sites   []*site
	clients int
	size    int // doses in a round
	cookies []string
	srv     *httpServer
	conns   []*pgx.Conn
	count   int      // begun so far
	people  []person // of the first site, who come first; then new ones
}

func newBegins(b *testing.B, w *world, sites []*site, clients int) *begins {
	b.Helper()
	srv := w.serve(b)
	g := &begins{w: w, sites: sites, clients: clients, size: perRound(clients), srv: srv}
	for _, s := range sites {
		g.cookies = append(g.cookies, srv.signIn(b, s.nurses)...)
	}
	return g
}

// rounds measures begins over HTTP beside the limit, after a round that warms caches, connections and plans.
func (g *begins) rounds(b *testing.B) (measured, limit load) {
	b.Helper()
	g.w.limitFunctions(b)
	g.conns = g.w.connections(b, g.clients)
	g.byHand(b)
	g.overHTTP(b)
	for b.Loop() {
		limit.add(g.byHand(b))
		measured.add(g.overHTTP(b))
	}
	return measured, limit
}

func (g *begins) byHand(b *testing.B) load {
	b.Helper()
	calls := make([]call, g.size)
	for i, d := range g.doses(b) {
		calls[i] = d.begin(b)
	}
	statement, _ := one(calls[0])
	return g.w.drive(b, g.clients, g.size, func(c, i int) error {
		_, err := g.conns[c].Exec(b.Context(), statement, calls[i].args...)
		return err
	})
}

func (g *begins) overHTTP(b *testing.B) load {
	b.Helper()
	requests := make([][]byte, g.size)
	for i, d := range g.doses(b) {
		requests[i] = d.beginRequest(g.cookies[i%len(g.sites)])
	}
	wires := g.srv.wires(b, g.clients)
	defer hangUp(wires)
	return g.w.drive(b, g.clients, g.size, func(c, i int) error { return wires[c].do(requests[i], http.StatusCreated) })
}

// doses prepares a round, each dose with a window of its own, dealt out over the sites in turn.
func (g *begins) doses(b *testing.B) []dose {
	b.Helper()
	n := g.size
	out := make([]dose, n)
	for k, s := range g.sites {
		share := (n - k + len(g.sites) - 1) / len(g.sites)
		windows := s.open(b, share)
		people := g.people
		if len(people) >= share {
			g.people = people[share:]
		} else {
			people = s.arrive(b, share)
		}
		for j := range share {
			out[k+j*len(g.sites)] = s.dose(&windows[j], people[j], s.nurses[0])
		}
	}
	if g.count < 3*n {
		g.w.settle(b)
	}
	g.count += n
	return out
}

// intact fails the benchmark unless the whole record holds and has exactly the doses that were begun.
func (w *world) intact(b *testing.B, began int) {
	b.Helper()
	var first error
	findings := 0
	check(b, w.store.Verify(b.Context(), func(f store.Finding) {
		if findings++; first == nil {
			first = fmt.Errorf("%s", f)
		}
	}))
	if findings > 0 {
		b.Fatalf("the record is broken in %d places, first: %v", findings, first)
	}
	if got := w.count(b, "SELECT count(*) FROM dispensing"); got != began {
		b.Fatalf("%d dispensings, %d were begun: lost or doubled", got, began)
	}
}
