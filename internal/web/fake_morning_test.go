package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// slots are those of a day: quarter hours from seven, of which the first is full.
func (f *fakeAPI) slots(day string) clinicapi.SlotList {
	out := clinicapi.SlotList{Day: day, Items: []clinicapi.Slot{}}
	d, err := time.Parse(isoDay, day)
	if err != nil {
		return out
	}
	for i := range 8 {
		out.Items = append(out.Items, clinicapi.Slot{At: d.Add(time.Duration(i) * 15 * time.Minute), Taken: 12 - 3*min(i, 4), Size: 12})
	}
	return out
}

var fakeRooms = []clinicapi.Room{{Role: "nurse", Room: "Quầy tiếp nhận"}, {Role: "doctor", Room: "Phòng 2, tầng 1"}}

// onMorning is a browser at a clinic whose morning is this one.
func onMorning(t *testing.T, m clinicapi.Morning) *browser {
	t.Helper()
	f := newFakeAPI()
	f.on("GET /queue/morning/this", 200, func(*http.Request, map[string]any) any { return m })
	return newBrowser(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/queue/morning" {
			r.URL.Path += "/this"
		}
		f.ServeHTTP(w, r)
	}))
}

// fakeMorning is a busy one: a target is missed, a pump is down, and a window more would help.
func fakeMorning() clinicapi.Morning {
	at := func(minutes int) time.Time { return fakeNow.Add(time.Duration(minutes) * time.Minute) }
	m := clinicapi.Morning{
		Day: "2026-11-22", Now: fakeNow, Waiting: 23, AtWindow: 2, Served: 61, Away: 1, Coming: 88, LongestS: 2040,
		Wait: clinicapi.Spread{N: 63, MedianS: 780, P90S: 1620}, Service: clinicapi.Spread{N: 61, MedianS: 58, P90S: 96},
		Visit: clinicapi.Spread{N: 60, MedianS: 850, P90S: 1730}, CycleS: 72, Serving: 2, UsualDays: 7, ClosesAt: at(175),
		Causes: []clinicapi.MorningCause{
			{Cause: "no_window", WaitedS: 31_000}, {Cause: "hold", WaitedS: 2600}, {Cause: "prescription", WaitedS: 1900},
			{Cause: "device", WaitedS: 7400}, {Cause: "exception", WaitedS: 480},
		},
		Forecasts: []clinicapi.Forecast{
			{Windows: 1, Known: true, WaitingAt: at(28), AllAt: at(190)}, {Windows: 2, Known: true, WaitingAt: at(14), AllAt: at(110)},
			{Windows: 3, Known: true, WaitingAt: at(9), AllAt: at(92)},
		},
		Windows: []clinicapi.MorningWindow{
			{Station: stationID, Name: "Cửa 1", Served: 34, PerHour: 31, Up: true, Service: clinicapi.Spread{N: 34, MedianS: 55, P90S: 90}},
			{Station: bottleID, Name: "Cửa 2", Served: 27, PerHour: 25, Service: clinicapi.Spread{N: 27, MedianS: 63, P90S: 118}},
		},
		Missed:   []clinicapi.MissedTarget{{Target: "longest_wait", ValueS: 2040, LimitS: 1800}},
		Refusals: []clinicapi.RefusalCount{{Rule: "hold.stop", Where: "door", N: 3}, {Rule: "order.expired", Where: "door", N: 2}, {Rule: "hold.stop", Where: "window", N: 1}},
		Trouble:  []clinicapi.DeviceTrouble{{Station: bottleID, StationName: "Cửa 2", Kind: "pump", State: "down", Since: at(-12), Detail: "no_reply"}, {Station: bottleID, StationName: "Cửa 2", Kind: "scale", State: "down", Since: at(-11)}},
		Quarters: fakeQuarters(),
		Rules: clinicapi.QueueRules{
			OpensMin: 390, ClosesMin: 660, Targets: clinicapi.QueueTargets{LongestWaitS: 1800, MedianWaitS: 900}, Rooms: clinicapi.QueueRooms{Doctor: "Phòng 2"},
		},
	}
	for i, took := range []int64{640, 9, 0, 14, 11, 8, 16, 0} {
		m.Steps = append(m.Steps, clinicapi.MorningStep{
			Step: []clinicapi.MorningStepStep{"called", "at_window", "identified", "poured", "measured", "handed", "swallowed", "left"}[i],
			Took: clinicapi.Spread{N: 60, MedianS: took, P90S: 2 * took},
		})
	}
	for i, n := range []int{22, 31, 26, 18, 14, 12, 10, 9, 7, 6, 5, 4, 3, 2} {
		m.Usual = append(m.Usual, clinicapi.QuarterFigures{From: m.Quarters[0].From.Add(time.Duration(i) * 15 * time.Minute), Arrived: n, MedianWaitS: int64(60 * max(2, 14-i))})
	}
	return m
}
