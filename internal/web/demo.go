package web

import (
	"net/http"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// benchCards is how many cards the panel of a demonstration offers.
const benchCards = 5

// benchCard is a patient's card that somebody without hardware can hold under the simulated scanner.
type benchCard struct{ Text, Label string }

// benchView is the panel of a demonstration at a window.
type benchView struct {
	Station string
	Cup     bool
	Cards   []benchCard
}

// bench reports whether this session may use simulated hardware: only a fictional clinic's.
func (c *screen) bench() bool { return c.site.opts.Bench != nil && c.session.Demo }

// benchAt is the panel for a window, nil where there is no simulated bench.
func (c *screen) benchAt(station string, waiting []ticketView) *benchView {
	if !c.bench() || station == "" {
		return nil
	}
	state, err := c.site.opts.Bench.State(c.r.Context(), station)
	if err != nil {
		return nil
	}
	v := &benchView{Station: station, Cup: state.CupOnScale}
	for _, t := range waiting {
		if t.Code != "" && len(v.Cards) < benchCards {
			v.Cards = append(v.Cards, benchCard{Text: t.Code, Label: c.t("demo.card", "N", t.Number, "Name", t.Name)})
		}
	}
	return v
}

// benchError is what the simulated bench says when something cannot be done with it, such as a second cup on the pan.
type benchError struct{ cause error }

func (e *benchError) Error() string { return e.cause.Error() }

func (e *benchError) Unwrap() error { return e.cause }

func demoScan(c *screen) error {
	if !c.bench() {
		return errNoPage
	}
	f := c.form()
	station, text := f.need("station"), f.need("text")
	if f.err != nil {
		return f.err
	}
	if err := c.site.opts.Bench.Scan(c.r.Context(), station, text); err != nil {
		return &benchError{err}
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func demoCup(c *screen) error {
	if !c.bench() {
		return errNoPage
	}
	f := c.form()
	station := f.need("station")
	if f.err != nil {
		return f.err
	}
	move := c.site.opts.Bench.PlaceCup
	if f.text("act") == "lift" {
		move = c.site.opts.Bench.LiftCup
	}
	if err := move(c.r.Context(), station); err != nil {
		return &benchError{err}
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// demoWeight puts a check weight on the simulated scale, in place of whatever stands there.
func demoWeight(c *screen) error {
	if !c.bench() {
		return errNoPage
	}
	f := c.form()
	station, weight := f.need("station"), f.weight("weight")
	if f.err != nil {
		return f.err
	}
	_ = c.site.opts.Bench.LiftCup(c.r.Context(), station) // an empty scale has nothing to lift
	if err := c.site.opts.Bench.PlaceWeight(c.r.Context(), station, measure.Weight(weight)); err != nil {
		return &benchError{err}
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
