package web

import (
	"net/http"
	"strings"
)

// policy lets a page load scripts, styles, pictures and live data from this server and nothing from anywhere else; no
// inline script or style, no eval, no frames.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secured adds the headers that every page carries, and refuses state-changing requests that another site's page sent.
// Pages show patients, so no cache keeps them; static files are marked by their own handler.
func secured(next http.Handler) http.Handler {
	headers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		if !strings.HasPrefix(r.URL.Path, "/static/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
	return http.NewCrossOriginProtection().Handler(headers)
}
