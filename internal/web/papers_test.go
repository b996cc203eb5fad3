package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// A transfer names its bottles by their labels, as the scanner types them.
func TestATransferIsWrittenFromScannedLabels(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	resp, _ := b.post("/stock/papers", "id", paperID, "kind", "transfer", "codes", bottleCode+"\n", "from", "store", "to", "cabinet", "reason", "dùng hôm nay")
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.JSONEq(t, `{"id":"`+paperID+`","kind":"transfer","reason":"dùng hôm nay","paper":{"bottles":["`+bottleID+`"],"from":"store","to":"cabinet"}}`, f.bodies["POST /drafts"])
}

func TestAReceiptTakesOneBottleAScannedLine(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	resp, _ := b.post("/stock/papers", "id", paperID, "kind", "receipt", "lot", lotID, "party", "Kho tỉnh", "copies", "3", "label_volume", "1000",
		"tare", "60,5", "codes", "]d20108936000000011\r\n]d20108936000000011")
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	body := f.bodies["POST /drafts"]
	require.Equal(t, 2, strings.Count(body, `"scanned":"]d20108936000000011"`), body)
	require.Contains(t, body, `"tare_weight_ug":60500000`)
}

// A receipt that names no lot is of the lot that the first code names.
func TestAScanNamesTheLotOfAReceipt(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	resp, text := b.post("/stock/papers", "id", paperID, "kind", "receipt", "lot", "", "party", "Kho tỉnh", "copies", "3", "label_volume", "1000", "codes", "]d20108936000000011")
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, text)
	require.Contains(t, f.bodies["POST /drafts"], `"lot":"`+lotID+`"`)
	resp, text = b.post("/stock/papers", "id", paperID, "kind", "receipt", "lot", "", "party", "Kho tỉnh", "copies", "3", "label_volume", "1000", "codes", "nonsense")
	require.NotEqual(t, http.StatusSeeOther, resp.StatusCode)
	require.Contains(t, text, "Không đọc được mã.")
	require.Contains(t, text, `value="Kho tỉnh"`, "what was typed stays")
}

// Each bottle of a delivery has its own volume, tare and finding, until somebody signs.
func TestEachBottleOfADeliveryHasItsFinding(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	text := b.get("/stock/papers/" + receiptID)
	require.Contains(t, text, `value="1002,5"`)
	resp, text := b.do(http.MethodPost, "/stock/papers/"+receiptID+"/bottles", url.Values{
		"measured": {"", "998,5"}, "tare": {"60,5", ""}, "finding": {"", "rò rỉ"},
	})
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, text)
	require.JSONEq(t, `{"id":"`+receiptID+`","kind":"receipt","paper":{"lot":"`+lotID+`","party":"Kho tỉnh","number":"BB-1","copies":3,"items":[
		{"id":"`+bottleID+`","label_volume_ul":1000000,"tare_weight_ug":60500000,"scanned":"]d20108936000000011"},
		{"id":"`+anID+`","label_volume_ul":1000000,"measured_ul":998500,"finding":"rò rỉ"}]}}`, f.bodies["POST /drafts"])
}

// What was typed of the bottles is what the first signature fixes: signing saves it first.
func TestSigningADeliverySavesItsBottles(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	resp, text := b.do(http.MethodPost, "/stock/papers/"+receiptID+"/bottles", url.Values{
		"measured": {"", ""}, "tare": {"", ""}, "finding": {"mất niêm phong", ""}, "pin": {"1357"},
	})
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, text)
	require.Contains(t, resp.Header.Get("Location"), "done=paper_sign")
	require.Contains(t, f.bodies["POST /drafts"], `"finding":"mất niêm phong"`)
	require.JSONEq(t, `{"pin":"1357"}`, f.bodies["POST /drafts/{id}/sign"])
	f.bodies = map[string]string{}
	_, text = b.do(http.MethodPost, "/stock/papers/"+receiptID+"/bottles", url.Values{
		"measured": {"một lít", ""}, "tare": {"", ""}, "finding": {"", ""}, "pin": {"1357"},
	})
	require.Contains(t, text, "một lít")
	require.Empty(t, f.bodies["POST /drafts/{id}/sign"], "nothing is signed that could not be read")
}

// What is printed of a receipt says how many copies there are, and what was found of each bottle.
func TestAReceiptIsPrintedWithCopiesAndFindings(t *testing.T) {
	text := newBrowser(t, newFakeAPI()).get("/stock/papers/" + postedID)
	for _, want := range []string{"3 bản", "Quỹ toàn cầu", "nứt", "nguyên vẹn", "1002,5", "Thủ trưởng đơn vị", bottleCode} {
		require.Contains(t, text, want)
	}
}

func TestTheEndOfABottleSaysWhatWasFound(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	resp, text := b.post("/stock/papers", "id", paperID, "kind", "empty", "code", bottleCode, "gross", "90,5", "rinsed", "60", "reason", "đáy chai")
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, text)
	require.JSONEq(t, `{"id":"`+paperID+`","kind":"empty","reason":"đáy chai","paper":{"bottle":"`+bottleID+`","gross_weight_ug":90500000,"tare_weight_ug":60000000}}`, f.bodies["POST /drafts"])
	_, _ = b.post("/stock/papers", "id", paperID, "kind", "empty", "code", bottleCode, "rest", "0", "unread", "cân hỏng")
	require.JSONEq(t, `{"id":"`+paperID+`","kind":"empty","paper":{"bottle":"`+bottleID+`","found_ul":0,"unread":"cân hỏng"}}`, f.bodies["POST /drafts"])
}

// The scanner finds a bottle by its label, and a lot by the maker's code.
func TestAScanFindsABottleOrALot(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	resp, _ := b.do(http.MethodGet, "/stock/find?code="+bottleCode, nil)
	require.Equal(t, "/stock/bottles/"+bottleID, resp.Header.Get("Location"))
	for _, code := range []string{"]d20108936000000011", "nonsense"} {
		f.refuse["GET /v1/bottles/by-code/"+code] = clinicapi.Problem{Status: 400, Code: "invalid", Title: "Không phải nhãn chai."}
	}
	resp, _ = b.do(http.MethodGet, "/stock/find?code="+url.QueryEscape("]d20108936000000011"), nil)
	require.Equal(t, "/stock/lots/"+lotID, resp.Header.Get("Location"))
	_, text := b.do(http.MethodGet, "/stock/find?code=nonsense", nil)
	require.Contains(t, text, "Không phải nhãn chai.")
}

// Of each bottle exactly one box is filled: a weight in grams, a volume in millilitres, or what stands in the list.
func TestACountFormReadsOneBoxABottle(t *testing.T) {
	for name, tc := range map[string]struct {
		gross, amount, found []string
		body, problem        string
	}{
		"a weight and a seal": {
			[]string{"1100,5", ""}, []string{"", ""}, []string{"", "sealed"},
			`{"lines":[{"bottle":"` + bottleID + `","method":"weighed","gross_weight_ug":1100500000},{"bottle":"` + anID + `","method":"sealed"}]}`, "",
		},
		"a volume and nothing there": {
			[]string{"", ""}, []string{"988,25", ""}, []string{"", "missing"},
			`{"lines":[{"bottle":"` + bottleID + `","method":"measured","volume_ul":988250},{"bottle":"` + anID + `","method":"missing"}]}`, "",
		},
		"a weight beside a volume": {
			[]string{"", "1100,5"}, []string{"988", "988,25"}, []string{"", ""},
			`{"lines":[{"bottle":"` + bottleID + `","method":"measured","volume_ul":988000},{"bottle":"` + anID + `","method":"measured","gross_weight_ug":1100500000,"volume_ul":988250}]}`, "",
		},
		"two boxes of one bottle": {[]string{"1100", ""}, []string{"988", ""}, []string{"", "sealed"}, "", "chỉ điền một ô"},
		"a bottle left out":       {[]string{"1100", ""}, []string{"", ""}, []string{"", ""}, "", "Chưa điền"},
		"a point for a comma":     {[]string{"1100.5", ""}, []string{"", ""}, []string{"", "sealed"}, "", "1100.5"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI()
			b := newBrowser(t, f)
			resp, text := b.do(http.MethodPost, "/stock/counts/"+paperID+"/enter", url.Values{
				"bottle": {bottleID, anID}, "both": {"", "1"}, "gross": tc.gross, "amount": tc.amount, "found": tc.found,
			})
			sent := f.bodies["POST /counts/{id}/entries"]
			if tc.problem != "" {
				require.Contains(t, text, tc.problem)
				require.Empty(t, sent)
				return
			}
			require.Equal(t, http.StatusSeeOther, resp.StatusCode, text)
			require.JSONEq(t, tc.body, sent)
		})
	}
}

// A blind form shows neither the book nor what the other found.
func TestABlindFormShowsNoFigures(t *testing.T) {
	b := newBrowser(t, newFakeAPI())
	text := b.get("/stock/counts/" + paperID)
	require.Contains(t, text, "Lê Điều Dưỡng")
	require.NotContains(t, text, "988")
	require.NotContains(t, text, ">Sổ<")
	shown := b.get("/stock/counts/" + countedID)
	require.Contains(t, shown, "988 mL")
	require.Contains(t, shown, "−12 mL")
}

func TestAControlChartMarksTheAlarmAndHasATable(t *testing.T) {
	text := newBrowser(t, newFakeAPI()).get("/stock/variance")
	require.Equal(t, 1, strings.Count(text, "<circle "))
	require.Contains(t, text, "−11,7 mL")
	require.Contains(t, text, "0,3 mL", "the surplus stands beside the loss")
	require.Contains(t, text, "12 mL", "the loss is not netted")
	require.Contains(t, text, "<b>Lê Điều Dưỡng</b> · người giữ quầy · các lần đếm: −11,2 mL")
	require.Contains(t, text, "<b>A1</b> · lô · cân so với bơm: −0,61 %")
	require.Equal(t, 1, strings.Count(text, "lô sau đã cho thấy"))
}

func TestShiftsAndDaysAreWrittenAsTheClinicDoes(t *testing.T) {
	c := &screen{}
	for key, want := range map[string]string{"2026-11-22": "22/11/2026", "2026-11-22/0": "22/11/2026"} {
		require.Equal(t, want, c.seriesName("shift", clinicapi.VarianceSeries{Key: key}))
	}
	require.Equal(t, "A1", c.seriesName("lot", clinicapi.VarianceSeries{Key: lotID, Name: "A1"}))
}

func TestASettlementStatesCauses(t *testing.T) {
	f := newFakeAPI()
	b := newBrowser(t, f)
	resp, text := b.do(http.MethodPost, "/stock/counts/"+countedID+"/settle", url.Values{
		"bottle": {bottleID}, "residue": {"2,5"}, "spill": {""}, "prime": {"0"}, "reason": {"tìm rồi"}, "witness": {"giamsat"}, "witness_pin": {"9999"},
	})
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, text)
	require.JSONEq(t, `{"reason":"tìm rồi","stated":[{"bottle":"`+bottleID+`","cause":"residue","amount_ul":2500}],"witness":{"username":"giamsat","pin":"9999"}}`,
		f.bodies["POST /counts/{id}/settle"])
}
