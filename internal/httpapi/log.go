package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// panicked is the error of a handler that panicked.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

func stack() []byte { return debug.Stack() }

// withLog writes one line per request: the route's template and ids, never addresses with codes, bodies or names.
func (s *Server) withLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		x := exchangeOf(r.Context())
		took := s.now().Sub(x.began)
		s.observer.Served(r.Method, x.route, seen.code(), took)
		s.log.LogAttrs(r.Context(), level(seen.code()), "request", x.attrs(r.Method, seen.code(), took.Milliseconds())...)
	})
}

func (x *exchange) attrs(method string, status int, ms int64) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("request", x.id), slog.String("method", method), slog.String("route", x.route),
		slog.Int("status", status), slog.Int64("ms", ms),
	}
	if x.action != "" {
		attrs = append(attrs, slog.String("action", x.action))
	}
	if x.actor != "" {
		attrs = append(attrs, slog.String("actor", x.actor))
	}
	if x.cause != nil {
		attrs = append(attrs, slog.String("code", string(fault.CodeOf(x.cause))), slog.String("cause", x.cause.Error()))
	}
	if p, ok := x.cause.(*panicked); ok { //nolint:errorlint // set by recovery itself
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	return attrs
}

func level(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// statusWriter remembers the status. What else the writer can do stays reachable through Unwrap.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// WriteHeader takes the first status; a second one, as of a panic in the middle of an answer, comes too late.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
