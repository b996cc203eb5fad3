// Package fault owns the error codes that cross package borders. An error gets its code once, where the cause is
// known; an error without one is Internal and its text stays in the log.
package fault

import (
	"errors"
	"fmt"
)

// Code says what kind of thing went wrong, for programs. The set is small on purpose; httpapi owns the one table
// from code to HTTP status.
type Code string

// The codes.
const (
	Internal     Code = "internal"        // a defect or a broken environment; nothing for the caller to mend
	Invalid      Code = "invalid"         // the request itself is wrong
	NotFound     Code = "not_found"       // no such thing, or not for this caller
	Conflict     Code = "conflict"        // true of the world as it is now, so the request cannot be
	Refused      Code = "refused"         // a rule of the clinic says no; see the decision's refusals
	Unauthorized Code = "unauthenticated" // nobody is signed in, or the credential is wrong
	Forbidden    Code = "forbidden"       // signed in, but this role may not
	TooMany      Code = "too_many"        // slow down
	Unavailable  Code = "unavailable"     // a part that is needed does not answer; the outcome is unchanged
)

// Error is an error with a code, a key into the message catalogue and its arguments.
type Error struct {
	Code Code
	// Key names the message in the reader's language, "dispensing.not_open". Empty means the code's own message.
	Key  string
	Args map[string]string
	// Detail is for the log and for developers. It holds no patient data.
	Detail string
	cause  error
}

// New makes an error with a code and a message key. The detail is formatted as by fmt.Errorf, so %w keeps a cause.
func New(code Code, key, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Code: code, Key: key, Detail: wrapped.Error(), cause: errors.Unwrap(wrapped)}
}

// With returns a copy of e with one more argument for its message.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Args = make(map[string]string, len(e.Args)+1)
	for k, v := range e.Args {
		c.Args[k] = v
	}
	c.Args[name] = value
	return &c
}

func (e *Error) Error() string { return e.Detail }

func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the outermost coded error in err's chain, Internal when there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
