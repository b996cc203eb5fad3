package calibration

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Beginning is a check to begin. The caller has checked the PINs of both people.
type Beginning struct {
	ID      CheckID
	Clinic  clinic.ID
	Station equipment.StationID
	staff.Pair
	TemperatureC int // tenths of a degree Celsius
}

// Rooms in which a clinic works, in tenths of a degree.
const (
	coldest = 50
	hottest = 450
)

// BeginCheck opens the check of the day at a station. Nothing is worth less or more by it: the earlier check of the day
// counts until something is poured in this one. Where there is a pump the second person stands by from here on: every
// pour of the check is a narcotic's waste before that witness.
func (s *Service) BeginCheck(ctx context.Context, b Beginning) (c Check, err error) {
	if err := b.By.Require(b.Clinic, staff.VerifyDevice); err != nil {
		return Check{}, err
	}
	if b.ID == "" || b.TemperatureC < coldest || b.TemperatureC > hottest {
		return Check{}, fault.New(fault.Invalid, "check.temperature", "no id, or %d tenths of a degree", b.TemperatureC)
	}
	today, err := s.today(ctx, b.Clinic)
	if err != nil {
		return Check{}, err
	}
	err = s.store.InTx(ctx, b.Clinic, func(tx Tx) error {
		st, err := tx.LockStation(ctx, b.Station)
		if err != nil {
			return err
		}
		c, err = tx.FindCheck(ctx, b.ID)
		if err == nil {
			return sameAs(c.Station == b.Station && c.By == b.By.ID, string(b.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		c, err = s.check(ctx, tx, b, st, today)
		if err != nil {
			return err
		}
		if err := tx.InsertCheck(ctx, c); err != nil {
			return err
		}
		return tx.Record(ctx, b.Pair.Entry(c.Recorded, "check.begin", string(c.ID), map[string]any{
			"station": c.Station, "day": c.Day, "pump": c.Pump, "scale": c.Scale, "bottle": c.Bottle, "lot": c.Lot,
			"density_ug_ml": c.Density, "temperature_dc": c.TemperatureC, "limits": c.Limits,
		}))
	})
	if err != nil {
		return Check{}, err
	}
	s.tell(Notice{Clinic: c.Clinic, Station: c.Station, Check: c.ID})
	return c, nil
}

func sameAs(equal bool, key string) error {
	if !equal {
		return fault.New(fault.Invalid, "id.taken", "id %s names something else", key)
	}
	return nil
}

// check builds the header from what stands at the station now.
func (s *Service) check(ctx context.Context, tx Tx, b Beginning, st equipment.Station, today calendar.Day) (Check, error) {
	limits, err := limitsOf(ctx, tx)
	if err != nil {
		return Check{}, err
	}
	scale, err := device(ctx, tx, st.ID, equipment.Scale)
	if err != nil {
		return Check{}, err
	}
	c := Check{
		ID: b.ID, Clinic: b.Clinic, Station: st.ID, Day: today, Scale: scale.ID, TemperatureC: b.TemperatureC,
		Limits: limits, By: b.By.ID, Recorded: s.instant(),
	}
	if st.Manual {
		return c, nil
	}
	if err := b.Pair.Require(b.Clinic, staff.VerifyDevice, staff.WitnessStock); err != nil {
		return Check{}, err
	}
	pump, err := device(ctx, tx, st.ID, equipment.Pump)
	if err != nil {
		return Check{}, err
	}
	bottle, lot, err := mounted(ctx, tx, st)
	if err != nil {
		return Check{}, err
	}
	c.Pump, c.Bottle, c.Lot, c.Density, c.Witness = pump.ID, bottle.ID, lot.ID, lot.Density, b.Witness.ID
	c.Limits = limits.fit(pump.Profile)
	if len(c.Limits.Levels) == 0 || c.Limits.Prime <= 0 {
		return Check{}, fault.New(fault.Conflict, "check.no_profile", "pump %s may be asked for nothing", pump.ID)
	}
	return c, nil
}

func limitsOf(ctx context.Context, tx Tx) (Limits, error) {
	set, err := tx.FindLimits(ctx)
	if fault.Is(err, fault.NotFound) {
		return DefaultLimits(), nil
	}
	return set.Limits, err
}

func device(ctx context.Context, tx Tx, st equipment.StationID, k equipment.DeviceKind) (equipment.Device, error) {
	d, err := tx.DeviceOf(ctx, st, k)
	if fault.Is(err, fault.NotFound) {
		return d, fault.New(fault.Conflict, "check.no_device", "station %s has no %s", st, k).With("device", string(k))
	}
	return d, err
}

// mounted reads the bottle under the pump and its lot. Without a measured density a shot cannot be judged.
func mounted(ctx context.Context, tx Tx, st equipment.Station) (stock.Bottle, stock.Lot, error) {
	if st.Bottle == "" {
		return stock.Bottle{}, stock.Lot{}, fault.New(fault.Conflict, "check.no_bottle", "station %s has no bottle", st.ID)
	}
	b, l, err := tx.Mounted(ctx, stock.BottleID(st.Bottle))
	switch {
	case err != nil:
		return stock.Bottle{}, stock.Lot{}, err
	case b.State != stock.InUse:
		return b, l, fault.New(fault.Conflict, "bottle.state", "bottle %s is %s", b.ID, b.State).With("state", string(b.State))
	case l.Density <= 0:
		return b, l, fault.New(fault.Conflict, "check.no_density", "the density of lot %s was never measured", l.ID).With("lot", l.Number)
	}
	return b, l, nil
}

// Reading is what the scale shows of a check weight.
type Reading struct {
	Clinic      clinic.ID
	Check       CheckID
	By          staff.Member
	Nominal     measure.Weight // the one that the check asks for
	Shown       measure.Weight
	Weights     string // serial number of the set
	ScaleSerial string
}

// MaxSerial bounds a serial number, in characters.
const MaxSerial = 60

func plain(text string, most int) bool {
	return text == strings.TrimSpace(text) && utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, unicode.IsControl)
}

// Weigh records what the scale shows of the check weight that is due.
func (s *Service) Weigh(ctx context.Context, r Reading) (c Check, err error) {
	if err := r.By.Require(r.Clinic, staff.VerifyDevice); err != nil {
		return Check{}, err
	}
	if r.Weights == "" || !plain(r.Weights, MaxSerial) || !plain(r.ScaleSerial, MaxSerial) || r.Shown < -maxWeight || r.Shown > maxWeight {
		return Check{}, fault.New(fault.Invalid, "check.weights", "the serial number of the weights is missing, or %s", r.Shown)
	}
	return s.onCheck(ctx, r.Clinic, r.Check, func(tx Tx, c *Check) error {
		next := c.Next()
		if next.Kind != StepWeigh || next.Nominal != r.Nominal {
			return outOfOrder(*c, next)
		}
		w := Weighing{
			Check: c.ID, Seq: len(c.Weighings) + 1, Nominal: r.Nominal, Shown: r.Shown, Tolerance: c.Limits.Tolerance,
			Weights: r.Weights, ScaleSerial: r.ScaleSerial, By: r.By.ID, Recorded: s.instant(),
		}
		if err := tx.InsertWeighing(ctx, w, c.Clinic); err != nil {
			return err
		}
		c.Weighings = append(c.Weighings, w)
		return tx.Record(ctx, r.By.Entry(w.Recorded, "check.weigh", string(c.ID), map[string]any{
			"seq": w.Seq, "nominal_ug": w.Nominal, "shown_ug": w.Shown, "tolerance_ug": w.Tolerance, "weights": w.Weights,
		}))
	})
}

func outOfOrder(c Check, next NextStep) error {
	return fault.New(fault.Conflict, "check.order", "check %s needs %s next", c.ID, next.Kind).With("next", string(next.Kind))
}

// onCheck changes an open check of today under the lock of its station.
func (s *Service) onCheck(ctx context.Context, c clinic.ID, key CheckID, edit func(Tx, *Check) error) (check Check, err error) {
	today, err := s.today(ctx, c)
	if err != nil {
		return Check{}, err
	}
	err = s.store.InTx(ctx, c, func(tx Tx) error {
		found, err := tx.FindCheck(ctx, key)
		if err != nil {
			return err
		}
		if _, err := tx.LockStation(ctx, found.Station); err != nil {
			return err
		}
		if check, err = tx.FindCheck(ctx, key); err != nil { // as it is under the lock
			return err
		}
		if check.Day != today {
			return fault.New(fault.Conflict, "check.over", "check %s is of %s", key, check.Day).With("day", check.Day.String())
		}
		return edit(tx, &check)
	})
	if err != nil {
		return Check{}, err
	}
	s.tell(Notice{Clinic: c, Station: check.Station, Check: check.ID})
	return check, nil
}

// PourRequest asks for the pour that a check needs next.
type PourRequest struct {
	ID     PourID // made by the screen; a repeated request finds the pour it made
	Clinic clinic.ID
	Check  CheckID
	By     staff.Member
}

// PourNext reserves the volume of the prime or shot that is due, for the counter to pour. From the first one on the check of
// the day is this one.
func (s *Service) PourNext(ctx context.Context, r PourRequest) (p Pour, err error) {
	if err := r.By.Require(r.Clinic, staff.VerifyDevice); err != nil {
		return Pour{}, err
	}
	_, err = s.onCheck(ctx, r.Clinic, r.Check, func(tx Tx, c *Check) error {
		p, err = tx.FindPour(ctx, r.ID)
		if err == nil {
			return sameAs(p.Check == r.Check, string(r.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		kind := map[StepKind]PourKind{StepPrime: Prime, StepShot: Shot}
		next := c.Next()
		switch {
		case kind[next.Kind] == "":
			return outOfOrder(*c, next)
		case c.Witness == r.By.ID:
			return fault.New(fault.Invalid, "witness.same", "nobody witnesses themself")
		}
		st, err := tx.LockStation(ctx, c.Station)
		if err != nil {
			return err
		}
		if err := c.unchanged(ctx, tx, st); err != nil {
			return err
		}
		p = Pour{
			ID: r.ID, Clinic: c.Clinic, Station: c.Station, Check: c.ID, Kind: kind[next.Kind], Level: next.Level, Lot: c.Lot,
			Volume: next.Volume, Density: c.Density, By: r.By.ID, Witness: c.Witness,
		}
		if p, err = s.reserve(ctx, tx, st, p); err != nil {
			return err
		}
		was, err := tx.FindStanding(ctx, c.Station)
		if err != nil {
			return err
		}
		return tx.SetStanding(ctx, c.opened(s.instant(), was))
	})
	if err != nil {
		return Pour{}, err
	}
	s.tell(Notice{Clinic: p.Clinic, Station: p.Station, Check: p.Check, Pour: p.ID, State: p.State})
	return p, nil
}

// opened is what counts once liquid moves for a check: nothing, until it is judged.
func (c Check) opened(now calendar.Instant, was Standing) Standing {
	return Standing{
		Station: c.Station, Clinic: c.Clinic, Check: c.ID, State: Open, Day: c.Day, Lot: c.Lot, Pump: c.Pump, Scale: c.Scale,
		Recalibrated: was.Recalibrated, Since: now,
	}
}

// unchanged refuses to go on with a check after something that it rests on was changed.
func (c Check) unchanged(ctx context.Context, tx Tx, st equipment.Station) error {
	changed := func(what string) error {
		return fault.New(fault.Conflict, "check.changed", "check %s: the %s was changed", c.ID, what).With("what", what)
	}
	scale, err := device(ctx, tx, st.ID, equipment.Scale)
	if err != nil {
		return err
	}
	if scale.ID != c.Scale {
		return changed("scale")
	}
	if c.Pump == "" {
		return nil
	}
	pump, err := device(ctx, tx, st.ID, equipment.Pump)
	if err != nil {
		return err
	}
	b, l, err := mounted(ctx, tx, st)
	switch {
	case err != nil:
		return err
	case pump.ID != c.Pump:
		return changed("pump")
	case b.Lot != c.Lot:
		return changed("lot")
	case l.Density != c.Density:
		return changed("density")
	}
	standing, err := tx.FindStanding(ctx, st.ID)
	if err == nil && standing.Check == c.ID && standing.State == Void {
		return changed(standing.Reason)
	}
	return err
}

// PrimeRequest asks for a prime outside of a check, as after a change of bottle. The caller has checked both PINs.
type PrimeRequest struct {
	ID      PourID
	Clinic  clinic.ID
	Station equipment.StationID
	staff.Pair
	Volume measure.Volume
}

// Prime reserves a prime for the counter to pour.
func (s *Service) Prime(ctx context.Context, r PrimeRequest) (p Pour, err error) {
	if err := r.Pair.Require(r.Clinic, staff.VerifyDevice, staff.WitnessStock); err != nil {
		return Pour{}, err
	}
	err = s.store.InTx(ctx, r.Clinic, func(tx Tx) error {
		st, err := tx.LockStation(ctx, r.Station)
		if err != nil {
			return err
		}
		p, err = tx.FindPour(ctx, r.ID)
		if err == nil {
			return sameAs(p.Station == r.Station && p.Check == "" && p.Volume == r.Volume, string(r.ID))
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		pump, err := device(ctx, tx, st.ID, equipment.Pump)
		if err != nil {
			return err
		}
		if v := r.Volume; v < pump.Profile.MinDose || v > pump.Profile.MaxDose || v%max(pump.Profile.Resolution, 1) != 0 {
			return fault.New(fault.Invalid, "pour.range", "%s is not what pump %s may be asked for", v, pump.ID)
		}
		_, lot, err := mounted(ctx, tx, st)
		if err != nil {
			return err
		}
		p, err = s.reserve(ctx, tx, st, Pour{
			ID: r.ID, Clinic: r.Clinic, Station: st.ID, Kind: Prime, Lot: lot.ID, Volume: r.Volume, Density: lot.Density,
			By: r.By.ID, Witness: r.Witness.ID,
		})
		return err
	})
	if err != nil {
		return Pour{}, err
	}
	s.tell(Notice{Clinic: p.Clinic, Station: p.Station, Pour: p.ID, State: p.State})
	return p, nil
}

// reserve takes the volume out of the bottle under the pump and writes the pour. The bottle's lock comes before the look
// for something else at the pump: a dose that is being begun holds it too.
func (s *Service) reserve(ctx context.Context, tx Tx, st equipment.Station, p Pour) (Pour, error) {
	if !st.Active {
		return Pour{}, fault.New(fault.Conflict, "check.no_counter", "station %s has no counter", st.ID)
	}
	b, err := tx.LockBottle(ctx, stock.BottleID(st.Bottle))
	if err != nil {
		return Pour{}, err
	}
	busy, err := tx.StationBusy(ctx, st.ID)
	switch {
	case err != nil:
		return Pour{}, err
	case busy:
		return Pour{}, fault.New(fault.Conflict, "station.busy", "station %s has something under way", st.ID)
	case b.Balance[stock.InBottle] < p.Volume:
		return Pour{}, fault.New(fault.Conflict, "bottle.not_enough", "bottle %s has %s", b.ID, b.Balance[stock.InBottle]).
			With("have", b.Balance[stock.InBottle].String())
	}
	now := s.instant()
	p.Bottle, p.Recorded, p.Lease = b.ID, now, now.Add(s.lease)
	p.PourState = PourState{State: Reserved, Steps: 1}
	c := PourChange{
		Pour: p,
		Step: Step{
			Pour: p.ID, Seq: 1, Kind: StepReserved, To: Reserved, Actor: string(p.By), ActorKind: string(audit.ByStaff),
			Witness: p.Witness, Occurred: now, Recorded: now,
		},
		Audit: audit.Entry{
			Clinic: p.Clinic, Recorded: now, Actor: audit.Actor{Kind: audit.ByStaff, ID: string(p.By)}, Witness: string(p.Witness),
			Action: "pour.begin", Subject: string(p.ID),
			Data: audit.Data(map[string]any{
				"check": p.Check, "station": p.Station, "kind": p.Kind, "bottle": p.Bottle, "lot": p.Lot, "volume_ul": p.Volume,
			}),
		},
	}
	c.post(stock.InBottle, stock.Reserved, p.Volume, "begin")
	return p, tx.BeginPour(ctx, c)
}

func (p Pour) move(from, to stock.Account, v measure.Volume, reason string, occurred, recorded calendar.Instant) stock.Move {
	return stock.Move{
		ID: id.New[stock.MoveID](), Clinic: p.Clinic, Bottle: p.Bottle, Lot: p.Lot, From: from, To: to, Amount: v,
		Cause: string(p.ID), Reason: reason, Occurred: occurred, Recorded: recorded,
	}
}
