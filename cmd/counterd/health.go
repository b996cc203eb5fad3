package main

import (
	"encoding/json"
	"html/template"
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/internal/metrics"
	"github.com/lieu-clinic/lieu/internal/station"
)

// handler offers the counter's health to the technician and to probes. It says nothing of patients.
func handler(s *station.Station, figures *metrics.Counter) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", figures.Handler())
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) {
		if s.Status(r.Context()).Journal != nil {
			http.Error(w, "the journal failed", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("alive\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ready, why := s.Status(r.Context()).Ready()
		if !ready {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(why + "\n"))
	})
	mux.HandleFunc("GET /devices", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(deviceList(s.Status(r.Context()))) // the reader has gone
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		_ = page.Execute(w, view(s.Status(r.Context()))) // the reader has gone
	})
	return mux
}

type health struct {
	station.Status
	IsReady bool
	Why     string
	Oldest  time.Duration
	Weight  string
}

func view(s station.Status) health {
	v := health{Status: s, Oldest: s.Oldest.Round(time.Second), Weight: "unknown"}
	v.IsReady, v.Why = s.Ready()
	if w := s.Live.Scale.Weight; w != nil {
		v.Weight = w.String()
	}
	return v
}

var page = template.Must(template.New("health").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>{{.Identity.Name}} – counter</title>
<style>body{font:16px/1.5 sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc}
.ok{background:#d7f2dc}.no{background:#ffd9d4}p.state{padding:.8rem;font-size:1.3rem}</style></head><body>
<h1>{{.Identity.Name}}</h1>
<p class="state {{if .IsReady}}ok{{else}}no{{end}}">{{if .IsReady}}✔ ready{{else}}✖ not ready: {{.Why}}{{end}}</p>
<table>
<tr><th>Device</th><th>State</th><th>Model</th><th>Serial</th><th>Detail</th></tr>
{{$troubles := .Troubles}}{{range .Devices}}<tr><td>{{.Kind}}</td><td>{{.State}}</td><td>{{.Model}}</td><td>{{.Serial}}</td><td>{{.Detail}}{{with index $troubles .Kind}}: {{.}}{{end}}</td></tr>
{{end}}</table>
<table>
<tr><th>Phase</th><td>{{.Live.Phase}}</td></tr>
<tr><th>Weight</th><td>{{.Weight}}{{if .Live.Scale.Stable}}, stable{{end}}</td></tr>
<tr><th>Server</th><td>{{.Identity.Server}}: {{if .Connected}}connected{{else}}no connection{{end}}</td></tr>
<tr><th>Journal</th><td>{{.Events}} events, {{.Waiting}} not reported yet{{if .Waiting}}, the oldest for {{.Oldest}}{{end}}</td></tr>
<tr><th>Station</th><td>{{.Identity.Station}}</td></tr>
<tr><th>Version</th><td>{{.Version}}</td></tr>
</table></body></html>
`))
