package httpapi

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// persistEvery is how often the end of an idle session is moved on in the store. A session may therefore end that much
// early, never late.
const persistEvery = time.Minute

// throttledStore keeps sessions for cacheFor in memory and writes one that did not change only every persistEvery, so
// that a request of a busy window costs the database nothing for its session. It is safe for concurrent use.
type throttledStore struct {
	next scs.CtxStore
	now  func() time.Time
	mu   sync.Mutex
	kept map[string]keptSession
}

type keptSession struct {
	data   []byte
	expiry time.Time // as stored
	until  time.Time // believed until then
}

var _ scs.CtxStore = (*throttledStore)(nil)

// maxKept bounds the memory; beyond it everything is read again.
const maxKept = 10_000

func newThrottledStore(next scs.CtxStore, now func() time.Time) *throttledStore {
	return &throttledStore{next: next, now: now, kept: map[string]keptSession{}}
}

// FindCtx returns the data of a session that has not ended.
func (t *throttledStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	t.mu.Lock()
	k, ok := t.kept[token]
	t.mu.Unlock()
	if now := t.now(); ok && now.Before(k.until) && (k.expiry.IsZero() || now.Before(k.expiry)) {
		return k.data, true, nil
	}
	data, found, err := t.next.FindCtx(ctx, token)
	if err != nil || !found {
		t.forget(token)
		return nil, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(token, keptSession{data: data, expiry: k.expiry, until: t.now().Add(cacheFor)})
	return data, true, nil
}

// CommitCtx writes a session that changed, or whose stored end lies more than persistEvery before its true one.
func (t *throttledStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	t.mu.Lock()
	k, ok := t.kept[token]
	t.mu.Unlock()
	if ok && bytes.Equal(k.data, data) && !k.expiry.IsZero() && expiry.Sub(k.expiry) < persistEvery {
		return nil
	}
	if err := t.next.CommitCtx(ctx, token, data, expiry); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(token, keptSession{data: bytes.Clone(data), expiry: expiry, until: t.now().Add(cacheFor)})
	return nil
}

// DeleteCtx ends a session.
func (t *throttledStore) DeleteCtx(ctx context.Context, token string) error {
	t.forget(token)
	return t.next.DeleteCtx(ctx, token)
}

// keep remembers k; the caller holds the lock.
func (t *throttledStore) keep(token string, k keptSession) {
	if len(t.kept) >= maxKept {
		clear(t.kept)
	}
	t.kept[token] = k
}

func (t *throttledStore) forget(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.kept, token)
}

// Find, Commit and Delete are there for the interface; the session manager calls those with a context.
func (t *throttledStore) Find(token string) ([]byte, bool, error) {
	return t.FindCtx(context.Background(), token)
}

func (t *throttledStore) Commit(token string, data []byte, expiry time.Time) error {
	return t.CommitCtx(context.Background(), token, data, expiry)
}

func (t *throttledStore) Delete(token string) error {
	return t.DeleteCtx(context.Background(), token)
}
