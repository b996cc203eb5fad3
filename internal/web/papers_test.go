package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
		"two boxes of one bottle": {[]string{"1100", ""}, []string{"988", ""}, []string{"", "sealed"}, "", "chỉ điền một ô"},
		"a bottle left out":       {[]string{"1100", ""}, []string{"", ""}, []string{"", ""}, "", "Chưa điền"},
		"a point for a comma":     {[]string{"1100.5", ""}, []string{"", ""}, []string{"", "sealed"}, "", "1100.5"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI()
			b := newBrowser(t, f)
			resp, text := b.do(http.MethodPost, "/stock/counts/"+paperID+"/enter", url.Values{
				"bottle": {bottleID, anID}, "gross": tc.gross, "amount": tc.amount, "found": tc.found,
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
