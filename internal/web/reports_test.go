package web

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// link finds what a piece of text leads to.
func linkOf(t *testing.T, page, text string) string {
	t.Helper()
	m := regexp.MustCompile(`<a href="([^"]*)">(?:<b>)?` + regexp.QuoteMeta(text)).FindStringSubmatch(page)
	require.NotNil(t, m, "%q leads nowhere in %s", text, page)
	return m[1]
}

// Every figure of a report opens the entries behind it.
func TestFiguresOpenTheirEntries(t *testing.T) {
	b := newBrowser(t, newFakeAPI())
	stock := b.get("/stock-report")
	for text, want := range map[string]string{
		"734,5 mL":   "/book?from=2025-11-01&amp;product=" + lotID + "&amp;to=2026-10-31",                     // opening: the year before
		"5.734,5 mL": "/book?column=received&amp;from=2026-11-01&amp;product=" + lotID + "&amp;to=2026-11-30", // available
		"806,25 mL":  "/book?column=issued&amp;from=2026-11-01&amp;product=" + lotID + "&amp;to=2026-11-30",
		"1,5 mL":     "/book?column=lost&amp;from=2026-11-01&amp;product=" + lotID + "&amp;to=2026-11-30",
		"0,5 mL":     "/book?column=found&amp;from=2026-11-01&amp;product=" + lotID + "&amp;to=2026-11-30",
		"181":        "/figures?from=2026-11-01&amp;line=end&amp;to=2026-11-30#entries",
	} {
		require.Equal(t, want, linkOf(t, stock, text))
	}
	book := b.get("/book?product=" + lotID)
	require.Equal(t, "/stock/papers/"+paperID, linkOf(t, book, "Nhập"), "a receipt opens its document")
	require.Equal(t, "/book?column=issued&amp;from=2026-11-20&amp;product="+lotID+"&amp;to=2026-11-20&amp;each=on&amp;lot="+lotID, linkOf(t, book, "Xuất cho người bệnh · 131 liều"))
	require.Equal(t, "/doses/"+anID, linkOf(t, book, "Sửa lại: Xuất cho người bệnh"))
	require.Equal(t, "/book?column=received&amp;from=2026-11-01&amp;product="+lotID+"&amp;to=2026-11-30#lines", linkOf(t, book, "5.000 mL"))
	require.Equal(t, "/doses/"+anID, linkOf(t, b.get("/register"), "62,5 mg"))
	controlled := b.get("/controlled")
	require.Equal(t, "/doses/"+anID, linkOf(t, controlled, "6,25 mL"))
	require.Equal(t, "/stock/papers/"+paperID, linkOf(t, controlled, "5.000 mL"))
	require.Equal(t, "#entry3", linkOf(t, controlled, "dòng 3"))
	require.Contains(t, controlled, "12 Trần Phú")
	require.Contains(t, controlled, "(kỳ chưa hết, đến 30/11/2026)")
	require.Equal(t, "?from=2026-03-01&amp;scope=province&amp;to=2026-03-28", linkOf(t, b.get("/figures?scope=province"), "03/26"))
}

// The lines of one column are shown alone, with their sum.
func TestABookOfOneColumn(t *testing.T) {
	page := newBrowser(t, newFakeAPI()).get("/book?product=" + lotID + "&column=issued")
	require.Contains(t, page, "Chỉ cột “Xuất cho người bệnh”: 2 dòng, cộng 806,25 mL.")
	require.NotContains(t, page, "BBGN-118")
}

// What cannot be shown is said on top of the form, which stays.
func TestAPeriodThatCannotBeShown(t *testing.T) {
	b := newBrowser(t, newFakeAPI())
	resp, page := b.do(http.MethodGet, "/controlled?year=2099", nil)
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	require.Contains(t, page, "Kỳ này chưa bắt đầu. Hôm nay là ngày 22/11/2026.")
	require.Contains(t, page, `<form class="row compact" method="get" action="/controlled">`)
	require.Contains(t, page, `value="2099"`)
	resp, page = b.do(http.MethodGet, "/stock-report?expected=x", nil)
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	require.Contains(t, page, `<form class="row compact" method="get" action="/stock-report">`)
}

// Where somebody may not go, no link leads.
func TestNoLinkToWhatIsNotPermitted(t *testing.T) {
	api := newFakeAPI()
	api.session.Actions = []string{"register.read"}
	b := newBrowser(t, api)
	for _, page := range []string{"/book?product=" + lotID, "/controlled", "/register", "/stock-report"} {
		text := b.get(page)
		require.NotContains(t, text, "/doses/", page)
		require.NotContains(t, text, "/stock/papers/", page)
		require.NotContains(t, text, "/figures?", page)
	}
}

func TestADoseHasItsStepsAndMoves(t *testing.T) {
	page := newBrowser(t, newFakeAPI()).get("/doses/" + anID)
	require.Contains(t, page, "Các bước đã ghi")
	require.Contains(t, page, "Đã giữ")
}
