package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// A window without a pump: the nurse pours, the scale proves it. The pump that stands on the bench is never touched.
func TestPouringByHand(t *testing.T) {
	r := seeded(t, func(st *store.Store) *smallClinic {
		s := newServices(t, st, time.Now, dispensing.Options{})
		c := s.found(t, 1, 2)
		s.shelve(t, c)
		s.furnishWith(t, c, 2, equipment.Scale, equipment.Scanner)
		return c
	})
	r.startServer("")
	r.signIn()
	r.install(4)
	r.startCounter("")
	r.devicesReady()
	pours := []struct {
		v      measure.Volume
		agreed bool
	}{{6 * measure.Millilitre, true}, {7 * measure.Millilitre, false}}
	for i, pour := range pours {
		r.freshCup()
		key := r.begin(i)
		r.reaches(key, dispensing.Pouring)
		require.NoError(t, r.bench.Only().Pour(pour.v))
		r.reaches(key, dispensing.Measured)
		resp, err := r.api.ReadDispensingWithResponse(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, pour.agreed, resp.JSON200.Agreed)
		require.InDelta(t, int64(pour.v), resp.JSON200.MeasuredUl, 30)
		if pour.agreed {
			r.handOver(key, i)
			r.taken(key)
		}
	}
	require.Zero(t, r.runs())
	r.close()
}
