// Package api holds the contract of the REST interface: openapi.yaml, written by hand. Server, client and documentation
// are generated from it, and requests are checked against it.
package api

import _ "embed"

// OpenAPI is the contract as written.
//
//go:embed openapi.yaml
var OpenAPI []byte
