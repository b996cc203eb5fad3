package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

// statuses is the one table from fault codes to HTTP.
var statuses = map[fault.Code]int{
	fault.Internal:     http.StatusInternalServerError,
	fault.Invalid:      http.StatusBadRequest,
	fault.NotFound:     http.StatusNotFound,
	fault.Conflict:     http.StatusConflict,
	fault.Refused:      http.StatusUnprocessableEntity,
	fault.Unauthorized: http.StatusUnauthorized,
	fault.Forbidden:    http.StatusForbidden,
	fault.TooMany:      http.StatusTooManyRequests,
	fault.Unavailable:  http.StatusServiceUnavailable,
}

// statusOf returns the status of an error. A few keys of the protocol itself have one of their own.
func statusOf(code fault.Code, key string) int {
	switch key {
	case keyTooLarge:
		return http.StatusRequestEntityTooLarge
	case keyMediaType:
		return http.StatusUnsupportedMediaType
	case keyMethod:
		return http.StatusMethodNotAllowed
	}
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Keys of problems that arise in this package.
const (
	keyInternal    = "internal"
	keyContract    = "request.contract"
	keyDuplicate   = "request.duplicate_key"
	keyMalformed   = "request.malformed"
	keyTooLarge    = "request.too_large"
	keyMediaType   = "request.media_type"
	keyMethod      = "request.method"
	keyRoute       = "request.route"
	keyOrigin      = "request.origin"
	keyTooOften    = "request.too_often"
	keyCanceled    = "request.canceled"
	keySignedOut   = "session.none"
	keyLocked      = "session.locked"
	keyMayNot      = "staff.may_not"
	keyStation     = "station.unknown"
	keyStationSelf = "station.another"
)

// contractError says which members of a request break the contract. It never holds a value.
type contractError struct {
	cause  *fault.Error
	fields []gen.FieldProblem
}

func (e *contractError) Error() string { return e.cause.Error() }

func (e *contractError) Unwrap() error { return e.cause }

// problem renders an error for the reader of this exchange. The text of an internal error stays in the log.
func (s *Server) problem(ctx context.Context, err error) gen.Problem {
	x := exchangeOf(ctx)
	code, key, args := fault.CodeOf(err), "", map[string]string(nil)
	var f *fault.Error
	if errors.As(err, &f) {
		key, args = f.Key, f.Args
	}
	if errors.Is(err, context.Canceled) {
		code, key = fault.Unavailable, keyCanceled
	}
	if code == fault.Internal || key == "" {
		key, args = string(code), nil
	}
	p := gen.Problem{
		Type: "urn:lieu:problem:" + key, Title: s.messages.problem(x.lang, key, string(code), args), Status: statusOf(code, key),
		Instance: "urn:lieu:request:" + x.id, Code: gen.ProblemCode(code), Key: key, Args: args,
	}
	var contract *contractError
	if errors.As(err, &contract) {
		p.Fields = contract.fields
	}
	var refusal *dispensing.Refusal
	if errors.As(err, &refusal) {
		p.Refusals = s.reasons(x.lang, refusal.Decision.Refusals)
	}
	return p
}

// fail answers with the problem of err and keeps err for the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	exchangeOf(r.Context()).cause = err
	p := s.problem(r.Context(), err)
	body, merr := json.Marshal(p)
	if merr != nil {
		body = []byte(`{"type":"urn:lieu:problem:internal","title":"internal","status":500,"code":"internal","instance":""}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", "10")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client is gone, which the log says
}

// abort is fail for a gin handler.
func (s *Server) abort(c *gin.Context, err error) {
	s.fail(c.Writer, c.Request, err)
	c.Abort()
}
