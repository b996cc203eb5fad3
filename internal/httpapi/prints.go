package httpapi

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Times of a print.
const (
	printLease = time.Minute     // the counter begins it within, or not at all
	printPast  = 3 * time.Minute // from the order: a counter that said nothing by then says nothing
	printKept  = time.Hour
)

// Bounds of what is kept.
const maxPrints = 2000

// States of a print.
const (
	printOrdered = "ordered"
	printUnknown = "unknown"
)

// printed is one order to print and what became of it.
type printed struct {
	id      string
	clinic  clinic.ID
	station equipment.StationID
	ticket  queue.TicketID
	job     []byte // packed
	ordered time.Time
	state   string
	reason  string
}

// prints remembers the tickets that this process was asked to print, for as long as anybody wants to know. They are kept
// in memory only: a ticket that a restart forgets was either begun by its counter, which keeps the record, or is not printed
// at all, because nobody sends the order again. It is safe for concurrent use.
type prints struct {
	mu   sync.Mutex
	byID map[string]*printed
}

func newPrints() *prints { return &prints{byID: map[string]*printed{}} }

// add keeps an order, unless there is one of that id: that one is returned then.
func (p *prints) add(order printed) (kept printed, isNew bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old, ok := p.byID[order.id]; ok {
		return *old, false
	}
	maps.DeleteFunc(p.byID, func(_ string, o *printed) bool { return order.ordered.Sub(o.ordered) > printKept })
	if len(p.byID) >= maxPrints {
		oldest := slices.MinFunc(slices.Collect(maps.Values(p.byID)), func(a, b *printed) int { return a.ordered.Compare(b.ordered) })
		delete(p.byID, oldest.id)
	}
	order.state = printOrdered
	p.byID[order.id] = &order
	return order, true
}

// of returns a print of a clinic as it stands now.
func (p *prints) of(c clinic.ID, id string, now time.Time) (printed, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.byID[id]
	if !ok || o.clinic != c {
		return printed{}, false
	}
	out := *o
	if out.state == printOrdered && now.Sub(out.ordered) > printPast {
		out.state, out.reason = printUnknown, "no_answer"
	}
	return out, true
}

// standing lists what a station should begin to print, the oldest first.
func (p *prints) standing(st equipment.StationID, now time.Time) []printed {
	p.mu.Lock()
	defer p.mu.Unlock()
	var open []printed
	for _, o := range p.byID {
		if o.station == st && o.state == printOrdered && now.Sub(o.ordered) < printLease {
			open = append(open, *o)
		}
	}
	slices.SortFunc(open, func(a, b printed) int {
		if c := a.ordered.Compare(b.ordered); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	return open
}

// end keeps what the counter says became of a print. It reports whether that is news: another station's word and a second
// one are not.
func (p *prints) end(st equipment.StationID, e stationlog.PrintEnded) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.byID[e.Print]
	if !ok || o.station != st || o.state != printOrdered {
		return false
	}
	switch e.Result {
	case stationlog.PrintDone, stationlog.PrintRefused:
		o.state, o.reason = string(e.Result), e.Reason
	default:
		o.state, o.reason = printUnknown, e.Reason
	}
	return true
}

// order is what the counter is told.
func (o printed) order(now time.Time) stationlog.Order {
	return stationlog.Order{
		Kind: stationlog.Print, Station: string(o.station), Print: o.id, Job: o.job,
		RemainingMS: (printLease - now.Sub(o.ordered)).Milliseconds(),
	}
}
