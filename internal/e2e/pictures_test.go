package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/demo"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web/browsertest"
)

// TestPictures takes the pictures of the documents, from real processes with fictional people, into the folder that
// SHOTS names.
func TestPictures(t *testing.T) {
	if os.Getenv("SHOTS") == "" {
		t.Skip("SHOTS names no folder")
	}
	r := seeded(t, func(st *store.Store) *smallClinic {
		return lived(t, st, 7, len(fictional), func(patient, day int) bool { return (patient+2*day)%9 != 6 })
	})
	r.startServer("")
	r.signIn()
	r.install(0.6) // slow enough for a picture of a pour
	r.startCounter("")
	d := r.desk(browsertest.Start(t))
	d.signIn(r.c.nurse)

	d.Open("/check-in")
	for i, p := range r.c.patients[:6] {
		d.checkIn(p, i+1)
	}
	d.Until(`document.querySelectorAll('#lists .ticket').length === 6`)
	d.Shot("door")

	d.window()
	first, second := r.c.patients[0], r.c.patients[1]
	d.cup()
	d.scan(first)
	d.stage("patient")
	d.Until(`document.querySelector('[data-device=scale] .age').textContent === 'ổn định'`)
	d.Shot("window-ready")
	d.enter()
	d.Until(`document.querySelector('[data-pour] progress')?.value > 1500`)
	d.Shot("window-pouring")
	d.stage("bind")
	d.Until(`document.querySelector('.queue .called')`)
	d.Shot("window-handover")
	d.handOver(first)
	d.enter()
	d.verdict("XONG")
	d.Shot("window-done")

	r.counter.kill()
	r.startCounter("after-run")
	d.window()
	d.pour(second)
	require.True(t, r.counter.died(30*time.Second))
	r.startCounter("")
	d.verdict("CHƯA RÕ")
	r.counterUp()
	d.Shot("window-doubt")
	d.exception("\r")
	d.Shot("window-resolve")

}

// TestPicturesOfTheDemonstration takes those of the rest of the day from the demonstration's province, after some doses.
func TestPicturesOfTheDemonstration(t *testing.T) {
	if os.Getenv("SHOTS") == "" {
		t.Skip("SHOTS names no folder")
	}
	said := &output{}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Config{
			Dir: filepath.Join(t.TempDir(), "demo"), Listen: "127.0.0.1:0", Programs: filepath.Dir(program(t, "clinicd")), Patients: 724, Seed: 1,
			Auto: 12, Now: time.Now, Out: said,
		})
	}()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "has served its patients") }, 10*time.Minute, 100*time.Millisecond)
	url := address.FindString(said.String())
	b := browsertest.Start(t)

	p := atDesk(b.Tab(t, url), "pharmacist")
	for _, x := range []struct{ path, name string }{
		{"/stock", "stock"}, {"/stock/counters", "counters"}, {"/stock/variance", "variance"}, {"/stock/forecast", "forecast"},
		{"/register", "register"}, {"/book", "narcotic"}, {"/stock-report", "stock-report"},
	} {
		p.Open(x.path)
		p.Shot(x.name)
	}
	p.Open("/stock/papers/new/receipt")
	p.Shot("receipt")
	p.Open("/stock")
	p.Open(browsertest.Eval[string](p, `[...document.querySelectorAll('a[href^="/stock/lots/"]')].at(-1).getAttribute('href')`))
	p.Shot("lot")
	p.Open("/stock/counters")
	p.Do(chromedp.Click(chromedp.CSS(`form[action="/stock/counts"] button`)))
	p.Until(`location.pathname.startsWith('/stock/counts/')`)
	p.Shot("count")

	n := atDesk(b.Tab(t, url), "nurse")
	crowd(n, 14)
	n.Open("/board")
	n.Until(`document.querySelector('.calls b') && document.querySelectorAll('.numbers li').length === 13`)
	n.Shot("board")
	n.Open(booked(n))
	n.Shot("slip")

	s := atDesk(b.Tab(t, url), "supervisor")
	s.Open("/figures?scope=province")
	s.Shot("figures")
	drawn := func() {
		s.Open("/supervisor")
		s.Until(`document.querySelectorAll('.plot canvas').length === 2`)
	}
	drawn()
	s.Shot("supervisor")
	browsertest.Eval[bool](s, `(() => { document.querySelector('#day').scrollIntoView(); return true })()`)
	s.Shot("supervisor-day")
	s.Do(chromedp.EmulateViewport(390, 844))
	drawn()
	s.Shot("supervisor-phone")

	d := atDesk(b.Tab(t, url), "doctor")
	d.Open("/rules")
	d.Shot("rules")
	a := atDesk(b.Tab(t, url), "admin")
	a.Open("/staff")
	a.Shot("staff")
}

// crowd lets patients come to the door, and the first window call the first of them.
func crowd(p *browsertest.Tab, patients int) {
	p.T.Helper()
	p.Open(browsertest.Eval[string](p, fmt.Sprintf(`(async () => {
		for (const x of (await (await fetch('/v1/queue')).json()).coming.slice(0, %d)) {
			const in_ = await fetch('/v1/check-ins', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({code: x.code})});
			if (!in_.ok) throw new Error(await in_.text());
		}
		return '/window/' + (await (await fetch('/v1/stations')).json()).items[0].id;
	})()`, patients)))
	p.Until(`document.querySelector('#work')?.dataset.stage === 'idle' && document.activeElement.id === 'scan'`)
	p.Settle()
	p.Press("\r")
	p.Until(`document.querySelector('#work .next')`)
}

// atDesk signs somebody of the demonstration in.
func atDesk(p *browsertest.Tab, who string) *browsertest.Tab {
	p.T.Helper()
	p.Open("/sign-in")
	p.Do(chromedp.SendKeys(chromedp.CSS("[name=username]"), who), chromedp.SendKeys(chromedp.CSS("[name=password]"), demo.Password+"\r"))
	p.Until(`location.pathname === '/' && document.querySelector('.who')`)
	return p
}
