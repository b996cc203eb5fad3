package devicetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// Line is what a suite does to the cable of a device under test. Kinds of faults are the bench's: "lost_reply",
// "late_reply", "duplicate_reply", "garbled_reply", "truncated_reply", "unplug_in_reply", "lost_command" and the like.
type Line struct {
	// Fault orders a fault for the next commands that contain On and their replies.
	Fault func(t *testing.T, f Fault)
	// Unplug pulls the cable out; Replug puts it back, for a driver that is opened anew.
	Unplug, Replug func(t *testing.T)
	// PowerCycle switches the device off and on.
	PowerCycle func(t *testing.T)
}

// Fault is one order.
type Fault struct {
	Kind  string
	On    string
	Count int // 0 is 1
	Skip  int
	At    int // bytes that still pass; 0 is anywhere, -1 is none
}

// Mode is how a suite spends its time.
type Mode int

// The modes.
const (
	// Real runs in real time, over terminals, with few repetitions.
	Real Mode = iota
	// Virtual runs every case in a testing/synctest bubble, with many repetitions.
	Virtual
)

// faults are what may happen to one command or answer on its way.
func (m Mode) faults() []string {
	if m == Virtual {
		return []string{"lost_reply", "late_reply", "duplicate_reply", "garbled_reply", "truncated_reply", "lost_command"}
	}
	return []string{"lost_reply"}
}

// repetitions of a random fault.
func (m Mode) repetitions() int {
	if m == Virtual {
		return 40
	}
	return 1
}

// positions at which a reply of n bytes is cut.
func (m Mode) positions(n int) []int {
	if m == Virtual {
		all := []int{-1}
		for i := 1; i < n; i++ {
			all = append(all, i)
		}
		return all
	}
	return []int{n / 2}
}

// run runs one case and looks for goroutines that stay behind.
func (m Mode) run(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		if m == Virtual {
			synctest.Test(t, f) // which fails when a goroutine is left
			return
		}
		before := goleak.IgnoreCurrent()
		t.Run("in real time", f) // its cleanups have run when it returns
		goleak.VerifyNone(t, before)
	})
}

// within runs f with a deadline and fails the test when f does not return by then: a driver may be late by the grace of
// one exchange, not more.
func within(t *testing.T, limit time.Duration, f func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	late := time.NewTimer(limit + 500*time.Millisecond)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		t.Fatalf("it hangs past its deadline of %s", limit)
	}
}
