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
		name string
		ctx  context.Context
		err  error
		want error
	}{
		{"nothing went wrong", over, nil, nil},
		{"the wait for the answer ended", t.Context(), context.DeadlineExceeded, devices.ErrNoReply},
		{"a wait inside ended", t.Context(), fmt.Errorf("reading: %w", context.DeadlineExceeded), devices.ErrNoReply},
		{"the caller's time ended", over, context.Canceled, devices.ErrNoReply},
		{"the caller's time ended, as the caller sees it", over, context.Canceled, context.Canceled},
		{"the line was lost while the caller's time ended", over, devices.ErrDisconnected, devices.ErrDisconnected},
		{"the answer was broken", over, devices.ErrGarbled, devices.ErrGarbled},
		{"something else", t.Context(), other, other},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := devices.NoReply(c.ctx, c.err)
			if !errors.Is(got, c.want) {
				t.Errorf("%v is %v, not %v", c.err, got, c.want)
			}
			if c.want != devices.ErrNoReply && c.want != context.Canceled && errors.Is(got, devices.ErrNoReply) {
				t.Errorf("%v became a missing answer", c.err)
			}
		})
	}
}
