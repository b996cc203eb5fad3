package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/internal/id"
)

// exchange is what is known of one request while it is served; the layers inside add to it for the layers outside.
// It belongs to the request's goroutine.
type exchange struct {
	id     string
	lang   string
	route  string // template, "" when none matched; never the address itself
	action string
	actor  string // staff or station id
	cause  error  // why it failed, for the log
	began  time.Time
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{id: "unknown", lang: defaultLanguage}
}

// requestIDHeader carries the id of a request out, and in from a proxy that already gave one.
const requestIDHeader = "X-Request-Id"

// withExchange gives each request its id and language.
func (s *Server) withExchange(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{id: requestID(r), lang: s.messages.match(r.Header.Get("Accept-Language")), began: s.now()}
		h := w.Header()
		h.Set(requestIDHeader, x.id)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	})
}

func requestID(r *http.Request) string {
	if given, err := id.Parse[string](r.Header.Get(requestIDHeader)); err == nil {
		return given
	}
	return id.New[string]()
}
