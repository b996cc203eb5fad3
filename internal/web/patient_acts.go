package web

import (
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// patientActs are what a form on a patient's page may do, by the last part of its address.
var patientActs = map[string]func(c *screen, f *form, patient string) error{
	"sign":   (*screen).signOrder,
	"cancel": (*screen).cancelOrder,
	"hold":   (*screen).placeHold,
	"lift":   (*screen).liftHold,
	"clear":  (*screen).clearReferral,
	"status": (*screen).setStatus,
	"phase":  (*screen).setPhase,
	"end":    (*screen).endTreatment,
	"change": (*screen).changeParticulars,
}

func actOnPatient(c *screen) error {
	act, ok := patientActs[c.r.PathValue("act")]
	if !ok {
		return errNoPage
	}
	if err := act(c, c.form(), c.r.PathValue("id")); err != nil {
		return c.again(err, showPatient)
	}
	c.redirect("/patients/" + c.r.PathValue("id") + "?done=" + c.r.PathValue("act"))
	return nil
}

func (c *screen) signOrder(f *form, patient string) error {
	body := clinicapi.SignPrescription{
		Id: f.id(), DoseUg: f.mass("dose"), PartsUg: f.masses("parts"), From: f.day("from"), To: f.day("to"),
		Phase: clinicapi.Phase(f.need("phase")), Reason: f.need("reason"), AcceptGap: f.text("accept_gap") == "yes", Pin: f.need("pin"),
	}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.SignPrescription(c.r.Context(), patient, body))
	return err
}

func (c *screen) cancelOrder(f *form, _ string) error {
	body := clinicapi.CancelPrescription{Reason: f.need("reason"), Pin: f.need("pin")}
	order := f.need("order")
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.CancelPrescription(c.r.Context(), order, body))
	return err
}

func (c *screen) placeHold(f *form, patient string) error {
	body := clinicapi.PlaceHold{
		Id: f.id(), Severity: clinicapi.PlaceHoldSeverity(f.need("severity")), Reason: f.need("reason"),
		ClearedBy: clinicapi.PlaceHoldClearedBy(f.need("cleared_by")),
	}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.PlaceHold(c.r.Context(), patient, body))
	return err
}

func (c *screen) liftHold(f *form, _ string) error {
	hold, body := f.need("hold"), clinicapi.LiftHold{Note: f.text("note")}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.LiftHold(c.r.Context(), hold, body))
	return err
}

func (c *screen) clearReferral(f *form, patient string) error {
	body := clinicapi.ClearReferral{Id: f.id(), Rule: f.need("rule"), Note: f.need("note"), Pin: f.need("pin")}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.ClearReferral(c.r.Context(), patient, body))
	return err
}

func (c *screen) setStatus(f *form, patient string) error {
	body := clinicapi.SetPatientStatus{Status: clinicapi.SetPatientStatusStatus(f.need("status")), Reason: f.need("reason")}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.SetPatientStatus(c.r.Context(), patient, body))
	return err
}

func (c *screen) setPhase(f *form, patient string) error {
	body := clinicapi.SetPatientPhase{Phase: clinicapi.Phase(f.need("phase")), Reason: f.need("reason")}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.SetPatientPhase(c.r.Context(), patient, body))
	return err
}

func (c *screen) endTreatment(f *form, patient string) error {
	body := clinicapi.EndTreatment{Reason: clinicapi.EndReason(f.need("end_reason")), Note: f.text("note"), Pin: f.need("pin")}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.EndTreatment(c.r.Context(), patient, body))
	return err
}

func (c *screen) changeParticulars(f *form, patient string) error {
	body := clinicapi.UpdatePatient{
		Name: f.need("name"), BirthYear: f.integer("birth_year", 1900, 2100), Sex: clinicapi.Sex(f.need("sex")),
		NationalId: f.text("national_id"), Address: f.text("address"),
	}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.UpdatePatient(c.r.Context(), patient, body))
	return err
}
