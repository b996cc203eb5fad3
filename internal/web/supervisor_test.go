package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An end of the day that cannot be foreseen is not shown as a time.
func TestAnUnforeseenEndIsUnknown(t *testing.T) {
	f := newFakeAPI()
	m := fakeMorning()
	for i := range m.Forecasts {
		m.Forecasts[i].AllAt = time.Time{}
	}
	f.on("GET /queue/morning/none", 200, func(*http.Request, map[string]any) any { return m })
	b := newBrowser(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/queue/morning" {
			r.URL.Path += "/none"
		}
		f.ServeHTTP(w, r)
	}))
	text := b.get("/supervisor")
	require.Contains(t, text, "chưa có ngày nào trước")
	require.NotContains(t, text, "▼")
	require.NotContains(t, text, "▲")
}
