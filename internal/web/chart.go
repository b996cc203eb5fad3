package web

import (
	"fmt"
	"strings"

	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// checksPage is the history of a window's checks, what was done to its pumps, and the forms for both.
type checksPage struct {
	Station, Name  string
	Manual         bool
	Standing       tag
	Drift          driftView
	Checks         []checkView
	Recalibrations []recalibrationRow
	Primes         []primeRow
	Next           string
}

// driftView is a control chart in one line.
type driftView struct {
	Level, Peak, Warn, Stop string
	Samples                 int
	Alarm                   tag
}

type recalibrationRow struct{ At, Kind, Method, Before, After, Note, By string }

type primeRow struct{ At, Ordered, Booked, State string }

func showChecks(c *screen) error {
	st, err := c.station()
	if err != nil {
		return err
	}
	params := clinicapi.ListChecksParams{Limit: new(10)}
	if cursor := c.r.URL.Query().Get("cursor"); cursor != "" {
		params.Cursor = &cursor
	}
	list, err := call[clinicapi.CheckList](c.api.ListChecks(c.r.Context(), st.Id, &params))
	if err != nil {
		return err
	}
	done, err := call[clinicapi.RecalibrationList](c.api.ListRecalibrations(c.r.Context(), st.Id, &clinicapi.ListRecalibrationsParams{Limit: new(20)}))
	if err != nil {
		return err
	}
	primes, err := call[clinicapi.CheckPourList](c.api.ListPrimes(c.r.Context(), st.Id, &clinicapi.ListPrimesParams{Limit: new(20)}))
	if err != nil {
		return err
	}
	v := checksPage{Station: st.Id, Name: st.Name, Manual: st.Manual, Standing: c.standing(st), Drift: c.driftView(st.Drift), Next: list.Next}
	for _, k := range list.Items {
		v.Checks = append(v.Checks, c.checkView(k))
	}
	for _, r := range done.Items {
		v.Recalibrations = append(v.Recalibrations, recalibrationRow{
			c.moment(r.RecordedAt), c.known("recalibration."+string(r.Kind), string(r.Kind)), r.Method, r.FactorBefore, r.FactorAfter, r.Note, r.ByName,
		})
	}
	for _, p := range primes.Items {
		v.Primes = append(v.Primes, primeRow{
			c.moment(p.RecordedAt), c.volume(p.VolumeUl), c.volume(p.BookedUl), c.known("pour_state."+string(p.State), string(p.State)),
		})
	}
	return c.render("checks", "", c.t("checks.title", "Name", st.Name), v)
}

// standing says in one tag what the check of the day is worth.
func (c *screen) standing(st clinicapi.Station) tag {
	k := st.Check
	switch {
	case k.Counts:
		return tag{"good", icons["good"], c.t("standing.passed")}
	case k.State == clinicapi.CheckStandingStateFailed:
		return tag{"bad", icons["bad"], c.t("standing.failed")}
	case k.State == clinicapi.CheckStandingStateOpen:
		return tag{"info", icons["info"], c.t("standing.open")}
	case k.State == clinicapi.CheckStandingStateVoid:
		return tag{"warn", icons["warn"], c.t("standing.void", "Why", c.known("void."+k.Reason, k.Reason))}
	}
	return tag{"warn", icons["warn"], c.t("standing.none")}
}

func (c *screen) driftView(d clinicapi.DriftStanding) driftView {
	v := driftView{
		Level: c.perCent(d.LevelPpm), Peak: c.perCent(d.PeakPpm), Warn: c.perCent(d.WarnPpm), Stop: c.perCent(d.StopPpm), Samples: d.Samples,
		Alarm: tag{"good", icons["good"], c.t("drift.none")},
	}
	switch d.Alarm {
	case clinicapi.DriftStandingAlarmWarn:
		v.Alarm = tag{"warn", icons["warn"], c.t("drift.warn")}
	case clinicapi.DriftStandingAlarmStop:
		v.Alarm = tag{"bad", icons["bad"], c.t("drift.stop")}
	}
	return v
}

func actOnChecks(c *screen) error {
	f, station := c.form(), c.r.PathValue("station")
	var err error
	switch c.r.PathValue("act") {
	case "recalibrate":
		body := clinicapi.Recalibrate{
			Id: f.id(), Kind: clinicapi.RecalibrateKind(f.need("kind")), Method: f.need("method"), FactorBefore: f.text("factor_before"),
			FactorAfter: f.text("factor_after"), Note: f.text("note"), Pin: f.need("pin"),
		}
		if err = f.err; err == nil {
			_, err = call[clinicapi.Recalibration](c.api.Recalibrate(c.r.Context(), station, body))
		}
	case "prime":
		body := clinicapi.PrimeStation{Id: f.id(), VolumeUl: f.volume("volume"), Witness: f.witness()}
		if err = f.err; err == nil {
			_, err = call[clinicapi.CheckPour](c.api.PrimeStation(c.r.Context(), station, body))
		}
	default:
		return errNoPage
	}
	if err != nil {
		return c.again(err, showChecks)
	}
	c.redirect("/stations/" + station + "/checks?done=checks_" + c.r.PathValue("act"))
	return nil
}

// chartPage is the control chart of a window and lot, drawn by the server, with the table behind it.
type chartPage struct {
	Station, Name string
	Lot           string
	Lots          []chartLot
	Drift         driftView
	Width, Height int
	Points        []chartPoint
	Mean          string // the running mean, as the points of an SVG polyline
	Lines         []chartLine
	Began         string // x of the line where the chart as it stands begins, "" for none in sight
	Rows          []chartRow
}

type chartLot struct {
	ID, Number string
	Here       bool
}

type chartPoint struct {
	X, Y, Title string
	Out         bool
}

type chartLine struct{ Y, Class, Text string }

type chartRow struct{ At, Pump, Scale, Deviation, Share, Level string }

// The drawing: as wide as a page at 1366 pixels.
const (
	controlWidth  = 1180
	controlHeight = 300
	controlLeft   = 56
	controlRight  = 1060 // labels stand to the right of it
	controlTop    = 12
	controlBottom = 288
)

func showChart(c *screen) error {
	st, err := c.station()
	if err != nil {
		return err
	}
	var params clinicapi.ReadControlChartParams
	if lot := c.r.URL.Query().Get("lot"); lot != "" {
		params.Lot = &lot
	}
	chart, err := call[clinicapi.ControlChart](c.api.ReadControlChart(c.r.Context(), st.Id, &params))
	if err != nil {
		return err
	}
	v := chartPage{Station: st.Id, Name: st.Name, Lot: chart.LotNumber, Drift: c.driftView(chart.Drift), Width: controlWidth, Height: controlHeight}
	if c.may("stock.read") {
		lots, err := call[clinicapi.LotList](c.api.ListLots(c.r.Context()))
		if err != nil {
			return err
		}
		for _, l := range lots.Items {
			v.Lots = append(v.Lots, chartLot{l.Id, l.Number, l.Id == chart.Lot})
		}
	}
	c.draw(&v, chart)
	return c.render("chart", "", c.t("chart.title", "Name", st.Name), v)
}

// draw places the points. The scale holds the stop limit twice over, and whatever lies beyond is drawn at the edge.
func (c *screen) draw(v *chartPage, chart clinicapi.ControlChart) {
	most := max(2*chart.Drift.StopPpm, int64(2*drift.Percent))
	y := func(ppm int64) string {
		ppm = min(max(ppm, -most), most)
		return fmt.Sprint(controlTop + int64(controlBottom-controlTop)*(most-ppm)/(2*most))
	}
	x := func(i int) string {
		if len(chart.Points) < 2 {
			return fmt.Sprint(controlLeft)
		}
		return fmt.Sprintf("%.1f", controlLeft+float64(controlRight-controlLeft)*float64(i)/float64(len(chart.Points)-1))
	}
	line := func(ppm int64, class, key string) {
		v.Lines = append(v.Lines, chartLine{y(ppm), class, c.t("chart."+key, "Share", c.perCent(ppm))})
	}
	line(0, "zero", "zero")
	for _, sign := range []int64{1, -1} {
		if chart.Drift.WarnPpm > 0 {
			line(sign*chart.Drift.WarnPpm, "warn", "warn")
		}
		if chart.Drift.StopPpm > 0 {
			line(sign*chart.Drift.StopPpm, "stop", "stop")
		}
	}
	if chart.LimitsKnown {
		v.Lines = append(v.Lines, chartLine{y(chart.UpperPpm), "own", ""}, chartLine{y(chart.LowerPpm), "own", ""})
	}
	var mean []string
	for i, p := range chart.Points {
		title := c.moment(p.At) + " · " + c.offBy(p.DeviationUl) + " · " + c.perCent(p.SharePpm)
		out := chart.LimitsKnown && i >= chart.Began && (p.SharePpm > chart.UpperPpm || p.SharePpm < chart.LowerPpm)
		v.Points = append(v.Points, chartPoint{x(i), y(p.SharePpm), title, out})
		if i >= chart.Began {
			mean = append(mean, x(i)+","+y(p.LevelPpm))
		}
		v.Rows = append([]chartRow{{
			c.moment(p.At), c.volume(p.PumpUl), c.volume(p.ScaleUl), c.offBy(p.DeviationUl), c.perCent(p.SharePpm), c.perCent(p.LevelPpm),
		}}, v.Rows...)
	}
	v.Mean = strings.Join(mean, " ")
	if chart.Began > 0 && chart.Began < len(chart.Points) {
		v.Began = x(chart.Began)
	}
}

// offBy is a difference of volumes in whole microlitres, with its sign.
func (c *screen) offBy(ul int64) string {
	sign := "+"
	if ul < 0 {
		sign = "−"
	}
	return sign + fmt.Sprint(int64(measure.Volume(ul).Abs())) + " µL"
}
