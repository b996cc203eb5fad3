package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/drift"
	"github.com/lieu-clinic/lieu/internal/flow"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Server keeps the figures of clinicd in a registry of its own. Its labels name clinics by number and windows by id;
// none names a person. It is safe for concurrent use, and its methods do not block.
type Server struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	doses    *prometheus.CounterVec
	refusals *prometheus.CounterVec
	wait     *prometheus.HistogramVec
	service  *prometheus.HistogramVec
	step     *prometheus.HistogramVec
	visit    *prometheus.HistogramVec
	causes   *prometheus.CounterVec
	day      *prometheus.GaugeVec
	spread   *prometheus.GaugeVec
	longest  *prometheus.GaugeVec
	clear    *prometheus.GaugeVec
	clearAll *prometheus.GaugeVec
	missed   *prometheus.GaugeVec
	waiting  *prometheus.GaugeVec
	stock    *prometheus.GaugeVec
	up       *prometheus.GaugeVec
	unknown  *prometheus.GaugeVec
	lag      *prometheus.GaugeVec
	lagAge   *prometheus.GaugeVec
	open     *prometheus.GaugeVec
	loopAge  *prometheus.GaugeVec

	checks    *prometheus.CounterVec
	checkOK   *prometheus.GaugeVec
	checkAge  *prometheus.GaugeVec
	deviation *prometheus.HistogramVec
	drift     *prometheus.GaugeVec
	alarms    *prometheus.CounterVec
}

// NewServer returns the figures of a server that has just started.
func NewServer() *Server {
	minutes := []float64{30, 60, 120, 180, 300, 450, 600, 900, 1200, 1800, 2700, 3600, 5400}
	s := &Server{
		registry: prometheus.NewRegistry(),
		requests: histogramVec("lieu_http_request_seconds", "Time to answer a request, by route template; a stream counts until it ends.",
			[]float64{.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}, "method", "route", "status"),
		doses: counterVec("lieu_dispensings_total", "Dispensings that entered a state, by state.", "state"),
		refusals: counterVec("lieu_refusals_total", "Rules that refused a dose. One refused dose may count for several rules.",
			"rule"),
		wait:    histogramVec("lieu_wait_seconds", "From arrival to the window, of visits that reached one, by the window.", minutes, "clinic", "station"),
		service: histogramVec("lieu_service_seconds", "From the window to the end of the visit.", []float64{15, 30, 45, 60, 75, 90, 120, 180, 300, 600}, "clinic", "station"),
		step: histogramVec("lieu_step_seconds", "How long each step of a visit took since the step before it: called and at_window are waiting, the later ones service.",
			[]float64{1, 2, 3, 5, 8, 12, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600}, "clinic", "station", "step"),
		visit:    histogramVec("lieu_visit_seconds", "From arrival to the observed swallow.", minutes, "clinic", "station"),
		causes:   counterVec("lieu_wait_cause_seconds_total", "What the waiting of visits that ended went into.", "clinic", "cause"),
		day:      gaugeVec("lieu_day_visits", "Visits of today by where they are: waiting, at_window, served, away; and those still to come.", "clinic", "state"),
		spread:   gaugeVec("lieu_day_seconds", "Median (0.5) and 0.9 of today: wait is arrival to window, service window to end, visit arrival to swallow.", "clinic", "of", "quantile"),
		longest:  gaugeVec("lieu_longest_wait_seconds", "How long the one who waits longest has waited.", "clinic"),
		clear:    gaugeVec("lieu_clear_seconds", "Forecast: until everybody who waits now is served, at today's pace. Missing while nobody knows.", "clinic"),
		clearAll: gaugeVec("lieu_clear_all_seconds", "Forecast: until everybody who waits or is still to come is served, if they come as on the days before. Missing while nobody knows.", "clinic"),
		missed:   gaugeVec("lieu_target_missed", "1 for a target of the clinic that is not kept.", "clinic", "target"),
		waiting:  gaugeVec("lieu_waiting_patients", "Patients who arrived or were called and are not at a window yet.", "clinic"),
		stock:    gaugeVec("lieu_stock_microlitres", "What stands on each account by the book.", "clinic", "account"),
		up:       gaugeVec("lieu_station_up", "1 while the counter of a window listens or reports, 0 while it does not.", "clinic", "station"),
		unknown:  gaugeVec("lieu_station_unknown", "1 while nothing is known of a window that is in service.", "clinic", "station"),
		lag:      gaugeVec("lieu_station_event_lag_records", "Records that a counter still has to send.", "clinic", "station"),
		lagAge:   gaugeVec("lieu_station_event_lag_seconds", "Age of the oldest record that a counter still has to send, as far as the server can know.", "clinic", "station"),
		open:     gaugeVec("lieu_open_dispensings", "Dispensings that are not settled, by state.", "clinic", "state"),
		loopAge:  gaugeVec("lieu_loop_last_success_timestamp_seconds", "When a background loop last did its work without an error.", "loop"),
	}
	s.registry.MustRegister(s.requests, s.doses, s.refusals, s.wait, s.service, s.step, s.visit, s.causes, s.day, s.spread, s.longest, s.clear, s.clearAll, s.missed, s.waiting, s.stock, s.up, s.unknown, s.lag,
		s.lagAge, s.open, s.loopAge, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.checks = counterVec("lieu_checks_total", "Checks of the day that were judged, by window and outcome.", "station", "outcome")
	s.checkOK = gaugeVec("lieu_check_counts", "1 while a window has a check of today that counts, 0 while it has none.", "clinic", "station")
	s.checkAge = gaugeVec("lieu_check_age_seconds", "How long ago the standing of a window's check changed last.", "clinic", "station")
	s.deviation = histogramVec("lieu_dose_deviation_microlitres", "Scale less pump of each weighed dose, by window.",
		[]float64{-200, -100, -50, -30, -20, -10, 0, 10, 20, 30, 50, 100, 200}, "station")
	s.drift = gaugeVec("lieu_drift_ratio", "Running mean of scale less pump, as a part of the dose, of the worst lot of a window.", "clinic", "station")
	s.alarms = counterVec("lieu_drift_alarms_total", "Limits of the control chart that doses passed, by window and limit.", "station", "limit")
	s.registry.MustRegister(s.checks, s.checkOK, s.checkAge, s.deviation, s.drift, s.alarms)
	return s
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
	}, labels)
}

// Registry is where the figures are kept.
func (s *Server) Registry() *prometheus.Registry { return s.registry }

// Handler answers scrapes.
func (s *Server) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{Registry: s.registry})
}

// Served counts a request. route is a template of the contract, "" for an address that has none.
func (s *Server) Served(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "other"
	}
	s.requests.WithLabelValues(methodLabel(method), route, strconv.Itoa(status)).Observe(took.Seconds())
}

// methodLabel keeps a client from making up labels.
func methodLabel(m string) string {
	switch m {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete:
		return m
	}
	return "other"
}

// Dispensing counts a change of a dispensing, or the rules that refused one.
func (s *Server) Dispensing(n dispensing.Notice) {
	if n.Refused != nil {
		for _, r := range n.Refused.Refusals {
			s.refusals.WithLabelValues(string(r.Rule)).Inc()
		}
		return
	}
	if d := n.Drift; d != nil {
		s.deviation.WithLabelValues(string(n.Station)).Observe(float64(d.Deviation))
		if d.Alarm != "" {
			s.alarms.WithLabelValues(string(n.Station), string(d.Alarm)).Inc()
		}
	}
	switch n.Kind {
	case dispensing.StepEvidence, dispensing.StepDeviation, dispensing.StepHandedOver:
		return // the state stayed
	}
	s.doses.WithLabelValues(string(n.State)).Inc()
}

// Check counts a check that was judged.
func (s *Server) Check(n calibration.Notice) {
	if n.Result == nil {
		return
	}
	outcome := "failed"
	if n.Result.Passed {
		outcome = "passed"
	}
	s.checks.WithLabelValues(string(n.Station), outcome).Inc()
}

// Clinic is what the gauges show of one clinic, by its number.
type Clinic struct {
	Number   int
	Waiting  int
	Morning  queue.Morning // today; the zero Morning is one of which nothing is known
	Accounts map[stock.Account]measure.Volume
	Open     map[dispensing.State]int
	Windows  []Window
}

// Window is one window in service.
type Window struct {
	ID    string
	Known bool // it was heard of since the server started
	Up    bool
	Lag   int64
	// LagAge is how long the oldest record that it still has to send has waited.
	LagAge time.Duration
	// Check is whether a check of today counts; CheckAge how long ago that changed, 0 where there never was one.
	Check    bool
	CheckAge time.Duration
	Drift    drift.Share // of the lot that is worst
}

// Show replaces the gauges by what is true now, so that what is gone does not linger.
func (s *Server) Show(clinics []Clinic) {
	for _, v := range []*prometheus.GaugeVec{s.day, s.spread, s.longest, s.clear, s.clearAll, s.missed, s.waiting, s.stock, s.up, s.unknown, s.lag, s.lagAge, s.open, s.checkOK, s.checkAge, s.drift} {
		v.Reset()
	}
	for _, c := range clinics {
		number := strconv.Itoa(c.Number)
		s.waiting.WithLabelValues(number).Set(float64(c.Waiting))
		s.showMorning(number, c.Morning)
		for account, v := range c.Accounts {
			s.stock.WithLabelValues(number, string(account)).Set(float64(v))
		}
		for state, n := range c.Open {
			s.open.WithLabelValues(number, string(state)).Set(float64(n))
		}
		for _, w := range c.Windows {
			s.up.WithLabelValues(number, w.ID).Set(truth(w.Up))
			s.unknown.WithLabelValues(number, w.ID).Set(truth(!w.Known))
			s.lag.WithLabelValues(number, w.ID).Set(float64(w.Lag))
			s.lagAge.WithLabelValues(number, w.ID).Set(w.LagAge.Seconds())
			s.checkOK.WithLabelValues(number, w.ID).Set(truth(w.Check))
			s.checkAge.WithLabelValues(number, w.ID).Set(w.CheckAge.Seconds())
			s.drift.WithLabelValues(number, w.ID).Set(float64(w.Drift) / float64(100*drift.Percent))
		}
	}
}

func (s *Server) showMorning(number string, m queue.Morning) {
	f := m.Figures
	for state, n := range map[string]int{"waiting": f.Waiting, "at_window": f.AtWindow, "served": f.Served, "away": f.Away, "coming": m.Coming} {
		s.day.WithLabelValues(number, state).Set(float64(n))
	}
	for of, d := range map[string]flow.Spread{"wait": f.Wait, "service": f.Service, "visit": f.Whole} {
		s.spread.WithLabelValues(number, of, "0.5").Set(d.Median.Seconds())
		s.spread.WithLabelValues(number, of, "0.9").Set(d.P90.Seconds())
	}
	s.longest.WithLabelValues(number).Set(f.Longest.Seconds())
	if waiting, all, known := m.Clear(m.Pace.Windows); known {
		s.clear.WithLabelValues(number).Set(waiting.Sub(m.Now).Seconds())
		if m.Foreseen() {
			s.clearAll.WithLabelValues(number).Set(all.Sub(m.Now).Seconds())
		}
	}
	for target := range m.Rules.Targets {
		s.missed.WithLabelValues(number, string(target)).Set(0)
	}
	for _, miss := range m.Missed {
		s.missed.WithLabelValues(number, string(miss.Target)).Set(1)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Visit counts a visit that has ended: what its waiting went into, and if it was at a window, how long each step took.
func (s *Server) Visit(clinicNumber int, v flow.Visit, causes map[flow.Cause]time.Duration) {
	for cause, d := range causes {
		s.causes.WithLabelValues(strconv.Itoa(clinicNumber), string(cause)).Add(d.Seconds())
	}
	service, known := v.Between(flow.AtWindow, flow.Left)
	if !known || v.Away {
		return
	}
	number := strconv.Itoa(clinicNumber)
	s.wait.WithLabelValues(number, v.Window).Observe(v.Wait(v.Clock[flow.Left]).Seconds())
	s.service.WithLabelValues(number, v.Window).Observe(service.Seconds())
	if whole, known := v.Between(flow.Arrived, flow.Swallowed); known {
		s.visit.WithLabelValues(number, v.Window).Observe(whole.Seconds())
	}
	for _, step := range flow.Steps() {
		if took, known := v.Took(step); known {
			s.step.WithLabelValues(number, v.Window, step.String()).Observe(took.Seconds())
		}
	}
}

// LoopDone marks that a background loop did its work at t.
func (s *Server) LoopDone(loop string, t time.Time) {
	s.loopAge.WithLabelValues(loop).Set(float64(t.UnixMilli()) / 1000)
}
