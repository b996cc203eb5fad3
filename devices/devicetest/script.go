package devicetest

import (
	"context"
	"sync"
	"testing"

	"github.com/lieu-clinic/lieu/devices"
)

// Exchange is one step of a conversation.
type Exchange struct {
	// Want is what the driver must write next, exactly. "" for bytes that the device sends unasked, before the next
	// write.
	Want string
	// Reply arrives at once; "" is silence.
	Reply string
	// Unplug pulls the cable after the reply.
	Unplug bool
}

// Script is a link to a device that follows a script. A write that is not the next one, or an exchange that is left
// over at the end of the test, fails the test.
type Script struct {
	t testing.TB

	mu       sync.Mutex
	steps    []Exchange
	unread   []byte
	gone     bool
	off      bool // the test has already failed on this link
	arrived  chan struct{}
	closings int
}

var _ devices.Link = (*Script)(nil)

// NewScript returns the link and checks at the end of the test that all of it was played and that it was closed once.
func NewScript(t testing.TB, steps ...Exchange) *Script {
	s := &Script{t: t, steps: steps, arrived: make(chan struct{}, 1)}
	s.unasked()
	t.Cleanup(s.check)
	return s
}

func (s *Script) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, left := range s.steps {
		s.t.Errorf("left over: %q, answered by %q", left.Want, left.Reply)
	}
	if s.closings != 1 {
		s.t.Errorf("the link was closed %d times", s.closings)
	}
}

// unasked plays what needs no write.
func (s *Script) unasked() {
	for len(s.steps) > 0 && s.steps[0].Want == "" {
		s.play()
	}
}

func (s *Script) play() {
	step := s.steps[0]
	s.steps = s.steps[1:]
	s.unread = append(s.unread, step.Reply...)
	s.gone = s.gone || step.Unplug
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// Write is the next step.
func (s *Script) Write(ctx context.Context, p []byte) error {
	s.t.Helper()
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.gone || s.off:
		return devices.ErrDisconnected
	case len(s.steps) == 0:
		s.t.Errorf("written after the end: %q", p)
	case s.steps[0].Want != string(p):
		s.t.Errorf("written %q, want %q", p, s.steps[0].Want)
	default:
		s.play()
		s.unasked()
		return nil
	}
	s.off, s.steps = true, nil
	return devices.ErrDisconnected
}

// Read returns what the script has sent.
func (s *Script) Read(ctx context.Context, p []byte) (int, error) {
	for {
		s.mu.Lock()
		n := copy(p, s.unread)
		s.unread = s.unread[n:]
		gone := s.gone || s.off
		s.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if gone {
			return 0, devices.ErrDisconnected
		}
		select {
		case <-s.arrived:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Flush drops what was sent and not read.
func (s *Script) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return devices.ErrDisconnected
	}
	s.unread = nil
	return nil
}

// Close ends the conversation.
func (s *Script) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closings++
	s.gone = true
	return nil
}
