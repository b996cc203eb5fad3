package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/web/browsertest"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// tab is one page on the screens, over a fictional API of its own.
type tab struct {
	*browsertest.Tab
	t    *testing.T
	api  *fakeAPI
	opts Options
	late late
}

// late holds back answers that are already made, as a slow network does.
type late struct {
	next atomic.Pointer[chan struct{}] // for the next answer with the working area; nil holds nothing
	held atomic.Int32
}

func (l *late) behind(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/work") {
			h.ServeHTTP(w, r)
			return
		}
		hold := l.next.Swap(nil)
		made := httptest.NewRecorder()
		h.ServeHTTP(made, r)
		if hold != nil {
			l.held.Add(1)
			select {
			case <-*hold:
			case <-r.Context().Done():
			}
		}
		maps.Copy(w.Header(), made.Header())
		w.WriteHeader(made.Code)
		_, _ = w.Write(made.Body.Bytes())
	})
}

func openTab(t *testing.T, a *browsertest.Browser, opts Options) *tab {
	t.Helper()
	api := newFakeAPI()
	b := &tab{t: t, api: api, opts: opts}
	server := httptest.NewServer(b.late.behind(New(api, opts)))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	b.Tab = a.Tab(t, server.URL)
	return b
}

// inLanguage has the pages come in a language, as somebody who chose it.
func (b *tab) inLanguage(lang string) {
	b.t.Helper()
	b.Open("/sign-in")
	if browsertest.Eval[string](b.Tab, `document.documentElement.lang`) != lang {
		b.Do(chromedp.Click(chromedp.CSS(".language button")))
		b.Until(`document.documentElement?.lang === '` + lang + `' && document.readyState === 'complete'`)
	}
}

func everyPageIsAccessible(t *testing.T, b *tab) {
	for _, lang := range languages {
		b.inLanguage(lang)
		for i, path := range everyPage {
			b.Open(path)
			b.Shot(fmt.Sprintf("page-%s-%02d", lang, i))
			t.Log(lang, path)
			b.Accessible()
		}
	}
}

// What a supervisor looks at on the way is for a phone too.
func theSupervisorHasAPhone(t *testing.T, b *tab) {
	b.Do(chromedp.EmulateViewport(390, 844))
	for _, lang := range languages {
		b.inLanguage(lang)
		for _, path := range []string{"/", "/supervisor", "/board", "/figures", "/figures?year=2026&part=-R4&scope=province&line=new", "/stations", "/stock/variance", "/switch"} {
			t.Log(lang, path)
			b.Open(path)
			b.Shot("phone-" + lang + strings.NewReplacer("/", "-", "?", "-", "&", "-").Replace(path))
			b.Narrow()
			b.Accessible()
		}
	}
}

// TestInABrowser runs the screens as a nurse sees them.
func TestInABrowser(t *testing.T) {
	a := browsertest.Start(t)
	for name, x := range map[string]struct {
		run  func(*testing.T, *tab)
		opts Options
	}{
		"EveryPageIsAccessible":           {everyPageIsAccessible, Options{}},
		"TheSupervisorHasAPhone":          {theSupervisorHasAPhone, Options{}},
		"ACleanDoseIsTwoKeysAndTwoScans":  {aCleanDoseIsTwoKeysAndTwoScans, Options{}},
		"TheWrongCardAtHandOverStops":     {theWrongCardAtHandOverStops, Options{}},
		"AStopCannotBeReleasedByAKey":     {aStopCannotBeReleasedByAKey, Options{}},
		"AWarningIsAmber":                 {aWarningIsAmber, Options{}},
		"AnEchoOfTheScannerStartsNothing": {anEchoOfTheScannerStartsNothing, Options{}},
		"AnAnswerIsNotLostToARefresh":     {anAnswerIsNotLostToARefresh, Options{}},
		"AnEventDuringAReadingIsNotLost":  {anEventDuringAReadingIsNotLost, Options{}},
		"AReloadResumesTheDose":           {aReloadResumesTheDose, Options{}},
		"AnExceptionTakesAWitness":        {anExceptionTakesAWitness, Options{}},
		"DisagreementShowsTheThreeValues": {disagreementShowsTheThreeValues, Options{}},
		"WhatIsNotHeardOfIsUnknown":       {whatIsNotHeardOfIsUnknown, Options{}},
		"TheWayOutOfSilenceStays":         {theWayOutOfSilenceStays, Options{}},
		"TheDoorShowsAHoldAndForgetsIt":   {theDoorShowsAHoldAndForgetsIt, Options{}},
		"TheDoorTakesAPriority":           {theDoorTakesAPriority, Options{}},
		"AWindowCallsSkipsAndBooks":       {aWindowCallsSkipsAndBooks, Options{}},
		"TheBoardRingsForACall":           {theBoardRingsForACall, Options{}},
		"TheSupervisorSeesTheDay":         {theSupervisorSeesTheDay, Options{}},
		"ABenchStandsInForHardware":       {aBenchStandsInForHardware, Options{Bench: &fakeBench{}}},
		"TheWindowFitsInEnglish":          {theWindowFitsInEnglish, Options{}},
		"EveryStageFits":                  {everyStageFits, Options{}},
		"AnUntouchedScreenLocks":          {anUntouchedScreenLocks, Options{IdleLock: time.Second}},
	} {
		t.Run(name, func(t *testing.T) { x.run(t, openTab(t, a, x.opts)) })
	}
}

const stage = `document.querySelector('#work').dataset.stage === `

// A clean patient takes two scans and two keys of the nurse.
func aCleanDoseIsTwoKeysAndTwoScans(t *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	b.Until(stage + `'idle' && document.activeElement.id === 'scan'`)
	b.show(100_000_000, nil)
	b.Until(`document.querySelector('[data-device=scale] .says').textContent === '100,00 g'`)
	b.Shot("window-idle")
	b.Accessible()
	b.Fits()

	b.scan(anCode, "patient")
	b.Until(stage + `'patient'`)
	b.Shot("window-ready")
	b.Accessible()
	b.Fits()
	require.Contains(t, b.Text(".dose .mg"), "62,5 mg")
	require.Contains(t, b.Text(".dose .ml"), "6,25 mL")
	b.Settle()

	b.Press("\r") // pour
	b.Until(stage + `'pouring'`)
	b.counter(func(d *clinicapi.Dispensing) { d.State = "dispensing" })
	moved := int64(3_100)
	b.show(103_000_000, &moved)
	b.Until(`document.querySelector('[data-live=moved]').textContent === '3,10 mL' && document.querySelector('.verdict .big').textContent === 'ĐANG RÓT'`)
	b.Shot("window-pouring")
	b.Accessible()
	b.Fits()
	require.NotContains(t, b.Text("#work"), "XONG", "nothing is a success before it was measured and handed over")

	b.counter(func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", true, 6_250, true, 6_379_000, 6_248
	})
	b.Until(stage + `'bind'`)
	b.Shot("window-bind")
	b.Fits()
	b.Settle()
	b.Press("\r") // Enter alone hands nothing over
	require.Equal(t, "measured", b.state())

	b.scan(anCode, "patient")
	b.Until(stage + `'swallow'`)
	b.Shot("window-swallow")
	b.Accessible()
	b.Fits()
	b.Settle()
	b.Press("\r") // taken
	b.Until(stage + `'idle' && document.querySelector('.verdict .big')?.textContent === 'XONG'`)
	b.Shot("window-done")
	b.Fits()
}

func theWrongCardAtHandOverStops(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", true, 6_250, true, 6_379_000, 6_248
	})
	b.scan(binhCode, "patient")
	b.Until(`document.querySelector('#work.red')?.dataset.sound === 'stop'`)
	b.Shot("window-wrong-card")
	b.Accessible()
	require.Contains(t, b.Text("#work"), "Không giao cốc")
	require.Equal(t, "measured", b.state())
}

func aStopCannotBeReleasedByAKey(t *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	b.scan(chiCode, "patient")
	b.Until(`document.querySelector('#work.red')`)
	b.Shot("window-stop")
	b.Accessible()
	b.Fits()
	require.Contains(t, b.Text("#work"), "Hẹn khám lại")
	require.Contains(t, b.Text("#work"), "bác sĩ")
	b.Settle()
	b.Press("\r")
	b.Press(" ")
	require.Equal(t, "", b.state())
	b.Press(kb.Escape)
	b.Until(stage + `'idle'`)
}

func aWarningIsAmber(_ *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	b.scan(binhCode, "patient")
	b.Until(`document.querySelector('#work.amber')`)
	b.Shot("window-look")
	b.Accessible()
	b.Fits()
}

// A scanner that ends a code with two line ends must not start a dose with the second.
func anEchoOfTheScannerStartsNothing(t *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	b.Until(`document.activeElement.id === 'scan'`)
	b.Press(anCode + "\r\r")
	b.Until(stage + `'patient'`)
	b.Press("\r")
	require.Equal(t, "", b.state())
	require.Zero(t, b.calls("/v1/tickets/01920000-0000-7000-8000-000000000100/call"))
}

// Whether the act or the page's own reading is the slower one, the answer to the act is what stays on the screen.
func anAnswerIsNotLostToARefresh(t *testing.T, b *tab) {
	for _, slow := range []string{"POST", "GET"} {
		b.Open("/window/" + stationID)
		b.Until(stage + `'idle' && document.activeElement.id === 'scan'`)
		browsertest.Eval[bool](b.Tab, `(() => {
			const { open, send } = XMLHttpRequest.prototype;
			window.begun = 0;
			XMLHttpRequest.prototype.open = function (method, ...more) { this.method = method; return open.call(this, method, ...more); };
			XMLHttpRequest.prototype.send = function (...body) {
				window.begun++;
				if (this.method !== '`+slow+`') return send.apply(this, body);
				setTimeout(() => this.readyState === XMLHttpRequest.OPENED && send.apply(this, body), 400);
			};
			return true;
		})()`)
		changed := func() { b.event("dispensing", map[string]string{"station": stationID}) }
		if slow == "GET" {
			changed()
			b.Until(`window.begun === 1`)
		}
		b.scan(anCode, "patient")
		b.Until(`window.begun > 0`)
		changed()
		b.Until(stage + `'patient'`)
		b.Settle()
		b.Until(stage + `'patient'`)
		require.Contains(t, b.Text("#work"), "Nguyễn Văn An")
	}
}

// What changes after the answer to a reading was made, and before it arrived, is read again.
func anEventDuringAReadingIsNotLost(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", true, 6_250, true, 6_379_000, 6_248
	})
	b.Until(stage + `'bind'`)
	hold := make(chan struct{})
	b.late.next.Store(&hold)
	b.event("dispensing", map[string]string{"station": stationID})
	require.Eventually(t, func() bool { return b.late.held.Load() == 1 }, 10*time.Second, time.Millisecond)
	b.counter(func(d *clinicapi.Dispensing) { d.HandedAt = fakeNow })
	browsertest.Eval[bool](b.Tab, `new Promise(done => setTimeout(() => done(true), 200))`)
	close(hold)
	b.Until(stage + `'swallow'`)
}

func aReloadResumesTheDose(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) { d.State = "in_doubt" })
	b.Until(stage + `'doubt'`)
	require.Contains(t, b.Text("#work"), "Cân cốc")
	b.Shot("window-doubt")
	b.Accessible()
	b.Fits()
	b.Settle()
	b.Press("\r")
	b.Until(stage + `'exception'`)
	b.Shot("exception-resolve")
	b.Accessible()
	b.Fits()
}

func anExceptionTakesAWitness(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.HandedAt, d.MeasuredUl, d.PumpVolumeUl = "measured", true, fakeNow, 6_248, 6_250
	})
	b.Until(stage + `'swallow'`)
	b.Press(kb.F2)
	b.Until(stage + `'exception'`)
	b.Accessible()
	b.Press("2,5")
	b.Do(chromedp.SendKeys(chromedp.CSS(`[name=reason]`), "nôn"))
	b.scan(badgeCode, "staff")
	b.Until(`document.activeElement.name === 'witness_pin'`)
	b.Press("0000\r")
	b.Until(`document.querySelector('.exception .alert')`)
	b.Shot("exception-partly")
	require.Contains(t, b.Text("#work"), "Sai người chứng kiến")
	b.Settle() // the form that came back puts the cursor into its first field
	b.Do(chromedp.SendKeys(chromedp.CSS(`[name=witness]`), badgeCode), chromedp.SendKeys(chromedp.CSS(`[name=witness_pin]`), "9999\r"))
	b.Until(stage + `'idle'`)
	require.Contains(t, b.Text("#work"), "một phần")
	require.JSONEq(t, `{"left_ul":2500,"reason":"nôn","witness":{"badge":"`+badgeCode+`","pin":"9999"}}`, b.body("POST /dispensings/{id}/partly-taken"))
}

func disagreementShowsTheThreeValues(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) {
		d.State, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", 6_250, true, 5_100_000, 4_995
	})
	b.Until(stage + `'apart'`)
	b.Shot("window-apart")
	b.Accessible()
	b.Fits()
	require.Contains(t, b.Text("#work"), "5,10 g")
}

func theWindowFitsInEnglish(t *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	b.Do(chromedp.Click(chromedp.CSS(".language button")))
	b.Until(`document.documentElement?.lang === 'en' && document.activeElement?.id === 'scan'`)
	b.Fits()
	b.scan(chiCode, "patient")
	b.Until(`document.querySelector('#work.red')`)
	b.Fits()
	b.Accessible()
	b.Shot("window-english")
	require.Contains(t, b.Text("#work"), "found: 4 days")
}

// The way out of a silent counter stays where it is while the area reads itself again: a key pressed just then counts.
func theWayOutOfSilenceStays(t *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	b.Until(stage + `'idle' && document.activeElement.id === 'scan'`)
	b.scan(anCode, "patient")
	b.Until(stage + `'patient'`)
	b.Settle()
	b.Press("\r")
	b.Until(stage + `'pouring'`)
	b.counter(func(d *clinicapi.Dispensing) { d.State = "dispensing" })
	b.Until(`document.querySelector('[data-silent]')?.hidden === false`) // nothing was heard of the counter
	gone := browsertest.Eval[bool](b.Tab, `new Promise((ok) => {
		document.addEventListener('htmx:afterSettle', () => ok(document.querySelector('[data-silent]').hidden), { once: true });
		htmx.trigger('#work', 'refresh');
	})`)
	require.False(t, gone, "it went away with the area")
}

func whatIsNotHeardOfIsUnknown(t *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	require.Equal(t, "không rõ", b.Text("[data-device=scale] .says"))
	l := b.api.live(50_000_000)
	l.AgeMs = 8_000
	b.event("live", l)
	b.Until(`document.querySelector('[data-device=scale] .age').textContent.includes('8 giây trước')`)
	require.Equal(t, "không rõ", b.Text("[data-device=scale] .says"))
	b.Shot("window-stale")
}

func theDoorShowsAHoldAndForgetsIt(t *testing.T, b *tab) {
	b.Open("/check-in")
	b.Until(`document.activeElement.id === 'scan'`)
	b.Press(chiCode + "\r")
	b.Until(`document.querySelector('.door-result.red')`)
	b.Shot("door-stop")
	b.Accessible()
	require.Contains(t, b.Text("#answer"), "14")
	require.Contains(t, b.Text("#answer"), "bác sĩ")
	require.NotContains(t, b.Text("body"), "Phạm Quốc Chí", "no names at the door")
	require.NotContains(t, b.Text("#answer"), "Hẹn khám lại")
	b.Press(anCode + "\r")
	b.Until(`document.querySelector('.door-result.green')`)
	b.Shot("door-ready")
	b.Until(`document.activeElement.id === 'scan'`)
}

func anUntouchedScreenLocks(_ *testing.T, b *tab) {
	b.Open("/stock")
	b.Until(`location.pathname === '/switch'`)
	b.Shot("locked")
	b.Accessible()
	b.Press("hoa\r")
	b.Until(`document.activeElement.name === 'pin'`)
	b.Press("1234\r")
	b.Until(`location.pathname === '/stock'`)
}

// fakeBench has hands but no scanner: it notes what it is asked to do.
type fakeBench struct {
	mu   sync.Mutex
	done []string
}

func (f *fakeBench) note(s string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, s)
	return nil
}

func (f *fakeBench) noted() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.done)
}

func (f *fakeBench) Scan(_ context.Context, station, text string) error {
	return f.note("scan " + station + " " + text)
}
func (f *fakeBench) PlaceCup(_ context.Context, station string) error {
	return f.note("place " + station)
}
func (f *fakeBench) PlaceWeight(_ context.Context, station string, w measure.Weight) error {
	return f.note("weight " + station + " " + w.String())
}

func (f *fakeBench) LiftCup(_ context.Context, station string) error {
	return f.note("lift " + station)
}
func (f *fakeBench) State(context.Context, string) (BenchState, error) {
	return BenchState{CupOnScale: true}, nil
}

func aBenchStandsInForHardware(t *testing.T, b *tab) {
	b.Open("/window/" + stationID)
	b.Do(chromedp.Click(chromedp.CSS(".demo-bench button")))
	b.Do(chromedp.Click(chromedp.CSS(".demo-bench [value=lift]")))
	bench := b.opts.Bench.(*fakeBench)
	require.Eventually(t, func() bool { return len(bench.noted()) == 2 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, []string{"scan " + stationID + " " + anCode, "lift " + stationID}, bench.noted())
	b.Shot("window-demo")
	b.Accessible()
	b.Fits()
}

// event sends one live event, once a screen listens.
func (b *tab) event(name string, data any) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		b.api.mu.Lock()
		defer b.api.mu.Unlock()
		return len(b.api.events) > 0
	}, 10*time.Second, 5*time.Millisecond)
	b.api.show(name, data)
}

func (b *tab) show(weight int64, moved *int64) {
	l := b.api.live(weight)
	if moved != nil {
		b.api.mu.Lock()
		l.Reading.Phase, l.Reading.MovedUl, l.Reading.Dispensing, l.Reading.Scale.Stable = "pouring", moved, b.api.open.Id, false
		b.api.mu.Unlock()
	}
	b.event("live", l)
}

func (b *tab) scan(code, kind string) {
	b.event("scan", map[string]string{"station": stationID, "text": code, "kind": kind})
}

// counter plays the counter: it changes the dose and tells the screen.
func (b *tab) counter(change func(*clinicapi.Dispensing)) {
	b.api.setDose(change)
	b.event("dispensing", map[string]string{"station": stationID})
}

// begun opens the window with a dose that was begun before the page was loaded.
func (b *tab) begun(change func(*clinicapi.Dispensing)) {
	b.api.open = fakeDose(change)
	b.Open("/window/" + stationID)
}

func (b *tab) state() string {
	b.api.mu.Lock()
	defer b.api.mu.Unlock()
	if b.api.open == nil {
		return ""
	}
	return string(b.api.open.State)
}

func (b *tab) calls(path string) (n int) {
	b.api.mu.Lock()
	defer b.api.mu.Unlock()
	for _, r := range b.api.requests {
		if r.URL.Path == path {
			n++
		}
	}
	return n
}

func (b *tab) body(pattern string) string {
	b.api.mu.Lock()
	defer b.api.mu.Unlock()
	return b.api.bodies[pattern]
}
