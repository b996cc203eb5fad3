package web

import (
	"bytes"
	"io"
	"net/http"
)

// maxForm bounds what a browser may post to a screen, in bytes.
const maxForm = 64 << 10

// background marks what a page reads by itself: it does not keep a session from going idle.
const background = "Lieu-Background"

// seam carries the API calls of one browser request to the API's handler in this process. It is the browser's double:
// the same cookies, language and address go in, and cookies that the API sets go back to the browser. It serves one
// request of the browser and is not safe for concurrent use.
type seam struct {
	api  http.Handler
	from *http.Request
	to   http.ResponseWriter
	lang string
	jar  map[string]*http.Cookie // what the API set meanwhile
}

func newSeam(api http.Handler, w http.ResponseWriter, r *http.Request, lang string) *seam {
	return &seam{api: api, from: r, to: w, lang: lang, jar: map[string]*http.Cookie{}}
}

// Do makes the seam the HTTP client of the generated API client.
func (s *seam) Do(req *http.Request) (*http.Response, error) {
	in := req.Clone(s.from.Context())
	in.Host, in.RemoteAddr, in.RequestURI, in.TLS = s.from.Host, s.from.RemoteAddr, req.URL.RequestURI(), s.from.TLS
	in.URL.Scheme, in.URL.Host = "", ""
	if in.Body == nil {
		in.Body = http.NoBody
	}
	for _, name := range []string{"User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Origin", "Sec-Fetch-Site", background} {
		if v, ok := s.from.Header[name]; ok {
			in.Header[name] = v
		}
	}
	in.Header.Set("Accept-Language", s.lang)
	s.addCookies(in)

	out := &recorder{header: http.Header{}}
	s.api.ServeHTTP(out, in)
	resp := out.response(req)
	s.keepCookies(resp)
	return resp, nil
}

func (s *seam) addCookies(in *http.Request) {
	in.Header.Del("Cookie")
	for _, c := range s.from.Cookies() {
		if _, newer := s.jar[c.Name]; !newer {
			in.AddCookie(c)
		}
	}
	for _, c := range s.jar {
		if c.MaxAge >= 0 {
			in.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) //nolint:gosec // a request's cookie has no attributes
		}
	}
}

// keepCookies passes what the API set on to the browser. Later values of one name replace earlier ones.
func (s *seam) keepCookies(resp *http.Response) {
	for _, c := range resp.Cookies() {
		s.jar[c.Name] = c
	}
	h := s.to.Header()
	h.Del("Set-Cookie")
	for _, c := range s.jar {
		h.Add("Set-Cookie", c.String())
	}
}

// recorder collects an answer of the API in memory. Live streams do not pass here: browsers read them from the API.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) response(req *http.Request) *http.Response {
	r.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(r.status), StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Body: io.NopCloser(&r.body), ContentLength: int64(r.body.Len()), Request: req,
	}
}
