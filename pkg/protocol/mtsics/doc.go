// Package mtsics is the codec of MT-SICS, the Mettler-Toledo Standard Interface Command Set (levels 0 and 1, and the
// internal adjustment of level 2), as it is spoken by Mettler-Toledo, OHAUS 7000 and KERN (KCP) balances. It turns
// bytes into replies and commands into bytes; it does no input or output of its own.
//
// A line that is not exactly a reply is dropped, never repaired: no weight is guessed. MT-SICS has no checksum, so a
// flipped digit cannot be seen here; the fixed width of the weight field shows a lost or an added one.
//
// Source: Mettler-Toledo, "Reference Manual MT-SICS", 11780711 and 11781363.
package mtsics
