package knf

import "strconv"

const (
	stx = 0x02
	etx = 0x03
	ack = 0x06
	nak = 0x15
	// blind is what a pump takes for any check byte. It is never sent from here.
	blind = 'U'
)

// MaxText is the longest text between STX and ETX.
const MaxText = 64

// Checksum is the check byte of a frame: everything from STX to ETX, one over the other.
func Checksum(frame []byte) byte {
	var sum byte
	for _, b := range frame {
		sum ^= b
	}
	return sum
}

func printable(b byte) bool { return b >= ' ' && b <= '~' }

// Kind is what a pump says.
type Kind byte

// The kinds.
const (
	Ack  Kind = ack // done, or data follow
	Nak  Kind = nak // refused: a number, a form or the present state does not allow it
	Data Kind = stx // what was asked for; an Ack came before
)

func (k Kind) String() string {
	switch k {
	case Ack:
		return "ACK"
	case Nak:
		return "NAK"
	case Data:
		return "data"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Token is one piece of an answer. A query is answered by two, Ack and Data.
type Token struct {
	Kind Kind
	Text []byte // of Data; valid until the framer's next call
}

// place is where in a frame the next byte stands.
type place byte

const (
	outside place = iota
	behindAck
	inside
	atCheck
)

// A ReplyFramer cuts what a pump sends into tokens. Data counts only directly behind an ACK and with the right check
// byte, which may look like any other byte, ETX too. The zero ReplyFramer is ready.
type ReplyFramer struct {
	text [MaxText]byte
	n    int
	sum  byte
	at   place
}

// Reset forgets an answer that has begun.
func (f *ReplyFramer) Reset() { f.at = outside }

// Next takes bytes of chunk up to the end of one token and returns it with the bytes not yet taken. When ok is false
// all of chunk was taken. Call it until then.
func (f *ReplyFramer) Next(chunk []byte) (t Token, rest []byte, ok bool) {
	for i, b := range chunk {
		if t, ok := f.take(b); ok {
			return t, chunk[i+1:], true
		}
	}
	return Token{}, nil, false
}

func (f *ReplyFramer) take(b byte) (Token, bool) {
	at := f.at
	f.at = outside
	switch {
	case at == behindAck && b == stx:
		f.at, f.n, f.sum = inside, 0, stx
		return Token{}, false
	case at == inside && b == etx:
		f.at, f.sum = atCheck, f.sum^etx
		return Token{}, false
	case at == inside && printable(b) && f.n < len(f.text):
		f.text[f.n] = b
		f.at, f.n, f.sum = inside, f.n+1, f.sum^b
		return Token{}, false
	case at == atCheck && b == f.sum:
		return Token{Kind: Data, Text: f.text[:f.n]}, true
	}
	// Whatever had begun has broken off; this byte may begin the next answer.
	switch b {
	case ack:
		f.at = behindAck
		return Token{Kind: Ack}, true
	case nak:
		return Token{Kind: Nak}, true
	}
	return Token{}, false
}

// AppendAck appends the answer to a command that was carried out.
func AppendAck(dst []byte) []byte { return append(dst, ack) }

// AppendNak appends the answer to a request that was refused.
func AppendNak(dst []byte) []byte { return append(dst, nak) }

// AppendReply appends the answer to a query. The text must be printable ASCII, at most MaxText bytes.
func AppendReply(dst []byte, text string) []byte {
	return appendFrame(append(dst, ack), text)
}

func appendFrame(dst []byte, text string) []byte {
	start := len(dst)
	dst = append(append(append(dst, stx), text...), etx)
	return append(dst, Checksum(dst[start:]))
}

// A RequestFramer cuts what a host sends into requests, as a pump does: the newest STX wins, and the check byte must be
// right or the letter that stands for any. The zero RequestFramer is ready.
type RequestFramer struct {
	text [MaxText]byte
	n    int
	sum  byte
	at   place
}

// Reset forgets a request that has begun.
func (f *RequestFramer) Reset() { f.at = outside }

// Next takes bytes of chunk up to the end of one request and returns it with the bytes not yet taken. When ok is false
// all of chunk was taken. Call it until then.
func (f *RequestFramer) Next(chunk []byte) (r Request, rest []byte, ok bool) {
	for i, b := range chunk {
		if !f.take(b) {
			continue
		}
		if r, ok := decodeRequest(f.text[:f.n]); ok {
			r.Unchecked = b != f.sum
			return r, chunk[i+1:], true
		}
	}
	return Request{}, nil, false
}

// take reports whether b ended a request.
func (f *RequestFramer) take(b byte) bool {
	at := f.at
	f.at = outside
	switch {
	case at == inside && b == etx:
		f.at, f.sum = atCheck, f.sum^etx
	case at == inside && printable(b) && f.n < len(f.text):
		f.text[f.n] = b
		f.at, f.n, f.sum = inside, f.n+1, f.sum^b
	case at == atCheck && (b == f.sum || b == blind):
		return true
	case b == stx:
		f.at, f.n, f.sum = inside, 0, stx
	}
	return false
}

// Request is one message to a pump.
type Request struct {
	Address   int // 0 to 98; Broadcast reaches every pump, and none answers
	Command   Command
	Unchecked bool // it came with the letter that stands for any check byte
}

// Addresses.
const (
	MaxAddress = 98
	Broadcast  = 99
)

func decodeRequest(text []byte) (Request, bool) {
	if len(text) < 3 || !digit(text[0]) || !digit(text[1]) {
		return Request{}, false
	}
	return Request{Address: int(text[0]-'0')*10 + int(text[1]-'0'), Command: Command(text[2:])}, true
}

// AppendRequest appends c for the pump with that address, with its check byte.
func AppendRequest(dst []byte, address int, c Command) []byte {
	return appendFrame(dst, string([]byte{byte('0' + address/10), byte('0' + address%10)})+string(c))
}

func digit(b byte) bool { return b >= '0' && b <= '9' }
