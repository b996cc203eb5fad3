package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/store"
)

// Every balance of the catalogue weighs what every pump of it pours: a whole dose through the counter's daemon and the
// server, as real processes. A new model joins by itself; what it needs beside the usual goes into pumpOptions.
func TestEveryScaleWithEveryPump(t *testing.T) {
	pumps := devicesOf(catalog.Pump)
	for _, scale := range devicesOf(catalog.Scale) {
		t.Run(scale.Name, func(t *testing.T) {
			t.Parallel()
			r := seeded(t, func(st *store.Store) *smallClinic {
				return newServices(t, st, time.Now, dispensing.Options{}).found(t, 1, len(pumps))
			})
			r.startServer("")
			r.signIn()
			out, err := r.enrol(r.c.code)
			require.NoError(t, err, out)
			require.NoError(t, os.WriteFile(r.path("counterd.yaml"), []byte(quick), 0o600))
			for i, pump := range pumps {
				r.doseWith(i, scale, pump)
			}
			r.server.stop()
		})
	}
}

// devicesOf are the models that are devices.
func devicesOf(kind catalog.Kind) []catalog.Model {
	var all []catalog.Model
	for _, m := range catalog.Models() {
		if m.Kind == kind && !m.ByHand {
			all = append(all, m)
		}
	}
	return all
}

// pumpOptions is what a pump is set up with.
func pumpOptions(model string) string {
	switch model {
	case catalog.Simdos:
		return "rate_ml_min=100,max_ml=30,min_ml=1"
	case catalog.Reglo:
		return "diameter_mm=3.17,rate_ml_min=35,max_ml=30,min_ml=0.5,address=1"
	case catalog.CavroOEM, catalog.CavroDT:
		return "syringe_ml=10,rate_ml_min=200,max_ml=30,min_ml=0.2"
	}
	return "diameter_mm=26.7,rate_ml_min=200,max_ml=30,min_ml=0.2"
}

// onBench is how the bench's pump is made: a Cavro pump has been homed by somebody, and does the dose in one stroke.
func onBench(model string) sim.DeviceConfig {
	d := sim.DeviceConfig{Model: model}
	if model == catalog.CavroOEM || model == catalog.CavroDT {
		d.Options = map[string]string{"initialised": "yes", "syringe_ul": "10000"}
	}
	return d
}

// doseWith puts these devices at the window and gives the patient a dose.
func (r *rig) doseWith(patient int, scale, pump catalog.Model) {
	r.t.Helper()
	dir := r.path("bench-" + pump.Name)
	bench, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 7, Dir: dir, Speed: 4, Counters: []sim.CounterConfig{{
		Name: "window", Scale: sim.DeviceConfig{Model: scale.Name}, Pump: onBench(pump.Name),
	}}})
	require.NoError(r.t, err, pump.Name)
	r.bench = bench
	defer func() { require.NoError(r.t, bench.Close()) }()
	r.counter = start(r.t, "", "counterd", "run", "--dir", r.computer(), "--config", r.path("counterd.yaml"), "--server", r.base,
		"--scale", scale.Name+","+dir+"/scale0",
		"--pump", pump.Name+","+dir+"/pump0,"+pumpOptions(pump.Name),
		"--scanner", "line,"+dir+"/scanner0")
	r.eventually(fmt.Sprintf("%s and %s are ready", scale.Name, pump.Name), func() bool { return r.opened(scale.Name, pump.Name) })
	require.NoError(r.t, bench.Only().PlaceCup())
	key := r.begin(patient)
	r.reaches(key, dispensing.Measured)
	r.handOver(key, patient)
	cup, err := bench.Only().LiftCup()
	require.NoError(r.t, err)
	require.InDelta(r.t, 6.0, cup.LiquidML, 0.2, "%s with %s", scale.Name, pump.Name)
	r.taken(key)
	r.reaches(key, dispensing.Administered)
	require.Equal(r.t, 1, r.runs(), pump.Name)
	r.counter.stop()
}

// opened asks the counter's own page whether these devices are ready and its server is there.
func (r *rig) opened(scale, pump string) bool {
	addr, err := os.ReadFile(filepath.Join(r.computer(), "listen.addr"))
	if err != nil {
		return false
	}
	resp, err := http.Get("http://" + strings.TrimSpace(string(addr)) + "/devices")
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	var said struct {
		Ready   bool
		Devices []struct{ Kind, Model, State string }
	}
	if json.NewDecoder(resp.Body).Decode(&said) != nil || !said.Ready {
		return false
	}
	open := 0
	for _, d := range said.Devices {
		if d.State == "ready" && (d.Model == scale || d.Model == pump) {
			open++
		}
	}
	return open == 2
}
