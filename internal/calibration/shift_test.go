package calibration

import (
	"testing"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// weighedDoses makes n doses of 6 mL of a lot, each off by so many microlitres, after those before.
func weighedDoses(before []weighedOf, lot stock.LotID, n int, off measure.Volume) []weighedOf {
	for range n {
		event := int64(len(before) + 1)
		before = append(before, weighedOf{
			Weighed{Event: event, At: calendar.Instant(100 * event), Sample: drift.Sample{Pump: 6000, Scale: 6000 + off}}, lot,
		})
	}
	return before
}

func TestShiftHasTheNamesAndTimesOfItsDoses(t *testing.T) {
	const warn = drift.Percent * 6 / 10
	doses := weighedDoses(weighedDoses(nil, "A", 40, 6), "B", 30, -60)
	got, ok := shiftOf(doses, warn)
	if !ok || got.Lot != "B" || got.Origin != drift.OfLot || got.Certain || got.Mean != -drift.Percent || got.Began != 4100 ||
		got.Noticed <= got.Began || got.Noticed > 5500 {
		t.Errorf("%+v, %t", got, ok)
	}
	got, _ = shiftOf(weighedDoses(doses, "C", 30, -60), warn)
	if got.Origin != drift.OfPump || !got.Certain {
		t.Errorf("the next lot is off too: %+v", got)
	}
	got, _ = shiftOf(weighedDoses(doses, "C", 30, 6), warn)
	if got.Origin != drift.OfLot || !got.Certain {
		t.Errorf("the next lot is right: %+v", got)
	}
	if got, ok := shiftOf(weighedDoses(nil, "A", 40, 6), warn); ok {
		t.Errorf("honest doses: %+v", got)
	}
	if _, ok := shiftOf(nil, warn); ok {
		t.Error("a shift of no doses")
	}
}
