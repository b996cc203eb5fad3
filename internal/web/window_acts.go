package web

import (
	"errors"
	"net/http"

	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// scanned takes a code that was read or typed at the window. What it means follows from where the dose stands: before
// one it identifies a patient, after the measurement it binds the cup to them.
func scanned(c *screen) error {
	f := c.form()
	code := f.need("code")
	if f.err != nil {
		return c.wrong(f.err, c.focus())
	}
	st, err := c.station()
	if err != nil {
		return err
	}
	open, err := call[clinicapi.DispensingList](c.api.ListDispensings(c.r.Context(), &clinicapi.ListDispensingsParams{Station: &st.Id, State: &openStates}))
	if err != nil {
		return err
	}
	if active, _ := sortOut(open.Items); active != nil {
		return c.scannedDuring(*active, code)
	}
	card, _ := cardcode.Parse(code) // what is no card code is for the API to refuse
	switch card.Kind {
	case cardcode.Staff:
		c.w.Header().Set("HX-Trigger", `{"lieu:badge":"`+card.String()+`"}`)
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	case cardcode.Bottle:
		b, err := call[clinicapi.Bottle](c.api.ReadBottleByCode(c.r.Context(), code))
		if err != nil {
			return c.wrong(err, c.focus())
		}
		return c.fragment("window", "mount", mountView{Station: st.Id, Bottle: c.bottle(b)})
	}
	p, err := call[clinicapi.Patient](c.api.ReadPatientByCode(c.r.Context(), code))
	if err != nil {
		return c.wrong(err, c.focus())
	}
	c.stepUp(st.Id, p.Id)
	return c.showWork(focus{Patient: p.Id})
}

// scannedDuring is a scan while a dose is under way. Only one that was measured and agrees waits for a card.
func (c *screen) scannedDuring(d clinicapi.Dispensing, code string) error {
	now := focus{Watch: d.Id}
	switch {
	case d.State != clinicapi.DispensingStateMeasured:
		return c.wrong(&inputError{key: "input.scan_pouring", label: "field.code"}, now)
	case !d.HandedAt.IsZero():
		return c.wrong(&inputError{key: "input.scan_swallow", label: "field.code"}, now)
	}
	if _, err := call[clinicapi.Dispensing](c.api.HandOver(c.r.Context(), d.Id, clinicapi.HandOver{Code: code})); err != nil {
		return c.wrong(err, now)
	}
	return c.showWork(now)
}

// stepUp marks the patient's ticket as at this window and identified by the card, for the step clock. A patient without a
// ticket, or one at another window, is served all the same.
func (c *screen) stepUp(station, patient string) {
	q, err := c.queue("waiting")
	if err != nil {
		return
	}
	for _, t := range q.next {
		if t.Patient == patient && (t.State != string(clinicapi.TicketStateAtWindow) || t.Station == station) {
			_, err = call[done](c.api.TicketAtWindow(c.r.Context(), t.ID, clinicapi.StepUp{Station: station, Identified: true}))
			c.lines = nil
			if err != nil {
				c.site.opts.Log.WarnContext(c.r.Context(), "ticket at window", "err", err)
			}
		}
	}
}

// focus is what the screen says that it was showing.
func (c *screen) focus() focus {
	return focus{Watch: c.r.PostForm.Get("watch"), Patient: c.r.PostForm.Get("patient")}
}

func callTicket(c *screen) error {
	f := c.form()
	ticket := f.need("ticket")
	if f.err != nil {
		return c.wrong(f.err, focus{Aside: true})
	}
	_, err := call[done](c.api.CallTicket(c.r.Context(), ticket, clinicapi.AtStation{Station: c.r.PathValue("station")}))
	if err != nil {
		return c.wrong(err, focus{Aside: true})
	}
	return c.showWork(focus{Aside: true})
}

// callNext calls whoever is next and may be served. Who that is, the API decides: two windows that ask at once get two
// patients.
func callNext(c *screen) error {
	if _, err := call[done](c.api.CallNext(c.r.Context(), c.r.PathValue("station"))); err != nil {
		return c.wrong(err, focus{Aside: true})
	}
	c.lines = nil
	return c.showWork(focus{Aside: true})
}

// pour begins the dose. The id was made when the dose was shown, so a key pressed twice is one dose.
func pour(c *screen) error {
	f := c.form()
	body := clinicapi.BeginDispensing{Id: f.id(), Patient: f.need("patient"), Station: c.r.PathValue("station")}
	if f.err != nil {
		return c.wrong(f.err, c.focus())
	}
	if _, err := call[clinicapi.Dispensing](c.api.BeginDispensing(c.r.Context(), body)); err != nil {
		return c.wrong(err, focus{Patient: body.Patient})
	}
	return c.showWork(focus{Watch: body.Id})
}

// taken records that the swallow was seen.
func taken(c *screen) error {
	f := c.form()
	dose := f.id()
	if f.err != nil {
		return c.wrong(f.err, c.focus())
	}
	_, err := call[clinicapi.Dispensing](c.api.Taken(c.r.Context(), dose))
	if err != nil {
		return c.wrong(err, focus{Watch: dose})
	}
	return c.showWork(focus{Watch: dose})
}

// mountView asks whether the bottle that was scanned goes under the pump.
type mountView struct {
	Station string
	Bottle  bottleView
}

func mountHere(c *screen) error {
	f := c.form()
	_, err := call[clinicapi.Station](c.api.MountBottle(c.r.Context(), c.r.PathValue("station"), clinicapi.MountBottle{Code: f.need("code")}))
	if err = errors.Join(f.err, err); err != nil {
		return c.wrong(err, focus{})
	}
	return c.showWork(focus{})
}

// endTicket lets go of a patient: others go first, another window takes over, back to the queue, or away without a dose.
func endTicket(c *screen) error {
	f := c.form()
	ticket := f.need("ticket")
	if f.err != nil {
		return c.wrong(f.err, c.focus())
	}
	var err error
	here := clinicapi.AtStation{Station: c.r.PathValue("station")}
	switch f.text("act") {
	case "skip":
		_, err = call[done](c.api.SkipTicket(c.r.Context(), ticket, here))
	case "transfer":
		_, err = call[done](c.api.TransferTicket(c.r.Context(), ticket, clinicapi.AtStation{Station: f.need("station")}))
		err = errors.Join(f.err, err)
	case "back":
		_, err = call[done](c.api.TicketBack(c.r.Context(), ticket))
	case "leave":
		_, err = call[done](c.api.TicketLeave(c.r.Context(), ticket))
	case "done":
		_, err = call[done](c.api.TicketDone(c.r.Context(), ticket))
	default:
		return errNoPage
	}
	if err != nil {
		return c.wrong(err, c.focus())
	}
	return c.showWork(focus{Aside: true})
}
