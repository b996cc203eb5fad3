package devices_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/lieu-clinic/lieu/devices"
)

func TestNoReply(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	other := errors.New("another")
	for _, c := range []struct {
		name    string
		ctx     context.Context
		err     error
		want    error
		missing bool
	}{
		{"nothing went wrong", over, nil, nil, false},
		{"the wait for the answer ended", t.Context(), context.DeadlineExceeded, devices.ErrNoReply, true},
		{"a wait inside ended", t.Context(), fmt.Errorf("reading: %w", context.DeadlineExceeded), devices.ErrNoReply, true},
		{"the caller's time ended", over, context.Canceled, devices.ErrNoReply, true},
		{"the caller's time ended, as the caller sees it", over, context.Canceled, context.Canceled, true},
		{"the line was lost while the caller's time ended", over, devices.ErrDisconnected, devices.ErrDisconnected, false},
		{"the answer was broken", over, devices.ErrGarbled, devices.ErrGarbled, false},
		{"something else", t.Context(), other, other, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := devices.NoReply(c.ctx, c.err)
			if !errors.Is(got, c.want) {
				t.Errorf("%v is %v, not %v", c.err, got, c.want)
			}
			if missing := errors.Is(got, devices.ErrNoReply); missing != c.missing {
				t.Errorf("%v is a missing answer: %v, not %v", c.err, missing, c.missing)
			}
		})
	}
}
