package toledo

const (
	stx = 0x02
	cr  = 0x0d

	// contentWidth is what stands between STX and CR: three status words, the weight, the tare.
	contentWidth = 3 + numberWidth + numberWidth
	numberWidth  = 6
	frameWidth   = 1 + contentWidth + 1
)

// A Framer cuts a stream of bytes into frames of the continuous output, by their length. The newest STX wins; a byte
// between STX and CR that is none of a status word or a digit ends the frame.
type Framer struct {
	checksum bool
	frame    [frameWidth + 1]byte
	n        int // 0: waits for STX
}

// NewFramer returns a Framer for a balance that sends a checksum after each frame, or none.
func NewFramer(checksum bool) *Framer { return &Framer{checksum: checksum} }

// Sync says that the next byte begins a frame.
func (f *Framer) Sync() { f.n = 0 }

// Lose forgets the present frame: bytes were lost.
func (f *Framer) Lose() { f.n = 0 }

// Next takes bytes of chunk up to the end of one frame. It returns the frame from STX to CR, valid until the next call,
// and the bytes not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *Framer) Next(chunk []byte) (frame, rest []byte, ok bool) {
	for i, b := range chunk {
		if f.take(b) {
			return f.frame[:frameWidth], chunk[i+1:], true
		}
	}
	return nil, nil, false
}

// take reports whether b completes a frame.
func (f *Framer) take(b byte) bool {
	switch {
	case f.n == frameWidth: // only with a checksum, which may be any byte of 7 bits
		f.n = 0
		if b == Checksum(f.frame[:frameWidth]) {
			return true
		}
		return f.begin(b)
	case b == stx:
		return f.begin(b)
	case f.n == 0:
	case f.n == frameWidth-1:
		return f.end(b)
	case b < ' ' || b > 0x7f:
		f.n = 0
	default:
		f.frame[f.n] = b
		f.n++
	}
	return false
}

func (f *Framer) begin(b byte) bool {
	f.n = 0
	if b == stx {
		f.frame[0], f.n = b, 1
	}
	return false
}

func (f *Framer) end(b byte) bool {
	if b != cr {
		f.n = 0
		return false
	}
	f.frame[f.n] = b
	f.n = 0
	if f.checksum {
		f.n = frameWidth
	}
	return !f.checksum
}

// Checksum of a frame from STX to CR: the two's complement of the low 7 bits of its sum, so that frame and checksum add
// up to 0 modulo 128.
func Checksum(frame []byte) byte {
	var sum byte
	for _, b := range frame {
		sum += b
	}
	return -sum & 0x7f
}
