// Package sbi is the codec of SBI, the text interface of Sartorius balances (Cubis, Entris, MSE, BCE and relatives). It
// turns bytes into messages and commands into bytes; it does no input or output of its own.
//
// A weight is recognised by its columns, never searched for in a line: a model name such as BCE3202-1S holds digits and
// a minus. A blank unit field is the only sign that the load still moves, so a number without a unit is no weight. A line
// that is not exactly a message is dropped, never repaired; SBI has no checksum, but a lost or an added byte shifts the
// columns.
//
// Sources: Sartorius operating manuals WZA224-ND (p. 23), EB6DCE-IX (p. 65) and LE2202S (p. 51).
package sbi
