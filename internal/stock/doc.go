// Package stock owns the medicine: products, lots, bottles, and the perpetual inventory of every bottle in double entry,
// in whole microlitres.
//
// The book is kept per bottle. A bottle has one balance per account, in one row, so two windows with two bottles never
// wait for each other; a lot's or a clinic's totals are sums. The accounts of a bottle always add up to zero.
//
// A line of the book is a [Move]. Behind it stands either a dispensing or a [Document]: the paper of an act, posted with
// its moves in one transaction by the people it names, never edited, answered by a reversal. Stopping something takes one
// person; letting liquid leave the book, or putting a stopped bottle back into use, takes two.
//
// Loss and surplus are separate accounts. Nothing nets them, and no tolerance hides either.
package stock
