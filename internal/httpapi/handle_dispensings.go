package httpapi

import (
	"context"
	"errors"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func (s *Server) dispensingOut(ctx context.Context, d dispensing.Dispensing, files map[patient.ID]patient.Patient) gen.Dispensing {
	f := files[d.Patient]
	return gen.Dispensing{
		Id: gen.UUID(d.ID), Patient: gen.UUID(d.Patient), PatientName: f.Name, PatientCode: f.Code, Prescription: gen.UUID(d.Prescription),
		Station: gen.UUID(d.Station), Bottle: gen.UUID(d.Bottle), Lot: gen.UUID(d.Lot), Day: d.Day.String(), Part: d.Part,
		Kind: gen.DispensingKind(d.Kind), DoseUg: int64(d.Dose), VolumeUl: int64(d.Volume), ConcentrationUgMl: int64(d.Concentration),
		DensityUgMl: int64(d.Density), Pack: d.Pack, PackVersion: d.PackVersion, Notes: s.notes(exchangeOf(ctx).lang, d.Reasons),
		RequestedBy: gen.UUID(d.RequestedBy), RequestedByName: s.nameOf(ctx, string(d.RequestedBy)), RecordedAt: at(d.Recorded),
		LeaseUntil: at(d.Lease), State: gen.DispensingState(d.State), PumpVolumeUl: int64(d.PumpVolume),
		WeighedKnown: d.WeighedKnown, WeighedUg: int64(d.Weighed), MeasuredUl: int64(d.Measured), Agreed: d.Agreed, HandedAt: at(d.HandedAt),
	}
}

// oneOut shows one dispensing as it is after an act.
func (s *Server) oneOut(ctx context.Context, d dispensing.Dispensing, err error) (gen.Dispensing, error) {
	if err != nil {
		return gen.Dispensing{}, err
	}
	files, err := s.files(ctx, d.Clinic, []patient.ID{d.Patient})
	return s.dispensingOut(ctx, d, files), err
}

func (s *Server) stepOut(ctx context.Context) func(dispensing.Step) gen.Step {
	return func(st dispensing.Step) gen.Step {
		return gen.Step{
			Seq: st.Seq, Kind: gen.StepKind(st.Kind), From: gen.DispensingState(st.From), To: gen.DispensingState(st.To),
			Actor: st.Actor, ActorKind: gen.StepActorKind(st.ActorKind), ActorName: s.nameOf(ctx, st.Actor), Witness: gen.UUID(st.Witness),
			WitnessName: s.nameOf(ctx, string(st.Witness)), Event: st.Event, Data: rawObject(st.Data),
			OccurredAt: at(st.Occurred), RecordedAt: at(st.Recorded),
		}
	}
}

// ListDispensings lists doses, newest first.
func (s *Server) ListDispensings(ctx context.Context, r gen.ListDispensingsRequestObject) (gen.ListDispensingsResponseObject, error) {
	p, q := principalOf(ctx), r.Params
	day, err := dayOf(value(q.Day))
	if err != nil {
		return nil, err
	}
	limit := limitOf(q.Limit)
	found, err := s.dispensing.List(ctx, dispensing.Filter{
		Clinic: p.clinic, Day: day, Patient: idOf[patient.ID](value(q.Patient)), Station: idOf[equipment.StationID](value(q.Station)),
		States: each(value(q.State), func(v gen.DispensingState) dispensing.State { return dispensing.State(v) }),
		Before: dispensing.ID(value(q.Cursor)), Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(d dispensing.Dispensing) string { return string(d.ID) })
	files, err := s.files(ctx, p.clinic, each(found, func(d dispensing.Dispensing) patient.ID { return d.Patient }))
	if err != nil {
		return nil, err
	}
	return gen.ListDispensings200JSONResponse{
		Items: each(found, func(d dispensing.Dispensing) gen.Dispensing { return s.dispensingOut(ctx, d, files) }), Next: next,
	}, nil
}

// BeginDispensing authorises a dose.
func (s *Server) BeginDispensing(ctx context.Context, r gen.BeginDispensingRequestObject) (gen.BeginDispensingResponseObject, error) {
	p, b := principalOf(ctx), r.Body
	d, err := s.dispensing.Begin(ctx, dispensing.Request{
		ID: idOf[dispensing.ID](b.Id), Clinic: p.clinic, Patient: idOf[patient.ID](b.Patient),
		Station: idOf[equipment.StationID](b.Station), By: p.member,
	})
	var refusal *dispensing.Refusal
	if errors.As(err, &refusal) {
		s.countRefusals(ctx, queue.AtCounter, refusal.Decision)
	}
	if err != nil {
		return nil, err
	}
	// Without the name: the window knows whom it asked for, and the order is already on its way.
	return gen.BeginDispensing201JSONResponse(s.dispensingOut(ctx, d, nil)), nil
}

// ReadDispensing reads one dose with its steps.
func (s *Server) ReadDispensing(ctx context.Context, r gen.ReadDispensingRequestObject) (gen.ReadDispensingResponseObject, error) {
	c, key := principalOf(ctx).clinic, idOf[dispensing.ID](r.Id)
	d, err := s.dispensing.Dispensing(ctx, c, key)
	if err != nil {
		return nil, err
	}
	steps, err := s.dispensing.Steps(ctx, c, key)
	if err != nil {
		return nil, err
	}
	out, err := s.oneOut(ctx, d, nil)
	out.Steps = each(steps, s.stepOut(ctx))
	return gen.ReadDispensing200JSONResponse(out), err
}

// act begins what a person does to a dispensing, with the second person where there is one.
func (s *Server) act(ctx context.Context, key gen.UUID, reason string, second *credential) (dispensing.Act, error) {
	p := principalOf(ctx)
	w, err := s.witness(ctx, second)
	return dispensing.Act{Clinic: p.clinic, ID: idOf[dispensing.ID](key), By: p.member, Witness: w, Reason: reason}, err
}

// HandOver binds the cup to the patient by the card.
func (s *Server) HandOver(ctx context.Context, r gen.HandOverRequestObject) (gen.HandOverResponseObject, error) {
	a, err := s.act(ctx, r.Id, "", nil)
	if err != nil {
		return nil, err
	}
	scanned, err := s.patients.Resolve(ctx, a.Clinic, r.Body.Code)
	if err != nil {
		return nil, err
	}
	d, err := s.dispensing.HandOver(ctx, a, scanned)
	out, err := s.oneOut(ctx, d, err)
	return gen.HandOver200JSONResponse(out), err
}

// Taken records the observed swallow.
func (s *Server) Taken(ctx context.Context, r gen.TakenRequestObject) (gen.TakenResponseObject, error) {
	a, err := s.act(ctx, r.Id, "", nil)
	if err != nil {
		return nil, err
	}
	d, err := s.dispensing.Taken(ctx, a)
	out, err := s.oneOut(ctx, d, err)
	return gen.Taken200JSONResponse(out), err
}

// PartlyTaken records that a part was swallowed and the rest wasted.
func (s *Server) PartlyTaken(ctx context.Context, r gen.PartlyTakenRequestObject) (gen.PartlyTakenResponseObject, error) {
	a, err := s.act(ctx, r.Id, r.Body.Reason, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	d, err := s.dispensing.PartlyTaken(ctx, a, measure.Volume(r.Body.LeftUl))
	out, err := s.oneOut(ctx, d, err)
	return gen.PartlyTaken200JSONResponse(out), err
}

// Wasted records that the cup was thrown away.
func (s *Server) Wasted(ctx context.Context, r gen.WastedRequestObject) (gen.WastedResponseObject, error) {
	a, err := s.act(ctx, r.Id, r.Body.Reason, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	d, err := s.dispensing.Wasted(ctx, a)
	out, err := s.oneOut(ctx, d, err)
	return gen.Wasted200JSONResponse(out), err
}

// AcceptDeviation lets a cup outside tolerance be handed over.
func (s *Server) AcceptDeviation(ctx context.Context, r gen.AcceptDeviationRequestObject) (gen.AcceptDeviationResponseObject, error) {
	a, err := s.act(ctx, r.Id, r.Body.Reason, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	d, err := s.dispensing.AcceptDeviation(ctx, a)
	out, err := s.oneOut(ctx, d, err)
	return gen.AcceptDeviation200JSONResponse(out), err
}

// VoidDispensing records two people's word that nothing was poured.
func (s *Server) VoidDispensing(ctx context.Context, r gen.VoidDispensingRequestObject) (gen.VoidDispensingResponseObject, error) {
	a, err := s.act(ctx, r.Id, withEvidence(r.Body.Reason, r.Body.Evidence), required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	d, err := s.dispensing.Void(ctx, a)
	out, err := s.oneOut(ctx, d, err)
	return gen.VoidDispensing200JSONResponse(out), err
}

// DoubtOutcome puts a pour of which nothing was heard into doubt.
func (s *Server) DoubtOutcome(ctx context.Context, r gen.DoubtOutcomeRequestObject) (gen.DoubtOutcomeResponseObject, error) {
	a, err := s.act(ctx, r.Id, r.Body.Reason, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	d, err := s.dispensing.DoubtOutcome(ctx, a)
	out, err := s.oneOut(ctx, d, err)
	return gen.DoubtOutcome200JSONResponse(out), err
}

// withEvidence joins what two people say with what shows it.
func withEvidence(reason, evidence string) string {
	if evidence == "" {
		return reason
	}
	return reason + " — " + evidence
}

// CancelDispensing asks the counter for its word that it will not pour.
func (s *Server) CancelDispensing(ctx context.Context, r gen.CancelDispensingRequestObject) (gen.CancelDispensingResponseObject, error) {
	d, err := s.dispensing.Dispensing(ctx, principalOf(ctx).clinic, idOf[dispensing.ID](r.Id))
	if err != nil {
		return nil, err
	}
	if d.State != dispensing.Reserved && d.State != dispensing.Held {
		return nil, fault.New(fault.Conflict, "dispensing.state", "dispensing %s is %s", d.ID, d.State).With("state", string(d.State))
	}
	s.hub.askCancel(d.ID, d.Station)
	out, err := s.oneOut(ctx, d, nil)
	return gen.CancelDispensing202JSONResponse(out), err
}

// byHand is the reason of a dose poured where there is no counter computer.
const byHand = "poured by hand"

// ReportOutcome records what two people poured by hand and weighed.
func (s *Server) ReportOutcome(ctx context.Context, r gen.ReportOutcomeRequestObject) (gen.ReportOutcomeResponseObject, error) {
	a, err := s.act(ctx, r.Id, byHand, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	m, err := measurement(&r.Body.PouredUl, r.Body.GrossBeforeUg, r.Body.GrossAfterUg)
	if err != nil {
		return nil, err
	}
	d, err := s.dispensing.ResolveMeasured(ctx, a, m)
	out, err := s.oneOut(ctx, d, err)
	return gen.ReportOutcome200JSONResponse(out), err
}

// measurement is what people read: a volume, both weights of the cup, or all of them.
func measurement(volume, before, after *int64) (dispensing.Measurement, error) {
	if (before == nil) != (after == nil) {
		return dispensing.Measurement{}, breach(gen.FieldProblem{Pointer: "/gross_after_ug", Rule: "required"})
	}
	m := dispensing.Measurement{Manual: true}
	if volume != nil {
		m.Pump, m.PumpKnown = measure.Volume(*volume), true
	}
	if before != nil {
		m.GrossBefore, m.GrossAfter, m.WeightKnown = measure.Weight(*before), measure.Weight(*after), true
	}
	return m, nil
}

// ResolveDispensing settles a pour whose outcome is unknown.
func (s *Server) ResolveDispensing(ctx context.Context, r gen.ResolveDispensingRequestObject) (gen.ResolveDispensingResponseObject, error) {
	b := r.Body
	m, err := measurement(b.VolumeUl, b.GrossBeforeUg, b.GrossAfterUg)
	if err != nil {
		return nil, err
	}
	switch {
	case b.As == gen.ResolveDispensingAsVoided && b.Evidence == "":
		return nil, breach(gen.FieldProblem{Pointer: "/evidence", Rule: "required"})
	case b.As == gen.ResolveDispensingAsWasted && b.VolumeUl == nil:
		return nil, breach(gen.FieldProblem{Pointer: "/volume_ul", Rule: "required"})
	}
	a, err := s.act(ctx, r.Id, withEvidence(b.Reason, b.Evidence), required(b.Witness))
	if err != nil {
		return nil, err
	}
	d, err := s.resolve(ctx, a, b.As, m)
	out, err := s.oneOut(ctx, d, err)
	return gen.ResolveDispensing200JSONResponse(out), err
}

func (s *Server) resolve(ctx context.Context, a dispensing.Act, as gen.ResolveDispensingAs, m dispensing.Measurement) (dispensing.Dispensing, error) {
	switch as {
	case gen.ResolveDispensingAsMeasured:
		return s.dispensing.ResolveMeasured(ctx, a, m)
	case gen.ResolveDispensingAsWasted:
		return s.dispensing.ResolveWasted(ctx, a, m.Pump)
	default:
		return s.dispensing.Void(ctx, a)
	}
}
