package store

import (
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/lieu-clinic/lieu/internal/fault"
)

var _ scs.CtxStore = (*Sessions)(nil)

func TestSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), eight.Time()
		x := s.Sessions(func() time.Time { return now })
		must(t, x.CommitCtx(ctx, "a", []byte{0, 1}, now.Add(time.Minute)))
		must(t, x.CommitCtx(ctx, "a", []byte{2}, now.Add(time.Hour)))
		must(t, x.Commit("b", []byte{3}, now.Add(time.Minute)))
		data, ok, err := x.FindCtx(ctx, "a")
		must(t, err)
		if !ok || string(data) != "\x02" {
			t.Errorf("session %v %t", data, ok)
		}
		now = now.Add(time.Minute)
		if _, ok, err := x.Find("b"); ok || err != nil {
			t.Errorf("at its expiry: found %t, %v", ok, err)
		}
		n, err := x.Sweep(ctx)
		if n != 1 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		must(t, x.DeleteCtx(ctx, "a"))
		must(t, x.Delete("a"))
		if _, ok, err := x.FindCtx(ctx, "a"); ok || err != nil {
			t.Errorf("deleted: found %t, %v", ok, err)
		}
	})
}

func TestMarkIsSetOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		_, err := s.Meta(t.Context(), "demo")
		notFound(t, err)
		must(t, s.Mark(t.Context(), "demo", []byte("yes")))
		must(t, s.Mark(t.Context(), "demo", []byte("yes")))
		if err := s.Mark(t.Context(), "demo", []byte("no")); !fault.Is(err, fault.Conflict) {
			t.Errorf("changed: %v", err)
		}
		v, err := s.Meta(t.Context(), "demo")
		same(t, []byte("yes"), v, err)
	})
}
