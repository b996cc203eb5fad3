// Package radwag is the codec of the protocol of Radwag balances and terminals (PS, AS, WTC, HRP, MAC and relatives). It
// turns bytes into messages and commands into bytes; it does no input or output of its own.
//
// A line that is not exactly a message is dropped, never repaired. The one tolerance is a missing blank before the sign of
// a mass, which some terminals leave out; the width of the line is kept, so that a lost byte does not pass for it unseen.
//
// Sources: Radwag manuals of the series PS 16.5.1 (p. 82), WTC (p. 46), HRP (p. 133), MAC (p. 51) and AS R2 (p. 91).
package radwag
