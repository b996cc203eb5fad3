package store

import (
	"context"
	"database/sql"
	"slices"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type crossingRow struct {
	Lot         stock.LotID
	FromAccount stock.Account
	ToAccount   stock.Account
	AmountUl    measure.Volume
	N           int
	Cause       string
	Reason      string
	Occurred    calendar.Instant
	Recorded    calendar.Instant
}

func (r crossingRow) move() book.Move {
	return book.Move{
		Lot: r.Lot, From: r.FromAccount, To: r.ToAccount, Amount: r.AmountUl, Count: r.N, Cause: r.Cause, Reason: r.Reason,
		Recorded: r.Recorded, Occurred: r.Occurred,
	}
}

// within holds the accounts of a clinic's own stock; a move crosses when one of its ends is among them and one is not.
const (
	within   = `('store', 'bottle', 'reserved', 'in_doubt')`
	crossing = `(m.from_account IN ` + within + `) <> (m.to_account IN ` + within + `)`
)

// Ledger reads the moves of a product recorded from an instant up to another. Both readings see one state of the record.
func (r Records) Ledger(ctx context.Context, c clinic.ID, p stock.ProductID, from, to calendar.Instant) (l book.Ledger, err error) {
	err = r.snapshot(ctx, func(db *gorm.DB) error {
		opening, err := openingOf(db, c, p, from)
		if err != nil {
			return err
		}
		l.Opening = opening
		var rows []crossingRow
		err = db.Raw(`SELECT m.lot, m.from_account, m.to_account, m.amount_ul, 1 AS n, m.cause, m.reason, m.occurred, m.recorded
			FROM move m JOIN lot l ON l.id = m.lot
			WHERE m.clinic = ? AND l.product = ? AND m.recorded >= ? AND m.recorded < ? AND `+crossing+`
			ORDER BY m.recorded, m.id`, c, p, from, to).Scan(&rows).Error
		l.Moves, err = convert(rows, mapError(err), crossingRow.move)
		return err
	})
	return l, err
}

// Flows adds the moves of a product in a period up by lot and accounts, for reports that need no lines.
func (r Records) Flows(ctx context.Context, c clinic.ID, p stock.ProductID, from, to calendar.Instant) (l book.Ledger, err error) {
	err = r.snapshot(ctx, func(db *gorm.DB) error {
		if l.Opening, err = openingOf(db, c, p, from); err != nil {
			return err
		}
		l.Moves, err = flows(db, c, p, "m.recorded >= ? AND m.recorded < ?", from, to)
		return err
	})
	return l, err
}

// openingOf goes back from what stands in the bottles now, over what was recorded since: a register is mostly read of
// days that are not long ago.
func openingOf(db *gorm.DB, c clinic.ID, p stock.ProductID, from calendar.Instant) (measure.Volume, error) {
	var now measure.Volume
	err := row(db, `SELECT CAST(coalesce(sum(b.store + b.bottle + b.reserved + b.in_doubt), 0) AS bigint)
		FROM bottle_balance b JOIN lot l ON l.id = b.lot WHERE b.clinic = ? AND l.product = ?`, []any{c, p}, &now)
	if err != nil {
		return 0, mapError(err)
	}
	since, err := flows(db, c, p, "m.recorded >= ?", from)
	sums := book.Sums{}
	for _, m := range since {
		sums.Add(m)
	}
	return now - sums.Net(), err
}

func flows(db *gorm.DB, c clinic.ID, p stock.ProductID, when string, args ...any) ([]book.Move, error) {
	var rows []crossingRow
	err := db.Raw(`SELECT m.lot, m.from_account, m.to_account, CAST(sum(m.amount_ul) AS bigint) AS amount_ul, count(*) AS n
		FROM move m JOIN lot l ON l.id = m.lot
		WHERE m.clinic = ? AND l.product = ? AND `+crossing+` AND `+when+`
		GROUP BY m.lot, m.from_account, m.to_account`, append([]any{c, p}, args...)...).Scan(&rows).Error
	return convert(rows, mapError(err), crossingRow.move)
}

// snapshot lets several readings see one state of the database.
func (r Records) snapshot(ctx context.Context, read func(*gorm.DB) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if r.s.dialect == postgresql {
		o.Isolation = sql.LevelRepeatableRead
	}
	return mapError(r.s.report.WithContext(ctx).Transaction(read, o))
}

// ChainAt returns the last link of the clinic's chain of changes recorded before an instant; the zero Event when there
// is none. Printed under a day's page it fixes everything before it.
func (r Records) ChainAt(ctx context.Context, c clinic.ID, before calendar.Instant) (audit.Event, error) {
	rows, err := list[auditEventRow](r.s.report.WithContext(ctx).Where("clinic = ? AND recorded < ?", c, before).Order("seq DESC").Limit(1))
	if err != nil || len(rows) == 0 {
		return audit.Event{}, err
	}
	return toEvent(rows[0])
}

// Papers reads the documents behind moves, by id; what is no document of this clinic is left out.
func (r Records) Papers(ctx context.Context, c clinic.ID, ids []string) (map[string]stock.Document, error) {
	out := make(map[string]stock.Document, len(ids))
	for chunk := range slices.Chunk(ids, maxFiles) {
		rows, err := list[documentRow](r.s.report.WithContext(ctx).Where("clinic = ? AND id IN ?", c, chunk))
		if err != nil {
			return nil, err
		}
		for _, d := range rows {
			out[string(d.ID)] = toDocument(d)
		}
	}
	return out, nil
}
