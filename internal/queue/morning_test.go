package queue

import (
	"reflect"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/flow"
)

func TestWhatKeptTheWindowsFromServing(t *testing.T) {
	start := calendar.At(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
	at := func(minutes int) calendar.Instant { return start.Add(time.Duration(minutes) * time.Minute) }
	stations := []equipment.Station{
		{ID: "w1", Active: true}, {ID: "w2", Active: true}, {ID: "hand", Active: true, Manual: true}, {ID: "spare", Active: true}, {ID: "revoked"},
	}
	visits := []flow.Visit{
		{Window: "w1", Clock: flow.Clock{flow.Arrived: at(0), flow.AtWindow: at(1)}},
		{Window: "hand", Clock: flow.Clock{flow.Arrived: at(0), flow.AtWindow: at(2)}},
		{Window: "spare", Clock: flow.Clock{flow.Arrived: at(0), flow.Called: at(2)}}, // called, and nobody came
	}
	serving := expected(stations, visits, past{served: map[string]bool{"w2": true, "revoked": true}})
	var names []equipment.StationID
	for _, st := range serving {
		names = append(names, st.ID)
	}
	if want := []equipment.StationID{"w1", "w2", "hand"}; !reflect.DeepEqual(names, want) {
		t.Fatalf("expected %v, want %v", names, want)
	}
	devices := []equipment.Device{
		{Station: "w1", Kind: equipment.Pump, State: equipment.Ready, StateAt: at(20)},
		{Station: "w1", Kind: equipment.Scanner, State: equipment.Down, StateAt: at(-60)}, // a code can be typed
		{Station: "w2", Kind: equipment.Pump, State: equipment.Unknown},                   // never heard of
		{Station: "w2", Kind: equipment.Scale, State: equipment.Down, StateAt: at(-600)},  // since before the day
		{Station: "hand", Kind: equipment.Pump, State: equipment.Down, StateAt: at(1)},    // it pours by hand
		{Station: "hand", Kind: equipment.Scale, State: equipment.Down, StateAt: at(50)},
		{Station: "spare", Kind: equipment.Scale, State: equipment.Down, StateAt: at(-3000)}, // nobody opens it
		{Station: "spare", Kind: equipment.Printer, State: equipment.Down, StateAt: at(3)},   // went away today
	}
	changes := []DeviceChange{
		{"w1", equipment.Pump, equipment.Down, at(10)}, {"w1", equipment.Pump, equipment.Unknown, at(12)}, {"w1", equipment.Pump, equipment.Ready, at(20)},
		{"hand", equipment.Scale, equipment.Ready, at(5)}, {"hand", equipment.Scale, equipment.Down, at(50)},
	}
	doses := []DoseClock{
		{Station: "w1", Begun: at(30), Doubt: at(31), Ended: at(36)},
		{Station: "hand", Begun: at(40), Measured: at(41), Odd: at(43), Ended: at(43)},
		{Station: "hand", Begun: at(44), Doubt: at(45)}, // nobody settled it yet
	}
	want := []flow.Window{
		{Down: []flow.Span{{From: at(10), To: at(20)}}, Exception: []flow.Span{{From: at(31), To: at(36)}}},
		{Down: []flow.Span{{From: start}}},
		{Down: []flow.Span{{From: at(50)}}, Exception: []flow.Span{{From: at(41), To: at(43)}, {From: at(45)}}},
	}
	if got := windowsOf(serving, devices, changes, doses, start); !reflect.DeepEqual(got, want) {
		t.Errorf("windows %+v, want %+v", got, want)
	}
	var troubled []equipment.DeviceKind
	for _, x := range trouble(stations, serving, devices, start) {
		troubled = append(troubled, x.Kind)
	}
	if want := []equipment.DeviceKind{equipment.Scanner, equipment.Scale, equipment.Pump, equipment.Scale, equipment.Printer}; !reflect.DeepEqual(troubled, want) {
		t.Errorf("trouble with %v, want %v", troubled, want)
	}
}

// What is usual comes from the newest seven days that had visits; a window that served on the last of them is expected.
func TestTheDaysBefore(t *testing.T) {
	cl := clinic.Clinic{ID: here, Zone: "Asia/Ho_Chi_Minh", CutOver: 3 * time.Hour}
	var tickets []Ticket
	for i := range 9 { // oldest first
		d := monday - 9 + calendar.Day(i)
		opened := calendar.At(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)).Add(time.Duration(i-9) * 24 * time.Hour)
		for n := range 6 {
			up := opened.Add(time.Duration(n+1) * 2 * time.Minute)
			window := equipment.StationID("w1")
			if i == 8 && n == 5 {
				window = "w2"
			}
			tickets = append(tickets, Ticket{Day: d, Number: n + 1, State: Done, Station: window, ArrivedAt: opened, AtWindowAt: up, DoneAt: up.Add(time.Minute)})
		}
	}
	p, err := pastOf(cl, monday, tickets)
	if err != nil {
		t.Fatal(err)
	}
	if p.days != mostDays || p.pace != (flow.Pace{Cycle: 2 * time.Minute, Windows: 1}) || !p.served["w1"] || !p.served["w2"] {
		t.Errorf("the days before: %+v", p)
	}
	if len(p.usual) != 1 || p.usual[0].Arrived != 6 || p.usual[0].Index != 16 { // four hours after three o'clock
		t.Errorf("usual %+v", p.usual)
	}
	if p, err := pastOf(cl, monday, nil); err != nil || p.days != 0 || p.pace.Known() {
		t.Errorf("of no days: %+v, %v", p, err)
	}
}

// With people still to come and no day before, nobody knows when everybody will be served.
func TestWithoutADayBeforeTheEndIsUnknown(t *testing.T) {
	for _, tc := range []struct {
		coming int
		usual  []flow.Quarter
		want   bool
	}{{0, nil, true}, {7, nil, false}, {7, []flow.Quarter{{Index: 3, Arrived: 7}}, true}} {
		if got := (Morning{Coming: tc.coming, Usual: tc.usual}).Foreseen(); got != tc.want {
			t.Errorf("%d to come, %d usual quarters: foreseen is %v", tc.coming, len(tc.usual), got)
		}
	}
}
