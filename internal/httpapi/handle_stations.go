package httpapi

import (
	"context"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// worth is what the checks and control charts of the clinic's windows are worth now.
type worth struct {
	today      calendar.Day
	standings  map[equipment.StationID]calibration.Standing
	drifts     []calibration.Drift
	warn, stop drift.Share // of the rule pack; 0 for unset
}

func (s *Server) worth(ctx context.Context) (w worth, err error) {
	c, err := s.clinics.Clinic(ctx, principalOf(ctx).clinic)
	if err != nil {
		return worth{}, err
	}
	if w.today, err = c.Day(s.instant()); err != nil {
		return worth{}, err
	}
	pack, err := s.packs(c.RulePack, c.RulePackVersion)
	if err != nil {
		return worth{}, err
	}
	w.warn, w.stop = pack.DriftWarn.Value, pack.DriftStop.Value
	if w.standings, err = s.calibration.Standings(ctx, c.ID); err != nil {
		return worth{}, err
	}
	w.drifts, err = s.calibration.Drifts(ctx, c.ID)
	return w, err
}

// counts reports whether the check of the day makes a device good with the mounted lot.
func (w worth) counts(st equipment.StationID, lot stock.LotID, d equipment.DeviceID) bool {
	return w.standings[st].Counts(w.today, lot, d)
}

func (w worth) check(st equipment.Station, lot stock.LotID) gen.CheckStanding {
	k := w.standings[st.ID]
	if k.State == calibration.NoCheck {
		return gen.CheckStanding{State: gen.CheckStandingStateNone}
	}
	decides := k.Pump
	if st.Manual {
		decides = k.Scale
	}
	return gen.CheckStanding{
		State: gen.CheckStandingState(k.State), Counts: k.Counts(w.today, lot, decides), Reason: k.Reason, Check: gen.UUID(k.Check),
		Day: k.Day.String(), Since: at(k.Since),
	}
}

func (w worth) drift(st equipment.StationID, lot stock.LotID) gen.DriftStanding {
	out := gen.DriftStanding{Alarm: gen.DriftStandingAlarmNone, WarnPpm: int64(w.warn), StopPpm: int64(w.stop)}
	for _, d := range w.drifts {
		if d.Station != st {
			continue
		}
		out.PeakPpm = max(out.PeakPpm, int64(d.Peak))
		if d.Lot == lot {
			out.Samples, out.LevelPpm = d.N, int64(d.Level)
		}
	}
	switch {
	case w.stop > 0 && out.PeakPpm > int64(w.stop):
		out.Alarm = gen.DriftStandingAlarmStop
	case w.warn > 0 && drift.Share(out.LevelPpm).Abs() > w.warn:
		out.Alarm = gen.DriftStandingAlarmWarn
	}
	return out
}

func deviceOut(w worth, lot stock.LotID) func(equipment.Device) gen.Device {
	return func(d equipment.Device) gen.Device {
		out := gen.Device{
			Id: gen.UUID(d.ID), Station: gen.UUID(d.Station), Kind: gen.DeviceKind(d.Kind), Model: d.Model, Serial: d.Serial,
			State: gen.DeviceState(d.State), StateAt: at(d.StateAt), Detail: d.Detail, VerifiedToday: w.counts(d.Station, lot, d.ID),
		}
		if d.Kind == equipment.Pump {
			out.Profile = gen.PumpProfile{
				MinDoseUl: int64(d.Profile.MinDose), MaxDoseUl: int64(d.Profile.MaxDose),
				ResolutionUl: int64(d.Profile.Resolution), ResidualUl: int64(d.Profile.Residual),
			}
		}
		return out
	}
}

func (s *Server) windowOut(ctx context.Context, w equipment.Window, of worth) (gen.Station, error) {
	out := gen.Station{
		Id: gen.UUID(w.ID), Name: w.Name, Active: w.Active, Enrolled: len(w.PublicKey) > 0, Manual: w.Manual,
		Live: s.live(w.ID), EventSeq: w.EventSeq,
	}
	var lot stock.LotID
	if w.Bottle != "" {
		b, err := s.stock.Bottle(ctx, w.Clinic, stock.BottleID(w.Bottle))
		if err != nil {
			return out, err
		}
		if out.Bottle, err = s.bottleOut(ctx, b); err != nil {
			return out, err
		}
		lot = b.Lot
	}
	out.Devices = each(w.Devices, deviceOut(of, lot))
	out.Check, out.Drift = of.check(w.Station, lot), of.drift(w.ID, lot)
	return out, nil
}

// stationNow reads a station as it is after a change, and lets every cache forget what it was.
func (s *Server) stationNow(ctx context.Context, key equipment.StationID) (gen.Station, error) {
	w, err := s.equipment.Station(ctx, principalOf(ctx).clinic, key)
	if err != nil {
		return gen.Station{}, err
	}
	of, err := s.worth(ctx)
	if err != nil {
		return gen.Station{}, err
	}
	return s.windowOut(ctx, w, of)
}

type stationEvent struct {
	ID equipment.StationID `json:"id"`
}

// stationChanged forgets what is cached of a station, tells the streams, and reads it again.
func (s *Server) stationChanged(ctx context.Context, key equipment.StationID) (gen.Station, error) {
	s.stations.forget(key)
	s.hub.publish(stationTopic(key), "station", stationEvent{key})
	s.hub.publish(clinicTopic(principalOf(ctx).clinic), "station", stationEvent{key})
	return s.stationNow(ctx, key)
}

// ListStations lists the windows.
func (s *Server) ListStations(ctx context.Context, _ gen.ListStationsRequestObject) (gen.ListStationsResponseObject, error) {
	windows, err := s.equipment.Stations(ctx, principalOf(ctx).clinic)
	if err != nil {
		return nil, err
	}
	of, err := s.worth(ctx)
	if err != nil {
		return nil, err
	}
	out := gen.StationList{Items: make([]gen.Station, 0, len(windows))}
	for _, w := range windows {
		st, err := s.windowOut(ctx, w, of)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, st)
	}
	return gen.ListStations200JSONResponse(out), nil
}

// ReadStation reads one window.
func (s *Server) ReadStation(ctx context.Context, r gen.ReadStationRequestObject) (gen.ReadStationResponseObject, error) {
	st, err := s.stationNow(ctx, idOf[equipment.StationID](r.Id))
	return gen.ReadStation200JSONResponse(st), err
}

// AddStation adds a window.
func (s *Server) AddStation(ctx context.Context, r gen.AddStationRequestObject) (gen.AddStationResponseObject, error) {
	p := principalOf(ctx)
	st, err := s.equipment.AddStation(ctx, p.clinic, p.member, equipment.NewStation{
		ID: idOf[equipment.StationID](r.Body.Id), Name: r.Body.Name, Manual: r.Body.Manual,
	})
	if err != nil {
		return nil, err
	}
	out, err := s.stationChanged(ctx, st.ID)
	return gen.AddStation201JSONResponse(out), err
}

// ConfigureStation renames a window or says whether it pours by hand.
func (s *Server) ConfigureStation(ctx context.Context, r gen.ConfigureStationRequestObject) (gen.ConfigureStationResponseObject, error) {
	p := principalOf(ctx)
	st, err := s.equipment.Configure(ctx, p.clinic, p.member, equipment.NewStation{
		ID: idOf[equipment.StationID](r.Id), Name: r.Body.Name, Manual: r.Body.Manual,
	})
	if err != nil {
		return nil, err
	}
	out, err := s.stationChanged(ctx, st.ID)
	return gen.ConfigureStation200JSONResponse(out), err
}

// IssueEnrolmentCode makes a one-time code.
func (s *Server) IssueEnrolmentCode(ctx context.Context, r gen.IssueEnrolmentCodeRequestObject) (gen.IssueEnrolmentCodeResponseObject, error) {
	p := principalOf(ctx)
	code, until, err := s.equipment.IssueEnrolCode(ctx, p.clinic, p.member, idOf[equipment.StationID](r.Id))
	return gen.IssueEnrolmentCode200JSONResponse{Code: code, ValidUntil: at(until)}, err
}

// RevokeStation takes a counter's key away.
func (s *Server) RevokeStation(ctx context.Context, r gen.RevokeStationRequestObject) (gen.RevokeStationResponseObject, error) {
	p := principalOf(ctx)
	st, err := s.equipment.Revoke(ctx, p.clinic, p.member, idOf[equipment.StationID](r.Id), r.Body.Reason)
	if err != nil {
		return nil, err
	}
	out, err := s.stationChanged(ctx, st.ID)
	return gen.RevokeStation200JSONResponse(out), err
}

// MountBottle puts a bottle under the pump by its label, or takes it off.
func (s *Server) MountBottle(ctx context.Context, r gen.MountBottleRequestObject) (gen.MountBottleResponseObject, error) {
	p := principalOf(ctx)
	bottle := ""
	if r.Body.Code != "" {
		b, err := s.stock.BottleByCode(ctx, p.clinic, r.Body.Code)
		if err != nil {
			return nil, err
		}
		bottle = string(b.ID)
	}
	st, err := s.equipment.MountBottle(ctx, p.clinic, p.member, idOf[equipment.StationID](r.Id), bottle)
	if err != nil {
		return nil, err
	}
	out, err := s.stationChanged(ctx, st.ID)
	return gen.MountBottle200JSONResponse(out), err
}

func profileIn(p gen.PumpProfile) equipment.Profile {
	return equipment.Profile{
		MinDose: measure.Volume(p.MinDoseUl), MaxDose: measure.Volume(p.MaxDoseUl),
		Resolution: measure.Volume(p.ResolutionUl), Residual: measure.Volume(p.ResidualUl),
	}
}

// AddDevice registers a device at a window.
func (s *Server) AddDevice(ctx context.Context, r gen.AddDeviceRequestObject) (gen.AddDeviceResponseObject, error) {
	p, b := principalOf(ctx), r.Body
	d, err := s.equipment.RegisterDevice(ctx, p.member, equipment.Device{
		ID: idOf[equipment.DeviceID](b.Id), Clinic: p.clinic, Station: idOf[equipment.StationID](r.Id), Kind: equipment.DeviceKind(b.Kind),
		Model: b.Model, Serial: b.Serial, Profile: profileIn(b.Profile),
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.stationChanged(ctx, d.Station); err != nil {
		return nil, err
	}
	return gen.AddDevice201JSONResponse(deviceOut(worth{}, "")(d)), nil
}

// SetPumpProfile says what a pump may be asked for.
func (s *Server) SetPumpProfile(ctx context.Context, r gen.SetPumpProfileRequestObject) (gen.SetPumpProfileResponseObject, error) {
	p := principalOf(ctx)
	d, err := s.equipment.SetProfile(ctx, p.clinic, p.member, idOf[equipment.DeviceID](r.Id), profileIn(*r.Body))
	if err != nil {
		return nil, err
	}
	st, err := s.stationChanged(ctx, d.Station)
	if err != nil {
		return nil, err
	}
	out := deviceOut(worth{}, "")(d)
	for _, now := range st.Devices {
		if now.Id == out.Id {
			out = now
		}
	}
	return gen.SetPumpProfile200JSONResponse(out), nil
}

// RemoveDevice takes a device away.
func (s *Server) RemoveDevice(ctx context.Context, r gen.RemoveDeviceRequestObject) (gen.RemoveDeviceResponseObject, error) {
	p := principalOf(ctx)
	if err := s.equipment.RemoveDevice(ctx, p.clinic, p.member, idOf[equipment.DeviceID](r.Id)); err != nil {
		return nil, err
	}
	s.hub.publish(clinicTopic(p.clinic), "station", struct{}{})
	return gen.RemoveDevice204Response{}, nil
}
