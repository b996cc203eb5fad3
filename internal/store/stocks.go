package store

import (
	"cmp"
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type productRow struct {
	ID                stock.ProductID
	Clinic            clinic.ID
	Name              string
	ConcentrationUgMl measure.Concentration
	Form              string
	Registration      string
	GTIN              string
}

func (productRow) TableName() string { return "product" }

func fromProduct(p stock.Product) productRow {
	return productRow{
		ID: p.ID, Clinic: p.Clinic, Name: p.Name, ConcentrationUgMl: p.Concentration, Form: p.Form,
		Registration: p.Registration, GTIN: p.GTIN,
	}
}

func toProduct(r productRow) stock.Product {
	return stock.Product{
		ID: r.ID, Clinic: r.Clinic, Name: r.Name, Concentration: r.ConcentrationUgMl, Form: r.Form,
		Registration: r.Registration, GTIN: r.GTIN,
	}
}

type lotRow struct {
	ID                stock.LotID
	Clinic            clinic.ID
	Product           stock.ProductID
	Number            string
	ConcentrationUgMl measure.Concentration
	DensityUgMl       measure.Density
	DensityBy         string
	DensityAt         calendar.Instant
	DensityTempDc     int
	Expiry            calendar.Day
	State             stock.LotState
	Funding           string
}

func (lotRow) TableName() string { return "lot" }

func fromLot(l stock.Lot) lotRow {
	return lotRow{
		ID: l.ID, Clinic: l.Clinic, Product: l.Product, Number: l.Number, ConcentrationUgMl: l.Concentration,
		DensityUgMl: l.Density, DensityBy: l.DensityBy, DensityAt: l.DensityAt, DensityTempDc: l.DensityTempC,
		Expiry: l.Expiry, State: l.State, Funding: l.Funding,
	}
}

func toLot(r lotRow) stock.Lot {
	return stock.Lot{
		ID: r.ID, Clinic: r.Clinic, Product: r.Product, Number: r.Number, Concentration: r.ConcentrationUgMl,
		Density: r.DensityUgMl, DensityBy: r.DensityBy, DensityAt: r.DensityAt, DensityTempC: r.DensityTempDc,
		Expiry: r.Expiry, State: r.State, Funding: r.Funding,
	}
}

type bottleRow struct {
	ID            stock.BottleID
	Clinic        clinic.ID
	Lot           stock.LotID
	Code          string
	State         stock.BottleState
	Place         stock.Place
	LabelVolumeUl measure.Volume
	TareWeightUg  measure.Weight
	OpenedAt      calendar.Instant
	OpenedGrossUg measure.Weight
}

func (bottleRow) TableName() string { return "bottle" }

func fromBottle(b stock.Bottle) bottleRow {
	return bottleRow{
		ID: b.ID, Clinic: b.Clinic, Lot: b.Lot, Code: b.Code, State: b.State, Place: cmp.Or(b.Place, stock.PlaceStore), LabelVolumeUl: b.LabelVolume,
		TareWeightUg: b.TareWeight, OpenedAt: b.OpenedAt, OpenedGrossUg: b.OpenedGross,
	}
}

func toBottle(r bottleRow, b balanceRow) stock.Bottle {
	return stock.Bottle{
		ID: r.ID, Clinic: r.Clinic, Lot: r.Lot, Code: r.Code, State: r.State, Place: r.Place, LabelVolume: r.LabelVolumeUl,
		TareWeight: r.TareWeightUg, OpenedAt: r.OpenedAt, OpenedGross: r.OpenedGrossUg, Balance: b.balance(),
	}
}

type stocks struct{ *Store }

// Stock is the store of package stock.
func (s *Store) Stock() stock.Ledger { return stocks{s} }

var _ stock.Tx = (*Tx)(nil)

func (s stocks) InTx(ctx context.Context, c clinic.ID, fn func(stock.Tx) error) error {
	return inside(s.Store, ctx, c, fn)
}

func (s stocks) Products(ctx context.Context, c clinic.ID) ([]stock.Product, error) {
	rows, err := list[productRow](s.read.WithContext(ctx).Where("clinic = ?", c).Order("name, id"))
	return convert(rows, err, toProduct)
}

func (s stocks) Lot(ctx context.Context, c clinic.ID, id stock.LotID) (stock.Lot, error) {
	r, err := take[lotRow](s.read.WithContext(ctx), "lot", "id = ? AND clinic = ?", id, c)
	return toLot(r), err
}

func (s stocks) Lots(ctx context.Context, c clinic.ID) ([]stock.Lot, error) {
	rows, err := list[lotRow](s.read.WithContext(ctx).Where("clinic = ?", c).Order("expiry, id"))
	return convert(rows, err, toLot)
}

func (s stocks) Bottle(ctx context.Context, c clinic.ID, id stock.BottleID) (stock.Bottle, error) {
	db := s.read.WithContext(ctx)
	r, err := take[bottleRow](db, "bottle", "id = ? AND clinic = ?", id, c)
	if err != nil {
		return stock.Bottle{}, err
	}
	return withBalance(db, r)
}

func (s stocks) BottleByCode(ctx context.Context, c clinic.ID, code string) (stock.Bottle, error) {
	db := s.read.WithContext(ctx)
	r, err := take[bottleRow](db, "bottle", "clinic = ? AND code = ?", c, code)
	if err != nil {
		return stock.Bottle{}, err
	}
	return withBalance(db, r)
}

func withBalance(db *gorm.DB, r bottleRow) (stock.Bottle, error) {
	b, err := take[balanceRow](db, "bottle", "id = ?", r.ID)
	return toBottle(r, b), err
}

func (s stocks) Bottles(ctx context.Context, f stock.BottleFilter) ([]stock.Bottle, error) {
	db := s.read.WithContext(ctx).Where("clinic = ?", f.Clinic)
	if f.Lot != "" {
		db = db.Where("lot = ?", f.Lot)
	}
	if len(f.States) > 0 {
		db = db.Where("state IN ?", f.States)
	}
	if len(f.IDs) > 0 {
		db = db.Where("id IN ?", f.IDs)
	}
	if f.After != "" {
		db = db.Where("id > ?", f.After)
	}
	rows, err := list[bottleRow](db.Order("id").Limit(page(f.Limit, 100, 500)))
	if err != nil {
		return nil, err
	}
	return withBalances(s.read.WithContext(ctx), rows)
}

func withBalances(db *gorm.DB, rows []bottleRow) ([]stock.Bottle, error) {
	ids := make([]stock.BottleID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	balances, err := list[balanceRow](db.Where("id IN ?", ids))
	if err != nil {
		return nil, err
	}
	byID := make(map[stock.BottleID]balanceRow, len(balances))
	for _, b := range balances {
		byID[b.ID] = b
	}
	return convert(rows, nil, func(r bottleRow) stock.Bottle { return toBottle(r, byID[r.ID]) })
}

// FindProduct implements stock.Tx.
func (t *Tx) FindProduct(_ context.Context, id stock.ProductID) (stock.Product, error) {
	r, err := take[productRow](t.db, "product", "id = ? AND clinic = ?", id, t.clinic)
	return toProduct(r), err
}

// InsertProduct implements stock.Tx.
func (t *Tx) InsertProduct(_ context.Context, p stock.Product) error {
	if err := t.sameClinic(p.Clinic); err != nil {
		return err
	}
	if err := insert(t, fromProduct(p)); err != nil {
		return fmt.Errorf("product %s: %w", p.ID, err)
	}
	return nil
}

// LockLot implements stock.Tx.
func (t *Tx) LockLot(_ context.Context, id stock.LotID) (stock.Lot, error) {
	r, err := take[lotRow](t.locking(), "lot", "id = ? AND clinic = ?", id, t.clinic)
	return toLot(r), err
}

// InsertLot implements stock.Tx.
func (t *Tx) InsertLot(_ context.Context, l stock.Lot) error {
	if err := t.sameClinic(l.Clinic); err != nil {
		return err
	}
	if err := insert(t, fromLot(l)); err != nil {
		return fmt.Errorf("lot %s: %w", l.ID, err)
	}
	return nil
}

// UpdateLot implements stock.Tx.
func (t *Tx) UpdateLot(_ context.Context, l stock.Lot) error {
	r := t.db.Model(&lotRow{}).Where("id = ? AND clinic = ?", l.ID, t.clinic).
		Select("state", "density_ug_ml", "density_by", "density_at", "density_temp_dc").Updates(fromLot(l))
	return one("lot", r.RowsAffected, r.Error)
}

// NextBottleSerial implements stock.Tx.
func (t *Tx) NextBottleSerial(context.Context) (int, error) { return t.next("bottle") }

// InsertBottle implements stock.Tx.
func (t *Tx) InsertBottle(_ context.Context, b stock.Bottle) error {
	if err := t.sameClinic(b.Clinic); err != nil {
		return err
	}
	if err := insert(t, fromBottle(b)); err != nil {
		return fmt.Errorf("bottle %s: %w", b.ID, err)
	}
	if err := insert(t, balanceRow{ID: b.ID, Clinic: b.Clinic, Lot: b.Lot}); err != nil {
		return fmt.Errorf("balance of bottle %s: %w", b.ID, err)
	}
	return nil
}

// LockBottle implements stock.Tx. The row of the balance is the lock of the bottle too: nobody writes a bottle without
// holding it.
func (t *Tx) LockBottle(_ context.Context, id stock.BottleID) (stock.Bottle, error) {
	b, err := take[balanceRow](t.locking(), "bottle", "id = ? AND clinic = ?", id, t.clinic)
	if err != nil {
		return stock.Bottle{}, err
	}
	r, err := take[bottleRow](t.db, "bottle", "id = ? AND clinic = ?", id, t.clinic)
	return toBottle(r, b), err
}

// LockBottles implements stock.Tx.
func (t *Tx) LockBottles(_ context.Context, l stock.LotID) ([]stock.Bottle, error) {
	balances, err := list[balanceRow](t.locking().Where("clinic = ? AND lot = ?", t.clinic, l).Order("id"))
	if err != nil {
		return nil, err
	}
	rows, err := list[bottleRow](t.db.Where("clinic = ? AND lot = ?", t.clinic, l).Order("id"))
	if err != nil {
		return nil, err
	}
	byID := make(map[stock.BottleID]bottleRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	return convert(balances, nil, func(b balanceRow) stock.Bottle { return toBottle(byID[b.ID], b) })
}

// UpdateBottle implements stock.Tx.
func (t *Tx) UpdateBottle(_ context.Context, b stock.Bottle) error {
	r := t.db.Model(&bottleRow{}).Where("id = ? AND clinic = ?", b.ID, t.clinic).
		Select("state", "tare_weight_ug", "opened_at", "opened_gross_ug").Updates(fromBottle(b))
	return one("bottle", r.RowsAffected, r.Error)
}
