package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/dispensing"
)

// A wire that dies in the middle of a pour loses nothing: the counter pours to the end, keeps what happened, and tells it
// in order when the wire is back.
func TestWireCutDuringAPour(t *testing.T) {
	r := newRig(t, 1, "", "")
	r.devicesReady()
	r.counter.stop()
	wire := newWire(t, strings.TrimPrefix(r.base, "http://"))
	direct := r.base
	r.base = "http://" + wire.Listen
	r.startCounter("")
	r.base = direct
	r.devicesReady()
	r.bench.Only().PlaceCup()
	key := r.begin(0)
	r.eventually("the pump runs", func() bool { return r.runs() == 1 })
	wire.Stop()
	r.eventually("the pour ends", func() bool {
		c := r.bench.State().Counters[0]
		return c.PushedML > 5.9
	})
	require.NotEqual(t, dispensing.Measured, r.state(key), "the server cannot know yet")
	require.NoError(t, wire.Start())
	r.finish(key)
	require.Equal(t, 1, r.runs())
	r.close()
}

func newWire(t *testing.T, upstream string) *toxiproxy.Proxy {
	t.Helper()
	log := zerolog.Nop()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), log), "wire", "127.0.0.1:0", upstream)
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	return p
}

// A server that is away for a while finds out everything when it is back, and a dose goes on where it was.
func TestServerAwayDuringAPour(t *testing.T) {
	r := newRig(t, 1, "", "")
	r.devicesReady()
	r.bench.Only().PlaceCup()
	key := r.begin(0)
	r.eventually("the pump runs", func() bool { return r.runs() == 1 })
	r.server.kill()
	r.eventually("the pour ends", func() bool { return r.bench.State().Counters[0].PushedML > 5.9 })
	r.startServer("")
	r.finish(key)
	r.close()
}

// A fault of a device ends in a true record: a measurement that people can trust or that blocks the hand-over, doubt, or
// the counter's word that nothing was poured. The motion command is never sent twice.
func TestDeviceFaultsEndInATrueRecord(t *testing.T) {
	faults := map[string]struct {
		fault sim.Fault
		want  []dispensing.State
	}{
		"the answer to the motion command is lost": {sim.Fault{Device: "pump0", Kind: sim.LostReply, On: "RUN", Count: 1},
			[]dispensing.State{dispensing.Measured, dispensing.InDoubt}},
		"the motion command is lost": {sim.Fault{Device: "pump0", Kind: sim.LostCommand, On: "RUN", Count: 1},
			[]dispensing.State{dispensing.InDoubt}},
		"the pump loses power in the middle": {sim.Fault{Device: "pump0", Kind: sim.PowerCycle, ML: 2},
			[]dispensing.State{dispensing.InDoubt}},
		"the tube is closed": {sim.Fault{Device: "pump0", Kind: sim.Occlusion},
			[]dispensing.State{dispensing.InDoubt}},
		"air in the tube": {sim.Fault{Device: "pump0", Kind: sim.Bubble, ML: 2},
			[]dispensing.State{dispensing.Measured}},
		"the bench shakes for a while": {sim.Fault{Device: "scale0", Kind: sim.Unstable, Seconds: 3},
			[]dispensing.State{dispensing.Measured}},
		"one garbled answer of the balance": {sim.Fault{Device: "scale0", Kind: sim.GarbledReply, Count: 1, Skip: 3},
			[]dispensing.State{dispensing.Measured, dispensing.Voided, dispensing.InDoubt}},
	}
	slots := make(chan struct{}, 3)
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			r := newRig(t, 1, "", "")
			r.devicesReady()
			r.bench.Only().PlaceCup()
			require.NoError(t, r.bench.Fault(tt.fault))
			key := r.begin(0)
			r.eventually("the counter answers", func() bool { return slices.Contains(tt.want, r.state(key)) })
			require.LessOrEqual(t, r.runs(), 1)
			if name == "air in the tube" {
				resp, err := r.api.HandOverWithResponse(t.Context(), key, handOverBody(r.c.patients[0].Code))
				require.NoError(t, err)
				require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode(), "order, pump and scale disagree")
			}
			r.close()
		})
	}
}
