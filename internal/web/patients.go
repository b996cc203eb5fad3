package web

import (
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// patientsView is the list with its search. The name that is looked for is posted, so it stays out of addresses.
type patientsView struct {
	Query     string
	Rows      []patientRow
	More      bool
	Attention []attentionRow
}

// attentionRow is somebody for the doctor to see: who missed days, or whose order ends.
type attentionRow struct {
	ID, Code, Name, Phase, Last, OrderTo string
	Missed                               int
	Ends, Drop                           bool
}

type patientRow struct {
	ID, Code, Name, Phase string
	BirthYear             int
	Status                tag
}

func showPatients(c *screen) error {
	list, err := call[clinicapi.PatientList](c.api.ListPatients(c.r.Context(), &clinicapi.ListPatientsParams{Limit: new(100)}))
	if err != nil {
		return err
	}
	return c.patients("", list)
}

func (c *screen) attention() ([]attentionRow, error) {
	if !c.may("prescription.sign") {
		return nil, nil
	}
	list, err := call[clinicapi.AttentionList](c.api.ListPatientsForAttention(c.r.Context()))
	if err != nil {
		return nil, err
	}
	var rows []attentionRow
	for _, a := range list.Items {
		rows = append(rows, attentionRow{
			ID: a.Patient, Code: a.Code, Name: a.Name, Phase: c.known("phase."+string(a.Phase), ""), Last: c.day(a.LastDoseOn),
			OrderTo: c.day(a.OrderTo), Missed: a.MissedDays, Ends: a.OrderEnds, Drop: a.Proposal != "",
		})
	}
	return rows, nil
}

func searchPatients(c *screen) error {
	q := c.form().text("q")
	if q == "" {
		return showPatients(c)
	}
	list, err := call[clinicapi.PatientList](c.api.SearchPatients(c.r.Context(), clinicapi.SearchPatients{Q: q, Limit: 100}))
	if err != nil {
		return c.again(err, showPatients)
	}
	return c.patients(q, list)
}

func (c *screen) patients(query string, list clinicapi.PatientList) error {
	v := patientsView{Query: query, More: list.Next != ""}
	for _, p := range list.Items {
		v.Rows = append(v.Rows, patientRow{
			ID: p.Id, Code: p.Code, Name: p.Name, Phase: c.known("phase."+string(p.Phase), ""), BirthYear: p.BirthYear,
			Status: c.tag("status", string(p.Status)),
		})
	}
	if query == "" {
		rows, err := c.attention()
		if err != nil {
			return err
		}
		v.Attention = rows
	}
	return c.render("patients", "", c.t("nav.patients"), v)
}

func registerPatient(c *screen) error {
	f := c.form()
	body := clinicapi.RegisterPatient{
		Id: f.id(), Name: f.need("name"), BirthYear: f.integer("birth_year", 1900, 2100),
		Sex: clinicapi.Sex(f.need("sex")), NationalId: f.text("national_id"), Address: f.text("address"),
		RepresentativeConsent: f.text("consent") == "yes",
	}
	if f.err != nil {
		return c.again(f.err, showPatients)
	}
	p, err := call[clinicapi.Patient](c.api.RegisterPatient(c.r.Context(), body))
	if err != nil {
		return c.again(err, showPatients)
	}
	c.redirect("/patients/" + p.Id + "?done=registered")
	return nil
}

// patientView is one file for the doctor.
type patientView struct {
	Person    personView
	Sex       string
	Address   string
	Enrolled  string
	Weeks     [][]cell
	Orders    []orderRow
	Holds     []holdRow
	Reasons   []reasonView
	Referrals []reasonView // what a doctor may clear for today
	Allowed   bool
	From, To  string
	Ended     bool
	EndReason string
}

type orderRow struct {
	ID, Dose, Parts, From, To, Phase, Reason, Prescriber, Signed string
	Version                                                      int
	Status                                                       tag
	Active                                                       bool
}

type holdRow struct {
	ID, Reason, ClearedBy, PlacedBy, PlacedAt, LiftedAt, LiftNote string
	Severity                                                      reasonView
	Open                                                          bool
}

// calendarWeeks is how far back the doctor's calendar shows.
const calendarWeeks = 5

// usualOrderDays is the length that the order form suggests.
const usualOrderDays = 28

func showPatient(c *screen) error {
	patient := c.r.PathValue("id")
	p, err := call[clinicapi.Patient](c.api.ReadPatient(c.r.Context(), patient))
	if err != nil {
		return err
	}
	days, err := call[clinicapi.DayList](c.api.ListPatientDays(c.r.Context(), patient, &clinicapi.ListPatientDaysParams{N: new(lastDoseDays)}))
	if err != nil {
		return err
	}
	v := patientView{
		Person: personView{
			ID: p.Id, Name: p.Name, Code: p.Code, BirthYear: p.BirthYear, Photo: p.HasPhoto,
			Status: c.tag("status", string(p.Status)), Phase: string(p.Phase), LastDose: c.lastDose(days),
		},
		Sex: string(p.Sex), Address: p.Address, Enrolled: c.day(p.EnrolledOn),
		Ended: p.Status == clinicapi.PatientStatusEnded, EndReason: c.known("end."+string(p.EndReason), ""),
	}
	days.Items = days.Items[max(0, len(days.Items)-7*calendarWeeks):]
	all := c.cells(days)
	for len(all) > 0 {
		week := all[:min(7, len(all))]
		v.Weeks, all = append(v.Weeks, week), all[len(week):]
	}
	if err := c.orders(&v, patient); err != nil {
		return err
	}
	d, err := call[clinicapi.Decision](c.api.ReadDecision(c.r.Context(), patient, &clinicapi.ReadDecisionParams{}))
	if err != nil {
		return err
	}
	v.Allowed, v.Person.Missed = d.Allowed, d.MissedDays
	v.Reasons = append(c.reasons(d.Refusals), c.reasons(d.Notes)...)
	for _, r := range v.Reasons {
		if r.Severity == string(clinicapi.SeverityRefer) {
			v.Referrals = append(v.Referrals, r)
		}
	}
	return c.render("patient", "", c.t("patient.title"), v)
}

func (c *screen) orders(v *patientView, patient string) error {
	rx, err := call[clinicapi.PrescriptionList](c.api.ListPrescriptions(c.r.Context(), patient))
	if err != nil {
		return err
	}
	for _, p := range rx.Items {
		v.Orders = append(v.Orders, c.order(p))
	}
	holds, err := call[clinicapi.HoldList](c.api.ListHolds(c.r.Context(), patient))
	if err != nil {
		return err
	}
	for _, h := range holds.Items {
		v.Holds = append(v.Holds, holdRow{
			ID: h.Id, Reason: h.Reason, ClearedBy: c.roles([]clinicapi.Role{h.ClearedBy}), PlacedBy: h.PlacedByName,
			PlacedAt: c.moment(h.PlacedAt), LiftedAt: c.moment(h.LiftedAt), LiftNote: h.LiftNote, Open: h.Open,
			Severity: reasonView{Severity: string(h.Severity), Icon: icons[string(h.Severity)], Word: c.t("severity." + string(h.Severity))},
		})
	}
	if today, err := time.Parse(isoDay, c.session.Today); err == nil {
		v.From, v.To = today.Format(showDay), today.AddDate(0, 0, usualOrderDays-1).Format(showDay)
	}
	return nil
}

func (c *screen) order(p clinicapi.Prescription) orderRow {
	status := string(p.Status)
	switch {
	case p.Status == clinicapi.PrescriptionStatusActive && p.To < c.session.Today:
		status = "expired"
	case p.Status == clinicapi.PrescriptionStatusActive && p.From > c.session.Today:
		status = "future"
	}
	r := orderRow{
		ID: p.Id, Dose: c.mass(p.DoseUg), From: c.day(p.From), To: c.day(p.To),
		Phase: c.known("phase."+string(p.Phase), ""), Reason: p.Reason, Prescriber: p.PrescriberName, Signed: c.moment(p.SignedAt),
		Status: c.tag("order", status), Active: status == "active" || status == "future",
	}
	if len(p.PartsUg) > 1 {
		for i, part := range p.PartsUg {
			if i > 0 {
				r.Parts += " + "
			}
			r.Parts += c.mass(part)
		}
	}
	return r
}
