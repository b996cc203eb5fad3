package decode

import (
	"errors"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/protocol/linescan"
)

func scanLine(b []byte, _ About) (Frame, int) {
	end, n := codeEnd(b)
	ends := end + 1 // with the byte by which the framer knows the end
	if b[0] == stx {
		if e := skipTo(b[:end], func(c byte) bool { return c == etx }); e < end {
			ends, n = e+1, e+1+suffix(b[e+1:])
		}
	}
	switch {
	case n == 0 && end > linescan.MaxLine:
		return Frame{}, -end
	case n == 0:
		return Frame{}, 0
	}
	var f linescan.Framer
	f.Restart()
	text, ok := cut(&f, b[:ends])
	if !ok {
		return Frame{}, -n
	}
	frame, ok := tellScan(text)
	if !ok {
		return Frame{}, -n
	}
	return frame, n
}

// suffix is the size of the line end at the front of b.
func suffix(b []byte) int {
	end, n := codeEnd(b)
	if end > 0 {
		return 0
	}
	return n
}

// codeEnd is where the text ends and where the next one begins, 0 when its CR or LF has not come.
func codeEnd(b []byte) (end, next int) {
	end = skipTo(b, func(c byte) bool { return c == '\r' || c == '\n' })
	switch {
	case end == len(b):
		return end, 0
	case b[end] == '\r' && end+1 < len(b) && b[end+1] == '\n':
		return end, end + 2
	}
	return end, end + 1
}

func tellScan(text []byte) (Frame, bool) {
	c, err := linescan.Decode(text)
	if err != nil {
		return Frame{}, false
	}
	return Frame{Kind: Scan, Text: c.Text, Symbology: c.Symbology}, true
}

// whole recognises a code that ends with its line or, when there is no line end, with the bytes.
func whole(tell func(text string, a About) Frame) recogniser {
	return func(b []byte, a About) (Frame, int) {
		end, n := codeEnd(b)
		switch {
		case end == 0:
			return Frame{}, -n
		case n == 0:
			n = end
		}
		return tell(string(b[:end]), a), n
	}
}

// judged is a code and whether it is one. A code that is not yields nothing but the reason.
func judged(f Frame, err error) Frame {
	if err != nil {
		return Frame{Kind: Scan, Valid: some(false), Reason: err.Error()}
	}
	f.Kind, f.Valid = Scan, some(true)
	return f
}

// withoutPrefix takes the AIM identifier of a symbology that is no other system's off.
func withoutPrefix(text string) (symbology, rest string) {
	if c, err := linescan.Decode([]byte(text)); err == nil {
		return c.Symbology, c.Text
	}
	return "", text
}

func cardCode(b []byte, a About) (Frame, int) {
	return whole(func(text string, _ About) Frame {
		symbology, rest := withoutPrefix(text)
		c, err := cardcode.Parse(strings.TrimSpace(rest))
		if errors.Is(err, cardcode.ErrCheck) {
			return Frame{Kind: Scan, Valid: some(false), Reason: err.Error(), Symbology: symbology, Checksum: Bad}
		}
		f := judged(Frame{Text: c.String(), Symbology: symbology, Checksum: Good}, err)
		if err == nil {
			f.Fields = map[string]string{"kind": cardKind(c.Kind)}
		}
		return f
	})(b, a)
}

func cardKind(k cardcode.Kind) string {
	switch k {
	case cardcode.Patient:
		return "patient"
	case cardcode.Staff:
		return "staff"
	}
	return "bottle"
}
