package book

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// A day with a delivery of two bottles, two doses of which one is partly wasted, a bottle poured into another, and a loss
// that was none.
func TestControlledRegister(t *testing.T) {
	loss := Ref{"doc3", at(2, 9)}
	amends := Ref{"doc4", at(3, 9)}
	moves := []Move{
		{From: stock.Supplier, To: stock.Store, Amount: 1000, Cause: "doc1", Reason: "receipt", Recorded: at(1, 8)},
		{From: stock.Supplier, To: stock.Store, Amount: 1000, Cause: "doc1", Reason: "receipt", Recorded: at(1, 8)},
		{From: stock.Store, To: stock.InBottle, Amount: 1000, Cause: "doc2", Recorded: at(1, 9)},
		{From: stock.Reserved, To: stock.Administered, Amount: 60, Cause: "d1", Recorded: at(2, 1)},
		{From: stock.Reserved, To: stock.Administered, Amount: 40, Cause: "d2", Recorded: at(2, 2)},
		{From: stock.Reserved, To: stock.Waste, Amount: 20, Cause: "d2", Recorded: at(2, 2)},
		{From: stock.InBottle, To: stock.Transferred, Amount: 300, Cause: "pour", Recorded: at(2, 3)},
		{From: stock.Transferred, To: stock.InBottle, Amount: 300, Cause: "pour", Recorded: at(2, 3)},
		{From: stock.InBottle, To: stock.Loss, Amount: 5, Cause: "doc3", Recorded: at(2, 9), CorrectedBy: amends},
		{From: stock.Loss, To: stock.InBottle, Amount: 5, Cause: "doc4", Recorded: at(3, 9), Corrects: loss},
	}
	r := ControlledRegister(100, moves)
	want := []struct {
		cause           string
		column          Column
		amount, balance measure.Volume
	}{
		{"doc1", Received, 2000, 2100}, {"d1", Issued, 60, 2040}, {"d2", Issued, 40, 2000}, {"d2", Wasted, 20, 1980}, {"doc3", Lost, 5, 1975},
		{"doc4", Lost, -5, 1980},
	}
	if len(r.Entries) != len(want) || r.Opening != 100 || r.Closing != 1980 {
		t.Fatalf("%+v", r)
	}
	for i, w := range want {
		if e := r.Entries[i]; e.Cause != w.cause || e.Column != w.column || e.Amount != w.amount || e.Balance != w.balance {
			t.Errorf("entry %d: %+v", i+1, e)
		}
	}
	if got := r.Entries[4].CorrectedBy; len(got) != 1 || got[0] != (Link{amends, 5}) {
		t.Errorf("the loss is corrected by %+v", got)
	}
	if got := r.Entries[5].Corrects; len(got) != 1 || got[0] != (Link{loss, 5}) {
		t.Errorf("the correction is of %+v", got)
	}
	for side, v := range map[Side]measure.Volume{Obtained: 2000, Supplied: 100, OtherOut: 20, OtherIn: 0} {
		if r.Sums[side] != v {
			t.Errorf("%s is %d, want %d", side, r.Sums[side], v)
		}
	}
}

// What an act takes back itself, as a pour that was weighed after it was estimated, names its first entry.
func TestAnActCorrectsItself(t *testing.T) {
	r := ControlledRegister(500, []Move{
		{From: stock.InBottle, To: stock.Purge, Amount: 30, Cause: "pour1", Recorded: at(1, 8)},
		{From: stock.InBottle, To: stock.Purge, Amount: 10, Cause: "pour2", Recorded: at(1, 8)},
		{From: stock.Purge, To: stock.InBottle, Amount: 4, Cause: "pour1", Reason: "correction", Recorded: at(1, 9)},
	})
	if len(r.Entries) != 3 || r.Closing != 464 {
		t.Fatalf("%+v", r)
	}
	wrong, amends := r.Entries[0], r.Entries[2]
	if len(wrong.CorrectedBy) != 1 || wrong.CorrectedBy[0] != (Link{amends.Ref, 4}) || len(amends.Corrects) != 1 || amends.Corrects[0] != (Link{wrong.Ref, 4}) {
		t.Errorf("%+v, %+v", wrong, amends)
	}
	if len(r.Entries[1].CorrectedBy) != 0 {
		t.Errorf("another pour is corrected too: %+v", r.Entries[1])
	}
}

// Whatever moves: the balance after the last entry is what the accounts hold, each balance follows from the one before,
// the four columns add up to the closing balance, and a period cut in two ends where the whole does.
func TestControlledRegisterFollowsTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		balance := stock.Balance{}
		moves := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Move {
			from := rapid.SampledFrom(stock.Accounts).Draw(t, "from")
			to := rapid.SampledFrom(stock.Accounts).Filter(func(a stock.Account) bool { return a != from }).Draw(t, "to")
			return Move{
				From: from, To: to, Amount: measure.Volume(rapid.IntRange(1, 50).Draw(t, "amount")), Cause: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "cause"),
				Recorded: at(rapid.IntRange(1, 9).Draw(t, "day"), rapid.IntRange(0, 3).Draw(t, "hour")),
			}
		}), 0, 40).Draw(t, "moves")
		for _, m := range moves {
			balance[m.From] -= m.Amount
			balance[m.To] += m.Amount
		}
		whole := ControlledRegister(0, moves)
		if whole.Closing != Held(balance) {
			t.Fatalf("closing %d, the accounts hold %d", whole.Closing, Held(balance))
		}
		if sum := whole.Sums[Obtained] - whole.Sums[Supplied] - whole.Sums[OtherOut] + whole.Sums[OtherIn]; sum != whole.Closing {
			t.Fatalf("the columns add up to %d, closing %d", sum, whole.Closing)
		}
		last, then := whole.Opening, calendar.Instant(0)
		for _, e := range whole.Entries {
			if last += e.Column.Sign() * e.Amount; e.Balance != last || e.Recorded < then || e.Amount == 0 {
				t.Fatalf("%+v after %d", e, last)
			}
			then = e.Recorded
		}
		if lines := Register(0, moves, dayOf, true); lines.Closing != whole.Closing {
			t.Fatalf("the narcotic register closes with %d, this one with %d", lines.Closing, whole.Closing)
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
		if second := ControlledRegister(ControlledRegister(0, before).Closing, after); second.Closing != whole.Closing {
			t.Fatalf("%d in two books, %d in one", second.Closing, whole.Closing)
		}
	})
}
