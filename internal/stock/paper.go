package stock

import (
	"context"
	"strings"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Placement is one line of where a bottle was put.
type Placement struct {
	ID       string
	Bottle   BottleID
	Document DocumentID
	Place    Place
	Recorded calendar.Instant
}

// Occasion says when a bottle was weighed.
type Occasion string

// The occasions.
const (
	AtOpening Occasion = "open"
	AtCount   Occasion = "count"
	AtChange  Occasion = "change"
	WhenEmpty Occasion = "empty"
)

// Weight is one weighing of a bottle beside what the book said of it at that moment.
type Weight struct {
	ID       string
	Clinic   clinic.ID
	Bottle   BottleID
	Occasion Occasion
	Gross    measure.Weight
	Book     measure.Volume
	Person   string
	Cause    string // id of the document or count
	Recorded calendar.Instant
}

// Counter is what stands at a station.
type Counter struct {
	Station string
	Active  bool
	Bottle  BottleID
	Busy    bool // a dose is reserved, being poured or held there
}

// BottleTransfer takes whole bottles from one place to another.
type BottleTransfer struct {
	Act
	Bottles  []BottleID
	From, To Place
	Party    string // the dispensing point, for a transfer away
	Number   string
}

// Transfer takes bottles between the store and the day cabinet, or away to a dispensing point, by two people. All of
// them go or none does. Bottles that go away leave the book with all that they hold and must be sealed.
func (s *Service) Transfer(ctx context.Context, t BottleTransfer) ([]Bottle, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	return s.onBottles(ctx, t.Act, twoPeople, Transfer, t.Bottles, func(w work, bottles []*Bottle) (change, error) {
		ch := change{place: t.To, party: t.Party, number: t.Number, data: map[string]any{"bottles": t.Bottles, "from": t.From, "to": t.To}}
		for _, b := range bottles {
			if err := mayLeave(ctx, w, *b, t); err != nil {
				return change{}, err
			}
			if t.To != PlaceAway {
				continue
			}
			if v := b.Balance[Store]; v > 0 {
				ch.moves = append(ch.moves, w.move(b, Store, Transferred, v, string(Transfer)))
			}
			b.State = Empty
		}
		return ch, nil
	})
}

func (t BottleTransfer) validate() error {
	known := func(p Place) bool { return p == PlaceStore || p == PlaceCabinet }
	switch {
	case !known(t.From) || !known(t.To) && t.To != PlaceAway || t.From == t.To:
		return fault.New(fault.Invalid, "transfer.places", "from %q to %q", t.From, t.To)
	case t.To == PlaceAway && strings.TrimSpace(t.Party) == "", len(t.Party) > MaxParty, len(t.Number) > MaxText:
		return fault.New(fault.Invalid, "transfer.party", "a transfer to another site names it")
	}
	return nil
}

func mayLeave(ctx context.Context, w work, b Bottle, t BottleTransfer) error {
	if err := b.here(); err != nil {
		return err
	}
	station, err := w.tx.StationOf(ctx, b.ID)
	switch {
	case err != nil:
		return err
	case b.Place != t.From:
		return fault.New(fault.Conflict, "bottle.place", "bottle %s is in %s, not %s", b.ID, b.Place, t.From).With("place", string(b.Place))
	case station != "":
		return fault.New(fault.Conflict, "bottle.mounted", "bottle %s stands at station %s", b.ID, station)
	case t.To == PlaceAway && b.State != Sealed:
		return fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", b.ID, b.State).With("state", string(b.State))
	case t.To == PlaceCabinet && w.lots[b.Lot].State != LotReleased:
		return fault.New(fault.Conflict, "lot.not_released", "lot %s is %s", b.Lot, w.lots[b.Lot].State).With("state", string(w.lots[b.Lot].State))
	}
	return b.settled()
}

// BottleChange puts another bottle under the pump of a station.
type BottleChange struct {
	Act
	Station  string
	In       BottleID
	OutGross measure.Weight // of the bottle that is taken away, 0 when not weighed
	InGross  measure.Weight
}

// ChangeBottle takes away the bottle at a station and mounts another one that is in use, by two people, and notes their
// weights beside the book. Nothing is poured at the station meanwhile.
func (s *Service) ChangeBottle(ctx context.Context, c BottleChange) (Bottle, error) {
	if c.OutGross < 0 || c.OutGross > maxGross || c.InGross < 0 || c.InGross > maxGross {
		return Bottle{}, fault.New(fault.Invalid, "bottle.gross", "gross weight outside 0–%s", maxGross)
	}
	today, err := s.today(ctx, c.Clinic)
	if err != nil {
		return Bottle{}, err
	}
	return s.onBottle(ctx, c.Act, twoPeople, Changing, c.In, func(w work, b *Bottle) (change, error) {
		at, err := w.tx.LockCounter(ctx, c.Station)
		if err != nil {
			return change{}, err
		}
		if err := mayMount(ctx, w, *b, at, today); err != nil {
			return change{}, err
		}
		ch := change{
			data:    map[string]any{"station": c.Station, "out": at.Bottle, "in": b.ID, "out_gross_ug": c.OutGross, "in_gross_ug": c.InGross},
			weights: w.weight(b, AtChange, c.InGross), place: PlaceCabinet,
		}
		if at.Bottle != "" && c.OutGross > 0 {
			out, err := s.ledger.Bottle(ctx, c.Clinic, at.Bottle)
			if err != nil {
				return change{}, err
			}
			ch.weights = append(ch.weights, w.weight(&out, AtChange, c.OutGross)...)
		}
		return ch, w.tx.Mount(ctx, c.Station, b.ID, w.now)
	})
}

func mayMount(ctx context.Context, w work, b Bottle, at Counter, today calendar.Day) error {
	elsewhere, err := w.tx.StationOf(ctx, b.ID)
	switch {
	case err != nil:
		return err
	case !at.Active:
		return fault.New(fault.Conflict, "station.inactive", "station %s is not in use", at.Station)
	case at.Busy:
		return fault.New(fault.Conflict, "station.busy", "station %s has a dose under way", at.Station)
	case b.State != InUse:
		return fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", b.ID, b.State).With("state", string(b.State))
	case elsewhere != "":
		return fault.New(fault.Conflict, "bottle.mounted", "bottle %s stands at station %s", b.ID, elsewhere)
	case w.lot.State != LotReleased:
		return fault.New(fault.Conflict, "lot.not_released", "lot %s is %s", w.lot.ID, w.lot.State).With("state", string(w.lot.State))
	case w.lot.Expiry < today:
		return fault.New(fault.Conflict, "lot.expired", "lot %s expired on %s", w.lot.ID, w.lot.Expiry).With("day", w.lot.Expiry.String())
	}
	return nil
}

// Consolidation pours the rest of one opened bottle into another one of the same lot.
type Consolidation struct {
	Act
	From, Into BottleID
	Amount     measure.Volume
}

// Consolidate joins two opened bottles of one lot, by two people, for a reason. Another lot is never mixed in, and what
// was poured together is not poured apart by a reversal but by a consolidation the other way.
func (s *Service) Consolidate(ctx context.Context, c Consolidation) ([]Bottle, error) {
	if err := c.needReason(); err != nil {
		return nil, err
	}
	if c.Amount <= 0 || c.Amount > MaxBottle {
		return nil, fault.New(fault.Invalid, "move.amount", "consolidation of %d µL", int64(c.Amount))
	}
	return s.onBottles(ctx, c.Act, twoPeople, Consolidate, []BottleID{c.From, c.Into}, func(w work, bottles []*Bottle) (change, error) {
		from, into := bottles[0], bottles[1]
		if from.Lot != into.Lot {
			return change{}, fault.New(fault.Conflict, "consolidate.lots", "bottles of lots %s and %s", from.Lot, into.Lot)
		}
		for _, b := range bottles {
			if b.State != InUse {
				return change{}, fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", b.ID, b.State).With("state", string(b.State))
			}
			if err := b.settled(); err != nil {
				return change{}, err
			}
		}
		if err := from.has(InBottle, c.Amount); err != nil {
			return change{}, err
		}
		return change{
			moves: []Move{
				w.move(from, InBottle, Transferred, c.Amount, string(Consolidate)),
				w.move(into, Transferred, InBottle, c.Amount, string(Consolidate)),
			},
			data: map[string]any{"from": from.ID, "into": into.ID, "amount_ul": c.Amount},
		}, nil
	})
}

// Minutes are the minutes of something abnormal: a lost seal, a wrong label, a crack, a bottle that is not full.
type Minutes struct {
	Act
	Bottles []BottleID
	Party   string // of whoever gave the goods
	Number  string
}

// WriteMinutes writes minutes of an abnormality, by two people. The goods stay as they were found, in quarantine.
func (s *Service) WriteMinutes(ctx context.Context, m Minutes) ([]Bottle, error) {
	if err := m.needReason(); err != nil {
		return nil, err
	}
	return s.onBottles(ctx, m.Act, twoPeople, Abnormal, m.Bottles, func(w work, bottles []*Bottle) (change, error) {
		for _, b := range bottles {
			if err := b.here(); err != nil {
				return change{}, err
			}
			b.State = Quarantined
		}
		data := map[string]any{"bottles": m.Bottles}
		return change{party: m.Party, number: m.Number, data: data},
			openIncident(ctx, w.tx, w.now, "stock.abnormal", map[string]any{"document": m.ID, "bottles": m.Bottles})
	})
}
