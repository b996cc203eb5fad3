package queue

import (
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/flow"
)

// A patient who comes twice a day has each dose on the visit during which it began; of several doses of one visit, as
// after a spill, the first identifies and the last ends.
func TestADoseBelongsToItsVisit(t *testing.T) {
	at := func(minutes int) calendar.Instant {
		return calendar.At(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)).Add(time.Duration(minutes) * time.Minute)
	}
	morning := Ticket{Patient: "a", State: Done, Station: "w1", ArrivedAt: at(0), CalledAt: at(4), AtWindowAt: at(5), DoneAt: at(9)}
	evening := Ticket{Patient: "a", State: AtWindow, Station: "w2", ArrivedAt: at(600), AtWindowAt: at(601)}
	got := visits([]Ticket{morning, evening, {Patient: "b", State: Left, ArrivedAt: at(1), DoneAt: at(2)}}, []DoseClock{
		{Patient: "a", Begun: at(6), Poured: at(6), Measured: at(7), Odd: at(7), Ended: at(7)},
		{Patient: "a", Begun: at(7), Poured: at(7), Measured: at(8), Handed: at(8), Swallowed: at(9), Ended: at(9)},
		{Patient: "a", Begun: at(602)},
		{Patient: "c", Begun: at(1)},
	})
	want := []flow.Visit{
		{Window: "w1", Clock: flow.Clock{at(0), at(4), at(5), at(6), at(7), at(8), at(8), at(9), at(9)}},
		{Window: "w2", Clock: flow.Clock{flow.Arrived: at(600), flow.AtWindow: at(601), flow.Identified: at(602)}},
		{Away: true, Clock: flow.Clock{flow.Arrived: at(1), flow.Left: at(2)}},
	}
	for i := range want {
		if got[i].Clock != want[i].Clock || got[i].Window != want[i].Window || got[i].Away != want[i].Away {
			t.Errorf("visit %d: %+v, want %+v", i, got[i], want[i])
		}
	}
}
