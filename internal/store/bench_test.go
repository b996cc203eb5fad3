package store

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store/pgtest"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// durable keeps fsync on.
var durable = &pgtest.Server{Options: pgtest.Options{Durable: true, Migrate: server.Options.Migrate}}

// BenchmarkBegin measures the transaction that authorises a dose, each followed by the one that takes it back, over as
// many windows as there are clients.
func BenchmarkBegin(b *testing.B) {
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("postgres/%d", clients), func(b *testing.B) { benchmarkDoses(b, open(b, durable.Database(b), Options{}), clients) })
	}
	b.Run("sqlite/8", func(b *testing.B) { benchmarkDoses(b, open(b, sqliteURL(b), Options{}), 8) })
}

func benchmarkDoses(b *testing.B, s *Store, clients int) {
	const each = 50 // patients per client, so that their histories stay short
	w := newWorld(b, s, 1, clients*each, clients)
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	errs := together(clients, func(i int) error {
		for n := 0; next.Add(1) <= int64(b.N); n++ {
			part := 1 + n/each
			x := w.beginning(i*each+n%each, i, part)
			x.Dispensing.Volume, x.Move.Amount = measure.Millilitre, measure.Millilitre
			if err := w.begin(b, s, x); err != nil {
				return err
			}
			err := s.Dispensings().InTx(b.Context(), w.clinic, func(tx dispensing.Tx) error {
				d, err := tx.Lock(b.Context(), x.Dispensing.ID)
				if err != nil {
					return err
				}
				c := w.change(d, dispensing.StepMeasured)
				if err := tx.Advance(b.Context(), c); err != nil {
					return err
				}
				c = w.change(c.Dispensing, dispensing.StepAdministered, w.move(d.Bottle, stock.Reserved, stock.InBottle, d.Volume))
				c.Dose = &dosing.Dose{Day: d.Day, Part: part, Mass: d.Dose, Kind: dosing.Observed, At: eight}
				return tx.Advance(b.Context(), c)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	b.StopTimer()
	for _, err := range errs {
		must(b, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "doses/s")
}
