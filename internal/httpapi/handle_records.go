package httpapi

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/census"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

// ListAudit lists the chain of changes, newest first.
func (s *Server) ListAudit(ctx context.Context, r gen.ListAuditRequestObject) (gen.ListAuditResponseObject, error) {
	limit := limitOf(r.Params.Limit)
	f := audit.Filter{Clinic: principalOf(ctx).clinic, Subject: idOf[string](value(r.Params.Subject)), Limit: limit + 1}
	if r.Params.Cursor != nil {
		before, err := strconv.ParseInt(*r.Params.Cursor, 10, 64)
		if err != nil || before < 1 {
			return nil, breach(gen.FieldProblem{Pointer: "cursor", Rule: "pattern"})
		}
		f.Before = before
	}
	found, err := s.trail.Events(ctx, f)
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(e audit.Event) string { return strconv.FormatInt(e.Seq, 10) })
	return gen.ListAudit200JSONResponse{Items: each(found, s.auditOut(ctx)), Next: next}, nil
}

func (s *Server) auditOut(ctx context.Context) func(audit.Event) gen.AuditEvent {
	return func(e audit.Event) gen.AuditEvent {
		return gen.AuditEvent{
			Seq: e.Seq, RecordedAt: at(e.Recorded), Actor: e.Actor.ID, ActorKind: gen.AuditEventActorKind(e.Actor.Kind),
			ActorName: s.nameOf(ctx, e.Actor.ID), Witness: e.Witness, WitnessName: s.nameOf(ctx, e.Witness), Action: e.Action,
			Subject: e.Subject, Data: rawObject(e.Data), Hash: hex.EncodeToString(e.Hash),
		}
	}
}

// ListIncidents lists facts that break a rule of the record.
func (s *Server) ListIncidents(ctx context.Context, r gen.ListIncidentsRequestObject) (gen.ListIncidentsResponseObject, error) {
	limit := limitOf(r.Params.Limit)
	found, err := s.records.Incidents(ctx, principalOf(ctx).clinic, value(r.Params.Cursor), limit+1)
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(in dispensing.Incident) string { return in.ID })
	return gen.ListIncidents200JSONResponse{Items: each(found, func(in dispensing.Incident) gen.Incident {
		return gen.Incident{Id: in.ID, Dispensing: gen.UUID(in.Dispensing), Kind: in.Kind, Data: rawObject(in.Data), OpenedAt: at(in.Opened)}
	}), Next: next}, nil
}

// registerMost bounds one day of the register: no clinic gives more.
const registerMost = 5000

// pastDay is the day of a register: today when none is said, and none that lies ahead.
func (s *Server) pastDay(ctx context.Context, d *gen.Day) (calendar.Day, error) {
	day, err := s.dayOrToday(ctx, d)
	if err != nil {
		return 0, err
	}
	today, err := s.today(ctx, principalOf(ctx).clinic)
	if err != nil {
		return 0, err
	}
	_, err = census.Period{From: day, To: day}.UpTo(today)
	return day, err
}

// ReadDispensingRegister shows a day's doses as the register has them.
func (s *Server) ReadDispensingRegister(ctx context.Context, r gen.ReadDispensingRegisterRequestObject) (gen.ReadDispensingRegisterResponseObject, error) {
	day, err := s.pastDay(ctx, r.Params.Day)
	if err != nil {
		return nil, err
	}
	g, err := s.registerOf(ctx, day)
	if err != nil {
		return nil, err
	}
	cl, err := s.clinics.Clinic(ctx, principalOf(ctx).clinic)
	if err != nil {
		return nil, err
	}
	seal, err := s.seal(ctx, cl, day)
	if err != nil {
		return nil, err
	}
	out := gen.DispensingRegister{ChainSeq: seal.Seq, ChainHash: hex.EncodeToString(seal.Hash), Day: day.String(), Rows: make([]gen.RegisterRow, 0, len(g.doses))}
	for i := len(g.doses) - 1; i >= 0; i-- { // oldest first
		row := g.row(g.doses[i], func(who string) string { return s.nameOf(ctx, who) })
		out.Rows = append(out.Rows, row)
		out.GivenUl += row.GivenUl
		out.GivenUg += row.GivenUg
		out.WastedUl += row.WastedUl
		switch {
		case row.GivenUl > 0:
			out.Doses++
		case g.doses[i].State.Open():
			out.Open++
		}
	}
	return gen.ReadDispensingRegister200JSONResponse(out), nil
}

// ending is how a dispensing ended, as its last steps say.
type ending struct {
	given, wasted int64
	witness       string
	step          dispensing.Step
}

// endingOf reads how a dispensing ended from its steps. The amounts are those that the step itself recorded.
func endingOf(d dispensing.Dispensing, steps []dispensing.Step) ending {
	var out ending
	for _, st := range steps {
		if st.Witness != "" {
			out.witness = string(st.Witness)
		}
		if st.To != st.From && st.To.Terminal() {
			out.step = st
		}
	}
	var data struct {
		Left int64 `json:"left_ul"`
	}
	if len(out.step.Data) > 0 && json.Unmarshal(out.step.Data, &data) != nil {
		data.Left = 0
	}
	switch d.State {
	case dispensing.Administered, dispensing.HandedOver:
		out.given = int64(d.Measured)
	case dispensing.PartlyTaken:
		out.given, out.wasted = int64(d.Measured)-data.Left, data.Left
	case dispensing.Wasted:
		out.wasted = int64(d.Measured)
		if out.step.From == dispensing.InDoubt {
			out.wasted = data.Left
		}
	}
	return out
}

var errTooManyDoses = fault.New(fault.Unavailable, "register.too_long", "more doses in a day than a register shows")
