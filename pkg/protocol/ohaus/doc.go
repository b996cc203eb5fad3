// Package ohaus is the codec of the OHAUS print format, as Scout, Navigator, Explorer, Adventurer and Ranger balances
// speak it. It turns bytes into messages and commands into bytes; it does no input or output of its own.
//
// A line that is not exactly a message is dropped, never repaired. A question mark is the only sign that the load still
// moves; the blanks around it are fixed, so that a lost one shows. A sum (TOTAL) is no weight, and a number without a
// unit ("numeric only" in the print menu) is refused.
//
// Sources: OHAUS "RS232 Interface" manual (p. EN-3), Explorer manual (p. EN-156), Adventurer service manual (p. 22).
package ohaus
