package web

import (
	"encoding/json"
	"strings"

	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// The guided check of the day. What it shows follows from the newest check of the window and from what that check needs
// next, so that a reload or another computer finds the same step.

// The stages of a check. While a pour is under way the stage is stagePouring, as for a dose.
const (
	stageBegin  = "check_begin"
	stageWeigh  = "check_weigh"
	stageNext   = "check_pour"
	stageSettle = "check_settle"
	stageFinish = "check_finish"
	stageJudged = "check_done"
)

// checkPage is the whole screen.
type checkPage struct {
	Station, StationName, Words string
	Work                        checkWork
}

// checkWork is the working area with the list of steps.
type checkWork struct {
	Station string
	Manual  bool
	Stage   string
	Verdict verdict
	Check   *checkView
	Lot     string
	NewID   string // of the check or the pour that the button begins
	Nominal string
	Weights string // serial number as it was typed last
	NominalUg,
	TargetUl int64
	Volume  string
	Pour    string // under way or in doubt
	Waiting bool   // the order is still on its way: it can be taken back
	Known   string // what is known of a pour in doubt
	Outcome string // why the last pour was not made
	Bench   *checkBench
	Sound   string
}

// checkBench is the panel of a demonstration: the hands at the simulated bench.
type checkBench struct {
	Station string
	Cup     bool
	Weights []benchWeight
}

type benchWeight struct{ Grams, Text string }

// checkView is one check with every figure.
type checkView struct {
	ID, Day, By, Witness, At string
	Lot, Density, Room       string
	Steps                    []checkStep
	Levels                   []checkLevel
	Weighings                []checkWeighing
	Result                   *checkVerdict
}

// checkStep is one line of the list of steps.
type checkStep struct {
	Text, Done string
	State      string // done, now, ahead, bad
}

type checkWeighing struct {
	Nominal, Shown, Weights, At string
	Within                      bool
}

// checkLevel are the shots of one volume.
type checkLevel struct {
	Volume                              string
	Shots                               []checkShot
	Mean, Spread, MeanLimit, SpreadMost string
	Judged, Within                      bool
}

type checkShot struct{ Ordered, Pump, Before, After, Scale, Error, State, Serials string }

type checkVerdict struct {
	Passed bool
	Faults []string
	Mean   string
	By, At string
}

func (c *screen) perCent(ppm int64) string { return drift.Share(ppm).Format(c.locale) }

func showCheck(c *screen) error {
	st, err := c.station()
	if err != nil {
		return err
	}
	w, err := c.checkWork(st)
	if err != nil {
		return err
	}
	words, err := json.Marshal(c.liveWords())
	if err != nil {
		return err
	}
	return c.render("check", "window", c.t("check.title", "Name", st.Name), checkPage{
		Station: st.Id, StationName: st.Name, Words: string(words), Work: w,
	})
}

func showCheckWork(c *screen) error {
	st, err := c.station()
	if err != nil {
		return err
	}
	w, err := c.checkWork(st)
	if err != nil {
		return err
	}
	return c.fragment("check", "check_work", w)
}

// checkWork builds the working area from the newest check of the window.
func (c *screen) checkWork(st clinicapi.Station) (checkWork, error) {
	w := checkWork{Station: st.Id, Manual: st.Manual, Lot: st.Bottle.LotNumber, NewID: id.New[string](), Bench: c.checkBench(st.Id)}
	list, err := call[clinicapi.CheckList](c.api.ListChecks(c.r.Context(), st.Id, &clinicapi.ListChecksParams{Limit: new(2)}))
	if err != nil {
		return w, err
	}
	w.Weights = lastWeights(list.Items)
	if len(list.Items) == 0 || c.r.Form.Get("new") == "1" {
		c.beginStage(&w, st)
	} else {
		c.stageOfCheck(&w, st, list.Items[0])
	}
	if c.problem != nil {
		w.Verdict = verdict{"red", icons["red"], c.t("verdict.stop"), c.problem.Title}
		w.Sound = "stop"
	}
	return w, nil
}

// lastWeights is the set of weights that was used last.
func lastWeights(checks []clinicapi.Check) string {
	for _, k := range checks {
		if n := len(k.Weighings); n > 0 {
			return k.Weighings[n-1].Weights
		}
	}
	return ""
}

func (c *screen) beginStage(w *checkWork, st clinicapi.Station) {
	w.Stage = stageBegin
	w.Verdict = verdict{"amber", icons["amber"], c.t("check.begin_word"), c.t("check.begin_say")}
	if st.Check.Counts {
		w.Verdict = verdict{"green", icons["green"], c.t("check.passed_word"), c.t("check.passed_already")}
	}
}

func (c *screen) stageOfCheck(w *checkWork, st clinicapi.Station, k clinicapi.Check) {
	v := c.checkView(k)
	w.Check = &v
	if k.Over || (k.Result != nil && !st.Check.Counts && st.Check.State != clinicapi.CheckStandingStateFailed) {
		c.beginStage(w, st)
		w.Check = nil
		return
	}
	next := k.Next
	w.Volume, w.TargetUl, w.NominalUg, w.Pour = c.volume(next.VolumeUl), next.VolumeUl, next.NominalUg, next.Pour
	say := func(stage, colour, key string, args ...any) {
		w.Stage, w.Verdict = stage, verdict{colour, icons[colour], c.t("check." + key), c.t("check."+key+"_say", args...)}
	}
	switch next.Kind {
	case clinicapi.CheckNextKindWeigh:
		w.Nominal = c.weight(next.NominalUg)
		say(stageWeigh, "amber", "weigh", "Weight", w.Nominal)
	case clinicapi.CheckNextKindPrime:
		say(stageNext, "amber", "prime", "Volume", w.Volume)
	case clinicapi.CheckNextKindShot:
		say(stageNext, "amber", "shot", "Volume", w.Volume, "N", next.N, "Of", next.Of)
	case clinicapi.CheckNextKindPour:
		say(stagePouring, "blue", "pouring")
	case clinicapi.CheckNextKindSettle:
		say(stageSettle, "red", "settle")
		w.Verdict.Icon, w.Sound = "?", "stop"
	case clinicapi.CheckNextKindFinish:
		say(stageFinish, "amber", "finish")
	default:
		c.judgedStage(w, k)
		return
	}
	c.lastPour(w, k)
}

// lastPour says how the newest pour of the check stands, as far as the person has to know.
func (c *screen) lastPour(w *checkWork, k clinicapi.Check) {
	if len(k.Pours) == 0 {
		return
	}
	last := k.Pours[len(k.Pours)-1]
	w.Waiting = last.State == clinicapi.CheckPourStateReserved
	switch last.State {
	case clinicapi.CheckPourStateVoided:
		w.Outcome = c.t("check.not_poured", "Why", c.known("never."+last.Reason, last.Reason))
	case clinicapi.CheckPourStateInDoubt, clinicapi.CheckPourStateHeld:
		w.Known = c.t("check.known", "Pump", c.volume(last.PumpUl), "Booked", c.volume(last.BookedUl), "Ordered", c.volume(last.VolumeUl))
		w.Outcome = c.known("doubt."+last.Reason, last.Reason)
	}
}

func (c *screen) judgedStage(w *checkWork, k clinicapi.Check) {
	w.Stage = stageJudged
	w.Verdict = verdict{"red", icons["red"], c.t("check.failed_word"), c.t("check.failed_say")}
	w.Sound = "stop"
	if k.Result.Passed {
		w.Verdict = verdict{"green", icons["green"], c.t("check.passed_word"), c.t("check.passed_say")}
		w.Sound = ""
	}
}

func (c *screen) checkView(k clinicapi.Check) checkView {
	v := checkView{
		ID: k.Id, Day: c.day(k.Day), By: k.ByName, Witness: k.WitnessName, At: c.moment(k.RecordedAt), Lot: k.LotNumber,
		Density: c.density(k.DensityUgMl), Room: c.temperature(k.TemperatureDecicelsius), Steps: c.checkSteps(k),
	}
	for _, w := range k.Weighings {
		v.Weighings = append(v.Weighings, checkWeighing{c.weight(w.NominalUg), c.weight(w.ShownUg), w.Weights, c.clock(w.RecordedAt), w.Within})
	}
	if k.Pump != "" {
		v.Levels = c.checkLevels(k)
	}
	if r := k.Result; r != nil {
		v.Result = &checkVerdict{Passed: r.Passed, Mean: c.perCent(r.MeanPpm), By: k.ByName, At: c.moment(r.RecordedAt)}
		for _, f := range r.Faults {
			v.Result.Faults = append(v.Result.Faults, c.known("check_fault."+string(f), string(f)))
		}
	}
	return v
}

// temperature is tenths of a degree as the reader writes them.
func (c *screen) temperature(tenths int) string {
	return strings.TrimSuffix(c.perCent(int64(tenths)*1000), "0 %") + " °C"
}

func (c *screen) checkLevels(k clinicapi.Check) []checkLevel {
	levels := make([]checkLevel, len(k.Limits.LevelsUl))
	for i, v := range k.Limits.LevelsUl {
		levels[i].Volume = c.volume(v)
	}
	for _, p := range k.Pours {
		if p.Kind != clinicapi.CheckPourKindShot || p.Level >= len(levels) {
			continue
		}
		shot := checkShot{
			Ordered: c.volume(p.VolumeUl), State: c.known("pour_state."+string(p.State), string(p.State)), Error: "–", Scale: "–", Pump: "–",
			Serials: strings.Trim(p.PumpSerial+" · "+p.ScaleSerial, " ·"),
		}
		if p.PumpKnown {
			shot.Pump = c.volume(p.PumpUl)
		}
		if p.WeightKnown {
			shot.Before, shot.After = c.weight(p.GrossBeforeUg), c.weight(p.GrossAfterUg)
		}
		if p.ScaleUl != nil {
			shot.Scale = c.volume(*p.ScaleUl)
		}
		if p.ErrorPpm != nil && p.State == clinicapi.CheckPourStateMeasured {
			shot.Error = c.perCent(*p.ErrorPpm)
		}
		levels[p.Level].Shots = append(levels[p.Level].Shots, shot)
	}
	if k.Result == nil {
		return levels
	}
	for i, l := range k.Result.Levels {
		levels[i].Judged, levels[i].Within = true, l.Within
		levels[i].Mean, levels[i].Spread = c.perCent(l.MeanPpm), c.perCent(l.SpreadPpm)
		levels[i].MeanLimit, levels[i].SpreadMost = c.perCent(l.BiasLimitPpm), c.perCent(l.SpreadLimitPpm)
	}
	return levels
}

// checkSteps lists what the check asks for, with what is done.
func (c *screen) checkSteps(k clinicapi.Check) []checkStep {
	var steps []checkStep
	for _, nominal := range k.Limits.WeightsUg {
		s := checkStep{Text: c.t("check.step_weigh", "Weight", c.weight(nominal)), State: "ahead"}
		for _, w := range k.Weighings {
			if w.NominalUg != nominal {
				continue
			}
			s.State, s.Done = "bad", c.weight(w.ShownUg)
			if w.Within {
				s.State = "done"
			}
		}
		steps = append(steps, s)
	}
	if k.Pump != "" {
		steps = append(steps, c.primeStep(k))
		for i, v := range k.Limits.LevelsUl {
			steps = append(steps, c.levelStep(k, i, v))
		}
	}
	last := checkStep{Text: c.t("check.step_finish"), State: "ahead"}
	if k.Result != nil {
		last.State = "done"
		if !k.Result.Passed {
			last.State = "bad"
		}
	}
	steps = append(steps, last)
	for i := range steps {
		if steps[i].State == "ahead" || (steps[i].State == "bad" && k.Result == nil) {
			steps[i].State = "now"
			break
		}
	}
	return steps
}

func (c *screen) primeStep(k clinicapi.Check) checkStep {
	s := checkStep{Text: c.t("check.step_prime", "Volume", c.volume(k.Limits.PrimeUl)), State: "ahead"}
	for _, p := range k.Pours {
		if p.Kind == clinicapi.CheckPourKindPrime && p.State == clinicapi.CheckPourStateMeasured {
			s.State, s.Done = "done", c.volume(p.BookedUl)
		}
	}
	return s
}

func (c *screen) levelStep(k clinicapi.Check, level int, v int64) checkStep {
	var errs []string
	for _, p := range k.Pours {
		if p.Kind == clinicapi.CheckPourKindShot && p.Level == level && p.State == clinicapi.CheckPourStateMeasured && p.ErrorPpm != nil {
			errs = append(errs, c.perCent(*p.ErrorPpm))
		}
	}
	s := checkStep{Text: c.t("check.step_shots", "Volume", c.volume(v), "N", k.Limits.Shots), State: "ahead", Done: strings.Join(errs, "  ")}
	if len(errs) >= k.Limits.Shots {
		s.State = "done"
	}
	return s
}

func (c *screen) checkBench(station string) *checkBench {
	panel := c.benchAt(station, nil)
	if panel == nil {
		return nil
	}
	b := &checkBench{Station: station, Cup: panel.Cup}
	for _, g := range []int64{20, 200} {
		b.Weights = append(b.Weights, benchWeight{Grams: c.grams(g), Text: c.weight(g * 1_000_000)})
	}
	return b
}

func (c *screen) grams(g int64) string { return strings.TrimSuffix(c.weight(g*1_000_000), " g") }

// checkActs are what the guided check may do. Each leaves the working area as it is then.
var checkActs = map[string]func(c *screen, f *form) error{
	"begin":  (*screen).beginCheck,
	"weigh":  (*screen).weighForCheck,
	"pour":   (*screen).pourForCheck,
	"cancel": (*screen).cancelCheckPour,
	"settle": (*screen).settleCheckPour,
	"finish": (*screen).finishCheck,
}

func actOnCheck(c *screen) error {
	act, ok := checkActs[c.r.PathValue("act")]
	if !ok {
		return errNoPage
	}
	if err := act(c, c.form()); err != nil {
		if is(err, clinicapi.ProblemCodeUnauthenticated) && !c.signing(err) {
			return err
		}
		c.problem, c.status = c.explain(err), statusOf(err)
	}
	return showCheckWork(c)
}

func (c *screen) beginCheck(f *form) error {
	body := clinicapi.BeginCheck{Id: f.id(), TemperatureDecicelsius: 10 * f.integer("temperature", 5, 45), Pin: f.need("pin"), Witness: f.maybeWitness()}
	if f.err != nil {
		c.r.Form.Set("new", "1")
		return f.err
	}
	_, err := call[clinicapi.Check](c.api.BeginCheck(c.r.Context(), c.r.PathValue("station"), body))
	if err != nil {
		c.r.Form.Set("new", "1")
	}
	return err
}

func (c *screen) weighForCheck(f *form) error {
	check := f.need("check")
	body := clinicapi.WeighForCheck{NominalUg: f.integer64("nominal"), Weights: f.need("weights")}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.Check](c.api.WeighForCheck(c.r.Context(), check, body))
	return err
}

func (c *screen) pourForCheck(f *form) error {
	check, body := f.need("check"), clinicapi.PourForCheck{Id: f.id()}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.CheckPour](c.api.PourForCheck(c.r.Context(), check, body))
	return err
}

func (c *screen) cancelCheckPour(f *form) error {
	pour := f.need("pour")
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.CheckPour](c.api.CancelCheckPour(c.r.Context(), pour))
	return err
}

func (c *screen) settleCheckPour(f *form) error {
	pour, body := f.need("pour"), clinicapi.SettleCheckPour{MovedUl: f.volume("moved"), Reason: f.need("reason"), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.CheckPour](c.api.SettleCheckPour(c.r.Context(), pour, body))
	return err
}

func (c *screen) finishCheck(f *form) error {
	check, body := f.need("check"), clinicapi.FinishCheck{Pin: f.need("pin")}
	if f.err != nil {
		return f.err
	}
	_, err := call[clinicapi.Check](c.api.FinishCheck(c.r.Context(), check, body))
	return err
}
