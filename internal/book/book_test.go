package book

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

const millilitre = measure.Millilitre

func TestCrossings(t *testing.T) {
	for name, row := range map[string]struct {
		from, to stock.Account
		column   Column
		amount   measure.Volume
	}{
		"a receipt":                  {stock.Supplier, stock.Store, Received, 5},
		"a receipt that was none":    {stock.Store, stock.Supplier, Received, -5},
		"a bottle opened":            {stock.Store, stock.InBottle, "", 0},
		"a dose promised":            {stock.InBottle, stock.Reserved, "", 0},
		"a dose in doubt":            {stock.Reserved, stock.InDoubt, "", 0},
		"a dose swallowed":           {stock.Reserved, stock.Administered, Issued, 5},
		"a dose taken home":          {stock.Reserved, stock.TakeHome, Issued, 5},
		"a dose that was not given":  {stock.Administered, stock.InBottle, Issued, -5},
		"a cup wasted":               {stock.Reserved, stock.Waste, Wasted, 5},
		"a tube primed":              {stock.InBottle, stock.Purge, Wasted, 5},
		"waste destroyed":            {stock.Waste, stock.Destruction, "", 0},
		"a bottle destroyed":         {stock.Store, stock.Destruction, Destroyed, 5},
		"a loss":                     {stock.InBottle, stock.Loss, Lost, 5},
		"a loss that was found":      {stock.Loss, stock.InBottle, Lost, -5},
		"a surplus":                  {stock.Surplus, stock.InBottle, Found, 5},
		"a surplus that was none":    {stock.InBottle, stock.Surplus, Found, -5},
		"a return":                   {stock.Store, stock.Returned, Returned, 5},
		"a transfer":                 {stock.Store, stock.Transferred, Transferred, 5},
		"poured together from a lot": {stock.Transferred, stock.InBottle, Transferred, -5},
	} {
		c, v, ok := Crossing(row.from, row.to, 5)
		if c != row.column || v != row.amount || ok != (row.column != "") {
			t.Errorf("%s: %s %d %v", name, c, v, ok)
		}
	}
}

func at(day, hour int) calendar.Instant {
	return calendar.At(time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC))
}

func dayOf(i calendar.Instant) calendar.Day { t := i.Time(); return calendar.DateOf(t.Date()) }

// A week of a small clinic, as its register has it.
func TestRegister(t *testing.T) {
	moves := []Move{
		{Lot: "A", From: stock.Supplier, To: stock.Store, Amount: 1000 * millilitre, Cause: "doc1", Reason: "receipt", Recorded: at(1, 8), Occurred: at(1, 8)},
		{Lot: "A", From: stock.Reserved, To: stock.Administered, Amount: 6 * millilitre, Cause: "d1", Reason: "taken", Recorded: at(2, 1), Occurred: at(2, 1)},
		{Lot: "A", From: stock.InBottle, To: stock.Purge, Amount: 2 * millilitre, Cause: "doc2", Reason: "purge", Recorded: at(2, 2), Occurred: at(2, 2)},
		{Lot: "A", From: stock.Reserved, To: stock.Administered, Amount: 4 * millilitre, Cause: "d2", Reason: "taken", Recorded: at(2, 3), Occurred: at(2, 3)},
		{Lot: "A", From: stock.InBottle, To: stock.Loss, Amount: 1 * millilitre, Cause: "doc3", Reason: "loss", Recorded: at(3, 9), Occurred: at(2, 9)},
		{Lot: "A", From: stock.Surplus, To: stock.InBottle, Amount: 3 * millilitre, Cause: "doc4", Reason: "surplus", Recorded: at(3, 9), Occurred: at(3, 9)},
	}
	p := Register(50*millilitre, moves, dayOf, false)
	want := []struct {
		column  Column
		doses   int
		balance measure.Volume
	}{{Received, 0, 1050}, {Issued, 2, 1040}, {Wasted, 0, 1038}, {Lost, 0, 1037}, {Found, 0, 1040}}
	if len(p.Lines) != len(want) || p.Closing != 1040*millilitre || p.Opening+p.Sums.Net() != p.Closing {
		t.Fatalf("%+v", p)
	}
	for i, w := range want {
		if l := p.Lines[i]; l.Column != w.column || l.Doses != w.doses || l.Balance != w.balance*millilitre {
			t.Errorf("line %d: %+v", i, l)
		}
	}
	if p.Lines[3].Day == p.Lines[3].Occurred {
		t.Error("what was recorded late does not say so")
	}
	if each := Register(0, moves, dayOf, true); len(each.Lines) != 6 || each.Lines[1].Document != "d1" {
		t.Errorf("%+v", each.Lines)
	}
}

// A dose that came out a little over its order is two moves, and one dose.
func TestADoseIsCountedOnce(t *testing.T) {
	dose := func(cause string, from stock.Account, v measure.Volume, hour int) Move {
		return Move{Lot: "A", From: from, To: stock.Administered, Amount: v, Cause: cause, Reason: "taken", Recorded: at(2, hour), Occurred: at(2, hour)}
	}
	back := Move{Lot: "A", From: stock.Administered, To: stock.InBottle, Amount: 12, Cause: "d2", Recorded: at(2, 4), Occurred: at(2, 4)}
	moves := []Move{dose("d1", stock.Reserved, 6000, 1), dose("d1", stock.InBottle, 12, 1), dose("d2", stock.Reserved, 4000, 2), dose("d2", stock.InBottle, 30, 2), back}
	day := Register(20_000, moves, dayOf, false)
	if len(day.Lines) != 1 || day.Lines[0].Doses != 2 || day.Lines[0].Amount != 10_030 {
		t.Errorf("%+v", day.Lines)
	}
	each := Register(20_000, moves, dayOf, true)
	if len(each.Lines) != 3 || each.Lines[0].Amount != 6012 || each.Lines[1].Doses != 1 || each.Lines[1].Balance != 9958 {
		t.Fatalf("%+v", each.Lines)
	}
	if l := each.Lines[2]; l.Amount != -12 || l.Doses != 0 || l.Document != "d2" {
		t.Errorf("the correction is %+v", l)
	}
}

// Whatever moves: the register's closing balance is what the accounts hold, however the period is cut, and each line
// follows from the one before.
func TestRegisterFollowsTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		balance := stock.Balance{}
		moves := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Move {
			from := rapid.SampledFrom(stock.Accounts).Draw(t, "from")
			to := rapid.SampledFrom(stock.Accounts).Filter(func(a stock.Account) bool { return a != from }).Draw(t, "to")
			m := Move{
				Lot:  stock.LotID(rapid.SampledFrom([]string{"A", "B"}).Draw(t, "lot")),
				From: from, To: to, Amount: measure.Volume(rapid.IntRange(1, 1000).Draw(t, "amount")),
				Recorded: at(rapid.IntRange(1, 9).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour")),
			}
			m.Occurred = m.Recorded
			return m
		}), 0, 40).Draw(t, "moves")
		for _, m := range moves {
			balance[m.From] -= m.Amount
			balance[m.To] += m.Amount
		}
		whole := Register(0, moves, dayOf, rapid.Bool().Draw(t, "each"))
		if whole.Closing != Held(balance) || whole.Sums.Net() != whole.Closing {
			t.Fatalf("closing %d, the accounts hold %d", whole.Closing, Held(balance))
		}
		last := whole.Opening
		for _, l := range whole.Lines {
			if last += l.Column.Sign() * l.Amount; l.Balance != last {
				t.Fatalf("%+v after %d", l, last)
			}
		}
		cut := at(rapid.IntRange(1, 9).Draw(t, "cut"), 0)
		var before, after []Move
		for _, m := range moves {
			if m.Recorded < cut {
				before = append(before, m)
			} else {
				after = append(after, m)
			}
		}
		first := Register(0, before, dayOf, false)
		if second := Register(first.Closing, after, dayOf, false); second.Closing != whole.Closing {
			t.Fatalf("%d in two pages, %d in one", second.Closing, whole.Closing)
		}
	})
}
