package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind of a fault.
type Kind string

// The faults. The first group befalls what a device answers, on its way to the host.
const (
	LostReply      Kind = "lost_reply"
	LateReply      Kind = "late_reply" // by Seconds, 0.8; what follows waits behind it
	DuplicateReply Kind = "duplicate_reply"
	GarbledReply   Kind = "garbled_reply"   // one byte lost, added, NUL or with its high bit set
	TruncatedReply Kind = "truncated_reply" // after At bytes, or anywhere; then silence
	UnplugInReply  Kind = "unplug_in_reply" // after At bytes, or anywhere, the cable is pulled

	LostCommand Kind = "lost_command" // what the host sends does not arrive
	PowerCycle  Kind = "power_cycle"  // of pump or scale; of a pump with ML, once it has pushed that much

	Bubble    Kind = "bubble"    // ML of air, 0.3, on the way to the nozzle
	Occlusion Kind = "occlusion" // the tube is closed until Clear
	Unprime   Kind = "unprime"   // the tube runs empty
	Unstable  Kind = "unstable"  // the bench shakes for Seconds, 5
	Clear     Kind = "clear"     // ends every fault of the device
)

var kinds = []Kind{
	LostReply, LateReply, DuplicateReply, GarbledReply, TruncatedReply, UnplugInReply,
	LostCommand, PowerCycle, Bubble, Occlusion, Unprime, Unstable, Clear,
}

func onReply(k Kind) bool { return slices.Contains(kinds[:6], k) }

// Fault is an order for a fault.
type Fault struct {
	Device string `json:"device"`
	Kind   Kind   `json:"kind"`
	// Count is how many replies or commands it befalls; 0 is 1.
	Count int `json:"count,omitempty"`
	// On limits it to commands that contain this text and their answers, "RUN".
	On string `json:"on,omitempty"`
	// Skip lets that many pass first.
	Skip    int     `json:"skip,omitempty"`
	At      int     `json:"at,omitempty"` // bytes; 0 is anywhere, -1 is before the first
	ML      float64 `json:"ml,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

func (f *Fault) complete() error {
	if !slices.Contains(kinds, f.Kind) {
		return fmt.Errorf("bench: no fault %q; there are %v", f.Kind, kinds)
	}
	if f.Count < 0 || f.Skip < 0 || f.At < -1 || f.ML < 0 || f.Seconds < 0 {
		return fmt.Errorf("bench: fault %q with a negative number", f.Kind)
	}
	if f.Count == 0 {
		f.Count = 1
	}
	return nil
}

func (f Fault) seconds(otherwise float64) time.Duration {
	return time.Duration(orElse(f.Seconds, otherwise) * float64(time.Second))
}

func orElse(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}

// at is how many of n bytes still pass.
func (f Fault) at(rng *rand.Rand, n int) int {
	switch {
	case f.At == -1:
		return 0
	case f.At == 0:
		return rng.IntN(n)
	}
	return f.At
}
