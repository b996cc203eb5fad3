package dispensing

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Void records that two people, with evidence, say that nothing was poured: the order never reached a pump, or zero is
// proven by pump and scale. The volume goes back to the bottle.
func (s *Service) Void(ctx context.Context, a Act) (Dispensing, error) {
	if err := a.twoPeople(staff.ResolveDoubt); err != nil {
		return Dispensing{}, err
	}
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.State == Voided {
			return Change{}, errDone
		}
		// A fresh reservation may be on its way to the pump this second: only the counter's word, or the end of the
		// lease and then two people, can take it back.
		if d.State == Reserved {
			return Change{}, fault.New(fault.Conflict, "void.still_reserved", "dispensing %s may be armed at the counter", d.ID)
		}
		c, err := s.change(d, StepVoided, a.act(reasonData{Reason: a.Reason}))
		if err != nil {
			return Change{}, err
		}
		c.post(held(d.State), stock.InBottle, d.Volume, "void")
		return c, nil
	})
}

// held returns the account on which the reserved volume of a dispensing in this state stands.
func held(s State) stock.Account {
	if s == InDoubt {
		return stock.InDoubt
	}
	return stock.Reserved
}

// ResolveMeasured records what two people found when they weighed the cup of a dispensing in doubt, or of one poured by
// hand without a counter. Two people have looked, so what they found counts as agreed only if it is within tolerance;
// otherwise a deviation has to be accepted before hand-over like any other.
func (s *Service) ResolveMeasured(ctx context.Context, a Act, m Measurement) (Dispensing, error) {
	if err := a.twoPeople(staff.ResolveDoubt); err != nil {
		return Dispensing{}, err
	}
	if err := m.validate(); err != nil {
		return Dispensing{}, err
	}
	m.Manual = true
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.State != InDoubt && d.State != Held {
			return Change{}, fault.New(fault.Conflict, "dispensing.state", "dispensing %s is %s", d.ID, d.State).With("state", string(d.State))
		}
		return s.measured(d, m, a.act(struct {
			Measurement
			Reason string `json:"reason"`
		}{m, a.Reason}))
	})
}

// ResolveWasted records that two people threw away what is in the cup of a dispensing in doubt: v, as they weighed it or
// as the pump last said.
func (s *Service) ResolveWasted(ctx context.Context, a Act, v measure.Volume) (Dispensing, error) {
	if err := a.twoPeople(staff.ResolveDoubt); err != nil {
		return Dispensing{}, err
	}
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.State == Wasted {
			return Change{}, errDone
		}
		if d.State != InDoubt {
			return Change{}, fault.New(fault.Conflict, "dispensing.state", "dispensing %s is %s", d.ID, d.State).With("state", string(d.State))
		}
		if v < 0 || v > maxMeasured {
			return Change{}, fault.New(fault.Invalid, "measurement.range", "%d µL in the cup", int64(v))
		}
		c, err := s.change(d, StepWasted, a.act(reasonData{Reason: a.Reason, Left: v}))
		if err != nil {
			return Change{}, err
		}
		c.Dispensing.Measured = v
		c.settle(stock.InDoubt, stock.Waste, v, "wasted")
		return c, nil
	})
}

// DoubtOutcome moves a pour of which nothing was heard for too long into doubt, by two people's word that the counter
// is not coming back. It never frees the patient; it lets people resolve.
func (s *Service) DoubtOutcome(ctx context.Context, a Act) (Dispensing, error) {
	if err := a.twoPeople(staff.ResolveDoubt); err != nil {
		return Dispensing{}, err
	}
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.State == InDoubt {
			return Change{}, errDone
		}
		return s.inDoubt(d, a.act(reasonData{Reason: a.Reason}))
	})
}

// HoldExpired turns the clinic's reservations whose lease has ended into held ones. It never frees a patient.
func (s *Service) HoldExpired(ctx context.Context, c clinic.ID) error {
	var expired []ID
	err := s.store.InTx(ctx, c, func(tx Tx) (err error) {
		expired, err = tx.Expired(ctx, s.instant())
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range expired {
		if err := s.hold(ctx, c, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) hold(ctx context.Context, c clinic.ID, key ID) error {
	_, err := s.advance(ctx, c, key, func(d Dispensing) (Change, error) {
		if d.State != Reserved || s.instant() < d.Lease {
			return Change{}, errDone
		}
		return s.change(d, StepHeld, act{actor: audit.System})
	})
	return err
}

func (s *Service) measured(d Dispensing, m Measurement, a act) (Change, error) {
	from := d.State
	c, err := s.change(d, StepMeasured, a)
	if err != nil {
		return Change{}, err
	}
	v, known := m.Volume(d.Density)
	if !known {
		return Change{}, fault.New(fault.Invalid, "measurement.unknown", "a measurement without a volume")
	}
	c.Dispensing.PumpVolume = m.Pump
	c.Dispensing.Weighed, c.Dispensing.WeighedKnown = m.Weighed(), m.WeightKnown
	c.Dispensing.Measured = v
	c.Dispensing.Agreed = s.tol.Compare(d.Volume, d.Density, m) != Disagrees
	if from == InDoubt {
		c.post(stock.InDoubt, stock.Reserved, d.Volume, "resolved")
	}
	return c, nil
}

func (s *Service) inDoubt(d Dispensing, a act) (Change, error) {
	c, err := s.change(d, StepInDoubt, a)
	if err != nil {
		return Change{}, err
	}
	c.post(stock.Reserved, stock.InDoubt, d.Volume, "in doubt")
	return c, nil
}

// Bounds of what a measurement can say at all.
const (
	maxMeasured = 500 * measure.Millilitre
	maxGross    = 10_000 * measure.WeightGram
)

func (m Measurement) validate() error {
	switch {
	case m.PumpKnown && (m.Pump < 0 || m.Pump > maxMeasured),
		m.WeightKnown && (m.GrossBefore < 0 || m.GrossAfter < m.GrossBefore || m.GrossAfter > maxGross):
		return fault.New(fault.Invalid, "measurement.range", "a measurement out of range")
	case !m.PumpKnown && !m.WeightKnown:
		return fault.New(fault.Invalid, "measurement.unknown", "a measurement without a volume")
	}
	return nil
}
