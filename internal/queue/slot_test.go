package queue

import (
	"slices"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/staff"
)

func equipmentID(s string) equipment.StationID { return equipment.StationID(s) }

var (
	monday  = calendar.DateOf(2026, 3, 2)
	tuesday = monday + 1
	// atSeven is a quarter past seven in Hà Nội on the 3rd of March 2026, seven hours before that in UTC.
	quarterPastSeven = calendar.At(time.Date(2026, 3, 3, 0, 15, 0, 0, time.UTC))
)

func newSlots() *bench {
	b := newBench()
	b.rules = Rules{Clinic: here, Opens: 7 * time.Hour, Closes: 8 * time.Hour, SlotSize: 2}
	return b
}

func TestSlotsOfADay(t *testing.T) {
	b := newSlots()
	b.clock = time.Date(2026, 3, 3, 0, 30, 0, 0, time.UTC) // half past seven of the day itself
	got, err := b.Slots(t.Context(), here, tuesday)
	if err != nil {
		t.Fatal(err)
	}
	var want []Slot
	for i := range 4 {
		want = append(want, Slot{At: quarterPastSeven.Add(time.Duration(i-1) * 15 * time.Minute), Size: 2, Past: i < 2})
	}
	if !slices.Equal(got, want) {
		t.Errorf("slots %v, want %v", got, want)
	}
	if got, err := b.Slots(t.Context(), here, monday+6); err != nil || len(got) != 0 {
		t.Errorf("a closed day has %v, %v", got, err)
	}
	b.rules = Rules{Clinic: here}
	if got, err := b.Slots(t.Context(), here, tuesday); err != nil || len(got) != 0 {
		t.Errorf("a clinic without hours has %v, %v", got, err)
	}
}

// A slot takes what the windows took of people on the days before: two windows, a patient in two minutes.
func TestASlotTakesWhatTheWindowsTook(t *testing.T) {
	b := newSlots()
	begin := calendar.At(b.clock).Add(-24 * time.Hour)
	for _, w := range []string{"w1", "w2"} {
		for i := range 8 {
			up := begin.Add(time.Duration(i+1) * 2 * time.Minute)
			b.before = append(b.before, Ticket{
				Day: monday - 1, State: Done, Station: equipmentID(w), ArrivedAt: begin, AtWindowAt: up, DoneAt: up.Add(time.Minute),
			})
		}
	}
	got, err := b.Slots(t.Context(), here, tuesday)
	if err != nil || len(got) != 4 || got[0].Size != 15 {
		t.Errorf("slots %v, %v", got, err)
	}
}

func TestBooking(t *testing.T) {
	b := newSlots()
	book := func(p patient.ID, d calendar.Day, at calendar.Instant) error {
		_, err := b.Book(t.Context(), here, nurse, p, d, at)
		return err
	}
	for _, row := range []struct {
		what string
		p    patient.ID
		day  calendar.Day
		at   calendar.Instant
		key  string
	}{
		{"the first", "a", tuesday, quarterPastSeven, ""},
		{"again", "a", tuesday, quarterPastSeven, ""},
		{"the second", "b", tuesday, quarterPastSeven, ""},
		{"one too many", "c", tuesday, quarterPastSeven, "slot.full"},
		{"the next quarter hour", "c", tuesday, quarterPastSeven.Add(15 * time.Minute), ""},
		{"one who has it keeps it", "b", tuesday, quarterPastSeven, ""},
		{"one goes elsewhere", "a", tuesday, quarterPastSeven.Add(30 * time.Minute), ""},
		{"and another takes the place", "c", tuesday, quarterPastSeven, ""},
		{"no quarter hour", "d", tuesday, quarterPastSeven + 1, "slot.unknown"},
		{"after closing", "d", tuesday, quarterPastSeven.Add(45 * time.Minute), "slot.unknown"},
		{"the time of another day", "d", tuesday + 1, quarterPastSeven, "slot.unknown"},
		{"yesterday", "d", monday - 1, quarterPastSeven, "slot.past"},
		{"a closed day", "d", monday + 6, quarterPastSeven.Add(5 * 24 * time.Hour), "slot.closed"},
		{"next year", "d", monday + 365, quarterPastSeven, "slot.far"},
		{"no slot any more", "c", tuesday, 0, ""},
		{"so that there is room", "d", tuesday, quarterPastSeven, ""},
	} {
		t.Run(row.what, func(t *testing.T) { wantKey(t, book(row.p, row.day, row.at), row.key) })
	}
	if _, err := b.Book(t.Context(), here, staff.Member{ID: "x", Clinic: here, Active: true, Roles: []staff.Role{staff.Auditor}}, "d", tuesday, 0); err == nil {
		t.Error("an auditor booked")
	}
	b.clock = quarterPastSeven.Add(15 * time.Minute).Time()
	wantKey(t, book("e", tuesday, quarterPastSeven), "slot.past")
	if got, err := b.BookingOf(t.Context(), here, "a", tuesday); err != nil || got.At != quarterPastSeven.Add(30*time.Minute) || got.By != nurse.ID {
		t.Errorf("booking %+v, %v", got, err)
	}
	if want := 7; len(b.entries) != want { // nothing is recorded of a booking that was there already
		t.Errorf("%d audit entries, want %d", len(b.entries), want)
	}
}

// Who keeps to a slot passes those who came shortly before; who comes at another time is not refused and passes nobody.
func TestASlotOrdersTheQueueGently(t *testing.T) {
	b := newSlots()
	b.booked = []Booking{{Patient: "5", Day: tuesday, At: quarterPastSeven}, {Patient: "6", Day: tuesday, At: quarterPastSeven.Add(-time.Hour)}}
	b.clock = quarterPastSeven.Add(-20 * time.Minute).Time()
	for i, p := range []patient.ID{"1", "2", "3", "4", "5", "6"} { // five minutes apart
		got, _ := b.arrive(t, TicketID("t"+string(p)), p)
		if want := i == 4; flow.OnTime(got.ArrivedAt, got.Slot) != want {
			t.Errorf("ticket %d is on time: %t", got.Number, !want)
		}
		b.clock = b.clock.Add(5 * time.Minute)
	}
	waiting, _ := b.Waiting(t.Context(), tuesday)
	Order(waiting)
	var numbers []int
	for _, w := range waiting {
		numbers = append(numbers, w.Number)
	}
	if want := []int{1, 2, 3, 5, 4, 6}; !slices.Equal(numbers, want) {
		t.Errorf("order %v, want %v", numbers, want)
	}
}

func TestRulesAreChecked(t *testing.T) {
	b := newBench()
	boss := staff.Member{ID: "boss", Clinic: here, Active: true, Roles: []staff.Role{staff.Supervisor}}
	good := Rules{
		Clinic: here, Opens: 6*time.Hour + 30*time.Minute, Closes: 11 * time.Hour, SlotSize: 12,
		Targets: flow.Targets{flow.LongestWait: 30 * time.Minute}, Rooms: map[staff.Role]string{staff.Doctor: "Phòng 2, tầng 1"},
	}
	if _, err := b.SetRules(t.Context(), boss, good); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetRules(t.Context(), nurse, good); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a nurse decided: %v", err)
	}
	for what, edit := range map[string]func(*Rules){
		"closes before it opens":      func(r *Rules) { r.Closes = r.Opens },
		"closes after midnight":       func(r *Rules) { r.Closes = 25 * time.Hour },
		"opens before the clinic day": func(r *Rules) { r.Opens = 2 * time.Hour },
		"half a minute":               func(r *Rules) { r.Opens += 30 * time.Second },
		"a slot of less than nothing": func(r *Rules) { r.SlotSize = -1 },
		"a slot for everybody":        func(r *Rules) { r.SlotSize = 201 },
		"a target nobody knows":       func(r *Rules) { r.Targets = flow.Targets{"happiness": time.Minute} },
		"a target of a day":           func(r *Rules) { r.Targets = flow.Targets{flow.LongestWait: 24 * time.Hour} },
		"a negative target":           func(r *Rules) { r.Targets = flow.Targets{flow.LongestWait: -time.Minute} },
		"a room of the auditor":       func(r *Rules) { r.Rooms = map[staff.Role]string{staff.Auditor: "1"} },
		"a room that is a letter":     func(r *Rules) { r.Rooms = map[staff.Role]string{staff.Nurse: string(make([]byte, 61))} },
	} {
		bad := good
		edit(&bad)
		_, err := b.SetRules(t.Context(), boss, bad)
		t.Run(what, func(t *testing.T) { wantKey(t, err, "queue.rules") })
	}
	if len(b.entries) != 1 {
		t.Errorf("%d audit entries", len(b.entries))
	}
}
