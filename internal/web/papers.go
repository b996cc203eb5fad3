package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// papersView is what waits for a signature, what was posted, and which papers can be written.
type papersView struct {
	Drafts    []draftRow
	Documents []documentRow
	Kind      string
	Kinds     []option
	New       []option
	More      string
}

type option struct{ Value, Text string }

type draftRow struct {
	ID, Kind, Says, Reason, MadeBy, MadeAt, SignedBy string
	State                                            tag
	Late                                             bool
}

type documentRow struct {
	ID, Kind, When, By, Witness, Reason, Party, Number string
}

// documentKinds are the kinds in the order in which a pharmacist looks for them.
var documentKinds = []string{
	"receipt", "transfer", "open", "change", "consolidate", "waste", "purge", "loss", "surplus", "break", "abnormal", "return",
	"quarantine", "recall", "release", "empty", "destroy", "reversal",
}

// writtenKinds are the papers that a person writes, in the order of a day. A reversal is written on the paper that it
// answers, a quarantine or a recall on its bottle or lot.
var writtenKinds = []string{
	"transfer", "open", "change", "consolidate", "waste", "purge", "empty", "receipt", "loss", "surplus", "return", "break", "abnormal", "destroy",
}

func showPapers(c *screen) error {
	v := papersView{Kind: c.r.URL.Query().Get("kind")}
	for _, k := range documentKinds {
		v.Kinds = append(v.Kinds, option{k, c.known("paper."+k, k)})
	}
	for _, k := range writtenKinds {
		v.New = append(v.New, option{k, c.known("paper."+k, k)})
	}
	drafts, err := call[clinicapi.DraftList](c.api.ListDrafts(c.r.Context()))
	if err != nil {
		return err
	}
	for _, d := range drafts.Items {
		v.Drafts = append(v.Drafts, c.draft(d))
	}
	params := clinicapi.ListDocumentsParams{Limit: new(40)}
	if v.Kind != "" {
		params.Kind = new(clinicapi.DocumentKind(v.Kind))
	}
	if cursor := c.r.URL.Query().Get("cursor"); cursor != "" {
		params.Cursor = &cursor
	}
	docs, err := call[clinicapi.DocumentList](c.api.ListDocuments(c.r.Context(), &params))
	if err != nil {
		return err
	}
	v.More = docs.Next
	for _, d := range docs.Items {
		v.Documents = append(v.Documents, c.document(d))
	}
	return c.render("papers", "", c.t("papers.title"), v)
}

func (c *screen) draft(d clinicapi.Draft) draftRow {
	return draftRow{
		ID: d.Id, Kind: c.known("paper."+string(d.Kind), string(d.Kind)), Says: c.paperSays(d), Reason: d.Reason, MadeBy: d.MadeBy,
		MadeAt: c.moment(d.MadeAt), SignedBy: d.SignedBy, State: c.tag("draft", string(d.State)),
		Late: d.Late,
	}
}

// paperSays tells in a line what a draft is about.
func (c *screen) paperSays(d clinicapi.Draft) string {
	p, parts := d.Paper, []string{}
	if n := len(p.Bottles) + len(p.Items); n > 0 {
		parts = append(parts, c.n("papers.bottles", n))
	}
	if p.Bottle != "" {
		if b, err := call[clinicapi.Bottle](c.api.ReadBottle(c.r.Context(), p.Bottle)); err == nil {
			parts = append(parts, b.Code)
		}
	}
	if p.AmountUl > 0 {
		parts = append(parts, c.volume(p.AmountUl))
	}
	if p.To != "" {
		parts = append(parts, c.known("place."+string(p.From), "")+" → "+c.known("place."+string(p.To), ""))
	}
	if p.Party != "" {
		parts = append(parts, p.Party)
	}
	return strings.Join(parts, " · ")
}

func (c *screen) document(d clinicapi.Document) documentRow {
	return documentRow{
		ID: d.Id, Kind: c.known("paper."+string(d.Kind), string(d.Kind)), When: c.moment(d.OccurredAt), By: d.By, Witness: d.Witness,
		Reason: d.Reason, Party: d.Party, Number: d.Number,
	}
}

// savePaper writes a draft from the form of its kind.
func savePaper(c *screen) error {
	f := c.form()
	body := clinicapi.SaveDraft{Id: f.id(), Kind: clinicapi.DraftKind(f.need("kind")), Reason: f.text("reason"), Late: f.text("late") != ""}
	body.Paper = f.paper(string(body.Kind))
	if f.text("happened") != "" {
		body.OccurredAt = f.happened()
	}
	err := f.err
	if err == nil {
		_, err = call[done](c.api.SaveDraft(c.r.Context(), body))
	}
	if err != nil {
		return c.again(err, func(c *screen) error { return c.newPaper(string(body.Kind)) })
	}
	c.redirect("/stock/papers/" + body.Id + "?done=paper_save")
	return nil
}

// newPaperView is the form of one kind of paper.
type newPaperView struct {
	Kind, Title     string
	Code, Codes     string // of the bottles that the form begins with
	Lots            []clinicapi.Lot
	Stations        []clinicapi.Station
	Amount, Reading bool
	ReadingSay      string
}

func showNewPaper(c *screen) error { return c.newPaper(c.r.PathValue("kind")) }

func (c *screen) newPaper(kind string) error {
	if !slices.Contains(writtenKinds, kind) {
		return c.asList(kind)
	}
	v := newPaperView{
		Kind: kind, Title: c.known("paper."+kind, kind), Code: c.r.Form.Get("code"), Codes: cmp.Or(c.r.Form.Get("codes"), c.r.Form.Get("code")),
		Amount:  slices.Contains([]string{"waste", "purge", "loss", "surplus", "return"}, kind),
		Reading: slices.Contains([]string{"open", "empty", "destroy", "waste", "purge", "return"}, kind),
	}
	v.ReadingSay = c.known("papers.reading."+kind, "")
	switch kind {
	case "receipt":
		lots, err := call[clinicapi.LotList](c.api.ListLots(c.r.Context()))
		if err != nil {
			return err
		}
		v.Lots = lots.Items
	case "change":
		stations, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
		if err != nil {
			return err
		}
		v.Stations = stations.Items
	}
	return c.render("paper_new", "", v.Title, v)
}

// asList shows what was wrong with a paper that has no form of its own above the list of papers.
func (c *screen) asList(kind string) error {
	if !slices.Contains(documentKinds, kind) {
		return errNoPage
	}
	return showPapers(c)
}

// happened reads a day and a time of day of the clinic.
func (f *form) happened() time.Time {
	t, err := time.ParseInLocation("2/1/2006 15:04", f.text("happened"), f.c.zone)
	if err != nil {
		f.wrong("input.day", "happened")
	}
	return t
}

// paper reads what a paper of this kind says. Bottles are named by their labels, as the scanner reads them.
func (f *form) paper(kind string) (p clinicapi.DraftPaper) {
	p.Party, p.Number = f.text("party"), f.text("number")
	switch kind {
	case "receipt":
		f.receipt(&p)
	case "transfer":
		p.Bottles, p.From, p.To = f.bottles("codes"), clinicapi.Place(f.need("from")), clinicapi.Place(f.need("to"))
	case "abnormal":
		p.Bottles = f.bottles("codes")
	case "open":
		p.Bottle = f.bottle("code")
		f.reading(&p)
	case "empty":
		p.Bottle, p.TareWeightUg = f.bottle("code"), f.weight("rinsed")
		f.reading(&p)
	case "change":
		p.Station, p.Bottle, p.GrossWeightUg, p.OutGrossWeightUg = f.need("station"), f.bottle("code"), f.weight("gross"), f.weight("out_gross")
	case "consolidate":
		p.Bottle, p.Into, p.AmountUl = f.bottle("code"), f.bottle("into"), f.volume("amount")
	case "break":
		p.Bottle = f.bottle("code")
	case "destroy":
		p.Bottle = f.bottle("code")
		if account := f.text("account"); account != "" {
			p.Account, p.AmountUl = clinicapi.DraftPaperAccount(account), f.volume("amount")
		}
		f.reading(&p)
	case "reversal":
		p.Move = f.need("move")
	default:
		p.Bottle, p.AmountUl = f.bottle("code"), f.volume("amount")
		f.reading(&p)
	}
	return p
}

// reading reads what two people found in a bottle before the act, or why they did not look.
func (f *form) reading(p *clinicapi.DraftPaper) {
	p.GrossWeightUg, p.FoundUl, p.Unread = f.weight("gross"), maybe(f, "rest", measure.ParseVolume), f.text("unread")
}

// receipt reads the bottles of a delivery: as many as codes were scanned, else as many as were counted.
func (f *form) receipt(p *clinicapi.DraftPaper) {
	p.Copies = int64(f.integer("copies", 0, 20))
	codes := strings.Split(strings.TrimSpace(f.values.Get("codes")), "\n")
	if p.Lot = f.text("lot"); p.Lot == "" {
		p.Lot = f.lotOf(strings.TrimSpace(codes[0]))
	}
	if codes[0] == "" {
		codes = make([]string, f.integer("count", 1, receiveMost))
	}
	in := clinicapi.ReceivedBottle{LabelVolumeUl: f.volume("label_volume"), TareWeightUg: f.weight("tare")}
	if v := maybe(f, "measured", measure.ParseVolume); v != nil {
		in.MeasuredUl = *v
	}
	for _, code := range codes {
		in.Id, in.Scanned = id.New[string](), strings.TrimSpace(code)
		p.Items = append(p.Items, in)
	}
}

// receiveMost is how many bottles one form receives at most.
const receiveMost = 60

// lotOf finds the lot that the maker's code on a bottle names.
func (f *form) lotOf(code string) string {
	if code == "" {
		f.wrong("input.missing", "lot")
	}
	if f.err != nil {
		return ""
	}
	lot, err := f.c.lotScanned(code)
	switch {
	case err != nil:
		f.err = err
	case lot == "":
		f.wrong("input.unknown_lot", "lot")
	}
	return lot
}

// lotScanned reads a maker's code and finds its lot, "" for none of this clinic.
func (c *screen) lotScanned(code string) (string, error) {
	x, err := call[clinicapi.ScannedBottle](c.api.ReadBottleScan(c.r.Context(), clinicapi.BottleScan{Code: code}))
	if err != nil {
		return "", err
	}
	lots, err := call[clinicapi.LotList](c.api.ListLots(c.r.Context()))
	if err != nil {
		return "", err
	}
	for _, l := range lots.Items {
		if x.Lot != "" && l.Number == x.Lot {
			return l.Id, nil
		}
	}
	return "", nil
}

// bottle resolves the label that was scanned.
func (f *form) bottle(name string) string {
	code := f.need(name)
	if f.err != nil {
		return ""
	}
	b, err := call[clinicapi.Bottle](f.c.api.ReadBottleByCode(f.c.r.Context(), code))
	if err != nil {
		f.err = err
	}
	return b.Id
}

func (f *form) bottles(name string) (ids []string) {
	codes := strings.Fields(f.need(name))
	for _, code := range codes {
		one := &form{c: f.c, values: url.Values{name: {code}}}
		ids = append(ids, one.bottle(name))
		if f.err == nil {
			f.err = one.err
		}
	}
	return ids
}

func actOnPaper(c *screen) error {
	f, key, act := c.form(), c.r.PathValue("id"), c.r.PathValue("act")
	var err error
	switch act {
	case "sign":
		body := clinicapi.SignDraft{Pin: f.need("pin")}
		if err = f.err; err == nil {
			_, err = call[done](c.api.SignDraft(c.r.Context(), key, body))
		}
	case "post":
		body := clinicapi.PostDraft{Witness: f.witness()}
		if err = f.err; err == nil {
			_, err = call[done](c.api.PostDraft(c.r.Context(), key, body))
		}
	case "drop":
		_, err = call[done](c.api.DropDraft(c.r.Context(), key))
	case "bottles":
		err = f.receivedBottles(key)
		if pin := f.text("pin"); err == nil && pin != "" { // what stands on the screen is what is signed
			act = "sign"
			_, err = call[done](c.api.SignDraft(c.r.Context(), key, clinicapi.SignDraft{Pin: pin}))
		}
	default:
		return errNoPage
	}
	if err != nil {
		return c.again(err, showPaper)
	}
	c.redirect("/stock/papers/" + key + "?done=paper_" + act)
	return nil
}

// stockForecastView is how long the stock lasts.
type stockForecastView struct{ Products []stockForecastRow }

type stockForecastRow struct {
	Product, Left, PerDay, RunsOut, OrderBy, Order string
	Days, Basis                                    int
	Short                                          bool
	Expiring                                       []expiringRow
}

type expiringRow struct{ Lot, Expiry, Left, Unused string }

func showForecast(c *screen) error {
	list, err := call[clinicapi.StockForecastList](c.api.ListForecasts(c.r.Context()))
	if err != nil {
		return err
	}
	var v stockForecastView
	for _, x := range list.Items {
		r := stockForecastRow{
			Product: x.ProductName, Left: c.volume(x.LeftUl), PerDay: c.roundedUp(x.PerDayUl), RunsOut: c.day(x.RunsOut), OrderBy: c.day(x.OrderBy),
			Days: x.DaysLeft, Basis: x.DaysBasis, Short: x.OrderUl > 0,
		}
		if x.OrderUl > 0 {
			r.Order = c.roundedUp(x.OrderUl)
		}
		for _, e := range x.Expiring {
			r.Expiring = append(r.Expiring, expiringRow{e.LotNumber, c.day(e.Expiry), c.volume(e.LeftUl), c.volume(e.UnusedUl)})
		}
		v.Products = append(v.Products, r)
	}
	return c.render("forecast", "", c.t("forecast.title"), v)
}

// traceView is everything that became of a lot.
type traceView struct {
	ID       string
	Lot      lotRow
	Bottles  []bottleView
	Doses    []tracedRow
	Moves    []moveRow
	Patients int
}

type tracedRow struct {
	When, Code, Name, Patient, Lot, LotID, Bottle, BottleID, Amount, Dose string
	State                                                                 tag
}

func (c *screen) traced(d clinicapi.TracedDose) tracedRow {
	return tracedRow{
		When: c.moment(d.RecordedAt), Code: d.PatientCode, Name: d.PatientName, Patient: d.Patient, Lot: d.LotNumber, LotID: d.Lot,
		Bottle: d.BottleCode, BottleID: d.Bottle, Amount: c.volume(d.MeasuredUl), Dose: c.mass(d.DoseUg), State: c.tag("dispensing", string(d.State)),
	}
}

// patientLotsView follows a patient back to the lots and bottles that were poured for them.
type patientLotsView struct {
	Patient, Name, Code string
	Doses               []tracedRow
}

func showPatientLots(c *screen) error {
	v := patientLotsView{Patient: c.r.PathValue("id")}
	list, err := call[clinicapi.TracedDoseList](c.api.ListPatientLots(c.r.Context(), v.Patient))
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(list.Items) {
		v.Doses = append(v.Doses, c.traced(d))
		v.Name, v.Code = d.PatientName, d.PatientCode
	}
	return c.render("patient_lots", "", c.t("trace.of_patient"), v)
}

func showTrace(c *screen) error {
	key := c.r.PathValue("id")
	t, err := call[clinicapi.LotTrace](c.api.ReadLotTrace(c.r.Context(), key))
	if err != nil {
		return err
	}
	v := traceView{ID: key, Lot: c.lot(t.Lot, nil), Patients: t.Patients}
	codes := map[string]string{}
	for _, b := range t.Bottles {
		codes[b.Id] = b.Code
		v.Bottles = append(v.Bottles, c.bottle(b))
	}
	for _, d := range t.Doses {
		v.Doses = append(v.Doses, c.traced(d))
	}
	for _, m := range t.Moves {
		v.Moves = append(v.Moves, moveRow{
			When: c.moment(m.OccurredAt), From: c.known("account."+string(m.From), string(m.From)), To: c.known("account."+string(m.To), string(m.To)),
			Amount: c.volume(m.AmountUl), Reason: c.known("move."+m.Reason, m.Reason), FromAfter: codes[m.Bottle],
		})
	}
	return c.render("trace", "", c.t("trace.title")+" "+t.Lot.Number, v)
}
