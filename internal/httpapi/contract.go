package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gin-gonic/gin"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/id"
)

// bodyTime is how long a client may take to send a body.
const bodyTime = 20 * time.Second

// readBody reads the whole body within the operation's bound and puts it back, so that it can be read again.
func readBody(w http.ResponseWriter, r *http.Request, most int64, now time.Time) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(now.Add(bodyTime)) // a writer without deadlines, as in tests, reads without one
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	_ = rc.SetReadDeadline(time.Time{})
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, fault.New(fault.Invalid, keyTooLarge, "body above %d bytes", most)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, keyMalformed, "body: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return body, nil
}

// checkContract lets through only what the contract describes.
func (s *Server) checkContract(c *gin.Context, o *operation) error {
	body, err := readBody(c.Writer, c.Request, o.maxBody, s.now())
	if err != nil {
		return err
	}
	if err := checkBodyKind(c.Request, o, body); err != nil {
		return err
	}
	if err := checkQuery(c.Request, o); err != nil {
		return err
	}
	in := &openapi3filter.RequestValidationInput{
		Request:    c.Request,
		PathParams: pathParams(c.Params),
		Route:      &routers.Route{Spec: s.routes.spec, Path: o.path, PathItem: o.item, Method: c.Request.Method, Operation: o.op},
		Options:    s.contractOptions(o),
	}
	if err := openapi3filter.ValidateRequest(c.Request.Context(), in); err != nil {
		return contractBreach(err)
	}
	return nil
}

func (s *Server) contractOptions(o *operation) *openapi3filter.Options {
	return &openapi3filter.Options{
		MultiError:              true,
		ExcludeRequestBody:      !o.json,
		SkipSettingDefaults:     true,
		AuthenticationFunc:      openapi3filter.NoopAuthenticationFunc,
		SchemaValidationOptions: s.formats,
	}
}

// formats are the checks behind the contract's formats, which the validator knows by name only.
func formats() []openapi3.SchemaValidationOption {
	check := func(fn func(string) error) openapi3.StringFormatValidator { return openapi3.NewCallbackValidator(fn) }
	return []openapi3.SchemaValidationOption{
		openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidator("uuid", check(func(v string) error {
			_, err := id.Parse[string](v)
			return err
		})),
		openapi3.WithStringFormatValidator("date", check(func(v string) error {
			_, err := calendar.ParseDay(v)
			return err
		})),
		openapi3.WithStringFormatValidator("date-time", check(func(v string) error {
			_, err := calendar.ParseInstant(v)
			return err
		})),
	}
}

func pathParams(ps gin.Params) map[string]string {
	out := make(map[string]string, len(ps))
	for _, p := range ps {
		out[p.Key] = p.Value
	}
	return out
}

func checkBodyKind(r *http.Request, o *operation, body []byte) error {
	if !o.body {
		if len(body) > 0 {
			return fault.New(fault.Invalid, keyMalformed, "%s takes no body", o.id)
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case o.json && (err != nil || kind != "application/json"), !o.json && !strings.HasPrefix(kind, "image/"):
		return fault.New(fault.Invalid, keyMediaType, "%s does not take this kind of body", o.id)
	case !o.json:
		return nil
	}
	switch err := strictJSON(body); {
	case errors.Is(err, errDuplicate):
		return fault.New(fault.Invalid, keyDuplicate, "%s: %w", o.id, err)
	case err != nil:
		return fault.New(fault.Invalid, keyMalformed, "%s: %w", o.id, err)
	}
	return nil
}

// checkQuery refuses parameters that the operation does not have, and ones given twice.
func checkQuery(r *http.Request, o *operation) error {
	for name, values := range r.URL.Query() {
		p, known := o.query[name]
		switch {
		case !known:
			return breach(gen.FieldProblem{Pointer: "?", Rule: "unknown"})
		case len(values) > 1 && !array(p):
			return breach(gen.FieldProblem{Pointer: p.Name, Rule: "repeated"})
		}
	}
	return nil
}

func breach(fields ...gen.FieldProblem) error {
	return &contractError{cause: fault.New(fault.Invalid, keyContract, "request breaks the contract"), fields: fields}
}

// contractBreach turns the validator's errors into places and rules. Its texts hold values, so they are not used.
func contractBreach(err error) error {
	var fields []gen.FieldProblem
	for _, e := range flatten(err) {
		f := gen.FieldProblem{Pointer: "", Rule: "malformed"}
		var in *openapi3filter.RequestError
		if errors.As(e, &in) && in.Parameter != nil {
			f.Pointer = in.Parameter.Name
		}
		if errors.Is(e, openapi3filter.ErrInvalidRequired) {
			f.Rule = "required"
		}
		var schema *openapi3.SchemaError
		if errors.As(e, &schema) {
			f.Rule = schema.SchemaField
			f.Pointer += pointer(schema)
		}
		if !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	return breach(fields...)
}

// flatten lists the single errors of a tree of errors.
func flatten(err error) []error {
	var many openapi3.MultiError
	var in *openapi3filter.RequestError
	switch {
	case errors.As(err, &in) && in.Err != nil:
		var inner openapi3.MultiError
		if !errors.As(in.Err, &inner) {
			return []error{err}
		}
		var out []error
		for _, e := range inner {
			for _, leaf := range flatten(e) {
				out = append(out, &openapi3filter.RequestError{Parameter: in.Parameter, RequestBody: in.RequestBody, Err: leaf})
			}
		}
		return out
	case errors.As(err, &many):
		var out []error
		for _, e := range many {
			out = append(out, flatten(e)...)
		}
		return out
	default:
		return []error{err}
	}
}

// pointer is where in the body the breach is. The name of an unknown member is the sender's own text and is left out.
func pointer(e *openapi3.SchemaError) string {
	var b strings.Builder
	path := e.JSONPointer()
	if e.SchemaField == "properties" && len(path) > 0 {
		path = path[:len(path)-1]
	}
	for _, part := range path {
		b.WriteByte('/')
		b.WriteString(part)
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String()
}
