package web

import "github.com/lieu-clinic/lieu/pkg/clinicapi"

// dosePage is one dose as the record has it.
type dosePage struct {
	Code, Name, Patient, Day     string
	Dose, Volume, Pump, Measured string
	Weighed, Agreed, Handed      string
	State                        tag
	Steps                        []stepRow
	Moves                        []moveRow
}

type stepRow struct{ When, Recorded, What, Who, Witness string }

func showDose(c *screen) error {
	d, err := call[clinicapi.Dispensing](c.api.ReadDispensing(c.r.Context(), c.r.PathValue("id")))
	if err != nil {
		return err
	}
	v := dosePage{
		Code: d.PatientCode, Name: d.PatientName, Day: c.day(d.Day), Dose: c.mass(d.DoseUg), Volume: c.volume(d.VolumeUl),
		Measured: c.volume(d.MeasuredUl), Handed: c.clock(d.HandedAt), State: c.tag("dispensing", string(d.State)),
	}
	if c.may("patient.read") {
		v.Patient = "/patients/" + d.Patient
	}
	if d.PumpVolumeUl > 0 {
		v.Pump = c.volume(d.PumpVolumeUl)
	}
	if d.WeighedKnown {
		v.Weighed = c.weight(d.WeighedUg)
	}
	for _, s := range d.Steps {
		row := stepRow{When: c.moment(s.OccurredAt), What: c.known("dose_step."+string(s.Kind), string(s.Kind)), Who: s.ActorName, Witness: s.WitnessName}
		if s.ActorKind != clinicapi.StepActorKindStaff {
			row.Who = c.t("actor." + string(s.ActorKind))
		}
		if recorded := c.moment(s.RecordedAt); recorded != row.When {
			row.Recorded = recorded
		}
		v.Steps = append(v.Steps, row)
	}
	if c.may("stock.read") {
		if v.Moves, err = c.moves(d.Id); err != nil {
			return err
		}
	}
	return c.render("dose", "", c.t("dose.title"), v)
}

// moves are the lines of the ledger that one cause made, oldest first.
func (c *screen) moves(cause string) (rows []moveRow, err error) {
	list, err := call[clinicapi.MoveList](c.api.ListMoves(c.r.Context(), &clinicapi.ListMovesParams{Cause: &cause, Limit: new(200)}))
	if err != nil {
		return nil, err
	}
	for i := len(list.Items) - 1; i >= 0; i-- {
		m := list.Items[i]
		rows = append(rows, moveRow{
			When: c.moment(m.OccurredAt), From: c.known("account."+string(m.From), string(m.From)), To: c.known("account."+string(m.To), string(m.To)),
			Amount: c.volume(m.AmountUl), FromAfter: c.volume(m.FromAfterUl), ToAfter: c.volume(m.ToAfterUl), Reason: c.known("move."+m.Reason, m.Reason),
		})
	}
	return rows, nil
}
