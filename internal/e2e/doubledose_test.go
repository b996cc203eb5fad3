package e2e

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// rounds is how often the race for one dose is run; CI runs it a thousand times.
func rounds(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("LIEU_ROUNDS"))
	if err != nil || n < 1 {
		return 25
	}
	return n
}

// Sixty-four requests for one patient's dose, from four windows through two server processes, all at once: one is
// granted, and everybody else is told why not.
func TestOnePatientAskedForEverywhere(t *testing.T) {
	const windows, requests = 4, 64
	url := postgres.Database(t)
	s := newServices(t, open(t, url), time.Now, dispensing.Options{})
	c := s.found(t, 1, 1)
	counters := []*counter{s.enrol(t, c)}
	for window := 2; window <= windows; window++ {
		more := *c
		s.shelve(t, &more)
		s.furnish(t, &more, window)
		counters = append(counters, s.enrol(t, &more))
	}
	key := filepath.Join(t.TempDir(), "master.key")
	require.NoError(t, os.WriteFile(key, []byte(hex.EncodeToString(masterKey)), 0o600))
	servers := []*clinicapi.ClientWithResponses{serveOn(t, c, url, key), serveOn(t, c, url, key)}
	for round := range rounds(t) {
		winner := s.race(t, servers, counters, c.patients[0], requests)
		k := counters[winner]
		d := s.openOf(t, c, c.patients[0])
		k.report(t, stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: string(d.ID), Reason: "no_cup"})
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	for _, k := range counters {
		require.Zero(t, s.balance(t, k.c)[stock.Reserved])
	}
	s.verify(t)
}

// race lets everybody ask at once and returns the window of the one that was granted.
func (s services) race(t *testing.T, servers []*clinicapi.ClientWithResponses, counters []*counter, p patient.Patient, requests int) int {
	t.Helper()
	var (
		start   = make(chan struct{})
		wait    sync.WaitGroup
		mu      sync.Mutex
		granted []int
	)
	for i := range requests {
		wait.Go(func() {
			window := i % len(counters)
			<-start
			resp, err := servers[i/2%len(servers)].BeginDispensingWithResponse(context.Background(), clinicapi.BeginDispensingJSONRequestBody{
				Id: id.New[string](), Patient: string(p.ID), Station: string(counters[window].c.station.ID),
			})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Errorf("request %d: %v", i, err)
			case resp.StatusCode() == http.StatusCreated:
				granted = append(granted, window)
			case resp.StatusCode() != http.StatusUnprocessableEntity && resp.StatusCode() != http.StatusConflict:
				t.Errorf("request %d: %d %s", i, resp.StatusCode(), resp.Body)
			case len(resp.Body) == 0:
				t.Errorf("request %d was refused without a reason", i)
			}
		})
	}
	close(start)
	wait.Wait()
	require.Len(t, granted, 1, "dispensings granted for one dose")
	return granted[0]
}

func (s services) openOf(t *testing.T, c *smallClinic, p patient.Patient) dispensing.Dispensing {
	t.Helper()
	all, err := s.doses.List(t.Context(), dispensing.Filter{Clinic: c.clinic.ID, Patient: p.ID, States: []dispensing.State{dispensing.Reserved}})
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

// serveOn starts one more server process on a database and signs the nurse in there.
func serveOn(t *testing.T, c *smallClinic, url, key string) *clinicapi.ClientWithResponses {
	t.Helper()
	r := &rig{t: t, c: c, url: url, base: freeAddress(t), dir: filepath.Dir(key)}
	r.startServer("")
	r.signIn()
	return r.api
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return "http://" + l.Addr().String()
}
