package stock

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Setting is how a clinic keeps its book.
type Setting struct {
	CountGate bool             // a counter gives no dose before its opening count is settled
	Review    reconcile.Review // from what size on the supervisor signs a difference
	CoverDays int              // how many days a delivery is to last
	LeadDays  int              // how many days a delivery takes
}

// DefaultSetting is the product's own. No official figure for a review level was found: 10 mL, or half a per cent of what
// was turned over, is a choice, and it decides only who signs.
var DefaultSetting = Setting{Review: reconcile.Review{Volume: 10 * measure.Millilitre, PerMille: 5}, CoverDays: 30, LeadDays: 10}

// Chart derives the limits of the control chart from the review level: an alarm when small differences add up to half of
// it. With the product's own level that is 0.5 mL, which is what weighing and drops leave of an honest shift, and 5 mL.
// How soon these limits speak, and how seldom in vain, is tabled in docs/detection.md.
func (s Setting) Chart() reconcile.Limits {
	return reconcile.Limits{Slack: s.Review.Volume / 20, Alarm: s.Review.Volume / 2}
}

// Setting reads the clinic's own.
func (s *Service) Setting(ctx context.Context, c clinic.ID) (Setting, error) {
	return s.ledger.Setting(ctx, c)
}

// PutSetting changes how the clinic keeps its book, by two people.
func (s *Service) PutSetting(ctx context.Context, c clinic.ID, p staff.Pair, set Setting) (Setting, error) {
	if err := p.Require(c, staff.ManageStock, staff.WitnessStock); err != nil {
		return Setting{}, err
	}
	if set.Review.Volume < 0 || set.Review.Volume > measure.Litre || set.Review.PerMille < 0 || set.Review.PerMille > 100 ||
		set.CoverDays < 1 || set.CoverDays > 365 || set.LeadDays < 0 || set.LeadDays > 180 {
		return Setting{}, fault.New(fault.Invalid, "stock.setting", "review level, cover or lead time is out of range")
	}
	err := s.ledger.InTx(ctx, c, func(tx Tx) error {
		old, err := tx.FindSetting(ctx)
		if err != nil {
			return err
		}
		if err := tx.PutSetting(ctx, set); err != nil {
			return err
		}
		return tx.Record(ctx, p.Entry(s.instant(), "stock.setting", string(c), map[string]any{"old": old, "new": set}))
	})
	if err != nil {
		return Setting{}, err
	}
	return set, nil
}
