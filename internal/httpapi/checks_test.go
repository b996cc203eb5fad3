package httpapi

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// A check that failed stops the window until a later one passes; so does what was done to the pump.
func TestCheckStopsAndFreesTheWindow(t *testing.T) {
	s := newStage(t, 1)
	p, at := s.patients[0], "/v1/stations/"+s.counter.station
	s.nurse.mustDo("POST", "/v1/check-ins", gen.CheckIn{Code: p.Code}, nil)
	unverified := func() bool { // a rule pack that no clinic adopted only says so
		t.Helper()
		var d gen.Decision
		s.nurse.mustDo("GET", "/v1/patients/"+p.Id+"/decision?station="+s.counter.station, nil, &d)
		return slices.ContainsFunc(d.Notes, func(r gen.Reason) bool { return r.Rule == string(dosing.DeviceNotVerified) })
	}
	require.False(t, unverified())

	c := s.walk(s.beginCheck(), 11_000)
	require.False(t, c.Result.Passed)
	require.InDelta(t, 11_000, c.Result.MeanPpm, 100)
	require.Len(t, c.Pours, 10)
	require.True(t, unverified())
	s.pharmacist.refused("POST", "/v1/checks/"+c.Id+"/finish", map[string]any{"pin": testPIN, "passed": true}, http.StatusBadRequest, "request.contract")
	s.check()

	var r gen.Recalibration
	s.pharmacist.mustDo("POST", at+"/recalibrations", gen.Recalibrate{
		Id: newID(), Kind: gen.RecalibrateKindRecalibrated, Method: "theo hãng", FactorBefore: "1.000", FactorAfter: "1.011", Pin: testPIN,
	}, &r)
	require.True(t, unverified())
	s.check()
	require.False(t, unverified())
	s.pour(s.begin(p))

	var chart gen.ControlChart
	s.nurse.mustDo("GET", at+"/control-chart", nil, &chart)
	require.Len(t, chart.Points, 1)
	require.EqualValues(t, 0, chart.Points[0].DeviationUl)
	var all gen.CheckList
	s.nurse.mustDo("GET", at+"/checks", nil, &all)
	require.Len(t, all.Items, 4)
}

func TestShotInDoubtIsSettledByTwo(t *testing.T) {
	s := newStage(t, 0)
	c := s.beginCheck()
	s.pharmacist.refused("POST", "/v1/checks/"+c.Id+"/pours", gen.PourForCheck{Id: newID()}, http.StatusConflict, "check.order")
	for c.Next.Kind == gen.CheckNextKindWeigh {
		s.shows(c.Next.NominalUg)
		s.pharmacist.mustDo("POST", "/v1/checks/"+c.Id+"/weighings", gen.WeighForCheck{NominalUg: c.Next.NominalUg, Weights: "F1"}, &c)
	}
	var p gen.CheckPour
	s.pharmacist.mustDo("POST", "/v1/checks/"+c.Id+"/pours", gen.PourForCheck{Id: newID()}, &p)
	s.pharmacist.refused("POST", "/v1/checks/"+c.Id+"/finish", gen.FinishCheck{Pin: testPIN}, http.StatusConflict, "check.pour_open")
	s.counter.report(stationlog.KindDispensing, stationlog.Dispensing{Dispensing: p.Id, Volume: 3000, Purpose: stationlog.Prime})
	s.counter.report(stationlog.KindInDoubt, stationlog.Outcome{Dispensing: p.Id, Reason: "crash", Purpose: stationlog.Prime})
	s.pharmacist.mustDo("GET", "/v1/check-pours/"+p.Id, nil, &p)
	require.EqualValues(t, "in_doubt", p.State)

	settle := gen.SettleCheckPour{MovedUl: 1200, Reason: "xem bình", Witness: witness()}
	s.nurse.mustDo("POST", "/v1/check-pours/"+p.Id+"/settle", settle, &p)
	require.EqualValues(t, "settled", p.State)
	require.EqualValues(t, 1200, p.BookedUl)
	s.nurse.mustDo("POST", "/v1/check-pours/"+p.Id+"/settle", settle, &p)
	settle.MovedUl = 1300
	s.nurse.refused("POST", "/v1/check-pours/"+p.Id+"/settle", settle, http.StatusConflict, "pour.state")
	s.pharmacist.mustDo("GET", "/v1/checks/"+c.Id, nil, &c)
	require.Equal(t, gen.CheckNextKindPrime, c.Next.Kind, "it is primed again")
}

func TestLimitsOfTheCheckAreSigned(t *testing.T) {
	f := newFixture(t)
	doctor := f.signIn("doctor")
	var l gen.CheckLimits
	doctor.mustDo("GET", "/v1/check-limits", nil, &l)
	require.EqualValues(t, 10_000, l.BiasPpm)
	set := gen.SetCheckLimits{BiasPpm: 8000, SpreadPpm: 5000, LevelsUl: l.LevelsUl, Shots: 4, PrimeUl: l.PrimeUl, WeightsUg: l.WeightsUg, ToleranceUg: l.ToleranceUg, Pin: testPIN}
	f.signIn("pharmacist").refused("POST", "/v1/check-limits", set, http.StatusForbidden, keyMayNot)
	doctor.mustDo("POST", "/v1/check-limits", set, &l)
	require.Equal(t, 4, l.Shots)
	set.BiasPpm = 60_000
	doctor.refused("POST", "/v1/check-limits", set, http.StatusBadRequest, "request.contract")
}
