package newera

import (
	"bytes"

	"github.com/sigurn/crc16"
)

const (
	stx = 0x02
	etx = 0x03
	// overhead is what the length byte counts beside the payload: itself, two bytes of CRC and ETX.
	overhead = 4
	// MaxPayload is the longest payload of a safe packet.
	MaxPayload = 255 - overhead
)

// crcTable is CRC-16/XMODEM: polynomial 1021, initial value 0, not reflected. It is never written after its making.
var crcTable = crc16.MakeTable(crc16.CRC16_XMODEM)

// Checksum is the CRC of a safe packet's payload.
func Checksum(payload []byte) uint16 { return crc16.Checksum(payload, crcTable) }

// A SafeFramer cuts a stream into the payloads of safe packets: by length, then by ETX and CRC. The bytes of a CRC may
// look like STX or ETX. A payload is printable ASCII, so a stray STX costs only itself and what stands before the
// next STX. The zero SafeFramer is ready.
type SafeFramer struct {
	buf [256]byte
	n   int
	out [MaxPayload]byte
}

// Reset forgets a packet that has begun. A pump drops a packet after half a second of silence in it.
func (f *SafeFramer) Reset() { f.n = 0 }

// Idle reports whether no packet has begun.
func (f *SafeFramer) Idle() bool { return f.n == 0 }

// Next takes bytes of chunk up to the end of one packet and returns its payload, valid until the next call, and the
// bytes not yet taken. When ok is false all of chunk was taken. Call it until then, with an empty chunk too.
func (f *SafeFramer) Next(chunk []byte) (payload, rest []byte, ok bool) {
	for {
		if payload, ok = f.cut(); ok {
			return payload, chunk, true
		}
		if len(chunk) == 0 {
			return nil, nil, false
		}
		// The candidate in buf is incomplete and possible, so it has room: a whole packet is 256 bytes at most.
		f.buf[f.n] = chunk[0]
		f.n++
		chunk = chunk[1:]
	}
}

// cut drops what cannot begin a packet and returns the payload if a whole packet stands at the front.
func (f *SafeFramer) cut() (payload []byte, ok bool) {
	for f.n > 0 {
		possible, whole := f.candidate()
		if whole {
			size := 1 + int(f.buf[1])
			payload = f.out[:copy(f.out[:], f.buf[2:size-3])]
			f.drop(size)
			return payload, true
		}
		if possible {
			return nil, false
		}
		f.drop(1)
	}
	return nil, false
}

// candidate judges the packet that begins at the front: possible while nothing speaks against it.
func (f *SafeFramer) candidate() (possible, whole bool) {
	b := f.buf[:f.n]
	if b[0] != stx {
		return false, false
	}
	if len(b) == 1 {
		return true, false
	}
	size := 1 + int(b[1])
	if b[1] < overhead+1 {
		return false, false
	}
	for _, c := range b[2:min(len(b), size-3)] {
		if c < ' ' || c > '~' {
			return false, false
		}
	}
	if len(b) < size {
		return true, false
	}
	sum := uint16(b[size-3])<<8 | uint16(b[size-2])
	whole = b[size-1] == etx && sum == Checksum(b[2:size-3])
	return whole, whole
}

// drop takes n bytes from the front, and what stands before the next STX.
func (f *SafeFramer) drop(n int) {
	left := f.buf[n:f.n]
	if i := bytes.IndexByte(left, stx); i >= 0 {
		f.n = copy(f.buf[:], left[i:])
		return
	}
	f.n = 0
}

// AppendSafe appends payload as a safe packet. The payload must be printable ASCII, one to MaxPayload bytes.
func AppendSafe(dst []byte, payload string) []byte {
	dst = append(dst, stx, byte(len(payload)+overhead))
	dst = append(dst, payload...)
	sum := Checksum([]byte(payload))
	return append(dst, byte(sum>>8), byte(sum), etx)
}

// A BasicFramer cuts a stream into what stands between STX and ETX; the newest STX wins. The zero BasicFramer is
// ready.
type BasicFramer struct {
	buf    [MaxPayload]byte
	n      int
	inside bool
}

// Reset forgets a reply that has begun.
func (f *BasicFramer) Reset() { f.n, f.inside = 0, false }

// Next takes bytes of chunk up to one ETX and returns the payload before it, valid until the next call, and the bytes
// not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *BasicFramer) Next(chunk []byte) (payload, rest []byte, ok bool) {
	for i, b := range chunk {
		switch {
		case b == stx:
			f.n, f.inside = 0, true
		case !f.inside:
		case b == etx:
			f.inside = false
			return f.buf[:f.n], chunk[i+1:], true
		case b < ' ' || b > '~' || f.n == len(f.buf):
			f.inside = false
		default:
			f.buf[f.n] = b
			f.n++
		}
	}
	return nil, nil, false
}

// AppendBasic appends payload as a reply of the basic mode.
func AppendBasic(dst []byte, payload string) []byte {
	return append(append(append(dst, stx), payload...), etx)
}

// A CommandFramer cuts what a host sends in basic mode into the payloads before each CR. A line with a byte that is not
// printable ASCII, or one that is too long, is dropped. The zero CommandFramer is ready.
type CommandFramer struct {
	buf    [MaxPayload]byte
	n      int
	broken bool
}

// Reset forgets a command that has begun.
func (f *CommandFramer) Reset() { f.n, f.broken = 0, false }

// Next takes bytes of chunk up to one CR and returns the payload before it, valid until the next call, and the bytes
// not yet taken. When ok is false all of chunk was taken. Call it until then. An empty payload, which asks for the
// status, is one too.
func (f *CommandFramer) Next(chunk []byte) (payload, rest []byte, ok bool) {
	for i, b := range chunk {
		switch {
		case b == '\r':
			n, whole := f.n, !f.broken
			f.Reset()
			if whole {
				return f.buf[:n], chunk[i+1:], true
			}
		case b < ' ' || b > '~' || f.n == len(f.buf):
			f.broken = true
		default:
			f.buf[f.n] = b
			f.n++
		}
	}
	return nil, nil, false
}
