package web

import (
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// page is what every template gets.
type page struct {
	Lang, OtherLang, OtherLangName string
	Title                          string
	Body                           string // class of the body: the kind of screen
	Path                           string
	IdleLock                       int // seconds, 0 for never
	Who                            who
	Nav                            []link
	Problem                        *problemView
	Notice                         string
	Form                           func(string) string
	ID                             func(act string) string // id of an act: what was posted for it, else a new one
	Act                            string                  // the act whose form comes back with what was wrong
	Can                            func(string) bool
	View                           any
	Main                           template.HTML // the page's own part, made before the layout around it
}

// who is the person and the clinic as the head of the page shows them.
type who struct {
	Name, RoleNames, Clinic string
	Demo                    bool
}

type link struct {
	Href, Text string
	Here       bool
}

// withPage hands a part of a page its data together with the page, which has what went wrong.
type withPage struct {
	Page page
	Work any
}

// mainOf is the name of a page's own part among all templates; every page's file calls it "main".
func mainOf(page string) string { return "main of " + page }

// loadPages parses every page, once per language: the word function of a template belongs to one. All pages of a
// language are one set, so that what they share is kept once; a set for each page took most of the idle memory.
func loadPages(texts map[string]phrases, static assets) (map[string]*template.Template, error) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*template.Template, len(texts))
	for lang, p := range texts {
		set := template.New("").Funcs(template.FuncMap{"t": p.t, "n": func(key string, n int) string { return p.n(key, n) },
			"barcode": barcodeImage, "static": static.address,
			"work": func(p page, w any) withPage { return withPage{p, w} }})
		for _, name := range names {
			source, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			key := strings.TrimSuffix(path.Base(name), ".html")
			text := strings.Replace(string(source), `{{define "main"}}`, `{{define "`+mainOf(key)+`"}}`, 1)
			if _, err := set.Parse(text); err != nil {
				return nil, fmt.Errorf("page %s: %w", key, err)
			}
		}
		all[lang] = set
	}
	return all, nil
}

// sections are the parts of the site by the permission that makes them useful.
var sections = []struct{ href, key, action string }{
	{"/check-in", "nav.check_in", "queue.check_in"},
	{"/window", "nav.window", "dispensing.perform"},
	{"/patients", "nav.patients", "patient.read"},
	{"/stock", "nav.stock", "stock.read"},
	{"/stations", "nav.stations", "station.read"},
	{"/register", "nav.register", "register.read"},
	{"/figures", "nav.figures", "figures.read"},
	{"/board", "nav.board", "queue.read"},
	{"/supervisor", "nav.supervisor", "morning.read"},
}

// settings are what is looked at seldom; the home page alone leads there.
var settings = []struct{ href, key, action string }{
	{"/staff", "nav.staff", "staff.read"},
	{"/rules", "nav.rules", "clinic.read"},
	{"/closures", "nav.closures", "clinic.read"},
	{"/account", "account.title", ""}, // everybody's own
}

// elsewhere are pages whose address does not begin with that of their section.
var elsewhere = map[string]string{"/book": "/register", "/stock-report": "/register", "/controlled": "/register"}

// within reports whether a page belongs to a section.
func within(page, section string) bool {
	return page == section || strings.HasPrefix(page, section+"/") || elsewhere[page] == section
}

func (c *screen) page(body, title string, view any) page {
	other := languages[0]
	if c.lang == other {
		other = languages[1]
	}
	p := page{
		Lang: c.lang, OtherLang: other, OtherLangName: c.site.phrases[other].t("language.own_name"),
		Title: title, Body: body, Path: c.r.URL.Path, Problem: c.problem,
		Form: c.r.Form.Get, Can: c.may, View: view,
	}
	if c.r.Method == http.MethodPost {
		p.Act = path.Base(c.r.URL.Path)
	}
	p.ID = func(act string) string {
		if posted := c.r.PostForm.Get("id"); act == p.Act && posted != "" {
			return posted
		}
		return id.New[string]()
	}
	if notice := c.r.URL.Query().Get("done"); notice != "" && c.problem == nil {
		p.Notice = c.known("done."+notice, "")
	}
	if c.session.Staff.Id == "" {
		p.Who = who{Clinic: c.session.Clinic.Name, Demo: c.session.Demo} // of a board that hangs where nobody is signed in
		return p
	}
	p.Who = who{
		Name: c.session.Staff.Name, RoleNames: c.roles(c.session.Staff.Roles),
		Clinic: c.session.Clinic.Name, Demo: c.session.Demo,
	}
	for _, s := range sections {
		if c.may(s.action) {
			p.Nav = append(p.Nav, link{s.href, c.t(s.key), within(c.r.URL.Path, s.href)})
		}
	}
	if lock := c.site.opts.IdleLock; lock > 0 && body != "door" && body != "board" {
		p.IdleLock = int(lock / time.Second)
	}
	return p
}

// languageCookie remembers the language that a reader chose on this computer.
const languageCookie = "lieu_language"

func (s *site) language(r *http.Request) string {
	if cookie, err := r.Cookie(languageCookie); err == nil {
		if _, ok := s.phrases[cookie.Value]; ok {
			return cookie.Value
		}
	}
	return languages[0]
}

func (s *site) setLanguage(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	lang := r.PostFormValue("lang")
	if _, ok := s.phrases[lang]; ok {
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // plain HTTP is allowed on a clinic's own PC
			Name: languageCookie, Value: lang, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
			HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
		})
	}
	http.Redirect(w, r, inside(r.PostFormValue("back")), http.StatusSeeOther) //nolint:gosec // inside keeps it on this site
}

// showHome offers what the person's roles allow, with the morning's figures for those who watch it.
func showHome(c *screen) error {
	var v struct {
		Sections []section
		Settings []section
		NoPIN    bool
		Figures  *figuresView
		Alarms   []homeAlarm
	}
	for _, s := range sections {
		if c.may(s.action) {
			v.Sections = append(v.Sections, section{s.href, c.t(s.key), c.t(s.key + "_about")})
		}
	}
	for _, s := range settings {
		if s.action == "" || c.may(s.action) {
			v.Settings = append(v.Settings, section{Href: s.href, Text: c.t(s.key)})
		}
	}
	v.NoPIN = !c.session.Staff.HasPin
	if c.may("queue.read") {
		f, err := call[clinicapi.QueueFigures](c.api.ReadQueueFigures(c.r.Context()))
		if err != nil {
			return err
		}
		v.Figures = c.figures(f)
	}
	if c.may("station.recalibrate") || c.may("morning.read") {
		list, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
		if err != nil {
			return err
		}
		for _, s := range list.Items {
			if a := c.alarm(s); a != nil {
				v.Alarms = append(v.Alarms, homeAlarm{*a, s.Id, s.Name})
			}
		}
	}
	return c.render("home", "", c.t("nav.home"), v)
}

// homeAlarm is a window whose pump somebody must look after.
type homeAlarm struct {
	alarmView
	Station, Name string
}

type section struct{ Href, Text, About string }
