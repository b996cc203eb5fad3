package web

import "github.com/lieu-clinic/lieu/pkg/clinicapi"

// stockActs are what a form of the stock page may do. Each returns what to add to the address that follows.
var stockActs = map[string]func(c *screen, f *form) (string, error){
	"product":   (*screen).addProduct,
	"lot":       (*screen).addLot,
	"lot-state": (*screen).setLotState,
	"density":   (*screen).setDensity,
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

// findStock goes to what was scanned: the bottle of a label, or the lot of a maker's code.
func findStock(c *screen) error {
	f := &form{c: c, values: c.r.URL.Query()}
	code := f.need("code")
	if f.err != nil {
		return c.again(f.err, showStock)
	}
	b, err := call[clinicapi.Bottle](c.api.ReadBottleByCode(c.r.Context(), code))
	if err == nil {
		c.redirect("/stock/bottles/" + b.Id)
		return nil
	}
	lot, scanErr := c.lotScanned(code)
	if scanErr != nil || lot == "" || !c.may("trace.read") {
		return c.again(err, showStock)
	}
	c.redirect("/stock/lots/" + lot)
	return nil
}

// bottleActs are what a form of a bottle's page may do: what does not wait for a paper.
var bottleActs = map[string]func(c *screen, f *form, bottle string) error{
	"quarantine": (*screen).quarantineBottle,
	"release":    (*screen).releaseBottle,
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
