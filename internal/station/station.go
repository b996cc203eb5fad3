package station

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Config is what a counter is made of. Server, Journal and Now are needed; Scale too, and Pump unless the identity says
// that this counter pours by hand.
type Config struct {
	Identity Identity
	Version  string
	Journal  *Journal
	Server   Server
	Now      func() time.Time // with a monotonic reading, as time.Now has

	Scale   Device[devices.Scale]
	Pump    Device[devices.Pump]
	Scanner Device[devices.Scanner]
	Printer Device[devices.Printer]
	Pour    PourConfig

	Log      *slog.Logger
	Recorder Recorder
	// CrashAt is called at each of CrashPoints. It is how tests end the process in the middle of a pour.
	CrashAt func(point string)
}

// Times of the daemon's loops.
const (
	readEvery      = 200 * time.Millisecond // the live reading of the scale
	askEvery       = 3 * time.Second        // the idle pump, whether it is there
	showAtMost     = 200 * time.Millisecond // between two live messages
	showAtLeast    = 2 * time.Second
	flushWithin    = 5 * time.Second // for the last events when the daemon stops
	waitingOrders  = 8
	waitingPrints  = 8
	scanRepeated   = time.Second
	longestScan    = 4 << 10 // bytes
	figuresEvery   = 2 * time.Second
	firstReconnect = 250 * time.Millisecond
	lastReconnect  = 8 * time.Second
)

// Station is one dispensing window's counter: it takes orders, pours, weighs, and reports.
type Station struct {
	cfg      Config
	journal  *Journal
	log      *slog.Logger
	rec      Recorder
	board    *board
	pourer   *pourer
	reporter *reporter
	scale    *slot[devices.Scale]
	pump     *slot[devices.Pump]
	scanner  *slot[devices.Scanner]
	printer  *slot[devices.Printer]

	orders chan Accepted
	prints chan Accepted
	fatal  chan error

	mu      sync.Mutex
	waiting map[string]bool // dispensings and prints in their channels, or being carried out

	connected atomic.Bool // the stream of orders is up
	recovered atomic.Bool
	closing   atomic.Bool
}

// New puts a counter together. Nothing is opened before Run.
func New(cfg Config) (*Station, error) {
	if cfg.Journal == nil || cfg.Server == nil || cfg.Now == nil || len(cfg.Identity.ServerKey) != ed25519.PublicKeySize {
		return nil, errors.New("counter: identity, journal, server and clock are needed")
	}
	if cfg.Scale.Open == nil {
		return nil, errors.New("counter: a scale is needed")
	}
	if cfg.Pump.Open == nil && !cfg.Identity.Manual {
		return nil, errors.New("counter: a pump is needed, unless the server knows this window as poured by hand")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Recorder == nil {
		cfg.Recorder = silence{}
	}
	if cfg.CrashAt == nil {
		cfg.CrashAt = func(string) {}
	}
	if cfg.Identity.Manual {
		cfg.Pump = Device[devices.Pump]{}
	}
	s := &Station{
		cfg: cfg, journal: cfg.Journal, log: cfg.Log, rec: cfg.Recorder,
		orders: make(chan Accepted, waitingOrders), prints: make(chan Accepted, waitingPrints), fatal: make(chan error, 1), waiting: map[string]bool{},
	}
	s.devices()
	s.pourer = &pourer{
		journal: s.journal, pump: s.pump, scale: s.scale, manual: cfg.Identity.Manual, cfg: cfg.Pour.fill(),
		now: cfg.Now, crash: cfg.CrashAt, board: s.board, rec: s.rec, log: s.log,
	}
	s.reporter = newReporter(s.journal, cfg.Server, s.log)
	return s, nil
}

func (s *Station) devices() {
	s.scale = newSlot(kindScale, s.cfg.Scale, s.deviceChanged)
	s.pump = newSlot(kindPump, s.cfg.Pump, s.deviceChanged)
	s.scanner = newSlot(kindScanner, s.cfg.Scanner, s.deviceChanged)
	s.printer = newSlot(kindPrinter, s.cfg.Printer, s.deviceChanged)
	s.scale.warn, s.pump.warn = s.warner(kindScale), s.warner(kindPump)
	s.scanner.warn, s.printer.warn = s.warner(kindScanner), s.warner(kindPrinter)
	s.pump.greet = func(ctx context.Context, p devices.Pump) error { return s.pourer.greetPump(ctx, p) }
	s.board = newBoard(s.scale.state().State, s.pump.state().State, s.scanner.state().State, s.printer.state().State)
	for _, d := range s.all() {
		s.rec.DeviceState(d.Kind, d.State)
	}
}

// all is what was last told of each device.
func (s *Station) all() []stationlog.Device {
	return []stationlog.Device{s.scale.state(), s.pump.state(), s.scanner.state(), s.printer.state()}
}

// deviceChanged records a change of a device's state and shows it.
func (s *Station) deviceChanged(d stationlog.Device) {
	s.log.Info("device", "kind", d.Kind, "state", d.State, "model", d.Model, "serial", d.Serial, "detail", d.Detail)
	s.rec.DeviceState(d.Kind, d.State)
	switch d.Kind {
	case kindScale:
		if d.State != stateReady {
			s.board.noReading(d.State)
		} else {
			s.board.set(func(l *Live) { l.Scale.State = stateReady })
		}
	case kindPump:
		s.board.set(func(l *Live) { l.Pump = LiveDevice{d.State, d.Detail} })
	case kindScanner:
		s.board.set(func(l *Live) { l.Scanner = LiveState{d.State} })
	case kindPrinter:
		s.board.set(func(l *Live) { l.Printer = LiveDevice{d.State, d.Detail} })
	}
	s.fail(s.journal.Append(context.Background(), stationlog.KindDevice, d))
}

// fail ends the daemon when the journal can no longer be written: what is durable is then unknown until a restart reads
// it again.
func (s *Station) fail(err error) {
	if err == nil {
		return
	}
	s.log.Error("the journal failed", "err", err)
	select {
	case s.fatal <- err:
	default:
	}
}

// Run works until ctx ends, and then stops in order: no new orders, the pour under way is brought to its end, what
// happened is reported if the server can be reached, the devices are closed. It returns an error only when the journal
// failed. The journal stays open.
func (s *Station) Run(ctx context.Context) error {
	base := context.WithoutCancel(ctx)
	devicesCtx, closeDevices := context.WithCancel(base)
	reportCtx, stopReports := context.WithCancel(base)
	workCtx, stopWork := context.WithCancelCause(base)
	intakeCtx, stopIntake := context.WithCancel(base)
	defer closeDevices()
	defer stopReports()
	defer stopWork(nil)
	defer stopIntake()

	if err := s.start(base); err != nil {
		return err
	}
	var hardware, reports, work, intake sync.WaitGroup
	s.hardware(devicesCtx, &hardware)
	reports.Go(func() { s.fail(s.reporter.run(reportCtx)) })
	reports.Go(func() { s.showLive(reportCtx) })
	reports.Go(func() { s.figures(reportCtx) })
	ready := make(chan struct{})
	work.Go(func() { s.work(workCtx, ready) })
	work.Go(func() { s.printing(workCtx) })
	intake.Go(func() { s.intake(intakeCtx, ready) })

	var failure error
	select {
	case <-ctx.Done():
	case failure = <-s.fatal:
	}
	s.closing.Store(true)
	s.log.Info("stopping")
	stopIntake()
	intake.Wait()
	stopWork(ErrClosing)
	work.Wait()
	if failure == nil {
		s.flush(base)
	}
	closeDevices()
	hardware.Wait()
	stopReports()
	reports.Wait()
	select {
	case late := <-s.fatal:
		failure = errors.Join(failure, late)
	default:
	}
	return failure
}

// start records that the daemon came up, and what it found open.
func (s *Station) start(ctx context.Context) error {
	open, err := s.journal.Unfinished(ctx)
	if err != nil {
		return err
	}
	started := stationlog.Started{Version: s.cfg.Version}
	for _, u := range open {
		started.Open = append(started.Open, u.ID)
	}
	if err := s.journal.Append(ctx, stationlog.KindStarted, started); err != nil {
		return err
	}
	return s.endPrints(ctx)
}

// work ends what a crash left open and then carries out orders, one at a time, until ctx ends. Orders that still wait
// then are refused.
func (s *Station) work(ctx context.Context, ready chan<- struct{}) {
	if err := s.pourer.Recover(ctx); err != nil {
		s.fail(err)
		return
	}
	s.recovered.Store(true)
	close(ready)
	for {
		select {
		case a := <-s.orders:
			s.carryOut(ctx, a)
		case <-ctx.Done():
			s.refuseWaiting(ctx)
			return
		}
	}
}

func (s *Station) carryOut(ctx context.Context, a Accepted) {
	s.fail(s.pourer.Pour(ctx, a))
	s.served(a.Order.Dispensing)
}

func (s *Station) refuseWaiting(ctx context.Context) {
	for {
		select {
		case a := <-s.orders:
			s.fail(s.pourer.Refuse(ctx, a, reasonRejected))
		default:
			return
		}
	}
}

// intake listens for orders once recovery is over and the server was found to have the same past.
func (s *Station) intake(ctx context.Context, ready <-chan struct{}) {
	select {
	case <-ready:
	case <-ctx.Done():
		return
	}
	retry := patience(firstReconnect, lastReconnect)
	for ctx.Err() == nil {
		if s.reporter.aligned() {
			err := s.cfg.Server.Orders(ctx, func() {
				s.connected.Store(true)
				retry.Reset()
			}, func(order stationlog.Signed) { s.order(ctx, order) })
			s.connected.Store(false)
			if ctx.Err() == nil {
				s.log.Warn("no stream of orders", "err", err)
			}
		}
		pause(ctx, retry.NextBackOff())
	}
}

// order takes one order from the stream. It never waits for a pour.
func (s *Station) order(ctx context.Context, signed stationlog.Signed) {
	a := Accepted{Signed: signed, Arrived: s.cfg.Now()}
	var err error
	if a.Order, err = signed.OpenOrder(s.cfg.Identity.ServerKey, s.cfg.Identity.Station); err != nil {
		s.rec.Refused("signature")
		s.log.Warn("order not believed", "err", err)
		return
	}
	if s.reporter.state.Load() == diverged {
		s.rec.Refused("diverged")
		return
	}
	if a.Order.Kind == stationlog.Print {
		s.printOrder(ctx, a)
		return
	}
	step, err := s.journal.Step(context.WithoutCancel(ctx), a.Order.Dispensing)
	if err != nil {
		s.fail(err)
		return
	}
	if step == StepMeasured || step == StepInDoubt || step == StepNeverCommanded {
		s.reporter.realign() // the server asks for what it was told: find out what it is missing
		return
	}
	if a.Order.Kind == stationlog.Cancel {
		s.fail(s.pourer.Cancel(ctx, a))
		return
	}
	s.enqueue(ctx, a)
}

func (s *Station) enqueue(ctx context.Context, a Accepted) {
	if !s.await(a.Order.Dispensing) {
		return
	}
	select {
	case s.orders <- a:
	default:
		s.rec.Refused("busy")
		s.fail(s.pourer.Refuse(ctx, a, reasonRejected))
	}
}

// flush gives the last events a chance to reach the server before the daemon ends. They are safe either way.
func (s *Station) flush(ctx context.Context) {
	ctx, done := context.WithTimeout(ctx, flushWithin)
	defer done()
	for ctx.Err() == nil {
		seq, _ := s.journal.Head()
		if s.journal.Acknowledged() >= seq {
			return
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// Status is how the counter does, for its own health page and probes.
type Status struct {
	Identity  Identity
	Version   string
	Live      Live
	Devices   []stationlog.Device
	Troubles  map[string]string // by kind of device: why it could not be opened, and what to do
	Events    int64             // in the journal
	Waiting   int64             // for the server
	Oldest    time.Duration
	Connected bool // orders can arrive
	Recovered bool // nothing is left open from a crash
	Diverged  bool
	Closing   bool
	Journal   error
}

// Ready reports whether an order would be accepted now, and if not why, in one line.
func (s Status) Ready() (bool, string) {
	switch {
	case s.Journal != nil:
		return false, "the journal failed"
	case s.Closing:
		return false, "stopping"
	case s.Diverged:
		return false, ErrDiverged.Error()
	case !s.Recovered:
		return false, "recovering"
	case !s.Connected:
		return false, "no connection to the server"
	}
	for _, d := range s.Devices {
		if (d.Kind == kindScale || d.Kind == kindPump) && d.State != stateReady && d.State != stateNone {
			return false, fmt.Sprintf("%s is %s", d.Kind, d.State)
		}
	}
	return true, "ready"
}

// warner tells the log why a device cannot be opened.
func (s *Station) warner(kind string) func(error) {
	return func(err error) { s.cfg.Log.Warn("device cannot be opened", "device", kind, "err", err) }
}

// Status returns how the counter does now.
func (s *Station) Status(ctx context.Context) Status {
	st := Status{
		Identity: s.cfg.Identity, Version: s.cfg.Version, Live: s.board.now(),
		Devices: s.all(),
		Troubles: map[string]string{
			kindScale: s.scale.why(), kindPump: s.pump.why(), kindScanner: s.scanner.why(), kindPrinter: s.printer.why(),
		},
		Connected: s.connected.Load(), Recovered: s.recovered.Load(), Closing: s.closing.Load(),
		Diverged: s.reporter.state.Load() == diverged, Journal: s.journal.Err(),
	}
	st.Identity.Key = nil
	st.Events, _ = s.journal.Head()
	st.Waiting, st.Oldest, _ = s.backlog(ctx)
	return st
}

// backlog is how many records wait for the server, and how long the oldest of them has waited; 0 when that is not known.
func (s *Station) backlog(ctx context.Context) (n int64, age time.Duration, err error) {
	n, oldest, err := s.journal.Backlog(ctx)
	if err != nil || oldest.IsZero() {
		return n, 0, err
	}
	return n, max(s.cfg.Now().Sub(oldest), 0), nil
}
