// Package id makes and checks the identifiers of records: UUID version 7, made by whoever starts an act and stored
// before it is sent, so that the id is the idempotency key for ever.
//
// An id is kept as its canonical lower-case text in a named string type per noun (patient.ID, dispensing.ID), so one
// noun's id cannot be passed for another's.
package id

import (
	"github.com/google/uuid"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// New returns a fresh id. It panics only when the operating system has no randomness to give.
func New[T ~string]() T { return T(uuid.Must(uuid.NewV7()).String()) }

// Parse accepts the canonical 36-character form of a UUID, in either case, and nothing else.
func Parse[T ~string](s string) (T, error) {
	u, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return "", fault.New(fault.Invalid, "id.malformed", "id is not a UUID")
	}
	return T(u.String()), nil
}
