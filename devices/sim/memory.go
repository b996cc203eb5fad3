package sim

import (
	"context"
	"errors"
	"sync"

	"github.com/lieu-clinic/lieu/devices"
)

// memoryWire is a cable without a terminal. The host's end is a devices.Link.
type memoryWire struct {
	toHost, toDevice queue
	pulled           chan struct{}
	pull             sync.Once
}

func newMemoryWire() *memoryWire {
	return &memoryWire{toHost: newQueue(), toDevice: newQueue(), pulled: make(chan struct{})}
}

func (m *memoryWire) read(p []byte) (int, error) {
	return m.toDevice.take(context.Background(), p, m.pulled)
}

func (m *memoryWire) write(p []byte) error { m.toHost.put(p); return nil }

func (*memoryWire) refresh() {}

func (*memoryWire) name() string { return "" }

func (m *memoryWire) close() { m.pull.Do(func() { close(m.pulled) }) }

func (m *memoryWire) open() devices.Link { return &memoryLink{wire: m, closed: make(chan struct{})} }

// queue is bytes that wait for one reader.
type queue struct {
	mu      *sync.Mutex
	bytes   *[]byte
	arrived chan struct{}
}

func newQueue() queue {
	return queue{mu: new(sync.Mutex), bytes: new([]byte), arrived: make(chan struct{}, 1)}
}

func (q queue) put(p []byte) {
	q.mu.Lock()
	*q.bytes = append(*q.bytes, p...)
	q.mu.Unlock()
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

func (q queue) grab(p []byte) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := copy(p, *q.bytes)
	*q.bytes = (*q.bytes)[n:]
	return n
}

func (q queue) take(ctx context.Context, p []byte, ends ...<-chan struct{}) (int, error) {
	pulled, closed := ends[0], (<-chan struct{})(nil)
	if len(ends) > 1 {
		closed = ends[1]
	}
	for {
		if n := q.grab(p); n > 0 {
			return n, nil
		}
		select {
		case <-q.arrived:
		case <-pulled:
			return q.grab(p), devices.ErrDisconnected
		case <-closed:
			return 0, devices.ErrDisconnected
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// memoryLink is the host's end.
type memoryLink struct {
	wire   *memoryWire
	closed chan struct{}
	close  sync.Once
}

func (l *memoryLink) gone() error {
	select {
	case <-l.closed:
	case <-l.wire.pulled:
	default:
		return nil
	}
	return devices.ErrDisconnected
}

func (l *memoryLink) Write(ctx context.Context, p []byte) error {
	if err := errors.Join(l.gone(), ctx.Err()); err != nil {
		return err
	}
	l.wire.toDevice.put(p)
	return nil
}

func (l *memoryLink) Read(ctx context.Context, p []byte) (int, error) {
	n, err := l.wire.toHost.take(ctx, p, l.wire.pulled, l.closed)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

func (l *memoryLink) Flush() error {
	if err := l.gone(); err != nil {
		return err
	}
	var sink [256]byte
	for l.wire.toHost.grab(sink[:]) > 0 {
	}
	return nil
}

func (l *memoryLink) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}
