package queue

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// Rules are what a clinic decided about its queue. The zero Rules decides nothing: no opening hours, no targets.
type Rules struct {
	Clinic clinic.ID
	// Opens and Closes are when the windows open and close, after local midnight, in whole minutes; both zero when not said.
	Opens, Closes time.Duration
	// SlotSize is how many a slot takes while the clinic has measured nothing yet; 0: none.
	SlotSize int
	Targets  flow.Targets
	// Rooms says where somebody who may clear a hold is found, "" for unknown.
	Rooms map[staff.Role]string
}

// Bounds of Rules.
const (
	maxSlotSize = 200
	maxTarget   = 12 * time.Hour
	maxRoom     = 60
)

// roomOf lists whose rooms are kept: those who may clear what keeps a patient from being served.
var roomOf = []staff.Role{staff.Nurse, staff.Pharmacist, staff.Doctor}

func (r Rules) validate(cl clinic.Clinic) error {
	invalid := func(what string) error { return fault.New(fault.Invalid, "queue.rules", "%s", what) }
	hours := r.Opens != 0 || r.Closes != 0
	switch {
	case hours && (r.Opens < cl.CutOver || r.Closes <= r.Opens || r.Closes > 24*time.Hour):
		return invalid("opening hours do not lie in order within the clinic day")
	case r.Opens%time.Minute != 0 || r.Closes%time.Minute != 0:
		return invalid("opening hours are in whole minutes")
	case r.SlotSize < 0 || r.SlotSize > maxSlotSize:
		return invalid("the size of a slot")
	}
	for target, limit := range r.Targets {
		known := target == flow.LongestWait || target == flow.MedianWait || target == flow.P90Whole
		if !known || limit < 0 || limit > maxTarget || limit%time.Second != 0 {
			return invalid("a target")
		}
	}
	for role, room := range r.Rooms {
		known := role == roomOf[0] || role == roomOf[1] || role == roomOf[2]
		if !known || len(room) > 4*maxRoom || utf8.RuneCountInString(room) > maxRoom {
			return invalid("a room")
		}
	}
	return nil
}

// Rules reads what the clinic decided.
func (s *Service) Rules(ctx context.Context, c clinic.ID) (Rules, error) {
	return s.store.Rules(ctx, c)
}

// SetRules decides. Whoever manages the clinic may.
func (s *Service) SetRules(ctx context.Context, by staff.Member, r Rules) (Rules, error) {
	if err := by.Require(r.Clinic, staff.ManageClinic); err != nil {
		return Rules{}, err
	}
	cl, err := s.clinics.Clinic(ctx, r.Clinic)
	if err != nil {
		return Rules{}, err
	}
	if err := r.validate(cl); err != nil {
		return Rules{}, err
	}
	err = s.store.InTx(ctx, r.Clinic, func(tx Tx) error {
		if err := tx.PutRules(ctx, r); err != nil {
			return err
		}
		return tx.Record(ctx, by.Entry(s.instant(), "queue.rules", string(r.Clinic), map[string]any{
			"opens_s": int(r.Opens.Seconds()), "closes_s": int(r.Closes.Seconds()), "slot_size": r.SlotSize,
			"targets": r.Targets, "rooms": r.Rooms,
		}))
	})
	if err != nil {
		return Rules{}, err
	}
	return r, nil
}

// Where a rule refused.
type Where string

// The places.
const (
	AtDoor    Where = "door"
	AtCounter Where = "window"
)

// Refusal is how often a rule refused on a day.
type Refusal struct {
	Rule  string
	Where Where
	N     int
}

// Refused counts the rules that refused a dose, at the door or at a window. It is a figure, no record: the decision itself
// is made again whenever it is needed.
func (s *Service) Refused(ctx context.Context, c clinic.ID, w Where, rules []string) error {
	if len(rules) == 0 {
		return nil
	}
	today, err := s.today(ctx, c)
	if err != nil {
		return err
	}
	return s.store.CountRefusals(ctx, c, today, w, rules)
}
