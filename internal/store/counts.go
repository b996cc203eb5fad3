package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// counterSessionRow is a counter's shift. The sign-in sessions have the shorter name.
type counterSessionRow struct {
	ID        stock.SessionID
	Clinic    clinic.ID
	Station   string
	Day       calendar.Day
	Shift     int
	State     stock.SessionState
	StartedBy string
	StartedAt calendar.Instant
	OpenedAt  calendar.Instant
	ClosedAt  calendar.Instant
	ClosedBy  string
	Witness   string
	AlarmedAt calendar.Instant
}

func (counterSessionRow) TableName() string { return "counter_session" }

func fromCounterSession(s stock.Session) counterSessionRow {
	return counterSessionRow{
		s.ID, s.Clinic, s.Station, s.Day, s.Shift, s.State, s.StartedBy, s.StartedAt, s.OpenedAt, s.ClosedAt, s.ClosedBy, s.Witness, s.AlarmedAt,
	}
}

func toCounterSession(r counterSessionRow) stock.Session {
	return stock.Session{
		ID: r.ID, Clinic: r.Clinic, Station: r.Station, Day: r.Day, Shift: r.Shift, State: r.State, StartedBy: r.StartedBy,
		StartedAt: r.StartedAt, OpenedAt: r.OpenedAt, ClosedAt: r.ClosedAt, ClosedBy: r.ClosedBy, Witness: r.Witness, AlarmedAt: r.AlarmedAt,
	}
}

func (s stocks) Session(ctx context.Context, c clinic.ID, id stock.SessionID) (stock.Session, error) {
	r, err := take[counterSessionRow](s.read.WithContext(ctx), "session", "id = ? AND clinic = ?", id, c)
	return toCounterSession(r), err
}

func (s stocks) Sessions(ctx context.Context, c clinic.ID, day calendar.Day) ([]stock.Session, error) {
	rows, err := list[counterSessionRow](s.read.WithContext(ctx).
		Where("clinic = ? AND (day = ? OR state <> 'closed')", c, day).Order("started_at DESC, id DESC").Limit(stock.MaxPage))
	return convert(rows, err, toCounterSession)
}

// DayClosed implements stock.Tx.
func (t *Tx) DayClosed(_ context.Context, d calendar.Day) (bool, error) {
	rows, err := list[counterSessionRow](t.db.Where("clinic = ? AND day = ?", t.clinic, d))
	for _, r := range rows {
		if r.State != stock.Closed {
			return false, nil
		}
	}
	return len(rows) > 0, err
}

// LockSession implements stock.Tx.
func (t *Tx) LockSession(_ context.Context, id stock.SessionID) (stock.Session, error) {
	r, err := take[counterSessionRow](t.locking(), "session", "id = ? AND clinic = ?", id, t.clinic)
	return toCounterSession(r), err
}

// InsertSession implements stock.Tx.
func (t *Tx) InsertSession(_ context.Context, s stock.Session) error {
	if err := t.sameClinic(s.Clinic); err != nil {
		return err
	}
	if err := insert(t, fromCounterSession(s)); err != nil {
		return fmt.Errorf("session %s: %w", s.ID, err)
	}
	return nil
}

// UpdateSession implements stock.Tx.
func (t *Tx) UpdateSession(_ context.Context, s stock.Session) error {
	r := t.db.Model(&counterSessionRow{}).Where("id = ? AND clinic = ?", s.ID, t.clinic).
		Select("state", "opened_at", "closed_at", "closed_by", "witness", "alarmed_at").Updates(fromCounterSession(s))
	return one("session", r.RowsAffected, r.Error)
}

// OverdueSessions implements stock.Tx.
func (t *Tx) OverdueSessions(_ context.Context, today calendar.Day) ([]stock.Session, error) {
	rows, err := list[counterSessionRow](t.locking().
		Where("clinic = ? AND state <> 'closed' AND day < ? AND alarmed_at IS NULL", t.clinic, today).Order("id"))
	return convert(rows, err, toCounterSession)
}

type countRow struct {
	ID        stock.CountID
	Clinic    clinic.ID
	Session   ref
	Station   string
	Phase     stock.Phase
	State     stock.CountState
	Bottles   string
	StartedBy string
	StartedAt calendar.Instant
	SettledAt calendar.Instant
	Document  ref
}

func (countRow) TableName() string { return "stock_count" }

func toCount(r countRow) (stock.Count, error) {
	n := stock.Count{
		ID: r.ID, Clinic: r.Clinic, Session: stock.SessionID(r.Session), Station: r.Station, Phase: r.Phase, State: r.State,
		StartedBy: r.StartedBy, StartedAt: r.StartedAt, SettledAt: r.SettledAt, Document: stock.DocumentID(r.Document),
	}
	if err := json.Unmarshal([]byte(r.Bottles), &n.Bottles); err != nil {
		return stock.Count{}, fmt.Errorf("count %s: %w", r.ID, err)
	}
	return n, nil
}

type entryRow struct {
	CountID   stock.CountID
	Person    string
	Bottle    stock.BottleID
	Clinic    clinic.ID
	Method    stock.Method
	GrossUg   measure.Weight
	CountedUl measure.Volume
	BookUl    measure.Volume
	Recorded  calendar.Instant
}

func (entryRow) TableName() string { return "count_entry" }

func toEntry(r entryRow) stock.Entry {
	return stock.Entry{
		Count: r.CountID, Person: r.Person, Bottle: r.Bottle, Method: r.Method, Gross: r.GrossUg, Counted: r.CountedUl, Book: r.BookUl,
		Recorded: r.Recorded,
	}
}

func (s stocks) Count(ctx context.Context, c clinic.ID, id stock.CountID) (stock.Count, []stock.Entry, error) {
	r, err := take[countRow](s.read.WithContext(ctx), "count", "id = ? AND clinic = ?", id, c)
	if err != nil {
		return stock.Count{}, nil, err
	}
	n, err := toCount(r)
	if err != nil {
		return stock.Count{}, nil, err
	}
	rows, err := list[entryRow](s.read.WithContext(ctx).Where("count_id = ?", id).Order("recorded, person, bottle"))
	entries, err := convert(rows, err, toEntry)
	return n, entries, err
}

func (s stocks) Counts(ctx context.Context, c clinic.ID, session stock.SessionID, limit int) ([]stock.Count, error) {
	db := s.read.WithContext(ctx).Where("clinic = ?", c)
	if session != "" {
		db = db.Where("session = ?", session)
	}
	rows, err := list[countRow](db.Order("started_at DESC, id DESC").Limit(page(limit, 100, 500)))
	if err != nil {
		return nil, err
	}
	counts := make([]stock.Count, len(rows))
	for i, r := range rows {
		if counts[i], err = toCount(r); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// LockCount implements stock.Tx.
func (t *Tx) LockCount(_ context.Context, id stock.CountID) (stock.Count, error) {
	r, err := take[countRow](t.locking(), "count", "id = ? AND clinic = ?", id, t.clinic)
	if err != nil {
		return stock.Count{}, err
	}
	return toCount(r)
}

// InsertCount implements stock.Tx.
func (t *Tx) InsertCount(_ context.Context, n stock.Count) error {
	if err := t.sameClinic(n.Clinic); err != nil {
		return err
	}
	bottles, err := json.Marshal(n.Bottles)
	if err != nil {
		return err
	}
	err = insert(t, countRow{
		n.ID, n.Clinic, ref(n.Session), n.Station, n.Phase, n.State, string(bottles), n.StartedBy, n.StartedAt, n.SettledAt,
		ref(n.Document),
	})
	if err != nil {
		return fmt.Errorf("count %s: %w", n.ID, err)
	}
	return nil
}

// UpdateCount implements stock.Tx.
func (t *Tx) UpdateCount(_ context.Context, n stock.Count) error {
	r := t.db.Model(&countRow{}).Where("id = ? AND clinic = ?", n.ID, t.clinic).
		Select("state", "settled_at").Updates(countRow{State: n.State, SettledAt: n.SettledAt})
	return one("count", r.RowsAffected, r.Error)
}

// Entries implements stock.Tx.
func (t *Tx) Entries(_ context.Context, id stock.CountID) ([]stock.Entry, error) {
	rows, err := list[entryRow](t.db.Where("count_id = ? AND clinic = ?", id, t.clinic).Order("recorded, person, bottle"))
	return convert(rows, err, toEntry)
}

// InsertEntries implements stock.Tx.
func (t *Tx) InsertEntries(_ context.Context, entries []stock.Entry) error {
	rows := make([]entryRow, len(entries))
	for i, e := range entries {
		rows[i] = entryRow{e.Count, e.Person, e.Bottle, t.clinic, e.Method, e.Gross, e.Counted, e.Book, e.Recorded}
	}
	return mapError(load(t, rows))
}

// CounterBottles implements stock.Tx.
func (t *Tx) CounterBottles(_ context.Context, station string) (ids []stock.BottleID, err error) {
	const here = `SELECT b.id FROM bottle b LEFT JOIN station s ON s.bottle = b.id
		WHERE b.clinic = ? AND b.state IN ('sealed', 'in_use', 'quarantined') AND `
	if station == "" {
		err = t.db.Raw(here+"b.place = 'store' AND s.id IS NULL ORDER BY b.id", t.clinic).Scan(&ids).Error
	} else {
		err = t.db.Raw(here+"(s.id = ? OR s.id IS NULL AND b.place = 'cabinet') ORDER BY b.id", t.clinic, station).Scan(&ids).Error
	}
	return ids, mapError(err)
}

// LastCounter implements stock.Tx.
func (t *Tx) LastCounter(_ context.Context, b stock.BottleID) (string, stock.Session, error) {
	var stations []string
	err := t.db.Raw("SELECT CAST(station AS text) FROM dispensing WHERE bottle = ? AND clinic = ? ORDER BY id DESC LIMIT 1", b, t.clinic).
		Scan(&stations).Error
	if err != nil || len(stations) == 0 {
		return "", stock.Session{}, mapError(err)
	}
	rows, err := list[counterSessionRow](t.db.Where("station = ? AND clinic = ?", stations[0], t.clinic).Order("day DESC, shift DESC").Limit(1))
	if err != nil || len(rows) == 0 {
		return stations[0], stock.Session{}, err
	}
	return stations[0], toCounterSession(rows[0]), nil
}

// pourRow is a pour as evidence.
type pourRow struct {
	Recorded     calendar.Instant
	PumpUl       measure.Volume
	MeasuredUl   measure.Volume
	WeighedKnown flag
}

// Evidence implements stock.Tx.
func (t *Tx) Evidence(_ context.Context, b stock.BottleID) (ev stock.Evidence, err error) {
	var since []struct{ Since calendar.Instant }
	err = t.db.Raw(`SELECT coalesce((SELECT max(v.recorded) FROM variance v WHERE v.bottle = b.id), b.opened_at) AS since
		FROM bottle b WHERE b.id = ? AND b.clinic = ?`, b, t.clinic).Scan(&since).Error
	if err != nil || len(since) == 0 {
		return ev, found("bottle", err)
	}
	ev.Since = since[0].Since
	var rows []pourRow
	err = t.db.Raw(`SELECT d.recorded, s.pump_ul, s.measured_ul, s.weighed_known FROM dispensing d
		JOIN dispensing_state s ON s.dispensing = d.id WHERE d.bottle = ? AND d.recorded >= ? AND s.measured_ul > 0 ORDER BY d.id`,
		b, ev.Since).Scan(&rows).Error
	for _, r := range rows {
		ev.Turnover += r.MeasuredUl
		if bool(r.WeighedKnown) && r.PumpUl > 0 {
			ev.Doses = append(ev.Doses, reconcile.Dose{At: r.Recorded, Booked: r.MeasuredUl, Pump: r.PumpUl})
		}
	}
	return ev, mapError(err)
}

type varianceRow struct {
	CountID    stock.CountID
	Bottle     stock.BottleID
	Clinic     clinic.ID
	Lot        stock.LotID
	Station    string
	Person     string
	Day        calendar.Day
	Shift      int
	BookUl     measure.Volume
	CountedUl  measure.Volume
	DiffUl     measure.Volume
	DiffUg     measure.Mass
	TurnoverUl measure.Volume
	Parts      string
	Began      calendar.Instant
	Review     flag
	Document   ref
	Recorded   calendar.Instant
}

func (varianceRow) TableName() string { return "variance" }

// phasedVariance is a variance with the phase of its count.
type phasedVariance struct {
	Row   varianceRow `gorm:"embedded"`
	Phase stock.Phase
}

func (phasedVariance) TableName() string { return "variance" }

// InsertVariances implements stock.Tx.
func (t *Tx) InsertVariances(_ context.Context, variances []stock.Variance) error {
	rows := make([]varianceRow, len(variances))
	for i, v := range variances {
		parts, err := json.Marshal(v.Parts)
		if err != nil {
			return err
		}
		rows[i] = varianceRow{
			v.Count, v.Bottle, t.clinic, v.Lot, v.Station, v.Person, v.Day, v.Shift, v.Book, v.Counted, v.Diff.Volume, v.Diff.Mass,
			v.Turnover, string(parts), v.Began, flag(v.Review), ref(v.Document), v.Recorded,
		}
	}
	return mapError(load(t, rows))
}

func toVariance(r varianceRow) (stock.Variance, error) {
	v := stock.Variance{
		Count: r.CountID, Bottle: r.Bottle, Clinic: r.Clinic, Lot: r.Lot, Station: r.Station, Person: r.Person, Day: r.Day, Shift: r.Shift,
		Book: r.BookUl, Counted: r.CountedUl, Diff: reconcile.Variance{Volume: r.DiffUl, Mass: r.DiffUg}, Turnover: r.TurnoverUl,
		Began: r.Began, Review: bool(r.Review), Document: stock.DocumentID(r.Document), Recorded: r.Recorded,
	}
	if r.TurnoverUl > 0 {
		v.Diff.PPM = int64(r.DiffUl) * reconcile.Million / int64(r.TurnoverUl)
	}
	if err := json.Unmarshal([]byte(r.Parts), &v.Parts); err != nil {
		return stock.Variance{}, fmt.Errorf("variance of bottle %s: %w", r.Bottle, err)
	}
	return v, nil
}

func (s stocks) Variances(ctx context.Context, f stock.VarianceFilter) ([]stock.Variance, error) {
	db := s.report.WithContext(ctx).Where("clinic = ?", f.Clinic)
	for column, v := range map[string]string{"lot": string(f.Lot), "bottle": string(f.Bottle), "station": f.Station, "person": f.Person} {
		if v != "" {
			db = db.Where(column+" = ?", v)
		}
	}
	if f.Session != "" {
		db = db.Where("count_id IN (SELECT id FROM stock_count WHERE session = ?)", f.Session)
	}
	if !f.From.IsZero() {
		db = db.Where("day >= ?", f.From)
	}
	if !f.To.IsZero() {
		db = db.Where("day <= ?", f.To)
	}
	db = db.Select("variance.*, (SELECT c.phase FROM stock_count c WHERE c.id = count_id) AS phase")
	rows, err := list[phasedVariance](db.Order("recorded DESC, count_id DESC, bottle DESC").Limit(page(f.Limit, stock.MaxPage, stock.MaxCharted)))
	if err != nil {
		return nil, err
	}
	out := make([]stock.Variance, len(rows))
	for i, r := range rows {
		v, err := toVariance(r.Row)
		if err != nil {
			return nil, err
		}
		v.Phase = r.Phase
		out[len(rows)-1-i] = v
	}
	return out, nil
}
