package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Counter keeps the figures of a counter daemon in a registry of its own. No label says whose dose it was.
type Counter struct {
	registry  *prometheus.Registry
	up        *prometheus.GaugeVec
	unknown   *prometheus.GaugeVec
	depth     prometheus.Gauge
	age       prometheus.Gauge
	pour      prometheus.Histogram
	settle    prometheus.Histogram
	deviation prometheus.Histogram
	outcomes  *prometheus.CounterVec
	refused   *prometheus.CounterVec
}

// NewCounter returns the figures of a daemon that has just started.
func NewCounter() *Counter {
	c := &Counter{
		registry: prometheus.NewRegistry(),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lieu_counter_device_up", Help: "1 while the device answers, 0 while it does not or nobody knows.",
		}, []string{"kind"}),
		unknown: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "lieu_counter_device_unknown", Help: "1 while nobody knows whether the device works.",
		}, []string{"kind"}),
		depth: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lieu_counter_journal_depth", Help: "Events in the journal that the server is not known to have.",
		}),
		age: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lieu_counter_journal_oldest_seconds", Help: "How long the oldest of those events has waited.",
		}),
		pour: histogram("lieu_counter_pour_seconds", "From the motion command to the pump's word that it has stopped.",
			[]float64{1, 2, 3, 5, 8, 12, 20, 30, 60, 120}),
		settle: histogram("lieu_counter_settle_seconds", "Time one weighing took until the weight counted.",
			[]float64{.5, 1, 1.5, 2, 3, 4, 6, 10, 15}),
		deviation: histogram("lieu_counter_deviation_microlitres", "What the scale says less what the pump says.",
			[]float64{-500, -200, -100, -50, -20, -10, 0, 10, 20, 50, 100, 200, 500}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lieu_counter_outcomes_total", Help: "Dispensings that ended at this counter, by outcome and reason.",
		}, []string{"outcome", "reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lieu_counter_orders_refused_total", Help: "Orders that were passed over, by reason.",
		}, []string{"reason"}),
	}
	c.registry.MustRegister(c.up, c.unknown, c.depth, c.age, c.pour, c.settle, c.deviation, c.outcomes, c.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return c
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
	})
}

// Registry is where the figures are kept.
func (c *Counter) Registry() *prometheus.Registry { return c.registry }

// Handler answers scrapes.
func (c *Counter) Handler() http.Handler {
	return promhttp.HandlerFor(c.registry, promhttp.HandlerOpts{Registry: c.registry})
}

// DeviceState takes "ready", "down", "unknown", or "none" where there is no such device.
func (c *Counter) DeviceState(kind, state string) {
	if state == "none" {
		c.up.DeleteLabelValues(kind)
		c.unknown.DeleteLabelValues(kind)
		return
	}
	c.up.WithLabelValues(kind).Set(is(state == "ready"))
	c.unknown.WithLabelValues(kind).Set(is(state == "unknown"))
}

func is(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Backlog takes how many events wait for the server, and how long the oldest of them has waited.
func (c *Counter) Backlog(events int64, oldest time.Duration) {
	c.depth.Set(float64(events))
	c.age.Set(oldest.Seconds())
}

// Poured takes the time of one motion.
func (c *Counter) Poured(d time.Duration) { c.pour.Observe(d.Seconds()) }

// Settled takes the time of one weighing.
func (c *Counter) Settled(d time.Duration) { c.settle.Observe(d.Seconds()) }

// Deviation takes the scale's volume less the pump's.
func (c *Counter) Deviation(d measure.Volume) { c.deviation.Observe(float64(d)) }

// Outcome counts the end of a dispensing.
func (c *Counter) Outcome(kind, reason string) { c.outcomes.WithLabelValues(kind, reason).Inc() }

// Refused counts an order that was passed over.
func (c *Counter) Refused(reason string) { c.refused.WithLabelValues(reason).Inc() }
