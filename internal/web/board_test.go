package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The waiting room's screen needs nobody signed in, shows the clinic and its numbers, and leads nowhere else.
func TestTheBoardHangsWithoutASession(t *testing.T) {
	f := newFakeAPI()
	f.signedIn = false
	b := newBrowser(t, f)
	text := b.get("/tv/1/" + boardKey)
	require.Contains(t, text, "Cửa 1")
	require.Contains(t, text, f.board.Clinic)
	require.Contains(t, text, "MÔ PHỎNG")
	require.Contains(t, text, `data-stream="/v1/public-boards/1/`+boardKey+`/stream"`)
	require.Contains(t, text, `hx-get="/tv/1/`+boardKey+`"`)
	require.NotContains(t, text, "/patients")
	require.NotContains(t, text, "/window")
	for _, wrong := range []string{"/tv/1/aaaaaaaaaaaaaaaa", "/tv/2/" + boardKey, "/tv/one/" + boardKey} {
		resp, text := b.do(http.MethodGet, wrong, nil)
		require.Equal(t, http.StatusNotFound, resp.StatusCode, wrong)
		require.NotContains(t, text, "Cửa 1")
	}
}

func TestOnlyWhoHangsItUpIsToldTheAddress(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	require.Contains(t, b.get("/board"), "http://example.com/tv/1/"+boardKey)
	f.session.Actions = []string{"queue.read", "session"}
	require.NotContains(t, b.get("/board"), "/tv/1/")
}
