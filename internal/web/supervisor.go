package web

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// supervisorView is the morning for somebody who decides what happens in the next ten minutes.
type supervisorView struct {
	At, ClosesAt                                     string
	Waiting, AtWindow, Served, Away, Coming, Serving int
	Longest, Cycle                                   string
	Wait, Visit, Service                             spreadView
	Missed                                           []missView
	Forecasts                                        []forecastView
	Causes                                           []barView
	Steps                                            []barView
	Windows                                          []windowRow
	Refusals                                         []refusalRow
	Trouble                                          []troubleRow
	Days                                             int
	Quarters                                         []dayRow
	People, Waits                                    string // the charts, as JSON
	Rules                                            *rulesView
}

type spreadView struct {
	N           int
	Median, P90 string
}

type missView struct{ Target, Value, Limit string }

// forecastView is one number of windows.
type forecastView struct {
	Windows        int
	Now            bool // the number that serves now
	Known, Late    bool // Late: after closing
	Waiting, All   string
	Change, Better string // minutes against now
}

// barView is a bar with its words.
type barView struct {
	Word, Value string
	N           int
	Part, Whole int64
	Percent     int
}

type windowRow struct {
	Name    string
	State   tag
	Served  int
	PerHour string
	Service spreadView
}

type refusalRow struct {
	Word, Rule   string
	Door, Window int
}

type troubleRow struct {
	Window, Kind, Since, Detail string
	State                       tag
}

type dayRow struct {
	At                             string
	Arrived, Served, Usual         int
	Wait, UsualWait                string
	waitS, usualWaitS              int64
	known, usualKnown, usualWaited bool
}

func (c *screen) spread(s clinicapi.Spread) spreadView {
	if s.N == 0 {
		return spreadView{Median: "–", P90: "–"}
	}
	return spreadView{N: s.N, Median: c.duration(s.MedianS), P90: c.duration(s.P90S)}
}

func showSupervisor(c *screen) error { return c.showSupervisor(nil) }

func (c *screen) showSupervisor(rules *rulesView) error {
	m, err := call[clinicapi.Morning](c.api.ReadMorning(c.r.Context()))
	if err != nil {
		return err
	}
	v := c.supervisor(m)
	if c.htmx() {
		return c.fragment("supervisor", "morning", v)
	}
	if c.may("clinic.manage") {
		v.Rules = cmp.Or(rules, c.rules(m.Rules))
	}
	return c.render("supervisor", "supervisor", c.t("nav.supervisor"), v)
}

func (c *screen) supervisor(m clinicapi.Morning) supervisorView {
	v := supervisorView{
		At: c.clock(m.Now), ClosesAt: c.clock(m.ClosesAt), Waiting: m.Waiting, AtWindow: m.AtWindow, Served: m.Served, Away: m.Away,
		Coming: m.Coming, Serving: m.Serving, Longest: "–", Wait: c.spread(m.Wait), Visit: c.spread(m.Visit),
		Service: c.spread(m.Service), Forecasts: c.forecasts(m), Causes: c.causes(m.Causes), Steps: c.stepRows(m.Steps),
		Refusals: c.refusals(m.Refusals), Days: m.UsualDays, Quarters: c.dayRows(m),
	}
	if m.Waiting > 0 {
		v.Longest = c.duration(m.LongestS)
	}
	if m.CycleS > 0 {
		v.Cycle = c.duration(m.CycleS)
	}
	for _, x := range m.Missed {
		v.Missed = append(v.Missed, missView{c.t("target." + string(x.Target)), c.duration(x.ValueS), c.duration(x.LimitS)})
	}
	for _, w := range m.Windows {
		state := "up"
		if !w.Up {
			state = "silent"
		}
		pace := "–"
		if w.Served > 0 {
			pace = strconv.Itoa(w.PerHour)
		}
		v.Windows = append(v.Windows, windowRow{w.Name, c.tag("counter", state), w.Served, pace, c.spread(w.Service)})
	}
	v.Trouble = c.trouble(m)
	v.People, v.Waits = c.charts(v.Quarters, m.Rules.Targets.MedianWaitS)
	return v
}

// trouble gives each window one line for all of its devices in one state.
func (c *screen) trouble(m clinicapi.Morning) []troubleRow {
	var out []troubleRow
	for _, t := range m.Trouble {
		kind, state := c.known("device_kind."+string(t.Kind), string(t.Kind)), c.tag("device", string(t.State))
		since := c.clock(t.Since)
		if m.Now.Sub(t.Since) > 12*time.Hour {
			since = c.moment(t.Since)
		}
		if last := len(out) - 1; last >= 0 && out[last].Window == t.StationName && out[last].State == state {
			out[last].Kind += ", " + kind
			continue
		}
		out = append(out, troubleRow{Window: t.StationName, Kind: kind, State: state, Since: since, Detail: c.ailment(t.Detail)})
	}
	return out
}

func (c *screen) forecasts(m clinicapi.Morning) []forecastView {
	now := slices.IndexFunc(m.Forecasts, func(f clinicapi.Forecast) bool { return f.Windows == m.Serving })
	var out []forecastView
	for _, f := range m.Forecasts {
		v := forecastView{Windows: f.Windows, Now: f.Windows == m.Serving, Known: f.Known}
		if f.Known {
			v.Waiting, v.All = c.clock(f.WaitingAt), c.clock(f.AllAt)
			v.Late = !m.ClosesAt.IsZero() && f.AllAt.After(m.ClosesAt)
		}
		if !f.AllAt.IsZero() && !v.Now && now >= 0 && !m.Forecasts[now].AllAt.IsZero() {
			switch minutes := int(f.AllAt.Sub(m.Forecasts[now].AllAt).Round(time.Minute) / time.Minute); {
			case minutes < 0:
				v.Better = c.n("minutes", -minutes)
			case minutes > 0:
				v.Change = c.n("minutes", minutes)
			}
		}
		out = append(out, v)
	}
	return out
}

func (c *screen) causes(from []clinicapi.MorningCause) []barView {
	var whole int64
	for _, x := range from {
		whole += x.WaitedS
	}
	var out []barView
	for _, x := range from {
		v := barView{Word: c.t("cause." + string(x.Cause)), Value: c.duration(x.WaitedS), Part: x.WaitedS, Whole: max(whole, 1)}
		v.Percent = int((x.WaitedS*200 + v.Whole) / (2 * v.Whole))
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b barView) int { return cmp.Compare(b.Part, a.Part) })
	return out
}

func (c *screen) stepRows(from []clinicapi.MorningStep) []barView {
	var longest int64 = 1
	for _, x := range from {
		longest = max(longest, x.Took.P90S)
	}
	var out []barView
	for _, x := range from {
		out = append(out, barView{
			Word: c.t("step." + string(x.Step)), Value: c.duration(x.Took.MedianS) + " · " + c.duration(x.Took.P90S), N: x.Took.N,
			Part: x.Took.MedianS, Whole: longest,
		})
	}
	return out
}

// refusals joins door and window of each rule.
func (c *screen) refusals(from []clinicapi.RefusalCount) []refusalRow {
	var out []refusalRow
	for _, x := range from {
		i := slices.IndexFunc(out, func(r refusalRow) bool { return r.Rule == x.Rule })
		if i < 0 {
			out = append(out, refusalRow{Word: c.known("rule_name."+x.Rule, x.Rule), Rule: x.Rule})
			i = len(out) - 1
		}
		if x.Where == clinicapi.RefusalCountWhereDoor {
			out[i].Door += x.N
		} else {
			out[i].Window += x.N
		}
	}
	return out
}

// dayRows lays today over the usual day.
func (c *screen) dayRows(m clinicapi.Morning) []dayRow {
	rows := map[int64]*dayRow{}
	row := func(q clinicapi.QuarterFigures) *dayRow {
		key := q.From.Unix()
		if rows[key] == nil {
			rows[key] = &dayRow{At: c.clock(q.From)}
		}
		return rows[key]
	}
	for _, q := range m.Quarters {
		r := row(q)
		r.Arrived, r.Served, r.waitS, r.known = q.Arrived, q.Served, q.MedianWaitS, true
		r.Wait = c.duration(q.MedianWaitS)
	}
	for _, q := range m.Usual {
		r := row(q)
		r.Usual, r.usualWaitS, r.usualKnown, r.usualWaited = q.Arrived, q.MedianWaitS, true, q.MedianWaitS > 0
		r.UsualWait = c.duration(q.MedianWaitS)
	}
	if len(rows) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Keys(rows))
	var out []dayRow
	const quarter = 15 * 60
	for key := keys[0]; key <= keys[len(keys)-1]; key += quarter { // also those of which neither day knows: an axis leaves no time out
		out = append(out, *row(clinicapi.QuarterFigures{From: time.Unix(key, 0)}))
	}
	return out
}

// chart is what charts.js draws: labels below, and lines or bars above them. A nil is a gap.
type chart struct {
	Labels []string      `json:"labels"`
	Unit   string        `json:"unit"`
	Series []chartSeries `json:"series"`
}

type chartSeries struct {
	Name  string     `json:"name"`
	Kind  string     `json:"kind"` // bars, line, dashed, limit
	Color string     `json:"color"`
	Data  []*float64 `json:"data"`
}

// charts draws the people and the waits of the day.
func (c *screen) charts(rows []dayRow, target int64) (people, waits string) {
	labels := make([]string, len(rows))
	series := func(name, kind, color string, of func(dayRow) (float64, bool)) chartSeries {
		s := chartSeries{Name: name, Kind: kind, Color: color, Data: make([]*float64, len(rows))}
		for i, r := range rows {
			if v, known := of(r); known {
				s.Data[i] = &v
			}
		}
		return s
	}
	for i, r := range rows {
		labels[i] = r.At
	}
	minutes := func(s int64) float64 { return float64(s) / 60 }
	first := chart{Labels: labels, Series: []chartSeries{
		series(c.t("figures.arrived"), "bars", "#0b5d57", func(r dayRow) (float64, bool) { return float64(r.Arrived), r.known }),
		series(c.t("figures.served"), "line", "#a8480b", func(r dayRow) (float64, bool) { return float64(r.Served), r.known }),
		series(c.t("supervisor.usual_arrived"), "dashed", "#4b5753", func(r dayRow) (float64, bool) { return float64(r.Usual), r.usualKnown }),
	}}
	second := chart{Labels: labels, Unit: c.t("unit.minutes"), Series: []chartSeries{
		series(c.t("figures.median"), "line", "#0b5d57", func(r dayRow) (float64, bool) { return minutes(r.waitS), r.known }),
		series(c.t("supervisor.usual_wait"), "dashed", "#4b5753", func(r dayRow) (float64, bool) { return minutes(r.usualWaitS), r.usualWaited }),
	}}
	if target > 0 {
		second.Series = append(second.Series, series(c.t("supervisor.target"), "limit", "#ad1f17", func(dayRow) (float64, bool) { return minutes(target), true }))
	}
	return inJSON(first), inJSON(second)
}

func inJSON(x chart) string {
	b, err := json.Marshal(x)
	if err != nil {
		return "" // strings and numbers can all be JSON
	}
	return string(b)
}

// rulesView is the form of what the clinic decides.
type rulesView struct {
	Opens, Closes, SlotSize   string
	Longest, Median, P90      string // minutes
	Nurse, Pharmacist, Doctor string
}

func (c *screen) rules(r clinicapi.QueueRules) *rulesView {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	hour := func(minutes int) string {
		if r.OpensMin == 0 && r.ClosesMin == 0 {
			return ""
		}
		return time.Date(2000, 1, 1, 0, minutes, 0, 0, time.UTC).Format("15:04")
	}
	return &rulesView{
		Opens: hour(r.OpensMin), Closes: hour(r.ClosesMin), SlotSize: number(int64(r.SlotSize)),
		Longest: number(r.Targets.LongestWaitS / 60), Median: number(r.Targets.MedianWaitS / 60), P90: number(r.Targets.P90VisitS / 60),
		Nurse: r.Rooms.Nurse, Pharmacist: r.Rooms.Pharmacist, Doctor: r.Rooms.Doctor,
	}
}

// minutesOfDay reads a time of day as people write it, 6:30; empty is none.
func (f *form) minutesOfDay(name string) int {
	s := f.text(name)
	if s == "" {
		return 0
	}
	t, err := time.Parse("15:04", s)
	if err != nil {
		f.wrong("input.hour", name)
		return 0
	}
	return t.Hour()*60 + t.Minute()
}

// maybeInteger reads a whole number; empty is 0.
func (f *form) maybeInteger(name string, high int) int {
	if f.text(name) == "" {
		return 0
	}
	return f.integer(name, 0, high)
}

// setQueueRules decides on opening hours, targets and rooms.
func setQueueRules(c *screen) error {
	const halfDay = 12 * 60
	f := c.form()
	body := clinicapi.SetQueueRules{
		OpensMin: f.minutesOfDay("opens"), ClosesMin: f.minutesOfDay("closes"), SlotSize: f.maybeInteger("slot_size", 200),
		Targets: clinicapi.QueueTargets{
			LongestWaitS: 60 * int64(f.maybeInteger("target_longest", halfDay)), MedianWaitS: 60 * int64(f.maybeInteger("target_median", halfDay)),
			P90VisitS: 60 * int64(f.maybeInteger("target_p90", halfDay)),
		},
		Rooms: clinicapi.QueueRooms{Nurse: f.text("room_nurse"), Pharmacist: f.text("room_pharmacist"), Doctor: f.text("room_doctor")},
	}
	err := f.err
	if err == nil {
		_, err = call[clinicapi.QueueRules](c.api.SetQueueRules(c.r.Context(), body))
	}
	if err == nil {
		c.redirect("/supervisor?done=queue_rules")
		return nil
	}
	c.problem, c.status = c.explain(err), statusOf(err)
	return c.showSupervisor(&rulesView{
		Opens: f.text("opens"), Closes: f.text("closes"), SlotSize: f.text("slot_size"), Longest: f.text("target_longest"),
		Median: f.text("target_median"), P90: f.text("target_p90"), Nurse: f.text("room_nurse"), Pharmacist: f.text("room_pharmacist"), Doctor: f.text("room_doctor"),
	})
}
