package devices

import (
	"context"
	"errors"
	"fmt"
)

// NoReply says what a link's error means to a driver that waited for an answer under a deadline of its own: the deadline's
// end, or that of ctx, is ErrNoReply. A lost line and a broken answer stay what they are.
func NoReply(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, ErrDisconnected) || errors.Is(err, ErrGarbled) {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrNoReply, ctx.Err())
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrNoReply
	}
	return err
}
