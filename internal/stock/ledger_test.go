package stock_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func moves() *rapid.Generator[stock.Move] {
	return rapid.Custom(func(t *rapid.T) stock.Move {
		from := rapid.SampledFrom(stock.Accounts).Draw(t, "from")
		to := rapid.SampledFrom(stock.Accounts).Filter(func(a stock.Account) bool { return a != from }).Draw(t, "to")
		return stock.Move{
			ID: stock.MoveID(rapid.StringMatching("[a-z]{4}").Draw(t, "id")), Clinic: "c1", Bottle: "b1", Lot: "l1",
			From: from, To: to, Amount: measure.Volume(rapid.Int64Range(1, int64(stock.MaxAmount)).Draw(t, "amount")),
		}
	})
}

// Whatever is moved, nothing is created or lost, each move holds the balances after it, and reversing every move, in any
// order, empties every account.
func TestMovesConserveVolume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		book, balance := rapid.SliceOfN(moves(), 1, 50).Draw(t, "moves"), stock.Balance{}
		for i := range book {
			m := &book[i]
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			from, to := balance[m.From], balance[m.To]
			balance.Apply(m)
			if m.FromAfter != from-m.Amount || m.ToAfter != to+m.Amount || m.FromAfter != balance[m.From] || m.ToAfter != balance[m.To] {
				t.Fatalf("from %d and to %d after %d: %d and %d", from, to, m.Amount, m.FromAfter, m.ToAfter)
			}
			if balance.Sum() != 0 {
				t.Fatalf("%d µL out of nothing", balance.Sum())
			}
		}
		for _, m := range rapid.Permutation(book).Draw(t, "backwards") {
			back := m.Reverse("r"+m.ID, "correction", 7)
			if err := back.Validate(); err != nil {
				t.Fatal(err)
			}
			balance.Apply(&back)
		}
		for account, v := range balance {
			if v != 0 {
				t.Fatalf("%d µL left on %s", v, account)
			}
		}
	})
}

func TestReverse(t *testing.T) {
	m := stock.Move{
		ID: "m1", Clinic: "c1", Bottle: "b1", Lot: "l1", From: stock.Reserved, To: stock.Administered, Amount: 6000,
		FromAfter: 1, ToAfter: 2, Cause: "d1", Reason: "taken", Occurred: 3, Recorded: 4, Reverses: "m0",
	}
	want := stock.Move{
		ID: "m2", Clinic: "c1", Bottle: "b1", Lot: "l1", From: stock.Administered, To: stock.Reserved, Amount: 6000,
		Cause: "x", Reason: "reversal", Occurred: 9, Recorded: 9, Reverses: "m1",
	}
	if got := m.Reverse("m2", "x", calendar.Instant(9)); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMoveValidation(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*stock.Move)
		ok     bool
	}{
		"sound":              {func(*stock.Move) {}, true},
		"one microlitre":     {func(m *stock.Move) { m.Amount = 1 }, true},
		"nothing":            {func(m *stock.Move) { m.Amount = 0 }, false},
		"negative":           {func(m *stock.Move) { m.Amount = -1 }, false},
		"the most":           {func(m *stock.Move) { m.Amount = stock.MaxAmount }, true},
		"more than the most": {func(m *stock.Move) { m.Amount = stock.MaxAmount + 1 }, false},
		"to itself":          {func(m *stock.Move) { m.To = m.From }, false},
		"from nowhere":       {func(m *stock.Move) { m.From = "" }, false},
		"to no account":      {func(m *stock.Move) { m.To = "drain" }, false},
		"no bottle":          {func(m *stock.Move) { m.Bottle = "" }, false},
		"no lot":             {func(m *stock.Move) { m.Lot = "" }, false},
		"no clinic":          {func(m *stock.Move) { m.Clinic = "" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := stock.Move{Clinic: "c1", Bottle: "b1", Lot: "l1", From: stock.Store, To: stock.InBottle, Amount: 1000}
			tc.change(&m)
			if err := m.Validate(); (err == nil) != tc.ok || (err != nil && !fault.Is(err, fault.Invalid)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAccountsAreDistinct(t *testing.T) {
	seen := make(map[stock.Account]bool)
	for _, a := range stock.Accounts {
		if seen[a] || !a.Valid() {
			t.Errorf("account %q", a)
		}
		seen[a] = true
	}
	if stock.Account("").Valid() {
		t.Error("no account is valid")
	}
}
