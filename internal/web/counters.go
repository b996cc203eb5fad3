package web

import (
	"net/url"
	"strings"

	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// countersView is the shifts of the counters and the counts of the store.
type countersView struct {
	Sessions []sessionRow
	Counts   []countRow
	Stations []clinicapi.Station
	Setting  settingView
}

type sessionRow struct {
	ID, Station, Day, StartedBy, Opened, Closed, ClosedBy, Witness string
	Shift                                                          int
	State                                                          tag
	Overdue, MayCount, MayClose                                    bool
	Count                                                          string
	CountState                                                     tag
}

type countRow struct {
	ID, Phase, Station, When string
	State                    tag
}

type settingView struct {
	Gate               bool
	Review, PerMille   string
	CoverDays, LeadDay int
}

func showCounters(c *screen) error {
	var v countersView
	sessions, err := call[clinicapi.CounterSessionList](c.api.ListCounterSessions(c.r.Context(), &clinicapi.ListCounterSessionsParams{}))
	if err != nil {
		return err
	}
	for _, s := range sessions.Items {
		v.Sessions = append(v.Sessions, c.counterSession(s))
	}
	counts, err := call[clinicapi.CountList](c.api.ListCounts(c.r.Context(), &clinicapi.ListCountsParams{Limit: new(20)}))
	if err != nil {
		return err
	}
	for _, n := range counts.Items {
		v.Counts = append(v.Counts, countRow{
			n.Id, c.known("phase_count."+string(n.Phase), ""), n.Station, c.moment(n.StartedAt), c.tag("count", string(n.State)),
		})
	}
	stations, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
	if err != nil {
		return err
	}
	v.Stations = stations.Items
	set, err := call[clinicapi.StockSetting](c.api.ReadStockSetting(c.r.Context()))
	if err != nil {
		return err
	}
	v.Setting = settingView{set.CountGate, strings.TrimSuffix(c.volume(set.ReviewUl), " mL"), c.percent(set.ReviewPermille), set.CoverDays, set.LeadDays}
	return c.render("counters", "", c.t("counters.title"), v)
}

func (c *screen) counterSession(s clinicapi.CounterSession) sessionRow {
	open := s.State == clinicapi.SessionStateOpen
	again := (s.State == clinicapi.SessionStateOpeningCount || s.State == clinicapi.SessionStateClosingCount) && s.CountState == clinicapi.CountStateDisagreed
	return sessionRow{
		ID: s.Id, Station: s.StationName, Day: c.day(s.Day), Shift: s.Shift, State: c.tag("session", string(s.State)), Overdue: s.Overdue,
		StartedBy: s.StartedBy, Opened: c.clock(s.OpenedAt), Closed: c.clock(s.ClosedAt), ClosedBy: s.ClosedBy, Witness: s.Witness,
		MayCount: open || again, MayClose: s.State == clinicapi.SessionStateReconciled, Count: s.Count,
		CountState: c.tag("count", string(s.CountState)),
	}
}

func startCounter(c *screen) error {
	f := c.form()
	body := clinicapi.StartCounterSession{Id: f.id(), Count: f.need("count_id"), Station: f.need("station"), Shift: f.integer("shift", 1, 9)}
	err := f.err
	if err == nil {
		_, err = call[done](c.api.StartCounterSession(c.r.Context(), body))
	}
	if err != nil {
		return c.again(err, showCounters)
	}
	c.redirect("/stock/counts/" + body.Count)
	return nil
}

func startStoreCount(c *screen) error {
	f := c.form()
	key, err := f.id(), f.err
	if err == nil {
		_, err = call[done](c.api.StartCount(c.r.Context(), clinicapi.StartCount{Id: key}))
	}
	if err != nil {
		return c.again(err, showCounters)
	}
	c.redirect("/stock/counts/" + key)
	return nil
}

func actOnCounter(c *screen) error {
	f, key, to := c.form(), c.r.PathValue("id"), "/stock/counters?done=counter_close"
	var err error
	switch c.r.PathValue("act") {
	case "count":
		count := f.need("count_id")
		if err = f.err; err == nil {
			_, err = call[done](c.api.CountCounterSession(c.r.Context(), key, clinicapi.CountAgain{Count: count}))
		}
		to = "/stock/counts/" + count
	case "close":
		body := clinicapi.CloseCounterSession{Witness: f.witness()}
		if err = f.err; err == nil {
			_, err = call[done](c.api.CloseCounterSession(c.r.Context(), key, body))
		}
	default:
		return errNoPage
	}
	if err != nil {
		return c.again(err, showCounters)
	}
	c.redirect(to)
	return nil
}

// NewID makes an id when the form is shown: the same form sent twice is one act.
func (countersView) NewID() string { return id.New[string]() }

// countView is one count: a blind form, or what two people found.
type countView struct {
	ID, Phase, Station                   string
	State                                tag
	Blind, Counted, Settled, Disagreed   bool
	People                               []string
	Bottles                              []countedRow
	Differs, Review, MineIsIn, Reopening bool
}

type countedRow struct {
	ID, Code, Lot, Label   string
	State                  tag
	Sealed, Weighable      bool
	First, Second          string
	Book, Counted, Diff    string
	Loss, Surplus, Reviews bool
}

func showCount(c *screen) error {
	n, err := call[clinicapi.Count](c.api.ReadCount(c.r.Context(), c.r.PathValue("id")))
	if err != nil {
		return err
	}
	v := countView{
		ID: n.Id, Phase: c.known("phase_count."+string(n.Phase), ""), Station: n.Station, State: c.tag("count", string(n.State)), People: n.People,
		Blind: n.State == clinicapi.CountStateCounting, Counted: n.State == clinicapi.CountStateCounted,
		Settled: n.State == clinicapi.CountStateSettled, Disagreed: n.State == clinicapi.CountStateDisagreed,
	}
	for _, b := range n.Bottles {
		r := countedRow{
			ID: b.Bottle, Code: b.Code, Lot: b.LotNumber, Label: c.volume(b.LabelVolumeUl), State: c.tag("bottle", string(b.State)),
			Sealed: b.State == clinicapi.BottleStateSealed, Weighable: b.Weighable, Book: c.volume(b.BookUl), Counted: c.volume(b.CountedUl),
			Diff: c.signed(b.DiffUl), Loss: b.DiffUl < 0, Surplus: b.DiffUl > 0, Reviews: b.Review,
		}
		for i, e := range b.Entries {
			if i == 0 {
				r.First = c.entry(e)
			} else {
				r.Second = c.entry(e)
			}
		}
		v.Differs, v.Review = v.Differs || b.DiffUl != 0, v.Review || b.Review
		v.Bottles = append(v.Bottles, r)
	}
	for _, name := range n.People {
		v.MineIsIn = v.MineIsIn || name == c.session.Staff.Name
	}
	return c.render("count", "", c.t("count.title"), v)
}

// entry tells what one person found: a weight with what it comes to, or a volume.
func (c *screen) entry(e clinicapi.CountEntry) string {
	if e.GrossWeightUg > 0 {
		return c.weight(e.GrossWeightUg) + " = " + c.volume(e.CountedUl)
	}
	if e.Method == clinicapi.CountMethodMeasured {
		return c.volume(e.CountedUl)
	}
	return c.known("method."+string(e.Method), "")
}

// signed shows a difference with its sign.
func (c *screen) signed(ul int64) string {
	switch {
	case ul > 0:
		return "+" + c.volume(ul)
	case ul < 0:
		return "−" + c.volume(-ul)
	}
	return c.volume(0)
}

func actOnCount(c *screen) error {
	f, key := c.form(), c.r.PathValue("id")
	var err error
	switch c.r.PathValue("act") {
	case "enter":
		body := clinicapi.EnterCount{Lines: f.countLines(), Person: f.maybeWitness()}
		if err = f.err; err == nil {
			_, err = call[done](c.api.EnterCount(c.r.Context(), key, body))
		}
	case "settle":
		body := clinicapi.SettleCount{Reason: f.need("reason"), Stated: f.stated(), Witness: f.witness()}
		if err = f.err; err == nil {
			_, err = call[done](c.api.SettleCount(c.r.Context(), key, body))
		}
	default:
		return errNoPage
	}
	if err != nil {
		return c.again(err, showCount)
	}
	c.redirect("/stock/counts/" + key + "?done=count_" + c.r.PathValue("act"))
	return nil
}

// row is the form of one line of a table: the fields of one index.
func (f *form) row(i int, names ...string) *form {
	r := &form{c: f.c, values: url.Values{}}
	for _, name := range names {
		if all := f.values[name]; i < len(all) {
			r.values.Set(name, all[i])
		}
	}
	return r
}

// take keeps the first mistake of a line.
func (f *form) take(r *form) {
	if f.err == nil {
		f.err = r.err
	}
}

// countLines reads the count form: of each bottle a weight, a volume, or "sealed" or "not there". A weight may stand
// beside a volume, where it does not yet say how much is in the bottle.
func (f *form) countLines() (lines []clinicapi.CountLine) {
	for i, bottle := range f.values["bottle"] {
		r := f.row(i, "found", "gross", "amount")
		l := clinicapi.CountLine{Bottle: bottle, Method: clinicapi.CountMethod(r.text("found"))}
		given := 0
		for _, name := range []string{"found", "gross", "amount"} {
			if r.text(name) != "" {
				given++
			}
		}
		switch {
		case given == 0:
			r.wrong("input.missing", "found")
		case given == 2 && r.text("found") == "" && f.row(i, "both").text("both") != "":
			l.Method, l.GrossWeightUg, l.VolumeUl = clinicapi.CountMethodMeasured, r.weight("gross"), r.volume("amount")
		case given > 1:
			r.wrong("input.one_of", "found")
		case r.text("gross") != "":
			l.Method, l.GrossWeightUg = clinicapi.CountMethodWeighed, r.weight("gross")
		case r.text("amount") != "":
			l.Method, l.VolumeUl = clinicapi.CountMethodMeasured, r.volume("amount")
		}
		f.take(r)
		lines = append(lines, l)
	}
	return lines
}

// stated reads what people say about differences; empty fields say nothing.
func (f *form) stated() (out []clinicapi.StatedCause) {
	for i, bottle := range f.values["bottle"] {
		r := f.row(i, "residue", "spill", "prime")
		for _, cause := range []string{"residue", "spill", "prime"} {
			if v := maybe(r, cause, measure.ParseVolume); v != nil && *v > 0 {
				out = append(out, clinicapi.StatedCause{Bottle: bottle, Cause: clinicapi.StatedCauseCause(cause), AmountUl: *v})
			}
		}
		f.take(r)
	}
	return out
}

func (c *screen) setStock(f *form) (string, error) {
	body := clinicapi.SetStockSetting{
		CountGate: f.text("gate") != "", ReviewUl: f.volume("review"), ReviewPermille: f.integer("permille", 0, 100),
		CoverDays: f.integer("cover_days", 1, 365), LeadDays: f.integer("lead_days", 0, 180), Witness: f.witness(),
	}
	if f.err != nil {
		return "", f.err
	}
	_, err := call[done](c.api.SetStockSetting(c.r.Context(), body))
	return "", err
}
