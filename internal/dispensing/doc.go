// Package dispensing is the one workflow that joins the nouns: a dose from the reservation of its volume to the swallow.
//
// README.md beside this file says what a power cut at each step leaves behind and what happens next; the tests assert
// that table row by row.
package dispensing
