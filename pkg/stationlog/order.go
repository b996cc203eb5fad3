package stationlog

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// OrderKind says what the server wants of a counter.
type OrderKind string

// The kinds of order. Each may arrive any number of times; the id of the dispensing or of the print makes them one.
const (
	Pour   OrderKind = "pour"
	Prime  OrderKind = "prime"  // fill the tube, into a waste vessel on the scale
	Shot   OrderKind = "shot"   // one shot of a check, into the same
	Cancel OrderKind = "cancel" // give the counter's word that this dispensing was and will be never commanded, if that is so
	Print  OrderKind = "print"  // put a job on paper, once
)

// Waste reports whether what an order pours belongs to no patient.
func (k OrderKind) Waste() bool { return k == Prime || k == Shot }

// Order is one instruction to one counter.
type Order struct {
	Kind       OrderKind      `json:"kind"`
	Station    string         `json:"station"`
	Dispensing string         `json:"dispensing,omitempty"` // or the prime or shot: ids are never shared
	Volume     measure.Volume `json:"volume_ul,omitempty"`
	// Density converts the weight at the counter's display; 0 when the lot's was never measured.
	Density measure.Density `json:"density_ug_ml,omitempty"`
	// Print is the id of what is to be printed, and Job what the printer gets, as Pack made it.
	Print string `json:"print,omitempty"`
	Job   []byte `json:"job,omitempty"`
	// RemainingMS is how long after its arrival the order may still be armed, or a print begin. The counter measures it with its own
	// monotonic clock; wall clocks of two machines are never compared.
	RemainingMS int64 `json:"remaining_ms,omitempty"`
}

// SignOrder seals an order with the server's key.
func SignOrder(o Order, key ed25519.PrivateKey) (Signed, error) {
	payload, err := json.Marshal(o)
	if err != nil {
		return Signed{}, fmt.Errorf("order %s for %s%s: %w", o.Kind, o.Dispensing, o.Print, err)
	}
	return Signed{Payload: payload, Signature: ed25519.Sign(key, payload)}, nil
}

// OpenOrder checks the server's signature and reads an order for this station. An order for another station is
// ErrMalformed: a mixed-up connection must never pour.
func (s Signed) OpenOrder(key ed25519.PublicKey, station string) (Order, error) {
	if len(s.Payload) > MaxPayload || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, s.Payload, s.Signature) {
		return Order{}, ErrSignature
	}
	var o Order
	if err := strict(s.Payload, &o); err != nil {
		return Order{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if !o.whole() || o.Station != station {
		return Order{}, fmt.Errorf("%w: order %q", ErrMalformed, o.Kind)
	}
	return o, nil
}

// whole reports whether an order has what its kind needs, and nothing of another kind.
func (o Order) whole() bool {
	if o.Kind == Print {
		return o.Print != "" && len(o.Job) > 0 && o.Dispensing == "" && o.Volume == 0 && o.Density == 0
	}
	known := o.Kind == Cancel || ((o.Kind == Pour || o.Kind.Waste()) && o.Volume > 0)
	return known && o.Dispensing != "" && o.Print == "" && len(o.Job) == 0
}
