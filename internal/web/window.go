package web

import (
	"encoding/json"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// The window screen holds no state of its own: what it shows follows from the open dispensing of the station, and
// before there is one from the patient whose card was scanned last. A reload or a crash therefore comes back to where
// the dose stands.

// windowView is the whole screen of one dispensing window.
type windowView struct {
	Station, StationName string
	Words                string // texts for the live readings, as JSON
	Work                 workView
	Queue                queueView
}

func chooseWindow(c *screen) error {
	list, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
	if err != nil {
		return err
	}
	var active []clinicapi.Station
	for _, s := range list.Items {
		if s.Active {
			active = append(active, s)
		}
	}
	if len(active) == 1 {
		c.redirect("/window/" + active[0].Id)
		return nil
	}
	return c.render("choose", "", c.t("nav.window"), active)
}

func showWindow(c *screen) error {
	st, err := c.station()
	if err != nil {
		return err
	}
	w, err := c.work(st, focus{})
	if err != nil {
		return err
	}
	q, err := c.queue("waiting")
	if err != nil {
		return err
	}
	words, err := json.Marshal(c.liveWords())
	if err != nil {
		return err
	}
	return c.render("window", "window", st.Name, windowView{
		Station: st.Id, StationName: st.Name, Words: string(words), Work: w, Queue: q,
	})
}

func (c *screen) station() (clinicapi.Station, error) {
	return call[clinicapi.Station](c.api.ReadStation(c.r.Context(), c.r.PathValue("station")))
}

// liveWords are the texts that the script of the live strip needs.
func (c *screen) liveWords() map[string]string {
	words := map[string]string{"decimal": ",", "lang": c.lang}
	if c.lang != "vi" {
		words["decimal"] = "."
	}
	for _, key := range []string{
		"ready", "down", "unknown", "none",
		"paper_out", "ribbon_out", "open", "paused", "memory_full", "too_hot", "failed",
		"stable", "moving", "connected", "disconnected", "lost", "ago", "last", "cup", "no_cup",
		"idle", "armed", "pouring", "weighing", "measured", "in_doubt", "recovering", "pending",
	} {
		words[key] = c.t("live." + key)
	}
	return words
}

func showWork(c *screen) error {
	q := c.r.URL.Query()
	return c.showWork(focus{Watch: q.Get("watch"), Patient: q.Get("patient"), Aside: q.Get("aside") == "1"})
}

// showWork sends the working area. What went wrong, if anything, is shown over the state as it is now.
func (c *screen) showWork(f focus) error {
	st, err := c.station()
	if err != nil {
		return err
	}
	w, err := c.work(st, f)
	if err != nil {
		return err
	}
	return c.fragment("window", "work", w)
}

// wrong shows err over the working area, as a stop.
func (c *screen) wrong(err error, f focus) error {
	if is(err, clinicapi.ProblemCodeUnauthenticated) && !c.signing(err) {
		return err
	}
	c.problem, c.status = c.explain(err), statusOf(err)
	return c.showWork(f)
}

// queueView is the list beside the panes, one of three.
type queueView struct {
	Station                   string
	Tab                       string
	Waiting, Coming, Attended int
	Tickets                   []ticketView
	Expected                  []clinicapi.Expected
	Done                      []attendedRow
	Bench                     *benchView
	next                      []ticketView // waiting, whatever the tab
}

// readQueue reads the queue once for all parts of a page.
func (c *screen) readQueue() (clinicapi.Queue, error) {
	if c.lines != nil {
		return *c.lines, nil
	}
	q, err := call[clinicapi.Queue](c.api.ReadQueue(c.r.Context()))
	if err == nil {
		c.lines = &q
	}
	return q, err
}

type attendedRow struct{ Name, Code, Dose, At string }

func showQueue(c *screen) error {
	q, err := c.queue(c.r.URL.Query().Get("tab"))
	if err != nil {
		return err
	}
	return c.fragment("window", "queue", q)
}

func (c *screen) queue(tab string) (queueView, error) {
	q, err := c.readQueue()
	if err != nil {
		return queueView{}, err
	}
	v := queueView{
		Station: c.r.PathValue("station"), Tab: tab,
		Waiting: len(q.Waiting), Coming: len(q.Coming), Attended: len(q.Attended),
	}
	v.next = c.tickets(q.Waiting)
	v.Bench = c.benchAt(v.Station, v.next)
	switch tab {
	case "coming":
		v.Expected = q.Coming
	case "attended":
		for _, a := range q.Attended {
			v.Done = append(v.Done, attendedRow{a.Name, a.Code, c.mass(a.DoseUg), c.clock(a.At)})
		}
	default:
		v.Tab, v.Tickets = "waiting", v.next
	}
	return v, nil
}
