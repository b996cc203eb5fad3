package web

import (
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// stationsView is the windows with what stands on them.
type stationsView struct {
	Stations []stationRow
	Code     *clinicapi.EnrolmentCode // shown once, right after it was asked for
	CodeFor  string
	Until    string
}

type stationRow struct {
	ID, Name         string
	Active, Enrolled bool
	Manual           bool
	Connection       tag
	Bottle           *bottleView
	Devices          []deviceRow
	Standing         tag
	Alarm            *alarmView
}

// alarmView is what a control chart asks for.
type alarmView struct{ Severity, Icon, Text string }

// alarm is nil while pump and scale agree.
func (c *screen) alarm(s clinicapi.Station) *alarmView {
	switch s.Drift.Alarm {
	case clinicapi.DriftStandingAlarmWarn:
		return &alarmView{"warning", icons["warning"], c.t("stations.drift_warn", "Level", c.perCent(s.Drift.LevelPpm))}
	case clinicapi.DriftStandingAlarmStop:
		return &alarmView{"stop", icons["stop"], c.t("stations.drift_stop", "Peak", c.perCent(s.Drift.PeakPpm))}
	}
	return nil
}

type deviceRow struct {
	ID, Kind, Model, Serial, Detail, Since string
	State, Check                           tag
}

func showStations(c *screen) error { return c.stations(nil, "") }

func (c *screen) stations(code *clinicapi.EnrolmentCode, station string) error {
	list, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
	if err != nil {
		return err
	}
	v := stationsView{Code: code}
	if code != nil {
		v.Until = c.moment(code.ValidUntil)
	}
	for _, s := range list.Items {
		v.Stations = append(v.Stations, c.stationRow(s))
		if s.Id == station {
			v.CodeFor = s.Name
		}
	}
	return c.render("stations", "", c.t("nav.stations"), v)
}

func (c *screen) stationRow(s clinicapi.Station) stationRow {
	r := stationRow{ID: s.Id, Name: s.Name, Active: s.Active, Enrolled: s.Enrolled, Manual: s.Manual, Connection: c.connection(s), Standing: c.standing(s), Alarm: c.alarm(s)}
	if s.Bottle.Id != "" {
		b := c.bottle(s.Bottle)
		r.Bottle = &b
	}
	for _, d := range s.Devices {
		row := deviceRow{
			ID: d.Id, Kind: c.known("device_kind."+string(d.Kind), string(d.Kind)), Model: d.Model, Serial: d.Serial, Detail: c.ailment(d.Detail),
			Since: c.moment(d.StateAt), State: c.tag("device", string(d.State)),
		}
		if d.Kind == clinicapi.DeviceKindPump || d.Kind == clinicapi.DeviceKindScale {
			row.Check = c.standing(s)
		}
		r.Devices = append(r.Devices, row)
	}
	return r
}

// ailment is the counter's machine word for what ails a device, in the reader's words; one that is not known stays as it is.
func (c *screen) ailment(word string) string { return c.known("trouble."+word, word) }

// connection says whether the counter computer listens, with the age of what was last heard.
func (c *screen) connection(s clinicapi.Station) tag {
	switch {
	case !s.Enrolled:
		return tag{"dull", icons["dull"], c.t("connection.not_enrolled")}
	case s.Live.Connected:
		return tag{"good", icons["good"], c.t("live.connected")}
	case s.Live.Known:
		return tag{"bad", icons["bad"], c.t("connection.lost", "Age", c.n("seconds", int(time.Duration(s.Live.AgeMs)*time.Millisecond/time.Second)))}
	}
	return tag{"warn", icons["warn"], c.t("live.unknown")}
}

func actOnStations(c *screen) error {
	f := c.form()
	var err error
	switch act := c.r.PathValue("act"); act {
	case "mount":
		station, body := f.need("station"), clinicapi.MountBottle{Code: f.text("code")}
		if err = f.err; err == nil {
			_, err = call[done](c.api.MountBottle(c.r.Context(), station, body))
		}
	case "enrol":
		return c.enrol(f)
	case "revoke":
		station, body := f.need("station"), clinicapi.RevokeStation{Reason: f.need("reason")}
		if err = f.err; err == nil {
			_, err = call[done](c.api.RevokeStation(c.r.Context(), station, body))
		}
	case "add":
		body := clinicapi.AddStation{Id: f.id(), Name: f.need("name"), Manual: f.text("manual") == "yes"}
		if err = f.err; err == nil {
			_, err = call[done](c.api.AddStation(c.r.Context(), body))
		}
	case "device":
		err = c.addDevice(f)
	default:
		return errNoPage
	}
	if err != nil {
		return c.again(err, showStations)
	}
	c.redirect("/stations?done=station_" + c.r.PathValue("act"))
	return nil
}

// enrol shows the one-time code. It is not redirected to: a code that is shown once has no address.
func (c *screen) enrol(f *form) error {
	station := f.need("station")
	if f.err != nil {
		return c.again(f.err, showStations)
	}
	code, err := call[clinicapi.EnrolmentCode](c.api.IssueEnrolmentCode(c.r.Context(), station))
	if err != nil {
		return c.again(err, showStations)
	}
	return c.stations(&code, station)
}

func (c *screen) addDevice(f *form) error {
	station := f.need("station")
	body := clinicapi.AddDevice{Id: f.id(), Kind: clinicapi.DeviceKind(f.need("kind")), Model: f.need("model"), Serial: f.text("serial")}
	if body.Kind == clinicapi.DeviceKindPump {
		body.Profile = clinicapi.PumpProfile{
			MinDoseUl: f.volume("min_dose"), MaxDoseUl: f.volume("max_dose"), ResolutionUl: f.volume("resolution"), ResidualUl: f.volume("residual"),
		}
	}
	if f.err != nil {
		return f.err
	}
	_, err := call[done](c.api.AddDevice(c.r.Context(), station, body))
	return err
}
