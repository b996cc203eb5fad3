// Package gen is the server side of api/openapi.yaml as generated: types, the interface that package httpapi implements,
// and the routes.
package gen

//go:generate go tool oapi-codegen -config ../../../api/oapi-server.yaml -o gen.gen.go ../../../api/openapi.yaml
