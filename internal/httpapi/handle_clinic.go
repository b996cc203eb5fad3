package httpapi

import (
	"cmp"
	"context"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

func clinicOut(c clinic.Clinic) gen.Clinic {
	return gen.Clinic{
		Id: gen.UUID(c.ID), Number: c.Number, Name: c.Name, Province: c.Province, Kind: gen.ClinicKind(c.Kind), Zone: c.Zone,
		CutOverMinutes: int(c.CutOver.Minutes()), RulePack: c.RulePack, RulePackVersion: c.RulePackVersion,
		RulesAdopted: c.AdoptedBy != "", AdoptedBy: c.AdoptedBy, AdoptedAt: at(c.AdoptedAt), Demo: c.Demo,
	}
}

// ReadClinic reads the clinic of whoever asks.
func (s *Server) ReadClinic(ctx context.Context, r gen.ReadClinicRequestObject) (gen.ReadClinicResponseObject, error) {
	own := principalOf(ctx).clinic
	if idOf[clinic.ID](r.Id) != own {
		return nil, errNotFound("clinic", r.Id)
	}
	c, err := s.clinics.Clinic(ctx, own)
	return gen.ReadClinic200JSONResponse(clinicOut(c)), err
}

// closureReach is how many days back and ahead closures are listed.
const closureReach = 366

// ListClosures lists the closures of the past year and the one to come.
func (s *Server) ListClosures(ctx context.Context, _ gen.ListClosuresRequestObject) (gen.ListClosuresResponseObject, error) {
	c := principalOf(ctx).clinic
	today, err := s.today(ctx, c)
	if err != nil {
		return nil, err
	}
	found, err := s.clinics.Closures(ctx, c, today.AddDays(-closureReach), today.AddDays(closureReach))
	if err != nil {
		return nil, err
	}
	return gen.ListClosures200JSONResponse{Items: each(found, func(cl clinic.Closure) gen.Closure {
		return gen.Closure{Day: cl.Day.String(), Reason: cl.Reason}
	})}, nil
}

// AddClosure closes the clinic on a day.
func (s *Server) AddClosure(ctx context.Context, r gen.AddClosureRequestObject) (gen.AddClosureResponseObject, error) {
	p := principalOf(ctx)
	day, err := dayOf(r.Body.Day)
	if err != nil {
		return nil, err
	}
	err = s.clinics.SetClosure(ctx, p.member, clinic.Closure{Clinic: p.clinic, Day: day, Reason: r.Body.Reason})
	return gen.AddClosure201JSONResponse{Day: day.String(), Reason: r.Body.Reason}, err
}

// RemoveClosure opens a day again.
func (s *Server) RemoveClosure(ctx context.Context, r gen.RemoveClosureRequestObject) (gen.RemoveClosureResponseObject, error) {
	p := principalOf(ctx)
	day, err := dayOf(r.Day)
	if err != nil {
		return nil, err
	}
	return gen.RemoveClosure204Response{}, s.clinics.RemoveClosure(ctx, p.member, p.clinic, day)
}

// ReadRules shows what the clinic's rule pack says, for those who work by it and for who signs it.
func (s *Server) ReadRules(ctx context.Context, _ gen.ReadRulesRequestObject) (gen.ReadRulesResponseObject, error) {
	c, err := s.clinics.Clinic(ctx, principalOf(ctx).clinic)
	if err != nil {
		return nil, err
	}
	pack, err := s.packs(c.RulePack, c.RulePackVersion)
	if err != nil {
		return nil, err
	}
	adopted, lang := c.AdoptedBy != "", exchangeOf(ctx).lang
	out := gen.ReadRules200JSONResponse{Pack: pack.Name, Version: pack.Version, Adopted: adopted, AdoptedAt: at(c.AdoptedAt)}
	if adopted {
		out.AdoptedBy = s.nameOf(ctx, c.AdoptedBy)
	}
	out.Values = each(pack.Values(), func(v dosing.Value) gen.RuleValue {
		return gen.RuleValue{
			Key: v.Key, Set: v.Set, Verified: v.Verified, Binding: v.Set && (v.Verified || adopted), Source: sourceIn(lang, v.Provenance),
			Unit: gen.RuleValueUnit(v.Unit), Amount: v.Amount, Steps: each(v.Steps, missedStepOut),
		}
	})
	return out, nil
}

func sourceIn(lang string, p dosing.Provenance) string {
	if lang == englishLanguage {
		return cmp.Or(p.Source, p.Note)
	}
	return p.Vietnamese
}

func missedStepOut(m dosing.MissedStep) gen.MissedStep {
	return gen.MissedStep{FromDays: m.FromDays, Severity: gen.Severity(m.Severity), Advice: m.Advice}
}

// AdoptRules signs a version of a rule pack.
func (s *Server) AdoptRules(ctx context.Context, r gen.AdoptRulesRequestObject) (gen.AdoptRulesResponseObject, error) {
	p := principalOf(ctx)
	if _, err := s.packs(r.Body.Pack, r.Body.Version); err != nil {
		return nil, fault.New(fault.NotFound, "rule_pack.not_found", "%w", err)
	}
	if err := s.signed(ctx, r.Body.Pin); err != nil {
		return nil, err
	}
	c, err := s.clinics.AdoptRulePack(ctx, clinic.Adoption{Clinic: p.clinic, By: p.member, Pack: r.Body.Pack, Version: r.Body.Version})
	return gen.AdoptRules200JSONResponse(clinicOut(c)), err
}
