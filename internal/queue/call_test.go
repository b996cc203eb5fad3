package queue

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/patient"
)

func anybody(context.Context, Ticket) (bool, error) { return true, nil }

// line lets n patients arrive a minute apart: tickets t1, t2, … of patients 1, 2, …
func (b *bench) line(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		name := string(rune('1' + i))
		b.arrive(t, TicketID("t"+name), patient.ID(name))
		b.clock = b.clock.Add(time.Minute)
	}
}

// order is who would be called, by number.
func (b *bench) order(t *testing.T) (numbers []int) {
	t.Helper()
	waiting, err := b.Waiting(t.Context(), calendar.DateOf(2026, 3, 2))
	if err != nil {
		t.Fatal(err)
	}
	Order(waiting)
	for _, w := range waiting {
		numbers = append(numbers, w.Number)
	}
	return numbers
}

func TestNextCallsTheFirstWhoCanBeServed(t *testing.T) {
	b := newBench()
	b.line(t, 4)
	held := func(_ context.Context, k Ticket) (bool, error) { return k.Number != 1, nil }
	for _, step := range []struct {
		window string
		want   int
		key    string
	}{
		{"w1", 2, ""},
		{"w1", 0, "window.occupied"},
		{"w2", 3, ""},
		{"revoked", 0, "station.inactive"},
		{"w3", 4, ""},
		{"w4", 0, "queue.nobody"},
	} {
		got, err := b.Next(t.Context(), act("", equipmentID(step.window)), held)
		wantKey(t, err, step.key)
		if got.Number != step.want {
			t.Errorf("window %s has number %d, want %d", step.window, got.Number, step.want)
		}
	}
	if _, err := b.SendBack(t.Context(), act("t3", "")); err != nil {
		t.Fatal(err)
	}
	if got := b.order(t); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("the held patient and the one sent back keep their places: %v", got)
	}
	got, err := b.Next(t.Context(), act("", "w2"), anybody)
	wantKey(t, err, "")
	if got.Number != 1 {
		t.Errorf("once the hold is lifted number %d is called", got.Number)
	}
	if _, err = b.Next(t.Context(), Act{Clinic: here, Station: "w4"}, anybody); !fault.Is(err, fault.Forbidden) {
		t.Errorf("nobody in particular called: %v", err)
	}
}

func TestAnotherWindowsPatientIsNotTaken(t *testing.T) {
	b := newBench()
	b.line(t, 2)
	_, err := b.Call(t.Context(), act("t1", "w1"))
	wantKey(t, err, "")
	_, err = b.Call(t.Context(), act("t1", "w2"))
	wantKey(t, err, "ticket.called_elsewhere")
	_, err = b.Skip(t.Context(), act("t1", "w2"))
	wantKey(t, err, "ticket.called_elsewhere")
	_, err = b.Transfer(t.Context(), act("t1", "w1"))
	wantKey(t, err, "ticket.no_transfer")
	_, err = b.Transfer(t.Context(), act("t2", "w1"))
	wantKey(t, err, "ticket.no_transfer")
	_, err = b.Transfer(t.Context(), act("t1", "revoked"))
	wantKey(t, err, "station.inactive")
	got, err := b.Transfer(t.Context(), act("t1", "w2"))
	wantKey(t, err, "")
	if got.Station != "w2" || got.State != Called {
		t.Errorf("transferred: %+v", got)
	}
	_, err = b.StepUp(t.Context(), act("t1", "w2"))
	wantKey(t, err, "")
	_, err = b.Call(t.Context(), act("t1", "w2"))
	wantKey(t, err, "ticket.state")
	b.dosing = "1"
	_, err = b.Transfer(t.Context(), act("t1", "w3"))
	wantKey(t, err, "ticket.dose_open")
	b.dosing = ""
	got, err = b.Transfer(t.Context(), act("t1", "w3"))
	wantKey(t, err, "")
	if got.State != Called || !got.AtWindowAt.IsZero() || got.Station != "w3" {
		t.Errorf("from the window: %+v", got)
	}
}

// Whoever does not come lets three others go first, keeps the number, and is never put before where they were.
func TestSkip(t *testing.T) {
	b := newBench()
	b.line(t, 6)
	_, err := b.Skip(t.Context(), act("t1", "w1"))
	wantKey(t, err, "ticket.state")
	for _, want := range [][]int{{2, 3, 4, 1, 5, 6}, {3, 4, 1, 2, 5, 6}} {
		first := b.order(t)[0]
		called, err := b.Next(t.Context(), act("", "w1"), anybody)
		wantKey(t, err, "")
		if called.Number != first {
			t.Fatalf("number %d was called before %d", called.Number, first)
		}
		got, err := b.Skip(t.Context(), act(called.ID, "w1"))
		wantKey(t, err, "")
		if got.Skips != 1 || got.Station != "" || got.Number != first {
			t.Errorf("skipped: %+v", got)
		}
		if got := b.order(t); !slices.Equal(got, want) {
			t.Errorf("order %v, want %v", got, want)
		}
	}
	_, err = b.Left(t.Context(), act("t1", ""))
	wantKey(t, err, "")
	_, err = b.Skip(t.Context(), act("t1", "w1"))
	wantKey(t, err, "ticket.state")
	_, err = b.Skip(t.Context(), act("unknown", "w1"))
	wantKey(t, err, "not_found")
}

// However people are skipped: nobody who was not skipped changes the order among themselves, a skipped one is passed by
// at most three of the lane, and the lanes do not mix.
func TestSkippingKeepsTheOrderOfTheOthers(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		waiting := make([]Ticket, rapid.IntRange(1, 12).Draw(r, "waiting"))
		for i := range waiting {
			waiting[i] = Ticket{
				ID: TicketID(rune('a' + i)), Number: i + 1, Place: calendar.Instant(1 + rapid.IntRange(0, 5).Draw(r, "place")),
				Priority: rapid.SampledFrom([]string{"", "", "mang thai"}).Draw(r, "priority"),
			}
		}
		Order(waiting)
		i := rapid.IntRange(0, len(waiting)-1).Draw(r, "skipped")
		who := waiting[i]
		before := slices.Delete(slices.Clone(waiting), i, i+1)
		// The others before it in its lane were called already when it was.
		ahead := slices.DeleteFunc(slices.Clone(before), func(w Ticket) bool { return lane(w) == lane(who) && slices.Index(waiting, w) < i })
		who.Place = skipped(who, ahead)
		after := append(slices.Clone(ahead), who)
		Order(after)
		passed := 0
		for _, w := range after[:slices.Index(after, who)] {
			if lane(w) == lane(who) {
				passed++
			}
		}
		most := len(slices.DeleteFunc(slices.Clone(ahead), func(w Ticket) bool { return lane(w) != lane(who) }))
		if passed < min(passedBy, most) {
			r.Fatalf("%d of %d passed number %d", passed, most, who.Number)
		}
		if got := slices.DeleteFunc(after, func(w Ticket) bool { return w.ID == who.ID }); !slices.Equal(got, ahead) {
			r.Fatalf("the others stand as %v, not %v", got, ahead)
		}
	})
}

// The second scan at the window only adds when the card was seen.
func TestIdentifiedIsKeptOnce(t *testing.T) {
	b := newBench()
	b.line(t, 1)
	_, err := b.StepUp(t.Context(), act("t1", "w1"))
	wantKey(t, err, "")
	seen := act("t1", "w1")
	seen.Identified = true
	first, err := b.StepUp(t.Context(), seen)
	wantKey(t, err, "")
	b.clock = b.clock.Add(time.Minute)
	again, err := b.StepUp(t.Context(), seen)
	wantKey(t, err, "")
	if first.IdentifiedAt.IsZero() || again != first || first.AtWindowAt > first.IdentifiedAt {
		t.Errorf("%+v, then %+v", first, again)
	}
}
