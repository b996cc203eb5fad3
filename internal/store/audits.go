package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
)

type auditHeadRow struct {
	Clinic clinic.ID `gorm:"primaryKey"`
	Seq    int64
	Prev   []byte
	Hash   []byte
}

func (auditHeadRow) TableName() string { return "audit_head" }

type auditEventRow struct {
	Clinic    clinic.ID `gorm:"primaryKey"`
	Seq       int64     `gorm:"primaryKey;autoIncrement:false"`
	Recorded  calendar.Instant
	ActorKind audit.ActorKind
	Actor     string
	Witness   string
	Action    string
	Subject   string
	Payload   []byte
	Prev      []byte
	Hash      []byte
}

func (auditEventRow) TableName() string { return "audit_event" }

func fromEntry(e audit.Entry, payload []byte) auditEventRow {
	return auditEventRow{
		Clinic: e.Clinic, Recorded: e.Recorded, ActorKind: e.Actor.Kind, Actor: e.Actor.ID, Witness: e.Witness,
		Action: e.Action, Subject: e.Subject, Payload: payload,
	}
}

// Record implements the Record of every domain's Tx. The entry is written when the transaction ends.
func (t *Tx) Record(_ context.Context, e audit.Entry) error {
	if err := t.sameClinic(e.Clinic); err != nil {
		return err
	}
	if e.Recorded.IsZero() || e.Action == "" {
		return fault.New(fault.Internal, "audit.incomplete", "audit entry without action or time")
	}
	t.entries = append(t.entries, e)
	return nil
}

// appendEventSQL takes the head of the chain, moves it on, and adds the event, in one statement. The UPDATE is its own
// lock: after a wait PostgreSQL computes it anew from the row as it then is, and returns both hashes of that row. It
// must not read the head any other way, which after a wait would show the old one.
const appendEventSQL = `WITH head AS (
	UPDATE audit_head
	SET seq = seq + 1, prev = hash, hash = sha256(hash || int8send(seq + 1) || $2::bytea)
	WHERE clinic = $1::uuid
	RETURNING seq, prev, hash
)
INSERT INTO audit_event (clinic, seq, recorded, actor_kind, actor, witness, action, subject, payload, prev, hash)
SELECT $1::uuid, head.seq, $3::timestamptz, $4::text, $5::text, $6::text, $7::text, $8::text, $2::bytea, head.prev, head.hash
FROM head`

// flush writes the entries of the transaction. It is the last thing before COMMIT.
func (t *Tx) flush() error {
	entries := t.entries
	t.entries = nil
	switch {
	case len(entries) == 0:
		return nil
	case len(entries) == 1 && t.s.dialect == postgresql:
		return t.appendEvent(entries[0])
	default:
		return t.appendEvents(entries)
	}
}

func (t *Tx) appendEvent(e audit.Entry) error {
	payload, err := e.Payload()
	if err != nil {
		return err
	}
	n, err := t.execNumbered(t.s.q.appendEvent, []any{string(e.Clinic), payload, e.Recorded,
		string(e.Actor.Kind), e.Actor.ID, e.Witness, e.Action, e.Subject})
	return one("audit head", n, err)
}

// appendEvents locks the head, links the entries in Go, and writes them together.
func (t *Tx) appendEvents(entries []audit.Entry) error {
	head, err := take[auditHeadRow](t.locking(), "audit head", "clinic = ?", t.clinic)
	if err != nil {
		return err
	}
	rows := make([]auditEventRow, len(entries))
	for i, e := range entries {
		payload, err := e.Payload()
		if err != nil {
			return err
		}
		head.Seq++
		head.Prev, head.Hash = head.Hash, audit.Hash(head.Hash, head.Seq, payload)
		rows[i] = fromEntry(e, payload)
		rows[i].Seq, rows[i].Prev, rows[i].Hash = head.Seq, head.Prev, head.Hash
	}
	r := t.db.Model(&auditHeadRow{}).Where("clinic = ?", t.clinic).Select("seq", "prev", "hash").Updates(head)
	if err := one("audit head", r.RowsAffected, r.Error); err != nil {
		return err
	}
	if err := t.db.Create(&rows).Error; err != nil {
		return fmt.Errorf("audit events: %w", mapError(err))
	}
	return nil
}

type audits struct{ *Store }

// Audit is the store of package audit.
func (s *Store) Audit() audit.Store { return audits{s} }

func (s audits) Append(ctx context.Context, e audit.Entry) error {
	return s.inTx(ctx, e.Clinic, func(t *Tx) error { return t.Record(ctx, e) })
}

func (s audits) Events(ctx context.Context, f audit.Filter) ([]audit.Event, error) {
	db := s.report.WithContext(ctx).Where("clinic = ?", f.Clinic)
	if f.Subject != "" {
		db = db.Where("subject = ?", f.Subject)
	}
	if f.Actor != "" {
		db = db.Where("actor = ?", f.Actor)
	}
	if f.Action != "" {
		db = db.Where("substr(action, 1, ?) = ?", len(f.Action), f.Action)
	}
	if !f.From.IsZero() {
		db = db.Where("recorded >= ?", f.From)
	}
	if !f.To.IsZero() {
		db = db.Where("recorded < ?", f.To)
	}
	if f.Before > 0 {
		db = db.Where("seq < ?", f.Before)
	}
	rows, err := list[auditEventRow](db.Order("seq DESC").Limit(page(f.Limit, 100, 500)))
	if err != nil {
		return nil, err
	}
	events := make([]audit.Event, len(rows))
	for i, r := range rows {
		if events[i], err = toEvent(r); err != nil {
			return nil, err
		}
	}
	return events, nil
}

func toEvent(r auditEventRow) (audit.Event, error) {
	data, err := payloadData(r.Payload)
	if err != nil {
		return audit.Event{}, fmt.Errorf("audit event %d: %w", r.Seq, err)
	}
	return audit.Event{
		Entry: audit.Entry{
			Clinic: r.Clinic, Recorded: r.Recorded, Actor: audit.Actor{Kind: r.ActorKind, ID: r.Actor},
			Witness: r.Witness, Action: r.Action, Subject: r.Subject, Data: data,
		},
		Seq: r.Seq, Payload: r.Payload, PrevHash: r.Prev, Hash: r.Hash,
	}, nil
}

// payloadData takes the data out of the canonical bytes of an event, as they are.
func payloadData(payload []byte) (json.RawMessage, error) {
	var p struct {
		Data json.RawMessage `json:"data"`
	}
	err := json.Unmarshal(payload, &p)
	return p.Data, err
}
