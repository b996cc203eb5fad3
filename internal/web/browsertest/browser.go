// Package browsertest gives tests a real browser at the size of a counter's screen, for those who look at the screens as
// a person does. Where no browser is installed a test is skipped, loudly; with REQUIRE_BROWSER=1 it fails instead.
package browsertest

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The size of the smallest screen that the window is made for, in CSS pixels.
const (
	Width  = 1366
	Height = 768
)

// patience is how long one page may be worked with.
const patience = 3 * time.Minute

// axe knows the rules of accessibility.
//
//go:embed axe.min.js
var axe string

// Browser is one running browser.
type Browser struct{ ctx context.Context }

// Start starts a browser that ends with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	program := installed()
	if program == "" {
		if os.Getenv("REQUIRE_BROWSER") == "1" {
			t.Fatal("REQUIRE_BROWSER=1 and no chromium on this machine")
		}
		t.Skip("NO BROWSER: the screens were not tested in one; install chromium, or set REQUIRE_BROWSER=1 to insist")
	}
	flags := []chromedp.ExecAllocatorOption{chromedp.ExecPath(program), chromedp.WindowSize(Width, Height)}
	for _, f := range []string{
		"no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "mute-audio",
	} {
		flags = append(flags, chromedp.Flag(f, true))
	}
	ctx, quit := chromedp.NewContext(context.WithoutCancel(t.Context()), chromedp.WithAllocatorOptions(flags...))
	t.Cleanup(quit)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return &Browser{ctx}
}

func installed() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Tab is one page with cookies of its own, on one site. Its methods end the test when something cannot be done.
type Tab struct {
	T   testing.TB
	Ctx context.Context
	URL string // of the site, without a slash at the end
}

// Tab opens an empty page for the site at url. It closes with the test.
func (b *Browser) Tab(t testing.TB, url string) *Tab {
	t.Helper()
	deadline, stop := context.WithTimeout(b.ctx, patience)
	ctx, quit := chromedp.NewContext(deadline, chromedp.WithNewBrowserContext())
	t.Cleanup(func() { quit(); stop() })
	p := &Tab{T: t, Ctx: ctx, URL: url}
	p.Do(chromedp.EmulateViewport(Width, Height))
	return p
}

// Do performs steps in order.
func (p *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.T.Helper()
	if err := chromedp.Do(p.Ctx, steps...); err != nil {
		p.T.Fatal(err)
	}
}

// Open goes to an address of the site.
func (p *Tab) Open(path string) {
	p.T.Helper()
	p.Do(chromedp.Navigate(p.URL + path))
}

// Press presses keys one after the other.
func (p *Tab) Press(keys string) {
	p.T.Helper()
	p.Do(chromedp.KeyEvent(keys))
}

// Eval evaluates a JavaScript expression, which may be a promise.
func Eval[T any](p *Tab, expr string) T {
	p.T.Helper()
	v, err := chromedp.Run(p.Ctx, chromedp.Evaluate[T](expr, chromedp.EvalAwaitPromise))
	if err != nil {
		p.T.Fatalf("%v: %s", err, expr)
	}
	return v
}

// wait asks again and again in the page, for 10 s.
const wait = `new Promise((ok, no) => { let n = 0; const look = () => { if (%s) ok(true); else if (n++ > 500) no(new Error('waited in ' + document.body?.innerText)); else setTimeout(look, 20); }; look(); })`

// Until waits until a JavaScript expression is true. Such a wait may outlive the page that it was asked of: then it is
// asked of the next one.
func (p *Tab) Until(expr string) {
	p.T.Helper()
	var err error
	for range 6 {
		if _, err = chromedp.Run(p.Ctx, chromedp.Evaluate[bool](fmt.Sprintf(wait, expr), chromedp.EvalAwaitPromise)); err == nil {
			return
		}
		if !strings.Contains(err.Error(), "navigated") && !strings.Contains(err.Error(), "context") {
			break
		}
	}
	p.T.Fatalf("never %s: %v", expr, err)
}

// Text is what a reader sees of the first element that matches, "" when there is none.
func (p *Tab) Text(selector string) string {
	p.T.Helper()
	return Eval[string](p, `document.querySelector('`+selector+`')?.innerText ?? ''`)
}

// Settle waits out the time in which a key is taken for an echo of the scanner.
func (p *Tab) Settle() {
	p.T.Helper()
	Eval[bool](p, `new Promise(r => setTimeout(() => r(true), 400))`)
}

// Shot keeps a picture of the screen as name.png when SHOTS names a folder.
func (p *Tab) Shot(name string) {
	p.T.Helper()
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.Ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		p.T.Fatal(err)
	}
}

// Fits fails the test when a part of the window that must be seen whole has to be scrolled.
func (p *Tab) Fits() {
	p.T.Helper()
	over := Eval[[]string](p, `[...document.querySelectorAll('html, body, .pane, .result, .exception')].filter(e => e.scrollHeight > e.clientHeight + 1).map(e => e.className + ' ' + e.scrollHeight + '>' + e.clientHeight)`)
	if len(over) > 0 {
		p.T.Errorf("the window needs no scrolling at %d×%d: %v", Width, Height, over)
	}
}

// Accessible fails the test when axe finds something wrong with what is on the screen. What is folded away is opened first:
// it is on the page as well.
func (p *Tab) Accessible() {
	p.T.Helper()
	Eval[bool](p, axe+`; document.querySelectorAll('details').forEach(d => { d.open = true }); true`)
	for _, found := range Eval[[]string](p, `axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], rules: {'target-size': {enabled: true}}})
		.then(r => r.violations.map(v => v.impact + ' ' + v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.any.map(a => a.message)).join(' | ')))`) {
		p.T.Errorf("%s: %s", Eval[string](p, `document.documentElement.lang + ' ' + location.pathname`), found)
	}
}

// Narrow fails the test when something is wider than the screen, so that a page would have to be moved sideways.
func (p *Tab) Narrow() {
	p.T.Helper()
	for _, wide := range Eval[[]string](p, `[...document.querySelectorAll('html, body, main, .card, .plot')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.tagName + '.' + e.className + ' ' + e.scrollWidth + '>' + e.clientWidth)`) {
		p.T.Errorf("%s is wider than the screen: %s", Eval[string](p, `location.pathname`), wide)
	}
}
