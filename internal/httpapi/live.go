package httpapi

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

// readings keeps the last live reading of each station. It is safe for concurrent use.
type readings struct {
	mu   sync.Mutex
	last map[equipment.StationID]reading
}

type reading struct {
	clinic clinic.ID
	at     time.Time
	gen.LiveReading
}

func newReadings() *readings { return &readings{last: map[equipment.StationID]reading{}} }

func (l *readings) put(st equipment.StationID, r reading) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[st] = r
}

func (l *readings) of(st equipment.StationID) (reading, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.last[st]
	return r, ok
}

// PutLive keeps what a window's devices show and passes it on.
func (s *Server) PutLive(ctx context.Context, r gen.PutLiveRequestObject) (gen.PutLiveResponseObject, error) {
	st := equipment.StationID(principalOf(ctx).station)
	s.readings.put(st, reading{clinic: principalOf(ctx).clinic, at: s.now(), LiveReading: *r.Body})
	s.hub.show(stationTopic(st), "live", s.live(st))
	return gen.PutLive204Response{}, nil
}

// live is what is known of a station now. A reading carries its age; nothing is made up when there is none.
func (s *Server) live(st equipment.StationID) gen.StationLive {
	out := gen.StationLive{Station: gen.UUID(st), Connected: s.hub.connected(st)}
	if r, ok := s.readings.of(st); ok {
		out.Known, out.ReceivedAt, out.AgeMs, out.Reading = true, r.at.UTC(), s.now().Sub(r.at).Milliseconds(), r.LiveReading
	}
	return out
}

func (s *Server) liveEvent(st equipment.StationID) (event, bool) {
	l := s.live(st)
	if !l.Known {
		return event{}, false
	}
	b, err := json.Marshal(l)
	return event{name: "live", data: b}, err == nil
}

// staleAfter is how old a reading may be before the station counts as unknown.
const staleAfter = 5 * time.Second

// Window is how a station looks from the server, for the metrics.
type Window struct {
	Clinic     clinic.ID
	Station    equipment.StationID
	Up         bool // it listens for orders or its reading is fresh
	QueueDepth int64
	// QueueAge is how long the oldest record that the counter still has to send has waited: what it said, and the time
	// since it said it. A counter that fell silent with nothing to send may have something by now; nobody can know.
	QueueAge time.Duration
}

// Windows lists every station that was heard of since the start of the process.
func (s *Server) Windows() []Window {
	s.readings.mu.Lock()
	defer s.readings.mu.Unlock()
	out := make([]Window, 0, len(s.readings.last))
	for st, r := range s.readings.last {
		age := time.Duration(0)
		if r.QueueDepth > 0 {
			age = time.Duration(r.QueueOldestMs)*time.Millisecond + max(s.now().Sub(r.at), 0)
		}
		out = append(out, Window{
			Clinic: r.clinic, Station: st, QueueDepth: r.QueueDepth, QueueAge: age,
			Up: s.hub.connected(st) || s.now().Sub(r.at) < staleAfter,
		})
	}
	return out
}
