package dispensing

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Act is what a person does to a dispensing at the window.
type Act struct {
	Clinic clinic.ID
	ID     ID
	By     staff.Member
	// Witness is the second person, whose PIN was checked; the zero Member when the act needs none.
	Witness staff.Member
	Reason  string
}

func (a Act) act(data any) act {
	return act{actor: audit.Actor{Kind: audit.ByStaff, ID: string(a.By.ID)}, witness: a.Witness.ID, data: data}
}

// alone checks an act of one person.
func (a Act) alone() error { return a.By.Require(a.Clinic, staff.Dispense) }

// twoPeople checks a two-person act: the first may do it, the second may witness, and there is a reason.
func (a Act) twoPeople(action staff.Action) error {
	pair := staff.Pair{By: a.By, Witness: a.Witness}
	if err := pair.Require(a.Clinic, action, staff.WitnessDispensing); err != nil {
		return err
	}
	return a.reason()
}

// maxReason bounds the words given for an exception, in bytes.
const maxReason = 500

func (a Act) reason() error {
	if a.Reason == "" || len(a.Reason) > maxReason {
		return fault.New(fault.Invalid, "reason.missing", "a reason is missing or too long")
	}
	return nil
}

type reasonData struct {
	Reason string         `json:"reason,omitempty"`
	Left   measure.Volume `json:"left_ul,omitempty"`
}

// HandOver binds the cup to the patient: the card scanned at hand-over must be of the patient the dose is for. It is
// refused while order, pump and scale disagree and nobody recorded the deviation.
func (s *Service) HandOver(ctx context.Context, a Act, scanned patient.ID) (Dispensing, error) {
	if err := a.alone(); err != nil {
		return Dispensing{}, err
	}
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.Patient != scanned {
			return Change{}, fault.New(fault.Refused, "hand_over.wrong_patient", "dispensing %s is for another patient", d.ID)
		}
		if d.State == Measured && !d.Agreed {
			return Change{}, fault.New(fault.Refused, "hand_over.disagrees", "dispensing %s: order, pump and scale disagree", d.ID)
		}
		if d.State == Measured && !d.HandedAt.IsZero() {
			return Change{}, errDone
		}
		c, err := s.change(d, StepHandedOver, a.act(nil))
		c.Dispensing.HandedAt = c.Step.Occurred
		return c, err
	})
}

// Taken records that the swallow was observed. It ends the dispensing, posts the measured volume and the consumption.
func (s *Service) Taken(ctx context.Context, a Act) (Dispensing, error) {
	if err := a.alone(); err != nil {
		return Dispensing{}, err
	}
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.State == Administered {
			return Change{}, errDone
		}
		if err := handed(d); err != nil {
			return Change{}, err
		}
		c, err := s.change(d, StepAdministered, a.act(nil))
		if err != nil {
			return Change{}, err
		}
		c.settle(stock.Reserved, stock.Administered, d.Measured, "taken")
		c.consume(dosing.Observed, d.Dose)
		return c, nil
	})
}

// PartlyTaken records that left of the measured volume was not swallowed and was wasted before a witness. The part that
// was swallowed counts as this day's consumption, with the mass that it held.
func (s *Service) PartlyTaken(ctx context.Context, a Act, left measure.Volume) (Dispensing, error) {
	if err := a.twoPeople(staff.Dispense); err != nil {
		return Dispensing{}, err
	}
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.State == PartlyTaken {
			return Change{}, errDone
		}
		if err := handed(d); err != nil {
			return Change{}, err
		}
		if left <= 0 || left >= d.Measured {
			return Change{}, fault.New(fault.Invalid, "partly_taken.left", "%d µL left of %d", int64(left), int64(d.Measured))
		}
		c, err := s.change(d, StepPartlyTaken, a.act(reasonData{Reason: a.Reason, Left: left}))
		if err != nil {
			return Change{}, err
		}
		swallowed, err := d.Concentration.MassFloor(d.Measured - left)
		if err != nil {
			return Change{}, err
		}
		c.settleSplit(d.Measured-left, left)
		c.consume(dosing.Observed, min(swallowed, d.Dose))
		return c, nil
	})
}

// settleSplit posts a measured volume of which a part was swallowed and the rest wasted.
func (c *Change) settleSplit(swallowed, wasted measure.Volume) {
	held := c.Dispensing.Volume
	for _, part := range []struct {
		to     stock.Account
		v      measure.Volume
		reason string
	}{{stock.Administered, swallowed, "taken"}, {stock.Waste, wasted, "partly taken"}} {
		fromHeld := min(part.v, held)
		c.post(stock.Reserved, part.to, fromHeld, part.reason)
		c.post(stock.InBottle, part.to, part.v-fromHeld, part.reason)
		held -= fromHeld
	}
	c.post(stock.Reserved, stock.InBottle, held, "release")
}

// handed refuses to end a dose as swallowed when the cup was never bound to the patient.
func handed(d Dispensing) error {
	if d.State == Measured && d.HandedAt.IsZero() {
		return fault.New(fault.Conflict, "hand_over.missing", "dispensing %s was not handed over", d.ID)
	}
	return nil
}

// Wasted records that the measured cup was refused, spilled or thrown away, before a witness. The day's dose stays due.
func (s *Service) Wasted(ctx context.Context, a Act) (Dispensing, error) {
	if err := a.twoPeople(staff.Dispense); err != nil {
		return Dispensing{}, err
	}
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.State == Wasted {
			return Change{}, errDone
		}
		if d.State != Measured {
			return Change{}, fault.New(fault.Conflict, "dispensing.state", "dispensing %s is %s", d.ID, d.State).With("state", string(d.State))
		}
		c, err := s.change(d, StepWasted, a.act(reasonData{Reason: a.Reason}))
		if err != nil {
			return Change{}, err
		}
		c.settle(stock.Reserved, stock.Waste, d.Measured, "wasted")
		return c, nil
	})
}

// AcceptDeviation records that two people saw that order, pump and scale disagree and let the cup be handed over.
func (s *Service) AcceptDeviation(ctx context.Context, a Act) (Dispensing, error) {
	if err := a.twoPeople(staff.Dispense); err != nil {
		return Dispensing{}, err
	}
	return s.advance(ctx, a.Clinic, a.ID, func(d Dispensing) (Change, error) {
		if d.State == Measured && d.Agreed {
			return Change{}, errDone
		}
		c, err := s.change(d, StepDeviation, a.act(reasonData{Reason: a.Reason}))
		c.Dispensing.Agreed = true
		return c, err
	})
}
