// Package andstd is the codec of the A&D standard format, as A&D balances and indicators send it when their function
// "type" is 0. It turns bytes into messages and commands into bytes; it does no input or output of its own.
//
// A line that is not exactly a message is dropped, never repaired. The number of an OL line says only on which side the
// load is outside the range; it is never read. The format has no checksum: the width of the value, which a balance keeps,
// shows a lost or an added byte.
//
// Sources: A&D instruction manuals HC-3Ki (p. 50), GC (pp. 51-56), FG-150KCLWP (p. 39), GX-300 (p. 46), FX-2000i (p. 74).
package andstd
