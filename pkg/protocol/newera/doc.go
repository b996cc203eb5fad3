// Package newera is the codec of New Era syringe pumps (NE-1000 and NE-500 families and their re-labels): the basic
// mode, CR-ended commands with replies between STX and ETX, and the safe mode, packets of known length with a CRC.
// It turns bytes into replies and commands into bytes; it does no input or output of its own.
//
// A damaged packet is dropped, never repaired. Numbers for the pump are written with fixed decimals; a number that
// the pump's four digits cannot hold exactly is refused.
//
// Source: New Era Pump Systems, "Multi-Phaser NE-1000 User Manual", 1200-01, chapters 9 and 10.
package newera
