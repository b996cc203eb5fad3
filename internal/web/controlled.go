package web

import (
	"strings"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// controlledView is the controlled drugs register of one product.
type controlledView struct {
	Form             reportForm
	Product          string
	Products         []choice
	Shown            string
	Name, Dosage     string
	Opening, Closing string
	Before           string // to the lines that made the opening balance
	Sums             []figure
	Rows             []controlledRow
	Notes            []controlledNote
	Files            []link
}

type controlledRow struct {
	Number                      int
	Day, Entered                string
	Who, Code, Address          string
	Authority, Identity, People string
	Amounts                     []string // by side
	Balance                     string
	Notes                       []int
	Href                        string
}

type controlledNote struct {
	Number, Of, By           int
	Day, OfDay, Amount, Says string
	Href                     string
}

// sides are the columns of amounts in their order.
var sides = []clinicapi.ControlledSide{
	clinicapi.ControlledSideObtained, clinicapi.ControlledSideSupplied, clinicapi.ControlledSideOtherOut, clinicapi.ControlledSideOtherIn,
}

func showControlledRegister(c *screen) error {
	v := controlledView{Form: c.reportForm("-" + c.session.Today[5:7]), Product: c.r.URL.Query().Get("product")}
	page := func() error { return c.render("controlled", "", c.t("nav.controlled"), v) }
	p := v.Form.period()
	var err error
	if v.Products, err = c.products(p); c.refused(err) {
		return page()
	}
	if err != nil {
		return err
	}
	if v.Product == "" && len(v.Products) > 0 {
		v.Product = v.Products[0].Value
	}
	if v.Product == "" {
		return page()
	}
	got, err := call[clinicapi.ControlledRegister](c.api.ReadControlledRegister(c.r.Context(), &clinicapi.ReadControlledRegisterParams{
		Product: v.Product, Period: p.name, From: p.from, To: p.to,
	}))
	if c.refused(err) {
		return page()
	}
	if err != nil {
		return err
	}
	v.Shown, v.Name, v.Dosage = c.span(got.From, got.To, got.Ends), got.ProductName+", "+c.strength(got.ConcentrationUgMl), got.Form
	v.Opening, v.Closing, v.Before = c.volume(got.OpeningUl), c.volume(got.ClosingUl), bookBefore(v.Product, got.From)
	for _, side := range sides {
		v.Sums = append(v.Sums, figure{Text: c.volume(got.Sums[string(side)])})
	}
	for _, e := range got.Entries {
		v.Rows = append(v.Rows, c.controlledRow(e))
	}
	for _, n := range got.Notes {
		v.Notes = append(v.Notes, c.controlledNote(n))
	}
	q := p.values()
	q.Set("product", v.Product)
	v.Files = c.files("/v1/registers/controlled/file", q)
	return page()
}

func (c *screen) controlledRow(e clinicapi.ControlledEntry) controlledRow {
	r := controlledRow{
		Number: e.Number, Day: c.day(e.Day), Who: e.Party, Code: e.PatientCode, Authority: e.DocumentNumber, Balance: c.volume(e.BalanceUl),
		People: together(" / ", e.EnteredBy, e.Witness), Notes: e.Notes, Href: c.behind(e.Dispensing, e.Document, e.Station),
	}
	if e.EnteredDay != "" {
		r.Entered = c.t("controlled.entered", "Day", c.day(e.EnteredDay))
	}
	supplied := e.Identity != ""
	switch {
	case supplied:
		r.Address, r.Identity = e.Address, c.t("controlled.identity."+string(e.Identity))
		r.Authority = c.t("controlled.prescription", "N", e.Prescription, "Day", c.day(e.PrescriptionSigned), "Who", e.Prescriber)
		if r.Address == "" {
			r.Address = c.t("controlled.no_address")
		}
	case e.Column != clinicapi.BookColumnReceived || e.AmountUl < 0:
		r.Who = together(" – ", c.t("book_column."+string(e.Column)), e.Party, e.Reason)
		if e.AmountUl < 0 {
			r.Who = c.t("book.correction") + ": " + r.Who
		}
	}
	for _, side := range sides {
		amount := ""
		if side == e.Side {
			amount = c.volume(e.AmountUl)
		}
		r.Amounts = append(r.Amounts, amount)
	}
	return r
}

func (c *screen) controlledNote(n clinicapi.ControlledNote) controlledNote {
	return controlledNote{
		Number: n.Number, Of: n.Of, By: n.By, Day: c.day(n.Day), OfDay: c.day(n.OfDay), Amount: c.volume(n.AmountUl),
		Says: together(". ", n.Reason, n.DocumentNumber, together(" / ", n.EnteredBy, n.Witness)), Href: c.behind("", n.Document, n.Station),
	}
}

// together joins what there is.
func together(separator string, parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, separator)
}
