// Package escpos is the codec of receipt printers that speak ESC/POS: tickets as a program sends them and as a printer
// reads them, and the status bytes that DLE EOT asks for. It does no input or output of its own.
//
// A Ticket is written in a small part of the language, and Read reads exactly that part: what it does not know is refused,
// so that nothing which was not made here reaches a printer by way of a ticket. Vietnamese is printed as a picture,
// because the code pages of these printers differ.
//
// DLE EOT is answered at once, whatever waits to be printed. A Mark is answered in its turn: its answer says that all
// that was sent before it has been printed.
package escpos
