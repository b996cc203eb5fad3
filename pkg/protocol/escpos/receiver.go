package escpos

import (
	"bytes"
	"errors"
)

// A Receiver is the printer's end of the line: it finds tickets, marks and queries in what a program sends.
//
// The zero Receiver waits for the beginning of any.
type Receiver struct {
	buf     []byte
	job     []byte // the commands of the ticket up to here
	inJob   bool
	pending []byte // the beginning of a query
}

// Received is one of a ticket, a query and one question of a mark.
type Received struct {
	Job   []byte // from setting up to the cut
	Query Query
	Mark  bool
}

// Partial reports whether a ticket has begun and not ended.
func (r *Receiver) Partial() bool { return r.inJob }

// Reset forgets what has begun, as a printer does that was switched off.
func (r *Receiver) Reset() { *r = Receiver{} }

// Next takes bytes of chunk up to the end of one thing. It returns that and the bytes not yet taken. When ok is false
// all of chunk was taken. A query inside a ticket, even inside a picture, is answered first and is no part of it.
func (r *Receiver) Next(chunk []byte) (got Received, rest []byte, ok bool) {
	for i, b := range chunk {
		if q := r.query(b); q != 0 {
			return Received{Query: q}, chunk[i+1:], true
		}
		if got, ok = r.commands(); ok {
			return got, chunk[i+1:], true
		}
	}
	return Received{}, nil, false
}

// query follows DLE EOT n. What turns out to be none goes on to the commands.
func (r *Receiver) query(b byte) Query {
	r.pending = append(r.pending, b)
	switch p := r.pending; {
	case p[0] != dle, len(p) == 2 && p[1] != eot:
	case len(p) < 3:
		return 0
	case b >= byte(Online) && b <= byte(Paper):
		r.pending = r.pending[:0]
		return Query(b)
	}
	// The last byte may begin a query that the ones before it did not.
	n := len(r.pending)
	if n > 1 && b == dle {
		n--
	}
	r.buf = append(r.buf, r.pending[:n]...)
	r.pending = append(r.pending[:0], r.pending[n:]...)
	return 0
}

// commands follows what stands in buf. A byte that begins no command is passed over.
func (r *Receiver) commands() (Received, bool) {
	for {
		c, rest, err := split(r.buf)
		switch {
		case errors.Is(err, ErrMore) && len(r.buf) <= MaxJob:
			return Received{}, false
		case err != nil:
			r.buf, r.inJob = r.buf[1:], false
			continue
		}
		raw := bytes.Clone(r.buf[:len(r.buf)-len(rest)])
		r.buf = bytes.Clone(rest)
		if got, ok := r.follow(c, raw); ok {
			return got, true
		}
	}
}

func (r *Receiver) follow(c command, raw []byte) (Received, bool) {
	switch {
	case c.name == "\x1b@":
		r.inJob, r.job = true, raw
	case c.name == "\x1dr":
		return Received{Mark: true}, true
	case r.inJob && len(r.job)+len(raw) > MaxJob:
		r.inJob, r.job = false, nil
	case r.inJob:
		r.job = append(r.job, raw...)
		if c.name == "\x1dV" {
			job := r.job
			r.inJob, r.job = false, nil
			return Received{Job: job}, true
		}
	}
	return Received{}, false
}
