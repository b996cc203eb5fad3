package calibration

import (
	"context"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// Shift says where the pump and the scale of a station went apart, and what it comes from as far as the doses tell.
type Shift struct {
	Station equipment.StationID
	Lot     stock.LotID // of the dose at which it was noticed
	Began   calendar.Instant
	Noticed calendar.Instant
	Mean    drift.Share // of the doses since
	Origin  drift.Origin
	Certain bool
}

// maxShift is how many doses of each lot are looked through: those of about a month at a busy window.
const maxShift = 5000

// Shifts looks through the weighed doses of every station of a clinic since its last recalibration for the first time that
// a lot's running mean passed warn. A station whose charts never passed it is left out.
func (s *Service) Shifts(ctx context.Context, c clinic.ID, warn drift.Share) (out []Shift, err error) {
	drifts, err := s.store.Drifts(ctx, c)
	if err != nil {
		return nil, err
	}
	passed := map[equipment.StationID]bool{}
	var stations []equipment.StationID
	for _, d := range drifts {
		if d.Peak > warn && !passed[d.Station] {
			passed[d.Station], stations = true, append(stations, d.Station)
		}
	}
	for _, st := range stations {
		doses, err := s.poured(ctx, c, st, drifts)
		if err != nil {
			return nil, err
		}
		if shift, ok := shiftOf(doses, warn); ok {
			shift.Station = st
			out = append(out, shift)
		}
	}
	return out, nil
}

// weighedOf is a weighed dose with its lot.
type weighedOf struct {
	Weighed
	lot stock.LotID
}

// poured reads the doses of a station's charts in the order of its records.
func (s *Service) poured(ctx context.Context, c clinic.ID, st equipment.StationID, drifts []Drift) (out []weighedOf, err error) {
	for _, d := range drifts {
		if d.Station != st {
			continue
		}
		doses, err := s.store.Weighed(ctx, c, st, d.Lot, maxShift)
		if err != nil {
			return nil, err
		}
		for _, w := range doses {
			if w.Event > d.FromEvent {
				out = append(out, weighedOf{w, d.Lot})
			}
		}
	}
	slices.SortFunc(out, func(a, b weighedOf) int { return int(a.Event - b.Event) })
	return out, nil
}

// shiftOf lays doses out as runs of one lot each, and gives what is found in them its names and times.
func shiftOf(doses []weighedOf, warn drift.Share) (Shift, bool) {
	var runs []drift.Run
	var first []int // dose with which each run begins
	for i, d := range doses {
		if i == 0 || doses[i-1].lot != d.lot {
			runs, first = append(runs, drift.Run{Lot: string(d.lot)}), append(first, i)
		}
		last := &runs[len(runs)-1]
		last.Samples = append(last.Samples, d.Sample)
	}
	found, ok := drift.Locate(runs, warn)
	if !ok {
		return Shift{}, false
	}
	noticed := doses[first[found.NoticedRun]+found.NoticedDose]
	return Shift{
		Lot: noticed.lot, Began: doses[first[found.Run]+found.Dose].At, Noticed: noticed.At,
		Mean: found.Mean, Origin: found.Origin, Certain: found.Certain,
	}, true
}
