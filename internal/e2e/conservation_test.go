package e2e

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
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
		"check", "check", "check", "recalibrate",
	}).Draw(rt, "what"); what {
	case "check":
		err = anyCheck(rt, t, s, c, k)
	case "recalibrate":
		_, err = s.checks.Recalibrate(ctx, c.pharmacist, calibration.Recalibration{
			ID: id.New[calibration.RecalibrationID](), Clinic: c.clinic.ID, Station: c.station.ID, Kind: calibration.Recalibrated, Method: "weighed",
		})
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
		err = errors.Join(s.doses.HoldExpired(ctx, c.clinic.ID), s.checks.HoldExpired(ctx, c.clinic.ID))
	case "tomorrow":
		clk.add(12 * time.Hour)
	}
	if fault.Is(err, fault.Internal) {
		rt.Fatalf("internal: %v", err)
	}
}

// anyCheck does one thing to the newest check of the window or to one of its pours, sensible or not.
func anyCheck(rt *rapid.T, t *testing.T, s services, c *smallClinic, k *counter) error {
	ctx := t.Context()
	two := staff.Pair{By: c.pharmacist, Witness: c.nurse}
	checks, err := s.checks.Checks(ctx, calibration.Filter{Clinic: c.clinic.ID, Station: c.station.ID, Limit: 1})
	require.NoError(t, err)
	last := checks[0]
	primes, err := s.checks.Primes(ctx, calibration.Filter{Clinic: c.clinic.ID, Station: c.station.ID, Limit: 3})
	require.NoError(t, err)
	pours := append(primes, last.Pours[max(0, len(last.Pours)-3):]...)
	pour := func() calibration.Pour {
		if len(pours) == 0 {
			return calibration.Pour{ID: id.New[calibration.PourID]()}
		}
		return rapid.SampledFrom(pours).Draw(rt, "pour")
	}
	v := measure.Volume(rapid.Int64Range(0, 25_000).Draw(rt, "poured"))
	switch rapid.SampledFrom([]string{
		"on", "on", "on", "on", "on", "begin", "prime", "dispensing", "measured", "in_doubt", "in_doubt", "never", "settle", "settle", "finish",
	}).Draw(rt, "of the check") {
	case "begin":
		_, err = s.checks.BeginCheck(ctx, calibration.Beginning{
			ID: id.New[calibration.CheckID](), Clinic: c.clinic.ID, Station: c.station.ID, Pair: two, TemperatureC: 250,
		})
	case "on":
		err = onWith(t, s, c, k, last, v)
	case "prime":
		_, err = s.checks.Prime(ctx, calibration.PrimeRequest{
			ID: id.New[calibration.PourID](), Clinic: c.clinic.ID, Station: c.station.ID, Pair: two, Volume: v / 10 * 10,
		})
	case "dispensing":
		k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(pour().ID), Volume: v, Purpose: stationlog.Shot})
	case "measured":
		k.report(t, stationlog.KindMeasured, poured(t, dispensing.ID(pour().ID), v))
	case "in_doubt":
		o := poured(t, dispensing.ID(pour().ID), v)
		o.Reason, o.WeightKnown, o.PumpKnown = "stalled", v%2 == 0, v%3 == 0
		k.report(t, stationlog.KindInDoubt, o)
	case "never":
		k.report(t, stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: string(pour().ID), Reason: "no_cup"})
	case "settle":
		_, err = s.checks.Settle(ctx, calibration.Settlement{Clinic: c.clinic.ID, Pour: pour().ID, Pair: two, Moved: v, Reason: "seen by both"})
	case "finish":
		_, err = s.checks.Finish(ctx, c.clinic.ID, c.pharmacist, last.ID)
	}
	return err
}

// onWith does what the check needs next, as people and counter would on a good day.
func onWith(t *testing.T, s services, c *smallClinic, k *counter, last calibration.Check, v measure.Volume) (err error) {
	next := last.Next()
	switch next.Kind {
	case calibration.StepWeigh:
		_, err = s.checks.Weigh(t.Context(), calibration.Reading{
			Clinic: c.clinic.ID, Check: last.ID, By: c.pharmacist, Nominal: next.Nominal, Shown: next.Nominal, Weights: "F1",
		})
	case calibration.StepPrime, calibration.StepShot:
		_, err = s.checks.PourNext(t.Context(), calibration.PourRequest{
			ID: id.New[calibration.PourID](), Clinic: c.clinic.ID, Check: last.ID, By: c.pharmacist,
		})
	case calibration.StepPour:
		k.report(t, stationlog.KindMeasured, poured(t, dispensing.ID(next.Pour), next.Volume))
	case calibration.StepSettle:
		_, err = s.checks.Settle(t.Context(), calibration.Settlement{
			Clinic: c.clinic.ID, Pour: next.Pour, Pair: staff.Pair{By: c.pharmacist, Witness: c.nurse}, Moved: v, Reason: "seen by both",
		})
	case calibration.StepFinish:
		_, err = s.checks.Finish(t.Context(), c.clinic.ID, c.pharmacist, last.ID)
	case calibration.StepDone:
		_, err = s.checks.BeginCheck(t.Context(), calibration.Beginning{
			ID: id.New[calibration.CheckID](), Clinic: c.clinic.ID, Station: c.station.ID, TemperatureC: 250,
			Pair: staff.Pair{By: c.pharmacist, Witness: c.nurse},
		})
	}
	return err
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
	waste, err := s.checks.OpenPours(t.Context(), c.clinic.ID, "")
	require.NoError(t, err)
	for _, p := range waste {
		if p.State == calibration.InDoubt {
			doubt += p.Volume - p.Booked
		} else {
			reserved += p.Volume
		}
	}
	// Liquid poured after a void also stands in doubt, so there may be more of it than dispensings say.
	if b[stock.Reserved] != reserved || b[stock.InDoubt] < doubt {
		rt.Fatalf("book: reserved %s, in doubt %s; dispensings: %s, %s", b[stock.Reserved], b[stock.InDoubt], reserved, doubt)
	}
}
