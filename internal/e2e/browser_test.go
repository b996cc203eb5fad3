package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web/browsertest"
)

// TestInABrowser is what happens at the screens of a whole clinic, as its people see it: a real browser, server and
// counter, with only the bench simulated.
func TestInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	b := browsertest.Start(t)
	slots := make(chan struct{}, 3) // two cores, and each story is four processes that mostly wait
	for name, story := range map[string]func(*testing.T, *browsertest.Browser){
		"FromTheDoorToTheRegister":         fromTheDoorToTheRegister,
		"WhatIsNotRoutineAtTheWindow":      whatIsNotRoutineAtTheWindow,
		"DoubtIsSettledByTwoPeople":        doubtIsSettledByTwoPeople,
		"ASilentCounterIsVoidedByTwo":      aSilentCounterIsVoidedByTwo,
		"TheDoctorAndThePharmacistDoTheir": theDoctorAndThePharmacist,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			story(t, b)
		})
	}
}

// A clean patient takes two scans and two keys; the wrong card in between hands nothing over.
func fromTheDoorToTheRegister(t *testing.T, b *browsertest.Browser) {
	r := newRig(t, 3, "", "")
	d := r.desk(b)
	clean, mistaken, other := r.c.patients[0], r.c.patients[1], r.c.patients[2]

	d.signIn(r.c.nurse)
	d.Open("/check-in")
	for i, p := range r.c.patients {
		d.checkIn(p, i+1)
	}

	d.window()
	d.cup()
	browsertest.Eval[bool](d.Tab, `(() => {
		window.pressed = []; window.scanned = 0;
		document.addEventListener('keydown', (e) => window.pressed.push(e.key), true);
		document.addEventListener('lieu:scan', () => window.scanned++);
		return true;
	})()`)
	d.scan(clean)
	d.verdict("ĐƯỢC PHÁT")
	require.Contains(t, d.Text("#work"), clean.Name)
	require.Contains(t, d.Text(".dose .mg"), "60 mg")
	require.Contains(t, d.Text(".dose .ml"), "6 mL")
	d.Fits()
	d.enter() // pour
	d.stage("pouring")
	key := d.key()
	d.verdict("QUÉT LẠI THẺ")
	d.Fits()
	cup, err := r.bench.Only().LiftCup()
	require.NoError(t, err)
	require.InDelta(t, 6.0, cup.LiquidML, 0.2)
	d.scan(clean)
	d.verdict("NHÌN UỐNG")
	require.Equal(t, dispensing.Measured, r.state(key), "nothing is a success before the swallow was seen")
	d.enter() // taken
	d.verdict("XONG")
	require.Equal(t, dispensing.Administered, r.state(key))
	require.Equal(t, []string{"Enter", "Enter"}, browsertest.Eval[[]string](d.Tab, `window.pressed`))
	require.Equal(t, 2, browsertest.Eval[int](d.Tab, `window.scanned`))

	key = d.pour(mistaken)
	d.stage("bind")
	d.scan(other)
	d.Until(`document.querySelector('#work.red')?.dataset.sound === 'stop'`)
	require.Contains(t, d.Text("#work"), "SAI NGƯỜI")
	d.enter() // no key hands a cup over
	require.Equal(t, dispensing.Measured, r.state(key))
	d.handOver(mistaken)
	d.enter()
	d.verdict("XONG")

	d.Open("/register")
	require.Contains(t, d.Text("table"), clean.Code)
	require.Contains(t, d.Text("table"), mistaken.Code)
	require.NotContains(t, d.Text("table"), other.Code)
	require.Contains(t, d.Text("dl.figures"), "Số liều đã phát\n2\n")
	require.Equal(t, 2, r.runs())
	r.close()
}

// Each exception has a screen of its own, with a witness where the rule asks for one.
func whatIsNotRoutineAtTheWindow(t *testing.T, b *browsertest.Browser) {
	r := newRig(t, 5, "", "")
	d := r.desk(b)
	d.signIn(r.c.nurse)
	d.window()
	partly, refused, apart, cancelled := r.c.patients[0], r.c.patients[1], r.c.patients[2], r.c.patients[3]

	key := d.pour(partly)
	d.handOver(partly)
	d.exception(kb.F2, "left", "2,5", "reason", "nôn")
	d.witness()
	d.stage("idle")
	require.Contains(t, d.Text("#work"), "Uống một phần")
	require.Equal(t, dispensing.PartlyTaken, r.state(key))

	key = d.pour(refused)
	d.stage("bind")
	d.exception(kb.F4)
	d.witness()
	d.stage("idle")
	require.Equal(t, dispensing.Wasted, r.state(key))

	require.NoError(t, r.bench.Fault(sim.Fault{Device: "pump0", Kind: sim.Bubble, ML: 0.8}))
	key = d.pour(apart)
	d.verdict("KHÔNG KHỚP")
	d.scan(apart)
	d.Until(`document.querySelector('#work.red[data-sticky]')`)
	require.Equal(t, dispensing.Measured, r.state(key))
	d.exception(kb.F6, "reason", "bọt khí trong ống")
	d.witness()
	d.handOver(apart)
	d.enter()
	d.verdict("XONG")
	require.Equal(t, dispensing.Administered, r.state(key))

	d.Until(`document.querySelector('[data-device=cup] .says').textContent === 'không có cốc'`)
	d.scan(cancelled)
	d.stage("patient")
	d.enter()
	d.verdict("CHUẨN BỊ")
	key = d.key()
	runs := r.runs()
	d.exception(kb.F8)
	d.enter()
	r.reaches(key, dispensing.Voided)
	d.Until(`document.querySelector('#work').innerText.includes('Đã hủy trước khi rót')`)
	require.Equal(t, runs, r.runs(), "a cancelled dose is not poured")

	// A locked screen comes back to where it was.
	d.Press(kb.F9)
	d.Until(`location.pathname === '/switch' && document.activeElement?.name === 'person'`)
	d.Press(r.c.nurse.Username + "\r")
	d.Until(`document.activeElement.name === 'pin'`)
	d.Press(pin + "\r")
	d.Until(`location.pathname.startsWith('/window/') && document.activeElement?.id === 'scan'`)
	r.close()
}

// The counter dies in the middle of a pour, and comes back. Nobody pours again; two people say what is in the cup.
func doubtIsSettledByTwoPeople(t *testing.T, b *browsertest.Browser) {
	r := newRig(t, 4, "", "after-run")
	d := r.desk(b)
	d.signIn(r.c.nurse)
	d.window()

	// The cup is weighed, and used.
	key := d.doubt(0, "after-run")
	cup, err := r.bench.Only().LiftCup()
	require.NoError(t, err)
	d.exception("\r")
	d.choose("measured")
	d.fill("gross_before", grams(cup.EmptyG), "gross_after", grams(cup.EmptyG+1.06*cup.LiquidML), "reason", "mất điện")
	d.witness()
	d.stage("bind")
	d.scan(r.c.patients[0])
	d.stage("swallow")
	d.enter()
	d.verdict("XONG")
	require.Equal(t, dispensing.Administered, r.state(key))

	// The cup is thrown away.
	key = d.doubt(1, "before-run")
	d.exception("\r")
	d.choose("wasted")
	d.fill("volume", "6", "reason", "mất điện")
	d.witness()
	d.stage("idle")
	require.Equal(t, dispensing.Wasted, r.state(key))

	// The cup is empty: the pump was never told to run. The patient is free again.
	runs := r.runs()
	key = d.doubt(2, "before-measured")
	d.exception("\r")
	d.choose("voided")
	d.fill("evidence", "cốc khô, bơm báo 0", "reason", "mất điện")
	d.witness()
	d.verdict("ĐƯỢC PHÁT")
	require.Equal(t, dispensing.Voided, r.state(key))
	require.Equal(t, runs, r.runs())

	// The counter's computer does not come back: two people say so, and go on. When it does after all, its late word is
	// kept and changes nothing.
	key = d.pour(r.c.patients[3])
	require.True(t, r.counter.died(30*time.Second), "the counter did not reach its crash point")
	d.verdict("ĐANG RÓT")
	d.Until(`document.querySelector('#work [data-silent]')?.hidden === false`)
	d.exception(kb.F8, "reason", "máy quầy hỏng")
	d.witness()
	d.verdict("CHƯA RÕ")
	d.exception("\r")
	d.choose("wasted")
	d.fill("volume", "6", "reason", "máy quầy hỏng")
	d.witness()
	d.stage("idle")
	r.startCounter("")
	r.counterUp()
	require.Equal(t, dispensing.Wasted, r.state(key))
	r.close()
}

// doubt pours until the counter dies, starts it again with the next crash point, and returns the dose that is in doubt.
func (d *desk) doubt(patient int, next string) string {
	d.T.Helper()
	key := d.pour(d.r.c.patients[patient])
	require.True(d.T, d.r.counter.died(30*time.Second), "the counter did not reach its crash point")
	d.r.startCounter(next)
	d.verdict("CHƯA RÕ")
	d.r.reaches(key, dispensing.InDoubt)
	d.r.counterUp()
	return key
}

// choose says what became of a cup.
func (d *desk) choose(as string) {
	d.T.Helper()
	browsertest.Eval[bool](d.Tab, `document.querySelector('#work [name=as][value=`+as+`]').click() ?? true`)
}

// An order that no counter ever took is held when its lease ends, and only two people take it back.
func aSilentCounterIsVoidedByTwo(t *testing.T, b *browsertest.Browser) {
	r := newRig(t, 1, "", "")
	d := r.desk(b)
	d.signIn(r.c.nurse)
	d.window()
	d.scan(r.c.patients[0])
	d.stage("patient")
	r.counter.kill()
	d.enter()
	d.stage("pouring")
	key := d.key()
	require.Eventually(t, func() bool { return r.state(key) == dispensing.Held }, 90*time.Second, 100*time.Millisecond)
	d.verdict("CHƯA RÕ")
	d.exception(kb.F8, "evidence", "máy quầy tắt, cốc khô", "reason", "mất điện")
	d.witness()
	r.reaches(key, dispensing.Voided)
	d.stage("patient")
	r.startCounter("")
	r.counterUp()
	require.Zero(t, r.runs(), "an order that was taken back is not poured")
	r.close()
}

// What the doctor and the pharmacist sign on their own pages.
func theDoctorAndThePharmacist(t *testing.T, b *browsertest.Browser) {
	r := seeded(t, func(st *store.Store) *smallClinic {
		return lived(t, st, 6, 1, func(_, day int) bool { return day == 0 })
	})
	r.startServer("")
	p := r.c.patients[0]
	page := "/patients/" + string(p.ID)

	d := r.desk(b)
	d.signIn(r.c.doctor)
	d.Open(page)
	require.Contains(t, d.Text("main"), "Không được uống hôm nay")
	d.submit("/clear", "clear", "note", "đã khám, tỉnh táo", "pin", pin)
	require.Contains(t, d.Text("main"), "Được uống hôm nay")
	d.submit("/sign", "sign", "dose", "62,5", "reason", "còn thèm", "pin", pin)
	require.Contains(t, d.Text("table"), "62,5 mg")
	d.submit("/hold", "hold", "severity", "stop", "cleared_by", "doctor", "reason", "hẹn khám lại")
	require.Contains(t, d.Text("main"), "Không được uống hôm nay")
	d.submit("/lift", "lift", "note", "đã khám")
	require.Contains(t, d.Text("main"), "Được uống hôm nay")

	d = r.desk(b)
	d.signIn(r.c.pharmacist)
	d.paper("receipt", "lot", string(r.c.lot.ID), "party", "Kho tỉnh", "number", "BB-2", "count", "1")
	d.submit("/bottles", "paper_bottles", "tare", "61,5")
	d.post(r.c.nurse)
	bottle := browsertest.Eval[string](d.Tab, `document.querySelector('.codes code').textContent`)
	d.paper("open", "code", bottle, "unread", "chưa có cân chai")
	d.post(r.c.nurse)
	d.paper("change", "code", bottle, "station", string(r.c.station.ID))
	d.post(r.c.nurse)
	d.Open("/stations")
	require.Contains(t, d.Text("main"), bottle)
	r.server.stop()
}
