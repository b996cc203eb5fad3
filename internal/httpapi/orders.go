package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Times of the stream of orders.
const (
	ordersPoll   = 500 * time.Millisecond // finds what another server process began
	ordersRepeat = 5 * time.Second        // an order stands until the counter answers it
)

// orderStream sends a station its standing orders until the counter leaves.
type orderStream struct {
	ctx     context.Context
	s       *Server
	clinic  clinic.ID
	station equipment.StationID
	sent    map[string]time.Time // by kind and id
}

// StreamOrders sends signed orders to the counter of a station.
func (s *Server) StreamOrders(ctx context.Context, _ gen.StreamOrdersRequestObject) (gen.StreamOrdersResponseObject, error) {
	p := principalOf(ctx)
	return &orderStream{
		ctx: ctx, s: s, clinic: p.clinic, station: equipment.StationID(p.station), sent: map[string]time.Time{},
	}, nil
}

func (o *orderStream) VisitStreamOrdersResponse(w http.ResponseWriter) error {
	changed, done := o.s.hub.listen(o.station)
	o.s.hub.show(stationTopic(o.station), "live", o.s.live(o.station))
	defer func() {
		done()
		o.s.hub.show(stationTopic(o.station), "live", o.s.live(o.station))
	}()
	out, err := openSSE(w, o.s.now)
	if err != nil {
		return gone(err)
	}
	poll := time.NewTicker(ordersPoll)
	defer poll.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if err := o.send(out); err != nil {
			exchangeOf(o.ctx).cause = err
			return gone(err)
		}
		select {
		case <-o.ctx.Done():
			return nil
		case <-o.s.closing:
			return nil
		case <-changed:
		case <-poll.C:
		case <-beat.C:
			if !o.believed() {
				return nil
			}
			if err := out.beat(); err != nil {
				return gone(err)
			}
		}
	}
}

// believed reports whether the station's key still counts.
func (o *orderStream) believed() bool {
	_, err := o.s.station(o.ctx, o.station)
	return err == nil
}

// send sends what stands and was not sent lately.
func (o *orderStream) send(out *sse) error {
	open, err := o.s.dispensing.List(o.ctx, dispensing.Filter{
		Clinic: o.clinic, Station: o.station, States: []dispensing.State{dispensing.Reserved, dispensing.Held},
	})
	if err != nil {
		return err
	}
	pours, err := o.s.calibration.OpenPours(o.ctx, o.clinic, o.station)
	if err != nil {
		return err
	}
	now := o.s.now()
	var orders []stationlog.Order
	for _, d := range open {
		if order, ok := o.order(d, now); ok {
			orders = append(orders, order)
		}
	}
	for _, p := range pours {
		if order, ok := o.waste(p, now); ok {
			orders = append(orders, order)
		}
	}
	for _, p := range o.s.prints.standing(o.station, now) {
		orders = append(orders, p.order(now))
	}
	standing := make(map[string]time.Time, len(orders))
	for _, order := range orders {
		key := string(order.Kind) + " " + order.Dispensing + order.Print
		last, sent := o.sent[key]
		if sent && now.Sub(last) < ordersRepeat {
			standing[key] = last
			continue
		}
		if err := o.write(out, order); err != nil {
			return err
		}
		standing[key] = now
	}
	o.sent = standing
	return nil
}

// order is what a station should do about an open dispensing: pour it within its lease, or give its word that it will not.
func (o *orderStream) order(d dispensing.Dispensing, now time.Time) (stationlog.Order, bool) {
	out := stationlog.Order{Kind: stationlog.Cancel, Station: string(o.station), Dispensing: string(d.ID)}
	if d.State == dispensing.Held || o.s.hub.cancelAsked(d.ID) {
		return out, true
	}
	left := d.Lease.Time().Sub(now)
	if left <= 0 {
		return stationlog.Order{}, false // about to be held
	}
	out.Kind, out.Volume, out.Density, out.RemainingMS = stationlog.Pour, d.Volume, d.Density, left.Milliseconds()
	return out, true
}

// waste is the same for a prime or a shot.
func (o *orderStream) waste(p calibration.Pour, now time.Time) (stationlog.Order, bool) {
	out := stationlog.Order{Kind: stationlog.Cancel, Station: string(o.station), Dispensing: string(p.ID)}
	left := p.Lease.Time().Sub(now)
	switch {
	case p.State == calibration.Held, p.State == calibration.Reserved && o.s.hub.cancelAsked(dispensing.ID(p.ID)):
		return out, true
	case p.State != calibration.Reserved || left <= 0:
		return stationlog.Order{}, false
	}
	kinds := map[calibration.PourKind]stationlog.OrderKind{calibration.Prime: stationlog.Prime, calibration.Shot: stationlog.Shot}
	out.Kind, out.Volume, out.Density, out.RemainingMS = kinds[p.Kind], p.Volume, p.Density, left.Milliseconds()
	return out, true
}

func (o *orderStream) write(out *sse, order stationlog.Order) error {
	signed, err := stationlog.SignOrder(order, o.s.key)
	if err != nil {
		return err
	}
	b, err := json.Marshal(signed)
	if err != nil {
		return err
	}
	return out.send(event{name: "order", data: b})
}
