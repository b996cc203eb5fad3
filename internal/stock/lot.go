package stock

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Bounds of what a product or lot can say at all.
const (
	MaxText          = 120 // characters
	MaxConcentration = 100 * measure.MilligramPerMillilitre
	MinDensity       = 900_000 * measure.Density(1)   // 0.9 g/mL
	MaxDensity       = 1_400_000 * measure.Density(1) // 1.4 g/mL: thicker than syrup
	MinTempC         = 100                            // tenths of a degree
	MaxTempC         = 400
)

// Validate checks a product.
func (p Product) Validate() error {
	switch {
	case p.ID == "":
		return fault.New(fault.Invalid, "id.malformed", "a product without an id")
	case !plain(p.Name) || !plain(p.Form) || (p.Registration != "" && !plain(p.Registration)):
		return fault.New(fault.Invalid, "product.text", "name, form or registration is empty, too long, or has control characters")
	case p.Concentration <= 0 || p.Concentration > MaxConcentration:
		return fault.New(fault.Invalid, "product.concentration", "concentration outside 0–%s", MaxConcentration)
	case p.GTIN != "" && !validGTIN(p.GTIN):
		return fault.New(fault.Invalid, "product.gtin", "a GTIN has 14 digits, the last of which checks the others")
	}
	return nil
}

func plain(s string) bool {
	return s != "" && s == strings.TrimSpace(s) && utf8.RuneCountInString(s) <= MaxText && !strings.ContainsFunc(s, unicode.IsControl)
}

// validGTIN checks 14 digits by the rule of the GS1 General Specifications: weights 3 and 1, sum a multiple of ten.
func validGTIN(s string) bool {
	if len(s) != 14 {
		return false
	}
	sum := 0
	for i, c := range s {
		if c < '0' || c > '9' {
			return false
		}
		weight := 3
		if i%2 == 1 {
			weight = 1
		}
		sum += weight * int(c-'0')
	}
	return sum%10 == 0
}

// AddProduct adds a medicine. A repeated request changes nothing.
func (s *Service) AddProduct(ctx context.Context, by staff.Member, p Product) (Product, error) {
	if err := by.Require(p.Clinic, staff.ManageStock); err != nil {
		return Product{}, err
	}
	if err := p.Validate(); err != nil {
		return Product{}, err
	}
	err := s.ledger.InTx(ctx, p.Clinic, func(tx Tx) error {
		known, err := tx.FindProduct(ctx, p.ID)
		if err == nil {
			return same(known == p, string(p.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := tx.InsertProduct(ctx, p); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "product.add", string(p.ID), map[string]any{
			"product": p.Name, "concentration_ug_ml": p.Concentration, "form": p.Form, "registration": p.Registration, "gtin": p.GTIN,
		}))
	})
	if err != nil {
		return Product{}, err
	}
	return p, nil
}

func same(equal bool, key string) error {
	if !equal {
		return fault.New(fault.Invalid, "id.taken", "id %s names something else", key)
	}
	return nil
}

// AddLot adds a batch, released, with no density. Its strength is the product's: a lot of another strength is another
// product.
func (s *Service) AddLot(ctx context.Context, by staff.Member, l Lot) (Lot, error) {
	if err := by.Require(l.Clinic, staff.ManageStock); err != nil {
		return Lot{}, err
	}
	if l.ID == "" || !plain(l.Number) || l.Expiry.IsZero() || (l.Funding != "" && !plain(l.Funding)) {
		return Lot{}, fault.New(fault.Invalid, "lot.incomplete", "id, number or expiry is missing, or a text is too long")
	}
	l.State, l.Density, l.DensityBy, l.DensityAt, l.DensityTempC = LotReleased, 0, "", 0, 0
	err := s.ledger.InTx(ctx, l.Clinic, func(tx Tx) error {
		known, err := tx.LockLot(ctx, l.ID)
		if err == nil {
			equal := known.Product == l.Product && known.Number == l.Number && known.Expiry == l.Expiry
			l = known
			return same(equal, string(l.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		p, err := tx.FindProduct(ctx, l.Product)
		if err != nil {
			return err
		}
		if l.Concentration == 0 {
			l.Concentration = p.Concentration
		}
		if l.Concentration != p.Concentration {
			return fault.New(fault.Invalid, "lot.concentration", "lot of %s of a product of %s", l.Concentration, p.Concentration)
		}
		if err := tx.InsertLot(ctx, l); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "lot.add", string(l.ID), map[string]any{
			"product": l.Product, "number": l.Number, "concentration_ug_ml": l.Concentration, "expiry": l.Expiry, "funding": l.Funding,
		}))
	})
	if err != nil {
		return Lot{}, err
	}
	return l, nil
}

// lotStates is the whole truth about how a lot's state changes. Recall is left by way of quarantine alone.
var lotStates = map[LotState][]LotState{
	LotReleased:    {LotQuarantined, LotRecalled},
	LotQuarantined: {LotReleased, LotRecalled},
	LotRecalled:    {LotQuarantined},
}

// MayBecome reports whether a lot in state s may enter state to.
func (s LotState) MayBecome(to LotState) bool { return slices.Contains(lotStates[s], to) }

// loosens reports whether the change lets more happen than before; stopping is for one person and at once, letting go
// again for two.
func loosens(from, to LotState) bool { return from == LotRecalled || to == LotReleased }

// LotChange sets the state of a lot. The witness may be the zero Member when the change only stops something.
type LotChange struct {
	Clinic clinic.ID
	ID     DocumentID // of the paper; "" for a new one
	Lot    LotID
	To     LotState
	staff.Pair
	Reason string
}

// SetLotState quarantines, releases or recalls a lot. A quarantined lot is not dispensed and its bottles keep their
// states. A recall also quarantines every sealed or opened bottle of the lot, in the same transaction; withdrawing it
// leaves them to be released one by one.
func (s *Service) SetLotState(ctx context.Context, ch LotChange) (l Lot, err error) {
	if err := ch.By.Require(ch.Clinic, staff.ManageStock); err != nil {
		return Lot{}, err
	}
	if ch.Reason == "" || len(ch.Reason) > MaxReason {
		return Lot{}, fault.New(fault.Invalid, "reason.missing", "a reason is missing or too long")
	}
	err = s.ledger.InTx(ctx, ch.Clinic, func(tx Tx) error {
		if l, err = tx.LockLot(ctx, ch.Lot); err != nil || l.State == ch.To {
			return err
		}
		was := l.State
		if !was.MayBecome(ch.To) {
			return fault.New(fault.Conflict, "lot.state", "lot %s is %s and cannot become %s", ch.Lot, was, ch.To)
		}
		if loosens(was, ch.To) {
			if err := ch.Pair.Require(ch.Clinic, staff.ManageStock, staff.WitnessStock); err != nil {
				return err
			}
		}
		l.State = ch.To
		if err := tx.UpdateLot(ctx, l); err != nil {
			return err
		}
		var stopped []BottleID
		if ch.To == LotRecalled {
			if stopped, err = stopBottles(ctx, tx, l.ID); err != nil {
				return err
			}
		}
		now := s.instant()
		a := Act{Clinic: ch.Clinic, ID: cmp.Or(ch.ID, id.New[DocumentID]()), Pair: ch.Pair, Reason: ch.Reason, Occurred: now}
		if ch.Witness.ID == ch.By.ID {
			a.Witness = staff.Member{} // a stop takes one person
		}
		data := audit.Data(map[string]any{"lot": l.ID, "old": was, "new": ch.To, "bottles_stopped": stopped})
		if err := tx.InsertDocument(ctx, a.document(lotPapers[ch.To], now, data)); err != nil {
			return err
		}
		return tx.Record(ctx, a.Entry(now, "lot."+string(ch.To), string(l.ID), map[string]any{
			"old": was, "new": ch.To, "reason": ch.Reason, "bottles_stopped": stopped,
		}))
	})
	if err != nil {
		return Lot{}, err
	}
	return l, nil
}

// lotPapers names the paper of each state of a lot.
var lotPapers = map[LotState]DocumentKind{LotReleased: Releasing, LotQuarantined: Quarantining, LotRecalled: Recalling}

func stopBottles(ctx context.Context, tx Tx, l LotID) (stopped []BottleID, err error) {
	bottles, err := tx.LockBottles(ctx, l)
	if err != nil {
		return nil, err
	}
	for _, b := range bottles {
		if b.State != Sealed && b.State != InUse {
			continue
		}
		b.State = Quarantined
		if err := tx.UpdateBottle(ctx, b); err != nil {
			return nil, err
		}
		stopped = append(stopped, b.ID)
	}
	return stopped, nil
}

// SetDensity records a measurement of a lot's density, at a temperature in tenths of a degree Celsius. From then on a
// scale may convert; what was weighed before stays what it was.
func (s *Service) SetDensity(ctx context.Context, c clinic.ID, by staff.Member, lot LotID, d measure.Density, tempC int) (l Lot, err error) {
	if err := by.Require(c, staff.ManageStock); err != nil {
		return Lot{}, err
	}
	if d < MinDensity || d > MaxDensity || tempC < MinTempC || tempC > MaxTempC {
		return Lot{}, fault.New(fault.Invalid, "lot.density", "density outside %s–%s or temperature outside %d–%d tenths °C",
			MinDensity, MaxDensity, MinTempC, MaxTempC)
	}
	err = s.ledger.InTx(ctx, c, func(tx Tx) error {
		if l, err = tx.LockLot(ctx, lot); err != nil {
			return err
		}
		was := l
		now := s.instant()
		l.Density, l.DensityBy, l.DensityAt, l.DensityTempC = d, string(by.ID), now, tempC
		if err := tx.UpdateLot(ctx, l); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(now, "lot.density", string(lot), map[string]any{
			"old_ug_ml": was.Density, "new_ug_ml": d, "old_temp_dc": was.DensityTempC, "new_temp_dc": tempC,
		}))
	})
	if err != nil {
		return Lot{}, err
	}
	return l, nil
}
