package station

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// ErrDiverged: the server has events of this station that the journal does not have. The journal was lost, restored
// from a copy, or copied to a second counter. Orders are refused until people have looked.
var ErrDiverged = errors.New("the journal and the server disagree about the past")

const (
	batchEvents = 200
	// batchBytes bounds payloads and signatures of one request, so that with base64 and JSON around them the body stays
	// under 60 KiB.
	batchBytes = 40 << 10
)

// reporter hands the journal's events to the server, in order, for as long as it takes. Nothing is ever given up.
type reporter struct {
	journal *Journal
	server  Server
	log     *slog.Logger
	retry   func() patienceOf
	again   chan struct{} // asks to compare with the server's standing

	state atomic.Int32
}

type patienceOf interface {
	NextBackOff() time.Duration
	Reset()
}

// What the reporter knows of the server.
const (
	unaligned int32 = iota // not compared yet
	aligned
	diverged
)

func newReporter(j *Journal, server Server, log *slog.Logger) *reporter {
	return &reporter{
		journal: j, server: server, log: log, again: make(chan struct{}, 1),
		retry: func() patienceOf { return patience(250*time.Millisecond, 15*time.Second) },
	}
}

// realign asks for a comparison with the server: somebody there does not know what this counter has reported.
func (r *reporter) realign() {
	select {
	case r.again <- struct{}{}:
	default:
	}
}

// aligned reports whether the server's past is this journal's past.
func (r *reporter) aligned() bool { return r.state.Load() == aligned }

// run reports until ctx ends. An error of the journal ends it.
func (r *reporter) run(ctx context.Context) error {
	retry := r.retry()
	for ctx.Err() == nil {
		err := r.round(ctx)
		if errors.Is(err, ErrBroken) {
			return err
		}
		if err != nil {
			r.note(ctx, err)
			pause(ctx, retry.NextBackOff())
			continue
		}
		retry.Reset()
		select {
		case <-r.journal.Changed():
		case <-r.again:
			r.state.CompareAndSwap(aligned, unaligned)
		case <-ctx.Done():
		}
	}
	return nil
}

func (r *reporter) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, ErrDiverged):
		r.state.Store(diverged)
		r.log.Error("orders are refused", "err", err)
	default:
		r.log.Warn("events not reported", "err", err)
	}
}

// round compares with the server if need be and sends everything there is to send.
func (r *reporter) round(ctx context.Context) error {
	if !r.aligned() {
		if err := r.align(ctx); err != nil {
			return err
		}
	}
	for {
		n, err := r.batch(ctx)
		if n == 0 || err != nil {
			return err
		}
	}
}

// align finds out where the server stands and goes on from there, backwards too: it may have been restored.
func (r *reporter) align(ctx context.Context) error {
	standing, err := r.server.Standing(ctx)
	if err != nil {
		return err
	}
	head, _ := r.journal.Head()
	hash, err := r.journal.HashAt(ctx, standing.Seq)
	if err != nil {
		return err
	}
	if standing.Seq < 0 || standing.Seq > head || hash != standing.Hash {
		return fmt.Errorf("%w: the server has event %d, the journal ends at %d", ErrDiverged, standing.Seq, head)
	}
	if standing.Seq != r.journal.Acknowledged() {
		if err := r.journal.Acknowledge(ctx, standing.Seq); err != nil {
			return err
		}
	}
	r.state.Store(aligned)
	return nil
}

// batch sends the next events and returns how many they were.
func (r *reporter) batch(ctx context.Context) (int, error) {
	from := r.journal.Acknowledged()
	entries, err := r.journal.After(ctx, from, batchEvents, batchBytes)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	records := make([]stationlog.Signed, len(entries))
	for i, e := range entries {
		records[i] = e.Record
	}
	accepted, err := r.server.Report(ctx, records)
	if errors.Is(err, ErrGap) {
		r.state.Store(unaligned)
	}
	if err != nil {
		return 0, err
	}
	last := entries[len(entries)-1].Seq
	if accepted < from || accepted > last {
		r.state.Store(unaligned)
		if accepted <= from {
			return 0, fmt.Errorf("%w: it kept up to %d of %d", ErrGap, accepted, last)
		}
		accepted = last
	}
	if accepted == from {
		return 0, fmt.Errorf("%w: nothing after %d was kept", ErrGap, from)
	}
	return len(entries), r.journal.Acknowledge(ctx, accepted)
}
