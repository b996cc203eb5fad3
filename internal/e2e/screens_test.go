package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web/browsertest"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// desk is one person at one computer of the clinic: a browser on the real screens, and hands at the window.
type desk struct {
	*browsertest.Tab
	r       *rig
	scanned time.Time // when the last card was held under the scanner
}

func (r *rig) desk(b *browsertest.Browser) *desk {
	r.t.Helper()
	return &desk{Tab: b.Tab(r.t, r.base), r: r}
}

// signIn proves who sits there.
func (d *desk) signIn(who staff.Member) {
	d.T.Helper()
	d.Open("/sign-in")
	d.Do(
		chromedp.SendKeys(chromedp.CSS("[name=username]"), who.Username),
		chromedp.SendKeys(chromedp.CSS("[name=password]"), password+"\r"),
	)
	d.Until(`location.pathname === '/' && document.querySelector('.who')`)
}

// checkIn types a card's code at the door.
func (d *desk) checkIn(p patient.Patient, ticket int) {
	d.T.Helper()
	d.Press(p.Code + "\r")
	d.Until(fmt.Sprintf(`document.querySelector('.door-result .ticket-number')?.textContent === '%d'`, ticket))
}

// window opens the window and waits until its scanner can be heard.
func (d *desk) window() {
	d.T.Helper()
	d.r.devicesReady()
	d.Open("/window/" + string(d.r.c.station.ID))
	d.Until(`document.querySelector('[data-device=scanner]')?.dataset.state === 'ready' && document.activeElement.id === 'scan'`)
}

// counterUp waits until the counter that was started last has found its devices.
func (r *rig) counterUp() {
	r.t.Helper()
	r.eventually("the counter has its devices", func() bool {
		said := r.counter.out.String()
		return strings.Contains(said, `"kind":"scale","state":"ready"`) && strings.Contains(said, `"kind":"pump","state":"ready"`)
	})
}

// scan holds a card under the window's scanner, no faster than a person can: the same code within a second is one scan.
func (d *desk) scan(p patient.Patient) {
	d.T.Helper()
	d.r.eventually("a second has passed since the last card", func() bool { return time.Since(d.scanned) > 1100*time.Millisecond })
	d.scanned = time.Now()
	require.NoError(d.T, d.r.bench.Only().Scan(p.Code))
}

// stage waits until the working area shows this stage.
func (d *desk) stage(name string) {
	d.T.Helper()
	d.Until(`document.querySelector('#work')?.dataset.stage === '` + name + `'`)
}

// verdict waits for the word that is read at arm's length.
func (d *desk) verdict(word string) {
	d.T.Helper()
	d.Until(`document.querySelector('#work .verdict .big')?.textContent === '` + word + `'`)
}

// enter presses the one action of the moment.
func (d *desk) enter() {
	d.T.Helper()
	d.Settle()
	d.Press("\r")
}

// key is the id of the dose on the screen.
func (d *desk) key() string {
	d.T.Helper()
	return browsertest.Eval[string](d.Tab, `document.querySelector('#focus [name=watch]').value`)
}

// cup puts an empty cup on the pan, in place of whatever stands there.
func (d *desk) cup() {
	d.T.Helper()
	if _, err := d.r.bench.Only().LiftCup(); err == nil {
		d.Until(`document.querySelector('[data-device=cup] .says').textContent === 'không có cốc'`)
	}
	require.NoError(d.T, d.r.bench.Only().PlaceCup())
	d.Until(`document.querySelector('[data-device=cup] .says').textContent === 'có cốc'`)
}

// pour takes a patient from the scan to the release, and returns the dose.
func (d *desk) pour(p patient.Patient) string {
	d.T.Helper()
	d.cup()
	d.scan(p)
	// The one before may still be on the screen.
	d.Until(`document.querySelector('#work')?.dataset.stage === 'patient' && document.querySelector('#work').textContent.includes('` + p.Code + `')`)
	d.enter()
	d.stage("pouring")
	return d.key()
}

// handOver binds the cup and takes it from the pan.
func (d *desk) handOver(p patient.Patient) {
	d.T.Helper()
	d.stage("bind")
	_, err := d.r.bench.Only().LiftCup()
	require.NoError(d.T, err)
	d.scan(p)
	d.stage("swallow")
}

// exception opens the screen of its own behind a key, and fills its fields.
func (d *desk) exception(key string, fields ...string) {
	d.T.Helper()
	d.Settle()
	d.Press(key)
	d.stage("exception")
	// A form puts the cursor into its first field once it is there; what was typed before that would go astray.
	d.Until(`document.querySelector('#work .exception')?.contains(document.activeElement)`)
	d.fill(fields...)
}

// fill types into fields by name: name, text, name, text.
func (d *desk) fill(fields ...string) {
	d.T.Helper()
	for i := 0; i < len(fields); i += 2 {
		d.Do(chromedp.SendKeys(chromedp.CSS("#work [name="+fields[i]+"]"), fields[i+1]))
	}
}

// witness lets the pharmacist sign what is on the screen; Enter sends it.
func (d *desk) witness() {
	d.T.Helper()
	d.fill("witness", d.r.c.pharmacist.Username+"\r")
	d.Until(`document.activeElement.name === 'witness_pin'`)
	d.Press(pin + "\r")
}

// submit fills the form of a page that sends to an address ending in act, and waits for the page's word that it is done.
func (d *desk) submit(act, done string, fields ...string) {
	d.T.Helper()
	set := ""
	for i := 0; i < len(fields); i += 2 {
		set += fmt.Sprintf("f.elements[%q].value = %q;", fields[i], fields[i+1])
	}
	browsertest.Eval[bool](d.Tab, fmt.Sprintf(`(() => {
		const f = document.querySelector('form[action$="%s"]');
		for (let e = f.closest('details'); e; e = e.parentElement.closest('details')) e.open = true;
		%s
		if (!f.reportValidity()) throw new Error('the form is not complete');
		setTimeout(() => f.requestSubmit(), 10);
		return true;
	})()`, act, set))
	d.Until(fmt.Sprintf(`document.readyState === 'complete' && location.search.includes('done=%s') && document.querySelector('.notice')`, done))
}

// lived founds a clinic some days ago, whose patients came every day since but today, except where came says no.
// They came to the first window; today's is the second, whose counter nobody enrolled yet.
func lived(t *testing.T, st *store.Store, days, patients int, came func(patient, day int) bool) *smallClinic {
	t.Helper()
	now := time.Now()
	start := now.AddDate(0, 0, -days)
	clk := &clock{t: start}
	s := newServices(t, st, clk.now, dispensing.Options{})
	c := s.found(t, 1, patients)
	k := s.enrol(t, c)
	for day := range days {
		clk.add(start.AddDate(0, 0, day).Sub(clk.now()))
		if day > 0 {
			s.check(t, c, k)
		}
		k.ready(t)
		for i, p := range c.patients {
			if came(i, day) {
				s.dose(t, c, k, p)
				clk.add(time.Minute)
			}
		}
	}
	clk.add(now.Sub(clk.now()))
	_, err := s.equipment.MountBottle(t.Context(), c.clinic.ID, c.pharmacist, c.station.ID, "")
	require.NoError(t, err)
	s.furnish(t, c, 2)
	return c
}

// dose gives a patient the day's dose, with the counter played by the test.
func (s services) dose(t *testing.T, c *smallClinic, k *counter, p patient.Patient) {
	t.Helper()
	d := s.begin(t, c, p)
	k.report(t, stationlog.KindMeasured, poured(t, d.ID, d.Volume))
	_, err := s.doses.HandOver(t.Context(), c.act(d), p.ID)
	require.NoError(t, err)
	_, err = s.doses.Taken(t.Context(), c.act(d))
	require.NoError(t, err)
}

// grams writes a weight as it is typed in Vietnamese.
func grams(g float64) string { return strings.Replace(fmt.Sprintf("%.2f", g), ".", ",", 1) }
