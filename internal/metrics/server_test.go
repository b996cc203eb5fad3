package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func scrapeServer(t *testing.T, s *Server) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.String()
}

func TestServerFigures(t *testing.T) {
	s := NewServer()
	s.Served("GET", "/v1/queue", 200, 7*time.Millisecond)
	s.Served("BREW", "", 405, time.Millisecond)
	s.Dispensing(dispensing.Notice{Kind: dispensing.StepReserved, State: dispensing.Reserved})
	s.Dispensing(dispensing.Notice{Kind: dispensing.StepAdministered, State: dispensing.Administered})
	s.Dispensing(dispensing.Notice{Kind: dispensing.StepHandedOver, State: dispensing.Measured})
	s.Dispensing(dispensing.Notice{Kind: dispensing.StepDeviation, State: dispensing.Measured, Station: "w1", Drift: &dispensing.Drift{Deviation: -25, Alarm: dispensing.AlarmWarn}})
	s.Check(calibration.Notice{Station: "w1"}) // only a pour ended
	s.Check(calibration.Notice{Station: "w1", Result: &calibration.Result{}})
	s.Check(calibration.Notice{Station: "w2", Result: &calibration.Result{Passed: true}})
	s.Dispensing(dispensing.Notice{Refused: &dosing.Decision{Refusals: []dosing.Reason{{Rule: dosing.OrderExpired}, {Rule: dosing.HoldStop}}}})
	eight := calendar.At(time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC))
	clock := flow.Clock{flow.Arrived: eight}
	for step, after := range map[flow.Step]time.Duration{flow.Called: 190, flow.AtWindow: 200, flow.Measured: 220, flow.Swallowed: 250, flow.Left: 250} {
		clock[step] = eight.Add(after * time.Second)
	}
	s.Visit(7, flow.Visit{Window: "w1", Clock: clock}, map[flow.Cause]time.Duration{flow.Held: 150 * time.Second, flow.NoWindow: 50 * time.Second})
	s.Visit(7, flow.Visit{Away: true, Clock: flow.Clock{flow.Arrived: eight, flow.AtWindow: eight, flow.Left: eight.Add(time.Second)}}, nil)
	s.Visit(7, flow.Visit{Clock: flow.Clock{flow.Arrived: eight, flow.Left: eight.Add(time.Second)}}, nil)
	s.LoopDone("leases", time.Unix(1_800_000_000, 0))
	s.Show([]Clinic{{
		Number: 7, Waiting: 3,
		Morning: queue.Morning{
			Figures: flow.Figures{Waiting: 4, Served: 9, Longest: time.Minute, Whole: flow.Spread{N: 9, Median: 300 * time.Second, P90: 900 * time.Second}},
			Coming:  5, Pace: flow.Pace{Cycle: time.Minute, Windows: 2}, Rules: queue.Rules{Targets: flow.Targets{flow.LongestWait: 30, flow.P90Whole: 900 * time.Second}},
			Missed: []flow.Miss{{Target: flow.LongestWait}},
		},
		Accounts: map[stock.Account]measure.Volume{stock.InBottle: 994_000}, Open: map[dispensing.State]int{dispensing.Held: 1},
		Windows: []Window{{ID: "w1", Known: true, Up: true, Lag: 4, LagAge: 90 * time.Second, Check: true, CheckAge: time.Hour, Drift: -drift.Percent / 2}, {ID: "w2"}},
	}, {Number: 8, Morning: queue.Morning{Figures: flow.Figures{Waiting: 4}, Pace: flow.Pace{Cycle: time.Minute, Windows: 2}}}})
	text := scrapeServer(t, s)
	require.NotContains(t, text, `lieu_clear_all_seconds{clinic="7"}`, "without a day before nobody knows when the others come")
	for _, line := range []string{
		`lieu_http_request_seconds_count{method="GET",route="/v1/queue",status="200"} 1`,
		`lieu_http_request_seconds_count{method="other",route="other",status="405"} 1`,
		`lieu_dispensings_total{state="administered"} 1`,
		`lieu_checks_total{outcome="failed",station="w1"} 1`,
		`lieu_checks_total{outcome="passed",station="w2"} 1`,
		`lieu_check_counts{clinic="7",station="w1"} 1`,
		`lieu_check_counts{clinic="7",station="w2"} 0`,
		`lieu_check_age_seconds{clinic="7",station="w1"} 3600`,
		`lieu_dose_deviation_microlitres_bucket{station="w1",le="-30"} 0`,
		`lieu_dose_deviation_microlitres_bucket{station="w1",le="-20"} 1`,
		`lieu_drift_ratio{clinic="7",station="w1"} -0.005`,
		`lieu_drift_alarms_total{limit="warn",station="w1"} 1`,
		`lieu_refusals_total{rule="order.expired"} 1`,
		`lieu_refusals_total{rule="hold.stop"} 1`,
		`lieu_wait_seconds_sum{clinic="7",station="w1"} 200`,
		`lieu_wait_seconds_count{clinic="7",station="w1"} 1`,
		`lieu_service_seconds_sum{clinic="7",station="w1"} 50`,
		`lieu_visit_seconds_sum{clinic="7",station="w1"} 250`,
		`lieu_step_seconds_sum{clinic="7",station="w1",step="called"} 190`,
		`lieu_step_seconds_sum{clinic="7",station="w1",step="at_window"} 10`,
		`lieu_step_seconds_sum{clinic="7",station="w1",step="measured"} 20`,
		`lieu_step_seconds_sum{clinic="7",station="w1",step="swallowed"} 30`,
		`lieu_station_event_lag_seconds{clinic="7",station="w1"} 90`,
		`lieu_waiting_patients{clinic="7"} 3`,
		`lieu_wait_cause_seconds_total{cause="hold",clinic="7"} 150`,
		`lieu_day_visits{clinic="7",state="served"} 9`,
		`lieu_day_visits{clinic="7",state="coming"} 5`,
		`lieu_day_seconds{clinic="7",of="visit",quantile="0.9"} 900`,
		`lieu_longest_wait_seconds{clinic="7"} 60`,
		`lieu_clear_seconds{clinic="7"} 120`,
		`lieu_clear_all_seconds{clinic="8"} 120`,
		`lieu_target_missed{clinic="7",target="longest_wait"} 1`,
		`lieu_target_missed{clinic="7",target="p90_visit"} 0`,
		`lieu_stock_microlitres{account="bottle",clinic="7"} 994000`,
		`lieu_open_dispensings{clinic="7",state="held"} 1`,
		`lieu_station_up{clinic="7",station="w1"} 1`,
		`lieu_station_unknown{clinic="7",station="w2"} 1`,
		`lieu_station_event_lag_records{clinic="7",station="w1"} 4`,
		`lieu_loop_last_success_timestamp_seconds{loop="leases"} 1.8e+09`,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, `state="measured"`, "a hand-over is no second measurement")
	require.NotContains(t, text, `step="poured"`, "a step that was not is no step of no time")
	require.NotContains(t, text, `station=""`, "a visit that reached no window is none of a window")
}

// What is gone does not linger as if it were still there.
func TestShowReplacesWhatWasThere(t *testing.T) {
	s := NewServer()
	s.Show([]Clinic{{Number: 7, Windows: []Window{{ID: "old", Up: true}}}})
	s.Show([]Clinic{{Number: 7, Windows: []Window{{ID: "new", Up: true}}}})
	text := scrapeServer(t, s)
	require.False(t, strings.Contains(text, `station="old"`))
	require.True(t, strings.Contains(text, `station="new"`))
}
