// Package metrics declares every figure that the server and the counter offer to Prometheus, in one place, so that the
// dashboard and the alerts can be held against it. Nothing else imports the Prometheus client. No label ever names a
// person.
package metrics
