package queue

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Twenty who ask while one is answered share the next answer, which was read after they asked.
func TestThoseWhoAskAtOnceShareAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crowd[string, int64]
		var state, readings atomic.Int64
		read := func(context.Context) (int64, error) {
			seen := state.Load()
			readings.Add(1)
			<-time.After(time.Second)
			return seen, nil
		}
		var all sync.WaitGroup
		ask := func() {
			all.Go(func() {
				asked := state.Load()
				if got, err := c.get(t.Context(), "here", read); err != nil || got < asked {
					t.Errorf("got %d, %v, when it was %d already", got, err, asked)
				}
			})
			synctest.Wait()
		}
		ask()
		state.Add(1) // changed while it is read
		for range 20 {
			ask()
		}
		other, err := c.get(t.Context(), "there", read)
		if err != nil || other != 1 {
			t.Errorf("another key: %d, %v", other, err)
		}
		all.Wait()
		if n := readings.Load(); n != 3 {
			t.Errorf("read %d times, want once for the first, once for the twenty, once for the other key", n)
		}
		ask()
		all.Wait()
		if n := readings.Load(); n != 4 {
			t.Errorf("an answer was given again later: %d readings", n)
		}
	})
}

// Whoever leaves takes nothing from those who wait for the same answer, and waits no longer.
func TestWhoeverLeavesTheCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crowd[string, string]
		var all sync.WaitGroup
		read := func(ctx context.Context) (string, error) {
			<-time.After(time.Second)
			return "read", ctx.Err()
		}
		ask := func(ctx context.Context, want error) {
			all.Go(func() {
				if got, err := c.get(ctx, "here", read); !errors.Is(err, want) || (want == nil) != (got == "read") {
					t.Errorf("%q, %v, want %v", got, err, want)
				}
			})
			synctest.Wait()
		}
		leaves, leave := context.WithCancel(t.Context())
		ask(t.Context(), nil)
		ask(leaves, nil) // it reads for the two behind it
		ask(t.Context(), nil)
		ask(leaves, context.Canceled)
		leave()
		all.Wait()
	})
}

// A reading that panics fails for those who wait for it, and for nobody after them.
func TestAReadingThatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crowd[string, string]
		fine := func(context.Context) (string, error) { <-time.After(time.Second); return "read", nil }
		breaks := func(context.Context) (string, error) { panic("breaks off") }
		var all sync.WaitGroup
		all.Go(func() { _, _ = c.get(t.Context(), "here", fine) })
		synctest.Wait()
		all.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _ = c.get(t.Context(), "here", breaks)
		})
		synctest.Wait()
		all.Go(func() {
			if _, err := c.get(t.Context(), "here", fine); err == nil {
				t.Error("an answer of a reading that broke off")
			}
		})
		synctest.Wait()
		all.Wait()
		if got, err := c.get(t.Context(), "here", fine); err != nil || got != "read" {
			t.Errorf("afterwards %q, %v", got, err)
		}
	})
}
