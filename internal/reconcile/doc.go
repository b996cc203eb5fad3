// Package reconcile holds the book against what was counted: the signed difference, what explains it, since when, and
// whether small differences add up. It is arithmetic in whole microlitres and micrograms, without a clock or a store.
//
// A loss and a surplus are never netted: sums keep the two apart, and only the control chart, which asks whether there
// is a drift, adds signed values.
package reconcile
