package staff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
)

// The lock-out: after every so many failures the credential rests, each time for twice as long.
const (
	FailuresToLock = 5
	FirstLock      = 15 * time.Minute
	LongestLock    = 4 * time.Hour
	// forgetAfter is how long after the last failure the count starts afresh.
	forgetAfter = 24 * time.Hour
)

// locked reports whether the credential may not be tried at now.
func (a Attempts) locked(now calendar.Instant) bool { return now < a.LockedUntil }

// count adds one attempt, as if it had failed: it is counted before the credential is checked, so that many attempts at
// once are no way round the limit. It reports whether this attempt set a lock for those after it.
func (a *Attempts) count(now calendar.Instant) (locks bool) {
	if now.Sub(a.LastAt) > forgetAfter {
		a.Failures = 0
	}
	a.Failures++
	a.LastAt = now
	if a.Failures%FailuresToLock != 0 {
		return false
	}
	a.LockedUntil = now.Add(lockFor(a.Failures / FailuresToLock))
	return true
}

// lockFor returns how long the nth lock lasts.
func lockFor(n int) time.Duration {
	d := FirstLock
	for range n - 1 {
		if d *= 2; d >= LongestLock {
			return LongestLock
		}
	}
	return d
}

// attemptKey names a count. What was typed is hashed: people type passwords into the wrong field.
func attemptKey(kind, typed string) string {
	sum := sha256.Sum256([]byte(typed))
	return kind + ":" + hex.EncodeToString(sum[:])
}

// enter counts one attempt and refuses it while the credential is locked. It reports whether the attempt is the last
// before a lock.
func (s *Service) enter(ctx context.Context, key string) (last bool, err error) {
	var until calendar.Instant
	err = s.store.UpdateAttempts(ctx, key, func(a *Attempts) {
		now := s.instant()
		last, until = false, 0
		if a.locked(now) {
			until = a.LockedUntil
			return
		}
		last = a.count(now)
	})
	if err != nil {
		return false, err
	}
	if !until.IsZero() {
		return false, fault.New(fault.TooMany, "staff.locked", "locked until %s", until).With("until", until.String())
	}
	return last, nil
}

// forget clears a count after a success.
func (s *Service) forget(ctx context.Context, key string) error {
	return s.store.UpdateAttempts(ctx, key, func(a *Attempts) { *a = Attempts{Key: a.Key} })
}
