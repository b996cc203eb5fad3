package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web/browsertest"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// tabTo goes on with the Tab key until the cursor stands in what a selector names.
func (d *desk) tabTo(selector string) {
	d.T.Helper()
	for range 80 {
		if browsertest.Eval[bool](d.Tab, fmt.Sprintf(`!!document.activeElement?.matches(%q)`, selector)) {
			return
		}
		d.Press("\t")
	}
	d.Shot("stuck")
	d.T.Fatalf("no Tab leads to %s in %s", selector, browsertest.Eval[string](d.Tab, `location.href + document.activeElement.outerHTML.slice(0, 200)`))
}

// typed fills fields by keyboard alone: a selector, what is typed or scanned into it, and so on; then Enter sends the form.
func (d *desk) typed(done string, fields ...string) {
	d.T.Helper()
	for i := 0; i < len(fields); i += 2 {
		d.tabTo(fields[i])
		d.Press(fields[i+1])
	}
	d.Press("\r")
	d.Until(fmt.Sprintf(`document.readyState === 'complete' && location.search.includes('done=%s') && document.querySelector('.notice')`, done))
}

// signed signs and posts the paper on the screen without a hand on the mouse.
func (d *desk) signed(second string) {
	d.T.Helper()
	d.typed("paper_sign", "[name=pin]", pin)
	d.typed("paper_post", "[name=witness]", second+"\r"+pin)
}

// Every kind of paper is written, signed and posted with keyboard and scanner alone.
func TestEveryPaperByKeyboardAndScanner(t *testing.T) {
	r := seeded(t, func(st *store.Store) *smallClinic {
		return lived(t, st, 3, 2, func(int, int) bool { return true })
	})
	r.startServer("")
	r.signIn()
	d := r.desk(browsertest.Start(t))
	d.signIn(r.c.pharmacist)
	second := r.c.supervisor.Username

	// scanned is what the scanner types: the code and the end of a line.
	scanned := func(code string) string { return code + "\r" }
	paper := func(kind, first, scans string, fields ...string) {
		t.Helper()
		d.Open("/stock/papers/new/" + kind)
		d.Until(`document.readyState === 'complete'`)
		d.typed("paper_save", append([]string{first, scans}, fields...)...)
		d.signed(second)
		d.Shot("kb-" + kind)
	}
	made := "]d20108936000000011" + "10" + r.c.lot.Number
	paper("receipt", "[name=codes]", strings.Repeat(scanned(made), 6), "[name=party]", "Kho tỉnh", "[name=number]", "BB-7", "[name=tare]", "60,5")
	codes := browsertest.Eval[[]string](d.Tab, `[...document.querySelectorAll('.codes code')].map(c => c.textContent)`)
	require.Len(t, codes, 6)

	paper("transfer", "[name=codes]", scanned(codes[0])+scanned(codes[1]), "[name=party]", "")
	full, err := density.Weight(measure.Litre)
	require.NoError(t, err)
	weighs := func(w measure.Weight) string {
		return strings.TrimSuffix(strings.ReplaceAll((w+60_500*measure.WeightMilligram).Format(measure.Vietnamese), ".", ""), " g")
	}
	for _, code := range codes[:2] {
		paper("open", "[name=code]", scanned(code), "[name=gross]", weighs(full), "[name=reason]", "dùng hôm nay")
	}
	paper("change", "[name=code]", scanned(codes[0]), "[name=out_gross]", "900", "[name=gross]", weighs(full))
	paper("consolidate", "[name=code]", scanned(codes[1]), "[name=into]", scanned(codes[0]), "[name=amount]", "5", "[name=reason]", "dồn")
	paper("waste", "[name=code]", scanned(codes[1]), "[name=amount]", "1", "[name=reason]", "đổ")
	paper("purge", "[name=code]", scanned(codes[1]), "[name=amount]", "1", "[name=reason]", "mồi ống")
	paper("loss", "[name=code]", scanned(codes[1]), "[name=amount]", "1", "[name=reason]", "tìm không thấy")
	paper("surplus", "[name=code]", scanned(codes[1]), "[name=amount]", "1", "[name=reason]", "thấy thêm")
	paper("return", "[name=code]", scanned(codes[1]), "[name=amount]", "1", "[name=reason]", "trả nhà cung cấp")
	left, err := density.Weight(991 * measure.Millilitre)
	require.NoError(t, err)
	paper("empty", "[name=code]", scanned(codes[1]), "[name=gross]", weighs(left), "[name=rinsed]", "60,4", "[name=reason]", "đáy chai, thiếu 1 mL")
	require.Contains(t, d.Text("main"), "991 mL")
	d.Open("/stock/find?code=" + codes[1])
	d.Until(`document.querySelector('h1 code')`)
	d.Shot("kb-bottle")
	require.Contains(t, d.Text("main"), "Hao hụt")
	paper("break", "[name=code]", scanned(codes[2]), "[name=reason]", "rơi")
	paper("abnormal", "[name=codes]", scanned(codes[3]), "[name=reason]", "nhãn rách")
	paper("destroy", "[name=code]", scanned(codes[3]), "[name=party]", "Hội đồng hủy", "[name=reason]", "nhãn rách")
	d.tabTo("details summary")

	// A stop of one bottle, and of a lot: the scanner finds them.
	d.Open("/stock")
	d.Until(`document.readyState === 'complete'`)
	d.Shot("kb-stock")
	d.Press(scanned(codes[4]))
	d.Until(`location.pathname.startsWith('/stock/bottles/') && document.readyState === 'complete'`)
	d.tabTo("details summary")
	d.Press("\r")
	d.typed("bottle_quarantine", "[name=reason]", "nghi ngờ")
	d.tabTo("details summary")
	d.Press("\r")
	d.typed("bottle_release", "[name=reason]", "đã xem", "[name=witness]", second+"\r"+pin)
	d.Open("/stock")
	d.Until(`document.readyState === 'complete'`)
	d.Press(scanned(made))
	d.Until(`location.pathname.startsWith('/stock/lots/') && document.readyState === 'complete'`)
	d.tabTo("details summary")
	d.Press("\r")
	d.typed("lot-state", "[name=reason]", "thư của nhà sản xuất")
	d.Open("/stock/papers")
	d.Shot("kb-papers")
	require.Contains(t, d.Text("main"), "Thu hồi")
	r.server.stop()
}
