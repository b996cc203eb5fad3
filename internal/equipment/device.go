package equipment

import (
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// enrolment is the audit entry of a station that enrolled itself.
func enrolment(st Station, now calendar.Instant, replaced bool) audit.Entry {
	return audit.Entry{
		Clinic: st.Clinic, Recorded: now, Actor: audit.Actor{Kind: audit.ByStation, ID: string(st.ID)},
		Action: "station.enrol", Subject: string(st.ID),
		Data: audit.Data(map[string]any{"public_key": st.PublicKey, "replaced": replaced, "event_seq": st.EventSeq}),
	}
}

// Kinds lists every kind of device.
var Kinds = []DeviceKind{Pump, Scale, Scanner, Printer}

// Bounds of a pump's profile.
const (
	maxDose     = 500 * measure.Millilitre
	maxResidual = 1 * measure.Litre
)

// Validate checks a device; a profile is a pump's alone.
func (d Device) Validate() error {
	switch {
	case d.ID == "" || d.Station == "":
		return fault.New(fault.Invalid, "device.incomplete", "a device has an id and a station")
	case !slices.Contains(Kinds, d.Kind):
		return fault.New(fault.Invalid, "device.kind", "kind %q is not known", d.Kind)
	case !plain(d.Model, MaxText) || (d.Serial != "" && !plain(d.Serial, MaxText)):
		return fault.New(fault.Invalid, "device.model", "model is missing, or a text is too long")
	case d.Kind != Pump && d.Profile != Profile{}:
		return fault.New(fault.Invalid, "device.profile", "a %s has no profile", d.Kind)
	case d.Kind == Pump:
		return d.Profile.validate()
	}
	return nil
}

func (p Profile) validate() error {
	if p.MinDose <= 0 || p.MaxDose < p.MinDose || p.MaxDose > maxDose || p.Resolution <= 0 || p.Resolution > p.MinDose ||
		p.Residual < 0 || p.Residual > maxResidual {
		return fault.New(fault.Invalid, "device.profile", "0 < resolution ≤ smallest ≤ largest dose ≤ %s, residual 0–%s", maxDose, maxResidual)
	}
	return nil
}

// RegisterDevice puts a device on a station, which has at most one of each kind. Its state is unknown until the station
// speaks.
func (s *Service) RegisterDevice(ctx context.Context, by staff.Member, d Device) (Device, error) {
	if err := by.Require(d.Clinic, staff.ManageStation); err != nil {
		return Device{}, err
	}
	if err := d.Validate(); err != nil {
		return Device{}, err
	}
	d.State, d.StateAt, d.Detail = Unknown, 0, ""
	err := s.store.InTx(ctx, d.Clinic, func(tx Tx) error {
		if _, err := tx.LockStation(ctx, d.Station); err != nil {
			return err
		}
		known, err := tx.LockDevice(ctx, d.ID)
		if err == nil {
			equal := known.Station == d.Station && known.Kind == d.Kind && known.Model == d.Model
			d = known
			return same(equal, string(d.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		if other, err := tx.DeviceOf(ctx, d.Station, d.Kind); err == nil {
			return fault.New(fault.Conflict, "device.kind_taken", "station %s has the %s %s", d.Station, d.Kind, other.ID)
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := tx.InsertDevice(ctx, d); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "device.register", string(d.ID), map[string]any{
			"station": d.Station, "kind": d.Kind, "model": d.Model, "serial": d.Serial, "profile": d.Profile,
		}))
	})
	if err != nil {
		return Device{}, err
	}
	return d, nil
}

// SetProfile says what a pump may be asked for, while nothing is under way at its station.
func (s *Service) SetProfile(ctx context.Context, c clinic.ID, by staff.Member, key DeviceID, p Profile) (Device, error) {
	if err := p.validate(); err != nil {
		return Device{}, err
	}
	return s.onDevice(ctx, c, by, key, "device.profile", func(tx Tx, d *Device) (any, error) {
		if d.Kind != Pump {
			return nil, fault.New(fault.Conflict, "device.profile", "a %s has no profile", d.Kind)
		}
		was := d.Profile
		d.Profile = p
		return map[string]any{"old": was, "new": p}, tx.UpdateDevice(ctx, *d)
	})
}

// RemoveDevice takes a device away from its station. What it did and how it was checked stays on record; without its pump
// or scale the station's check of the day is worth nothing.
func (s *Service) RemoveDevice(ctx context.Context, c clinic.ID, by staff.Member, key DeviceID) error {
	_, err := s.onDevice(ctx, c, by, key, "device.remove", func(tx Tx, d *Device) (any, error) {
		if d.Kind == Pump || d.Kind == Scale {
			if err := tx.VoidCheck(ctx, d.Station, string(d.Kind), s.instant()); err != nil {
				return nil, err
			}
		}
		return map[string]any{"station": d.Station, "kind": d.Kind, "model": d.Model, "serial": d.Serial}, tx.RemoveDevice(ctx, key)
	})
	return err
}

// onDevice changes a device of an idle station.
func (s *Service) onDevice(ctx context.Context, c clinic.ID, by staff.Member, key DeviceID, action string, edit func(Tx, *Device) (any, error)) (d Device, err error) {
	if err := by.Require(c, staff.ManageStation); err != nil {
		return Device{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		if d, err = tx.LockDevice(ctx, key); err != nil {
			return err
		}
		if d.Station == "" {
			return fault.New(fault.Conflict, "device.removed", "device %s stands at no station", key)
		}
		if err := idle(ctx, tx, d.Station); err != nil {
			return err
		}
		data, err := edit(tx, &d)
		if err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), action, string(key), data))
	})
	if err != nil {
		return Device{}, err
	}
	return d, nil
}

// MountBottle puts a bottle under a station's pump, or with bottle "" takes away the one that is there. The bottle is in
// use, of a released lot that has not expired, and at no other station; and nothing is under way here. A bottle of another
// lot than that of the check of the day ends what the check is worth.
func (s *Service) MountBottle(ctx context.Context, c clinic.ID, by staff.Member, key StationID, bottle string) (Station, error) {
	if err := by.Require(c, staff.MountBottle); err != nil {
		return Station{}, err
	}
	cl, err := s.clinics.Clinic(ctx, c)
	if err != nil {
		return Station{}, err
	}
	today, err := cl.Day(s.instant())
	if err != nil {
		return Station{}, err
	}
	return s.change(ctx, c, by, key, "station.bottle", func(tx Tx, st *Station) (any, error) {
		if err := idle(ctx, tx, key); err != nil {
			return nil, err
		}
		if bottle != "" {
			b, err := tx.MountableBottle(ctx, bottle)
			if err != nil {
				return nil, err
			}
			if err := b.mayStand(key, today); err != nil {
				return nil, err
			}
		}
		void, err := tx.VoidCheckOfOtherLot(ctx, key, bottle, s.instant())
		if err != nil {
			return nil, err
		}
		was := st.Bottle
		st.Bottle = bottle
		return map[string]any{"old": was, "new": bottle, "check_void": void}, nil
	})
}

func (b MountableBottle) mayStand(st StationID, today calendar.Day) error {
	switch {
	case !b.InUse:
		return fault.New(fault.Conflict, "bottle.state", "bottle %s is not in use", b.ID)
	case !b.Released:
		return fault.New(fault.Conflict, "lot.not_released", "the lot of bottle %s is not released", b.ID)
	case b.Expiry < today:
		return fault.New(fault.Conflict, "lot.expired", "the lot of bottle %s expired on %s", b.ID, b.Expiry).With("day", b.Expiry.String())
	case b.Station != "" && b.Station != st:
		return fault.New(fault.Conflict, "bottle.elsewhere", "bottle %s stands at station %s", b.ID, b.Station).With("station", string(b.Station))
	}
	return nil
}
