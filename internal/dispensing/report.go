package dispensing

import (
	"context"
	"crypto/ed25519"
	"errors"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Report stores a station's signed records, each in a transaction of its own, and applies what they say. It returns the
// number of the last record that is stored, also when it stops early. Records that are already stored are passed over.
//
// A record that is not signed by the station is fault.Invalid; one that leaves a gap is fault.Conflict. A true record is
// never refused for what it says: commands may be refused, facts may not.
func (s *Service) Report(ctx context.Context, st equipment.Station, records []stationlog.Signed) (accepted int64, err error) {
	for _, signed := range records {
		rec, err := signed.Open(ed25519.PublicKey(st.PublicKey))
		if err != nil {
			return accepted, fault.New(fault.Invalid, "record.untrue", "station %s: %w", st.ID, err)
		}
		if rec.Station != string(st.ID) {
			return accepted, fault.New(fault.Invalid, "record.untrue", "station %s: record of another station", st.ID)
		}
		if accepted, err = s.record(ctx, st, rec, signed); err != nil {
			return accepted, err
		}
	}
	return accepted, nil
}

func (s *Service) record(ctx context.Context, st equipment.Station, rec stationlog.Record, signed stationlog.Signed) (accepted int64, err error) {
	var after []notices
	err = s.store.InTx(ctx, st.Clinic, func(tx Tx) error {
		after = nil
		effect, err := s.effect(ctx, tx, rec) // locks the patient before the station
		if err != nil {
			return err
		}
		end, err := tx.LockStation(ctx, st.ID)
		if err != nil {
			return err
		}
		accepted = end.EventSeq
		if rec.Seq <= end.EventSeq {
			return nil
		}
		if err := rec.Follows(end.EventSeq, chainEnd(end)); err != nil {
			return fault.New(fault.Conflict, "record.gap", "station %s: %w", st.ID, err)
		}
		s.point("server.record." + string(rec.Kind) + ".before")
		if err := tx.AppendRecord(ctx, rec, signed, s.instant()); err != nil {
			return err
		}
		accepted = rec.Seq
		told, err := effect(end)
		after = append(after, told)
		return err
	})
	if err != nil {
		return accepted, err
	}
	s.point("server.record." + string(rec.Kind) + ".after")
	for _, n := range after {
		n.tell(s)
	}
	return accepted, nil
}

// notices are what a record's effect has to tell once it is committed.
type notices struct {
	dose *Notice
	pour *calibration.Notice
}

func (n notices) tell(s *Service) {
	if n.dose != nil {
		s.tell(*n.dose)
	}
	if n.pour != nil {
		s.tellPour(*n.pour)
	}
}

func chainEnd(st equipment.Station) string {
	if st.EventSeq == 0 {
		return stationlog.Genesis
	}
	return string(st.EventHash)
}

// applied is the second half of an effect, run once the record is known to be new.
type applied func(equipment.Station) (notices, error)

func nothing(equipment.Station) (notices, error) { return notices{}, nil }

// effect takes the locks that a record's effect needs and returns the effect.
func (s *Service) effect(ctx context.Context, tx Tx, rec stationlog.Record) (applied, error) {
	switch rec.Kind {
	case stationlog.KindDevice:
		return s.deviceEffect(ctx, tx, rec), nil
	case stationlog.KindDispensing, stationlog.KindMeasured, stationlog.KindInDoubt, stationlog.KindNeverCommanded:
		return s.doseEffect(ctx, tx, rec)
	default:
		return nothing, nil // started, scanned, armed and kinds of a newer counter: kept as they are
	}
}

func (s *Service) deviceEffect(ctx context.Context, tx Tx, rec stationlog.Record) applied {
	return func(st equipment.Station) (notices, error) {
		var d stationlog.Device
		if err := rec.Decode(&d); err != nil {
			return notices{}, s.incident(ctx, tx, st, "", "unreadable_record", rec)
		}
		if _, err := tx.SetDevice(ctx, st.ID, d, s.instant()); err != nil {
			return notices{}, err
		}
		return notices{}, tx.VoidCheckOfOtherDevice(ctx, st.ID, equipment.DeviceKind(d.Kind), d.Serial, s.instant())
	}
}

func (s *Service) doseEffect(ctx context.Context, tx Tx, rec stationlog.Record) (applied, error) {
	r, err := reportOf(rec)
	if err != nil {
		return func(st equipment.Station) (notices, error) {
			return notices{}, s.incident(ctx, tx, st, "", "unreadable_record", rec)
		}, nil
	}
	d, err := tx.Lock(ctx, r.id)
	if unknown(err) {
		return s.pourEffect(ctx, tx, r, rec)
	}
	if err != nil {
		return nil, err
	}
	return func(st equipment.Station) (notices, error) {
		n, err := s.applyReport(ctx, tx, st, d, r, rec)
		return notices{dose: n}, err
	}, nil
}

func unknown(err error) bool { return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) }

// pourEffect applies a record about a prime or a shot: its id names no dispensing.
func (s *Service) pourEffect(ctx context.Context, tx Tx, r doseReport, rec stationlog.Record) (applied, error) {
	p, err := tx.LockPour(ctx, calibration.PourID(r.id))
	if unknown(err) {
		return func(st equipment.Station) (notices, error) {
			if rec.Kind == stationlog.KindNeverCommanded {
				return notices{}, nil // a word about an order that this server never made moves nothing
			}
			return notices{}, s.incident(ctx, tx, st, "", "unknown_dispensing", rec)
		}, nil
	}
	if err != nil {
		return nil, err
	}
	return func(st equipment.Station) (notices, error) {
		report := calibration.Report{Kind: calibration.PourStep(r.kind), Outcome: r.outcome, Reason: r.reason}
		n, err := calibration.Apply(ctx, tx, s.instant(), st, p, report, rec)
		return notices{pour: n}, err
	}, nil
}

// doseReport is a record about a dispensing, read.
type doseReport struct {
	id      ID
	kind    StepKind // the words for a prime or shot are the same
	outcome stationlog.Outcome
	reason  string // of one that was never commanded
}

func reportOf(rec stationlog.Record) (doseReport, error) {
	switch rec.Kind {
	case stationlog.KindDispensing:
		var b stationlog.Dispensing
		err := rec.Decode(&b)
		return doseReport{id: ID(b.Dispensing), kind: StepDispensing}, err
	case stationlog.KindNeverCommanded:
		var b stationlog.NeverCommanded
		err := rec.Decode(&b)
		return doseReport{id: ID(b.Dispensing), kind: StepVoided, reason: b.Reason}, err
	case stationlog.KindMeasured:
		var b stationlog.Outcome
		err := rec.Decode(&b)
		return doseReport{id: ID(b.Dispensing), kind: StepMeasured, outcome: b}, err
	case stationlog.KindInDoubt:
		var b stationlog.Outcome
		err := rec.Decode(&b)
		return doseReport{id: ID(b.Dispensing), kind: StepInDoubt, outcome: b}, err
	default:
		return doseReport{}, errors.New("not about a dispensing")
	}
}

func (s *Service) applyReport(ctx context.Context, tx Tx, st equipment.Station, d Dispensing, r doseReport, rec stationlog.Record) (*Notice, error) {
	a := act{
		actor: audit.Actor{Kind: audit.ByStation, ID: string(st.ID)}, event: rec.Seq,
		occurred: calendar.At(rec.Occurred), data: rec.Body,
	}
	c, breach, err := s.reported(d, r, a, st)
	if err != nil {
		return nil, err
	}
	if breach != "" {
		if c, err = s.change(d, StepEvidence, a); err != nil {
			return nil, err
		}
		c.Incident = s.newIncident(d, breach, rec)
		c.postBreach(d, r)
	}
	if err := tx.Advance(ctx, c); err != nil {
		return nil, err
	}
	n := &Notice{
		Clinic: d.Clinic, Station: d.Station, Dispensing: d.ID, Patient: d.Patient,
		Kind: c.Step.Kind, State: c.Dispensing.State,
	}
	if c.Step.Kind == StepMeasured {
		n.Drift, err = s.follow(ctx, tx, d, measurementOf(r.outcome))
	}
	return n, err
}

// follow adds a weighed dose to the control chart of its station and lot, and puts an alarm into the chain of changes when
// the chart passes a limit of the rule pack.
func (s *Service) follow(ctx context.Context, tx Tx, d Dispensing, m Measurement) (*Drift, error) {
	if m.Manual || !m.PumpKnown || !m.WeightKnown || d.Density <= 0 || m.Pump <= 0 {
		return nil, nil
	}
	scale, err := d.Density.Volume(m.Weighed())
	if err != nil {
		return nil, nil //nolint:nilerr // a weight that is no volume is no sample
	}
	chart, err := tx.FindDrift(ctx, d.Station, d.Lot)
	if err != nil {
		return nil, err
	}
	if chart.N == 0 {
		chart.Since = s.instant()
	}
	before := chart.Chart
	chart.Chart = before.Add(m.Pump, scale)
	if err := tx.SetDrift(ctx, chart); err != nil {
		return nil, err
	}
	out := &Drift{Deviation: scale - m.Pump, Level: chart.Level, Alarm: s.alarm(d, before, chart.Chart)}
	if out.Alarm == "" {
		return out, nil
	}
	return out, tx.Record(ctx, audit.Entry{
		Clinic: d.Clinic, Recorded: s.instant(), Actor: audit.System, Action: "drift." + string(out.Alarm), Subject: string(d.Station),
		Data: audit.Data(map[string]any{
			"lot": d.Lot, "dispensing": d.ID, "level_ppm": chart.Level, "peak_ppm": chart.Peak, "samples": chart.N,
		}),
	})
}

// alarm names the limit of the pack that the chart passed with its last sample, "" for none.
func (s *Service) alarm(d Dispensing, before, after drift.Chart) Alarm {
	pack, err := s.packs(d.Pack, d.PackVersion)
	if err != nil {
		return "" // the decision for the next dose meets the same error and says so
	}
	stop, warn := pack.DriftStop, pack.DriftWarn
	switch {
	case stop.Set && before.Peak <= stop.Value && after.Peak > stop.Value:
		return AlarmStop
	case warn.Set && before.Level.Abs() <= warn.Value && after.Level.Abs() > warn.Value:
		return AlarmWarn
	}
	return ""
}

// reported builds the change that a report asks for. breach names why the fact does not fit, in which case it is kept as
// evidence with an incident.
func (s *Service) reported(d Dispensing, r doseReport, a act, st equipment.Station) (c Change, breach string, err error) {
	if d.Station != st.ID {
		return Change{}, "another_station", nil
	}
	if _, possible := d.State.Next(r.kind); !possible || (d.State == InDoubt && r.kind != StepInDoubt) {
		return Change{}, "late_" + string(r.kind), nil
	}
	switch r.kind {
	case StepDispensing:
		c, err = s.change(d, r.kind, a)
	case StepVoided:
		if c, err = s.change(d, r.kind, a); err == nil {
			c.post(stock.Reserved, stock.InBottle, d.Volume, "never commanded")
		}
	case StepInDoubt:
		if c, err = s.inDoubt(d, a); err == nil {
			c.Dispensing.observe(measurementOf(r.outcome))
		}
	case StepMeasured:
		m := measurementOf(r.outcome)
		if m.validate() != nil {
			return Change{}, "absurd_measurement", nil
		}
		c, err = s.measured(d, m, a)
	}
	return c, "", err
}

// observe keeps what is known of a doubtful pour for the people who resolve it.
func (d *Dispensing) observe(m Measurement) {
	if m.PumpKnown {
		d.PumpVolume = m.Pump
	}
	if m.WeightKnown {
		d.Weighed, d.WeighedKnown = m.Weighed(), true
	}
}

func measurementOf(o stationlog.Outcome) Measurement {
	return Measurement{
		Pump: o.Pump, PumpKnown: o.PumpKnown, GrossBefore: o.GrossBefore, GrossAfter: o.GrossAfter,
		WeightKnown: o.WeightKnown, DurationMS: o.DurationMS, PumpSerial: o.PumpSerial, ScaleSerial: o.ScaleSerial, Manual: o.Manual,
	}
}

// postBreach books liquid that moved although the record said it could not: out of the bottle and into doubt, where a
// stock document finds it.
func (c *Change) postBreach(d Dispensing, r doseReport) {
	if r.kind != StepMeasured || d.State != Voided {
		return
	}
	if v, ok := measurementOf(r.outcome).Volume(d.Density); ok && v > 0 && v <= stock.MaxAmount {
		c.post(stock.InBottle, stock.InDoubt, v, "poured after void")
	}
}

func (s *Service) newIncident(d Dispensing, kind string, rec stationlog.Record) *Incident {
	return &Incident{
		ID: id.New[string](), Clinic: d.Clinic, Dispensing: d.ID, Kind: kind,
		Data: audit.Data(map[string]any{"station": rec.Station, "event": rec.Seq}), Opened: s.instant(),
	}
}

// incident records a breach that belongs to no dispensing of this clinic, in the audit chain.
func (s *Service) incident(ctx context.Context, tx Tx, st equipment.Station, d ID, kind string, rec stationlog.Record) error {
	return tx.Record(ctx, audit.Entry{
		Clinic: st.Clinic, Recorded: s.instant(), Actor: audit.Actor{Kind: audit.ByStation, ID: string(st.ID)},
		Action: "incident.open", Subject: string(d),
		Data: audit.Data(map[string]any{"kind": kind, "station": rec.Station, "event": rec.Seq}),
	})
}
