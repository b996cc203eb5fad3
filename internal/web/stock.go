package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// stockView is the store room: what there is, where it is, and what can be done with it.
type stockView struct {
	Lots     []lotRow
	Bottles  []bottleView
	Products []clinicapi.Product
	Received []string // codes that were just given, to be put on the labels
}

type lotRow struct {
	ID, Number, Product, Strength, Density, Expiry, Funding string
	State                                                   tag
	Expired                                                 bool
	Store, Open, Reserved, Doubt, Given, Wasted             string
	Loss, Surplus                                           string
}

type bottleView struct {
	ID, Code, Lot, Product, Strength, Expiry string
	Place                                    string
	State                                    tag
	LotState                                 tag
	Remaining, Label                         string
	Fill                                     int // per cent of the label volume, for the bar
	Negative, Expired                        bool
	Opened                                   string
	Sealed, InUse, Quarantined               bool
}

func (c *screen) bottle(b clinicapi.Bottle) bottleView {
	left := b.RemainingUl
	if b.State == clinicapi.BottleStateSealed {
		left = b.Balance[string(clinicapi.AccountStore)]
	}
	v := bottleView{
		ID: b.Id, Code: b.Code, Lot: b.LotNumber, Product: b.ProductName, Strength: c.strength(b.ConcentrationUgMl), Expiry: c.day(b.Expiry),
		Place: c.known("place."+string(b.Place), string(b.Place)),
		State: c.tag("bottle", string(b.State)), LotState: c.tag("lot", string(b.LotState)),
		Remaining: c.volume(left), Label: c.volume(b.LabelVolumeUl), Negative: left < 0,
		Expired: b.Expiry < c.session.Today, Opened: c.moment(b.OpenedAt),
		Sealed: b.State == clinicapi.BottleStateSealed, InUse: b.State == clinicapi.BottleStateInUse, Quarantined: b.State == clinicapi.BottleStateQuarantined,
	}
	if b.LabelVolumeUl > 0 {
		v.Fill = int(max(0, min(100, left*100/b.LabelVolumeUl)))
	}
	return v
}

func showStock(c *screen) error {
	v := stockView{Received: strings.Fields(c.r.URL.Query().Get("codes"))}
	lots, err := call[clinicapi.LotList](c.api.ListLots(c.r.Context()))
	if err != nil {
		return err
	}
	balances, err := call[clinicapi.BalanceList](c.api.ReadBalances(c.r.Context()))
	if err != nil {
		return err
	}
	for _, l := range lots.Items {
		v.Lots = append(v.Lots, c.lot(l, balances.Items))
	}
	bottles, err := call[clinicapi.BottleList](c.api.ListBottles(c.r.Context(), &clinicapi.ListBottlesParams{Limit: new(200)}))
	if err != nil {
		return err
	}
	slices.SortStableFunc(bottles.Items, func(a, b clinicapi.Bottle) int {
		return cmp.Or(cmp.Compare(bottleOrder[a.State], bottleOrder[b.State]), cmp.Compare(a.Expiry, b.Expiry), cmp.Compare(a.Code, b.Code))
	})
	for _, b := range bottles.Items {
		v.Bottles = append(v.Bottles, c.bottle(b))
	}
	products, err := call[clinicapi.ProductList](c.api.ListProducts(c.r.Context()))
	if err != nil {
		return err
	}
	v.Products = products.Items
	return c.render("stock", "", c.t("nav.stock"), v)
}

// bottleOrder puts what is worked with first.
var bottleOrder = map[clinicapi.BottleState]int{
	clinicapi.BottleStateInUse: 0, clinicapi.BottleStateSealed: 1, clinicapi.BottleStateQuarantined: 2,
	clinicapi.BottleStateBroken: 3, clinicapi.BottleStateEmpty: 4, clinicapi.BottleStateDestroyed: 5,
}

func (c *screen) lot(l clinicapi.Lot, balances []clinicapi.LotBalance) lotRow {
	r := lotRow{
		ID: l.Id, Number: l.Number, Product: l.ProductName, Strength: c.strength(l.ConcentrationUgMl), Density: c.density(l.DensityUgMl),
		Expiry: c.day(l.Expiry), Funding: l.Funding, State: c.tag("lot", string(l.State)), Expired: l.Expiry < c.session.Today,
	}
	for _, b := range balances {
		if b.Lot != l.Id {
			continue
		}
		at := func(a clinicapi.Account) int64 { return b.Balance[string(a)] }
		r.Store, r.Open = c.volume(at(clinicapi.AccountStore)), c.volume(at(clinicapi.AccountBottle))
		r.Reserved, r.Doubt = c.volume(at(clinicapi.AccountReserved)), c.volume(at(clinicapi.AccountInDoubt))
		r.Given = c.volume(at(clinicapi.AccountAdministered) + at(clinicapi.AccountTakeHome))
		r.Wasted = c.volume(at(clinicapi.AccountWaste) + at(clinicapi.AccountPurge))
		r.Loss, r.Surplus = c.volume(at(clinicapi.AccountLoss)), c.volume(-at(clinicapi.AccountSurplus))
	}
	return r
}

// bottlePage is one bottle with every line of its inventory.
type bottlePage struct {
	Bottle   bottleView
	Accounts []amountRow
	Moves    []moveRow
	More     string
	Stations []clinicapi.Station
}

type amountRow struct{ Account, Amount string }

type moveRow struct {
	When, From, To, Amount, FromAfter, ToAfter, Reason string
}

func showBottle(c *screen) error {
	bottle := c.r.PathValue("id")
	b, err := call[clinicapi.Bottle](c.api.ReadBottle(c.r.Context(), bottle))
	if err != nil {
		return err
	}
	params := clinicapi.ListMovesParams{Bottle: &bottle, Limit: new(100)}
	if cursor := c.r.URL.Query().Get("cursor"); cursor != "" {
		params.Cursor = &cursor
	}
	moves, err := call[clinicapi.MoveList](c.api.ListMoves(c.r.Context(), &params))
	if err != nil {
		return err
	}
	stations, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
	if err != nil {
		return err
	}
	v := bottlePage{Bottle: c.bottle(b), More: moves.Next, Stations: stations.Items}
	for _, a := range slices.Sorted(maps.Keys(b.Balance)) {
		if b.Balance[a] != 0 {
			v.Accounts = append(v.Accounts, amountRow{c.known("account."+a, a), c.volume(b.Balance[a])})
		}
	}
	for _, m := range moves.Items {
		v.Moves = append(v.Moves, moveRow{
			When: c.moment(m.OccurredAt), From: c.known("account."+string(m.From), string(m.From)), To: c.known("account."+string(m.To), string(m.To)),
			Amount: c.volume(m.AmountUl), FromAfter: c.volume(m.FromAfterUl), ToAfter: c.volume(m.ToAfterUl),
			Reason: c.known("move."+m.Reason, m.Reason),
		})
	}
	return c.render("bottle", "", c.t("stock.bottle"), v)
}
