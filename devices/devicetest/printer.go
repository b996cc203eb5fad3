package devicetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
)

// PrinterBench is a printer on a bench, for one case of the suite.
type PrinterBench struct {
	Line
	// Open connects a driver. The suite closes it.
	Open func(ctx context.Context) (devices.Printer, error)
	// Job is a job that the printer can print, Foreign one that it cannot.
	Job, Foreign []byte
	// Printed is how many jobs have come out on paper.
	Printed func(t *testing.T) int
	// Ail begins a trouble of the printer's own, one of Troubles; Heal ends all of them.
	Ail      func(t *testing.T, trouble string)
	Heal     func(t *testing.T)
	Troubles []string
	// ReplyLength is the length of an answer; Answers is how many answers one print takes, about.
	ReplyLength, Answers int
}

const (
	printLimit = 40 * time.Second
	printWait  = 1500 * time.Millisecond // after which nothing more comes out
)

// Printer is the contract of a devices.Printer. bench is called once for each case.
func Printer(t *testing.T, mode Mode, bench func(t *testing.T) PrinterBench) {
	s := printerSuite{mode: mode, bench: bench}
	b := bench0(t, mode, bench)
	mode.run(t, "prints, and says so", s.prints)
	mode.run(t, "says when the cable is pulled", s.unplugged)
	if mode == Real {
		mode.run(t, "unplugged in an answer", func(t *testing.T) { s.cut(t, 0, b.ReplyLength/2) })
		return
	}
	mode.run(t, "refuses what is no job", s.foreign)
	for _, trouble := range b.Troubles {
		mode.run(t, trouble+" before a job: nothing is sent", func(t *testing.T) { s.troubled(t, trouble) })
		mode.run(t, trouble+" in the middle of a job: it is held, and comes out once", func(t *testing.T) { s.held(t, trouble) })
	}
	for _, kind := range mode.faults() {
		for skip := range b.Answers {
			mode.run(t, fmt.Sprintf("%s after %d answers: never a false word, never twice", kind, skip), func(t *testing.T) {
				s.faults(t, kind, skip)
			})
		}
	}
	for skip := range b.Answers {
		for _, at := range mode.positions(b.ReplyLength) {
			mode.run(t, fmt.Sprintf("unplugged %d answers and %d bytes on", skip, at), func(t *testing.T) { s.cut(t, skip, at) })
		}
	}
}

type printerSuite struct {
	mode  Mode
	bench func(t *testing.T) PrinterBench
}

func (s printerSuite) open(t *testing.T) (PrinterBench, devices.Printer) {
	t.Helper()
	b := s.bench(t)
	return b, s.connect(t, b)
}

func (s printerSuite) connect(t *testing.T, b PrinterBench) devices.Printer {
	t.Helper()
	p, err := b.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return p
}

// print prints one job and holds the driver's word against the paper. It returns the word.
func (s printerSuite) print(t *testing.T, b PrinterBench, p devices.Printer) (err error) {
	t.Helper()
	before := b.Printed(t)
	within(t, printLimit, func(ctx context.Context) { err = p.Print(ctx, b.Job) })
	now := b.Printed(t) - before
	wait(printWait)
	late := b.Printed(t) - before
	refused := errors.Is(err, devices.ErrRefused) || errors.Is(err, devices.ErrOutOfRange)
	switch {
	case err == nil && now != 1:
		t.Errorf("it says printed, on paper are %d", now)
	case refused && late != 0:
		t.Errorf("it says that nothing was sent (%v), on paper are %d", err, late)
	case late > 1:
		t.Errorf("printed %d times: %v", late, err)
	}
	return err
}

func (s printerSuite) state(t *testing.T, p devices.Printer) (state devices.PrinterState, err error) {
	t.Helper()
	within(t, printLimit, func(ctx context.Context) { state, err = p.State(ctx) })
	if err != nil && state != (devices.PrinterState{}) {
		t.Errorf("a state beside the error %v: %+v", err, state)
	}
	return state, err
}

func (s printerSuite) prints(t *testing.T) {
	b, p := s.open(t)
	for range 2 {
		if state, err := s.state(t, p); err != nil || !state.Ready || len(state.Troubles()) > 0 {
			t.Errorf("%+v, %v", state, err)
		}
		if err := s.print(t, b, p); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func (s printerSuite) foreign(t *testing.T) {
	b, p := s.open(t)
	foreign := b
	for _, job := range [][]byte{nil, b.Foreign, append(append([]byte(nil), b.Job...), b.Job...), b.Job[:len(b.Job)/2]} {
		foreign.Job = job
		if err := s.print(t, foreign, p); !errors.Is(err, devices.ErrOutOfRange) {
			t.Errorf("%.20q: %v", job, err)
		}
	}
	if err := s.print(t, b, p); err != nil {
		t.Errorf("a job after them: %v", err)
	}
}

func (s printerSuite) unplugged(t *testing.T) {
	b, p := s.open(t)
	b.Unplug(t)
	if _, err := s.state(t, p); !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("state: %v", err)
	}
	if err := s.print(t, b, p); !errors.Is(err, devices.ErrDisconnected) || !errors.Is(err, devices.ErrRefused) {
		t.Errorf("print: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closing an unplugged printer: %v", err)
	}
	b.Replug(t)
	if err := s.print(t, b, s.connect(t, b)); err != nil {
		t.Errorf("after the cable is back: %v", err)
	}
}

func (s printerSuite) troubled(t *testing.T, trouble string) {
	b, p := s.open(t)
	b.Ail(t, trouble)
	if state, err := s.state(t, p); state.Ready || err == nil && len(state.Troubles()) == 0 {
		t.Errorf("%+v, %v", state, err)
	}
	if err := s.print(t, b, p); !errors.Is(err, devices.ErrRefused) {
		t.Errorf("%v", err)
	}
	b.Heal(t)
	if err := s.print(t, b, p); err != nil {
		t.Errorf("when it is over: %v", err)
	}
}

func (s printerSuite) held(t *testing.T, trouble string) {
	b, p := s.open(t)
	word := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), printLimit)
	defer cancel()
	go func() { word <- p.Print(ctx, b.Job) }()
	wait(600 * time.Millisecond) // the driver listens for silence first; then the job takes as long again
	b.Ail(t, trouble)
	if err := <-word; !errors.Is(err, devices.ErrHeld) && !errors.Is(err, devices.ErrNoReply) {
		t.Errorf("%v", err)
	}
	if n := b.Printed(t); n != 0 {
		t.Fatalf("on paper are %d: the trouble came too late for this case", n)
	}
	b.Heal(t)
	wait(printWait)
	if n := b.Printed(t); n != 1 {
		t.Errorf("when it is over, on paper are %d", n)
	}
}

func (s printerSuite) faults(t *testing.T, kind string, skip int) {
	b, p := s.open(t)
	for range 5 {
		b.Fault(t, Fault{Kind: kind, Skip: skip})
		if err := s.print(t, b, p); err != nil && !known(err) {
			t.Errorf("%v", err)
		}
	}
	b.Heal(t)
	wait(printWait)
	if err := s.print(t, b, p); err != nil {
		t.Errorf("when it is over: %v", err)
	}
}

// known reports whether err says what is unknown.
func known(err error) bool {
	for _, e := range []error{devices.ErrRefused, devices.ErrHeld, devices.ErrNoReply, devices.ErrGarbled, devices.ErrDisconnected} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s printerSuite) cut(t *testing.T, skip, at int) {
	b, p := s.open(t)
	b.Fault(t, Fault{Kind: "unplug_in_reply", Skip: skip, At: at})
	if err := s.print(t, b, p); err != nil && !errors.Is(err, devices.ErrDisconnected) {
		t.Errorf("%v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	b.Heal(t)
	b.Replug(t)
	if err := s.print(t, b, s.connect(t, b)); err != nil {
		t.Errorf("after the cable is back: %v", err)
	}
}
