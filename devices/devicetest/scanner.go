package devicetest

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
)

// ScannerBench is a scanner on a bench, for one case of the suite.
type ScannerBench struct {
	Line
	// Open connects a driver. The suite closes it.
	Open func(ctx context.Context) (devices.Scanner, error)
	// Scan reads a code with that text.
	Scan func(t *testing.T, text string)
	// ASCII is set for a scanner that cannot deliver anything else. Length is how many bytes "LIEU-000" takes; 0 is 10.
	ASCII  bool
	Length int
}

// Scanner is the contract of a devices.Scanner. bench is called once for each case.
func Scanner(t *testing.T, mode Mode, bench func(t *testing.T) ScannerBench) {
	s := scannerSuite{mode: mode, bench: bench}
	mode.run(t, "delivers codes in order", s.delivers)
	mode.run(t, "says when the cable is pulled", s.unplugged)
	if mode == Virtual {
		mode.run(t, "splits the symbology off", s.symbology)
		mode.run(t, "takes a repeated code for one scan", s.repeats)
		mode.run(t, "delivers what was read before anybody asked", s.backlog)
		mode.run(t, "ends with its context", s.contextEnds)
	}
	for _, kind := range mode.faults() {
		mode.run(t, kind+" never makes another code", func(t *testing.T) { s.faults(t, kind) })
	}
	length := len("LIEU-000\r\n")
	if mode == Virtual {
		if b := bench0(t, mode, bench); b.Length != 0 {
			length = b.Length
		}
	}
	for _, at := range mode.positions(length) {
		mode.run(t, fmt.Sprintf("unplugged after %d bytes", at), func(t *testing.T) { s.cut(t, at) })
	}
}

type scannerSuite struct {
	mode  Mode
	bench func(t *testing.T) ScannerBench
}

func (s scannerSuite) open(t *testing.T) (ScannerBench, devices.Scanner) {
	t.Helper()
	b := s.bench(t)
	return b, s.connect(t, b)
}

func (s scannerSuite) connect(t *testing.T, b ScannerBench) devices.Scanner {
	t.Helper()
	sc, err := b.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sc.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	wait(300 * time.Millisecond) // of silence: what comes next begins a code
	return sc
}

// next waits a little for one code. "" when none came.
func next(t *testing.T, sc devices.Scanner) (got devices.Scan, err error) {
	t.Helper()
	within(t, time.Second, func(ctx context.Context) { got, err = sc.Next(ctx) })
	return got, err
}

func (s scannerSuite) expect(t *testing.T, sc devices.Scanner, want string) {
	t.Helper()
	if got, err := next(t, sc); err != nil || got.Text != want || got.At.IsZero() {
		t.Errorf("%+v, %v; want %q", got, err, want)
	}
}

func (s scannerSuite) nothing(t *testing.T, sc devices.Scanner) {
	t.Helper()
	if got, err := next(t, sc); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v, %v; want nothing", got, err)
	}
}

func (s scannerSuite) delivers(t *testing.T) {
	b, sc := s.open(t)
	texts := []string{"LIEU-001", "0108935\x1d21S"}
	if !b.ASCII {
		texts = append(texts, "001|Nguyễn Văn A|01011990")
	}
	for _, text := range texts {
		b.Scan(t, text)
	}
	for _, text := range texts {
		s.expect(t, sc, text)
	}
	s.nothing(t, sc)
}

func (s scannerSuite) symbology(t *testing.T) {
	b, sc := s.open(t)
	b.Scan(t, "]Q1LIEU-001")
	if got, err := next(t, sc); err != nil || got.Text != "LIEU-001" || got.Symbology != "Q1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func (s scannerSuite) repeats(t *testing.T) {
	b, sc := s.open(t)
	b.Scan(t, "LIEU-001")
	b.Scan(t, "LIEU-001")
	s.expect(t, sc, "LIEU-001")
	s.nothing(t, sc)
	wait(time.Second)
	b.Scan(t, "LIEU-001")
	s.expect(t, sc, "LIEU-001")
}

func (s scannerSuite) backlog(t *testing.T) {
	b, sc := s.open(t)
	b.Scan(t, "LIEU-001")
	b.Scan(t, "LIEU-002")
	wait(500 * time.Millisecond)
	s.expect(t, sc, "LIEU-001")
	s.expect(t, sc, "LIEU-002")
}

func (s scannerSuite) contextEnds(t *testing.T) {
	b, sc := s.open(t)
	s.nothing(t, sc)
	b.Scan(t, "LIEU-001")
	s.expect(t, sc, "LIEU-001")
}

func (s scannerSuite) unplugged(t *testing.T) {
	b, sc := s.open(t)
	b.Unplug(t)
	if got, err := next(t, sc); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := sc.Close(); err != nil {
		t.Errorf("closing an unplugged scanner: %v", err)
	}
	b.Replug(t)
	again := s.connect(t, b)
	b.Scan(t, "LIEU-001")
	s.expect(t, again, "LIEU-001")
}

// code is a code with its own check characters, as card codes have: the line can lose a digit without a trace, and
// finding that is the code's business, not the driver's.
func code(i int) string {
	body := fmt.Sprintf("LIEU-%03d-", i)
	return fmt.Sprintf("%s%08X", body, crc32.ChecksumIEEE([]byte(body)))
}

func intact(text string) bool {
	i := strings.LastIndexByte(text, '-') + 1
	return text[i:] == fmt.Sprintf("%08X", crc32.ChecksumIEEE([]byte(text[:i])))
}

func (s scannerSuite) faults(t *testing.T, kind string) {
	b, sc := s.open(t)
	for i := range s.mode.repetitions() {
		hurt, whole := code(2*i), code(2*i+1)
		b.Fault(t, Fault{Kind: kind})
		b.Scan(t, hurt)
		wait(1200 * time.Millisecond)
		b.Scan(t, whole)
		got, err := next(t, sc)
		for err == nil && (got.Text == hurt || !intact(got.Text)) {
			got, err = next(t, sc)
		}
		if err != nil || got.Text != whole {
			t.Errorf("round %d: %+v, %v; want %q", i, got, err, whole)
		}
	}
}

func (s scannerSuite) cut(t *testing.T, at int) {
	b, sc := s.open(t)
	b.Fault(t, Fault{Kind: "unplug_in_reply", At: at})
	b.Scan(t, "LIEU-000")
	got, err := next(t, sc)
	if err == nil && got.Text == "LIEU-000" {
		_, err = next(t, sc)
	}
	if !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%+v, %v", got, err)
	}
}
