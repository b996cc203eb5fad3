package web

import (
	"net/url"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// registerView is the dispensing register of one day.
type registerView struct {
	Day, Shown, Before, After string
	Rows                      []registerRow
	Doses, Open               int
	Given, Wasted             string
	Files                     []link
	US                        string // the daily log of 21 CFR 1304.24
}

type registerRow struct {
	N                                                         int
	Code, Name, Dose, Volume, Measured, Given, Wasted         string
	Lot, Bottle, Station, Dispenser, Witness, At, Ended, Kind string
	Part                                                      int
	State                                                     tag
}

func showRegister(c *screen) error {
	asked := typedDay(c.r.URL.Query().Get("day"))
	var params clinicapi.ReadDispensingRegisterParams
	if asked != "" {
		params.Day = &asked
	}
	reg, err := call[clinicapi.DispensingRegister](c.api.ReadDispensingRegister(c.r.Context(), &params))
	if err != nil {
		return err
	}
	v := registerView{
		Day: reg.Day, Shown: c.day(reg.Day), Doses: reg.Doses, Open: reg.Open,
		Given: c.volume(reg.GivenUl), Wasted: c.volume(reg.WastedUl),
	}
	v.Files = c.files("/v1/registers/dispensing/file", url.Values{"day": {reg.Day}})
	v.US = "/v1/registers/dispensing/file?" + url.Values{"day": {reg.Day}, "form": {"us"}, "format": {"pdf"}, "lang": {c.lang}}.Encode()
	if t, err := time.Parse(isoDay, reg.Day); err == nil {
		v.Before = t.AddDate(0, 0, -1).Format(isoDay)
		if reg.Day < c.session.Today {
			v.After = t.AddDate(0, 0, 1).Format(isoDay)
		}
	}
	for i, r := range reg.Rows {
		v.Rows = append(v.Rows, registerRow{
			N: i + 1, Code: r.PatientCode, Name: r.PatientName, Dose: c.mass(r.DoseUg), Volume: c.volume(r.VolumeUl),
			Measured: c.volume(r.MeasuredUl), Given: c.volume(r.GivenUl), Wasted: c.volume(r.WastedUl),
			Lot: r.LotNumber, Bottle: r.BottleCode, Station: r.StationName, Dispenser: r.Dispenser, Witness: r.Witness,
			At: c.clock(r.RecordedAt), Ended: c.clock(r.EndedAt), Kind: c.known("dose_kind."+string(r.Kind), ""), Part: r.Part,
			State: c.tag("dispensing", string(r.State)),
		})
	}
	return c.render("register", "", c.t("nav.register"), v)
}
