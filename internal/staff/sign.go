package staff

import (
	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
)

// Require reports why m may not do a in clinic c: fault.Forbidden with the key "staff.may_not" for somebody inactive, of
// another clinic, or without a role for it.
func (m Member) Require(c clinic.ID, a Action) error {
	if m.ID == "" || !m.Active || m.Clinic != c || !m.May(a) {
		return fault.New(fault.Forbidden, "staff.may_not", "%s may not %s in this clinic", m.ID, a).With("action", string(a))
	}
	return nil
}

var _ clinic.Signatory = Member{}

// StaffID is m's id as it stands in the clinic's records.
func (m Member) StaffID() string { return string(m.ID) }

// MayAdopt reports why m may not adopt rules for c; nil when m may.
func (m Member) MayAdopt(c clinic.ID) error { return m.Require(c, AdoptRules) }

// MayManage reports why m may not change the calendar of c; nil when m may.
func (m Member) MayManage(c clinic.ID) error { return m.Require(c, ManageClinic) }

// Entry begins the audit entry of something that m did. Data must hold no names and no national ids.
func (m Member) Entry(now calendar.Instant, action, subject string, data any) audit.Entry {
	return audit.Entry{
		Clinic: m.Clinic, Recorded: now, Actor: audit.Actor{Kind: audit.ByStaff, ID: string(m.ID)},
		Action: action, Subject: subject, Data: audit.Data(data),
	}
}

// Pair is the two people of a two-person act. Each has given a credential of their own; the caller has checked both.
type Pair struct {
	By, Witness Member
}

// Require reports why the two may not do act together: nobody witnesses themself, and the second person needs the
// witness action as the first needs act.
func (p Pair) Require(c clinic.ID, act, witness Action) error {
	if err := p.By.Require(c, act); err != nil {
		return err
	}
	switch {
	case p.Witness.ID == "":
		return fault.New(fault.Invalid, "witness.missing", "a second person must sign")
	case p.Witness.ID == p.By.ID:
		return fault.New(fault.Invalid, "witness.same", "nobody witnesses themself")
	case p.Witness.Require(c, witness) != nil:
		return fault.New(fault.Forbidden, "witness.may_not", "the second person may not witness here")
	}
	return nil
}

// Entry begins the audit entry of what the two did; a missing witness is left out.
func (p Pair) Entry(now calendar.Instant, action, subject string, data any) audit.Entry {
	e := p.By.Entry(now, action, subject, data)
	e.Witness = string(p.Witness.ID)
	return e
}
