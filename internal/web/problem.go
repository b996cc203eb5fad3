package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// apiProblem is the API's own word that something was not done.
type apiProblem struct{ clinicapi.Problem }

func (p *apiProblem) Error() string { return fmt.Sprintf("api: %s %s", p.Code, p.Key) }

// call reads an answer of the API: T, or the problem as an *apiProblem. It takes what a method of the client returns.
func call[T any](resp *http.Response, err error) (T, error) {
	var out T
	if err != nil {
		return out, err
	}
	defer func() { _ = resp.Body.Close() }() // it is memory
	decoder := json.NewDecoder(resp.Body)
	if resp.StatusCode >= http.StatusBadRequest {
		p := &apiProblem{}
		if err := decoder.Decode(&p.Problem); err != nil || p.Title == "" {
			p.Problem = clinicapi.Problem{Status: resp.StatusCode}
		}
		return out, p
	}
	if resp.StatusCode == http.StatusNoContent {
		return out, nil
	}
	if err := decoder.Decode(&out); err != nil {
		return out, fmt.Errorf("answer of the api: %w", err)
	}
	return out, nil
}

// done is for operations whose answer is not needed.
type done struct{}

// UnmarshalJSON accepts anything.
func (done) UnmarshalJSON([]byte) error { return nil }

// is reports whether err is a problem of the API with this code.
func is(err error, code clinicapi.ProblemCode) bool {
	var p *apiProblem
	return errors.As(err, &p) && p.Code == code
}

// problemView is a refusal or failure as a reader sees it: what, why, and who can do something about it.
type problemView struct {
	Severity  string // stop, warning, information
	Icon      string
	Title     string
	Detail    string
	Reasons   []reasonView
	Reference string // request id, for whoever has the server's log
}

// explain puts an error into words. Only what the API meant for readers is shown.
func (c *screen) explain(err error) *problemView {
	v := &problemView{Severity: "stop", Icon: icons["stop"], Title: c.t("problem.internal")}
	if errors.Is(err, errNoPage) {
		v.Title = c.t("problem.no_page")
		return v
	}
	var typed *inputError
	if errors.As(err, &typed) {
		v.Title = c.t("problem.input")
		v.Detail = c.t(typed.key, "Label", c.t(typed.label), "Text", typed.text)
		return v
	}
	var bench *benchError
	if errors.As(err, &bench) {
		v.Severity, v.Icon, v.Title, v.Detail = "warning", icons["warning"], c.t("demo.bench_says"), bench.Error()
		return v
	}
	var p *apiProblem
	if !errors.As(err, &p) {
		return v
	}
	v.Title = p.Title
	if v.Title == "" {
		v.Title = c.t("problem.internal")
	}
	v.Reasons = c.reasons(p.Refusals)
	for _, f := range p.Fields {
		v.Detail = c.t("problem.field", "Field", c.known("field."+lastPart(f.Pointer), lastPart(f.Pointer)))
	}
	if p.Code == clinicapi.ProblemCodeInternal || p.Code == clinicapi.ProblemCodeUnavailable {
		v.Reference = strings.TrimPrefix(p.Instance, "urn:lieu:request:")
	}
	return v
}

func lastPart(pointer string) string {
	return pointer[strings.LastIndex(pointer, "/")+1:]
}

// fail answers a request that could not be served: sign in first, or say what is wrong.
func (c *screen) fail(err error) {
	var p *apiProblem
	if errors.As(err, &p) {
		switch {
		case p.Key == "session.locked":
			c.redirect("/switch?back=" + c.backHere())
			return
		case p.Status == http.StatusUnauthorized && !slices.Contains([]string{"/sign-in", "/switch"}, c.r.URL.Path):
			c.redirect("/sign-in?back=" + c.backHere())
			return
		}
	} else if statusOf(err) >= http.StatusInternalServerError {
		c.site.opts.Log.ErrorContext(c.r.Context(), "page", "pattern", c.r.Pattern, "err", err)
	}
	c.problem, c.status = c.explain(err), statusOf(err)
	if c.htmx() {
		// A part of a page must not be replaced by a whole one: the message goes where the page keeps messages.
		c.w.Header().Set("HX-Retarget", "#messages")
		c.w.Header().Set("HX-Reswap", "innerHTML")
		if err := c.fragment("message", "message", nil); err != nil {
			http.Error(c.w, c.problem.Title, http.StatusInternalServerError)
		}
		return
	}
	if err := c.render("message", "", c.t("problem.page"), nil); err != nil {
		http.Error(c.w, c.problem.Title, http.StatusInternalServerError)
	}
}

func statusOf(err error) int {
	var p *apiProblem
	var typed *inputError
	var bench *benchError
	switch {
	case errors.Is(err, errNoPage):
		return http.StatusNotFound
	case errors.As(err, &bench):
		return http.StatusConflict
	case errors.As(err, &typed):
		return http.StatusUnprocessableEntity
	case errors.As(err, &p) && p.Status >= http.StatusBadRequest:
		return p.Status
	}
	return http.StatusInternalServerError
}

// again shows a page once more with what was wrong on top; what was typed stays in the form.
func (c *screen) again(err error, show func(*screen) error) error {
	if is(err, clinicapi.ProblemCodeUnauthenticated) && !c.signing(err) {
		return err
	}
	c.problem, c.status = c.explain(err), statusOf(err)
	return show(c)
}

// refused reports whether err says that what a form of this page asked for cannot be shown, and puts it on top of the
// page: the form stays, for another try. Other errors are not the form's.
func (c *screen) refused(err error) bool {
	status := statusOf(err)
	if err == nil || status != http.StatusBadRequest && status != http.StatusNotFound && status != http.StatusUnprocessableEntity {
		return false
	}
	c.problem, c.status = c.explain(err), status
	return true
}

// signing reports whether the credential that was wrong is one that this form asked for, and not the session's own.
func (c *screen) signing(err error) bool {
	return !strings.HasPrefix(problemKey(err), "session.") && (c.r.PostForm.Has("pin") || c.r.PostForm.Has("witness_pin") || c.r.PostForm.Has("current_password"))
}

func problemKey(err error) string {
	var p *apiProblem
	if errors.As(err, &p) {
		return p.Key
	}
	return ""
}

// backHere is the address of this page for after signing in, escaped. Only pages are gone back to, never acts.
func (c *screen) backHere() string {
	if c.htmx() {
		if u, err := url.Parse(c.r.Header.Get("HX-Current-URL")); err == nil && u.Path != "" {
			return url.QueryEscape(u.Path)
		}
	}
	if c.htmx() || c.r.Method != http.MethodGet {
		return url.QueryEscape("/")
	}
	return url.QueryEscape(c.r.URL.RequestURI())
}

// inside keeps a redirect on this site.
func inside(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) {
		return "/"
	}
	return to
}
