// Package lines cuts what an instrument sends into lines ended by CR LF, the frame of most balances' protocols. What is
// not exactly a line is dropped.
package lines

// Max is the longest line that is kept, without its CR LF.
const Max = 254

// A Framer cuts a stream of bytes into lines ended by CR LF. It keeps nothing of a line with a byte that is not
// printable ASCII (NUL is what a parity error looks like), of one that is too long, or of one without its CR.
//
// The zero Framer does not know where a line begins and drops everything up to the first line end.
type Framer struct {
	// Control is one control character that a line may hold all the same; 0 is none.
	Control byte

	line   [Max + 1]byte
	n      int
	synced bool
	broken bool
}

// Sync says that the next byte begins a line: the stream has just been silent or was flushed.
func (f *Framer) Sync() { f.n, f.synced, f.broken = 0, true, false }

// Lose forgets the present line and drops everything up to the next line end: bytes were lost.
func (f *Framer) Lose() { f.n, f.synced, f.broken = 0, false, false }

// Next takes bytes of chunk up to the end of one line. It returns the line without CR LF, valid until the next call,
// and the bytes not yet taken. When ok is false all of chunk was taken. Call it until then.
func (f *Framer) Next(chunk []byte) (line, rest []byte, ok bool) {
	for i, b := range chunk {
		if b != '\n' {
			f.keep(b)
			continue
		}
		whole := f.synced && !f.broken && f.n > 0 && f.line[f.n-1] == '\r'
		n := f.n - 1
		f.Sync()
		if whole && n > 0 {
			return f.line[:n], chunk[i+1:], true
		}
	}
	return nil, nil, false
}

func (f *Framer) keep(b byte) {
	afterCR := f.n > 0 && f.line[f.n-1] == '\r'
	if f.n == len(f.line) || afterCR || !f.allowed(b) {
		f.broken = true
		return
	}
	f.line[f.n] = b
	f.n++
}

func (f *Framer) allowed(b byte) bool {
	return b >= ' ' && b <= '~' || b == '\r' || (b == f.Control && b != 0)
}
