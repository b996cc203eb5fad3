// Package dosing is the rule book: facts in, decision out. [Decide] has no clock, database, context or logger, and a
// refusal is an answer, not an error.
//
// The numbers come from a [Pack]: data with a source for each value and a flag whether that source was read. A clinic
// adopts a pack by its medical lead's signature. A value that is neither verified nor adopted may warn or send the
// patient to the doctor; it never computes a dose.
package dosing
