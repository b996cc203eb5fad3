package httpapi

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/census"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/paper"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// maxBookDays bounds a register that is shown line by line.
const maxBookDays = 366

// narcotic is one product's register over a period, with everything that stands beside its lines.
type narcotic struct {
	clinic  clinic.Clinic
	product stock.Product
	period  census.Period
	page    book.Page
	lots    map[stock.LotID]stock.Lot
	papers  map[string]stock.Document
	doses   map[string]gen.RegisterRow // with a line for each dose
}

func (s *Server) product(ctx context.Context, key gen.UUID) (stock.Product, error) {
	products, err := s.stock.Products(ctx, principalOf(ctx).clinic)
	if err != nil {
		return stock.Product{}, err
	}
	for _, p := range products {
		if p.ID == idOf[stock.ProductID](key) {
			return p, nil
		}
	}
	return stock.Product{}, errNotFound("product", key)
}

// bounds are the instants at which a period of the clinic's days begins and ends.
func bounds(cl clinic.Clinic, p census.Period) (calendar.Calendar, calendar.Instant, calendar.Instant, error) {
	cal, err := cl.Calendar(nil)
	if err != nil {
		return cal, 0, 0, err
	}
	from, _ := cal.Bounds(p.From)
	_, to := cal.Bounds(p.To)
	return cal, from, to, nil
}

func (s *Server) narcotic(ctx context.Context, product gen.UUID, period census.Period, each bool) (n narcotic, err error) {
	if period.To.Sub(period.From) >= maxBookDays {
		return n, fault.New(fault.Invalid, "period.too_long", "a register of more than %d days", maxBookDays)
	}
	n.period = period
	own := principalOf(ctx).clinic
	if n.clinic, err = s.clinics.Clinic(ctx, own); err != nil {
		return n, err
	}
	if n.product, err = s.product(ctx, product); err != nil {
		return n, err
	}
	cal, from, to, err := bounds(n.clinic, period)
	if err != nil {
		return n, err
	}
	ledger, err := s.records.Ledger(ctx, own, n.product.ID, from, to)
	if err != nil {
		return n, err
	}
	n.page = book.Register(ledger.Opening, ledger.Moves, cal.Day, each)
	sh, err := s.shelf(ctx, own)
	if err != nil {
		return n, err
	}
	n.lots = sh.lots
	var documents []string
	for _, l := range n.page.Lines {
		if l.Document != "" && l.Doses == 0 {
			documents = append(documents, l.Document)
		}
	}
	n.papers, err = s.records.Papers(ctx, own, slices.Compact(slices.Sorted(slices.Values(documents))))
	if err != nil || !each {
		return n, err
	}
	n.doses, err = s.dosesBehind(ctx, n.page.Lines)
	return n, err
}

// dosesBehind reads who each dose of a register went to, day by day.
func (s *Server) dosesBehind(ctx context.Context, lines []book.Line) (map[string]gen.RegisterRow, error) {
	out := map[string]gen.RegisterRow{}
	var seen calendar.Day
	for _, l := range lines {
		if l.Doses == 0 || l.Occurred == seen {
			continue
		}
		seen = l.Occurred
		g, err := s.registerOf(ctx, l.Occurred)
		if err != nil {
			return nil, err
		}
		for _, d := range g.doses {
			out[string(d.ID)] = g.row(d, func(who string) string { return s.nameOf(ctx, who) })
		}
	}
	return out, nil
}

func (n narcotic) line(l book.Line) gen.NarcoticLine {
	lot, doc := n.lots[l.Lot], n.papers[l.Document]
	out := gen.NarcoticLine{
		Day: l.Day.String(), OccurredDay: l.Occurred.String(), LotNumber: lot.Number, Expiry: lot.Expiry.String(),
		Document: l.Document, DocumentNumber: doc.Number, Party: doc.Party, Reason: l.Reason, Doses: l.Doses,
		Column: gen.BookColumn(l.Column), AmountUl: int64(l.Amount), BalanceUl: int64(l.Balance),
	}
	if row, ok := n.doses[l.Document]; ok {
		out.DocumentNumber, out.Party = row.PatientCode, row.PatientName
	}
	return out
}

func sumsOut(s book.Sums) gen.BookSums {
	out := gen.BookSums{}
	for _, c := range book.Columns {
		out[string(c)] = int64(s[c])
	}
	return out
}

// ReadNarcoticRegister shows a product's receipts, issues and balance over a period.
func (s *Server) ReadNarcoticRegister(ctx context.Context, r gen.ReadNarcoticRegisterRequestObject) (gen.ReadNarcoticRegisterResponseObject, error) {
	period, err := periodOf(r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	n, err := s.narcotic(ctx, r.Params.Product, period, value(r.Params.EachDose))
	if err != nil {
		return nil, err
	}
	return gen.ReadNarcoticRegister200JSONResponse{
		Product: gen.UUID(n.product.ID), ProductName: n.product.Name, ConcentrationUgMl: int64(n.product.Concentration),
		From: n.period.From.String(), To: n.period.To.String(), OpeningUl: int64(n.page.Opening), ClosingUl: int64(n.page.Closing),
		Sums: sumsOut(n.page.Sums), Lines: each(n.page.Lines, n.line),
	}, nil
}

// ReadNarcoticRegisterFile writes it as a file.
func (s *Server) ReadNarcoticRegisterFile(ctx context.Context, r gen.ReadNarcoticRegisterFileRequestObject) (gen.ReadNarcoticRegisterFileResponseObject, error) {
	period, err := periodOf(r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	n, err := s.narcotic(ctx, r.Params.Product, period, value(r.Params.EachDose))
	if err != nil {
		return nil, err
	}
	return fileOf(s.narcoticSheet(n, fileLanguage(ctx, r.Params.Lang)), string(r.Params.Format))
}

func (s *Server) narcoticSheet(n narcotic, lang string) paper.Sheet {
	say := func(key string) string { return s.messages.label(lang, key) }
	sheet := paper.Sheet{
		Title: say("book.title"), Name: fmt.Sprintf("lieu-register-%s-%s", n.period.From, n.period.To), Landscape: true,
		About: []paper.Line{
			{Label: say("figures.where"), Value: n.clinic.Name + " · " + n.clinic.Province},
			{Label: say("book.product"), Value: n.product.Name + ", " + n.product.Concentration.Format(localeOf(lang))},
			{Label: say("figures.period"), Value: s.dayText(lang, n.period.From) + " – " + s.dayText(lang, n.period.To)},
		},
		Columns: []paper.Column{
			{Title: say("book.day"), Share: 2}, {Title: say("book.document"), Share: 2}, {Title: say("book.what"), Share: 4},
			{Title: say("book.lot"), Share: 2}, {Title: say("book.in"), Share: 2, Right: true}, {Title: say("book.out"), Share: 2, Right: true},
			{Title: say("book.balance"), Share: 2, Right: true}, {Title: say("book.note"), Share: 2},
		},
		Notes: []string{say("book.note_order")}, Signatures: []string{say("sign.keeper"), say("sign.head")},
		Locale: localeOf(lang), Page: say("file.page"), Made: s.now(),
	}
	none := paper.Text("")
	sheet.Rows = append(sheet.Rows, []paper.Cell{
		paper.Text(s.dayText(lang, n.period.From)), none, paper.Text(say("book.opening")), none, none, none, paper.Millilitres(n.page.Opening), none,
	})
	var in, out measure.Volume
	for _, l := range n.page.Lines {
		g := n.line(l)
		row := []paper.Cell{
			paper.Text(s.dayText(lang, l.Day)), paper.Text(g.DocumentNumber), paper.Text(s.lineText(lang, l, g.Party)),
			paper.Text(strings.TrimSpace(g.LotNumber + " · " + s.dayText(lang, n.lots[l.Lot].Expiry))), none, none, paper.Millilitres(l.Balance), none,
		}
		if v := l.Column.Sign() * l.Amount; v >= 0 {
			row[4], in = paper.Millilitres(v), in+v
		} else {
			row[5], out = paper.Millilitres(-v), out-v
		}
		if l.Occurred != l.Day {
			row[7] = paper.Text(say("book.occurred") + " " + s.dayText(lang, l.Occurred))
		}
		sheet.Rows = append(sheet.Rows, row)
	}
	sheet.Total = []paper.Cell{none, none, paper.Text(say("book.total")), none, paper.Millilitres(in), paper.Millilitres(out), paper.Millilitres(n.page.Closing), none}
	return sheet
}

// lineText says what a line is: the doses of a day, or the column with who gave or took it.
func (s *Server) lineText(lang string, l book.Line, party string) string {
	text := s.messages.label(lang, "book.column."+string(l.Column))
	switch {
	case l.Amount < 0:
		text = s.messages.label(lang, "book.correction") + ": " + text
	case l.Doses > 1:
		text += fmt.Sprintf(" (%d)", l.Doses)
	}
	if party != "" {
		text += " – " + party
	}
	return text
}

// stockReport is the use, stock and forecast of every product over a period.
type stockReport struct {
	clinic   clinic.Clinic
	period   census.Period
	active   int
	expected int
	rows     []stockRow
}

type stockRow struct {
	product  stock.Product
	opening  measure.Volume
	sums     book.Sums
	doses    int
	forecast measure.Volume
}

func (r stockRow) closing() measure.Volume { return r.opening + r.sums.Net() }

func (s *Server) stockReport(ctx context.Context, period census.Period, expected *gen.ExpectedNew) (out stockReport, err error) {
	own := principalOf(ctx).clinic
	out.period, out.expected = period, value(expected)
	if out.clinic, err = s.clinics.Clinic(ctx, own); err != nil {
		return out, err
	}
	_, from, to, err := bounds(out.clinic, period)
	if err != nil {
		return out, err
	}
	courses, err := s.records.Courses(ctx, []clinic.ID{own})
	if err != nil {
		return out, err
	}
	out.active = census.Count(courses, period)[census.End]
	products, err := s.stock.Products(ctx, own)
	if err != nil {
		return out, err
	}
	for _, p := range products {
		ledger, err := s.records.Flows(ctx, own, p.ID, from, to)
		if err != nil {
			return out, err
		}
		row := stockRow{product: p, opening: ledger.Opening, sums: book.Sums{}}
		for _, m := range ledger.Moves {
			row.sums.Add(m)
			if c, v, ok := book.Crossing(m.From, m.To, m.Amount); ok && c == book.Issued && v > 0 {
				row.doses += m.Count
			}
		}
		row.forecast = forecast(row.sums[book.Issued], out.active, out.expected)
		out.rows = append(out.rows, row)
	}
	return out, nil
}

// forecast is what the next period of the same length needs: as much as this one for each patient who was there at its
// end, for those and the ones expected, rounded up to a millilitre.
func forecast(issued measure.Volume, active, expected int) measure.Volume {
	if active > 0 {
		issued = issued * measure.Volume(active+expected) / measure.Volume(active)
	}
	return max(0, (issued+measure.Millilitre-1)/measure.Millilitre*measure.Millilitre)
}

// ReadStockReport shows the report.
func (s *Server) ReadStockReport(ctx context.Context, r gen.ReadStockReportRequestObject) (gen.ReadStockReportResponseObject, error) {
	period, err := periodOf(r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	g, err := s.stockReport(ctx, period, r.Params.ExpectedNew)
	if err != nil {
		return nil, err
	}
	return gen.ReadStockReport200JSONResponse{
		From: period.From.String(), To: period.To.String(), ActivePatients: g.active, ExpectedNew: g.expected,
		Rows: each(g.rows, func(r stockRow) gen.StockReportRow {
			return gen.StockReportRow{
				Product: gen.UUID(r.product.ID), ProductName: r.product.Name, ConcentrationUgMl: int64(r.product.Concentration),
				OpeningUl: int64(r.opening), AvailableUl: int64(r.opening + r.sums[book.Received]), Sums: sumsOut(r.sums),
				ClosingUl: int64(r.closing()), Doses: r.doses, ForecastUl: int64(r.forecast),
			}
		}),
	}, nil
}

// ReadStockReportFile writes it as a file.
func (s *Server) ReadStockReportFile(ctx context.Context, r gen.ReadStockReportFileRequestObject) (gen.ReadStockReportFileResponseObject, error) {
	period, err := periodOf(r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	g, err := s.stockReport(ctx, period, r.Params.ExpectedNew)
	if err != nil {
		return nil, err
	}
	return fileOf(s.stockSheet(g, fileLanguage(ctx, r.Params.Lang)), string(r.Params.Format))
}

func (s *Server) stockSheet(g stockReport, lang string) paper.Sheet {
	say := func(key string) string { return s.messages.label(lang, key) }
	sheet := paper.Sheet{
		Title: say("stock_report.title"), Name: fmt.Sprintf("lieu-stock-%s-%s", g.period.From, g.period.To), Landscape: true,
		About: []paper.Line{
			{Label: say("figures.where"), Value: strings.Join(slices.DeleteFunc([]string{g.clinic.Name, g.clinic.District, g.clinic.Province}, func(s string) bool { return s == "" }), " · ")},
			{Label: say("figures.period"), Value: s.dayText(lang, g.period.From) + " – " + s.dayText(lang, g.period.To)},
			{Label: say("stock_report.unit"), Value: "mL"},
			{Label: say("figures.line.end"), Value: fmt.Sprint(g.active)},
			{Label: say("stock_report.expected"), Value: fmt.Sprint(g.expected)},
		},
		Columns: []paper.Column{{Title: say("book.product"), Share: 3}, {Title: say("book.opening"), Share: 2}, {Title: say("book.column.received"), Share: 2}, {Title: say("stock_report.available"), Share: 2}},
		Notes:   []string{say("stock_report.note")}, Signatures: []string{say("sign.maker"), say("sign.head"), say("sign.authority")},
		Locale: localeOf(lang), Page: say("file.page"), Made: s.now(),
	}
	for _, c := range book.Columns[1:] {
		sheet.Columns = append(sheet.Columns, paper.Column{Title: say("book.column." + string(c)), Share: 2})
	}
	sheet.Columns = append(sheet.Columns, paper.Column{Title: say("book.closing"), Share: 2}, paper.Column{Title: say("stock_report.forecast"), Share: 2})
	for _, r := range g.rows {
		row := []paper.Cell{
			paper.Text(r.product.Name + ", " + r.product.Concentration.Format(localeOf(lang))), paper.Millilitres(r.opening),
			paper.Millilitres(r.sums[book.Received]), paper.Millilitres(r.opening + r.sums[book.Received]),
		}
		for _, c := range book.Columns[1:] {
			row = append(row, paper.Millilitres(r.sums[c]))
		}
		sheet.Rows = append(sheet.Rows, append(row, paper.Millilitres(r.closing()), paper.Millilitres(r.forecast)))
	}
	return sheet
}

// ReadDispensingRegisterFile writes a day's doses as a file.
func (s *Server) ReadDispensingRegisterFile(ctx context.Context, r gen.ReadDispensingRegisterFileRequestObject) (gen.ReadDispensingRegisterFileResponseObject, error) {
	day, err := s.dayOrToday(ctx, r.Params.Day)
	if err != nil {
		return nil, err
	}
	cl, err := s.clinics.Clinic(ctx, principalOf(ctx).clinic)
	if err != nil {
		return nil, err
	}
	g, err := s.registerOf(ctx, day)
	if err != nil {
		return nil, err
	}
	_, _, end, err := bounds(cl, census.Period{From: day, To: day})
	if err != nil {
		return nil, err
	}
	seal, err := s.records.ChainAt(ctx, cl.ID, end)
	if err != nil {
		return nil, err
	}
	d := dayLog{s: s, clinic: cl, day: day, lang: fileLanguage(ctx, r.Params.Lang), register: g, name: func(who string) string { return s.nameOf(ctx, who) }}
	d.seal = fmt.Sprintf("%d · %s", seal.Seq, hex.EncodeToString(seal.Hash))
	if r.Params.Form != nil && *r.Params.Form == gen.ReadDispensingRegisterFileParamsFormUs {
		products, err := s.stock.Products(ctx, cl.ID)
		if err != nil {
			return nil, err
		}
		return fileOf(d.us(products), string(r.Params.Format))
	}
	return fileOf(d.sheet(), string(r.Params.Format))
}

// dayLog is a day's doses on paper.
type dayLog struct {
	s        *Server
	clinic   clinic.Clinic
	day      calendar.Day
	lang     string
	seal     string // the last link of the chain of changes of the day
	register register
	name     func(string) string
}

func (d dayLog) say(key string) string { return d.s.messages.label(d.lang, key) }

func (d dayLog) base(title string) paper.Sheet {
	return paper.Sheet{
		Title: d.say(title), Name: "lieu-doses-" + d.day.String(), Landscape: true,
		About: []paper.Line{
			{Label: d.say("figures.where"), Value: d.clinic.Name + " · " + d.clinic.Province},
			{Label: d.say("book.day"), Value: d.s.dayText(d.lang, d.day)},
		},
		Notes:  []string{d.say("day_log.seal") + " " + d.seal},
		Locale: localeOf(d.lang), Page: d.say("file.page"), Made: d.s.now(),
	}
}

// sheet is the clinic's own register: every dose of the day, oldest first.
func (d dayLog) sheet() paper.Sheet {
	sheet := d.base("day_log.title")
	for _, c := range []struct {
		key   string
		share int
	}{{"number", 2}, {"time", 3}, {"code", 5}, {"name", 7}, {"dose", 3}, {"volume", 4}, {"measured", 4}, {"given", 4}, {"wasted", 3}, {"lot", 5}, {"people", 7}, {"state", 4}} {
		sheet.Columns = append(sheet.Columns, paper.Column{Title: d.say("day_log." + c.key), Share: c.share})
	}
	var given, wasted measure.Volume
	for _, x := range slices.Backward(d.register.doses) {
		row := d.register.row(x, d.name)
		given, wasted = given+measure.Volume(row.GivenUl), wasted+measure.Volume(row.WastedUl)
		people := row.Dispenser
		if row.Witness != "" {
			people += " / " + row.Witness
		}
		sheet.Rows = append(sheet.Rows, []paper.Cell{
			paper.Count(len(sheet.Rows) + 1), paper.Text(d.clock(x.Recorded)), paper.Text(row.PatientCode), paper.Text(row.PatientName),
			paper.Milligrams(x.Dose), paper.Millilitres(x.Volume), paper.Millilitres(x.Measured), paper.Millilitres(measure.Volume(row.GivenUl)),
			paper.Millilitres(measure.Volume(row.WastedUl)), paper.Text(row.LotNumber + " / " + row.BottleCode), paper.Text(people),
			paper.Text(d.say("word." + string(x.State))),
		})
	}
	none := paper.Text("")
	sheet.Total = []paper.Cell{none, none, none, paper.Text(d.say("book.total")), none, none, none, paper.Millilitres(given), paper.Millilitres(wasted), none, none, none}
	sheet.Signatures = []string{d.say("sign.dispenser"), d.say("sign.head")}
	return sheet
}

// us is the dispensing log with the fields of 21 CFR 1304.24(a), to be initialled by everybody who dispensed on the day.
func (d dayLog) us(products []stock.Product) paper.Sheet {
	sheet := d.base("us_log.title")
	for _, c := range []struct {
		key   string
		share int
	}{{"substance", 3}, {"strength", 2}, {"form", 2}, {"date", 3}, {"patient", 5}, {"consumed", 2}, {"home", 2}, {"initials", 2}} {
		sheet.Columns = append(sheet.Columns, paper.Column{Title: d.say("us_log." + c.key), Share: c.share})
	}
	byID := map[stock.ProductID]stock.Product{}
	for _, p := range products {
		byID[p.ID] = p
	}
	var people []string
	for _, x := range slices.Backward(d.register.doses) {
		row := d.register.row(x, d.name)
		if row.GivenUl == 0 {
			continue
		}
		p := byID[d.register.lots[x.Lot].Product]
		consumed, home := paper.Milligrams(given(x, row)), paper.Text("–")
		if x.State == dispensing.HandedOver {
			consumed, home = home, consumed
		}
		people = append(people, row.Dispenser)
		sheet.Rows = append(sheet.Rows, []paper.Cell{
			paper.Text(p.Name), paper.Text(x.Concentration.Format(localeOf(d.lang))), paper.Text(p.Form),
			paper.Text(d.s.dayText(d.lang, d.day) + " " + d.clock(x.Recorded)), paper.Text(row.PatientName + " · " + row.PatientCode), consumed, home,
			paper.Text(initials(row.Dispenser)),
		})
	}
	for _, who := range slices.Compact(slices.Sorted(slices.Values(people))) {
		sheet.Signatures = append(sheet.Signatures, who+" ("+initials(who)+")")
	}
	sheet.Notes = append([]string{d.say("us_log.note")}, sheet.Notes...)
	return sheet
}

// given is the drug that was consumed or taken home: the order's when all of it was, else what the swallowed part held.
func given(x dispensing.Dispensing, row gen.RegisterRow) measure.Mass {
	if x.State != dispensing.PartlyTaken {
		return x.Dose
	}
	m, err := x.Concentration.MassFloor(measure.Volume(row.GivenUl))
	if err != nil {
		return 0 // a dispensing has a concentration
	}
	return m
}

func (d dayLog) clock(i calendar.Instant) string {
	cal, err := d.clinic.Calendar(nil)
	if err != nil {
		return ""
	}
	return cal.Local(i).Format("15:04")
}

// initials are the first letters of a name's words.
func initials(name string) string {
	var b strings.Builder
	for _, word := range strings.Fields(name) {
		b.WriteRune([]rune(word)[0])
	}
	return strings.ToUpper(b.String())
}
