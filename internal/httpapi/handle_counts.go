package httpapi

import (
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// stationNames names the clinic's stations.
func (s *Server) stationNames(ctx context.Context) (map[string]string, error) {
	found, err := s.equipment.Stations(ctx, principalOf(ctx).clinic)
	out := make(map[string]string, len(found))
	for _, w := range found {
		out[string(w.ID)] = w.Name
	}
	return out, err
}

// sessionNow shows a session after an act, and tells the streams of it.
func (s *Server) sessionNow(ctx context.Context, ses stock.Session, err error) (gen.CounterSession, error) {
	if err != nil {
		return gen.CounterSession{}, err
	}
	s.hub.publish(clinicTopic(ses.Clinic), "stock", struct{}{})
	names, err := s.stationNames(ctx)
	if err != nil {
		return gen.CounterSession{}, err
	}
	return s.sessionOut(ctx, names, ses)
}

func (s *Server) sessionOut(ctx context.Context, names map[string]string, ses stock.Session) (gen.CounterSession, error) {
	today, err := s.dayOrToday(ctx, nil)
	if err != nil {
		return gen.CounterSession{}, err
	}
	out := gen.CounterSession{
		Id: gen.UUID(ses.ID), Station: ses.Station, StationName: names[ses.Station], Day: ses.Day.String(), Shift: ses.Shift,
		State: gen.SessionState(ses.State), Overdue: ses.Overdue(today), StartedBy: s.nameOf(ctx, ses.StartedBy), StartedAt: at(ses.StartedAt),
		OpenedAt: at(ses.OpenedAt), ClosedAt: at(ses.ClosedAt), ClosedBy: s.nameOf(ctx, ses.ClosedBy), Witness: s.nameOf(ctx, ses.Witness),
	}
	last, err := s.stock.Counts(ctx, ses.Clinic, ses.ID, 1)
	if err == nil && len(last) > 0 {
		out.Count, out.CountState = gen.UUID(last[0].ID), gen.CountState(last[0].State)
	}
	return out, err
}

// ListCounterSessions lists the sessions of a day, and those that are not closed.
func (s *Server) ListCounterSessions(ctx context.Context, r gen.ListCounterSessionsRequestObject) (gen.ListCounterSessionsResponseObject, error) {
	day, err := s.dayOrToday(ctx, r.Params.Day)
	if err != nil {
		return nil, err
	}
	found, err := s.stock.Sessions(ctx, principalOf(ctx).clinic, day)
	if err != nil {
		return nil, err
	}
	names, err := s.stationNames(ctx)
	if err != nil {
		return nil, err
	}
	out := gen.ListCounterSessions200JSONResponse{Items: make([]gen.CounterSession, len(found))}
	for i, ses := range found {
		if out.Items[i], err = s.sessionOut(ctx, names, ses); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// StartCounterSession begins a counter's shift.
func (s *Server) StartCounterSession(ctx context.Context, r gen.StartCounterSessionRequestObject) (gen.StartCounterSessionResponseObject, error) {
	p, b := principalOf(ctx), r.Body
	ses, err := s.stock.StartSession(ctx, stock.SessionStart{
		Clinic: p.clinic, ID: idOf[stock.SessionID](b.Id), Count: idOf[stock.CountID](b.Count), Station: idOf[string](b.Station),
		Shift: b.Shift, By: p.member,
	})
	out, err := s.sessionNow(ctx, ses, err)
	return gen.StartCounterSession201JSONResponse(out), err
}

// CountCounterSession begins the session's next count.
func (s *Server) CountCounterSession(ctx context.Context, r gen.CountCounterSessionRequestObject) (gen.CountCounterSessionResponseObject, error) {
	p := principalOf(ctx)
	ses, err := s.stock.CountAgain(ctx, p.clinic, p.member, idOf[stock.SessionID](r.Id), idOf[stock.CountID](r.Body.Count))
	out, err := s.sessionNow(ctx, ses, err)
	return gen.CountCounterSession200JSONResponse(out), err
}

// CloseCounterSession closes a reconciled session.
func (s *Server) CloseCounterSession(ctx context.Context, r gen.CloseCounterSessionRequestObject) (gen.CloseCounterSessionResponseObject, error) {
	p := principalOf(ctx)
	w, err := s.witness(ctx, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	ses, err := s.stock.CloseSession(ctx, p.clinic, staff.Pair{By: p.member, Witness: w}, idOf[stock.SessionID](r.Id))
	out, err := s.sessionNow(ctx, ses, err)
	return gen.CloseCounterSession200JSONResponse(out), err
}

// ListCounts lists counts, newest first.
func (s *Server) ListCounts(ctx context.Context, r gen.ListCountsRequestObject) (gen.ListCountsResponseObject, error) {
	found, err := s.stock.Counts(ctx, principalOf(ctx).clinic, idOf[stock.SessionID](value(r.Params.Session)), limitOf(r.Params.Limit))
	if err != nil {
		return nil, err
	}
	names, err := s.stationNames(ctx)
	return gen.ListCounts200JSONResponse{Items: each(found, func(n stock.Count) gen.CountHead {
		return gen.CountHead{
			Id: gen.UUID(n.ID), Session: gen.UUID(n.Session), Station: names[n.Station], Phase: gen.CountHeadPhase(n.Phase),
			State: gen.CountState(n.State), StartedAt: at(n.StartedAt),
		}
	})}, err
}

// countNow shows a count: while it is blind without what anybody found, and without the book.
func (s *Server) countNow(ctx context.Context, key stock.CountID) (gen.Count, error) {
	c := principalOf(ctx).clinic
	n, entries, err := s.stock.Count(ctx, c, key)
	if err != nil {
		return gen.Count{}, err
	}
	names, err := s.stationNames(ctx)
	if err != nil {
		return gen.Count{}, err
	}
	sh, err := s.shelf(ctx, c)
	if err != nil {
		return gen.Count{}, err
	}
	out := gen.Count{
		Id: gen.UUID(n.ID), Session: gen.UUID(n.Session), Station: names[n.Station], Phase: gen.CountPhase(n.Phase), State: gen.CountState(n.State),
		People: []string{}, StartedAt: at(n.StartedAt), SettledAt: at(n.SettledAt), Bottles: make([]gen.CountedBottle, 0, len(n.Bottles)),
	}
	for _, e := range entries {
		if name := s.nameOf(ctx, e.Person); !slices.Contains(out.People, name) {
			out.People = append(out.People, name)
		}
	}
	findings, err := s.stock.Findings(ctx, n, entries)
	if err != nil {
		return gen.Count{}, err
	}
	bottles, err := s.bottles(ctx, c, slices.Clone(n.Bottles))
	if err != nil {
		return gen.Count{}, err
	}
	for _, key := range n.Bottles {
		b := bottles[key]
		out.Bottles = append(out.Bottles, s.countedOut(ctx, sh.lots[b.Lot], b, n, entries, findings[key]))
	}
	return out, nil
}

func (s *Server) countedOut(ctx context.Context, l stock.Lot, b stock.Bottle, n stock.Count, entries []stock.Entry, f stock.Found) gen.CountedBottle {
	out := gen.CountedBottle{
		Bottle: gen.UUID(b.ID), Code: b.Code, LotNumber: l.Number, State: gen.BottleState(b.State), LabelVolumeUl: int64(b.LabelVolume),
		Weighable: l.Density > 0 && b.TareWeight > 0, Entries: []gen.CountEntry{},
	}
	if n.Blind() {
		return out
	}
	for _, e := range entries {
		if e.Bottle == b.ID {
			out.Entries = append(out.Entries, gen.CountEntry{
				Person: s.nameOf(ctx, e.Person), Method: gen.CountMethod(e.Method), GrossWeightUg: int64(e.Gross), CountedUl: int64(e.Counted),
				RecordedAt: at(e.Recorded),
			})
		}
	}
	out.BookUl, out.CountedUl, out.DiffUl, out.Review = int64(f.Book), int64(f.Counted), int64(f.Diff), f.Review
	return out
}

// StartCount begins a count of the store.
func (s *Server) StartCount(ctx context.Context, r gen.StartCountRequestObject) (gen.StartCountResponseObject, error) {
	p := principalOf(ctx)
	n, err := s.stock.StartCount(ctx, p.clinic, p.member, idOf[stock.CountID](r.Body.Id))
	if err != nil {
		return nil, err
	}
	out, err := s.countNow(ctx, n.ID)
	return gen.StartCount201JSONResponse(out), err
}

// ReadCount reads a count.
func (s *Server) ReadCount(ctx context.Context, r gen.ReadCountRequestObject) (gen.ReadCountResponseObject, error) {
	out, err := s.countNow(ctx, idOf[stock.CountID](r.Id))
	return gen.ReadCount200JSONResponse(out), err
}

// EnterCount takes one person's form: of whoever is signed in, or of the person who proves themself.
func (s *Server) EnterCount(ctx context.Context, r gen.EnterCountRequestObject) (gen.EnterCountResponseObject, error) {
	p, key := principalOf(ctx), idOf[stock.CountID](r.Id)
	who := p.member
	if r.Body.Person != nil {
		var err error
		if who, err = s.witness(ctx, optional(r.Body.Person)); err != nil {
			return nil, err
		}
	}
	_, err := s.stock.Enter(ctx, p.clinic, who, key, each(r.Body.Lines, func(l gen.CountLine) stock.Line {
		return stock.Line{
			Bottle: idOf[stock.BottleID](l.Bottle), Method: stock.Method(l.Method), Gross: measure.Weight(l.GrossWeightUg), Volume: measure.Volume(l.VolumeUl),
		}
	}))
	if err != nil {
		return nil, err
	}
	s.hub.publish(clinicTopic(p.clinic), "stock", struct{}{})
	out, err := s.countNow(ctx, key)
	return gen.EnterCount200JSONResponse(out), err
}

// SettleCount writes what a count found into the book.
func (s *Server) SettleCount(ctx context.Context, r gen.SettleCountRequestObject) (gen.SettleCountResponseObject, error) {
	p, key := principalOf(ctx), idOf[stock.CountID](r.Id)
	w, err := s.witness(ctx, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	_, err = s.stock.Settle(ctx, stock.Settlement{
		Clinic: p.clinic, Count: key, Pair: staff.Pair{By: p.member, Witness: w}, Reason: r.Body.Reason,
		Stated: each(r.Body.Stated, func(x gen.StatedCause) stock.Stated {
			return stock.Stated{Bottle: idOf[stock.BottleID](x.Bottle), Cause: reconcile.Cause(x.Cause), Amount: measure.Volume(x.AmountUl)}
		}),
	})
	if err != nil {
		return nil, err
	}
	s.hub.publish(clinicTopic(p.clinic), "stock", struct{}{})
	out, err := s.countNow(ctx, key)
	return gen.SettleCount200JSONResponse(out), err
}

// ListVariances lists what counts found, with their control charts.
func (s *Server) ListVariances(ctx context.Context, r gen.ListVariancesRequestObject) (gen.ListVariancesResponseObject, error) {
	c, q := principalOf(ctx).clinic, r.Params
	f := stock.VarianceFilter{
		Clinic: c, Lot: idOf[stock.LotID](value(q.Lot)), Bottle: idOf[stock.BottleID](value(q.Bottle)), Station: idOf[string](value(q.Station)),
		Session: idOf[stock.SessionID](value(q.Session)),
	}
	var err error
	if q.From != nil {
		if f.From, err = dayOf(*q.From); err != nil {
			return nil, err
		}
	}
	if q.To != nil {
		if f.To, err = dayOf(*q.To); err != nil {
			return nil, err
		}
	}
	by := stock.ByLot
	if q.By != nil {
		by = stock.Grouping(*q.By)
	}
	found, series, counted, err := s.stock.Variances(ctx, f, by)
	if err != nil {
		return nil, err
	}
	set, err := s.stock.Setting(ctx, c)
	if err != nil {
		return nil, err
	}
	name, err := s.variancesNamed(ctx, found)
	if err != nil {
		return nil, err
	}
	suspects, err := s.suspects(ctx, f, counted, name)
	if err != nil {
		return nil, err
	}
	return gen.ListVariances200JSONResponse{
		Suspects: suspects,
		Items:    each(found, name.variance), AlarmUl: int64(set.Chart().Alarm),
		Series: each(series, func(x stock.Series) gen.VarianceSeries {
			return gen.VarianceSeries{
				Key: x.Key, Name: name.key(by, x.Key), LossUl: int64(x.Sums.Loss), SurplusUl: int64(x.Sums.Surplus),
				LossUnexplainedUl: int64(x.Unexplained.Loss), SurplusUnexplainedUl: int64(x.Unexplained.Surplus), TurnoverUl: int64(x.Turnover),
				Counts: len(x.Points), Points: each(x.Points, pointOut),
			}
		}),
	}, nil
}

// suspects names what the alarms of the counts, and those of the doses, point to. Doses are looked at for the whole clinic
// only: a part of them tells no pump from a lot.
func (s *Server) suspects(ctx context.Context, f stock.VarianceFilter, counted []stock.Suspect, name variancesNamed) ([]gen.VarianceSuspect, error) {
	out := each(counted, func(x stock.Suspect) gen.VarianceSuspect {
		return gen.VarianceSuspect{
			By: gen.VarianceSuspectBy(x.By), SeenBy: "count", Key: x.Key, Name: name.key(x.By, x.Key), SinceAt: at(x.Since),
			NoticedAt: at(x.Noticed), SumUl: int64(x.Sum),
		}
	})
	w, err := s.worth(ctx)
	if err != nil || w.warn == 0 || f != (stock.VarianceFilter{Clinic: f.Clinic}) {
		return out, err
	}
	shifts, err := s.calibration.Shifts(ctx, f.Clinic, w.warn)
	if err != nil {
		return nil, err
	}
	for _, x := range shifts {
		by, key, word := stock.ByCounter, string(x.Station), gen.VarianceSuspectBy(stock.ByCounter)
		switch x.Origin {
		case drift.OfLot:
			by, key, word = stock.ByLot, string(x.Lot), gen.VarianceSuspectBy(stock.ByLot)
		case drift.Undecided:
			word = gen.VarianceSuspectBy(drift.Undecided)
		case drift.OfPump:
		}
		out = append(out, gen.VarianceSuspect{
			By: word, SeenBy: "dose", Key: key, Name: name.key(by, key), SinceAt: at(x.Began), NoticedAt: at(x.Noticed),
			MeanPpm: int64(x.Mean), Certain: x.Certain,
		})
	}
	return out, nil
}

func pointOut(p reconcile.Charted) gen.ChartPoint {
	return gen.ChartPoint{
		At: at(p.At), DiffUl: int64(p.Diff), SumUl: int64(p.Sum), HighUl: int64(p.High), LowUl: int64(p.Low), Alarm: p.Alarm, Since: at(p.Since),
	}
}

// variancesNamed names everything that variances refer to.
type variancesNamed struct {
	lots     map[stock.LotID]stock.Lot
	bottles  map[stock.BottleID]string
	stations map[string]string
	person   func(string) string
}

func (s *Server) variancesNamed(ctx context.Context, found []stock.Variance) (n variancesNamed, err error) {
	c := principalOf(ctx).clinic
	sh, err := s.shelf(ctx, c)
	if err != nil {
		return n, err
	}
	n = variancesNamed{lots: sh.lots, bottles: map[stock.BottleID]string{}, person: func(who string) string { return s.nameOf(ctx, who) }}
	if n.stations, err = s.stationNames(ctx); err != nil {
		return n, err
	}
	bottles, err := s.bottles(ctx, c, each(found, func(v stock.Variance) stock.BottleID { return v.Bottle }))
	for key, b := range bottles {
		n.bottles[key] = b.Code
	}
	return n, err
}

func (n variancesNamed) key(by stock.Grouping, key string) string {
	switch by {
	case stock.ByLot:
		return n.lots[stock.LotID(key)].Number
	case stock.ByBottle:
		if code := n.bottles[stock.BottleID(key)]; code != "" {
			return code
		}
	case stock.ByCounter:
		return n.stations[key]
	case stock.ByPerson:
		return n.person(key)
	}
	return key
}

func (n variancesNamed) variance(v stock.Variance) gen.Variance {
	return gen.Variance{
		Bottle: gen.UUID(v.Bottle), BottleCode: n.bottles[v.Bottle], Lot: gen.UUID(v.Lot), LotNumber: n.lots[v.Lot].Number,
		StationName: n.stations[v.Station], Person: n.person(v.Person), Day: v.Day.String(), Shift: v.Shift, BookUl: int64(v.Book),
		CountedUl: int64(v.Counted), DiffUl: int64(v.Diff.Volume), DiffUg: int64(v.Diff.Mass), DiffPpm: v.Diff.PPM, TurnoverUl: int64(v.Turnover),
		Parts: each(v.Parts, func(p reconcile.Part) gen.VariancePart {
			return gen.VariancePart{Cause: gen.VariancePartCause(p.Cause), AmountUl: int64(p.Amount), Since: at(p.Since)}
		}),
		BeganAt: at(v.Began), Review: v.Review, Document: gen.UUID(v.Document), RecordedAt: at(v.Recorded),
	}
}
