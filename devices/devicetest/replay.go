package devicetest

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
)

// Replay is a link to a recorded conversation. What the driver writes must be what was written then, whatever pieces
// either came in; what the device said comes as long after that as it did then. A byte that is another, and whatever
// of the transcript is left over at the end of the test, fails the test.
type Replay struct {
	t testing.TB

	mu      sync.Mutex
	left    []devices.Passage
	at      time.Duration // of what was played last
	wanted  []byte        // that the driver must still write before the device goes on
	unread  []byte
	off     bool // closed, or the test has already failed on this link
	arrived chan struct{}
	timer   *time.Timer
}

var _ devices.Link = (*Replay)(nil)

// NewReplay returns the link and checks at the end of the test that everything was played.
func NewReplay(t testing.TB, transcript []devices.Passage) *Replay {
	r := &Replay{t: t, left: transcript, arrived: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next()
	t.Cleanup(r.check)
	return r
}

// OpenReplay is NewReplay of a file.
func OpenReplay(t testing.TB, path string) *Replay {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	transcript, err := devices.ReadTranscript(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return NewReplay(t, transcript)
}

func (r *Replay) check() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
	}
	if len(r.wanted) > 0 {
		r.t.Errorf("never written: %q", r.wanted)
	}
	for _, p := range r.left {
		r.t.Errorf("left over: %s", p)
	}
}

// next goes on with the transcript: what the host must write is awaited, what the device says is due by the clock.
func (r *Replay) next() {
	for len(r.left) > 0 && r.left[0].Sent {
		r.wanted = append(r.wanted, r.left[0].Bytes...)
		r.at = r.left[0].At
		r.left = r.left[1:]
	}
	if len(r.wanted) == 0 && len(r.left) > 0 {
		r.timer = time.AfterFunc(r.left[0].At-r.at, r.speak)
	}
}

func (r *Replay) speak() {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := r.left[0]
	r.left, r.at = r.left[1:], said.At
	r.unread = append(r.unread, said.Bytes...)
	r.wake()
	r.next()
}

func (r *Replay) wake() {
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

// Write must be what was written then, and not before the device has said what came first.
func (r *Replay) Write(ctx context.Context, p []byte) error {
	r.t.Helper()
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return devices.ErrDisconnected
	}
	for i, b := range p {
		if len(r.wanted) == 0 || r.wanted[0] != b {
			r.t.Errorf("written %q, of which %q was not recorded; then it was %q", p, p[i:], r.wanted)
			r.off = true
			r.wake()
			return devices.ErrDisconnected
		}
		r.wanted = r.wanted[1:]
	}
	if len(r.wanted) == 0 {
		r.next()
	}
	return nil
}

// Read returns what the device has said.
func (r *Replay) Read(ctx context.Context, p []byte) (int, error) {
	for {
		r.mu.Lock()
		n := copy(p, r.unread)
		r.unread = r.unread[n:]
		off := r.off
		r.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if off {
			return 0, devices.ErrDisconnected
		}
		select {
		case <-r.arrived:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Flush drops what was said and not read.
func (r *Replay) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return devices.ErrDisconnected
	}
	r.unread = nil
	return nil
}

// Close ends the conversation.
func (r *Replay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off = true
	r.wake()
	return nil
}
