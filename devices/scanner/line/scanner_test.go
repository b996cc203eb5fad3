package line_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scanner/line"
	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/devices/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulated scanner, on a terminal or in memory.
func bench(t *testing.T, terminal bool) devicetest.ScannerBench {
	dir := ""
	if terminal {
		dir = t.TempDir()
	}
	b, err := sim.NewBench(sim.Config{Now: time.Now, Seed: 5, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return devicetest.ScannerBench{
		Open: func(ctx context.Context) (devices.Scanner, error) {
			link, err := link(ctx, t, b, dir)
			if err != nil {
				return nil, err
			}
			return line.Open(link, line.Config{Name: "scanner0"}, time.Now)
		},
		Line: devicetest.Line{
			Fault: func(t *testing.T, f devicetest.Fault) {
				must(t, b.Fault(sim.Fault{Device: "scanner0", Kind: sim.Kind(f.Kind), Count: f.Count, Skip: f.Skip, At: f.At}))
			},
			Unplug: func(t *testing.T) { must(t, b.Unplug("scanner0")) },
			Replug: func(t *testing.T) { must(t, b.Replug("scanner0")) },
		},
		Scan: func(t *testing.T, text string) { must(t, b.Only().Scan(text)) },
	}
}

func link(ctx context.Context, t *testing.T, b *sim.Bench, dir string) (devices.Link, error) {
	if dir == "" {
		return b.Link("scanner0")
	}
	p, err := serialport.Open(ctx, serialport.Config{Path: dir + "/scanner0", LockDir: t.TempDir()})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func TestContract(t *testing.T) {
	devicetest.Scanner(t, devicetest.Virtual, func(t *testing.T) devicetest.ScannerBench { return bench(t, false) })
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	devicetest.Scanner(t, devicetest.Real, func(t *testing.T) devicetest.ScannerBench { return bench(t, true) })
}

// feed is a link that a test writes into piece by piece.
type feed struct {
	chunks chan string
}

func (f *feed) Write(context.Context, []byte) error { return nil }
func (f *feed) Flush() error                        { return nil }
func (f *feed) Close() error                        { return nil }

func (f *feed) Read(ctx context.Context, p []byte) (int, error) {
	select {
	case c, open := <-f.chunks:
		switch {
		case !open:
			return 0, devices.ErrDisconnected
		case c == "":
			return 0, devices.ErrGarbled
		}
		return copy(p, c), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func fed(t *testing.T, f func(t *testing.T, link *feed, s *line.Scanner)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		link := &feed{chunks: make(chan string)}
		s, err := line.Open(link, line.Config{}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f(t, link, s)
	})
}

func expect(t *testing.T, s *line.Scanner, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if got, err := s.Next(ctx); err != nil || got.Text != want {
		t.Errorf("%+v, %v; want %q", got, err, want)
	}
}

func TestHalfACodeThenSilence(t *testing.T) {
	fed(t, func(t *testing.T, link *feed, s *line.Scanner) {
		link.chunks <- "234\rLIEU" // the tail of a code, then the head of another
		<-time.After(150 * time.Millisecond)
		link.chunks <- "LIEU-00"
		<-time.After(50 * time.Millisecond)
		link.chunks <- "2\r"
		expect(t, s, "LIEU-002")
	})
}

func TestACodeThatWasHalfThroughAtOpening(t *testing.T) {
	fed(t, func(t *testing.T, link *feed, s *line.Scanner) {
		link.chunks <- "234\rLIEU-1\r"
		expect(t, s, "LIEU-1")
	})
	fed(t, func(t *testing.T, link *feed, s *line.Scanner) {
		<-time.After(150 * time.Millisecond) // silence: what comes begins a code
		link.chunks <- "LIEU-1\r"
		expect(t, s, "LIEU-1")
	})
}

func TestBytesLostBetween(t *testing.T) {
	fed(t, func(t *testing.T, link *feed, s *line.Scanner) {
		link.chunks <- "\rLIEU-"
		link.chunks <- "" // the link lost some
		link.chunks <- "001\rLIEU-002\r"
		expect(t, s, "LIEU-002")
	})
}

// With nobody at the window the oldest codes go.
func TestBacklogIsBounded(t *testing.T) {
	fed(t, func(t *testing.T, link *feed, s *line.Scanner) {
		link.chunks <- "\r"
		for i := range 20 {
			link.chunks <- fmt.Sprintf("LIEU-%02d\r", i)
		}
		synctest.Wait()
		for i := 4; i < 20; i++ {
			expect(t, s, fmt.Sprintf("LIEU-%02d", i))
		}
	})
}

func TestCodesBeforeTheEndAreDelivered(t *testing.T) {
	fed(t, func(t *testing.T, link *feed, s *line.Scanner) {
		link.chunks <- "\rLIEU-1\r"
		close(link.chunks)
		synctest.Wait()
		expect(t, s, "LIEU-1")
		if got, err := s.Next(t.Context()); !errors.Is(err, devices.ErrDisconnected) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
