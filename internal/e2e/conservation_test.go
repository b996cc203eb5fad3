package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Whatever people and counters do, in whatever order, nothing is created or lost, no patient has two doses of one day
// or two open dispensings, terminal states stay, and the record checks out.
func TestAnyDayConserves(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, clk := aDay(t, url, 3)
		seen := map[dispensing.ID]dispensing.State{}
		var all []dispensing.ID
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				anything(rt, t, s, c, k, clk, &all)
				s.stillTrue(rt, t, c, seen, all)
			}
		})
		s.verify(t)
	})
}

// anything does one thing that a person or the counter could do now, sensible or not. Refusals are expected; only
// internal errors fail.
func anything(rt *rapid.T, t *testing.T, s services, c *smallClinic, k *counter, clk *clock, all *[]dispensing.ID) {
	p := rapid.SampledFrom(c.patients).Draw(rt, "patient")
	var d dispensing.Dispensing
	if len(*all) > 0 {
		d.ID = rapid.SampledFrom(recent(*all)).Draw(rt, "dispensing")
	}
	v := measure.Volume(rapid.Int64Range(1, 9000).Draw(rt, "volume"))
	ctx := t.Context()
	var err error
	switch what := rapid.SampledFrom([]string{
		"begin", "begin", "begin", "armed", "dispensing", "dispensing", "measured", "measured", "in_doubt", "never",
		"hand", "hand", "taken", "taken", "partly", "wasted", "void", "deviation", "weigh", "throw", "hold", "tomorrow",
	}).Draw(rt, "what"); what {
	case "begin":
		if d, err = s.doses.Begin(ctx, s.request(c, p)); err == nil {
			*all = append(*all, d.ID)
		}
	case "armed":
		k.report(t, stationlog.KindArmed, stationlog.Armed{Dispensing: string(d.ID)})
	case "dispensing":
		k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: v})
	case "measured":
		k.report(t, stationlog.KindMeasured, poured(t, d.ID, v))
	case "in_doubt":
		k.report(t, stationlog.KindInDoubt, stationlog.Outcome{Dispensing: string(d.ID), Reason: "crash"})
	case "never":
		k.report(t, stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: string(d.ID), Reason: "no_cup"})
	case "hand":
		_, err = s.doses.HandOver(ctx, c.act(d), p.ID)
	case "taken":
		_, err = s.doses.Taken(ctx, c.act(d))
	case "partly":
		_, err = s.doses.PartlyTaken(ctx, c.two(d), v)
	case "wasted":
		_, err = s.doses.Wasted(ctx, c.two(d))
	case "void":
		_, err = s.doses.Void(ctx, c.two(d))
	case "deviation":
		_, err = s.doses.AcceptDeviation(ctx, c.two(d))
	case "weigh":
		o := poured(t, d.ID, v)
		_, err = s.doses.ResolveMeasured(ctx, c.two(d), dispensing.Measurement{
			GrossBefore: o.GrossBefore, GrossAfter: o.GrossAfter, WeightKnown: true,
		})
	case "throw":
		_, err = s.doses.ResolveWasted(ctx, c.two(d), v)
	case "hold":
		clk.add(time.Minute)
		err = s.doses.HoldExpired(ctx, c.clinic.ID)
	case "tomorrow":
		clk.add(12 * time.Hour)
	}
	if fault.Is(err, fault.Internal) {
		rt.Fatalf("internal: %v", err)
	}
}

func recent(all []dispensing.ID) []dispensing.ID { return all[max(0, len(all)-4):] }

func (s services) stillTrue(rt *rapid.T, t *testing.T, c *smallClinic, seen map[dispensing.ID]dispensing.State, all []dispensing.ID) {
	b := s.balance(t, c)
	if b.Sum() != 0 {
		rt.Fatalf("the bottle's accounts add up to %s", b.Sum())
	}
	var reserved, doubt measure.Volume
	open := map[string]int{}
	for _, key := range recent(all) {
		d, err := s.doses.Dispensing(t.Context(), c.clinic.ID, key)
		require.NoError(t, err)
		if was := seen[key]; was.Terminal() && was != d.State {
			rt.Fatalf("dispensing %s was %s and is %s", key, was, d.State)
		}
		seen[key] = d.State
		if d.State.Open() {
			open[string(d.Patient)]++
		}
	}
	for p, n := range open {
		if n > 1 {
			rt.Fatalf("patient %s has %d open dispensings", p, n)
		}
	}
	everyone, err := s.doses.List(t.Context(), dispensing.Filter{
		Clinic: c.clinic.ID, States: []dispensing.State{dispensing.Reserved, dispensing.Pouring, dispensing.Held, dispensing.Measured, dispensing.InDoubt}, Limit: 500,
	})
	require.NoError(t, err)
	for _, d := range everyone {
		if d.State == dispensing.InDoubt {
			doubt += d.Volume
		} else {
			reserved += d.Volume
		}
	}
	// Liquid poured after a void also stands in doubt, so there may be more of it than dispensings say.
	if b[stock.Reserved] != reserved || b[stock.InDoubt] < doubt {
		rt.Fatalf("book: reserved %s, in doubt %s; dispensings: %s, %s", b[stock.Reserved], b[stock.InDoubt], reserved, doubt)
	}
}
