package httpapi

import (
	"context"
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// storeRoom is a pharmacist's browser with a lot and sealed bottles.
type storeRoom struct {
	*browser
	lot     gen.Lot
	bottles []gen.Bottle
}

func second(username string) gen.Credential { return gen.Credential{Username: username, Pin: testPIN} }

func (f *fixture) storeRoom(n int) *storeRoom {
	f.t.Helper()
	r := &storeRoom{browser: f.signIn(staff.Pharmacist)}
	var p gen.Product
	r.mustDo("POST", "/v1/products", gen.AddProduct{
		Id: newID(), Name: "Methadon", ConcentrationUgMl: 10_000, Form: "dung dịch uống", Gtin: "08936000000011",
	}, &p)
	r.mustDo("POST", "/v1/lots", gen.AddLot{Id: newID(), Product: p.Id, Number: "A1", ConcentrationUgMl: 10_000, Expiry: "2031-05-06"}, &r.lot)
	r.mustDo("POST", "/v1/lots/"+r.lot.Id+"/density", gen.SetLotDensity{DensityUgMl: 1_060_000, TemperatureDecicelsius: 250}, nil)
	var list gen.BottleList
	r.mustDo("POST", "/v1/bottles", gen.ReceiveBottles{Id: newID(), Lot: r.lot.Id, Supplier: "Kho tỉnh", Copies: 3, Bottles: bottlesIn(n), Witness: second("witness")}, &list)
	r.bottles = list.Items
	return r
}

func bottlesIn(n int) (in []gen.ReceivedBottle) {
	for range n {
		in = append(in, gen.ReceivedBottle{Id: newID(), LabelVolumeUl: 1_000_000, TareWeightUg: 60_000_000})
	}
	return in
}

func (r *storeRoom) read(path string) gen.Bottle {
	r.f.t.Helper()
	var b gen.Bottle
	r.mustDo("GET", path, nil, &b)
	return b
}

// A paper is written, signed by one person's PIN, posted by another's, and stands once.
func TestAPaperIsSignedTwiceByTwoPeople(t *testing.T) {
	f := newFixture(t)
	r := f.storeRoom(2)
	draft := gen.SaveDraft{
		Id: newID(), Kind: "transfer", Reason: "for today",
		Paper: gen.DraftPaper{Bottles: []gen.UUID{r.bottles[0].Id, r.bottles[1].Id}, From: "store", To: "cabinet"},
	}
	path := "/v1/drafts/" + draft.Id
	var d gen.Draft
	r.mustDo("POST", "/v1/drafts", draft, &d)
	require.Equal(t, gen.DraftState("draft"), d.State)
	r.refused("POST", path+"/post", gen.PostDraft{Witness: second("witness")}, http.StatusConflict, "draft.not_signed")
	r.refused("POST", path+"/sign", gen.SignDraft{Pin: "0000"}, http.StatusForbidden, "pin.wrong")
	r.mustDo("POST", path+"/sign", gen.SignDraft{Pin: testPIN}, &d)
	require.Equal(t, gen.DraftState("signed"), d.State)
	r.refused("POST", "/v1/drafts", draft, http.StatusConflict, "draft.fixed")
	r.refused("POST", path+"/post", gen.PostDraft{Witness: second(string(staff.Pharmacist))}, http.StatusBadRequest, "witness.same")
	r.refused("POST", path+"/post", gen.PostDraft{Witness: gen.Credential{Username: "witness", Pin: "0000"}}, http.StatusForbidden, "witness.wrong_credential")
	require.Equal(t, gen.Place("store"), r.read("/v1/bottles/"+r.bottles[0].Id).Place, "nothing was done yet")

	before := f.changes()
	for range 2 {
		f.signIn(staff.Nurse).mustDo("POST", path+"/post", gen.PostDraft{Witness: second("witness")}, &d)
		require.Equal(t, gen.DraftState("posted"), d.State)
	}
	require.Equal(t, before+1, f.changes()-2, "posted once beside two sign-ins")
	require.Equal(t, gen.Place("cabinet"), r.read("/v1/bottles/"+r.bottles[0].Id).Place)
	r.refused("POST", path+"/drop", nil, http.StatusConflict, "draft.fixed")
	var waiting gen.DraftList
	r.mustDo("GET", "/v1/drafts", nil, &waiting)
	require.Empty(t, waiting.Items)
	var doc gen.DocumentDetail
	r.mustDo("GET", "/v1/documents/"+draft.Id, nil, &doc)
	require.Equal(t, gen.DocumentKind("transfer"), doc.Document.Kind)
	require.Equal(t, "Người witness", doc.Document.Witness)
}

func TestAReceiptOfScannedBottles(t *testing.T) {
	f := newFixture(t)
	r := f.storeRoom(1)
	const code = "]d20108936000000011" + "17310506" + "10A1"
	var read gen.ScannedBottle
	r.mustDo("POST", "/v1/bottle-scans", gen.BottleScan{Code: code}, &read)
	require.Equal(t, gen.ScannedBottle{Gtin: "08936000000011", Lot: "A1", Expiry: "2031-05-06"}, read)
	r.refused("POST", "/v1/bottle-scans", gen.BottleScan{Code: "hello"}, http.StatusBadRequest, "scan.unreadable")
	receive := gen.ReceiveBottles{Id: newID(), Lot: r.lot.Id, Supplier: "Kho tỉnh", Bottles: bottlesIn(1), Witness: second("witness")}
	receive.Bottles[0].Scanned = "]d20108936000000011" + "17310506" + "10B2"
	before := f.changes()
	r.refused("POST", "/v1/bottles", receive, http.StatusConflict, "scan.other_lot")
	require.Equal(t, before, f.changes())
	receive.Bottles[0].Scanned = code
	r.mustDo("POST", "/v1/bottles", receive, nil)
}

// While a count is blind nobody is told what the other found or what the book says.
func TestACountIsBlindOverTheWire(t *testing.T) {
	f := newFixture(t)
	r := f.storeRoom(1)
	count := gen.StartCount{Id: newID()}
	var n gen.Count
	r.mustDo("POST", "/v1/counts", count, &n)
	require.Len(t, n.Bottles, 1)
	lines := func(ml int64) gen.EnterCount {
		return gen.EnterCount{Lines: []gen.CountLine{{Bottle: r.bottles[0].Id, Method: "measured", VolumeUl: ml * 1000}}}
	}
	path := "/v1/counts/" + count.Id
	r.refused("POST", path+"/entries", gen.EnterCount{Lines: []gen.CountLine{{Bottle: r.bottles[0].Id, Method: "weighed", VolumeUl: 5}}}, http.StatusBadRequest, "count.unit")
	r.mustDo("POST", path+"/entries", lines(988), &n)
	require.Empty(t, n.Bottles[0].Entries)
	require.Zero(t, n.Bottles[0].BookUl+n.Bottles[0].CountedUl)
	require.Equal(t, []string{"Người pharmacist"}, n.People)
	again := lines(987)
	r.refused("POST", path+"/entries", again, http.StatusBadRequest, "witness.same")
	other := lines(988)
	other.Person = &gen.OptionalCredential{Username: "witness", Pin: testPIN}
	r.mustDo("POST", path+"/entries", other, &n)
	require.Equal(t, gen.CountState("counted"), n.State)
	require.EqualValues(t, -12_000, n.Bottles[0].DiffUl)
	require.True(t, n.Bottles[0].Review)
	settle := gen.SettleCount{Reason: "searched", Witness: second("witness")}
	r.refused("POST", path+"/settle", settle, http.StatusForbidden, "count.needs_review")
	settle.Witness = second(string(staff.Supervisor))
	settle.Stated = []gen.StatedCause{{Bottle: r.bottles[0].Id, Cause: "spill", AmountUl: 2000}}
	r.mustDo("POST", path+"/settle", settle, &n)
	var list gen.VarianceList
	r.mustDo("GET", "/v1/variances?by=person", nil, &list)
	require.Len(t, list.Items, 1)
	require.EqualValues(t, -120_000, list.Items[0].DiffUg)
	require.Len(t, list.Items[0].Parts, 2)
	require.True(t, list.Series[0].Points[0].Alarm, "12 mL at once is beyond the chart's limit")
	require.Equal(t, "Người pharmacist", list.Series[0].Name)
	require.Len(t, list.Suspects, 2, "the lot and the person; the store is no counter")
	for _, x := range list.Suspects {
		require.Equal(t, gen.VarianceSuspectSeenBy("count"), x.SeenBy)
		require.NotEmpty(t, x.Name)
		require.EqualValues(t, -12_000, x.SumUl)
	}
}

// asked counts how often bottles and differences are asked for.
type asked struct {
	stock.Ledger
	times, variances int
}

func (a *asked) Variances(ctx context.Context, f stock.VarianceFilter) ([]stock.Variance, error) {
	a.variances++
	return a.Ledger.Variances(ctx, f)
}

func (a *asked) Bottle(ctx context.Context, c clinic.ID, key stock.BottleID) (stock.Bottle, error) {
	a.times++
	return a.Ledger.Bottle(ctx, c, key)
}

func (a *asked) Bottles(ctx context.Context, f stock.BottleFilter) ([]stock.Bottle, error) {
	a.times++
	return a.Ledger.Bottles(ctx, f)
}

// A count and the list of what counts found ask once for all of their bottles.
func TestAListAsksOnceForItsBottles(t *testing.T) {
	f := newFixture(t)
	r := f.storeRoom(12)
	count := gen.StartCount{Id: newID()}
	var n gen.Count
	r.mustDo("POST", "/v1/counts", count, &n)
	var form gen.EnterCount
	for _, b := range n.Bottles {
		form.Lines = append(form.Lines, gen.CountLine{Bottle: b.Bottle, Method: "sealed"})
	}
	path := "/v1/counts/" + count.Id
	r.mustDo("POST", path+"/entries", form, &n)
	form.Person = &gen.OptionalCredential{Username: "witness", Pin: testPIN}
	r.mustDo("POST", path+"/entries", form, &n)
	ledger := &asked{Ledger: f.db.Stock()}
	f.srv.stock = stock.NewService(ledger, f.sv.Clinics, f.srv.now)
	r.mustDo("GET", path, nil, &n)
	require.Equal(t, 1, ledger.times)
	var list gen.VarianceList
	r.mustDo("GET", "/v1/variances", nil, &list)
	require.Equal(t, 2, ledger.times)
	require.Equal(t, 1, ledger.variances)
	require.Len(t, list.Items, 12)
	for i := range list.Items {
		require.NotEmpty(t, list.Items[i].BottleCode)
		require.NotEmpty(t, n.Bottles[i].Code)
	}
}

// A trace names patients, so reading it is written down, as a page and as a file.
func TestATraceIsAuditedAndSafeToOpen(t *testing.T) {
	f := newFixture(t)
	r := f.storeRoom(2)
	before := f.changes()
	var trace gen.LotTrace
	r.mustDo("GET", "/v1/lots/"+r.lot.Id+"/trace", nil, &trace)
	require.Len(t, trace.Bottles, 2)
	require.Len(t, trace.Moves, 2)
	a := r.do("GET", "/v1/lots/"+r.lot.Id+"/trace.csv", nil)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "text/csv", a.header.Get("Content-Type"))
	require.Equal(t, before+2, f.changes())
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(a.body), "\ufeff"))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, traceHead, rows[0])
	require.Len(t, rows, 5, "two bottles and their receipts")
	require.Equal(t, []string{"bottle", "", "1000.000"}, []string{rows[1][0], rows[1][1], rows[1][6]})
	require.Equal(t, []string{"move", "1000.000"}, []string{rows[3][0], rows[3][6]})
	f.signIn(staff.Nurse).refused("GET", "/v1/lots/"+r.lot.Id+"/trace", nil, http.StatusForbidden, "staff.may_not")

	for in, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "Đức": "Đức", "": ""} {
		require.Equal(t, want, plainCell(in))
	}
	for in, want := range map[int64]string{0: "0.000", 7: "0.007", -1_005: "-1.005", 1_000_000: "1000.000"} {
		require.Equal(t, want, thousandths(in))
	}
}

func TestARecallStopsItsBottlesAtOnce(t *testing.T) {
	f := newFixture(t)
	r := f.storeRoom(2)
	r.mustDo("POST", "/v1/lots/"+r.lot.Id+"/state", gen.SetLotState{State: "recalled", Reason: "the maker's letter"}, nil)
	for _, b := range r.bottles {
		require.Equal(t, gen.BottleState("quarantined"), r.read("/v1/bottles/"+b.Id).State)
	}
	var docs gen.DocumentList
	r.mustDo("GET", "/v1/documents?kind=recall", nil, &docs)
	require.Len(t, docs.Items, 1)
}

func TestForecastAndSetting(t *testing.T) {
	f := newFixture(t)
	r := f.storeRoom(2)
	var list gen.StockForecastList
	r.mustDo("GET", "/v1/forecasts", nil, &list)
	require.Len(t, list.Items, 1)
	require.Equal(t, -1, list.Items[0].DaysLeft)
	require.EqualValues(t, 2_000_000, list.Items[0].LeftUl)
	var set gen.StockSetting
	r.mustDo("GET", "/v1/stock-setting", nil, &set)
	require.False(t, set.CountGate)
	r.mustDo("POST", "/v1/stock-setting", gen.SetStockSetting{CountGate: true, ReviewUl: 5000, ReviewPermille: 5, CoverDays: 20, LeadDays: 5, Witness: second("witness")}, &set)
	require.True(t, set.CountGate)
	r.mustDo("GET", "/v1/stock-setting", nil, &set)
	require.EqualValues(t, 5000, set.ReviewUl)
}

// A counter's shift over the wire: no dose before it is open where the clinic asks for it, closed by two people.
func TestACounterSessionOverTheWire(t *testing.T) {
	f := newFixture(t)
	r := f.storeRoom(1)
	var st gen.Station
	f.signIn(staff.Administrator).mustDo("POST", "/v1/stations", gen.AddStation{Id: newID(), Name: "Cửa 1"}, &st)
	start := gen.StartCounterSession{Id: newID(), Count: newID(), Station: st.Id, Shift: 1}
	r.refused("POST", "/v1/counter-sessions", start, http.StatusConflict, "count.nothing")
	r.mustDo("POST", "/v1/bottles/"+r.bottles[0].Id+"/open", gen.OpenBottle{Id: newID(), Unread: "no bottle scale", Witness: second("witness")}, nil)
	var ses gen.CounterSession
	r.mustDo("POST", "/v1/counter-sessions", start, &ses)
	require.Equal(t, gen.SessionState("opening_count"), ses.State)
	require.Equal(t, start.Count, ses.Count)
	count := func(key string) (n gen.Count) {
		enter := gen.EnterCount{Lines: []gen.CountLine{{Bottle: r.bottles[0].Id, Method: "weighed", GrossWeightUg: 60_000_000 + 1_060_000_000}}}
		r.mustDo("POST", "/v1/counts/"+key+"/entries", enter, nil)
		enter.Person = &gen.OptionalCredential{Username: "witness", Pin: testPIN}
		r.mustDo("POST", "/v1/counts/"+key+"/entries", enter, &n)
		return n
	}
	require.Equal(t, gen.CountState("settled"), count(start.Count).State)
	path := "/v1/counter-sessions/" + start.Id
	r.refused("POST", path+"/close", gen.CloseCounterSession{Witness: second("witness")}, http.StatusConflict, "session.state")
	closing := gen.CountAgain{Count: newID()}
	r.mustDo("POST", path+"/count", closing, &ses)
	require.Equal(t, gen.SessionState("closing_count"), ses.State)
	r.refused("POST", path+"/count", gen.CountAgain{Count: newID()}, http.StatusConflict, "count.running")
	count(closing.Count)
	r.refused("POST", path+"/close", gen.CloseCounterSession{Witness: second(string(staff.Pharmacist))}, http.StatusBadRequest, "witness.same")
	r.mustDo("POST", path+"/close", gen.CloseCounterSession{Witness: second("witness")}, &ses)
	require.Equal(t, gen.SessionState("closed"), ses.State)
	var weights gen.BottleWeightList
	r.mustDo("GET", "/v1/bottles/"+r.bottles[0].Id+"/weights", nil, &weights)
	require.Len(t, weights.Items, 4)
	require.EqualValues(t, 1_000_000, weights.Items[0].ContentUl)
	var list gen.CounterSessionList
	r.mustDo("GET", "/v1/counter-sessions", nil, &list)
	require.Len(t, list.Items, 1)
	f.signIn(staff.Doctor).refused("POST", "/v1/counter-sessions", start, http.StatusForbidden, "staff.may_not")
}
