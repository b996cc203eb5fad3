package web

import (
	"net/url"
	"strings"

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
	Rows             []narcoticRow
	Sums             []amountRow
	Files            []link
}

type narcoticRow struct {
	Day, Document, What, Lot, In, Out, Balance, Note string
	Href                                             string // to the doses behind a line
}

// products are those that a register is kept of. A doctor reads the register and not the stock: the report of the period
// names them too.
func (c *screen) products(p askedPeriod) (out []choice, err error) {
	add := func(id, name string, strength int64) { out = append(out, choice{id, name + ", " + c.strength(strength)}) }
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
	if v.Products, err = c.products(p); err != nil {
		return err
	}
	if v.Product == "" {
		if len(v.Products) == 0 {
			return c.render("narcotic", "", c.t("nav.narcotic"), v)
		}
		v.Product = v.Products[0].Value
	}
	got, err := call[clinicapi.NarcoticRegister](c.api.ReadNarcoticRegister(c.r.Context(), &clinicapi.ReadNarcoticRegisterParams{
		Product: v.Product, Period: p.name, From: p.from, To: p.to, EachDose: &v.EachDose,
	}))
	if err != nil {
		return err
	}
	v.Shown, v.Name = c.day(got.From)+" – "+c.day(got.To), got.ProductName+", "+c.strength(got.ConcentrationUgMl)
	v.Opening, v.Closing = c.volume(got.OpeningUl), c.volume(got.ClosingUl)
	for _, l := range got.Lines {
		v.Rows = append(v.Rows, c.narcoticRow(l))
	}
	for _, column := range []string{"received", "issued", "wasted", "lost", "found", "returned", "destroyed", "transferred"} {
		if n := got.Sums[column]; n != 0 || column == "lost" || column == "found" {
			v.Sums = append(v.Sums, amountRow{c.t("book_column." + column), c.volume(n)})
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
	if l.Doses > 0 {
		r.Href = "/register?day=" + l.OccurredDay
	}
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
	Columns  []string
	Rows     []stockReportRow
	Files    []link
}

type stockReportRow struct {
	Name, Opening, Available, Closing, Forecast string
	Cells                                       []string
	Href                                        string // to the register behind the row
}

// reportColumns are the columns between what was available and the closing stock.
var reportColumns = []string{"issued", "wasted", "lost", "found", "returned", "destroyed", "transferred"}

func showStockReport(c *screen) error {
	v := stockReportView{Form: c.reportForm("-" + c.session.Today[5:7]), Expected: c.r.URL.Query().Get("expected")}
	p := v.Form.period()
	params := clinicapi.ReadStockReportParams{Period: p.name, From: p.from, To: p.to}
	if v.Expected != "" {
		f := &form{c: c, values: c.r.URL.Query()}
		params.ExpectedNew = new(f.integer("expected", 0, 100_000))
		if f.err != nil {
			return f.err
		}
	}
	got, err := call[clinicapi.StockReport](c.api.ReadStockReport(c.r.Context(), &params))
	if err != nil {
		return err
	}
	v.Shown, v.Active = c.day(got.From)+" – "+c.day(got.To), got.ActivePatients
	for _, column := range reportColumns {
		v.Columns = append(v.Columns, c.t("book_column."+column))
	}
	for _, r := range got.Rows {
		q := p.values()
		q.Del("period")
		q.Set("product", r.Product)
		q.Set("from", got.From)
		q.Set("to", got.To)
		row := stockReportRow{
			Name: r.ProductName + ", " + c.strength(r.ConcentrationUgMl), Opening: c.volume(r.OpeningUl), Available: c.volume(r.AvailableUl),
			Closing: c.volume(r.ClosingUl), Forecast: c.volume(r.ForecastUl), Href: "/book?" + q.Encode(),
		}
		for _, column := range reportColumns {
			row.Cells = append(row.Cells, c.volume(r.Sums[column]))
		}
		v.Rows = append(v.Rows, row)
	}
	q := p.values()
	if v.Expected != "" {
		q.Set("expected_new", v.Expected)
	}
	v.Files = c.files("/v1/reports/stock/file", q)
	return c.render("stock_report", "", c.t("nav.stock_report"), v)
}
