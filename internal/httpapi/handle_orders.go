package httpapi

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func (s *Server) prescriptionOut(ctx context.Context) func(prescription.Prescription) gen.Prescription {
	return func(p prescription.Prescription) gen.Prescription {
		return gen.Prescription{
			Id: gen.UUID(p.ID), Patient: gen.UUID(p.Patient), Version: p.Version, DoseUg: int64(p.Dose),
			PartsUg: each(p.Parts, func(m measure.Mass) int64 { return int64(m) }), From: p.From.String(), To: p.To.String(),
			Phase: gen.Phase(p.Phase), Reason: p.Reason, Prescriber: gen.UUID(p.Prescriber), PrescriberName: s.nameOf(ctx, string(p.Prescriber)),
			SignedAt: at(p.SignedAt), Status: gen.PrescriptionStatus(p.Status), Supersedes: gen.UUID(p.Supersedes),
			EndedAt: at(p.EndedAt), EndedBy: gen.UUID(p.EndedBy),
		}
	}
}

func (s *Server) holdOut(ctx context.Context) func(prescription.Hold) gen.Hold {
	return func(h prescription.Hold) gen.Hold {
		return gen.Hold{
			Id: gen.UUID(h.ID), Patient: gen.UUID(h.Patient), Severity: gen.HoldSeverity(h.Severity), Reason: h.Reason,
			ClearedBy: gen.Role(h.ClearedBy), PlacedBy: gen.UUID(h.PlacedBy), PlacedByName: s.nameOf(ctx, string(h.PlacedBy)),
			PlacedAt: at(h.PlacedAt), Open: h.Open(), LiftedBy: gen.UUID(h.LiftedBy), LiftedAt: at(h.LiftedAt), LiftNote: h.LiftNote,
		}
	}
}

// ListPrescriptions lists a patient's orders.
func (s *Server) ListPrescriptions(ctx context.Context, r gen.ListPrescriptionsRequestObject) (gen.ListPrescriptionsResponseObject, error) {
	found, err := s.orders.Prescriptions(ctx, principalOf(ctx).clinic, idOf[patient.ID](r.Id))
	if err != nil {
		return nil, err
	}
	return gen.ListPrescriptions200JSONResponse{Items: each(found, s.prescriptionOut(ctx))}, nil
}

// ListEndingPrescriptions lists the orders that end soon.
func (s *Server) ListEndingPrescriptions(ctx context.Context, r gen.ListEndingPrescriptionsRequestObject) (gen.ListEndingPrescriptionsResponseObject, error) {
	days := defaultDays
	if r.Params.Days != nil {
		days = *r.Params.Days
	}
	found, err := s.orders.Ending(ctx, principalOf(ctx).clinic, days)
	if err != nil {
		return nil, err
	}
	return gen.ListEndingPrescriptions200JSONResponse{Items: each(found, s.prescriptionOut(ctx))}, nil
}

// SignPrescription signs an order with the doctor's PIN.
func (s *Server) SignPrescription(ctx context.Context, r gen.SignPrescriptionRequestObject) (gen.SignPrescriptionResponseObject, error) {
	who, b := principalOf(ctx), r.Body
	from, err := dayOf(b.From)
	if err != nil {
		return nil, err
	}
	to, err := dayOf(b.To)
	if err != nil {
		return nil, err
	}
	if err := s.signed(ctx, b.Pin); err != nil {
		return nil, err
	}
	p, err := s.orders.Sign(ctx, who.clinic, who.member, prescription.Order{
		ID: idOf[prescription.ID](b.Id), Patient: idOf[patient.ID](r.Id), Dose: measure.Mass(b.DoseUg), Parts: parts(b.PartsUg),
		From: from, To: to, Phase: patient.Phase(b.Phase), Reason: b.Reason, AcceptGap: b.AcceptGap,
	})
	return gen.SignPrescription201JSONResponse(s.prescriptionOut(ctx)(p)), err
}

func parts(in []int64) []measure.Mass {
	if len(in) == 0 {
		return nil
	}
	return each(in, func(v int64) measure.Mass { return measure.Mass(v) })
}

// CancelPrescription cancels an order with the doctor's PIN.
func (s *Server) CancelPrescription(ctx context.Context, r gen.CancelPrescriptionRequestObject) (gen.CancelPrescriptionResponseObject, error) {
	who := principalOf(ctx)
	if err := s.signed(ctx, r.Body.Pin); err != nil {
		return nil, err
	}
	p, err := s.orders.Cancel(ctx, who.clinic, who.member, idOf[prescription.ID](r.Id), r.Body.Reason)
	return gen.CancelPrescription200JSONResponse(s.prescriptionOut(ctx)(p)), err
}

// ListHolds lists a patient's holds, lifted ones too.
func (s *Server) ListHolds(ctx context.Context, r gen.ListHoldsRequestObject) (gen.ListHoldsResponseObject, error) {
	found, err := s.orders.Holds(ctx, principalOf(ctx).clinic, idOf[patient.ID](r.Id), true)
	if err != nil {
		return nil, err
	}
	return gen.ListHolds200JSONResponse{Items: each(found, s.holdOut(ctx))}, nil
}

type holdEvent struct {
	Patient patient.ID `json:"patient"`
}

// PlaceHold puts a hold on a patient.
func (s *Server) PlaceHold(ctx context.Context, r gen.PlaceHoldRequestObject) (gen.PlaceHoldResponseObject, error) {
	who, b := principalOf(ctx), r.Body
	h, err := s.orders.PlaceHold(ctx, who.clinic, who.member, prescription.NewHold{
		ID: idOf[prescription.HoldID](b.Id), Patient: idOf[patient.ID](r.Id), Severity: prescription.Severity(b.Severity),
		Reason: b.Reason, ClearedBy: staff.Role(b.ClearedBy),
	})
	if err != nil {
		return nil, err
	}
	s.hub.publish(clinicTopic(who.clinic), "hold", holdEvent{h.Patient})
	return gen.PlaceHold201JSONResponse(s.holdOut(ctx)(h)), nil
}

// LiftHold lifts a hold.
func (s *Server) LiftHold(ctx context.Context, r gen.LiftHoldRequestObject) (gen.LiftHoldResponseObject, error) {
	who := principalOf(ctx)
	h, err := s.orders.LiftHold(ctx, who.clinic, who.member, idOf[prescription.HoldID](r.Id), r.Body.Note)
	if err != nil {
		return nil, err
	}
	s.hub.publish(clinicTopic(who.clinic), "hold", holdEvent{h.Patient})
	return gen.LiftHold200JSONResponse(s.holdOut(ctx)(h)), nil
}

// ClearReferral signs that a referred patient was seen.
func (s *Server) ClearReferral(ctx context.Context, r gen.ClearReferralRequestObject) (gen.ClearReferralResponseObject, error) {
	who, b := principalOf(ctx), r.Body
	if err := s.signed(ctx, b.Pin); err != nil {
		return nil, err
	}
	c, err := s.orders.Clear(ctx, who.clinic, who.member, prescription.NewClearance{
		ID: idOf[prescription.ClearanceID](b.Id), Patient: idOf[patient.ID](r.Id), Rule: b.Rule, Note: b.Note,
	})
	if err != nil {
		return nil, err
	}
	s.hub.publish(clinicTopic(who.clinic), "hold", holdEvent{c.Patient})
	return gen.ClearReferral201JSONResponse{
		Id: gen.UUID(c.ID), Patient: gen.UUID(c.Patient), Rule: c.Rule, Day: c.Day.String(), Note: c.Note, By: gen.UUID(c.By), RecordedAt: at(c.Recorded),
	}, nil
}
