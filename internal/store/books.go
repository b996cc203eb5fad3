package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

type crossingRow struct {
	Lot         stock.LotID
	FromAccount stock.Account
	ToAccount   stock.Account
	AmountUl    measure.Volume
	Cause       string
	Reason      string
	Occurred    calendar.Instant
	Recorded    calendar.Instant
	OfCause     string // of the move that this one reverses
	OfRecorded  calendar.Instant
	ByCause     string // of the move that reverses this one
	ByRecorded  calendar.Instant
}

func (r crossingRow) move() book.Move {
	return book.Move{
		Lot: r.Lot, From: r.FromAccount, To: r.ToAccount, Amount: r.AmountUl, Cause: r.Cause, Reason: r.Reason,
		Recorded: r.Recorded, Occurred: r.Occurred,
		Corrects: book.Ref{Cause: r.OfCause, Recorded: r.OfRecorded}, CorrectedBy: book.Ref{Cause: r.ByCause, Recorded: r.ByRecorded},
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
		err = db.Raw(`SELECT m.lot, m.from_account, m.to_account, m.amount_ul, m.cause, m.reason, m.occurred, m.recorded,
				coalesce(wrong.cause, '') AS of_cause, wrong.recorded AS of_recorded, coalesce(amends.cause, '') AS by_cause, amends.recorded AS by_recorded
			FROM move m JOIN lot l ON l.id = m.lot LEFT JOIN move wrong ON wrong.id = m.reverses LEFT JOIN move amends ON amends.reverses = m.id
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
		var rows []crossingRow
		err := db.Raw(`SELECT m.lot, m.from_account, m.to_account, CAST(sum(m.amount_ul) AS bigint) AS amount_ul
			FROM move m JOIN lot l ON l.id = m.lot
			WHERE m.clinic = ? AND l.product = ? AND m.recorded >= ? AND m.recorded < ? AND `+crossing+`
			GROUP BY m.lot, m.from_account, m.to_account`, c, p, from, to).Scan(&rows).Error
		if l.Moves, err = convert(rows, mapError(err), crossingRow.move); err != nil {
			return err
		}
		return row(db, `SELECT count(DISTINCT m.cause) FROM move m JOIN lot l ON l.id = m.lot
			WHERE m.clinic = ? AND l.product = ? AND m.recorded >= ? AND m.recorded < ? AND m.to_account IN ('administered', 'take_home')`,
			[]any{c, p, from, to}, &l.Doses)
	})
	return l, err
}

// openingSQL goes back from what stands in the bottles now, over what was recorded since, lot by lot. A lot that came later
// held nothing then, and one that was used up before has no moves since: however far back the register is, only the lots
// that were in stock at its beginning are gone through.
const openingSQL = `SELECT CAST(coalesce(sum(
		(SELECT coalesce(sum(b.store + b.bottle + b.reserved + b.in_doubt), 0) FROM bottle_balance b WHERE b.clinic = l.clinic AND b.lot = l.id)
		- (SELECT coalesce(sum(CASE WHEN m.to_account IN ` + within + ` THEN m.amount_ul ELSE -m.amount_ul END), 0)
			FROM move m WHERE m.lot = l.id AND m.recorded >= ? AND ` + crossing + `)), 0) AS bigint)
	FROM lot l WHERE l.clinic = ? AND l.product = ? AND EXISTS (SELECT 1 FROM move f WHERE f.lot = l.id AND f.recorded < ?)`

func openingOf(db *gorm.DB, c clinic.ID, p stock.ProductID, from calendar.Instant) (opening measure.Volume, err error) {
	err = row(db, openingSQL, []any{from, c, p, from}, &opening)
	return opening, mapError(err)
}

// snapshot lets several readings see one state of the database.
func (r Records) snapshot(ctx context.Context, read func(*gorm.DB) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if r.s.dialect == postgresql {
		o.Isolation = sql.LevelRepeatableRead
	}
	return mapError(r.s.report.WithContext(ctx).Transaction(read, o))
}

// chainAtSQL halves the chain until it stands between a link before the instant and one that is not.
const chainAtSQL = `WITH RECURSIVE half (low, high) AS (
	SELECT CAST(0 AS bigint), h.seq FROM audit_head h WHERE h.clinic = @clinic
	UNION ALL
	SELECT CASE WHEN e.recorded < @before THEN e.seq ELSE low END, CASE WHEN e.recorded < @before THEN high ELSE e.seq - 1 END
	FROM half JOIN audit_event e ON e.clinic = @clinic AND e.seq = (low + high + 1) / 2
	WHERE low < high
)
SELECT low FROM half WHERE low = high`

// waited is how many links may stand between two that came in another order than their times say, because a transaction
// waited for others.
const waited = 1000

// ChainAt returns the last link of the clinic's chain of changes recorded before an instant; the zero Event when there
// is none. Printed under a day's page it fixes everything before it.
func (r Records) ChainAt(ctx context.Context, c clinic.ID, before calendar.Instant) (audit.Event, error) {
	db := r.s.report.WithContext(ctx)
	var place []int64
	if err := db.Raw(chainAtSQL, map[string]any{"clinic": c, "before": before}).Scan(&place).Error; err != nil || len(place) == 0 {
		return audit.Event{}, mapError(err)
	}
	rows, err := list[auditEventRow](db.
		Where("clinic = ? AND seq >= ? AND seq < ? AND recorded < ?", c, place[0], place[0]+waited, before).Order("seq DESC").Limit(1))
	if err != nil || len(rows) == 0 {
		return audit.Event{}, err
	}
	return toEvent(rows[0])
}

// Supplies reads who each of these dispensings went to and by whose order; an id of another clinic is left out.
func (r Records) Supplies(ctx context.Context, c clinic.ID, ids []string) (map[string]book.Supply, error) {
	out := make(map[string]book.Supply, len(ids))
	for chunk := range slices.Chunk(ids, maxFiles) {
		var rows []supplyRow
		if err := r.s.report.WithContext(ctx).Raw(suppliesSQL, c, chunk).Scan(&rows).Error; err != nil {
			return nil, mapError(err)
		}
		for _, s := range rows {
			out[s.ID] = book.Supply{
				Code: s.Code, Name: s.Name, Address: s.Address, Order: s.Version, Signed: s.SignedAt, Prescriber: s.Prescriber,
				Dispenser: s.RequestedBy, Handed: s.HandedAt,
			}
		}
	}
	return out, nil
}

type supplyRow struct {
	ID          string
	Code        string
	Name        string
	Address     string
	Version     int
	SignedAt    calendar.Instant
	Prescriber  string
	RequestedBy string
	HandedAt    calendar.Instant
}

const suppliesSQL = `SELECT d.id, p.code, p.name, p.address, o.version, o.signed_at, o.prescriber, d.requested_by, s.handed_at
	FROM dispensing d JOIN dispensing_state s ON s.dispensing = d.id JOIN patient p ON p.id = d.patient JOIN prescription o ON o.id = d.prescription
	WHERE d.clinic = ? AND d.id IN ?`

// Checks reads the pours of checks among these ids: what was poured away for a pump, by whom, before whom.
func (r Records) Checks(ctx context.Context, c clinic.ID, ids []string) (map[string]calibration.Pour, error) {
	out := make(map[string]calibration.Pour, len(ids))
	for chunk := range slices.Chunk(ids, maxFiles) {
		rows, err := list[wastePourRow](r.s.report.WithContext(ctx).Where("clinic = ? AND id IN ?", c, chunk))
		if err != nil {
			return nil, err
		}
		for _, p := range rows {
			out[string(p.ID)] = toPour(p, pourStateRow{})
		}
	}
	return out, nil
}

// Signers reads who took which step of these dispensings and pours of checks, and why; a counter's steps are left out.
func (r Records) Signers(ctx context.Context, c clinic.ID, ids []string) (map[book.Ref]book.Signer, error) {
	out := map[book.Ref]book.Signer{}
	for chunk := range slices.Chunk(ids, maxFiles) {
		var rows []signerRow
		if err := r.s.report.WithContext(ctx).Raw(signersSQL, c, chunk, c, chunk).Scan(&rows).Error; err != nil {
			return nil, mapError(err)
		}
		for _, row := range rows {
			var said struct {
				Reason string `json:"reason"`
			}
			_ = json.Unmarshal(raw(row.Data), &said) // a step without data gives no reason
			out[book.Ref{Cause: row.Cause, Recorded: row.Recorded}] = book.Signer{By: row.Actor, Witness: row.Witness, Reason: said.Reason}
		}
	}
	return out, nil
}

type signerRow struct {
	Cause    string
	Recorded calendar.Instant
	Actor    string
	Witness  string
	Data     string
}

const signersSQL = `SELECT dispensing AS cause, recorded, actor, witness, data FROM dispensing_step
		WHERE clinic = ? AND dispensing IN ? AND actor_kind = 'staff'
	UNION ALL SELECT pour, recorded, actor, witness, data FROM check_pour_step
		WHERE clinic = ? AND pour IN ? AND actor_kind = 'staff'`

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
