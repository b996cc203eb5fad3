package httpapi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/internal/book"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/paper"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// maxControlledDays bounds a register with an entry for every dose: a quarter of a large clinic is a thick book already.
const maxControlledDays = 92

// controlled is one product's controlled drugs register over a period, with what stands beside its entries.
type controlled struct {
	clinic  clinic.Clinic
	cal     calendar.Calendar
	product stock.Product
	period  span
	book    book.Controlled
	behind  causes
	signers map[book.Ref]book.Signer // of what no paper and no supply stands behind
	name    func(string) string      // of a member
}

func (s *Server) controlled(ctx context.Context, product gen.UUID, period span) (r controlled, err error) {
	if period.Days() > maxControlledDays {
		return r, fault.New(fault.Invalid, "period.too_long_each", "an entry for each dose of more than %d days", maxControlledDays)
	}
	r.period, r.name = period, func(who string) string { return s.nameOf(ctx, who) }
	own := principalOf(ctx).clinic
	if r.clinic, err = s.clinics.Clinic(ctx, own); err != nil {
		return r, err
	}
	if r.product, err = s.product(ctx, product); err != nil {
		return r, err
	}
	var from, to calendar.Instant
	if r.cal, from, to, err = bounds(r.clinic, period.Period); err != nil {
		return r, err
	}
	ledger, err := s.records.Ledger(ctx, own, r.product.ID, from, to)
	if err != nil {
		return r, err
	}
	r.book = book.ControlledRegister(ledger.Opening, ledger.Moves)
	var ids, signed []string
	for _, e := range r.book.Entries {
		ids = append(ids, e.Cause)
		if e.Column != book.Issued {
			signed = append(signed, e.Cause)
		}
		for _, l := range slices.Concat(e.Corrects, e.CorrectedBy) {
			ids, signed = append(ids, l.Cause), append(signed, l.Cause)
		}
	}
	if r.behind, err = s.causes(ctx, own, ids); err != nil {
		return r, err
	}
	slices.Sort(signed)
	r.signers, err = s.records.Signers(ctx, own, slices.Compact(signed))
	return r, err
}

// Words of gen.ControlledEntry.Identity.
const (
	byCard     = gen.ControlledEntryIdentityCard
	notByCard  = gen.ControlledEntryIdentityNone
	noIdentity = gen.ControlledEntryIdentity("")
)

// entries are the register's entries and its footnotes, which are numbered in the order of the entries they stand at.
func (r controlled) entries() ([]gen.ControlledEntry, []gen.ControlledNote) {
	place := map[book.Ref]map[book.Column]int{}
	for i, e := range r.book.Entries {
		if place[e.Ref] == nil {
			place[e.Ref] = map[book.Column]int{}
		}
		place[e.Ref][e.Column] = i + 1
	}
	out, notes := make([]gen.ControlledEntry, 0, len(r.book.Entries)), []gen.ControlledNote{}
	known := map[[2]book.Ref]int{}
	note := func(wrong, right book.Ref, c book.Column, v measure.Volume) int {
		key := [2]book.Ref{wrong, right}
		if known[key] == 0 {
			notes = append(notes, r.note(len(notes)+1, wrong, right, v))
			n := &notes[len(notes)-1]
			n.Of, n.By = place[wrong][c], place[right][c]
			known[key] = n.Number
		}
		return known[key]
	}
	for i, e := range r.book.Entries {
		g := r.entry(i+1, e)
		for _, l := range e.CorrectedBy {
			g.Notes = append(g.Notes, note(e.Ref, l.Ref, e.Column, l.Amount))
		}
		for _, l := range e.Corrects {
			g.Notes = append(g.Notes, note(l.Ref, e.Ref, e.Column, l.Amount))
		}
		out = append(out, g)
	}
	return out, notes
}

func (r controlled) entry(number int, e book.Entry) gen.ControlledEntry {
	g := gen.ControlledEntry{
		Number: number, Day: r.cal.Day(e.Occurred).String(), RecordedAt: at(e.Recorded), Column: gen.BookColumn(e.Column),
		Side: gen.ControlledSide(e.Column.Side()), AmountUl: int64(e.Amount), BalanceUl: int64(e.Balance),
	}
	if entered := r.cal.Day(e.Recorded); entered != r.cal.Day(e.Occurred) {
		g.EnteredDay = entered.String()
	}
	if doc, ok := r.behind.papers[e.Cause]; ok {
		g.Document, g.DocumentNumber, g.Party, g.Reason = gen.UUID(doc.ID), doc.Number, doc.Party, doc.Reason
		g.EnteredBy, g.Witness = r.name(doc.By), r.name(doc.Witness)
	}
	if check, ok := r.behind.checks[e.Cause]; ok {
		g.Station = gen.UUID(check.Station)
		g.EnteredBy, g.Witness, g.Reason = r.signed(e.Ref, r.name(string(check.By)), r.name(string(check.Witness)), g.Reason)
	}
	dose, ok := r.behind.doses[e.Cause]
	if !ok {
		return g
	}
	g.Dispensing, g.EnteredBy, g.Party, g.PatientCode = e.Cause, r.name(dose.Dispenser), dose.Name, dose.Code
	g.Prescription, g.PrescriptionSigned, g.Prescriber = dose.Order, r.cal.Day(dose.Signed).String(), r.name(dose.Prescriber)
	if e.Column != book.Issued {
		g.EnteredBy, g.Witness, g.Reason = r.signed(e.Ref, g.EnteredBy, g.Witness, g.Reason)
		return g
	}
	g.Address, g.Identity = dose.Address, notByCard
	if !dose.Handed.IsZero() {
		g.Identity = byCard
	}
	return g
}

func (r controlled) note(number int, wrong, right book.Ref, v measure.Volume) gen.ControlledNote {
	n := gen.ControlledNote{
		Number: number, Day: r.cal.Day(right.Recorded).String(), OfDay: r.cal.Day(wrong.Recorded).String(), AmountUl: int64(v),
	}
	if doc, ok := r.behind.papers[right.Cause]; ok {
		n.Document, n.DocumentNumber, n.Reason, n.EnteredBy, n.Witness = gen.UUID(doc.ID), doc.Number, doc.Reason, r.name(doc.By), r.name(doc.Witness)
	}
	if check, ok := r.behind.checks[right.Cause]; ok {
		n.Station = gen.UUID(check.Station)
		n.EnteredBy, n.Witness, n.Reason = r.signed(right, r.name(string(check.By)), r.name(string(check.Witness)), "")
	}
	return n
}

// signed is who made an entry and why, where people took the step behind it; otherwise what is known of the act as a whole.
func (r controlled) signed(ref book.Ref, by, witness, reason string) (string, string, string) {
	s, ok := r.signers[ref]
	if !ok {
		return by, witness, reason
	}
	if s.Reason != "" {
		reason = s.Reason
	}
	return r.name(s.By), r.name(s.Witness), reason
}

func sideSumsOut(s book.SideSums) map[string]int64 {
	out := map[string]int64{}
	for _, side := range book.Sides {
		out[string(side)] = int64(s[side])
	}
	return out
}

// ReadControlledRegister shows the register.
func (s *Server) ReadControlledRegister(ctx context.Context, q gen.ReadControlledRegisterRequestObject) (gen.ReadControlledRegisterResponseObject, error) {
	period, err := s.spanOf(ctx, q.Params.Period, q.Params.From, q.Params.To)
	if err != nil {
		return nil, err
	}
	r, err := s.controlled(ctx, q.Params.Product, period)
	if err != nil {
		return nil, err
	}
	entries, notes := r.entries()
	return gen.ReadControlledRegister200JSONResponse{
		Product: gen.UUID(r.product.ID), ProductName: r.product.Name, ConcentrationUgMl: int64(r.product.Concentration), Form: r.product.Form,
		From: period.From.String(), To: period.To.String(), Ends: period.over(), OpeningUl: int64(r.book.Opening), ClosingUl: int64(r.book.Closing),
		Sums: sideSumsOut(r.book.Sums), Entries: entries, Notes: notes,
	}, nil
}

// ReadControlledRegisterFile writes it as a file.
func (s *Server) ReadControlledRegisterFile(ctx context.Context, q gen.ReadControlledRegisterFileRequestObject) (gen.ReadControlledRegisterFileResponseObject, error) {
	period, err := s.spanOf(ctx, q.Params.Period, q.Params.From, q.Params.To)
	if err != nil {
		return nil, err
	}
	r, err := s.controlled(ctx, q.Params.Product, period)
	if err != nil {
		return nil, err
	}
	sheet := controlledSheet{controlled: r, s: s, lang: fileLanguage(ctx, q.Params.Lang), people: map[string]string{}}
	return fileOf(sheet.sheet(), string(q.Params.Format))
}

// controlledSheet is the register on paper.
type controlledSheet struct {
	controlled
	s      *Server
	lang   string
	people map[string]string // names by the initials that stand for them
}

// initialsOf are the initials that stand for a name here, and for no other one.
func (c controlledSheet) initialsOf(name string) string {
	short := initials(name)
	for n := 2; short != "" && c.people[short] != "" && c.people[short] != name; n++ {
		short = fmt.Sprintf("%s%d", initials(name), n)
	}
	if short != "" {
		c.people[short] = name
	}
	return short
}

// legend says whose initials stand in the register.
func (c controlledSheet) legend() string {
	var parts []string
	for _, short := range slices.Sorted(maps.Keys(c.people)) {
		parts = append(parts, short+" = "+c.people[short])
	}
	return strings.Join(parts, "; ")
}

func (c controlledSheet) say(key string) string { return c.s.messages.label(c.lang, "controlled."+key) }

// sideColumns are where the sides stand in a row, the balance after them.
const sideColumns = 7

func (c controlledSheet) sheet() paper.Sheet {
	sheet := paper.Sheet{
		Title: c.say("title"), Name: fmt.Sprintf("lieu-controlled-%s-%s", c.period.From, c.period.To), Landscape: true, RepeatHead: true, Small: true,
		About: []paper.Line{
			{Label: c.say("class"), Value: c.say("class_of")},
			{Label: c.say("product"), Value: strings.Join(nonEmpty(c.product.Name, c.product.Concentration.Format(localeOf(c.lang)), c.product.Form), ", ")},
			{Label: c.say("premises"), Value: placeOf(c.clinic)},
			{Label: c.s.messages.label(c.lang, "figures.period"), Value: c.s.spanText(c.lang, c.period)},
		},
		Notes: []string{c.say("note")}, Locale: localeOf(c.lang), Page: c.s.messages.label(c.lang, "file.page"), Made: c.s.now(),
	}
	for _, col := range []struct {
		key   string
		share int
	}{{"number", 3}, {"date", 6}, {"party", 19}, {"authority", 15}, {"collector", 6}, {"asked", 5}, {"provided", 5}} {
		sheet.Columns = append(sheet.Columns, paper.Column{Title: c.say(col.key), Share: col.share})
	}
	for _, side := range book.Sides {
		sheet.Columns = append(sheet.Columns, paper.Column{Title: c.say("side." + string(side)), Share: 6, Right: true})
	}
	sheet.Columns = append(sheet.Columns, paper.Column{Title: c.say("balance"), Share: 7, Right: true}, paper.Column{Title: c.say("entered"), Share: 7})
	sheet.Rows = append(sheet.Rows, c.row(map[int]paper.Cell{
		1: paper.Text(c.day(c.period.From.String())), 2: paper.Text(c.say("forward")), sideColumns + 4: paper.Millilitres(c.book.Opening),
	}))
	entries, notes := c.entries()
	for _, e := range entries {
		sheet.Rows = append(sheet.Rows, c.cells(e))
	}
	total := map[int]paper.Cell{2: paper.Text(c.say("total")), sideColumns + 4: paper.Millilitres(c.book.Closing)}
	for i, side := range book.Sides {
		total[sideColumns+i] = paper.Millilitres(c.book.Sums[side])
	}
	sheet.Total = c.row(total)
	if legend := c.legend(); legend != "" {
		sheet.Notes = append(sheet.Notes, c.say("legend")+" "+legend)
	}
	for _, n := range notes {
		sheet.Notes = append(sheet.Notes, c.footnote(n))
	}
	return sheet
}

// row is a row with some of its cells filled in.
func (c controlledSheet) row(filled map[int]paper.Cell) []paper.Cell {
	row := make([]paper.Cell, sideColumns+6)
	for i := range row {
		row[i] = paper.Text("")
		if cell, ok := filled[i]; ok {
			row[i] = cell
		}
	}
	return row
}

func (c controlledSheet) day(iso string) string {
	d, err := calendar.ParseDay(iso)
	if err != nil {
		return ""
	}
	return c.s.dayText(c.lang, d)
}

func (c controlledSheet) cells(e gen.ControlledEntry) []paper.Cell {
	cells := map[int]paper.Cell{
		0: paper.Count(e.Number), 1: paper.Text(c.day(e.Day)), 2: paper.Text(c.s.entryText(c.lang, e)), 3: paper.Text(c.authority(e)),
		sideColumns + 4: paper.Millilitres(measure.Volume(e.BalanceUl)), sideColumns + 5: paper.Text(c.entered(e)),
	}
	if e.Identity != noIdentity {
		answer := paper.Text(c.say("identity." + string(e.Identity)))
		cells[4], cells[5], cells[6] = paper.Text(c.say("patient")), answer, answer
	}
	cells[sideColumns+slices.Index(book.Sides, book.Side(e.Side))] = paper.Millilitres(measure.Volume(e.AmountUl))
	return c.row(cells)
}

// entered says who made an entry, when that was another day, and which footnotes stand at it.
func (c controlledSheet) entered(e gen.ControlledEntry) string {
	parts := nonEmpty(strings.Join(nonEmpty(c.initialsOf(e.EnteredBy), c.initialsOf(e.Witness)), " / "))
	if e.EnteredDay != "" {
		parts = append(parts, c.say("entered_on")+" "+c.day(e.EnteredDay))
	}
	for _, n := range e.Notes {
		parts = append(parts, fmt.Sprintf("[%d]", n))
	}
	return strings.Join(parts, " ")
}

// entryText says from whom or to whom, with the address; or what became of what nobody got.
func (s *Server) entryText(lang string, e gen.ControlledEntry) string {
	say := func(key string) string { return s.messages.label(lang, key) }
	if e.Identity != noIdentity {
		address := e.Address
		if address == "" {
			address = say("controlled.no_address")
		}
		return e.Party + " (" + e.PatientCode + "), " + address
	}
	text := say("book.column." + string(e.Column))
	if e.AmountUl < 0 {
		text = say("book.correction") + ": " + text
	}
	if e.Side == gen.ControlledSideObtained && e.AmountUl >= 0 && e.Party != "" {
		return e.Party
	}
	return strings.Join(nonEmpty(text, strings.Join(nonEmpty(e.Party, e.PatientCode), " · "), e.Reason), " – ")
}

// authority is the prescription or the paper by which it was done.
func (c controlledSheet) authority(e gen.ControlledEntry) string {
	if e.Prescription == 0 || e.Identity == noIdentity {
		return e.DocumentNumber
	}
	return fmt.Sprintf("%s %d, %s, %s", c.say("prescription"), e.Prescription, c.day(e.PrescriptionSigned), c.initialsOf(e.Prescriber))
}

func (c controlledSheet) footnote(n gen.ControlledNote) string {
	of := c.say("entry_of") + " " + c.day(n.OfDay)
	if n.Of != 0 {
		of = fmt.Sprintf("%s %d (%s)", c.say("entry"), n.Of, c.day(n.OfDay))
	}
	text := fmt.Sprintf("[%d] %s: %s %s %s", n.Number, c.day(n.Day), of, c.say("less"), paper.Millilitres(measure.Volume(n.AmountUl)).Show(localeOf(c.lang))+" mL")
	if n.By != 0 {
		text += fmt.Sprintf("; %s %d", c.say("by_entry"), n.By)
	}
	return strings.Join(nonEmpty(text, n.Reason, n.DocumentNumber, strings.Join(nonEmpty(n.EnteredBy, n.Witness), " / ")), ". ")
}

func nonEmpty(parts ...string) []string {
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}
