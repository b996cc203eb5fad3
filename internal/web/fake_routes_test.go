package web

import (
	"fmt"
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

func (f *fakeAPI) routes() {
	f.mux.HandleFunc("GET /v1/stations/{id}/stream", f.stream)
	f.mux.HandleFunc("GET /v1/stream", f.stream)
	f.sessionRoutes()
	f.settingsRoutes()
	f.queueRoutes()
	f.patientRoutes()
	f.doseRoutes()
	f.stockRoutes()
	f.paperRoutes()
	f.figureRoutes()
}

func (f *fakeAPI) figureRoutes() {
	f.on("GET /figures/patients", 200, func(r *http.Request, _ map[string]any) any {
		lines := []string{"start", "new", "returned", "transferred_in", "left_completed_taper", "left_own_wish", "left_dropped", "left_removed_for_breach",
			"left_transferred_out", "left_died", "left_detained", "left_compulsory_rehab", "left_other", "end", "over_6_months", "over_12_months", "ever"}
		counts := func(scale int) map[string]int {
			out := map[string]int{}
			for i, l := range lines {
				out[l] = scale * (i + 3) / 4
			}
			out["end"] = 181 * scale / 10
			return out
		}
		share := 905
		site := func(n int, name string) clinicapi.SiteFigures {
			return clinicapi.SiteFigures{Clinic: fmt.Sprintf("01920000-0000-7000-8000-0000000000e%d", n), Number: n, Name: name, District: "Giả Định", Counts: counts(n + 7), Target: 160, SharePermille: &share}
		}
		out := clinicapi.PatientFigures{From: "2026-09-15", To: "2026-12-14", Scope: "clinic", Province: "Giả Định", Lines: lines, Sites: []clinicapi.SiteFigures{site(1, "Cơ sở Methadone Quận Giả Định")}}
		if r.URL.Query().Get("scope") == "province" {
			out.Sites = append(out.Sites, site(2, "Cơ sở Bình Minh"), site(3, "Cơ sở Cẩm Sơn"))
			out.Sites[2].SharePermille = nil
		}
		out.Total = clinicapi.SiteFigures{Name: "Giả Định", Counts: counts(40), Target: 800, SharePermille: &share}
		for m := 1; m <= 12; m++ {
			out.Months = append(out.Months, clinicapi.MonthFigures{From: fmt.Sprintf("2026-%02d-01", m), To: fmt.Sprintf("2026-%02d-28", m), End: 160 + 3*m, Entered: 12, Left: 9})
		}
		return out
	})
	f.on("GET /figures/patients/entries", 200, func(*http.Request, map[string]any) any {
		return clinicapi.FigureEntryList{Items: []clinicapi.FigureEntry{
			{Patient: anID, Code: anCode, Name: "Nguyễn Văn An", Entry: "new", From: "2026-10-01"},
			{Patient: binhID, Code: binhCode, Name: "Lê Thị Bình", Entry: "new", From: "2026-10-04", To: "2026-11-04", Reason: "own_wish"},
		}}
	})
	f.on("GET /patients/attention", 200, func(*http.Request, map[string]any) any {
		return clinicapi.AttentionList{Items: []clinicapi.Attention{
			{Patient: chiID, Code: chiCode, Name: "Phạm Quốc Chí", Phase: "maintenance", LastDoseOn: "2026-10-20", MissedDays: 32, OrderEnds: true, Proposal: "dropped"},
			{Patient: binhID, Code: binhCode, Name: "Lê Thị Bình", Phase: "taper", LastDoseOn: "2026-11-21", OrderTo: "2026-11-23", OrderEnds: true},
		}}
	})
	f.on("GET /registers/narcotic", 200, func(*http.Request, map[string]any) any {
		line := func(day, column string, amount, balance int64) clinicapi.NarcoticLine {
			return clinicapi.NarcoticLine{Day: day, OccurredDay: "2026-11-20", LotNumber: "MTD-2611", Expiry: "2027-08-31", Reason: "x", Column: clinicapi.BookColumn(column), AmountUl: amount, BalanceUl: balance}
		}
		lines := []clinicapi.NarcoticLine{
			line("2026-11-20", "received", 5_000_000, 5_734_500), line("2026-11-20", "issued", 812_250, 4_922_250), line("2026-11-20", "wasted", 12_000, 4_910_250),
			line("2026-11-21", "lost", 1_500, 4_908_750), line("2026-11-21", "found", 500, 4_909_250), line("2026-11-21", "issued", -6_000, 4_915_250),
		}
		lines[0].DocumentNumber, lines[0].Party, lines[1].Doses = "BBGN-118", "Công ty Dược Giả Định", 131
		lines[0].Document, lines[1].Lot, lines[5].Dispensing = paperID, lotID, anID
		return clinicapi.NarcoticRegister{Product: lotID, ProductName: "Methadone hydroclorid", ConcentrationUgMl: 10_000, From: "2026-11-01", To: "2026-11-30", OpeningUl: 734_500, ClosingUl: 4_915_250,
			Sums: map[string]int64{"received": 5_000_000, "issued": 806_250, "wasted": 12_000, "lost": 1_500, "found": 500}, Lines: lines}
	})
	f.on("GET /registers/controlled", 200, func(r *http.Request, _ map[string]any) any {
		if r.URL.Query().Get("period") == "2099" {
			return clinicapi.Problem{Status: 400, Code: "invalid", Key: "period.future", Title: "Kỳ này chưa bắt đầu. Hôm nay là ngày 22/11/2026."}
		}
		return clinicapi.ControlledRegister{
			Product: lotID, ProductName: "Methadone hydroclorid", ConcentrationUgMl: 10_000, Form: "dung dịch uống", From: "2026-11-20", To: "2026-11-22", Ends: "2026-11-30",
			OpeningUl: 734_500, ClosingUl: 5_726_750, Sums: map[string]int64{"obtained": 5_000_000, "supplied": 6_250, "other_out": 1_500, "other_in": 0},
			Entries: []clinicapi.ControlledEntry{
				{Number: 1, Day: "2026-11-20", RecordedAt: fakeNow, Column: "received", Side: "obtained", Document: paperID, DocumentNumber: "BBGN-118", Party: "Công ty Dược Giả Định, Quận 1", EnteredBy: "Vũ Ngọc Lan", Witness: "Trần Thị Hoa", AmountUl: 5_000_000, BalanceUl: 5_734_500},
				{Number: 2, Day: "2026-11-21", EnteredDay: "2026-11-22", RecordedAt: fakeNow, Column: "issued", Side: "supplied", Dispensing: anID, Party: "Nguyễn Văn An", PatientCode: anCode, Address: "12 Trần Phú", Prescription: 3, PrescriptionSigned: "2026-11-01", Prescriber: "Trần Đức Khải", Identity: "card", EnteredBy: "Trần Thị Hoa", AmountUl: 6_250, BalanceUl: 5_728_250},
				{Number: 3, Day: "2026-11-21", RecordedAt: fakeNow, Column: "lost", Side: "other_out", Document: paperID, EnteredBy: "Vũ Ngọc Lan", AmountUl: 3_000, BalanceUl: 5_725_250, Notes: []int{1}},
				{Number: 4, Day: "2026-11-22", RecordedAt: fakeNow, Column: "lost", Side: "other_out", Document: paperID, EnteredBy: "Vũ Ngọc Lan", AmountUl: -1_500, BalanceUl: 5_726_750, Notes: []int{1}},
			},
			Notes: []clinicapi.ControlledNote{{Number: 1, Day: "2026-11-22", Of: 3, OfDay: "2026-11-21", By: 4, AmountUl: 1_500, Reason: "đọc nhầm vạch", Document: paperID, EnteredBy: "Vũ Ngọc Lan"}},
		}
	})
	f.on("GET /reports/stock", 200, func(*http.Request, map[string]any) any {
		return clinicapi.StockReport{From: "2026-11-01", To: "2026-11-30", ActivePatients: 181, ExpectedNew: 12, Rows: []clinicapi.StockReportRow{{
			Product: lotID, ProductName: "Methadone hydroclorid", ConcentrationUgMl: 10_000, OpeningUl: 734_500, AvailableUl: 5_734_500, ClosingUl: 4_915_250, Doses: 131, ForecastUl: 860_000,
			Sums: map[string]int64{"received": 5_000_000, "issued": 806_250, "wasted": 12_000, "lost": 1_500, "found": 500},
		}}}
	})
	f.on("PUT /targets/{year}", 200, func(*http.Request, map[string]any) any {
		return clinicapi.Target{Year: 2026, Patients: 160, RecordedAt: fakeNow}
	})
}

func (f *fakeAPI) sessionRoutes() {
	f.on("GET /session", 200, func(*http.Request, map[string]any) any { return f.session })
	f.mux.HandleFunc("POST /v1/session", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.signedIn = true
		http.SetCookie(w, &http.Cookie{Name: "lieu_session", Value: "fresh", Path: "/", HttpOnly: true})
		answer(w, 200, f.session)
	})
	f.on("POST /session/lock", 204, func(*http.Request, map[string]any) any { f.locked = true; return nil })
	f.on("DELETE /session", 204, func(*http.Request, map[string]any) any { f.signedIn = false; return nil })
	f.on("POST /session/switch", 200, func(_ *http.Request, b map[string]any) any {
		if b["pin"] != "1234" {
			return clinicapi.Problem{Status: 401, Code: "unauthenticated", Key: "staff.wrong_credential", Title: "Sai người hoặc sai mã PIN"}
		}
		f.locked = false
		return f.session
	})
}

// settingsRoutes are the people, the rules and the days closed.
func (f *fakeAPI) settingsRoutes() {
	left := clinicapi.Member{Id: binhID, Username: "cuc", Name: "Mai Thị Cúc", Roles: []clinicapi.Role{"nurse"}}
	fresh := clinicapi.Member{Id: anID, Username: "tam", Name: "Bùi Văn Tâm", Roles: []clinicapi.Role{"nurse", "supervisor"}, Badge: badgeCode, Active: true}
	f.on("GET /staff", 200, func(*http.Request, map[string]any) any {
		return clinicapi.StaffList{Items: []clinicapi.Member{left, fresh, f.session.Staff}}
	})
	f.on("POST /staff", 201, func(*http.Request, map[string]any) any { return fresh })
	for _, act := range []string{"roles", "password", "badge", "unlock", "deactivate", "reactivate"} {
		f.on("POST /staff/{id}/"+act, 200, func(*http.Request, map[string]any) any { return fresh })
	}
	for _, what := range []string{"pin", "password"} {
		f.on("POST /session/"+what, 204, func(_ *http.Request, b map[string]any) any {
			if b["current_password"] != ownPassword {
				return clinicapi.Problem{Status: 401, Code: "unauthenticated", Key: "staff.wrong_credential", Title: "Sai người hoặc sai mật khẩu"}
			}
			return nil
		})
	}
	f.on("GET /rules", 200, func(*http.Request, map[string]any) any {
		return clinicapi.Rules{Pack: "vn", Version: 1, Values: []clinicapi.RuleValue{
			{Key: "rx.max_days.maintenance", Set: true, Verified: true, Binding: true, Source: "Circular 26/2023/TT-BYT", Unit: "days", Amount: 30},
			{Key: "dose.hard_ceiling", Source: "no number was found", Unit: "ug"},
			{Key: "dose.min_hours", Set: true, Source: "own choice", Unit: "hours", Amount: 12},
			{Key: "missed.table", Set: true, Source: "practice", Unit: "table", Amount: 1, Steps: []clinicapi.MissedStep{{FromDays: 4, Severity: "refer", Advice: "see_prescriber"}}},
			{Key: "device.verify", Set: true, Source: "own choice", Unit: "yes_no", Amount: 1},
			{Key: "drift.warn", Set: true, Source: "own choice", Unit: "ppm", Amount: 6000},
		}}
	})
	f.on("POST /rule-adoptions", 200, func(_ *http.Request, b map[string]any) any {
		if b["pin"] != "1234" {
			return clinicapi.Problem{Status: 401, Code: "unauthenticated", Key: "staff.wrong_credential", Title: "Sai mã PIN"}
		}
		return f.session.Clinic
	})
	f.on("GET /closures", 200, func(*http.Request, map[string]any) any {
		return clinicapi.ClosureList{Items: []clinicapi.Closure{{Day: "2026-09-02", Reason: "Quốc khánh"}, {Day: "2027-01-01", Reason: "Tết Dương lịch"}}}
	})
	f.on("POST /closures", 201, func(*http.Request, map[string]any) any { return clinicapi.Closure{Day: "2027-04-30", Reason: "x"} })
	f.on("POST /closures/{day}/remove", 204, func(*http.Request, map[string]any) any { return nil })
}

func (f *fakeAPI) queueRoutes() {
	f.on("GET /queue", 200, func(*http.Request, map[string]any) any {
		return clinicapi.Queue{
			Day: "2026-11-22", Waiting: f.tickets,
			Coming:   []clinicapi.Expected{{Patient: binhID, Name: "Võ Minh Đức", Code: "P0100000439"}},
			Attended: []clinicapi.Attended{{Patient: chiID, Name: "Đỗ Thị Em", Code: "P0100000536", DoseUg: 30_000, At: fakeNow}},
		}
	})
	f.mux.HandleFunc("GET /v1/board/stream", f.stream)
	f.on("GET /queue/morning", 200, func(*http.Request, map[string]any) any { return fakeMorning() })
	f.on("PUT /queue/rules", 200, func(*http.Request, map[string]any) any { return fakeMorning().Rules })
	f.on("GET /slots", 200, func(r *http.Request, _ map[string]any) any { return f.slots(r.URL.Query().Get("day")) })
	f.on("GET /patients/{id}/slots/{day}", 200, func(r *http.Request, _ map[string]any) any {
		return clinicapi.PatientSlot{Patient: r.PathValue("id"), Day: r.PathValue("day"), At: f.booked[r.PathValue("id")+r.PathValue("day")]}
	})
	f.on("PUT /patients/{id}/slots/{day}", 200, func(r *http.Request, b map[string]any) any {
		text, _ := b["at"].(string)
		at, _ := time.Parse(time.RFC3339, text)
		f.booked[r.PathValue("id")+r.PathValue("day")] = at
		return clinicapi.PatientSlot{Patient: r.PathValue("id"), Day: r.PathValue("day"), At: at}
	})
	f.on("POST /stations/{id}/next", 200, func(r *http.Request, _ map[string]any) any {
		for i, t := range f.tickets {
			if t.State == clinicapi.TicketStateArrived && !t.Held {
				f.tickets[i].State, f.tickets[i].Station, f.tickets[i].StationName = clinicapi.TicketStateCalled, r.PathValue("id"), "Cửa 1"
				return f.tickets[i]
			}
		}
		return clinicapi.Problem{Status: 409, Code: "conflict", Key: "queue.nobody", Title: "Không còn ai chờ mà phát được."}
	})
	f.on("GET /board/address", 200, func(*http.Request, map[string]any) any { return clinicapi.BoardAddress{Path: "/tv/1/" + boardKey} })
	f.on("GET /public-boards/{number}/{key}", 200, func(r *http.Request, _ map[string]any) any {
		if r.PathValue("number") != "1" || r.PathValue("key") != boardKey {
			return clinicapi.Problem{Status: 404, Code: "not_found", Key: "board.not_found", Title: "Không có bảng này"}
		}
		return f.board
	})
	f.mux.HandleFunc("GET /v1/public-boards/{number}/{key}/stream", f.stream)
	f.on("GET /board", 200, func(*http.Request, map[string]any) any { return f.board })
	f.on("GET /queue/figures", 200, func(*http.Request, map[string]any) any {
		return clinicapi.QueueFigures{Day: "2026-11-22", Waiting: 3, Served: 41, LongestWaitS: 2040, MedianWaitS: 480, P90WaitS: 1500, MedianServiceS: 58, ClearAt: fakeNow.Add(time.Hour), Quarters: fakeQuarters()}
	})
	f.on("POST /stations/{id}/prints", 202, func(_ *http.Request, b map[string]any) any {
		return clinicapi.Print{Id: fmt.Sprint(b["id"]), Station: stationID, Kind: "ticket", Ticket: fmt.Sprint(b["ticket"]), State: "ordered", OrderedAt: fakeNow}
	})
	f.on("GET /prints/{id}", 200, func(r *http.Request, _ map[string]any) any {
		p := clinicapi.Print{Id: r.PathValue("id"), Station: stationID, Kind: "ticket", Ticket: anID, State: f.printed, OrderedAt: fakeNow}
		if p.State == "refused" {
			p.Reason = "paper_out"
		}
		return p
	})
	f.on("POST /check-ins", 200, func(_ *http.Request, b map[string]any) any {
		for _, t := range f.tickets {
			if t.PatientCode == b["code"] {
				return clinicapi.CheckedIn{Ticket: t, Decision: f.decision[t.Patient], Ahead: t.Number - 12, EstimateS: new(int64(240)), Rooms: fakeRooms}
			}
		}
		return clinicapi.Problem{Status: 404, Code: "not_found", Key: "patient.not_found", Title: "Không có người bệnh nào mang mã này"}
	})
	move := func(state clinicapi.TicketState) func(*http.Request, map[string]any) any {
		return func(r *http.Request, _ map[string]any) any {
			for i := range f.tickets {
				if f.tickets[i].Id == r.PathValue("id") {
					f.tickets[i].State, f.tickets[i].Station, f.tickets[i].StationName = state, stationID, "Cửa 1"
					return f.tickets[i]
				}
			}
			return clinicapi.Problem{Status: 404, Code: "not_found", Title: "Không có số này"}
		}
	}
	f.on("POST /tickets/{id}/call", 200, move("called"))
	f.on("POST /tickets/{id}/at-window", 200, move("at_window"))
	f.on("POST /tickets/{id}/back", 200, move("arrived"))
	f.on("POST /tickets/{id}/skip", 200, move("arrived"))
	f.on("POST /tickets/{id}/transfer", 200, move("called"))
	f.on("POST /tickets/{id}/done", 200, move("done"))
	f.on("POST /tickets/{id}/leave", 200, move("left"))
}

func (f *fakeAPI) patientRoutes() {
	list := func(*http.Request, map[string]any) any {
		return clinicapi.PatientList{Items: []clinicapi.Patient{f.patients[anID], f.patients[binhID], f.patients[chiID]}}
	}
	f.on("GET /patients", 200, list)
	f.on("POST /patients/search", 200, list)
	f.on("POST /patients", 201, func(*http.Request, map[string]any) any { return f.patients[anID] })
	f.on("GET /patient-codes/{code}", 200, func(r *http.Request, _ map[string]any) any {
		for _, p := range f.patients {
			if p.Code == r.PathValue("code") {
				return p
			}
		}
		return clinicapi.Problem{Status: 404, Code: "not_found", Key: "patient.not_found", Title: "Không có người bệnh nào mang mã này"}
	})
	f.on("GET /patients/{id}", 200, func(r *http.Request, _ map[string]any) any { return f.patients[r.PathValue("id")] })
	f.on("PUT /patients/{id}", 200, func(r *http.Request, _ map[string]any) any { return f.patients[r.PathValue("id")] })
	f.on("GET /patients/{id}/decision", 200, func(r *http.Request, _ map[string]any) any { return f.decision[r.PathValue("id")] })
	f.on("GET /patients/{id}/days", 200, func(*http.Request, map[string]any) any { return fakeDays() })
	f.on("GET /patients/{id}/prescriptions", 200, func(*http.Request, map[string]any) any {
		return clinicapi.PrescriptionList{Items: []clinicapi.Prescription{
			{Id: "r2", Version: 2, DoseUg: 62_500, PartsUg: []int64{62_500}, From: "2026-11-15", To: "2026-12-12", Phase: "maintenance", Reason: "ổn định", PrescriberName: "BS. Lý", SignedAt: fakeNow.Add(-170 * time.Hour), Status: "active"},
			{Id: "r1", Version: 1, DoseUg: 60_000, PartsUg: []int64{30_000, 30_000}, From: "2026-10-18", To: "2026-11-14", Phase: "adjustment", Reason: "còn thèm", PrescriberName: "BS. Lý", SignedAt: fakeNow.Add(-900 * time.Hour), Status: "superseded"},
		}}
	})
	f.on("GET /patients/{id}/holds", 200, func(*http.Request, map[string]any) any {
		return clinicapi.HoldList{Items: []clinicapi.Hold{{Id: "h1", Severity: "stop", Reason: "Hẹn khám lại trước khi uống", ClearedBy: "doctor", PlacedByName: "BS. Lý", PlacedAt: fakeNow, Open: true}}}
	})
	for _, act := range []string{"prescriptions", "holds", "clearances", "status", "phase", "end"} {
		f.on("POST /patients/{id}/"+act, 201, func(*http.Request, map[string]any) any { return map[string]any{} })
	}
	f.on("POST /prescriptions/{id}/cancel", 200, func(*http.Request, map[string]any) any { return map[string]any{} })
	f.on("POST /holds/{id}/lift", 200, func(*http.Request, map[string]any) any { return map[string]any{} })
}

func fakeQuarters() []clinicapi.QuarterFigures {
	var all []clinicapi.QuarterFigures
	for i, arrived := range []int{4, 19, 26, 17, 9, 6, 5, 2} {
		all = append(all, clinicapi.QuarterFigures{From: fakeNow.Truncate(time.Hour).Add(time.Duration(15*(i-4)) * time.Minute), Arrived: arrived, Served: 5 + i, MedianWaitS: int64(60 * i)})
	}
	return all
}

func fakeDays() clinicapi.DayList {
	l := clinicapi.DayList{Today: "2026-11-22"}
	for i := 44; i >= 0; i-- {
		d := clinicapi.PatientDay{Day: fakeNow.AddDate(0, 0, -i).Format(isoDay), State: "taken", DoseUg: 62_500, At: fakeNow.AddDate(0, 0, -i)}
		switch {
		case i == 0:
			d = clinicapi.PatientDay{Day: d.Day, State: "due"}
		case i == 4:
			d = clinicapi.PatientDay{Day: d.Day, State: "missed"}
		case i == 2:
			d.State = "take_home"
		case i == 20:
			d = clinicapi.PatientDay{Day: d.Day, State: "closed"}
		}
		l.Items = append(l.Items, d)
	}
	return l
}

// doseRoutes let one dose go from begin to the swallow; tests play the counter with setDose.
func (f *fakeAPI) doseRoutes() {
	f.on("GET /dispensings", 200, func(*http.Request, map[string]any) any {
		l := clinicapi.DispensingList{Items: []clinicapi.Dispensing{}}
		if f.open != nil {
			l.Items = append(l.Items, *f.open)
		}
		return l
	})
	f.on("POST /dispensings", 201, func(_ *http.Request, b map[string]any) any {
		if f.open == nil {
			p := f.patients[b["patient"].(string)]
			dec := f.decision[p.Id]
			f.open = &clinicapi.Dispensing{
				Id: b["id"].(string), Patient: p.Id, PatientName: p.Name, PatientCode: p.Code, Station: stationID, Bottle: bottleID, Lot: lotID, Day: "2026-11-22", Part: 1, Kind: "observed",
				DoseUg: dec.DoseUg, VolumeUl: dec.VolumeUl, ConcentrationUgMl: 10_000, DensityUgMl: 1_021_000, Notes: []clinicapi.Reason{}, RecordedAt: fakeNow, State: "reserved",
			}
		}
		return *f.open
	})
	f.on("GET /dispensings/{id}", 200, func(r *http.Request, _ map[string]any) any {
		if r.PathValue("id") == anID { // of a register
			return clinicapi.Dispensing{
				Id: anID, Patient: anID, PatientName: "Nguyễn Văn An", PatientCode: anCode, Day: "2026-11-22", DoseUg: 62_500, VolumeUl: 6_250, PumpVolumeUl: 6_250,
				WeighedKnown: true, WeighedUg: 6_375_000, MeasuredUl: 6_244, Agreed: true, HandedAt: fakeNow, State: "administered",
				Steps: []clinicapi.Step{
					{Seq: 1, Kind: "reserved", ActorKind: "staff", ActorName: "Trần Thị Hoa", OccurredAt: fakeNow, RecordedAt: fakeNow},
					{Seq: 2, Kind: "measured", ActorKind: "station", OccurredAt: fakeNow, RecordedAt: fakeNow.Add(2 * time.Minute)},
				},
			}
		}
		return f.dose(r)
	})
	f.on("POST /dispensings/{id}/hand-over", 200, func(_ *http.Request, b map[string]any) any {
		if f.open.PatientCode != b["code"] {
			return clinicapi.Problem{Status: 409, Code: "refused", Key: "hand_over.wrong_patient", Title: "Thẻ này không phải của người bệnh trên màn hình. Không giao cốc."}
		}
		f.open.HandedAt = fakeNow
		return *f.open
	})
	for act, state := range map[string]clinicapi.DispensingState{
		"taken": "administered", "partly-taken": "partly_taken", "wasted": "wasted", "void": "voided", "resolve": "measured", "outcome": "measured", "deviation": "measured", "cancel": "reserved", "doubt": "in_doubt",
	} {
		f.on("POST /dispensings/{id}/"+act, 200, func(_ *http.Request, b map[string]any) any {
			if w, ok := b["witness"].(map[string]any); ok && w["pin"] != "9999" {
				return clinicapi.Problem{Status: 403, Code: "forbidden", Key: "witness.wrong_credential", Title: "Sai người chứng kiến hoặc sai mã PIN"}
			}
			return f.settle(state)
		})
	}
}

// fakeCheck is a check in the middle of its shots, or one that was judged and failed.
func fakeCheck(judged bool) clinicapi.Check {
	within, beyond, scale := int64(-400), int64(14_000), int64(4998)
	k := clinicapi.Check{
		Id: lotID, Station: stationID, Day: "2026-11-22", Pump: lotID, Scale: lotID, Lot: lotID, LotNumber: "A-0042", DensityUgMl: 1_060_000,
		TemperatureDecicelsius: 253, By: lotID, ByName: "Trần Thị Dược", Witness: lotID, WitnessName: "Lê Thị Hoa", RecordedAt: fakeNow,
		Limits:    clinicapi.CheckLimits{LevelsUl: []int64{1000, 5000}, Shots: 3, PrimeUl: 3000, BiasPpm: 10_000, SpreadPpm: 5000, WeightsUg: []int64{20_000_000}, ToleranceUg: 20_000},
		Weighings: []clinicapi.CheckWeighing{{NominalUg: 20_000_000, ShownUg: 20_010_000, ToleranceUg: 20_000, Within: true, Weights: "F1-0427", By: lotID, RecordedAt: fakeNow}},
		Next:      clinicapi.CheckNext{Kind: clinicapi.CheckNextKindShot, VolumeUl: 5000, N: 4, Of: 6},
	}
	for i, p := range []clinicapi.CheckPour{{Kind: "prime", State: "measured", BookedUl: 2990}, {Kind: "shot", State: "measured", Level: 1, ErrorPpm: &within},
		{Kind: "shot", State: "voided", Level: 1, Reason: "no_cup"}} {
		p.Id, p.Station, p.VolumeUl, p.PumpUl, p.PumpKnown, p.WeightKnown, p.ScaleUl = lotID, stationID, 5000, 5000, i < 2, i < 2, &scale
		k.Pours = append(k.Pours, p)
	}
	if judged {
		k.Next.Kind = clinicapi.CheckNextKindDone
		k.Result = &clinicapi.CheckResult{
			Faults: []clinicapi.CheckResultFaults{"bias", "shots_missing"}, MeanPpm: beyond, By: lotID, RecordedAt: fakeNow,
			Levels: []clinicapi.CheckLevel{
				{VolumeUl: 1000, BiasLimitPpm: 10_000, SpreadLimitPpm: 9000},
				{VolumeUl: 5000, ErrorsPpm: []int64{within}, MeanPpm: beyond, BiasLimitPpm: 10_000, SpreadLimitPpm: 5000},
			},
		}
	}
	return k
}

func (f *fakeAPI) settle(state clinicapi.DispensingState) any {
	f.open.State = state
	if state == "measured" {
		f.open.Agreed = true
	}
	d := *f.open
	if state != "measured" && state != "reserved" && state != "in_doubt" {
		f.ended[d.Id], f.open = d, nil
		f.tickets = f.tickets[1:]
	}
	return d
}

func (f *fakeAPI) dose(r *http.Request) any {
	if f.open != nil && f.open.Id == r.PathValue("id") {
		return *f.open
	}
	if d, ok := f.ended[r.PathValue("id")]; ok {
		return d
	}
	return clinicapi.Problem{Status: 404, Code: "not_found", Title: "Không có liều này"}
}

// setDose is the counter's word.
func (f *fakeAPI) setDose(change func(*clinicapi.Dispensing)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.open)
}

func (f *fakeAPI) stockRoutes() {
	f.on("GET /stations", 200, func(*http.Request, map[string]any) any {
		other := clinicapi.Station{Id: otherStationID, Name: "Cửa 2", Active: true, Enrolled: true}
		return clinicapi.StationList{Items: []clinicapi.Station{f.station(), other}}
	})
	f.on("GET /stations/{id}", 200, func(*http.Request, map[string]any) any { return f.station() })
	f.on("POST /stations/{id}/bottle", 200, func(*http.Request, map[string]any) any { return f.station() })
	f.on("POST /stations/{id}/enrolment-code", 200, func(*http.Request, map[string]any) any {
		return clinicapi.EnrolmentCode{Code: "K7QM-2F9D", ValidUntil: fakeNow.Add(time.Hour)}
	})
	f.on("GET /stations/{id}/checks", 200, func(*http.Request, map[string]any) any {
		return clinicapi.CheckList{Items: []clinicapi.Check{fakeCheck(false), fakeCheck(true)}}
	})
	f.on("POST /checks/{id}/pours", 201, func(*http.Request, map[string]any) any { return fakeCheck(false).Pours[0] })
	f.on("GET /stations/{id}/recalibrations", 200, func(*http.Request, map[string]any) any {
		return clinicapi.RecalibrationList{Items: []clinicapi.Recalibration{{
			Id: lotID, Station: stationID, Device: lotID, Kind: "recalibrated", Method: "DIA", FactorBefore: "26,70", FactorAfter: "26,59",
			By: lotID, ByName: "Trần Thị Dược", RecordedAt: fakeNow,
		}}}
	})
	f.on("GET /stations/{id}/primes", 200, func(*http.Request, map[string]any) any {
		return clinicapi.CheckPourList{Items: []clinicapi.CheckPour{{Id: lotID, Station: stationID, Kind: "prime", State: "measured", VolumeUl: 3000, BookedUl: 2990, RecordedAt: fakeNow}}}
	})
	f.on("GET /stations/{id}/control-chart", 200, func(*http.Request, map[string]any) any {
		chart := clinicapi.ControlChart{
			Station: stationID, Lot: lotID, LotNumber: "A-0042", Began: 2, LimitsKnown: true, LowerPpm: -3000, CentrePpm: 100, UpperPpm: 3200,
			Drift: clinicapi.DriftStanding{Samples: 10, LevelPpm: -6000, PeakPpm: 6000, WarnPpm: 5000, StopPpm: 10_000, Alarm: "warn"},
		}
		for i := range int64(12) {
			share := []int64{500, -2000, 40_000}[i%3]
			chart.Points = append(chart.Points, clinicapi.ControlPoint{At: fakeNow, PumpUl: 6000, ScaleUl: 6000 + share*6/1000, DeviationUl: share * 6 / 1000, SharePpm: share, LevelPpm: share / 4})
		}
		return chart
	})
	f.on("GET /lots", 200, func(*http.Request, map[string]any) any {
		return clinicapi.LotList{Items: []clinicapi.Lot{{Id: lotID, Product: "p1", ProductName: "Methadone hydroclorid 10 mg/mL", Number: "MTD-2611", ConcentrationUgMl: 10_000, DensityUgMl: 1_021_000, Expiry: "2027-08-31", State: "released", Funding: "Quỹ Toàn cầu"}}}
	})
	f.on("GET /balances", 200, func(*http.Request, map[string]any) any {
		return clinicapi.BalanceList{Items: []clinicapi.LotBalance{{Lot: lotID, LotNumber: "MTD-2611", Balance: f.bottle().Balance}}}
	})
	f.on("GET /bottles", 200, func(*http.Request, map[string]any) any {
		sealed := f.bottle()
		sealed.Id, sealed.Code, sealed.State, sealed.Balance = "b2", "B0100000219", "sealed", clinicapi.Balance{"supplier": -1_000_000, "store": 1_000_000}
		return clinicapi.BottleList{Items: []clinicapi.Bottle{sealed, f.bottle()}}
	})
	f.on("POST /bottles", 201, func(*http.Request, map[string]any) any {
		return clinicapi.BottleList{Items: []clinicapi.Bottle{{Code: "B0100000316"}, {Code: "B0100000413"}}}
	})
	f.on("GET /bottle-codes/{code}", 200, func(*http.Request, map[string]any) any { return f.bottle() })
	f.on("GET /bottles/{id}", 200, func(*http.Request, map[string]any) any { return f.bottle() })
	for _, act := range []string{"open", "empty", "quarantine", "release", "end"} {
		f.on("POST /bottles/{id}/"+act, 200, func(*http.Request, map[string]any) any { return f.bottle() })
	}
	f.on("GET /moves", 200, func(*http.Request, map[string]any) any {
		return clinicapi.MoveList{Items: []clinicapi.Move{{Id: "m1", From: "bottle", To: "reserved", AmountUl: 6_250, FromAfterUl: 734_500, ToAfterUl: 6_250, Reason: "begin", OccurredAt: fakeNow}}}
	})
	f.on("POST /moves", 201, func(*http.Request, map[string]any) any { return f.bottle() })
	f.on("GET /products", 200, func(*http.Request, map[string]any) any {
		return clinicapi.ProductList{Items: []clinicapi.Product{{Id: "p1", Name: "Methadone hydroclorid", ConcentrationUgMl: 10_000}}}
	})
	f.on("GET /registers/dispensing", 200, func(*http.Request, map[string]any) any {
		return clinicapi.DispensingRegister{Day: "2026-11-22", Doses: 1, GivenUl: 6_250, ChainSeq: 812, ChainHash: "9f2c", GivenUg: 62_500, Rows: []clinicapi.RegisterRow{{Dispensing: anID, ProductName: "Methadone hydroclorid", ConcentrationUgMl: 10_000, Form: "dung dịch uống", Initials: "TTH", GivenUg: 62_500, PatientCode: anCode, PatientName: "Nguyễn Văn An", Part: 1, Kind: "observed", DoseUg: 62_500, VolumeUl: 6_250, MeasuredUl: 6_244, GivenUl: 6_244, LotNumber: "MTD-2611", BottleCode: bottleCode, StationName: "Cửa 1", State: "administered", Dispenser: "Trần Thị Hoa", RecordedAt: fakeNow, EndedAt: fakeNow.Add(time.Minute)}}}
	})
}
