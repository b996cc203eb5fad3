// Package reglo is the codec of Ismatec Reglo ICC peristaltic pumps, and of the command set that they share with the
// Reglo Digital: requests that end in CR, answers that are one bare character or a line, and events, lines that the pump
// sends unasked between a request and its answer. It turns bytes into messages and messages into bytes; it does no input
// or output of its own.
//
// Nothing on this wire has a check. What can be done is done: numbers have a fixed form, so a lost or added digit shows;
// a line with anything but printable ASCII is dropped whole and never repaired; a line that broke off spoils the next
// one until a line end. A bare character proves nothing: what it seems to grant must be read back.
//
// Source: Ismatec, "REGLO ICC operating manual", 14-036-E, chapters 14 to 18.
package reglo
