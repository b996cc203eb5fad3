package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// balanceRow is what stands on each account of one bottle. Moves counts the lines of its ledger.
type balanceRow struct {
	ID           stock.BottleID
	Clinic       clinic.ID
	Lot          stock.LotID
	Moves        int64
	Supplier     measure.Volume
	Store        measure.Volume
	Bottle       measure.Volume
	Reserved     measure.Volume
	InDoubt      measure.Volume
	Administered measure.Volume
	TakeHome     measure.Volume
	Waste        measure.Volume
	Purge        measure.Volume
	Loss         measure.Volume
	Surplus      measure.Volume
	Returned     measure.Volume
	Destroyed    measure.Volume
	Transferred  measure.Volume
	CheckPour    ref // the prime or shot that is on its way from the bottle
}

func (balanceRow) TableName() string { return "bottle_balance" }

// account returns where one account's volume is kept. The switch is complete: a new account without a column here is
// found by a test.
func (b *balanceRow) account(a stock.Account) *measure.Volume {
	switch a {
	case stock.Supplier:
		return &b.Supplier
	case stock.Store:
		return &b.Store
	case stock.InBottle:
		return &b.Bottle
	case stock.Reserved:
		return &b.Reserved
	case stock.InDoubt:
		return &b.InDoubt
	case stock.Administered:
		return &b.Administered
	case stock.TakeHome:
		return &b.TakeHome
	case stock.Waste:
		return &b.Waste
	case stock.Purge:
		return &b.Purge
	case stock.Loss:
		return &b.Loss
	case stock.Surplus:
		return &b.Surplus
	case stock.Returned:
		return &b.Returned
	case stock.Destruction:
		return &b.Destroyed
	case stock.Transferred:
		return &b.Transferred
	}
	return nil
}

func (b balanceRow) balance() stock.Balance {
	out := make(stock.Balance, len(stock.Accounts))
	for _, a := range stock.Accounts {
		out[a] = *b.account(a)
	}
	return out
}

func (b *balanceRow) set(balance stock.Balance) {
	for _, a := range stock.Accounts {
		*b.account(a) = balance[a]
	}
}

// balanceColumns are those that a move may change.
var balanceColumns = func() []string {
	names := []string{"moves"}
	for _, a := range stock.Accounts {
		names = append(names, string(a))
	}
	return names
}()

type moveRow struct {
	ID          stock.MoveID
	Clinic      clinic.ID
	Bottle      stock.BottleID
	Seq         int64 `gorm:"autoIncrement:false"`
	Lot         stock.LotID
	FromAccount stock.Account
	ToAccount   stock.Account
	AmountUl    measure.Volume
	FromAfterUl measure.Volume
	ToAfterUl   measure.Volume
	Cause       string
	Reason      string
	Occurred    calendar.Instant
	Recorded    calendar.Instant
	Reverses    ref
}

func (moveRow) TableName() string { return "move" }

func fromMove(m stock.Move, seq int64) moveRow {
	return moveRow{
		ID: m.ID, Clinic: m.Clinic, Bottle: m.Bottle, Seq: seq, Lot: m.Lot, FromAccount: m.From, ToAccount: m.To,
		AmountUl: m.Amount, FromAfterUl: m.FromAfter, ToAfterUl: m.ToAfter, Cause: m.Cause, Reason: m.Reason,
		Occurred: m.Occurred, Recorded: m.Recorded, Reverses: ref(m.Reverses),
	}
}

func toMove(r moveRow) stock.Move {
	return stock.Move{
		ID: r.ID, Clinic: r.Clinic, Bottle: r.Bottle, Lot: r.Lot, From: r.FromAccount, To: r.ToAccount,
		Amount: r.AmountUl, FromAfter: r.FromAfterUl, ToAfter: r.ToAfterUl, Cause: r.Cause, Reason: r.Reason,
		Occurred: r.Occurred, Recorded: r.Recorded, Reverses: stock.MoveID(r.Reverses),
	}
}

// PostMoves implements stock.Tx. It locks the balances of the bottles by id, so it does not matter when the caller did.
func (t *Tx) PostMoves(_ context.Context, moves []stock.Move) error {
	if len(moves) == 0 {
		return nil
	}
	var ids []stock.BottleID
	for _, m := range moves {
		if err := m.Validate(); err != nil {
			return err
		}
		if err := t.sameClinic(m.Clinic); err != nil {
			return err
		}
		ids = append(ids, m.Bottle)
	}
	slices.Sort(ids)
	rows, err := list[balanceRow](t.locking().Where("clinic = ? AND id IN ?", t.clinic, slices.Compact(ids)).Order("id"))
	if err != nil {
		return err
	}
	lines, err := post(rows, moves)
	if err != nil {
		return err
	}
	for _, r := range rows {
		u := t.db.Model(&balanceRow{}).Where("id = ?", r.ID).Select(balanceColumns).Updates(r)
		if err := one("bottle", u.RowsAffected, u.Error); err != nil {
			return err
		}
	}
	if err := t.db.CreateInBatches(&lines, 200).Error; err != nil {
		return fmt.Errorf("moves: %w", mapError(err))
	}
	return nil
}

// post applies the moves to the balances, in order, and returns the lines of the ledger.
func post(rows []balanceRow, moves []stock.Move) ([]moveRow, error) {
	type account struct {
		row     *balanceRow
		balance stock.Balance
	}
	bottles := make(map[stock.BottleID]account, len(rows))
	for i := range rows {
		bottles[rows[i].ID] = account{&rows[i], rows[i].balance()}
	}
	lines := make([]moveRow, len(moves))
	for i, m := range moves {
		b, ok := bottles[m.Bottle]
		if !ok || b.row.Lot != m.Lot {
			return nil, found("bottle", errNoRow)
		}
		b.balance.Apply(&m)
		b.row.Moves++
		lines[i] = fromMove(m, b.row.Moves)
	}
	for _, b := range bottles {
		b.row.set(b.balance)
	}
	return lines, nil
}

// FindMove implements stock.Tx.
func (t *Tx) FindMove(_ context.Context, id stock.MoveID) (stock.Move, error) {
	r, err := take[moveRow](t.db, "move", "id = ? AND clinic = ?", id, t.clinic)
	return toMove(r), err
}

// MoveReversed implements stock.Tx.
func (t *Tx) MoveReversed(_ context.Context, id stock.MoveID) (bool, error) {
	var n int64
	err := t.db.Model(&moveRow{}).Where("reverses = ? AND clinic = ?", id, t.clinic).Count(&n).Error
	return n > 0, mapError(err)
}

func (s stocks) Moves(ctx context.Context, f stock.MoveFilter) ([]stock.Move, error) {
	db := s.report.WithContext(ctx).Where("clinic = ?", f.Clinic)
	if f.Lot != "" {
		db = db.Where("lot = ?", f.Lot)
	}
	if f.Bottle != "" {
		db = db.Where("bottle = ?", f.Bottle)
	}
	if f.Document != "" {
		db = db.Where("cause = ?", string(f.Document))
	}
	if !f.From.IsZero() {
		db = db.Where("occurred >= ?", f.From)
	}
	if !f.To.IsZero() {
		db = db.Where("occurred < ?", f.To)
	}
	if f.Before != "" {
		db = db.Where("id < ?", f.Before)
	}
	rows, err := list[moveRow](db.Order("id DESC").Limit(page(f.Limit, 100, 500)))
	return convert(rows, err, toMove)
}

// lotBalancesSQL adds up the bottles of each lot.
var lotBalancesSQL = func() string {
	sums := ""
	for _, a := range stock.Accounts {
		sums += fmt.Sprintf(", CAST(sum(%[1]s) AS bigint) AS %[1]s", a)
	}
	return "SELECT lot" + sums + " FROM bottle_balance WHERE clinic = ? GROUP BY lot"
}()

func (s stocks) LotBalances(ctx context.Context, c clinic.ID) (map[stock.LotID]stock.Balance, error) {
	var rows []balanceRow
	if err := s.report.WithContext(ctx).Raw(lotBalancesSQL, c).Scan(&rows).Error; err != nil {
		return nil, mapError(err)
	}
	out := make(map[stock.LotID]stock.Balance, len(rows))
	for _, r := range rows {
		out[r.Lot] = r.balance()
	}
	return out, nil
}
