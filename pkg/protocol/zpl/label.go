package zpl

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors of making a label.
var (
	ErrText  = errors.New("text that a label cannot hold")
	ErrPlace = errors.New("outside the label")
)

// Bounds of a label, in dots.
const (
	maxDots = 32000
	maxText = 1024 // bytes of one field
)

// Label is a label in the making. The first thing that does not fit is reported by Bytes.
type Label struct {
	width, length int
	body          []byte
	err           error
}

// New begins a label of that many dots.
func New(width, length int) *Label {
	l := &Label{width: width, length: length}
	if width < 1 || width > maxDots || length < 1 || length > maxDots {
		l.err = fmt.Errorf("label of %d × %d dots: %w", width, length, ErrPlace)
	}
	return l
}

// Text puts one line of text at a place, in the printer's own font of that height in dots. The font has no Vietnamese:
// text for people is a Graphic.
func (l *Label) Text(x, y, height int, text string) {
	l.field(x, y, text, "^A0N,%d,%d^FH^FD%s^FS", height, height, escape(text))
}

// QR puts a QR code, each of its squares size dots wide, with error correction M.
func (l *Label) QR(x, y, size int, text string) {
	if size < 1 || size > 10 {
		l.fail(fmt.Errorf("QR squares of %d dots: %w", size, ErrPlace))
		return
	}
	l.field(x, y, text, "^BQN,2,%d^FH^FDMA,%s^FS", size, escape(text))
}

// Code128 puts a Code 128 bar code of that height with its narrowest bar of module dots. Its text is printable ASCII
// without the character >, by which the printer would change its alphabet.
func (l *Label) Code128(x, y, height, module int, text string) {
	if module < 1 || module > 10 || strings.ContainsFunc(text, func(r rune) bool { return r > '~' || r == '>' }) {
		l.fail(fmt.Errorf("bar code: %w", ErrText))
		return
	}
	l.field(x, y, text, "^BY%d^BCN,%d,N,N,N^FH^FD%s^FS", module, height, escape(text))
}

// Graphic puts black and white dots, rowBytes bytes to a row, the leftmost dot in the highest bit, black being 1.
func (l *Label) Graphic(x, y, rowBytes int, dots []byte) {
	if rowBytes < 1 || len(dots) == 0 || len(dots)%rowBytes != 0 {
		l.fail(fmt.Errorf("graphic of %d bytes in rows of %d: %w", len(dots), rowBytes, ErrPlace))
		return
	}
	if x+8*rowBytes > (l.width+7)&^7 || y+len(dots)/rowBytes > l.length {
		l.fail(fmt.Errorf("graphic: %w", ErrPlace))
		return
	}
	l.place(x, y, "^GFA,%d,%d,%d,%s^FS", len(dots), len(dots), rowBytes, compress(rowBytes, dots))
}

// field puts a field that holds text.
func (l *Label) field(x, y int, text, format string, args ...any) {
	if err := checkText(text); err != nil {
		l.fail(err)
		return
	}
	l.place(x, y, format, args...)
}

func (l *Label) place(x, y int, format string, args ...any) {
	if x < 0 || x >= l.width || y < 0 || y >= l.length {
		l.fail(fmt.Errorf("field at %d, %d: %w", x, y, ErrPlace))
		return
	}
	l.body = fmt.Appendf(l.body, "^FO%d,%d"+format+"\n", append([]any{x, y}, args...)...)
}

func (l *Label) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// Bytes returns what is sent to the printer to print the label once, or the first error in making it.
func (l *Label) Bytes() ([]byte, error) {
	if l.err != nil {
		return nil, l.err
	}
	b := fmt.Appendf(nil, "^XA^CI28^PW%d^LL%d^LH0,0\n", l.width, l.length)
	b = append(b, l.body...)
	return append(b, "^PQ1^XZ\n"...), nil
}

func checkText(text string) error {
	if text == "" || len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return ErrText
	}
	return nil
}

const hexDigits = "0123456789ABCDEF"

// escape writes the characters that mean something to the printer as _ and two digits, which ^FH allows.
func escape(text string) string {
	var out strings.Builder
	for i := range len(text) {
		switch c := text[i]; c {
		case '^', '~', '\\', '_':
			out.WriteByte('_')
			out.WriteByte(hexDigits[c>>4])
			out.WriteByte(hexDigits[c&15])
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// unescape undoes escape, for any byte.
func unescape(text string) (string, error) {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '_' {
			out = append(out, text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", ErrText
		}
		hi, lo := strings.IndexByte(hexDigits, text[i+1]), strings.IndexByte(hexDigits, text[i+2])
		if hi < 0 || lo < 0 {
			return "", ErrText
		}
		out = append(out, byte(hi<<4|lo))
		i += 2
	}
	return string(out), nil
}

// compress writes dots in hexadecimal: a comma is zeros to the end of the row, a colon the row before once more.
func compress(rowBytes int, dots []byte) string {
	var (
		out    strings.Builder
		before []byte
	)
	for len(dots) > 0 {
		row := dots[:rowBytes]
		dots = dots[rowBytes:]
		if string(row) == string(before) {
			out.WriteByte(':')
			continue
		}
		before = row
		n := rowBytes
		for n > 0 && row[n-1] == 0 {
			n--
		}
		for _, b := range row[:n] {
			out.WriteByte(hexDigits[b>>4])
			out.WriteByte(hexDigits[b&15])
		}
		if n < rowBytes {
			out.WriteByte(',')
		}
	}
	return out.String()
}

// expand undoes compress; total is how many bytes must come out.
func expand(rowBytes, total int, text string) ([]byte, error) {
	var (
		dots []byte
		high = -1 // the first digit of a pair
	)
	for i := range len(text) {
		start := len(dots) % rowBytes
		switch c := text[i]; {
		case len(dots) >= total:
			return nil, ErrUnreadable
		case c == ',' && high < 0:
			dots = append(dots, make([]byte, rowBytes-start)...)
		case c == ':' && high < 0 && start == 0 && len(dots) >= rowBytes:
			dots = append(dots, dots[len(dots)-rowBytes:]...)
		default:
			v := strings.IndexByte(hexDigits, c)
			switch {
			case v < 0:
				return nil, ErrUnreadable
			case high < 0:
				high = v
			default:
				dots, high = append(dots, byte(high<<4|v)), -1
			}
		}
	}
	if len(dots) != total || high >= 0 {
		return nil, ErrUnreadable
	}
	return dots, nil
}
