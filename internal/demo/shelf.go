package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// shelf is what the pharmacist of one clinic looks after.
type shelf struct {
	product stock.Product
	lots    []stock.Lot // the story's own, by number
	sealed  []stock.Bottle
}

// The medicine of the story, as it is sold in Vietnam: 10 mg/mL in bottles of one litre.
const (
	strength    = 10 * measure.MilligramPerMillilitre
	bottleLabel = measure.Litre
	bottleTare  = 92 * measure.WeightGram
	supplier    = "Công ty dược giả định, Đà Nẵng"
	funding     = "Ngân sách tỉnh"
)

// caseOf is how many bottles a delivery has.
const caseOf = 24

// keep is how many sealed bottles the pharmacist wants on the shelf in the morning.
const keep = 8

func (ch *chapter) loadShelf(ctx context.Context) error {
	products, err := ch.store.Stock().Products(ctx, ch.clinic.ID)
	if err != nil || len(products) == 0 {
		return err
	}
	ch.shelf.product = products[0]
	if ch.shelf.lots, err = ch.store.Stock().Lots(ctx, ch.clinic.ID); err != nil {
		return err
	}
	released := map[stock.LotID]bool{}
	for _, l := range ch.shelf.lots {
		released[l.ID] = l.State == stock.LotReleased
	}
	sealed, err := ch.store.Stock().Bottles(ctx, stock.BottleFilter{Clinic: ch.clinic.ID, States: []stock.BottleState{stock.Sealed}, Limit: 500})
	if err != nil {
		return err
	}
	for _, b := range sealed {
		if released[b.Lot] {
			ch.shelf.sealed = append(ch.shelf.sealed, b)
		}
	}
	return nil
}

// pair is the pharmacist with a colleague as witness.
func (ch *chapter) pair() staff.Pair {
	return staff.Pair{By: ch.team["pharmacist"], Witness: ch.team["pharmacist2"]}
}

func (ch *chapter) act(reason string) stock.Act {
	return stock.Act{Clinic: ch.clinic.ID, ID: id.New[stock.DocumentID](), Pair: ch.pair(), Reason: reason}
}

// supervised is an act before the supervisor, as waste takes one.
func (ch *chapter) supervised(reason string) stock.Act {
	a := ch.act(reason)
	a.Witness = ch.team["supervisor"]
	return a
}

// supply takes in a delivery when the shelf runs low.
func (ch *chapter) supply(ctx context.Context, d *desk, day calendar.Day) error {
	if len(ch.shelf.sealed) >= keep {
		return nil
	}
	if ch.shelf.product.ID == "" {
		if err := ch.stockProduct(ctx, d); err != nil {
			return err
		}
	}
	lot, err := ch.newLot(ctx, d, day.AddDays(500))
	if err != nil {
		return err
	}
	bottles, err := ch.receive(ctx, d, lot, caseOf)
	ch.shelf.sealed = append(ch.shelf.sealed, bottles...)
	return err
}

func (ch *chapter) stockProduct(ctx context.Context, d *desk) (err error) {
	ch.shelf.product, err = d.stock.AddProduct(ctx, ch.team["pharmacist"], stock.Product{
		ID: id.New[stock.ProductID](), Clinic: ch.clinic.ID, Name: "Methadon hydroclorid 10 mg/mL (giả định)", Concentration: strength,
		Form: "dung dịch uống", Registration: "VD-00000-00",
	})
	return err
}

// newLot adds the next lot with its measured density, which differs a little from lot to lot.
func (ch *chapter) newLot(ctx context.Context, d *desk, expiry calendar.Day) (stock.Lot, error) {
	number := fmt.Sprintf("LX%02d%03d", ch.site.number, len(ch.shelf.lots)+1)
	lot, err := d.stock.AddLot(ctx, ch.team["pharmacist"], stock.Lot{
		ID: id.New[stock.LotID](), Clinic: ch.clinic.ID, Product: ch.shelf.product.ID, Number: number, Expiry: expiry, Funding: funding,
	})
	if err != nil {
		return stock.Lot{}, err
	}
	density := measure.Density(1_062_000 + 100*ch.chance("density", number).IntN(360))
	if lot, err = d.stock.SetDensity(ctx, ch.clinic.ID, ch.team["pharmacist"], lot.ID, density, 215); err != nil {
		return stock.Lot{}, err
	}
	ch.shelf.lots = append(ch.shelf.lots, lot)
	return lot, nil
}

func (ch *chapter) receive(ctx context.Context, d *desk, lot stock.Lot, n int) ([]stock.Bottle, error) {
	delivery := stock.Delivery{
		Act: ch.act("Nhận thuốc theo biên bản"), Lot: lot.ID, Party: supplier, Number: "BBGN " + lot.Number,
	}
	for range n {
		delivery.Bottles = append(delivery.Bottles, stock.Delivered{ID: id.New[stock.BottleID](), Label: bottleLabel, Tare: bottleTare})
	}
	_, bottles, err := d.stock.Receive(ctx, delivery)
	return bottles, err
}

// uncork opens the oldest sealed bottle. A maker fills a little more than the label says; what the scale finds beyond it
// is surplus.
func (ch *chapter) uncork(ctx context.Context, d *desk) (stock.Bottle, error) {
	if len(ch.shelf.sealed) == 0 {
		return stock.Bottle{}, fmt.Errorf("the shelf of clinic %d is empty", ch.site.number)
	}
	next := ch.shelf.sealed[0]
	ch.shelf.sealed = slices.Delete(ch.shelf.sealed, 0, 1)
	lot, ok := ch.lot(next.Lot)
	if !ok {
		return stock.Bottle{}, fmt.Errorf("bottle %s is of an unknown lot", next.Code)
	}
	overage := measure.Volume(ch.chance("overage", next.Code).IntN(6)) * measure.Millilitre
	liquid, err := lot.Density.Weight(bottleLabel + overage)
	if err != nil {
		return stock.Bottle{}, fmt.Errorf("bottle %s: %w", next.Code, err)
	}
	opened, err := d.stock.Open(ctx, stock.BottleOpening{Act: ch.act("Chai kế tiếp trên kệ"), Bottle: next.ID, Reading: stock.Reading{Gross: bottleTare + liquid}})
	if err != nil {
		return stock.Bottle{}, err
	}
	ch.wait(time.Minute)
	return d.stock.Purge(ctx, stock.Posting{Act: ch.act("Mồi ống bơm"), Bottle: opened.ID, Amount: 2 * measure.Millilitre})
}

// finish weighs what a pump cannot draw from a bottle, pours it away and books the bottle as empty.
func (ch *chapter) finish(ctx context.Context, d *desk, b stock.Bottle, left measure.Volume) error {
	lot, ok := ch.lot(b.Lot)
	if !ok {
		return fmt.Errorf("bottle %s is of an unknown lot", b.Code)
	}
	liquid, err := lot.Density.Weight(max(left, 0))
	if err != nil {
		return fmt.Errorf("bottle %s: %w", b.Code, err)
	}
	_, err = d.stock.Empty(ctx, stock.Ending{
		Act: ch.supervised("Phần đáy chai không hút được"), Bottle: b.ID, Reading: stock.Reading{Gross: bottleTare + liquid}, Tare: bottleTare,
	})
	return err
}

func (ch *chapter) lot(key stock.LotID) (stock.Lot, bool) {
	i := slices.IndexFunc(ch.shelf.lots, func(l stock.Lot) bool { return l.ID == key })
	if i < 0 {
		return stock.Lot{}, false
	}
	return ch.shelf.lots[i], true
}

// oddments puts on the shelf what a pharmacist must see: a lot that soon expires and one in quarantine.
func (ch *chapter) oddments(ctx context.Context, d *desk, today calendar.Day) error {
	soon, err := ch.newLot(ctx, d, today.AddDays(12))
	if err != nil {
		return err
	}
	if _, err := ch.receive(ctx, d, soon, 2); err != nil {
		return err
	}
	odd, err := ch.newLot(ctx, d, today.AddDays(300))
	if err != nil {
		return err
	}
	if _, err := ch.receive(ctx, d, odd, 4); err != nil {
		return err
	}
	_, err = d.stock.SetLotState(ctx, stock.LotChange{
		Clinic: ch.clinic.ID, Lot: odd.ID, To: stock.LotQuarantined, Pair: ch.pair(), Reason: "Chờ kiểm tra: nhãn phụ bị rách khi giao",
	})
	return err
}
