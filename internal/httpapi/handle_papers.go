package httpapi

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func deliveredIn(in gen.ReceivedBottle) stock.Delivered {
	return stock.Delivered{
		ID: idOf[stock.BottleID](in.Id), Label: measure.Volume(in.LabelVolumeUl), Measured: measure.Volume(in.MeasuredUl),
		Tare: measure.Weight(in.TareWeightUg), Finding: in.Finding, Scanned: in.Scanned,
	}
}

func deliveredOut(d stock.Delivered) gen.ReceivedBottle {
	return gen.ReceivedBottle{
		Id: gen.UUID(d.ID), LabelVolumeUl: int64(d.Label), MeasuredUl: int64(d.Measured), TareWeightUg: int64(d.Tare),
		Finding: d.Finding, Scanned: d.Scanned,
	}
}

func paperIn(p gen.DraftPaper) stock.Paper {
	return stock.Paper{
		Bottle: idOf[stock.BottleID](p.Bottle), Bottles: each(p.Bottles, idOf[stock.BottleID]), Into: idOf[stock.BottleID](p.Into),
		Station: idOf[string](p.Station), From: stock.Place(p.From), To: stock.Place(p.To), Amount: measure.Volume(p.AmountUl),
		Gross: measure.Weight(p.GrossWeightUg), Out: measure.Weight(p.OutGrossWeightUg), Lot: idOf[stock.LotID](p.Lot),
		Party: p.Party, Number: p.Number, Copies: int(p.Copies), Items: each(p.Items, deliveredIn), Account: stock.Account(p.Account),
		Move: idOf[stock.MoveID](p.Move), Tare: measure.Weight(p.TareWeightUg), Found: (*measure.Volume)(p.FoundUl), Unread: p.Unread,
	}
}

func paperOut(p stock.Paper) gen.DraftPaper {
	return gen.DraftPaper{
		Bottle: gen.UUID(p.Bottle), Bottles: each(p.Bottles, func(b stock.BottleID) gen.UUID { return gen.UUID(b) }), Into: gen.UUID(p.Into),
		Station: p.Station, From: gen.Place(p.From), To: gen.Place(p.To), AmountUl: int64(p.Amount), GrossWeightUg: int64(p.Gross),
		OutGrossWeightUg: int64(p.Out), Lot: gen.UUID(p.Lot), Party: p.Party, Number: p.Number, Copies: int64(p.Copies),
		Items: each(p.Items, deliveredOut), Account: gen.DraftPaperAccount(p.Account), Move: gen.UUID(p.Move), TareWeightUg: int64(p.Tare), FoundUl: (*int64)(p.Found), Unread: p.Unread,
	}
}

func (s *Server) draftOut(ctx context.Context) func(stock.Draft) gen.Draft {
	return func(d stock.Draft) gen.Draft {
		return gen.Draft{
			Id: gen.UUID(d.ID), Kind: gen.DraftKind(d.Kind), State: gen.DraftState(d.State()), Paper: paperOut(d.Paper), Reason: d.Reason,
			Late: d.Late, OccurredAt: at(d.Occurred), MadeBy: s.nameOf(ctx, d.MadeBy), MadeAt: at(d.MadeAt),
			SignedBy: s.nameOf(ctx, d.SignedBy), SignedAt: at(d.SignedAt),
		}
	}
}

// ListDrafts lists papers that wait for a signature.
func (s *Server) ListDrafts(ctx context.Context, _ gen.ListDraftsRequestObject) (gen.ListDraftsResponseObject, error) {
	found, err := s.stock.Drafts(ctx, principalOf(ctx).clinic)
	return gen.ListDrafts200JSONResponse{Items: each(found, s.draftOut(ctx))}, err
}

// SaveDraft writes a paper.
func (s *Server) SaveDraft(ctx context.Context, r gen.SaveDraftRequestObject) (gen.SaveDraftResponseObject, error) {
	p, b := principalOf(ctx), r.Body
	d, err := s.stock.SaveDraft(ctx, p.member, stock.Draft{
		ID: idOf[stock.DocumentID](b.Id), Clinic: p.clinic, Kind: stock.DocumentKind(b.Kind), Paper: paperIn(b.Paper), Reason: b.Reason,
		Late: b.Late, Occurred: calendar.At(b.OccurredAt),
	})
	return gen.SaveDraft201JSONResponse(s.draftOut(ctx)(d)), err
}

// ReadDraft reads one paper.
func (s *Server) ReadDraft(ctx context.Context, r gen.ReadDraftRequestObject) (gen.ReadDraftResponseObject, error) {
	d, err := s.stock.Draft(ctx, principalOf(ctx).clinic, idOf[stock.DocumentID](r.Id))
	return gen.ReadDraft200JSONResponse(s.draftOut(ctx)(d)), err
}

// SignDraft is the first signature, by the PIN of whoever is signed in.
func (s *Server) SignDraft(ctx context.Context, r gen.SignDraftRequestObject) (gen.SignDraftResponseObject, error) {
	p := principalOf(ctx)
	if err := s.signed(ctx, r.Body.Pin); err != nil {
		return nil, err
	}
	d, err := s.stock.SignDraft(ctx, p.clinic, p.member, idOf[stock.DocumentID](r.Id))
	return gen.SignDraft200JSONResponse(s.draftOut(ctx)(d)), err
}

// PostDraft is the second signature, by the PIN of another person, at whosever screen.
func (s *Server) PostDraft(ctx context.Context, r gen.PostDraftRequestObject) (gen.PostDraftResponseObject, error) {
	p, key := principalOf(ctx), idOf[stock.DocumentID](r.Id)
	second, err := s.witness(ctx, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	d, err := s.stock.Draft(ctx, p.clinic, key)
	if err != nil {
		return nil, err
	}
	if d.SignedBy == "" {
		return nil, fault.New(fault.Conflict, "draft.not_signed", "draft %s is %s", key, d.State()).With("state", d.State())
	}
	first, err := s.staff.Member(ctx, p.clinic, staff.ID(d.SignedBy))
	if err != nil {
		return nil, err
	}
	d, err = s.stock.PostDraft(ctx, p.clinic, staff.Pair{By: first, Witness: second}, key)
	if err == nil {
		s.hub.publish(clinicTopic(p.clinic), "stock", struct{}{})
	}
	return gen.PostDraft200JSONResponse(s.draftOut(ctx)(d)), err
}

// DropDraft gives a paper up.
func (s *Server) DropDraft(ctx context.Context, r gen.DropDraftRequestObject) (gen.DropDraftResponseObject, error) {
	p := principalOf(ctx)
	d, err := s.stock.DropDraft(ctx, p.clinic, p.member, idOf[stock.DocumentID](r.Id))
	return gen.DropDraft200JSONResponse(s.draftOut(ctx)(d)), err
}

func (s *Server) documentOut(ctx context.Context) func(stock.Document) gen.Document {
	return func(d stock.Document) gen.Document {
		return gen.Document{
			Id: gen.UUID(d.ID), Kind: gen.DocumentKind(d.Kind), By: s.nameOf(ctx, d.By), Witness: s.nameOf(ctx, d.Witness), Reason: d.Reason,
			Party: d.Party, Number: d.Number, Data: rawObject(d.Data), OccurredAt: at(d.Occurred), RecordedAt: at(d.Recorded),
		}
	}
}

// ListDocuments lists posted documents, newest first.
func (s *Server) ListDocuments(ctx context.Context, r gen.ListDocumentsRequestObject) (gen.ListDocumentsResponseObject, error) {
	limit := limitOf(r.Params.Limit)
	f := stock.DocumentFilter{Clinic: principalOf(ctx).clinic, Before: stock.DocumentID(value(r.Params.Cursor)), Limit: limit + 1}
	if r.Params.Kind != nil {
		f.Kinds = []stock.DocumentKind{stock.DocumentKind(*r.Params.Kind)}
	}
	found, err := s.stock.Documents(ctx, f)
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(d stock.Document) string { return string(d.ID) })
	return gen.ListDocuments200JSONResponse{Items: each(found, s.documentOut(ctx)), Next: next}, nil
}

// ReadDocument reads a document with its moves.
func (s *Server) ReadDocument(ctx context.Context, r gen.ReadDocumentRequestObject) (gen.ReadDocumentResponseObject, error) {
	d, moves, err := s.stock.Document(ctx, principalOf(ctx).clinic, idOf[stock.DocumentID](r.Id))
	return gen.ReadDocument200JSONResponse{Document: s.documentOut(ctx)(d), Moves: each(moves, moveOut)}, err
}

// ReadBottleScan reads the maker's code of a bottle.
func (s *Server) ReadBottleScan(_ context.Context, r gen.ReadBottleScanRequestObject) (gen.ReadBottleScanResponseObject, error) {
	x, err := stock.ReadScan(r.Body.Code, s.now())
	if err != nil {
		return nil, fault.New(fault.Invalid, "scan.unreadable", "%w", err).With("bottle", "")
	}
	return gen.ReadBottleScan200JSONResponse{Gtin: x.GTIN, Lot: x.Lot, Expiry: x.Expiry.String(), Serial: x.Serial}, nil
}

// ListBottleWeights lists the weighings of a bottle beside the book.
func (s *Server) ListBottleWeights(ctx context.Context, r gen.ListBottleWeightsRequestObject) (gen.ListBottleWeightsResponseObject, error) {
	c := principalOf(ctx).clinic
	b, err := s.stock.Bottle(ctx, c, idOf[stock.BottleID](r.Id))
	if err != nil {
		return nil, err
	}
	lot, err := s.stock.Lot(ctx, c, b.Lot)
	if err != nil {
		return nil, err
	}
	found, err := s.stock.Weights(ctx, c, b.ID)
	return gen.ListBottleWeights200JSONResponse{Items: each(found, func(w stock.Weight) gen.BottleWeight {
		out := gen.BottleWeight{
			Occasion: gen.BottleWeightOccasion(w.Occasion), GrossWeightUg: int64(w.Gross), BookUl: int64(w.Book),
			Person: s.nameOf(ctx, w.Person), RecordedAt: at(w.Recorded),
		}
		if lot.Density > 0 && b.TareWeight > 0 {
			if v, err := reconcile.Weighed(w.Gross, b.TareWeight, lot.Density); err == nil {
				out.ContentUl = int64(v)
			}
		}
		return out
	})}, err
}

func settingOut(set stock.Setting) gen.StockSetting {
	return gen.StockSetting{
		CountGate: set.CountGate, ReviewUl: int64(set.Review.Volume), ReviewPermille: int(set.Review.PerMille),
		CoverDays: set.CoverDays, LeadDays: set.LeadDays,
	}
}

// ReadStockSetting shows how the clinic keeps its book.
func (s *Server) ReadStockSetting(ctx context.Context, _ gen.ReadStockSettingRequestObject) (gen.ReadStockSettingResponseObject, error) {
	set, err := s.stock.Setting(ctx, principalOf(ctx).clinic)
	return gen.ReadStockSetting200JSONResponse(settingOut(set)), err
}

// SetStockSetting changes it.
func (s *Server) SetStockSetting(ctx context.Context, r gen.SetStockSettingRequestObject) (gen.SetStockSettingResponseObject, error) {
	p, b := principalOf(ctx), r.Body
	w, err := s.witness(ctx, required(b.Witness))
	if err != nil {
		return nil, err
	}
	set, err := s.stock.PutSetting(ctx, p.clinic, staff.Pair{By: p.member, Witness: w}, stock.Setting{
		CountGate: b.CountGate, Review: reconcile.Review{Volume: measure.Volume(b.ReviewUl), PerMille: int64(b.ReviewPermille)},
		CoverDays: b.CoverDays, LeadDays: b.LeadDays,
	})
	return gen.SetStockSetting200JSONResponse(settingOut(set)), err
}

// ListForecasts shows how long the stock lasts.
func (s *Server) ListForecasts(ctx context.Context, _ gen.ListForecastsRequestObject) (gen.ListForecastsResponseObject, error) {
	found, err := s.stock.Forecasts(ctx, principalOf(ctx).clinic)
	if err != nil {
		return nil, err
	}
	names, err := s.productNames(ctx)
	return gen.ListForecasts200JSONResponse{Items: each(found, func(f stock.Forecast) gen.StockForecast {
		return gen.StockForecast{
			Product: gen.UUID(f.Product), ProductName: names[f.Product], LeftUl: int64(f.Left), PerDayUl: int64(f.PerDay), DaysLeft: f.DaysLeft,
			DaysBasis: f.DaysBasis, RunsOut: f.RunsOut.String(), OrderBy: f.OrderBy.String(), OrderUl: int64(f.Order),
			Expiring: each(f.Expiring, func(e stock.Expiring) gen.ExpiringLot {
				return gen.ExpiringLot{Lot: gen.UUID(e.Lot), LotNumber: e.Number, Expiry: e.Expiry.String(), LeftUl: int64(e.Left), UnusedUl: int64(e.Unused)}
			}),
		}
	})}, err
}
