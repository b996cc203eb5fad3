// Package scanning receives codes from scanners of any make: what they have in common once bytes are cut into lines.
package scanning

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/linescan"
)

// Lines cuts the bytes of a scanner into its codes; see linescan.Framer for what each method promises.
type Lines interface {
	Next(chunk []byte) (line, rest []byte, ok bool)
	Partial() bool
	Restart()
	Lose()
}

// Config of a scanner. Its zero value works.
type Config struct {
	// Name stands in errors, "scanner0".
	Name string
	// Silence is how long half a code may wait for its end before it is dropped; 0 is 100 ms.
	Silence time.Duration
	// Repeat is how long the same code counts as the same scan; 0 is 1 s, negative is never.
	Repeat time.Duration
}

// backlog is how many codes wait for Next; with more, the oldest goes.
const backlog = 16

// Scanner receives codes from the moment it is opened, so that each carries the time it was read and not the time
// somebody asked. Next is for one goroutine at a time.
type Scanner struct {
	link  devices.Link
	cfg   Config
	now   func() time.Time
	codes chan devices.Scan
	stop  context.CancelFunc
	done  chan struct{}
	gone  error // why the reader ended; valid when done is closed
	close sync.Once
}

var _ devices.Scanner = (*Scanner)(nil)

// Open takes over the link and drops what had arrived before; a code that is half through is dropped as well.
func Open(link devices.Link, lines Lines, cfg Config, now func() time.Time) (*Scanner, error) {
	if cfg.Name == "" {
		cfg.Name = "scanner"
	}
	if cfg.Silence == 0 {
		cfg.Silence = 100 * time.Millisecond
	}
	if cfg.Repeat == 0 {
		cfg.Repeat = time.Second
	}
	if err := link.Flush(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: opening: %w", cfg.Name, err), link.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Scanner{
		link: link, cfg: cfg, now: now,
		codes: make(chan devices.Scan, backlog), stop: stop, done: make(chan struct{}),
	}
	go s.receive(ctx, lines)
	return s, nil
}

// Next waits for one code. Codes that were read before the port went away are still delivered.
func (s *Scanner) Next(ctx context.Context) (devices.Scan, error) {
	select {
	case c := <-s.codes:
		return c, nil
	default:
	}
	select {
	case c := <-s.codes:
		return c, nil
	case <-ctx.Done():
		return devices.Scan{}, ctx.Err()
	case <-s.done:
	}
	select {
	case c := <-s.codes:
		return c, nil
	default:
		return devices.Scan{}, s.gone
	}
}

// Close ends the reception and frees the link.
func (s *Scanner) Close() error {
	var err error
	s.close.Do(func() {
		s.stop()
		<-s.done
		err = s.link.Close()
	})
	return err
}

func (s *Scanner) receive(ctx context.Context, lines Lines) {
	defer close(s.done)
	var (
		buf  [256]byte
		last devices.Scan
	)
	for {
		n, err := s.read(ctx, lines, buf[:])
		switch {
		case err == nil:
		case ctx.Err() != nil:
			s.gone = fmt.Errorf("%s: closed: %w", s.cfg.Name, devices.ErrDisconnected)
			return
		case errors.Is(err, context.DeadlineExceeded):
			lines.Restart()
			continue
		case errors.Is(err, devices.ErrGarbled):
			lines.Lose()
			continue
		default:
			s.gone = fmt.Errorf("%s: %w", s.cfg.Name, err)
			return
		}
		last = s.take(lines, buf[:n], last)
	}
}

// read waits for bytes: without end between codes, for Silence within one.
func (s *Scanner) read(ctx context.Context, lines Lines, buf []byte) (int, error) {
	if !lines.Partial() {
		return s.link.Read(ctx, buf)
	}
	within, cancel := context.WithTimeout(ctx, s.cfg.Silence)
	defer cancel()
	return s.link.Read(within, buf)
}

// take cuts codes out of chunk and hands them on. It returns the last code, for the next call.
func (s *Scanner) take(lines Lines, chunk []byte, last devices.Scan) devices.Scan {
	for {
		line, rest, ok := lines.Next(chunk)
		if !ok {
			return last
		}
		chunk = rest
		code, err := proto.Decode(line)
		if err != nil {
			continue // dropped, never repaired: the reader sees nothing and scans again
		}
		scan := devices.Scan{Text: code.Text, Symbology: code.Symbology, At: s.now()}
		repeated := scan.Text == last.Text && scan.Symbology == last.Symbology && scan.At.Sub(last.At) < s.cfg.Repeat
		if !repeated {
			s.deliver(scan)
			last = scan
		}
	}
}

func (s *Scanner) deliver(scan devices.Scan) {
	for {
		select {
		case s.codes <- scan:
			return
		default:
		}
		select {
		case <-s.codes:
		default:
		}
	}
}
