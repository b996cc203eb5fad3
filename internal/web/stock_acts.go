package web

import (
	"net/url"
	"strings"

	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// stockActs are what a form of the stock page may do. Each returns what to add to the address that follows.
var stockActs = map[string]func(c *screen, f *form) (string, error){
	"product":   (*screen).addProduct,
	"lot":       (*screen).addLot,
	"lot-state": (*screen).setLotState,
	"density":   (*screen).setDensity,
	"receive":   (*screen).receive,
	"setting":   (*screen).setStock,
}

func actOnStock(c *screen) error {
	act, ok := stockActs[c.r.PathValue("act")]
	if !ok {
		return errNoPage
	}
	more, err := act(c, c.form())
	if err != nil {
		return c.again(err, showStock)
	}
	c.redirect("/stock?done=" + c.r.PathValue("act") + more)
	return nil
}

func (c *screen) addProduct(f *form) (string, error) {
	body := clinicapi.AddProduct{
		Id: f.id(), Name: f.need("name"), ConcentrationUgMl: f.strength("strength"), Form: f.need("form"),
		Registration: f.text("registration"), Gtin: f.text("gtin"),
	}
	if f.err != nil {
		return "", f.err
	}
	_, err := call[done](c.api.AddProduct(c.r.Context(), body))
	return "", err
}

func (c *screen) addLot(f *form) (string, error) {
	body := clinicapi.AddLot{
		Id: f.id(), Product: f.need("product"), Number: f.need("lot_number"), ConcentrationUgMl: f.strength("strength"),
		Expiry: f.day("expiry"), Funding: f.text("funding"),
	}
	if f.err != nil {
		return "", f.err
	}
	_, err := call[done](c.api.AddLot(c.r.Context(), body))
	return "", err
}

func (c *screen) setLotState(f *form) (string, error) {
	lot, body := f.need("lot"), clinicapi.SetLotState{State: clinicapi.LotState(f.need("state")), Reason: f.need("reason"), Witness: f.maybeWitness()}
	if f.err != nil {
		return "", f.err
	}
	_, err := call[done](c.api.SetLotState(c.r.Context(), lot, body))
	return "", err
}

func (c *screen) setDensity(f *form) (string, error) {
	lot, body := f.need("lot"), clinicapi.SetLotDensity{DensityUgMl: f.density("density"), TemperatureDecicelsius: 10 * f.integer("temperature", 10, 40)}
	if f.err != nil {
		return "", f.err
	}
	_, err := call[done](c.api.SetLotDensity(c.r.Context(), lot, body))
	return "", err
}

// receive takes several bottles of one lot into the book. Their ids follow from the act's own, so that the form sent
// twice names the same bottles.
func (c *screen) receive(f *form) (string, error) {
	body := clinicapi.ReceiveBottles{Id: f.id(), Lot: f.need("lot"), Supplier: f.need("supplier"), Document: f.text("document"), Note: f.text("note"), Witness: f.witness()}
	volume, tare := f.volume("label_volume"), f.weight("tare")
	ids := strings.Fields(f.text("bottle_ids"))
	count := f.integer("count", 1, len(ids))
	if f.err != nil {
		return "", f.err
	}
	for _, bottle := range ids[:count] {
		body.Bottles = append(body.Bottles, clinicapi.ReceivedBottle{Id: bottle, LabelVolumeUl: volume, TareWeightUg: tare})
	}
	list, err := call[clinicapi.BottleList](c.api.ReceiveBottles(c.r.Context(), body))
	if err != nil {
		return "", err
	}
	codes := make([]string, len(list.Items))
	for i, b := range list.Items {
		codes[i] = b.Code
	}
	return "&codes=" + url.QueryEscape(strings.Join(codes, " ")), nil
}

// receiveMost is how many bottles one form receives at most.
const receiveMost = 60

// bottleIDs are made when the form is shown, like every id of an act.
func (stockView) BottleIDs() string {
	ids := make([]string, receiveMost)
	for i := range ids {
		ids[i] = id.New[string]()
	}
	return strings.Join(ids, " ")
}

// bottleActs are what a form of a bottle's page may do.
var bottleActs = map[string]func(c *screen, f *form, bottle string) error{
	"open":       (*screen).openBottle,
	"empty":      (*screen).emptyBottle,
	"quarantine": (*screen).quarantineBottle,
	"release":    (*screen).releaseBottle,
	"end":        (*screen).endBottle,
	"move":       (*screen).postMove,
	"mount":      (*screen).mountBottle,
}

func actOnBottle(c *screen) error {
	act, ok := bottleActs[c.r.PathValue("act")]
	if !ok {
		return errNoPage
	}
	if err := act(c, c.form(), c.r.PathValue("id")); err != nil {
		return c.again(err, showBottle)
	}
	c.redirect("/stock/bottles/" + c.r.PathValue("id") + "?done=bottle_" + c.r.PathValue("act"))
	return nil
}

func (c *screen) openBottle(f *form, bottle string) error {
	body := clinicapi.OpenBottle{Id: f.id(), GrossWeightUg: f.weight("gross"), Reason: f.text("reason"), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.OpenBottle(c.r.Context(), bottle, body))
	return err
}

func (c *screen) emptyBottle(f *form, bottle string) error {
	body := clinicapi.EmptyBottle{Id: f.id(), TareWeightUg: f.weight("tare")}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.EmptyBottle(c.r.Context(), bottle, body))
	return err
}

func (c *screen) quarantineBottle(f *form, bottle string) error {
	body := clinicapi.QuarantineBottle{Reason: f.need("reason")}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.QuarantineBottle(c.r.Context(), bottle, body))
	return err
}

func (c *screen) releaseBottle(f *form, bottle string) error {
	body := clinicapi.ReleaseBottle{Reason: f.need("reason"), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.ReleaseBottle(c.r.Context(), bottle, body))
	return err
}

func (c *screen) endBottle(f *form, bottle string) error {
	body := clinicapi.EndBottle{Id: f.id(), As: clinicapi.EndBottleAs(f.need("as")), Reason: f.need("reason"), Witness: f.witness()}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.EndBottle(c.r.Context(), bottle, body))
	return err
}

func (c *screen) postMove(f *form, bottle string) error {
	body := clinicapi.PostMove{
		Id: f.id(), Bottle: bottle, Kind: clinicapi.PostMoveKind(f.need("kind")), AmountUl: f.volume("amount"),
		Reason: f.need("reason"), Witness: f.maybeWitness(),
	}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.PostMove(c.r.Context(), body))
	return err
}

func (c *screen) mountBottle(f *form, _ string) error {
	station, body := f.need("station"), clinicapi.MountBottle{Code: f.need("code")}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.MountBottle(c.r.Context(), station, body))
	return err
}
