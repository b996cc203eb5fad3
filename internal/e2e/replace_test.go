package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// The computer of a window burns down. Another one, enrolled in its place, goes on where the chain of records stands; but
// not before people have settled what the old one was told to pour, because the new one cannot know.
func TestReplacedCounterGoesOn(t *testing.T) {
	r := newRig(t, 3, "", "after-run")
	r.devicesReady()
	r.bench.Only().PlaceCup()
	open := r.begin(0)
	require.True(t, r.counter.died(30*time.Second))
	r.reaches(open, dispensing.Pouring)
	r.replaced++
	code, err := r.signInAs(r.c.admin).IssueEnrolmentCodeWithResponse(t.Context(), string(r.c.station.ID))
	require.NoError(t, err)
	require.NotNil(t, code.JSON200, string(code.Body))
	out, err := r.enrol(code.JSON200.Code)
	require.Error(t, err, "a dispensing is under way: %s", out)

	r.settleWithoutCounter(open)
	out, err = r.enrol(code.JSON200.Code)
	require.NoError(t, err, out)
	r.startCounter("")
	r.devicesReady()
	for i := 1; i < 3; i++ {
		r.freshCup()
		key := r.begin(i)
		r.reaches(key, dispensing.Measured)
		r.handOver(key, i)
		r.taken(key)
	}
	require.Equal(t, 3, r.runs())
	r.close()
}

// settleWithoutCounter lets two people say that the counter is not coming back and throw away what is in the cup.
func (r *rig) settleWithoutCounter(key string) {
	r.t.Helper()
	witness := clinicapi.Credential{Username: r.c.pharmacist.Username, Pin: pin}
	doubt, err := r.api.DoubtOutcomeWithResponse(r.t.Context(), key, clinicapi.DoubtOutcomeJSONRequestBody{Reason: "the computer burnt", Witness: witness})
	require.NoError(r.t, err)
	require.NotNil(r.t, doubt.JSON200, string(doubt.Body))
	left := int64(6000)
	wasted, err := r.api.ResolveDispensingWithResponse(r.t.Context(), key, clinicapi.ResolveDispensingJSONRequestBody{
		As: "wasted", VolumeUl: &left, Reason: "thrown away", Witness: witness,
	})
	require.NoError(r.t, err)
	require.NotNil(r.t, wasted.JSON200, string(wasted.Body))
}
