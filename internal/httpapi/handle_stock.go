package httpapi

import (
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func productOut(p stock.Product) gen.Product {
	return gen.Product{
		Id: gen.UUID(p.ID), Name: p.Name, ConcentrationUgMl: int64(p.Concentration), Form: p.Form, Registration: p.Registration, Gtin: p.GTIN,
	}
}

// products names the clinic's products.
func (s *Server) productNames(ctx context.Context) (map[stock.ProductID]string, error) {
	found, err := s.stock.Products(ctx, principalOf(ctx).clinic)
	out := make(map[stock.ProductID]string, len(found))
	for _, p := range found {
		out[p.ID] = p.Name
	}
	return out, err
}

func lotOut(names map[stock.ProductID]string) func(stock.Lot) gen.Lot {
	return func(l stock.Lot) gen.Lot {
		return gen.Lot{
			Id: gen.UUID(l.ID), Product: gen.UUID(l.Product), ProductName: names[l.Product], Number: l.Number,
			ConcentrationUgMl: int64(l.Concentration), DensityUgMl: int64(l.Density), DensityBy: l.DensityBy, DensityAt: at(l.DensityAt),
			DensityDecicelsius: l.DensityTempC, Expiry: l.Expiry.String(), State: gen.LotState(l.State), Funding: l.Funding,
		}
	}
}

func (s *Server) lotNow(ctx context.Context, l stock.Lot, err error) (gen.Lot, error) {
	if err != nil {
		return gen.Lot{}, err
	}
	names, err := s.productNames(ctx)
	return lotOut(names)(l), err
}

// shelf is what stands beside bottles in a list.
type shelf struct {
	lots  map[stock.LotID]stock.Lot
	names map[stock.ProductID]string
}

func (s *Server) shelf(ctx context.Context, c clinic.ID) (shelf, error) {
	lots, err := s.stock.Lots(ctx, c)
	if err != nil {
		return shelf{}, err
	}
	out := shelf{lots: make(map[stock.LotID]stock.Lot, len(lots))}
	for _, l := range lots {
		out.lots[l.ID] = l
	}
	out.names, err = s.productNames(ctx)
	return out, err
}

// bottles reads these bottles of the clinic by their ids.
func (s *Server) bottles(ctx context.Context, c clinic.ID, ids []stock.BottleID) (map[stock.BottleID]stock.Bottle, error) {
	slices.Sort(ids)
	out := map[stock.BottleID]stock.Bottle{}
	for chunk := range slices.Chunk(slices.Compact(ids), stock.MaxPage) {
		found, err := s.stock.Bottles(ctx, stock.BottleFilter{Clinic: c, IDs: chunk, Limit: stock.MaxPage})
		if err != nil {
			return nil, err
		}
		for _, b := range found {
			out[b.ID] = b
		}
	}
	return out, nil
}

func (sh shelf) bottle(b stock.Bottle) gen.Bottle {
	l := sh.lots[b.Lot]
	return gen.Bottle{
		Id: gen.UUID(b.ID), Code: b.Code, Lot: gen.UUID(b.Lot), LotNumber: l.Number, ProductName: sh.names[l.Product],
		ConcentrationUgMl: int64(l.Concentration), DensityUgMl: int64(l.Density), Expiry: l.Expiry.String(), LotState: gen.LotState(l.State),
		State: gen.BottleState(b.State), Place: gen.Place(b.Place), LabelVolumeUl: int64(b.LabelVolume), TareWeightUg: int64(b.TareWeight), OpenedAt: at(b.OpenedAt),
		OpenedGrossWeightUg: int64(b.OpenedGross), RemainingUl: int64(b.Balance[stock.Store] + b.Balance[stock.InBottle]), Balance: balanceOut(b.Balance),
	}
}

func balanceOut(b stock.Balance) gen.Balance {
	out := make(gen.Balance, len(b))
	for _, a := range stock.Accounts {
		if v, ok := b[a]; ok {
			out[string(a)] = int64(v)
		}
	}
	return out
}

func (s *Server) bottleOut(ctx context.Context, b stock.Bottle) (gen.Bottle, error) {
	sh, err := s.shelf(ctx, b.Clinic)
	return sh.bottle(b), err
}

type stockEvent struct {
	Bottle stock.BottleID `json:"bottle"`
}

// bottleNow shows a bottle after an act, and tells the streams of it.
func (s *Server) bottleNow(ctx context.Context, b stock.Bottle, err error) (gen.Bottle, error) {
	if err != nil {
		return gen.Bottle{}, err
	}
	s.hub.publish(clinicTopic(b.Clinic), "stock", stockEvent{b.ID})
	return s.bottleOut(ctx, b)
}

func moveOut(m stock.Move) gen.Move {
	return gen.Move{
		Id: gen.UUID(m.ID), Bottle: gen.UUID(m.Bottle), Lot: gen.UUID(m.Lot), From: gen.Account(m.From), To: gen.Account(m.To),
		AmountUl: int64(m.Amount), FromAfterUl: int64(m.FromAfter), ToAfterUl: int64(m.ToAfter), Cause: m.Cause, Reason: m.Reason,
		OccurredAt: at(m.Occurred), RecordedAt: at(m.Recorded), Reverses: gen.UUID(m.Reverses),
	}
}

// ListProducts lists the products.
func (s *Server) ListProducts(ctx context.Context, _ gen.ListProductsRequestObject) (gen.ListProductsResponseObject, error) {
	found, err := s.stock.Products(ctx, principalOf(ctx).clinic)
	return gen.ListProducts200JSONResponse{Items: each(found, productOut)}, err
}

// AddProduct adds a product.
func (s *Server) AddProduct(ctx context.Context, r gen.AddProductRequestObject) (gen.AddProductResponseObject, error) {
	who, b := principalOf(ctx), r.Body
	p, err := s.stock.AddProduct(ctx, who.member, stock.Product{
		ID: idOf[stock.ProductID](b.Id), Clinic: who.clinic, Name: b.Name, Concentration: measure.Concentration(b.ConcentrationUgMl),
		Form: b.Form, Registration: b.Registration, GTIN: b.Gtin,
	})
	return gen.AddProduct201JSONResponse(productOut(p)), err
}

// ListLots lists the lots.
func (s *Server) ListLots(ctx context.Context, _ gen.ListLotsRequestObject) (gen.ListLotsResponseObject, error) {
	found, err := s.stock.Lots(ctx, principalOf(ctx).clinic)
	if err != nil {
		return nil, err
	}
	names, err := s.productNames(ctx)
	return gen.ListLots200JSONResponse{Items: each(found, lotOut(names))}, err
}

// AddLot adds a lot.
func (s *Server) AddLot(ctx context.Context, r gen.AddLotRequestObject) (gen.AddLotResponseObject, error) {
	who, b := principalOf(ctx), r.Body
	expiry, err := dayOf(b.Expiry)
	if err != nil {
		return nil, err
	}
	l, err := s.stock.AddLot(ctx, who.member, stock.Lot{
		ID: idOf[stock.LotID](b.Id), Clinic: who.clinic, Product: idOf[stock.ProductID](b.Product), Number: b.Number,
		Concentration: measure.Concentration(b.ConcentrationUgMl), Expiry: expiry, Funding: b.Funding,
	})
	out, err := s.lotNow(ctx, l, err)
	return gen.AddLot201JSONResponse(out), err
}

// SetLotState quarantines, releases or recalls a lot.
func (s *Server) SetLotState(ctx context.Context, r gen.SetLotStateRequestObject) (gen.SetLotStateResponseObject, error) {
	p := principalOf(ctx)
	w, err := s.witness(ctx, optional(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	l, err := s.stock.SetLotState(ctx, stock.LotChange{
		Clinic: p.clinic, Lot: idOf[stock.LotID](r.Id), To: stock.LotState(r.Body.State), Pair: staff.Pair{By: p.member, Witness: w},
		Reason: r.Body.Reason,
	})
	out, err := s.lotNow(ctx, l, err)
	if err == nil {
		s.hub.publish(clinicTopic(p.clinic), "stock", struct{}{})
	}
	return gen.SetLotState200JSONResponse(out), err
}

// SetLotDensity records a measured density.
func (s *Server) SetLotDensity(ctx context.Context, r gen.SetLotDensityRequestObject) (gen.SetLotDensityResponseObject, error) {
	p := principalOf(ctx)
	l, err := s.stock.SetDensity(ctx, p.clinic, p.member, idOf[stock.LotID](r.Id), measure.Density(r.Body.DensityUgMl), r.Body.TemperatureDecicelsius)
	out, err := s.lotNow(ctx, l, err)
	return gen.SetLotDensity200JSONResponse(out), err
}

// ListBottles lists bottles with their balances.
func (s *Server) ListBottles(ctx context.Context, r gen.ListBottlesRequestObject) (gen.ListBottlesResponseObject, error) {
	c, q := principalOf(ctx).clinic, r.Params
	limit := limitOf(q.Limit)
	f := stock.BottleFilter{Clinic: c, Lot: idOf[stock.LotID](value(q.Lot)), After: stock.BottleID(value(q.Cursor)), Limit: limit + 1}
	if q.State != nil {
		f.States = []stock.BottleState{stock.BottleState(*q.State)}
	}
	found, err := s.stock.Bottles(ctx, f)
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(b stock.Bottle) string { return string(b.ID) })
	sh, err := s.shelf(ctx, c)
	return gen.ListBottles200JSONResponse{Items: each(found, sh.bottle), Next: next}, err
}

// ReadBottle reads one bottle.
func (s *Server) ReadBottle(ctx context.Context, r gen.ReadBottleRequestObject) (gen.ReadBottleResponseObject, error) {
	b, err := s.stock.Bottle(ctx, principalOf(ctx).clinic, idOf[stock.BottleID](r.Id))
	if err != nil {
		return nil, err
	}
	out, err := s.bottleOut(ctx, b)
	return gen.ReadBottle200JSONResponse(out), err
}

// ReadBottleByCode reads the bottle of a scanned label.
func (s *Server) ReadBottleByCode(ctx context.Context, r gen.ReadBottleByCodeRequestObject) (gen.ReadBottleByCodeResponseObject, error) {
	b, err := s.stock.BottleByCode(ctx, principalOf(ctx).clinic, r.Code)
	if err != nil {
		return nil, err
	}
	out, err := s.bottleOut(ctx, b)
	return gen.ReadBottleByCode200JSONResponse(out), err
}

// stockAct begins a document of the stock.
func (s *Server) stockAct(ctx context.Context, key gen.UUID, reason string, second *credential) (stock.Act, error) {
	p := principalOf(ctx)
	w, err := s.witness(ctx, second)
	return stock.Act{Clinic: p.clinic, ID: idOf[stock.DocumentID](key), Pair: staff.Pair{By: p.member, Witness: w}, Reason: reason}, err
}

// ReceiveBottles books a delivery.
func (s *Server) ReceiveBottles(ctx context.Context, r gen.ReceiveBottlesRequestObject) (gen.ReceiveBottlesResponseObject, error) {
	b := r.Body
	a, err := s.stockAct(ctx, b.Id, b.Note, required(b.Witness))
	if err != nil {
		return nil, err
	}
	_, bottles, err := s.stock.Receive(ctx, stock.Delivery{
		Act: a, Lot: idOf[stock.LotID](b.Lot), Party: b.Supplier, Number: b.Document, Copies: b.Copies,
		Bottles: each(b.Bottles, deliveredIn),
	})
	if err != nil {
		return nil, err
	}
	s.hub.publish(clinicTopic(a.Clinic), "stock", struct{}{})
	sh, err := s.shelf(ctx, a.Clinic)
	return gen.ReceiveBottles201JSONResponse{Items: each(bottles, sh.bottle)}, err
}

// OpenBottle takes a sealed bottle into use.
func (s *Server) OpenBottle(ctx context.Context, r gen.OpenBottleRequestObject) (gen.OpenBottleResponseObject, error) {
	a, err := s.stockAct(ctx, r.Body.Id, r.Body.Reason, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	b, err := s.stock.Open(ctx, stock.BottleOpening{
		Act: a, Bottle: idOf[stock.BottleID](r.Id), Reading: stock.Reading{Gross: measure.Weight(r.Body.GrossWeightUg), Unread: r.Body.Unread},
	})
	out, err := s.bottleNow(ctx, b, err)
	return gen.OpenBottle200JSONResponse(out), err
}

func readingIn(gross int64, found *int64, unread string) stock.Reading {
	return stock.Reading{Gross: measure.Weight(gross), Found: (*measure.Volume)(found), Unread: unread}
}

// EmptyBottle ends the life of a bottle that is used up.
func (s *Server) EmptyBottle(ctx context.Context, r gen.EmptyBottleRequestObject) (gen.EmptyBottleResponseObject, error) {
	in := r.Body
	a, err := s.stockAct(ctx, in.Id, in.Reason, required(in.Witness))
	if err != nil {
		return nil, err
	}
	b, err := s.stock.Empty(ctx, stock.Ending{
		Act: a, Bottle: idOf[stock.BottleID](r.Id), Reading: readingIn(in.GrossWeightUg, in.FoundUl, in.Unread), Tare: measure.Weight(in.TareWeightUg),
	})
	out, err := s.bottleNow(ctx, b, err)
	return gen.EmptyBottle200JSONResponse(out), err
}

// QuarantineBottle takes a bottle out of use.
func (s *Server) QuarantineBottle(ctx context.Context, r gen.QuarantineBottleRequestObject) (gen.QuarantineBottleResponseObject, error) {
	p := principalOf(ctx)
	b, err := s.stock.QuarantineBottle(ctx, p.clinic, p.member, idOf[stock.BottleID](r.Id), r.Body.Reason)
	out, err := s.bottleNow(ctx, b, err)
	return gen.QuarantineBottle200JSONResponse(out), err
}

// ReleaseBottle puts a bottle back into use.
func (s *Server) ReleaseBottle(ctx context.Context, r gen.ReleaseBottleRequestObject) (gen.ReleaseBottleResponseObject, error) {
	p := principalOf(ctx)
	w, err := s.witness(ctx, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	b, err := s.stock.ReleaseBottle(ctx, p.clinic, staff.Pair{By: p.member, Witness: w}, idOf[stock.BottleID](r.Id), r.Body.Reason)
	out, err := s.bottleNow(ctx, b, err)
	return gen.ReleaseBottle200JSONResponse(out), err
}

// EndBottle books a broken or destroyed bottle.
func (s *Server) EndBottle(ctx context.Context, r gen.EndBottleRequestObject) (gen.EndBottleResponseObject, error) {
	a, err := s.stockAct(ctx, r.Body.Id, r.Body.Reason, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	var b stock.Bottle
	if in := r.Body; in.As == gen.EndBottleAsDestroyed {
		b, err = s.stock.Destroy(ctx, stock.Ending{Act: a, Bottle: idOf[stock.BottleID](r.Id), Reading: readingIn(in.GrossWeightUg, in.FoundUl, in.Unread)})
	} else {
		b, err = s.stock.Broken(ctx, a, idOf[stock.BottleID](r.Id))
	}
	out, err := s.bottleNow(ctx, b, err)
	return gen.EndBottle200JSONResponse(out), err
}

// PostMove books an amount of one bottle.
func (s *Server) PostMove(ctx context.Context, r gen.PostMoveRequestObject) (gen.PostMoveResponseObject, error) {
	b := r.Body
	a, err := s.stockAct(ctx, b.Id, b.Reason, required(b.Witness))
	if err != nil {
		return nil, err
	}
	a.Occurred, a.Late = calendar.At(b.OccurredAt), b.Late
	post, ok := s.postings()[b.Kind]
	if !ok {
		return nil, fault.New(fault.Invalid, keyContract, "kind of move")
	}
	bottle, err := post(ctx, stock.Posting{
		Act: a, Bottle: idOf[stock.BottleID](b.Bottle), Amount: measure.Volume(b.AmountUl), Reading: readingIn(b.GrossWeightUg, b.FoundUl, b.Unread),
	})
	out, err := s.bottleNow(ctx, bottle, err)
	return gen.PostMove201JSONResponse(out), err
}

func (s *Server) postings() map[gen.PostMoveKind]func(context.Context, stock.Posting) (stock.Bottle, error) {
	from := func(a stock.Account) func(context.Context, stock.Posting) (stock.Bottle, error) {
		return func(ctx context.Context, p stock.Posting) (stock.Bottle, error) {
			return s.stock.DestroyWaste(ctx, p, a)
		}
	}
	return map[gen.PostMoveKind]func(context.Context, stock.Posting) (stock.Bottle, error){
		gen.PostMoveKindWaste: s.stock.Waste, gen.PostMoveKindLoss: s.stock.ReportLoss, gen.PostMoveKindSurplus: s.stock.ReportSurplus,
		gen.PostMoveKindPurge: s.stock.Purge, gen.PostMoveKindReturn: s.stock.ReturnToSupplier,
		gen.PostMoveKindDestroyWaste: from(stock.Waste), gen.PostMoveKindDestroyPurge: from(stock.Purge),
	}
}

// ReverseMove answers a mistaken move by its reverse.
func (s *Server) ReverseMove(ctx context.Context, r gen.ReverseMoveRequestObject) (gen.ReverseMoveResponseObject, error) {
	a, err := s.stockAct(ctx, r.Body.Id, r.Body.Reason, required(r.Body.Witness))
	if err != nil {
		return nil, err
	}
	m, err := s.stock.Reverse(ctx, a, idOf[stock.MoveID](r.Id))
	if err != nil {
		return nil, err
	}
	s.hub.publish(clinicTopic(a.Clinic), "stock", stockEvent{m.Bottle})
	return gen.ReverseMove201JSONResponse(moveOut(m)), nil
}

// ListMoves lists lines of the book, newest first.
func (s *Server) ListMoves(ctx context.Context, r gen.ListMovesRequestObject) (gen.ListMovesResponseObject, error) {
	q := r.Params
	limit := limitOf(q.Limit)
	found, err := s.stock.Moves(ctx, stock.MoveFilter{
		Clinic: principalOf(ctx).clinic, Bottle: idOf[stock.BottleID](value(q.Bottle)), Lot: idOf[stock.LotID](value(q.Lot)),
		Document: idOf[stock.DocumentID](value(q.Cause)), Before: stock.MoveID(value(q.Cursor)), Limit: limit + 1,
	})
	if err != nil {
		return nil, err
	}
	found, next := page(found, limit, func(m stock.Move) string { return string(m.ID) })
	return gen.ListMoves200JSONResponse{Items: each(found, moveOut), Next: next}, nil
}

// ReadBalances shows what stands on each account of each lot.
func (s *Server) ReadBalances(ctx context.Context, _ gen.ReadBalancesRequestObject) (gen.ReadBalancesResponseObject, error) {
	c := principalOf(ctx).clinic
	sh, err := s.shelf(ctx, c)
	if err != nil {
		return nil, err
	}
	balances, err := s.stock.LotBalances(ctx, c)
	if err != nil {
		return nil, err
	}
	lots, err := s.stock.Lots(ctx, c)
	return gen.ReadBalances200JSONResponse{Items: each(lots, func(l stock.Lot) gen.LotBalance {
		return gen.LotBalance{
			Lot: gen.UUID(l.ID), LotNumber: l.Number, ProductName: sh.names[l.Product], ConcentrationUgMl: int64(l.Concentration),
			Expiry: l.Expiry.String(), LotState: gen.LotState(l.State), Balance: balanceOut(balances[l.ID]),
		}
	})}, err
}
