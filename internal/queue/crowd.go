package queue

import (
	"context"
	"sync"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// crowd lets those who ask the same at once have one answer: twenty pages that hear of one change read the day twice, the
// first by itself and the others together. Nobody gets an answer whose reading began before they asked, so that an answer
// is never older than it would be without the others. Its zero value is ready.
type crowd[K comparable, V any] struct {
	mu    sync.Mutex
	turns map[K]chan struct{} // of capacity 1: whoever is in it reads
	next  map[K]*answer[V]    // whose reading has not begun
}

type answer[V any] struct {
	known chan struct{} // closed when the others are set
	value V
	err   error
}

// get returns what read says of key. read outlives whoever asked first: the others wait for it too.
func (c *crowd[K, V]) get(ctx context.Context, key K, read func(context.Context) (V, error)) (V, error) {
	a, turn, first := c.join(key)
	if !first {
		select {
		case <-a.known:
			return a.value, a.err
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
	}
	turn <- struct{}{}
	defer func() { <-turn }()
	defer close(a.known)
	c.begin(key)
	a.err = fault.New(fault.Internal, "internal", "the reading broke off") // unless it comes to its end
	a.value, a.err = read(context.WithoutCancel(ctx))
	return a.value, a.err
}

// join finds the answer that is still to be read, and whether this is the first to ask for it, who reads.
func (c *crowd[K, V]) join(key K) (a *answer[V], turn chan struct{}, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.next[key]; ok {
		return a, nil, false
	}
	if c.next == nil {
		c.next, c.turns = map[K]*answer[V]{}, map[K]chan struct{}{}
	}
	if c.turns[key] == nil {
		c.turns[key] = make(chan struct{}, 1)
	}
	a = &answer[V]{known: make(chan struct{})}
	c.next[key] = a
	return a, c.turns[key], true
}

// begin lets whoever asks from now on wait for another answer.
func (c *crowd[K, V]) begin(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.next, key)
}
