package bench

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
)

// perClinic is how many windows a clinic has here.
const perClinic = 4

// BenchmarkDose measures whole doses, from the begin through the counter's two records and the hand-over to the swallow,
// against the same five steps by hand: one call and one commit each, because each must be on disk before the next.
func BenchmarkDose(b *testing.B) {
	for _, n := range clients {
		b.Run(fmt.Sprintf("postgres/clients=%d", n), func(b *testing.B) {
			w := onPostgres(b)
			w.limitFunctions(b)
			doseRounds(b, w, n, handPostgres{w.connections(b, n)})
		})
		b.Run(fmt.Sprintf("sqlite/clients=%d", n), func(b *testing.B) {
			w := onSQLite(b)
			doseRounds(b, w, n, &handSQLite{db: w.db, texts: w.store.Texts()})
		})
	}
}

// byHand does one step of a dose without the program.
type byHand interface {
	do(b *testing.B, client int, c call) error
}

type handPostgres struct{ conns []*pgx.Conn }

func (h handPostgres) do(b *testing.B, client int, c call) error {
	statement, args := one(c)
	_, err := h.conns[client].Exec(b.Context(), statement, args...)
	return err
}

// doseRounds measures whole doses over HTTP beside those by hand.
func doseRounds(b *testing.B, w *world, n int, hand byHand) {
	b.Helper()
	g := newDoses(b, w, n, w.serve(b))
	g.byHand(b, hand)
	g.overHTTP(b)
	var measured, limit load
	for b.Loop() {
		limit.add(g.byHand(b, hand))
		measured.add(g.overHTTP(b))
	}
	against(b, measured, limit)
	w.intact(b, g.count)
	if got := w.count(b, "SELECT count(*) FROM dose"); got != g.count {
		b.Fatalf("%d doses taken, %d were given", got, g.count)
	}
}

// doses are clients who each give doses at a window of their own, at clinics of a few windows.
type doses struct {
	w       *world
	sites   []*site // of each client
	nurses  []nurse
	windows []*window
	cookies []string
	srv     *httpServer
	size    int
	count   int
}

func newDoses(b *testing.B, w *world, n int, srv *httpServer) *doses {
	b.Helper()
	g := &doses{w: w, size: 20 * min(n, 10), srv: srv}
	for c := 0; c < n; c += perClinic {
		here := min(perClinic, n-c)
		s := w.clinic(b, c/perClinic+1, here)
		windows := s.open(b, here)
		for i := range here {
			g.sites, g.windows = append(g.sites, s), append(g.windows, &windows[i])
		}
		g.nurses = append(g.nurses, s.nurses...)
	}
	g.cookies = srv.signIn(b, g.nurses)
	return g
}

// next prepares a round: every client has a patient of its clinic for each dose.
func (g *doses) next(b *testing.B) []dose {
	b.Helper()
	n := len(g.windows)
	waiting := map[*site][]person{}
	out := make([]dose, g.size)
	for i := range out {
		c := i % n
		s := g.sites[c]
		if len(waiting[s]) == 0 {
			waiting[s] = s.arrive(b, g.size)
		}
		out[i] = s.dose(g.windows[c], waiting[s][0], g.nurses[c])
		waiting[s] = waiting[s][1:]
	}
	if g.count < 3*g.size {
		g.w.settle(b)
	}
	g.count += g.size
	return out
}

func (g *doses) byHand(b *testing.B, hand byHand) load {
	b.Helper()
	prepared := make([][5]call, g.size)
	for i, d := range g.next(b) {
		prepared[i] = d.byHand(b)
	}
	return g.w.drive(b, len(g.windows), g.size, func(c, i int) error {
		for k, step := range prepared[i] {
			if err := hand.do(b, c, step); err != nil {
				return fmt.Errorf("step %d: %w", k+1, err)
			}
		}
		return nil
	})
}

// The answers that the five requests of a dose have.
var answers = [5]int{http.StatusCreated, http.StatusOK, http.StatusOK, http.StatusOK, http.StatusOK}

func (g *doses) overHTTP(b *testing.B) load {
	b.Helper()
	prepared := make([][5][]byte, g.size)
	for i, d := range g.next(b) {
		prepared[i] = d.overHTTP(b, g.cookies[i%len(g.windows)])
	}
	// The server closes a connection that says nothing for a while, as it may while a round is prepared.
	wires := g.srv.wires(b, len(g.windows))
	defer hangUp(wires) // or every round would add its clients to those the server holds memory for
	return g.w.drive(b, len(g.windows), g.size, func(c, i int) error {
		for k, request := range prepared[i] {
			if err := wires[c].do(request, answers[k]); err != nil {
				return fmt.Errorf("step %d: %w", k+1, err)
			}
		}
		return nil
	})
}
