package station

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// longestPrint is how long the printer may have one job. Its driver gives up before.
const longestPrint = time.Minute

// Reasons for a print that did not come out, or of which that is not known.
const (
	printLease     = "lease"
	printBusy      = "busy"
	printDevice    = "device"
	printNoPrinter = "no_printer"
	printMalformed = "malformed"
	printClosing   = "closing"
	printNotReady  = "not_ready"
	printHeld      = "held"
	printNoReply   = "no_reply"
	printUnplugged = "unplugged"
	printCrash     = "crash"
)

// askPrinter asks an idle printer how it does.
func (s *Station) askPrinter(ctx context.Context) {
	if !s.printer.configured() {
		return
	}
	ctx, done := context.WithTimeout(ctx, s.pourer.cfg.Command)
	defer done()
	var state devices.PrinterState
	ran, err := s.printer.tryUse(ctx, func(ctx context.Context, p devices.Printer, _ session) (err error) {
		state, err = p.State(ctx)
		return err
	})
	if ran && err == nil {
		s.board.set(func(l *Live) { l.Printer.Detail = trouble(state) })
	}
}

// trouble is the first thing that keeps a printer from printing as a machine word, "" for none.
func trouble(s devices.PrinterState) string {
	s.Waiting = 0 // being busy is none
	all := s.Troubles()
	if len(all) == 0 {
		return ""
	}
	return strings.ReplaceAll(all[0], " ", "_")
}

// endPrints ends the prints that a crash cut short. The paper may have come out: nobody can know, and nothing is printed
// again because of it.
func (s *Station) endPrints(ctx context.Context) error {
	open, err := s.journal.OpenPrints(ctx)
	if err != nil {
		return err
	}
	for _, id := range open {
		s.log.Warn("a print was cut short", "print", id)
		ended := stationlog.PrintEnded{Print: id, Result: stationlog.PrintUnknown, Reason: printCrash}
		if err := s.journal.PrintEnded(ctx, ended); err != nil {
			return err
		}
	}
	return nil
}

// printOrder takes an order to print. It never waits for the printer.
func (s *Station) printOrder(ctx context.Context, a Accepted) {
	step, err := s.journal.PrintStep(context.WithoutCancel(ctx), a.Order.Print)
	if err != nil {
		s.fail(err)
		return
	}
	if step == StepPrintEnded {
		s.reporter.realign() // the server asks for what it was told: find out what it is missing
	}
	if step != StepNone || !s.await(a.Order.Print) {
		return
	}
	select {
	case s.prints <- a:
	default:
		s.rec.Refused("busy")
		s.fail(s.refusePrint(ctx, a, printBusy))
		s.served(a.Order.Print)
	}
}

// await reports whether an order is new, and remembers it until it is served.
func (s *Station) await(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[id] {
		return false
	}
	s.waiting[id] = true
	return true
}

func (s *Station) served(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

// printing prints one job at a time until ctx ends. What still waits then is refused.
func (s *Station) printing(ctx context.Context) {
	for {
		select {
		case a := <-s.prints:
			if ctx.Err() != nil {
				s.fail(s.refusePrint(ctx, a, printClosing))
			} else {
				s.fail(s.print(ctx, a))
			}
			s.served(a.Order.Print)
		case <-ctx.Done():
			if len(s.prints) == 0 {
				return
			}
		}
	}
}

// print puts one job on paper, once in the life of its print. Once it has begun it is brought to its end, also when the
// daemon stops: half a label is worse than a late one. It returns an error only when the journal does.
func (s *Station) print(ctx context.Context, a Accepted) error {
	job, err := stationlog.Unpack(a.Order.Job)
	switch {
	case err != nil:
		return s.refusePrint(ctx, a, printMalformed)
	case !s.printer.configured():
		return s.refusePrint(ctx, a, printNoPrinter)
	case !s.printer.wait(ctx, s.pourer.cfg.Present):
		return s.refusePrint(ctx, a, printDevice)
	case a.Arrived.Add(time.Duration(a.Order.RemainingMS) * time.Millisecond).Before(s.cfg.Now()):
		return s.refusePrint(ctx, a, printLease)
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), longestPrint)
	defer done()
	err = s.journal.Printing(ctx, stationlog.Printing{Print: a.Order.Print, Job: stationlog.JobHash(job)})
	if errors.Is(err, ErrKnown) {
		return nil
	}
	if err != nil {
		return err
	}
	ended := stationlog.PrintEnded{Print: a.Order.Print, Result: stationlog.PrintDone}
	err = s.printer.use(ctx, func(ctx context.Context, p devices.Printer, _ session) error { return p.Print(ctx, job) })
	if err != nil {
		s.log.Warn("not printed", "print", a.Order.Print, "err", err)
		ended.Result, ended.Reason = s.failed(ctx, err)
	}
	return s.journal.PrintEnded(ctx, ended)
}

// failed says what a printer's error means for the job.
func (s *Station) failed(ctx context.Context, err error) (stationlog.PrintResult, string) {
	switch {
	case errors.Is(err, errDown):
		return stationlog.PrintRefused, printDevice
	case errors.Is(err, devices.ErrOutOfRange):
		return stationlog.PrintRefused, printMalformed
	case errors.Is(err, devices.ErrRefused):
		return stationlog.PrintRefused, s.whyNotReady(ctx)
	case errors.Is(err, devices.ErrHeld):
		return stationlog.PrintUnknown, printHeld
	case errors.Is(err, devices.ErrDisconnected):
		return stationlog.PrintUnknown, printUnplugged
	}
	return stationlog.PrintUnknown, printNoReply
}

// whyNotReady asks the printer what keeps it. One that says nothing, as some do with their head open, is not ready.
func (s *Station) whyNotReady(ctx context.Context) string {
	var state devices.PrinterState
	err := s.printer.use(ctx, func(ctx context.Context, p devices.Printer, _ session) (err error) {
		state, err = p.State(ctx)
		return err
	})
	if word := trouble(state); err == nil && word != "" {
		s.board.set(func(l *Live) { l.Printer.Detail = word })
		return word
	}
	return printNotReady
}

func (s *Station) refusePrint(ctx context.Context, a Accepted, reason string) error {
	err := s.journal.RefusePrint(ctx, stationlog.PrintEnded{Print: a.Order.Print, Result: stationlog.PrintRefused, Reason: reason})
	if errors.Is(err, ErrKnown) {
		return nil
	}
	return err
}
