package book

import (
	"cmp"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Column is what a move means for the stock.
type Column string

// The columns. Loss and surplus are apart and are never netted; waste has its minutes with two people, loss has not.
const (
	Received    Column = "received"
	Issued      Column = "issued" // swallowed or taken home
	Wasted      Column = "wasted" // refused, spilled, primed, purged: before a witness
	Lost        Column = "lost"
	Found       Column = "found"
	Returned    Column = "returned" // to the supplier
	Destroyed   Column = "destroyed"
	Transferred Column = "transferred" // to another site
)

// Columns lists every column in the order of a register.
var Columns = []Column{Received, Issued, Wasted, Lost, Found, Returned, Destroyed, Transferred}

// Sign is 1 for a column that adds to the stock and -1 for one that takes from it.
func (c Column) Sign() measure.Volume {
	if c == Received || c == Found {
		return 1
	}
	return -1
}

// columnOf is the column of what is on the other side of the border.
func columnOf(a stock.Account) (Column, bool) {
	switch a {
	case stock.Supplier:
		return Received, true
	case stock.Administered, stock.TakeHome:
		return Issued, true
	case stock.Waste, stock.Purge:
		return Wasted, true
	case stock.Loss:
		return Lost, true
	case stock.Surplus:
		return Found, true
	case stock.Returned:
		return Returned, true
	case stock.Destruction:
		return Destroyed, true
	case stock.Transferred:
		return Transferred, true
	case stock.Store, stock.InBottle, stock.Reserved, stock.InDoubt:
	}
	return "", false
}

// Crossing is the effect of a move on the stock: the column, and the amount in the column's own direction, so that a
// correction is negative. ok is false for a move that does not cross the border.
func Crossing(from, to stock.Account, amount measure.Volume) (c Column, v measure.Volume, ok bool) {
	out, leaves := columnOf(to)
	in, enters := columnOf(from)
	switch {
	case leaves == enters: // within, or from one account outside to another
		return "", 0, false
	case leaves && out.Sign() > 0: // back to the supplier's account, or a surplus that was none
		return out, -amount, true
	case leaves:
		return out, amount, true
	case in.Sign() > 0:
		return in, amount, true
	}
	return in, -amount, true // what was given or wasted was not
}

// Held is the stock that a balance of accounts holds.
func Held(b stock.Balance) measure.Volume {
	return b[stock.Store] + b[stock.InBottle] + b[stock.Reserved] + b[stock.InDoubt]
}

// Sums are amounts by column.
type Sums map[Column]measure.Volume

// Net is what the columns change the stock by.
func (s Sums) Net() measure.Volume {
	var net measure.Volume
	for c, v := range s {
		net += c.Sign() * v
	}
	return net
}

// Move is one crossing as the ledger has it.
type Move struct {
	Lot      stock.LotID
	From, To stock.Account
	Amount   measure.Volume
	Cause    string // the dispensing or document behind it
	Reason   string
	Recorded calendar.Instant
	Occurred calendar.Instant
	// Corrects is the move that this one reverses, CorrectedBy the one that reverses this, even long after; the zero Ref
	// for none.
	Corrects, CorrectedBy Ref
}

// Ledger is what a register of one product is computed from.
type Ledger struct {
	Opening measure.Volume // stock right before the period
	Moves   []Move         // of the period that cross the border of the stock
	Doses   int            // doses issued, where the moves are added up
}

// Line is one line of the narcotic register.
type Line struct {
	Day      calendar.Day // of the record
	Occurred calendar.Day // another day when it was recorded late
	Lot      stock.LotID
	Document string // id of the paper behind it, "" for doses
	Reason   string // the move's word; "doses" for the doses of a day
	Doses    int
	Column   Column
	Amount   measure.Volume // in the column's direction
	Balance  measure.Volume // after the line
}

// Page is a register over a period.
type Page struct {
	Opening, Closing measure.Volume
	Lines            []Line
	Sums             Sums
}

// reasonDoses stands for the doses of a day in one line.
const reasonDoses = "doses"

// Register lays the moves of a period out as lines. The doses of a day and lot are one line, or with eachDose one line
// each, however many moves a dose has: what was poured beyond the order is a move of its own. Every other move is a line
// of its own. opening is the stock before the first of them.
func Register(opening measure.Volume, moves []Move, day func(calendar.Instant) calendar.Day, eachDose bool) Page {
	p := Page{Opening: opening, Sums: Sums{}}
	moves = slices.Clone(moves)
	slices.SortStableFunc(moves, func(a, b Move) int { return cmp.Compare(a.Recorded, b.Recorded) })
	open := map[doses]int{} // the line of the doses of a day, or of one
	seen := map[counted]bool{}
	for _, m := range moves {
		c, v, ok := Crossing(m.From, m.To, m.Amount)
		if !ok {
			continue
		}
		p.Sums[c] += v
		l := Line{Day: day(m.Recorded), Occurred: day(m.Occurred), Lot: m.Lot, Document: m.Cause, Reason: m.Reason, Column: c, Amount: v}
		if c == Issued {
			key := doses{day: l.Day, lot: l.Lot}
			l.Document, l.Reason, l.Amount = "", reasonDoses, 0
			if eachDose {
				key.act, l.Document = Ref{m.Cause, m.Recorded}, m.Cause
			}
			i, known := open[key]
			if !known {
				i = len(p.Lines)
				open[key] = i
				p.Lines = append(p.Lines, l)
			}
			p.Lines[i].Amount += v
			if dose := (counted{i, m.Cause}); v > 0 && !seen[dose] {
				seen[dose] = true
				p.Lines[i].Doses++
			}
			continue
		}
		p.Lines = append(p.Lines, l)
	}
	p.balance()
	return p
}

// doses are what one line of issues stands for.
type doses struct {
	day calendar.Day
	lot stock.LotID
	act Ref // with a line for each dose
}

// counted is a dose that a line has counted.
type counted struct {
	line  int
	cause string
}

// balance fills in the balance after each line.
func (p *Page) balance() {
	p.Closing = p.Opening
	for i := range p.Lines {
		p.Closing += p.Lines[i].Column.Sign() * p.Lines[i].Amount
		p.Lines[i].Balance = p.Closing
	}
}

// Add adds a move to sums, if it crosses the border.
func (s Sums) Add(m Move) {
	if c, v, ok := Crossing(m.From, m.To, m.Amount); ok {
		s[c] += v
	}
}
