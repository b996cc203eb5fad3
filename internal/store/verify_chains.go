package store

import (
	"bytes"
	"crypto/ed25519"
	"fmt"

	"gorm.io/gorm"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// auditSweep is an event beside the head that its chain should end in. Seq is 0 where there is none.
type auditSweep struct {
	Clinic                          clinic.ID
	HeadSeq                         *int64
	HeadPrev, HeadHash              []byte
	Seq                             int64
	Recorded                        calendar.Instant
	ActorKind                       audit.ActorKind
	Actor, Witness, Action, Subject string
	Payload, Prev, Hash             []byte
}

const auditSweepSQL = `SELECT c.id AS clinic, h.seq AS head_seq, h.prev AS head_prev, h.hash AS head_hash,
	coalesce(e.seq, 0) AS seq, e.recorded, coalesce(e.actor_kind, '') AS actor_kind, coalesce(e.actor, '') AS actor,
	coalesce(e.witness, '') AS witness, coalesce(e.action, '') AS action, coalesce(e.subject, '') AS subject,
	e.payload, e.prev, e.hash
FROM clinic c
LEFT JOIN audit_head h ON h.clinic = c.id
LEFT JOIN audit_event e ON e.clinic = c.id
ORDER BY c.id, e.seq`

// chain follows one clinic's events.
type chain struct {
	last       auditSweep
	seq        int64
	prev, hash []byte
}

func verifyAudit(db *gorm.DB, report func(Finding)) error {
	var c chain
	err := sweepRows(db, auditSweepSQL, func(x auditSweep) error {
		if x.Clinic != c.last.Clinic {
			c.end(report)
			c = chain{prev: audit.Genesis, hash: audit.Genesis}
		}
		c.last = x
		c.event(x, report)
		return nil
	})
	if err == nil {
		c.end(report)
	}
	return err
}

func (c *chain) event(x auditSweep, report func(Finding)) {
	if x.Seq == 0 {
		return
	}
	id := fmt.Sprintf("%s/%d", x.Clinic, x.Seq)
	if x.Seq != c.seq+1 {
		report(Finding{"audit_event", id, fmt.Sprintf("follows event %d", c.seq)})
	}
	if !bytes.Equal(x.Prev, c.hash) {
		report(Finding{"audit_event", id, "is not linked to the event before"})
	}
	if !bytes.Equal(x.Hash, audit.Hash(x.Prev, x.Seq, x.Payload)) {
		report(Finding{"audit_event", id, "its hash is not that of its payload"})
	}
	if !x.true() {
		report(Finding{"audit_event", id, "its columns do not say what its payload says"})
	}
	c.seq, c.prev, c.hash = x.Seq, x.Prev, x.Hash
}

// true reports whether the columns are copies of what the payload says, byte for byte.
func (x auditSweep) true() bool {
	data, err := payloadData(x.Payload)
	if err != nil {
		return false
	}
	e := audit.Entry{
		Clinic: x.Clinic, Recorded: x.Recorded, Actor: audit.Actor{Kind: x.ActorKind, ID: x.Actor}, Witness: x.Witness,
		Action: x.Action, Subject: x.Subject, Data: data,
	}
	again, err := e.Payload()
	return err == nil && bytes.Equal(again, x.Payload)
}

func (c *chain) end(report func(Finding)) {
	x := c.last
	switch {
	case x.Clinic == "":
	case x.HeadSeq == nil:
		report(Finding{"audit_head", string(x.Clinic), "is missing"})
	case *x.HeadSeq != c.seq || !bytes.Equal(x.HeadHash, c.hash) || !bytes.Equal(x.HeadPrev, c.prev):
		report(Finding{"audit_head", string(x.Clinic), fmt.Sprintf("ends at %d, its events at %d", *x.HeadSeq, c.seq)})
	}
}

// stationSweep is a record, beside its station and the key that the station had then. Seq is 0 where there is none.
type stationSweep struct {
	ID                 string
	EventSeq           int64
	EventHash          string
	PublicKey          []byte
	Seq                int64
	Kind               stationlog.Kind
	Payload, Signature []byte
	Hash               string
}

const stationSweepSQL = `SELECT s.id, s.event_seq, s.event_hash, coalesce(r.seq, 0) AS seq, coalesce(r.kind, '') AS kind,
	r.payload, r.signature, coalesce(r.hash, '') AS hash,
	(SELECT k.public_key FROM station_key k WHERE k.station = s.id AND k.from_event <= r.seq ORDER BY k.seq DESC LIMIT 1) AS public_key
FROM station s
LEFT JOIN station_record r ON r.station = s.id
ORDER BY s.id, r.seq`

func verifyStations(db *gorm.DB, report func(Finding)) error {
	var last stationSweep
	var seq int64
	prev := stationlog.Genesis
	end := func() {
		if last.ID != "" && (last.EventSeq != seq || (seq > 0 && last.EventHash != prev)) {
			report(Finding{"station", last.ID, fmt.Sprintf("ends at record %d, its records at %d", last.EventSeq, seq)})
		}
	}
	err := sweepRows(db, stationSweepSQL, func(x stationSweep) error {
		if x.ID != last.ID {
			end()
			seq, prev = 0, stationlog.Genesis
		}
		last = x
		if x.Seq == 0 {
			return nil
		}
		verifyRecord(x, seq, prev, report)
		seq, prev = x.Seq, x.Hash
		return nil
	})
	if err == nil {
		end()
	}
	return err
}

func verifyRecord(x stationSweep, seq int64, prev string, report func(Finding)) {
	id := fmt.Sprintf("%s/%d", x.ID, x.Seq)
	signed := stationlog.Signed{Payload: x.Payload, Signature: x.Signature}
	rec, err := signed.Open(ed25519.PublicKey(x.PublicKey))
	if err != nil {
		report(Finding{"station_record", id, err.Error()})
		return
	}
	if err := rec.Follows(seq, prev); err != nil {
		report(Finding{"station_record", id, err.Error()})
	}
	if rec.Seq != x.Seq || rec.Station != x.ID || rec.Kind != x.Kind || signed.Hash() != x.Hash {
		report(Finding{"station_record", id, "its columns do not say what its payload says"})
	}
}

// ledgerSweep is a move beside the balance of its bottle. Seq is 0 where there is none.
type ledgerSweep struct {
	Balance     balanceRow `gorm:"embedded"`
	BottleKey   string
	Known       ref
	MoveID      string
	Seq         int64
	FromAccount stock.Account
	ToAccount   stock.Account
	AmountUl    measure.Volume
	FromAfterUl measure.Volume
	ToAfterUl   measure.Volume
}

var ledgerSweepSQL = "SELECT x.id AS bottle_key, b.id AS known, " + columns("b", balanceRow{}) + `,
	coalesce(CAST(m.id AS text), '') AS move_id, coalesce(m.seq, 0) AS seq, coalesce(m.from_account, '') AS from_account,
	coalesce(m.to_account, '') AS to_account, coalesce(m.amount_ul, 0) AS amount_ul,
	coalesce(m.from_after_ul, 0) AS from_after_ul, coalesce(m.to_after_ul, 0) AS to_after_ul
FROM bottle x
LEFT JOIN bottle_balance b ON b.id = x.id
LEFT JOIN move m ON m.bottle = x.id
ORDER BY x.id, m.seq`

// ledger follows the moves of one bottle.
type ledger struct {
	last    ledgerSweep
	moves   int64
	balance stock.Balance
}

func verifyLedger(db *gorm.DB, report func(Finding)) error {
	l := ledger{balance: stock.Balance{}}
	err := sweepRows(db, ledgerSweepSQL, func(x ledgerSweep) error {
		if x.BottleKey != l.last.BottleKey {
			l.end(report)
			l = ledger{balance: stock.Balance{}}
		}
		l.last = x
		l.move(x, report)
		return nil
	})
	if err == nil {
		l.end(report)
	}
	return err
}

func (l *ledger) move(x ledgerSweep, report func(Finding)) {
	if x.Seq == 0 {
		return
	}
	if x.Seq != l.moves+1 {
		report(Finding{"move", x.MoveID, fmt.Sprintf("is number %d of its bottle, after %d", x.Seq, l.moves)})
	}
	m := stock.Move{From: x.FromAccount, To: x.ToAccount, Amount: x.AmountUl}
	l.balance.Apply(&m)
	if m.FromAfter != x.FromAfterUl || m.ToAfter != x.ToAfterUl {
		report(Finding{"move", x.MoveID, fmt.Sprintf("leaves %d and %d µL, the moves add up to %d and %d",
			int64(x.FromAfterUl), int64(x.ToAfterUl), int64(m.FromAfter), int64(m.ToAfter))})
	}
	l.moves = x.Seq
}

func (l *ledger) end(report func(Finding)) {
	x := l.last
	if x.BottleKey == "" {
		return
	}
	if x.Known == "" {
		report(Finding{"bottle", x.BottleKey, "has no balance"})
		return
	}
	if x.Balance.Moves != l.moves {
		report(Finding{"bottle_balance", x.BottleKey, fmt.Sprintf("counts %d moves, there are %d", x.Balance.Moves, l.moves)})
	}
	for _, a := range stock.Accounts {
		if kept := *x.Balance.account(a); kept != l.balance[a] {
			report(Finding{"bottle_balance", x.BottleKey, fmt.Sprintf("%s holds %d µL, the moves add up to %d", a, int64(kept), int64(l.balance[a]))})
		}
	}
}
