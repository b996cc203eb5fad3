package station

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Kinds and states of devices, as the server knows them.
const (
	kindPump    = "pump"
	kindScale   = "scale"
	kindScanner = "scanner"
	kindPrinter = "printer"

	stateReady   = "ready"
	stateDown    = "down"
	stateUnknown = "unknown"
	stateNone    = "none" // there is no such device at this counter
)

// wrongDevice is the detail of a port with another device on it.
const wrongDevice = "wrong_device"

// errDown: the device is not open. Nothing was sent.
var errDown = errors.New("device is not connected")

// maxSilence is how many queries in a row may stay unanswered before the port is opened anew.
const maxSilence = 5

// closer is what every device has.
type closer interface{ Close() error }

// Device says how to open one device of the counter.
type Device[D closer] struct {
	Model string
	// Serial is the registered serial number; "" accepts any unit. Another unit is [devices.ErrWrongDevice].
	Serial string
	// Open opens the device under its stable path. It is called again after each unplugging and moves nothing.
	Open func(context.Context) (D, error)
}

// session is one opening of a device. Two sessions are two numbers: what happened to the device between is not known.
type session struct {
	number int
	id     devices.Identity
}

// slot keeps one device open and lends it to one user at a time. Its state changes are told once each.
type slot[D closer] struct {
	kind  string
	conf  Device[D]
	greet func(context.Context, D) error // after identification, before anybody else uses the device; may be nil
	tell  func(stationlog.Device)
	warn  func(error) // once for each other reason why it cannot be opened; may be nil

	turn    chan struct{} // holds one token while somebody uses the device
	telling sync.Mutex    // keeps what is told in the order in which it became so

	mu      sync.Mutex
	dev     D
	session session
	open    bool
	silent  int           // queries in a row without an answer
	changed chan struct{} // closed and replaced when open changes
	told    stationlog.Device
	trouble string // why it could not be opened last, in words for the technician; "" once it is open
}

func newSlot[D closer](kind string, conf Device[D], tell func(stationlog.Device)) *slot[D] {
	state := stateUnknown
	if conf.Open == nil {
		state = stateNone
	}
	return &slot[D]{
		kind: kind, conf: conf, tell: tell,
		turn: make(chan struct{}, 1), changed: make(chan struct{}),
		told: stationlog.Device{Kind: kind, State: state, Model: conf.Model},
	}
}

// configured reports whether there is such a device at this counter at all.
func (s *slot[D]) configured() bool { return s.conf.Open != nil }

// state returns what was last told.
func (s *slot[D]) state() stationlog.Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// present returns the open session, if there is one.
func (s *slot[D]) present() (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session, s.open
}

// use runs f with the device alone. errDown when it is not open. What f's error says of the device is remembered.
func (s *slot[D]) use(ctx context.Context, f func(context.Context, D, session) error) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	return s.lend(ctx, f)
}

// tryUse is use for those who rather skip than wait; ran is false when somebody else has the device.
func (s *slot[D]) tryUse(ctx context.Context, f func(context.Context, D, session) error) (ran bool, err error) {
	select {
	case s.turn <- struct{}{}:
	default:
		return false, nil
	}
	defer func() { <-s.turn }()
	return true, s.lend(ctx, f)
}

func (s *slot[D]) lend(ctx context.Context, f func(context.Context, D, session) error) error {
	s.mu.Lock()
	dev, ses, open := s.dev, s.session, s.open
	s.mu.Unlock()
	if !open {
		return fmt.Errorf("%s: %w", s.kind, errDown)
	}
	err := f(ctx, dev, ses)
	s.learn(ses, err)
	if err != nil {
		return fmt.Errorf("%s: %w", s.kind, err)
	}
	return nil
}

// learn draws from a result what it says about the device itself.
func (s *slot[D]) learn(ses session, err error) {
	switch {
	case err == nil:
		s.mu.Lock()
		s.silent = 0
		s.mu.Unlock()
		s.report(ses, stateReady, "")
	case errors.Is(err, devices.ErrDisconnected):
		s.drop(ses, "disconnected")
	case errors.Is(err, devices.ErrWrongDevice):
		s.drop(ses, wrongDevice)
	case errors.Is(err, devices.ErrNoReply), errors.Is(err, devices.ErrGarbled):
		s.mu.Lock()
		s.silent++
		lost := s.silent >= maxSilence
		s.mu.Unlock()
		if lost {
			s.drop(ses, "no_reply")
			return
		}
		s.report(ses, stateUnknown, "no_reply")
	}
}

// install makes dev the open device, in a session of its own.
func (s *slot[D]) install(dev D, id devices.Identity) session {
	s.mu.Lock()
	s.dev, s.open, s.silent = dev, true, 0
	s.session, s.trouble = session{number: s.session.number + 1, id: id}, ""
	ses := s.session
	s.signal()
	s.mu.Unlock()
	s.report(ses, stateReady, "")
	return ses
}

// drop ends a session; the supervisor then closes the device and opens it anew.
func (s *slot[D]) drop(ses session, why string) {
	s.mu.Lock()
	if !s.open || s.session.number != ses.number {
		s.mu.Unlock()
		return
	}
	s.open = false
	s.signal()
	s.mu.Unlock()
	s.report(ses, stateDown, why)
}

// signal needs s.mu.
func (s *slot[D]) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// report tells a change of state. Another reason for the same state is not worth telling, unless somebody has put
// another device there.
func (s *slot[D]) report(ses session, state, detail string) {
	d := stationlog.Device{Kind: s.kind, State: state, Model: s.conf.Model, Serial: ses.id.Serial, Detail: detail}
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	same := s.told.State == state && (s.told.Detail == detail || detail != wrongDevice)
	known := same || (state == stateReady && (!s.open || s.session.number != ses.number))
	if !known {
		s.told = d
	}
	s.mu.Unlock()
	if !known && s.tell != nil {
		s.tell(d)
	}
}

// wait returns once the device is open, or false after d or when ctx ends.
func (s *slot[D]) wait(ctx context.Context, d time.Duration) bool {
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		open, changed := s.open, s.changed
		s.mu.Unlock()
		if open {
			return true
		}
		select {
		case <-changed:
		case <-deadline.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// supervise opens the device and opens it again whenever it goes away, until ctx ends. It leaves it closed.
func (s *slot[D]) supervise(ctx context.Context) {
	if !s.configured() {
		return
	}
	retry := patience(500*time.Millisecond, 10*time.Second)
	for ctx.Err() == nil {
		dev, id, err := s.connect(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.complain(err)
				s.report(session{id: id}, stateDown, detailOf(err))
			}
			pause(ctx, retry.NextBackOff())
			continue
		}
		retry.Reset()
		s.hold(ctx, dev, s.install(dev, id))
	}
}

// complain keeps the reason for the technician. The record has a machine word only.
func (s *slot[D]) complain(err error) {
	s.mu.Lock()
	news := s.trouble != err.Error()
	s.trouble = err.Error()
	s.mu.Unlock()
	if news && s.warn != nil {
		s.warn(err)
	}
}

// why is why the device is not open, "" when it is or nobody has tried.
func (s *slot[D]) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// connect opens, identifies and greets. The device is closed again on any error.
func (s *slot[D]) connect(ctx context.Context) (dev D, id devices.Identity, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dev, err = s.conf.Open(ctx)
	if err != nil {
		return dev, id, err
	}
	if who, ok := any(dev).(devices.Identifier); ok {
		id, err = who.Identify(ctx)
	}
	if err == nil && s.conf.Serial != "" && id.Serial != s.conf.Serial {
		err = fmt.Errorf("%w: serial %q instead of %q", devices.ErrWrongDevice, id.Serial, s.conf.Serial)
	}
	if err == nil && s.greet != nil {
		err = s.greet(ctx, dev)
	}
	if err != nil {
		return dev, id, errors.Join(err, dev.Close())
	}
	return dev, id, nil
}

// hold keeps the session until it is dropped or ctx ends, then closes the device once nobody uses it.
func (s *slot[D]) hold(ctx context.Context, dev D, ses session) {
	for {
		s.mu.Lock()
		here, changed := s.open && s.session.number == ses.number, s.changed
		s.mu.Unlock()
		if !here {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.mu.Lock()
			s.open = false
			s.signal()
			s.mu.Unlock()
		}
	}
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	_ = dev.Close() // the port is given up either way
}

// detailOf is a short machine word for why a device cannot be opened. Free text of the system stays out of the record.
func detailOf(err error) string {
	switch {
	case errors.Is(err, devices.ErrWrongDevice):
		return wrongDevice
	case errors.Is(err, devices.ErrNoReply), errors.Is(err, devices.ErrGarbled), errors.Is(err, context.DeadlineExceeded):
		return "no_reply"
	case errors.Is(err, devices.ErrDisconnected):
		return "disconnected"
	}
	return "cannot_open"
}

// patience is a back-off with jitter that never gives up.
func patience(first, most time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = first, most
	b.Reset()
	return b
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
