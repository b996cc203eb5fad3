package httpapi

import (
	"context"
	"fmt"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/census"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/paper"
	"github.com/lieu-clinic/lieu/internal/patient"
)

// maxMonths is how many months of a period are counted one by one.
const maxMonths = 36

// counted are the courses of some clinics and the period they are counted over.
type counted struct {
	period  span
	scope   gen.FigureScope
	own     clinic.Clinic
	sites   []clinic.Clinic
	targets map[clinic.ID]clinic.Target
	courses []census.Course
}

// periodOf reads a period: by name, or by its first and last day.
func periodOf(name *gen.Period, from, to *gen.Day) (p census.Period, err error) {
	switch {
	case name != nil && from == nil && to == nil:
		return census.ParsePeriod(*name)
	case name != nil || from == nil || to == nil:
		return p, breach(gen.FieldProblem{Pointer: "period", Rule: "required"})
	}
	if p.From, err = dayOf(*from); err != nil {
		return p, err
	}
	if p.To, err = dayOf(*to); err != nil {
		return p, err
	}
	return p, p.Validate()
}

// span is the part of a period that has come, and where the whole of it ends.
type span struct {
	census.Period
	ends calendar.Day
}

// spanOf reads a period and cuts it at the clinic's day.
func (s *Server) spanOf(ctx context.Context, name *gen.Period, from, to *gen.Day) (p span, err error) {
	asked, err := periodOf(name, from, to)
	if err != nil {
		return p, err
	}
	today, err := s.today(ctx, principalOf(ctx).clinic)
	if err != nil {
		return p, err
	}
	p.ends = asked.To
	p.Period, err = asked.UpTo(today)
	return p, err
}

// over is the day on which a period ends that is not over yet, "" for one that is.
func (p span) over() gen.Day {
	if p.ends == p.To {
		return ""
	}
	return p.ends.String()
}

// whole is the period as it was asked for.
func (p span) whole() census.Period { return census.Period{From: p.From, To: p.ends} }

// spanText writes a period on a report, with the word that it is not over.
func (s *Server) spanText(lang string, p span) string {
	text := s.dayText(lang, p.From) + " – " + s.dayText(lang, p.To)
	if p.ends != p.To {
		text += " (" + s.messages.label(lang, "period.running") + " " + s.dayText(lang, p.ends) + ")"
	}
	return text
}

func (s *Server) counted(ctx context.Context, period span, scope *gen.FigureScope) (g counted, err error) {
	g.scope = gen.FigureScopeClinic
	if scope != nil {
		g.scope = *scope
	}
	g.period = period
	own := principalOf(ctx).clinic
	if g.own, err = s.clinics.Clinic(ctx, own); err != nil {
		return g, err
	}
	if g.sites, err = s.clinics.Neighbours(ctx, own); err != nil {
		return g, err
	}
	g.sites = slices.DeleteFunc(g.sites, func(c clinic.Clinic) bool {
		switch g.scope {
		case gen.FigureScopeProvince, gen.FigureScopeDistricts:
			return false
		case gen.FigureScopeDistrict:
			return c.District != g.own.District
		case gen.FigureScopeClinic:
		}
		return c.ID != own
	})
	if g.targets, err = s.clinics.Targets(ctx, g.period.ends.Midnight().Year()); err != nil {
		return g, err
	}
	g.courses, err = s.records.Courses(ctx, each(g.sites, func(c clinic.Clinic) clinic.ID { return c.ID }))
	return g, err
}

// columns are what the report has a column for: a clinic each, or a district.
func (g counted) columns() []gen.SiteFigures {
	if g.scope != gen.FigureScopeDistricts {
		return each(g.sites, g.site)
	}
	districts := each(g.sites, func(c clinic.Clinic) string { return c.District })
	slices.Sort(districts)
	return each(slices.Compact(districts), g.district)
}

// district counts the clinics of a district together.
func (g counted) district(name string) gen.SiteFigures {
	sites := slices.DeleteFunc(slices.Clone(g.sites), func(c clinic.Clinic) bool { return c.District != name })
	courses := slices.DeleteFunc(slices.Clone(g.courses), func(x census.Course) bool {
		return !slices.ContainsFunc(sites, func(c clinic.Clinic) bool { return c.ID == x.Clinic })
	})
	out := siteFigures(name, census.Count(courses, g.period.Period), g.target(sites))
	out.District = name
	return out
}

// target is that of some clinics together, 0 when one of them has none.
func (g counted) target(sites []clinic.Clinic) int {
	sum := 0
	for _, c := range sites {
		t, ok := g.targets[c.ID]
		if !ok {
			return 0
		}
		sum += t.Patients
	}
	return sum
}

func (g counted) of(c clinic.ID) []census.Course {
	return slices.DeleteFunc(slices.Clone(g.courses), func(x census.Course) bool { return x.Clinic != c })
}

func (g counted) site(c clinic.Clinic) gen.SiteFigures {
	out := siteFigures(c.Name, census.Count(g.of(c.ID), g.period.Period), g.targets[c.ID].Patients)
	out.Clinic, out.Number, out.District = gen.UUID(c.ID), c.Number, c.District
	return out
}

// total counts all of them together: a person who was at two clinics is one. Its target is known when every clinic's is.
func (g counted) total() gen.SiteFigures {
	name := g.own.Province
	switch g.scope {
	case gen.FigureScopeClinic:
		name = g.own.Name
	case gen.FigureScopeDistrict:
		name = g.own.District
	case gen.FigureScopeDistricts, gen.FigureScopeProvince:
	}
	return siteFigures(name, census.Count(g.courses, g.period.Period), g.target(g.sites))
}

func siteFigures(name string, f census.Figures, target int) gen.SiteFigures {
	out := gen.SiteFigures{Name: name, Counts: gen.FigureCounts{}, Target: target}
	for l, n := range f {
		out.Counts[string(l)] = n
	}
	if share, ok := f.Share(target); ok {
		out.SharePermille = &share
	}
	return out
}

// months counts the period month by month; the first and the last may be parts of one.
func (g counted) months() []gen.MonthFigures {
	out := []gen.MonthFigures{}
	for to := g.period.To; to >= g.period.From && len(out) < maxMonths; {
		from := max(calendar.DateOf(to.Midnight().Year(), to.Midnight().Month(), 1), g.period.From)
		f := census.Count(g.courses, census.Period{From: from, To: to})
		out = append(out, gen.MonthFigures{From: from.String(), To: to.String(), End: f[census.End], Entered: f.Entered(), Left: f.Gone()})
		to = from.AddDays(-1)
	}
	slices.Reverse(out)
	return out
}

func figureLines() []string {
	return each(census.Lines(), func(l census.Line) string { return string(l) })
}

// ReadPatientFigures counts patients. Of other clinics of the province only numbers are told.
func (s *Server) ReadPatientFigures(ctx context.Context, r gen.ReadPatientFiguresRequestObject) (gen.ReadPatientFiguresResponseObject, error) {
	period, err := s.spanOf(ctx, r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	g, err := s.counted(ctx, period, r.Params.Scope)
	if err != nil {
		return nil, err
	}
	return gen.ReadPatientFigures200JSONResponse{
		From: g.period.From.String(), To: g.period.To.String(), Ends: g.period.over(), Scope: g.scope, Province: g.own.Province, Lines: figureLines(),
		Sites: g.columns(), Total: g.total(), Months: g.months(),
	}, nil
}

// maxFigureEntries bounds one list of courses: no clinic has treated more people.
const maxFigureEntries = 20_000

// ListPatientFigureEntries shows who a line of the own clinic counts, with the names that every list of the clinic has.
func (s *Server) ListPatientFigureEntries(ctx context.Context, r gen.ListPatientFigureEntriesRequestObject) (gen.ListPatientFigureEntriesResponseObject, error) {
	line := census.Line(r.Params.Line)
	if !slices.Contains(census.Lines(), line) {
		return nil, breach(gen.FieldProblem{Pointer: "line", Rule: "enum"})
	}
	period, err := s.spanOf(ctx, r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	g, err := s.counted(ctx, period, nil)
	if err != nil {
		return nil, err
	}
	members := census.Members(g.courses, g.period.Period, line)
	if len(members) > maxFigureEntries {
		members = members[len(members)-maxFigureEntries:]
	}
	files, err := s.files(ctx, g.own.ID, each(members, func(c census.Course) patient.ID { return c.Patient }))
	if err != nil {
		return nil, err
	}
	return gen.ListPatientFigureEntries200JSONResponse{Items: each(members, func(c census.Course) gen.FigureEntry {
		return gen.FigureEntry{
			Patient: gen.UUID(c.Patient), Code: files[c.Patient].Code, Name: files[c.Patient].Name, Entry: gen.PatientEntry(c.Entry),
			From: c.From.String(), To: c.To.String(), Reason: gen.EndReason(c.Reason),
		}
	})}, nil
}

// ReadPatientFiguresFile writes the same figures as a file: a line in each row, a clinic in each column.
func (s *Server) ReadPatientFiguresFile(ctx context.Context, r gen.ReadPatientFiguresFileRequestObject) (gen.ReadPatientFiguresFileResponseObject, error) {
	period, err := s.spanOf(ctx, r.Params.Period, r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	g, err := s.counted(ctx, period, r.Params.Scope)
	if err != nil {
		return nil, err
	}
	return fileOf(s.figureSheet(g, fileLanguage(ctx, r.Params.Lang)), string(r.Params.Format))
}

func (s *Server) figureSheet(g counted, lang string) paper.Sheet {
	say := func(key string) string { return s.messages.label(lang, key) }
	sites := g.columns()
	if len(sites) > 1 {
		sites = append(sites, g.total())
	}
	sheet := paper.Sheet{
		Title: say("figures.title"), Name: fmt.Sprintf("lieu-figures-%s-%s", g.period.From, g.period.To),
		About: []paper.Line{
			{Label: say("figures.where"), Value: g.total().Name + " · " + g.own.Province},
			{Label: say("figures.period"), Value: s.spanText(lang, g.period)},
		},
		Columns: []paper.Column{{Title: say("figures.line"), Share: 3}},
		Notes:   []string{say("figures.note")}, Signatures: []string{say("sign.maker"), say("sign.head"), say("sign.authority")}, SignHint: say("sign.hint"),
		Landscape: len(sites) > 3, Locale: localeOf(lang), Page: say("file.page"), Made: s.now(),
	}
	for _, site := range sites {
		sheet.Columns = append(sheet.Columns, paper.Column{Title: site.Name, Right: true})
	}
	for _, line := range figureLines() {
		row := []paper.Cell{paper.Text(say("figures.line." + line))}
		for _, site := range sites {
			row = append(row, paper.Count(site.Counts[line]))
		}
		sheet.Rows = append(sheet.Rows, row)
	}
	targets, shares := []paper.Cell{paper.Text(say("figures.target"))}, []paper.Cell{paper.Text(say("figures.share"))}
	for _, site := range sites {
		if site.SharePermille == nil {
			targets, shares = append(targets, paper.Text("–")), append(shares, paper.Text("–"))
			continue
		}
		targets, shares = append(targets, paper.Count(site.Target)), append(shares, paper.Number(int64(*site.SharePermille), 1))
	}
	sheet.Rows = append(sheet.Rows, targets, shares)
	return sheet
}

// dayText writes a day as people there do.
func (s *Server) dayText(lang string, d calendar.Day) string {
	if lang == englishLanguage {
		return d.Midnight().Format("2 Jan 2006")
	}
	return d.Midnight().Format("02/01/2006")
}

// SetTarget sets the clinic's target of a year.
func (s *Server) SetTarget(ctx context.Context, r gen.SetTargetRequestObject) (gen.SetTargetResponseObject, error) {
	p := principalOf(ctx)
	t, err := s.clinics.SetTarget(ctx, p.member, p.clinic, r.Year, r.Body.Patients)
	return gen.SetTarget200JSONResponse{Year: t.Year, Patients: t.Patients, RecordedAt: at(t.Recorded)}, err
}
