package dosing

import (
	"slices"

	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Rules about the window: its bottle, its pump and its devices. All are silent when the question is asked away from one.

func stationPouring(s situation) []finding {
	st := s.facts.Station
	if st == nil || st.Pouring == "" {
		return nil
	}
	return []finding{{args: map[string]string{"dispensing": st.Pouring}}}
}

func counterNotOpen(s situation) []finding {
	st := s.facts.Station
	if st == nil || st.Session == "" || st.Session == stock.SessionOpen {
		return nil
	}
	return []finding{{value: string(st.Session), limit: string(stock.SessionOpen)}}
}

func bottleNotMounted(s situation) []finding {
	if s.facts.Station == nil || s.mounted() {
		return nil
	}
	return []finding{{}}
}

// mounted reports whether the window has a bottle together with the bottle's own lot: the strength that counts is that
// of the liquid in the bottle.
func (s situation) mounted() bool {
	st := s.facts.Station
	return st != nil && st.Bottle != nil && st.Lot != nil && st.Bottle.Lot == st.Lot.ID
}

func bottleNotInUse(s situation) []finding {
	if !s.mounted() || s.facts.Station.Bottle.State == stock.InUse {
		return nil
	}
	return []finding{{value: string(s.facts.Station.Bottle.State), limit: string(stock.InUse)}}
}

func lotExpired(s situation) []finding {
	if !s.mounted() || s.facts.Station.Lot.Expiry >= s.facts.Today && !s.facts.Station.Lot.Expiry.IsZero() {
		return nil
	}
	lot := s.facts.Station.Lot
	if lot.Expiry.IsZero() {
		return []finding{{value: "unknown", args: map[string]string{"lot": lot.Number}}}
	}
	return []finding{{
		value: days(daysBetween(lot.Expiry, s.facts.Today)), limit: lot.Expiry.String(),
		args: map[string]string{"lot": lot.Number},
	}}
}

// lotQuarantined holds for every state but released and recalled, so that a state nobody knows is not dispensed from.
func lotQuarantined(s situation) []finding {
	if !s.mounted() || s.facts.Station.Lot.State == stock.LotReleased || s.facts.Station.Lot.State == stock.LotRecalled {
		return nil
	}
	lot := s.facts.Station.Lot
	return []finding{{value: string(lot.State), limit: string(stock.LotReleased), args: map[string]string{"lot": lot.Number}}}
}

func lotRecalled(s situation) []finding {
	if !s.mounted() || s.facts.Station.Lot.State != stock.LotRecalled {
		return nil
	}
	lot := s.facts.Station.Lot
	return []finding{{value: string(lot.State), limit: string(stock.LotReleased), args: map[string]string{"lot": lot.Number}}}
}

func volumeInexact(s situation) []finding {
	if !s.mounted() || s.dose == 0 || s.volumeOK {
		return nil
	}
	return []finding{{value: s.dose.String(), limit: s.facts.Station.Lot.Concentration.String()}}
}

func bottleTooLow(s situation) []finding {
	if !s.mounted() || !s.volumeOK || s.usable() >= s.volume {
		return nil
	}
	return []finding{{value: s.usable().String(), limit: s.volume.String()}}
}

// usable is what the bottle can still give accurately. It is negative when less than the residual is left.
func (s situation) usable() measure.Volume {
	left := s.facts.Station.Bottle.Balance[stock.InBottle]
	if pump := s.facts.Station.Pump; pump != nil && left > 0 {
		left -= max(0, pump.Residual)
	}
	return left
}

func bottleLow(s situation) []finding {
	limit := s.pack.LowBottle
	if !s.mounted() || !limit.Set {
		return nil
	}
	left := s.facts.Station.Bottle.Balance[stock.InBottle]
	if left >= limit.Value {
		return nil
	}
	return []finding{{value: left.String(), limit: limit.Value.String(), from: &limit.Provenance}}
}

// atPump returns the profile of the pump that is to move the volume, nil when there is none or nothing to move.
func (s situation) atPump() *equipment.Profile {
	if !s.mounted() || !s.volumeOK {
		return nil
	}
	return s.facts.Station.Pump
}

// pumpRange refuses everything of a profile that was never filled in: its maximum is zero.
func pumpRange(s situation) []finding {
	pump := s.atPump()
	if pump == nil || (pump.MinDose <= s.volume && s.volume <= pump.MaxDose) {
		return nil
	}
	return []finding{{value: s.volume.String(), limit: pump.MinDose.String() + " – " + pump.MaxDose.String()}}
}

func pumpResolution(s situation) []finding {
	pump := s.atPump()
	if pump == nil || pump.Resolution <= 0 || s.volume%pump.Resolution == 0 {
		return nil
	}
	return []finding{{value: s.volume.String(), limit: pump.Resolution.String()}}
}

// needed lists the kinds without which the window does not pour. The scale is always among them: without a weight
// nobody can say that order, pump and cup agree.
func (s situation) needed() []equipment.DeviceKind {
	switch {
	case s.facts.Station == nil:
		return nil
	case s.facts.Station.Pump == nil:
		return []equipment.DeviceKind{equipment.Scale}
	}
	return []equipment.DeviceKind{equipment.Pump, equipment.Scale}
}

func deviceNotReady(s situation) []finding {
	found := s.neededWhere(func(d DeviceFact) bool {
		return d.State != equipment.Ready && d.State != equipment.Unknown
	})
	for _, kind := range s.needed() {
		if !slices.ContainsFunc(s.devices, func(d DeviceFact) bool { return d.Kind == kind }) {
			found = append(found, finding{value: "missing", limit: string(equipment.Ready), args: map[string]string{"device": string(kind)}})
		}
	}
	return found
}

func deviceUnknown(s situation) []finding {
	return s.neededWhere(func(d DeviceFact) bool { return d.State == equipment.Unknown })
}

func deviceNotVerified(s situation) []finding {
	limit := s.pack.VerifyDevices
	if !limit.Set || !limit.Value {
		return nil
	}
	found := s.neededWhere(func(d DeviceFact) bool { return !d.Verified })
	for i := range found {
		found[i].from, found[i].value, found[i].limit = &limit.Provenance, s.facts.Station.Check, s.facts.Today.String()
	}
	return found
}

// pumpDrift looks at the worst that the mean ever was since the last recalibration: a pump does not mend itself.
func pumpDrift(s situation) []finding {
	limit, st := s.pack.DriftStop, s.facts.Station
	if st == nil || st.Pump == nil || !limit.Set || st.DriftPeak <= limit.Value {
		return nil
	}
	return []finding{{value: st.DriftPeak.String(), limit: limit.Value.String(), from: &limit.Provenance}}
}

// pumpDriftWarning looks at the mean as it stands, and is silent where the stop speaks.
func pumpDriftWarning(s situation) []finding {
	limit, st := s.pack.DriftWarn, s.facts.Station
	if st == nil || st.Pump == nil || !limit.Set || st.Drift.Abs() <= limit.Value || len(pumpDrift(s)) > 0 {
		return nil
	}
	return []finding{{value: st.Drift.String(), limit: limit.Value.String(), from: &limit.Provenance}}
}

func (s situation) neededWhere(match func(DeviceFact) bool) []finding {
	needed := s.needed()
	return s.devicesWhere(func(d DeviceFact) bool { return slices.Contains(needed, d.Kind) && match(d) })
}

func deviceAuxiliary(s situation) []finding {
	return s.devicesWhere(func(d DeviceFact) bool {
		return (d.Kind == equipment.Scanner || d.Kind == equipment.Printer) && d.State != equipment.Ready
	})
}

func (s situation) devicesWhere(match func(DeviceFact) bool) []finding {
	var found []finding
	for _, d := range s.devices {
		if match(d) {
			found = append(found, finding{
				value: string(d.State), limit: string(equipment.Ready), args: map[string]string{"device": string(d.Kind)},
			})
		}
	}
	return found
}
