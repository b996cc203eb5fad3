package cavro

// A Line is one command of the DT protocol. Text shares its bytes with what it was decoded from.
type Line struct {
	Address Address
	Text    []byte
}

// AppendLine appends a command as the DT protocol sends it.
func AppendLine(dst []byte, to Address, c Command) []byte {
	dst = append(dst, '/', byte(to))
	return append(append(dst, c...), '\r')
}

// DecodeLine reads the body that a [LineFramer] returned.
func DecodeLine(body []byte) (Line, error) {
	if len(body) < 1 || !Address(body[0]).Valid() || !printable(body[1:]) {
		return Line{}, ErrSyntax
	}
	return Line{Address: Address(body[0]), Text: body[1:]}, nil
}

// A LineFramer cuts what a host sends in the DT protocol into what stands between a slash and CR; the newest slash
// wins. The zero LineFramer is ready.
type LineFramer struct {
	buf    [1 + MaxText]byte
	n      int
	inside bool
}

// Reset forgets a line that has begun.
func (f *LineFramer) Reset() { f.inside = false }

// Next takes bytes of chunk up to the end of one line and returns its body, valid until the next call, and the bytes
// not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *LineFramer) Next(chunk []byte) (body, rest []byte, ok bool) {
	for i, b := range chunk {
		switch {
		case b == '/':
			f.n, f.inside = 0, true
		case !f.inside:
		case b == '\r':
			f.inside = false
			return f.buf[:f.n], chunk[i+1:], true
		case !isPrintable(b) || f.n == len(f.buf):
			f.inside = false
		default:
			f.buf[f.n] = b
			f.n++
		}
	}
	return nil, nil, false
}

// A ReplyFramer cuts what a pump answers in the DT protocol into what stands between a slash and ETX CR LF. Where a
// second answer begins before the first has ended both are dropped: nothing tells which of their bytes belong to
// which. The zero ReplyFramer is ready.
type ReplyFramer struct {
	buf   [maxBody]byte
	n     int
	place replyPlace
}

type replyPlace byte

const (
	between replyPlace = iota
	begun              // after the slash: the host's address and the status must come
	within             // the status has come
	spoilt             // until a control character
	ended              // after ETX
	returns            // after CR
)

// Reset forgets an answer that has begun.
func (f *ReplyFramer) Reset() { f.place = between }

// Next takes bytes of chunk up to the end of one answer and returns its body, valid until the next call, and the bytes
// not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *ReplyFramer) Next(chunk []byte) (body, rest []byte, ok bool) {
	for i, b := range chunk {
		switch {
		case f.place == returns && b == '\n':
			f.place = between
			return f.buf[:f.n], chunk[i+1:], true
		case f.place == ended && b == '\r':
			f.place = returns
		case f.place == within && b == etx:
			f.place = ended
		case f.place == within || f.place == spoilt:
			f.collect(b)
		case b == '/':
			f.n, f.place = 0, begun
		case f.place == begun:
			f.open(b)
		default:
			f.place = between
		}
	}
	return nil, nil, false
}

// open takes the two bytes that every answer begins with.
func (f *ReplyFramer) open(b byte) {
	f.buf[f.n] = b
	f.n++
	switch {
	case f.n == 1 && Address(b) == Master:
	case f.n == 2 && Status(b).valid():
		f.place = within
	default:
		f.place = between
	}
}

// collect takes data. A slash is data unless the host's address follows it.
func (f *ReplyFramer) collect(b byte) {
	switch {
	case !isPrintable(b):
		f.place = between
	case f.place == spoilt:
	case f.n == len(f.buf) || f.n > 2 && Address(b) == Master && f.buf[f.n-1] == '/':
		f.place = spoilt
	default:
		f.buf[f.n] = b
		f.n++
	}
}
