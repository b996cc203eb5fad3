package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"

	"github.com/lieu-clinic/lieu/internal/census"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/patient"
)

func patientOut(p patient.Patient) gen.Patient {
	return gen.Patient{
		Id: gen.UUID(p.ID), Code: p.Code, Name: p.Name, BirthYear: p.BirthYear, Sex: gen.Sex(p.Sex), Address: p.Address, HasPhoto: p.HasPhoto,
		HasNationalId: len(p.NationalID) > 0, Status: gen.PatientStatus(p.Status), Phase: gen.Phase(p.Phase), Entry: gen.PatientEntry(p.Entry),
		EnrolledOn: p.EnrolledOn.String(), EndedOn: p.EndedOn.String(), EndReason: gen.EndReason(p.EndReason), Version: p.Version,
	}
}

// ListPatients lists files by status.
func (s *Server) ListPatients(ctx context.Context, r gen.ListPatientsRequestObject) (gen.ListPatientsResponseObject, error) {
	list, err := s.listPatients(ctx, "", value(r.Params.Status), value(r.Params.Cursor), limitOf(r.Params.Limit))
	return gen.ListPatients200JSONResponse(list), err
}

// SearchPatients finds files by name or code.
func (s *Server) SearchPatients(ctx context.Context, r gen.SearchPatientsRequestObject) (gen.SearchPatientsResponseObject, error) {
	limit := r.Body.Limit
	if limit == 0 {
		limit = defaultPage
	}
	list, err := s.listPatients(ctx, r.Body.Q, r.Body.Status, r.Body.Cursor, limit)
	return gen.SearchPatients200JSONResponse(list), err
}

func (s *Server) listPatients(ctx context.Context, q string, status gen.PatientStatus, cursor string, limit int) (gen.PatientList, error) {
	p := principalOf(ctx)
	f := patient.Filter{Clinic: p.clinic, Query: q, After: patient.ID(cursor), Limit: min(limit+1, patient.MaxPage)}
	if status != "" {
		f.Statuses = []patient.Status{patient.Status(status)}
	}
	found, err := s.patients.List(ctx, p.member, f)
	if err != nil {
		return gen.PatientList{}, err
	}
	found, next := page(found, min(limit, patient.MaxPage-1), func(p patient.Patient) string { return string(p.ID) })
	return gen.PatientList{Items: each(found, patientOut), Next: next}, nil
}

// RegisterPatient opens a file.
func (s *Server) RegisterPatient(ctx context.Context, r gen.RegisterPatientRequestObject) (gen.RegisterPatientResponseObject, error) {
	who, b := principalOf(ctx), r.Body
	p, err := s.patients.Register(ctx, who.clinic, who.member, patient.Registration{
		ID: idOf[patient.ID](b.Id), Name: b.Name, BirthYear: b.BirthYear, Sex: patient.Sex(b.Sex), Address: b.Address, NationalID: b.NationalId,
		Phase: patient.Phase(b.Phase), Entry: patient.Entry(b.Entry), Previous: idOf[patient.ID](b.Previous), RepresentativeConsent: b.RepresentativeConsent,
	})
	return gen.RegisterPatient201JSONResponse(patientOut(p)), err
}

// ReadPatient reads a file; the reading is audited.
func (s *Server) ReadPatient(ctx context.Context, r gen.ReadPatientRequestObject) (gen.ReadPatientResponseObject, error) {
	who := principalOf(ctx)
	p, err := s.patients.Read(ctx, who.clinic, who.member, idOf[patient.ID](r.Id))
	return gen.ReadPatient200JSONResponse(patientOut(p)), err
}

// ReadPatientByCode reads the file of a scanned card.
func (s *Server) ReadPatientByCode(ctx context.Context, r gen.ReadPatientByCodeRequestObject) (gen.ReadPatientByCodeResponseObject, error) {
	who := principalOf(ctx)
	p, err := s.patients.ReadByCode(ctx, who.clinic, who.member, r.Code)
	return gen.ReadPatientByCode200JSONResponse(patientOut(p)), err
}

// UpdatePatient corrects particulars.
func (s *Server) UpdatePatient(ctx context.Context, r gen.UpdatePatientRequestObject) (gen.UpdatePatientResponseObject, error) {
	who, b := principalOf(ctx), r.Body
	var ch patient.Particulars
	if b.Name != "" {
		ch.Name = &b.Name
	}
	if b.BirthYear != 0 {
		ch.BirthYear = &b.BirthYear
	}
	if b.Sex != "" {
		sex := patient.Sex(b.Sex)
		ch.Sex = &sex
	}
	if b.Address != "" {
		ch.Address = &b.Address
	}
	if b.NationalId != "" {
		ch.NationalID = &b.NationalId
	}
	if b.Entry != "" {
		entry := patient.Entry(b.Entry)
		ch.Entry = &entry
	}
	p, err := s.patients.Correct(ctx, who.clinic, who.member, idOf[patient.ID](r.Id), ch)
	return gen.UpdatePatient200JSONResponse(patientOut(p)), err
}

// SetPatientStatus moves a file along the table of statuses.
func (s *Server) SetPatientStatus(ctx context.Context, r gen.SetPatientStatusRequestObject) (gen.SetPatientStatusResponseObject, error) {
	who := principalOf(ctx)
	p, err := s.patients.SetStatus(ctx, who.clinic, who.member, idOf[patient.ID](r.Id), patient.Status(r.Body.Status), r.Body.Reason)
	return gen.SetPatientStatus200JSONResponse(patientOut(p)), err
}

// SetPatientPhase moves a patient to another phase.
func (s *Server) SetPatientPhase(ctx context.Context, r gen.SetPatientPhaseRequestObject) (gen.SetPatientPhaseResponseObject, error) {
	who := principalOf(ctx)
	p, err := s.patients.SetPhase(ctx, who.clinic, who.member, idOf[patient.ID](r.Id), patient.Phase(r.Body.Phase), r.Body.Reason)
	return gen.SetPatientPhase200JSONResponse(patientOut(p)), err
}

// EndTreatment ends a treatment.
func (s *Server) EndTreatment(ctx context.Context, r gen.EndTreatmentRequestObject) (gen.EndTreatmentResponseObject, error) {
	who := principalOf(ctx)
	if err := s.signed(ctx, r.Body.Pin); err != nil {
		return nil, err
	}
	p, err := s.patients.End(ctx, who.clinic, who.member, idOf[patient.ID](r.Id), patient.EndReason(r.Body.Reason), r.Body.Note)
	return gen.EndTreatment200JSONResponse(patientOut(p)), err
}

// maxAttention bounds the list: a clinic has no more patients that a doctor can see in a day.
const maxAttention = 500

// ListPatientsForAttention shows who missed days and whose order ends, for the doctor to decide.
func (s *Server) ListPatientsForAttention(ctx context.Context, _ gen.ListPatientsForAttentionRequestObject) (gen.ListPatientsForAttentionResponseObject, error) {
	c := principalOf(ctx).clinic
	today, err := s.today(ctx, c)
	if err != nil {
		return nil, err
	}
	all, err := s.records.Attendance(ctx, c)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a census.Attendance) bool { return a.Missed(today) == 0 && !a.Uncovered(today) })
	slices.SortStableFunc(all, func(a, b census.Attendance) int { return b.Missed(today) - a.Missed(today) })
	all = all[:min(len(all), maxAttention)]
	files, err := s.files(ctx, c, each(all, func(a census.Attendance) patient.ID { return a.Patient }))
	if err != nil {
		return nil, err
	}
	return gen.ListPatientsForAttention200JSONResponse{Items: each(all, func(a census.Attendance) gen.Attention {
		p := files[a.Patient]
		out := gen.Attention{
			Patient: gen.UUID(p.ID), Code: p.Code, Name: p.Name, Phase: gen.Phase(p.Phase), LastDoseOn: a.Last.String(),
			MissedDays: a.Missed(today), OrderTo: a.OrderTo.String(), OrderEnds: a.Uncovered(today),
		}
		if a.ProposesDrop(today) {
			out.Proposal = gen.AttentionProposalDropped
		}
		return out
	})}, nil
}

// ReadPatientPhoto reads the photo.
func (s *Server) ReadPatientPhoto(ctx context.Context, r gen.ReadPatientPhotoRequestObject) (gen.ReadPatientPhotoResponseObject, error) {
	who := principalOf(ctx)
	photo, err := s.patients.Photo(ctx, who.clinic, who.member, idOf[patient.ID](r.Id))
	if err != nil {
		return nil, err
	}
	return picture(photo), nil
}

// picture answers with a photo that only this browser may keep, for as long as a patient stands at the window.
type picture patient.Photo

func (p picture) VisitReadPatientPhotoResponse(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", p.MediaType)
	h.Set("Cache-Control", "private, max-age=300")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	_, err := io.Copy(w, bytes.NewReader(p.Data))
	return gone(err)
}

// SetPatientPhoto stores a photo.
func (s *Server) SetPatientPhoto(ctx context.Context, r gen.SetPatientPhotoRequestObject) (gen.SetPatientPhotoResponseObject, error) {
	who := principalOf(ctx)
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fault.New(fault.Invalid, keyMalformed, "photo: %w", err)
	}
	if err := s.patients.SetPhoto(ctx, who.clinic, who.member, idOf[patient.ID](r.Id), data); err != nil {
		return nil, err
	}
	return gen.SetPatientPhoto204Response{}, nil
}

// ReadDecision says what the rule book says of a dose now.
func (s *Server) ReadDecision(ctx context.Context, r gen.ReadDecisionRequestObject) (gen.ReadDecisionResponseObject, error) {
	d, _, err := s.dispensing.Decide(ctx, principalOf(ctx).clinic, idOf[patient.ID](r.Id), idOf[equipment.StationID](value(r.Params.Station)))
	if err != nil {
		return nil, err
	}
	return gen.ReadDecision200JSONResponse(s.decisionOut(ctx, d)), nil
}

func (s *Server) decisionOut(ctx context.Context, d dosing.Decision) gen.Decision {
	lang := exchangeOf(ctx).lang
	return gen.Decision{
		Allowed: d.Allowed(), Pack: d.Pack, PackVersion: d.PackVersion, Part: d.Part, DoseUg: int64(d.Dose), VolumeUl: int64(d.Volume),
		MissedDays: d.MissedDays, Refusals: s.reasons(lang, d.Refusals), Notes: s.reasons(lang, d.Notes),
	}
}
