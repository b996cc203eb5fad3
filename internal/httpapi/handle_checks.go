package httpapi

import (
	"context"
	"time"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func limitsOut(l calibration.SetLimits) gen.CheckLimits {
	plain := func(v measure.Volume) int64 { return int64(v) }
	return gen.CheckLimits{
		Version: l.Seq, LevelsUl: each(l.Levels, plain), Shots: l.Shots, PrimeUl: int64(l.Prime), BiasPpm: int64(l.Bias),
		SpreadPpm: int64(l.Spread), WeightsUg: each(l.Weights, func(w measure.Weight) int64 { return int64(w) }),
		ToleranceUg: int64(l.Tolerance), By: gen.UUID(l.By), RecordedAt: at(l.Recorded),
	}
}

func pourOut(p calibration.Pour) gen.CheckPour {
	out := gen.CheckPour{
		Id: gen.UUID(p.ID), Station: gen.UUID(p.Station), Check: gen.UUID(p.Check), Kind: gen.CheckPourKind(p.Kind), Level: p.Level,
		Bottle: gen.UUID(p.Bottle), Lot: gen.UUID(p.Lot), VolumeUl: int64(p.Volume), State: gen.CheckPourState(p.State), Reason: p.Reason,
		PumpUl: int64(p.Pump), PumpKnown: p.PumpKnown, GrossBeforeUg: int64(p.GrossBefore), GrossAfterUg: int64(p.GrossAfter),
		WeightKnown: p.WeightKnown, BookedUl: int64(p.Booked), PumpSerial: p.PumpSerial, ScaleSerial: p.ScaleSerial,
		By: gen.UUID(p.By), Witness: gen.UUID(p.Witness), RecordedAt: at(p.Recorded),
	}
	scale, ok := p.Scale()
	if !ok {
		return out
	}
	v := int64(scale)
	out.ScaleUl = &v
	if share, ok := drift.Of(p.Volume, scale); ok && p.Kind == calibration.Shot {
		n := int64(share)
		out.ErrorPpm = &n
	}
	return out
}

func shares(in []drift.Share) []int64 { return each(in, func(s drift.Share) int64 { return int64(s) }) }

func resultOut(r *calibration.Result) *gen.CheckResult {
	if r == nil {
		return nil
	}
	return &gen.CheckResult{
		Passed: r.Passed, MeanPpm: int64(r.Figures.Mean), By: gen.UUID(r.By), RecordedAt: at(r.Recorded),
		Faults: each(r.Figures.Faults, func(f calibration.Fault) gen.CheckResultFaults { return gen.CheckResultFaults(f) }),
		Levels: each(r.Figures.Levels, func(l calibration.LevelFigures) gen.CheckLevel {
			return gen.CheckLevel{
				VolumeUl: int64(l.Volume), ErrorsPpm: shares(l.Errors), MeanPpm: int64(l.Mean), SpreadPpm: int64(l.Spread),
				BiasLimitPpm: int64(l.BiasLimit), SpreadLimitPpm: int64(l.SpreadLimit), Within: l.Within,
			}
		}),
	}
}

// checkOut shows a check; what stands beside it is read once per answer.
func (s *Server) checkOut(ctx context.Context, lots map[stock.LotID]string, of worth, c calibration.Check) gen.Check {
	next := c.Next()
	standing := of.standings[c.Station]
	void := standing.Check == c.ID && standing.State == calibration.Void
	return gen.Check{
		Id: gen.UUID(c.ID), Station: gen.UUID(c.Station), Day: c.Day.String(), Pump: gen.UUID(c.Pump), Scale: gen.UUID(c.Scale),
		Lot: gen.UUID(c.Lot), LotNumber: lots[c.Lot], DensityUgMl: int64(c.Density), TemperatureDecicelsius: c.TemperatureC,
		Limits: limitsOut(calibration.SetLimits{Limits: c.Limits}), By: gen.UUID(c.By), ByName: s.nameOf(ctx, string(c.By)),
		Witness: gen.UUID(c.Witness), WitnessName: s.nameOf(ctx, string(c.Witness)), RecordedAt: at(c.Recorded),
		Weighings: each(c.Weighings, func(w calibration.Weighing) gen.CheckWeighing {
			return gen.CheckWeighing{
				NominalUg: int64(w.Nominal), ShownUg: int64(w.Shown), ToleranceUg: int64(w.Tolerance), Within: w.Within(), Weights: w.Weights,
				ScaleSerial: w.ScaleSerial, By: gen.UUID(w.By), RecordedAt: at(w.Recorded),
			}
		}),
		Pours: each(c.Pours, pourOut), Result: resultOut(c.Result), Over: c.Result == nil && (c.Day != of.today || void),
		Next: gen.CheckNext{
			Kind: gen.CheckNextKind(next.Kind), NominalUg: int64(next.Nominal), VolumeUl: int64(next.Volume), N: next.N, Of: next.Of,
			Pour: gen.UUID(next.Pour),
		},
	}
}

// lotNumbers names the lots of the clinic.
func (s *Server) lotNumbers(ctx context.Context) (map[stock.LotID]string, error) {
	lots, err := s.stock.Lots(ctx, principalOf(ctx).clinic)
	names := make(map[stock.LotID]string, len(lots))
	for _, l := range lots {
		names[l.ID] = l.Number
	}
	return names, err
}

func (s *Server) oneCheck(ctx context.Context, c calibration.Check, err error) (gen.Check, error) {
	if err != nil {
		return gen.Check{}, err
	}
	lots, err := s.lotNumbers(ctx)
	if err != nil {
		return gen.Check{}, err
	}
	of, err := s.worth(ctx)
	return s.checkOut(ctx, lots, of, c), err
}

// ListChecks lists a window's checks, newest first.
func (s *Server) ListChecks(ctx context.Context, r gen.ListChecksRequestObject) (gen.ListChecksResponseObject, error) {
	limit := limitOf(r.Params.Limit)
	found, err := s.calibration.Checks(ctx, calibration.Filter{
		Clinic: principalOf(ctx).clinic, Station: idOf[equipment.StationID](r.Id), Before: value(r.Params.Cursor), Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	lots, err := s.lotNumbers(ctx)
	if err != nil {
		return nil, err
	}
	of, err := s.worth(ctx)
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(c calibration.Check) string { return string(c.ID) })
	return gen.ListChecks200JSONResponse{
		Items: each(found, func(c calibration.Check) gen.Check { return s.checkOut(ctx, lots, of, c) }), Next: next,
	}, nil
}

// BeginCheck begins the check of the day.
func (s *Server) BeginCheck(ctx context.Context, r gen.BeginCheckRequestObject) (gen.BeginCheckResponseObject, error) {
	p := principalOf(ctx)
	if err := s.signed(ctx, r.Body.Pin); err != nil {
		return nil, err
	}
	witness, err := s.witness(ctx, optional(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	c, err := s.calibration.BeginCheck(ctx, calibration.Beginning{
		ID: idOf[calibration.CheckID](r.Body.Id), Clinic: p.clinic, Station: idOf[equipment.StationID](r.Id),
		Pair: staff.Pair{By: p.member, Witness: witness}, TemperatureC: r.Body.TemperatureDecicelsius,
	})
	out, err := s.oneCheck(ctx, c, err)
	return gen.BeginCheck201JSONResponse(out), err
}

// ReadCheck reads one.
func (s *Server) ReadCheck(ctx context.Context, r gen.ReadCheckRequestObject) (gen.ReadCheckResponseObject, error) {
	c, err := s.calibration.Check(ctx, principalOf(ctx).clinic, idOf[calibration.CheckID](r.Id))
	out, err := s.oneCheck(ctx, c, err)
	return gen.ReadCheck200JSONResponse(out), err
}

// fresh is how old a live reading may be to be taken for what the scale shows now.
const fresh = 3 * time.Second

// shown is the weight that a window's scale shows now.
func (s *Server) shown(ctx context.Context, st equipment.StationID) (weight measure.Weight, serial string, err error) {
	r, ok := s.readings.of(st)
	if !ok || s.now().Sub(r.at) > fresh || r.Scale.State != gen.LiveDeviceStateReady || r.Scale.WeightUg == nil || !r.Scale.Stable {
		return 0, "", fault.New(fault.Conflict, "check.no_reading", "the scale of station %s shows no stable weight", st)
	}
	w, err := s.equipment.Station(ctx, principalOf(ctx).clinic, st)
	for _, d := range w.Devices {
		if d.Kind == equipment.Scale {
			serial = d.Serial
		}
	}
	return measure.Weight(*r.Scale.WeightUg), serial, err
}

// WeighForCheck takes the scale's reading of a check weight.
func (s *Server) WeighForCheck(ctx context.Context, r gen.WeighForCheckRequestObject) (gen.WeighForCheckResponseObject, error) {
	p := principalOf(ctx)
	c, err := s.calibration.Check(ctx, p.clinic, idOf[calibration.CheckID](r.Id))
	if err != nil {
		return nil, err
	}
	weight, serial, err := s.shown(ctx, c.Station)
	if err != nil {
		return nil, err
	}
	c, err = s.calibration.Weigh(ctx, calibration.Reading{
		Clinic: p.clinic, Check: c.ID, By: p.member, Nominal: measure.Weight(r.Body.NominalUg), Shown: weight, Weights: r.Body.Weights,
		ScaleSerial: serial,
	})
	out, err := s.oneCheck(ctx, c, err)
	return gen.WeighForCheck200JSONResponse(out), err
}

// PourForCheck orders the prime or shot that is due.
func (s *Server) PourForCheck(ctx context.Context, r gen.PourForCheckRequestObject) (gen.PourForCheckResponseObject, error) {
	p := principalOf(ctx)
	pour, err := s.calibration.PourNext(ctx, calibration.PourRequest{
		ID: idOf[calibration.PourID](r.Body.Id), Clinic: p.clinic, Check: idOf[calibration.CheckID](r.Id), By: p.member,
	})
	return gen.PourForCheck201JSONResponse(pourOut(pour)), err
}

// FinishCheck judges a check.
func (s *Server) FinishCheck(ctx context.Context, r gen.FinishCheckRequestObject) (gen.FinishCheckResponseObject, error) {
	p := principalOf(ctx)
	if err := s.signed(ctx, r.Body.Pin); err != nil {
		return nil, err
	}
	c, err := s.calibration.Finish(ctx, p.clinic, p.member, idOf[calibration.CheckID](r.Id))
	out, err := s.oneCheck(ctx, c, err)
	return gen.FinishCheck200JSONResponse(out), err
}

// ReadCheckPour reads a prime or a shot.
func (s *Server) ReadCheckPour(ctx context.Context, r gen.ReadCheckPourRequestObject) (gen.ReadCheckPourResponseObject, error) {
	p, err := s.calibration.Pour(ctx, principalOf(ctx).clinic, idOf[calibration.PourID](r.Id))
	return gen.ReadCheckPour200JSONResponse(pourOut(p)), err
}

// CancelCheckPour asks the counter for its word that it will not pour.
func (s *Server) CancelCheckPour(ctx context.Context, r gen.CancelCheckPourRequestObject) (gen.CancelCheckPourResponseObject, error) {
	p, err := s.calibration.Pour(ctx, principalOf(ctx).clinic, idOf[calibration.PourID](r.Id))
	if err != nil {
		return nil, err
	}
	if p.State != calibration.Reserved && p.State != calibration.Held {
		return nil, fault.New(fault.Conflict, "pour.state", "pour %s is %s", p.ID, p.State).With("state", string(p.State))
	}
	s.hub.askCancel(dispensing.ID(p.ID), p.Station)
	return gen.CancelCheckPour202JSONResponse(pourOut(p)), nil
}

// SettleCheckPour records what two people say of a pour in doubt.
func (s *Server) SettleCheckPour(ctx context.Context, r gen.SettleCheckPourRequestObject) (gen.SettleCheckPourResponseObject, error) {
	p := principalOf(ctx)
	witness, err := s.witness(ctx, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	pour, err := s.calibration.Settle(ctx, calibration.Settlement{
		Clinic: p.clinic, Pour: idOf[calibration.PourID](r.Id), Pair: staff.Pair{By: p.member, Witness: witness},
		Moved: measure.Volume(r.Body.MovedUl), Reason: r.Body.Reason,
	})
	return gen.SettleCheckPour200JSONResponse(pourOut(pour)), err
}

// ListPrimes lists the primes outside of checks.
func (s *Server) ListPrimes(ctx context.Context, r gen.ListPrimesRequestObject) (gen.ListPrimesResponseObject, error) {
	limit := limitOf(r.Params.Limit)
	found, err := s.calibration.Primes(ctx, calibration.Filter{
		Clinic: principalOf(ctx).clinic, Station: idOf[equipment.StationID](r.Id), Before: value(r.Params.Cursor), Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(p calibration.Pour) string { return string(p.ID) })
	return gen.ListPrimes200JSONResponse{Items: each(found, pourOut), Next: next}, nil
}

// PrimeStation orders a prime outside of a check.
func (s *Server) PrimeStation(ctx context.Context, r gen.PrimeStationRequestObject) (gen.PrimeStationResponseObject, error) {
	p := principalOf(ctx)
	witness, err := s.witness(ctx, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	pour, err := s.calibration.Prime(ctx, calibration.PrimeRequest{
		ID: idOf[calibration.PourID](r.Body.Id), Clinic: p.clinic, Station: idOf[equipment.StationID](r.Id),
		Pair: staff.Pair{By: p.member, Witness: witness}, Volume: measure.Volume(r.Body.VolumeUl),
	})
	return gen.PrimeStation201JSONResponse(pourOut(pour)), err
}

func (s *Server) recalibrationOut(ctx context.Context) func(calibration.Recalibration) gen.Recalibration {
	return func(r calibration.Recalibration) gen.Recalibration {
		return gen.Recalibration{
			Id: gen.UUID(r.ID), Station: gen.UUID(r.Station), Device: gen.UUID(r.Device), Kind: gen.RecalibrationKind(r.Kind),
			Method: r.Method, FactorBefore: r.FactorBefore, FactorAfter: r.FactorAfter, Note: r.Note, By: gen.UUID(r.By),
			ByName: s.nameOf(ctx, string(r.By)), RecordedAt: at(r.Recorded),
		}
	}
}

// ListRecalibrations lists what was done to a window's pumps.
func (s *Server) ListRecalibrations(ctx context.Context, r gen.ListRecalibrationsRequestObject) (gen.ListRecalibrationsResponseObject, error) {
	limit := limitOf(r.Params.Limit)
	found, err := s.calibration.Recalibrations(ctx, calibration.Filter{
		Clinic: principalOf(ctx).clinic, Station: idOf[equipment.StationID](r.Id), Before: value(r.Params.Cursor), Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(r calibration.Recalibration) string { return string(r.ID) })
	return gen.ListRecalibrations200JSONResponse{Items: each(found, s.recalibrationOut(ctx)), Next: next}, nil
}

// Recalibrate signs what was done to a pump.
func (s *Server) Recalibrate(ctx context.Context, r gen.RecalibrateRequestObject) (gen.RecalibrateResponseObject, error) {
	p, b := principalOf(ctx), r.Body
	if err := s.signed(ctx, b.Pin); err != nil {
		return nil, err
	}
	out, err := s.calibration.Recalibrate(ctx, p.member, calibration.Recalibration{
		ID: idOf[calibration.RecalibrationID](b.Id), Clinic: p.clinic, Station: idOf[equipment.StationID](r.Id),
		Kind: calibration.RecalibrationKind(b.Kind), Method: b.Method, FactorBefore: b.FactorBefore, FactorAfter: b.FactorAfter, Note: b.Note,
	})
	if err != nil {
		return nil, err
	}
	return gen.Recalibrate201JSONResponse(s.recalibrationOut(ctx)(out)), nil
}

// ReadControlChart shows scale less pump of a window's doses.
func (s *Server) ReadControlChart(ctx context.Context, r gen.ReadControlChartRequestObject) (gen.ReadControlChartResponseObject, error) {
	c := principalOf(ctx).clinic
	w, err := s.equipment.Station(ctx, c, idOf[equipment.StationID](r.Id))
	if err != nil {
		return nil, err
	}
	worth, err := s.worth(ctx)
	if err != nil {
		return nil, err
	}
	out := gen.ControlChart{Station: gen.UUID(w.ID), Points: []gen.ControlPoint{}, Drift: worth.drift(w.ID, "")}
	lot := idOf[stock.LotID](value(r.Params.Lot))
	if lot == "" && w.Bottle != "" {
		b, err := s.stock.Bottle(ctx, c, stock.BottleID(w.Bottle))
		if err != nil {
			return nil, err
		}
		lot = b.Lot
	}
	if lot == "" {
		return gen.ReadControlChart200JSONResponse(out), nil
	}
	l, err := s.stock.Lot(ctx, c, lot)
	if err != nil {
		return nil, err
	}
	chart, err := s.calibration.Chart(ctx, c, w.ID, l.ID)
	if err != nil {
		return nil, err
	}
	out.Lot, out.LotNumber, out.Began, out.Drift = gen.UUID(l.ID), l.Number, chart.Began, worth.drift(w.ID, l.ID)
	out.LimitsKnown, out.LowerPpm, out.CentrePpm, out.UpperPpm = chart.Known, int64(chart.Limits.Lower), int64(chart.Limits.Centre), int64(chart.Limits.Upper)
	for i, d := range chart.Doses {
		p := chart.Points[i]
		out.Points = append(out.Points, gen.ControlPoint{
			At: at(d.At), PumpUl: int64(d.Pump), ScaleUl: int64(d.Scale), DeviationUl: int64(p.Deviation), SharePpm: int64(p.Share),
			LevelPpm: int64(p.Level),
		})
	}
	return gen.ReadControlChart200JSONResponse(out), nil
}

// ReadCheckLimits shows what a check asks for.
func (s *Server) ReadCheckLimits(ctx context.Context, _ gen.ReadCheckLimitsRequestObject) (gen.ReadCheckLimitsResponseObject, error) {
	l, err := s.calibration.Limits(ctx, principalOf(ctx).clinic)
	return gen.ReadCheckLimits200JSONResponse(limitsOut(l)), err
}

// SetCheckLimits signs the clinic's own limits.
func (s *Server) SetCheckLimits(ctx context.Context, r gen.SetCheckLimitsRequestObject) (gen.SetCheckLimitsResponseObject, error) {
	p, b := principalOf(ctx), r.Body
	if err := s.signed(ctx, b.Pin); err != nil {
		return nil, err
	}
	l, err := s.calibration.SetLimits(ctx, p.clinic, p.member, calibration.Limits{
		Levels: each(b.LevelsUl, func(v int64) measure.Volume { return measure.Volume(v) }), Shots: b.Shots, Prime: measure.Volume(b.PrimeUl),
		Bias: drift.Share(b.BiasPpm), Spread: drift.Share(b.SpreadPpm),
		Weights: each(b.WeightsUg, func(w int64) measure.Weight { return measure.Weight(w) }), Tolerance: measure.Weight(b.ToleranceUg),
	})
	return gen.SetCheckLimits200JSONResponse(limitsOut(l)), err
}
