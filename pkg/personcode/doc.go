// Package personcode owns the codes on the cards that Vietnam gives its citizens: the QR of the citizen card, and the
// number and QR of the health-insurance card. The clinic's own cards are cardcode's.
//
// A code that contradicts itself is refused. Errors never repeat what was read: it is a person's.
package personcode
