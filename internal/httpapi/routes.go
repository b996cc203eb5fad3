package httpapi

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lieu-clinic/lieu/api"
	"github.com/lieu-clinic/lieu/internal/staff"
)

// base is the path under which every operation of the contract lies.
const base = "/v1"

// public is the x-action of operations that need nobody signed in. Which ones those are stands here a second time on
// purpose: the contract alone cannot open a door.
const public staff.Action = "public"

var publicOperations = []string{"SignIn", "Enrol", "ReadPublicBoard", "StreamPublicBoard"}

// stationActions are those that a counter computer has; every other operation needs a person.
var stationActions = []staff.Action{staff.ReportEvents, staff.ReceiveOrders}

// maxBody bounds the body of a command; an operation may name another bound in x-body-limit.
const maxBody = 64 << 10

// operation is one row of the contract as the middleware needs it.
type operation struct {
	id      string
	action  staff.Action
	maxBody int64
	op      *openapi3.Operation
	item    *openapi3.PathItem
	path    string
	query   map[string]*openapi3.Parameter
	json    bool // its body is JSON
	body    bool // it has a body
}

// station reports whether a counter computer calls it.
func (o *operation) station() bool { return slices.Contains(stationActions, o.action) }

// routes holds the operations by method and gin's template of the path.
type routes struct {
	spec  *openapi3.T
	byKey map[string]*operation
}

var pathParameter = regexp.MustCompile(`\{([a-z]+)\}`)

// loadRoutes reads the contract. It fails on an operation without a permission of the table: nothing is served that
// nobody decided about.
func loadRoutes() (*routes, error) {
	spec, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	if err := spec.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	r := &routes{spec: spec, byKey: map[string]*operation{}}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			o, err := newOperation(path, item, op)
			if err != nil {
				return nil, err
			}
			r.byKey[method+" "+base+pathParameter.ReplaceAllString(path, ":$1")] = o
		}
	}
	return r, nil
}

func newOperation(path string, item *openapi3.PathItem, op *openapi3.Operation) (*operation, error) {
	action, _ := op.Extensions["x-action"].(string)
	o := &operation{id: op.OperationID, action: staff.Action(action), maxBody: maxBody, op: op, item: item, path: path}
	switch {
	case o.action == public && slices.Contains(publicOperations, o.id):
	case o.action == public || !slices.Contains(staff.Actions(), o.action):
		return nil, fmt.Errorf("operation %s: x-action %q is not in the table of permissions", o.id, action)
	}
	if limit, ok := op.Extensions["x-body-limit"].(float64); ok {
		o.maxBody = int64(limit)
	}
	if op.RequestBody != nil {
		o.body = true
		o.json = op.RequestBody.Value.Content.Get("application/json") != nil
	}
	o.query = map[string]*openapi3.Parameter{}
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		if p.Value.In == openapi3.ParameterInQuery {
			o.query[p.Value.Name] = p.Value
		}
	}
	return o, nil
}

func (r *routes) find(method, template string) (*operation, bool) {
	o, ok := r.byKey[method+" "+template]
	return o, ok
}

// array reports whether a parameter may be given several times.
func array(p *openapi3.Parameter) bool {
	return p.Schema != nil && p.Schema.Value.Type.Is(openapi3.TypeArray)
}

// template returns the contract's own way of writing a route, for the log and the metrics.
func (o *operation) template() string { return base + strings.TrimSuffix(o.path, "/") }
