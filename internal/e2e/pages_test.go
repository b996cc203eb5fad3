package e2e

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/web/browsertest"
)

// pageRoutes are the screens' routes that show a page, each with what its addresses look like.
func pageRoutes(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	source, err := os.ReadFile("../web/web.go")
	require.NoError(t, err)
	parts := []string{"/static/", "/check-in/lists", "/check-in/print/{print}", "/window/{station}/work", "/window/{station}/queue", "/window/{station}/exception/{kind}", "/stations/{station}/check/work", "/stock/find"}
	routes := map[string]*regexp.Regexp{}
	for _, r := range regexp.MustCompile(`"GET (/[^"]*)"`).FindAllStringSubmatch(string(source), -1) {
		if route := strings.TrimSuffix(r[1], "{$}"); !slices.Contains(parts, route) {
			routes[route] = regexp.MustCompile("^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(route, "[^/?]+") + `$`)
		}
	}
	return routes
}

// everyPageOf lets the people of a demonstration follow the links that they see, to one page of every kind, and looks at
// it in both languages. A page that nobody came to fails the test.
func everyPageOf(t *testing.T, url string) {
	if testing.Short() {
		t.Skip("looks at every page")
	}
	b := browsertest.Start(t)
	w := &tour{routes: pageRoutes(t), seen: map[string]bool{}}
	require.Greater(t, len(w.routes), 25)
	for _, who := range []string{"supervisor", "pharmacist", "nurse", "doctor", "admin", "auditor"} {
		p := b.Tab(t, url)
		w.visit(p, "/sign-in")
		atDesk(p, who)
		w.all(p)
		w.visit(p, "/switch")
		if who == "nurse" {
			w.visit(p, booked(p))
		}
		if who == "supervisor" {
			onAPhone(p)
		}
	}
	for _, route := range slices.Sorted(maps.Keys(w.routes)) {
		require.True(t, w.seen[route], "nobody came to %s", route)
	}
}

// tour is a way through the pages.
type tour struct {
	routes map[string]*regexp.Regexp
	seen   map[string]bool // routes that were looked at, whoever did
}

// route is the route of an address, "" when it is no page's.
func (w *tour) route(path string) string {
	for route, is := range w.routes {
		if is.MatchString(path) {
			return route
		}
	}
	return ""
}

// all opens one page of every kind to which there is a link.
func (w *tour) all(p *browsertest.Tab) {
	p.T.Helper()
	opened := map[string]bool{}
	for todo := []string{"/"}; len(todo) > 0; todo = todo[1:] {
		route := w.route(todo[0])
		if route == "" || opened[route] {
			continue
		}
		opened[route] = true
		todo = append(todo, w.visit(p, todo[0])...)
	}
}

// visit opens a page, looks at it unless its kind was seen before, and returns where its links lead.
func (w *tour) visit(p *browsertest.Tab, path string) []string {
	p.T.Helper()
	p.Open(path)
	if status := browsertest.Eval[int](p, `performance.getEntriesByType('navigation')[0].responseStatus`); status != 200 {
		p.T.Errorf("%s reads %s: %d", p.Text(".who"), path, status)
	}
	links := browsertest.Eval[[]string](p, `[...document.querySelectorAll('a[href]')].filter(a => a.origin === location.origin).map(a => a.pathname)`)
	if route := w.route(path); !w.seen[route] {
		w.seen[route] = true
		inBothLanguages(p)
	}
	return links
}

// booked keeps a quarter hour of the next open day for the first of the patients, and returns where its paper is.
func booked(p *browsertest.Tab) string {
	p.T.Helper()
	return browsertest.Eval[string](p, `(async () => {
		const read = async (path) => (await fetch('/v1' + path)).json();
		const patient = (await read('/queue')).coming[0].patient;
		for (let n = 1; n < 10; n++) {
			const day = new Date(Date.parse((await read('/session')).today) + n * 864e5).toISOString().slice(0, 10);
			const slots = (await read('/slots?day=' + day)).items;
			if (!slots.length) continue;
			const kept = await fetch('/v1/patients/' + patient + '/slots/' + day, {method: 'PUT', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({at: slots[0].at})});
			if (!kept.ok) throw new Error(await kept.text());
			return '/slips/' + patient + '/' + day;
		}
		throw new Error('no day has slots');
	})()`)
}

// onAPhone looks at what a supervisor reads on the way.
func onAPhone(p *browsertest.Tab) {
	p.T.Helper()
	p.Do(chromedp.EmulateViewport(390, 844))
	for _, path := range []string{"/", "/supervisor", "/board", "/figures", "/stations", "/stock/variance"} {
		p.Open(path)
		p.Narrow()
		inBothLanguages(p)
	}
}

// inBothLanguages looks at the page that is open in one language and then in the other.
func inBothLanguages(p *browsertest.Tab) {
	p.T.Helper()
	for range 2 {
		p.Accessible()
		lang := browsertest.Eval[string](p, `document.documentElement.lang`)
		p.Do(chromedp.Click(chromedp.CSS(".language button")))
		p.Until(`document.documentElement?.lang !== '` + lang + `' && document.readyState === 'complete'`)
	}
}
