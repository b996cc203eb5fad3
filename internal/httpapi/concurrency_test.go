package httpapi

import (
	"context"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/store"
	"github.com/lieu-clinic/lieu/internal/store/pgtest"
)

// postgres is started by the first test that asks for it.
var postgres = &pgtest.Server{Options: pgtest.Options{Migrate: func(ctx context.Context, url string) error {
	_, err := store.Migrate(ctx, url)
	return err
}}}

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

type countingStore struct {
	scs.CtxStore
	calls atomic.Int64
}

func (c *countingStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	c.calls.Add(1)
	return c.CtxStore.FindCtx(ctx, token)
}

func (c *countingStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	c.calls.Add(1)
	return c.CtxStore.CommitCtx(ctx, token, b, expiry)
}

// Clients that leave in the middle of a request leave nothing behind that another request could meet: gin takes its
// contexts back, and a handler must not hold one that it gave away. Run it under the race detector.
func TestClientsThatLeave(t *testing.T) {
	s := stageOn(newFixtureOn(t, postgres.Database(t)), 0)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(worker*i%7)*time.Millisecond)
				req := s.nurse.request(t, "/v1/queue", "").WithContext(ctx)
				if resp, err := http.DefaultClient.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	s.nurse.mustDo("GET", "/v1/queue", nil, nil)
}

// However many windows ask for the same patient at once, one dose is begun.
func TestOneDoseForManyRequests(t *testing.T) {
	s := stageOn(newFixtureOn(t, postgres.Database(t)), 1)
	var begun atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			a := s.nurse.do("POST", "/v1/dispensings", gen.BeginDispensing{Id: newID(), Patient: s.patients[0].Id, Station: s.counter.station})
			switch a.status {
			case http.StatusCreated:
				begun.Add(1)
			case http.StatusUnprocessableEntity, http.StatusConflict:
			default:
				t.Errorf("answer %d: %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, begun.Load())
}
