// Package clinicapi holds the wire types of the REST interface and a Go client for it, generated from api/openapi.yaml.
//
// Times are time.Time, days and ids are strings in their canonical form, and amounts are integers with their unit in
// the name. A member that is absent on the wire has its zero value here, except where zero means something of its own:
// those are pointers.
package clinicapi

//go:generate go tool oapi-codegen -config ../../api/oapi-client.yaml -o clinicapi.gen.go ../../api/openapi.yaml
