// Package book reads the clinic's stock of a narcotic as its registers want it: what came in, what went out and to what,
// and the balance after each line. It is computed from the ledger's moves and never from typed totals.
//
// The stock of a clinic is what stands in its bottles, sealed or open, what is promised to a dose, and what is in doubt.
// A move within that is no line of a register; a move across its border is. Lines are in the order in which they were
// recorded, so that a page that was printed never changes: what became known late stands where it became known.
package book
