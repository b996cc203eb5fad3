package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/httpapi"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/metrics"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// morning is a server with one clinic, two windows that pour by hand, and people in the queue.
type morning struct {
	t       *testing.T
	now     time.Time
	sv      httpapi.Services
	loops   *loops
	figures *metrics.Server
	http    *httptest.Server
	client  *http.Client
	clinic  clinic.ID
	nurse   staff.Member
	windows []equipment.StationID
}

func newMorning(t *testing.T) *morning {
	t.Helper()
	c, ctx := sqliteCLI(t), t.Context()
	db, k, err := c.open(ctx, quiet())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	m := &morning{t: t, now: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return m.now }
	w := watch{hub: httpapi.NewHub(clock), figures: metrics.NewServer()}
	m.sv, m.figures = assemble(db, k, clock, &w), w.figures
	api, err := httpapi.New(m.sv, httpapi.Config{Log: quiet(), Now: clock, Sessions: db.Sessions(clock), Key: k.orders, Hub: w.hub, Observer: w.figures})
	require.NoError(t, err)
	m.http = httptest.NewServer(api.Handler())
	t.Cleanup(m.http.Close)
	m.loops = newLoops(quiet(), clock, m.sv, db, api, w.figures)
	m.populate()
	return m
}

func (m *morning) populate() {
	ctx, password := m.t.Context(), "Ruộng-bậc-thang-7"
	cl, err := m.sv.Clinics.Create(ctx, clinic.Clinic{
		ID: id.New[clinic.ID](), Number: 7, Name: "Cơ sở", Province: "Hà Nội", Kind: clinic.TreatmentFacility, Zone: "Asia/Ho_Chi_Minh",
		RulePack: "vn", RulePackVersion: 1,
	})
	require.NoError(m.t, err)
	m.clinic = cl.ID
	m.nurse, err = m.sv.Staff.Install(ctx, cl.ID, staff.New{
		ID: id.New[staff.ID](), Username: "everybody", Name: "Người", Roles: staff.Roles, Password: password, PIN: "271828",
	})
	require.NoError(m.t, err)
	for _, name := range []string{"Cửa 1", "Cửa 2"} {
		st, err := m.sv.Equipment.AddStation(ctx, cl.ID, m.nurse, equipment.NewStation{ID: id.New[equipment.StationID](), Name: name, Manual: true})
		require.NoError(m.t, err)
		m.windows = append(m.windows, st.ID)
	}
	_, err = m.sv.Queue.SetRules(ctx, m.nurse, queue.Rules{Clinic: cl.ID, Targets: flow.Targets{flow.LongestWait: 10 * time.Minute, flow.MedianWait: time.Hour}})
	require.NoError(m.t, err)
	jar, err := cookiejar.New(nil)
	require.NoError(m.t, err)
	m.client = &http.Client{Jar: jar}
	body, err := json.Marshal(clinicapi.SignIn{Username: "everybody", Password: password})
	require.NoError(m.t, err)
	resp, err := m.client.Post(m.http.URL+"/v1/session", "application/json", bytes.NewReader(body)) //nolint:noctx // a test
	require.NoError(m.t, err)
	require.NoError(m.t, resp.Body.Close())
	require.Equal(m.t, http.StatusOK, resp.StatusCode)
}

func (m *morning) arrive() queue.Ticket {
	ctx := m.t.Context()
	p, err := m.sv.Patients.Register(ctx, m.clinic, m.nurse, patient.Registration{
		ID: id.New[patient.ID](), Name: "Nguyễn Đức", BirthYear: 1980, Sex: patient.Male, Phase: patient.Maintenance,
	})
	require.NoError(m.t, err)
	t, _, err := m.sv.Queue.CheckIn(ctx, m.clinic, m.nurse, queue.Arrival{ID: id.New[queue.TicketID](), Patient: p.ID})
	require.NoError(m.t, err)
	return t
}

// page reads the supervisor's page as the API has it.
func (m *morning) page() (out clinicapi.Morning) {
	resp, err := m.client.Get(m.http.URL + "/v1/queue/morning") //nolint:noctx // a test
	require.NoError(m.t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(m.t, http.StatusOK, resp.StatusCode)
	require.NoError(m.t, json.NewDecoder(resp.Body).Decode(&out))
	return out
}

// scrape reads the metrics, each series under its full name.
func (m *morning) scrape() map[string]float64 {
	w := httptest.NewRecorder()
	m.figures.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	out := map[string]float64{}
	for in := bufio.NewScanner(w.Body); in.Scan(); {
		if name, value, ok := strings.Cut(in.Text(), " "); ok && strings.HasPrefix(name, "lieu_") {
			out[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return out
}

// What the supervisor reads and what Prometheus scrapes are the same figures: of a morning in which some were served, one
// gave up, one stands at a window, and some wait too long.
func TestThePageAndTheMetricsAgree(t *testing.T) {
	m := newMorning(t)
	ctx := t.Context()
	require.NoError(t, m.loops.show(ctx)) // visits are counted from here on
	var tickets []queue.Ticket
	for range 12 {
		tickets = append(tickets, m.arrive())
		m.now = m.now.Add(20 * time.Second)
	}
	act := func(i, window int) queue.Act {
		return queue.Act{Clinic: m.clinic, By: m.nurse, Ticket: tickets[i].ID, Station: m.windows[window]}
	}
	for i := range 8 {
		_, err := m.sv.Queue.StepUp(ctx, act(i, i%2))
		require.NoError(t, err)
		m.now = m.now.Add(time.Minute)
		if i < 7 {
			_, err = m.sv.Queue.Done(ctx, act(i, i%2))
			require.NoError(t, err)
		}
	}
	_, err := m.sv.Queue.Left(ctx, act(8, 0))
	require.NoError(t, err)
	m.now = m.now.Add(5 * time.Minute)
	require.NoError(t, m.loops.show(ctx))

	page, scraped := m.page(), m.scrape()
	require.Equal(t, []int{3, 1, 7, 1}, []int{page.Waiting, page.AtWindow, page.Served, page.Away})
	gauge := func(name string) float64 {
		t.Helper()
		v, ok := scraped[name]
		require.True(t, ok, "no series %s", name)
		return v
	}
	for state, n := range map[string]int{"waiting": page.Waiting, "at_window": page.AtWindow, "served": page.Served, "away": page.Away, "coming": page.Coming} {
		require.EqualValues(t, n, gauge(`lieu_day_visits{clinic="7",state="`+state+`"}`), state)
	}
	require.EqualValues(t, page.Waiting, gauge(`lieu_waiting_patients{clinic="7"}`))
	require.EqualValues(t, page.LongestS, gauge(`lieu_longest_wait_seconds{clinic="7"}`))
	for of, spread := range map[string]clinicapi.Spread{"wait": page.Wait, "service": page.Service, "visit": page.Visit} {
		require.EqualValues(t, spread.MedianS, gauge(`lieu_day_seconds{clinic="7",of="`+of+`",quantile="0.5"}`), of)
		require.EqualValues(t, spread.P90S, gauge(`lieu_day_seconds{clinic="7",of="`+of+`",quantile="0.9"}`), of)
	}
	require.Len(t, page.Missed, 1)
	require.EqualValues(t, 1, gauge(`lieu_target_missed{clinic="7",target="longest_wait"}`))
	require.EqualValues(t, 0, gauge(`lieu_target_missed{clinic="7",target="median_wait"}`))
	require.True(t, page.Forecasts[1].Known)
	require.EqualValues(t, page.Forecasts[1].WaitingAt.Sub(page.Now).Seconds(), gauge(`lieu_clear_seconds{clinic="7"}`))
	all, known := scraped[`lieu_clear_all_seconds{clinic="7"}`]
	require.Equal(t, !page.Forecasts[1].AllAt.IsZero(), known)
	if known {
		require.EqualValues(t, page.Forecasts[1].AllAt.Sub(page.Now).Seconds(), all)
	}

	var served, sum float64
	for _, w := range page.Windows {
		labels := `{clinic="7",station="` + w.Station + `"}`
		require.EqualValues(t, w.Served, gauge("lieu_service_seconds_count"+labels))
		served += gauge("lieu_wait_seconds_count" + labels)
		sum += gauge("lieu_wait_seconds_sum" + labels)
	}
	require.EqualValues(t, page.Served, served)
	require.Positive(t, sum)

	// The counters have the visits that ended; the page also those who still wait. Once all are gone they are the same.
	for i := 7; i < len(tickets); i++ {
		if i != 8 {
			_, err := m.sv.Queue.Left(ctx, act(i, 0))
			require.NoError(t, err)
		}
	}
	require.NoError(t, m.loops.show(ctx))
	page, scraped = m.page(), m.scrape()
	for _, c := range page.Causes {
		require.EqualValues(t, c.WaitedS, scraped[`lieu_wait_cause_seconds_total{cause="`+string(c.Cause)+`",clinic="7"}`], c.Cause)
	}
	require.NoError(t, m.loops.show(ctx))
	require.Equal(t, scraped, m.scrape(), "a second look counts nobody twice")
}
