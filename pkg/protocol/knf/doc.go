// Package knf is the codec of KNF SIMDOS metering pumps (SIMDOS 02 and SIMDOS 10): requests between STX and ETX with the
// pump's address, answers that are ACK, NAK, or ACK and data between STX and ETX, each with a check byte behind the
// ETX. It turns bytes into messages and messages into bytes; it does no input or output of its own.
//
// A damaged frame is dropped, never repaired. A bare ACK or NAK has no check: it says that something was answered, and
// what it seems to grant must be read back. Requests go out with their real check byte, although a pump also takes the
// letter U in its place.
//
// Source: KNF, communication protocol CP_SIMDOS02_EN_01_166851.
package knf
