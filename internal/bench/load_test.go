package bench

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"
)

// load is what a number of clients did together.
type load struct {
	took  time.Duration
	waits []time.Duration // of each piece of work
	cpu   time.Duration   // processor time of all who took part; 0 when not measured
}

// drive lets clients work through n pieces of work, each taking every clients-th, and fails the benchmark with the first
// error of any.
func drive(b *testing.B, clients, n int, do func(client, i int) error) load {
	b.Helper()
	waits := make([]time.Duration, n)
	failed := make([]error, clients)
	var all sync.WaitGroup
	began := time.Now()
	for c := range clients {
		all.Go(func() {
			for i := c; i < n; i += clients {
				start := time.Now()
				if err := do(c, i); err != nil {
					failed[c] = fmt.Errorf("client %d, work %d: %w", c, i, err)
					return
				}
				waits[i] = time.Since(start)
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	for _, err := range failed {
		if err != nil {
			b.Fatal(err)
		}
	}
	return load{took: took, waits: waits}
}

// add puts the work of another round to this one.
func (l *load) add(other load) {
	l.took += other.took
	l.cpu += other.cpu
	l.waits = append(l.waits, other.waits...)
}

// rate is how much work was done per second.
func (l load) rate() float64 { return float64(len(l.waits)) / l.took.Seconds() }

// cost is the processor time of one piece of work, in microseconds.
func (l load) cost() float64 { return float64(l.cpu.Microseconds()) / float64(len(l.waits)) }

// percentile returns, in milliseconds, what p of 100 pieces of work did not exceed.
func (l load) percentile(p float64) float64 {
	if len(l.waits) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l.waits))
	i := int(math.Ceil(p/100*float64(len(sorted)))) - 1
	return sorted[max(i, 0)].Seconds() * 1000
}

// against reports what was measured beside its limit, as metrics and as a line of the table, and returns the ratio.
func against(b *testing.B, measured, limit load) float64 {
	b.Helper()
	ratio := measured.rate() / limit.rate()
	b.ReportMetric(0, "ns/op") // an operation is a round here
	b.ReportMetric(measured.rate(), "doses/s")
	b.ReportMetric(limit.rate(), "limit-doses/s")
	b.ReportMetric(ratio, "ratio")
	for _, p := range []float64{50, 95, 99} {
		b.ReportMetric(measured.percentile(p), fmt.Sprintf("p%.0f-ms", p))
	}
	b.ReportMetric(limit.percentile(99), "limit-p99-ms")
	b.ReportMetric(measured.cost(), "cpu-µs/dose")
	b.ReportMetric(limit.cost(), "limit-cpu-µs/dose")
	results.add(b.Name(), "%.0f /s\tof %.0f\tratio %.2f\tprocessor %.0f µs of %.0f\tp50 %.1f\tp95 %.1f\tp99 %.1f ms\tlimit p99 %.1f ms", measured.rate(), limit.rate(),
		ratio, limit.cost(), measured.cost(), measured.percentile(50), measured.percentile(95), measured.percentile(99), limit.percentile(99))
	return ratio
}

// costs reports how long something took beside its baseline, and the processor time of both: 1 when it costs the same.
func costs(b *testing.B, measured, baseline load) {
	b.Helper()
	ratio := measured.percentile(50) / baseline.percentile(50)
	cpu := measured.cost() / baseline.cost()
	b.ReportMetric(0, "ns/op") // an operation is a round here
	b.ReportMetric(measured.percentile(50), "p50-ms")
	b.ReportMetric(measured.percentile(99), "p99-ms")
	b.ReportMetric(baseline.percentile(50), "baseline-p50-ms")
	b.ReportMetric(ratio, "ratio")
	b.ReportMetric(measured.cost()/1000, "cpu-ms")
	b.ReportMetric(cpu, "cpu-ratio")
	results.add(b.Name(), "p50 %.1f ms\tof %.1f\tratio %.2f\tp99 %.1f ms\tof %.1f\tprocessor %.1f ms\tof %.1f\tratio %.2f", measured.percentile(50),
		baseline.percentile(50), ratio, measured.percentile(99), baseline.percentile(99), measured.cost()/1000, baseline.cost()/1000, cpu)
}
