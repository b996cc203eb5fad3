package stock

import (
	"context"
	"fmt"
	"strconv"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Delivery is a receipt of bottles of one lot.
type Delivery struct {
	Act
	Lot     LotID
	Party   string // from whom: name and address
	Number  string // of the delivery minutes
	Copies  int    // how many of the minutes were signed
	Bottles []Delivered
}

// Delivered is one bottle of a delivery.
type Delivered struct {
	ID       BottleID       `json:"bottle"` // made by whoever asks
	Label    measure.Volume `json:"label_ul"`
	Measured measure.Volume `json:"measured_ul"` // what was found in it, 0 when it was not measured: the label counts then
	Tare     measure.Weight `json:"tare_ug"`     // of the empty bottle, 0 when not known
	Finding  string         `json:"finding"`     // seal, label, cracks; "" for a good one
	Scanned  string         `json:"scanned"`     // what the scanner read on it, "" when nothing was scanned
}

// Bounds of a delivery.
const (
	MaxBottles = 500
	MinBottle  = 10 * measure.Millilitre
	MaxBottle  = 10 * measure.Litre
	maxTare    = 5000 * measure.WeightGram
)

func (d Delivery) validate() error {
	if len(d.Bottles) == 0 || len(d.Bottles) > MaxBottles || d.Party == "" || len(d.Party) > MaxParty || len(d.Number) > MaxText {
		return fault.New(fault.Invalid, "receipt.incomplete", "a receipt names the supplier and 1–%d bottles", MaxBottles)
	}
	seen := map[BottleID]bool{}
	for _, b := range d.Bottles {
		switch {
		case b.ID == "" || seen[b.ID]:
			return fault.New(fault.Invalid, "id.malformed", "a bottle without an id of its own")
		case b.Label < MinBottle || b.Label > MaxBottle || b.Measured < 0 || b.Measured > MaxBottle:
			return fault.New(fault.Invalid, "bottle.volume", "volume outside %s–%s", MinBottle, MaxBottle)
		case b.Tare < 0 || b.Tare > maxTare || len(b.Finding) > MaxReason:
			return fault.New(fault.Invalid, "bottle.tare", "tare outside 0–%s, or a finding that is too long", maxTare)
		}
		seen[b.ID] = true
	}
	return nil
}

// Receive books a delivery into the store, by two people, and gives each bottle its label code. Bottles of a lot that is
// not released, or with a finding, begin in quarantine.
func (s *Service) Receive(ctx context.Context, d Delivery) (doc Document, bottles []Bottle, err error) {
	now := s.instant()
	if err := d.check(twoPeople, now); err != nil {
		return Document{}, nil, err
	}
	if err := d.validate(); err != nil {
		return Document{}, nil, err
	}
	cl, err := s.clinics.Clinic(ctx, d.Clinic)
	if err != nil {
		return Document{}, nil, err
	}
	err = s.ledger.InTx(ctx, d.Clinic, func(tx Tx) error {
		var found bool
		if doc, found, err = posted(ctx, tx, d.Act, Receipt); err != nil {
			return err
		}
		if found {
			bottles, err = received(ctx, tx, d)
			return err
		}
		lot, err := tx.LockLot(ctx, d.Lot)
		if err != nil {
			return err
		}
		if err := s.acceptable(ctx, tx, cl, d, lot, now); err != nil {
			return err
		}
		d := d
		if err := s.timely(ctx, tx, &d.Act, now); err != nil {
			return err
		}
		var moves []Move
		if bottles, moves, err = s.shelve(ctx, tx, cl, d, lot, now); err != nil {
			return err
		}
		doc = d.document(Receipt, now, audit.Data(map[string]any{
			"lot": lot.ID, "bottles": d.Bottles, "copies": d.Copies, "funding": lot.Funding,
		}))
		doc.Party, doc.Number = d.Party, d.Number
		return s.post(ctx, tx, d.Act, doc, moves)
	})
	if err != nil {
		return Document{}, nil, err
	}
	return doc, bottles, nil
}

// acceptable refuses a delivery of an expired lot, and bottles that were scanned and are of another one. What stands
// here with a finding is taken in all the same, into quarantine and with an incident.
func (s *Service) acceptable(ctx context.Context, tx Tx, cl clinic.Clinic, d Delivery, lot Lot, now calendar.Instant) error {
	product, err := tx.FindProduct(ctx, lot.Product)
	if err != nil {
		return err
	}
	today, err := cl.Day(now)
	if err != nil {
		return err
	}
	found := 0
	for i, b := range d.Bottles {
		if b.Finding != "" {
			found++
			continue
		}
		if err := scannedOf(b.Scanned, product, lot, now.Time()); err != nil {
			return err.With("bottle", strconv.Itoa(i+1))
		}
		if lot.Expiry < today {
			return fault.New(fault.Conflict, "lot.expired", "lot %s expired on %s", lot.ID, lot.Expiry).With("day", lot.Expiry.String())
		}
	}
	if found == 0 {
		return nil
	}
	return openIncident(ctx, tx, now, "stock.finding", map[string]any{"document": d.ID, "lot": lot.ID, "bottles": found})
}

// shelve adds the bottles and makes their moves.
func (s *Service) shelve(ctx context.Context, tx Tx, cl clinic.Clinic, d Delivery, lot Lot, now calendar.Instant) (bottles []Bottle, moves []Move, err error) {
	for _, in := range d.Bottles {
		serial, err := tx.NextBottleSerial(ctx)
		if err != nil {
			return nil, nil, err
		}
		code, err := cardcode.New(cardcode.Bottle, cl.Number, serial)
		if err != nil {
			return nil, nil, fmt.Errorf("label of bottle %s: %w", in.ID, err)
		}
		b := Bottle{
			ID: in.ID, Clinic: d.Clinic, Lot: lot.ID, Code: code.String(), State: Sealed, Place: PlaceStore, LabelVolume: in.Label, TareWeight: in.Tare,
			Balance: Balance{},
		}
		if lot.State != LotReleased || in.Finding != "" {
			b.State = Quarantined
		}
		if err := tx.InsertBottle(ctx, b); err != nil {
			return nil, nil, err
		}
		content := in.Label
		if in.Measured > 0 {
			content = in.Measured
		}
		m := d.move(b, Supplier, Store, content, "receipt", now)
		b.Balance.Apply(&m)
		bottles, moves = append(bottles, b), append(moves, m)
	}
	return bottles, moves, nil
}

// received reads the bottles of a delivery that was posted before.
func received(ctx context.Context, tx Tx, d Delivery) ([]Bottle, error) {
	bottles := make([]Bottle, 0, len(d.Bottles))
	for _, in := range d.Bottles {
		b, err := tx.LockBottle(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		bottles = append(bottles, b)
	}
	return bottles, nil
}
