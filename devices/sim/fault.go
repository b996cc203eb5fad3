package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind of a fault.
type Kind string

// The faults.
const (
	LostReply      Kind = "lost_reply"
	LateReply      Kind = "late_reply"
	DuplicateReply Kind = "duplicate_reply"
	SplitReply     Kind = "split_reply"
	MergedReply    Kind = "merged_reply"
	GarbledReply   Kind = "garbled_reply"
	NoiseBefore    Kind = "noise_before"
	NoiseInside    Kind = "noise_inside"
	NoiseAfter     Kind = "noise_after"
	FlippedBit     Kind = "flipped_bit"
	NulByte        Kind = "nul_byte"
	TruncatedReply Kind = "truncated_reply"
	UnplugInReply  Kind = "unplug_in_reply"

	LostCommand Kind = "lost_command"

	Echo        Kind = "echo"
	WrongBaud   Kind = "wrong_baud"
	NoReader    Kind = "no_reader"
	Flood       Kind = "flood"
	HangUp      Kind = "hang_up"
	WrongDevice Kind = "wrong_device"
	PowerUpLine Kind = "power_up_line"
	PowerCycle  Kind = "power_cycle"
	PumpError   Kind = "pump_error"

	Bias        Kind = "bias"
	Noise       Kind = "noise"
	Bubble      Kind = "bubble"
	Occlusion   Kind = "occlusion"
	Unprime     Kind = "unprime"
	Drip        Kind = "drip"
	Unstable    Kind = "unstable"
	Hand        Kind = "hand"
	Drift       Kind = "drift"
	Evaporation Kind = "evaporation"
	Frozen      Kind = "frozen"

	PaperOut   Kind = "paper_out"
	HeadOpen   Kind = "head_open"
	RibbonOut  Kind = "ribbon_out"
	Paused     Kind = "paused"
	BufferFull Kind = "buffer_full"

	Clear Kind = "clear"
)

// place is what a fault befalls.
type place int

const (
	onReply   place = iota // what a device says, on its way to the host
	onCommand              // what the host says, on its way to the device
	onLine                 // the port and the device at its end
	onWorld                // liquid, cup and pan of the counter, whichever of its devices is named
)

// FaultKind is one kind of fault, for those who choose one.
type FaultKind struct {
	Kind Kind
	Help string
	on   place
}

// FaultKinds lists every kind of fault.
func FaultKinds() []FaultKind {
	return []FaultKind{
		{LostReply, "an answer does not arrive", onReply},
		{LateReply, "an answer comes late, by seconds (0.8); what follows waits behind it", onReply},
		{DuplicateReply, "an answer comes twice", onReply},
		{SplitReply, "an answer comes one byte at a time, 1 to 20 ms apart", onReply},
		{MergedReply, "an answer is held back and comes with the next one in one piece", onReply},
		{GarbledReply, "one byte of an answer is lost, added, NUL or has its high bit set", onReply},
		{NoiseBefore, "a few random bytes come before an answer", onReply},
		{NoiseInside, "a few random bytes come inside an answer", onReply},
		{NoiseAfter, "a few random bytes come after an answer", onReply},
		{FlippedBit, "one bit of an answer is the other one", onReply},
		{NulByte, "one byte of an answer is NUL, as after a parity error", onReply},
		{TruncatedReply, "an answer ends after at bytes, or anywhere; then silence", onReply},
		{UnplugInReply, "the cable is pulled after at bytes of an answer, or anywhere in it", onReply},

		{LostCommand, "what the host sends does not arrive", onCommand},

		{Echo, "the line says back what the host sends, until clear", onLine},
		{WrongBaud, "the device is set to another baud rate: rubbish both ways, until clear", onLine},
		{NoReader, "the device takes nothing off the line, so that the host's buffer fills, until clear", onLine},
		{Flood, "1000 lines in a second, for seconds (5)", onLine},
		{HangUp, "the cable is out for seconds (2); with a model, that device is there when it comes back", onLine},
		{WrongDevice, "another device is on the port, until clear: of model, or the one whose plug stands next to it", onLine},
		{PowerUpLine, "the device says what it says at power-up, unasked", onLine},
		{PowerCycle, "pump or scale restarts; a pump with ml once it has pushed that much", onLine},
		{PumpError, "the pump's next motion fails with code, of those that the model has", onLine},

		{Bias, "the pump pushes more than it counts: relative, 0.02 is 2 % more", onWorld},
		{Noise, "the flow varies: relative (0.05), in every 5 ms", onWorld},
		{Bubble, "ml of air (0.3) on the way to the nozzle", onWorld},
		{Occlusion, "the tube is closed, until clear", onWorld},
		{Unprime, "the tube holds ml of air (0.8)", onWorld},
		{Drip, "ml (0.05) fall from the nozzle two seconds after the flow has stopped", onWorld},
		{Unstable, "the bench shakes by g (0.25) for seconds (5)", onWorld},
		{Hand, "a hand lies on the pan with g (80) for seconds (5)", onWorld},
		{Drift, "the balance drifts by g (0.05) each minute, until clear", onWorld},
		{Evaporation, "liquid evaporates from the cup, g (0.002) each minute, until clear", onWorld},
		{Frozen, "the balance shows one value for ever, until clear", onWorld},

		{PaperOut, "the printer has no paper, until clear", onLine},
		{HeadOpen, "the printer's head or cover is open, until clear", onLine},
		{RibbonOut, "the printer has no ribbon, until clear", onLine},
		{Paused, "somebody paused the printer, until clear", onLine},
		{BufferFull, "the printer's memory is full, until clear", onLine},

		{Clear, "ends every fault of the device and of its counter's world", onLine},
	}
}

func (k Kind) place() (place, bool) {
	all := FaultKinds()
	i := slices.IndexFunc(all, func(f FaultKind) bool { return f.Kind == k })
	if i < 0 {
		return 0, false
	}
	return all[i].on, true
}

// Fault is an order for a fault.
type Fault struct {
	Device string `json:"device" yaml:"device"`
	Kind   Kind   `json:"kind" yaml:"kind"`
	// Count is how many replies or commands it befalls; 0 is 1, -1 is all of them until Clear.
	Count int `json:"count,omitempty" yaml:"count"`
	// On limits it to commands that contain this text and their answers, "RUN".
	On string `json:"on,omitempty" yaml:"on"`
	// Skip lets that many pass first.
	Skip     int     `json:"skip,omitempty" yaml:"skip"`
	At       int     `json:"at,omitempty" yaml:"at"` // bytes; 0 is anywhere, -1 is before the first
	ML       float64 `json:"ml,omitempty" yaml:"ml"`
	Seconds  float64 `json:"seconds,omitempty" yaml:"seconds"`
	Grams    float64 `json:"g,omitempty" yaml:"g"`
	Relative float64 `json:"relative,omitempty" yaml:"relative"`
	Model    string  `json:"model,omitempty" yaml:"model"` // of WrongDevice and HangUp
	Code     int     `json:"code,omitempty" yaml:"code"`   // of PumpError
}

func (f *Fault) complete() error {
	if _, ok := f.Kind.place(); !ok {
		var names []Kind
		for _, k := range FaultKinds() {
			names = append(names, k.Kind)
		}
		return fmt.Errorf("bench: no fault %q; there are %v", f.Kind, names)
	}
	if f.Count < -1 || f.Skip < 0 || f.At < -1 || f.ML < 0 || f.Seconds < 0 || f.Relative < -1 || f.Grams < 0 && f.Kind != Drift {
		return fmt.Errorf("bench: fault %q with a negative number", f.Kind)
	}
	if f.Kind == Bias && f.Relative == 0 {
		return fmt.Errorf("bench: fault %q needs how much: relative, 0.02 is 2 %%", f.Kind)
	}
	if f.Count == 0 {
		f.Count = 1
	}
	return nil
}

func (f Fault) seconds(otherwise float64) time.Duration {
	return time.Duration(orElse(f.Seconds, otherwise) * float64(time.Second))
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
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
	return min(f.At, n)
}

// damage does to one answer what the fault says. More than one message comes of none, never of a fault here: an answer
// that comes twice says so in copies.
func (f Fault) damage(rng *rand.Rand, m message) (_ message, copies int) {
	switch f.Kind {
	case LostReply:
		return m, 0
	case LateReply:
		m.delay = f.seconds(0.8)
	case DuplicateReply:
		return m, 2
	case SplitReply:
		for range m.bytes {
			m.pauses = append(m.pauses, time.Millisecond+time.Duration(rng.Int64N(int64(19*time.Millisecond))))
		}
	case MergedReply:
		m.hold = true
	case GarbledReply:
		m.bytes = garble(rng, m.bytes)
	case NoiseBefore:
		m.bytes = append(rubbish(rng), m.bytes...)
	case NoiseInside:
		i := f.at(rng, len(m.bytes))
		m.bytes = slices.Concat(m.bytes[:i], rubbish(rng), m.bytes[i:])
	case NoiseAfter:
		m.bytes = slices.Concat(m.bytes, rubbish(rng))
	case FlippedBit:
		m.bytes = slices.Clone(m.bytes)
		m.bytes[rng.IntN(len(m.bytes))] ^= 1 << rng.IntN(8)
	case NulByte:
		m.bytes = slices.Clone(m.bytes)
		m.bytes[rng.IntN(len(m.bytes))] = 0
	case TruncatedReply:
		m.bytes = m.bytes[:f.at(rng, len(m.bytes))]
	case UnplugInReply:
		m.bytes = m.bytes[:f.at(rng, len(m.bytes))]
		m.unplug = true
	}
	return m, 1
}

// garble does to one byte what lines do: a parity error makes it NUL, a wrong baud rate sets its high bit, an overrun
// loses it, noise adds one.
func garble(rng *rand.Rand, b []byte) []byte {
	i := rng.IntN(len(b))
	out := append([]byte(nil), b[:i]...)
	switch rng.IntN(4) {
	case 0:
		out = append(out, 0)
	case 1:
		out = append(out, b[i]|0x80)
	case 2:
	case 3:
		out = append(out, byte(rng.IntN(256)), b[i])
	}
	return append(out, b[i+1:]...)
}

// rubbish is one to eight random bytes.
func rubbish(rng *rand.Rand) []byte {
	b := make([]byte, 1+rng.IntN(8))
	for i := range b {
		b[i] = byte(rng.IntN(256))
	}
	return b
}

// scramble makes of p what a wrong baud rate does.
func scramble(p []byte) []byte {
	out := make([]byte, len(p))
	for i := range out {
		out[i] = [...]byte{0x00, 0xff, 0x80}[i%3]
	}
	return out
}
