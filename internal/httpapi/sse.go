package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

// Times of a live stream.
const (
	heartbeat     = 10 * time.Second // a comment line shows that the line is alive
	writeDeadline = 20 * time.Second // for one event to be taken by the network
	streamLength  = 15 * time.Minute // then the client comes back, and is asked again who it is
)

// sse writes server-sent events to one client, each within its own deadline.
type sse struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	now func() time.Time
}

func openSSE(w http.ResponseWriter, now func() time.Time) (*sse, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &sse{w: w, rc: http.NewResponseController(beneath(w)), now: now}
	return s, s.write("retry: 2000\n\n")
}

// beneath returns the writer under gin's own, which says it can flush and then does nothing when the writer under it
// has to be unwrapped first.
func beneath(w http.ResponseWriter) http.ResponseWriter {
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return w
}

func (s *sse) send(e event) error {
	if e.id == "" {
		return s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", e.name, e.data))
	}
	return s.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", e.id, e.name, e.data))
}

func (s *sse) beat() error { return s.write(": alive\n\n") }

func (s *sse) write(text string) error {
	// A writer without deadlines, as in tests, is written to without one.
	_ = s.rc.SetWriteDeadline(s.now().Add(writeDeadline))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}

// topicStream answers with one topic's events until the client leaves, its permission ends, or it falls behind.
type topicStream struct {
	ctx    context.Context
	s      *Server
	topic  string
	lastID string
	// first is sent at the start, nil for nothing.
	first *event
	who   *principal // nil for a stream that is for everybody
	// translate says what to send for an event, or that there is nothing to send; nil sends it as it is.
	translate func(event) (event, bool)
}

func (t topicStream) VisitStreamClinicResponse(w http.ResponseWriter) error  { return t.run(w) }
func (t topicStream) VisitStreamStationResponse(w http.ResponseWriter) error { return t.run(w) }

func (t topicStream) run(w http.ResponseWriter) error {
	sub, missed, complete := t.s.hub.subscribe(t.topic, t.lastID)
	defer t.s.hub.leave(t.topic, sub)
	out, err := openSSE(w, t.s.now)
	if err != nil {
		return gone(err)
	}
	if !complete {
		missed = append(missed, event{name: "reset", data: []byte("{}")})
	}
	if t.first != nil {
		missed = append(missed, *t.first)
	}
	for _, e := range missed {
		if err := out.send(e); err != nil {
			return gone(err)
		}
	}
	return gone(t.follow(out, sub))
}

func (t topicStream) follow(out *sse, sub *subscription) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	end := time.NewTimer(streamLength)
	defer end.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return nil
		case <-t.s.closing:
			return nil
		case <-end.C:
			return nil
		case e, ok := <-sub.events:
			if !ok {
				return nil
			}
			if t.translate != nil {
				if e, ok = t.translate(e); !ok {
					continue
				}
			}
			if err := out.send(e); err != nil {
				return err
			}
		case <-beat.C:
			if t.who != nil && !t.s.stillHere(t.ctx, *t.who) {
				return nil
			}
			if err := out.beat(); err != nil {
				return err
			}
		}
	}
}

// stillHere reports whether whoever opened a stream would still be let in.
func (s *Server) stillHere(ctx context.Context, p principal) bool {
	m, err := s.member(ctx, p.clinic, p.member.ID)
	return err == nil && m.Active && stamp(m) == stamp(p.member)
}

// gone makes a client that left no error: there is nobody to tell.
func gone(error) error { return nil }

// StreamClinic follows the clinic's changes.
func (s *Server) StreamClinic(ctx context.Context, r gen.StreamClinicRequestObject) (gen.StreamClinicResponseObject, error) {
	p := principalOf(ctx)
	return topicStream{ctx: ctx, s: s, topic: clinicTopic(p.clinic), lastID: value(r.Params.LastEventID), who: &p}, nil
}

// StreamStation follows one window.
func (s *Server) StreamStation(ctx context.Context, r gen.StreamStationRequestObject) (gen.StreamStationResponseObject, error) {
	p := principalOf(ctx)
	st, err := s.equipment.Station(ctx, p.clinic, idOf[equipment.StationID](r.Id))
	if err != nil {
		return nil, err
	}
	t := topicStream{ctx: ctx, s: s, topic: stationTopic(st.ID), lastID: value(r.Params.LastEventID), who: &p}
	if e, ok := s.liveEvent(st.ID); ok {
		t.first = &e
	}
	return t, nil
}
