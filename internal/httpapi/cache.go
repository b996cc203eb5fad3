package httpapi

import (
	"sync"
	"time"
)

// cacheFor is how long a cached answer is believed. It bounds how late another process's change is seen; a change made
// through this process is seen at once.
const cacheFor = 5 * time.Second

// cache keeps answers of the store for a short time. It is safe for concurrent use.
type cache[K comparable, V any] struct {
	now     func() time.Time
	most    int
	mu      sync.Mutex
	entries map[K]cached[V]
	// epoch counts what was forgotten, so that an answer read before a change is not stored after it.
	epoch uint64
}

type cached[V any] struct {
	value V
	until time.Time
}

func newCache[K comparable, V any](now func() time.Time, most int) *cache[K, V] {
	return &cache[K, V]{now: now, most: most, entries: map[K]cached[V]{}}
}

// get returns the cached answer, or asks read and keeps what it says. Errors are not kept.
func (c *cache[K, V]) get(key K, read func() (V, error)) (V, error) {
	c.mu.Lock()
	if e, ok := c.entries[key]; ok && c.now().Before(e.until) {
		c.mu.Unlock()
		return e.value, nil
	}
	epoch := c.epoch
	c.mu.Unlock()
	v, err := read()
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch == epoch {
		c.put(key, v)
	}
	return v, nil
}

// put stores v; the caller holds the lock.
func (c *cache[K, V]) put(key K, v V) {
	if len(c.entries) >= c.most {
		clear(c.entries)
	}
	c.entries[key] = cached[V]{value: v, until: c.now().Add(cacheFor)}
}

// forget drops what is known of key.
func (c *cache[K, V]) forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	delete(c.entries, key)
}
