package httpapi

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/staff"
)

type sseEvent struct{ id, name, data string }

// openStream reads a stream of events until the request's context ends or the server closes it.
func openStream(t *testing.T, req *http.Request) <-chan sseEvent {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	in := bufio.NewScanner(resp.Body)
	require.True(t, in.Scan(), "the stream begins at once")
	require.Equal(t, "retry: 2000", in.Text())
	out := make(chan sseEvent, 100)
	go func() {
		defer close(out)
		var e sseEvent
		for in.Scan() {
			switch k, v, _ := strings.Cut(in.Text(), ": "); k {
			case "id":
				e.id = v
			case "event":
				e.name = v
			case "data":
				e.data = v
			case "":
				if e.name != "" {
					out <- e
				}
				e = sseEvent{}
			}
		}
	}()
	return out
}

func next(t *testing.T, events <-chan sseEvent) sseEvent {
	t.Helper()
	select {
	case e, ok := <-events:
		require.True(t, ok, "the stream ended")
		return e
	case <-time.After(10 * time.Second):
		require.Fail(t, "no event came")
		return sseEvent{}
	}
}

func (b *browser) request(t *testing.T, path, lastID string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.f.http.URL+path, http.NoBody)
	require.NoError(t, err)
	for _, c := range b.client.Jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	return req
}

// A stream that broke off goes on after the last event that the client saw; one that cannot says so.
func TestStreamResumes(t *testing.T) {
	f := newFixture(t)
	b := f.signIn(staff.Nurse)
	first := openStream(t, b.request(t, "/v1/stream", ""))
	say := func(n int) { f.hub.publish(clinicTopic(f.clinic.ID), "stock", map[string]int{"n": n}) }
	say(1)
	seen := next(t, first)
	require.JSONEq(t, `{"n":1}`, seen.data)
	say(2)
	say(3)
	again := openStream(t, b.request(t, "/v1/stream", seen.id))
	require.JSONEq(t, `{"n":2}`, next(t, again).data)
	require.JSONEq(t, `{"n":3}`, next(t, again).data)

	for n := range 2 * ringSize {
		say(n)
	}
	require.Equal(t, "reset", next(t, openStream(t, b.request(t, "/v1/stream", seen.id))).name, "too much was missed")
	require.Equal(t, "reset", next(t, openStream(t, b.request(t, "/v1/stream", "another-1"))).name, "an id of another process")
}

// A stream belongs to the clinic of whoever opened it, and ends when the server closes.
func TestStreamEndsWithTheServer(t *testing.T) {
	f := newFixture(t)
	b := f.signIn(staff.Nurse)
	events := openStream(t, b.request(t, "/v1/stream", ""))
	f.hub.publish("clinic/"+newID(), "stock", struct{}{})
	f.srv.CloseStreams()
	select {
	case e, ok := <-events:
		require.False(t, ok, "another clinic's event: %v", e)
	case <-time.After(10 * time.Second):
		require.Fail(t, "the stream did not end")
	}
}

// A stream does not keep an idle session alive, and neither does what a page asks by itself.
func TestBackgroundDoesNotExtendSessions(t *testing.T) {
	f := newFixture(t)
	b := f.signIn(staff.Nurse)
	a := b.send("GET", "/v1/queue", "", nil, http.Header{BackgroundHeader: {"1"}})
	require.Equal(t, http.StatusOK, a.status)
	require.Empty(t, a.header.Get("Set-Cookie"))
	a = b.send("GET", "/v1/queue", "", nil, nil)
	require.NotEmpty(t, a.header.Get("Set-Cookie"))
}

// A subscriber that does not keep up is let go; whoever publishes never waits.
func TestHubDropsTheSlow(t *testing.T) {
	h := NewHub(time.Now)
	slow, _, _ := h.subscribe("t", "")
	for range subscriberSize + 1 {
		h.publish("t", "e", 1)
	}
	for range subscriberSize {
		<-slow.events
	}
	_, open := <-slow.events
	require.False(t, open)
	h.leave("t", slow)
}

// The heartbeat shows that the line is alive, and asks again who listens.
func TestStreamBeatsAndEndsWhenSomebodyMayNotAnyMore(t *testing.T) {
	f := newFixture(t)
	m := f.people[staff.Nurse]
	synctest.Test(t, func(t *testing.T) {
		s := &Server{now: time.Now, hub: NewHub(time.Now), closing: make(chan struct{}), members: newCache[memberKey, staff.Member](time.Now, 10)}
		s.members.put(memberKey{m.Clinic, m.ID}, m)
		w := &recorder{header: http.Header{}}
		stream := topicStream{ctx: t.Context(), s: s, topic: "t", who: &principal{member: m, clinic: m.Clinic}}
		s.staff = f.sv.Staff
		done := make(chan error)
		go func() { done <- stream.run(w) }()
		s.members.mu.Lock()
		gone := m
		gone.Active = false
		s.members.entries[memberKey{m.Clinic, m.ID}] = cached[staff.Member]{value: gone, until: time.Now().Add(time.Hour)}
		s.members.mu.Unlock()
		<-time.After(heartbeat) // by the clock of the bubble
		require.NoError(t, <-done)
	})
}

type recorder struct {
	header http.Header
	strings.Builder
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(int)     {}
func (r *recorder) Flush()              {}
