package station

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

const stationID = "0192f0c1-0000-7000-8000-000000000001"

func seedKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(b), ed25519.SeedSize)))
}

func testIdentity(server string) Identity {
	return Identity{
		Server: server, Station: stationID, Clinic: "0192f0c1-0000-7000-8000-00000000000c", Name: "Cửa 1",
		ServerKey: seedKey('s').Public().(ed25519.PublicKey), Key: seedKey('c'),
	}
}

// clinic is the server's side of the contract, and checks what it is sent the way the server must.
type clinic struct {
	t    *testing.T
	http *httptest.Server
	key  ed25519.PrivateKey // signs orders
	want ed25519.PublicKey  // of the station
	skew time.Duration      // of its clock

	mu      sync.Mutex
	records []stationlog.Record
	hashes  []string
	orders  []stationlog.Signed // standing orders, sent on each connection
	streams map[chan stationlog.Signed]struct{}
	live    []Live
	down    bool // answers nothing but 503
	lose    int  // answers to reports that get lost after they were stored
	bodies  int  // largest body of a report
	refused int  // requests whose signature was not believed
	changed chan struct{}
}

func newClinic(t *testing.T) *clinic {
	c := &clinic{
		t: t, key: seedKey('s'), want: seedKey('c').Public().(ed25519.PublicKey),
		streams: map[chan stationlog.Signed]struct{}{}, changed: make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/stations/{id}/standing", c.station(c.standing))
	mux.HandleFunc("POST /v1/stations/{id}/events", c.station(c.events))
	mux.HandleFunc("PUT /v1/stations/{id}/live", c.station(c.putLive))
	mux.HandleFunc("GET /v1/stations/{id}/orders", c.station(c.stream))
	mux.HandleFunc("POST /v1/enrolments", c.enrol)
	c.http = httptest.NewServer(mux)
	t.Cleanup(c.http.Close)
	return c
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Problem{Status: status, Code: code, Title: http.StatusText(status)})
}

func (c *clinic) station(next func(http.ResponseWriter, *http.Request, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		now := time.Now().Add(c.skew)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		c.mu.Lock()
		down := c.down
		c.mu.Unlock()
		if down {
			problem(w, http.StatusServiceUnavailable, "down")
			return
		}
		claim, ok := stationlog.ParseAuthorization(r.Header.Get("Authorization"))
		if !ok || claim.Station != r.PathValue("id") || claim.Check(c.want, r.Method, r.URL.RequestURI(), now, body) != nil {
			c.mu.Lock()
			c.refused++
			c.mu.Unlock()
			problem(w, http.StatusUnauthorized, "signature")
			return
		}
		next(w, r, body)
	}
}

func (c *clinic) standing(w http.ResponseWriter, _ *http.Request, _ []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Standing{Hash: stationlog.Genesis}
	if n := len(c.hashes); n > 0 {
		s = Standing{Seq: int64(n), Hash: c.hashes[n-1]}
	}
	_ = json.NewEncoder(w).Encode(s)
}

func (c *clinic) events(w http.ResponseWriter, _ *http.Request, body []byte) {
	var in struct {
		Records []stationlog.Signed `json:"records"`
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Records) == 0 || len(in.Records) > 200 {
		c.t.Errorf("%d records in a report: %v", len(in.Records), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies = max(c.bodies, len(body))
	for _, s := range in.Records {
		if !c.keep(s) {
			problem(w, http.StatusConflict, "gap")
			return
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
	if c.lose > 0 {
		c.lose--
		problem(w, http.StatusBadGateway, "lost")
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]int64{"accepted": int64(len(c.records))})
}

// keep needs c.mu. It is false when the record leaves a gap.
func (c *clinic) keep(s stationlog.Signed) bool {
	r, err := s.Open(c.want)
	if err != nil {
		c.t.Errorf("record not believed: %v", err)
		return false
	}
	if r.Seq <= int64(len(c.records)) {
		if c.hashes[r.Seq-1] != s.Hash() {
			c.t.Errorf("record %d came in two versions", r.Seq)
		}
		return true
	}
	prev := stationlog.Genesis
	if n := len(c.hashes); n > 0 {
		prev = c.hashes[n-1]
	}
	if r.Follows(int64(len(c.records)), prev) != nil {
		return false
	}
	c.records, c.hashes = append(c.records, r), append(c.hashes, s.Hash())
	return true
}

func (c *clinic) putLive(w http.ResponseWriter, _ *http.Request, body []byte) {
	var l Live
	if err := json.Unmarshal(body, &l); err != nil {
		c.t.Errorf("live: %v", err)
	}
	c.mu.Lock()
	c.live = append(c.live, l)
	c.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (c *clinic) stream(w http.ResponseWriter, r *http.Request, _ []byte) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	mine := make(chan stationlog.Signed, 64)
	c.mu.Lock()
	for _, s := range c.orders {
		mine <- s
	}
	c.streams[mine] = struct{}{}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.streams, mine)
		c.mu.Unlock()
	}()
	_, _ = io.WriteString(w, ": hello\n\n")
	_ = out.Flush()
	for {
		select {
		case s, ok := <-mine:
			if !ok {
				return // the connection breaks
			}
			data, _ := json.Marshal(s)
			_, _ = fmt.Fprintf(w, "event: order\ndata: %s\n\n", data)
			_ = out.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func (c *clinic) enrol(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Code string `json:"code"`
		Key  []byte `json:"public_key"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Code != "GOOD-CODE" {
		problem(w, http.StatusUnprocessableEntity, "code")
		return
	}
	c.mu.Lock()
	c.want = in.Key
	c.mu.Unlock()
	_ = json.NewEncoder(w).Encode(map[string]any{
		"station_id": stationID, "clinic_id": "c", "name": "Cửa 1", "manual": false,
		"server_key": []byte(c.key.Public().(ed25519.PublicKey)),
	})
}

// send signs an order and gives it to every open stream, and to those that come.
func (c *clinic) send(o stationlog.Order) {
	o.Station = stationID
	s, err := stationlog.SignOrder(o, c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orders = append(c.orders, s)
	for stream := range c.streams {
		stream <- s
	}
}

func pourOrder(id string, v measure.Volume) stationlog.Order {
	return stationlog.Order{Kind: stationlog.Pour, Dispensing: id, Volume: v, Density: 1_060_000, RemainingMS: 60_000}
}

// until waits until ok holds for what was reported.
func (c *clinic) until(ctx context.Context, what string, ok func([]stationlog.Record) bool) {
	c.t.Helper()
	for {
		c.mu.Lock()
		done, changed := ok(c.records), c.changed
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			c.t.Fatalf("%s: not reported; there is %v", what, c.kinds())
		}
	}
}

func (c *clinic) kinds() (kinds []stationlog.Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.records {
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

// end waits for the end of a dispensing and returns the record of it.
func (c *clinic) end(ctx context.Context, id string) (found stationlog.Record) {
	c.t.Helper()
	c.until(ctx, "end of "+id, func(records []stationlog.Record) bool {
		for _, r := range records {
			if step, ok := stepOf(r.Kind); ok && len(steps[step]) == 0 && dispensingOf(r) == id {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

func dispensingOf(r stationlog.Record) string {
	var b struct {
		Dispensing string `json:"dispensing"`
	}
	_ = json.Unmarshal(r.Body, &b)
	return b.Dispensing
}

func outcomeOf(t *testing.T, r stationlog.Record) (o stationlog.Outcome) {
	t.Helper()
	if err := r.Decode(&o); err != nil {
		t.Fatal(err)
	}
	return o
}
