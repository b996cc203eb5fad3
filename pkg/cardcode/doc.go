// Package cardcode is the code on a clinic's own cards and bottle labels: a letter for the kind of thing, two digits for
// the clinic, six for the serial number, and two check digits, "P0100012372".
//
// The check digits are ISO 7064 MOD 97-10 over the letter and the eight digits, with letters read as A = 10 … Z = 35 as
// in an IBAN. They catch every wrong character and every exchange of two neighbours. The leading letter keeps a code
// apart from a retail barcode or a plain number, which are never taken for one.
package cardcode
