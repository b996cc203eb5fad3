// Package gs1 owns the codes that makers print on bottles and boxes: GS1 element strings as they come out of a GS1-128,
// GS1 DataMatrix or GS1 QR code, and the article numbers of plain EAN bar codes.
//
// What would have to be guessed is refused: an unknown application identifier, a wrong check digit, a day that is in no
// calendar, a field that is too long or holds another character. Two things are forgiven, because scanners do them: a
// separator after a field of fixed length, and one at the end.
//
// A code whose batch number lost its closing separator reads as a longer batch number and nothing after it. Such a
// message has no expiry, and [Message.MaySwallow] says that its batch looks as if it had one inside.
package gs1
