package bench

import (
	"fmt"
	"os"
	"testing"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// asked is a request of somebody who reads, in two records.
type asked struct {
	name             string
	measured, beside string // paths
}

// desk is a server over one record with somebody signed in who reads there.
type desk struct {
	w      *world
	srv    *httpServer
	cookie string
}

func (w *world) desk(b *testing.B, s *site) desk {
	b.Helper()
	srv := w.serve(b)
	return desk{w, srv, srv.signIn(b, s.nurses[:1])[0]}
}

// ask reads a page some times and returns what that cost.
func (r desk) ask(b *testing.B, path string, times int) load {
	b.Helper()
	wires := r.srv.wires(b, 1)
	defer hangUp(wires)
	request := page(path, r.cookie)
	return r.w.drive(b, 1, times, func(int, int) error {
		_, err := wires[0].read(request)
		return err
	})
}

// perAsk is how often a page is read in a round.
const perAsk = 5

// compare measures each page on a record against a page on another, in turns, after a round that warms both.
func compare(b *testing.B, measured, beside desk, pages []asked) {
	b.Helper()
	for _, p := range pages {
		b.Run(p.name, func(b *testing.B) {
			measured.ask(b, p.measured, 1)
			beside.ask(b, p.beside, 1)
			var one, other load
			for b.Loop() {
				one.add(measured.ask(b, p.measured, perAsk))
				other.add(beside.ask(b, p.beside, perAsk))
			}
			costs(b, one, other)
		})
	}
}

// daily is how many patients a clinic of the register's benchmark has.
const daily = 250

// BenchmarkRegister measures the registers of a clinic over years of doses of its and its neighbours, against the same
// registers where the record holds one month: what a page costs must depend on what is asked for, not on what is kept.
// The month and the day asked for are the last ones, and those in the middle of the record.
func BenchmarkRegister(b *testing.B) {
	clinics, days := 2, 400
	if os.Getenv("LIEU_BENCH_LARGE") == "1" {
		clinics, days = 10, 2000
	}
	b.Run(fmt.Sprintf("doses=%d", clinics*daily*days), func(b *testing.B) {
		large, small := onShelf(b), onShelf(b)
		many, one := large.kept(b, clinics, days), small.kept(b, clinics, 31)
		last, middle := large.today.AddDays(-1), large.today.AddDays(-days/2)
		var pages []asked
		for _, at := range []struct {
			name string
			day  calendar.Day
		}{{"last", last}, {"middle", middle}} {
			for _, x := range []struct {
				name string
				path func(*site, calendar.Day) string
			}{
				{"day", func(_ *site, d calendar.Day) string { return "/register?day=" + d.String() }},
				{"day_csv", func(_ *site, d calendar.Day) string {
					return "/v1/registers/dispensing/file?format=csv&day=" + d.String()
				}},
				{"month", func(s *site, d calendar.Day) string { return "/book?product=" + s.product + "&" + monthTo(d) }},
			} {
				pages = append(pages, asked{x.name + "/" + at.name, x.path(many, at.day), x.path(one, last)})
			}
		}
		compare(b, large.desk(b, many), small.desk(b, one), pages)
	})
}

// kept fills a record with days of doses of some clinics and returns the first of them.
func (w *world) kept(b *testing.B, clinics, days int) *site {
	b.Helper()
	sites := w.clinics(b, clinics)
	w.archive(b, w.regulars(sites, daily, days))
	return sites[0]
}

// monthTo is the period of thirty days that ends with a day.
func monthTo(d calendar.Day) string { return "from=" + d.AddDays(-29).String() + "&to=" + d.String() }
