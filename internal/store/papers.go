package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// draftRow is a draft; Posted is read with it and never written.
type draftRow struct {
	ID        stock.DocumentID
	Clinic    clinic.ID
	Kind      stock.DocumentKind
	Paper     string
	Reason    string
	Late      flag
	Occurred  calendar.Instant
	MadeBy    string
	MadeAt    calendar.Instant
	SignedBy  string
	SignedAt  calendar.Instant
	DroppedAt calendar.Instant
	Posted    flag `gorm:"->"`
}

func (draftRow) TableName() string { return "draft" }

func fromDraft(d stock.Draft) (draftRow, error) {
	paper, err := json.Marshal(d.Paper)
	return draftRow{
		ID: d.ID, Clinic: d.Clinic, Kind: d.Kind, Paper: string(paper), Reason: d.Reason, Late: flag(d.Late), Occurred: d.Occurred,
		MadeBy: d.MadeBy, MadeAt: d.MadeAt, SignedBy: d.SignedBy, SignedAt: d.SignedAt, DroppedAt: d.Dropped,
	}, err
}

func toDraft(r draftRow) (stock.Draft, error) {
	d := stock.Draft{
		ID: r.ID, Clinic: r.Clinic, Kind: r.Kind, Reason: r.Reason, Late: bool(r.Late), Occurred: r.Occurred, MadeBy: r.MadeBy,
		MadeAt: r.MadeAt, SignedBy: r.SignedBy, SignedAt: r.SignedAt, Dropped: r.DroppedAt, Posted: bool(r.Posted),
	}
	if err := json.Unmarshal([]byte(r.Paper), &d.Paper); err != nil {
		return stock.Draft{}, fmt.Errorf("draft %s: %w", r.ID, err)
	}
	return d, nil
}

// draftColumns reads a draft together with whether its document stands.
const draftColumns = "draft.*, EXISTS (SELECT 1 FROM document d WHERE d.id = draft.id) AS posted"

func (s stocks) Draft(ctx context.Context, c clinic.ID, id stock.DocumentID) (stock.Draft, error) {
	r, err := take[draftRow](s.read.WithContext(ctx).Select(draftColumns), "draft", "id = ? AND clinic = ?", id, c)
	if err != nil {
		return stock.Draft{}, err
	}
	return toDraft(r)
}

func (s stocks) Drafts(ctx context.Context, c clinic.ID) ([]stock.Draft, error) {
	rows, err := list[draftRow](s.read.WithContext(ctx).Select(draftColumns).
		Where("clinic = ? AND dropped_at IS NULL AND NOT EXISTS (SELECT 1 FROM document d WHERE d.id = draft.id)", c).
		Order("id DESC").Limit(stock.MaxPage))
	if err != nil {
		return nil, err
	}
	drafts := make([]stock.Draft, len(rows))
	for i, r := range rows {
		if drafts[i], err = toDraft(r); err != nil {
			return nil, err
		}
	}
	return drafts, nil
}

// LockDraft implements stock.Tx.
func (t *Tx) LockDraft(_ context.Context, id stock.DocumentID) (stock.Draft, error) {
	r, err := take[draftRow](t.locking().Select(draftColumns), "draft", "id = ? AND clinic = ?", id, t.clinic)
	if err != nil {
		return stock.Draft{}, err
	}
	return toDraft(r)
}

// InsertDraft implements stock.Tx.
func (t *Tx) InsertDraft(_ context.Context, d stock.Draft) error {
	if err := t.sameClinic(d.Clinic); err != nil {
		return err
	}
	r, err := fromDraft(d)
	if err != nil {
		return err
	}
	if err := insert(t, r); err != nil {
		return fmt.Errorf("draft %s: %w", d.ID, err)
	}
	return nil
}

// UpdateDraft implements stock.Tx.
func (t *Tx) UpdateDraft(_ context.Context, d stock.Draft) error {
	row, err := fromDraft(d)
	if err != nil {
		return err
	}
	r := t.db.Model(&draftRow{}).Where("id = ? AND clinic = ?", d.ID, t.clinic).
		Select("paper", "reason", "late", "occurred", "signed_by", "signed_at", "dropped_at").Updates(row)
	return one("draft", r.RowsAffected, r.Error)
}

type placementRow struct {
	ID       string
	Clinic   clinic.ID
	Bottle   stock.BottleID
	Seq      int64 `gorm:"autoIncrement:false"`
	Document stock.DocumentID
	Place    stock.Place
	Recorded calendar.Instant
}

func (placementRow) TableName() string { return "placement" }

// Place implements stock.Tx.
func (t *Tx) Place(_ context.Context, p stock.Placement) error {
	var seq int64
	if err := t.db.Model(&placementRow{}).Where("bottle = ?", p.Bottle).Count(&seq).Error; err != nil {
		return mapError(err)
	}
	err := insert(t, placementRow{p.ID, t.clinic, p.Bottle, seq + 1, p.Document, p.Place, p.Recorded})
	if err != nil {
		return fmt.Errorf("place of bottle %s: %w", p.Bottle, err)
	}
	r := t.db.Model(&bottleRow{}).Where("id = ? AND clinic = ?", p.Bottle, t.clinic).Update("place", p.Place)
	return one("bottle", r.RowsAffected, r.Error)
}

type weightRow struct {
	ID       string
	Clinic   clinic.ID
	Bottle   stock.BottleID
	Occasion stock.Occasion
	GrossUg  measure.Weight
	BookUl   measure.Volume
	Person   string
	Cause    string
	Recorded calendar.Instant
}

func (weightRow) TableName() string { return "bottle_weight" }

// AddWeights implements stock.Tx.
func (t *Tx) AddWeights(_ context.Context, weights []stock.Weight) error {
	rows := make([]weightRow, len(weights))
	for i, w := range weights {
		rows[i] = weightRow{w.ID, t.clinic, w.Bottle, w.Occasion, w.Gross, w.Book, w.Person, w.Cause, w.Recorded}
	}
	return mapError(load(t, rows))
}

func (s stocks) Weights(ctx context.Context, c clinic.ID, b stock.BottleID) ([]stock.Weight, error) {
	rows, err := list[weightRow](s.read.WithContext(ctx).Where("clinic = ? AND bottle = ?", c, b).Order("recorded, id").Limit(stock.MaxPage))
	return convert(rows, err, func(r weightRow) stock.Weight {
		return stock.Weight{
			ID: r.ID, Clinic: r.Clinic, Bottle: r.Bottle, Occasion: r.Occasion, Gross: r.GrossUg, Book: r.BookUl, Person: r.Person,
			Cause: r.Cause, Recorded: r.Recorded,
		}
	})
}

// EarlierExpiry implements stock.Tx.
func (t *Tx) EarlierExpiry(_ context.Context, l stock.Lot, today calendar.Day) (string, calendar.Day, error) {
	var rows []struct {
		Code   string
		Expiry calendar.Day
	}
	err := t.db.Raw(`SELECT b.code, l.expiry FROM lot l JOIN bottle b ON b.lot = l.id
		WHERE l.clinic = ? AND l.product = ? AND l.state = 'released' AND l.expiry >= ? AND l.expiry < ?
			AND b.state = 'sealed' AND b.place <> 'away' ORDER BY l.expiry, b.code LIMIT 1`,
		t.clinic, l.Product, today, l.Expiry).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return "", 0, mapError(err)
	}
	return rows[0].Code, rows[0].Expiry, nil
}

// LockCounter implements stock.Tx.
func (t *Tx) LockCounter(ctx context.Context, station string) (stock.Counter, error) {
	st, err := t.LockStation(ctx, equipment.StationID(station))
	if err != nil {
		return stock.Counter{}, err
	}
	busy, err := t.StationBusy(ctx, st.ID)
	return stock.Counter{Station: station, Active: st.Active, Bottle: stock.BottleID(st.Bottle), Busy: busy}, err
}

// Mount implements stock.Tx.
func (t *Tx) Mount(ctx context.Context, station string, b stock.BottleID, now calendar.Instant) error {
	if _, err := t.VoidCheckOfOtherLot(ctx, equipment.StationID(station), string(b), now); err != nil {
		return err
	}
	r := t.db.Model(&stationRow{}).Where("id = ? AND clinic = ?", station, t.clinic).Update("bottle", ref(b))
	return one("station", r.RowsAffected, r.Error)
}

// StationOf implements stock.Tx.
func (t *Tx) StationOf(_ context.Context, b stock.BottleID) (string, error) {
	rows, err := list[stationRow](t.db.Where("bottle = ? AND clinic = ?", b, t.clinic))
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return string(rows[0].ID), nil
}

// OpenIncident implements stock.Tx.
func (t *Tx) OpenIncident(_ context.Context, in stock.Incident) error {
	err := insert(t, incidentRow{ID: in.ID, Clinic: t.clinic, Kind: in.Kind, Data: string(in.Data), Opened: in.Opened})
	if err != nil {
		return fmt.Errorf("incident %s: %w", in.Kind, err)
	}
	return nil
}

// tracedRow is a pour with whom it was for.
type tracedRow struct {
	Dispensing string
	Patient    string
	Lot        stock.LotID
	Bottle     stock.BottleID
	Day        calendar.Day
	State      string
	MeasuredUl measure.Volume
	DoseUg     measure.Mass
	Recorded   calendar.Instant
}

const tracedSQL = `SELECT d.id AS dispensing, d.patient, d.lot, d.bottle, d.day, s.state, s.measured_ul, d.dose_ug, d.recorded
	FROM dispensing d JOIN dispensing_state s ON s.dispensing = d.id WHERE d.clinic = ? AND `

func (s stocks) Trace(ctx context.Context, c clinic.ID, l stock.LotID) ([]stock.TracedDose, error) {
	return s.traced(ctx, "d.lot = ?", c, l)
}

func (s stocks) PatientLots(ctx context.Context, c clinic.ID, patient string) ([]stock.TracedDose, error) {
	return s.traced(ctx, "d.patient = ?", c, patient)
}

func (s stocks) traced(ctx context.Context, condition string, args ...any) ([]stock.TracedDose, error) {
	var rows []tracedRow
	err := s.report.WithContext(ctx).Raw(tracedSQL+condition+" ORDER BY d.id", args...).Scan(&rows).Error
	return convert(rows, mapError(err), func(r tracedRow) stock.TracedDose {
		return stock.TracedDose{
			Dispensing: r.Dispensing, Patient: r.Patient, Lot: r.Lot, Bottle: r.Bottle, Day: r.Day, State: r.State,
			Measured: r.MeasuredUl, Dose: r.DoseUg, Recorded: r.Recorded,
		}
	})
}

func (s stocks) Consumption(ctx context.Context, c clinic.ID, since calendar.Day) ([]stock.DayUse, error) {
	var rows []stock.DayUse
	err := s.report.WithContext(ctx).Raw(`SELECT l.product, d.day, CAST(sum(s.measured_ul) AS bigint) AS given
		FROM dispensing d JOIN dispensing_state s ON s.dispensing = d.id JOIN lot l ON l.id = d.lot
		WHERE d.clinic = ? AND d.day >= ? AND s.state IN ('administered', 'handed_over', 'partly_taken')
		GROUP BY l.product, d.day ORDER BY d.day`, c, since).Scan(&rows).Error
	return rows, mapError(err)
}

// settingRow is how the clinic keeps its book.
type settingRow struct {
	Clinic         clinic.ID
	CountGate      flag
	ReviewUl       measure.Volume
	ReviewPermille int64
	CoverDays      int
	LeadDays       int
}

func (settingRow) TableName() string { return "stock_setting" }

func toSetting(rows []settingRow) stock.Setting {
	set := stock.DefaultSetting
	for _, r := range rows {
		set.CountGate, set.CoverDays, set.LeadDays = bool(r.CountGate), r.CoverDays, r.LeadDays
		set.Review.Volume, set.Review.PerMille = r.ReviewUl, r.ReviewPermille
	}
	return set
}

func (s stocks) Setting(ctx context.Context, c clinic.ID) (stock.Setting, error) {
	rows, err := list[settingRow](s.read.WithContext(ctx).Where("clinic = ?", c))
	return toSetting(rows), err
}

// FindSetting implements stock.Tx.
func (t *Tx) FindSetting(context.Context) (stock.Setting, error) {
	rows, err := list[settingRow](t.db.Where("clinic = ?", t.clinic))
	return toSetting(rows), err
}

// PutSetting implements stock.Tx.
func (t *Tx) PutSetting(_ context.Context, set stock.Setting) error {
	r := settingRow{t.clinic, flag(set.CountGate), set.Review.Volume, set.Review.PerMille, set.CoverDays, set.LeadDays}
	u := t.db.Model(&settingRow{}).Where("clinic = ?", t.clinic).
		Select("count_gate", "review_ul", "review_permille", "cover_days", "lead_days").Updates(r)
	if u.Error != nil || u.RowsAffected == 1 {
		return mapError(u.Error)
	}
	if err := insert(t, r); err != nil && !fault.Is(err, fault.Conflict) {
		return fmt.Errorf("setting of clinic %s: %w", t.clinic, err)
	} else if err != nil {
		return fault.New(fault.Unavailable, "database.busy", "the setting was made by somebody else at the same moment")
	}
	return nil
}
