package web

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

const windowPath = "/window/" + stationID

func atWindow(t *testing.T) (*browser, *fakeAPI) {
	api := newFakeAPI()
	b := newBrowser(t, api)
	b.hx = true
	return b, api
}

func stageOf(text string) string {
	m := regexp.MustCompile(`id="work" data-stage="([a-z]+)"`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

func TestAScanIdentifiesAndMarksTheTicket(t *testing.T) {
	b, api := atWindow(t)
	_, text := b.post(windowPath+"/scan", "code", anCode)
	require.Equal(t, "patient", stageOf(text))
	require.Contains(t, text, "Nguyễn Văn An")
	require.Contains(t, text, "62,5 mg")
	require.Contains(t, text, "6,25 mL")
	require.Contains(t, text, "MTD-2611")
	require.Contains(t, text, "734,5 mL")
	require.Equal(t, clinicapi.TicketStateAtWindow, api.tickets[0].State)
}

func TestTheSameKeyTwiceIsOneDose(t *testing.T) {
	b, api := atWindow(t)
	_, text := b.post(windowPath+"/scan", "code", anCode)
	id := regexp.MustCompile(`name="id" value="([0-9a-f-]{36})"`).FindStringSubmatch(text)[1]
	for range 2 {
		_, text = b.post(windowPath+"/pour", "id", id, "patient", anID)
		require.Equal(t, "pouring", stageOf(text))
	}
	require.Equal(t, id, api.open.Id)
	var sent clinicapi.BeginDispensing
	require.NoError(t, json.Unmarshal([]byte(api.bodies["POST /dispensings"]), &sent))
	require.Equal(t, clinicapi.BeginDispensing{Id: id, Patient: anID, Station: stationID}, sent, "dose, volume, day and bottle are the server's to decide")
}

func TestARefusedDoseShowsEveryRule(t *testing.T) {
	b, api := atWindow(t)
	api.refuse["POST /v1/dispensings"] = clinicapi.Problem{Status: 409, Code: "refused", Key: "dispensing.refused", Title: "Không được phát liều này", Refusals: stopped().Refusals}
	resp, text := b.post(windowPath+"/pour", "id", stationID, "patient", anID)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	require.Contains(t, text, `class="result red"`)
	require.Contains(t, text, `data-sound="stop"`)
	require.Contains(t, text, "Không được phát liều này")
	require.Contains(t, text, "Có lệnh dừng của bác sĩ")
	require.Contains(t, text, "Bỏ uống nhiều ngày liên tiếp")
	require.Contains(t, text, "<b>4 ngày</b>")
	require.Contains(t, text, "<b>bác sĩ</b>")
}

func TestAStopOffersNoRelease(t *testing.T) {
	b, _ := atWindow(t)
	_, text := b.post(windowPath+"/scan", "code", chiCode)
	require.Contains(t, text, `class="result red"`)
	require.Contains(t, text, "disabled")
	require.NotContains(t, text, "/pour")
	require.NotContains(t, text, "data-primary")
}

func TestAScanWhilePouringIdentifiesNobody(t *testing.T) {
	b, api := atWindow(t)
	api.open = fakeDose(func(d *clinicapi.Dispensing) { d.State = "dispensing" })
	_, text := b.post(windowPath+"/scan", "code", binhCode)
	require.Equal(t, "pouring", stageOf(text))
	require.Contains(t, text, "Nguyễn Văn An")
	require.NotContains(t, text, "Lê Thị Bình</h2>")
	require.Contains(t, text, `data-sticky`)
}

func TestOnlyTheRightCardBindsTheCup(t *testing.T) {
	b, api := atWindow(t)
	api.open = fakeDose(func(d *clinicapi.Dispensing) { d.State, d.Agreed = "measured", true })
	_, text := b.post(windowPath+"/scan", "code", binhCode)
	require.Equal(t, "bind", stageOf(text))
	require.Contains(t, text, "Không giao cốc")
	_, text = b.post(windowPath+"/scan", "code", anCode)
	require.Equal(t, "swallow", stageOf(text))
	_, text = b.post(windowPath+"/taken", "id", api.open.Id)
	require.Equal(t, "idle", stageOf(text))
	require.Contains(t, text, "XONG")
	again := b.get(html.UnescapeString(regexp.MustCompile(`hx-get="(/window/[^"]*/work[^"]*)" hx-trigger`).FindStringSubmatch(text)[1]))
	require.Contains(t, again, "XONG", "the list beside may refresh; how the dose ended stays")
}

// A held dose whose cup has something in it is put in doubt first; only then two people may throw it away.
func TestASilentCountersCupIsDoubtedBeforeItIsWasted(t *testing.T) {
	b, api := atWindow(t)
	api.open = fakeDose(func(d *clinicapi.Dispensing) { d.State = "held" })
	id := api.open.Id
	b.post(windowPath+"/exception/resolve", "id", id, "as", "wasted", "volume", "6", "reason", "mất điện", "witness", badgeCode, "witness_pin", "9999")
	require.JSONEq(t, `{"reason":"mất điện","witness":{"badge":"`+badgeCode+`","pin":"9999"}}`, api.bodies["POST /dispensings/{id}/doubt"])
	require.Contains(t, api.bodies["POST /dispensings/{id}/resolve"], `"as":"wasted"`)
}

func TestABottleIsMountedAndABadgeTakesOver(t *testing.T) {
	b, api := atWindow(t)
	_, text := b.post(windowPath+"/scan", "code", bottleCode)
	require.Equal(t, "mount", stageOf(text))
	_, text = b.post(windowPath+"/mount", "code", bottleCode)
	require.Equal(t, "idle", stageOf(text))
	require.JSONEq(t, `{"code":"`+bottleCode+`"}`, api.bodies["POST /stations/{id}/bottle"])
	resp, _ := b.post(windowPath+"/scan", "code", badgeCode)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.JSONEq(t, `{"lieu:badge":"`+badgeCode+`"}`, resp.Header.Get("HX-Trigger"))
}

func TestAnUnsettledDoseCanWaitButStaysLoud(t *testing.T) {
	b, api := atWindow(t)
	api.open = fakeDose(func(d *clinicapi.Dispensing) { d.State = "held" })
	require.Equal(t, "doubt", stageOf(b.get(windowPath+"/work")))
	aside := b.get(windowPath + "/work?aside=1")
	require.Equal(t, "idle", stageOf(aside))
	require.Contains(t, aside, "1 liều chưa rõ")
}

func TestAVoidedDoseSaysWhy(t *testing.T) {
	b, api := atWindow(t)
	d := fakeDose(func(d *clinicapi.Dispensing) {
		d.State, d.Steps = "voided", []clinicapi.Step{{Seq: 2, Kind: "voided", Data: map[string]any{"reason": "no_cup"}}}
	})
	api.ended[d.Id] = *d
	text := b.get(windowPath + "/work?watch=" + d.Id)
	require.Equal(t, "patient", stageOf(text))
	require.Contains(t, text, "Chưa rót gì. Không có cốc trên cân.")
}

func TestExceptionsReadNumbersAsTheReaderWritesThem(t *testing.T) {
	b, api := atWindow(t)
	api.open = fakeDose(func(d *clinicapi.Dispensing) { d.State, d.Agreed, d.HandedAt = "measured", true, fakeNow })
	path := windowPath + "/exception/partly"
	resp, text := b.post(path, "id", api.open.Id, "left", "2.5", "reason", "nôn", "witness", "lan", "witness_pin", "9999")
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	require.Equal(t, "exception", stageOf(text))
	require.Contains(t, text, "2.5")
	require.Contains(t, text, `value="nôn"`, "what was typed stays")
	require.NotContains(t, text, "9999", "a PIN does not")
	_, text = b.post(path, "id", api.open.Id, "left", "2,5", "reason", "nôn", "witness", "lan", "witness_pin", "9999")
	require.Equal(t, "idle", stageOf(text))
	require.JSONEq(t, `{"left_ul":2500,"reason":"nôn","witness":{"username":"lan","pin":"9999"}}`, api.bodies["POST /dispensings/{id}/partly-taken"])
}

func TestResolvingSendsWhatTwoPeopleSaw(t *testing.T) {
	b, api := atWindow(t)
	api.open = fakeDose(func(d *clinicapi.Dispensing) { d.State = "in_doubt" })
	_, text := b.post(windowPath+"/exception/resolve", "id", api.open.Id, "as", "measured", "gross_before", "4,56", "gross_after", "10,94",
		"reason", "máy khởi động lại", "witness", badgeCode, "witness_pin", "9999")
	require.Equal(t, "bind", stageOf(text))
	require.JSONEq(t, `{"as":"measured","gross_before_ug":4560000,"gross_after_ug":10940000,"reason":"máy khởi động lại","witness":{"badge":"`+badgeCode+`","pin":"9999"}}`,
		api.bodies["POST /dispensings/{id}/resolve"])
}

func TestALostSessionLeavesTheWindow(t *testing.T) {
	b, api := atWindow(t)
	api.refuse["POST /v1/dispensings"] = clinicapi.Problem{Status: 401, Code: "unauthenticated", Key: "session.none", Title: "Chưa đăng nhập"}
	resp, _ := b.post(windowPath+"/pour", "id", stationID, "patient", anID)
	require.Equal(t, "/sign-in?back=%2F", resp.Header.Get("HX-Redirect"))
}

func TestBackgroundReadsAreMarked(t *testing.T) {
	api := newFakeAPI()
	r := httptest.NewRequest(http.MethodGet, windowPath+"/queue", nil)
	r.Header.Set(background, "1")
	New(api, Options{}).ServeHTTP(httptest.NewRecorder(), r)
	require.NotEmpty(t, api.requests)
	for _, got := range api.requests {
		require.Equal(t, "1", got.Header.Get(background))
	}
}

func fakeDose(change func(*clinicapi.Dispensing)) *clinicapi.Dispensing {
	d := &clinicapi.Dispensing{
		Id: "01920000-0000-7000-8000-0000000000f1", Patient: anID, PatientName: "Nguyễn Văn An", PatientCode: anCode, Station: stationID, Bottle: bottleID, Lot: lotID,
		Day: "2026-11-22", Part: 1, Kind: "observed", DoseUg: 62_500, VolumeUl: 6_250, ConcentrationUgMl: 10_000, DensityUgMl: 1_021_000, Notes: []clinicapi.Reason{}, RecordedAt: fakeNow,
	}
	change(d)
	return d
}

// A patient is let go in four ways, and each goes to the API as what it is.
func TestAWindowLetsGoOfATicket(t *testing.T) {
	api := newFakeAPI()
	b := newBrowser(t, api)
	ticket := api.tickets[0].Id
	for act, want := range map[string]string{
		"skip": "POST /tickets/{id}/skip", "transfer": "POST /tickets/{id}/transfer", "back": "POST /tickets/{id}/back",
		"done": "POST /tickets/{id}/done", "leave": "POST /tickets/{id}/leave",
	} {
		resp, _ := b.post("/window/"+stationID+"/ticket", "ticket", ticket, "act", act, "station", bottleID)
		require.Equal(t, http.StatusOK, resp.StatusCode, act)
		require.Contains(t, api.bodies, want)
	}
	require.JSONEq(t, `{"station":"`+stationID+`"}`, api.bodies["POST /tickets/{id}/skip"], "a window lets go of its own")
	require.JSONEq(t, `{"station":"`+bottleID+`"}`, api.bodies["POST /tickets/{id}/transfer"])
	resp, text := b.post("/window/"+stationID+"/ticket", "ticket", ticket, "act", "vanish")
	require.Equal(t, http.StatusNotFound, resp.StatusCode, text)
}

// A slot that is full or was not understood is told beside the choice, and nothing else on the screen changes.
func TestABookingThatFailsIsTold(t *testing.T) {
	api := newFakeAPI()
	api.refuse["PUT /v1/patients/"+anID+"/slots/2026-11-23"] = clinicapi.Problem{Status: 409, Code: "conflict", Key: "slot.full", Title: "Giờ hẹn này đã đủ người."}
	b := newBrowser(t, api)
	resp, text := b.post("/window/"+stationID+"/slot", "patient", anID, "day", "2026-11-23", "at", "2026-11-23T00:15:00Z")
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	require.Contains(t, text, "đủ người")
	require.Contains(t, text, `id="slot"`)
	require.NotContains(t, text, `id="work"`)
	resp, _ = b.post("/window/"+stationID+"/slot", "patient", anID, "day", "2026-11-23", "at", "half past seven")
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	resp, _ = b.do(http.MethodGet, "/slips/"+anID+"/2026-11-23", nil)
	require.Equal(t, http.StatusNotFound, resp.StatusCode, "no slot, no slip")
}
