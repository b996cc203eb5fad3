package web

import (
	"slices"

	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// focus is what the screen was looking at when it asked again.
type focus struct {
	Watch   string // a dispensing, to say how it ended
	Patient string // identified, nothing begun
	Aside   bool   // the person put an unsettled dose of this window aside for now
}

// The stages of the working area. Each has a template of the same name.
const (
	stageIdle    = "idle"
	stagePatient = "patient" // identified: ready, look or stop
	stagePouring = "pouring"
	stageApart   = "apart"   // order, pump and scale disagree
	stageBind    = "bind"    // measured; the card must be scanned again
	stageSwallow = "swallow" // handed over; the swallow is watched
	stageDoubt   = "doubt"   // nobody knows: weigh the cup
)

// verdict is the full-height answer that is read at arm's length.
type verdict struct{ Colour, Icon, Word, Say string }

// workView is the working area of a window.
type workView struct {
	Station    string
	Manual     bool
	Stage      string
	Focus      focus
	Verdict    verdict
	Person     *personView
	Dose       *doseView
	Dispensing *doseProgress
	Reasons    []reasonView
	Allowed    bool
	NewID      string // id of the dispensing that "pour" begins: the same key pressed twice is one dose
	Ticket     string // the patient's open ticket
	Next       *ticketView
	Called     *ticketView
	Others     []clinicapi.Station // windows that a patient can be sent to
	Slot       *slotView
	Unsettled  int // doses of this window that nobody settled yet
	Outcome    string
	Sound      string
}

// personView is the patient strip.
type personView struct {
	ID, Name, Code string
	BirthYear      int
	Photo          bool
	Status         tag
	Phase          string
	Ticket         int
	LastDose       string
	Cells          []cell
	Missed         int
}

// doseView is the dose pane: mg, mL, and where it comes from.
type doseView struct {
	Mass, Volume           string
	Part                   int
	Bottle, Lot, Remaining string
}

// doseProgress is a dispensing with its proof.
type doseProgress struct {
	ID, State      string
	Tag            tag
	Target         int64 // µL
	Ordered        string
	Pump, Scale    string
	ScaleVolume    string
	Agreed, Manual bool
	Since          string
}

// openStates are the states in which a dispensing has not ended.
var openStates = []clinicapi.DispensingState{
	clinicapi.DispensingStateReserved, clinicapi.DispensingStateDispensing, clinicapi.DispensingStateHeld,
	clinicapi.DispensingStateInDoubt, clinicapi.DispensingStateMeasured,
}

// work builds the working area from what stands at the station now.
func (c *screen) work(st clinicapi.Station, f focus) (workView, error) {
	w := workView{Station: st.Id, Manual: st.Manual, Focus: f}
	open, err := call[clinicapi.DispensingList](c.api.ListDispensings(c.r.Context(), &clinicapi.ListDispensingsParams{Station: &st.Id, State: &openStates}))
	if err != nil {
		return w, err
	}
	active, doubtful := sortOut(open.Items)
	w.Unsettled = len(doubtful)
	switch {
	case active != nil:
		err = c.dispensingStage(&w, st, *active)
	case f.Watch != "":
		err = c.endedStage(&w, st, f, doubtful)
	case f.Patient != "":
		err = c.patientStage(&w, st, f.Patient)
	case len(doubtful) > 0 && !f.Aside:
		err = c.dispensingStage(&w, st, doubtful[0])
	default:
		err = c.idleStage(&w, st)
	}
	if err != nil {
		return w, err
	}
	c.overlay(&w)
	return w, nil
}

// sortOut finds the dispensing that occupies the window, and those that wait for people to settle them.
func sortOut(open []clinicapi.Dispensing) (active *clinicapi.Dispensing, doubtful []clinicapi.Dispensing) {
	for _, d := range open {
		switch d.State {
		case clinicapi.DispensingStateHeld, clinicapi.DispensingStateInDoubt:
			doubtful = append(doubtful, d)
		default:
			active = &d
		}
	}
	return active, doubtful
}

// overlay puts what went wrong over the verdict: a stop, with its sound.
func (c *screen) overlay(w *workView) {
	if c.problem == nil {
		return
	}
	w.Verdict = verdict{"red", icons["red"], c.t("verdict.stop"), c.problem.Title}
	w.Sound = "stop"
	if len(c.problem.Reasons) > 0 {
		w.Reasons = nil
	}
}

// patientStage shows an identified patient with what the rule book says of a dose at this window.
func (c *screen) patientStage(w *workView, st clinicapi.Station, patient string) error {
	person, err := c.person(patient)
	if err != nil {
		return err
	}
	d, err := call[clinicapi.Decision](c.api.ReadDecision(c.r.Context(), patient, &clinicapi.ReadDecisionParams{Station: &st.Id}))
	if err != nil {
		return err
	}
	w.Stage, w.Person, w.Focus.Patient = stagePatient, person, patient
	person.Missed = d.MissedDays
	w.Allowed, w.NewID = d.Allowed, id.New[string]()
	w.Reasons = append(c.reasons(d.Refusals), c.reasons(d.Notes)...)
	if d.DoseUg > 0 {
		w.Dose = c.dose(d.DoseUg, d.VolumeUl, d.Part, st.Bottle)
	}
	w.Verdict = verdict{"green", icons["green"], c.t("verdict.ready"), c.t("verdict.ready_say")}
	switch {
	case !d.Allowed:
		w.Verdict = verdict{"red", icons["red"], c.t("verdict.stop"), c.t("verdict.stop_say")}
		w.Sound = "stop"
	case slices.ContainsFunc(d.Notes, func(r clinicapi.Reason) bool { return r.Severity != clinicapi.SeverityInformation }):
		w.Verdict = verdict{"amber", icons["amber"], c.t("verdict.look"), c.t("verdict.look_say")}
		w.Sound = "look"
	}
	if w.Others, err = c.otherWindows(st.Id); err != nil {
		return err
	}
	return c.ticketOf(w, patient)
}

// otherWindows lists the windows in service beside this one.
func (c *screen) otherWindows(station string) ([]clinicapi.Station, error) {
	list, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
	return slices.DeleteFunc(list.Items, func(s clinicapi.Station) bool {
		return s.Id == station || (!s.Active && !s.Manual)
	}), err
}

// ticketOf finds the patient's open ticket, if there is one.
func (c *screen) ticketOf(w *workView, patient string) error {
	q, err := c.queue("waiting")
	if err != nil {
		return err
	}
	for _, t := range q.next {
		if t.Patient == patient {
			w.Ticket, w.Person.Ticket = t.ID, t.Number
		}
	}
	return nil
}

// dispensingStage shows a dose that was begun, wherever it stands.
func (c *screen) dispensingStage(w *workView, st clinicapi.Station, d clinicapi.Dispensing) error {
	person, err := c.person(d.Patient)
	if err != nil {
		return err
	}
	bottle := st.Bottle
	if bottle.Id != d.Bottle {
		if bottle, err = call[clinicapi.Bottle](c.api.ReadBottle(c.r.Context(), d.Bottle)); err != nil {
			return err
		}
	}
	w.Person, w.Focus = person, focus{Watch: d.Id}
	w.Dose = c.dose(d.DoseUg, d.VolumeUl, d.Part, bottle)
	w.Dispensing = c.progress(d, st.Manual)
	w.Reasons = c.reasons(d.Notes)
	w.Stage, w.Verdict = c.stageOf(d, st.Manual)
	if w.Stage == stageApart || w.Stage == stageDoubt {
		w.Sound = "stop"
	}
	if w.Stage == stageSwallow { // the time of the swallow is enough to ask when they come next
		if w.Slot, err = c.nextSlot(st.Id, d.Patient); err != nil {
			return err
		}
	}
	return c.ticketOf(w, d.Patient)
}

func (c *screen) stageOf(d clinicapi.Dispensing, manual bool) (string, verdict) {
	say := func(stage, colour, key string) (string, verdict) {
		icon := icons[colour]
		if colour == "unknown" {
			colour, icon = "red", "?"
		}
		return stage, verdict{colour, icon, c.t("verdict." + key), c.t("verdict." + key + "_say")}
	}
	switch {
	case d.State == clinicapi.DispensingStateReserved && manual:
		return say(stagePouring, "blue", "by_hand")
	case d.State == clinicapi.DispensingStateReserved:
		return say(stagePouring, "blue", "reserved")
	case d.State == clinicapi.DispensingStateDispensing:
		return say(stagePouring, "blue", "pouring")
	case d.State == clinicapi.DispensingStateMeasured && !d.Agreed:
		return say(stageApart, "red", "apart")
	case d.State == clinicapi.DispensingStateMeasured && d.HandedAt.IsZero():
		return say(stageBind, "amber", "bind")
	case d.State == clinicapi.DispensingStateMeasured:
		return say(stageSwallow, "green", "swallow")
	case d.State == clinicapi.DispensingStateHeld:
		return say(stageDoubt, "unknown", "held")
	}
	return say(stageDoubt, "unknown", "doubt")
}

// endedStage says how the dispensing that the screen watched came out.
func (c *screen) endedStage(w *workView, st clinicapi.Station, f focus, doubtful []clinicapi.Dispensing) error {
	for _, d := range doubtful {
		if d.Id == f.Watch && !f.Aside {
			return c.dispensingStage(w, st, d)
		}
	}
	d, err := call[clinicapi.Dispensing](c.api.ReadDispensing(c.r.Context(), f.Watch))
	if err != nil {
		return err
	}
	if d.State == clinicapi.DispensingStateVoided {
		if err := c.patientStage(w, st, d.Patient); err != nil {
			return err
		}
		w.Outcome = c.t("outcome.voided", "Why", c.whyVoided(d))
		return nil
	}
	// What is beside may refresh itself; how the dose ended stays until the next act.
	w.Focus = f
	if slices.Contains(openStates, d.State) { // at another window, or put aside
		return c.idleStage(w, st)
	}
	if err := c.idleStage(w, st); err != nil {
		return err
	}
	key, colour := "outcome."+string(d.State), "amber"
	if d.State == clinicapi.DispensingStateAdministered || d.State == clinicapi.DispensingStateHandedOver {
		colour = "green"
	}
	w.Outcome = c.t(key, "Dose", c.mass(d.DoseUg), "Code", d.PatientCode)
	w.Verdict = verdict{colour, icons[colour], c.t("verdict." + string(d.State)), w.Outcome}
	return nil
}

// whyVoided finds the counter's word for not having poured.
func (c *screen) whyVoided(d clinicapi.Dispensing) string {
	if len(d.Steps) == 0 {
		return ""
	}
	reason, _ := d.Steps[len(d.Steps)-1].Data["reason"].(string)
	if reason == "" {
		return ""
	}
	return c.known("never."+reason, reason)
}

// idleStage waits for a card, and offers to call the next number.
func (c *screen) idleStage(w *workView, st clinicapi.Station) error {
	w.Stage = stageIdle
	w.Verdict = verdict{Word: c.t("verdict.idle"), Say: c.t("verdict.idle_say")}
	q, err := c.readQueue()
	if err != nil {
		return err
	}
	for i, t := range c.tickets(q.Waiting) {
		here := q.Waiting[i].Station == st.Id && q.Waiting[i].State == clinicapi.TicketStateCalled
		switch {
		case here && w.Called == nil:
			w.Called = &t
		case w.Next == nil && t.State == string(clinicapi.TicketStateArrived) && !t.Held:
			w.Next = &t
		}
	}
	if w.Called != nil {
		w.Others, err = c.otherWindows(st.Id)
	}
	return err
}

// windowDays is how many days the patient strip shows; lastDoseDays is how far back the last dose is looked for.
const (
	windowDays   = 7
	lastDoseDays = 45
)

func (c *screen) person(patient string) (*personView, error) {
	p, err := call[clinicapi.Patient](c.api.ReadPatient(c.r.Context(), patient))
	if err != nil {
		return nil, err
	}
	days, err := call[clinicapi.DayList](c.api.ListPatientDays(c.r.Context(), patient, &clinicapi.ListPatientDaysParams{N: new(lastDoseDays)}))
	if err != nil {
		return nil, err
	}
	v := &personView{
		ID: p.Id, Name: p.Name, Code: p.Code, BirthYear: p.BirthYear, Photo: p.HasPhoto,
		Status: c.tag("status", string(p.Status)), Phase: c.known("phase."+string(p.Phase), ""),
		LastDose: c.lastDose(days),
	}
	days.Items = days.Items[max(0, len(days.Items)-windowDays):]
	v.Cells = c.cells(days)
	return v, nil
}

func (c *screen) lastDose(days clinicapi.DayList) string {
	for _, d := range slices.Backward(days.Items) {
		if d.DoseUg == 0 {
			continue
		}
		return c.mass(d.DoseUg) + " – " + c.shortDay(d.Day) + " " + c.clock(d.At)
	}
	return c.n("person.no_dose_in", lastDoseDays)
}

func (c *screen) dose(ug, ul int64, part int, b clinicapi.Bottle) *doseView {
	v := &doseView{Mass: c.mass(ug), Part: part}
	if ul > 0 {
		v.Volume = c.volume(ul)
	}
	if b.Id != "" {
		v.Bottle, v.Lot, v.Remaining = b.Code, b.LotNumber, c.volume(b.RemainingUl)
	}
	return v
}

func (c *screen) progress(d clinicapi.Dispensing, manual bool) *doseProgress {
	v := &doseProgress{
		ID: d.Id, State: string(d.State), Tag: c.tag("dispensing", string(d.State)), Target: d.VolumeUl,
		Ordered: c.volume(d.VolumeUl), Pump: c.t("unknown"), Scale: c.t("unknown"), Agreed: d.Agreed, Manual: manual,
		Since: c.clock(d.RecordedAt),
	}
	if d.PumpVolumeUl > 0 { // none is known of a dose poured by hand, nor before the measurement
		v.Pump = c.volume(d.PumpVolumeUl)
	}
	if d.WeighedKnown {
		v.Scale = c.weight(d.WeighedUg)
		if vol, err := measure.Density(d.DensityUgMl).Volume(measure.Weight(d.WeighedUg)); err == nil {
			v.ScaleVolume = vol.Format(c.locale)
		}
	}
	return v
}
