package station

import (
	"context"
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// hardware keeps the devices open and watches them until ctx ends.
func (s *Station) hardware(ctx context.Context, wg *sync.WaitGroup) {
	wg.Go(func() { s.scale.supervise(ctx) })
	wg.Go(func() { s.pump.supervise(ctx) })
	wg.Go(func() { s.scanner.supervise(ctx) })
	wg.Go(func() { s.printer.supervise(ctx) })
	wg.Go(func() { s.every(ctx, readEvery, s.readScale) })
	wg.Go(func() { s.every(ctx, askEvery, s.askPump) })
	wg.Go(func() { s.every(ctx, askEvery, s.askPrinter) })
	wg.Go(func() { s.readCodes(ctx) })
}

func (s *Station) every(ctx context.Context, d time.Duration, do func(context.Context)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// readScale takes one reading for the screen, unless a pour has the scale.
func (s *Station) readScale(ctx context.Context) {
	ctx, done := context.WithTimeout(ctx, s.pourer.cfg.Command)
	defer done()
	ran, err := s.scale.tryUse(ctx, func(ctx context.Context, scale devices.Scale, _ session) error {
		r, err := scale.Read(ctx)
		if err == nil {
			s.pourer.show(r)
		}
		return err
	})
	if ran && err != nil {
		s.board.noReading(s.scale.state().State)
	}
}

// askPump asks an idle pump how it does. A pour asks for itself.
func (s *Station) askPump(ctx context.Context) {
	if s.pourer.busy() || !s.pump.configured() {
		return
	}
	ctx, done := context.WithTimeout(ctx, s.pourer.cfg.Command)
	defer done()
	var state devices.PumpState
	ran, err := s.pump.tryUse(ctx, func(ctx context.Context, pump devices.Pump, _ session) (err error) {
		state, err = pump.State(ctx)
		return err
	})
	if ran && err == nil {
		s.pourer.lost(state)
		s.board.set(func(l *Live) { l.Pump.Detail = state.Alarm })
	}
}

// readCodes records what the scanner reads.
func (s *Station) readCodes(ctx context.Context) {
	if !s.scanner.configured() {
		return
	}
	var last lastScan
	for ctx.Err() == nil {
		if !s.scanner.wait(ctx, time.Minute) {
			continue
		}
		var scan devices.Scan
		err := s.scanner.use(ctx, func(ctx context.Context, scanner devices.Scanner, _ session) (err error) {
			scan, err = scanner.Next(ctx)
			return err
		})
		if err != nil {
			pause(ctx, 50*time.Millisecond) // the supervisor opens it again
			continue
		}
		s.scanned(ctx, scan, &last)
	}
}

// lastScan is what a hand that trembles reads twice.
type lastScan struct {
	text  string
	at    time.Time
	steps int64
}

// scanned records one code. The same code again within a second is the same act, unless a dispensing went on between:
// the card at the beginning of a dose is not the card at its hand-over.
func (s *Station) scanned(ctx context.Context, scan devices.Scan, last *lastScan) {
	if len(scan.Text) == 0 || len(scan.Text) > longestScan || !utf8.ValidString(scan.Text) {
		s.log.Warn("code dropped", "bytes", len(scan.Text))
		return
	}
	now := lastScan{text: scan.Text, at: s.cfg.Now(), steps: s.journal.StepsTaken()}
	repeated := now.text == last.text && now.steps == last.steps && now.at.Sub(last.at) < scanRepeated
	*last = now
	if repeated {
		return
	}
	err := s.journal.Append(ctx, stationlog.KindScanned, stationlog.Scanned{Text: scan.Text, Symbology: scan.Symbology})
	if errors.Is(err, stationlog.ErrMalformed) {
		s.log.Warn("code dropped", "bytes", len(scan.Text))
		return
	}
	s.fail(err)
}

// showLive sends the window's state when it changes and at least every two seconds. Only the newest is ever sent.
func (s *Station) showLive(ctx context.Context) {
	heartbeat := time.NewTicker(showAtLeast)
	defer heartbeat.Stop()
	for {
		select {
		case <-s.board.changed:
		case <-heartbeat.C:
		case <-ctx.Done():
			return
		}
		seq, _ := s.journal.Head()
		live := s.board.now()
		if live.QueueDepth = max(0, seq-s.journal.Acknowledged()); live.QueueDepth > 0 {
			_, age, _ := s.backlog(ctx)
			live.QueueOldestMS = age.Milliseconds()
		}
		sending, done := context.WithTimeout(ctx, showAtLeast)
		_ = s.cfg.Server.Live(sending, live) // a lost picture is followed by the next one
		done()
		pause(ctx, showAtMost)
	}
}

// figures keeps the recorder up to date about the journal.
func (s *Station) figures(ctx context.Context) {
	s.every(ctx, figuresEvery, func(ctx context.Context) {
		if n, age, err := s.backlog(ctx); err == nil {
			s.rec.Backlog(n, age)
		}
	})
}
