package httpapi

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
)

// Hub carries what happens to the live streams of this process. It keeps the last events of each topic, so that a stream
// that broke off can go on where it was. It is safe for concurrent use and never blocks whoever publishes.
type Hub struct {
	epoch string // of this process: ids of another one mean nothing here
	now   func() time.Time

	mu     sync.Mutex
	topics map[string]*topic
	orders map[equipment.StationID]map[chan struct{}]bool
	cancel map[dispensing.ID]equipment.StationID
}

// Bounds of the hub.
const (
	ringSize       = 256 // events kept per topic
	subscriberSize = 64  // events waiting for one stream; one that is further behind is closed and comes back
	maxCancels     = 1000
)

type event struct {
	id   string // "" for one that is not kept
	name string
	data []byte
}

type topic struct {
	last int64
	ring []event
	subs map[*subscription]bool
}

// subscription is one stream's end of a topic. The channel is closed when the stream fell too far behind.
type subscription struct {
	events chan event
}

// NewHub returns a ready Hub.
func NewHub(now func() time.Time) *Hub {
	return &Hub{
		epoch: strconv.FormatInt(now().UnixMicro(), 36), now: now, topics: map[string]*topic{},
		orders: map[equipment.StationID]map[chan struct{}]bool{}, cancel: map[dispensing.ID]equipment.StationID{},
	}
}

func clinicTopic(c clinic.ID) string { return "clinic/" + string(c) }

func stationTopic(st equipment.StationID) string { return "station/" + string(st) }

func (h *Hub) topic(name string) *topic {
	t, ok := h.topics[name]
	if !ok {
		t = &topic{subs: map[*subscription]bool{}}
		h.topics[name] = t
	}
	return t
}

// publish sends an event to everybody who listens and keeps it for those who come back.
func (h *Hub) publish(topicName, name string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		return // the types of this package can all be JSON
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topic(topicName)
	t.last++
	e := event{id: h.epoch + "-" + strconv.FormatInt(t.last, 10), name: name, data: b}
	if t.ring = append(t.ring, e); len(t.ring) > ringSize {
		t.ring = append([]event(nil), t.ring[len(t.ring)-ringSize:]...)
	}
	for sub := range t.subs {
		select {
		case sub.events <- e:
		default:
			delete(t.subs, sub)
			close(sub.events)
		}
	}
}

// show sends an event that is worth something only now. Whoever is behind misses it.
func (h *Hub) show(topicName, name string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.topics[topicName]
	if !ok {
		return
	}
	for sub := range t.subs {
		select {
		case sub.events <- event{name: name, data: b}:
		default:
		}
	}
}

// subscribe listens to a topic from after the event lastID on. complete is false when events after it are no longer
// kept, or it is of another process. The subscriber calls leave when done.
func (h *Hub) subscribe(topicName, lastID string) (sub *subscription, missed []event, complete bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topic(topicName)
	sub = &subscription{events: make(chan event, subscriberSize)}
	t.subs[sub] = true
	if lastID == "" {
		return sub, nil, true
	}
	missed, complete = t.after(h.epoch, lastID)
	return sub, missed, complete
}

func (t *topic) after(epoch, lastID string) ([]event, bool) {
	own, number, ok := strings.Cut(lastID, "-")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || own != epoch || n > t.last || n < t.last-int64(len(t.ring)) {
		return nil, false
	}
	return append([]event(nil), t.ring[int64(len(t.ring))-(t.last-n):]...), true
}

func (h *Hub) leave(topicName string, sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t, ok := h.topics[topicName]; ok {
		delete(t.subs, sub)
	}
}

// listen returns a channel that is signalled when a station's orders may have changed. The caller calls the returned
// function when done. While anybody listens, the station counts as connected.
func (h *Hub) listen(st equipment.StationID) (changed <-chan struct{}, done func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.orders[st] == nil {
		h.orders[st] = map[chan struct{}]bool{}
	}
	h.orders[st][c] = true
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.orders[st], c)
	}
}

// connected reports whether the station's counter listens for orders at this process.
func (h *Hub) connected(st equipment.StationID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.orders[st]) > 0
}

func (h *Hub) wake(st equipment.StationID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.orders[st] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// askCancel remembers that somebody wants a dispensing back from its counter. It is kept in memory only: after a restart
// the end of the lease asks the same.
func (h *Hub) askCancel(d dispensing.ID, st equipment.StationID) {
	h.mu.Lock()
	if len(h.cancel) >= maxCancels {
		clear(h.cancel)
	}
	h.cancel[d] = st
	h.mu.Unlock()
	h.wake(st)
}

func (h *Hub) cancelAsked(d dispensing.ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.cancel[d]
	return ok
}

type dispensingEvent struct {
	ID      dispensing.ID       `json:"id"`
	Station equipment.StationID `json:"station"`
	State   dispensing.State    `json:"state"`
}

// Notify tells the streams and the counters of a change of a dispensing. It is meant as dispensing.Options.Notify.
func (h *Hub) Notify(n dispensing.Notice) {
	if n.Refused != nil {
		return
	}
	e := dispensingEvent{ID: n.Dispensing, Station: n.Station, State: n.State}
	h.publish(stationTopic(n.Station), "dispensing", e)
	h.publish(clinicTopic(n.Clinic), "dispensing", e)
	if n.State == dispensing.Reserved || n.State.Terminal() {
		h.publish(clinicTopic(n.Clinic), "queue", struct{}{})
		h.publish(clinicTopic(n.Clinic), "stock", struct{}{})
	}
	if !n.State.AtPump() {
		h.mu.Lock()
		delete(h.cancel, n.Dispensing)
		h.mu.Unlock()
	}
	h.wake(n.Station)
}

type checkEvent struct {
	Station equipment.StationID `json:"station"`
	Check   calibration.CheckID `json:"check,omitempty"`
	Pour    calibration.PourID  `json:"pour,omitempty"`
	State   calibration.State   `json:"state,omitempty"`
}

// NotifyCheck tells the streams and the counters of a change of a check, or of a prime or a shot. It is meant as
// calibration.Options.Notify and dispensing.Options.NotifyPour.
func (h *Hub) NotifyCheck(n calibration.Notice) {
	e := checkEvent{Station: n.Station, Check: n.Check, Pour: n.Pour, State: n.State}
	h.publish(stationTopic(n.Station), "check", e)
	h.publish(clinicTopic(n.Clinic), "check", e)
	if n.State == "" { // what the station is worth may have changed
		h.publish(stationTopic(n.Station), "station", stationEvent{n.Station})
		h.publish(clinicTopic(n.Clinic), "station", stationEvent{n.Station})
		return
	}
	if !n.State.Open() {
		h.publish(clinicTopic(n.Clinic), "stock", struct{}{})
	}
	if !n.State.AtPump() {
		h.mu.Lock()
		delete(h.cancel, dispensing.ID(n.Pour))
		h.mu.Unlock()
	}
	h.wake(n.Station)
}
