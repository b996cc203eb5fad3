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
	Places   []placeRow
	Bottles  []bottleView
	Ended    string // the state of the ended bottles that are shown instead, "" for none
	States   []option
	More     string
	Products []clinicapi.Product
}

// placeRow is what stands at one place.
type placeRow struct {
	Name                       string
	Sealed, InUse, Quarantined int
	Left                       string
	left                       int64
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
	var v stockView
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
	if err := c.bottlesOf(&v); err != nil {
		return err
	}
	products, err := call[clinicapi.ProductList](c.api.ListProducts(c.r.Context()))
	if err != nil {
		return err
	}
	v.Products = products.Items
	return c.render("stock", "", c.t("nav.stock"), v)
}

// endedStates are those of bottles that are no longer here.
var endedStates = []clinicapi.BottleState{clinicapi.BottleStateEmpty, clinicapi.BottleStateBroken, clinicapi.BottleStateDestroyed}

// bottlesOf lists every bottle that is here, with what stands where; or a page of those that ended.
func (c *screen) bottlesOf(v *stockView) error {
	ended := clinicapi.BottleState(c.r.URL.Query().Get("ended"))
	for _, s := range endedStates {
		v.States = append(v.States, option{string(s), c.known("bottle."+string(s), "")})
		if s != ended {
			continue
		}
		list, err := c.bottlesIn(s, c.r.URL.Query().Get("cursor"))
		if err != nil {
			return err
		}
		v.Ended, v.More = string(s), list.Next
		for _, b := range list.Items {
			v.Bottles = append(v.Bottles, c.bottle(b))
		}
		return nil
	}
	var here []clinicapi.Bottle
	for _, s := range []clinicapi.BottleState{clinicapi.BottleStateInUse, clinicapi.BottleStateSealed, clinicapi.BottleStateQuarantined} {
		for cursor := "start"; cursor != ""; {
			list, err := c.bottlesIn(s, strings.TrimPrefix(cursor, "start"))
			if err != nil {
				return err
			}
			here, cursor = append(here, list.Items...), list.Next
		}
	}
	slices.SortStableFunc(here, func(a, b clinicapi.Bottle) int {
		return cmp.Or(cmp.Compare(bottleOrder[a.State], bottleOrder[b.State]), cmp.Compare(a.Expiry, b.Expiry), cmp.Compare(a.Code, b.Code))
	})
	at, err := c.pumps()
	if err != nil {
		return err
	}
	for _, b := range here {
		row := c.bottle(b)
		if pump := at[b.Id]; pump != "" {
			row.Place = pump
		}
		v.Bottles = append(v.Bottles, row)
		v.stands(row, b)
	}
	for i := range v.Places {
		v.Places[i].Left = c.volume(v.Places[i].left)
	}
	return nil
}

func (c *screen) bottlesIn(state clinicapi.BottleState, cursor string) (clinicapi.BottleList, error) {
	params := clinicapi.ListBottlesParams{Limit: new(200), State: &state}
	if cursor != "" {
		params.Cursor = &cursor
	}
	return call[clinicapi.BottleList](c.api.ListBottles(c.r.Context(), &params))
}

// pumps names the window at whose pump each mounted bottle stands.
func (c *screen) pumps() (map[string]string, error) {
	out := map[string]string{}
	stations, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
	if err != nil {
		return nil, err
	}
	for _, s := range stations.Items {
		if s.Bottle.Id != "" {
			out[s.Bottle.Id] = s.Name
		}
	}
	return out, nil
}

// stands adds a bottle to the line of its place.
func (v *stockView) stands(row bottleView, b clinicapi.Bottle) {
	i := slices.IndexFunc(v.Places, func(p placeRow) bool { return p.Name == row.Place })
	if i < 0 {
		i, v.Places = len(v.Places), append(v.Places, placeRow{Name: row.Place})
	}
	p := &v.Places[i]
	p.left += b.RemainingUl
	switch {
	case row.Sealed:
		p.Sealed++
	case row.InUse:
		p.InUse++
	default:
		p.Quarantined++
	}
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
	Weights  []weightRow
	Station  string   // at whose pump it stands, "" for none
	Papers   []option // that may be written of it
}

// weightRow is one weighing beside the book of that moment.
type weightRow struct{ When, Occasion, Gross, Content, Book, Off, Person string }

// papersOf are the kinds of paper that are written of a bottle in a state.
var papersOf = map[clinicapi.BottleState][]string{
	clinicapi.BottleStateSealed:      {"open", "transfer", "abnormal", "return", "loss", "surplus", "break", "destroy"},
	clinicapi.BottleStateInUse:       {"change", "waste", "empty", "consolidate", "transfer", "loss", "surplus", "return", "break", "abnormal", "destroy"},
	clinicapi.BottleStateQuarantined: {"transfer", "loss", "surplus", "return", "break", "destroy", "empty"},
	clinicapi.BottleStateEmpty:       {"surplus", "destroy"},
	clinicapi.BottleStateBroken:      {"surplus", "destroy"},
	clinicapi.BottleStateDestroyed:   {"surplus"},
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
	at, err := c.pumps()
	if err != nil {
		return err
	}
	v := bottlePage{Bottle: c.bottle(b), More: moves.Next, Station: at[bottle]}
	for _, k := range papersOf[b.State] {
		v.Papers = append(v.Papers, option{k, c.known("paper."+k, k)})
	}
	if v.Weights, err = c.weights(b); err != nil {
		return err
	}
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

// weights lists the weighings of a bottle, newest first.
func (c *screen) weights(b clinicapi.Bottle) (rows []weightRow, err error) {
	list, err := call[clinicapi.BottleWeightList](c.api.ListBottleWeights(c.r.Context(), b.Id))
	if err != nil {
		return nil, err
	}
	for _, w := range slices.Backward(list.Items) {
		r := weightRow{
			When: c.moment(w.RecordedAt), Occasion: c.known("occasion."+string(w.Occasion), ""), Gross: c.weight(w.GrossWeightUg),
			Book: c.volume(w.BookUl), Person: w.Person,
		}
		if b.TareWeightUg > 0 && b.DensityUgMl > 0 {
			r.Content, r.Off = c.volume(w.ContentUl), c.signed(w.ContentUl-w.BookUl)
		}
		rows = append(rows, r)
	}
	return rows, nil
}
