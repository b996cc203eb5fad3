package httpapi

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
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
	period  span
	page    book.Page
	lots    map[stock.LotID]stock.Lot
	behind  causes
	each    bool // a line for each dose
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

func (s *Server) narcotic(ctx context.Context, product gen.UUID, period span, eachDose bool) (n narcotic, err error) {
	if period.Days() > maxBookDays {
		return n, fault.New(fault.Invalid, "period.too_long", "a register of more than %d days", maxBookDays)
	}
	n.period, n.each = period, eachDose
	own := principalOf(ctx).clinic
	if n.clinic, err = s.clinics.Clinic(ctx, own); err != nil {
		return n, err
	}
	if n.product, err = s.product(ctx, product); err != nil {
		return n, err
	}
	cal, from, to, err := bounds(n.clinic, period.Period)
	if err != nil {
		return n, err
	}
	ledger, err := s.records.Ledger(ctx, own, n.product.ID, from, to)
	if err != nil {
		return n, err
	}
	n.page = book.Register(ledger.Opening, ledger.Moves, cal.Day, eachDose)
	sh, err := s.shelf(ctx, own)
	if err != nil {
		return n, err
	}
	n.lots = sh.lots
	n.behind, err = s.causes(ctx, own, each(n.page.Lines, func(l book.Line) string { return l.Document }))
	return n, err
}

// causes are what stands behind lines of a register: a paper, a dose, or a pour of a check. An id is of one of them.
type causes struct {
	papers map[string]stock.Document
	doses  map[string]book.Supply
	checks map[string]calibration.Pour
}

func (s *Server) causes(ctx context.Context, c clinic.ID, ids []string) (out causes, err error) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if out.doses, err = s.records.Supplies(ctx, c, ids); err != nil {
		return out, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { _, ok := out.doses[id]; return ok })
	if out.papers, err = s.records.Papers(ctx, c, ids); err != nil {
		return out, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { _, ok := out.papers[id]; return ok })
	out.checks, err = s.records.Checks(ctx, c, ids)
	return out, err
}

func (n narcotic) line(l book.Line) gen.NarcoticLine {
	lot := n.lots[l.Lot]
	out := gen.NarcoticLine{
		Day: l.Day.String(), OccurredDay: l.Occurred.String(), LotNumber: lot.Number, Expiry: lot.Expiry.String(),
		Lot: gen.UUID(l.Lot), Reason: l.Reason, Doses: l.Doses, Column: gen.BookColumn(l.Column), AmountUl: int64(l.Amount), BalanceUl: int64(l.Balance),
	}
	if doc, ok := n.behind.papers[l.Document]; ok {
		out.Document, out.DocumentNumber, out.Party = gen.UUID(doc.ID), doc.Number, doc.Party
	}
	if dose, ok := n.behind.doses[l.Document]; ok {
		out.Dispensing, out.DocumentNumber, out.Party = l.Document, dose.Code, dose.Name
	}
	if check, ok := n.behind.checks[l.Document]; ok {
		out.Station = gen.UUID(check.Station)
	}
	return out
}

// placeOf is where a report is of: the clinic, its district and its province.
func placeOf(c clinic.Clinic) string {
	return strings.Join(nonEmpty(c.Name, c.District, c.Province), " · ")
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
	period, err := s.spanOf(ctx, r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	n, err := s.narcotic(ctx, r.Params.Product, period, value(r.Params.EachDose))
	if err != nil {
		return nil, err
	}
	return gen.ReadNarcoticRegister200JSONResponse{
		Product: gen.UUID(n.product.ID), ProductName: n.product.Name, ConcentrationUgMl: int64(n.product.Concentration),
		From: n.period.From.String(), To: n.period.To.String(), Ends: n.period.over(), OpeningUl: int64(n.page.Opening), ClosingUl: int64(n.page.Closing),
		Sums: sumsOut(n.page.Sums), Lines: each(n.page.Lines, n.line),
	}, nil
}

// ReadNarcoticRegisterFile writes it as a file.
func (s *Server) ReadNarcoticRegisterFile(ctx context.Context, r gen.ReadNarcoticRegisterFileRequestObject) (gen.ReadNarcoticRegisterFileResponseObject, error) {
	period, err := s.spanOf(ctx, r.Params.Period, r.Params.From, r.Params.To)
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
		Title: say("book.title"), Name: fmt.Sprintf("lieu-register-%s-%s", n.period.From, n.period.To), Landscape: true, Small: n.each,
		About: []paper.Line{
			{Label: say("figures.where"), Value: placeOf(n.clinic)},
			{Label: say("book.product"), Value: n.product.Name + ", " + n.product.Concentration.Format(localeOf(lang))},
			{Label: say("figures.period"), Value: s.spanText(lang, n.period)},
		},
		Columns: []paper.Column{
			{Title: say("book.day"), Share: 2}, {Title: say("book.document"), Share: 2}, {Title: say("book.what"), Share: 4},
			{Title: say("book.lot"), Share: 2}, {Title: say("book.in"), Share: 2, Right: true}, {Title: say("book.out"), Share: 2, Right: true},
			{Title: say("book.balance"), Share: 2, Right: true}, {Title: say("book.note"), Share: 2},
		},
		Notes: []string{say("book.note_order")}, Signatures: []string{say("sign.keeper"), say("sign.head")}, SignHint: say("sign.hint"),
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
	period   span
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

func (s *Server) stockReport(ctx context.Context, period span, expected *gen.ExpectedNew) (out stockReport, err error) {
	own := principalOf(ctx).clinic
	out.period, out.expected = period, value(expected)
	if out.clinic, err = s.clinics.Clinic(ctx, own); err != nil {
		return out, err
	}
	_, from, to, err := bounds(out.clinic, period.Period)
	if err != nil {
		return out, err
	}
	courses, err := s.records.Courses(ctx, []clinic.ID{own})
	if err != nil {
		return out, err
	}
	out.active = census.Count(courses, period.Period)[census.End]
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
		}
		row.doses = ledger.Doses
		row.forecast = forecast(row.sums[book.Issued], period, out.active, out.expected)
		out.rows = append(out.rows, row)
	}
	return out, nil
}

// forecast is what the next period of the same length needs: as much a day as in this one for each patient who was there
// at its end, for those and the ones expected, rounded up to a millilitre.
func forecast(issued measure.Volume, p span, active, expected int) measure.Volume {
	issued = issued * measure.Volume(p.whole().Days()) / measure.Volume(p.Days())
	if active > 0 {
		issued = issued * measure.Volume(active+expected) / measure.Volume(active)
	}
	return max(0, (issued+measure.Millilitre-1)/measure.Millilitre*measure.Millilitre)
}

// ReadStockReport shows the report.
func (s *Server) ReadStockReport(ctx context.Context, r gen.ReadStockReportRequestObject) (gen.ReadStockReportResponseObject, error) {
	period, err := s.spanOf(ctx, r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	g, err := s.stockReport(ctx, period, r.Params.ExpectedNew)
	if err != nil {
		return nil, err
	}
	return gen.ReadStockReport200JSONResponse{
		From: period.From.String(), To: period.To.String(), Ends: period.over(), ActivePatients: g.active, ExpectedNew: g.expected,
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
	period, err := s.spanOf(ctx, r.Params.Period, r.Params.From, r.Params.To)
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
			{Label: say("figures.where"), Value: placeOf(g.clinic)},
			{Label: say("figures.period"), Value: s.spanText(lang, g.period)},
			{Label: say("stock_report.unit"), Value: "mL"},
			{Label: say("figures.line.end"), Value: fmt.Sprint(g.active)},
			{Label: say("stock_report.expected"), Value: fmt.Sprint(g.expected)},
		},
		Columns: []paper.Column{{Title: say("book.product"), Share: 3}, {Title: say("book.opening"), Share: 2}, {Title: say("book.column.received"), Share: 2}, {Title: say("stock_report.available"), Share: 2}},
		Notes:   []string{say("stock_report.note")}, Signatures: []string{say("sign.maker"), say("sign.head"), say("sign.authority")}, SignHint: say("sign.hint"),
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
	day, err := s.pastDay(ctx, r.Params.Day)
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
	seal, err := s.seal(ctx, cl, day)
	if err != nil {
		return nil, err
	}
	d := dayLog{s: s, clinic: cl, day: day, lang: fileLanguage(ctx, r.Params.Lang), register: g, name: func(who string) string { return s.nameOf(ctx, who) }}
	d.seal = fmt.Sprintf("%d · %s", seal.Seq, hex.EncodeToString(seal.Hash))
	if r.Params.Form != nil && *r.Params.Form == gen.ReadDispensingRegisterFileParamsFormUs {
		return fileOf(d.us(), string(r.Params.Format))
	}
	return fileOf(d.sheet(), string(r.Params.Format))
}

// seal is the last link of a clinic's chain of changes of a day: printed under the day's page, it fixes all before it.
func (s *Server) seal(ctx context.Context, cl clinic.Clinic, day calendar.Day) (audit.Event, error) {
	_, _, end, err := bounds(cl, census.Period{From: day, To: day})
	if err != nil {
		return audit.Event{}, err
	}
	return s.records.ChainAt(ctx, cl.ID, end)
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
		Title: d.say(title), Name: "lieu-doses-" + d.day.String(), Landscape: true, Small: true,
		About: []paper.Line{
			{Label: d.say("figures.where"), Value: placeOf(d.clinic)},
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
	}{{"number", 3}, {"time", 4}, {"code", 6}, {"name", 7}, {"dose", 4}, {"volume", 4}, {"measured", 4}, {"given_mg", 4}, {"given", 4}, {"wasted", 4}, {"lot", 6}, {"people", 7}, {"state", 5}} {
		sheet.Columns = append(sheet.Columns, paper.Column{Title: d.say("day_log." + c.key), Share: c.share})
	}
	var given, wasted measure.Volume
	var mass measure.Mass
	for _, x := range slices.Backward(d.register.doses) {
		row := d.register.row(x, d.name)
		given, wasted, mass = given+measure.Volume(row.GivenUl), wasted+measure.Volume(row.WastedUl), mass+measure.Mass(row.GivenUg)
		people := row.Dispenser
		if row.Witness != "" {
			people += " / " + row.Witness
		}
		sheet.Rows = append(sheet.Rows, []paper.Cell{
			paper.Count(len(sheet.Rows) + 1), paper.Text(d.clock(x.Recorded)), paper.Text(row.PatientCode), paper.Text(row.PatientName),
			paper.Milligrams(x.Dose), paper.Millilitres(x.Volume), paper.Millilitres(x.Measured), paper.Milligrams(measure.Mass(row.GivenUg)), paper.Millilitres(measure.Volume(row.GivenUl)),
			paper.Millilitres(measure.Volume(row.WastedUl)), paper.Text(row.LotNumber + " / " + row.BottleCode), paper.Text(people),
			paper.Text(d.say("word." + string(x.State))),
		})
	}
	none := paper.Text("")
	sheet.Total = []paper.Cell{none, none, none, paper.Text(d.say("book.total")), none, none, none, paper.Milligrams(mass), paper.Millilitres(given), paper.Millilitres(wasted), none, none, none}
	sheet.Signatures, sheet.SignHint = []string{d.say("sign.dispenser"), d.say("sign.head")}, d.say("sign.hint")
	return sheet
}

// us is the dispensing log with the fields of 21 CFR 1304.24(a), to be initialled by everybody who dispensed on the day.
func (d dayLog) us() paper.Sheet {
	sheet := d.base("us_log.title")
	for _, c := range []struct {
		key   string
		share int
	}{{"substance", 3}, {"strength", 2}, {"form", 2}, {"date", 3}, {"patient", 5}, {"consumed", 2}, {"home", 2}, {"initials", 2}} {
		sheet.Columns = append(sheet.Columns, paper.Column{Title: d.say("us_log." + c.key), Share: c.share})
	}
	var people []string
	sums := map[bool]measure.Mass{} // taken home or not
	for _, x := range slices.Backward(d.register.doses) {
		row := d.register.row(x, d.name)
		if row.GivenUl == 0 {
			continue
		}
		consumed, home := paper.Milligrams(measure.Mass(row.GivenUg)), paper.Text("–")
		if x.State == dispensing.HandedOver {
			consumed, home = home, consumed
		}
		sums[x.State == dispensing.HandedOver] += measure.Mass(row.GivenUg)
		people = append(people, row.Dispenser)
		sheet.Rows = append(sheet.Rows, []paper.Cell{
			paper.Text(row.ProductName), paper.Text(x.Concentration.Format(localeOf(d.lang))), paper.Text(row.Form),
			paper.Text(d.s.dayText(d.lang, d.day) + " " + d.clock(x.Recorded)), paper.Text(row.PatientName + " · " + row.PatientCode), consumed, home,
			paper.Text(row.Initials),
		})
	}
	none := paper.Text("")
	sheet.Total = []paper.Cell{paper.Text(d.say("book.total")), none, none, none, none, paper.Milligrams(sums[false]), paper.Milligrams(sums[true]), none}
	for _, who := range slices.Compact(slices.Sorted(slices.Values(people))) {
		sheet.Signatures = append(sheet.Signatures, who+" ("+initials(who)+")")
	}
	sheet.SignHint = d.say("us_log.hint")
	sheet.Notes = append([]string{d.say("us_log.note")}, sheet.Notes...)
	return sheet
}

func (d dayLog) clock(i calendar.Instant) string {
	cal, err := d.clinic.Calendar(nil)
	if err != nil {
		return ""
	}
	return cal.Local(i).Format("15:04")
}
