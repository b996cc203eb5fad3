package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// varianceView is the book against the counts: a control chart each, and every difference.
type varianceView struct {
	By     string
	ByWord string
	Drawn  bool // charts; a single shift or day has no course
	Groups []option
	Series []seriesView
	Rows   []varianceRow
	Alarm  string
	// Suspects are what the alarms point to.
	Suspects []suspectView
}

type suspectView struct {
	Name, What, SeenBy, Amount, Since string
	Certain                           bool
}

type varianceRow struct {
	Day, Station, Person, Bottle, BottleID, Lot, Book, Counted, Diff, Mass, Share, Turnover, Began, Document string
	Shift                                                                                                    int
	Loss, Surplus, Review                                                                                    bool
	Parts                                                                                                    []option
}

// seriesView is a control chart with the table behind it.
type seriesView struct {
	Name, Loss, Surplus        string
	LossOpen, SurplusOpen      string // what of them no cause explains
	Given, Share               string
	Counts                     int
	Sum, High, Low             string // points of the lines
	Zero, Upper, Lower         int    // heights of the lines that stay
	Top, Bottom                string // what the ends of the scale stand for
	Marks                      []markView
	Points                     []pointView
	Alarmed                    bool
	Since                      string
	Width, Height              int
	ZeroLabel, UpperY, LowerY2 int
}

type markView struct {
	X, Y  int
	Title string
}

type pointView struct {
	When, Diff, Sum, High, Low string
	Alarm                      bool
}

// groupings are what charts are drawn for, in the order of the choice.
var groupings = []string{"lot", "bottle", "counter", "person", "shift", "day"}

const (
	cusumWidth  = 560
	cusumHeight = 150
	cusumEdge   = 10
)

func showVariance(c *screen) error {
	v := varianceView{By: c.r.URL.Query().Get("by")}
	if !slices.Contains(groupings, v.By) {
		v.By = "lot"
	}
	v.ByWord, v.Drawn = c.known("group."+v.By, v.By), v.By != "shift" && v.By != "day"
	for _, g := range groupings {
		v.Groups = append(v.Groups, option{g, c.known("group."+g, g)})
	}
	list, err := call[clinicapi.VarianceList](c.api.ListVariances(c.r.Context(), &clinicapi.ListVariancesParams{By: new(clinicapi.ListVariancesParamsBy(v.By))}))
	if err != nil {
		return err
	}
	v.Alarm = c.volume(list.AlarmUl)
	for _, s := range list.Series {
		s.Name = c.seriesName(v.By, s)
		v.Series = append(v.Series, c.series(s, list.AlarmUl))
	}
	if !v.Drawn {
		slices.Reverse(v.Series) // the newest first
	}
	for _, x := range list.Suspects {
		v.Suspects = append(v.Suspects, c.suspect(x))
	}
	for _, x := range slices.Backward(list.Items) {
		v.Rows = append(v.Rows, c.variance(x))
	}
	return c.render("variance", "", c.t("variance.title"), v)
}

// seriesName writes a day, or a shift of one, as the clinic does.
func (c *screen) seriesName(by string, s clinicapi.VarianceSeries) string {
	day, shift, _ := strings.Cut(s.Key, "/")
	switch {
	case by != "day" && by != "shift":
		return s.Name
	case shift == "" || shift == "0":
		return c.day(day)
	}
	return c.day(day) + " · " + c.t("counters.shift") + " " + shift
}

func (c *screen) suspect(x clinicapi.VarianceSuspect) suspectView {
	v := suspectView{
		Name: x.Name, What: c.known("group."+string(x.By), string(x.By)), SeenBy: c.known("seen."+string(x.SeenBy), string(x.SeenBy)),
		Amount: c.signed(x.SumUl), Since: c.moment(x.SinceAt), Certain: x.Certain,
	}
	if x.SeenBy == clinicapi.VarianceSuspectSeenByDose {
		v.Amount = c.share(x.MeanPpm)
	}
	return v
}

func (c *screen) variance(x clinicapi.Variance) varianceRow {
	r := varianceRow{
		Day: c.day(x.Day), Shift: x.Shift, Station: x.StationName, Person: x.Person, Bottle: x.BottleCode, BottleID: x.Bottle, Lot: x.LotNumber,
		Book: c.volume(x.BookUl), Counted: c.volume(x.CountedUl), Diff: c.signed(x.DiffUl), Turnover: c.volume(x.TurnoverUl), Began: c.moment(x.BeganAt),
		Document: x.Document, Loss: x.DiffUl < 0, Surplus: x.DiffUl > 0, Review: x.Review,
		Mass: measure.Mass(x.DiffUg).Format(c.locale), Share: c.share(x.DiffPpm),
	}
	if x.DiffUg < 0 {
		r.Mass = "−" + measure.Mass(-x.DiffUg).Format(c.locale)
	}
	if x.TurnoverUl == 0 {
		r.Share = ""
	}
	for _, p := range x.Parts {
		r.Parts = append(r.Parts, option{c.known("cause."+string(p.Cause), string(p.Cause)), c.signed(p.AmountUl)})
	}
	return r
}

// share shows millionths as per cent with two decimals.
func (c *screen) share(ppm int64) string {
	sign := ""
	if ppm < 0 {
		sign, ppm = "−", -ppm
	}
	point := "."
	if c.locale == measure.Vietnamese {
		point = ","
	}
	return fmt.Sprintf("%s%d%s%02d %%", sign, ppm/10_000, point, ppm%10_000/100)
}

// series draws a control chart: the sums on one scale, with the alarm limits on both sides of zero.
func (c *screen) series(s clinicapi.VarianceSeries, alarm int64) seriesView {
	span := max(alarm, 1)
	for _, p := range s.Points {
		span = max(span, p.SumUl, -p.SumUl, p.HighUl, -p.LowUl)
	}
	span += span / 8
	y := func(ul int64) int { return cusumEdge + int((span-ul)*(cusumHeight-2*cusumEdge)/(2*span)) }
	x := func(i int) int { return cusumEdge + (i+1)*(cusumWidth-2*cusumEdge)/(len(s.Points)+1) }
	v := seriesView{
		Name: s.Name, Loss: c.volume(s.LossUl), Surplus: c.volume(s.SurplusUl), Zero: y(0), Upper: y(alarm), Lower: y(-alarm),
		Top: "+" + c.volume(alarm), Bottom: "−" + c.volume(alarm), Width: cusumWidth, Height: cusumHeight,
	}
	v.ZeroLabel, v.UpperY, v.LowerY2 = v.Zero-3, v.Upper-3, v.Lower+14
	v.LossOpen, v.SurplusOpen, v.Given, v.Counts = c.volume(s.LossUnexplainedUl), c.volume(s.SurplusUnexplainedUl), c.volume(s.TurnoverUl), s.Counts
	if s.TurnoverUl > 0 {
		v.Share = c.share(s.LossUl * 1_000_000 / s.TurnoverUl)
	}
	if v.Name == "" {
		v.Name = c.t("variance.store")
	}
	var sum, high, low []string
	for i, p := range s.Points {
		at := func(ul int64) string { return fmt.Sprintf("%d,%d", x(i), y(ul)) }
		sum, high, low = append(sum, at(p.SumUl)), append(high, at(p.HighUl)), append(low, at(p.LowUl))
		row := pointView{c.moment(p.At), c.signed(p.DiffUl), c.signed(p.SumUl), c.signed(p.HighUl), c.signed(p.LowUl), p.Alarm}
		v.Points = append(v.Points, row)
		if p.Alarm {
			v.Alarmed, v.Since = true, c.moment(p.Since)
			v.Marks = append(v.Marks, markView{x(i), y(p.SumUl), row.When + " " + row.Sum})
		}
	}
	v.Sum, v.High, v.Low = strings.Join(sum, " "), strings.Join(high, " "), strings.Join(low, " ")
	return v
}
