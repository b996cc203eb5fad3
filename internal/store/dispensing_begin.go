package store

import (
	"context"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// beginSQL writes a whole Beginning in one statement. Its parts run in the order in which they need one another, which
// is also the order of the locks: the dispensing, its state (where the unique indexes speak), the bottle's balance, and
// last the head of the audit chain. Each waits for the part before it through an uncorrelated sub-select, which
// PostgreSQL evaluates once and keeps when it looks at a row again after a wait.
//
// The patient's lock does not cover the window: whether the bottle still stands there and its lot is still released is
// looked at once more with the balance.
//
// It returns how many rows each part wrote; the caller rolls back when one is missing.
const beginSQL = `WITH d AS (
	INSERT INTO dispensing (id, clinic, patient, prescription, station, bottle, lot, day, part, kind, dose_ug, volume_ul,
		concentration_ug_ml, density_ug_ml, pack, pack_version, reasons, requested_by, recorded)
	VALUES ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid, $6::uuid, $7::uuid, $8::date, $9::integer, $10::text,
		$11::bigint, $12::bigint, $13::bigint, $14::bigint, $15::text, $16::integer, $17::text, $18::text, $19::timestamptz)
	RETURNING 1
), st AS (
	INSERT INTO dispensing_state (dispensing, clinic, patient, station, state, open, steps, pump_ul, weighed_ug,
		weighed_known, measured_ul, agreed, handed_at, lease)
	SELECT $1::uuid, $2::uuid, $3::uuid, $5::uuid, 'reserved', true, 1, 0, 0, false, 0, false, NULL, $20::timestamptz
	WHERE (SELECT count(*) FROM d) = 1
	RETURNING 1
), step AS (
	INSERT INTO dispensing_step (dispensing, seq, clinic, kind, from_state, to_state, actor_kind, actor, witness, event,
		data, occurred, recorded)
	SELECT $1::uuid, 1, $2::uuid, 'reserved', '', 'reserved', $21::text, $22::text, $23::text, $24::bigint,
		$25::text, $26::timestamptz, $27::timestamptz
	WHERE (SELECT count(*) FROM st) = 1
	RETURNING 1
), pat AS (
	UPDATE patient SET version = version + 1
	WHERE id = $3::uuid AND clinic = $2::uuid AND (SELECT count(*) FROM step) = 1
	RETURNING 1
), tick AS (
	UPDATE ticket SET state = 'at_window', station = $5::uuid, at_window_at = $19::timestamptz
	WHERE patient = $3::uuid AND day = $8::date AND state IN ('arrived', 'called') AND (SELECT count(*) FROM pat) = 1
	RETURNING 1
), bal AS (
	UPDATE bottle_balance
	SET bottle = bottle - $12::bigint, reserved = reserved + $12::bigint, moves = moves + 1
	WHERE id = $6::uuid AND clinic = $2::uuid AND bottle >= $12::bigint AND check_pour IS NULL
		AND EXISTS (SELECT 1 FROM station s JOIN bottle b ON b.id = s.bottle JOIN lot l ON l.id = b.lot
			WHERE s.id = $5::uuid AND b.id = $6::uuid AND b.state = 'in_use' AND l.state = 'released')
		AND (SELECT count(*) FROM pat) = 1 AND (SELECT count(*) FROM tick) >= 0
	RETURNING moves, bottle, reserved
), mv AS (
	INSERT INTO move (id, clinic, bottle, seq, lot, from_account, to_account, amount_ul, from_after_ul, to_after_ul,
		cause, reason, occurred, recorded)
	SELECT $28::uuid, $2::uuid, $6::uuid, bal.moves, $7::uuid, 'bottle', 'reserved', $12::bigint, bal.bottle, bal.reserved,
		$29::text, $30::text, $31::timestamptz, $32::timestamptz
	FROM bal
	RETURNING 1
), head AS (
	UPDATE audit_head
	SET seq = seq + 1, prev = hash, hash = sha256(hash || int8send(seq + 1) || $33::bytea)
	WHERE clinic = $2::uuid AND (SELECT count(*) FROM mv) = 1
	RETURNING seq, prev, hash
), ev AS (
	INSERT INTO audit_event (clinic, seq, recorded, actor_kind, actor, witness, action, subject, payload, prev, hash)
	SELECT $2::uuid, head.seq, $34::timestamptz, $35::text, $36::text, $37::text, $38::text, $39::text, $33::bytea,
		head.prev, head.hash
	FROM head
	RETURNING 1
)
SELECT (SELECT count(*) FROM step), (SELECT count(*) FROM pat), (SELECT count(*) FROM mv), (SELECT count(*) FROM ev)`

var errTaken = fault.New(fault.Conflict, "dispensing.taken", "patient, bottle or chain changed under the dispensing")

// Begin implements dispensing.Tx.
func (t *Tx) Begin(ctx context.Context, b dispensing.Beginning) error {
	if err := checkBeginning(b); err != nil {
		return err
	}
	if err := t.sameClinic(b.Dispensing.Clinic); err != nil {
		return err
	}
	var err error
	// Entries that wait for the end belong before this one, so it waits with them.
	if t.s.dialect == postgresql && len(t.entries) == 0 {
		err = t.beginAtOnce(b)
	} else {
		err = t.beginStepwise(ctx, b)
	}
	if err != nil {
		return fmt.Errorf("dispensing %s: %w", b.Dispensing.ID, mapError(err))
	}
	return nil
}

// checkBeginning holds what both ways of writing take for granted.
func checkBeginning(b dispensing.Beginning) error {
	d, m := b.Dispensing, b.Move
	if err := m.Validate(); err != nil {
		return err
	}
	if m.From != stock.InBottle || m.To != stock.Reserved || m.Amount != d.Volume || m.Bottle != d.Bottle || m.Lot != d.Lot ||
		d.State != dispensing.Reserved || d.Progress.Steps != 1 || b.Step.Seq != 1 || b.Step.Kind != dispensing.StepReserved {
		return fault.New(fault.Internal, "dispensing.beginning", "dispensing %s does not begin by reserving its volume", d.ID)
	}
	return nil
}

func (t *Tx) beginAtOnce(b dispensing.Beginning) error {
	payload, err := b.Audit.Payload()
	if err != nil {
		return err
	}
	d, s, m, a := b.Dispensing, b.Step, b.Move, b.Audit
	var steps, patients, moves, events int
	err = numberedRow(t.db, t.s.q.begin, []any{
		string(d.ID), string(d.Clinic), string(d.Patient), string(d.Prescription), string(d.Station), string(d.Bottle),
		string(d.Lot), d.Day, d.Part, string(d.Kind), int64(d.Dose), int64(d.Volume), int64(d.Concentration),
		int64(d.Density), d.Pack, d.PackVersion, string(d.Reasons), string(d.RequestedBy), d.Recorded, d.Lease,
		s.ActorKind, s.Actor, string(s.Witness), s.Event, string(s.Data), s.Occurred, s.Recorded,
		string(m.ID), m.Cause, m.Reason, m.Occurred, m.Recorded,
		payload, a.Recorded, string(a.Actor.Kind), a.Actor.ID, a.Witness, a.Action, a.Subject,
	}, &steps, &patients, &moves, &events)
	if err != nil {
		return err
	}
	if steps != 1 || patients != 1 || moves != 1 || events != 1 {
		return errTaken
	}
	return nil
}

func (t *Tx) beginStepwise(ctx context.Context, b dispensing.Beginning) error {
	d := b.Dispensing
	header, state := fromDispensing(d)
	if err := insert(t, header); err != nil {
		return err
	}
	if err := insert(t, state); err != nil {
		return err
	}
	if err := insert(t, fromStep(d.Clinic, b.Step)); err != nil {
		return err
	}
	if err := t.BumpPatient(ctx, d.Patient); err != nil {
		return err
	}
	if err := t.ticketToWindow(d); err != nil {
		return err
	}
	n, err := t.exec(`UPDATE bottle_balance SET bottle = bottle WHERE id = ? AND clinic = ? AND bottle >= ? AND check_pour IS NULL
		AND EXISTS (SELECT 1 FROM station s JOIN bottle b ON b.id = s.bottle JOIN lot l ON l.id = b.lot
			WHERE s.id = ? AND b.id = ? AND b.state = 'in_use' AND l.state = 'released')`,
		d.Bottle, d.Clinic, d.Volume, d.Station, d.Bottle)
	if err != nil {
		return err
	}
	if n != 1 {
		return errTaken
	}
	if err := t.PostMoves(ctx, []stock.Move{b.Move}); err != nil {
		return err
	}
	return t.Record(ctx, b.Audit)
}

func (t *Tx) ticketToWindow(d dispensing.Dispensing) error {
	_, err := t.exec(`UPDATE ticket SET state = 'at_window', station = ?, at_window_at = ?
		WHERE patient = ? AND day = ? AND state IN ('arrived', 'called')`, d.Station, d.Recorded, d.Patient, d.Day)
	return err
}
