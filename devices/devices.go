// Package devices says what the hardware of a dispensing window can do: one small interface per capability, with
// optional capabilities found by type assertion, and errors that say what is unknown after a failure.
//
// A driver lives in devices/<kind>/<model>. It owns one open [Link], speaks one protocol and is used by one goroutine
// at a time unless its documentation says more. Nothing here knows of patients or prescriptions.
package devices

import (
	"context"
	"errors"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Errors of devices. A driver wraps them with the device's name and what it was doing. Match with errors.Is.
var (
	// ErrNoReply: nothing came back in time. What was asked may or may not have been done: after a motion command
	// any amount up to the request may have moved.
	ErrNoReply = errors.New("no reply from the device")
	// ErrDisconnected: the port is gone. As unknown as ErrNoReply for whatever was under way.
	ErrDisconnected = errors.New("device disconnected")
	// ErrRefused: the device answered that it did not do it. Nothing moved.
	ErrRefused = errors.New("the device refused the command")
	// ErrGarbled: an answer came that does not parse. It is treated as no answer; no value is guessed from it.
	ErrGarbled = errors.New("garbled answer")
	// ErrStalled: the device reports an occlusion or a stalled motor. Read the volume moved so far.
	ErrStalled = errors.New("pump stalled")
	// ErrStopped: the pump stopped before the whole volume had moved: somebody stopped it, or it stopped by itself
	// because it heard nothing. The volume moved so far is a fact.
	ErrStopped = errors.New("pump stopped before the end")
	// ErrRestarted: the device restarted while in use: totals, tare and zero are lost.
	ErrRestarted = errors.New("the device restarted")
	// ErrUninitialised: the pump does not know where its plunger is, after a power cut, an overload or a stop. Nothing
	// moves until it was initialised; see Initialiser.
	ErrUninitialised = errors.New("pump not initialised: take the cup away, then initialise it")
	// ErrWrongDevice: something else, or another unit of the same model, sits on this port.
	ErrWrongDevice = errors.New("another device is on this port")
	// ErrOutOfRange: the request is outside what the device can do. Nothing moved.
	ErrOutOfRange = errors.New("outside the range of the device")
	// ErrUnstable: the weight did not become stable in time.
	ErrUnstable = errors.New("weight not stable")
	// ErrOverload and ErrUnderload: the weight is outside the range of the balance.
	ErrOverload  = errors.New("balance overloaded")
	ErrUnderload = errors.New("balance underloaded")
	// ErrHeld: the printer has the job and something keeps it from printing it. It may still come out.
	ErrHeld = errors.New("the printer holds the job")
	// ErrUnit: the balance shows a unit other than g, kg and mg, or one finer than a microgram.
	ErrUnit = errors.New("balance shows a unit that is not used for dosing")
)

// Identity is what a device says of itself. Empty fields were not offered.
type Identity struct {
	Model    string
	Serial   string
	Firmware string
}

// Identifier asks the device who it is. It moves nothing.
type Identifier interface {
	Identify(ctx context.Context) (Identity, error)
}

// Reading is one answer of a balance.
type Reading struct {
	Weight   measure.Weight // µg, as shown, tare included in whatever way the balance shows it
	Decimals int            // decimals printed, in the unit printed: the resolution claimed
	Unit     string         // as printed
	Stable   bool           // the balance's own claim about the last fraction of a second
	At       time.Time      // when the answer's last byte arrived
	Raw      string         // the frame as received
}

// Scale weighs.
type Scale interface {
	Identifier
	// Read returns the weight now, stable or not.
	Read(ctx context.Context) (Reading, error)
	// Stable waits until the balance itself calls the weight stable. ErrUnstable when it gave up.
	Stable(ctx context.Context) (Reading, error)
	Close() error
}

// Tarer sets the display to zero with the present load. The record never depends on it: both gross readings are kept.
type Tarer interface {
	Tare(ctx context.Context) (Reading, error)
}

// Zeroer sets the balance to zero. The pan must be empty.
type Zeroer interface {
	Zero(ctx context.Context) error
}

// Limits of a pump as it is set up now.
type Limits struct {
	Min, Max   measure.Volume // of one dose
	Resolution measure.Volume // doses are whole multiples of this, for the volume in question
}

// PumpState is what a pump says of itself.
type PumpState struct {
	Moving bool
	Moved  measure.Volume // volume moved since the last Arm, as the pump counts
	// Lost means the pump's counters cannot be trusted (it restarted, or they may be those of an older dose): Moved is not
	// a fact.
	Lost  bool
	Alarm string // the device's own word, "" for none
}

// Pump moves liquid from a bottle to a cup. A driver never sends a motion command twice and never as part of opening.
type Pump interface {
	Identifier
	// Limits for a dose of v. ErrOutOfRange if v cannot be pumped exactly.
	Limits(v measure.Volume) (Limits, error)
	// Arm sets the pump up for exactly v, reads every setting back, and zeroes the pump's counter. Nothing leaves the
	// nozzle; a pump that must be filled first draws from its bottle here.
	Arm(ctx context.Context, v measure.Volume) error
	// Dispense starts the armed motion and returns when the pump has stopped, with the volume the pump says it moved.
	// progress, when not nil, is called with each volume-so-far. Each motion is told to the pump exactly once: it is
	// sent again only in a form in which the pump itself tells a repetition from a new command.
	// On ErrNoReply, ErrDisconnected or ErrRestarted any amount up to the armed volume may have moved, or still move.
	Dispense(ctx context.Context, progress func(PumpState)) (moved measure.Volume, err error)
	// State asks without moving anything. It may be retried.
	State(ctx context.Context) (PumpState, error)
	// Stop ends any motion. It may be repeated.
	Stop(ctx context.Context) error
	Close() error
}

// Profile is how a pump is set up, for records and for people. It is what was configured, not what was read.
type Profile struct {
	Min, Max measure.Volume // of one dose
	Rate     measure.Flow   // of a dose; a short one may be slower
	// Tube is the inner diameter of the tube or the syringe in µm; 0 where the pump has neither.
	Tube int64
	// Residual is the volume between bottle and nozzle: what priming fills, and what counts as stock while it stands
	// there.
	Residual measure.Volume
	// AntiDrip is how many steps the pump turns back after a dose, so that no drop hangs at the nozzle; 0 not at all.
	AntiDrip int
}

// Profiler tells how a pump is set up. It asks nothing of the pump.
type Profiler interface {
	Profile() Profile
}

// Primer fills the tube with liquid. What comes out is not counted: it goes to a waste vessel and is weighed there.
type Primer interface {
	// Prime does what the pump calls priming, once, and returns when the pump stands still. It moves liquid. ErrRefused
	// when nothing moved, as while a dose is armed. After another error the pump may still move: stop it.
	Prime(ctx context.Context) error
}

// Calibrator adjusts what a pump takes for a volume to what really came out, as weighed.
type Calibrator interface {
	// PumpToMeasure pumps v into a vessel on a balance and returns the volume that the pump counts, with the errors of
	// Dispense. It moves liquid, once. ErrRefused while a dose is armed.
	PumpToMeasure(ctx context.Context, v measure.Volume, progress func(PumpState)) (measure.Volume, error)
	// Measured tells what PumpToMeasure really pumped; nothing moves. It follows a PumpToMeasure that succeeded, once:
	// otherwise, and when the pump does not believe it, it is ErrRefused and the pump counts as before. After ErrNoReply
	// nobody knows how the pump counts: calibrate it anew.
	Measured(ctx context.Context, v measure.Volume) error
}

// Initialiser is a pump that must find its home before it can move, as after a power cut (ErrUninitialised).
type Initialiser interface {
	// Initialise homes the pump. Whatever is left in its syringe comes out of the nozzle: the caller has made sure that
	// no cup stands under it. The motion is told to the pump once. Nothing else in a driver homes a pump.
	Initialise(ctx context.Context) error
}

// Scan is one code read by a scanner.
type Scan struct {
	Text      string
	Symbology string // AIM identifier without the bracket, "C1", "Q1"; "" when the scanner sent none
	At        time.Time
}

// Scanner delivers codes as they are read. Scans returns ErrDisconnected when the port is gone.
type Scanner interface {
	// Next waits for one code.
	Next(ctx context.Context) (Scan, error)
	Close() error
}

// PrinterState is what a printer says of itself.
type PrinterState struct {
	Ready     bool // a job sent now would be printed
	Waiting   int  // jobs received and not printed yet
	PaperLow  bool
	PaperOut  bool
	RibbonOut bool
	Open      bool // head or cover
	Paused    bool // or off line
	Full      bool // its memory
	Hot       bool
	Failed    bool // anything else: cutter, memory
}

// Troubles names what keeps the printer from printing, "paper out"; empty when it is ready.
func (s PrinterState) Troubles() []string {
	var all []string
	for _, t := range []struct {
		is   bool
		name string
	}{
		{s.PaperOut, "paper out"}, {s.RibbonOut, "ribbon out"}, {s.Open, "open"}, {s.Paused, "paused"}, {s.Full, "memory full"},
		{s.Hot, "too hot"}, {s.Failed, "failed"}, {s.Waiting > 0, "busy"},
	} {
		if t.is {
			all = append(all, t.name)
		}
	}
	return all
}

// Printer puts labels or tickets on paper. A driver sends a job once, and never again by itself.
type Printer interface {
	// State asks without printing anything. It may be repeated. ErrNoReply is also how a printer with its head open may
	// answer: it is not ready.
	State(ctx context.Context) (PrinterState, error)
	// Print asks for the state, sends the job and waits. It returns nil only when the printer itself says that the job
	// is printed. On ErrOutOfRange, which is for a job that is none of this printer's, and on ErrRefused, whatever else
	// the error is, nothing was sent. After ErrHeld the job may still come out; after any other error it is unknown
	// whether it was printed.
	Print(ctx context.Context, job []byte) error
	Close() error
}

// Link carries bytes to and from one device. It is the seam between drivers and the operating system: serialport has
// the real one, devicetest the scripted ones.
type Link interface {
	// Write sends all of p or reports an error; part of it may have been sent.
	Write(ctx context.Context, p []byte) error
	// Read returns what has arrived, at least one byte, or ctx's error, or ErrDisconnected. Bytes that have arrived
	// come first, whatever ctx says. ErrGarbled means that bytes were lost before what comes next.
	Read(ctx context.Context, p []byte) (int, error)
	// Flush drops what has arrived and was not read.
	Flush() error
	Close() error
}
