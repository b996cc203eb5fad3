package stationlog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kind names what a record reports.
type Kind string

// The kinds of record. Each has a body type of the same name below.
const (
	KindStarted        Kind = "started"         // the daemon came up; what it found open in its journal
	KindDevice         Kind = "device"          // a device became ready, down or unknown
	KindScanned        Kind = "scanned"         // a code was read
	KindArmed          Kind = "armed"           // an order was accepted; nothing was sent to the pump
	KindDispensing     Kind = "dispensing"      // written before the first byte of a motion command: the point of no return
	KindMeasured       Kind = "measured"        // the cup is filled and weighed
	KindInDoubt        Kind = "in_doubt"        // the outcome of a pour is unknown
	KindNeverCommanded Kind = "never_commanded" // this order will never be poured, and was not
	KindPrinting       Kind = "printing"        // written before the first byte of a job is sent to the printer
	KindPrintEnded     Kind = "print_ended"     // how that ended, or that it never began
)

// Record is one fact, in the words of the counter.
type Record struct {
	Station  string          `json:"station"`
	Seq      int64           `json:"seq"` // 1, 2, 3, … without gaps
	Prev     string          `json:"prev"`
	Kind     Kind            `json:"kind"`
	Occurred time.Time       `json:"occurred"` // by the counter's clock, which decides nothing
	Body     json.RawMessage `json:"body"`
}

// Signed is a record as it is stored and sent.
type Signed struct {
	Payload   []byte `json:"payload"`   // the JSON of a Record
	Signature []byte `json:"signature"` // Ed25519 over Payload
}

// Genesis is Prev of a station's first record.
const Genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// MaxPayload bounds one record, in bytes.
const MaxPayload = 16 << 10

// Errors of verification. Match with errors.Is.
var (
	ErrMalformed = errors.New("record is malformed")
	ErrSignature = errors.New("record is not signed by this station")
	ErrGap       = errors.New("record does not follow the one before")
	ErrChain     = errors.New("record is not linked to the one before")
)

// Sign seals a record. Occurred is cut to the microsecond.
func Sign(r Record, key ed25519.PrivateKey) (Signed, error) {
	r.Occurred = r.Occurred.UTC().Truncate(time.Microsecond)
	payload, err := json.Marshal(r)
	if err != nil {
		return Signed{}, fmt.Errorf("record %d: %w", r.Seq, err)
	}
	return Signed{Payload: payload, Signature: ed25519.Sign(key, payload)}, nil
}

// Hash returns the hash by which the next record refers to this one, as lower-case hex.
func (s Signed) Hash() string {
	sum := sha256.Sum256(s.Payload)
	return hex.EncodeToString(sum[:])
}

// Open checks the signature and reads the record. Unknown fields are an error.
func (s Signed) Open(key ed25519.PublicKey) (Record, error) {
	if len(s.Payload) > MaxPayload {
		return Record{}, fmt.Errorf("%w: %d bytes", ErrMalformed, len(s.Payload))
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, s.Payload, s.Signature) {
		return Record{}, ErrSignature
	}
	var r Record
	if err := strict(s.Payload, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if r.Seq < 1 || r.Station == "" || len(r.Prev) != len(Genesis) || r.Kind == "" {
		return Record{}, ErrMalformed
	}
	return r, nil
}

// Follows checks that r is the record after the one numbered seq whose hash is prev.
func (r Record) Follows(seq int64, prev string) error {
	switch {
	case r.Seq != seq+1:
		return fmt.Errorf("%w: %d after %d", ErrGap, r.Seq, seq)
	case r.Prev != prev:
		return fmt.Errorf("%w: record %d", ErrChain, r.Seq)
	}
	return nil
}

// Decode reads the body of a record into one of the body types. Unknown fields are an error.
func (r Record) Decode(body any) error {
	if err := strict(r.Body, body); err != nil {
		return fmt.Errorf("%w: body of %s: %w", ErrMalformed, r.Kind, err)
	}
	return nil
}

// strict reads exactly one JSON value without unknown fields. Duplicate keys cannot get past a signature check with
// another meaning than the signer's own reading, so they are not looked for here.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) { // More does not see a closing brace
		return errors.New("something follows the value")
	}
	return nil
}
