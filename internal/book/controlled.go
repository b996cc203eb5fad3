package book

import (
	"cmp"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Side is where an amount stands in a controlled drugs register.
type Side string

// The sides. What was neither obtained from nor supplied to anybody stands apart, and what went never balances what came.
const (
	Obtained Side = "obtained"
	Supplied Side = "supplied" // to a patient, back to the supplier, to another site
	OtherOut Side = "other_out"
	OtherIn  Side = "other_in"
)

// Sides lists every side in the order of the register's columns.
var Sides = []Side{Obtained, Supplied, OtherOut, OtherIn}

// Side is the side of a column.
func (c Column) Side() Side {
	switch c {
	case Received:
		return Obtained
	case Issued, Returned, Transferred:
		return Supplied
	case Found:
		return OtherIn
	case Wasted, Lost, Destroyed:
	}
	return OtherOut
}

// Ref names an entry of the register: what is behind it, and when it was made.
type Ref struct {
	Cause    string
	Recorded calendar.Instant
}

// Link is a correction seen from one of its two ends.
type Link struct {
	Ref    // of the other end
	Amount measure.Volume
}

// Entry is one entry of a controlled drugs register (Misuse of Drugs Regulations 2001, reg. 19 and 20): one act, whatever
// the number of its bottles.
type Entry struct {
	Ref
	Occurred calendar.Instant
	Column   Column
	Reason   string         // the first move's word
	Amount   measure.Volume // in the column's direction, so that a correction is negative
	Balance  measure.Volume // after the entry
	// An entry is never altered. What was wrong in it is said by a later entry, and each of the two names the other.
	Corrects    []Link
	CorrectedBy []Link
}

// SideSums are amounts by side.
type SideSums map[Side]measure.Volume

// Controlled is a controlled drugs register of one product over a period.
type Controlled struct {
	Opening, Closing measure.Volume
	Entries          []Entry
	Sums             SideSums
}

// ControlledRegister lays the moves of a period out as entries, in the order in which they were made: one for all that
// one act did to one column. What an act takes from one bottle and gives to another is none.
func ControlledRegister(opening measure.Volume, moves []Move) Controlled {
	type act struct {
		Ref
		column Column
	}
	r := Controlled{Opening: opening, Closing: opening, Sums: SideSums{}}
	moves = slices.Clone(moves)
	slices.SortStableFunc(moves, func(a, b Move) int { return cmp.Compare(a.Recorded, b.Recorded) })
	place := map[act]int{}
	for _, m := range moves {
		c, v, ok := Crossing(m.From, m.To, m.Amount)
		if !ok {
			continue
		}
		key := act{Ref{m.Cause, m.Recorded}, c}
		i, known := place[key]
		if !known {
			i = len(r.Entries)
			place[key] = i
			r.Entries = append(r.Entries, Entry{Ref: key.Ref, Occurred: m.Occurred, Column: c, Reason: m.Reason})
		}
		e := &r.Entries[i]
		e.Amount += v
		e.Corrects = linked(e.Corrects, m.Corrects, m.Amount)
		e.CorrectedBy = linked(e.CorrectedBy, m.CorrectedBy, m.Amount)
	}
	r.Entries = slices.DeleteFunc(r.Entries, func(e Entry) bool { return e.Amount == 0 })
	r.amend()
	for i := range r.Entries {
		e := &r.Entries[i]
		r.Sums[e.Column.Side()] += e.Amount
		r.Closing += e.Column.Sign() * e.Amount
		e.Balance = r.Closing
	}
	return r
}

// amend links what an act itself took back later, such as what was weighed after it was estimated, to its first entry.
func (r *Controlled) amend() {
	type act struct {
		cause  string
		column Column
	}
	first := map[act]int{}
	for i := range r.Entries {
		e := &r.Entries[i]
		key := act{e.Cause, e.Column}
		wrong, known := first[key]
		if !known {
			first[key] = i
			continue
		}
		if e.Amount < 0 && len(e.Corrects) == 0 {
			e.Corrects = linked(e.Corrects, r.Entries[wrong].Ref, -e.Amount)
			r.Entries[wrong].CorrectedBy = linked(r.Entries[wrong].CorrectedBy, e.Ref, -e.Amount)
		}
	}
}

// linked adds an amount to the link with the other end of a correction; the zero Ref is none.
func linked(links []Link, other Ref, v measure.Volume) []Link {
	if other == (Ref{}) {
		return links
	}
	for i := range links {
		if links[i].Ref == other {
			links[i].Amount += v
			return links
		}
	}
	return append(links, Link{other, v})
}

// Supply is what a register says of a dose: to whom, by whose order, and how they proved who they are.
type Supply struct {
	Code, Name, Address string
	Order               int // version of the prescription
	Signed              calendar.Instant
	Prescriber          string // staff id
	Dispenser           string // staff id
	// Handed is when the patient's card was read at the hand-over; the zero Instant when it was not.
	Handed calendar.Instant
}

// Signer is who made an entry that no paper stands behind, and why.
type Signer struct{ By, Witness, Reason string } // staff ids, "" for none
