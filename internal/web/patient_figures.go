package web

import (
	"net/url"
	"strconv"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// patientFiguresView is the report of patients: a line in each row, a clinic in each column, and the months as a chart.
type patientFiguresView struct {
	Form    reportForm
	Scope   string
	Scopes  []choice
	Shown   string // "" when nothing can be
	Sites   []string
	Rows    []figureRow
	Shares  []shareView
	Chart   *monthChart
	Files   []link
	Entries *figureEntries
}

type choice struct{ Value, Text string }

type figureRow struct {
	Text   string
	Strong bool // a line of the balance that is not a part of another
	Cells  []figureCell
}

type figureCell struct {
	Count int
	Href  string // to the entries behind it; "" where they are another clinic's
}

// shareView is how far a clinic is with its target.
type shareView struct {
	Name, Share string
	Count       figureCell
	Target      int
	Percent     int // 0–100, for the bar
	Known       bool
}

type figureEntries struct {
	Line string
	Rows []figureEntry
}

type figureEntry struct{ ID, Code, Name, Entry, From, To, Reason string }

// figureParts are the parts of a year that reports are made for, as they follow the year in a period's name.
var figureParts = []string{"", "-R", "-R1", "-R2", "-R3", "-R4", "-Q1", "-Q2", "-Q3", "-Q4",
	"-01", "-02", "-03", "-04", "-05", "-06", "-07", "-08", "-09", "-10", "-11", "-12"}

func showPatientFigures(c *screen) error {
	q := c.r.URL.Query()
	v := patientFiguresView{Form: c.reportForm(""), Scope: q.Get("scope")}
	if v.Scope == "" {
		v.Scope = string(clinicapi.FigureScopeClinic)
	}
	for _, s := range []clinicapi.FigureScope{clinicapi.FigureScopeClinic, clinicapi.FigureScopeDistrict, clinicapi.FigureScopeDistricts, clinicapi.FigureScopeProvince} {
		v.Scopes = append(v.Scopes, choice{string(s), c.t("scope." + string(s))})
	}
	period := v.Form.period()
	scope := clinicapi.FigureScope(v.Scope)
	got, err := call[clinicapi.PatientFigures](c.api.ReadPatientFigures(c.r.Context(), &clinicapi.ReadPatientFiguresParams{
		Period: period.name, From: period.from, To: period.to, Scope: &scope,
	}))
	if c.refused(err) {
		return c.render("patient_figures", "", c.t("nav.figures"), v)
	}
	if err != nil {
		return err
	}
	v.Shown = c.span(got.From, got.To, got.Ends)
	v.table(c, got)
	v.Chart = monthsChart(got.Months, v.Scope)
	file := period.values()
	file.Set("scope", v.Scope)
	v.Files = c.files("/v1/figures/patients/file", file)
	if line := q.Get("line"); line != "" {
		if v.Entries, err = c.figureEntries(period, line); err != nil && !c.refused(err) {
			return err
		}
	}
	return c.render("patient_figures", "", c.t("nav.figures"), v)
}

// setTarget sets the target of a year.
func setTarget(c *screen) error {
	f := c.form()
	year, patients := f.integer("year", 2000, 2100), f.integer("patients", 1, 1_000_000)
	err := f.err
	if err == nil {
		_, err = call[clinicapi.Target](c.api.SetTarget(c.r.Context(), year, clinicapi.SetTarget{Patients: patients}))
	}
	if err != nil {
		return c.again(err, showPatientFigures)
	}
	c.redirect("/figures?done=target&year=" + strconv.Itoa(year))
	return nil
}

// askedPeriod is a period by name, or by its days.
type askedPeriod struct{ name, from, to *string }

// values are the period as the API's parameters.
func (p askedPeriod) values() url.Values {
	q := url.Values{}
	for key, value := range map[string]*string{"period": p.name, "from": p.from, "to": p.to} {
		if value != nil {
			q.Set(key, *value)
		}
	}
	return q
}

// strongLines are the lines whose sum is the balance; the others are parts of one of them.
var strongLines = map[string]bool{"start": true, "end": true, "ever": true}

func (v *patientFiguresView) table(c *screen, got clinicapi.PatientFigures) {
	sites := got.Sites
	if len(sites) > 1 {
		sites = append(sites, got.Total)
	}
	for _, s := range sites {
		v.Sites = append(v.Sites, s.Name)
		share := shareView{Name: s.Name, Count: v.cell(c, s, "end"), Target: s.Target, Known: s.SharePermille != nil}
		if share.Known {
			share.Share = c.percent(*s.SharePermille)
			share.Percent = min(100, *s.SharePermille/10)
		}
		v.Shares = append(v.Shares, share)
	}
	for _, line := range got.Lines {
		row := figureRow{Text: c.t("figure_line." + line), Strong: strongLines[line]}
		for _, s := range sites {
			row.Cells = append(row.Cells, v.cell(c, s, line))
		}
		v.Rows = append(v.Rows, row)
	}
}

// cell is a figure with the way to what it counts: the files of the own clinic, the clinics of a district or a province.
func (v *patientFiguresView) cell(c *screen, s clinicapi.SiteFigures, line string) figureCell {
	cell := figureCell{Count: s.Counts[line]}
	own := s.Clinic == c.session.Clinic.Id
	switch {
	case cell.Count == 0:
	case own && c.may("patient.read"):
		cell.Href = "?" + v.here(line) + "#entries"
	case s.Clinic == "" && v.Scope == string(clinicapi.FigureScopeDistricts):
		cell.Href = "?" + v.scoped(clinicapi.FigureScopeProvince) // each clinic by itself
	}
	return cell
}

// scoped is the address of the same report with another scope.
func (v *patientFiguresView) scoped(s clinicapi.FigureScope) string {
	q, err := url.ParseQuery(v.here(""))
	if err != nil {
		return "" // here writes what ParseQuery reads
	}
	q.Del("line")
	q.Set("scope", string(s))
	return q.Encode()
}

// here is the address of the same report with the entries of a line.
func (v *patientFiguresView) here(line string) string {
	q := url.Values{"year": {v.Form.Year}, "part": {v.Form.Part}, "scope": {v.Scope}, "line": {line}}
	if v.Form.From != "" || v.Form.To != "" {
		q.Set("from", v.Form.From)
		q.Set("to", v.Form.To)
	}
	return q.Encode()
}

func (c *screen) figureEntries(p askedPeriod, line string) (*figureEntries, error) {
	got, err := call[clinicapi.FigureEntryList](c.api.ListPatientFigureEntries(c.r.Context(), &clinicapi.ListPatientFigureEntriesParams{
		Period: p.name, From: p.from, To: p.to, Line: line,
	}))
	if err != nil {
		return nil, err
	}
	out := &figureEntries{Line: c.t("figure_line." + line)}
	for _, e := range got.Items {
		reason := ""
		if e.Reason != "" {
			reason = c.known("end."+string(e.Reason), string(e.Reason))
		}
		out.Rows = append(out.Rows, figureEntry{
			ID: e.Patient, Code: e.Code, Name: e.Name, Entry: c.t("figure_line." + string(e.Entry)), From: c.day(e.From), To: c.day(e.To), Reason: reason,
		})
	}
	return out, nil
}

// monthChart is the patients in treatment at the end of each month, in the units of the drawing.
type monthChart struct {
	Width, Base int
	Bars        []monthBar
}

type monthBar struct {
	X, Y, Height, Middle, LabelY int
	Month, Href                  string
	End, Entered, Left           int
}

// The chart's measures, in its own units.
const (
	monthWidth = 46
	monthBars  = 30
	monthsHigh = 120
	monthsTop  = 14 // room for the number above the highest bar
)

func monthsChart(months []clinicapi.MonthFigures, scope string) *monthChart {
	if len(months) == 0 {
		return nil
	}
	most := 1
	for _, m := range months {
		most = max(most, m.End)
	}
	chart := &monthChart{Width: len(months) * monthWidth, Base: monthsTop + monthsHigh}
	for i, m := range months {
		high := m.End * monthsHigh / most
		x := i*monthWidth + (monthWidth-monthBars)/2
		chart.Bars = append(chart.Bars, monthBar{
			X: x, Y: chart.Base - high, Height: high, Middle: x + monthBars/2, LabelY: chart.Base - high - 3,
			Month: monthLabel(m.To), Href: "?" + url.Values{"from": {m.From}, "to": {m.To}, "scope": {scope}}.Encode(), End: m.End, Entered: m.Entered, Left: m.Left,
		})
	}
	return chart
}

// monthLabel is "03/26" for a day of March 2026.
func monthLabel(day string) string {
	if len(day) < 7 {
		return day
	}
	if n, err := strconv.Atoi(day[5:7]); err != nil || n > 12 {
		return day
	}
	return day[5:7] + "/" + day[2:4]
}
