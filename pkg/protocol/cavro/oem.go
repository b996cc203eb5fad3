package cavro

const (
	stx = 0x02
	etx = 0x03

	// MaxText is the longest command string.
	MaxText = 255
	// maxBody is address, sequence byte and text.
	maxBody = 2 + MaxText
)

// A Block is one command of the OEM protocol. The pump compares its sequence number with that of the block before: the
// same number with Repeat is acknowledged and not executed again. Text shares its bytes with what it was decoded from.
type Block struct {
	Address  Address
	Sequence byte // 0 to 7
	Repeat   bool
	Text     []byte
}

const (
	sequenceMark   = 0x30
	sequenceRepeat = 0x08
	sequenceNumber = 0x07
)

// AppendBlock appends a command in a block of the OEM protocol. The text must be printable ASCII, at most MaxText bytes.
func AppendBlock(dst []byte, to Address, sequence byte, repeat bool, c Command) []byte {
	seq := sequenceMark | sequence&sequenceNumber
	if repeat {
		seq |= sequenceRepeat
	}
	start := len(dst)
	dst = append(dst, stx, byte(to), seq)
	return endBlock(append(dst, c...), start)
}

// endBlock appends ETX and the exclusive or of everything from the block's STX to it.
func endBlock(dst []byte, start int) []byte {
	dst = append(dst, etx)
	var sum byte
	for _, b := range dst[start:] {
		sum ^= b
	}
	return append(dst, sum)
}

// DecodeBlock reads the body that a [BlockFramer] returned on the pump's side.
func DecodeBlock(body []byte) (Block, error) {
	if len(body) < 2 || !Address(body[0]).Valid() || body[1]&^(sequenceRepeat|sequenceNumber) != sequenceMark ||
		!printable(body[2:]) {
		return Block{}, ErrSyntax
	}
	return Block{
		Address:  Address(body[0]),
		Sequence: body[1] & sequenceNumber,
		Repeat:   body[1]&sequenceRepeat != 0,
		Text:     body[2:],
	}, nil
}

// A BlockFramer cuts a stream into the bodies of OEM blocks, of commands and answers alike: what stands between STX and
// ETX, when the checksum after ETX is right. The newest STX wins. The checksum may look like STX, ETX or anything else.
// The zero BlockFramer is ready.
type BlockFramer struct {
	buf   [maxBody]byte
	n     int
	sum   byte
	place blockPlace
}

type blockPlace byte

const (
	outside  blockPlace = iota
	inside              // after STX
	checking            // after ETX
)

// Reset forgets a block that has begun.
func (f *BlockFramer) Reset() { f.place = outside }

// Idle reports whether no block has begun.
func (f *BlockFramer) Idle() bool { return f.place == outside }

// Next takes bytes of chunk up to the end of one block and returns its body, valid until the next call, and the bytes
// not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *BlockFramer) Next(chunk []byte) (body, rest []byte, ok bool) {
	for i, b := range chunk {
		switch {
		case f.place == checking && b == f.sum && f.n >= 2:
			f.place = outside
			return f.buf[:f.n], chunk[i+1:], true
		case b == stx:
			f.n, f.sum, f.place = 0, stx, inside
		case f.place == checking:
			f.place = outside
		case f.place == outside:
		case b == etx:
			f.sum ^= etx
			f.place = checking
		case !isPrintable(b) || f.n == len(f.buf):
			f.place = outside
		default:
			f.buf[f.n] = b
			f.n++
			f.sum ^= b
		}
	}
	return nil, nil, false
}
