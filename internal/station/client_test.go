package station

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

func newTestClient(t *testing.T, server string, client *http.Client) *Client {
	t.Helper()
	c, err := NewClient(testIdentity(server), client, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientCorrectsItsClock(t *testing.T) {
	s := newClinic(t)
	for _, skew := range []time.Duration{time.Hour, -3 * time.Hour} {
		s.skew, s.refused = skew, 0
		c := newTestClient(t, s.http.URL, s.http.Client())
		for range 3 {
			if st, err := c.Standing(t.Context()); err != nil || st != (Standing{0, stationlog.Genesis}) {
				t.Fatalf("%+v, %v", st, err)
			}
		}
		if s.refused != 1 {
			t.Errorf("%d requests were refused, want the first alone", s.refused)
		}
	}
	s.want, s.refused = seedKey('x').Public().(ed25519.PublicKey), 0
	if _, err := newTestClient(t, s.http.URL, s.http.Client()).Standing(t.Context()); !isStatus(err, http.StatusUnauthorized) {
		t.Errorf("a refusal of the key: %v", err)
	}
}

func isStatus(err error, status int) bool {
	var p *Problem
	return errors.As(err, &p) && p.Status == status
}

// The server bounds a report by its body; a backlog of any size must pass in pieces.
func TestBacklogIsSentInPieces(t *testing.T) {
	s := newClinic(t)
	j := openTest(t, filepath.Join(t.TempDir(), "journal.db"))
	for range 100 {
		if err := j.Append(t.Context(), stationlog.KindScanned, stationlog.Scanned{Text: strings.Repeat("<", 900)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 250 {
		if err := j.Append(t.Context(), stationlog.KindScanned, stationlog.Scanned{Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	r := newReporter(j, newTestClient(t, s.http.URL, s.http.Client()), nil)
	if err := r.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j.Acknowledged() != 350 || len(s.records) != 350 || s.bodies > 60<<10 {
		t.Errorf("%d acknowledged, %d kept, largest body %d", j.Acknowledged(), len(s.records), s.bodies)
	}
}

func TestGapIsClosedFromTheServersStanding(t *testing.T) {
	s := newClinic(t)
	j := openTest(t, filepath.Join(t.TempDir(), "journal.db"))
	r := newReporter(j, newTestClient(t, s.http.URL, s.http.Client()), nil)
	add := func() {
		for range 5 {
			if err := j.Append(t.Context(), stationlog.KindScanned, stationlog.Scanned{Text: "x"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	add()
	if err := r.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.records, s.hashes = s.records[:2], s.hashes[:2]
	add()
	if err := r.round(t.Context()); !errors.Is(err, ErrGap) {
		t.Fatalf("got %v", err)
	}
	if err := r.round(t.Context()); err != nil || len(s.records) != 10 {
		t.Errorf("%d records, %v", len(s.records), err)
	}
	s.hashes[9] = strings.Repeat("0", 64)
	r.state.Store(unaligned)
	if err := r.round(t.Context()); !errors.Is(err, ErrDiverged) {
		t.Errorf("another past: %v", err)
	}
}

func TestEventStreamIsReadInPieces(t *testing.T) {
	order := `{"payload":"e30=","signature":"AA=="}`
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"one order":             {"event: order\ndata: " + order + "\n\n", 1},
		"without blanks":        {"event:order\ndata:" + order + "\n\n", 1},
		"CR LF":                 {"event: order\r\ndata: " + order + "\r\n\r\n", 1},
		"on two lines":          {"event: order\ndata: {\"payload\":\"e30=\",\ndata: \"signature\":\"AA==\"}\n\n", 1},
		"comments between":      {": hello\n\nevent: order\n: x\nid: 7\ndata: " + order + "\n\n: bye\n\n", 1},
		"another event":         {"event: reset\ndata: " + order + "\n\n", 0},
		"no name":               {"data: " + order + "\n\n", 0},
		"not JSON":              {"event: order\ndata: {\n\n", 0},
		"cut before its end":    {"event: order\ndata: " + order + "\n", 0},
		"the next one is whole": {"event: order\ndata: {\n\nevent: order\ndata: " + order + "\n\n", 1},
	} {
		n := 0
		err := events(strings.NewReader(tc.body), func() {}, func(stationlog.Signed) { n++ })
		if n != tc.want || err == nil {
			t.Errorf("%s: %d orders, %v", name, n, err)
		}
	}
	endless := "event: order\n" + strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 100)
	if err := events(strings.NewReader(endless), func() {}, func(stationlog.Signed) { t.Error("an endless order") }); err == nil {
		t.Error("no end to an order")
	}
}

// dead is a connection that was opened and then says nothing, as after a cable was pulled.
type dead struct{}

func (dead) RoundTrip(r *http.Request) (*http.Response, error) {
	body := &silentBody{end: r.Context().Done()}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, Request: r}, nil
}

type silentBody struct{ end <-chan struct{} }

func (b *silentBody) Read([]byte) (int, error) {
	<-b.end
	return 0, context.Canceled
}

func (b *silentBody) Close() error { return nil }

func TestSilentStreamIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(t, "http://clinic", &http.Client{Transport: dead{}})
		start := time.Now()
		err := c.Orders(t.Context(), func() {}, func(stationlog.Signed) {})
		if !errors.Is(err, errSilent) || time.Since(start) != silentStream {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestEnrolment(t *testing.T) {
	s := newClinic(t)
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := LoadIdentity(dir); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("before: %v", err)
	}
	if _, err := Enrol(t.Context(), dir, s.http.URL, "BAD", s.http.Client(), rand.Reader); !isStatus(err, http.StatusUnprocessableEntity) {
		t.Errorf("a wrong code: %v", err)
	}
	key, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	i, err := Enrol(t.Context(), dir, s.http.URL+"/", "GOOD-CODE", s.http.Client(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(dir, keyFile)); err != nil || !bytes.Equal(key, again) {
		t.Error("the second try made another key")
	}
	loaded, err := LoadIdentity(dir)
	if err != nil || loaded.Station != stationID || loaded.Server != s.http.URL || !loaded.Key.Equal(i.Key) || !loaded.ServerKey.Equal(i.ServerKey) {
		t.Errorf("%+v, %v", loaded, err)
	}
	for _, name := range []string{keyFile, identityFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if _, err := Enrol(t.Context(), dir, s.http.URL, "GOOD-CODE", s.http.Client(), rand.Reader); !errors.Is(err, ErrEnrolled) {
		t.Errorf("enrolled twice: %v", err)
	}
	c, err := NewClient(loaded, s.http.Client(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Standing(t.Context()); err != nil {
		t.Errorf("the new key is not believed: %v", err)
	}
}

func TestEnrolmentNeedsAWholeAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"station_id":"x"}`)) }))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	if _, err := Enrol(t.Context(), dir, s.URL, "GOOD-CODE", s.Client(), rand.Reader); err == nil {
		t.Error("enrolled without the server's key")
	}
	if _, err := LoadIdentity(dir); !errors.Is(err, ErrNotEnrolled) {
		t.Errorf("got %v", err)
	}
	if _, err := Enrol(t.Context(), dir, "clinic:8080", "GOOD-CODE", s.Client(), rand.Reader); err == nil {
		t.Error("an address without a scheme was taken")
	}
}
