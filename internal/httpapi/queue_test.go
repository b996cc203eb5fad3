package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// arrive lets a patient check in at the door.
func (s *stage) arrive(p gen.Patient) (in gen.CheckedIn) {
	s.t.Helper()
	s.nurse.mustDo("POST", "/v1/check-ins", gen.CheckIn{Code: p.Code}, &in)
	return in
}

// secondWindow adds a window that pours by hand.
func (s *stage) secondWindow() gen.AtStation {
	s.t.Helper()
	var st gen.Station
	s.admin.mustDo("POST", "/v1/stations", gen.AddStation{Id: newID(), Name: "Cửa 2", Manual: true}, &st)
	return gen.AtStation{Station: st.Id}
}

// foreigner is a nurse of another clinic of the same database.
func (s *stage) foreigner() *browser {
	s.t.Helper()
	other, err := s.sv.Clinics.Create(s.t.Context(), clinic.Clinic{
		ID: id.New[clinic.ID](), Number: 8, Name: "Cơ sở khác", Province: "Hà Giang", Kind: clinic.TreatmentFacility, Zone: "Asia/Ho_Chi_Minh",
		RulePack: s.clinic.RulePack, RulePackVersion: s.clinic.RulePackVersion, Demo: true,
	})
	require.NoError(s.t, err)
	m, err := s.sv.Staff.Install(s.t.Context(), other.ID, staff.New{
		ID: id.New[staff.ID](), Username: "stranger", Name: "Người lạ", Roles: []staff.Role{staff.Nurse, staff.Supervisor}, Password: testPassword, PIN: testPIN,
	})
	require.NoError(s.t, err)
	b := s.browser()
	b.mustDo("POST", "/v1/session", gen.SignIn{Username: m.Username, Password: testPassword}, nil)
	return b
}

// From the door to two windows: who is held is passed over and keeps the place, who does not come lets others go first,
// and a patient belongs to the window that called.
func TestCallingByWindows(t *testing.T) {
	s := newStage(t, 4)
	one, two := gen.AtStation{Station: s.counter.station}, s.secondWindow()
	boss := s.signIn(staff.Supervisor)
	boss.mustDo("PUT", "/v1/queue/rules", gen.SetQueueRules{Rooms: gen.QueueRooms{Doctor: "Phòng 2"}}, nil)
	var hold gen.Hold
	s.doctor.mustDo("POST", "/v1/patients/"+s.patients[0].Id+"/holds", gen.PlaceHold{Id: newID(), Severity: gen.PlaceHoldSeverityStop, Reason: "gặp bác sĩ", ClearedBy: gen.PlaceHoldClearedByDoctor}, &hold)

	held := s.arrive(s.patients[0])
	require.False(t, held.Decision.Allowed, "the hold is told at the door")
	require.Equal(t, []gen.Role{gen.RoleDoctor}, held.Decision.Refusals[0].ClearedBy)
	require.Equal(t, []gen.Room{{Role: gen.RoleDoctor, Room: "Phòng 2"}}, held.Rooms)
	require.Nil(t, held.EstimateS, "nothing was measured yet")
	for i, p := range s.patients[1:] {
		require.Equal(t, i+1, s.arrive(p).Ahead)
	}
	next := func(at gen.AtStation) (k gen.Ticket) {
		t.Helper()
		s.nurse.mustDo("POST", "/v1/stations/"+at.Station+"/next", nil, &k)
		return k
	}
	first, second := next(one), next(two)
	require.Equal(t, []int{2, 3}, []int{first.Number, second.Number})
	s.nurse.refused("POST", "/v1/stations/"+one.Station+"/next", nil, http.StatusConflict, "window.occupied")
	s.nurse.refused("POST", "/v1/tickets/"+first.Id+"/call", two, http.StatusConflict, "ticket.called_elsewhere")
	s.nurse.refused("POST", "/v1/tickets/"+first.Id+"/skip", two, http.StatusConflict, "ticket.called_elsewhere")
	s.nurse.refused("POST", "/v1/tickets/"+first.Id+"/transfer", one, http.StatusConflict, "ticket.no_transfer")
	s.nurse.mustDo("POST", "/v1/tickets/"+first.Id+"/call", one, nil)

	var skipped gen.Ticket
	s.nurse.mustDo("POST", "/v1/tickets/"+first.Id+"/skip", one, &skipped)
	require.Equal(t, 1, skipped.Skips)
	s.nurse.refused("POST", "/v1/tickets/"+first.Id+"/skip", one, http.StatusConflict, "ticket.state")
	require.Equal(t, 4, next(one).Number)
	var moved gen.Ticket
	s.nurse.mustDo("POST", "/v1/tickets/"+second.Id+"/transfer", one, &moved)
	require.Equal(t, one.Station, moved.Station)
	require.Equal(t, 2, next(two).Number)
	s.nurse.refused("POST", "/v1/tickets/"+skipped.Id+"/at-window", gen.StepUp{Station: newID()}, http.StatusNotFound, "station.not_found")

	s.doctor.mustDo("POST", "/v1/holds/"+hold.Id+"/lift", gen.LiftHold{Note: "đã gặp"}, nil)
	var q gen.Queue
	s.nurse.mustDo("GET", "/v1/queue", nil, &q)
	require.Equal(t, held.Ticket.Id, q.Waiting[0].Id, "the first place was kept")
}

// What is unknown, of another clinic, or at a window that is not there changes nothing.
func TestTicketsOfNobody(t *testing.T) {
	s := newStage(t, 1)
	ticket := s.arrive(s.patients[0]).Ticket
	stranger := s.foreigner()
	before := s.changes()
	at := gen.AtStation{Station: s.counter.station}
	for _, act := range []string{"call", "at-window", "skip", "transfer", "back", "done", "leave"} {
		var body any = at
		if act == "back" || act == "done" || act == "leave" {
			body = nil
		}
		s.nurse.refused("POST", "/v1/tickets/"+newID()+"/"+act, body, http.StatusNotFound, "ticket.not_found")
		stranger.refused("POST", "/v1/tickets/"+ticket.Id+"/"+act, body, http.StatusNotFound, "ticket.not_found")
	}
	stranger.refused("POST", "/v1/stations/"+s.counter.station+"/next", nil, http.StatusConflict, "queue.nobody")
	stranger.refused("POST", "/v1/check-ins", gen.CheckIn{Code: s.patients[0].Code}, http.StatusNotFound, "patient.not_found")
	stranger.refused("PUT", "/v1/patients/"+s.patients[0].Id+"/slots/"+today(s.fixture), gen.BookSlot{}, http.StatusNotFound, "patient.not_found")
	stranger.refused("GET", "/v1/patients/"+s.patients[0].Id+"/slots/"+today(s.fixture), nil, http.StatusNotFound, "patient.not_found")
	s.nurse.refused("POST", "/v1/stations/"+newID()+"/next", nil, http.StatusNotFound, "station.not_found")
	require.Equal(t, before, s.changes())
	var q gen.Queue
	stranger.mustDo("GET", "/v1/queue", nil, &q)
	require.Empty(t, q.Waiting)
}

func TestSlotsOverTheAPI(t *testing.T) {
	s := newStage(t, 3)
	boss := s.signIn(staff.Supervisor)
	day, err := s.sv.Clinics.Today(t.Context(), s.clinic.ID)
	require.NoError(t, err)
	tomorrow := day.AddDays(1).String()
	var slots gen.SlotList
	s.nurse.mustDo("GET", "/v1/slots?day="+tomorrow, nil, &slots)
	require.Empty(t, slots.Items, "no opening hours, no slots")
	s.nurse.refused("PUT", "/v1/queue/rules", gen.SetQueueRules{OpensMin: 420, ClosesMin: 660, SlotSize: 2}, http.StatusForbidden, keyMayNot)
	boss.refused("PUT", "/v1/queue/rules", gen.SetQueueRules{OpensMin: 660, ClosesMin: 420}, http.StatusBadRequest, "queue.rules")
	var rules gen.QueueRules
	boss.mustDo("PUT", "/v1/queue/rules", gen.SetQueueRules{
		OpensMin: 420, ClosesMin: 660, SlotSize: 2, Targets: gen.QueueTargets{LongestWaitS: 1800}, Rooms: gen.QueueRooms{Doctor: "Phòng 2"},
	}, &rules)
	var read gen.QueueRules
	s.nurse.mustDo("GET", "/v1/queue/rules", nil, &read)
	require.Equal(t, rules, read)
	s.nurse.mustDo("GET", "/v1/slots?day="+tomorrow, nil, &slots)
	require.Len(t, slots.Items, 16)
	require.Equal(t, 2, slots.Items[0].Size)

	path := func(i int, d string) string { return "/v1/patients/" + s.patients[i].Id + "/slots/" + d }
	book := gen.BookSlot{At: slots.Items[3].At}
	var kept gen.PatientSlot
	for i := range 2 {
		s.nurse.mustDo("PUT", path(i, tomorrow), book, &kept)
		require.Equal(t, book.At, kept.At)
	}
	s.nurse.refused("PUT", path(2, tomorrow), book, http.StatusConflict, "slot.full")
	s.nurse.refused("PUT", path(2, tomorrow), gen.BookSlot{At: book.At.Add(time.Minute)}, http.StatusBadRequest, "slot.unknown")
	s.nurse.refused("PUT", path(2, day.AddDays(-1).String()), gen.BookSlot{At: book.At.AddDate(0, 0, -2)}, http.StatusBadRequest, "slot.past")
	s.nurse.refused("PUT", path(2, day.AddDays(40).String()), book, http.StatusBadRequest, "slot.far")
	boss.mustDo("POST", "/v1/closures", gen.AddClosure{Day: day.AddDays(2).String(), Reason: "lễ"}, nil)
	s.nurse.refused("PUT", path(2, day.AddDays(2).String()), gen.BookSlot{At: book.At.AddDate(0, 0, 1)}, http.StatusConflict, "slot.closed")
	var none gen.PatientSlot
	s.nurse.mustDo("PUT", path(0, tomorrow), gen.BookSlot{}, &none)
	require.True(t, none.At.IsZero())
	s.nurse.mustDo("PUT", path(2, tomorrow), book, nil)
	s.nurse.mustDo("GET", path(2, tomorrow), nil, &kept)
	require.Equal(t, book.At, kept.At)
	s.nurse.mustDo("GET", "/v1/slots?day="+tomorrow, nil, &slots)
	require.Equal(t, 2, slots.Items[3].Taken)
}

// The morning counts what happened, from the records that are there anyway, and holds no name.
func TestMorning(t *testing.T) {
	s := newStage(t, 3)
	boss := s.signIn(staff.Supervisor)
	p := s.patients[0]
	s.arrive(p)
	ticket := gen.Ticket{}
	s.nurse.mustDo("POST", "/v1/stations/"+s.counter.station+"/next", nil, &ticket)
	s.nurse.mustDo("POST", "/v1/tickets/"+ticket.Id+"/at-window", gen.StepUp{Station: s.counter.station, Identified: true}, &ticket)
	d := s.begin(p)
	s.nurse.refused("POST", "/v1/dispensings", gen.BeginDispensing{Id: newID(), Patient: p.Id, Station: s.counter.station}, http.StatusUnprocessableEntity, "dispensing.refused")
	s.pour(d)
	s.nurse.mustDo("POST", "/v1/dispensings/"+d.Id+"/hand-over", gen.HandOver{Code: p.Code}, nil)
	s.nurse.mustDo("POST", "/v1/dispensings/"+d.Id+"/taken", nil, nil)
	s.arrive(s.patients[1])

	a := boss.do("GET", "/v1/queue/morning", nil)
	require.NotContains(t, string(a.body), p.Name)
	require.NotContains(t, string(a.body), p.Code)
	var m gen.Morning
	require.NoError(t, json.Unmarshal(a.body, &m))
	require.Equal(t, []int{1, 0, 1, 0, 1}, []int{m.Waiting, m.AtWindow, m.Served, m.Away, m.Coming})
	var steps []string
	for _, step := range m.Steps {
		steps = append(steps, string(step.Step))
		require.Equal(t, 1, step.Took.N)
	}
	require.Equal(t, []string{"called", "at_window", "identified", "poured", "measured", "handed", "swallowed", "left"}, steps)
	require.Equal(t, 1, m.Visit.N)
	require.Len(t, m.Windows, 1)
	require.Equal(t, 1, m.Windows[0].Served)
	require.NotEmpty(t, m.Refusals)
	require.EqualValues(t, gen.RefusalCountWhereWindow, m.Refusals[0].Where)
	require.Equal(t, 1, m.Serving)
	require.Len(t, m.Forecasts, 2, "one window, and one more; with none nobody would be served")
	require.False(t, m.Forecasts[0].Known, "one patient is no pace")
	require.Empty(t, m.Trouble)
	require.Empty(t, m.Missed)
	var f gen.QueueFigures
	s.nurse.mustDo("GET", "/v1/queue/figures", nil, &f)
	require.Equal(t, []int{m.Waiting, m.Served}, []int{f.Waiting, f.Served})
	s.nurse.refused("GET", "/v1/queue/morning", nil, http.StatusForbidden, keyMayNot)
}

// The public board has numbers and windows, and comes again after each change.
func TestBoardStream(t *testing.T) {
	s := newStage(t, 2)
	ticket := s.arrive(s.patients[0]).Ticket
	events := openStream(t, s.nurse.request(t, "/v1/board/stream", ""))
	board := func() (b gen.Board) {
		t.Helper()
		e := next(t, events)
		require.Equal(t, "board", e.name)
		require.NotContains(t, e.data, s.patients[0].Name)
		require.NotContains(t, e.data, ticket.Id)
		require.NoError(t, json.Unmarshal([]byte(e.data), &b))
		return b
	}
	require.Equal(t, []int{1}, board().Waiting)
	s.arrive(s.patients[1])
	require.Equal(t, []int{1, 2}, board().Waiting)
	s.doctor.mustDo("POST", "/v1/patients/"+s.patients[1].Id+"/holds", gen.PlaceHold{Id: newID(), Severity: gen.PlaceHoldSeverityStop, Reason: "x", ClearedBy: gen.PlaceHoldClearedByDoctor}, nil)
	s.nurse.mustDo("POST", "/v1/stations/"+s.counter.station+"/next", nil, nil)
	b := board()
	require.Equal(t, "Cửa 1", b.Called[0].StationName)
	require.Equal(t, 1, b.Called[0].Number)
	require.Equal(t, []int{2}, b.Waiting)
}

// A morning's figures are made of the flow, in seconds, minutes of the clock and windows of the clinic.
func TestMorningOut(t *testing.T) {
	start := calendar.At(time.Date(2026, 3, 2, 21, 0, 0, 0, time.UTC)) // four in the morning in Hà Nội
	m := queue.Morning{Day: calendar.DateOf(2026, 3, 3), Start: start, Now: start.Add(4 * time.Hour)}
	out := morningOut(m)
	require.Len(t, out.Causes, 5)
	require.Len(t, out.Forecasts, 2, "no window fewer than none")
	require.True(t, out.Forecasts[0].Known, "nobody waits")
	require.False(t, out.Forecasts[0].AllAt.IsZero(), "nobody is to come either")
	m.Coming = 199
	out = morningOut(m)
	require.True(t, out.Forecasts[0].Known && out.Forecasts[0].AllAt.IsZero(), "nobody knows when those will come")
}

// The waiting room's board is found by its address alone. Nobody is signed in there, and a wrong address finds nothing.
func TestPublicBoard(t *testing.T) {
	s := newStage(t, 1)
	s.arrive(s.patients[0])
	var address gen.BoardAddress
	s.admin.mustDo("GET", "/v1/board/address", nil, &address)
	s.nurse.refused("GET", "/v1/board/address", nil, http.StatusForbidden, keyMayNot)
	at, ok := strings.CutPrefix(address.Path, "/tv/")
	require.True(t, ok, address.Path)

	anybody := s.browser()
	var board gen.Board
	anybody.mustDo("GET", "/v1/public-boards/"+at, nil, &board)
	require.Equal(t, []int{1}, board.Waiting)
	require.Equal(t, "Cơ sở Sông Lô", board.Clinic)
	number, key, _ := strings.Cut(at, "/")
	for _, wrong := range []string{"8/" + key, number + "/aaaaaaaaaaaaaaaa"} {
		anybody.refused("GET", "/v1/public-boards/"+wrong, nil, http.StatusNotFound, "board.not_found")
	}
	for _, bad := range []string{"0/" + key, "x/" + key, number + "/" + strings.ToUpper(key), number + "/" + key + "a"} {
		anybody.refused("GET", "/v1/public-boards/"+bad, nil, http.StatusBadRequest, "request.contract")
	}
	anybody.refused("GET", "/v1/board", nil, http.StatusUnauthorized, "session.none")

	events := openStream(t, anybody.request(t, "/v1/public-boards/"+at+"/stream", ""))
	e := next(t, events)
	require.Equal(t, "board", e.name)
	require.NotContains(t, e.data, s.patients[0].Name)
	s.nurse.mustDo("POST", "/v1/stations/"+s.counter.station+"/next", nil, nil)
	require.Contains(t, next(t, events).data, `"number":1`)
}
