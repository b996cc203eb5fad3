package web

import (
	"net/url"
	"strconv"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// registerView is the dispensing register of one day.
type registerView struct {
	Day, Shown, Before, After string
	Rows                      []registerRow
	Doses, Open               int
	Given, GivenMass, Wasted  string
	Chain                     string // the last link of the day
	Files                     []link
	US                        bool // the daily log of 21 CFR 1304.24
}

type registerRow struct {
	N                                                         int
	Href                                                      string // to the dose
	Substance, Strength, Dosage, Consumed, Home, Initials     string // of the daily log
	Code, Name, Dose, Volume, Measured, Given, Wasted         string
	Lot, Bottle, Station, Dispenser, Witness, At, Ended, Kind string
	Part                                                      int
	State                                                     tag
}

func showRegister(c *screen) error {
	asked := typedDay(c.r.URL.Query().Get("day"))
	v := registerView{Day: asked, Shown: c.r.URL.Query().Get("day"), US: c.r.URL.Query().Get("form") == "us"}
	var params clinicapi.ReadDispensingRegisterParams
	if asked != "" {
		params.Day = &asked
	}
	reg, err := call[clinicapi.DispensingRegister](c.api.ReadDispensingRegister(c.r.Context(), &params))
	if c.refused(err) {
		v.Day = ""
		return c.render("register", "", c.t("nav.register"), v)
	}
	if err != nil {
		return err
	}
	v.Day, v.Shown, v.Doses, v.Open = reg.Day, c.day(reg.Day), reg.Doses, reg.Open
	v.Given, v.GivenMass, v.Wasted = c.volume(reg.GivenUl), c.mass(reg.GivenUg), c.volume(reg.WastedUl)
	v.Chain = strconv.FormatInt(reg.ChainSeq, 10) + " · " + reg.ChainHash
	file := url.Values{"day": {reg.Day}}
	if v.US {
		file.Set("form", "us")
	}
	v.Files = c.files("/v1/registers/dispensing/file", file)
	if t, err := time.Parse(isoDay, reg.Day); err == nil {
		v.Before = t.AddDate(0, 0, -1).Format(isoDay)
		if reg.Day < c.session.Today {
			v.After = t.AddDate(0, 0, 1).Format(isoDay)
		}
	}
	for _, r := range reg.Rows {
		if v.US && r.GivenUl == 0 { // nothing was dispensed
			continue
		}
		row := registerRow{
			N: len(v.Rows) + 1, Href: c.behind(r.Dispensing, "", ""), Substance: r.ProductName, Strength: c.strength(r.ConcentrationUgMl), Dosage: r.Form, Initials: r.Initials, Code: r.PatientCode, Name: r.PatientName, Dose: c.mass(r.DoseUg), Volume: c.volume(r.VolumeUl),
			Measured: c.volume(r.MeasuredUl), Given: c.volume(r.GivenUl), Wasted: c.volume(r.WastedUl),
			Lot: r.LotNumber, Bottle: r.BottleCode, Station: r.StationName, Dispenser: r.Dispenser, Witness: r.Witness,
			At: c.clock(r.RecordedAt), Ended: c.clock(r.EndedAt), Kind: c.known("dose_kind."+string(r.Kind), ""), Part: r.Part,
			State: c.tag("dispensing", string(r.State)),
		}
		if row.Consumed = c.mass(r.GivenUg); r.State == clinicapi.DispensingStateHandedOver {
			row.Consumed, row.Home = "", row.Consumed
		}
		v.Rows = append(v.Rows, row)
	}
	return c.render("register", "", c.t("nav.register"), v)
}
