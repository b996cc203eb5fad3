package station

import (
	"sync"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Phases of a window, as its screen shows them.
const (
	PhaseIdle       = "idle"
	PhaseArmed      = "armed"
	PhasePouring    = "pouring"
	PhaseWeighing   = "weighing"
	PhaseMeasured   = "measured"
	PhaseInDoubt    = "in_doubt"
	PhaseRecovering = "recovering"
)

// Live is what the window looks like now. It is shown, never recorded: only the latest one counts.
type Live struct {
	Phase      string          `json:"phase"`
	Dispensing string          `json:"dispensing"`
	Target     measure.Volume  `json:"target_ul"`
	Moved      *measure.Volume `json:"moved_ul"` // nil when not known
	Scale      LiveScale       `json:"scale"`
	Pump       LiveDevice      `json:"pump"`
	Scanner    LiveState       `json:"scanner"`
	Printer    LiveDevice      `json:"printer"`
	Cup        *bool           `json:"cup"` // something stands on the pan; nil when not known
	QueueDepth int64           `json:"queue_depth"`
	// QueueOldestMS is how long the oldest record that waits for the server has waited.
	QueueOldestMS int64 `json:"queue_oldest_ms,omitempty"`
}

// LiveScale is the balance's state and its last reading.
type LiveScale struct {
	State  string          `json:"state"`
	Weight *measure.Weight `json:"weight_ug"`
	Stable bool            `json:"stable"`
	At     *time.Time      `json:"at,omitempty"`
}

// LiveDevice is the state of a device without readings.
type LiveDevice struct {
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"`
}

// LiveState is the state of a device of which there is nothing more to say.
type LiveState struct {
	State string `json:"state"`
}

// same reports whether a and b look the same on a screen. The age of an unchanged reading is told by the heartbeat.
func (a Live) same(b Live) bool {
	return a.Phase == b.Phase && a.Dispensing == b.Dispensing && a.Target == b.Target && equal(a.Moved, b.Moved) &&
		a.Scale.State == b.Scale.State && equal(a.Scale.Weight, b.Scale.Weight) && a.Scale.Stable == b.Scale.Stable &&
		a.Pump == b.Pump && a.Scanner == b.Scanner && a.Printer == b.Printer && equal(a.Cup, b.Cup) && a.QueueDepth == b.QueueDepth
}

func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// board holds the latest Live. Pointers in it are never written through, so a copy may be kept.
type board struct {
	mu      sync.Mutex
	live    Live
	changed chan struct{}
}

// newBoard starts with what is known of each device before it was tried: unknown, or none where there is no such
// device.
func newBoard(scale, pump, scanner, printer string) *board {
	return &board{
		changed: make(chan struct{}, 1),
		live: Live{
			Phase: PhaseIdle, Scale: LiveScale{State: scale}, Pump: LiveDevice{State: pump}, Scanner: LiveState{State: scanner},
			Printer: LiveDevice{State: printer},
		},
	}
}

func (b *board) now() Live {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live
}

func (b *board) set(change func(*Live)) {
	b.mu.Lock()
	before := b.live
	change(&b.live)
	differs := !b.live.same(before)
	b.mu.Unlock()
	if !differs {
		return
	}
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// phase shows a new phase of one dispensing. Idle forgets the dispensing.
func (b *board) phase(phase, dispensing string, target measure.Volume) {
	b.set(func(l *Live) {
		if l.Dispensing != dispensing || phase == PhaseIdle {
			l.Moved = nil
		}
		l.Phase, l.Dispensing, l.Target = phase, dispensing, target
	})
}

func (b *board) moved(v measure.Volume) { b.set(func(l *Live) { l.Moved = &v }) }

// reading shows what the balance said; cupFrom is the lightest cup.
func (b *board) reading(r devices.Reading, cupFrom measure.Weight) {
	weight, at, cup := r.Weight, r.At.UTC(), r.Weight >= cupFrom
	b.set(func(l *Live) {
		l.Scale = LiveScale{State: stateReady, Weight: &weight, Stable: r.Stable, At: &at}
		l.Cup = &cup
	})
}

// lifted ends the picture of a measured cup once it has left the pan. A doubt stays until the next order.
func (b *board) lifted() {
	b.set(func(l *Live) {
		if l.Phase == PhaseMeasured {
			l.Phase, l.Dispensing, l.Target, l.Moved = PhaseIdle, "", 0, nil
		}
	})
}

// noReading says that the weight is not known now. What was read before is not shown as if it were.
func (b *board) noReading(state string) {
	b.set(func(l *Live) {
		l.Scale, l.Cup = LiveScale{State: state}, nil
	})
}
