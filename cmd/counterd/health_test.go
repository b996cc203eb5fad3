package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/internal/metrics"
	"github.com/lieu-clinic/lieu/internal/station"
)

func TestHealthPage(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	j, err := station.OpenJournal(t.Context(), filepath.Join(t.TempDir(), "journal.db"), testStation, key, station.Position{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	identity := station.Identity{
		Server: "http://clinic", Station: testStation, Name: "<b>Cửa 1</b>", Key: key, ServerKey: key.Public().(ed25519.PublicKey), Manual: true,
	}
	client, err := httpClient("")
	if err != nil {
		t.Fatal(err)
	}
	server, err := station.NewClient(identity, client, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	figures := metrics.NewCounter()
	s, err := station.New(station.Config{
		Identity: identity, Journal: j, Server: server, Now: time.Now, Recorder: figures,
		Scale: station.Device[devices.Scale]{Model: "mt-sics", Open: func(context.Context) (devices.Scale, error) { return nil, errors.New("none") }},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := handler(s, figures)
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/":        {200, "&lt;b&gt;Cửa 1&lt;/b&gt;"},
		"/livez":   {200, "alive"},
		"/readyz":  {503, "recovering"},
		"/metrics": {200, `lieu_counter_device_up{kind="scale"} 0`},
		"/else":    {404, "not found"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.text) {
			t.Errorf("%s: %d %.300s", path, w.Code, w.Body)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
