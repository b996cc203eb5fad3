package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// situationSQL reads everything that a decision rests on. Each part is one JSON column, so that one row carries it all.
// With lock the patient is locked first, and two versions come back: that of the locked row, and that which the rest
// of the statement saw. When they differ the statement waited for another transaction, and the rest is older than the
// lock: it must be read once more.
func situationSQL(lock bool) string {
	locking := ""
	if lock {
		locking = " FOR NO KEY UPDATE"
	}
	return `WITH q AS MATERIALIZED (
	SELECT $1::uuid AS patient, $2::uuid AS clinic, $3::uuid AS station, $4::date AS today, $5::date AS since, $6::uuid AS dispensing
), p AS MATERIALIZED (
	SELECT id, clinic, version, status, phase, enrolled_on FROM patient
	WHERE id = $1::uuid AND clinic = $2::uuid` + locking + `
)
SELECT p.version, (SELECT x.version FROM patient x WHERE x.id = $1::uuid),
	p.status, p.phase, p.enrolled_on,
	(SELECT ` + object("c", clinicRow{}) + ` FROM clinic c WHERE c.id = p.clinic)::text,
	(SELECT c.reason FROM closure c WHERE c.clinic = p.clinic AND c.day = q.today),
	(SELECT json_agg(` + object("o", prescriptionRow{}) + ` ORDER BY o.from_day, o.version)
		FROM prescription o WHERE o.patient = p.id AND o.status = 'active')::text,
	(SELECT json_agg(` + object("h", holdRow{}) + ` ORDER BY h.id)
		FROM hold h WHERE h.patient = p.id AND h.lifted_at IS NULL)::text,
	(SELECT json_agg(c.rule ORDER BY c.id) FROM clearance c WHERE c.patient = p.id AND c.day = q.today)::text,
	(SELECT json_agg(` + object("d", doseFact{}) + ` ORDER BY d.day, d.part)
		FROM dose d WHERE d.patient = p.id AND d.day >= q.since AND d.day <= q.today)::text,
	(SELECT ` + object("d", doseFact{}) + ` FROM dose d WHERE d.patient = p.id ORDER BY d.at DESC, d.day DESC LIMIT 1)::text,
	(SELECT ` + object("s", dispensingStateRow{}) + ` FROM dispensing_state s WHERE s.patient = p.id AND s.open::boolean)::text,
	(SELECT ` + object("s", stationRow{}) + ` FROM station s WHERE s.id = q.station AND s.clinic = p.clinic)::text,
	coalesce((SELECT s.dispensing::text FROM dispensing_state s
		WHERE s.station = q.station AND s.state IN ('reserved', 'dispensing')
		AND (q.dispensing IS NULL OR s.dispensing <> q.dispensing) ORDER BY s.dispensing LIMIT 1),
		(SELECT s.pour::text FROM check_pour_state s WHERE s.station = q.station AND s.state IN ('reserved', 'dispensing') LIMIT 1)),
	(SELECT coalesce((SELECT n.state FROM counter_session n WHERE n.station = q.station AND n.state <> 'closed'), 'closed')
		FROM stock_setting g WHERE g.clinic = p.clinic AND g.count_gate::boolean),
	(SELECT json_agg(json_build_object('ID', d.id, 'Kind', d.kind, 'State', d.state, 'Profile', d.profile)
		ORDER BY d.kind) FROM device d WHERE d.station = q.station AND d.clinic = p.clinic)::text,
	(SELECT ` + object("k", standingRow{}) + ` FROM check_standing k WHERE k.station = q.station AND k.clinic = p.clinic)::text,
	(SELECT json_agg(` + object("g", driftRow{}) + ` ORDER BY g.lot) FROM drift_standing g
		WHERE g.station = q.station AND g.clinic = p.clinic)::text,
	(SELECT ` + object("b", bottleRow{}) + ` FROM station s JOIN bottle b ON b.id = s.bottle
		WHERE s.id = q.station AND s.clinic = p.clinic)::text,
	(SELECT ` + object("l", lotRow{}) + ` FROM station s JOIN bottle b ON b.id = s.bottle JOIN lot l ON l.id = b.lot
		WHERE s.id = q.station AND s.clinic = p.clinic)::text,
	(SELECT ` + object("b", balanceRow{}) + ` FROM station s JOIN bottle_balance b ON b.id = s.bottle
		WHERE s.id = q.station AND s.clinic = p.clinic)::text,
	(SELECT ` + object("d", dispensingRow{}) + ` FROM dispensing d WHERE d.id = q.dispensing AND d.clinic = p.clinic)::text,
	(SELECT ` + object("s", dispensingStateRow{}) + ` FROM dispensing_state s WHERE s.dispensing = q.dispensing AND s.clinic = p.clinic)::text
FROM p, q`
}

// situationRow is that one row.
type situationRow struct {
	locked, seen int64
	facts        dosing.Facts

	clinic, closed                           *string
	orders, holds, cleared, doses, lastDose  *string
	open, station, pouring, counted, devices *string
	standing, drifts                         *string
	bottle, lot, balance                     *string
	existing, existingState                  *string
}

// Situation implements dispensing.Store.
func (s dispensings) Situation(ctx context.Context, q dispensing.Query) (dispensing.Situation, error) {
	db := s.read.WithContext(ctx)
	today, err := s.today(db, q)
	if err != nil {
		return dispensing.Situation{}, err
	}
	r, err := readSituation(db, s.q.situation, q, today)
	if err != nil {
		return dispensing.Situation{}, err
	}
	return r.situation(q, today)
}

// LockSituation implements dispensing.Tx.
func (t *Tx) LockSituation(_ context.Context, q dispensing.Query) (dispensing.Situation, error) {
	if err := t.sameClinic(q.Clinic); err != nil {
		return dispensing.Situation{}, err
	}
	today, err := t.s.today(t.db, q)
	if err != nil {
		return dispensing.Situation{}, err
	}
	r, err := readSituation(t.db, t.s.q.lockSituation, q, today)
	if err == nil && r.locked != r.seen {
		r, err = readSituation(t.db, t.s.q.lockSituation, q, today)
	}
	if err != nil {
		return dispensing.Situation{}, err
	}
	return r.situation(q, today)
}

func (s *Store) today(db *gorm.DB, q dispensing.Query) (calendar.Day, error) {
	cal, err := s.calendarOf(db, q.Clinic)
	if err != nil {
		return 0, err
	}
	return cal.Day(q.Now), nil
}

func readSituation(db *gorm.DB, statement string, q dispensing.Query, today calendar.Day) (situationRow, error) {
	for _, given := range []string{string(q.Patient), string(q.Station), string(q.Dispensing)} {
		if _, err := id.Parse[string](given); err != nil && given != "" {
			return situationRow{}, fault.New(fault.NotFound, "not_found", "id is not a UUID")
		}
	}
	var r situationRow
	err := numberedRow(db, statement,
		[]any{ref(q.Patient), string(q.Clinic), ref(q.Station), today, today.AddDays(-dosing.HistoryDays), ref(q.Dispensing)},
		&r.locked, &r.seen, &r.facts.Status, &r.facts.Phase, &r.facts.EnrolledOn,
		&r.clinic, &r.closed, &r.orders, &r.holds, &r.cleared, &r.doses, &r.lastDose,
		&r.open, &r.station, &r.pouring, &r.counted, &r.devices, &r.standing, &r.drifts, &r.bottle, &r.lot, &r.balance, &r.existing, &r.existingState)
	if err != nil {
		return situationRow{}, found("patient", err)
	}
	return r, nil
}

func (r situationRow) situation(q dispensing.Query, today calendar.Day) (dispensing.Situation, error) {
	if q.Station != "" && r.station == nil {
		return dispensing.Situation{}, fault.New(fault.NotFound, "station.not_found", "no such station")
	}
	var c clinicRow
	_, err := decode(r.clinic, &c)
	f := r.facts
	f.Now, f.Today = q.Now, today
	if r.closed != nil {
		f.Closed = *r.closed
	}
	sit := dispensing.Situation{
		Clinic: toClinic(c), PackName: c.RulePack, PackVersion: c.RulePackVersion, Adopted: c.AdoptedBy != "",
	}
	err = errors.Join(err, r.orderFacts(&f), r.patientFacts(&f))
	if q.Station != "" {
		f.Station, err = r.stationFacts(q, today, err)
	}
	existing, err := r.existingDispensing(err)
	if err != nil {
		return dispensing.Situation{}, fmt.Errorf("situation: %w", err)
	}
	sit.Facts, sit.Existing = f, existing
	return sit, nil
}

// orderFacts picks, of the active orders by first day, the one for today and its neighbours.
func (r situationRow) orderFacts(f *dosing.Facts) error {
	var rows []prescriptionRow
	if _, err := decode(r.orders, &rows); err != nil {
		return err
	}
	for _, row := range rows {
		o := toPrescription(row)
		takeOrder(f, &o)
	}
	return nil
}

func takeOrder(f *dosing.Facts, o *prescription.Prescription) {
	switch {
	case o.Covers(f.Today):
		f.Order = o
	case o.To < f.Today:
		if f.LastOrder == nil || o.To > f.LastOrder.To || (o.To == f.LastOrder.To && o.Version > f.LastOrder.Version) {
			f.LastOrder = o
		}
	case f.NextOrder == nil:
		f.NextOrder = o
	}
}

func (r situationRow) patientFacts(f *dosing.Facts) error {
	var holds []holdRow
	var doses []doseFact
	var last doseFact
	var open dispensingStateRow
	_, err := decode(r.holds, &holds)
	for _, h := range holds {
		f.Holds = append(f.Holds, toHold(h))
	}
	_, err2 := decode(r.cleared, &f.Cleared)
	_, err3 := decode(r.doses, &doses)
	for _, d := range doses {
		f.Doses = append(f.Doses, toDose(d))
	}
	dosed, err4 := decode(r.lastDose, &last)
	if dosed {
		d := toDose(last)
		f.LastDose = &d
	}
	busy, err5 := decode(r.open, &open)
	if busy {
		f.Open = &dosing.OpenDispensing{ID: string(open.Dispensing), State: string(open.State), Station: open.Station}
	}
	return errors.Join(err, err2, err3, err4, err5)
}

// deviceFactRow is a device of the window.
type deviceFactRow struct {
	ID      equipment.DeviceID
	Kind    equipment.DeviceKind
	State   equipment.DeviceState
	Profile profile
}

func (r situationRow) stationFacts(q dispensing.Query, today calendar.Day, before error) (*dosing.StationFacts, error) {
	st := &dosing.StationFacts{ID: q.Station}
	if r.pouring != nil {
		st.Pouring = *r.pouring
	}
	if r.counted != nil {
		st.Session = stock.SessionState(*r.counted)
	}
	var b bottleRow
	var l lotRow
	var balance balanceRow
	mounted, err := decode(r.bottle, &b)
	_, err2 := decode(r.lot, &l)
	_, err3 := decode(r.balance, &balance)
	if mounted {
		bottle, lot := toBottle(b, balance), toLot(l)
		st.Bottle, st.Lot = &bottle, &lot
	}
	return st, errors.Join(before, err, err2, err3, r.deviceFacts(st, today), r.driftFacts(st))
}

// deviceFacts tells the devices of the window, and which of them the check of the day makes good.
func (r situationRow) deviceFacts(st *dosing.StationFacts, today calendar.Day) error {
	var devices []deviceFactRow
	var standing standingRow
	_, err := decode(r.devices, &devices)
	_, err2 := decode(r.standing, &standing)
	check := toStanding(standing)
	var lot stock.LotID
	if st.Lot != nil {
		lot = st.Lot.ID
	}
	for _, d := range devices {
		st.Devices = append(st.Devices, dosing.DeviceFact{Kind: d.Kind, State: d.State, Verified: check.Counts(today, lot, d.ID)})
		if d.Kind == equipment.Pump {
			p := equipment.Profile(d.Profile)
			st.Pump = &p
		}
	}
	if check.Day == today {
		st.Check = string(check.State)
	}
	return errors.Join(err, err2)
}

// driftFacts tells how far the pump and the scale are apart: of the mounted lot as it stands, and of any lot at the worst.
func (r situationRow) driftFacts(st *dosing.StationFacts) error {
	var rows []driftRow
	_, err := decode(r.drifts, &rows)
	for _, d := range rows {
		st.DriftPeak = max(st.DriftPeak, d.PeakPpm)
		if st.Lot != nil && d.Lot == st.Lot.ID {
			st.Drift = d.LevelPpm
		}
	}
	return err
}

func (r situationRow) existingDispensing(before error) (*dispensing.Dispensing, error) {
	var d dispensingRow
	var s dispensingStateRow
	there, err := decode(r.existing, &d)
	_, err2 := decode(r.existingState, &s)
	if err := errors.Join(before, err, err2); err != nil || !there {
		return nil, err
	}
	existing := toDispensing(d, s)
	return &existing, nil
}
