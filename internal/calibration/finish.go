package calibration

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Finish judges a check and signs the judgement; the caller has checked the PIN. A check that lacks something fails. One
// that passes lets the control charts begin anew when the pump was recalibrated before it.
func (s *Service) Finish(ctx context.Context, c clinic.ID, by staff.Member, key CheckID) (Check, error) {
	if err := by.Require(c, staff.VerifyDevice); err != nil {
		return Check{}, err
	}
	var fresh bool
	check, err := s.onCheck(ctx, c, key, func(tx Tx, check *Check) error {
		fresh = false
		if check.Result != nil {
			return nil
		}
		if check.open() {
			return fault.New(fault.Conflict, "check.pour_open", "a pour of check %s has not ended", key)
		}
		fresh = true
		return s.judge(ctx, tx, by, check)
	})
	if err == nil && fresh {
		s.tell(Notice{Clinic: c, Station: check.Station, Check: check.ID, Result: check.Result})
	}
	return check, err
}

func (s *Service) judge(ctx context.Context, tx Tx, by staff.Member, check *Check) error {
	st, err := tx.LockStation(ctx, check.Station)
	if err != nil {
		return err
	}
	if err := check.unchanged(ctx, tx, st); err != nil && !failing(*check) {
		return err
	}
	now := s.instant()
	figures := Judge(*check)
	check.Result = &Result{Check: check.ID, Passed: figures.Passed(), Figures: figures, By: by.ID, Recorded: now}
	if err := tx.InsertResult(ctx, *check.Result, check.Clinic); err != nil {
		return err
	}
	standing, err := tx.FindStanding(ctx, check.Station)
	if err != nil {
		return err
	}
	standing = check.judged(standing, now)
	if standing.State == Passed && standing.Recalibrated {
		if err := tx.ResetDrift(ctx, check.Station, st.EventSeq, now); err != nil {
			return err
		}
		standing.Recalibrated = false
	}
	if err := tx.SetStanding(ctx, standing); err != nil {
		return err
	}
	return tx.Record(ctx, by.Entry(now, "check.finish", string(check.ID), map[string]any{
		"passed": check.Result.Passed, "figures": figures,
	}))
}

// failing reports whether a check will fail, whatever was changed since: such a judgement may always be signed.
func failing(c Check) bool { return !Judge(c).Passed() }

// judged is what a check is worth once it is judged.
func (c Check) judged(was Standing, now calendar.Instant) Standing {
	out := c.opened(now, was)
	out.State = Failed
	if c.Result.Passed {
		out.State = Passed
	}
	for _, w := range c.Weighings {
		out.ScaleSerial = w.ScaleSerial
	}
	for _, p := range c.measured(Shot, 0) {
		out.PumpSerial, out.ScaleSerial = p.PumpSerial, p.ScaleSerial
	}
	return out
}

// Settlement is what two people say of a pour that is in doubt. The caller has checked both PINs.
type Settlement struct {
	Clinic clinic.ID
	Pour   PourID
	staff.Pair
	Moved  measure.Volume // all told; 0 when nothing moved
	Reason string
}

// MaxReason bounds a reason, in bytes.
const MaxReason = 500

// Settle ends a pour by two people's word: how much of it moved, all told. The counter's word on a fresh reservation is
// waited for first.
func (s *Service) Settle(ctx context.Context, a Settlement) (p Pour, err error) {
	if err := a.Pair.Require(a.Clinic, staff.ResolveDoubt, staff.WitnessDispensing); err != nil {
		return Pour{}, err
	}
	switch {
	case a.Reason == "" || len(a.Reason) > MaxReason:
		return Pour{}, fault.New(fault.Invalid, "reason.missing", "a reason is missing or too long")
	case a.Moved < 0 || a.Moved > maxMoved:
		return Pour{}, fault.New(fault.Invalid, "measurement.range", "%d µL moved", int64(a.Moved))
	}
	err = s.store.InTx(ctx, a.Clinic, func(tx Tx) error {
		p, err = tx.LockPour(ctx, a.Pour)
		if err != nil || (p.State == Settled || p.State == Voided) && p.Booked == a.Moved { // said before, to the same end
			return err
		}
		kind := StepSettled
		if a.Moved == 0 {
			kind = StepVoided
		}
		if _, possible := p.State.Next(kind); !possible || p.State == Reserved {
			return fault.New(fault.Conflict, "pour.state", "pour %s is %s", p.ID, p.State).With("state", string(p.State))
		}
		c := change(p, kind, actOf{
			actor: audit.Actor{Kind: audit.ByStaff, ID: string(a.By.ID)}, witness: a.Witness.ID,
			data: map[string]any{"moved_ul": a.Moved, "reason": a.Reason},
		}, s.instant())
		c.settled(p, a.Moved)
		p = c.Pour
		return tx.AdvancePour(ctx, c)
	})
	if err != nil {
		return Pour{}, err
	}
	s.tell(Notice{Clinic: p.Clinic, Station: p.Station, Check: p.Check, Pour: p.ID, State: p.State})
	return p, nil
}

// settled posts what two people found: what was booked already is corrected by a move, either way.
func (c *PourChange) settled(was Pour, moved measure.Volume) {
	c.Pour.Booked = moved
	if was.State != InDoubt {
		c.settle(stock.Reserved, was.Volume, moved)
		return
	}
	held := was.Volume - was.Booked
	if moved < was.Booked {
		c.post(stock.Purge, stock.InBottle, was.Booked-moved, "correction")
		c.post(stock.InDoubt, stock.InBottle, held, "release")
		return
	}
	c.settle(stock.InDoubt, held, moved-was.Booked)
}

// HoldExpired turns the clinic's reservations whose lease has ended into held ones: the counter is asked for its word.
func (s *Service) HoldExpired(ctx context.Context, c clinic.ID) error {
	var expired []PourID
	err := s.store.InTx(ctx, c, func(tx Tx) (err error) {
		expired, err = tx.ExpiredPours(ctx, s.instant())
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

func (s *Service) hold(ctx context.Context, c clinic.ID, key PourID) error {
	var held *Notice
	err := s.store.InTx(ctx, c, func(tx Tx) error {
		held = nil
		p, err := tx.LockPour(ctx, key)
		if err != nil || p.State != Reserved || s.instant() < p.Lease {
			return err
		}
		change := change(p, StepHeld, actOf{actor: audit.System}, s.instant())
		held = &Notice{Clinic: c, Station: p.Station, Check: p.Check, Pour: p.ID, State: Held}
		return tx.AdvancePour(ctx, change)
	})
	if err == nil && held != nil {
		s.tell(*held)
	}
	return err
}

// Recalibrate signs that a pump was recalibrated by its own procedure, or that a part of its way was changed; the caller
// has checked the PIN. The check of the day is void from here on.
func (s *Service) Recalibrate(ctx context.Context, by staff.Member, r Recalibration) (out Recalibration, err error) {
	if err := by.Require(r.Clinic, staff.RecalibratePump); err != nil {
		return Recalibration{}, err
	}
	if err := r.validate(); err != nil {
		return Recalibration{}, err
	}
	err = s.store.InTx(ctx, r.Clinic, func(tx Tx) error {
		st, err := tx.LockStation(ctx, r.Station)
		if err != nil {
			return err
		}
		out, err = tx.FindRecalibration(ctx, r.ID)
		if err == nil {
			return sameAs(out.Station == r.Station && out.Kind == r.Kind, string(r.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		pump, err := device(ctx, tx, st.ID, equipment.Pump)
		if err != nil {
			return err
		}
		busy, err := tx.StationBusy(ctx, st.ID)
		if err != nil {
			return err
		}
		if busy {
			return fault.New(fault.Conflict, "station.busy", "station %s has something under way", st.ID)
		}
		out = r
		out.Device, out.By, out.Recorded = pump.ID, by.ID, s.instant()
		if err := tx.InsertRecalibration(ctx, out); err != nil {
			return err
		}
		standing, err := tx.FindStanding(ctx, st.ID)
		if err != nil {
			return err
		}
		standing.Clinic, standing.State, standing.Reason = r.Clinic, Void, string(r.Kind)
		standing.Recalibrated, standing.Since = true, out.Recorded
		if err := tx.SetStanding(ctx, standing); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(out.Recorded, "pump.recalibrate", string(pump.ID), map[string]any{
			"recalibration": out.ID, "station": st.ID, "kind": out.Kind, "method": out.Method, "factor_before": out.FactorBefore,
			"factor_after": out.FactorAfter, "note": out.Note,
		}))
	})
	if err != nil {
		return Recalibration{}, err
	}
	s.tell(Notice{Clinic: out.Clinic, Station: out.Station})
	return out, nil
}

// MaxText bounds what is written of a recalibration, in characters.
const MaxText = 200

func (r Recalibration) validate() error {
	known := r.Kind == Recalibrated || r.Kind == TubeChanged || r.Kind == Syringe || r.Kind == PartChanged
	if r.ID == "" || !known || r.Method == "" || !plain(r.Method, MaxText) || !plain(r.FactorBefore, MaxSerial) ||
		!plain(r.FactorAfter, MaxSerial) || !plain(r.Note, MaxText) {
		return fault.New(fault.Invalid, "recalibration.incomplete", "kind or procedure is missing, or a text is too long")
	}
	return nil
}
