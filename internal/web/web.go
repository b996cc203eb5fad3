package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

//go:embed static templates
var files embed.FS

// Bench is the simulated hardware of a demonstration, as far as somebody without hardware has to be its hands.
type Bench interface {
	// Scan lets the station's scanner read text.
	Scan(ctx context.Context, station, text string) error
	// PlaceCup puts an empty cup on the scale.
	PlaceCup(ctx context.Context, station string) error
	// LiftCup takes away what stands on the scale.
	LiftCup(ctx context.Context, station string) error
	// PlaceWeight puts a check weight on the scale.
	PlaceWeight(ctx context.Context, station string, w measure.Weight) error
	// State says what lies on the bench. An error means that the station has no bench here.
	State(ctx context.Context, station string) (BenchState, error)
}

// BenchState is what somebody standing at a simulated bench would see.
type BenchState struct {
	CupOnScale bool
}

// Options tune the screens; the zero value works.
type Options struct {
	// Bench is the simulated hardware, nil outside a demonstration. It is reachable only in a session of a fictional clinic.
	Bench Bench
	// IdleLock is how long a screen may stand untouched before it asks for a PIN; zero: 3 min, negative: never.
	IdleLock time.Duration
	// Log is told of pages that could not be rendered and of API answers that make no sense; nil: nobody.
	Log *slog.Logger
}

type site struct {
	api     http.Handler
	opts    Options
	phrases map[string]phrases
	pages   map[string]*template.Template // by language
	static  assets
}

// New returns the clinic's site: the screens, and the API below /v1/, which is where a screen's live data comes from.
// It panics when an embedded template or catalogue does not parse, which no installation can cause.
func New(api http.Handler, opts Options) http.Handler {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.IdleLock == 0 {
		opts.IdleLock = 3 * time.Minute
	}
	texts, err := loadPhrases()
	if err != nil {
		panic(err)
	}
	static, err := newAssets(files)
	if err != nil {
		panic(err)
	}
	pages, err := loadPages(texts, static)
	if err != nil {
		panic(err)
	}
	s := &site{api: api, opts: opts, phrases: texts, pages: pages, static: static}
	whole := http.NewServeMux()
	whole.Handle("/v1/", api)
	whole.Handle("/", secured(s.routes()))
	return whole
}

// routes are all the addresses of the screens.
func (s *site) routes() http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /static/", s.static)
	m.HandleFunc("POST /language", s.setLanguage)
	m.HandleFunc("GET /sign-in", s.open(showSignIn))
	m.HandleFunc("POST /sign-in", s.open(signIn))
	m.HandleFunc("POST /sign-out", s.open(signOut))
	m.HandleFunc("GET /switch", s.open(showSwitch))
	m.HandleFunc("POST /switch", s.open(switchPerson))
	m.HandleFunc("POST /lock", s.open(lock))

	m.HandleFunc("GET /tv/{number}/{key}", s.open(showPublicBoard))

	m.HandleFunc("GET /{$}", s.signedIn(showHome))
	m.HandleFunc("GET /check-in", s.signedIn(showDoor))
	m.HandleFunc("POST /check-in", s.signedIn(checkIn))
	m.HandleFunc("GET /check-in/lists", s.signedIn(showDoorLists))
	m.HandleFunc("POST /check-in/print", s.signedIn(orderPrint))
	m.HandleFunc("GET /check-in/print/{print}", s.signedIn(showPrint))
	m.HandleFunc("GET /board", s.signedIn(showBoard))
	m.HandleFunc("GET /supervisor", s.signedIn(showSupervisor))
	m.HandleFunc("POST /supervisor/rules", s.signedIn(setQueueRules))

	m.HandleFunc("GET /window", s.signedIn(chooseWindow))
	m.HandleFunc("GET /window/{station}", s.signedIn(showWindow))
	m.HandleFunc("GET /window/{station}/work", s.signedIn(showWork))
	m.HandleFunc("GET /window/{station}/queue", s.signedIn(showQueue))
	m.HandleFunc("POST /window/{station}/scan", s.signedIn(scanned))
	m.HandleFunc("POST /window/{station}/call", s.signedIn(callTicket))
	m.HandleFunc("POST /window/{station}/next", s.signedIn(callNext))
	m.HandleFunc("POST /window/{station}/slot", s.signedIn(bookSlot))
	m.HandleFunc("GET /slips/{patient}/{day}", s.signedIn(showSlip))
	m.HandleFunc("POST /window/{station}/pour", s.signedIn(pour))
	m.HandleFunc("POST /window/{station}/taken", s.signedIn(taken))
	m.HandleFunc("POST /window/{station}/mount", s.signedIn(mountHere))
	m.HandleFunc("POST /window/{station}/ticket", s.signedIn(endTicket))
	m.HandleFunc("GET /window/{station}/exception/{kind}", s.signedIn(showException))
	m.HandleFunc("POST /window/{station}/exception/{kind}", s.signedIn(recordException))

	m.HandleFunc("GET /patients", s.signedIn(showPatients))
	m.HandleFunc("POST /patients", s.signedIn(searchPatients))
	m.HandleFunc("POST /patients/new", s.signedIn(registerPatient))
	m.HandleFunc("GET /patients/{id}", s.signedIn(showPatient))
	m.HandleFunc("GET /patients/{id}/lots", s.signedIn(showPatientLots))
	m.HandleFunc("POST /patients/{id}/{act}", s.signedIn(actOnPatient))

	m.HandleFunc("GET /stock", s.signedIn(showStock))
	m.HandleFunc("POST /stock/{act}", s.signedIn(actOnStock))
	m.HandleFunc("GET /stock/find", s.signedIn(findStock))
	m.HandleFunc("GET /stock/papers", s.signedIn(showPapers))
	m.HandleFunc("POST /stock/papers", s.signedIn(savePaper))
	m.HandleFunc("GET /stock/papers/new/{kind}", s.signedIn(showNewPaper))
	m.HandleFunc("GET /stock/papers/{id}", s.signedIn(showPaper))
	m.HandleFunc("POST /stock/papers/{id}/{act}", s.signedIn(actOnPaper))
	m.HandleFunc("GET /stock/counters", s.signedIn(showCounters))
	m.HandleFunc("POST /stock/counters", s.signedIn(startCounter))
	m.HandleFunc("POST /stock/counters/{id}/{act}", s.signedIn(actOnCounter))
	m.HandleFunc("POST /stock/counts", s.signedIn(startStoreCount))
	m.HandleFunc("GET /stock/counts/{id}", s.signedIn(showCount))
	m.HandleFunc("POST /stock/counts/{id}/{act}", s.signedIn(actOnCount))
	m.HandleFunc("GET /stock/variance", s.signedIn(showVariance))
	m.HandleFunc("GET /stock/forecast", s.signedIn(showForecast))
	m.HandleFunc("GET /stock/lots/{id}", s.signedIn(showTrace))
	m.HandleFunc("GET /stock/bottles/{id}", s.signedIn(showBottle))
	m.HandleFunc("POST /stock/bottles/{id}/{act}", s.signedIn(actOnBottle))

	m.HandleFunc("GET /stations", s.signedIn(showStations))
	m.HandleFunc("POST /stations/{act}", s.signedIn(actOnStations))
	m.HandleFunc("GET /stations/{station}/check", s.signedIn(showCheck))
	m.HandleFunc("GET /stations/{station}/check/work", s.signedIn(showCheckWork))
	m.HandleFunc("POST /stations/{station}/check/{act}", s.signedIn(actOnCheck))
	m.HandleFunc("GET /stations/{station}/checks", s.signedIn(showChecks))
	m.HandleFunc("POST /stations/{station}/checks/{act}", s.signedIn(actOnChecks))
	m.HandleFunc("GET /stations/{station}/chart", s.signedIn(showChart))
	m.HandleFunc("GET /register", s.signedIn(showRegister))

	m.HandleFunc("GET /doses/{id}", s.signedIn(showDose))
	m.HandleFunc("GET /book", s.signedIn(showNarcoticRegister))
	m.HandleFunc("GET /controlled", s.signedIn(showControlledRegister))
	m.HandleFunc("GET /stock-report", s.signedIn(showStockReport))
	m.HandleFunc("GET /figures", s.signedIn(showPatientFigures))
	m.HandleFunc("POST /figures/target", s.signedIn(setTarget))

	m.HandleFunc("GET /staff", s.signedIn(showStaff))
	m.HandleFunc("POST /staff", s.signedIn(addStaff))
	m.HandleFunc("POST /staff/{id}/{act}", s.signedIn(actOnStaff))
	m.HandleFunc("GET /account", s.signedIn(showAccount))
	m.HandleFunc("POST /account/pin", s.signedIn(changePIN))
	m.HandleFunc("POST /account/password", s.signedIn(changePassword))
	m.HandleFunc("GET /rules", s.signedIn(showRules))
	m.HandleFunc("POST /rules", s.signedIn(adoptRules))
	m.HandleFunc("GET /closures", s.signedIn(showClosures))
	m.HandleFunc("POST /closures", s.signedIn(addClosure))
	m.HandleFunc("POST /closures/{day}/remove", s.signedIn(removeClosure))

	m.HandleFunc("POST /demo/scan", s.signedIn(demoScan))
	m.HandleFunc("POST /demo/cup", s.signedIn(demoCup))
	m.HandleFunc("POST /demo/weight", s.signedIn(demoWeight))
	m.HandleFunc("/", s.open(func(*screen) error { return errNoPage }))
	return m
}

var errNoPage = errors.New("no such page")

// screen is one request of a browser: who asks, in which language, and how to ask the API for them.
type screen struct {
	phrases
	site    *site
	w       http.ResponseWriter
	r       *http.Request
	api     *clinicapi.Client
	session clinicapi.Session // the zero Session on pages that need nobody signed in
	zone    *time.Location
	problem *problemView     // shown on top of the page
	status  int              // of the page; 0 means 200
	lines   *clinicapi.Queue // as read for this request; an act on a ticket clears it
}

// open serves a page that needs nobody signed in.
func (s *site) open(show func(*screen) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		c := &screen{phrases: s.phrases[s.language(r)], site: s, w: w, r: r, zone: time.UTC}
		client, err := clinicapi.NewClient("http://clinic/v1", clinicapi.WithHTTPClient(newSeam(s.api, w, r, c.lang)))
		if err != nil {
			c.fail(err)
			return
		}
		c.api = client
		if err := r.ParseForm(); err != nil {
			c.fail(&apiProblem{clinicapi.Problem{Status: http.StatusBadRequest, Title: c.t("problem.form")}})
			return
		}
		if err := show(c); err != nil {
			c.fail(err)
		}
	}
}

// signedIn serves a page to somebody who is signed in and not locked; others are sent to prove themselves first.
func (s *site) signedIn(show func(*screen) error) http.HandlerFunc {
	return s.open(func(c *screen) error {
		session, err := call[clinicapi.Session](c.api.ReadSession(c.r.Context()))
		if err != nil {
			return err
		}
		if session.Locked {
			c.redirect("/switch?back=" + c.backHere())
			return nil
		}
		c.enter(session)
		return show(c)
	})
}

// enter makes the page that of this session: its clinic's zone for every time shown.
func (c *screen) enter(session clinicapi.Session) {
	c.session = session
	if zone, err := time.LoadLocation(session.Clinic.Zone); err == nil {
		c.zone = zone
	}
}

// may says whether to offer something. The API decides again when it is asked to do it.
func (c *screen) may(action string) bool {
	for _, a := range c.session.Actions {
		if a == action {
			return true
		}
	}
	return false
}

// render sends a page, complete or not at all.
func (c *screen) render(name, body, title string, view any) error {
	p := c.page(body, title, view)
	var main bytes.Buffer
	if err := c.site.pages[c.lang].ExecuteTemplate(&main, mainOf(name), p); err != nil {
		return err
	}
	p.Main = template.HTML(main.String()) //nolint:gosec // made by a template, escaped there
	return c.send(name, "page", p)
}

// fragment sends one part of a page, for htmx to put in place.
func (c *screen) fragment(name, part string, view any) error {
	return c.send(name, part, c.page("", "", view))
}

func (c *screen) send(name, part string, p page) error {
	var out bytes.Buffer
	if err := c.site.pages[c.lang].ExecuteTemplate(&out, part, p); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", c.lang)
	h.Add("Vary", "Cookie")
	if c.status != 0 {
		c.w.WriteHeader(c.status)
	}
	_, err := out.WriteTo(c.w)
	if err != nil {
		c.site.opts.Log.DebugContext(c.r.Context(), "browser went away", "page", name)
	}
	return nil
}

// htmx reports whether a script of the page asks, and not the person's own navigation.
func (c *screen) htmx() bool { return c.r.Header.Get("HX-Request") == "true" }

// redirect sends the whole page elsewhere, whoever asked.
func (c *screen) redirect(to string) {
	if c.htmx() {
		c.w.Header().Set("HX-Redirect", to)
		c.w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(c.w, c.r, to, http.StatusSeeOther)
}
