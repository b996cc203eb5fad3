package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// Ids of the fictional clinic.
const (
	stationID      = "01920000-0000-7000-8000-000000000001"
	otherStationID = "01920000-0000-7000-8000-000000000002"
	anID           = "01920000-0000-7000-8000-0000000000a1"
	binhID         = "01920000-0000-7000-8000-0000000000a2"
	chiID          = "01920000-0000-7000-8000-0000000000a3"
	bottleID       = "01920000-0000-7000-8000-0000000000b1"
	lotID          = "01920000-0000-7000-8000-0000000000c1"
)

const boardKey = "abcdefghijklmnop"

// Codes of the fictional clinic's cards and labels.
var (
	anCode     = card(cardcode.Patient, 14)
	binhCode   = card(cardcode.Patient, 24)
	chiCode    = card(cardcode.Patient, 34)
	badgeCode  = card(cardcode.Staff, 3)
	bottleCode = card(cardcode.Bottle, 12)
)

func card(k cardcode.Kind, serial int) string {
	c, err := cardcode.New(k, 1, serial)
	if err != nil {
		panic(err)
	}
	return c.String()
}

var fakeNow = time.Date(2026, 11, 22, 1, 5, 0, 0, time.UTC) // 08:05 in Ho Chi Minh City

// fakeAPI is an API of a fictional clinic with just enough behaviour for the screens: one window, three patients, one
// dose at a time. Tests set its fields before the first request, or under mu.
type fakeAPI struct {
	printed  clinicapi.PrintState // what becomes of a print; "" when there is no printer
	mu       sync.Mutex
	mux      *http.ServeMux
	session  clinicapi.Session
	signedIn bool
	locked   bool
	patients map[string]clinicapi.Patient
	decision map[string]clinicapi.Decision
	open     *clinicapi.Dispensing
	ended    map[string]clinicapi.Dispensing
	tickets  []clinicapi.Ticket
	board    clinicapi.Board
	booked   map[string]time.Time // by patient and day
	requests []*http.Request      // as they came from the screens
	bodies   map[string]string
	refuse   map[string]clinicapi.Problem // by method and path
	events   map[chan string]bool
}

func newFakeAPI() *fakeAPI {
	f := &fakeAPI{
		mux: http.NewServeMux(), signedIn: true,
		patients: map[string]clinicapi.Patient{}, decision: map[string]clinicapi.Decision{}, ended: map[string]clinicapi.Dispensing{},
		booked: map[string]time.Time{anID + "2026-11-24": fakeNow.Add(48 * time.Hour)}, bodies: map[string]string{}, refuse: map[string]clinicapi.Problem{}, events: map[chan string]bool{},
	}
	f.session = clinicapi.Session{
		Staff:  clinicapi.Member{Id: "01920000-0000-7000-8000-0000000000d1", Username: "hoa", Name: "Trần Thị Hoa", Roles: []clinicapi.Role{"nurse", "pharmacist", "doctor", "administrator"}, Active: true},
		Clinic: clinicapi.Clinic{Id: "01920000-0000-7000-8000-0000000000e1", Number: 1, Name: "Cơ sở Methadone Quận Giả Định", Zone: "Asia/Ho_Chi_Minh", Demo: true},
		Demo:   true, Today: "2026-11-22",
		Actions: []string{
			"clinic.manage", "clinic.read", "dispensing.perform", "dispensing.read", "dispensing.resolve", "dispensing.witness", "figures.read", "hold.lift", "hold.place", "morning.read", "patient.end", "patient.manage", "patient.read",
			"prescription.read", "prescription.sign", "queue.call", "queue.check_in", "queue.read", "register.read", "rules.adopt", "session", "staff.manage", "staff.read", "station.bottle", "station.recalibrate", "station.manage", "station.read", "station.verify", "stock.manage", "stock.count", "trace.read", "stock.read",
		},
	}
	f.board = clinicapi.Board{
		Clinic: f.session.Clinic.Name, Demo: true,
		Day: "2026-11-22", Called: []clinicapi.BoardCall{{Number: 11, StationName: "Cửa 1", State: "called"}}, Waiting: []int{12, 13, 14}, WaitingCount: 3, EstimateS: new(int64(720)),
	}
	f.person(anID, anCode, "Nguyễn Văn An", 1984)
	f.person(binhID, binhCode, "Lê Thị Bình", 1991)
	f.person(chiID, chiCode, "Phạm Quốc Chí", 1978)
	f.decision[binhID] = warned()
	f.decision[chiID] = stopped()
	for i, id := range []string{anID, binhID, chiID} {
		p := f.patients[id]
		f.tickets = append(f.tickets, clinicapi.Ticket{
			Id: fmt.Sprintf("01920000-0000-7000-8000-00000000010%d", i), Day: "2026-11-22", Number: 12 + i, Patient: id, PatientName: p.Name, PatientCode: p.Code,
			State: clinicapi.TicketStateArrived, WaitedS: int64(60 * (34 - 9*i)), Held: id == chiID, ArrivedAt: fakeNow,
		})
	}
	f.routes()
	return f
}

func (f *fakeAPI) person(id, code, name string, born int) {
	f.patients[id] = clinicapi.Patient{Id: id, Code: code, Name: name, BirthYear: born, Sex: "male", Status: "in_treatment", Phase: "maintenance", EnrolledOn: "2025-03-04", Version: 7}
	f.decision[id] = clinicapi.Decision{Allowed: true, Pack: "vn", PackVersion: 1, Part: 1, DoseUg: 62_500, VolumeUl: 6_250, Refusals: []clinicapi.Reason{}, Notes: []clinicapi.Reason{}}
}

func warned() clinicapi.Decision {
	return clinicapi.Decision{
		Allowed: true, Part: 1, DoseUg: 45_000, VolumeUl: 4_500, Refusals: []clinicapi.Reason{},
		Notes: []clinicapi.Reason{{Rule: "dose.jump_warning", Severity: "warning", Message: "Liều tăng nhiều so với lần trước", Value: "45 mg", Limit: "38.5 mg", Verified: true, ClearedBy: []clinicapi.Role{"doctor"}}},
	}
}

func stopped() clinicapi.Decision {
	return clinicapi.Decision{
		Part: 1, DoseUg: 80_000, VolumeUl: 8_000, MissedDays: 4, Notes: []clinicapi.Reason{},
		Refusals: []clinicapi.Reason{
			{Rule: "hold.stop", Severity: "stop", Message: "Có lệnh dừng của bác sĩ", Verified: true, ClearedBy: []clinicapi.Role{"doctor"}, Args: map[string]string{"reason": "Hẹn khám lại trước khi uống"}},
			{Rule: "missed.days", Severity: "refer", Message: "Bỏ uống nhiều ngày liên tiếp", Value: "4 d", Limit: "3 d", Verified: true, ClearedBy: []clinicapi.Role{"doctor"}},
		},
	}
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	key := r.Method + " " + r.URL.Path
	f.requests = append(f.requests, r)
	refused, no := f.refuse[key]
	public := r.URL.Path == "/v1/session" && r.Method == http.MethodPost || r.URL.Path == "/v1/session/switch" || strings.HasPrefix(r.URL.Path, "/v1/public-boards/")
	switch {
	case no:
	case f.locked && !public:
		refused, no = clinicapi.Problem{Status: 401, Code: "unauthenticated", Key: "session.locked", Title: "Màn hình đã khóa"}, true
	case !f.signedIn && !public:
		refused, no = clinicapi.Problem{Status: 401, Code: "unauthenticated", Key: "session.none", Title: "Chưa đăng nhập"}, true
	}
	f.mu.Unlock()
	if no {
		answer(w, refused.Status, refused)
		return
	}
	if found, ok := strings.CutPrefix(r.URL.Path, "/v1/patients/by-code/"); ok { // two patterns of one mux would clash
		r.URL.Path = "/v1/patient-codes/" + found
	}
	if found, ok := strings.CutPrefix(r.URL.Path, "/v1/bottles/by-code/"); ok {
		r.URL.Path = "/v1/bottle-codes/" + found
	}
	f.mux.ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, status int, v any) {
	kind := "application/json"
	if status >= 400 {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// on registers one operation whose answer is made under the lock.
func (f *fakeAPI) on(pattern string, status int, make func(r *http.Request, body map[string]any) any) {
	method, path, _ := strings.Cut(pattern, " ")
	f.mux.HandleFunc(method+" /v1"+path, func(w http.ResponseWriter, r *http.Request) {
		body := map[string]any{}
		_ = json.NewDecoder(r.Body).Decode(&body)
		f.mu.Lock()
		defer f.mu.Unlock()
		raw, _ := json.Marshal(body)
		f.bodies[pattern] = string(raw)
		out := make(r, body)
		if p, ok := out.(clinicapi.Problem); ok {
			answer(w, p.Status, p)
			return
		}
		answer(w, status, out)
	})
}

func (f *fakeAPI) bottle() clinicapi.Bottle {
	return clinicapi.Bottle{
		Id: bottleID, Code: bottleCode, Lot: lotID, Place: "cabinet", LotNumber: "MTD-2611", ProductName: "Methadone hydroclorid 10 mg/mL", ConcentrationUgMl: 10_000, DensityUgMl: 1_021_000,
		Expiry: "2027-08-31", LotState: "released", State: "in_use", LabelVolumeUl: 1_000_000, RemainingUl: 734_500, OpenedAt: fakeNow.Add(-time.Hour),
		Balance: clinicapi.Balance{"supplier": -1_000_000, "bottle": 734_500, "administered": 259_250, "reserved": 6_250},
	}
}

func (f *fakeAPI) station() clinicapi.Station {
	s := clinicapi.Station{Id: stationID, Name: "Cửa 1", Active: true, Enrolled: true, Bottle: f.bottle(), Devices: []clinicapi.Device{}, Live: f.live(100_000_000),
		Check: clinicapi.CheckStanding{State: clinicapi.CheckStandingStatePassed, Counts: true, Check: lotID, Day: "2026-11-22"},
		Drift: clinicapi.DriftStanding{Samples: 10, LevelPpm: -6000, PeakPpm: 6000, WarnPpm: 5000, StopPpm: 10_000, Alarm: clinicapi.DriftStandingAlarmWarn}}
	for i, kind := range []clinicapi.DeviceKind{"pump", "scale", "scanner"} {
		s.Devices = append(s.Devices, clinicapi.Device{Id: fmt.Sprintf("01920000-0000-7000-8000-00000000020%d", i), Station: stationID, Kind: kind, Model: "sim-" + string(kind), State: "ready", StateAt: fakeNow, VerifiedToday: i == 0})
	}
	if f.printed != "" {
		s.Devices = append(s.Devices, clinicapi.Device{Id: stationID, Station: stationID, Kind: "printer", Model: ticketPrinter, State: "ready", StateAt: fakeNow})
	}
	return s
}

func (f *fakeAPI) live(weight int64) clinicapi.StationLive {
	cup := true
	r := clinicapi.LiveReading{Phase: "idle", Pump: clinicapi.LivePump{State: "ready"}, Scanner: clinicapi.LiveScanner{State: "ready"}, Scale: clinicapi.LiveScale{State: "ready", Stable: true, WeightUg: &weight}, Cup: &cup}
	return clinicapi.StationLive{Station: stationID, Known: true, Connected: true, ReceivedAt: fakeNow, Reading: r}
}

// show sends a live event to every screen.
func (f *fakeAPI) show(name string, data any) {
	raw, _ := json.Marshal(data)
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.events {
		ch <- fmt.Sprintf("event: %s\ndata: %s\n\n", name, raw)
	}
}

func (f *fakeAPI) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	ch := make(chan string, 64)
	f.mu.Lock()
	f.events[ch] = true
	f.mu.Unlock()
	defer func() { f.mu.Lock(); delete(f.events, ch); f.mu.Unlock() }()
	_, _ = fmt.Fprint(w, ": here\n\n")
	_ = flush.Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case e := <-ch:
			if _, err := fmt.Fprint(w, e); err != nil {
				return
			}
			_ = flush.Flush()
		}
	}
}
