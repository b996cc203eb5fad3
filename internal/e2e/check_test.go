package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/calibration/walk"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/web/browsertest"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// A pharmacist carries out the check of the day on the real screens: check weights on the simulated scale, a prime and
// nine shots through the real counter and the simulated pump, and a signature. A change of lot would end it; a recalibration
// does, and then nobody doses until it was carried out again.
func TestCheckOfTheDayInABrowser(t *testing.T) {
	r := seeded(t, func(st *store.Store) *smallClinic {
		return lived(t, st, 3, 6, func(int, int) bool { return true })
	})
	r.startServer("")
	r.signIn()
	r.install(6)
	r.startCounter("")
	r.devicesReady()
	d := r.desk(browsertest.Start(t))
	d.signIn(r.c.pharmacist)
	bench := r.bench.Only()
	_, _ = bench.LiftCup() // the pan may be empty

	d.Open("/stations/" + string(r.c.station.ID) + "/check?new=1")
	d.stage("check_begin")
	d.shot("check-begin")
	d.fill("temperature", "25", "pin", pin, "witness", r.c.nurse.Username, "witness_pin", pin+"\r")
	for i, grams := range []measure.Weight{20, 200} {
		d.stage("check_weigh")
		require.NoError(t, bench.PlaceWeight(grams*measure.WeightGram))
		d.Until(fmt.Sprintf(`document.querySelector('[data-reading]')?.dataset.still === 'true' && document.querySelector('[data-reading]').textContent === '%d,00 g'`, grams))
		if i == 0 {
			d.shot("check-weigh")
		}
		d.enter() // the number of the set of weights is that of the last check
		d.Until(fmt.Sprintf(`document.querySelectorAll('.step.done').length === %d`, i+1))
		_, err := bench.LiftCup()
		require.NoError(t, err)
	}
	require.NoError(t, bench.PlaceCup())
	for n := range 10 {
		d.Until(fmt.Sprintf(`document.querySelector('#work').dataset.stage === 'check_pour' && document.querySelector('[data-reading]')?.dataset.still === 'true' &&
			document.querySelectorAll('#work tbody tr:not(.judged)').length === %d`, 2+max(0, n-1)))
		if n == 5 {
			d.shot("check-shot")
		}
		d.enter()
		d.stage("pouring")
		if n == 9 {
			d.Until(`document.querySelector('[data-pour] progress')?.value > 2000`)
			d.shot("check-pouring")
		}
	}
	d.stage("check_finish")
	d.Settle()
	d.fill("pin", pin+"\r")
	d.stage("check_done")
	d.verdict("ĐẠT")
	d.shot("check-passed")
	require.Equal(t, 10, r.runs())

	d.Open("/stations/" + string(r.c.station.ID) + "/checks")
	d.Until(`document.querySelector('h1 .tag.good')`)
	d.shot("checks")
	d.submit("/checks/recalibrate", "checks_recalibrate", "method", "DIA 26,59 theo sách hướng dẫn", "factor_before", "26,70", "factor_after", "26,59", "pin", pin)
	d.Until(`document.querySelector('h1 .tag.warn')`)
	require.Contains(t, decisionRules(t, r, 0), "device.not_verified")
	r.close()
}

// decisionRules are the rules that would speak of a patient's dose at the window now.
func decisionRules(t *testing.T, r *rig, patient int) (rules []string) {
	t.Helper()
	station := string(r.c.station.ID)
	resp, err := r.api.ReadDecisionWithResponse(context.Background(), string(r.c.patients[patient].ID), &clinicapi.ReadDecisionParams{Station: &station})
	require.NoError(t, err)
	require.NotNil(t, resp.JSON200)
	for _, reason := range append(resp.JSON200.Refusals, resp.JSON200.Notes...) {
		rules = append(rules, reason.Rule)
	}
	return rules
}

// off is the outcome of a pour of which the scale saw some parts per million more or less than the pump counted.
func off(t testing.TB, d dispensing.Dispensing, ppm int64) stationlog.Outcome {
	t.Helper()
	o := poured(t, d.ID, d.Volume)
	o.GrossAfter += (o.GrossAfter - o.GrossBefore) * measure.Weight(ppm) / 1_000_000
	return o
}

// A pump that drifts is named by its doses: first the rule book warns, then it stops the window, and only a recalibration
// with a passed check after it lets the window go on.
func TestDriftStopsTheWindow(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, clk := aDay(t, url, 30)
		_, err := s.clinics.AdoptRulePack(t.Context(), clinic.Adoption{Clinic: c.clinic.ID, By: c.doctor, Pack: "vn", Version: 1})
		require.NoError(t, err)
		warned, stopped := 0, 0
		for i, p := range c.patients {
			d, err := s.doses.Begin(t.Context(), s.request(c, p))
			if err != nil {
				require.Equal(t, []dosing.RuleID{dosing.PumpDrift}, rules(t, err))
				stopped = i
				break
			}
			if warned == 0 && bytes.Contains(d.Reasons, []byte(dosing.PumpDriftWarning)) {
				warned = i
			}
			k.report(t, stationlog.KindMeasured, off(t, d, -15_000))
			_, err = s.doses.HandOver(t.Context(), c.act(d), p.ID)
			require.NoError(t, err)
			_, err = s.doses.Taken(t.Context(), c.act(d))
			require.NoError(t, err)
			clk.add(time.Minute)
		}
		t.Logf("a pump that gives 1.5 %% too little: warned after %d doses, stopped after %d", warned, stopped)
		require.NotZero(t, warned)
		require.Greater(t, stopped, warned)
		require.Less(t, stopped, 20)

		next := c.patients[stopped]
		s.check(t, c, k) // the check of today passes, and that alone mends no pump
		_, err = s.doses.Begin(t.Context(), s.request(c, next))
		require.Equal(t, []dosing.RuleID{dosing.PumpDrift}, rules(t, err))
		_, err = s.checks.Recalibrate(t.Context(), c.pharmacist, calibration.Recalibration{
			ID: id.New[calibration.RecalibrationID](), Clinic: c.clinic.ID, Station: c.station.ID, Kind: calibration.Recalibrated,
			Method: "DIA", FactorBefore: "26.70", FactorAfter: "26.30",
		})
		require.NoError(t, err)
		_, err = s.doses.Begin(t.Context(), s.request(c, next))
		require.ElementsMatch(t, []dosing.RuleID{dosing.DeviceNotVerified, dosing.DeviceNotVerified, dosing.PumpDrift}, rules(t, err))
		s.check(t, c, k)
		s.begin(t, c, next)
		chart, err := s.checks.Chart(t.Context(), c.clinic.ID, c.station.ID, c.lot.ID)
		require.NoError(t, err)
		require.Len(t, chart.Doses, stopped)
		require.Equal(t, stopped, chart.Began)
		require.Zero(t, chart.Drift.N)
		s.verify(t)
	})
}

// A check that its figures do not pass stops the window until a later one does, and nothing that anybody types passes it.
func TestAFailedCheckStopsTheWindow(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, _ := aDay(t, url, 1)
		_, err := s.clinics.AdoptRulePack(t.Context(), clinic.Adoption{Clinic: c.clinic.ID, By: c.doctor, Pack: "vn", Version: 1})
		require.NoError(t, err)
		walked := walk.Walk{
			Service: s.checks, Clinic: c.clinic.ID, Station: c.station.ID, Pair: staff.Pair{By: c.pharmacist, Witness: c.nurse},
			Report: func(_ context.Context, kind stationlog.Kind, body any) error {
				k.report(t, kind, body)
				return nil
			},
			Arrives: func(v measure.Volume) measure.Volume { return v - v.PerMille(20) },
		}
		failed, err := walked.Run(t.Context())
		require.NoError(t, err)
		require.False(t, failed.Result.Passed)
		require.Equal(t, []calibration.Fault{calibration.BiasBeyond}, failed.Result.Figures.Faults)
		_, err = s.doses.Begin(t.Context(), s.request(c, c.patients[0]))
		require.Equal(t, []dosing.RuleID{dosing.DeviceNotVerified, dosing.DeviceNotVerified}, rules(t, err))
		again, err := s.checks.Finish(t.Context(), c.clinic.ID, c.pharmacist, failed.ID)
		require.NoError(t, err)
		require.False(t, again.Result.Passed, "a judgement stands")
		walked.Arrives = nil
		passed, err := walked.Run(t.Context())
		require.NoError(t, err)
		require.True(t, passed.Result.Passed)
		s.begin(t, c, c.patients[0])
		s.verify(t)
	})
}

// A shot that was cut short is booked as far as it is known, blocks the check, and is settled by two people.
func TestAShotCutShort(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, clk := aDay(t, url, 1)
		two := staff.Pair{By: c.pharmacist, Witness: c.nurse}
		before := s.balance(t, c)
		p, err := s.checks.Prime(t.Context(), calibration.PrimeRequest{
			ID: id.New[calibration.PourID](), Clinic: c.clinic.ID, Station: c.station.ID, Pair: two, Volume: 5 * measure.Millilitre,
		})
		require.NoError(t, err)
		_, err = s.doses.Begin(t.Context(), s.request(c, c.patients[0]))
		require.Equal(t, []dosing.RuleID{dosing.StationPouring}, rules(t, err), "a dose and a prime never share the pump")
		k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(p.ID), Volume: p.Volume, Purpose: stationlog.Prime})
		o := poured(t, dispensing.ID(p.ID), 2*measure.Millilitre)
		o.Reason, o.PumpKnown, o.Purpose = "crash", false, stationlog.Prime
		k.report(t, stationlog.KindInDoubt, o)
		b := s.balance(t, c)
		require.Equal(t, 2*measure.Millilitre, b[stock.Purge]-before[stock.Purge])
		require.Equal(t, 3*measure.Millilitre, b[stock.InDoubt])
		s.verify(t)

		alone := calibration.Settlement{Clinic: c.clinic.ID, Pour: p.ID, Pair: staff.Pair{By: c.pharmacist, Witness: c.pharmacist}, Moved: 2500, Reason: "seen"}
		_, err = s.checks.Settle(t.Context(), alone)
		require.True(t, fault.Is(err, fault.Invalid), "nobody witnesses themself: %v", err)
		p, err = s.checks.Settle(t.Context(), calibration.Settlement{Clinic: c.clinic.ID, Pour: p.ID, Pair: two, Moved: 2500, Reason: "weighed"})
		require.NoError(t, err)
		require.Equal(t, calibration.Settled, p.State)
		b = s.balance(t, c)
		require.Equal(t, measure.Volume(2500), b[stock.Purge]-before[stock.Purge])
		require.Zero(t, b[stock.InDoubt])
		require.Equal(t, before[stock.InBottle]-2500, b[stock.InBottle])

		late, err := s.checks.Prime(t.Context(), calibration.PrimeRequest{
			ID: id.New[calibration.PourID](), Clinic: c.clinic.ID, Station: c.station.ID, Pair: two, Volume: 5 * measure.Millilitre,
		})
		require.NoError(t, err)
		clk.add(time.Minute)
		require.NoError(t, s.checks.HoldExpired(t.Context(), c.clinic.ID))
		k.report(t, stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: string(late.ID), Reason: "lease", Purpose: stationlog.Prime})
		require.Zero(t, s.balance(t, c)[stock.Reserved])
		k.report(t, stationlog.KindMeasured, poured(t, dispensing.ID(late.ID), measure.Millilitre)) // a fact is kept, whatever was said before
		require.Equal(t, measure.Volume(3500), s.balance(t, c)[stock.Purge]-before[stock.Purge])
		s.verify(t)
	})
}

// shot takes a picture where somebody asked for pictures.
func (d *desk) shot(name string) {
	d.T.Helper()
	if os.Getenv("SHOTS") == "" {
		return
	}
	d.Shot(name)
}
