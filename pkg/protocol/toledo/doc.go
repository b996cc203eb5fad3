// Package toledo is the codec of two older Mettler-Toledo interfaces that many makers have copied: the continuous output
// (17 bytes, with or without a checksum) and the checkout-scale protocol 8217. It turns bytes into messages and back; it
// does no input or output of its own.
//
// Makers differ in the bits that the format calls constant, so only the bits that carry meaning are read. A frame that is
// not exactly one is dropped, never repaired.
//
// Sources: KERN FTC manual (p. 42), Mettler-Toledo IND445 (p. 50), Fairbanks FB3000 (p. 55); for 8217 the Magellan 8500
// product reference guide (pp. 39-45).
package toledo
