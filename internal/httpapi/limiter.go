package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lieu-clinic/lieu/internal/fault"
)

// Rates of attempts to prove a credential, per name and address, and per address alone. They keep the hashes from
// eating the machine; the lock-out of a credential is data and stands with the staff.
const (
	attemptsPerName    = 5
	attemptsPerAddress = 120 // one clinic often shares one address
	attemptsWindow     = time.Minute
	maxLimited         = 10_000
)

// limiter bounds attempts. It is safe for concurrent use.
type limiter struct {
	now  func() time.Time
	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, seen: map[string]*rate.Limiter{}}
}

// attempt takes one attempt of a name from an address, or refuses it with fault.TooMany.
func (l *limiter) attempt(name, address string) error {
	if l.take("a\x00"+address, attemptsPerAddress) && l.take(nameKey(name, address), attemptsPerName) {
		return nil
	}
	return fault.New(fault.TooMany, keyTooOften, "too many attempts from one address")
}

// succeeded gives a name its attempts back: people who know their PIN sign as often as they must.
func (l *limiter) succeeded(name, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.seen, nameKey(name, address))
}

func nameKey(name, address string) string { return "n\x00" + name + "\x00" + address }

func (l *limiter) take(key string, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.seen[key]
	if !ok {
		if len(l.seen) >= maxLimited {
			clear(l.seen)
		}
		r = rate.NewLimiter(rate.Every(attemptsWindow/time.Duration(most)), most)
		l.seen[key] = r
	}
	return r.AllowN(l.now(), 1)
}
