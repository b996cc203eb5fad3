package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// browser is a client that keeps cookies in its own hands, so that a test says what is sent.
type browser struct {
	t    *testing.T
	site http.Handler
	lang string
	hx   bool
}

func newBrowser(t *testing.T, api http.Handler) *browser {
	return &browser{t: t, site: New(api, Options{}), lang: "vi"}
}

func (b *browser) do(method, path string, form url.Values) (*http.Response, string) {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.hx {
		r.Header.Set("HX-Request", "true")
	}
	r.AddCookie(&http.Cookie{Name: languageCookie, Value: b.lang})
	r.AddCookie(&http.Cookie{Name: "lieu_session", Value: "s1"})
	w := httptest.NewRecorder()
	b.site.ServeHTTP(w, r)
	resp := w.Result()
	text, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return resp, string(text)
}

func (b *browser) get(path string) string {
	b.t.Helper()
	resp, text := b.do(http.MethodGet, path, nil)
	require.Equal(b.t, http.StatusOK, resp.StatusCode, text)
	return text
}

// post sends form fields given as name, value, name, value ….
func (b *browser) post(path string, fields ...string) (*http.Response, string) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

// everyPage is each address that shows a whole page; the first ones are for nobody in particular.
const openPages = 3

var everyPage = []string{
	"/sign-in", "/switch", "/tv/1/" + boardKey, "/", "/check-in", "/board", "/window", "/window/" + stationID, "/slips/" + anID + "/2026-11-24", "/patients", "/patients/" + anID,
	"/stock", "/stock/bottles/" + bottleID, "/stations", "/stations/" + stationID + "/check", "/stations/" + stationID + "/check?new=1", "/stations/" + stationID + "/checks",
	"/stations/" + stationID + "/chart", "/register", "/register?day=2026-11-21", "/register?form=us", "/doses/" + anID, "/controlled", "/controlled?product=" + lotID + "&year=2026&part=-R4", "/book?column=issued&lot=" + lotID, "/figures?scope=districts", "/book", "/book?product=" + lotID + "&year=2026&part=-R4&each=on", "/stock-report", "/stock-report?year=2026&part=-11&expected=12", "/figures", "/figures?year=2026&part=-R4&scope=province&line=new",
	"/supervisor", "/staff", "/account", "/rules", "/closures",
	"/stock?ended=empty", "/stock/papers", "/stock/papers?kind=waste", "/stock/papers/" + paperID, "/stock/papers/" + signedID, "/stock/papers/" + receiptID,
	"/stock/papers/" + postedID, "/stock/papers/" + countedID, "/stock/papers/new/receipt", "/stock/papers/new/transfer?code=" + bottleCode, "/stock/papers/new/open",
	"/stock/papers/new/change", "/stock/papers/new/consolidate", "/stock/papers/new/waste", "/stock/papers/new/empty", "/stock/papers/new/loss",
	"/stock/papers/new/break", "/stock/papers/new/destroy", "/stock/papers/new/abnormal", "/patients/" + anID + "/lots", "/stock/counters",
	"/stock/counts/" + paperID, "/stock/counts/" + countedID, "/stock/variance", "/stock/variance?by=person", "/stock/forecast", "/stock/lots/" + lotID,
}

// parts are addresses that show no page of their own, but a part of one that scripts ask for, a file, or the way to a page.
var parts = []string{
	"/static/", "/check-in/lists", "/check-in/print/{print}", "/window/{station}/work", "/window/{station}/queue", "/window/{station}/exception/{kind}",
	"/stations/{station}/check/work", "/stock/find",
}

// A page that is added is tested like the others: its route names it, so it cannot be forgotten.
func TestEveryPageIsListed(t *testing.T) {
	source, err := os.ReadFile("web.go")
	require.NoError(t, err)
	routes := regexp.MustCompile(`"GET (/[^"]*)"`).FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(routes), 25)
	for _, r := range routes {
		route := strings.TrimSuffix(r[1], "{$}")
		if slices.Contains(parts, route) {
			continue
		}
		is := regexp.MustCompile("^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(route, "[^/?]+") + `(\?.*)?$`)
		if !slices.ContainsFunc(everyPage, is.MatchString) {
			t.Errorf("%s is neither in everyPage nor in parts", route)
		}
	}
}

// rawKey matches a message key that was printed instead of its message.
var rawKey = regexp.MustCompile(`>\s*[a-z_]+\.[a-z_]+(\.[a-z_]+)?\s*<`)

func TestEveryPageRendersInBothLanguages(t *testing.T) {
	for _, lang := range languages {
		for _, path := range everyPage {
			t.Run(lang+path, func(t *testing.T) {
				b := newBrowser(t, newFakeAPI())
				b.lang = lang
				text := b.get(path)
				require.Contains(t, text, `<html lang="`+lang+`">`)
				require.NotRegexp(t, rawKey, text)
				require.NotContains(t, text, "<no value>")
				require.NotContains(t, text, "ZgotmplZ")
				require.NotContains(t, text, "style=")
				require.NotContains(t, text, " on"+"click=")
				require.NotContains(t, text, "<script>")
			})
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	b := newBrowser(t, newFakeAPI())
	resp, _ := b.do(http.MethodGet, "/", nil)
	csp := resp.Header.Get("Content-Security-Policy")
	require.Contains(t, csp, "default-src 'none'")
	require.Contains(t, csp, "script-src 'self'")
	require.NotContains(t, csp, "unsafe")
	require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
}

// A static file has an address of its own version: it is kept for ever, and no other address gives it.
func TestStaticFilesAreKeptByVersion(t *testing.T) {
	b := newBrowser(t, newFakeAPI())
	_, body := b.do(http.MethodGet, "/sign-in", nil)
	style := regexp.MustCompile(`href="(/static/[0-9a-f]{16}/app\.css)"`).FindStringSubmatch(body)
	require.NotNil(t, style, "the page names its style sheet by version")
	resp, _ := b.do(http.MethodGet, style[1], nil)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Cache-Control"), "immutable")
	for _, other := range []string{"/static/app.css", "/static/0000000000000000/app.css", path.Dir(style[1]) + "/"} {
		resp, _ = b.do(http.MethodGet, other, nil)
		require.Equal(t, http.StatusNotFound, resp.StatusCode, other)
	}
}

func TestAnotherSitesFormIsRefused(t *testing.T) {
	api := newFakeAPI()
	r := httptest.NewRequest(http.MethodPost, "/window/"+stationID+"/pour", strings.NewReader("id=1&patient=2"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	New(api, Options{}).ServeHTTP(w, r)
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Empty(t, api.requests)
}

func TestPagesOfOthersWantSignIn(t *testing.T) {
	api := newFakeAPI()
	api.signedIn = false
	b := newBrowser(t, api)
	for _, path := range everyPage[openPages:] {
		resp, _ := b.do(http.MethodGet, path, nil)
		require.Equal(t, http.StatusSeeOther, resp.StatusCode, path)
		require.Equal(t, "/sign-in?back="+url.QueryEscape(path), resp.Header.Get("Location"))
	}
	api.signedIn, api.locked = true, true
	resp, _ := b.do(http.MethodGet, "/stock", nil)
	require.Equal(t, "/switch?back=%2Fstock", resp.Header.Get("Location"))
	b.hx = true
	resp, _ = b.do(http.MethodGet, "/window/"+stationID+"/work", nil)
	require.Equal(t, "/switch?back=%2F", resp.Header.Get("HX-Redirect"), "a part of a page sends the whole page")
}

func TestTheSeamIsTheBrowsersDouble(t *testing.T) {
	api := newFakeAPI()
	b := newBrowser(t, api)
	b.lang = "en"
	b.get("/")
	got := api.requests[0]
	require.Equal(t, "/v1/session", got.URL.Path)
	require.Equal(t, "en", got.Header.Get("Accept-Language"))
	c, err := got.Cookie("lieu_session")
	require.NoError(t, err)
	require.Equal(t, "s1", c.Value)

	resp, _ := b.post("/sign-in", "username", "hoa", "password", "long enough", "back", "/stock")
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, "/stock", resp.Header.Get("Location"))
	require.Contains(t, resp.Header.Get("Set-Cookie"), "lieu_session=fresh")
	require.Contains(t, resp.Header.Get("Set-Cookie"), "HttpOnly")
}

func TestBackStaysInside(t *testing.T) {
	for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "javascript:alert(1)", "", "evil"} {
		require.Equal(t, "/", inside(to), to)
	}
	require.Equal(t, "/window/1?x=1", inside("/window/1?x=1"))
}

func TestLanguageIsVietnameseUnlessChosen(t *testing.T) {
	site := New(newFakeAPI(), Options{})
	r := httptest.NewRequest(http.MethodGet, "/sign-in", nil)
	r.Header.Set("Accept-Language", "en-US,en;q=0.9")
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), `<html lang="vi">`)

	r = httptest.NewRequest(http.MethodPost, "/language", strings.NewReader("lang=en&back=/stock"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w = httptest.NewRecorder()
	site.ServeHTTP(w, r)
	require.Equal(t, "/stock", w.Header().Get("Location"))
	require.Contains(t, w.Header().Get("Set-Cookie"), languageCookie+"=en")
}

func TestWhatIsNotPermittedIsNotOffered(t *testing.T) {
	api := newFakeAPI()
	api.session.Actions = []string{"queue.read", "session", "stock.read"}
	b := newBrowser(t, api)
	home := b.get("/")
	require.Contains(t, home, `href="/stock"`)
	require.NotContains(t, home, `href="/window"`)
	require.NotContains(t, home, `href="/patients"`)
	require.NotContains(t, b.get("/stock"), `action="/stock/lot"`)
	require.Contains(t, b.get("/stations"), `href="/stock/bottles/`)
	api.session.Actions = []string{"queue.read", "session", "station.read"}
	require.NotContains(t, b.get("/stations"), `href="/stock/bottles/`)
}

// A doctor may read the register, and not the stock.
func TestTheRegisterNeedsNoStock(t *testing.T) {
	api := newFakeAPI()
	api.session.Actions = []string{"session", "register.read"}
	api.refuse["GET /v1/products"] = clinicapi.Problem{Status: 403, Code: "forbidden", Title: "Không có quyền"}
	require.Contains(t, newBrowser(t, api).get("/book"), "Methadone")
}

func TestTheDemonstrationCannotBeMistaken(t *testing.T) {
	api := newFakeAPI()
	b := newBrowser(t, api)
	require.Contains(t, b.get("/"), "MÔ PHỎNG")
	api.session.Demo = false
	require.NotContains(t, b.get("/"), "MÔ PHỎNG")
	resp, _ := b.post("/demo/scan", "station", stationID, "text", anCode)
	require.Equal(t, http.StatusNotFound, resp.StatusCode, "no bench outside a demonstration")
}

func TestAnApiProblemIsShownInItsOwnWords(t *testing.T) {
	api := newFakeAPI()
	api.refuse["GET /v1/balances"] = clinicapi.Problem{Status: 500, Code: "internal", Title: "Lỗi của máy chủ", Instance: "urn:lieu:request:7f3a"}
	resp, text := newBrowser(t, api).do(http.MethodGet, "/stock", nil)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	require.Contains(t, text, "Lỗi của máy chủ")
	require.Contains(t, text, "7f3a")
}
