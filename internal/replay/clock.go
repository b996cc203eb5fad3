package replay

import (
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
)

// clock is the time at the clinic, which the replay moves.
type clock struct {
	mu sync.Mutex
	at calendar.Instant
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Time()
}

// set moves the clock. It never goes back.
func (c *clock) set(at calendar.Instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = max(c.at, at)
}

// pass lets time pass.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
