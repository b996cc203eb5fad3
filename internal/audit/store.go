package audit

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
)

// Store keeps the chains.
type Store interface {
	// Append records an event that belongs to no other change, such as the reading of a patient's file.
	Append(ctx context.Context, e Entry) error
	// Events lists events, newest first.
	Events(ctx context.Context, f Filter) ([]Event, error)
}

// Filter chooses events of one clinic. Zero fields choose all.
type Filter struct {
	Clinic   clinic.ID
	Subject  string
	Actor    string           // id of who acted
	Action   string           // how the action begins: "hold." or "hold.lift"
	From, To calendar.Instant // by Recorded: From included, To not
	Before   int64            // only smaller numbers; 0 for the first page
	Limit    int              // 1–500, 0 for 100
}
