package web

import (
	"context"
	_ "embed"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

//go:embed testdata/axe.min.js
var axe string

// tab is one page of a real browser at the size of a counter's screen.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string
	api *fakeAPI

	opts Options
}

// aBrowser is one browser for all tests of this file.
type aBrowser struct{ ctx context.Context }

// startBrowser starts one. Without a browser on the machine the test is skipped, loudly, unless REQUIRE_BROWSER says
// that there must be one.
func startBrowser(t *testing.T) *aBrowser {
	t.Helper()
	program := browserProgram()
	if program == "" {
		if os.Getenv("REQUIRE_BROWSER") == "1" {
			t.Fatal("REQUIRE_BROWSER=1 and no chromium on this machine")
		}
		t.Skip("NO BROWSER: the screens were not tested in one; install chromium, or set REQUIRE_BROWSER=1 to insist")
	}
	flags := []chromedp.ExecAllocatorOption{chromedp.ExecPath(program), chromedp.WindowSize(1366, 768)}
	for _, f := range []string{
		"no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "mute-audio",
	} {
		flags = append(flags, chromedp.Flag(f, true))
	}
	ctx, quit := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(flags...))
	t.Cleanup(quit)
	require.NoError(t, chromedp.Do(ctx))
	return &aBrowser{ctx}
}

// tab opens a page on the screens over a fictional API of its own.
func (a *aBrowser) tab(t *testing.T, opts Options) *tab {
	t.Helper()
	api := newFakeAPI()
	server := httptest.NewServer(New(api, opts))
	deadline, stop := context.WithTimeout(a.ctx, 2*time.Minute)
	ctx, quit := chromedp.NewContext(deadline, chromedp.WithNewBrowserContext()) // cookies of its own
	t.Cleanup(func() { quit(); stop(); server.CloseClientConnections(); server.Close() })
	b := &tab{t: t, ctx: ctx, url: server.URL, api: api, opts: opts}
	b.do(chromedp.EmulateViewport(1366, 768))
	return b
}

func browserProgram() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
}

func (b *tab) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// until waits for a JavaScript expression to become true.
func (b *tab) until(expr string) {
	b.t.Helper()
	script := fmt.Sprintf(`new Promise((ok, no) => { let n = 0; const look = () => { if (%s) ok(true); else if (n++ > 400) no(new Error('waited for %s in ' + document.body.innerText)); else setTimeout(look, 20); }; look(); })`,
		expr, quoteJS(expr))
	var err error
	for range 5 { // an expression may outlive the page that it was asked of
		if _, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise)); err == nil {
			return
		}
		if !strings.Contains(err.Error(), "navigated") && !strings.Contains(err.Error(), "context") {
			break
		}
	}
	require.NoError(b.t, err, expr)
}

func quoteJS(s string) string {
	out := make([]rune, 0, len(s))
	for _, r := range s {
		if r != '\'' && r != '\\' {
			out = append(out, r)
		}
	}
	return string(out)
}

func (b *tab) text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector('`+selector+`')?.innerText ?? ''`))
	require.NoError(b.t, err)
	return s
}

// settle waits out the time in which Enter is taken for an echo of the scanner.
func (b *tab) settle() {
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`new Promise(r => setTimeout(() => r(true), 400))`, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
}

// shot keeps a picture when SHOTS names a folder.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(dir, 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
}

// accessible runs axe over what is on the screen.
func (b *tab) accessible() {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](axe+`; true`))
	require.NoError(b.t, err)
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](
		`axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.any.map(a => a.message)).join(' | ')))`,
		chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	require.Empty(b.t, found)
}

func (b *tab) fits() {
	b.t.Helper()
	over, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll('html, body, .pane, .result, .exception')].filter(e => e.scrollHeight > e.clientHeight + 1).map(e => e.className + ' ' + e.scrollHeight + '>' + e.clientHeight)`))
	require.NoError(b.t, err)
	require.Empty(b.t, over, "the window page needs no scrolling at 1366×768")
}

func everyPageIsAccessible(t *testing.T, b *tab) {
	for i, path := range everyPage {
		b.open(path)
		b.shot(fmt.Sprintf("page-%02d", i))
		t.Log(path)
		b.accessible()
	}
}

// TestInABrowser runs the screens as a nurse sees them.
func TestInABrowser(t *testing.T) {
	a := startBrowser(t)
	for name, x := range map[string]struct {
		run  func(*testing.T, *tab)
		opts Options
	}{
		"EveryPageIsAccessible":           {everyPageIsAccessible, Options{}},
		"ACleanDoseIsTwoKeysAndTwoScans":  {aCleanDoseIsTwoKeysAndTwoScans, Options{}},
		"TheWrongCardAtHandOverStops":     {theWrongCardAtHandOverStops, Options{}},
		"AStopCannotBeReleasedByAKey":     {aStopCannotBeReleasedByAKey, Options{}},
		"AWarningIsAmber":                 {aWarningIsAmber, Options{}},
		"AnEchoOfTheScannerStartsNothing": {anEchoOfTheScannerStartsNothing, Options{}},
		"AReloadResumesTheDose":           {aReloadResumesTheDose, Options{}},
		"AnExceptionTakesAWitness":        {anExceptionTakesAWitness, Options{}},
		"DisagreementShowsTheThreeValues": {disagreementShowsTheThreeValues, Options{}},
		"WhatIsNotHeardOfIsUnknown":       {whatIsNotHeardOfIsUnknown, Options{}},
		"TheDoorShowsAHoldAndForgetsIt":   {theDoorShowsAHoldAndForgetsIt, Options{}},
		"ABenchStandsInForHardware":       {aBenchStandsInForHardware, Options{Bench: &fakeBench{}}},
		"TheWindowFitsInEnglish":          {theWindowFitsInEnglish, Options{}},
		"AnUntouchedScreenLocks":          {anUntouchedScreenLocks, Options{IdleLock: time.Second}},
	} {
		t.Run(name, func(t *testing.T) { x.run(t, a.tab(t, x.opts)) })
	}
}

const stage = `document.querySelector('#work').dataset.stage === `

// A clean patient takes two scans and two keys of the nurse.
func aCleanDoseIsTwoKeysAndTwoScans(t *testing.T, b *tab) {
	b.open("/window/" + stationID)
	b.until(stage + `'idle' && document.activeElement.id === 'scan'`)
	b.show(100_000_000, nil)
	b.until(`document.querySelector('[data-device=scale] .says').textContent === '100,00 g'`)
	b.shot("window-idle")
	b.accessible()
	b.fits()

	b.scan(anCode, "patient")
	b.until(stage + `'patient'`)
	b.shot("window-ready")
	b.accessible()
	b.fits()
	require.Contains(t, b.text(".dose .mg"), "62,5 mg")
	require.Contains(t, b.text(".dose .ml"), "6,25 mL")
	b.settle()

	b.press("\r") // pour
	b.until(stage + `'pouring'`)
	b.counter(func(d *clinicapi.Dispensing) { d.State = "dispensing" })
	moved := int64(3_100)
	b.show(103_000_000, &moved)
	b.until(`document.querySelector('[data-live=moved]').textContent === '3,10 mL' && document.querySelector('.verdict .big').textContent === 'ĐANG RÓT'`)
	b.shot("window-pouring")
	b.accessible()
	b.fits()
	require.NotContains(t, b.text("#work"), "XONG", "nothing is a success before it was measured and handed over")

	b.counter(func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", true, 6_250, true, 6_379_000, 6_248
	})
	b.until(stage + `'bind'`)
	b.shot("window-bind")
	b.fits()
	b.settle()
	b.press("\r") // Enter alone hands nothing over
	require.Equal(t, "measured", b.state())

	b.scan(anCode, "patient")
	b.until(stage + `'swallow'`)
	b.shot("window-swallow")
	b.accessible()
	b.fits()
	b.settle()
	b.press("\r") // taken
	b.until(stage + `'idle' && document.querySelector('.verdict .big')?.textContent === 'XONG'`)
	b.shot("window-done")
	b.fits()
}

func theWrongCardAtHandOverStops(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", true, 6_250, true, 6_379_000, 6_248
	})
	b.scan(binhCode, "patient")
	b.until(`document.querySelector('#work.red')?.dataset.sound === 'stop'`)
	b.shot("window-wrong-card")
	b.accessible()
	require.Contains(t, b.text("#work"), "Không giao cốc")
	require.Equal(t, "measured", b.state())
}

func aStopCannotBeReleasedByAKey(t *testing.T, b *tab) {
	b.open("/window/" + stationID)
	b.scan(chiCode, "patient")
	b.until(`document.querySelector('#work.red')`)
	b.shot("window-stop")
	b.accessible()
	b.fits()
	require.Contains(t, b.text("#work"), "Hẹn khám lại")
	require.Contains(t, b.text("#work"), "bác sĩ")
	b.settle()
	b.press("\r")
	b.press(" ")
	require.Equal(t, "", b.state())
	b.press(kb.Escape)
	b.until(stage + `'idle'`)
}

func aWarningIsAmber(t *testing.T, b *tab) {
	b.open("/window/" + stationID)
	b.scan(binhCode, "patient")
	b.until(`document.querySelector('#work.amber')`)
	b.shot("window-look")
	b.accessible()
	b.fits()
}

// A scanner that ends a code with two line ends must not start a dose with the second.
func anEchoOfTheScannerStartsNothing(t *testing.T, b *tab) {
	b.open("/window/" + stationID)
	b.until(`document.activeElement.id === 'scan'`)
	b.press(anCode + "\r\r")
	b.until(stage + `'patient'`)
	b.press("\r")
	require.Equal(t, "", b.state())
	require.Zero(t, b.calls("/v1/tickets/01920000-0000-7000-8000-000000000100/call"))
}

func aReloadResumesTheDose(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) { d.State = "in_doubt" })
	b.until(stage + `'doubt'`)
	require.Contains(t, b.text("#work"), "Cân cốc")
	b.shot("window-doubt")
	b.accessible()
	b.fits()
	b.settle()
	b.press("\r")
	b.until(stage + `'exception'`)
	b.shot("exception-resolve")
	b.accessible()
	b.fits()
}

func anExceptionTakesAWitness(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) {
		d.State, d.Agreed, d.HandedAt, d.MeasuredUl, d.PumpVolumeUl = "measured", true, fakeNow, 6_248, 6_250
	})
	b.until(stage + `'swallow'`)
	b.press(kb.F2)
	b.until(stage + `'exception'`)
	b.accessible()
	b.press("2,5")
	b.do(chromedp.SendKeys(chromedp.CSS(`[name=reason]`), "nôn"))
	b.scan(badgeCode, "staff")
	b.until(`document.activeElement.name === 'witness_pin'`)
	b.press("0000\r")
	b.until(`document.querySelector('.exception .alert')`)
	b.shot("exception-partly")
	require.Contains(t, b.text("#work"), "Sai người chứng kiến")
	b.do(chromedp.SendKeys(chromedp.CSS(`[name=witness]`), badgeCode), chromedp.SendKeys(chromedp.CSS(`[name=witness_pin]`), "9999\r"))
	b.until(stage + `'idle'`)
	require.Contains(t, b.text("#work"), "một phần")
	require.JSONEq(t, `{"left_ul":2500,"reason":"nôn","witness":{"badge":"`+badgeCode+`","pin":"9999"}}`, b.body("POST /dispensings/{id}/partly-taken"))
}

func disagreementShowsTheThreeValues(t *testing.T, b *tab) {
	b.begun(func(d *clinicapi.Dispensing) {
		d.State, d.PumpVolumeUl, d.WeighedKnown, d.WeighedUg, d.MeasuredUl = "measured", 6_250, true, 5_100_000, 4_995
	})
	b.until(stage + `'apart'`)
	b.shot("window-apart")
	b.accessible()
	b.fits()
	require.Contains(t, b.text("#work"), "5,10 g")
}

func theWindowFitsInEnglish(t *testing.T, b *tab) {
	b.open("/window/" + stationID)
	b.do(chromedp.Click(chromedp.CSS(".language button")))
	b.until(`document.documentElement?.lang === 'en' && document.activeElement?.id === 'scan'`)
	b.fits()
	b.scan(chiCode, "patient")
	b.until(`document.querySelector('#work.red')`)
	b.fits()
	b.accessible()
	b.shot("window-english")
	require.Contains(t, b.text("#work"), "found: 4 days")
}

func whatIsNotHeardOfIsUnknown(t *testing.T, b *tab) {
	b.open("/window/" + stationID)
	require.Equal(t, "không rõ", b.text("[data-device=scale] .says"))
	l := b.api.live(50_000_000)
	l.AgeMs = 8_000
	b.event("live", l)
	b.until(`document.querySelector('[data-device=scale] .age').textContent.includes('8 giây trước')`)
	require.Equal(t, "không rõ", b.text("[data-device=scale] .says"))
	b.shot("window-stale")
}

func theDoorShowsAHoldAndForgetsIt(t *testing.T, b *tab) {
	b.open("/check-in")
	b.until(`document.activeElement.id === 'scan'`)
	b.press(chiCode + "\r")
	b.until(`document.querySelector('.door-result.red')`)
	b.shot("door-stop")
	b.accessible()
	require.Contains(t, b.text("#answer"), "14")
	require.Contains(t, b.text("#answer"), "bác sĩ")
	require.NotContains(t, b.text("body"), "Phạm Quốc Chí", "no names at the door")
	require.NotContains(t, b.text("#answer"), "Hẹn khám lại")
	b.press(anCode + "\r")
	b.until(`document.querySelector('.door-result.green')`)
	b.shot("door-ready")
	b.until(`document.activeElement.id === 'scan'`)
}

func anUntouchedScreenLocks(t *testing.T, b *tab) {
	b.open("/stock")
	b.until(`location.pathname === '/switch'`)
	b.shot("locked")
	b.accessible()
	b.press("hoa\r")
	b.until(`document.activeElement.name === 'pin'`)
	b.press("1234\r")
	b.until(`location.pathname === '/stock'`)
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
func (f *fakeBench) LiftCup(_ context.Context, station string) error {
	return f.note("lift " + station)
}
func (f *fakeBench) State(context.Context, string) (BenchState, error) {
	return BenchState{CupOnScale: true}, nil
}

func aBenchStandsInForHardware(t *testing.T, b *tab) {
	b.open("/window/" + stationID)
	b.do(chromedp.Click(chromedp.CSS(".demo-bench button")))
	b.do(chromedp.Click(chromedp.CSS(".demo-bench [value=lift]")))
	bench := b.opts.Bench.(*fakeBench)
	require.Eventually(t, func() bool { return len(bench.noted()) == 2 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, []string{"scan " + stationID + " " + anCode, "lift " + stationID}, bench.noted())
	b.shot("window-demo")
	b.accessible()
	b.fits()
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
	b.open("/window/" + stationID)
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
