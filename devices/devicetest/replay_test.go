package devicetest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
)

// witness is a test that is only watched.
type witness struct {
	testing.TB
	cleanups []func()
	errors   []string
}

func (w *witness) Helper()          {}
func (w *witness) Cleanup(f func()) { w.cleanups = append(w.cleanups, f) }
func (w *witness) Errorf(format string, args ...any) {
	w.errors = append(w.errors, fmt.Sprintf(format, args...))
}

const transcript = "0,>,5349\n0.1,>,0D0A\n0.3,<,5320\n0.35,<,530D0A\n1,>,51\n"

func replay(t *testing.T, f func(t *testing.T, link devices.Link)) []string {
	t.Helper()
	w := &witness{}
	synctest.Test(t, func(t *testing.T) {
		passages, err := devices.ReadTranscript(strings.NewReader(transcript))
		if err != nil {
			t.Fatal(err)
		}
		link := devicetest.NewReplay(w, passages)
		f(t, link)
		for _, check := range w.cleanups {
			check()
		}
	})
	return w.errors
}

func read(t *testing.T, link devices.Link, n int) (string, time.Duration) {
	t.Helper()
	began, got := time.Now(), make([]byte, 0, n)
	for len(got) < n {
		m, err := link.Read(t.Context(), got[len(got):n])
		if err != nil {
			t.Fatal(err)
		}
		got = got[:len(got)+m]
	}
	return string(got), time.Since(began)
}

func write(t *testing.T, link devices.Link, s string) error {
	t.Helper()
	return link.Write(t.Context(), []byte(s))
}

func TestReplayPlaysWhatWasRecorded(t *testing.T) {
	if errs := replay(t, func(t *testing.T, link devices.Link) {
		if err := write(t, link, "SI\r\n"); err != nil {
			t.Fatal(err)
		}
		if got, took := read(t, link, 5); got != "S S\r\n" || took != 250*time.Millisecond {
			t.Errorf("%q after %s", got, took)
		}
		if err := write(t, link, "Q"); err != nil {
			t.Fatal(err)
		}
	}); len(errs) > 0 {
		t.Error(errs)
	}
}

func TestReplayFailsTheTest(t *testing.T) {
	for name, f := range map[string]func(t *testing.T, link devices.Link){
		"nothing is written": func(*testing.T, devices.Link) {},
		"another byte": func(t *testing.T, link devices.Link) {
			if write(t, link, "SX") == nil {
				t.Error("taken")
			}
		},
		"a write before the answer": func(t *testing.T, link devices.Link) {
			_ = write(t, link, "SI\r\n")
			if write(t, link, "Q") == nil {
				t.Error("taken")
			}
		},
		"something is left": func(t *testing.T, link devices.Link) {
			_ = write(t, link, "SI\r\n")
			read(t, link, 5)
		},
		"too much is written": func(t *testing.T, link devices.Link) {
			_ = write(t, link, "SI\r\n")
			read(t, link, 5)
			_ = write(t, link, "QQ")
		},
	} {
		if len(replay(t, f)) == 0 {
			t.Errorf("%s: it passes", name)
		}
	}
}

func TestReplayIsALink(t *testing.T) {
	replay(t, func(t *testing.T, link devices.Link) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := link.Read(ctx, make([]byte, 1)); err == nil {
			t.Error("read before anything was written")
		}
		_ = write(t, link, "SI\r\n")
		<-time.After(time.Second)
		if err := link.Flush(); err != nil {
			t.Error(err)
		}
		if err := link.Close(); err != nil {
			t.Error(err)
		}
		if _, err := link.Read(t.Context(), make([]byte, 1)); err == nil {
			t.Error("read from a closed link")
		}
	})
}
