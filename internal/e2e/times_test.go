package e2e

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/web/browsertest"
)

// TestTimesOfTheWindow measures, on an idle machine, what a nurse waits for: the page until it takes keys, and a weight
// from the server's receipt until it is on the screen. The times depend on the machine, so it runs only when asked.
func TestTimesOfTheWindow(t *testing.T) {
	if os.Getenv("MEASURE") == "" {
		t.Skip("MEASURE is not set")
	}
	r := newRig(t, 8, "", "")
	d := r.desk(browsertest.Start(t))
	d.signIn(r.c.nurse)
	d.Open("/check-in")
	for i, p := range r.c.patients {
		d.checkIn(p, i+1)
	}
	var page, answer []float64
	for range 15 {
		d.window()
		v := browsertest.Eval[[]float64](d.Tab, `(n => [n.domContentLoadedEventEnd, n.responseEnd - n.requestStart])(performance.getEntriesByType('navigation')[0])`)
		page, answer = append(page, v[0]), append(answer, v[1])
	}
	t.Logf("page takes keys after %s; the server's part %s", spread(page), spread(answer))

	// The handler of a reading writes the page before it returns; a microtask runs right after it.
	browsertest.Eval[bool](d.Tab, `(() => {
		const parse = JSON.parse;
		window.late = [];
		JSON.parse = (text, ...more) => {
			const v = parse(text, ...more);
			if (v?.received_at) queueMicrotask(() => window.late.push(Date.now() - Date.parse(v.received_at)));
			return v;
		};
		return true;
	})()`)
	for range 5 {
		d.cup()
	}
	late := browsertest.Eval[[]float64](d.Tab, `window.late`)
	require.NotEmpty(t, late)
	t.Logf("a reading is on the screen after %s", spread(late))
}

// spread is the median and the greatest of some milliseconds.
func spread(ms []float64) string {
	slices.Sort(ms)
	return fmt.Sprintf("%.0f ms in the middle, %.0f ms at most (%d)", ms[len(ms)/2], ms[len(ms)-1], len(ms))
}
