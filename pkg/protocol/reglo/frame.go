package reglo

// MaxLine is the longest line that is taken for an answer or a request, without its end.
const MaxLine = 128

func printable(b byte) bool { return b >= ' ' && b <= '~' }

func digit(b byte) bool { return b >= '0' && b <= '9' }

// Kind is what a pump says.
type Kind byte

// The kinds. The first four are whole answers of one character.
const (
	Done   Kind = '*'
	Failed Kind = '#'
	Yes    Kind = '+'
	No     Kind = '-' // of H: impossible, and CannotRun says why
	Line   Kind = 'L'
	Event  Kind = '^' // unasked
)

// Status reports whether k is an answer of one character.
func (k Kind) Status() bool { return k == Done || k == Failed || k == Yes || k == No }

// Token is one answer or one event.
type Token struct {
	Kind Kind
	Text []byte // of a Line or an Event, without its end; valid until the framer's next call
}

// A ReplyFramer cuts what a pump sends into tokens. The characters of a status mean one only where a line would begin.
// The zero ReplyFramer takes the next byte for the beginning of an answer.
type ReplyFramer struct {
	line   [MaxLine + 1]byte
	n      int
	broken bool
}

// Reset says that the next byte begins an answer: what had begun has been followed by silence.
func (f *ReplyFramer) Reset() { f.n, f.broken = 0, false }

// Lose drops everything up to the next line end: bytes were lost.
func (f *ReplyFramer) Lose() { f.n, f.broken = 0, true }

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
	if f.n == 0 && !f.broken && Kind(b).Status() {
		return Token{Kind: Kind(b)}, true
	}
	afterCR := f.n > 0 && f.line[f.n-1] == '\r'
	if b == '\n' && afterCR {
		return f.end()
	}
	if f.n == len(f.line) {
		f.n, f.broken = 0, true // the end of a line that is too long is found all the same
	}
	if afterCR || (b != '\r' && !printable(b)) {
		f.broken = true
	}
	f.line[f.n] = b
	f.n++
	return Token{}, false
}

// end returns the line, unless it is broken or empty. Only CR and LF together end a line, also a broken one: otherwise
// the rest of a line would look like a whole one.
func (f *ReplyFramer) end() (Token, bool) {
	text, whole := f.line[:f.n-1], !f.broken && f.n > 1
	f.Reset()
	if !whole {
		return Token{}, false
	}
	if text[0] == byte(Event) {
		return Token{Kind: Event, Text: text}, true
	}
	return Token{Kind: Line, Text: text}, true
}

// AppendStatus appends an answer of one character.
func AppendStatus(dst []byte, k Kind) []byte { return append(dst, byte(k)) }

// AppendLine appends an answer or an event. The text must be printable ASCII, 1 to MaxLine bytes.
func AppendLine(dst []byte, text string) []byte { return append(append(dst, text...), '\r', '\n') }

// A RequestFramer cuts what a host sends into lines ended by CR. A line with a byte that is not printable ASCII is
// dropped. The zero RequestFramer is ready.
type RequestFramer struct {
	line   [MaxLine]byte
	n      int
	broken bool
}

// Reset forgets a line that has begun.
func (f *RequestFramer) Reset() { f.n, f.broken = 0, false }

// Next takes bytes of chunk up to the end of one line and returns it without its CR, valid until the next call, with
// the bytes not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *RequestFramer) Next(chunk []byte) (line, rest []byte, ok bool) {
	for i, b := range chunk {
		if b != '\r' {
			f.keep(b)
			continue
		}
		n, whole := f.n, !f.broken && f.n > 0
		f.Reset()
		if whole {
			return f.line[:n], chunk[i+1:], true
		}
	}
	return nil, nil, false
}

func (f *RequestFramer) keep(b byte) {
	if f.n == len(f.line) || !printable(b) {
		f.broken = true
		return
	}
	f.line[f.n] = b
	f.n++
}
