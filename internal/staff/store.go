package staff

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
)

// Store keeps the members of staff and the counts of failed sign-ins.
type Store interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c clinic.ID, fn func(Tx) error) error
	// Member reads one. fault.NotFound when there is none in this clinic.
	Member(ctx context.Context, c clinic.ID, id ID) (Member, error)
	// Members lists everybody of a clinic, inactive ones too, by username.
	Members(ctx context.Context, c clinic.ID) ([]Member, error)
	// MemberByUsername finds a person in the whole database: a username is unique in it. fault.NotFound when unknown.
	MemberByUsername(ctx context.Context, username string) (Member, error)
	// MemberByBadge finds the person of this clinic who carries the badge. fault.NotFound when unknown.
	MemberByBadge(ctx context.Context, c clinic.ID, badge string) (Member, error)
	// Attempts reads a count of failures; a key that was never seen has the zero count.
	Attempts(ctx context.Context, key string) (Attempts, error)
	// UpdateAttempts locks the count of key, creating it at zero, lets fn change it, and saves it, in a transaction of
	// its own. fn may run more than once.
	UpdateAttempts(ctx context.Context, key string, fn func(*Attempts)) error
}

// Tx is one transaction of one clinic.
type Tx interface {
	// NextStaffSerial returns a number that no badge of the clinic ever had: 1, 2, ….
	NextStaffSerial(ctx context.Context) (int, error)
	// InsertMember adds a person. fault.Conflict with the key "staff.username_taken" or "staff.badge_taken" when
	// another one has it.
	InsertMember(ctx context.Context, m Member) error
	// LockMember reads a person and keeps others from changing them. fault.NotFound when not of this clinic.
	LockMember(ctx context.Context, id ID) (Member, error)
	// UpdateMember writes every field but ID, Clinic and Username. fault.Conflict as InsertMember.
	UpdateMember(ctx context.Context, m Member) error
	// ActiveWithRole counts the active members of the clinic who hold the role.
	ActiveWithRole(ctx context.Context, r Role) (int, error)
	// Record appends an audit entry to the clinic's chain.
	Record(ctx context.Context, e audit.Entry) error
}

// Attempts counts the failures of one credential of one name since its last success.
type Attempts struct {
	Key         string // kind of credential and a hash of the name that was typed; never the name
	Failures    int
	LastAt      calendar.Instant
	LockedUntil calendar.Instant // zero when not locked
}
