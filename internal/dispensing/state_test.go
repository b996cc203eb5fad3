package dispensing

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestTerminalStatesNeverChange(t *testing.T) {
	for _, s := range States {
		if !s.Terminal() {
			if len(transitions[s]) == 0 {
				t.Errorf("%s is a dead end but not terminal", s)
			}
			continue
		}
		if len(transitions[s]) != 0 {
			t.Errorf("%s is terminal and leads to %v", s, transitions[s])
		}
		if to, ok := s.Next(StepEvidence); !ok || to != s {
			t.Errorf("evidence for %s: %s, %v; a fact is never refused and changes nothing", s, to, ok)
		}
	}
}

func TestEveryStateIsReached(t *testing.T) {
	reached := map[State]bool{}
	for _, steps := range transitions {
		for _, to := range steps {
			reached[to] = true
		}
	}
	for _, s := range States {
		if !reached[s] {
			t.Errorf("nothing leads to %s", s)
		}
	}
	for s := range reached {
		if !slices.Contains(States, s) {
			t.Errorf("%s is not listed", s)
		}
	}
}

// A pour is entered once: no path leads back to a state from which the counter would be told to pour.
func TestNoWayBackToThePump(t *testing.T) {
	for _, from := range States {
		for kind, to := range transitions[from] {
			if to == Reserved && from != "" {
				t.Errorf("%s leads from %s back to reserved", kind, from)
			}
			if to == Pouring && from != Reserved && from != Held {
				t.Errorf("%s leads from %s back to the pump", kind, from)
			}
		}
	}
}

// However much was measured, ending a dispensing leaves nothing on the held account and creates nothing.
func TestSettleConserves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reserved := measure.Volume(rapid.Int64Range(1, 40_000).Draw(t, "reserved"))
		moved := measure.Volume(rapid.Int64Range(0, 80_000).Draw(t, "moved"))
		c := Change{Dispensing: Dispensing{Clinic: "c", Bottle: "b", Lot: "l", Volume: reserved}}
		b := stock.Balance{stock.InBottle: 1_000_000 - reserved, stock.Reserved: reserved, stock.Supplier: -1_000_000}
		if rapid.Bool().Draw(t, "split") && moved > 1 {
			left := measure.Volume(rapid.Int64Range(1, int64(moved)-1).Draw(t, "left"))
			c.settleSplit(moved-left, left)
			apply(t, b, c.Moves)
			if b[stock.Waste] != left || b[stock.Administered] != moved-left {
				t.Fatalf("split: %v", b)
			}
		} else {
			c.settle(stock.Reserved, stock.Administered, moved, "taken")
			apply(t, b, c.Moves)
			if b[stock.Administered] != moved {
				t.Fatalf("administered %s of %s", b[stock.Administered], moved)
			}
		}
		if b[stock.Reserved] != 0 || b[stock.InBottle] != 1_000_000-moved || b.Sum() != 0 {
			t.Fatalf("after: %v", b)
		}
	})
}

func apply(t *rapid.T, b stock.Balance, moves []stock.Move) {
	for i := range moves {
		if err := moves[i].Validate(); err != nil {
			t.Fatal(err)
		}
		b.Apply(&moves[i])
	}
}
