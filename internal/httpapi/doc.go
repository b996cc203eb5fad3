// Package httpapi is the REST interface of clinicd: it translates between HTTP and the domain services, and holds no
// rule of its own. The contract is api/openapi.yaml; package gen beside this one is generated from it.
//
// A request passes, in this order: its id, the log, recovery, the check of its origin, its session, then per operation
// the permission named by x-action (an operation without one is not served), the bound of its body, the contract, and
// at last the handler. Gin lives here and nowhere else.
//
// What is kept in memory is what may be lost: the rings of the live streams, the counters' last readings, and short
// caches of sessions, people and stations. Everything else is in the store.
package httpapi
