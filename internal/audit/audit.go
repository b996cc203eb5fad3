// Package audit owns the record of who changed what: one event per change, in the transaction of the change, linked
// by hash to the event before it in the same clinic. There is no chain across clinics, so that no clinic waits for
// another.
//
// It ranks below the nouns, because every noun's changes are events here.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
)

// ActorKind says what kind of party acted.
type ActorKind string

// The kinds of actor.
const (
	ByStaff   ActorKind = "staff"
	ByStation ActorKind = "station"
	BySystem  ActorKind = "system" // a rule with a clock, such as the end of a lease
)

// Actor is who did it.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id"`
}

// System is the actor of changes that no person asked for.
var System = Actor{Kind: BySystem, ID: "clinicd"}

// Entry is one change, before it has a place in the chain.
type Entry struct {
	Clinic   clinic.ID
	Recorded calendar.Instant
	Actor    Actor
	Witness  string // staff id of the second person of a two-person act, or ""
	Action   string // "dispensing.begin", "hold.lift": the noun and what was done
	Subject  string // id of what was changed
	// Data is the change itself as JSON: new values, and old ones where they were replaced. Never names or national ids.
	Data json.RawMessage
}

// Event is an entry with its place in the chain of its clinic.
type Event struct {
	Entry
	Seq      int64 // 1, 2, 3, … per clinic, without gaps
	Payload  []byte
	PrevHash []byte // all zero for the first
	Hash     []byte
}

// Payload returns the canonical bytes of an entry: what is stored, and hashed, and never rendered again.
func (e Entry) Payload() ([]byte, error) {
	data := e.Data
	if len(data) == 0 {
		data = json.RawMessage("null")
	}
	b, err := json.Marshal(struct {
		Clinic   clinic.ID        `json:"clinic"`
		Recorded calendar.Instant `json:"recorded"`
		Actor    Actor            `json:"actor"`
		Witness  string           `json:"witness,omitempty"`
		Action   string           `json:"action"`
		Subject  string           `json:"subject"`
		Data     json.RawMessage  `json:"data"`
	}{e.Clinic, e.Recorded, e.Actor, e.Witness, e.Action, e.Subject, data})
	if err != nil {
		return nil, fmt.Errorf("audit entry %s: %w", e.Action, err)
	}
	return b, nil
}

// Genesis is the hash before the first event of a clinic.
var Genesis = make([]byte, sha256.Size)

// Hash links an event to the one before: SHA-256 over the previous hash, the sequence number as eight big-endian
// bytes, and the payload. PostgreSQL computes the same with sha256(prev || int8send(seq) || payload).
func Hash(prev []byte, seq int64, payload []byte) []byte {
	h := sha256.New()
	h.Write(prev)
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(seq)) //nolint:gosec // a sequence number is positive
	h.Write(n[:])
	h.Write(payload)
	return h.Sum(nil)
}

// Data marshals v for an Entry. It panics on a type that cannot be JSON, which is a defect of the caller.
func Data(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("audit data %T: %v", v, err))
	}
	return b
}
