package zpl

import "bytes"

// A Receiver is the printer's end of the line: it finds labels and status commands in what a program sends.
//
// The zero Receiver waits for the beginning of either.
type Receiver struct {
	buf     []byte
	inLabel bool
	broken  bool // the label is longer than a printer holds
}

// tail is how much is kept of what cannot be part of a label: the beginning of ^XA and a status command within that.
const tail = 5

// Received is a label, or a status command when Job is nil.
type Received struct {
	Job []byte // from ^XA to ^XZ
}

// Partial reports whether a label has begun and not ended.
func (r *Receiver) Partial() bool { return r.inLabel }

// Reset forgets what has begun, as a printer does that was switched off.
func (r *Receiver) Reset() { *r = Receiver{} }

// Next takes bytes of chunk up to the end of one label or status command. It returns that and the bytes not yet taken.
// When ok is false all of chunk was taken. A status command inside a label is answered first and is no part of it.
func (r *Receiver) Next(chunk []byte) (got Received, rest []byte, ok bool) {
	for i, b := range chunk {
		r.buf = append(r.buf, b)
		switch {
		case bytes.HasSuffix(r.buf, []byte(StatusCommand)):
			r.buf = r.buf[:len(r.buf)-len(StatusCommand)]
			return Received{}, chunk[i+1:], true
		case bytes.HasSuffix(r.buf, []byte("^XA")):
			r.buf, r.inLabel, r.broken = append(r.buf[:0], "^XA"...), true, false
		case r.inLabel && bytes.HasSuffix(r.buf, []byte("^XZ")):
			job, broken := bytes.Clone(r.buf), r.broken
			r.Reset()
			if !broken {
				return Received{Job: job}, chunk[i+1:], true
			}
		case !r.inLabel && len(r.buf) > tail, len(r.buf) > MaxJob:
			r.broken = r.inLabel
			r.buf = append(r.buf[:0], r.buf[len(r.buf)-tail:]...)
		}
	}
	return Received{}, nil, false
}
