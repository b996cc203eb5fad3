package decode

import (
	"bytes"
	"errors"
)

// line recognises text that ends with CR LF: f cuts it, and say tells one line, or that it is none.
func line(b []byte, maximum int, f framer, say func(line []byte) (Frame, bool)) (Frame, int) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		if len(b) > maximum+1 || !mayBecomeLine(f, b) {
			return Frame{}, -len(b)
		}
		return Frame{}, 0
	}
	if text, ok := cut(f, b[:end+1]); ok {
		if frame, ok := say(text); ok {
			return frame, end + 1
		}
	}
	return Frame{}, -(end + 1)
}

// mayBecomeLine reports whether f still takes b for a line when its end comes.
func mayBecomeLine(f framer, b []byte) bool {
	ending := "\r\n"
	if b[len(b)-1] == '\r' {
		if ending = "\n"; len(b) == 1 {
			return true
		}
	}
	_, ok := cut(f, append(bytes.Clone(b), ending...))
	return ok
}

// unusable tells of a line that is whole and whose weight is in a unit that nothing is dosed in.
func unusable(text []byte, err, unit error) (Frame, bool) {
	if !errors.Is(err, unit) {
		return Frame{}, false
	}
	return Frame{Kind: Error, Error: "unit", Text: string(text)}, true
}
