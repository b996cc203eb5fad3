package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestCounterFigures(t *testing.T) {
	c := NewCounter()
	c.DeviceState("scale", "ready")
	c.DeviceState("pump", "unknown")
	c.DeviceState("scanner", "ready")
	c.DeviceState("scanner", "none")
	c.Backlog(7, 90*time.Second)
	c.Poured(4 * time.Second)
	c.Settled(time.Second)
	c.Deviation(-30)
	c.Outcome("in_doubt", "stalled")
	c.Refused("signature")
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body := w.Body.String()
	for _, line := range []string{
		`lieu_counter_device_up{kind="scale"} 1`, `lieu_counter_device_up{kind="pump"} 0`,
		`lieu_counter_device_unknown{kind="pump"} 1`, `lieu_counter_device_unknown{kind="scale"} 0`,
		`lieu_counter_journal_depth 7`, `lieu_counter_journal_oldest_seconds 90`,
		`lieu_counter_pour_seconds_bucket{le="5.0"} 1`, `lieu_counter_settle_seconds_count 1`,
		`lieu_counter_deviation_microlitres_sum -30`,
		`lieu_counter_outcomes_total{outcome="in_doubt",reason="stalled"} 1`,
		`lieu_counter_orders_refused_total{reason="signature"} 1`,
	} {
		if !strings.Contains(body, line) && !strings.Contains(body, strings.Replace(line, "5.0", "5", 1)) {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(body, `kind="scanner"`) {
		t.Error("a device that is not there has a state")
	}
}
