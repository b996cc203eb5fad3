package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// advanceSQL writes a whole Change in one statement but for its audit event, which the end of the transaction appends.
// The moves come as JSON, each with how far the balances after it are from the balances after all of them.
const advanceSQL = `WITH st AS (
	UPDATE dispensing_state
	SET state = $3::text, open = $4::boolean, steps = $5::integer, pump_ul = $6::bigint, weighed_ug = $7::bigint,
		weighed_known = $8::boolean, measured_ul = $9::bigint, agreed = $10::boolean, handed_at = $11::timestamptz,
		lease = $12::timestamptz
	WHERE dispensing = $1::uuid AND clinic = $2::uuid AND steps = $5::integer - 1 AND state = $13::text
	RETURNING patient, station
), step AS (
	INSERT INTO dispensing_step (dispensing, seq, clinic, kind, from_state, to_state, actor_kind, actor, witness, event,
		data, occurred, recorded)
	SELECT $1::uuid, $5::integer, $2::uuid, $14::text, $13::text, $3::text, $15::text, $16::text, $17::text, $18::bigint,
		$19::text, $20::timestamptz, $21::timestamptz
	FROM st
	RETURNING 1
), pat AS (
	UPDATE patient
	SET version = version + 1,
		status = CASE WHEN $28::boolean AND status = 'awaiting_start' THEN 'in_treatment' ELSE status END
	WHERE id = $22::uuid AND clinic = $2::uuid AND (SELECT count(*) FROM step) = 1
	RETURNING 1
), dose AS (
	INSERT INTO dose (patient, day, part, clinic, dispensing, mass_ug, kind, at)
	SELECT $22::uuid, $23::date, $24::integer, $2::uuid, $1::uuid, $25::bigint, $26::text, $27::timestamptz
	WHERE $28::boolean AND (SELECT count(*) FROM pat) = 1
	RETURNING 1
), tick AS (
	UPDATE ticket SET state = 'done', done_at = $21::timestamptz
	WHERE $29::boolean AND patient = $22::uuid AND day = $30::date AND state IN ('arrived', 'called', 'at_window')
		AND (SELECT count(*) FROM pat) = 1
	RETURNING 1
), inc AS (
	INSERT INTO incident (id, clinic, dispensing, kind, data, opened)
	SELECT $31::uuid, $2::uuid, $1::uuid, $32::text, $33::text, $34::timestamptz
	WHERE $31::uuid IS NOT NULL AND (SELECT count(*) FROM pat) = 1
	RETURNING 1
), m AS (
	SELECT * FROM json_to_recordset($35::json) AS x (id uuid, n bigint, from_account text, to_account text, amount bigint,
		from_off bigint, to_off bigint, cause text, reason text, occurred timestamptz, recorded timestamptz, reverses uuid)
), delta AS (
	SELECT * FROM json_to_record($36::json) AS x (supplier bigint, store bigint, bottle bigint, reserved bigint,
		in_doubt bigint, administered bigint, take_home bigint, waste bigint, purge bigint, loss bigint, surplus bigint,
		returned bigint, destroyed bigint, transferred bigint)
), bal AS (
	UPDATE bottle_balance b
	SET moves = b.moves + $37::bigint, supplier = b.supplier + delta.supplier, store = b.store + delta.store,
		bottle = b.bottle + delta.bottle, reserved = b.reserved + delta.reserved, in_doubt = b.in_doubt + delta.in_doubt,
		administered = b.administered + delta.administered, take_home = b.take_home + delta.take_home,
		waste = b.waste + delta.waste, purge = b.purge + delta.purge, loss = b.loss + delta.loss,
		surplus = b.surplus + delta.surplus, returned = b.returned + delta.returned,
		destroyed = b.destroyed + delta.destroyed, transferred = b.transferred + delta.transferred
	FROM delta
	WHERE b.id = $38::uuid AND b.clinic = $2::uuid AND $37::bigint > 0 AND (SELECT count(*) FROM pat) = 1
	RETURNING b.*
), mv AS (
	INSERT INTO move (id, clinic, bottle, seq, lot, from_account, to_account, amount_ul, from_after_ul, to_after_ul,
		cause, reason, occurred, recorded, reverses)
	SELECT m.id, $2::uuid, bal.id, bal.moves - $37::bigint + m.n, bal.lot, m.from_account, m.to_account, m.amount,
		(to_jsonb(bal) ->> m.from_account)::bigint + m.from_off, (to_jsonb(bal) ->> m.to_account)::bigint + m.to_off,
		m.cause, m.reason, m.occurred, m.recorded, m.reverses
	FROM bal, m
	RETURNING 1
)
SELECT (SELECT count(*) FROM step), (SELECT count(*) FROM pat), (SELECT count(*) FROM dose),
	(SELECT count(*) FROM tick), (SELECT count(*) FROM inc), (SELECT count(*) FROM mv)`

// Advance implements dispensing.Tx.
func (t *Tx) Advance(ctx context.Context, c dispensing.Change) error {
	if err := t.sameClinic(c.Dispensing.Clinic); err != nil {
		return err
	}
	for _, m := range c.Moves {
		if err := m.Validate(); err != nil {
			return err
		}
	}
	var err error
	if t.s.dialect == postgresql && oneBottle(c) {
		err = t.advanceAtOnce(c)
	} else {
		err = t.advanceStepwise(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("dispensing %s: %w", c.Dispensing.ID, mapError(err))
	}
	return t.Record(ctx, c.Audit)
}

func oneBottle(c dispensing.Change) bool {
	for _, m := range c.Moves {
		if m.Bottle != c.Dispensing.Bottle {
			return false
		}
	}
	return true
}

func (t *Tx) advanceAtOnce(c dispensing.Change) error {
	d, s := c.Dispensing, c.Step
	moves, deltas, err := offsets(c.Moves)
	if err != nil {
		return err
	}
	var dose doseRow
	if c.Dose != nil {
		dose = doseRow{Day: c.Dose.Day, Part: c.Dose.Part, MassUg: c.Dose.Mass, Kind: c.Dose.Kind, At: c.Dose.At}
	}
	var in dispensing.Incident
	if c.Incident != nil {
		in = *c.Incident
	}
	var steps, patients, doses, tickets, incidents, moved int
	err = numberedRow(t.db, t.s.q.advance, []any{
		string(d.ID), string(d.Clinic), string(d.State), d.State.Open(), d.Progress.Steps, int64(d.PumpVolume),
		int64(d.Weighed), d.WeighedKnown, int64(d.Measured), d.Agreed, d.HandedAt, d.Lease, string(s.From),
		string(s.Kind), s.ActorKind, s.Actor, string(s.Witness), s.Event, string(s.Data), s.Occurred, s.Recorded,
		string(d.Patient), dose.Day, dose.Part, int64(dose.MassUg), string(dose.Kind), dose.At, c.Dose != nil,
		c.EndTicket, d.Day,
		ref(in.ID), in.Kind, string(in.Data), in.Opened,
		moves, deltas, int64(len(c.Moves)), string(d.Bottle),
	}, &steps, &patients, &doses, &tickets, &incidents, &moved)
	if err != nil {
		return err
	}
	if steps != 1 || patients != 1 || moved != len(c.Moves) || (doses == 1) != (c.Dose != nil) || (incidents == 1) != (c.Incident != nil) {
		return errStale
	}
	return nil
}

var errStale = fault.New(fault.Conflict, "dispensing.stale", "the dispensing has gone on, or its bottle is unknown")

// moveJSON is a move as advanceSQL reads it.
type moveJSON struct {
	ID       stock.MoveID     `json:"id"`
	N        int              `json:"n"`
	From     stock.Account    `json:"from_account"`
	To       stock.Account    `json:"to_account"`
	Amount   measure.Volume   `json:"amount"`
	FromOff  measure.Volume   `json:"from_off"`
	ToOff    measure.Volume   `json:"to_off"`
	Cause    string           `json:"cause"`
	Reason   string           `json:"reason"`
	Occurred calendar.Instant `json:"occurred"`
	Recorded calendar.Instant `json:"recorded"`
	Reverses *stock.MoveID    `json:"reverses"`
}

// offsets renders the moves of one bottle, and what they add to each account.
func offsets(moves []stock.Move) (moved, deltas string, err error) {
	total := stock.Balance{}
	for _, a := range stock.Accounts {
		total[a] = 0
	}
	list := make([]moveJSON, len(moves))
	for i, m := range moves {
		total.Apply(&m)
		list[i] = moveJSON{
			ID: m.ID, N: i + 1, From: m.From, To: m.To, Amount: m.Amount, FromOff: m.FromAfter, ToOff: m.ToAfter,
			Cause: m.Cause, Reason: m.Reason, Occurred: m.Occurred, Recorded: m.Recorded,
		}
		if m.Reverses != "" {
			list[i].Reverses = &m.Reverses
		}
	}
	for i := range list {
		list[i].FromOff -= total[list[i].From]
		list[i].ToOff -= total[list[i].To]
	}
	a, err := json.Marshal(list)
	if err != nil {
		return "", "", err
	}
	b, err := json.Marshal(total)
	return string(a), string(b), err
}

func (t *Tx) advanceStepwise(ctx context.Context, c dispensing.Change) error {
	d := c.Dispensing
	_, state := fromDispensing(d)
	r := t.db.Model(&dispensingStateRow{}).
		Where("dispensing = ? AND clinic = ? AND steps = ? AND state = ?", d.ID, d.Clinic, c.Step.Seq-1, c.Step.From).
		Select("state", "open", "steps", "pump_ul", "weighed_ug", "weighed_known", "measured_ul", "agreed", "handed_at", "lease").
		Updates(state)
	if r.Error != nil {
		return r.Error
	}
	if r.RowsAffected != 1 {
		return errStale
	}
	if err := insert(t, fromStep(d.Clinic, c.Step)); err != nil {
		return err
	}
	if err := t.BumpPatient(ctx, d.Patient); err != nil {
		return err
	}
	if err := t.consume(d, c.Dose); err != nil {
		return err
	}
	if c.EndTicket {
		_, err := t.exec("UPDATE ticket SET state = ?, done_at = ? WHERE patient = ? AND day = ? AND state IN ('arrived', 'called', 'at_window')",
			queue.Done, c.Step.Recorded, d.Patient, d.Day)
		if err != nil {
			return err
		}
	}
	if in := c.Incident; in != nil {
		err := insert(t, incidentRow{
			ID: in.ID, Clinic: d.Clinic, Dispensing: ref(d.ID), Kind: in.Kind, Data: string(in.Data), Opened: in.Opened,
		})
		if err != nil {
			return err
		}
	}
	return t.PostMoves(ctx, c.Moves)
}

// consume adds a consumption fact, which starts the treatment of a patient who awaited the first dose.
func (t *Tx) consume(d dispensing.Dispensing, dose *dosing.Dose) error {
	if dose == nil {
		return nil
	}
	err := insert(t, doseRow{
		Patient: d.Patient, Day: dose.Day, Part: dose.Part, Clinic: d.Clinic, Dispensing: d.ID,
		MassUg: dose.Mass, Kind: dose.Kind, At: dose.At,
	})
	if err != nil {
		return err
	}
	_, err = t.exec("UPDATE patient SET status = ? WHERE id = ? AND status = ?", patient.InTreatment, d.Patient, patient.AwaitingStart)
	return err
}
