// Package zpl is the codec of label printers that speak ZPL II: labels as a program sends them and as a printer reads
// them, and the answer to the status command ~HS. It does no input or output of its own.
//
// A Label is written in a small part of the language, and Read reads exactly that part: what it does not know is refused,
// so that nothing which was not made here reaches a printer by way of a label.
//
// ~HS answers three strings. The printer is ready only when all three were read and say so. A printer that has no paper
// or ribbon, or whose head is open or too hot, may say nothing at all: silence is "not ready".
package zpl
