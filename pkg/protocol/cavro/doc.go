// Package cavro is the codec of Tecan Cavro syringe pumps (XCalibur, XLP and their relatives) in both of their
// protocols. The OEM protocol puts a command into a block with a checksum and a sequence number with a repeat bit, so
// that a block whose answer was lost may be sent again without being executed twice. The DT protocol is a line of text
// without any check. The command strings inside are the same.
//
// It turns bytes into answers and commands, and back; it does no input or output of its own. What is damaged is
// dropped, never repaired. The OEM checksum is an exclusive or: it finds every change, loss or insertion of one byte,
// but not two bytes that changed places. In the DT protocol a changed digit is a different number, and nobody can tell.
//
// Source: Tecan Systems, "Cavro XCalibur Modular Digital Pump Operating Manual", 733085-B, chapters 3 and 4.
package cavro
