package bench

import "testing"

// The province of the report: its clinics, and who was treated there in a year.
const (
	provinceClinics = 5
	inTreatment     = 724 // at the end of the year
	entered, left   = 60, 58
)

// BenchmarkMonth measures what a province is sent every month, the patients' figures and the stock report, over a year
// of courses and doses of five clinics, against the same reports where the record has the doses of the month alone.
func BenchmarkMonth(b *testing.B) {
	year, month := onShelf(b), onShelf(b)
	many, one := year.province(b, 365), month.province(b, 31)
	last := monthTo(year.today.AddDays(-1))
	var pages []asked
	for _, x := range []struct{ name, path string }{
		{"figures", "/figures?scope=province&" + last},
		{"figures_xlsx", "/v1/figures/patients/file?format=xlsx&scope=province&" + last},
		{"stock", "/stock-report?" + last},
		{"stock_pdf", "/v1/reports/stock/file?format=pdf&" + last},
	} {
		pages = append(pages, asked{x.name, x.path, x.path})
	}
	compare(b, year.desk(b, many), month.desk(b, one), pages)
}

// province fills a record with the courses of a year of which it has the last days of doses, and returns the first of its
// clinics.
func (w *world) province(b *testing.B, days int) *site {
	b.Helper()
	sites := w.clinics(b, provinceClinics)
	yesterday, kept := w.today.AddDays(-1), w.today.AddDays(-days)
	var courses []course
	for i := range inTreatment + left {
		c := course{sites[i%provinceClinics], w.today.AddDays(-365 - i), yesterday, kept}
		switch {
		case i < entered:
			c.from = w.today.AddDays(-1 - i*365/entered)
		case i >= inTreatment:
			c.to = w.today.AddDays(-2 - (i-inTreatment)*363/left)
		}
		if c.to >= kept {
			courses = append(courses, c)
		}
	}
	w.archive(b, courses)
	return sites[0]
}
