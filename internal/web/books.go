package web

import (
	"net/url"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// reportForm is what a report page is asked for: a period by name or by days.
type reportForm struct {
	Year, Part, From, To string
	Parts                []choice
}

func (c *screen) reportForm(usual string) reportForm {
	q := c.r.URL.Query()
	f := reportForm{Year: q.Get("year"), Part: q.Get("part"), From: q.Get("from"), To: q.Get("to")}
	if f.Year == "" {
		f.Year = c.session.Today[:4]
		f.Part = usual
	}
	for _, p := range figureParts {
		f.Parts = append(f.Parts, choice{p, c.t("period" + strings.ReplaceAll(p, "-", "."))})
	}
	return f
}

// period is what was asked for. Days go before a named period; as typed, for the API to judge.
func (f reportForm) period() askedPeriod {
	if f.From != "" || f.To != "" {
		from, to := typedDay(f.From), typedDay(f.To)
		return askedPeriod{from: &from, to: &to}
	}
	name := f.Year + f.Part
	return askedPeriod{name: &name}
}

// files are the links to one report as each kind of file.
func (c *screen) files(path string, q url.Values) []link {
	var out []link
	for _, format := range []string{"pdf", "xlsx", "csv"} {
		q.Set("format", format)
		q.Set("lang", c.lang)
		out = append(out, link{Href: path + "?" + q.Encode(), Text: strings.ToUpper(format)})
	}
	return out
}

// narcoticView is the register of one product.
type narcoticView struct {
	Form             reportForm
	Product          string
	Products         []choice
	EachDose         bool
	Shown, Name      string
	Opening, Closing string
	Before           string // to the lines that made the opening stock
	Only             string // the column to which the lines are narrowed, in words
	OnlySum          string
	Whole            string // to all lines
	Rows             []narcoticRow
	Sums             []sumRow
	Files            []link
}

// sumRow is a sum of the period and the way to its lines.
type sumRow struct{ Column, Amount, Href string }

type narcoticRow struct {
	Day, Document, What, Lot, In, Out, Balance, Note string
	Href                                             string // to what is behind a line
}

// bookColumns are the columns of a register in their order.
var bookColumns = []string{"received", "issued", "wasted", "lost", "found", "returned", "destroyed", "transferred"}

// products are those that a register is kept of. A doctor reads the register and not the stock: the report of the period
// names them too.
func (c *screen) products(p askedPeriod) (out []choice, err error) {
	add := func(id, name string, strength int64) {
		out = append(out, choice{id, name + ", " + c.strength(strength)})
	}
	if !c.may("stock.read") {
		report, err := call[clinicapi.StockReport](c.api.ReadStockReport(c.r.Context(), &clinicapi.ReadStockReportParams{Period: p.name, From: p.from, To: p.to}))
		for _, r := range report.Rows {
			add(r.Product, r.ProductName, r.ConcentrationUgMl)
		}
		return out, err
	}
	list, err := call[clinicapi.ProductList](c.api.ListProducts(c.r.Context()))
	for _, p := range list.Items {
		add(p.Id, p.Name, p.ConcentrationUgMl)
	}
	return out, err
}

func showNarcoticRegister(c *screen) error {
	v := narcoticView{Form: c.reportForm("-" + c.session.Today[5:7]), Product: c.r.URL.Query().Get("product"), EachDose: c.r.URL.Query().Get("each") == "on"}
	p := v.Form.period()
	var err error
	if v.Products, err = c.products(p); c.refused(err) {
		return c.render("narcotic", "", c.t("nav.narcotic"), v)
	}
	if err != nil {
		return err
	}
	if v.Product == "" && len(v.Products) > 0 {
		v.Product = v.Products[0].Value
	}
	if v.Product == "" {
		return c.render("narcotic", "", c.t("nav.narcotic"), v)
	}
	got, err := call[clinicapi.NarcoticRegister](c.api.ReadNarcoticRegister(c.r.Context(), &clinicapi.ReadNarcoticRegisterParams{
		Product: v.Product, Period: p.name, From: p.from, To: p.to, EachDose: &v.EachDose,
	}))
	if c.refused(err) {
		return c.render("narcotic", "", c.t("nav.narcotic"), v)
	}
	if err != nil {
		return err
	}
	v.Shown, v.Name = c.span(got.From, got.To, got.Ends), got.ProductName+", "+c.strength(got.ConcentrationUgMl)
	v.Opening, v.Closing = c.volume(got.OpeningUl), c.volume(got.ClosingUl)
	v.Before = bookBefore(v.Product, got.From)
	c.narcoticLines(&v, got)
	for _, column := range bookColumns {
		if n := got.Sums[column]; n != 0 || column == "lost" || column == "found" {
			v.Sums = append(v.Sums, sumRow{c.t("book_column." + column), c.volume(n), bookAddress(v.Product, got.From, got.To, column)})
		}
	}
	q := p.values()
	q.Set("product", v.Product)
	if v.EachDose {
		q.Set("each_dose", "true")
	}
	v.Files = c.files("/v1/registers/narcotic/file", q)
	return c.render("narcotic", "", c.t("nav.narcotic"), v)
}

// narcoticLines shows the lines, or those of one column and lot alone when the address asks for them.
func (c *screen) narcoticLines(v *narcoticView, got clinicapi.NarcoticRegister) {
	column, lot := c.r.URL.Query().Get("column"), c.r.URL.Query().Get("lot")
	sum := int64(0)
	for _, l := range got.Lines {
		if column != "" && string(l.Column) != column || lot != "" && l.Lot != lot {
			continue
		}
		sum += l.AmountUl
		row := c.narcoticRow(l)
		if l.Column == clinicapi.BookColumnIssued && l.Dispensing == "" {
			row.Href = bookAddress(v.Product, l.Day, l.Day, "issued") + "&each=on&lot=" + url.QueryEscape(l.Lot)
		}
		v.Rows = append(v.Rows, row)
	}
	if column != "" {
		v.Only, v.OnlySum, v.Whole = c.known("book_column."+column, column), c.volume(sum), bookAddress(v.Product, got.From, got.To, "")
	}
}

// bookAddress is the narcotic register of a product over some days, of one column or of all.
func bookAddress(product, from, to, column string) string {
	q := url.Values{"product": {product}, "from": {from}, "to": {to}}
	if column != "" {
		q.Set("column", column)
	}
	return "/book?" + q.Encode()
}

// bookBefore is the register of the year up to a day: the lines that made the stock of that day.
func bookBefore(product, day string) string {
	first, err := time.Parse(isoDay, day)
	if err != nil {
		return bookAddress(product, day, day, "")
	}
	return bookAddress(product, first.AddDate(-1, 0, 0).Format(isoDay), first.AddDate(0, 0, -1).Format(isoDay), "")
}

// span writes a period, with the day on which it ends when it is not over.
func (c *screen) span(from, to, ends string) string {
	text := c.day(from) + " – " + c.day(to)
	if ends != "" {
		text += " " + c.t("period.running", "Day", c.day(ends))
	}
	return text
}

// behind is the page of what stands behind a line of a register, "" for somebody who may not see it.
func (c *screen) behind(dispensing, document, station string) string {
	switch {
	case dispensing != "" && c.may("dispensing.read"):
		return "/doses/" + dispensing
	case document != "" && c.may("stock.read"):
		return "/stock/papers/" + document
	case station != "" && c.may("station.read"):
		return "/stations/" + station + "/checks"
	}
	return ""
}

// adds are the columns that add to the stock.
var adds = map[clinicapi.BookColumn]bool{clinicapi.BookColumnReceived: true, clinicapi.BookColumnFound: true}

func (c *screen) narcoticRow(l clinicapi.NarcoticLine) narcoticRow {
	r := narcoticRow{
		Day: c.day(l.Day), Document: l.DocumentNumber, What: c.t("book_column." + string(l.Column)), Lot: l.LotNumber + " · " + c.day(l.Expiry),
		Balance: c.volume(l.BalanceUl),
	}
	if l.AmountUl < 0 {
		r.What = c.t("book.correction") + ": " + r.What
	}
	if l.Doses > 1 {
		r.What += " · " + c.n("book.doses", l.Doses)
	}
	if l.Party != "" {
		r.What += " – " + l.Party
	}
	r.Href = c.behind(l.Dispensing, l.Document, l.Station)
	if l.OccurredDay != l.Day {
		r.Note = c.t("book.occurred", "Day", c.day(l.OccurredDay))
	}
	if (l.AmountUl >= 0) == adds[l.Column] {
		r.In = c.volume(max(l.AmountUl, -l.AmountUl))
	} else {
		r.Out = c.volume(max(l.AmountUl, -l.AmountUl))
	}
	return r
}

// stockReportView is the use, stock and forecast of every product.
type stockReportView struct {
	Form     reportForm
	Expected string // as typed
	Active   int
	Shown    string
	Patients string // to the patients behind their number
	Columns  []string
	Rows     []stockReportRow
	Files    []link
}

type stockReportRow struct {
	Name                                  string
	Opening, Available, Closing, Forecast figure
	Cells                                 []figure
	Href                                  string // to the register behind the row
}

// figure is a number and the way to the entries behind it, "" for none.
type figure struct{ Text, Href string }

// reportColumns are the columns between what was available and the closing stock.
var reportColumns = []string{"issued", "wasted", "lost", "found", "returned", "destroyed", "transferred"}

func showStockReport(c *screen) error {
	v := stockReportView{Form: c.reportForm("-" + c.session.Today[5:7]), Expected: c.r.URL.Query().Get("expected")}
	p := v.Form.period()
	params := clinicapi.ReadStockReportParams{Period: p.name, From: p.from, To: p.to}
	if v.Expected != "" {
		f := &form{c: c, values: c.r.URL.Query()}
		params.ExpectedNew = new(f.integer("expected", 0, 100_000))
		if c.refused(f.err) {
			return c.render("stock_report", "", c.t("nav.stock_report"), v)
		}
	}
	got, err := call[clinicapi.StockReport](c.api.ReadStockReport(c.r.Context(), &params))
	if c.refused(err) {
		return c.render("stock_report", "", c.t("nav.stock_report"), v)
	}
	if err != nil {
		return err
	}
	v.Shown, v.Active = c.span(got.From, got.To, got.Ends), got.ActivePatients
	if c.may("figures.read") && c.may("patient.read") {
		v.Patients = "/figures?" + url.Values{"from": {got.From}, "to": {got.To}, "line": {"end"}}.Encode() + "#entries"
	}
	for _, column := range reportColumns {
		v.Columns = append(v.Columns, c.t("book_column."+column))
	}
	for _, r := range got.Rows {
		v.Rows = append(v.Rows, c.stockReportRow(r, got.From, got.To))
	}
	q := p.values()
	if v.Expected != "" {
		q.Set("expected_new", v.Expected)
	}
	v.Files = c.files("/v1/reports/stock/file", q)
	return c.render("stock_report", "", c.t("nav.stock_report"), v)
}

// stockReportRow leads from each figure to its lines of the narcotic register: what was there before to the year up to
// then, what is needed next to what was used.
func (c *screen) stockReportRow(r clinicapi.StockReportRow, from, to string) stockReportRow {
	whole := bookAddress(r.Product, from, to, "")
	row := stockReportRow{
		Name: r.ProductName + ", " + c.strength(r.ConcentrationUgMl), Href: whole,
		Opening: figure{c.volume(r.OpeningUl), bookBefore(r.Product, from)}, Available: figure{c.volume(r.AvailableUl), bookAddress(r.Product, from, to, "received")},
		Closing: figure{c.volume(r.ClosingUl), whole}, Forecast: figure{c.volume(r.ForecastUl), bookAddress(r.Product, from, to, "issued")},
	}
	for _, column := range reportColumns {
		row.Cells = append(row.Cells, figure{c.volume(r.Sums[column]), bookAddress(r.Product, from, to, column)})
	}
	return row
}
