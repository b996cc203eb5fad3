package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web/browsertest"
)

// fillIn fills the fields of the form that posts to an address and sends it, as a hand at the keyboard does.
func (d *desk) fillIn(action string, fields map[string]string) {
	d.T.Helper()
	fill := ""
	for name, v := range fields {
		fill += fmt.Sprintf(`f.querySelector('[name="%s"]').value = %q; `, name, v)
	}
	require.True(d.T, browsertest.Eval[bool](d.Tab, fmt.Sprintf(`(() => {
		const f = [...document.querySelectorAll('form[method=post]')].find(f => %s);
		if (!f) return false;
		%s setTimeout(() => f.requestSubmit(), 0);
		return true;
	})()`, action, fill)), action)
}

// paper writes a draft of a kind and stays on its page.
func (d *desk) paper(kind string, fields ...string) {
	d.T.Helper()
	d.Open("/stock/papers/new/" + kind)
	d.submit("/stock/papers", "paper_save", fields...)
}

// post signs the paper on the screen, and lets another person post it.
func (d *desk) post(second staff.Member) {
	d.T.Helper()
	form := "/sign"
	if browsertest.Eval[bool](d.Tab, `!!document.querySelector('form[action$="/bottles"]')`) {
		form = "/bottles" // a delivery is signed with what stands in its table
	}
	d.submit(form, "paper_sign", "pin", pin)
	d.submit("/post", "paper_post", "witness", second.Username, "witness_pin", pin)
}

// The pharmacist's day in a browser, on real processes: a shift is opened by a blind count of two people, a spill is
// written, signed and posted, and the lot is read back.
func TestPharmacyInABrowser(t *testing.T) {
	r := seeded(t, func(st *store.Store) *smallClinic {
		return lived(t, st, 3, 2, func(int, int) bool { return true })
	})
	r.startServer("")
	r.signIn()
	d := r.desk(browsertest.Start(t))
	d.signIn(r.c.pharmacist)

	d.Open("/stock/counters")
	d.fillIn(`f.getAttribute('action') === '/stock/counters'`, map[string]string{"station": string(r.c.station.ID)})
	d.Until(`location.pathname.startsWith('/stock/counts/') && document.querySelector('form[action$="/enter"]')`)
	found := browsertest.Eval[string](d.Tab, `String(document.querySelectorAll('[name=bottle]').length)`)
	require.Equal(t, "1", found)
	d.Shot("count-blind")
	d.fillIn(`f.getAttribute('action').endsWith('/enter')`, map[string]string{"amount": "950"})
	d.Until(`document.querySelector('main')?.textContent.includes('Ngô Dược Sĩ')`)
	d.fillIn(`f.getAttribute('action').endsWith('/enter')`, map[string]string{"amount": "951", "witness": r.c.nurse.Username, "witness_pin": pin})
	d.Until(`document.querySelector('form[action$="/settle"]')`)
	d.Shot("count-differs")

	d.paper("waste", "code", r.c.bottle.Code, "amount", "1,5", "reason", "đổ khi rót")
	d.fillIn(`f.getAttribute('action').endsWith('/sign')`, map[string]string{"pin": pin})
	d.Until(`document.querySelector('form[action$="/post"]')`)
	d.Shot("paper-signed")
	d.fillIn(`f.getAttribute('action').endsWith('/post')`, map[string]string{"witness": r.c.pharmacist.Username, "witness_pin": pin})
	d.Until(`document.querySelector('.alert')`) // nobody is two people
	d.fillIn(`f.getAttribute('action').endsWith('/post')`, map[string]string{"witness": r.c.nurse.Username, "witness_pin": pin})
	d.Until(`document.querySelector('.alert')?.textContent.includes('giám sát')`) // waste takes a supervisor
	d.Shot("paper-needs-supervisor")
	d.fillIn(`f.getAttribute('action').endsWith('/post')`, map[string]string{"witness": r.c.supervisor.Username, "witness_pin": pin})
	d.Until(`document.querySelector('.notice') && document.querySelector('main').textContent.includes('đổ khi rót')`)
	d.Shot("paper-posted")

	for _, page := range []string{"variance", "forecast", "lots/" + string(r.c.lot.ID)} {
		d.Open("/stock/" + page)
		d.Until(`document.querySelector('h1') && !document.querySelector('.alert.stop')`)
		d.Shot("pharmacy-" + page[:4])
	}
}
