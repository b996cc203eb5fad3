package web

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/web/browsertest"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// A reason for priority counts for one card and no further, and a stop says where to go.
func theDoorTakesAPriority(t *testing.T, b *tab) {
	b.Open("/check-in")
	b.Until(`document.activeElement.id === 'scan'`)
	b.Press(kb.F2)
	b.Until(`document.activeElement.name === 'priority'`)
	browsertest.Eval[bool](b.Tab, `(() => { const s = document.activeElement; s.selectedIndex = 1; document.querySelector('#scan').focus(); return true })()`)
	b.Press(anCode + "\r")
	b.Until(`document.querySelector('.door-result.green')`)
	require.Contains(t, b.body("POST /check-ins"), "mang thai")
	b.Until(`document.activeElement.id === 'scan'`)
	b.Press(chiCode + "\r")
	b.Until(`document.querySelector('.door-result.red')`)
	require.NotContains(t, b.body("POST /check-ins"), "mang thai")
	require.Contains(t, b.Text(".go-to"), "Phòng 2")
	b.Shot("door-rooms")
	require.LessOrEqual(t, browsertest.Eval[int](b.Tab, `Math.ceil(document.querySelector('.door-result .reason').getBoundingClientRect().bottom)`), browsertest.Height,
		"the first reason is seen without scrolling")
	b.Accessible()
}

// The window calls by the API's own order, lets others go first, and keeps the next arrival while the swallow is watched.
func aWindowCallsSkipsAndBooks(t *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	b.Until(stage + `'idle' && document.activeElement.id === 'scan'`)
	b.Settle()
	b.Press("\r")
	b.Until(`document.querySelector('#work .next')?.textContent === '12' && document.querySelector('#work [value=skip]')`)
	b.Shot("window-called")
	b.Accessible()
	b.Fits()
	b.Settle()
	b.Press(kb.F4)
	b.Until(`!document.querySelector('#work [value=skip]')`)
	require.Contains(t, b.body("POST /tickets/{id}/skip"), stationID)

	b.scan(anCode, "patient")
	b.Until(stage + `'patient'`)
	b.Settle()
	b.Press("\r")
	b.Until(stage + `'pouring'`)
	b.counter(func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", true, 6_250, true, 6_379_000, 6_248
	})
	b.Until(stage + `'bind'`)
	b.scan(anCode, "patient")
	b.Until(stage + `'swallow' && document.querySelector('#slot')`)
	b.Settle() // the event of the hand-over lets the area read itself once more
	browsertest.Eval[bool](b.Tab, `(() => { document.querySelector('#slot select').selectedIndex = 3; return true })()`)
	b.Press(kb.F6)
	b.Until(`document.querySelector('#slot .kept')?.innerText.includes('07:30')`)
	b.Shot("window-slot")
	b.Accessible()
	b.Fits()
	require.Equal(t, "measured", b.state(), "booking touches no dose")
	b.Open("/slips/" + anID + "/2026-11-23")
	b.Until(`document.querySelector('.next-visit .when')?.innerText.includes('07:30')`)
	b.Shot("slip")
	b.Accessible()
	require.NotContains(t, b.Text("main"), "Nguyễn")
}

// A call is heard once, and again when the number is called again; who waits is not heard.
func theBoardRingsForACall(t *testing.T, b *tab) {
	called := func(at time.Time, waiting ...int) {
		b.api.mu.Lock()
		b.api.board = clinicapi.Board{
			Day: "2026-11-22", Waiting: waiting, WaitingCount: len(waiting), EstimateS: new(int64(720)),
			Called: []clinicapi.BoardCall{{Number: 11, StationName: "Cửa 1", State: "called", CalledAt: at}, {Number: 9, StationName: "Cửa 2", State: "at_window", CalledAt: fakeNow.Add(-time.Hour)}},
		}
		b.api.mu.Unlock()
		b.event("board", struct{}{})
	}
	b.Open("/board")
	browsertest.Eval[bool](b.Tab, `(() => { window.rung = 0; const start = OscillatorNode.prototype.start; OscillatorNode.prototype.start = function (at) { window.rung++; return start.call(this, at) }; return true })()`)
	called(fakeNow, 12, 13)
	b.Until(`document.querySelector('[data-sound=call]')?.textContent.startsWith('11')`)
	b.Until(`window.rung === 3`)
	called(fakeNow, 12, 13, 14)
	b.Until(`document.querySelectorAll('.numbers li').length === 3`)
	require.Equal(t, 3, browsertest.Eval[int](b.Tab, `window.rung`), "somebody who arrives is not called")
	called(fakeNow.Add(time.Minute), 12, 13, 14)
	b.Until(`window.rung === 6`)
	b.Shot("board")
	b.Accessible()
}

// The charts are drawn, their numbers stand in a table, and the page fits a counter's screen and a phone in width.
func theSupervisorSeesTheDay(t *testing.T, b *tab) {
	b.Open("/supervisor")
	b.Until(`document.querySelectorAll('.plot canvas').length === 2`)
	require.Contains(t, b.Text(".alert-title"), "chờ lâu nhất")
	require.Contains(t, b.Text(".alert.warning"), "Cửa 2: Bơm, Cân")
	require.Equal(t, 1, browsertest.Eval[int](b.Tab, `document.querySelectorAll('.alert.warning').length`), "one line for a window")
	b.Shot("supervisor-top")
	b.Accessible()
	b.Narrow()
	browsertest.Eval[bool](b.Tab, `(() => { document.querySelector('#day-table').open = true; document.querySelector('#day').scrollIntoView(); return true })()`)
	b.Shot("supervisor-day")
	require.Equal(t, len(fakeMorning().Usual), browsertest.Eval[int](b.Tab, `document.querySelectorAll('#day-table tbody tr').length`))
	browsertest.Eval[bool](b.Tab, `(() => { document.querySelector('#lists').dataset.old = '1'; return true })()`)
	b.event("queue", struct{}{})
	b.Until(`!document.querySelector('#lists').dataset.old`)
	b.Until(`document.querySelector('#day-table')?.open && document.querySelectorAll('.plot canvas').length === 2`)
	browsertest.Eval[bool](b.Tab, `(() => { document.querySelector('#steps').scrollIntoView(); return true })()`)
	b.Settle()
	b.Shot("supervisor-end")
	theSupervisorMissesNothing(b)

	b.Do(chromedp.EmulateViewport(390, 844))
	b.Open("/supervisor")
	b.Until(`document.querySelectorAll('.plot canvas').length === 2`)
	b.Shot("supervisor-phone")
	b.Narrow()
	b.Accessible()
	for i, part := range []string{"forecast", "causes", "day", "steps"} {
		browsertest.Eval[bool](b.Tab, `(() => { document.querySelector('#`+part+`').scrollIntoView(); return true })()`)
		b.Shot("supervisor-phone-" + string(rune('1'+i)))
	}
	b.Do(chromedp.EmulateViewport(browsertest.Width, browsertest.Height))
	b.Open("/supervisor")
	browsertest.Eval[bool](b.Tab, `(() => { const d = document.querySelector('details.card'); d.open = true; d.querySelector('[name=opens]').value = '25:00'; d.querySelector('form').requestSubmit(); return true })()`)
	b.Until(`document.querySelector('[role=alert]')?.innerText.includes('25:00')`)
	b.Shot("supervisor-rules")
	browsertest.Eval[bool](b.Tab, `(() => { document.querySelector('[name=opens]').value = '6:30'; document.querySelector('form[action="/supervisor/rules"]').requestSubmit(); return true })()`)
	b.Until(`document.querySelector('.notice')`)
	require.Contains(t, b.body("PUT /queue/rules"), `"opens_min":390`)
}

// What changes while the page reads its figures is read when it has.
func theSupervisorMissesNothing(b *tab) {
	b.Open("/supervisor")
	browsertest.Eval[bool](b.Tab, `(() => {
		window.held = []; window.heard = 0;
		const send = XMLHttpRequest.prototype.send;
		XMLHttpRequest.prototype.send = function (...body) { window.held.push(() => send.apply(this, body)) };
		new EventSource('/v1/stream').addEventListener('queue', () => setTimeout(() => window.heard++, 100));
		return true })()`)
	require.Eventually(b.t, func() bool {
		b.api.mu.Lock()
		defer b.api.mu.Unlock()
		return len(b.api.events) == 2
	}, 10*time.Second, 5*time.Millisecond)
	b.event("queue", struct{}{})
	b.Until(`window.held.length === 1 && window.heard === 1`)
	b.event("queue", struct{}{})
	b.Until(`window.heard === 2`)
	browsertest.Eval[bool](b.Tab, `(() => { window.held.shift()(); return true })()`)
	b.Until(`window.held.length === 1`)
	browsertest.Eval[bool](b.Tab, `(() => { window.held.shift()(); return true })()`)
}
