package web

import (
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// exceptionView is a screen of its own for what is not routine, so that routine never trains anybody to click through.
type exceptionView struct {
	Station    string
	Kind       string
	Dispensing doseProgress
	Person     personView
	Dose       doseView
	Witness    bool
}

// exceptions are what may be recorded of a dose beside its routine, and whether a witness is asked for. From which state
// each is possible, the API decides.
var exceptions = map[string]struct {
	witness bool
	record  func(c *screen, f *form, dose string) error
}{
	"partly":    {true, (*screen).recordPartly},
	"wasted":    {true, (*screen).recordWasted},
	"deviation": {true, (*screen).recordDeviation},
	"resolve":   {true, (*screen).recordResolve},
	"void":      {true, (*screen).recordVoid},
	"doubt":     {true, (*screen).recordDoubt},
	"outcome":   {true, (*screen).recordOutcome},
	"cancel":    {false, (*screen).recordCancel},
}

func showException(c *screen) error {
	kind := c.r.PathValue("kind")
	x, ok := exceptions[kind]
	if !ok {
		return errNoPage
	}
	d, err := call[clinicapi.Dispensing](c.api.ReadDispensing(c.r.Context(), c.r.Form.Get("id")))
	if err != nil {
		return err
	}
	st, err := c.station()
	if err != nil {
		return err
	}
	person, err := c.person(d.Patient)
	if err != nil {
		return err
	}
	return c.fragment("window", "exception", exceptionView{
		Station: st.Id, Kind: kind, Dispensing: *c.progress(d, st.Manual), Person: *person,
		Dose: *c.dose(d.DoseUg, d.VolumeUl, d.Part, st.Bottle), Witness: x.witness,
	})
}

func recordException(c *screen) error {
	x, ok := exceptions[c.r.PathValue("kind")]
	if !ok {
		return errNoPage
	}
	f := c.form()
	dose := f.id()
	err := f.err
	if err == nil {
		err = x.record(c, f, dose)
	}
	if err != nil {
		if is(err, clinicapi.ProblemCodeUnauthenticated) && !c.signing(err) {
			return err
		}
		c.problem, c.status = c.explain(err), statusOf(err)
		return showException(c)
	}
	return c.showWork(focus{Watch: dose})
}

func (c *screen) recordPartly(f *form, dose string) error {
	body := clinicapi.PartlyTaken{LeftUl: f.volume("left"), Reason: f.reason(), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.Dispensing](c.api.PartlyTaken(c.r.Context(), dose, body))
	return err
}

func (c *screen) recordWasted(f *form, dose string) error {
	body := clinicapi.Wasted{Reason: f.reason(), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.Dispensing](c.api.Wasted(c.r.Context(), dose, body))
	return err
}

func (c *screen) recordDeviation(f *form, dose string) error {
	body := clinicapi.AcceptDeviation{Reason: f.reason(), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.Dispensing](c.api.AcceptDeviation(c.r.Context(), dose, body))
	return err
}

func (c *screen) recordResolve(f *form, dose string) error {
	body := clinicapi.ResolveDispensing{
		As: clinicapi.ResolveDispensingAs(f.need("as")), VolumeUl: maybe(f, "volume", measure.ParseVolume),
		GrossBeforeUg: maybe(f, "gross_before", measure.ParseWeight), GrossAfterUg: maybe(f, "gross_after", measure.ParseWeight),
		Reason: f.reason(), Evidence: f.text("evidence"), Witness: f.witness(),
	}
	if f.err != nil {
		return f.err
	}
	if body.As == clinicapi.ResolveDispensingAsWasted {
		if err := c.doubtHeld(dose, body); err != nil {
			return err
		}
	}
	_, err := call[clinicapi.Dispensing](c.api.ResolveDispensing(c.r.Context(), dose, body))
	return err
}

// doubtHeld takes the step between silence and waste: a cup with something in it says that the order did not stay away
// from the pump, which puts the dose in doubt before the same two people throw it away.
func (c *screen) doubtHeld(dose string, body clinicapi.ResolveDispensing) error {
	d, err := call[clinicapi.Dispensing](c.api.ReadDispensing(c.r.Context(), dose))
	if err != nil || d.State != clinicapi.DispensingStateHeld {
		return err
	}
	_, err = call[clinicapi.Dispensing](c.api.DoubtOutcome(c.r.Context(), dose, clinicapi.DoubtOutcome{Reason: body.Reason, Witness: body.Witness}))
	return err
}

func (c *screen) recordDoubt(f *form, dose string) error {
	body := clinicapi.DoubtOutcome{Reason: f.reason(), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.Dispensing](c.api.DoubtOutcome(c.r.Context(), dose, body))
	return err
}

func (c *screen) recordVoid(f *form, dose string) error {
	body := clinicapi.VoidDispensing{Reason: f.reason(), Evidence: f.need("evidence"), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.Dispensing](c.api.VoidDispensing(c.r.Context(), dose, body))
	return err
}

func (c *screen) recordOutcome(f *form, dose string) error {
	body := clinicapi.ReportOutcome{
		PouredUl: f.volume("poured"), GrossBeforeUg: maybe(f, "gross_before", measure.ParseWeight),
		GrossAfterUg: maybe(f, "gross_after", measure.ParseWeight), Witness: f.witness(),
	}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.Dispensing](c.api.ReportOutcome(c.r.Context(), dose, body))
	return err
}

func (c *screen) recordCancel(_ *form, dose string) error {
	_, err := call[clinicapi.Dispensing](c.api.CancelDispensing(c.r.Context(), dose))
	return err
}

// reason reads why: one of the usual reasons, with what the person adds.
func (f *form) reason() string {
	usual, more := f.text("usual"), f.text("reason")
	switch {
	case usual == "":
		return f.need("reason")
	case more == "":
		return usual
	}
	return usual + ": " + more
}
